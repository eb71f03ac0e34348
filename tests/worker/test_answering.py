"""
A server that is asked for a job does not answer.
"""

from __future__ import annotations

from typing import Any

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
from tests.worker.test_worker import H, Slow, reverse
from txgearman.worker.lane import ANSWER_TIME, LAST_ANSWER_TIME, STREAK
from txgearman.worker.worker import Worker

ECHO = ("ECHO_REQ", b"")


class AnsweringTests(WorkerTestCase):
    """
    A worker whose server is silent.
    """

    def asking(
        self, function: Any = reverse, **options: Any
    ) -> tuple[Worker[Any], Line]:
        """
        Start a worker, which asks.
        """
        worker = self.worker(**options)
        worker.register("f", function)
        line = self.starts(worker)
        line.hears()
        return worker, line

    def silent(self) -> None:
        """
        Wait until the worker has lost its patience.
        """
        with self.warns("a server does not answer"):
            self.clock.pump([ANSWER_TIME, 0])

    def test_left(self) -> None:
        """
        A server that takes too long is left, and another is asked; when it is
        back, it holds nobody up before it has answered an echo.
        """
        other = JobServer(self.clock)
        worker = self.worker(self.server, other)
        worker.register("f", reverse)
        self.starts(worker).hears()
        self.assertEqual([canDo(b"f")], other.line.hears())
        self.clock.advance(ANSWER_TIME - 1)
        self.assertEqual([], other.line.hears())
        with self.warns("does not answer"):
            self.clock.pump([1, 0])
        self.assertTrue(self.server.line.gone)
        self.assertEqual([GRAB], other.line.hears())
        self.clock.advance(RETRY)
        back = self.server.line
        self.assertEqual([canDo(b"f"), ECHO], back.hears())
        other.line.assigns(H)
        self.assertEqual([complete(H), GRAB], other.line.hears())
        other.line.refuses()
        self.assertEqual([], back.hears())
        back.sends("ECHO_RES", b"")
        self.assertEqual([GRAB], back.hears())
        back.refuses()
        self.assertEqual([SLEEP], back.hears())
        back.wakes()
        self.assertEqual([GRAB], back.hears())

    def test_silentAgain(self) -> None:
        """
        When it does not answer the echo either, it is left again.
        """
        self.asking()
        for count in (1, 2, 3):
            self.assertEqual(count, len(self.server.lines))
            self.silent()
            self.assertTrue(self.server.line.gone)
            self.clock.advance(RETRY)
        self.assertEqual([canDo(b"f"), ECHO], self.server.line.hears())

    def test_registeredMeanwhile(self) -> None:
        """
        Nor is it asked because there is another function, or it wakes the worker,
        before it has answered.
        """
        worker, _ = self.asking()
        self.silent()
        self.clock.advance(RETRY)
        back = self.server.line
        back.hears()
        worker.register("g", reverse)
        back.wakes()
        self.assertEqual([canDo(b"g")], back.hears())
        back.sends("ECHO_RES", b"")
        self.assertEqual([GRAB], back.hears())

    def test_leftMeanwhile(self) -> None:
        """
        An answer that comes when the worker is about to leave changes nothing.
        """
        worker, _ = self.asking()
        self.silent()
        self.clock.advance(RETRY)
        back = self.server.line
        back.hears()
        worker.drain()
        back.sends("ECHO_RES", b"")
        self.clock.pump([0, 0])
        self.assertEqual(([], True), (back.hears(), back.gone))

    def test_inTime(self) -> None:
        """
        Each question has its own time, and there is no more than one timed call
        for all of them; none while the worker sleeps.
        """
        _, line = self.asking()
        for _ in range(10):
            self.clock.advance(ANSWER_TIME - 1)
            line.assigns(H)
            self.assertEqual([complete(H), GRAB], line.hears())
            self.assertEqual(1, len(self.clock.getDelayedCalls()))
        line.refuses()
        self.assertEqual([], self.clock.getDelayedCalls())
        self.assertFalse(line.gone)

    def test_oneByOne(self) -> None:
        """
        A server that answers one question after the other is not silent, however long
        all of them take.
        """
        _, line = self.asking(concurrency=16)
        for _ in range(4 * STREAK):
            line.assigns(H)
        for _ in range(15):
            self.clock.advance(ANSWER_TIME - 1)
            line.refuses()
        self.assertFalse(line.gone)
        with self.warns("a server does not answer"):
            self.clock.pump([ANSWER_TIME, 0])
        self.assertTrue(line.gone)

    def test_running(self) -> None:
        """
        A connection with a running job is not given up for it.
        """
        slow = Slow()
        _, line = self.asking(slow, concurrency=2)
        line.assigns(H)
        self.assertEqual([GRAB], line.hears())
        self.clock.pump([ANSWER_TIME] * 3)
        self.assertFalse(line.gone)
        slow.ends()
        self.assertEqual([complete(H)], line.hears())
        self.clock.advance(ANSWER_TIME - 1)
        self.assertFalse(line.gone)
        with self.warns("does not answer"):
            self.clock.pump([1, 0])
        self.assertTrue(line.gone)

    def test_drain(self) -> None:
        """
        Who drains or stops a worker does not wait for it as long.
        """
        for end in (Worker.drain, Worker.stopService):
            worker, line = self.asking()
            self.clock.advance(3)
            ended = end(worker)
            self.clock.advance(LAST_ANSWER_TIME - 0.1)
            self.assertNoResult(ended)
            with self.warns("does not answer"):
                self.clock.advance(0.1)
            self.clock.pump([0, 0])
            self.successResultOf(ended)
            self.assertTrue(line.gone)
            self.stops(worker)

    def test_drainRunning(self) -> None:
        """
        A job that runs then is ended and its result is sent.
        """
        slow = Slow()
        worker, line = self.asking(slow, concurrency=2)
        line.assigns(H)
        line.hears()
        drained = worker.drain()
        self.clock.pump([LAST_ANSWER_TIME] * 3)
        slow.ends()
        self.assertEqual([complete(H)], line.hears())
        self.assertNoResult(drained)
        with self.warns("does not answer"):
            self.clock.advance(LAST_ANSWER_TIME)
        self.successResultOf(drained)
        self.clock.pump([0, 0])
        self.assertTrue(line.gone)
