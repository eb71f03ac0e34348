"""
Tests for L{txgearman.stores.journal}.
"""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.board.stage import NOON, complete
from tests.server.pump import logged
from tests.stores.stage import (
    BROKEN,
    DurableStage,
    FullStore,
    Outcome,
    numbersOf,
)
from txgearman.board.job import SAVING, Job, JobState, Priority
from txgearman.board.saving import MUCH, Saving, Told
from txgearman.errors import StoreUnusable
from txgearman.stores.interface import Batch
from txgearman.stores.journal import REFUSAL
from txgearman.wire.codec import Pieces

FIRST = 10**12 + 1
"""The number of the first job of the first life."""


class JournalTestCase(SynchronousTestCase):
    """
    A board with a journal, a client and a worker.
    """

    def setUp(self) -> None:
        self.stage = self.makeStage()

    def makeStage(self, **others: Any) -> DurableStage:
        """
        Set a stage, whose counts are counted again when the test is over.
        """
        stage = DurableStage(**others)
        self.addCleanup(stage.census)
        self.client, self.worker = stage.client(), stage.worker(b"f")
        return stage

    def crashes(self) -> None:
        """
        Kill the process, and start another one from what it kept.
        """
        now = self.stage.clock.seconds()
        self.stage = self.makeStage(drawer=self.stage.drawer, now=now)

    def saved(self, **submit: Any) -> Job:
        """
        Let the client submit a job that is saved.
        """
        outcome = self.stage.asks(self.client, **submit)
        self.stage.rests()
        self.assertEqual(outcome.told, [None])
        return outcome.job

    def brokenDown(self) -> Outcome:
        """
        Let the store fail for the first time, while a job is saved.
        """
        outcome = self.stage.asks(self.client)
        self.stage.writes()
        self.stage.runner.fails()
        return outcome

    @property
    def commits(self) -> list[Batch]:
        return self.stage.drawer.commits


