"""
Tests for L{txgearman.fleet.autoscaling}: a group that has as many children as there is
to do.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from attrs import define, evolve, field
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.logger import LogEvent, LogLevel, capturedLogs, formatEvent
from twisted.trial.unittest import SynchronousTestCase

from txgearman.fleet.autoscaling import Autoscaling
from txgearman.fleet.demand import Demands
from txgearman.fleet.scaling import Demand
from txgearman.fleet.settings import GroupSettings

SETTINGS = GroupSettings(
    "mail", command=("x",), min=1, max=20, functions=("mail", "news")
)


@define
class FakeChild:
    """
    A child that says what it can do.
    """

    functions: tuple[str, ...]
    state: str = "ready"


@define(eq=False)
class FakeGroup:
    """
    A group that notes how it is scaled.
    """

    settings: GroupSettings = SETTINGS
    count: int = 1
    paused: bool = False
    children: list[FakeChild] = field(factory=list)
    scaled: list[int] = field(factory=list)

    @property
    def name(self) -> str:
        return self.settings.name

    def scale(self, count: int) -> None:
        if not 0 <= count <= 1000:
            raise ValueError("too many")
        self.count = count
        self.scaled.append(count)


class FakeLookout:
    """
    A lookout that sees what the test says.

    @ivar demands: what there is to do; L{None} when nobody knows.
    @ivar slow: whether it answers only when the test says so.
    """

    def __init__(self) -> None:
        self.demands: Demands | None = {}
        self.slow = False
        self.looks = 0
        self._waiting: list[Deferred[Demands | None]] = []

    def look(self) -> Deferred[Demands | None]:
        self.looks += 1
        looking: Deferred[Demands | None] = Deferred()
        self._waiting.append(looking)
        if not self.slow:
            self.answers()
        return looking

    def answers(self) -> None:
        waiting, self._waiting = self._waiting, []
        for looking in waiting:
            looking.callback(self.demands)


class AutoscalingTestCase(SynchronousTestCase):
    """
    An autoscaled group.
    """

    def setUp(self) -> None:
        self.clock = Clock()
        self.group = FakeGroup()
        self.lookout = FakeLookout()
        self.scaling = self.scalingOf(self.group)

    def scalingOf(self, group: FakeGroup) -> Autoscaling:
        return Autoscaling(self.clock, cast(Any, group), cast(Any, self.lookout))

    def passes(self, seconds: float) -> None:
        """
        Let time pass, second by second.
        """
        for _ in range(int(seconds)):
            self.clock.advance(1)

    def logged(self, call: Callable[[], object]) -> list[LogEvent]:
        """
        What is logged meanwhile.
        """
        with capturedLogs() as events:
            call()
        return [event for event in events if "log_namespace" in event]


class LookingTests(AutoscalingTestCase):
    """
    What it looks at, and when.
    """

    def test_shown(self) -> None:
        """
        500 jobs grow the group to its maximum at the next look, and an empty queue
        shrinks it to its minimum within the cooldown.
        """
        self.scaling.startService()
        self.passes(10)
        self.assertEqual(self.group.scaled, [])
        self.lookout.demands = {"mail": Demand(500, 0, 1.0)}
        self.passes(2)
        self.assertEqual(self.group.scaled, [20])
        self.lookout.demands = {"mail": Demand(0, 0)}
        self.passes(27)
        self.assertEqual(self.group.scaled, [20])
        self.passes(3)
        self.assertEqual(self.group.scaled, [20, 1])
        self.passes(100)
        self.assertEqual(self.group.scaled, [20, 1])

    def test_interval(self) -> None:
        """
        It looks at once, and then as often as the settings say, which may change.
        """
        self.group.settings = evolve(SETTINGS, look=5.0)
        self.scaling.startService()
        self.assertEqual(self.lookout.looks, 1)
        self.passes(10)
        self.assertEqual(self.lookout.looks, 3)
        self.group.settings = evolve(SETTINGS, look=1.0)
        self.passes(5)
        self.assertEqual(self.lookout.looks, 4)
        self.passes(5)
        self.assertEqual(self.lookout.looks, 9)

    def test_slow(self) -> None:
        """
        There is no look while the one before has no answer.
        """
        self.lookout.slow = True
        self.scaling.startService()
        self.passes(20)
        self.assertEqual(self.lookout.looks, 1)
        self.lookout.answers()
        self.passes(2)
        self.assertEqual(self.lookout.looks, 2)

    def test_stop(self) -> None:
        """
        A group is not scaled any more once it is stopped, also by an answer that comes
        then.
        """
        self.lookout.slow = True
        self.scaling.startService()
        self.scaling.stopService()
        self.lookout.demands = {"mail": Demand(9)}
        self.lookout.answers()
        self.passes(10)
        self.assertEqual(self.group.scaled, [])
        self.assertEqual(self.lookout.looks, 1)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_again(self) -> None:
        """
        It may be started again, and then looks once at a time, as before.
        """
        self.lookout.slow = True
        self.scaling.startService()
        self.scaling.stopService()
        self.scaling.startService()
        self.lookout.demands = {"mail": Demand(9)}
        self.lookout.answers()
        self.assertEqual(self.group.scaled, [9])
        self.passes(2)
        self.assertEqual(self.lookout.looks, 3)

    def test_functions(self) -> None:
        """
        Only what the group does counts, and all of that.
        """
        self.lookout.demands = {
            "mail": Demand(2, 1),
            "news": Demand(4),
            "other": Demand(90),
        }
        self.scaling.startService()
        self.assertEqual(self.group.count, 7)

    def test_reported(self) -> None:
        """
        Where the settings do not say what a group does, its children do, and while
        none of them does what they said before holds.
        """
        self.group.settings = evolve(SETTINGS, functions=())
        self.lookout.demands = {"mail": Demand(2), "a\\xff": Demand(3)}
        self.scaling.startService()
        self.assertEqual(self.group.scaled, [])
        self.group.children = [FakeChild(("mail",)), FakeChild(("mail", "a\\xff"))]
        self.passes(2)
        self.assertEqual(self.group.count, 5)
        self.group.children = [FakeChild(()), FakeChild(("other",), "stopping")]
        self.lookout.demands = {"mail": Demand(9), "other": Demand(9)}
        self.passes(2)
        self.assertEqual(self.group.count, 9)

    def test_dedicated(self) -> None:
        """
        Jobs of a function that its dedicated children see to make no others.
        """
        self.group.settings = evolve(
            SETTINGS, jobsPerChild=2, dedicated={"resize": 3, "news": 1}
        )
        self.lookout.demands = {
            "mail": Demand(6, 0),
            "resize": Demand(4, 3),
            "news": Demand(1, 0),
        }
        self.scaling.startService()
        # (6 + 1) / 2
        self.assertEqual(self.group.count, 4)

    def test_settings(self) -> None:
        """
        Other settings hold from the next look on.
        """
        self.lookout.demands = {"mail": Demand(500)}
        self.scaling.startService()
        self.group.settings = evolve(SETTINGS, max=30)
        self.passes(2)
        self.group.settings = evolve(SETTINGS, max=5)
        self.passes(2)
        self.assertEqual(self.group.scaled, [20, 30, 5])

    def test_said(self) -> None:
        """
        The log says what is scaled, and why, and nothing else.
        """
        self.lookout.demands = {"mail": Demand(5, 2)}
        [event] = self.logged(self.scaling.startService)
        self.assertEqual(
            formatEvent(event),
            "group mail has 7 children instead of 1, for 5 jobs that wait and 2 that"
            " run",
        )
        self.assertEqual(self.logged(lambda: self.passes(20)), [])


class UnscaledTests(AutoscalingTestCase):
    """
    When it does nothing.
    """

    def setUp(self) -> None:
        super().setUp()
        self.lookout.demands = {"mail": Demand(10)}
        self.scaling.startService()
        self.group.scaled.clear()

    def test_blind(self) -> None:
        """
        When no server answers, nothing changes, and the cooldown begins when one does.
        """
        self.lookout.demands = None
        self.passes(100)
        self.assertEqual(self.group.scaled, [])
        self.lookout.demands = {}
        self.passes(28)
        self.assertEqual(self.group.scaled, [])
        self.passes(2)
        self.assertEqual(self.group.scaled, [1])

    def test_paused(self) -> None:
        """
        A paused group is not scaled.
        """
        self.group.paused = True
        self.lookout.demands = {"mail": Demand(20)}
        self.passes(10)
        self.assertEqual(self.group.scaled, [])
        self.group.paused = False
        self.passes(2)
        self.assertEqual(self.group.scaled, [20])

    def test_held(self) -> None:
        """
        A group that is scaled by hand stays so until it is released; then it is scaled
        as ever, down not before the cooldown is over.
        """
        self.scaling.hold(30)
        self.assertTrue(self.scaling.held)
        self.lookout.demands = {}
        self.passes(100)
        self.assertEqual(self.group.scaled, [30])
        self.scaling.release()
        self.assertFalse(self.scaling.held)
        self.passes(2)
        # That many there may not be.
        self.assertEqual(self.group.scaled, [30, 20])
        self.passes(26)
        self.assertEqual(self.group.scaled, [30, 20])
        self.passes(2)
        self.assertEqual(self.group.scaled, [30, 20, 1])

    def test_notHeld(self) -> None:
        """
        What cannot be does not hold a group.
        """
        with self.assertRaises(ValueError):
            self.scaling.hold(5000)
        self.assertFalse(self.scaling.held)

    def test_fails(self) -> None:
        """
        Whatever goes wrong is logged, and there is another look.
        """

        def scale(group: FakeGroup, count: int) -> None:
            raise RuntimeError("oh")

        self.patch(FakeGroup, "scale", scale)
        self.lookout.demands = {"mail": Demand(15)}
        [event] = self.logged(lambda: self.passes(2))
        self.assertEqual(event["log_level"], LogLevel.critical)
        self.assertEqual(formatEvent(event), "group mail was not scaled")
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1)
        looks = self.lookout.looks
        self.patch(self.group, "settings", evolve(SETTINGS, look=1.0))
        self.passes(3)
        self.assertEqual(self.lookout.looks, looks + 2)
        self.flushLoggedErrors(RuntimeError)
