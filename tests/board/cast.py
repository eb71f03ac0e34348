"""
A model of what clients, workers and administrators do on a board under any policies,
and of what they are owed.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from attrs import define, field
from hypothesis.stateful import RuleBasedStateMachine, invariant

from tests.board.stage import NOOP, Actor, Stage
from txgearman.board.job import Job, JobState
from txgearman.board.keys import Cause
from txgearman.board.peer import Rest
from txgearman.board.policies import FunctionPolicy

NAMES = (b"f", b"g")
DELAY = 2.0
ENDS = ("WORK_COMPLETE", "WORK_FAIL", "WORK_EXCEPTION")


@define(eq=False)
class Record:
    """
    What is known of one job without asking the board.

    @ivar owed: how many ends each client is still to hear of.
    @ivar attempts: how often it was granted, since it was requeued last.
    @ivar deadline: when the running attempt is too slow; 0 for never.
    @ivar lease: how long its worker may say nothing; 0 for as long as it likes.
    @ivar heard: when it was heard of last.
    @ivar cause: what ends its attempt, if somebody just did that.
    @ivar gone: what was done to it that ends it for good.
    """

    job: Job
    owed: Counter[Actor] = field(factory=Counter)
    attempts: int = 0
    deadline: float = 0.0
    lease: float = 0.0
    heard: float = 0.0
    cause: Cause | None = None
    gone: str = ""


@define(eq=False)
class Player:
    """
    An actor, and what is known of it without asking the board.

    @ivar timeouts: its timeout for each function that it can do.
    @ivar told: how often it was told to wake since it last grabbed or slept.
    @ivar toldAt: when that was.
    @ivar asleep: whether it sleeps and was not told to wake.
    """

    actor: Actor
    timeouts: dict[bytes, float] = field(factory=dict)
    told: int = 0
    toldAt: float = 0.0
    asleep: bool = False


class Cast(RuleBasedStateMachine):
    """
    Everybody on a stage, and all that is known of their jobs without asking the board.
    """

    stage: Stage

    def __init__(self) -> None:
        super().__init__()
        self.players: list[Player] = []
        self.records: dict[bytes, Record] = {}
        self.alive: dict[bytes, Record] = {}

    def makeStage(self) -> Stage:
        raise NotImplementedError

    # What always holds

    @invariant()
    def countsAreRight(self) -> None:
        self.stage.census()

    @invariant()
    def nothingIsLost(self) -> None:
        """
        Every job lives, or there is a reason why it does not.
        """
        for handle, record in list(self.alive.items()):
            if self.board.jobs.get(handle) is not record.job:
                del self.alive[handle]
                self.checkEnd(record)
            record.cause = None
        assert set(self.board.jobs) == set(self.alive)

    @invariant()
    def everybodyHears(self) -> None:
        """
        Clients hear of one end for each submit, and of nothing that they did not
        submit; workers are told once to wake, and only in their sleep.
        """
        for player in self.players:
            self.listen(player)
        for handle, record in self.records.items():
            if handle not in self.board.jobs:
                assert not any(record.owed.values()), "everybody was told of the end"
            else:
                owed = {a.peer: n for a, n in record.owed.items() if n}
                assert Counter(record.job.listeners) == owed

    @invariant()
    def nobodyIsTooSlow(self) -> None:
        for record in self.alive.values():
            if record.job.state is JobState.RUNNING:
                assert not record.deadline or self.now < record.deadline
                assert not record.lease or self.now < record.heard + record.lease

    @invariant()
    def nobodySleepsTooLong(self) -> None:
        """
        While somebody sleeps who could do a job that may be granted, somebody is on
        the way who was woken not long ago.
        """
        for player in self.players:
            assert player.asleep == (player.actor.peer.rest is Rest.ASLEEP)
        for name in NAMES:
            able = [player for player in self.players if name in player.timeouts]
            coming = [p for p in able if p.told and self.now - p.toldAt < DELAY]
            offered = self.board.functions.named(name).offered
            assert coming or not offered or not any(p.asleep for p in able), name

    # Helpers

    @property
    def board(self) -> Any:
        return self.stage.board

    @property
    def now(self) -> float:
        return self.stage.clock.seconds()

    @property
    def isDown(self) -> bool:
        """
        May a background submit be refused because it cannot be kept?
        """
        return False

    def settles(self) -> None:
        """
        Let all be saved that is to be.
        """

    def player(self, who: int) -> Player:
        return self.players[who % len(self.players)]

    def policy(self, name: bytes) -> FunctionPolicy:
        policy: FunctionPolicy = self.board.policies.of(name)
        return policy

    def running(self, which: int) -> tuple[Record, Player]:
        """
        Choose a running job.

        @return: it, and who runs it.
        """
        running = [r for r in self.alive.values() if r.job.state is JobState.RUNNING]
        record = running[which % len(running)]
        (player,) = (p for p in self.players if p.actor.peer is record.job.worker)
        return record, player

    def trusts(self) -> None:
        """
        It is not known any more when the attempts that run are too slow.
        """
        for record in self.alive.values():
            record.deadline = record.lease = 0.0

    def isFull(self, name: bytes, living: list[Job], data: bytes) -> bool:
        policy = self.policy(name)
        counted = [
            job
            for job in living
            if policy.queueCountsRunning or job.state is not JobState.RUNNING
        ]
        size = sum(len(job.data) for job in counted) + len(data)
        return 0 < policy.queueLimit <= len(counted) or 0 < policy.queueBytes < size

    def waitFor(self, player: Player) -> list[Job]:
        """
        The jobs that may be granted to a player.
        """
        return [
            record.job
            for record in self.alive.values()
            if record.job.state is JobState.QUEUED
            and record.job.function.name in player.timeouts
            and record.job.function.offered
        ]

    def triedAgain(self, record: Record) -> bool:
        """
        Is a job to be tried again whose attempt ends?
        """
        job, policy = record.job, record.job.function.policy
        wanted = job.background or any(record.owed.values())
        spent = 0 < policy.attempts <= record.attempts
        reported = record.cause in (Cause.FAIL, Cause.EXCEPTION)
        patient = job.background or policy.retryForeground or not reported
        return wanted and not spent and patient and record.cause in policy.retryOn

    def checkPause(self, job: Job) -> None:
        """
        Does a job wait as long as it should for its next attempt?
        """
        policy = job.function.policy
        pause = policy.backoffFirst * policy.backoffFactor ** (job.attempts - 1)
        pause = min(pause, policy.backoffMax)
        if not pause:
            assert job.state is JobState.QUEUED
            return
        assert job.state is JobState.DELAYED
        share = (job.due - self.now) / pause
        assert abs(share - 1) <= policy.backoffJitter + 1e-6

    def checkEnd(self, record: Record) -> None:
        """
        Did a job end as it should, and leave what it should?
        """
        job = record.job
        state, policy = job.state, job.function.policy
        if record.gone:
            assert state.name.lower() == record.gone
        elif record.cause is not None:
            assert not self.triedAgain(record), record
            letter = job.background and policy.deadLetter
            assert state is (JobState.DEAD if letter else JobState.FAILED)
        elif state is JobState.CANCELLED:
            assert not job.wanted, "nobody wanted it"
        else:
            assert policy.ttl, "it expired"
            letter = job.background and policy.deadLetter
            assert state is (JobState.DEAD if letter else JobState.EXPIRED)
        if job.background and policy.results > 5:
            result = self.board.results.get(job.handle)
            if result is not None:
                assert result.state == state.name.lower()
                assert result.attempts == record.attempts
        if state not in (JobState.DEAD, JobState.CANCELLED):
            assert self.board.dead.get(job.handle) is None

    def listen(self, player: Player) -> bool:
        """
        Take what a player was told.

        @return: whether it was not told to wake.
        """
        for heard in player.actor.hears():
            if heard == NOOP:
                assert player.asleep, "only sleepers are woken"
                player.told += 1
                player.toldAt = self.now
                player.asleep = False
                continue
            name, handle, *_ = heard
            assert isinstance(handle, bytes)
            owed = self.records[handle].owed
            assert owed[player.actor] > 0, (heard, "nobody hears of others' jobs")
            if name in ENDS:
                owed[player.actor] -= 1
        assert player.told <= 1, "nobody is told twice"
        return not player.told


def isJoined(job: Job, unique: bytes, data: bytes) -> bool:
    """
    Would a submit with this unique join the job?
    """
    if unique == b"-":
        return job.unique == b"-" and job.data == data != b""
    return bool(unique) and job.unique == unique
