"""
Tests for L{txgearman.fleet.scaling}: how many children a group is to have.
"""

from __future__ import annotations

from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from txgearman.fleet.scaling import UNKNOWN, Demand, Scaler
from txgearman.fleet.settings import GroupSettings

SETTINGS = GroupSettings("g", "t", min=1, max=20, cooldown=30.0, look=2.0)


class DemandTests(SynchronousTestCase):
    """
    Tests for L{Demand}.
    """

    def test_sum(self) -> None:
        """
        Jobs in two places are added, and the oldest is the oldest of all.
        """
        both = Demand(3, 1, 2.5) + Demand(4, 2, 7.5)
        self.assertEqual(both, Demand(7, 3, 7.5))

    def test_unknown(self) -> None:
        """
        An age that nobody tells is none, and hides none that is told.
        """
        silent = Demand(2, 0, UNKNOWN)
        for other in Demand(), silent:
            self.assertEqual((silent + other).oldest, UNKNOWN)
            self.assertEqual((other + silent).oldest, UNKNOWN)
        told = Demand(1, 0, 4.0)
        self.assertEqual((silent + told).oldest, 4.0)
        self.assertEqual((told + silent).oldest, 4.0)
        self.assertEqual((Demand() + Demand()).oldest, 0.0)

    def test_without(self) -> None:
        """
        Jobs that others see to are first those that run.
        """
        demand = Demand(5, 2, 9.0)
        self.assertEqual(demand.without(0), demand)
        self.assertEqual(demand.without(1), Demand(5, 1, 9.0))
        self.assertEqual(demand.without(4), Demand(3, 0, 9.0))
        self.assertEqual(demand.without(7), Demand())
        self.assertEqual(demand.without(100), Demand())


class GroupStage:
    """
    A group that is looked at.

    @ivar count: how many children it is to have.
    """

    def __init__(self, settings: GroupSettings = SETTINGS, count: int = 1) -> None:
        self.scaler = Scaler(settings)
        self.count = count
        self.now = 1000.0

    def sees(
        self, queued: int, running: int = 0, oldest: float = 0.0, after: float = 2.0
    ) -> int:
        """
        Look at what there is to do.

        @param after: how long after the look before.
        @return: how many children there are to be then.
        """
        self.now += after
        demand = Demand(queued, running, oldest)
        self.count = self.scaler.wanted(self.now, self.count, demand)
        return self.count

    def unknown(self, after: float = 2.0) -> None:
        """
        Look, and learn nothing.
        """
        self.now += after
        self.scaler.unknown(self.now, self.count)


class GrowingTests(SynchronousTestCase):
    """
    More children.
    """

    def test_formula(self) -> None:
        """
        There are as many as all jobs are worth that wait or run, within the bounds.
        """
        for jobsPerChild, queued, running, wanted in (
            (1, 0, 0, 1),
            (1, 1, 0, 1),
            (1, 1, 1, 2),
            (1, 12, 3, 15),
            (1, 500, 0, 20),
            (10, 10, 0, 1),
            (10, 11, 0, 2),
            (10, 15, 10, 3),
            (10, 0, 21, 3),
        ):
            stage = GroupStage(evolve(SETTINGS, jobsPerChild=jobsPerChild))
            self.assertEqual(stage.sees(queued, running), wanted)

    def test_atOnce(self) -> None:
        """
        Each look may make more of them, however short ago the one before was.
        """
        stage = GroupStage()
        self.assertEqual(stage.sees(3), 3)
        self.assertEqual(stage.sees(7, 3, after=0.1), 10)
        self.assertEqual(stage.sees(500, 10, after=0.1), 20)

    def test_fromNothing(self) -> None:
        """
        A group of none gets one for one job.
        """
        stage = GroupStage(evolve(SETTINGS, min=0), count=0)
        self.assertEqual(stage.sees(0), 0)
        self.assertEqual(stage.sees(1), 1)

    def test_oldest(self) -> None:
        """
        While a job waits for longer than it may, there is one more at each look, also
        where there are more of them than the jobs are worth.
        """
        settings = evolve(SETTINGS, jobsPerChild=100, maxAge=10.0, max=4)
        stage = GroupStage(settings)
        self.assertEqual(stage.sees(50, 1, oldest=10.0), 1)
        seen = [stage.sees(50, 1, oldest=10.5) for _ in range(5)]
        self.assertEqual(seen, [2, 3, 4, 4, 4])

    def test_oldestOfNone(self) -> None:
        """
        How old a job is does not matter where nobody asks for it, tells it or waits.
        """
        self.assertEqual(GroupStage().sees(1, 0, oldest=1e6), 1)
        settings = evolve(SETTINGS, maxAge=10.0)
        self.assertEqual(GroupStage(settings).sees(1, 0, oldest=UNKNOWN), 1)
        self.assertEqual(GroupStage(settings).sees(0, 1, oldest=11.0), 1)


