"""
Tests for L{txgearman.server.turn}.
"""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from txgearman.server.turn import Turn


class Writer:
    """
    Something that owes, and says so when it is flushed.
    """

    def __init__(
        self, name: str, said: list[str], then: Callable[[], None] = lambda: None
    ) -> None:
        self._name = name
        self._said = said
        self._then = then

    def flush(self) -> None:
        self._said.append(self._name)
        self._then()


class EndingClock(Clock):
    """
    A clock that knows when turns end.
    """

    def __init__(self) -> None:
        super().__init__()
        self.ending: list[Callable[[], object]] = []

    def atTurnEnd(self, call: Callable[[], object]) -> None:
        self.ending.append(call)


class TurnTests(SynchronousTestCase):
    """
    Everything leaves at the end of the turn.
    """

    def setUp(self) -> None:
        self.clock = Clock()
        self.turn = Turn(self.clock)
        self.said: list[str] = []

    def writer(self, name: str, then: Callable[[], None] = lambda: None) -> Writer:
        return Writer(name, self.said, then)

    def test_end(self) -> None:
        """
        Whoever owes is flushed when the turn ends, in order, and then no more.
        """
        for name in "abc":
            self.turn.owes(self.writer(name))
        self.assertEqual(self.said, [])
        self.clock.advance(0)
        self.assertEqual(self.said, ["a", "b", "c"])
        self.clock.advance(0)
        self.assertEqual(self.said, ["a", "b", "c"])

    def test_oneCall(self) -> None:
        """
        A turn costs the reactor one call, and a turn without debts none.
        """
        self.assertEqual(len(self.clock.getDelayedCalls()), 0)
        for name in "abc":
            self.turn.owes(self.writer(name))
        self.assertEqual(len(self.clock.getDelayedCalls()), 1)
        self.clock.advance(0)
        self.assertEqual(len(self.clock.getDelayedCalls()), 0)

    def test_nextTurn(self) -> None:
        """
        What is owed because of a flush leaves with the next turn.
        """
        second = self.writer("second")
        self.turn.owes(self.writer("first", lambda: self.turn.owes(second)))
        self.turn.end()
        self.assertEqual(self.said, ["first"])
        self.clock.advance(0)
        self.assertEqual(self.said, ["first", "second"])

    def test_endedEarly(self) -> None:
        """
        A turn may be ended before its time, and what is owed after that still
        leaves once.
        """
        self.turn.owes(self.writer("early"))
        self.turn.end()
        self.assertEqual(self.said, ["early"])
        self.turn.owes(self.writer("late"))
        self.clock.advance(0)
        self.assertEqual(self.said, ["early", "late"])

    def test_ownEnd(self) -> None:
        """
        A reactor that knows when its turns end is asked for that, and for no call.
        """
        clock = EndingClock()
        turn = Turn(clock)
        for name in "ab":
            turn.owes(self.writer(name))
        self.assertEqual(clock.getDelayedCalls(), [])
        [end] = clock.ending
        end()
        self.assertEqual(self.said, ["a", "b"])

    def test_sender(self) -> None:
        """
        A turn begins without a sender.
        """
        self.assertIsNone(self.turn.sender)
