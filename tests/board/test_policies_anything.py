"""
Anything may happen on a board, under any policies, in any order.
"""

from __future__ import annotations

from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    initialize,
    precondition,
    rule,
    run_state_machine_as_test,
)
from twisted.trial.unittest import SynchronousTestCase

from tests.board.cast import DELAY, NAMES, Cast, Player, Record, isJoined
from tests.board.census import same
from tests.board.stage import LONG, Stage, valued
from txgearman.board.job import JobState, Priority
from txgearman.board.keys import Cause
from txgearman.board.policies import Origin
from txgearman.errors import QueueFull, ServerError

PATTERNS = (b"f", b"f", b"g", b"*", b"[fg]", b"?")
LIMITS: dict[str, Any] = {
    "wakeupDelay": DELAY,
    "exceptions": True,
    "deadLimit": 6,
    "deadBytes": 60,
    "deadAge": 500.0,
    "resultsLimit": 8,
    "resultsBytes": 60,
    "handlePrefix": b"H:any",
}

VALUES: dict[str, tuple[Any, ...]] = {
    "attempts": (1, 2, 2, 3, 0),
    "retry_on": ("", "fail", "fail,exception,timeout,lost", "lost", "timeout"),
    "retry_foreground": (True, True, False),
    "backoff_first": (1, 5, 0),
    "backoff_factor": (1, 3),
    "backoff_max": (4, 40),
    "backoff_jitter": (0, 0.5),
    "timeout": (2, 7, 0),
    "lease": (1, 3, 0),
    "concurrency": (1, 1, 2, 3, 0),
    "rate": (0.5, 2, 10, 0),
    "burst": (0, 1, 3),
    "queue_limit": (1, 3, 6, 0),
    "queue_bytes": (1, 8, 30, 0),
    "queue_counts_running": (True, False),
    "ttl": (1, 4, 30, 0),
    "debounce": (1, 3, 0),
    "results": (2, 20, 100),
    "result_limit": (0, 4, 100),
    "dead_letter": (True, True, False),
    "paused": (True, False, False),
}

names = st.sampled_from(NAMES)
numbers = st.integers(0, 1000)
decisions = st.sampled_from(sorted(VALUES)).flatmap(
    lambda key: st.tuples(st.just(key), st.sampled_from(VALUES[key]))
)


