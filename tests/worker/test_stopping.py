"""
A worker comes to its end, and begins anew.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.logger import LogLevel

from tests.worker.stage import (
    GRAB,
    RETRY,
    WorkerTestCase,
    canDo,
    complete,
    fail,
)
from tests.worker.test_worker import H, Job, Slow, reverse
from txgearman.codecs import JSON
from txgearman.worker.lane import STREAK
from txgearman.worker.running import inThread
from txgearman.worker.worker import Worker


def stubborn(end: Deferred[bytes]) -> Callable[[Job], Awaitable[bytes]]:
    """
    @return: a function whose jobs would not be cancelled, and end with C{end}.
    """

    async def function(job: Job) -> bytes:
        try:
            return await Deferred()
        except CancelledError:
            return await end

    return function


class StoppingTests(WorkerTestCase):
    """
    A worker comes to its end.
    """

    def running(self, **options: Any) -> tuple[Worker[Any], Slow]:
        """
        Start a worker that does a job.
        """
        slow = Slow()
        worker = self.worker(**options)
        worker.register("f", slow)
        line = self.starts(worker)
        line.assigns(H)
        line.hears()
        return worker, slow

    def drained(self, worker: Worker[Any]) -> None:
        """
        Drain a worker that has nothing to do, and see that it disconnects.
        """
        self.successResultOf(worker.drain())
        self.left()

    def left(self) -> None:
        """
        See that the worker disconnects, and does not connect again.
        """
        self.clock.pump([0, 0])
        self.assertEqual([], self.server.open)
        count = len(self.server.lines)
        self.clock.advance(RETRY)
        self.clock.advance(0)
        self.assertEqual(count, len(self.server.lines))

    def test_drainIdle(self) -> None:
        """
        A worker that does nothing is drained at once: one that was not started,
        that sleeps, or whose server is away.
        """
        self.drained(self.worker())
        for away in (False, True):
            worker = self.worker()
            worker.register("f", reverse)
            line = self.starts(worker)
            line.refuses()
            if away:
                line.drops()
            self.drained(worker)

    def test_drainAsking(self) -> None:
        """
        A worker that has asked for a job waits for the answer: when there is
        none it is drained.
        """
        worker = self.worker()
        worker.register("f", reverse)
        line = self.starts(worker)
        line.hears()
        drained = worker.drain()
        self.assertNoResult(drained)
        line.refuses()
        self.assertEqual([], line.hears())
        self.left()
        self.successResultOf(drained)

    def test_drainAskingSeveral(self) -> None:
        """
        A worker that asked for several waits for all answers, and does what comes.
        """
        worker = self.worker(concurrency=4)
        worker.register("f", reverse)
        line = self.starts(worker)
        for _ in range(2 * STREAK):
            line.assigns(H)
        asked = line.hears().count(GRAB) - 2 * STREAK
        self.assertEqual(4, asked)
        drained = worker.drain()
        line.refuses()
        line.assigns(b"H:2")
        self.assertNoResult(drained)
        line.assigns(b"H:3")
        self.assertNoResult(drained)
        line.refuses()
        self.successResultOf(drained)
        self.assertEqual([complete(b"H:2"), complete(b"H:3")], line.hears())
        self.left()

    def test_drainAskingWithJob(self) -> None:
        """
        When there is one, it is done first.
        """
        slow = Slow()
        worker = self.worker()
        worker.register("f", slow)
        line = self.starts(worker)
        drained = worker.drain()
        line.assigns(H)
        line.hears()
        self.assertNoResult(drained)
        slow.ends()
        self.assertEqual([complete(H)], line.hears())
        self.successResultOf(drained)
        self.left()

    def test_drainRunning(self) -> None:
        """
        A worker that does jobs ends them, and asks for none any more, woken or
        not; each who drains it is told.
        """
        worker, slow = self.running(concurrency=2)
        line = self.server.line
        drained = worker.drain(), worker.drain()
        line.refuses()
        line.wakes()
        self.assertEqual([], line.hears())
        self.assertFalse(line.gone)
        for each in drained:
            self.assertNoResult(each)
        slow.ends()
        self.assertEqual([complete(H)], line.hears())
        for each in drained:
            self.successResultOf(each)
        self.left()

    def test_drainAway(self) -> None:
        """
        A server that comes back while a job that it lost still runs is asked for
        nothing, and is left when the job is over.
        """
        worker, slow = self.running()
        self.server.line.drops()
        drained = worker.drain()
        self.clock.advance(RETRY)
        again = self.server.line
        self.assertEqual([canDo(b"f")], again.hears())
        self.assertNoResult(drained)
        with self.warns("its server is lost"):
            slow.ends()
        self.successResultOf(drained)
        self.left()

    def test_stop(self) -> None:
        """
        Stopping waits for the jobs that run, and is over when all connections
        are closed.
        """
        worker, slow = self.running()
        stopped = worker.stopService()
        self.clock.advance(1)
        self.assertNoResult(stopped)
        slow.ends()
        self.assertNoResult(stopped)
        self.clock.pump([0, 0])
        self.successResultOf(stopped)
        self.assertEqual([complete(H)], self.server.line.hears())
        self.assertEqual([], self.server.open)
        self.assertEqual([], self.clock.getDelayedCalls())

    def test_deadline(self) -> None:
        """
        It does not wait longer than it may: the jobs are cancelled and nothing
        is reported.
        """
        worker, slow = self.running(drainTimeout=7)
        stopped = worker.stopService()
        self.clock.advance(6.9)
        self.assertNoResult(stopped)
        with self.logs(LogLevel.info) as said, self.warns("running jobs given up: 1"):
            self.clock.advance(0.1)
        self.assertIn("<RunningJob f H:1> was given up: CancelledError()", said)
        self.assertEqual([H], slow.cancelled)
        self.clock.pump([0, 0])
        self.successResultOf(stopped)
        self.assertEqual([], self.server.line.hears())
        self.assertEqual([], self.server.open)

    def test_restart(self) -> None:
        """
        A stopped worker can be started again, and does as before.
        """
        worker, slow = self.running()
        for handle in (b"H:2", b"H:3"):
            self.stops(worker)
            line = self.starts(worker)
            self.assertEqual([canDo(b"f"), GRAB], line.hears())
            line.assigns(handle)
            slow.ends(handle, b"again")
            self.assertEqual([complete(handle, b"again"), GRAB], line.hears())
            self.assertEqual([line], self.server.open)

    def test_drainAskingEnded(self) -> None:
        """
        A worker that is drained while it asks disconnects whatever it is
        assigned: a job that ends at once, one of a function it never had, one
        whose workload cannot be decoded.
        """
        for function, data in ((b"f", b"1"), (b"other", b""), (b"f", b"{")):
            worker = self.worker(codec=JSON)
            worker.register("f", lambda job: job.data)
            line = self.starts(worker)
            drained = worker.drain()
            line.assigns(H, function, data)
            self.successResultOf(drained)
            self.left()

    def test_drainAskingLost(self) -> None:
        """
        When the server is lost, there is nothing to wait for, and it is not
        connected to again.
        """
        worker = self.worker()
        worker.register("f", reverse)
        line = self.starts(worker)
        drained = worker.drain()
        line.drops()
        self.successResultOf(drained)
        self.left()

    def test_registerDrained(self) -> None:
        """
        A function that is registered with a drained worker waits for the next
        start.
        """
        worker = self.worker()
        worker.startService()
        self.drained(worker)
        worker.register("f", reverse, concurrency=1)
        self.clock.pump([0, 0])
        self.assertEqual([], self.server.lines)
        self.stops(worker)
        self.assertEqual([canDo(b"f"), GRAB], self.starts(worker).hears())

    def test_restartStubborn(self) -> None:
        """
        A job that would not be cancelled and ends after the worker is started
        again makes no room for more jobs than may run.
        """
        end: Deferred[bytes] = Deferred()
        worker = self.worker()
        worker.register("f", stubborn(end))
        self.starts(worker).assigns(H)
        self.stops(worker)
        line = self.starts(worker)
        line.hears()
        end.callback(b"")
        line.assigns(b"H:2")
        self.assertEqual([], line.hears())

    def test_restartStubbornLimited(self) -> None:
        """
        When that was the only job of its function that may run, another one is asked
        for as soon as it is over.
        """
        end: Deferred[bytes] = Deferred()
        worker = self.worker(concurrency=2)
        worker.register("f", stubborn(end), concurrency=1)
        self.starts(worker).assigns(H)
        self.stops(worker)
        line = self.starts(worker)
        self.assertEqual([canDo(b"f")], line.hears())
        with self.warns("its server is lost"):
            end.callback(b"")
        self.assertEqual([GRAB], line.hears())

    def test_restartLate(self) -> None:
        """
        A job of a function that was taken back before the worker was started
        again is one of a function that it never had.
        """
        runner = inThread(reverse)
        worker = self.worker()
        worker.register("f", reverse)
        worker.register("g", runner)
        self.starts(worker)
        worker.unregister("g")
        self.stops(worker)
        line = self.starts(worker)
        self.assertEqual([canDo(b"f"), GRAB], line.hears())
        line.assigns(H, b"g")
        self.assertEqual([fail(H), GRAB], line.hears())

    def test_restartAtOnce(self) -> None:
        """
        A worker that is started while it stops ends what it does, disconnects,
        and then does as before; each who stopped it is told.
        """
        worker, slow = self.running()
        old = self.server.line
        first = worker.stopService()
        worker.startService()
        self.clock.pump([0, 0])
        self.assertNoResult(first)
        self.assertEqual([], old.hears())
        slow.ends()
        self.clock.pump([0, 0, 0])
        self.successResultOf(first)
        self.assertTrue(old.gone)
        line = self.server.line
        self.assertEqual([line], self.server.open)
        self.assertEqual([canDo(b"f"), GRAB], line.hears())
        line.assigns(b"H:2")
        slow.ends(b"H:2", b"again")
        self.assertEqual([complete(b"H:2", b"again"), GRAB], line.hears())

    def test_restartOrders(self) -> None:
        """
        In whatever order a worker is started and stopped, it ends as was wished
        last, with one connection to a server or none, and all who stopped it are
        told.
        """
        for wishes in ("-+-", "-+-+", "--+", "+-+-", "-++", "-+-+-", "+"):
            self.server.lines.clear()
            worker = self.worker()
            worker.register("f", reverse)
            self.starts(worker).refuses()
            stopped: list[Deferred[None]] = []
            for wish in wishes:
                if wish == "+":
                    worker.startService()
                else:
                    stopped.append(worker.stopService())
            self.clock.pump([0] * 5)
            for each in stopped:
                self.successResultOf(each)
            self.assertEqual(wishes.endswith("+"), bool(worker.running))
            self.assertEqual(worker.running, len(self.server.open), wishes)
            self.stops(worker)

    def test_restartTold(self) -> None:
        """
        Who is told that a worker has stopped may start it.
        """
        worker, slow = self.running()
        slow.ends()
        self.server.line.refuses()
        stopped = worker.stopService()
        stopped.addCallback(lambda _: worker.startService())
        self.clock.pump([0] * 4)
        self.successResultOf(stopped)
        self.assertEqual([canDo(b"f"), GRAB], self.server.line.hears())
        self.assertEqual([self.server.line], self.server.open)

    def test_registerStopping(self) -> None:
        """
        A function that is registered while the worker stops is done when it is
        started again.
        """
        worker, slow = self.running()
        worker.stopService()
        worker.register("g", reverse)
        worker.startService()
        slow.ends()
        self.clock.pump([0] * 4)
        self.assertEqual([canDo(b"g"), canDo(b"f"), GRAB], self.server.line.hears())

    def test_deadlineAsking(self) -> None:
        """
        A job that is assigned when the time is over is not begun: the server
        gives it to another worker.
        """
        began: list[bytes] = []

        def function(job: Job) -> Deferred[bytes]:
            began.append(job.handle)
            return Deferred(lambda _: line.assigns(b"H:2"))

        worker = self.worker(concurrency=2)
        worker.register("f", function)
        line = self.starts(worker)
        line.assigns(H)
        line.hears()
        self.stops(worker)
        self.assertEqual(([H], []), (began, line.hears()))

    def test_drainStubborn(self) -> None:
        """
        Each who drains a worker is told when the time is over, though a job would
        not be given up, and at once when it is stopped already.
        """
        end: Deferred[bytes] = Deferred()
        worker = self.worker()
        worker.register("f", stubborn(end))
        self.starts(worker).assigns(H)
        drained = [worker.drain(), worker.drain()]
        stopped = worker.stopService()
        self.clock.advance(30)
        drained.append(worker.drain())
        self.clock.pump([0, 0])
        self.successResultOf(stopped)
        drained.append(worker.drain())
        for each in drained:
            self.successResultOf(each)
        with self.warns("its server is lost"):
            end.callback(b"")
