"""
Tests for L{txgearman.stores.journal}: what is kept beside the jobs.
"""

from __future__ import annotations

from typing import Any

from tests.server.pump import logged
from tests.stores.test_journal import JournalTestCase
from txgearman.board.saving import Saving
from txgearman.stores.interface import RECORD_ROOM, Batch, SavedRecord
from txgearman.stores.journal import REFUSAL


class Waiter:
    """
    Somebody who waits for something to be saved.

    @ivar told: what they were told.
    @ivar refused: what was said to have come to nothing then.
    """

    def __init__(self, saving: Saving) -> None:
        self.told: list[bytes | None] = []
        self.refused: set[bytes] | None = None
        saving.tell(self)

    def settled(self, saving: Saving, refusal: bytes | None) -> None:
        self.told.append(refusal)
        self.refused = saving.refused


class RecordTests(JournalTestCase):
    """
    Records are written along with jobs.
    """

    def keeps(self, key: bytes, value: bytes | None = b"value") -> Saving:
        """
        Keep a record of some kind.
        """
        return self.stage.journal.keep("kind", key, value)

    @property
    def kept(self) -> dict[bytes, bytes]:
        """
        The records that are in the drawer, by key.
        """
        return {key: value for (_, key), value in self.stage.drawer.records.items()}

    def test_soon(self) -> None:
        """
        When nobody waits for records, they are gathered for a moment; of each it is
        the last that counts.
        """
        self.keeps(b"a", b"1")
        self.keeps(b"b", b"2")
        self.keeps(b"a", b"3")
        self.keeps(b"c", None)
        self.stage.turnEnds()
        self.assertEqual(self.stage.runner.busy, 0)
        self.stage.passes(0.01)
        self.stage.writes()
        self.stage.runner.finishes()
        [batch] = self.commits
        self.assertEqual(
            batch,
            Batch(
                [],
                [],
                [],
                [
                    SavedRecord("kind", b"a", b"3"),
                    SavedRecord("kind", b"b", b"2"),
                    SavedRecord("kind", b"c", None),
                ],
            ),
        )
        self.assertEqual(self.kept, {b"a": b"3", b"b": b"2"})
        self.assertEqual(self.stage.clock.getDelayedCalls(), [])

    def test_awaited(self) -> None:
        """
        When somebody waits for a record it is written when the turn ends, and they are
        told when it is.
        """
        saving = self.keeps(b"a")
        self.keeps(b"b")
        waiter = Waiter(saving)
        self.stage.writes()
        self.assertEqual(waiter.told, [])
        self.stage.runner.finishes()
        self.assertEqual(waiter.told, [None])
        self.assertEqual(self.kept, {b"a": b"value", b"b": b"value"})
        self.assertEqual(self.stage.clock.getDelayedCalls(), [])

    def test_awaitedMeanwhile(self) -> None:
        """
        Who waits for a record while others are written is told after the next batch,
        which begins at once; so is who begins to wait only then.
        """
        first = Waiter(self.keeps(b"a"))
        self.stage.writes()
        saving = self.keeps(b"b")
        second = Waiter(saving)
        self.stage.turnEnds()
        self.stage.runner.finishes()
        self.assertEqual((first.told, second.told), ([None], []))
        self.stage.writes()
        late = Waiter(saving)
        self.stage.turnEnds()
        self.stage.runner.finishes()
        self.assertEqual((second.told, late.told), ([None], [None]))
        self.assertEqual(self.stage.runner.busy, 0)

    def test_withJobs(self) -> None:
        """
        A record goes along with the job that is submitted or ends.
        """
        job = self.saved()
        self.worker.completes(self.worker.takes())
        self.keeps(b"a")
        self.stage.rests()
        batch = self.commits[-1]
        self.assertEqual(batch.deletes, [job.number])
        self.assertEqual([record.key for record in batch.records], [b"a"])
        outcome = self.stage.asks(self.client)
        self.keeps(b"a", None)
        self.stage.writes()
        self.stage.runner.finishes()
        self.assertEqual(outcome.told, [None])
        self.assertEqual(self.kept, {})

    def test_none(self) -> None:
        """
        A batch without records says that there are none, and no more.
        """
        self.saved()
        self.assertEqual(self.commits[-1].records, ())

    def test_fails(self) -> None:
        """
        Records of a batch that failed are kept in mind until the store works; the
        newer one wins. Who waited is told that they are not saved.
        """
        self.keeps(b"a", b"1")
        self.keeps(b"b", b"1")
        waiter = Waiter(self.keeps(b"c", b"1"))
        self.stage.writes()
        other = Waiter(self.keeps(b"b", b"2"))
        self.stage.runner.fails()
        self.assertEqual((waiter.told, other.told), ([REFUSAL], [REFUSAL]))
        self.assertIsNone(waiter.refused)
        self.keeps(b"c", None)
        self.keeps(b"d", b"3")
        self.stage.passes(0.25)
        self.stage.writes()
        self.stage.runner.fails()
        self.keeps(b"d", b"4")
        self.stage.passes(0.5)
        self.stage.rests()
        self.assertEqual(self.kept, {b"a": b"1", b"b": b"2", b"d": b"4"})
        self.assertEqual(len(self.commits), 1)

    def test_whileDown(self) -> None:
        """
        A record that somebody waits for while the store is left alone does not make
        it try at once.
        """
        self.brokenDown()
        waiter = Waiter(self.keeps(b"a"))
        self.stage.turnEnds()
        self.assertEqual(self.stage.runner.busy, 0)
        self.stage.passes(0.25)
        self.stage.rests()
        self.assertEqual(waiter.told, [None])
        self.assertEqual(self.kept, {b"a": b"value"})

    def test_worksAgain(self) -> None:
        """
        A record that is saved shows that the store works again; that one is dropped
        does not, as that needs no room.
        """
        self.brokenDown()
        self.keeps(b"a", None)
        with logged() as lines:
            self.stage.passes(0.25)
            self.stage.rests()
            self.assertEqual(lines, [])
            self.keeps(b"a")
            self.stage.rests()
        self.assertIn("works again", lines[0])

    def test_poison(self) -> None:
        """
        When a store does not take some jobs, it takes the records all the same.
        """
        self.stage.asks(self.client, data=b"1")
        self.stage.asks(self.client, data=b"2")
        waiter = Waiter(self.keeps(b"a"))
        commit = self.stage.store.commit

        def picky(batch: Batch) -> None:
            if any(job.data == b"2" for job in batch.inserts):
                raise ValueError("not that one")
            commit(batch)

        self.patch(self.stage.store, "commit", picky)
        with logged():
            self.stage.rests()
        self.assertEqual(self.kept, {b"a": b"value"})
        self.assertEqual(waiter.told, [REFUSAL])
        assert waiter.refused is not None
        self.assertEqual(len(waiter.refused), 1)

    def test_tooLarge(self) -> None:
        """
        A record that the store could never take is not kept, nor is what was kept in
        its place; the log says so, and all else is saved.
        """
        self.stage.store.largest = 10
        most = 10 + RECORD_ROOM
        self.keeps(b"a", b"1")
        self.keeps(b"b", b"x" * most)
        self.stage.rests()
        waiter = Waiter(self.keeps(b"a", b"x" * (most + 1)))
        with logged() as lines:
            self.saved()
        self.assertEqual(
            lines,
            [
                f"error: kind record b'a' has {most + 1} bytes, which are too many for"
                " the store"
            ],
        )
        self.assertEqual(self.kept, {b"b": b"x" * most})
        self.assertEqual(waiter.told, [None])

    def test_beforeLoading(self) -> None:
        """
        What is kept before the jobs are back is written when they are.
        """
        stage = self.stage = self.makeStage(loads=False)
        waiter = Waiter(self.keeps(b"a"))
        stage.turnEnds()
        self.assertEqual(stage.runner.busy, 0)
        loading: Any = stage.startLoading()
        stage.runner.finishesAll()
        self.successResultOf(loading)
        stage.writes()
        stage.runner.finishes()
        self.assertEqual(waiter.told, [None])
        self.assertEqual(self.kept, {b"a": b"value"})

    def test_stop(self) -> None:
        """
        A server that ends writes the records before; those that it cannot write are
        counted.
        """
        written: list[None] = []
        self.keeps(b"a")
        self.stage.journal.stop(lambda: written.append(None))
        self.stage.writes()
        self.assertEqual(written, [])
        self.stage.runner.finishes()
        self.assertEqual(self.kept, {b"a": b"value"})
        self.assertEqual(written, [None])
        self.stage = self.makeStage()
        self.keeps(b"b")
        self.keeps(b"c", None)
        self.stage.journal.stop(lambda: written.append(None))
        self.stage.writes()
        with logged() as lines:
            self.stage.runner.fails()
        self.assertEqual(len(written), 2)
        self.assertEqual(
            lines[-1],
            "warn: 2 records beside the jobs have changed, and the store does not know"
            " of it",
        )
