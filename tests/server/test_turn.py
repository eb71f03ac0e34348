"""
Tests for L{txgearman.server.turn}.
"""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from txgearman.server.turn import MOMENT, Turn


class Speaker:
    """
    Somebody who says when it is his turn.
    """

    def __init__(
        self, name: str, said: list[str], then: Callable[[], None] = lambda: None
    ) -> None:
        self._name = name
        self._said = said
        self._then = then

    def says(self, mark: str) -> None:
        """
        Say his name, and do what is to be done then.
        """
        self._said.append(self._name + mark)
        self._then()


class Writer(Speaker):
    """
    Something that owes, and says so when it is flushed.
    """

    def flush(self) -> None:
        self.says("")


class Asker(Speaker):
    """
    A worker's question, which says when it is looked after.
    """

    def turnEnds(self) -> None:
        self.says("?")


class EndingClock(Clock):
    """
    A clock that knows when turns end.
    """

    def __init__(self) -> None:
        super().__init__()
        self.ending: list[Callable[[], object]] = []

    def atTurnEnd(self, call: Callable[[], object]) -> None:
        self.ending.append(call)


class TurnTestCase(SynchronousTestCase):
    """
    A turn, and what those say who take part in it.
    """

    def setUp(self) -> None:
        self.clock = Clock()
        self.turn = Turn(self.clock)
        self.said: list[str] = []

    def writer(self, name: str, then: Callable[[], None] = lambda: None) -> Writer:
        return Writer(name, self.said, then)


class TurnTests(TurnTestCase):
    """
    Everything leaves at the end of the turn.
    """

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

    def test_order(self) -> None:
        """
        Questions are looked after first; then workers are woken, then questions
        looked after that come of it; and all that is owed leaves behind that.
        """
        offered = Asker("offered", self.said)

        def wake() -> None:
            self.said.append("wake")
            self.turn.grabs(offered)
            self.turn.owes(self.writer("woken"))

        self.turn.owes(self.writer("owing"))
        self.turn.wakes(wake)
        self.turn.grabs(Asker("asking", self.said))
        self.clock.advance(0)
        self.assertEqual(self.said, ["asking?", "wake", "offered?", "owing", "woken"])
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_error(self) -> None:
        """
        An error in the middle of a turn costs nobody else anything.
        """
        self.turn.owes(self.writer("owing"))
        self.turn.grabs(Asker("first", self.said, fail))
        self.turn.grabs(Asker("second", self.said))
        self.turn.wakes(fail)
        self.turn.wakes(lambda: self.said.append("wake"))
        self.assertRaises(ZeroDivisionError, self.clock.advance, 0)
        self.assertEqual(self.said, ["first?", "owing"])
        self.assertRaises(ZeroDivisionError, self.clock.advance, 0)
        self.assertEqual(self.said, ["first?", "owing", "second?"])
        self.turn.owes(self.writer("next"))
        self.clock.advance(0)
        self.assertEqual(self.said, ["first?", "owing", "second?", "wake", "next"])


def fail() -> None:
    """
    Have a bug.
    """
    raise ZeroDivisionError


class LagTests(TurnTestCase):
    """
    What has time leaves a little later, while there is more to do.
    """

    LAG = 0.001

    def setUp(self) -> None:
        super().setUp()
        self.reactor = EndingClock()
        self.turn = Turn(self.reactor, self.LAG)

    def ends(self, after: float = 0.0) -> list[str]:
        """
        Let the turn end.

        @param after: how long it took, in seconds.
        @return: who has written.
        """
        self.reactor.advance(after)
        ending, self.reactor.ending = self.reactor.ending, []
        for end in ending:
            end()
        said = self.said[:]
        self.said.clear()
        return said

    def owes(self, *names: str) -> None:
        for name in names:
            self.turn.owes(self.writer(name))

    def owesLater(self, *names: str) -> None:
        for name in names:
            self.turn.owesLater(self.writer(name))

    def test_alone(self) -> None:
        """
        Who owes something alone need not wait for others.
        """
        self.owesLater("a")
        self.assertEqual(self.ends(), ["a"])
        self.assertEqual(self.reactor.ending, [])

    def test_others(self) -> None:
        """
        With others it waits for the next turn, which comes at once, and is the end of
        it when there is nothing to do.
        """
        self.owesLater("a")
        self.owes("b")
        self.assertEqual(self.ends(), ["b"])
        self.assertEqual(self.ends(), ["a"])
        self.assertEqual(self.reactor.ending, [])

    def test_several(self) -> None:
        """
        It does so also when the others have time, too; from then on whatever there is
        to do lets it wait.
        """
        self.owesLater("a", "b")
        self.assertEqual(self.ends(), [])
        self.owesLater("c")
        self.assertEqual(self.ends(), [])
        self.owes("x")
        self.assertEqual(self.ends(), ["x"])
        self.assertEqual(self.ends(), ["a", "b", "c"])

    def test_lag(self) -> None:
        """
        While there is more to do it waits, but not for long; who comes later waits no
        longer for that.
        """
        self.owesLater("a", "b")
        for _ in range(4):
            self.owes("x", "y")
            self.assertEqual(self.ends(self.LAG / 5), ["x", "y"])
        self.owesLater("c", "d")
        self.assertEqual(self.ends(self.LAG / 5), ["a", "b", "c", "d"])
        self.owesLater("e", "f")
        self.assertEqual(self.ends(self.LAG / 5), [])

    def test_putBack(self) -> None:
        """
        Nor does it wait when the clock was put back.
        """
        self.owesLater("a", "b")
        self.assertEqual(self.ends(), [])
        self.owes("x", "y")
        self.assertEqual(self.ends(-60), ["x", "y", "a", "b"])

    def test_none(self) -> None:
        """
        Without a lag, all leaves at the end of the turn.
        """
        self.turn = Turn(self.reactor)
        self.owesLater("a", "b")
        self.owes("x")
        self.assertEqual(self.ends(), ["x", "a", "b"])

    def test_stumbles(self) -> None:
        """
        An error of one who writes costs the others a turn, and nothing more.
        """
        self.turn.owesLater(self.writer("a"))
        self.turn.owes(self.writer("b", fail))
        self.owes("c")
        self.assertRaises(ZeroDivisionError, self.ends)
        self.assertEqual(self.said, ["b"])
        self.said.clear()
        self.assertEqual(self.ends() + self.ends(), ["c", "a"])
        self.assertEqual(self.reactor.ending, [])

    def test_finish(self) -> None:
        """
        The last turn has no later.
        """
        self.owesLater("a", "b")
        self.turn.finish()
        self.assertEqual(self.said, ["a", "b"])


