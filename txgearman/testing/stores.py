"""
What every store of jobs has to do, as tests: inherit them for one more store::

    class MyStoreTests(JobStoreContract, TestCase):
        def makeStore(self):
            return MyStore(self.folder)

        def spoil(self, number):
            ...

        def spoilRecord(self, kind, key):
            ...

Those for records are in L{txgearman.testing.records}, and are inherited along.
"""

from __future__ import annotations

from zope.interface.verify import verifyObject

from txgearman.errors import StoreUnusable
from txgearman.stores.interface import (
    Batch,
    IJobStore,
    JobUpdate,
    SavedJob,
    Unreadable,
)
from txgearman.testing.kept import MOMENT, StoreBench, savedJob
from txgearman.testing.records import RecordStoreContract

__all__ = ["MOMENT", "JobStoreContract", "StoreBench", "savedJob"]


class JobStoreContract(RecordStoreContract):
    """
    Tests of an L{IJobStore}; mix them into a C{TestCase}.
    """

    def spoil(self, number: int) -> None:
        """
        Make a job unreadable that is kept, behind the store's back. The store is
        closed.
        """
        raise NotImplementedError

    def test_interface(self) -> None:
        """
        It provides the interface.
        """
        verifyObject(IJobStore, self.opened())

    def test_empty(self) -> None:
        """
        There is nothing in a new store.
        """
        self.assertKept([])

    def test_lives(self) -> None:
        """
        Each life has a number of its own; to read is not to live.
        """
        lives = []
        for _ in range(3):
            store = self.makeStore()
            lives.append(store.open())
            store.close()
            reader = self.makeStore()
            self.assertEqual(reader.open(reading=True), 0)
            reader.close()
        self.assertEqual(lives, [1, 2, 3])

    def test_reopened(self) -> None:
        """
        One store can be opened again when it was closed, and be closed at any time.
        """
        store = self.makeStore()
        store.close()
        self.assertEqual(store.open(), 1)
        store.close()
        store.close()
        self.assertEqual(store.open(), 2)
        self.assertEqual(list(store.load()), [])
        store.close()

    def test_owned(self) -> None:
        """
        A second server does not get the store while a first one has it; who reads
        does.
        """
        job = savedJob(1)
        self.keep(job)
        first = self.loaded()
        second = self.makeStore()
        self.addCleanup(second.close)
        with self.assertRaises(StoreUnusable) as caught:
            second.open()
        self.assertTrue(str(caught.exception))
        reader = self.opened(reading=True)
        self.assertEqual(list(reader.load()), [job])
        reader.close()
        first.close()
        second.open()
        self.assertEqual(list(second.load()), [job])

    def test_everything(self) -> None:
        """
        All that is known of a job is kept.
        """
        job = savedJob(
            2**63 - 1,
            b"H:host:7",
            b"reverse",
            b"unique",
            2,
            b"data",
            b"reducer",
            MOMENT + 3600.5,
            MOMENT,
            4711,
            3,
            b"worker lost",
        )
        self.keep(job)
        self.assertKept([job])

    def test_bytes(self) -> None:
        """
        Whatever is bytes may have any of them, and any number of them.
        """
        every = bytes(range(256))
        jobs = [
            savedJob(1, b"\xff:\x00'\"%", every, every, 1, every, every, error=every),
            savedJob(2, data=b""),
            savedJob(3, data=b"\0"),
            savedJob(4, data=b"a\0b\\"),
            savedJob(5, data=every * 4096),
            savedJob(6, b"H" * 63, b"f" * 4096, b"u" * 64, reducer=b"r" * 64),
            savedJob(7, function=b"- -", unique=b"-"),
        ]
        self.keep(*jobs)
        self.assertKept(jobs)

    def test_sameUnique(self) -> None:
        """
        Jobs are told apart by their numbers only.
        """
        jobs = [savedJob(n, b"H:1", unique=b"-", data=b"same") for n in (1, 2, 3)]
        self.keep(*jobs)
        self.assertKept(jobs)

    def test_order(self) -> None:
        """
        Jobs come back by their places, not by numbers or in the order of saving.
        """
        jobs = [savedJob(5, place=1), savedJob(1, place=2), savedJob(3, place=10**15)]
        self.keep(jobs[1], jobs[2])
        self.keep(jobs[0])
        self.assertKept(jobs)

    def test_update(self) -> None:
        """
        What changed is kept, and the rest stays, of these jobs and no others.
        """
        jobs = [savedJob(n, unique=b"u%d" % n, priority=n % 3) for n in range(1, 8)]
        self.keep(*jobs)
        store = self.loaded()
        store.commit(
            Batch(
                updates=[
                    JobUpdate(2, 20, 0.0, 1, b"timed out\0\xff"),
                    JobUpdate(4, 4, MOMENT + 0.5, 5, b""),
                    JobUpdate(99, 1, 0.0, 1, b"never there"),
                ]
            )
        )
        store.close()
        second = jobs[1]._replace(place=20, attempts=1, error=b"timed out\0\xff")
        fourth = jobs[3]._replace(due=MOMENT + 0.5, attempts=5)
        self.assertKept([jobs[0], jobs[2], fourth, *jobs[4:], second])

    def test_delete(self) -> None:
        """
        What is deleted is gone; there is no need for it to have been there.
        """
        jobs = [savedJob(number) for number in range(1, 6)]
        self.keep(*jobs)
        store = self.loaded()
        store.commit(Batch(deletes=[1, 3, 2**63 - 1]))
        store.commit(Batch(deletes=[3]))
        store.close()
        self.assertKept([jobs[1], jobs[3], jobs[4]])

    def test_together(self) -> None:
        """
        A batch may do everything at once.
        """
        jobs = [savedJob(number) for number in range(1, 4)]
        self.keep(*jobs)
        store = self.loaded()
        new = savedJob(4, data=b"new")
        store.commit(Batch([new], [JobUpdate(1, 10, 0.0, 2, b"")], [2]))
        store.close()
        self.assertKept([jobs[2], new, jobs[0]._replace(place=10, attempts=2)])

    def test_nothing(self) -> None:
        """
        An empty batch is a way to ask whether the store still works.
        """
        store = self.loaded()
        store.commit(Batch())
        store.close()
        self.assertKept([])

    def test_again(self) -> None:
        """
        A job that is saved twice is kept once, as it was the last time.
        """
        self.keep(savedJob(1), savedJob(2))
        again = savedJob(1, data=b"again", attempts=1)
        self.keep(again, savedJob(3))
        self.assertKept([again, savedJob(2), savedJob(3)])

    def test_many(self) -> None:
        """
        A batch may be of any size, and so may what is loaded.
        """
        jobs = [savedJob(number) for number in range(1, 3001)]
        self.keep(*jobs)
        self.assertKept(jobs)
        store = self.loaded()
        updates = [JobUpdate(n, n + 5000, 0.0, 1, b"e") for n in range(1, 1501)]
        store.commit(Batch(updates=updates, deletes=range(2001, 3001)))
        store.close()
        changed = [
            job._replace(place=job.place + 5000, attempts=1, error=b"e")
            for job in jobs[:1500]
        ]
        self.assertKept([*jobs[1500:2000], *changed])

    def test_large(self) -> None:
        """
        A workload of many megabytes is kept, if it is no larger than the store says.
        """
        store = self.loaded()
        jobs = [
            savedJob(n, data=bytes([n]) * min(store.largest, 12 * 1024**2))
            for n in (1, 2)
        ]
        store.commit(Batch(inserts=jobs))
        store.close()
        self.assertEqual(self.kept() == jobs, True)

    def test_unreadable(self) -> None:
        """
        What cannot be read is said, and set aside: the others are all there, and it
        is not said again. Whoever only reads sets nothing aside.
        """
        jobs = [savedJob(number) for number in range(1, 5)]
        self.keep(*jobs)
        self.spoil(2)
        reader = self.opened(reading=True)
        first = list(reader.load())
        reader.close()
        for found in (first, self.kept()):
            [bad] = [one for one in found if isinstance(one, Unreadable)]
            self.assertTrue(bad.reason)
            self.assertIn("2", bad.name)
            good = [one for one in found if isinstance(one, SavedJob)]
            self.assertEqual(good, [jobs[0], jobs[2], jobs[3]])
        self.assertKept([jobs[0], jobs[2], jobs[3]])
        # Its number may be used, as by who knew better and put it right.
        self.keep(jobs[1])
        self.assertKept(jobs)
