"""
What every store has to do with the records beside its jobs, as tests.
"""

from __future__ import annotations

from typing import TypeVar

from txgearman.stores.interface import (
    KEY_LIMIT,
    RECORD_ROOM,
    Batch,
    JobUpdate,
    SavedJob,
    SavedRecord,
    Unreadable,
)
from txgearman.testing.kept import StoreBench, savedJob


class RecordStoreContract(StoreBench):
    """
    Tests of the records of an L{IJobStore<txgearman.stores.interface.IJobStore>}; they
    are part of L{JobStoreContract<txgearman.testing.stores.JobStoreContract>}.
    """

    def spoilRecord(self, kind: str, key: bytes) -> None:
        """
        Make a record unreadable that is kept, behind the store's back: change its kind
        to one that is none, for example. The store is closed.
        """
        raise NotImplementedError

    def test_records(self) -> None:
        """
        Records are kept, whatever bytes they have and however long their keys are.
        They come before the jobs.
        """
        every = bytes(range(256))
        records = [
            SavedRecord("policy", b"mail.*", b"1"),
            SavedRecord("a", b"\0", b""),
            SavedRecord("abcdefghijklmnop", every, every * 4096),
            SavedRecord("dead", b"\xff" * KEY_LIMIT, b"\0"),
            SavedRecord("dead", b"\xff" * (KEY_LIMIT - 1), b"\xff"),
            SavedRecord("null", b"NULL", b"null"),
            *(SavedRecord("key", bytes([one]), bytes([one])) for one in every),
            *(SavedRecord("value", b"k" + every[:n], every[:n]) for n in every),
        ]
        jobs = [savedJob(2), savedJob(1, place=3)]
        self.keep(*records, *jobs)
        self.assertKept(jobs, records)

    def test_names(self) -> None:
        """
        Records are told apart by kind and key, to the byte.
        """
        names = [
            ("a", b"b"),
            ("b", b"b"),
            ("a", b"B"),
            ("a", b"b "),
            ("a", b"b\0"),
            ("a", b"ab"),
            ("aa", b"b"),
            ("a", b":b"),
            ("a", b"a:b"),
            ("a", b"\xc3\xa4"),
            ("a", b"a\xcc\x88"),
        ]
        records = [
            SavedRecord(kind, key, b"%d" % n) for n, (kind, key) in enumerate(names)
        ]
        self.keep(*records)
        self.assertKept([], records)
        self.keep(SavedRecord("a", b"b", None))
        self.assertKept([], records[1:])

    def test_replaced(self) -> None:
        """
        A record takes the place of the one with its kind and key, whatever the sizes
        of both; others stay.
        """
        other = SavedRecord("run", b"other", b"other")
        self.keep(other)
        for size in 0, 10, 100_000, 5000, 0, 3:
            record = SavedRecord("run", b"name", b"x" * size)
            self.keep(record)
            self.assertKept([], [record, other])

    def test_dropped(self) -> None:
        """
        A record without a value is kept no more; there is no need for it to have been
        there.
        """
        records = [SavedRecord("dead", b"%d" % n, b"dead") for n in range(5)]
        self.keep(*records)
        self.keep(*(SavedRecord("dead", b"%d" % n, None) for n in (1, 3, 9)))
        left = [records[0], records[2], records[4]]
        self.assertKept([], left)
        self.keep(SavedRecord("dead", b"1", None), SavedRecord("result", b"0", None))
        self.assertKept([], left)
        self.keep(records[1])
        self.assertKept([], records[:3] + records[4:])

    def test_allTogether(self) -> None:
        """
        Jobs and records change together.
        """
        jobs = [savedJob(number) for number in range(1, 5)]
        old, gone = SavedRecord("a", b"old", b"1"), SavedRecord("a", b"gone", b"1")
        self.keep(*jobs, old, gone)
        store = self.loaded()
        new, changed = SavedRecord("b", b"new", b"2"), old._replace(value=b"3")
        store.commit(
            Batch(
                [savedJob(5)],
                [JobUpdate(1, 10, 0.0, 2, b"")],
                [2],
                [new, changed, gone._replace(value=None)],
            )
        )
        store.commit(Batch(deletes=[3], records=[SavedRecord("c", b"3", b"dead")]))
        store.commit(Batch(updates=[JobUpdate(4, 4, 0.0, 7, b"")], records=[old]))
        store.close()
        self.assertKept(
            [
                jobs[3]._replace(attempts=7),
                savedJob(5),
                jobs[0]._replace(place=10, attempts=2),
            ],
            [new, old, SavedRecord("c", b"3", b"dead")],
        )

    def test_manyRecords(self) -> None:
        """
        A batch may have any number of records.
        """
        records = [
            SavedRecord("result", b"H:host:%d" % n, b"%d" % n * (n % 7))
            for n in range(3000)
        ]
        jobs = [savedJob(number) for number in range(1, 1501)]
        self.keep(*records, *jobs)
        self.assertKept(jobs, records)
        changes = [one._replace(value=b"new") for one in records[:1100]]
        changes += [one._replace(value=None) for one in records[1900:]]
        store = self.loaded()
        store.commit(Batch(deletes=range(1, 1501), records=changes))
        store.close()
        self.assertKept([], changes[:1100] + records[1100:1900])

    def test_largeRecord(self) -> None:
        """
        The value of a record may be a bit larger than the largest workload.
        """
        store = self.loaded()
        size = min(store.largest, 12 * 1024**2) + RECORD_ROOM
        records = [
            SavedRecord("dead", bytes([n]) * KEY_LIMIT, bytes([n]) * size)
            for n in range(3)
        ]
        small = SavedRecord("dead", b"small", b"small")
        store.commit(Batch([savedJob(1)], records=[*records, small]))
        store.close()
        found = self.kept()
        self.assertEqual(found[4:], [savedJob(1)])
        self.assertEqual(set(found[:4]) == {*records, small}, True)

    def test_readRecords(self) -> None:
        """
        Whoever only reads a store gets what was there when they began, while a server
        has it.
        """
        store = self.loaded()
        record = SavedRecord("policy", b"f", b"1")
        store.commit(Batch([savedJob(1)], records=[record]))
        reader = self.opened(reading=True)
        self.assertEqual(list(reader.load()), [record, savedJob(1)])

    def test_unreadableRecord(self) -> None:
        """
        A record that cannot be read is said, and set aside: all else is there, and it
        is not said again. Whoever only reads sets nothing aside.
        """
        records = [SavedRecord("a", b"key%d" % n, b"value") for n in range(4)]
        job = savedJob(1)
        self.keep(*records, job)
        self.spoilRecord("a", b"key2")
        reader = self.opened(reading=True)
        first = list(reader.load())
        reader.close()
        left = [*records[:2], records[3]]
        for found in first, self.kept():
            [bad] = _only(Unreadable, found)
            self.assertTrue(bad.reason)
            self.assertIn("record", bad.name)
            self.assertEqual(sorted(_only(SavedRecord, found)), left)
            self.assertEqual(_only(SavedJob, found), [job])
        self.assertKept([job], left)
        # As by who knew better and put it right; and then it happens again.
        self.keep(records[2])
        self.assertKept([job], records)
        self.spoilRecord("a", b"key2")
        self.assertEqual(len(_only(Unreadable, self.kept())), 1)
        self.assertKept([job], left)


T = TypeVar("T")


def _only(kind: type[T], found: list[SavedRecord | SavedJob | Unreadable]) -> list[T]:
    return [one for one in found if isinstance(one, kind)]
