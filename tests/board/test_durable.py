"""
Tests for L{txgearman.board.durable}.
"""

from __future__ import annotations

import copy
from typing import Any

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

from tests.board.stage import NOON, NOOP, Stage, takeCensus
from tests.stores.stage import DurableStage, Outcome, numbersOf
from txgearman.board.durable import DurableBoard
from txgearman.board.function import QueueLimit
from txgearman.board.job import SAVING, Job, JobState
from txgearman.board.policy import Policy
from txgearman.errors import ServerError
from txgearman.stores.journal import REFUSAL
from txgearman.stores.memory import Drawer
from txgearman.testing.stores import savedJob

numbers = st.integers(0, 1000)


class PlainStage(Stage):
    """
    A board that could keep jobs, and nothing that does.
    """

    board: DurableBoard

    def __init__(self, **others: Any) -> None:
        super().__init__(**others)
        policy = Policy(handlePrefix=b"H:stage", **others)
        self.board = DurableBoard(self.clock, policy)

    def restores(self, number: int, **others: Any) -> Job | None:
        """
        Take back one job.
        """
        return self.board.restore(*savedJob(number, **{"function": b"f", **others}))


class RestoringTests(SynchronousTestCase):
    """
    Jobs that come back, and a board that waits for them.
    """

    def setUp(self) -> None:
        self.stage = PlainStage()
        self.addCleanup(takeCensus, self.stage.board)

    def restored(self, number: int, **others: Any) -> Job:
        job = self.stage.restores(number, **others)
        assert job is not None, "it was taken"
        return job

    def test_job(self) -> None:
        """
        A job is what it was.
        """
        job = self.restored(
            7,
            handle=b"H:old:7",
            function=b"g",
            unique=b"u",
            priority=2,
            data=b"\0\xff",
            reducer=b"r",
            due=NOON - 5,
            submitted=NOON - 9,
            place=30,
            attempts=4,
            error=b"worker lost",
        )
        self.assertEqual(
            (job.number, job.handle, job.function.name, job.unique, job.priority),
            (7, b"H:old:7", b"g", b"u", 2),
        )
        self.assertEqual((job.data, job.reducer), (b"\0\xff", b"r"))
        self.assertEqual((job.due, job.submitted, job.place), (NOON - 5, NOON - 9, 30))
        self.assertEqual((job.attempts, job.error), (4, b"worker lost"))
        self.assertTrue(job.background)
        self.assertIs(self.stage.board.jobs[b"H:old:7"], job)

    def test_refuses(self) -> None:
        """
        Until all are back, nothing is taken and granted, and nobody is woken.
        """
        stage = self.stage
        self.restored(1)
        client, worker = stage.client(), stage.sleeper(b"f")
        for background in False, True:
            with self.assertRaises(ServerError) as raised:
                client.submits(background=background)
            self.assertEqual(raised.exception.code, b"QUEUE_ERROR")
        self.assertEqual(worker.hears(), [])
        self.assertIsNone(worker.grabs())

    def test_wakes(self) -> None:
        """
        Then as many are woken as there are jobs, and numbers begin where they are
        said to.
        """
        stage = self.stage
        for number in 1, 2:
            self.restored(number)
        workers = stage.sleepers(3, b"f")
        stage.board.loaded(100)
        self.assertEqual(sorted(len(worker.hears()) for worker in workers), [0, 1, 1])
        job = stage.client().submits(name=b"g")
        self.assertEqual((job.number, job.handle), (100, b"H:stage:100"))

    def test_sleepsLater(self) -> None:
        """
        A worker that comes afterwards is woken as on every board.
        """
        self.restored(1)
        self.stage.board.loaded(100)
        worker = self.stage.sleeper(b"f")
        self.assertEqual(worker.hears(), [NOOP])
        self.assertEqual(worker.takes().number, 1)

    def test_due(self) -> None:
        """
        What is due in the future waits, what was due in the past does not.
        """
        past = self.restored(1, due=NOON - 1)
        future = self.restored(2, due=NOON + 1)
        states = (past.state, future.state)
        self.assertEqual(states, (JobState.QUEUED, JobState.DELAYED))
        self.stage.board.loaded(100)
        worker = self.stage.sleeper(b"f")
        self.assertIs(worker.takes(), past)
        worker.sleeps()
        self.stage.passes(1)
        self.assertEqual(worker.hears(), 2 * [NOOP])
        self.assertIs(worker.takes(), future)

    def test_sameHandle(self) -> None:
        """
        Of two jobs with one handle only the first is taken.
        """
        first = self.restored(1, handle=b"H:1")
        self.assertIsNone(self.stage.restores(2, handle=b"H:1"))
        self.assertEqual(list(self.stage.board.jobs.values()), [first])

    def test_sameUnique(self) -> None:
        """
        Two jobs with one unique both run, and their ends leave nothing behind.
        """
        for number in 1, 2:
            self.restored(number, unique=b"u")
        self.stage.board.loaded(100)
        worker = self.stage.worker(b"f")
        for job in worker.takesAll():
            worker.completes(job)
        self.assertEqual(self.stage.board.jobs, {})
        self.assertEqual(self.stage.function().byUnique, {})

    def test_limits(self) -> None:
        """
        Jobs are back beyond every limit: they were taken once. New ones are not.
        """
        self.stage = PlainStage(functionsLimit=1, functionLimit=3)
        self.stage.board.functions.setLimit(b"f", QueueLimit(1, 1, 1))
        for number, name in enumerate([b"f", b"f", b"g", b"longer"], 1):
            self.restored(number, function=name)
        self.stage.board.loaded(100)
        client = self.stage.client()
        for name in b"f", b"h", b"long":
            self.assertRaises(ServerError, client.submits, name)
        client.submits(b"g")

    def test_draining(self) -> None:
        """
        A board that drains meanwhile takes and grants nothing when all are back.
        """
        self.restored(1)
        idle: list[bool] = []
        self.stage.board.drain(lambda: idle.append(True))
        self.stage.board.loaded(100)
        worker = self.stage.sleeper(b"f")
        self.assertEqual((idle, worker.hears()), ([True], []))
        self.assertIsNone(worker.grabs())
        with self.assertRaises(ServerError) as raised:
            self.stage.client().submits()
        self.assertEqual(raised.exception.code, b"SHUTDOWN_GRACEFUL")

    def test_takenBack(self) -> None:
        """
        A job that is back knows how often it was tried: the last attempt is the
        last.
        """
        self.stage = PlainStage(attempts=2)
        self.restored(1, attempts=1)
        self.stage.board.loaded(100)
        worker = self.stage.worker(b"f")
        worker.takes()
        worker.leaves()
        self.assertEqual(self.stage.board.jobs, {})

    def test_noKeeper(self) -> None:
        """
        Without a keeper it is a board like any other.
        """
        self.stage.board.loaded(1)
        client, worker = self.stage.client(), self.stage.worker(b"f")
        job = client.submits(background=True)
        self.assertIsNone(job.saving)
        self.assertIs(worker.takes(), job)
        worker.completes(job)
        self.assertEqual(self.stage.board.jobs, {})


