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

    @classmethod
    def of(cls, job: Job, now: float) -> DeadJob:
        """
        What is left of a job that dies now.
        """
        return cls(
            job.handle,
            job.function.name,
            job.unique,
            int(job.priority),
            bytes(job.data),
            job.reducer,
            job.submitted,
            now,
            job.attempts,
            job.error,
        )

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

    @ivar age: how long each is kept, in seconds.
    """

    def __init__(self, *arguments: Any, age: float, **others: Any) -> None:
        super().__init__(*arguments, **others)
        self.age = age

    def bury(self, job: Job) -> None:
        """
        A job dies.
        """
        self.put(DeadJob.of(job, self._seconds()))

    def put(self, dead: DeadJob) -> None:
        """
        Keep one.
        """
        self.add(dead, dead.died + self.age)

    def restore(self, value: bytes) -> None:
        """
        Have one back that was kept.

        @raise BadRow: when it cannot be read.
        """
        dead = unpack(DeadJob, value, "data")
        if dead.priority not in tuple(Priority):
            raise BadRow(f"priority is {dead.priority}")
        self._put(dead, dead.died + self.age)