class BatchTests(JournalTestCase):
    """
    What is written, and when.
    """

    def test_row(self) -> None:
        """
        All that is to be known of a job is kept, whatever the bytes.
        """
        every = bytes(range(256))
        job = self.saved(
            name=b"f\0\xff",
            data=Pieces([every[:9], every[9:]]),
            unique=b"\xfe",
            priority=Priority.LOW,
            reducer=b"r",
            due=NOON + 60,
        )
        row = self.stage.kept[job.handle]
        self.assertEqual(
            row._asdict(),
            {
                "number": FIRST,
                "handle": b"H:stage:%d" % FIRST,
                "function": b"f\0\xff",
                "unique": b"\xfe",
                "priority": 2,
                "data": every,
                "reducer": b"r",
                "due": NOON + 60,
                "submitted": NOON,
                "place": FIRST,
                "attempts": 0,
                "error": b"",
            },
        )
        self.assertIs(row.check(), row)

    def test_together(self) -> None:
        """
        The jobs of a turn share a commit, and those that come while it is written
        share the next one.
        """
        first = [self.stage.asks(self.client) for _ in range(3)]
        self.stage.writes()
        second = [self.stage.asks(self.client) for _ in range(5)]
        self.stage.turnEnds()
        self.assertEqual(self.stage.runner.busy, 1)
        self.stage.runner.finishes()
        self.assertEqual([o.told for o in first], 3 * [[None]])
        self.assertEqual([o.told for o in second], 5 * [[]])
        self.stage.writes()
        self.stage.runner.finishes()
        self.assertEqual([o.told for o in second], 5 * [[None]])
        self.assertEqual([len(batch.inserts) for batch in self.commits], [3, 5])

    def test_endsTogether(self) -> None:
        """
        What ends is gathered for a moment: it shares a commit, and does not begin
        one at once.
        """
        for _ in range(4):
            self.saved()
        for job in self.worker.takesAll():
            self.worker.completes(job)
        self.stage.turnEnds()
        self.assertEqual(self.stage.runner.busy, 0)
        self.stage.passes(0.01)
        self.stage.turnEnds()
        self.stage.runner.finishes()
        self.assertEqual(len(self.commits[-1].deletes), 4)
        self.assertEqual(self.commits[-1].updates, [])
        self.assertEqual(self.stage.kept, {})

    def test_endJoinsSubmits(self) -> None:
        """
        A submit takes along what ended before it.
        """
        job = self.saved()
        self.worker.completes(self.worker.takes())
        self.stage.asks(self.client)
        self.stage.writes()
        self.stage.runner.finishes()
        batch = self.commits[-1]
        self.assertEqual(batch.deletes, [job.number])
        self.assertEqual(len(batch.inserts), 1)
        self.assertEqual(self.stage.clock.getDelayedCalls(), [])

    def test_attempts(self) -> None:
        """
        That a job was granted is kept, and why the attempt ended.
        """
        job = self.saved()
        self.worker.takes()
        self.stage.rests()
        self.assertEqual(self.stage.kept[job.handle].attempts, 1)
        self.worker.leaves()
        self.stage.rests()
        row = self.stage.kept[job.handle]
        self.assertEqual((row.attempts, row.error), (1, b"worker lost"))
        self.assertGreater(row.place, job.number)

    def test_timedOut(self) -> None:
        """
        So is that its worker was too slow.
        """
        self.worker.canDo(b"f", timeout=5.0)
        job = self.saved()
        self.worker.takes()
        self.stage.passes(5.0)
        self.stage.rests()
        row = self.stage.kept[job.handle]
        self.assertEqual((row.attempts, row.error), (1, b"timed out"))

    def test_grantedWhileSaved(self) -> None:
        """
        What happens to a job that has a client too while it is written is kept.
        """
        job = self.client.submits(unique=b"u")
        self.stage.asks(self.client, unique=b"u")
        self.stage.writes()
        self.worker.takes()
        self.stage.runner.finishes()
        self.stage.rests()
        self.assertEqual(self.stage.kept[job.handle].attempts, 1)

    def test_completedWhileWritten(self) -> None:
        """
        A job that ends while it is written is kept no longer than that.
        """
        job = self.client.submits(unique=b"u")
        outcome = self.stage.asks(self.client, unique=b"u")
        self.stage.writes()
        self.worker.completes(self.worker.takes())
        self.assertEqual(outcome.told, [])
        self.stage.runner.finishes()
        self.assertEqual(outcome.told, [None])
        self.assertEqual(list(self.stage.kept), [job.handle])
        self.stage.rests()
        self.assertEqual(self.stage.kept, {})

    def test_completedBeforeWritten(self) -> None:
        """
        A job that ends before it is written never is; who waited for it is told.
        """
        self.client.submits(unique=b"u")
        outcome = self.stage.asks(self.client, unique=b"u")
        self.worker.completes(self.worker.takes())
        self.stage.rests()
        self.assertEqual(outcome.told, [None])
        self.assertEqual([numbersOf(batch) for batch in self.commits], [[]])

    def test_cancelled(self) -> None:
        """
        A job that is cancelled while it is saved does not run, and is not kept.
        """
        for writes in False, True:
            outcome = self.stage.asks(self.client)
            if writes:
                self.stage.writes()
            self.assertTrue(self.stage.cancels(outcome.job))
            self.stage.rests()
            self.assertEqual(outcome.told, [None])
            self.assertIsNone(self.worker.grabs())
            self.assertEqual(self.stage.kept, {})

    def test_tooLarge(self) -> None:
        """
        A workload that the store does not take is refused, and costs nobody else.
        """
        self.stage.store.largest = 3
        self.assertEqual(self.stage.refusal(self.client, data=b"1234"), b"QUEUE_ERROR")
        self.saved(data=b"123")

    def test_joinsTooLarge(self) -> None:
        """
        Nor can a foreground job be made a background one whose workload the store
        does not take: the batch would fail with everybody's jobs in it.
        """
        self.stage.store.largest = 3
        self.client.submits(unique=b"u", data=b"1234")
        code = self.stage.refusal(self.client, unique=b"u", data=b"")
        self.assertEqual(code, b"QUEUE_ERROR")
        self.assertEqual(self.stage.turns, [])

    def test_oneOfThree(self) -> None:
        """
        A job is in one part of a batch at most, also when it was granted while it
        was written in vain.
        """
        self.client.submits(unique=b"u")
        self.stage.asks(self.client, unique=b"u")
        self.stage.writes()
        self.worker.takes()
        self.stage.runner.fails()
        self.stage.passes(0.25)
        self.stage.rests()
        for batch in self.commits:
            numbers = numbersOf(batch)
            self.assertEqual(len(numbers), len(set(numbers)), batch)