@define(eq=False)
class Record:
    """
    What is known of a background job without asking the board or the store.

    @ivar outcomes: of the submits of this life.
    @ivar restored: whether it came back from the store.
    @ivar over: whether somebody ended it in this life.
    @ivar plain: whether it never was a foreground job.
    """

    outcomes: list[Outcome] = field(factory=list)
    restored: bool = False
    over: bool = False
    plain: bool = False

    @property
    def acknowledged(self) -> bool:
        """
        Does anybody rely on it?
        """
        return self.restored or any(None in outcome.told for outcome in self.outcomes)


class Lives(RuleBasedStateMachine):
    """
    Clients and workers do as they like, the store works or does not, and the
    process is killed at any moment.
    """

    @initialize()
    def begin(self) -> None:
        self.drawer = Drawer()
        self.records: dict[int, Record] = {}
        self.lives(NOON)

    def lives(self, now: float) -> None:
        """
        Start a process.
        """
        self.stage = DurableStage(drawer=self.drawer, now=now)
        self.clients = [self.stage.client() for _ in range(2)]
        self.workers = [self.stage.worker(b"f") for _ in range(2)]

    # What may happen

    @rule(
        who=numbers,
        unique=st.sampled_from([b"", b"u", b"v"]),
        background=st.sampled_from([True, True, False]),
        delay=st.sampled_from([0, 0, 0, 0, 1]),
    )
    def submits(self, who: int, unique: bytes, background: bool, delay: int) -> None:
        client = self.clients[who % 2]
        due = self.stage.clock.seconds() + delay if delay else 0.0
        if not background:
            client.submits(unique=unique)
            return
        if self.stage.journal.down is not None:
            code = self.stage.refusal(client, unique=unique, due=due)
            assert code == b"QUEUE_ERROR"
            return
        outcome = self.stage.asks(client, unique=unique, due=due)
        record = self.records.get(outcome.job.number)
        if record is None:
            record = self.record(outcome.job)
            record.plain = outcome.job.state is SAVING and not outcome.job.listeners
        record.outcomes.append(outcome)
        record.plain &= record.outcomes[0].told != [REFUSAL]

    @rule(who=numbers)
    def joins(self, who: int) -> None:
        """
        A background submit joins what may be a foreground job.
        """
        self.submits(who, b"u", False, 0)
        self.submits(who + 1, b"u", True, 0)

    @rule(who=numbers)
    def clientLeaves(self, who: int) -> None:
        self.clients.pop(who % 2).leaves()
        self.clients.append(self.stage.client())

    @rule(who=numbers)
    def workerLeaves(self, who: int) -> None:
        self.workers.pop(who % 2).leaves()
        self.workers.append(self.stage.worker(b"f"))

    @rule(who=numbers)
    def grabs(self, who: int) -> None:
        job = self.workers[who % 2].grabs()
        if job is not None:
            assert job.listeners or self.record(job).acknowledged
            assert job.listeners or job.saving is None
            assert job.due <= self.stage.clock.seconds()

    @precondition(lambda self: self.stage.board.running)
    @rule(which=numbers)
    def ends(self, which: int) -> None:
        jobs = list(self.stage.board.jobs.values())
        running = [job for job in jobs if job.worker is not None]
        job = running[which % len(running)]
        [worker] = [w for w in self.workers if w.peer is job.worker]
        self.record(job).over = True
        worker.completes(job)

    @precondition(lambda self: self.stage.board.jobs)
    @rule(which=numbers)
    def cancels(self, which: int) -> None:
        jobs = list(self.stage.board.jobs.values())
        job = jobs[which % len(jobs)]
        self.record(job).over = True
        self.stage.cancels(job)

    @rule(seconds=st.sampled_from([0.01, 0.25, 1.0, 5.0]))
    def passes(self, seconds: float) -> None:
        self.stage.passes(seconds)

    @precondition(lambda self: self.stage.turns)
    @rule()
    def turnEnds(self) -> None:
        self.stage.turnEnds()

    @precondition(lambda self: self.stage.runner.busy)
    @rule(how=st.sampled_from(["finishes", "finishes", "fails", "failsTooLate"]))
    def writes(self, how: str) -> None:
        getattr(self.stage.runner, how)()

    @precondition(lambda self: self.records)
    @rule()
    def dies(self) -> None:
        """
        The process is killed, and another one begins with what is kept.
        """
        self.lives(self.stage.clock.seconds())
        for record in self.records.values():
            record.outcomes = []
            record.restored = record.over = False
        for job in self.stage.board.jobs.values():
            self.record(job).restored = True

    @precondition(lambda self: self.records)
    @rule()
    def rests(self) -> None:
        """
        The store works for a while, and all is written.
        """
        self.stage.rests()
        self.stage.passes(5.0)
        self.stage.rests()
        board = self.stage.board
        assert self.stage.journal.down is None
        background = {j.number: j for j in board.jobs.values() if j.background}
        kept = self.drawer.jobs
        assert set(kept) == set(background), (set(kept), set(background))
        for number, job in background.items():
            row = kept[number]
            assert (row.handle, row.attempts) == (job.handle, job.attempts)
            assert row.error == job.error
        for record in self.records.values():
            for outcome in record.outcomes:
                assert len(outcome.told) == 1, "everybody was told"

    def teardown(self) -> None:
        """
        In the end all is written, and another process grants in the same order.
        """
        if not hasattr(self, "stage"):
            return
        self.rests()
        again = DurableStage(drawer=copy.deepcopy(self.drawer))
        self.stage.passes(0)
        before, after = (self.order(stage) for stage in (self.stage, again))
        assert before == [number for number in after if number in before]

    def order(self, stage: DurableStage) -> list[int]:
        """
        Grab all that waits.

        @return: the numbers of those that only ever waited for a worker.
        """
        jobs = stage.worker(b"f").takesAll()
        plain = {number for number, record in self.records.items() if record.plain}
        return [
            j.number
            for j in jobs
            if j.number in plain and j.attempts == 1 and not j.due
        ]

    # What always holds

    @invariant()
    def nothingIsLost(self) -> None:
        """
        What was acknowledged and did not end is kept, and on the board.
        """
        living = {job.number for job in self.stage.board.jobs.values()}
        for number, record in self.records.items():
            if record.acknowledged and not record.over:
                assert number in self.drawer.jobs
                assert number in living

    @invariant()
    def toldOnce(self) -> None:
        for record in self.records.values():
            for outcome in record.outcomes:
                assert len(outcome.told) <= 1

    @invariant()
    def batchesAreRight(self) -> None:
        """
        A job is in one part of a batch at most.
        """
        batches, self.drawer.commits = self.drawer.commits, []
        for batch in batches:
            named = numbersOf(batch)
            assert len(named) == len(set(named)), batch

    @invariant()
    def countsAreRight(self) -> None:
        takeCensus(self.stage.board)

    def record(self, job: Job) -> Record:
        return self.records.setdefault(job.number, Record())


class AnythingTests(SynchronousTestCase):
    """
    Whatever happens.
    """

    def test_lives(self) -> None:
        """
        Nothing acknowledged is lost, nothing refused runs, and the store has what
        the board has.
        """
        run_state_machine_as_test(
            Lives,
            settings=settings(
                max_examples=150,
                stateful_step_count=40,
                deadline=None,
                derandomize=True,
                database=None,
            ),
        )
