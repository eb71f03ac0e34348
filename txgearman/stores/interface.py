"""
What a store of jobs is, and what is kept in it: jobs, and records beside them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from math import inf
from typing import Final, NamedTuple, get_type_hints

from attrs import frozen
from zope.interface import Attribute, Interface

from txgearman.board.job import Priority
from txgearman.board.policy import HANDLE_LIMIT
from txgearman.errors import BadRow

LIFE: Final = 10**12
"""
How many numbers a server has for its jobs between its start and its end: those of
its n-th life begin at n times as many.
"""

KEY_LIMIT: Final = 4200
"""How many bytes the key of a record has at most."""

RECORD_ROOM: Final = 32 * 1024
"""By how many bytes the value of a record may be larger than a workload."""

_LARGEST_NUMBER: Final = 2**63 - 1

_RECORD_KIND: Final = re.compile("[a-z]{1,16}")


class SavedJob(NamedTuple):
    """
    A job as it is kept.

    @ivar number: tells it from every other job that was ever kept in this store,
        whichever server submitted it; from 1 to 2^63 - 1.
    @ivar handle: from 1 to 63 bytes.
    @ivar function: the function's name, in bytes; it may be empty.
    @ivar unique: in bytes; empty for none.
    @ivar priority: 0 for high, 1 for normal, 2 for low.
    @ivar data: the workload: any bytes, also none.
    @ivar reducer: the function that joins partial results; empty for none.
    @ivar due: when it may run, in seconds of the epoch; 0 for at once.
    @ivar submitted: when it was submitted, in seconds of the epoch.
    @ivar place: where it waits: after those with lower ones. It is the number at
        first; a job that a worker gave up gets a new one, behind all others.
    @ivar attempts: how often it was granted to a worker.
    @ivar error: why the last attempt ended, in bytes; empty before that.
    """

    number: int
    handle: bytes
    function: bytes
    unique: bytes
    priority: int
    data: bytes
    reducer: bytes
    due: float
    submitted: float
    place: int
    attempts: int
    error: bytes

    def check(self) -> SavedJob:
        """
        Look whether it can be a job at all: what was kept may have been changed by
        hand, or by a broken disk.

        @return: it.
        @raise BadRow: saying what is wrong.
        """
        if tuple(map(type, self)) != _TYPES:
            raise BadRow(self._wrongType())
        if not 0 < self.number <= _LARGEST_NUMBER:
            raise BadRow(f"number is {self.number}")
        if not 0 < len(self.handle) <= HANDLE_LIMIT:
            raise BadRow(f"handle has {len(self.handle)} bytes")
        if self.priority not in _PRIORITIES:
            raise BadRow(f"priority is {self.priority}")
        if self.attempts < 0:
            raise BadRow(f"attempts is {self.attempts}")
        for name, moment in (("due", self.due), ("submitted", self.submitted)):
            # Nor is what is not a number in any order.
            if not 0 <= moment < inf:
                raise BadRow(f"{name} is {moment}")
        return self

    def _wrongType(self) -> str:
        """
        Say what is not of its type.
        """
        return "; ".join(
            f"{name} is {value!r:.50}, which is not {kind.__name__}"
            for name, value, kind in zip(self._fields, self, _TYPES, strict=True)
            if type(value) is not kind
        )


KINDS: Final = get_type_hints(SavedJob)
"""The types of what a job consists of, by name."""

_TYPES: Final = tuple(KINDS[name] for name in SavedJob._fields)
_PRIORITIES: Final = frozenset(int(priority) for priority in Priority)


class JobUpdate(NamedTuple):
    """
    What may change of a job that is kept, all of it; see L{SavedJob}.
    """

    number: int
    place: int
    due: float
    attempts: int
    error: bytes


class SavedRecord(NamedTuple):
    """
    Something that is kept beside the jobs. What it says is the board's business.

    @ivar kind: which kind of thing it is, from 1 to 16 of the letters C{a} to C{z}.
    @ivar key: tells it from others of its kind; from 1 to L{KEY_LIMIT} bytes.
    @ivar value: any bytes, L{RECORD_ROOM} more than a workload has at most; L{None}
        in a batch, for what is to be kept no more.
    """

    kind: str
    key: bytes
    value: bytes | None

    @property
    def name(self) -> str:
        """
        What it is called in messages.
        """
        return f"{self.kind} record {self.key!r:.80}"

    def check(self) -> SavedRecord:
        """
        Look whether it can be a record that is kept.

        @return: it.
        @raise BadRow: saying what is wrong.
        """
        kind, key, value = self
        if type(kind) is not str or not _RECORD_KIND.fullmatch(kind):
            raise BadRow(f"kind is {kind!r:.50}")
        if type(key) is not bytes:
            raise BadRow(f"key is {key!r:.50}, which is not bytes")
        if not 0 < len(key) <= KEY_LIMIT:
            raise BadRow(f"key has {len(key)} bytes")
        if type(value) is not bytes:
            raise BadRow(f"value is {value!r:.50}, which is not bytes")
        return self


class Unreadable(NamedTuple):
    """
    Something in a store that is no job or record, though it stands where they do.

    @ivar name: what it is called there.
    @ivar reason: what is wrong with it.
    """

    name: str
    reason: str


@frozen
class Batch:
    """
    Changes that are made together or not at all. A job is in one of the first three
    at most, and there is one record at most of the same kind and key.

    @ivar inserts: new jobs. One whose number is kept already takes its place:
        after a failure nobody knows what was saved.
    @ivar updates: what changed of others. Those that are not kept are no concern.
    @ivar deletes: the numbers of those that are to be kept no more, or are not.
    @ivar records: each takes the place of the one of its kind and key, if there is
        one. One without a value is to be kept no more, or is not.
    """

    inserts: Sequence[SavedJob] = ()
    updates: Sequence[JobUpdate] = ()
    deletes: Sequence[int] = ()
    records: Sequence[SavedRecord] = ()


class IJobStore(Interface):
    """
    Where jobs are kept.

    A store is plain blocking code. Its methods are called from one thread, one
    after the other, in this order: C{open}, C{load} to its end, C{commit} any
    number of times, C{close}. Each of them raises L{StoreError
    <txgearman.errors.StoreError>} when the store cannot do it now, and
    L{StoreUnusable<txgearman.errors.StoreUnusable>} when it never will. After an
    error any of them may be called again, from C{open} on.
    """

    largest: int = Attribute(
        "The largest workload that it can keep, in bytes; it can keep values of records"
        " that are larger by L{RECORD_ROOM}, too. Known once it is open."
    )

    def open(reading: bool = False) -> int:
        """
        Make ready: connect, make or migrate the tables, and see that no other
        server has the store.

        @param reading: to look and change nothing, whoever has it. All that is to
            follow then is C{load} and C{close}.
        @return: the number of this life: 1 for the first C{open}, and one more each
            time, for good. 0 when only reading.
        @raise StoreUnusable: when another server has it, too.
        """

    def load() -> Iterator[SavedRecord | SavedJob | Unreadable]:
        """
        Yield all that is kept: the records first, in any order, and then the jobs, by
        place. It may be more than fits into memory at once. What cannot be read is
        set aside, where a person may look at it, and is not there the next time.
        """

    def commit(batch: Batch) -> None:
        """
        Save a batch. When this returns, it outlives the loss of power; when it
        raises, none of it is saved, or perhaps all of it.
        """

    def close() -> None:
        """
        Let go of everything. What is closed or was never open can be closed.
        """
