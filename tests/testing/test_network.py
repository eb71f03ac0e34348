"""
Tests for L{txgearman.testing.network}: what a turn is, and when things rest.
"""

from __future__ import annotations

from twisted.internet.task import Clock, LoopingCall
from twisted.trial.unittest import SynchronousTestCase

from txgearman.testing.clock import TurningClock
from txgearman.testing.network import TURNS, Network


class NetworkTests(SynchronousTestCase):
    """
    A network with nothing on it but time.
    """

    def setUp(self) -> None:
        self.clock = TurningClock()
        self.network = Network(self.clock)
        self.begin = self.clock.seconds()
        self.times: list[float] = []

    def note(self) -> None:
        self.times.append(self.clock.seconds() - self.begin)

    def again(self) -> None:
        self.clock.callLater(0, self.again)

    def test_nothing(self) -> None:
        """
        Where nothing is, nothing moves.
        """
        self.assertFalse(self.network.turn())
        self.assertIsNone(self.network.next())

    def test_due(self) -> None:
        """
        What one turn leaves for the next one is not left out.
        """
        self.clock.callLater(0, self.clock.callLater, 0, self.note)
        self.assertTrue(self.network.turn())
        self.assertFalse(self.network.turn())
        self.assertEqual(self.times, [0])

    def test_settle(self) -> None:
        """
        Settling takes no time.
        """
        self.clock.callLater(0, self.clock.callLater, 0, self.note)
        self.clock.callLater(0.001, self.note)
        self.network.settle()
        self.assertEqual(self.times, [0])

    def test_enough(self) -> None:
        """
        Settling may stop before.
        """
        self.again()
        self.clock.callLater(0, self.note)
        self.network.settle(lambda: bool(self.times))
        self.assertEqual(self.times, [0])

    def test_restless(self) -> None:
        """
        What never rests is an error, and does not hang.
        """
        self.again()
        error = self.assertRaises(AssertionError, self.network.settle)
        self.assertEqual(
            str(error),
            f"things still move after {TURNS} turns: something calls or sends again"
            " and again without any time between",
        )

    def test_advance(self) -> None:
        """
        What is timed happens at its time, and what follows from it too.
        """
        self.clock.callLater(1, self.note)
        self.clock.callLater(2, self.clock.callLater, 3, self.note)
        self.clock.callLater(7.5, self.note)
        self.network.advance(7)
        self.assertEqual(self.times, [1, 5])
        self.assertEqual(self.clock.seconds() - self.begin, 7)
        self.network.advance(0.5)
        self.assertEqual(self.times, [1, 5, 7.5])

    def test_looping(self) -> None:
        """
        A call that comes again and again comes each time.
        """
        loop = LoopingCall(self.note)
        loop.clock = self.clock
        loop.start(1, now=False)
        self.network.advance(3.5)
        loop.stop()
        self.assertEqual(self.times, [1, 2, 3])

    def test_passUntil(self) -> None:
        """
        So much time passes as something takes, and none when it is over.
        """
        self.clock.callLater(2, self.note)
        self.clock.callLater(9, self.note)
        for _ in range(2):
            self.network.passUntil(lambda: bool(self.times))
            self.assertEqual(self.times, [2])

    def test_passInVain(self) -> None:
        """
        What no time brings is an error.
        """
        error = self.assertRaises(AssertionError, self.network.passUntil, lambda: False)
        self.assertEqual(
            str(error), "it does not come to an end; nothing is timed either"
        )

    def test_passForever(self) -> None:
        """
        So is what never comes, whatever else comes again and again.
        """
        loop = LoopingCall(self.note)
        loop.clock = self.clock
        loop.start(10)
        error = self.assertRaises(AssertionError, self.network.passUntil, lambda: False)
        self.assertEqual(
            str(error), "it does not come to an end; the next timed call is in 10 s"
        )

    def test_outlook(self) -> None:
        """
        One is told what time would bring.
        """
        self.assertEqual(self.network.outlook(), "nothing is timed either")
        self.clock.callLater(90, self.note)
        self.clock.callLater(1.5, self.note)
        self.assertEqual(self.network.outlook(), "the next timed call is in 1.5 s")

    def test_otherClock(self) -> None:
        """
        Any C{Clock} will do.
        """
        clock = Clock()
        network = Network(clock)
        clock.callLater(3, clock.callLater, 0, self.times.append, 1.0)
        network.advance(4)
        self.assertEqual(self.times, [1.0])
        self.assertEqual(clock.seconds(), 4)
