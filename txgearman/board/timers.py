"""
Everything that the board does later: due times, timeouts, second wake-ups.

All of it stands in one heap behind one delayed call, so that a million delayed
jobs cost the reactor no more than one.
"""

from __future__ import annotations

from collections.abc import Callable
from heapq import heapify, heappop, heappush

from attrs import define
from twisted.internet.interfaces import IDelayedCall, IReactorTime

# Cancelled timers stay in the heap until their time, or until there are more
# than this many of them and more of them than of the others.
_SWEEP = 256

# A clock that is set back or sleeps must not hold everything up for long, and
# not every reactor can wait for years: look again after this many seconds.
_LONGEST = 3600.0


@define(eq=False)
class Timer:
    """
    Something to do at a time.

    @ivar action: what to do; L{None} when the timer is cancelled or over.
    """

    action: Callable[[], None] | None


class Timers:
    """
    A heap of L{Timer}s and the one delayed call that serves it.
    """

    def __init__(self, clock: IReactorTime) -> None:
        self._clock = clock
        # The count in the middle keeps timers of one time in their order.
        self._heap: list[tuple[float, int, Timer]] = []
        self._cancelled = 0
        self._count = 0
        self._call: IDelayedCall | None = None
        self._stopped = False
        self._callTime = 0.0

    def at(self, when: float, action: Callable[[], None]) -> Timer:
        """
        Do something at a time, or as soon as possible after it.

        @param when: in seconds of the clock.
        """
        self._count += 1
        timer = Timer(action)
        if not self._stopped:
            heappush(self._heap, (when, self._count, timer))
            self._arm()
        return timer

    def cancel(self, timer: Timer) -> None:
        """
        Do not do it after all; no harm when it is over.
        """
        if timer.action is None:
            return
        timer.action = None
        self._cancelled += 1
        if self._cancelled > _SWEEP and 2 * self._cancelled > len(self._heap):
            self._heap = [entry for entry in self._heap if entry[2].action]
            heapify(self._heap)
            self._cancelled = 0

    def stop(self) -> None:
        """
        Forget everything, and do nothing more.
        """
        self._stopped = True
        self._heap = []
        self._cancelled = 0
        if self._call is not None:
            self._call.cancel()
            self._call = None

    def _arm(self) -> None:
        """
        See that the delayed call comes no later than the first timer.
        """
        when = self._heap[0][0]
        if self._call is not None:
            if self._callTime <= when:
                return
            self._call.cancel()
        now = self._clock.seconds()
        delay = min(max(0.0, when - now), _LONGEST)
        self._callTime = now + delay
        self._call = self._clock.callLater(delay, self._run)

    def _run(self) -> None:
        """
        Do what is due.
        """
        self._call = None
        now = self._clock.seconds()
        try:
            while self._heap and self._heap[0][0] <= now:
                timer = heappop(self._heap)[2]
                action, timer.action = timer.action, None
                if action is None:
                    self._cancelled -= 1
                else:
                    action()
        finally:
            if self._heap:
                self._arm()