class Scenes(Cast):
    """
    Clients, workers and administrators do as they like, and time passes.
    """

    def makeStage(self) -> Stage:
        return Stage(**LIMITS)

    @initialize(
        attempts=st.sampled_from([1, 2, 3, 0]),
        timeout=st.sampled_from([3, 0]),
        lease=st.sampled_from([2, 0]),
        first=st.lists(decisions, max_size=4),
    )
    def begin(
        self, attempts: int, timeout: int, lease: int, first: list[tuple[str, Any]]
    ) -> None:
        self.stage = self.makeStage()
        for key, value in (
            ("attempts", attempts),
            ("timeout", timeout),
            ("lease", lease),
        ):
            self.decides(b"*", (key, value))
        for key, value in first:
            self.decides(b"f", (key, value))
        for able in ([], [b"f"], [b"f"], [b"f", b"g"]):
            self.comes(able, bool(able))

    # Who comes and goes

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
        for record in self.alive.values():
            if record.job.worker is player.actor.peer:
                record.cause = Cause.LOST
            del record.owed[player.actor]
        player.actor.leaves()

    @precondition(lambda self: self.board.running and len(self.players) > 3)
    @rule(which=numbers)
    def workerLeaves(self, which: int) -> None:
        _, player = self.running(which)
        self.leaves(self.players.index(player))

    @rule(who=numbers, name=names, timeout=st.sampled_from([None, 0.0, 3.0]))
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
            player.timeouts[name] = timeout

    # What clients do

    @rule(
        who=numbers,
        name=names,
        data=st.sampled_from([b"", b"x", b"eight by"]),
        unique=st.sampled_from([b"", b"", b"-", b"u", b"v"]),
        priority=st.sampled_from(Priority),
        background=st.sampled_from([True, True, False]),
        delay=st.sampled_from([0, 0, 0, 0, 2, 20]),
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
        due = delay and self.now + delay
        living = [r.job for r in self.alive.values() if r.job.function.name == name]
        twins = [job for job in living if isJoined(job, unique, data)]
        full = not twins and self.isFull(name, living, data)
        try:
            job = actor.submits(name, data, unique, priority, background, due=due)
        except QueueFull:
            assert full, "there is room"
            return
        except ServerError as error:
            same(error.code, b"QUEUE_ERROR")
            same(self.isDown, True)
            return
        assert not full, "there is no room"
        assert twins in ([], [job]), "a unique has one living job"
        record = self.records.setdefault(job.handle, Record(job))
        assert record.job is job, "no handle comes twice"
        self.alive[job.handle] = record
        if not background:
            record.owed[actor] += 1
        debounce = self.policy(name).debounce
        if background and unique and debounce and not delay:
            started = job.attempts or job.state is JobState.QUEUED
            assert (twins and started) or job.due >= self.now + debounce

    @rule(who=numbers, name=names, background=st.booleans(), count=st.integers(2, 5))
    def submitsMany(self, who: int, name: bytes, background: bool, count: int) -> None:
        for _ in range(count):
            self.submits(who, name, b"many", b"", Priority.NORMAL, background, 0)

    # What workers do

    @rule(who=numbers)
    def sleeps(self, who: int) -> None:
        player = self.player(who)
        player.told = 0
        player.asleep = True
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
        player.asleep = False
        assert (job in waiting) if waiting else (job is None)
        if job is None:
            return
        assert job.priority == min(other.priority for other in waiting)
        record, policy = self.records[job.handle], job.function.policy
        record.attempts += 1
        assert job.attempts == record.attempts
        assert job.saving is None or job.listeners, "what is granted is saved"
        limits = [
            limit
            for limit in (player.timeouts[job.function.name], policy.timeout)
            if limit
        ]
        record.deadline = self.now + min(limits) if limits else 0.0
        record.lease, record.heard = policy.lease, self.now

    @rule()
    def allGrab(self) -> None:
        for who in range(len(self.players)):
            self.grabs(who)

    @precondition(lambda self: self.board.running)
    @rule(which=numbers, how=st.sampled_from(["tells", "sends", "warns"]))
    def reports(self, which: int, how: str) -> None:
        record, player = self.running(which)
        if how == "tells":
            player.actor.tells(record.job, b"1", b"2")
        elif how == "sends":
            player.actor.sends(record.job, b"part")
        else:
            player.actor.warns(record.job, b"careful")
        record.heard = self.now

    @precondition(lambda self: self.board.running)
    @rule(
        which=numbers,
        how=st.sampled_from(["completes", "fails", "fails", "throws", "both"]),
    )
    def ends(self, which: int, how: str) -> None:
        record, player = self.running(which)
        job = record.job
        if how == "completes":
            record.gone = "completed"
            player.actor.completes(job, b"a result")
            return
        record.cause = Cause.FAIL if how == "fails" else Cause.EXCEPTION
        tried = self.triedAgain(record)
        if how == "fails":
            player.actor.fails(job)
        else:
            player.actor.throws(job, b"bang")
            if how == "both":
                player.actor.fails(job)
        assert (job.handle in self.board.jobs) == tried
        if tried:
            self.checkPause(job)

    @rule(
        name=names,
        hows=st.lists(
            st.sampled_from(["fails", "fails", "both", "completes"]),
            min_size=1,
            max_size=3,
        ),
    )
    def works(self, name: bytes, hows: list[str]) -> None:
        """
        Somebody grabs jobs, and ends each.
        """
        able = [n for n, p in enumerate(self.players) if name in p.timeouts]
        for how in hows if able else ():
            self.grabs(able[0])
            running = [r for r in self.alive.values() if r.job.worker is not None]
            peer = self.players[able[0]].actor.peer
            mine = [n for n, r in enumerate(running) if r.job.worker is peer]
            if mine:
                self.ends(mine[-1], how)
            self.nothingIsLost()

    @precondition(lambda self: self.records)
    @rule(who=numbers, which=numbers)
    def reportsInVain(self, who: int, which: int) -> None:
        """
        Somebody completes a job that it does not run.
        """
        peer = self.player(who).actor.peer
        job = list(self.records.values())[which % len(self.records)].job
        if job.handle not in peer.running and job.handle not in peer.cancelled:
            try:
                self.player(who).actor.completes(job)
            except ServerError as error:
                same(error.code, b"JOB_NOT_FOUND")
            else:
                raise AssertionError("it was not refused")

    # What administrators do

    @rule(pattern=st.sampled_from(PATTERNS), decision=decisions)
    def decides(self, pattern: bytes, decision: tuple[str, Any]) -> None:
        key, value = decision
        if key in ("rate", "burst"):
            self.stage.grants.forget()
        self.board.setPolicy(pattern, key, valued(key, value))
        if key in ("lease", "timeout"):
            self.trusts()

    @rule(which=numbers)
    def undoes(self, which: int) -> None:
        ours = [one for one in self.board.policies if one.origin is Origin.ADMIN]
        if ours:
            one = ours[which % len(ours)]
            self.stage.grants.forget()
            assert self.board.unsetPolicy(one.pattern, one.key)
            assert not self.board.unsetPolicy(one.pattern, one.key)
            self.trusts()

    @rule(name=names, paused=st.sampled_from([True, False, False]))
    def pauses(self, name: bytes, paused: bool) -> None:
        if paused:
            self.board.pauseFunction(name)
        else:
            self.board.resumeFunction(name)
        assert self.board.policies.of(name).paused is paused

    @precondition(lambda self: self.alive)
    @rule(which=numbers, name=names, all=st.sampled_from([False] * 7 + [True]))
    def cancels(self, which: int, name: bytes, all: bool) -> None:
        if all:
            self.purges(name)
            return
        record = list(self.alive.values())[which % len(self.alive)]
        record.gone = "cancelled"
        assert self.stage.cancels(record.job)
        assert not self.stage.cancels(record.job)

    def purges(self, name: bytes) -> None:
        function = self.board.functions.named(name)
        states = (JobState.QUEUED, JobState.DELAYED)
        waiting = [
            record
            for record in self.alive.values()
            if record.job.function is function and record.job.state in states
        ]
        for record in waiting:
            record.gone = "cancelled"
        assert self.board.purge(function) == len(waiting)

    @precondition(lambda self: bool(self.board.dead))
    @rule(which=numbers, discards=st.sampled_from([False, False, False, True]))
    def requeues(self, which: int, discards: bool) -> None:
        dead = list(self.board.dead)[which % len(self.board.dead)]
        if discards:
            assert self.board.dead.discard(dead.handle)
            assert not self.board.dead.discard(dead.handle)
            return
        others = [r.job for r in self.alive.values()]
        taken = any(
            job.function.name == dead.function and isJoined(job, dead.unique, dead.data)
            for job in others
        )
        try:
            job = self.board.requeue(dead)
        except ServerError as error:
            same(error.code, b"QUEUE_ERROR")
            same(taken or self.isDown, True)
            same(self.board.dead.get(dead.handle), dead)
            return
        assert not taken, "a unique has one living job"
        assert (job.handle, job.attempts, job.background) == (dead.handle, 0, True)
        assert self.board.dead.get(dead.handle) is None
        self.records[job.handle] = self.alive[job.handle] = Record(job)

    @rule(seconds=st.sampled_from([0.0, 0.1, 0.5, 1.0, 2.0, 5.0, 30.0]))
    def passes(self, seconds: float) -> None:
        running = [r for r in self.alive.values() if r.job.state is JobState.RUNNING]
        self.stage.passes(seconds)
        for record in running:
            if record.job.state is not JobState.RUNNING:
                record.cause = Cause.TIMEOUT
        for name in NAMES:
            function = self.board.functions.named(name)
            ttl = function.policy.ttl
            for job in function.queue if ttl else ():
                assert self.now < job.waitsSince + ttl, "its time to live is over"

    def teardown(self) -> None:
        """
        In the end there are no limits any more, everybody leaves, and somebody does
        what is left.
        """
        if not self.players:
            return
        while self.players:
            self.leaves(0)
            self.nothingIsLost()
        for one in list(self.board.policies):
            self.board.unsetPolicy(one.pattern, one.key)
        self.settles()
        self.stage.passes(100.0)
        worker = self.stage.worker(*NAMES)
        left = set(self.board.jobs.values())
        assert all(job.background for job in left)
        done = worker.takesAll()
        assert set(done) == left, "everything can be done"
        for job in done:
            worker.completes(job)
        self.stage.census()
        assert not self.board.jobs
        self.settles()
        self.stage.passes(LONG)
        self.settles()
        assert not len(self.board.dead)
        assert not len(self.board.results)
        assert not self.stage.clock.getDelayedCalls()


class AnythingTests(SynchronousTestCase):
    """
    No policy brings a board out of step, whatever anybody does.
    """

    def test_scenes(self) -> None:
        """
        After each step every count is right and no limit exceeded, everybody was told
        what is owed to it, and no job is lost; in the end nothing is left.
        """
        run_state_machine_as_test(
            Scenes,
            settings=settings(
                max_examples=100,
                stateful_step_count=50,
                deadline=None,
                derandomize=True,
                database=None,
            ),
        )
