"""
One delayed call for everything that happens later.
"""

from __future__ import annotations

from functools import partial
from weakref import ref

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from txgearman.board.timers import Timer, Timers

HOUR = 3600.0


def mishap() -> None:
    """
    Something goes wrong.
    """
    raise ZeroDivisionError


class TimersTestCase(SynchronousTestCase):
    """
    A test with timers on a clock, which notes when what is done.
    """

    def setUp(self) -> None:
        self.clock = Clock()
        self.timers = Timers(self.clock)
        self.done: list[tuple[float, str]] = []

    def at(self, when: float, name: str = "") -> Timer:
        """
        Note the time and a name at a time.
        """
        return self.timers.at(when, partial(self.note, name))

    def note(self, name: str) -> None:
        self.done.append((self.clock.seconds(), name))

    def calls(self) -> int:
        """
        How many delayed calls the clock has.
        """
        return len(self.clock.getDelayedCalls())


class TimersTests(TimersTestCase):
    """
    Things are done at their times.
    """

    def test_due(self) -> None:
        """
        A thing is done when its time has come, once, and not before.
        """
        self.at(10, "a")
        self.clock.advance(9.5)
        self.assertEqual(self.done, [])
        self.clock.advance(0.5)
        self.assertEqual(self.done, [(10, "a")])
        self.clock.advance(HOUR)
        self.assertEqual(len(self.done), 1)
        self.assertEqual(self.calls(), 0)

    def test_nothing(self) -> None:
        """
        Timers without anything to do ask nothing of the clock.
        """
        self.assertEqual(self.calls(), 0)

    def test_past(self) -> None:
        """
        What should have been done in the past is done as soon as possible, though
        not at once.
        """
        self.clock.advance(100)
        self.at(50, "a")
        self.at(-1, "b")
        self.assertEqual(self.done, [])
        self.clock.advance(0)
        self.assertEqual(self.done, [(100, "b"), (100, "a")])

    def test_order(self) -> None:
        """
        Things are done in the order of their times, and those of one time in the
        order in which they were asked for.
        """
        for when, name in ((3, "d"), (1, "a"), (2, "b"), (2, "c"), (3, "e")):
            self.at(when, name)
        self.clock.advance(5)
        self.assertEqual("".join(name for _, name in self.done), "abcde")

    def test_earlier(self) -> None:
        """
        A thing that is asked for later may be done earlier.
        """
        self.at(10, "b")
        self.at(5, "a")
        self.clock.pump([5, 5])
        self.assertEqual(self.done, [(5, "a"), (10, "b")])

    def test_oneCall(self) -> None:
        """
        However much there is to do, the clock has one delayed call, which comes
        when the first thing is to be done.
        """
        for number in range(1000, 0, -1):
            self.at(number)
            (call,) = self.clock.getDelayedCalls()
            self.assertEqual(call.getTime(), number)
        for number in range(1, 1001):
            self.clock.advance(1)
            self.assertEqual(len(self.done), number)
            self.assertEqual(self.calls(), int(number < 1000))

    def test_farAway(self) -> None:
        """
        The delayed call is never further away than an hour, though the things to
        do may be: no reactor can wait for centuries.
        """
        self.at(2.5 * HOUR, "a")
        self.at(2.0**63)
        for hours in (1, 2, 2.5):
            (call,) = self.clock.getDelayedCalls()
            self.assertEqual(call.getTime(), hours * HOUR)
            self.assertEqual(self.done, [])
            self.clock.advance(call.getTime() - self.clock.seconds())
        self.assertEqual(self.done, [(2.5 * HOUR, "a")])
        self.assertEqual(self.calls(), 1)

    def test_clockSetBack(self) -> None:
        """
        When the clock is set back, new things are done in time nevertheless.
        """
        self.clock.advance(1000)
        self.at(1010, "b")
        self.clock.rightNow = 500.0
        self.at(505, "a")
        self.clock.advance(5)
        self.assertEqual(self.done, [(505, "a")])

    def test_cancel(self) -> None:
        """
        What is cancelled is not done; other things are.
        """
        first, second = self.at(1, "a"), self.at(1, "b")
        self.at(2, "c")
        self.timers.cancel(first)
        self.clock.advance(1)
        self.assertEqual(self.done, [(1, "b")])
        self.timers.cancel(second)
        self.clock.advance(1)
        self.assertEqual(self.done[1:], [(2, "c")])
        self.assertEqual(self.calls(), 0)

    def test_cancelAgain(self) -> None:
        """
        It does no harm to cancel what is cancelled, done, or being done.
        """
        cancelled = self.at(1)
        self.timers.cancel(cancelled)
        self.timers.cancel(cancelled)

        def cancelItself() -> None:
            self.timers.cancel(itself)
            self.note("a")

        itself = self.timers.at(1, cancelItself)
        self.clock.advance(1)
        self.assertEqual(self.done, [(1, "a")])
        self.timers.cancel(itself)
        self.at(2, "b")
        self.clock.advance(1)
        self.assertEqual(self.done[1:], [(2, "b")])

    def test_cancelMeanwhile(self) -> None:
        """
        One thing may cancel another that is to be done at the same time.
        """
        self.timers.at(1, lambda: self.timers.cancel(second))
        second = self.at(1, "b")
        self.clock.advance(1)
        self.assertEqual(self.done, [])
        self.assertEqual(self.calls(), 0)

    def test_askMeanwhile(self) -> None:
        """
        One thing may ask for others, for later or for now: those are done too,
        after what was to be done anyway.
        """

        def ask() -> None:
            self.at(5, "later")
            self.at(1, "now")
            self.at(0, "past")

        self.timers.at(1, ask)
        self.at(1, "anyway")
        self.clock.advance(1)
        self.clock.advance(0)
        self.assertEqual({name for _, name in self.done}, {"anyway", "now", "past"})
        self.assertEqual(self.calls(), 1)
        self.clock.advance(4)
        self.assertEqual(self.done[-1], (5, "later"))
        self.assertEqual(self.calls(), 0)

    def test_again(self) -> None:
        """
        A thing that asks for itself again and again is done again and again.
        """

        def again() -> None:
            self.note("")
            self.timers.at(self.clock.seconds() + 10, again)

        again()
        self.clock.pump([10] * 5)
        self.assertEqual([when for when, _ in self.done], [0, 10, 20, 30, 40, 50])
        self.assertEqual(self.calls(), 1)

    def test_mishap(self) -> None:
        """
        When something goes wrong with one thing, whoever runs the clock hears of
        it, and the others are done all the same.
        """
        self.timers.at(1, mishap)
        self.at(1, "a")
        self.at(2, "b")
        self.assertRaises(ZeroDivisionError, self.clock.advance, 1)
        self.clock.advance(0)
        self.assertEqual(self.done, [(1, "a")])
        self.clock.advance(1)
        self.assertEqual(self.done[1:], [(2, "b")])

    def test_lastMishap(self) -> None:
        """
        When that was the last thing, nothing is left.
        """
        self.timers.at(1, mishap)
        self.assertRaises(ZeroDivisionError, self.clock.advance, 1)
        self.assertEqual(self.calls(), 0)

    def test_stop(self) -> None:
        """
        When it is stopped, everything is forgotten.
        """
        timer = self.at(1)
        self.at(2)
        self.timers.stop()
        self.assertEqual(self.calls(), 0)
        self.clock.advance(5)
        self.assertEqual(self.done, [])
        self.timers.cancel(timer)
        self.timers.stop()

    def test_stopMeanwhile(self) -> None:
        """
        Also when one of the things stops it.
        """
        self.timers.at(1, self.timers.stop)
        self.at(1)
        self.at(2)
        self.clock.advance(5)
        self.assertEqual(self.done, [])
        self.assertEqual(self.calls(), 0)

    def test_actionsLetGo(self) -> None:
        """
        What was to be done is let go of as soon as it is cancelled.
        """

        class Action:
            def __call__(self) -> None:
                raise AssertionError("it was cancelled")

        action = Action()
        gone = ref(action)
        self.timers.cancel(self.timers.at(HOUR, action))
        del action
        self.assertIsNone(gone())

    def test_timersLetGo(self) -> None:
        """
        Of thousands of things that are cancelled long before their time, few are
        remembered; the others are done in their order.
        """
        left = []
        kept = []
        for number in range(5000):
            # In no order, and each at another time.
            when = HOUR + number * 7919 % 5000
            timer = self.at(when, str(number))
            if number % 50:
                left.append(ref(timer))
                self.timers.cancel(timer)
            else:
                kept.append((when, str(number)))
        del timer
        self.assertLess(sum(timer() is not None for timer in left), 1000)
        self.assertEqual(self.calls(), 1)
        self.clock.pump([1] * int(HOUR + 5000))
        self.assertEqual(self.done, sorted(kept))
        self.assertEqual(self.calls(), 0)


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("at"), st.integers(0, 20000)),
        st.tuples(st.just("cancel"), st.integers(0, 500)),
        st.tuples(st.just("pass"), st.integers(0, 8000)),
    ),
    max_size=60,
)


