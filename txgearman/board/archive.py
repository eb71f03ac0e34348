"""
What is left of jobs that have ended: a bounded number of things, each for a while.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator
from typing import Generic, Protocol, TypeVar

from txgearman.board.agenda import Agenda, Entry
from txgearman.board.timers import Timers

Keep = Callable[[str, bytes, Callable[[], bytes] | None], None]
"""
What keeps something beside the jobs: kind, key and what makes bytes of it; or keeps
it no longer, when that is L{None}.
"""


class Remnant(Protocol):
    """
    What is left of a job.
    """

    @property
    def handle(self) -> bytes:
        """
        The job's handle.
        """

    @property
    def data(self) -> bytes:
        """
        What takes room.
        """

    @property
    def moment(self) -> float:
        """
        When its job ended, in seconds of the epoch.
        """

    def pack(self) -> bytes:
        """
        As it is kept.
        """


R = TypeVar("R", bound=Remnant)


class Archive(Generic[R]):
    """
    Things by the handles of their jobs, the oldest first. The oldest ones go when
    there are too many of them, or they are too large together.

    @ivar size: how many bytes of data there are.
    """

    def __init__(
        self,
        kind: str,
        timers: Timers,
        seconds: Callable[[], float],
        keep: Keep,
        count: int,
        size: int,
    ) -> None:
        """
        @param kind: as what things are kept.
        @param count: how many things there may be.
        @param size: how many bytes of data they may have together.
        """
        self.size = 0
        self._kind = kind
        self._seconds = seconds
        self._keep = keep
        self._count = count
        self._largest = size
        # A dict is slow to find its first entry when those before were deleted.
        self._things: OrderedDict[bytes, R] = OrderedDict()
        self._ends: dict[bytes, Entry[bytes]] = {}
        self._agenda = Agenda(timers, seconds, self._over)
        self._agenda.start()

    def __len__(self) -> int:
        return len(self._things)

    def __iter__(self) -> Iterator[R]:
        return iter(self._things.values())

    def get(self, handle: bytes) -> R | None:
        """
        What is left of a job.
        """
        return self._things.get(handle)

    def arrange(self) -> None:
        """
        Put things in the order of their ends, when they have come back in another, and
        drop what is too much.
        """
        things = sorted(self, key=lambda thing: thing.moment)
        self._things = OrderedDict((thing.handle, thing) for thing in things)
        self._trim()

    def limit(self, count: int, size: int) -> None:
        """
        Have no more than so many things, of so many bytes of data together.
        """
        self._count = count
        self._largest = size
        self._trim()

    def add(self, thing: R, until: float) -> None:
        """
        Keep a thing.

        @param thing: with no more data than there may be of all.
        @param until: in seconds of the epoch.
        """
        self._keep(self._kind, thing.handle, thing.pack)
        self._put(thing, until)
        self._trim()

    def _put(self, thing: R, until: float) -> None:
        """
        Have a thing.
        """
        handle = thing.handle
        if handle in self._things:
            self._forget(handle)
        self._things[handle] = thing
        self.size += len(thing.data)
        self._ends[handle] = self._agenda.add(until, handle)

    def _trim(self) -> None:
        """
        Drop the oldest things while there is too much.
        """
        while len(self._things) > self._count or self.size > self._largest:
            self.discard(next(iter(self._things)))

    def discard(self, handle: bytes) -> bool:
        """
        Keep a thing no longer.

        @return: whether it was there.
        """
        if handle not in self._things:
            return False
        self._forget(handle)
        self._keep(self._kind, handle, None)
        return True

    def _forget(self, handle: bytes) -> R:
        thing = self._things.pop(handle)
        self.size -= len(thing.data)
        self._agenda.remove(self._ends.pop(handle))
        return thing

    def _over(self, handle: bytes, now: float) -> int:
        """
        The time of a thing is over.
        """
        self.discard(handle)
        return 1
