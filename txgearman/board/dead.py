"""
Dead letters: background jobs that failed for good, for somebody to look at.
"""

from __future__ import annotations

from typing import Any, Final

from attrs import define

from txgearman.board.archive import Archive
from txgearman.board.job import Job, Priority
from txgearman.board.records import pack, unpack
from txgearman.errors import BadRow

KIND: Final = "dead"


@define
class DeadJob:
    """
    A job that failed for good.

    All that is not told here is as in L{Job<txgearman.board.job.Job>}.

    @ivar data: the workload; empty when it is too large to be kept.
    @ivar size: how many bytes the workload has.
    @ivar until: how long this is kept, in seconds of the epoch.
    @ivar died: when that was, in seconds of the epoch.
    @ivar error: why its last attempt ended.
    """

    handle: bytes
    function: bytes
    unique: bytes
    priority: int
    data: bytes
    reducer: bytes
    submitted: float
    died: float
    attempts: int
    error: bytes
    size: int
    until: float

    @classmethod
    def of(cls, job: Job, now: float, until: float, room: int) -> DeadJob:
        """
        What is left of a job that dies now.

        @param room: how large a workload may be.
        """
        return cls(
            job.handle,
            job.function.name,
            job.unique,
            int(job.priority),
            bytes(job.data) if len(job.data) <= room else b"",
            job.reducer,
            job.submitted,
            now,
            job.attempts,
            job.error,
            len(job.data),
            until,
        )

    @property
    def whole(self) -> bool:
        """
        Was its workload kept, too?
        """
        return len(self.data) == self.size

    @property
    def moment(self) -> float:
        """
        When its job ended.
        """
        return self.died

    def pack(self) -> bytes:
        """
        As it is kept.
        """
        return pack(self, "data")


class DeadLetters(Archive[DeadJob]):
    """
    The dead letters of a board.

    @ivar age: how long new ones are kept, in seconds.
    """

    def __init__(self, *arguments: Any, age: float, **others: Any) -> None:
        super().__init__(*arguments, **others)
        self.age = age

    def bury(self, job: Job) -> None:
        """
        A job dies.
        """
        now = self._seconds()
        self.put(DeadJob.of(job, now, now + self.age, self._largest))

    def put(self, dead: DeadJob) -> None:
        """
        Keep one.
        """
        self.add(dead, dead.until)

    def restore(self, value: bytes) -> None:
        """
        Have one back that was kept.

        @raise BadRow: when it cannot be read.
        """
        dead = unpack(DeadJob, value, "data")
        if dead.priority not in tuple(Priority):
            raise BadRow(f"priority is {dead.priority}")
        self._put(dead, dead.until)
