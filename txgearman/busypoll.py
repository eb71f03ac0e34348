"""
To wait awake: where packets come one at a time, most of what they take is for the
process to fall asleep and to be woken.
"""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter
from typing import Final

AWAKE: Final = 0.0001
"""
For how long who busy-polls stays awake, in seconds, unless told otherwise: for about as
long as a job takes from its client to a worker and back.
"""

# After so many short waits in a row the next one is likely to be as short. A wait is
# short that took no more than so many times as long as a busy-poll: in it the process
# fell asleep, and was woken.
_STREAK: Final = 3
_SHORT: Final = 2.0


class BusyPoll:
    """
    Waits, and does not sleep at once while waits are short. One that is not costs as
    much as was spent awake, and the next ones sleep at once.

    Those for whom it waits may need the processor: between two looks they have it.

    @ivar awake: how long to stay awake, in seconds; 0 to sleep at once.
    """

    def __init__(
        self,
        poll: Callable[[float | None, int], list[tuple[int, int]]],
        giveWay: Callable[[], object],
        seconds: Callable[[], float] = perf_counter,
    ) -> None:
        """
        @param poll: waits for no longer than so many seconds, or for ever for L{None},
            and tells of so many things at most.
        @param giveWay: lets another process have the processor, if one wants it.
        @param seconds: the time.
        """
        self.awake = 0.0
        self._poll = poll
        self._giveWay = giveWay
        self._seconds = seconds
        self._streak = 0

    def __call__(self, timeout: float | None, most: int) -> list[tuple[int, int]]:
        """
        Wait, as C{poll} does.
        """
        if not self.awake or timeout == 0.0:
            return self._poll(timeout, most)
        if self._streak >= _STREAK:
            return self._stayAwake(timeout, most)
        began = self._seconds()
        ready = self._poll(timeout, most)
        short = self._seconds() - began < _SHORT * self.awake
        self._streak = self._streak + 1 if ready and short else 0
        return ready

    def _stayAwake(self, timeout: float | None, most: int) -> list[tuple[int, int]]:
        """
        Wait, and sleep only when nothing comes for a while.
        """
        now = self._seconds()
        until = now + (self.awake if timeout is None else min(self.awake, timeout))
        end = None if timeout is None else now + timeout
        while now < until:
            ready = self._poll(0.0, most)
            if ready:
                return ready
            self._giveWay()
            now = self._seconds()
        self._streak = 0
        return self._poll(None if end is None else max(0.0, end - now), most)