class ReentrantTests(JournalTestCase):
    """
    Those who are told that something is saved go on at once.
    """

    def test_joins(self) -> None:
        """
        Who goes on when a batch is saved, and joins a job of that batch, does not
        wait for what is over.
        """
        outcome = self.stage.asks(self.client, unique=b"u", data=b"x")
        joined: list[Outcome] = []

        class Sender:
            """
            A connection that was held up, with more to submit.
            """

            def hold(self, receiver: Saving) -> None:
                """
                It does nothing meanwhile.
                """

            def release(sender, receiver: Saving) -> None:
                joined.append(self.stage.asks(self.client, unique=b"u"))

        saving = outcome.job.saving
        assert saving is not None
        saving.size += MUCH
        saving.weigh(Sender())
        self.stage.rests()
        [other] = joined
        self.assertIs(other.job, outcome.job)
        self.assertEqual(other.told, [None])


class OutageTests(JournalTestCase):
    """
    A store that fails.
    """

    def test_refused(self) -> None:
        """
        Who waits for a batch that fails is told so; the job does not run.
        """
        outcome = self.brokenDown()
        self.assertEqual(outcome.told, [REFUSAL])
        self.assertIsNone(self.worker.grabs())
        self.assertEqual(self.stage.board.jobs, {})

    def test_gathered(self) -> None:
        """
        So is who came while it was written.
        """
        first = self.stage.asks(self.client)
        self.stage.writes()
        second = self.stage.asks(self.client)
        self.stage.runner.fails()
        self.assertEqual((first.told, second.told), ([REFUSAL], [REFUSAL]))
        self.assertEqual(self.stage.board.jobs, {})

    def test_down(self) -> None:
        """
        Whoever comes while the store is down is refused at once; foreground jobs
        are not.
        """
        self.brokenDown()
        self.assertEqual(self.stage.refusal(self.client), b"QUEUE_ERROR")
        job = self.client.submits(data=b"x")
        self.assertIs(self.worker.takes(), job)
        self.worker.completes(job)
        self.assertEqual(self.client.hears(), [complete(job)])

    def test_resumes(self) -> None:
        """
        The store is tried again and again, and all is well when it works.
        """
        self.brokenDown()
        for pause in 0.25, 0.5, 1.0, 2.0, 4.0, 5.0, 5.0:
            self.stage.passes(pause - 0.01)
            self.stage.turnEnds()
            self.assertEqual(self.stage.runner.busy, 0)
            self.stage.passes(0.02)
            self.stage.writes()
            self.assertEqual(self.stage.refusal(self.client), b"QUEUE_ERROR")
            self.stage.runner.fails()
        self.stage.passes(5.0)
        self.stage.writes()
        self.stage.runner.finishes()
        self.saved()

    def test_toldOnce(self) -> None:
        """
        The log tells once that the store is down, and once that it works again.
        """
        with logged() as lines:
            self.brokenDown()
            self.stage.refusal(self.client)
            self.stage.passes(0.25)
            self.stage.writes()
            self.stage.runner.fails()
            self.stage.passes(0.5)
            self.stage.rests()
            self.saved()
        self.assertEqual(
            lines,
            [
                f"error: the store does not work: {BROKEN}; background jobs are refused"
                " until it does",
                "info: the store works again after 0.8 s; 2 jobs were refused",
            ],
        )

    def test_toldLater(self) -> None:
        """
        When nobody submits a job that could show it, the log tells after a minute that
        the store works again.
        """
        with logged() as lines:
            self.brokenDown()
            self.stage.passes(0.25)
            self.stage.rests()
            self.stage.passes(60)
        self.assertEqual(len(lines), 2, lines)
        self.assertIn("works again", lines[1])

    def test_full(self) -> None:
        """
        A disk that is full takes what needs no room: that it takes a batch without
        jobs does not tell that the outage is over.
        """
        store = FullStore()
        self.stage = self.makeStage(drawer=store.drawer, store=store)
        store.full = True
        with logged() as lines:
            for _ in range(10):
                try:
                    outcome = self.stage.asks(self.client)
                except Exception:
                    pass
                else:
                    self.stage.rests()
                    self.assertEqual(outcome.told, [REFUSAL])
                self.stage.passes(10)
                self.stage.rests()
        self.assertEqual(len(lines), 1, lines)
        store.full = False
        self.stage.passes(10)
        self.stage.rests()
        self.saved()

    def test_listener(self) -> None:
        """
        A job that could not be saved runs for the client that listens to it, and
        ends with it.
        """
        outcome = self.stage.asks(self.client, unique=b"u")
        other = self.stage.client()
        job = other.submits(unique=b"u")
        self.assertIs(job, outcome.job)
        self.stage.writes()
        self.stage.runner.fails()
        self.assertFalse(job.background)
        self.assertIs(self.worker.takes(), job)
        self.worker.completes(job, b"done")
        self.assertEqual(other.hears(), [complete(job, b"done")])

    def test_listenerLost(self) -> None:
        """
        A job that is refused never runs when the client that listened is lost
        before or after.
        """
        for lost in "before", "after":
            other = self.stage.client()
            outcome = self.stage.asks(self.client, unique=b"u")
            other.submits(unique=b"u")
            self.stage.writes()
            if lost == "before":
                other.leaves()
            self.stage.runner.fails()
            if lost == "after":
                other.leaves()
            self.assertIsNone(self.worker.grabs())
            self.assertEqual(outcome.told, [REFUSAL])
            self.assertEqual(self.stage.board.jobs, {})
            self.stage.passes(0.25)
            self.stage.rests()

    def test_abandonedWhileSaved(self) -> None:
        """
        A queued job whose only client is lost while it is made a background job is
        not granted before it is saved: it may yet come to nothing.
        """
        other = self.stage.client()
        other.submits(unique=b"u")
        outcome = self.stage.asks(self.client, unique=b"u")
        self.stage.writes()
        other.leaves()
        self.assertIsNone(self.worker.grabs())
        self.stage.runner.finishes()
        self.assertIs(self.worker.grabs(), outcome.job)

    def test_abandonedWhileRefused(self) -> None:
        """
        If it cannot be saved then, it never runs.
        """
        other = self.stage.client()
        job = other.submits(unique=b"u")
        self.stage.asks(self.client, unique=b"u")
        self.stage.writes()
        other.leaves()
        self.worker.grabs()
        self.stage.runner.fails()
        self.assertEqual(job.attempts, 0)
        self.assertEqual(self.stage.board.jobs, {})

    def test_runs(self) -> None:
        """
        A job that runs while it cannot be saved goes on; it is a foreground job
        again, and can be saved later.
        """
        job = self.client.submits(unique=b"u")
        self.stage.asks(self.client, unique=b"u")
        self.worker.takes()
        self.stage.writes()
        self.stage.runner.fails()
        self.assertIs(job.state, JobState.RUNNING)
        self.stage.passes(0.25)
        self.stage.rests()
        outcome = self.stage.asks(self.client, unique=b"u")
        self.stage.rests()
        self.assertEqual(outcome.told, [None])
        self.assertEqual(self.stage.kept[job.handle].attempts, 1)
        self.worker.completes(job)
        self.stage.rests()
        self.assertEqual(self.stage.kept, {})

    def test_inTruthSaved(self) -> None:
        """
        What was refused and is kept all the same goes when the store works.
        """
        self.stage.asks(self.client)
        self.stage.writes()
        self.stage.runner.failsTooLate()
        self.assertEqual(len(self.stage.kept), 1)
        self.stage.passes(0.25)
        self.stage.rests()
        self.assertEqual(self.stage.kept, {})

    def test_endsAndChanges(self) -> None:
        """
        What ends and changes while the store is down is kept in mind until it
        works.
        """
        self.worker.canDo(b"g")
        ends, changes = self.saved(), self.saved(name=b"g")
        self.brokenDown()
        for _ in range(2):
            self.worker.takes()
        self.worker.completes(ends)
        self.stage.passes(0.25)
        self.stage.writes()
        self.stage.runner.fails()
        self.assertEqual(len(self.stage.kept), 2)
        self.stage.passes(0.5)
        self.stage.rests()
        [row] = self.stage.kept.values()
        self.assertEqual((row.number, row.attempts), (changes.number, 1))

    def test_changeThenEnd(self) -> None:
        """
        A job whose change failed and that ends meanwhile is deleted, and not
        changed.
        """
        self.saved()
        job = self.worker.takes()
        self.stage.passes(0.01)
        self.stage.writes()
        self.worker.completes(job)
        self.stage.runner.fails()
        self.stage.passes(0.25)
        self.stage.rests()
        batch = self.commits[-1]
        self.assertEqual((batch.updates, batch.deletes), ([], [job.number]))
        self.assertEqual(self.stage.kept, {})

    def test_strange(self) -> None:
        """
        An error that no store should raise is an outage like any other, and the
        log names it.
        """
        self.stage.asks(self.client)
        self.stage.writes()
        with logged() as lines:
            self.stage.runner.fails(ValueError("what"))
        self.assertEqual(len(self.flushLoggedErrors(ValueError)), 1)
        self.assertEqual(len(lines), 2)
        self.assertIn("ValueError: what", lines[1])
        self.stage.passes(0.25)
        self.stage.rests()
        self.saved()

    def test_unusable(self) -> None:
        """
        A store that says that it never will work may be another server's now: nothing
        more is granted, and the log says so.
        """
        self.client.submits()
        self.stage.asks(self.client)
        self.stage.writes()
        with logged() as lines:
            self.stage.runner.fails(StoreUnusable("another server has it"))
        self.assertEqual(self.stage.refusal(self.client), b"QUEUE_ERROR")
        self.assertFalse(self.stage.board.grants)
        self.assertIn("critical: the store is lost: another server has it", lines[0])

    def deaf(self) -> None:
        """
        Fail to hear it.
        """
        raise ZeroDivisionError

    def test_deaf(self) -> None:
        """
        When one of those who wait cannot be told, the others are, and those who were
        held up go on.
        """
        for refused in False, True:
            saving = self.client.submits(background=True).saving
            assert saving is not None
            saving.tell(Told(self.deaf))
            other = self.stage.asks(self.client)
            self.stage.writes()
            if refused:
                self.stage.runner.breaks()
            else:
                self.stage.runner.finishes()
            self.assertEqual(other.told, [REFUSAL if refused else None])
            self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)


