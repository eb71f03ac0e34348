"""
A job as it is submitted.
"""

from __future__ import annotations

from typing import Final

from attrs import frozen

from txgearman.board.job import Priority
from txgearman.wire import packets as p

_FOREGROUND: Final = (p.SUBMIT_JOB_HIGH, p.SUBMIT_JOB, p.SUBMIT_JOB_LOW)
_BACKGROUND: Final = (p.SUBMIT_JOB_HIGH_BG, p.SUBMIT_JOB_BG, p.SUBMIT_JOB_LOW_BG)


@frozen
class Submission:
    """
    What a client asks for.

    @ivar function: the function's name.
    @ivar unique: the job's unique; may be empty.
    @ivar data: the workload.
    @ivar at: when it is to run, in whole seconds of the epoch; L{None} for now.
    @ivar reducer: the function that joins partial results; L{None} for none.
    """

    function: bytes
    unique: bytes
    data: bytes
    priority: Priority = Priority.NORMAL
    background: bool = False
    at: int | None = None
    reducer: bytes | None = None

    def __attrs_post_init__(self) -> None:
        """
        Check that the protocol has a packet for it.

        @raise ValueError: when it has none.
        """
        special = self.at is not None or self.reducer is not None
        if special and self.priority is not Priority.NORMAL:
            raise ValueError("jobs for later and reduce jobs have normal priority")
        if self.at is not None and self.reducer is not None:
            raise ValueError("a reduce job cannot be for later")

    @property
    def inBackground(self) -> bool:
        """
        Is nobody told what becomes of it? So it is with every job for later.
        """
        return self.background or self.at is not None

    def packet(self) -> tuple[int, tuple[bytes, ...]]:
        """
        Which packet asks for it.

        @return: its number and its arguments.
        """
        if self.at is not None:
            epoch = b"%d" % self.at
            return p.SUBMIT_JOB_EPOCH, (self.function, self.unique, epoch, self.data)
        if self.reducer is not None:
            number = (
                p.SUBMIT_REDUCE_JOB_BACKGROUND
                if self.background
                else p.SUBMIT_REDUCE_JOB
            )
            # Between the reducer and the workload stands an aggregate that no
            # server ever used.
            return number, (self.function, self.unique, self.reducer, b"", self.data)
        numbers = _BACKGROUND if self.background else _FOREGROUND
        return numbers[self.priority], (self.function, self.unique, self.data)
