"""
When something happens again and again.
"""

from __future__ import annotations

from collections.abc import Callable
from math import floor
from typing import Protocol, TypeAlias

from attrs import frozen

from txgearman.errors import BadSetting


class Recurrence(Protocol):
    """
    Moments, without an end or with one.
    """

    @property
    def text(self) -> str:
        """
        What people call it.
        """

    def next(self, after: float) -> float | None:
        """
        Find the next moment.

        @param after: in seconds of the epoch.
        @return: in seconds of the epoch, later than C{after}; L{None} when there is
            none any more.
        """


Recur: TypeAlias = Callable[[str, str, float], Recurrence]
"""
What makes a L{Recurrence} of a cron expression, the name of a time zone and an
interval in seconds, or raises L{BadSetting<txgearman.errors.BadSetting>}. The first or
the last is empty.
"""


@frozen
class Interval:
    """
    Every so many seconds, wherever one starts to look: all moments are a multiple of
    the interval away from one of them.

    @ivar seconds: more than none.
    @ivar start: one of the moments, in seconds of the epoch.
    """

    seconds: float
    start: float = 0.0

    @property
    def text(self) -> str:
        """
        What people call it.
        """
        return f"every {self.seconds:.12g} s"

    def next(self, after: float) -> float:
        """
        Find the next moment, as L{Recurrence.next} does.
        """
        count = floor((after - self.start) / self.seconds)
        # The quotient may have been rounded.
        while (moment := self.start + count * self.seconds) <= after:
            count += 1
        return moment


def intervalOnly(cron: str, zone: str, every: float) -> Recurrence:
    """
    A L{Recur} of whoever knows no calendar.
    """
    if cron or zone or every <= 0:
        raise BadSetting("this board knows of intervals only")
    return Interval(every)
