"""
Policies, dead letters and results of a board whose jobs are kept: anything may happen,
a restart too.
"""

from __future__ import annotations

from typing import Any

from hypothesis import settings
from hypothesis.stateful import precondition, rule, run_state_machine_as_test
from twisted.trial.unittest import SynchronousTestCase

from tests.board.cast import NAMES
from tests.board.census import same
from tests.board.stage import Stage
from tests.board.test_policies_anything import LIMITS, Scenes, numbers
from tests.stores.stage import DurableStage
from txgearman.board.job import SAVING
from txgearman.board.policies import Setting


class KeptScenes(Scenes):
    """
    The same on a board with a store, which may fail, and a server that is killed.
    """

    stage: DurableStage

    def makeStage(self) -> Stage:
        return DurableStage(**LIMITS)

    @property
    def isDown(self) -> bool:
        return self.stage.journal.down is not None

    @precondition(lambda self: self.stage.turns)
    @rule()
    def turnEnds(self) -> None:
        self.stage.turnEnds()

    @precondition(lambda self: self.stage.runner.busy)
    @rule()
    def writes(self) -> None:
        self.stage.runner.finishes()

    @precondition(lambda self: self.stage.runner.busy)
    @rule()
    def breaks(self) -> None:
        """
        What is new and was wanted in the background only is not taken.
        """
        self.stage.runner.fails()

    @rule()
    def settles(self) -> None:
        """
        The store works for a while, and all is written.
        """
        self.stage.rests()
        self.passes(30.0)
        self.stage.rests()
        assert not self.isDown
        assert all(job.state is not SAVING for job in self.board.jobs.values())
        background = {job.number for job in self.board.jobs.values() if job.background}
        same(set(self.stage.drawer.jobs), background)
        self.checkRecords()

    @rule(who=numbers)
    def dies(self, who: int) -> None:
        """
        The server is killed when all is written, and another one begins.
        """
        self.settles()
        self.nothingIsLost()
        before = keptOf(self.stage)
        drawer, now = self.stage.drawer, self.now
        self.stage = DurableStage(drawer=drawer, now=now, **LIMITS)
        same(keptOf(self.stage), before)
        self.players = []
        for handle, record in list(self.alive.items()):
            record.owed.clear()
            if not record.job.background:
                del self.alive[handle]
                continue
            record.job = self.board.jobs[handle]
        for record in self.records.values():
            record.owed.clear()
        for able in ([], [b"f"], [b"f", b"g"]):
            self.comes(able, bool(able))

    def checkRecords(self) -> None:
        """
        Is that kept, and nothing else, which is on the board?
        """
        kept = set(self.stage.drawer.records)
        expected = {("dead", one.handle) for one in self.board.dead}
        expected |= {("result", one.handle) for one in self.board.results}
        same({one for one in kept if one[0] != "policy"}, expected)
        ours = len(kept) - len(expected)
        same(ours, len(self.board.policies))


def keptOf(stage: DurableStage) -> tuple[Any, ...]:
    """
    What has to be there after a restart.
    """
    board = stage.board
    jobs = {
        job.handle: (
            job.function.name,
            job.unique,
            job.priority,
            bytes(job.data),
            job.submitted,
            job.due,
            job.attempts,
            job.error,
        )
        for job in board.jobs.values()
        if job.background
    }
    policies = [board.policies.of(name) for name in NAMES]
    settings: list[Setting] = list(board.policies)
    # Those that ended at one moment have no order.
    dead = sorted(board.dead, key=lambda one: (one.moment, one.handle))
    results = sorted(board.results, key=lambda one: (one.moment, one.handle))
    return jobs, dead, results, settings, policies


class AnythingTests(SynchronousTestCase):
    """
    Nothing that a policy says is lost with a server.
    """

    def test_scenes(self) -> None:
        """
        Whatever happens, a store that fails and a server that is killed included: what
        holds without a store holds, and what is kept comes back as it was.
        """
        run_state_machine_as_test(
            KeptScenes,
            settings=settings(
                max_examples=60,
                stateful_step_count=40,
                deadline=None,
                derandomize=True,
                database=None,
            ),
        )
