"""
Anything may happen on a board, in any order: it keeps its promises.
"""

from __future__ import annotations

from collections import Counter

from attrs import define, field
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from twisted.trial.unittest import SynchronousTestCase

from tests.board.stage import LONG, NOOP, OFFER, Actor, Stage, takeCensus
from txgearman.board.function import QueueLimit
from txgearman.board.job import Job, JobState, Priority
from txgearman.board.peer import Rest
from txgearman.errors import QueueFull, ServerError

NAMES = (b"f", b"g")
DELAY = 2.0
ENDS = ("WORK_COMPLETE", "WORK_FAIL", "WORK_EXCEPTION")

names = st.sampled_from(NAMES)
numbers = st.integers(0, 1000)


@define(eq=False)
class Record:
    """
    What is known of one job without asking the board.

    @ivar owed: how many ends each client is still to hear of.
    @ivar background: whether it was ever submitted in the background.
    @ivar attempts: how often it was granted.
    @ivar deadline: when the running attempt is too slow; 0 for never.
    @ivar over: whether somebody ended it.
    """

    job: Job
    owed: Counter[Actor] = field(factory=Counter)
    background: bool = False
    attempts: int = 0
    deadline: float = 0.0
    over: bool = False


@define(eq=False)
class Player:
    """
    An actor, and what is known of it without asking the board.

    @ivar timeouts: its timeout for each function that it can do.
    @ivar told: how often it was told to wake since it last grabbed or slept.
    @ivar toldAt: when that was.
    @ivar asleep: whether it sleeps and was not told to wake.
    @ivar waits: whether it does not sleep then, but waits for the answer to a grab.
    """

    actor: Actor
    timeouts: dict[bytes, float] = field(factory=dict)
    told: int = 0
    toldAt: float = 0.0
    asleep: bool = False
    waits: bool = False