class StopTests(JournalTestCase):
    """
    The end of a journal.
    """

    def stops(self) -> list[str]:
        """
        Stop.

        @return: what is in it when all is written.
        """
        written: list[str] = []
        self.stage.journal.stop(lambda: written.append("written"))
        return written

    def assertQuiet(self) -> None:
        """
        Assert that nothing is written any more, whatever ends and changes.
        """
        self.stage.turnEnds()
        self.stage.passes(60)
        self.stage.turnEnds()
        self.assertEqual(self.stage.runner.busy, 0)

    def test_nothing(self) -> None:
        """
        With nothing to write it ends at once.
        """
        self.assertEqual(self.stops(), ["written"])
        self.assertQuiet()

    def test_twice(self) -> None:
        """
        Whoever stops it again is told as well, each once.
        """
        self.stage.asks(self.client)
        first, second = self.stops(), self.stops()
        self.stage.rests()
        third = self.stops()
        self.assertEqual((first, second, third), (3 * (["written"],)))

    def test_whileWritten(self) -> None:
        """
        It ends when all is written, also what came meanwhile.
        """
        first = self.stage.asks(self.client)
        self.stage.writes()
        second = self.stage.asks(self.client)
        written = self.stops()
        self.stage.runner.finishes()
        self.assertEqual(written, [])
        self.stage.rests()
        self.assertEqual(written, ["written"])
        self.assertEqual((first.told, second.told), ([None], [None]))
        self.assertQuiet()

    def test_soon(self) -> None:
        """
        What would be written soon is written now.
        """
        self.saved()
        self.worker.completes(self.worker.takes())
        written = self.stops()
        self.stage.writes()
        self.stage.runner.finishes()
        self.assertEqual((written, self.stage.kept), (["written"], {}))
        self.assertEqual(self.stage.clock.getDelayedCalls(), [])

    def test_fails(self) -> None:
        """
        A store that fails then is not tried again; the log says what it does not
        know.
        """
        self.saved()
        self.worker.completes(self.worker.takes())
        written = self.stops()
        self.stage.turnEnds()
        with logged() as lines:
            self.stage.runner.fails()
        self.assertEqual(written, ["written"])
        self.assertEqual(len(lines), 2, lines)
        self.assertIn("1 jobs that have ended", lines[1])
        self.assertQuiet()

    def test_down(self) -> None:
        """
        A store that is down is tried once more, and not waited for.
        """
        self.brokenDown()
        written = self.stops()
        self.assertEqual(written, [])
        self.stage.writes()
        self.stage.runner.fails()
        self.assertEqual(written, ["written"])
        self.assertQuiet()

    def test_probing(self) -> None:
        """
        A try that is under way is waited for.
        """
        for works in True, False:
            self.stage = self.makeStage()
            self.brokenDown()
            self.stage.passes(0.25)
            self.stage.writes()
            written = self.stops()
            self.assertEqual(written, [])
            if works:
                self.stage.runner.finishes()
            else:
                self.stage.runner.fails()
            self.assertEqual(written, ["written"])
            self.assertQuiet()

    def test_afterwards(self) -> None:
        """
        What changes and ends afterwards is not written: the store is closed.
        """
        self.saved()
        other = self.saved()
        self.worker.takes()
        self.worker.takes()
        self.stage.rests()
        self.assertEqual(self.stops(), ["written"])
        self.worker.completes(other)
        self.worker.leaves()
        self.assertQuiet()
        self.assertEqual(self.stage.clock.getDelayedCalls(), [])

    def test_afterwardsDown(self) -> None:
        """
        Nor is it when the store was down.
        """
        self.saved()
        self.worker.takes()
        self.stage.rests()
        self.brokenDown()
        self.stops()
        self.stage.writes()
        self.stage.runner.fails()
        self.worker.leaves()
        self.assertQuiet()

    def test_dropped(self) -> None:
        """
        A job that was cancelled in the turn in which everything ends is not
        written afterwards either.
        """
        job = self.client.submits(background=True)
        self.stage.cancels(job)
        written = self.stops()
        self.stage.rests()
        self.assertEqual(written, ["written"])
        self.assertQuiet()
        self.assertLessEqual(len(self.commits), 1)


