"""
How children end, and when the next one starts.
"""

from __future__ import annotations

import signal
from math import ldexp
from typing import Final

from attrs import frozen

# A child that lived for a shorter time, in seconds, died early.
_EARLY: Final = 5.0

# One that ended well, and did nothing that is known of, ended early before this.
_IDLE: Final = 1.0

# The pause where two ended early, which then doubles, and the longest one, in seconds.
_FIRST: Final = 0.5
_LONGEST: Final = 60.0

# However well children end, they start no faster one after the other.
_LEAST: Final = 0.1


@frozen
class Ending:
    """
    How a child ended.

    @ivar lived: for how long, in seconds.
    @ivar status: its exit status; negative for a signal; L{None} when it could not be
        started.
    @ivar why: why it could not be started.
    """

    lived: float
    status: int | None
    why: str = ""

    @property
    def well(self) -> bool:
        """
        Whether it ended by itself, as it should.
        """
        return self.status == 0

    def __str__(self) -> str:
        if self.status is None:
            return f"could not be started: {self.why}"
        after = f"after {self.lived:.1f} s"
        if self.status < 0:
            return f"died {after} by {_signalName(-self.status)}"
        verb = "ended" if self.well else "died"
        return f"{verb} {after} with status {self.status}"


def _signalName(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


# How long a place waits at most for a child that may have done all its work, in
# seconds.
_BETWEEN_WORK: Final = 1.0


class Backoff:
    """
    Decides how long a place waits for its next child.

    @ivar early: how many children ended early, one after the other.
    """

    def __init__(self) -> None:
        self.early = 0

    def pause(self, ending: Ending, worked: bool, limited: bool = False) -> float:
        """
        A child has ended.

        @param worked: whether it is known to have done some work.
        @param limited: whether it ends by itself after some. If it does not tell that
            it has done any, it may have had no server.
        @return: seconds until the next one.
        """
        if ending.well and (worked or ending.lived >= _IDLE):
            self.early = 0
            return max(0.0, _LEAST - ending.lived)
        if ending.lived >= _EARLY:
            self.early = 0
            return 0.0
        self.early += 1
        if self.early == 1:
            return 0.0
        longest = _BETWEEN_WORK if limited and ending.well else _LONGEST
        return min(longest, ldexp(_FIRST, min(self.early - 2, 16)))

    @property
    def again(self) -> str:
        """
        How often this has happened; empty for the first time.
        """
        if self.early < 2:
            return ""
        return f", for the {_ordinal(self.early)} time in a row"


def _ordinal(number: int) -> str:
    teens = number % 100 in (11, 12, 13)
    ending = "th" if teens else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"
