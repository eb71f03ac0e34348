"""
Tests for L{txgearman.client.delivery} and L{txgearman.client.pool}: how jobs
find a server, whatever becomes of servers.
"""

from __future__ import annotations

import gc
from collections.abc import Sequence
from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.trial.unittest import SynchronousTestCase

from tests.client.stage import Line, Packet, Stage, now
from txgearman.client.choice import RoundRobin
from txgearman.client.job import JobData, JobProgress, JobWarning
from txgearman.client.submission import Submission
from txgearman.connection.servers import Server
from txgearman.errors import JobException, JobFailed, JobLost, NoServers, ServerError

JOB: Packet = ("SUBMIT_JOB", b"f", b"", b"x")


class DeliveryTests(SynchronousTestCase):
    """
    Jobs to one of two servers.
    """

    def setUp(self) -> None:
        self.stage = Stage(self, "one", "two")
        self.one, self.two = self.stage.hosts

    def submits(self, **options: Any) -> Deferred[Any]:
        """
        Start the client and submit a job.
        """
        self.stage.starts()
        return self.stage.submits("f", b"x", **options)

    def assertAsked(self, line: Line) -> None:
        """
        A job was submitted on a connection.
        """
        self.assertEqual(line.takes(), [JOB])

    def test_first(self) -> None:
        """
        A job goes to the first server in the order, and says which has it.
        """
        submitted = self.submits()
        self.assertAsked(self.one.line)
        self.assertNoResult(submitted)
        self.one.line.has(b"H:1")
        job = now(submitted)
        self.assertEqual((job.handle, job.server), (b"H:1", "one"))
        self.assertEqual(self.two.line.takes(), [])

    def test_down(self) -> None:
        """
        A server that is down is passed over, and used when it is up.
        """
        self.one.up = False
        self.submits()
        self.assertAsked(self.two.line)
        self.one.up = True
        self.stage.passes(1, 0)
        self.stage.submits("f", b"x")
        self.assertAsked(self.one.line)

    def test_waits(self) -> None:
        """
        A job waits until it is known of each server whether it is there.
        """
        self.one.up = None
        self.submits()
        self.assertEqual(self.two.line.takes(), [])
        self.stage.passes(10)
        self.assertAsked(self.two.line)

    def test_waitsForAny(self) -> None:
        """
        A job waits for a server to come.
        """
        self.one.up = self.two.up = False
        submitted = self.submits()
        self.stage.passes(1, 1, 1)
        self.assertNoResult(submitted)
        self.two.up = True
        self.stage.passes(1, 0)
        self.assertAsked(self.two.line)

    def test_noServers(self) -> None:
        """
        When no server comes in time, the job fails and says whom it waited for.
        """
        self.one.up = False
        self.two.up = None
        submitted = self.submits()
        self.stage.passes(9.9)
        self.assertNoResult(submitted)
        self.stage.passes(0.1)
        error = self.assertRaises(NoServers, now, submitted)
        refused = "Connection was refused by other side: nobody there"
        said = f"cannot reach one ({refused}), two (no answer)"
        self.assertEqual(str(error), said)

    def test_choice(self) -> None:
        """
        A choice decides about each job.
        """
        self.stage = Stage(self, "one", "two", choice=RoundRobin())
        self.submits()
        self.stage.submits("f", b"x")
        for host in self.stage.hosts:
            self.assertAsked(host.line)

    def test_choosesNone(self) -> None:
        """
        A choice may leave servers out; when it leaves out each that is there, a
        job has nowhere to go.
        """

        class OnlyTwo:
            def order(
                self, submission: Submission, servers: Sequence[Server]
            ) -> Sequence[Server]:
                return servers[1:]

        self.stage = Stage(self, "one", "two", choice=OnlyTwo())
        self.submits()
        self.assertAsked(self.stage.hosts[1].line)
        self.stage.hosts[1].goes()
        self.assertRaises(NoServers, now, self.stage.submits("f", b"x"))

    def test_waitsOnce(self) -> None:
        """
        A server that a job waited for in vain is not waited for again while there
        is another; when it comes it is used.
        """
        self.one.up = None
        self.submits()
        self.stage.passes(10)
        self.assertAsked(self.two.line)
        self.stage.submits("f", b"x")
        self.assertAsked(self.two.line)
        self.two.goes()
        submitted = self.stage.submits("f", b"x")
        self.stage.passes(9.9)
        self.assertNoResult(submitted)
        self.stage.passes(0.1)
        self.assertRaises(NoServers, now, submitted)

    def test_waitsAfresh(self) -> None:
        """
        A client that starts again waits for all of its servers again.
        """
        self.one.up = None
        self.submits()
        self.stage.passes(10)
        self.stage.client.stopService()
        self.stage.passes(0, 0)
        self.stage.starts()
        self.stage.submits("f", b"x")
        self.assertEqual(self.two.line.takes(), [])
        self.stage.passes(10)
        self.assertAsked(self.two.line)

    def test_waitsLeaveNothing(self) -> None:
        """
        Waits that were given up leave nothing behind.
        """
        self.one.up = self.two.up = None
        stage = self.stage.starts()

        def kept() -> int:
            gc.collect()
            return sum(type(thing) is Deferred for thing in gc.get_objects())

        before = kept()
        for _ in range(20):
            waiting = stage.client.whenConnected()
            waiting.addErrback(lambda failure: None)
            waiting.cancel()
        self.assertLess(kept() - before, 20)

    def test_waitsGoTogether(self) -> None:
        """
        Who has waited may make another give up who waited for the same.
        """
        stage = self.stage
        stage.client.startService()
        one, two, three = [stage.client.whenConnected() for _ in range(3)]
        one.addCallback(lambda _: two.cancel())
        stage.passes(0, 0)
        self.assertIsNone(now(one))
        self.assertRaises(CancelledError, now, two)
        self.assertEqual(now(three), ["one", "two"])

    def test_lostBefore(self) -> None:
        """
        A job whose connection is lost before the reply goes to another server.
        """
        submitted = self.submits()
        self.one.line.breaks()
        self.assertAsked(self.two.line)
        self.two.line.has(b"H:2")
        self.assertEqual(now(submitted).server, "two")

    def test_lostAgain(self) -> None:
        """
        A job whose connections are lost again and again is given up.
        """
        stage = self.stage = Stage(self)
        submitted = self.submits()
        for _ in range(6):
            self.assertNoResult(submitted)
            self.assertAsked(stage.line)
            stage.line.breaks()
            stage.passes(1, 0)
        self.assertRaises(JobLost, now, submitted)
        self.assertEqual(stage.line.takes(), [])

    def test_lostAfter(self) -> None:
        """
        A job that a server had is lost with it.
        """
        submitted = self.submits()
        self.one.line.has(b"H:1")
        done = now(submitted).whenDone()
        self.one.goes()
        error = self.assertRaises(JobLost, now, done)
        self.assertEqual(error.handle, b"H:1")
        self.assertEqual(self.two.line.takes(), [])

    def test_resubmit(self) -> None:
        """
        A job that is to be submitted anew goes on at another server.
        """
        submitted = self.submits(resubmit=True)
        self.one.line.has(b"H:1")
        job = now(submitted)
        done = job.whenDone()
        self.one.goes()
        self.assertAsked(self.two.line)
        self.two.line.has(b"H:2")
        self.assertEqual((job.handle, job.server), (b"H:2", "two"))
        self.two.line.sends("WORK_COMPLETE", b"H:2", b"y")
        self.assertEqual(now(done), b"y")

    def test_resubmitAgain(self) -> None:
        """
        A job that was submitted anew again and again is lost in the end.
        """
        stage = self.stage = Stage(self)
        submitted = self.submits(resubmit=True)
        stage.line.has(b"H:0")
        done = now(submitted).whenDone()
        for number in range(1, 6):
            stage.line.breaks()
            stage.passes(1, 0)
            self.assertNoResult(done)
            self.assertAsked(stage.line)
            stage.line.has(b"H:%d" % number)
        stage.line.breaks()
        stage.passes(1, 0)
        self.assertEqual(self.assertRaises(JobLost, now, done).handle, b"H:5")
        self.assertEqual(stage.line.takes(), [])

    def test_tooLarge(self) -> None:
        """
        A packet larger than the client takes ends the connection, and the job.
        """
        stage = self.stage = Stage(self, maxPacket=100)
        submitted = self.submits()
        stage.line.has(b"H:1")
        done = now(submitted).whenDone()
        stage.line.sends("WORK_DATA", b"H:1", b"x" * 96)
        self.assertNoResult(done)
        stage.line.sends("WORK_COMPLETE", b"H:1", b"x" * 97)
        stage.passes(0, 0)
        self.assertRaises(JobLost, now, done)

    def test_resubmitFails(self) -> None:
        """
        A job that cannot be submitted anew fails as it would have the first
        time.
        """
        self.stage = Stage(self, "one", "two", resubmit=True)
        self.one, self.two = self.stage.hosts
        submitted = self.submits()
        self.one.line.has(b"H:1")
        done = now(submitted).whenDone()
        self.one.goes()
        self.two.line.sends("ERROR", b"QUEUE_ERROR", b"full")
        self.assertRaises(ServerError, now, done)

    def test_resubmitStopped(self) -> None:
        """
        When the client is stopped nothing is submitted anew.
        """
        submitted = self.submits(resubmit=True)
        self.one.line.has(b"H:1")
        done = now(submitted).whenDone()
        self.stage.client.stopService()
        self.stage.passes(0, 0)
        self.assertRaises(JobLost, now, done)

    def test_refused(self) -> None:
        """
        A job that a server does not take fails.
        """
        submitted = self.submits()
        self.one.line.sends("ERROR", b"QUEUE_ERROR", b"full")
        error = self.assertRaises(ServerError, now, submitted)
        self.assertEqual(error.code, b"QUEUE_ERROR")
        self.assertEqual(self.two.line.takes(), [])

    def test_shuttingDown(self) -> None:
        """
        A server that is about to shut down is passed over; when all are, the
        job fails.
        """
        submitted = self.submits()
        self.one.line.sends("ERROR", b"SHUTDOWN_GRACEFUL", b"bye")
        self.assertAsked(self.two.line)
        self.assertNoResult(submitted)
        self.two.line.sends("ERROR", b"SHUTDOWN_GRACEFUL", b"bye")
        error = self.assertRaises(ServerError, now, submitted)
        self.assertEqual(error.code, b"SHUTDOWN_GRACEFUL")

    def test_news(self) -> None:
        """
        The job hears what happens to it, and how it ends.
        """
        for name, data, kind in [
            ("WORK_FAIL", (), JobFailed),
            ("WORK_EXCEPTION", (b"oh",), JobException),
        ]:
            self.setUp()
            events: list[object] = []
            submitted = self.submits(
                onData=lambda data: events.append(JobData(data)),  # noqa: B023
                onWarning=lambda data: events.append(JobWarning(data)),  # noqa: B023
                onStatus=lambda *of: events.append(JobProgress(*of)),  # noqa: B023
            )
            line = self.one.line
            line.has(b"H:1")
            line.sends("WORK_DATA", b"H:1", b"d")
            line.sends("WORK_WARNING", b"H:1", b"w")
            line.sends("WORK_STATUS", b"H:1", b"1", b"2")
            line.sends(name, b"H:1", *data)
            self.assertEqual(
                events, [JobData(b"d"), JobWarning(b"w"), JobProgress(1, 2)]
            )
            error = self.assertRaises(kind, now, now(submitted).whenDone())
            self.assertEqual(error.handle, b"H:1")

    def test_cancelledBefore(self) -> None:
        """
        A job that was forgotten before the reply is of no concern when the
        reply comes, of whatever kind; the others in line get theirs.
        """
        for reply in (("JOB_CREATED", b"H:1"), ("ERROR", b"QUEUE_ERROR", b"full")):
            self.setUp()
            submitted = self.submits()
            other = self.stage.submits("f", b"x")
            submitted.cancel()
            self.assertRaises(CancelledError, now, submitted)
            self.one.line.sends(*reply)
            self.one.line.has(b"H:2")
            job = now(other)
            self.assertEqual(job.handle, b"H:2")
            self.one.line.sends("WORK_COMPLETE", b"H:1", b"")
            self.one.goes()
            self.assertRaises(JobLost, now, job.whenDone())