class ShrinkingTests(SynchronousTestCase):
    """
    Fewer children.
    """

    def test_cooldown(self) -> None:
        """
        An empty queue shrinks a group to its minimum when the cooldown is over, and
        not before.
        """
        stage = GroupStage()
        self.assertEqual(stage.sees(500), 20)
        seen = [stage.sees(0) for _ in range(16)]
        self.assertEqual(seen, 14 * [20] + 2 * [1])

    def test_need(self) -> None:
        """
        Every need for more begins the cooldown anew, for as many as it was.
        """
        stage = GroupStage()
        stage.sees(20)
        for _ in range(10):
            stage.sees(2)
        self.assertEqual(stage.sees(8), 20)
        seen = [stage.sees(0) for _ in range(15)]
        # The 20 were needed 22 seconds before the 8.
        self.assertEqual(seen, 3 * [20] + 11 * [8] + [1])

    def test_wave(self) -> None:
        """
        A group whose queue is empty between two waves keeps its children.
        """
        stage = GroupStage()
        stage.sees(20)
        for _ in range(10):
            for queued in [0] * 13 + [20]:
                self.assertEqual(stage.sees(queued), 20)

    def test_first(self) -> None:
        """
        Children that are there at the first look count as needed then.
        """
        stage = GroupStage(count=6)
        seen = [stage.sees(0) for _ in range(16)]
        self.assertEqual(seen, 15 * [6] + [1])

    def test_none(self) -> None:
        """
        Without a cooldown a child goes that is not needed.
        """
        stage = GroupStage(evolve(SETTINGS, cooldown=0.0))
        self.assertEqual([stage.sees(n) for n in (9, 3, 0)], [9, 3, 1])

    def test_unknown(self) -> None:
        """
        When nobody knows what there is to do, all children count as needed: nothing
        shrinks before the cooldown is over once somebody knows again.
        """
        stage = GroupStage()
        stage.sees(20)
        for _ in range(50):
            stage.unknown()
        seen = [stage.sees(0) for _ in range(15)]
        self.assertEqual(seen, 14 * [20] + [1])

    def test_busy(self) -> None:
        """
        Children that have a job are not too many, however few the jobs are worth.
        """
        stage = GroupStage(evolve(SETTINGS, jobsPerChild=10))
        stage.sees(100)
        seen = [stage.sees(0, 6) for _ in range(20)]
        self.assertEqual(seen, 14 * [10] + 6 * [6])
        self.assertEqual(stage.sees(0, 5), 5)

    def test_busyAtOnce(self) -> None:
        """
        A child that does several jobs at once is busy with several.
        """
        stage = GroupStage(evolve(SETTINGS, jobsPerChild=10, concurrency=3, cooldown=0))
        stage.sees(100)
        self.assertEqual(stage.sees(0, 7), 3)

    def test_busyElsewhere(self) -> None:
        """
        Jobs that run elsewhere make no children busy that there are not.
        """
        stage = GroupStage(evolve(SETTINGS, jobsPerChild=10, cooldown=0))
        stage.sees(30)
        self.assertEqual(stage.sees(0, 15), 3)
        self.assertEqual(stage.sees(0, 0), 1)

    def test_beyond(self) -> None:
        """
        What is outside of the bounds is brought there at once.
        """
        self.assertEqual(GroupStage(count=50).sees(0), 20)
        self.assertEqual(GroupStage(count=0).sees(0), 1)


class AnythingTests(SynchronousTestCase):
    """
    Whatever happens.
    """

    @given(
        st.lists(st.tuples(st.integers(0, 60), st.integers(0, 30), st.floats(0, 40))),
        st.integers(1, 5),
        st.sampled_from([0.0, 5.0, 30.0]),
    )
    def test_anything(
        self, looks: list[tuple[int, int, float]], jobsPerChild: int, cooldown: float
    ) -> None:
        """
        A group stays within its bounds, never has fewer than are needed if it may have
        those, and shrinks to nothing that was needed within the cooldown.
        """
        settings = evolve(
            SETTINGS, jobsPerChild=jobsPerChild, cooldown=cooldown, min=2, max=9
        )
        stage = GroupStage(settings, count=2)
        needs: list[tuple[float, int]] = []
        for queued, running, after in looks:
            before = stage.count
            count = stage.sees(queued, running, after=after)
            need = max(2, min(9, -(-(queued + running) // jobsPerChild)))
            needs.append((stage.now, need))
            recent = [
                n for when, n in needs if when > stage.now - cooldown or n == need
            ]
            self.assertTrue(2 <= count <= 9)
            self.assertGreaterEqual(count, need)
            self.assertGreaterEqual(count, min(before, max(recent)))
