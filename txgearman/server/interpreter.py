"""
How Python runs in a process that does nothing but serve jobs.
"""

from __future__ import annotations

import gc
import sys
from typing import Final

# Python looks for garbage when there are so many more objects than at the last
# look, instead of 700; and more seldom goes through the older ones.
_THRESHOLDS: Final = (50_000, 20, 20)

# glibc learns how much to keep from the largest block that was ever freed, and
# learns nothing from one of more than 32 MiB.
_BLOCK: Final = 31 * 1024 * 1024

# After so long, in seconds, the thread that has Python's lock hands it to one that
# waits, instead of after 0.005: the store's needs it several times for a commit, and
# only for moments.
_SWITCH: Final = 0.0001


class Interpreter:
    """
    The settings of this process.
    """

    def __init__(self) -> None:
        self._before: tuple[tuple[int, int, int], float] | None = None

    def serve(self) -> None:
        """
        Suit a job server.

        Jobs that wait are not garbage, while each look for some goes through them.

        Large packets come and go: C's C{free} is to keep up to some dozen megabytes
        for the next one. To give them back each time and to be given them anew would
        take longer than all else that is done for the packet.
        """
        if self._before is None:
            self._before = gc.get_threshold(), sys.getswitchinterval()
            gc.freeze()
            gc.set_threshold(*_THRESHOLDS)
            sys.setswitchinterval(_SWITCH)
            # Freed at once, and never touched.
            bytes(_BLOCK)

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
