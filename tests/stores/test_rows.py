"""
Tests for L{txgearman.stores.rows}.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from tests.stores.stage import PickyStore
from txgearman.errors import StoreError, StoreUnusable
from txgearman.stores.interface import Batch, JobUpdate, SavedRecord
from txgearman.stores.memory import Drawer, MemoryStore
from txgearman.stores.rows import saveApart
from txgearman.testing.stores import savedJob


class LostStore(MemoryStore):
    """
    A store that is another server's from the first new job on.
    """

    def commit(self, batch: Batch) -> None:
        """
        Save a batch, or none of it.
        """
        if batch.inserts:
            raise StoreUnusable("another server has it")
        super().commit(batch)


class ApartTests(SynchronousTestCase):
    """
    A batch is saved in parts.
    """

    def test_poison(self) -> None:
        """
        Whichever jobs a store does not take, it gets the others, and what has changed;
        then what has ended, and with that the records.
        """
        for poisoned in ([1], [20], [7, 8], [1, 5, 6, 20], list(range(2, 21))):
            drawer = Drawer()
            store = PickyStore(drawer)
            store.commit(Batch([savedJob(100), savedJob(101)]))
            jobs = [
                savedJob(n, data=b"poison" if n in poisoned else b"fine")
                for n in range(1, 21)
            ]
            record = SavedRecord("dead", b"H:101", b"dead")
            batch = Batch(jobs, [JobUpdate(100, 100, 0.0, 3, b"")], [101], [record])
            self.assertEqual(sorted(saveApart(store, batch)), poisoned)
            good = [job.number for job in jobs if job.number not in poisoned]
            self.assertEqual(sorted(drawer.jobs), [*good, 100])
            self.assertEqual(drawer.jobs[100].attempts, 3)
            self.assertEqual(drawer.records, {("dead", b"H:101"): b"dead"})
            [before, *_, last] = drawer.commits[1:]
            self.assertEqual((before.records, last.records), ((), [record]))
            self.assertEqual(last.deletes, [101])

    def test_nothing(self) -> None:
        """
        A store that takes none of the jobs does not work.
        """
        jobs = [savedJob(n, data=b"poison") for n in range(1, 6)]
        self.assertRaises(StoreError, saveApart, PickyStore(), Batch(jobs))
        drawer = Drawer(broken=True)
        self.assertRaises(StoreError, saveApart, MemoryStore(drawer), Batch(jobs))
        self.assertEqual(len(drawer.commits), 1)

    def test_lost(self) -> None:
        """
        A store that is another server's is asked no further.
        """
        jobs = [savedJob(n) for n in range(1, 6)]
        store = LostStore()
        self.assertRaises(StoreUnusable, saveApart, store, Batch(jobs))
        self.assertEqual(len(store.drawer.commits), 1)