class MomentTests(TurnTestCase):
    """
    Questions wait for a moment or two.
    """

    def asker(self, name: str, then: Callable[[], None] = lambda: None) -> Asker:
        return Asker(name, self.said, then)

    def test_answered(self) -> None:
        """
        Each waits for a whole moment, and all share the call that ends it.
        """
        self.turn.waits(self.asker("a"))
        self.clock.advance(MOMENT)
        self.turn.waits(self.asker("b"))
        self.assertEqual(self.said, [])
        self.assertEqual(len(self.clock.getDelayedCalls()), 1)
        self.clock.advance(MOMENT)
        self.assertEqual(self.said, ["a?"])
        self.clock.advance(MOMENT)
        self.assertEqual(self.said, ["a?", "b?"])
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_anew(self) -> None:
        """
        Whoever waits anew waits for a whole moment again.
        """
        asker = self.asker("a")
        self.turn.waits(asker)
        self.clock.advance(MOMENT)
        self.turn.waits(asker)
        self.clock.advance(MOMENT)
        self.assertEqual(self.said, [])
        self.clock.advance(MOMENT)
        self.assertEqual(self.said, ["a?"])

    def test_leaves(self) -> None:
        """
        Whoever leaves is not answered; when all have left, nothing is to be done.
        """
        a, b = self.asker("a"), self.asker("b")
        self.turn.waits(a)
        self.clock.advance(MOMENT)
        self.turn.waits(b)
        self.turn.leaves(a)
        self.turn.leaves(a)
        self.clock.advance(MOMENT)
        self.assertEqual(self.said, [])
        self.turn.leaves(b)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_waitsAfterAnswer(self) -> None:
        """
        Whoever is answered may wait at once for another answer.
        """
        asker = self.asker("a", lambda: self.turn.waits(asker))
        self.turn.waits(asker)
        for _ in range(6):
            self.clock.advance(MOMENT)
        self.assertEqual(self.said, ["a?"] * 3)

    def test_error(self) -> None:
        """
        An error in one answer delays the others by a moment.
        """
        for name, then in [("a", fail), ("b", lambda: None)]:
            self.turn.waits(self.asker(name, then))
        self.clock.advance(MOMENT)
        self.assertRaises(ZeroDivisionError, self.clock.advance, MOMENT)
        self.clock.advance(MOMENT)
        self.assertEqual(self.said, ["a?", "b?"])
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_clockPutBack(self) -> None:
        """
        When the clock is put back, who waits next ends the wait for all.
        """
        self.turn.waits(self.asker("a"))
        self.clock.rightNow -= 3600
        self.turn.waits(self.asker("b"))
        for _ in range(3):
            self.clock.advance(MOMENT)
        self.assertEqual(self.said, ["a?", "b?"])

    def test_finish(self) -> None:
        """
        In the end all are answered, the longest waiting first, and what they are owed
        leaves.
        """
        self.turn.waits(self.asker("a"))
        self.clock.advance(MOMENT)
        owe = self.turn.owes
        writer = Writer("writes", self.said)
        self.turn.waits(self.asker("b", lambda: owe(writer)))
        self.turn.finish()
        self.assertEqual(self.said, ["a?", "b?", "writes"])
        self.clock.advance(0)
        self.assertEqual(self.clock.getDelayedCalls(), [])
