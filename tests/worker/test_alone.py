"""
Jobs that may time out are alone on their connections.
"""

from __future__ import annotations

from twisted.internet.defer import Deferred

from tests.worker.stage import (
    GRAB,
    RETRY,
    SLEEP,
    JobServer,
    Line,
    WorkerTestCase,
    canDo,
    complete,
)
from tests.worker.test_worker import H, Job, Slow, reverse
from txgearman.worker.ending import whenOver

CAN_DO = ("CAN_DO_TIMEOUT", b"f", b"3000")


class AloneTests(WorkerTestCase):
    """
    A worker with a function that has a timeout.
    """

    def setUp(self) -> None:
        super().setUp()
        self.slow = Slow()

    def alone(self, concurrency: int) -> list[Line]:
        """
        Start a worker.

        @return: its lines.
        """
        worker = self.worker(concurrency=concurrency)
        worker.register("f", self.slow, timeout=3)
        self.starts(worker)
        return self.server.lines

    def test_asMany(self) -> None:
        """
        It has as many connections to each server as its jobs may run at once, and
        those without a timeout one more.
        """
        other = JobServer(self.clock)
        worker = self.worker(self.server, other, concurrency=3)
        worker.register("f", self.slow, timeout=3)
        worker.register("g", self.slow, timeout=3, concurrency=2)
        worker.register("h", self.slow, timeout=3, concurrency=9)
        worker.register("common", reverse)
        worker.register("other", reverse)
        self.starts(worker)
        for server in (self.server, other):
            self.assertEqual(3 + 2 + 3 + 1, len(server.open))

    def test_silent(self) -> None:
        """
        While a job runs, its connection neither asks nor sleeps, woken or not; the
        others do. When it is over the next is asked for.
        """
        first, second = self.alone(2)
        self.assertEqual([CAN_DO, GRAB], first.hears())
        self.assertEqual([CAN_DO, GRAB], second.hears())
        first.assigns(H)
        second.refuses()
        first.wakes()
        self.assertEqual(([], [SLEEP]), (first.hears(), second.hears()))
        self.slow.ends()
        self.assertEqual([complete(H), GRAB], first.hears())

    def test_slots(self) -> None:
        """
        No more lines ask than jobs may run, over all functions, and each has its
        turn.
        """
        worker = self.worker(concurrency=2)
        worker.register("f", self.slow, timeout=3)
        worker.register("common", self.slow)
        self.starts(worker)
        first, second, common = self.server.lines
        self.assertEqual([CAN_DO, GRAB], first.hears())
        self.assertEqual([CAN_DO, GRAB], second.hears())
        self.assertEqual([canDo(b"common")], common.hears())
        first.assigns(H)
        second.assigns(b"H:2")
        self.assertEqual([], common.hears())
        self.slow.ends()
        self.assertEqual([complete(H)], first.hears())
        self.assertEqual([GRAB], common.hears())
        common.assigns(b"H:3", b"common")
        self.slow.ends(b"H:2")
        self.assertEqual([GRAB], first.hears())

    def test_turns(self) -> None:
        """
        Servers are asked in turn.
        """
        other = JobServer(self.clock)
        worker = self.worker(self.server, other, concurrency=2)
        worker.register("f", self.slow, timeout=3)
        self.starts(worker)
        for server in (self.server, other):
            self.assertEqual([CAN_DO, GRAB], server.lines[0].hears())
            self.assertEqual([CAN_DO], server.lines[1].hears())

    def test_timeout(self) -> None:
        """
        When a job took too long its line is at rest for a moment and asks then;
        when it has to be left meanwhile, nothing is left behind.
        """
        (line,) = self.alone(1)
        for handle in (H, b"H:2"):
            line.assigns(handle)
            line.hears()
            self.clock.advance(3)
            self.assertEqual([handle], self.slow.cancelled)
            self.slow.cancelled.clear()
            self.assertEqual([], line.hears())
            if handle == H:
                self.clock.advance(0.5)
                self.assertEqual([GRAB], line.hears())
        line.drops()
        self.clock.advance(RETRY)
        self.assertEqual([CAN_DO, GRAB], self.server.line.hears())

    def test_stuck(self) -> None:
        """
        A job that goes on in a thread, though it took too long, keeps its slot
        until it is over; who stops the worker waits no longer than he may.
        """
        threads: list[Deferred[bytes]] = [Deferred(), Deferred()]
        begun: list[bytes] = []

        def stuck(job: Job) -> Deferred[bytes]:
            begun.append(job.handle)
            return whenOver(threads[len(begun) - 1])

        worker = self.worker()
        worker.register("f", stuck, timeout=3)
        line = self.starts(worker)
        line.assigns(H)
        line.hears()
        self.clock.pump([3, 10, 10])
        self.assertEqual([], line.hears())
        threads[0].callback(b"late")
        self.clock.advance(0.5)
        self.assertEqual([GRAB], line.hears())
        line.assigns(b"H:2")
        stopped = worker.stopService()
        self.clock.advance(29)
        self.assertNoResult(stopped)
        self.clock.pump([1, 0, 0])
        self.successResultOf(stopped)
        threads[1].callback(b"late")
        self.assertEqual(([H, b"H:2"], []), (begun, line.hears()))

    def test_lost(self) -> None:
        """
        A line that comes back while a job that it lost still runs waits for its
        end.
        """
        worker = self.worker()
        worker.register("f", self.slow, timeout=9)
        self.starts(worker).assigns(H)
        self.server.line.drops()
        self.clock.advance(RETRY)
        back = self.server.line
        self.assertEqual([("CAN_DO_TIMEOUT", b"f", b"9000")], back.hears())
        with self.warns("its server is lost"):
            self.slow.ends()
        self.clock.advance(0.5)
        self.assertEqual([GRAB], back.hears())

    def test_unregister(self) -> None:
        """
        With the function all its connections go, and that of a running job when
        it is over.
        """
        worker = self.worker(concurrency=2)
        worker.register("f", self.slow, timeout=3)
        self.starts(worker)
        first, second = self.server.lines
        first.assigns(H)
        second.refuses()
        worker.unregister("f")
        self.clock.pump([0, 0])
        self.assertEqual([first], self.server.open)
        self.slow.ends()
        self.assertIn(complete(H), first.hears())
        self.clock.pump([0, 0])
        self.assertEqual([], self.server.open)
