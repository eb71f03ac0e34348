"""
A job on the board.
"""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING

from attrs import define, field

if TYPE_CHECKING:
    from txgearman.board.function import Function
    from txgearman.board.peer import Peer
    from txgearman.board.timers import Timer


class Priority(enum.IntEnum):
    """
    How urgent a job is; lower numbers go first.
    """

    HIGH = 0
    NORMAL = 1
    LOW = 2


class JobState(enum.Enum):
    """
    Where a job is in its life. The last three are ends: such a job is not on
    the board any more.
    """

    DELAYED = enum.auto()
    QUEUED = enum.auto()
    RUNNING = enum.auto()
    COMPLETED = enum.auto()
    FAILED = enum.auto()
    CANCELLED = enum.auto()


@define(eq=False)
class Job:
    """
    A piece of work: a function's name and a workload.

    @ivar number: its place in the order of submitting.
    @ivar handle: its name on this server, at most 63 bytes.
    @ivar function: the function that does it.
    @ivar unique: what the client called it; may be empty.
    @ivar data: the workload.
    @ivar reducer: the function that will join its partial results; may be empty.
    @ivar background: whether it lives without a client that listens. Once true,
        it stays true.
    @ivar due: the moment before which it does not run, in seconds of the epoch;
        0 for at once.
    @ivar submitted: when it was submitted, in seconds of the epoch.
    @ivar started: when the running attempt began, in seconds of the epoch.
    @ivar attempts: how often it was granted to a worker.
    @ivar listeners: the clients that wait for it; a client that submitted it
        twice stands here twice and is told everything twice, as in gearmand.
    @ivar worker: the worker that runs it.
    @ivar numerator: the progress last reported, with C{denominator}.
    @ivar timer: what ends the running attempt, or the delay.
    """

    number: int
    handle: bytes
    function: Function
    unique: bytes
    data: bytes
    reducer: bytes
    priority: Priority
    background: bool
    due: float
    submitted: float
    state: JobState = JobState.QUEUED
    started: float = 0.0
    attempts: int = 0
    worker: Peer | None = None
    numerator: int = 0
    denominator: int = 0
    timer: Timer | None = None
    listeners: list[Peer] = field(factory=list)

    @property
    def wanted(self) -> bool:
        """
        Is there still a reason to run it?
        """
        return self.background or bool(self.listeners)
