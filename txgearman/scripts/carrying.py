"""
What is carried from one store of jobs to another, and what becomes of it.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import chain, islice
from time import time
from typing import Final

from attrs import define, field

from txgearman.board.policy import defaultHandlePrefix
from txgearman.errors import StoreError
from txgearman.scripts.output import complain
from txgearman.stores.interface import (
    LIFE,
    RECORD_ROOM,
    Batch,
    IJobStore,
    SavedJob,
    SavedRecord,
    Unreadable,
)
from txgearman.stores.opening import sourceFromURL, withoutPassword

Kept = SavedRecord | SavedJob
Found = Kept | Unreadable

_JOBS: Final = 1000
_BYTES: Final = 8 * 1024**2
"""
A batch has as many jobs and records, or as many bytes of workloads and values, and not
many more.
"""

_LIVES: Final = 10_000
"""How many lives may be skipped so that a job keeps its number."""

_HANDLED: Final = ("dead", "result")
"""Records whose keys are the handles of jobs."""

_NUMBER: Final = re.compile(rb"[0-9]{1,19}")

_MANY_LIVES: Final = 100
"""As many as make people wonder: a database takes a second or more for them."""


def reading(url: str) -> Iterator[Found]:
    """
    Yield all that is in a store, and change nothing.

    @raise StoreError: before it yields anything, when it cannot be opened.
    """
    return begun(_all(url))


def _all(url: str) -> Iterator[Found]:
    source = sourceFromURL(url)
    if not IJobStore.providedBy(source):
        try:
            yield from source.read()
        except StoreError as error:
            # Stores say which they are.
            raise StoreError(f"{withoutPassword(url)}: {error}") from None
        return
    try:
        source.open(reading=True)
        yield from source.load()
    finally:
        source.close()


def begun(found: Iterator[Found]) -> Iterator[Found]:
    """
    Get the first of them now, so that what is wrong with all of them is known.
    """
    first = list(islice(found, 1))
    return chain(first, found)


@define(eq=False)
class Counts:
    """
    What became of jobs and records.

    @ivar done: the jobs that were read, and written when they were to be.
    @ivar records: the records of which that is true, by kind.
    @ivar skipped: what is where it was to go.
    @ivar unreadable: what is no job or record.
    @ivar refused: what cannot go there.
    """

    done: int = 0
    records: Counter[str] = field(factory=Counter)
    skipped: int = 0
    unreadable: int = 0
    refused: int = 0

    @property
    def status(self) -> int:
        """
        The exit status.
        """
        return int(bool(self.unreadable or self.refused))

    @property
    def recordsTold(self) -> list[str]:
        """
        How many records there are of each kind, as people read it.
        """
        return [
            counted(count, f"{kind} record")
            for kind, count in sorted(self.records.items())
        ]

    @property
    def told(self) -> str:
        """
        How many jobs and records there are.
        """
        return ", ".join([counted(self.done, "job"), *self.recordsTold])

    def add(self, one: Kept) -> None:
        """
        One more is done.
        """
        if isinstance(one, SavedRecord):
            self.records[one.kind] += 1
        else:
            self.done += 1

    def readable(self, found: Iterable[Found]) -> Iterator[Kept]:
        """
        Yield the jobs and records, and say what else there is.
        """
        for one in found:
            if isinstance(one, Unreadable):
                self.unreadable += 1
                complain(f"txgearadmin: {one.name}: {one.reason}")
            else:
                yield one

    def refuse(self, one: Kept, reason: str) -> None:
        """
        Say why something cannot go there.
        """
        self.refused += 1
        name = one.name if isinstance(one, SavedRecord) else f"job {one.number}"
        complain(f"txgearadmin: {name}: {reason}")


def counted(number: int, thing: str) -> str:
    """
    So many things, as people read it.
    """
    return f"{number} {thing}{'s' * (number != 1)}"


def _lifeOf(record: SavedRecord) -> int:
    """
    In which life of a server the job had its handle that a record is about.

    @return: 0 when it is about none.
    """
    _, colon, number = record.key.rpartition(b":")
    if record.kind not in _HANDLED or not colon or not _NUMBER.fullmatch(number):
        return 0
    return int(number) // LIFE


@define(eq=False)
class Writing:
    """
    A store that jobs and records are written to.

    @ivar _life: the number of its life.
    @ivar _last: the last number that was given.
    @ivar _numbers: those that are taken.
    @ivar _names: the kinds and keys that are.
    """

    _store: IJobStore
    _counts: Counts
    _renumber: bool
    _life: int = 0
    _last: int = 0
    _numbers: set[int] = field(factory=set)
    _handles: set[bytes] = field(factory=set)
    _prefix: bytes = field(factory=defaultHandlePrefix)
    _names: set[tuple[str, bytes]] = field(factory=set)
    _jobs: list[SavedJob] = field(factory=list)
    _records: list[SavedRecord] = field(factory=list)
    _bytes: int = 0

    def write(self, found: Iterable[Kept]) -> None:
        """
        Write jobs and records, those that are not there.
        """
        try:
            self._open(0)
            for one in found:
                if isinstance(one, SavedRecord):
                    self._takeRecord(one)
                else:
                    self._takeJob(one)
            self._commit()
        finally:
            self._store.close()

    def _open(self, least: int) -> None:
        """
        Open it, for a life that is as late as another one at least.
        """
        self._life = self._store.open()
        while self._life < least:
            self._store.close()
            self._life = self._store.open()
        self._last = self._life * LIFE
        for one in self._counts.readable(self._store.load()):
            self._know(one)

    def _know(self, one: Kept) -> None:
        if isinstance(one, SavedRecord):
            self._names.add((one.kind, one.key))
        elif not self._renumber:
            self._numbers.add(one.number)
            self._handles.add(one.handle)

    def _takeRecord(self, record: SavedRecord) -> None:
        kind, key, value = record
        most = self._store.largest + RECORD_ROOM
        if (kind, key) in self._names:
            self._counts.skipped += 1
        elif value is not None and len(value) > most:
            self._counts.refuse(record, f"its value has more than {most} bytes")
        else:
            if (life := _lifeOf(record)) <= self._life + _LIVES:
                self._see(life)
            self._know(record)
            self._records.append(record)
            self._grow(len(key) + len(value or b""))

    def _takeJob(self, job: SavedJob) -> None:
        if self._renumber:
            job = self._renumbered(job)
        elif job.number in self._numbers or job.handle in self._handles:
            self._counts.skipped += 1
            return
        largest = self._store.largest
        life = max(job.number, job.place) // LIFE
        if len(job.data) > largest:
            self._counts.refuse(job, f"its workload has more than {largest} bytes")
        elif life > self._life + _LIVES:
            self._counts.refuse(job, "its number is too large: see --renumber")
        else:
            self._see(life)
            self._put(job)

    def _renumbered(self, job: SavedJob) -> SavedJob:
        self._last += 1
        handle = b"%s:%d" % (self._prefix, self._last)
        return job._replace(number=self._last, handle=handle, place=self._last)

    def _see(self, life: int) -> None:
        """
        A job with a number of a life that is still to come would get into the way
        of the jobs of that life: let it pass.
        """
        if life > self._life:
            if life > self._life + _MANY_LIVES:
                complain(
                    f"txgearadmin: counting lives up to {life}, which takes a while"
                )
            self._commit()
            self._store.close()
            self._open(life)

    def _put(self, job: SavedJob) -> None:
        if not job.submitted:
            # Nobody knows; but it is not as old as the epoch.
            job = job._replace(submitted=time())
        self._know(job)
        self._jobs.append(job)
        self._grow(len(job.data))

    def _grow(self, size: int) -> None:
        """
        There is one more thing in the batch, of so many bytes.
        """
        self._bytes += size
        if len(self._jobs) + len(self._records) >= _JOBS or self._bytes >= _BYTES:
            self._commit()

    def _commit(self) -> None:
        if self._jobs or self._records:
            self._store.commit(Batch(inserts=self._jobs, records=self._records))
            self._counts.done += len(self._jobs)
            self._counts.records.update(record.kind for record in self._records)
        self._jobs, self._records, self._bytes = [], [], 0
