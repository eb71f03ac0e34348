"""
Many jobs submitted at once.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.trial.unittest import SynchronousTestCase

from tests.client.stage import Line, Stage, now
from txgearman.board.job import Priority
from txgearman.client.choice import RoundRobin
from txgearman.client.job import RemoteJob
from txgearman.client.many import eachOf
from txgearman.codecs import JSON
from txgearman.errors import JobTimeout, NoServers, ServerError
from txgearman.testing.wire import Wire

Jobs = Deferred[list[RemoteJob[Any]]]


class EachOfTests(SynchronousTestCase):
    """
    Calls for each of many items.
    """

    def setUp(self) -> None:
        self.calls: list[Deferred[str]] = []
        self.taken = 0

    def call(self, item: object) -> Deferred[str]:
        """
        Begin a call.
        """
        self.calls.append(Deferred())
        return self.calls[-1]

    def items(self) -> Iterator[int]:
        """
        A great many.
        """
        for self.taken in range(10**9):
            yield self.taken

    def test_order(self) -> None:
        """
        The results are in the order of the items, however the calls end.
        """
        called = eachOf(self.call, "abc", 2)
        self.assertEqual(len(self.calls), 2)
        self.calls[1].callback("B")
        self.assertEqual(len(self.calls), 3)
        self.calls[2].callback("C")
        self.assertNoResult(called)
        self.calls[0].callback("A")
        self.assertEqual(now(called), ["A", "B", "C"])

    def test_failure(self) -> None:
        """
        When a call fails the others are cancelled, and no item is taken any
        more.
        """
        called = eachOf(self.call, self.items(), 3)
        self.calls[1].errback(LookupError())
        self.assertRaises(LookupError, now, called)
        self.assertEqual((self.taken, len(self.calls)), (2, 3))
        for call in (self.calls[0], self.calls[2]):
            self.assertTrue(call.called)

    def test_failureAtOnce(self) -> None:
        """
        So it is when a call fails before the others have begun.
        """

        async def fails(item: int) -> str:
            self.calls.append(Deferred())
            if item == 2:
                raise LookupError
            return "done"

        for parallel in (1, 3, 1000):
            self.calls.clear()
            called = eachOf(fails, self.items(), parallel)
            self.assertRaises(LookupError, now, called)
            self.assertEqual((self.taken, len(self.calls)), (2, 3))

    def test_itemsFail(self) -> None:
        """
        So it is when there is no getting at the next item.
        """

        def items() -> Iterator[str]:
            yield "a"
            raise LookupError

        called = eachOf(self.call, items(), 3)
        self.assertRaises(LookupError, now, called)
        self.assertEqual(len(self.calls), 1)
        self.assertTrue(self.calls[0].called)

    def test_cancelled(self) -> None:
        """
        So it is when nobody waits for them any more.
        """
        called = eachOf(self.call, self.items(), 3)
        called.cancel()
        self.assertRaises(CancelledError, now, called)
        self.assertEqual((self.taken, len(self.calls)), (2, 3))
        self.assertTrue(all(call.called for call in self.calls))

    def test_nothing(self) -> None:
        """
        Of no items there are no results; not even one call at once is an error.
        """
        self.assertEqual(now(eachOf(self.call, [], 3)), [])
        self.assertRaises(ValueError, eachOf, self.call, [], 0)


class SubmitManyTests(SynchronousTestCase):
    """
    One call, many jobs.
    """

    def workloads(self, line: Line) -> list[object]:
        """
        What was submitted on a line since the last time.
        """
        return [packet[3] for packet in line.takes()]

    def refuses(self, line: Line) -> None:
        """
        Say that a queue is full.
        """
        line.sends("ERROR", b"QUEUE_ERROR", b"full")

    def test_order(self) -> None:
        """
        All jobs are submitted before any is acknowledged; when the last one is,
        the jobs are there in the order of the workloads.
        """
        stage = Stage(self).starts()
        submitted = stage.client.submitMany("f", [b"a", b"b", b"c"])
        self.assertEqual(
            stage.line.takes(),
            [("SUBMIT_JOB", b"f", b"", data) for data in (b"a", b"b", b"c")],
        )
        stage.line.has(b"H:1", b"H:2")
        self.assertNoResult(submitted)
        stage.line.has(b"H:3")
        jobs = now(submitted)
        self.assertEqual([job.handle for job in jobs], [b"H:1", b"H:2", b"H:3"])
        done = [job.whenDone() for job in jobs]
        for handle in (b"H:3", b"H:1", b"H:2"):
            stage.line.sends("WORK_COMPLETE", handle, b"of " + handle)
        self.assertEqual(
            [now(each) for each in done], [b"of H:1", b"of H:2", b"of H:3"]
        )

    def test_writes(self) -> None:
        """
        What goes to a server goes there in one write, also when the jobs wait
        for the connection.
        """
        stage = Stage(self, "one", "two", choice=RoundRobin(), exceptions=False)
        writes: list[object] = []
        write = Wire.write

        def count(wire: Wire, data: bytes) -> None:
            writes.append(wire)
            write(wire, data)

        self.patch(Wire, "write", count)
        stage.client.startService()
        for _ in range(2):
            stage.client.submitMany("f", [b"%d" % i for i in range(100)])
            stage.passes(0, 0)
            one, two = (host.line for host in stage.hosts)
            self.assertCountEqual(writes, [one.transport, two.transport])
            self.assertEqual(self.workloads(one), [b"%d" % i for i in range(0, 100, 2)])
            self.assertEqual(self.workloads(two), [b"%d" % i for i in range(1, 100, 2)])
            writes.clear()

    def test_empty(self) -> None:
        """
        Of no workloads there are no jobs, and no server is needed.
        """
        stage = Stage(self)
        self.assertEqual(now(stage.client.submitMany("f", [])), [])

    def test_senseless(self) -> None:
        """
        Options that make no sense fail at once, and take no workload.
        """
        stage = Stage(self).starts()
        items = iter([b"a", b"b"])
        submitted = stage.client.submitMany("f", items, at=1.0, delay=2.0)
        self.assertRaises(ValueError, now, submitted)
        self.assertEqual(list(items), [b"a", b"b"])

    def test_options(self) -> None:
        """
        The options are those of a submit, and hold for every job; the workloads
        may be any iterable, and are encoded.
        """
        stage = Stage(self, namespace="ns.", codec=JSON).starts()
        heard: list[object] = []
        submitted = stage.client.submitMany(
            "f",
            (number for number in range(2)),
            unique="-",
            priority=Priority.HIGH,
            onData=heard.append,
        )
        self.assertEqual(
            stage.line.takes(),
            [("SUBMIT_JOB_HIGH", b"ns.f", b"-", data) for data in (b"0", b"1")],
        )
        stage.line.has(b"H:1", b"H:2")
        self.assertEqual([job.function for job in now(submitted)], ["f", "f"])
        stage.line.sends("WORK_DATA", b"H:1", b"[]")
        stage.line.sends("WORK_DATA", b"H:2", b"{}")
        self.assertEqual(heard, [[], {}])

    def test_background(self) -> None:
        """
        Jobs may be for the background, or for later.
        """
        stage = Stage(self).starts()
        forms: list[tuple[dict[str, Any], str]] = [
            ({"background": True}, "SUBMIT_JOB_BG"),
            ({"delay": 5}, "SUBMIT_JOB_EPOCH"),
        ]
        for options, name in forms:
            submitted = stage.client.submitMany("f", [b"a", b"b"], **options)
            self.assertEqual([taken[0] for taken in stage.line.takes()], [name, name])
            stage.line.has(b"H:1", b"H:2")
            self.assertTrue(all(job.background and job.done for job in now(submitted)))

    def test_unencodable(self) -> None:
        """
        When a workload cannot be encoded, or gotten, or the options make no
        sense, nothing is submitted and nothing is left.
        """
        stage = Stage(self, answerTimeout=None).starts()

        def breaking() -> Iterator[bytes]:
            yield b"a"
            raise LookupError

        wrong: list[tuple[Any, dict[str, Any], type[Exception]]] = [
            ([b"a", "b"], {}, TypeError),
            (breaking(), {}, LookupError),
            ([b"a"], {"delay": 1, "at": 1}, ValueError),
            ([b"a"], {"no such": 1}, TypeError),
        ]
        for items, options, error in wrong:
            submitted: Jobs = stage.client.submitMany("f", items, timeout=5, **options)
            self.assertRaises(error, now, submitted)
        self.assertEqual(stage.line.takes(), [])
        self.assertEqual(stage.clock.getDelayedCalls(), [])

    def test_refused(self) -> None:
        """
        When a job is refused it fails as that did, and forgets the others, those
        that a server has and those that it has not.
        """
        stage = Stage(self, answerTimeout=None).starts()
        heard: list[object] = []
        submitted = stage.client.submitMany(
            "f", [b"a", b"b", b"c"], onData=heard.append, timeout=9
        )
        stage.line.has(b"H:1")
        self.refuses(stage.line)
        error = self.assertRaises(ServerError, now, submitted)
        self.assertEqual(error.code, b"QUEUE_ERROR")
        stage.line.has(b"H:3")
        for handle in (b"H:1", b"H:3"):
            stage.line.sends("WORK_DATA", handle, b"x")
        self.assertEqual(heard, [])
        self.assertEqual(stage.clock.getDelayedCalls(), [])

    def test_refusedBackground(self) -> None:
        """
        Jobs in the background that a server has stay with it; nobody tells it
        anything.
        """
        stage = Stage(self).starts()
        submitted = stage.client.submitMany("f", [b"a", b"b"], background=True)
        stage.line.takes()
        stage.line.has(b"H:1")
        self.refuses(stage.line)
        self.assertRaises(ServerError, now, submitted)
        self.assertEqual(stage.line.takes(), [])
        self.assertTrue(stage.line.open)

    def test_cancelled(self) -> None:
        """
        Who gives up forgets all of them.
        """
        stage = Stage(self, maxInFlight=2).starts()
        heard: list[object] = []
        submitted = stage.client.submitMany(
            "f", [b"a", b"b", b"c"], onData=heard.append
        )
        stage.line.has(b"H:1")
        submitted.cancel()
        self.assertRaises(CancelledError, now, submitted)
        stage.line.has(b"H:2")
        stage.line.sends("WORK_DATA", b"H:1", b"x")
        stage.line.sends("WORK_DATA", b"H:2", b"x")
        self.assertEqual(heard, [])
        # Also not of those that waited for their turn, which never came.
        self.assertEqual(self.workloads(stage.line), [b"a", b"b"])
        # There is room again.
        stage.job()

    def test_noServers(self) -> None:
        """
        Without servers it fails as a single submit does.
        """
        stage = Stage(self, connectTimeout=3)
        self.assertRaises(NoServers, now, stage.client.submitMany("f", [b"a", b"b"]))
        stage.hosts[0].up = False
        stage.starts()
        submitted = stage.client.submitMany("f", [b"a", b"b"])
        stage.passes(3)
        self.assertRaises(NoServers, now, submitted)

    def test_timeout(self) -> None:
        """
        A job that does not end in time fails with its timeout, which counts from
        the call.
        """
        stage = Stage(self).starts()
        submitted = stage.client.submitMany("f", [b"a", b"b"], timeout=5)
        stage.passes(3)
        stage.line.has(b"H:1", b"H:2")
        done = [job.whenDone() for job in now(submitted)]
        stage.line.sends("WORK_COMPLETE", b"H:1", b"x")
        stage.passes(2)
        self.assertEqual(now(done[0]), b"x")
        self.assertRaises(JobTimeout, now, done[1])

    def test_maxInFlight(self) -> None:
        """
        No more jobs are under way than may be: the others wait until those end,
        and all of them are acknowledged at last.
        """
        stage = Stage(self, maxInFlight=2).starts()
        submitted = stage.client.submitMany("f", [b"a", b"b", b"c"])
        self.assertEqual(self.workloads(stage.line), [b"a", b"b"])
        stage.line.has(b"H:1", b"H:2")
        self.assertEqual(self.workloads(stage.line), [])
        stage.line.sends("WORK_COMPLETE", b"H:2", b"")
        self.assertEqual(self.workloads(stage.line), [b"c"])
        self.assertNoResult(submitted)
        stage.line.has(b"H:3")
        self.assertEqual(len(now(submitted)), 3)

    def test_lost(self) -> None:
        """
        Jobs that were not acknowledged when their server is lost go to the next.
        """
        stage = Stage(self, "one", "two").starts()
        submitted = stage.client.submitMany("f", [b"a", b"b"], background=True)
        stage.line.has(b"H:1")
        stage.hosts[0].goes()
        self.assertEqual(self.workloads(stage.hosts[1].line), [b"b"])
        stage.hosts[1].line.has(b"X:1")
        self.assertEqual([job.server for job in now(submitted)], ["one", "two"])
