"""
Tests for L{txgearman.client.client}.
"""

from __future__ import annotations

import gc
from datetime import UTC, datetime
from typing import Any

from twisted.application.service import IService, MultiService
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.testing import MemoryReactorClock
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from tests.client.stage import Packet, Stage, now
from tests.client.test_job import Listener
from txgearman.board.job import Priority
from txgearman.client.client import Client
from txgearman.codecs import JSON
from txgearman.errors import (
    BackgroundJob,
    BadSetting,
    JobLost,
    JobTimeout,
    NoServers,
    ServerError,
)


class ServiceTests(SynchronousTestCase):
    """
    A client's life.
    """

    def test_service(self) -> None:
        """
        It is a service, and starts and stops with its parent.
        """
        stage = Stage(self, "one", "two")
        verifyObject(IService, stage.client)
        application = MultiService()
        stage.client.setServiceParent(application)
        application.startService()
        stage.passes(0, 0)
        self.assertTrue(all(host.line.open for host in stage.hosts))
        stopped = application.stopService()
        stage.passes(0, 0)
        now(stopped)
        self.assertFalse(any(host.line.open for host in stage.hosts))

    def test_settings(self) -> None:
        """
        A server or a name that makes no sense is refused at once.
        """
        reactor = MemoryReactorClock()
        self.assertRaises(BadSetting, Client, reactor, "a:0")
        self.assertRaises(ValueError, Client, reactor, "a", namespace="\0")
        self.assertRaises(ValueError, Client, reactor, "a", clientId="\0")

    def test_namedTwice(self) -> None:
        """
        A server that is named twice is one server.
        """
        client = Client(MemoryReactorClock(), "a,b,a,b")
        self.assertEqual(client.servers, ["a", "b"])

    def test_notStarted(self) -> None:
        """
        Without being started nothing is reached, nor after it was stopped.
        """
        stage = Stage(self)
        client = stage.client
        for _ in range(2):
            for asked in (
                client.call("f", b""),
                stage.submits("f", b""),
                client.whenConnected(),
                client.status(b"H:1"),
                client.cancel(b"H:1"),
                client.echo(b""),
                client.ping(),
            ):
                self.assertRaises(NoServers, now, asked)
            stage.starts()
            client.stopService()
            stage.passes(0, 0)

    def test_whenConnected(self) -> None:
        """
        It can be waited for that servers are there.
        """
        stage = Stage(self, "one", "two", "three")
        stage.hosts[1].up = False
        waiting = stage.client.whenConnected()
        self.assertRaises(NoServers, now, waiting)
        stage.client.startService()
        waiting = stage.client.whenConnected()
        self.assertNoResult(waiting)
        stage.passes(0, 0)
        self.assertEqual(now(waiting), ["one", "three"])

    def test_stoppedWhenConnected(self) -> None:
        """
        One may stop the client the moment a server is there.
        """
        client = (stage := Stage(self)).client
        client.startService()
        waiting = client.whenConnected()
        stopped = waiting.addCallback(lambda _: client.stopService())
        stage.passes(0, 0, 0, 0)
        self.assertIsNone(now(stopped))
        self.assertFalse(stage.line.open)

    def test_withoutRetry(self) -> None:
        """
        One need not wait for servers that were tried in vain, and learns why they
        cannot be reached.
        """
        stage = Stage(self, "one", "two")
        stage.hosts[0].up = False
        stage.hosts[1].up = False
        stage.client.startService()
        waiting = stage.client.whenConnected(retry=False)
        stage.passes(0, 0)
        error = self.assertRaises(NoServers, now, waiting)
        self.assertIn("one (Connection was refused", str(error))
        stage.hosts[1].up = True
        stage.passes(1, 0)
        self.assertEqual(now(stage.client.whenConnected(retry=False)), ["two"])

    def test_stopped(self) -> None:
        """
        Stopping ends all that is waited for.
        """
        stage = Stage(self).starts()
        done = stage.job().whenDone()
        submitted = stage.submits("f", b"x")
        stopped = stage.client.stopService()
        stage.passes(0, 0)
        self.assertRaises(JobLost, now, done)
        self.assertRaises(NoServers, now, submitted)
        self.assertIsNone(now(stopped))

    def test_stoppedWaiting(self) -> None:
        """
        Stopping ends the wait for a server.
        """
        stage = Stage(self)
        stage.hosts[0].up = False
        submitted = stage.starts().submits("f", b"x")
        self.assertNoResult(submitted)
        stage.client.stopService()
        self.assertRaises(NoServers, now, submitted)

    def test_restarted(self) -> None:
        """
        A client that is started while it stops connects again when it has, and
        uses no connection that is about to be closed. Jobs that were not
        acknowledged are submitted anew.
        """
        stage = Stage(self, "one", "two").starts()
        done = stage.job().whenDone()
        pending = stage.submits("f", b"y")
        stage.line.takes()
        old = [host.line for host in stage.hosts]
        stopped = stage.client.stopService()
        stage.client.startService()
        submitted = stage.submits("f", b"x")
        self.assertEqual([line.takes() for line in old], [[], []])
        stage.passes(0, 0, 0)
        self.assertIsNone(now(stopped))
        self.assertRaises(JobLost, now, done)
        self.assertFalse(any(line.open for line in old))
        self.assertEqual([packet[3] for packet in stage.line.takes()], [b"x", b"y"])
        stage.line.has(b"H:1", b"H:2")
        self.assertEqual(now(submitted).handle, b"H:1")
        self.assertEqual(now(pending).handle, b"H:2")

    def test_restartedOften(self) -> None:
        """
        In whatever order it is started and stopped it ends as was wished last,
        and all who stopped it are told.
        """
        for wishes in ("-+-", "-+-+", "--+", "-++", "-+-+-", "+"):
            stage = Stage(self).starts()
            stopped: list[Deferred[None]] = []
            for wish in wishes:
                if wish == "+":
                    stage.client.startService()
                else:
                    stopped.append(stage.client.stopService())
            stage.passes(0, 0, 0, 0)
            for each in stopped:
                self.assertIsNone(now(each))
            lines = [line for line in stage.hosts[0].lines if line.open]
            self.assertEqual(len(lines), int(wishes.endswith("+")), wishes)

    def test_servers(self) -> None:
        """
        It knows the names of its servers, whether they can be reached or not.
        """
        self.assertEqual(Stage(self, "one", "two").client.servers, ["one", "two"])

    def test_clientId(self) -> None:
        """
        Connections introduce themselves by the client's name.
        """
        stage = Stage(self, clientId="me", exceptions=False).starts()
        self.assertEqual(stage.hosts[0].greetings, [("SET_CLIENT_ID", b"me")])


