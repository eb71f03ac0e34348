"""
A store for tests: it outlives a job server, but not its process.
"""

from __future__ import annotations

from collections.abc import Iterator

from attrs import define, field
from zope.interface import implementer

from txgearman.errors import BadRow, StoreError, StoreUnusable
from txgearman.stores.interface import (
    Batch,
    IJobStore,
    SavedJob,
    SavedRecord,
    Unreadable,
)


@define(eq=False)
class Drawer:
    """
    What a L{MemoryStore} leaves behind for the next one.

    @ivar lives: how often it was opened.
    @ivar jobs: those that are kept, by number.
    @ivar records: what is kept beside them, by kind and key.
    @ivar quarantine: what could not be read, with the reason.
    @ivar owner: the store that has it open.
    @ivar broken: whether everything fails, as on a disk that is full.
    @ivar commits: the batches that were saved, or would have been.
    """

    lives: int = 0
    jobs: dict[int, SavedJob] = field(factory=dict)
    records: dict[tuple[str, bytes], bytes] = field(factory=dict)
    quarantine: list[tuple[SavedJob | SavedRecord, str]] = field(factory=list)
    owner: object = None
    broken: bool = False
    commits: list[Batch] = field(factory=list)


@implementer(IJobStore)
class MemoryStore:
    """
    A store in a L{Drawer}.
    """

    largest = 2**32

    def __init__(self, drawer: Drawer | None = None) -> None:
        self.drawer = Drawer() if drawer is None else drawer
        self._reading = False

    def open(self, reading: bool = False) -> int:
        """
        Make ready.
        """
        self._check()
        self._reading = reading
        if reading:
            return 0
        drawer = self.drawer
        if drawer.owner is not None and drawer.owner is not self:
            raise StoreUnusable("another server has this store open")
        drawer.owner = self
        drawer.lives += 1
        return drawer.lives

    def load(self) -> Iterator[SavedRecord | SavedJob | Unreadable]:
        """
        Yield what is kept.
        """
        for (kind, key), value in list(self.drawer.records.items()):
            self._check()
            record = SavedRecord(kind, key, value)
            try:
                yield record.check()
            except BadRow as error:
                if not self._reading:
                    self.drawer.quarantine.append((record, str(error)))
                    del self.drawer.records[kind, key]
                yield Unreadable(record.name, str(error))
        for job in sorted(self.drawer.jobs.values(), key=lambda job: job.place):
            self._check()
            try:
                yield job.check()
            except BadRow as error:
                if not self._reading:
                    self.drawer.quarantine.append((job, str(error)))
                    del self.drawer.jobs[job.number]
                yield Unreadable(f"job {job.number}", str(error))

    def commit(self, batch: Batch) -> None:
        """
        Save a batch.
        """
        self.drawer.commits.append(batch)
        self._check()
        jobs = self.drawer.jobs
        for job in batch.inserts:
            jobs[job.number] = job
        for update in batch.updates:
            if update.number in jobs:
                jobs[update.number] = jobs[update.number]._replace(**update._asdict())
        for number in batch.deletes:
            jobs.pop(number, None)
        for kind, key, value in batch.records:
            if value is None:
                self.drawer.records.pop((kind, key), None)
            else:
                self.drawer.records[kind, key] = value

    def close(self) -> None:
        """
        Let go.
        """
        if self.drawer.owner is self:
            self.drawer.owner = None

    def _check(self) -> None:
        if self.drawer.broken:
            raise StoreError("the drawer is stuck")
