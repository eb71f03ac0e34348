"""
Tests for L{txgearman.stores.journal}: batches that are full.
"""

from __future__ import annotations

from twisted.internet.defer import maybeDeferred

from tests.server.pump import logged
from tests.stores.stage import Outcome, PickyStore
from tests.stores.test_journal import JournalTestCase
from txgearman.board.saving import Told
from txgearman.errors import StoreError, StoreUnusable
from txgearman.stores.interface import Batch
from txgearman.stores.journal import REFUSAL

MANY = 128
"""How many jobs make a batch full behind one of a few."""


class FullBatchTests(JournalTestCase):
    """
    A batch that is full while one job is being written, and what comes behind it.
    """

    def setUp(self) -> None:
        super().setUp()
        self.first = self.stage.asks(self.client)
        self.stage.writes()

    def ask(self, count: int, **submit: object) -> list[Outcome]:
        """
        Submit jobs.
        """
        return [self.stage.asks(self.client, **submit) for _ in range(count)]

    def written(self) -> list[int]:
        """
        Let one batch after the other be written.

        @return: how many jobs were in each that was written until now.
        """
        self.stage.rests()
        return [len(batch.inserts) for batch in self.commits]

    def test_parted(self) -> None:
        """
        What comes when a batch is full is for the one behind it, and nobody is told
        before theirs is saved.
        """
        full, others = self.ask(MANY), self.ask(200)
        self.stage.runner.finishes()
        self.assertEqual([o.told for o in full], MANY * [[]])
        self.stage.runner.finishes()
        self.assertEqual([o.told for o in full], MANY * [[None]])
        self.assertEqual([o.told for o in others], 200 * [[]])
        self.assertEqual(self.written(), [1, MANY, 200])
        self.assertEqual([o.told for o in others], 200 * [[None]])

    def test_notFull(self) -> None:
        """
        Fewer jobs share a batch.
        """
        self.ask(MANY - 1)
        self.assertEqual(self.written(), [1, MANY - 1])

    def test_ahead(self) -> None:
        """
        The thread has a full batch before anybody knows what became of the one that
        it writes; and then the next one, if it is full by then.
        """
        runner = self.stage.runner
        self.ask(MANY + 200)
        self.assertEqual(runner.busy, 2)
        runner.finishes()
        self.assertEqual(runner.busy, 2)
        runner.finishes()
        self.assertEqual(runner.busy, 1)
        self.assertEqual(self.written(), [1, MANY, 200])

    def test_notTried(self) -> None:
        """
        What is ahead of time is not written before what stands in front of it: when a
        job spoils that, its parts are written first.
        """
        self.startPicky()
        batch = [*self.ask(2), *self.ask(1, data=b"poison"), *self.ask(2)]
        self.stage.writes()
        full = self.ask(MANY)
        self.assertEqual(self.stage.runner.busy, 2)
        with logged() as lines:
            written = self.written()
        kept = [o.job.handle in self.stage.kept for o in batch]
        self.assertEqual(kept, [True, True, False, True, True])
        self.assertEqual([o.told for o in full], MANY * [[None]])
        self.assertEqual([count for count in written if count], [2, 2, MANY])
        self.assertEqual(len(self.stage.kept), 4 + MANY)
        [line] = lines
        self.assertIn("does not take 1 jobs", line)

    def test_notTriedEnds(self) -> None:
        """
        Nor is a job ended in the store before it is saved there.
        """
        self.startPicky()
        ended = self.client.submits(unique=b"u")
        self.ask(1, unique=b"u")
        self.ask(1, data=b"poison")
        self.stage.writes()
        self.worker.completes(self.worker.takes())
        self.ask(MANY)
        self.assertEqual(self.stage.runner.busy, 2)
        with logged():
            self.stage.rests()
        done: list[str] = []
        for batch in self.commits:
            done += ["saved" for job in batch.inserts if job.number == ended.number]
            done += ["ended" for number in batch.deletes if number == ended.number]
        self.assertEqual(done, ["saved", "ended"])
        self.assertEqual(len(self.stage.kept), MANY)

    def test_failsTooLate(self) -> None:
        """
        Nor is it written when the one in front of it may have been, but failed; in the
        end nothing is there of either.
        """
        commit = self.stage.store.commit

        def failsOnce(batch: Batch) -> None:
            self.stage.store.commit = commit  # type: ignore[method-assign]
            commit(batch)
            raise StoreError("too late")

        self.stage.store.commit = failsOnce  # type: ignore[method-assign]
        outcomes = [self.first, *self.ask(MANY), *self.ask(MANY)]
        self.stage.runner.finishes()
        self.assertEqual([o.told for o in outcomes], len(outcomes) * [[REFUSAL]])
        self.stage.runner.finishes()
        self.assertEqual(len(self.stage.kept), 1)
        self.stage.passes(0.25)
        self.stage.rests()
        self.assertEqual(self.stage.kept, {})
        self.saved()

    def test_failsItself(self) -> None:
        """
        When it is the one ahead that fails, those in front of it are saved.
        """
        others = self.ask(MANY)
        self.stage.runner.finishes()
        self.assertEqual(self.first.told, [None])
        self.stage.runner.fails(StoreUnusable("gone"))
        self.assertEqual([o.told for o in others], MANY * [[REFUSAL]])
        self.assertEqual(set(self.stage.kept), {self.first.job.handle})

    def test_failsAtEnd(self) -> None:
        """
        A journal that stops does not wait for what is not tried any more.
        """
        self.ask(MANY)
        written: list[str] = []
        self.stage.journal.stop(lambda: written.append("written"))
        with logged() as lines:
            self.stage.runner.fails(StoreUnusable("gone"))
        self.assertEqual(written, ["written"])
        self.assertIn(f"{1 + MANY} jobs that have ended", lines[-1])
        self.stage.runner.finishes()
        self.assertEqual(self.stage.kept, {})
        self.assertEqual(written, ["written"])

    def test_atOnce(self) -> None:
        """
        A thread may have done a thing before it says that it will.
        """
        store = self.stage.store
        self.stage = self.makeStage(store=store, drawer=store.drawer)
        self.stage.journal._run = maybeDeferred
        for _ in range(3):
            [outcome] = self.ask(1)
            self.stage.turnEnds()
            self.assertEqual(outcome.told, [None])

    def startPicky(self) -> None:
        """
        Begin anew, with a store that does not take every job, and nothing to write.
        """
        store = PickyStore()
        self.stage = self.makeStage(drawer=store.drawer, store=store)

    def test_grows(self) -> None:
        """
        Behind a large batch one is full with as many.
        """
        self.ask(MANY + 200)
        self.stage.runner.finishes()
        self.stage.runner.finishes()
        self.ask(199)
        self.assertEqual(self.stage.runner.busy, 1)
        self.ask(1)
        self.assertEqual(self.stage.runner.busy, 2)

    def test_endsInIt(self) -> None:
        """
        A job that ends while it is in a full batch is kept no longer than that.
        """
        job = self.client.submits(unique=b"u")
        outcome = self.stage.asks(self.client, unique=b"u")
        self.ask(MANY)
        self.worker.completes(self.worker.takes())
        self.assertEqual(outcome.told, [])
        self.stage.rests()
        self.assertEqual(outcome.told, [None])
        self.assertNotIn(job.handle, self.stage.kept)
        self.assertEqual(len(self.stage.kept), 1 + MANY)

    def test_changesInIt(self) -> None:
        """
        What changes about a job in a full batch is kept with the next one.
        """
        job = self.client.submits(unique=b"u")
        self.ask(1, unique=b"u")
        self.ask(MANY)
        self.worker.takes()
        self.stage.rests()
        self.assertEqual(self.stage.kept[job.handle].attempts, 1)

    def test_fails(self) -> None:
        """
        When the store fails, all are refused, and nothing stays of them.
        """
        outcomes = [self.first, *self.ask(MANY), *self.ask(10)]
        self.stage.runner.fails()
        self.assertEqual([o.told for o in outcomes], len(outcomes) * [[REFUSAL]])
        self.assertEqual(self.stage.board.jobs, {})
        self.stage.passes(0.25)
        self.stage.rests()
        self.assertEqual(self.stage.kept, {})
        self.saved()

    def test_slow(self) -> None:
        """
        Where commits take long, the fewer there are the better: none is full.
        """
        for count in 1, 1, 300:
            self.stage.clock.advance(0.01)
            self.stage.runner.finishes()
            if count > 1:
                self.ask(MANY)
            self.ask(count)
            self.stage.writes()
        self.ask(500)
        self.assertEqual(self.written(), [1, 1, 1, MANY + 300, 500])

    def test_together(self) -> None:
        """
        What belongs together is saved together, however much it is: no batch is
        closed before somebody's submit is done.
        """
        self.ask(MANY - 1)
        for _ in range(5):
            self.client.submits(background=True)
        self.stage.journal.keep("run", b"five", b"done")
        self.ask(1)
        self.ask(3)
        self.assertEqual(self.written(), [1, MANY + 5, 3])
        [record] = self.commits[1].records
        self.assertEqual(record.value, b"done")

    def test_unsaved(self) -> None:
        """
        Whoever did something later does not wait for the full batch alone.
        """
        self.ask(MANY)
        self.assertIs(self.stage.journal.unsaved, None)
        self.stage.journal.keep("dead", b"k", b"")
        over: list[str] = []
        unsaved = self.stage.journal.unsaved
        assert unsaved is not None, "there is something to save"
        unsaved.tell(Told(lambda: over.append("saved")))
        for _ in range(2):
            self.stage.runner.finishes()
            self.stage.writes()
            self.assertEqual(over, [])
        self.stage.runner.finishes()
        self.assertEqual(over, ["saved"])

    def test_flush(self) -> None:
        """
        Nor is the journal flushed before.
        """
        outcomes = self.ask(MANY)
        over: list[list[bytes | None]] = []
        self.stage.journal.flush(lambda: over.append(outcomes[-1].told))
        self.stage.runner.finishes()
        self.assertEqual(over, [])
        self.stage.writes()
        self.stage.runner.finishes()
        self.assertEqual(over, [[None]])

    def test_stop(self) -> None:
        """
        At the end, all of it is written.
        """
        self.ask(MANY)
        self.ask(3)
        written: list[str] = []
        self.stage.journal.stop(lambda: written.append("written"))
        self.assertEqual(self.written(), [1, MANY, 3])
        self.assertEqual(written, ["written"])
