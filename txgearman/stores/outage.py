"""
What a journal has to remember of a store that fails, and the alarms that it sets.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from attrs import define
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.python.failure import Failure

from txgearman.errors import StoreError

# How long a store that failed is left alone, in seconds: at first, and at most.
_PAUSE: Final = 0.25
_LONGEST_PAUSE: Final = 5.0


@define
class Outage:
    """
    The time in which a store does not work.

    @ivar since: in seconds of the epoch.
    @ivar refused: how many jobs were refused meanwhile.
    """

    since: float
    refused: int = 0
    _pause: float = _PAUSE

    def pause(self) -> float:
        """
        How long to leave it alone, in seconds; longer each time.
        """
        pause, self._pause = self._pause, min(2 * self._pause, _LONGEST_PAUSE)
        return pause


class Alarm:
    """
    Something that is done once, after a while.
    """

    def __init__(self, clock: IReactorTime, action: Callable[[], object]) -> None:
        self._clock = clock
        self._action = action
        self._call: IDelayedCall | None = None

    def __bool__(self) -> bool:
        return self._call is not None

    def set(self, delay: float) -> None:
        """
        Do it after so many seconds, unless it is to be done already.
        """
        if self._call is None:
            self._call = self._clock.callLater(delay, self._ring)

    def cancel(self) -> None:
        """
        Do not do it.
        """
        if self._call is not None:
            self._call.cancel()
            self._call = None

    def _ring(self) -> None:
        self._call = None
        self._action()


def reasonOf(failure: Failure) -> str:
    """
    Why a store failed, in a line.
    """
    if failure.check(StoreError):
        return str(failure.value)
    return f"{failure.type.__name__ if failure.type else '?'}: {failure.value}"