class RestartTests(JournalTestCase):
    """
    What is there when the process was killed.
    """

    def order(self) -> list[bytes]:
        """
        Grab everything.

        @return: the workloads.
        """
        worker = self.stage.worker(b"f")
        return [bytes(job.data) for job in worker.takesAll()]

    def test_back(self) -> None:
        """
        Jobs are back in their order, whoever submitted them, and new ones have
        other handles.
        """
        handles = {self.saved(data=b"%d" % n).handle for n in range(5)}
        self.crashes()
        self.assertEqual(set(self.stage.board.jobs), handles)
        self.assertNotIn(self.saved(data=b"5").handle, handles)
        self.assertEqual(self.order(), [b"%d" % n for n in range(6)])

    def test_clientLost(self) -> None:
        """
        A job whose client is lost while it is saved lives.
        """
        self.stage.asks(self.client, data=b"x")
        self.stage.writes()
        self.client.leaves()
        self.stage.runner.finishes()
        self.crashes()
        self.assertEqual(self.order(), [b"x"])

    def test_takenBack(self) -> None:
        """
        A job that was given up is back behind all that were there, and before
        those that came later; it knows how often it was tried.
        """
        for n in range(3):
            self.saved(data=b"%d" % n)
        job = self.worker.takes()
        self.worker.leaves()
        self.saved(data=b"3")
        self.crashes()
        back = self.stage.board.jobs[job.handle]
        self.assertEqual((back.attempts, back.error), (1, b"worker lost"))
        self.assertEqual(self.order(), [b"1", b"2", b"0", b"3"])

    def test_takenBackTogether(self) -> None:
        """
        Jobs that were given up one right after the other are back in that order.
        """
        for n in range(4):
            self.saved(data=b"%d" % n)
        jobs = [self.worker.takes() for _ in range(3)]
        self.worker.leaves()
        self.stage.rests()
        before = [j.data for j in sorted(jobs, key=lambda j: -j.number)]
        self.crashes()
        self.assertEqual(self.order(), [b"3", *before])

    def test_places(self) -> None:
        """
        No two jobs have the same place, however a store sorts them.
        """
        for _ in range(3):
            self.saved()
        for _ in range(2):
            self.worker.takes()
        self.worker.leaves()
        self.saved()
        places = [row.place for row in self.stage.kept.values()]
        self.assertEqual(len(set(places)), len(places), places)

    def test_cameDue(self) -> None:
        """
        A job that came due after others had come is back behind them.
        """
        self.saved(data=b"late", due=NOON + 10)
        self.saved(data=b"soon")
        self.stage.passes(10)
        self.stage.rests()
        self.crashes()
        self.assertEqual(self.order(), [b"soon", b"late"])

    def test_delayed(self) -> None:
        """
        A job that is not due is back to wait until it is; one that came due
        meanwhile is there.
        """
        early = self.saved(data=b"early", due=NOON + 10)
        late = self.saved(data=b"late", due=NOON + 100)
        stage = DurableStage(drawer=self.stage.drawer, now=NOON + 50)
        states = {job.handle: job.state for job in stage.board.jobs.values()}
        self.assertEqual(
            states, {early.handle: JobState.QUEUED, late.handle: JobState.DELAYED}
        )
        stage.passes(50)
        worker = stage.worker(b"f")
        self.assertEqual([j.data for j in worker.takesAll()], [b"early", b"late"])

    def test_epochSaving(self) -> None:
        """
        A job that comes due while it is saved does not run before that.
        """
        job = self.stage.asks(self.client, due=NOON + 1).job
        self.stage.writes()
        self.stage.passes(5)
        self.assertIsNone(self.worker.grabs())
        self.assertIs(job.state, SAVING)
        self.stage.runner.finishes()
        self.stage.passes(0)
        self.assertIs(self.worker.grabs(), job)

    def test_uniques(self) -> None:
        """
        Submits join jobs that are back, and the reply needs no commit.
        """
        job = self.saved(unique=b"u")
        byData = self.saved(unique=b"-", data=b"d")
        self.crashes()
        for submit, handle in [
            ({"unique": b"u"}, job.handle),
            ({"unique": b"-", "data": b"d"}, byData.handle),
        ]:
            outcome = self.stage.asks(self.client, **submit)
            self.assertEqual(outcome.job.handle, handle)
            self.assertEqual(outcome.told, [None])
