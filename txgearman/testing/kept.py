"""
What tests of stores keep, and how they look at what is kept.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

from txgearman.stores.interface import (
    Batch,
    IJobStore,
    SavedJob,
    SavedRecord,
    Unreadable,
)

if TYPE_CHECKING:
    from unittest import TestCase
else:
    TestCase = object

MOMENT: Final = 1_700_000_000.25
"""When most of the jobs here were submitted, in seconds of the epoch."""


def savedJob(
    number: int,
    handle: bytes = b"",
    function: bytes = b"reverse",
    unique: bytes = b"",
    priority: int = 1,
    data: bytes = b"data",
    reducer: bytes = b"",
    due: float = 0.0,
    submitted: float = MOMENT,
    place: int = 0,
    attempts: int = 0,
    error: bytes = b"",
) -> SavedJob:
    """
    Make a job to keep.

    @param handle: the number behind C{H:} when empty.
    @param place: the number when 0.
    """
    return SavedJob(
        number,
        handle or b"H:%d" % number,
        function,
        unique,
        priority,
        data,
        reducer,
        due,
        submitted,
        place or number,
        attempts,
        error,
    )


class StoreBench(TestCase):
    """
    Stores of one and the same jobs; mix it into a C{TestCase}.
    """

    def makeStore(self) -> IJobStore:
        """
        Make a store. All stores that one test makes are of the same jobs, of which
        there are none when it begins.
        """
        raise NotImplementedError

    def opened(self, reading: bool = False) -> IJobStore:
        """
        Make a store and open it; it is closed when the test ends.
        """
        store = self.makeStore()
        self.addCleanup(store.close)
        store.open(reading)
        return store

    def keep(self, *kept: SavedRecord | SavedJob) -> None:
        """
        Keep some jobs and records, with a store that is closed then.
        """
        store = self.loaded()
        jobs = [one for one in kept if isinstance(one, SavedJob)]
        records = [one for one in kept if isinstance(one, SavedRecord)]
        store.commit(Batch(inserts=jobs, records=records))
        store.close()

    def loaded(self) -> IJobStore:
        """
        Make a store and load what is in it.
        """
        store = self.opened()
        list(store.load())
        return store

    def kept(self) -> list[SavedRecord | SavedJob | Unreadable]:
        """
        Look what is kept.
        """
        store = self.opened()
        found = list(store.load())
        store.close()
        return found

    def assertKept(
        self, jobs: Iterable[SavedJob], records: Iterable[SavedRecord] = ()
    ) -> None:
        """
        These jobs are kept, in this order, and before them these records, in any; and
        nothing else.
        """
        found = self.kept()
        expected = sorted(records)
        self.assertEqual(sorted(found[: len(expected)]), expected)
        self.assertEqual(found[len(expected) :], list(jobs))
        for one in found:
            assert not isinstance(one, Unreadable)
            one.check()
