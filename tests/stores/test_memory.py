"""
Tests for L{txgearman.stores.memory}.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from txgearman.errors import StoreError
from txgearman.stores.interface import Batch
from txgearman.stores.memory import Drawer, MemoryStore
from txgearman.testing.stores import JobStoreContract, savedJob


class MemoryStoreTests(JobStoreContract, SynchronousTestCase):
    """
    The store for tests does what every store does.
    """

    def setUp(self) -> None:
        """
        Make what the stores leave behind.
        """
        self.drawer = Drawer()

    def makeStore(self) -> MemoryStore:
        """
        Make one more store of the same drawer.
        """
        return MemoryStore(self.drawer)

    def spoil(self, number: int) -> None:
        """
        Make a job unreadable.
        """
        job = self.drawer.jobs[number]
        self.drawer.jobs[number] = job._replace(priority=7)

    def spoilRecord(self, kind: str, key: bytes) -> None:
        """
        Make a record unreadable.
        """
        self.drawer.records[kind.upper(), key] = self.drawer.records.pop((kind, key))

    def test_broken(self) -> None:
        """
        A broken drawer fails whatever is asked of it, and can be mended.
        """
        self.keep(savedJob(1))
        store = self.loaded()
        self.drawer.broken = True
        batch = Batch(inserts=[savedJob(2)])
        self.assertRaises(StoreError, store.commit, batch)
        self.assertRaises(StoreError, list, store.load())
        self.assertRaises(StoreError, MemoryStore(self.drawer).open)
        self.drawer.broken = False
        store.commit(batch)
        store.close()
        self.assertKept([savedJob(1), savedJob(2)])
        self.assertIs(self.drawer.commits[-1], batch)