class Scenes(RuleBasedStateMachine):
    """
    Clients and workers do as they like, and time passes.
    """

    def __init__(self) -> None:
        super().__init__()
        self.players: list[Player] = []
        self.records: dict[bytes, Record] = {}

    @initialize(
        attempts=st.sampled_from([0, 0, 1, 3]),
        wakeup=st.sampled_from([1, 1, 2, 0]),
        exceptions=st.booleans(),
    )
    def begin(self, attempts: int, wakeup: int, exceptions: bool) -> None:
        self.stage = Stage(
            attempts=attempts,
            wakeup=wakeup,
            wakeupDelay=DELAY,
            exceptions=exceptions,
        )
        self.board = self.stage.board
        self.board.functions.setLimit(b"g", QueueLimit(9, 7, 5))
        for able in ([], [b"f"], [b"f"], [b"f", b"g"]):
            self.comes(able, bool(able))

    # What may happen

    @precondition(lambda self: len(self.players) < 8)
    @rule(able=st.lists(names, max_size=2), asleep=st.booleans())
    def comes(self, able: list[bytes], asleep: bool) -> None:
        self.players.append(Player(self.stage.client()))
        for name in able:
            self.learns(-1, name, 0.0)
        if asleep:
            self.sleeps(-1)

    @precondition(lambda self: len(self.players) > 3)
    @rule(who=numbers)
    def leaves(self, who: int) -> None:
        player = self.players.pop(who % len(self.players))
        workers = (None, player.actor.peer)
        left = [record for record in self.living() if record.job.worker in workers]
        player.actor.leaves()
        for record in self.records.values():
            del record.owed[player.actor]
        self.drop(left)

    @precondition(lambda self: self.board.running and len(self.players) > 3)
    @rule(which=numbers)
    def workerLeaves(self, which: int) -> None:
        _, player = self.running(which)
        self.leaves(self.players.index(player))

    @rule(
        who=numbers,
        name=names,
        data=st.sampled_from([b"", b"x", b"y"]),
        unique=st.sampled_from([b"", b"", b"-", b"u", b"v"]),
        priority=st.sampled_from(Priority),
        background=st.sampled_from([True, False, True]),
        delay=st.sampled_from([0, 0, 0, 0, 1, 5, 90]),
    )
    def submits(
        self,
        who: int,
        name: bytes,
        data: bytes,
        unique: bytes,
        priority: Priority,
        background: bool,
        delay: float,
    ) -> None:
        actor = self.player(who).actor
        due = delay and self.stage.clock.seconds() + delay
        living = [r for r in self.living() if r.job.function.name == name]
        same = [r for r in living if isJoined(r.job, unique, data)]
        try:
            job = actor.submits(name, data, unique, priority, background, due=due)
        except QueueFull:
            assert name == b"g"
            assert len(living) >= (9, 7, 5)[priority]
            assert not same
            return
        record = self.records.setdefault(job.handle, Record(job))
        assert record.job is job, "no handle comes twice"
        assert not record.over, "nobody joins a job that is over"
        assert same in ([], [record]), "a unique has one living job"
        assert bool(same) == (record in living)
        if background:
            record.background = True
        else:
            record.owed[actor] += 1

    @rule(who=numbers, name=names, count=st.integers(2, 5))
    def submitsMany(self, who: int, name: bytes, count: int) -> None:
        for _ in range(count):
            self.submits(who, name, b"", b"", Priority.NORMAL, True, 0)

    @rule(who=numbers, name=names, timeout=st.sampled_from([None, 0.0, 0.5, 3.0]))
    def learns(self, who: int, name: bytes, timeout: float | None) -> None:
        """
        Somebody can do something from now on, or cannot any more.
        """
        player = self.player(who)
        if timeout is None:
            player.actor.cantDo(name)
            player.timeouts.pop(name, None)
        else:
            player.actor.canDo(name, timeout=timeout)
            player.timeouts[name] = max(timeout, 1.0) if timeout else 0.0

    @rule(who=numbers)
    def sleeps(self, who: int) -> None:
        player = self.player(who)
        player.told = 0
        player.asleep = True
        player.waits = False
        player.actor.sleeps()
        assert bool(self.waitFor(player)) == (not self.listen(player))

    @rule()
    def allSleep(self) -> None:
        for who in range(len(self.players)):
            self.sleeps(who)

    @rule(who=numbers)
    def grabs(self, who: int) -> None:
        player = self.player(who)
        waiting = self.waitFor(player)
        job = player.actor.grabs()
        player.told = 0
        player.asleep = player.waits = False
        assert (job in waiting) if waiting else (job is None)
        if job is not None:
            assert job.priority == min(other.priority for other in waiting)
            fresh = [o for o in waiting if self.isFresh(o) and isRival(o, job)]
            if self.isFresh(job):
                assert job is min(fresh, key=lambda other: other.number)
            record = self.records[job.handle]
            record.attempts += 1
            assert job.attempts == record.attempts
            timeout = player.timeouts[job.function.name]
            record.deadline = timeout and self.stage.clock.seconds() + timeout

    @rule(who=numbers)
    def waits(self, who: int) -> None:
        """
        Somebody who finds no job waits for the answer.
        """
        self.grabs(who)
        player = self.player(who)
        if not self.waitFor(player) and self.listen(player):
            player.asleep = player.waits = True
            player.actor.waits()

    @rule()
    def allGrab(self) -> None:
        for who in range(len(self.players)):
            self.grabs(who)

    @precondition(lambda self: self.records)
    @rule(who=numbers, which=numbers, how=st.sampled_from(["tells", "sends", "warns"]))
    def reports(self, who: int, which: int, how: str) -> None:
        """
        Somebody reports on a job, be it granted to it, taken from it, or never
        its own.
        """
        player = self.player(who)
        job = list(self.records.values())[which % len(self.records)].job
        refused = b""
        try:
            if how == "tells":
                player.actor.tells(job, b"1", b"2")
            elif how == "sends":
                player.actor.sends(job, b"part")
            else:
                player.actor.warns(job, b"careful")
        except ServerError as error:
            refused = error.code
        if job.worker is player.actor.peer:
            assert not refused
        elif job.state is not JobState.CANCELLED:
            assert refused == b"JOB_NOT_FOUND"

    @precondition(lambda self: self.board.running)
    @rule(which=numbers, how=st.sampled_from(["completes", "fails", "throws", "both"]))
    def ends(self, which: int, how: str) -> None:
        record, player = self.running(which)
        record.over = True
        if how == "completes":
            player.actor.completes(record.job, b"done")
        elif how == "fails":
            player.actor.fails(record.job)
        else:
            player.actor.throws(record.job, b"bang")
            if how == "both":
                player.actor.fails(record.job)

    @precondition(lambda self: self.board.jobs)
    @rule(which=numbers)
    def cancels(self, which: int) -> None:
        jobs = list(self.board.jobs.values())
        job = jobs[which % len(jobs)]
        self.records[job.handle].over = True
        assert self.stage.cancels(job)
        assert not self.stage.cancels(job)

    @rule(seconds=st.sampled_from([0.5, 1.0, 2.0, 5.0]))
    def passes(self, seconds: float) -> None:
        running = [r for r in self.living() if r.job.state is JobState.RUNNING]
        self.stage.passes(seconds)
        now = self.stage.clock.seconds()
        self.drop([r for r in running if r.deadline and r.deadline <= now])

    # What always holds

    @invariant()
    def countsAreRight(self) -> None:
        takeCensus(self.board)
        assert set(self.board.peers) == {p.actor.peer for p in self.players}
        for player in self.players:
            known = {n: a.timeout for n, a in player.actor.peer.abilities.items()}
            assert known == player.timeouts

    @invariant()
    def everybodyHears(self) -> None:
        """
        Clients hear of one end for each submit, and of nothing that they did not
        submit; workers are told once to wake, and only in their sleep.
        """
        for player in self.players:
            self.listen(player)
        while offered := [who for who, p in enumerate(self.players) if self.offered(p)]:
            self.grabs(offered[0])
            for player in self.players:
                self.listen(player)
        for handle, record in self.records.items():
            if handle not in self.board.jobs:
                assert not any(record.owed.values()), "everybody was told of the end"
            else:
                submits = Counter(record.job.listeners)
                owed = {a.peer: n for a, n in record.owed.items() if n}
                assert submits == owed

    @invariant()
    def nothingIsLost(self) -> None:
        """
        A job stays until somebody ends it, or nobody wants it any more, or it has
        no attempt left; and then it is gone.
        """
        living = {handle for handle, r in self.records.items() if not r.over}
        assert set(self.board.jobs) == living

    @invariant()
    def nobodyIsTooSlow(self) -> None:
        now = self.stage.clock.seconds()
        for record in self.living():
            if record.job.state is JobState.RUNNING:
                assert not record.deadline or now < record.deadline
            assert record.job.state is not JobState.DELAYED or now < record.job.due
            assert not record.attempts or now >= record.job.due

    @invariant()
    def nobodySleepsTooLong(self) -> None:
        """
        While somebody sleeps who could do a job that waits, as many were woken as
        jobs wait, no longer ago than the delay, and may still come.
        """
        now = self.stage.clock.seconds()
        for player in self.players:
            rest = Rest.WAITING if player.waits else Rest.ASLEEP
            assert player.asleep == (player.actor.peer.rest is rest)
        for name in NAMES:
            able = [player for player in self.players if name in player.timeouts]
            coming = [p for p in able if p.told and now - p.toldAt < DELAY]
            waiting = self.board.functions.named(name).queue.waiting
            asleep = any(player.asleep for player in able)
            assert not asleep or waiting <= len(coming), name

    @invariant()
    def oneCall(self) -> None:
        assert len(self.stage.clock.getDelayedCalls()) <= 1

    def teardown(self) -> None:
        """
        In the end, everybody leaves, and somebody does what is left.
        """
        if not self.players:
            return
        while self.players:
            self.leaves(0)
        self.countsAreRight()
        self.nothingIsLost()
        self.stage.passes(LONG)
        worker = self.stage.worker(*NAMES)
        jobs = worker.takesAll()
        left = [record for record in self.records.values() if not record.over]
        assert all(record.background for record in left)
        assert set(jobs) == {record.job for record in left}
        for job in jobs:
            worker.completes(job)
        takeCensus(self.board)
        assert not self.board.jobs
        self.stage.passes(LONG)
        assert not self.stage.clock.getDelayedCalls()

    # Helpers

    def player(self, who: int) -> Player:
        return self.players[who % len(self.players)]

    def living(self) -> list[Record]:
        return [self.records[handle] for handle in self.board.jobs]

    def running(self, which: int) -> tuple[Record, Player]:
        """
        Choose a running job.

        @return: it, and who runs it.
        """
        running = [r for r in self.living() if r.job.state is JobState.RUNNING]
        record = running[which % len(running)]
        (player,) = (p for p in self.players if p.actor.peer is record.job.worker)
        return record, player

    def offered(self, player: Player) -> bool:
        """
        Was a player offered a job instead of an answer, which it takes at once?
        """
        return player.waits and bool(player.told)

    def drop(self, records: list[Record]) -> None:
        """
        Note which of some jobs that do not run, or do so no more, are over: those
        that nobody wants, and those that have no attempt left.
        """
        limit = self.board.policy.attempts
        for record in records:
            wanted = record.background or any(record.owed.values())
            if not wanted or 0 < limit <= record.attempts:
                record.over = True

    def waitFor(self, player: Player) -> list[Job]:
        """
        The jobs that wait and that a player can do.
        """
        return [
            job
            for job in self.board.jobs.values()
            if job.state is JobState.QUEUED and job.function.name in player.timeouts
        ]

    def isFresh(self, job: Job) -> bool:
        """
        Has a job never left its place in its queue?
        """
        return not job.due and not self.records[job.handle].attempts

    def listen(self, player: Player) -> bool:
        """
        Take what a player was told.

        @return: whether it was not told to wake.
        """
        for heard in player.actor.hears():
            if heard in (NOOP, OFFER):
                assert player.asleep, "only sleepers are woken"
                assert (heard == OFFER) == player.waits
                player.told += 1
                player.toldAt = self.stage.clock.seconds()
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


def isRival(one: Job, other: Job) -> bool:
    """
    Do two jobs wait in one queue, one behind the other?
    """
    return one.function is other.function and one.priority is other.priority


def isJoined(job: Job, unique: bytes, data: bytes) -> bool:
    """
    Would a submit with this unique join the job?
    """
    if unique == b"-":
        return job.unique == b"-" and job.data == data != b""
    return bool(unique) and job.unique == unique


class AnythingTests(SynchronousTestCase):
    """
    Nothing that anybody does brings the board out of step.
    """

    def test_scenes(self) -> None:
        """
        After each step, every count is right, everybody was told what is owed to
        it, no job is lost and none is forgotten; in the end nothing is left.
        """
        run_state_machine_as_test(
            Scenes,
            settings=settings(
                max_examples=120,
                stateful_step_count=60,
                deadline=None,
                derandomize=True,
                database=None,
            ),
        )
