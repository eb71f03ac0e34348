"""
How Python runs in a process that does nothing but serve jobs.
"""

from __future__ import annotations

import gc
import sys
import time
from collections.abc import Callable
from typing import Any, Final

# Python looks for garbage when there are so many more objects than at the last
# look, instead of 700; and more seldom goes through the older ones. A look takes some
# 20 ms when they are all jobs that wait, and the garbage of as many is 20 MB: what is
# left of 12,000 connections that were closed.
_THRESHOLDS: Final = (200_000, 20, 20)

# What malloc.h calls M_TRIM_THRESHOLD and M_MMAP_THRESHOLD: how much free memory at the
# end of the heap is kept at most, and from which size on a block has memory of its own,
# which is never kept; and what they are to be, in bytes. Two of the largest packets are
# kept, which are received in pieces of two megabytes.
_TRIM, _KEPT = -1, 128 * 1024 * 1024
_MMAP, _ALONE = -3, 31 * 1024 * 1024

# A process that takes less than this share of a processor is quiet. Memory is given
# back when so many seconds of one were spent since the last time, or so many times as
# much as that took: it may be in a great many pieces.
_QUIET: Final = 0.05
_WORTH: Final = 0.05
_TIMES: Final = 20

# After so long, in seconds, the thread that has Python's lock hands it to one that
# waits, instead of after 0.005: the store's needs it several times for a commit, and
# only for moments.
_SWITCH: Final = 0.0001


def _allocator() -> Any:
    """
    @return: where C's C{malloc} can be told what to keep; L{None} where it is not
        glibc's, or cannot be reached.
    """
    try:
        import ctypes

        libc = ctypes.CDLL(None)
    except (ImportError, OSError):
        return None
    return libc if hasattr(libc, "mallopt") and hasattr(libc, "malloc_trim") else None


class Interpreter:
    """
    The settings of this process.
    """

    def __init__(self, seconds: Callable[[], float] = time.process_time) -> None:
        """
        @param seconds: how much of a processor the process has taken.
        """
        self._before: tuple[tuple[int, int, int], float] | None = None
        self._seconds = seconds
        self._allocator = _allocator()
        self._looked = self._gaveBack = seconds()
        self._worth = _WORTH

    def serve(self) -> None:
        """
        Suit a job server.

        Jobs that wait are not garbage, while each look for some goes through them.

        Large packets come and go: C's C{free} is to keep their memory for the next
        one. To give it back each time and to be given it anew would take longer than
        all else that is done for the packet.
        """
        if self._before is None:
            self._before = gc.get_threshold(), sys.getswitchinterval()
            gc.freeze()
            gc.set_threshold(*_THRESHOLDS)
            sys.setswitchinterval(_SWITCH)
            if self._allocator is not None and self._allocator.mallopt(_MMAP, _ALONE):
                self._allocator.mallopt(_TRIM, _KEPT)

    def tidy(self, interval: float) -> bool:
        """
        Give the memory back that was kept and is not used, if there is little else to
        do. That takes some milliseconds, or some dozen where it is in many pieces.

        @param interval: how long ago it was done last, in seconds.
        @return: whether it was given back.
        """
        now = self._seconds()
        busy, self._looked = now - self._looked, now
        worth = now - self._gaveBack > self._worth
        if self._allocator is None or busy >= _QUIET * interval or not worth:
            return False
        self._allocator.malloc_trim(0)
        self._looked = self._gaveBack = self._seconds()
        self._worth = max(_WORTH, _TIMES * (self._gaveBack - now))
        return True

    def restore(self) -> None:
        """
        Let Python do as it likes again.
        """
        if self._before is not None:
            thresholds, switch = self._before
            gc.set_threshold(*thresholds)
            sys.setswitchinterval(switch)
            gc.unfreeze()
            self._before = None