class AnyOrderTests(TimersTestCase):
    """
    Things to do come, are cancelled and become due in any order.
    """

    @settings(max_examples=100, deadline=None, derandomize=True, database=None)
    @given(STEPS)
    def test_steps(self, steps: list[tuple[str, int]]) -> None:
        """
        Everything that is not cancelled is done when the clock has reached its
        time, in order, whatever else goes on; when nothing is left, neither is a
        delayed call.
        """
        self.setUp()
        waiting: list[tuple[float, int, Timer]] = []
        expected: list[tuple[float, str]] = []
        for number, (step, value) in enumerate([*steps, ("pass", 40000)]):
            if step == "at":
                timer = self.at(value, str(number))
                waiting.append((value, number, timer))
            elif step == "cancel" and waiting:
                self.timers.cancel(waiting.pop(value % len(waiting))[2])
            elif step == "pass":
                self.clock.advance(value)
                now = self.clock.seconds()
                due = sorted(waiting, key=lambda entry: entry[:2])
                due = [entry for entry in due if entry[0] <= now]
                waiting = [entry for entry in waiting if entry not in due]
                expected += [(now, str(number)) for _, number, _ in due]
                self.assertEqual(self.done, expected)
            self.assertLessEqual(self.calls(), 1)
        self.assertEqual(self.calls(), 0)
