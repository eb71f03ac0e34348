"""
A job on the board.
"""

from __future__ import annotations

import enum
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from txgearman.wire.codec import Data

if TYPE_CHECKING:
    from txgearman.board.function import Function
    from txgearman.board.peer import Peer
    from txgearman.board.saving import Saving
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
    Where a job is in its life. It is delayed or queued when it is saved, if it has
    to be. From completed on they are ends: such a job is not on the board any more.
    """

    SAVING = enum.auto()
    DELAYED = enum.auto()
    QUEUED = enum.auto()
    RUNNING = enum.auto()
    COMPLETED = enum.auto()
    FAILED = enum.auto()
    CANCELLED = enum.auto()
    EXPIRED = enum.auto()
    DEAD = enum.auto()


COMPLETED: Final = JobState.COMPLETED
QUEUED: Final = JobState.QUEUED
RUNNING: Final = JobState.RUNNING
SAVING: Final = JobState.SAVING


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
        it stays true, unless it could not be saved.
    @ivar due: the moment before which it, or its next attempt, does not run, in
        seconds of the epoch; 0 for at once.
    @ivar submitted: when it was submitted, in seconds of the epoch.
    @ivar started: when the last attempt began, in seconds of the epoch.
    @ivar heard: when its worker was heard of last, or lost it, if that matters.
    @ivar attempts: how often it was granted to a worker.
    @ivar error: why the last attempt ended, if it was given up.
    @ivar place: where it waits, if not by its number: behind jobs with lower ones.
    @ivar saving: what is going to save it; L{None} when it is saved, or never will
        be.
    @ivar listeners: the clients that wait for it; a client that submitted it
        twice stands here twice and is told everything twice, as in gearmand.
        Most background jobs have none, so there is no list until it is needed.
    @ivar worker: the worker that runs it.
    @ivar numerator: the progress last reported, with C{denominator}.
    @ivar timer: what ends the running attempt, or the delay.
    """

    __slots__ = (
        "attempts",
        "background",
        "data",
        "denominator",
        "due",
        "error",
        "function",
        "handle",
        "heard",
        "listeners",
        "number",
        "numerator",
        "place",
        "priority",
        "reducer",
        "saving",
        "started",
        "state",
        "submitted",
        "timer",
        "unique",
        "worker",
    )

    def __init__(
        self,
        number: int,
        handle: bytes,
        function: Function,
        unique: bytes,
        data: Data,
        reducer: bytes,
        priority: int,
        due: float,
        submitted: float,
    ) -> None:
        self.number = number
        self.handle = handle
        self.function = function
        self.unique = unique
        self.data = data
        self.reducer = reducer
        self.priority = priority
        self.background = False
        self.due = due
        self.submitted = submitted
        self.state = QUEUED
        self.started = 0.0
        self.heard = 0.0
        self.attempts = 0
        self.error = b""
        self.place = 0
        self.saving: Saving | None = None
        self.worker: Peer | None = None
        self.numerator = 0
        self.denominator = 0
        self.timer: Timer | None = None
        self.listeners: Sequence[Peer] = ()

    def listen(self, client: Peer) -> None:
        """
        One more client waits for it.
        """
        if isinstance(self.listeners, list):
            self.listeners.append(client)
        else:
            self.listeners = [client]

    @property
    def waitsSince(self) -> float:
        """
        Since when it waits for a worker, if it does, in seconds of the epoch.
        """
        return max(self.due, self.submitted, self.heard)

    @property
    def wanted(self) -> bool:
        """
        Is there still a reason to run it?
        """
        return self.background or bool(self.listeners)
