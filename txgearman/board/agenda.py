"""
Whose turn is next, among many who have a turn now and then.
"""

from __future__ import annotations

from collections.abc import Callable
from heapq import heapify, heappop, heappush
from typing import Final, Generic, TypeVar

from attrs import define

from txgearman.board.timers import Timer, Timers

T = TypeVar("T")

# As many entries may be out of date, beside as many as there are others.
_SWEEP: Final = 256

# After so much the reactor may see to others, for so many seconds.
_MUCH: Final = 2000
_BREATH: Final = 0.001


@define(eq=False)
class Entry(Generic[T]):
    """
    A turn that somebody has.

    @ivar whose: L{None} when it is over, or was taken back.
    """

    when: float
    whose: T | None


class Agenda(Generic[T]):
    """
    A heap of turns and one timer for all of them. Nobody has a turn before L{start}.
    """

    def __init__(
        self,
        timers: Timers,
        seconds: Callable[[], float],
        turn: Callable[[T, float], int],
    ) -> None:
        """
        @param turn: what is called with whoever has a turn, and the time. It returns
            how much it did: after two thousand the reactor is given a breath.
        """
        self._timers = timers
        self._seconds = seconds
        self._turn = turn
        # The count in the middle keeps those of one time in their order.
        self._heap: list[tuple[float, int, Entry[T]]] = []
        self._count = 0
        self._over = 0
        self._timer: Timer | None = None
        self._timerTime = 0.0
        self._running = False
        self._looking = False

    def add(self, when: float, whose: T) -> Entry[T]:
        """
        Give somebody a turn.

        @param when: in seconds of the epoch.
        """
        self._count += 1
        entry = Entry(when, whose)
        heappush(self._heap, (when, self._count, entry))
        if self._running and not self._looking:
            self._arm()
        return entry

    def remove(self, entry: Entry[T]) -> None:
        """
        Take a turn back; no harm when it is over.
        """
        if entry.whose is None:
            return
        entry.whose = None
        self._over += 1
        if self._over > _SWEEP and 2 * self._over > len(self._heap):
            self._heap = [one for one in self._heap if one[2].whose is not None]
            heapify(self._heap)
            self._over = 0

    def start(self) -> None:
        """
        Begin.
        """
        self._running = True
        self._arm()

    def stop(self) -> None:
        """
        Give nobody a turn any more.
        """
        self._running = False
        self._disarm()

    def _arm(self) -> None:
        """
        See that the timer comes no later than the first turn.
        """
        while self._heap and self._heap[0][2].whose is None:
            heappop(self._heap)
            self._over -= 1
        if self._heap:
            self._armAt(self._heap[0][0])

    def _armAt(self, when: float) -> None:
        if self._timer is None or when < self._timerTime:
            self._disarm()
            self._timer, self._timerTime = self._timers.at(when, self._look), when

    def _disarm(self) -> None:
        if self._timer is not None:
            self._timers.cancel(self._timer)
            self._timer = None

    def _look(self) -> None:
        """
        Give their turns to those who are due.
        """
        now = self._seconds()
        self._timer = None
        self._looking = True
        done = 0
        try:
            while self._heap and self._heap[0][0] <= now and done < _MUCH:
                entry = heappop(self._heap)[2]
                whose, entry.whose = entry.whose, None
                if whose is None:
                    self._over -= 1
                else:
                    done += self._turn(whose, now)
        finally:
            self._looking = False
            if self._running:
                if done < _MUCH:
                    self._arm()
                else:
                    self._armAt(now + _BREATH)