class SubmitTests(SynchronousTestCase):
    """
    Jobs, as they are asked for.
    """

    def asked(self, stage: Stage, **options: Any) -> Packet:
        """
        What is sent for a job.
        """
        stage.submits("f", b"x", **options)
        (packet,) = stage.line.takes()
        return packet

    def test_options(self) -> None:
        """
        Every option makes the packet that it should.
        """
        stage = Stage(self).starts()
        stage.passes(7.5)
        forms: list[tuple[dict[str, Any], Packet]] = [
            ({"unique": "\xe9"}, ("SUBMIT_JOB", b"f", b"\xc3\xa9", b"x")),
            ({"unique": "-"}, ("SUBMIT_JOB", b"f", b"-", b"x")),
            ({"unique": "#"}, ("SUBMIT_JOB", b"f", b"1030509023", b"x")),
            ({"priority": Priority.HIGH}, ("SUBMIT_JOB_HIGH", b"f", b"", b"x")),
            ({"background": True}, ("SUBMIT_JOB_BG", b"f", b"", b"x")),
            ({"at": 8.2}, ("SUBMIT_JOB_EPOCH", b"f", b"", b"9", b"x")),
            ({"delay": 2}, ("SUBMIT_JOB_EPOCH", b"f", b"", b"10", b"x")),
            (
                {"at": datetime.fromtimestamp(99, UTC)},
                ("SUBMIT_JOB_EPOCH", b"f", b"", b"99", b"x"),
            ),
            ({"reducer": "r"}, ("SUBMIT_REDUCE_JOB", b"f", b"", b"r", b"", b"x")),
        ]
        for options, packet in forms:
            self.assertEqual(self.asked(stage, **options), packet)

    def test_namespace(self) -> None:
        """
        All function names start with the namespace on the wire; the job shows
        its name without it.
        """
        stage = Stage(self, namespace="ns.").starts()
        self.assertEqual(
            self.asked(stage, reducer="r"),
            ("SUBMIT_REDUCE_JOB", b"ns.f", b"", b"ns.r", b"", b"x"),
        )
        submitted = stage.submits(b"g", b"x")
        stage.line.has(b"H:1", b"H:2")
        self.assertEqual(now(submitted).function, "g")

    def test_refused(self) -> None:
        """
        What cannot be asked for fails, and nothing is sent.
        """
        stage = Stage(self).starts()
        refused: list[dict[str, Any]] = [
            {"at": 1, "delay": 1},
            {"at": 1, "priority": Priority.LOW},
            {"at": 1, "reducer": "r"},
            {"unique": "\0"},
        ]
        for options in refused:
            submitted = stage.submits("f", b"x", **options)
            self.assertRaises(ValueError, now, submitted)
        self.assertRaises(TypeError, now, stage.client.call("f", "text"))
        self.assertEqual(stage.line.takes(), [])

    def test_codec(self) -> None:
        """
        Workloads and results are what the codec makes of them.
        """
        stage = Stage(self, codec=JSON).starts()
        listener = Listener()
        called = stage.client.call("f", [1, 2], listener=listener)
        self.assertEqual(stage.line.takes(), [("SUBMIT_JOB", b"f", b"", b"[1,2]")])
        stage.line.has(b"H:1")
        stage.line.sends("WORK_DATA", b"H:1", b"1")
        stage.line.sends("WORK_COMPLETE", b"H:1", b"3")
        self.assertEqual(now(called), 3)
        self.assertEqual([heard[1:] for heard in listener.heard], [("data", 1)])

    def test_background(self) -> None:
        """
        Of a background job nobody is told how it ends.
        """
        stage = Stage(self, answerTimeout=None).starts()
        submitted = stage.client.background("f", b"x", timeout=5)
        stage.line.has(b"H:1")
        job = now(submitted)
        self.assertTrue(job.background)
        error = self.assertRaises(BackgroundJob, now, job.whenDone())
        self.assertEqual(error.handle, b"H:1")
        self.assertEqual(stage.clock.getDelayedCalls(), [])

    def test_timeoutBefore(self) -> None:
        """
        A job that no server has in time fails, and its late reply is nobody's.
        """
        stage = Stage(self).starts()
        submitted = stage.submits("f", b"x", timeout=5)
        stage.passes(5)
        error = self.assertRaises(JobTimeout, now, submitted)
        self.assertEqual(str(error), "no end within 5 s")
        stage.line.has(b"H:1")
        self.assertEqual(stage.job().handle, b"H:1")

    def test_timeoutAfter(self) -> None:
        """
        A job that does not end in time fails here, and nothing more is heard of
        it; one that does leaves no timer behind.
        """
        stage = Stage(self, answerTimeout=None).starts()
        job = stage.job(timeout=5)
        done = job.whenDone()
        stage.passes(5)
        self.assertEqual(self.assertRaises(JobTimeout, now, done).handle, b"H:1")
        stage.line.sends("WORK_DATA", b"H:1", b"x")
        stage.job(timeout=5)
        stage.line.sends("WORK_COMPLETE", b"H:1", b"x")
        self.assertEqual(stage.clock.getDelayedCalls(), [])

    def test_cancelled(self) -> None:
        """
        Who stops waiting for a result forgets the job.
        """
        stage = Stage(self).starts()
        heard: list[object] = []
        waiting = stage.client.call("f", b"x", onData=heard.append)
        waiting.cancel()
        self.assertRaises(CancelledError, now, waiting)
        stage.line.has(b"H:1")
        called = stage.client.call("f", b"x", onData=heard.append)
        stage.line.has(b"H:2")
        called.cancel()
        self.assertRaises(CancelledError, now, called)
        for handle in (b"H:1", b"H:2"):
            stage.line.sends("WORK_DATA", handle, b"x")
        self.assertEqual(heard, [])

    def test_maxInFlight(self) -> None:
        """
        No more jobs are under way than may be; who waits can be cancelled, or
        time out, and a job that ended makes room.
        """
        stage = Stage(self, maxInFlight=1).starts()
        job = stage.job()
        cancelled = stage.submits("f", b"1")
        late = stage.submits("f", b"2", timeout=5)
        waiting = stage.client.background("f", b"3")
        last = stage.submits("f", b"4")
        cancelled.cancel()
        self.assertRaises(CancelledError, now, cancelled)
        stage.passes(5)
        self.assertRaises(JobTimeout, now, late)
        self.assertEqual(stage.line.takes(), [])
        stage.line.sends("WORK_COMPLETE", job.handle, b"")
        self.assertEqual(stage.line.takes(), [("SUBMIT_JOB_BG", b"f", b"", b"3")])
        stage.line.has(b"H:2")
        now(waiting)
        self.assertEqual(stage.line.takes(), [("SUBMIT_JOB", b"f", b"", b"4")])
        self.assertNoResult(last)

    def test_map(self) -> None:
        """
        Many calls are under way at once, but not too many, and the results are
        in order.
        """
        stage = Stage(self).starts()
        mapped = stage.client.map("f", [b"a", b"b", b"c"], parallel=2)
        self.assertEqual([packet[3] for packet in stage.line.takes()], [b"a", b"b"])
        stage.line.has(b"H:1", b"H:2")
        stage.line.sends("WORK_COMPLETE", b"H:2", b"B")
        self.assertEqual([packet[3] for packet in stage.line.takes()], [b"c"])
        stage.line.has(b"H:3")
        stage.line.sends("WORK_COMPLETE", b"H:3", b"C")
        stage.line.sends("WORK_COMPLETE", b"H:1", b"A")
        self.assertEqual(now(mapped), [b"A", b"B", b"C"])

    def test_mapFails(self) -> None:
        """
        The first call that fails ends them all.
        """
        stage = Stage(self).starts()
        mapped = stage.client.map("f", [b"a", b"b", b"c"], parallel=2)
        stage.line.sends("ERROR", b"QUEUE_ERROR", b"full")
        self.assertRaises(ServerError, now, mapped)
        mapped = stage.client.map("f", [b"a"])
        mapped.cancel()
        self.assertRaises(CancelledError, now, mapped)


class DroppedTests(SynchronousTestCase):
    """
    Clients that nobody keeps.
    """

    def test_dropped(self) -> None:
        """
        A client that is dropped with a job that waits goes without a word.
        """
        stage = Stage(self).starts()
        stage.client.submit("f", b"x")
        self.doCleanups()
        del stage
        gc.collect()
        self.assertEqual(self.flushLoggedErrors(), [])
