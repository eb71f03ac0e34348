"""
How many of a client's jobs may be under way at once.
"""

from __future__ import annotations

from collections import OrderedDict

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure


class InFlight:
    """
    Lets so many in; the others wait in line.

    @ivar limit: how many.
    """

    def __init__(self, limit: int) -> None:
        """
        @raise ValueError: when not even one may be in.
        """
        if limit < 1:
            raise ValueError(f"at least one job in flight, not {limit}")
        self.limit = limit
        self._free = limit
        self._waiting: OrderedDict[Deferred[None], None] = OrderedDict()
        self._admitting = False

    def enter(self) -> Deferred[None]:
        """
        Wait to be let in.

        @return: fires when that is so. Who cancels it leaves the line.
        """
        entered: Deferred[None] = Deferred(lambda _: self._waiting.pop(entered, None))
        self._waiting[entered] = None
        self._admit()
        return entered

    def leave(self) -> None:
        """
        Make room for another.
        """
        self._free += 1
        self._admit()

    def refuse(self, reason: Failure) -> None:
        """
        Send away all who wait.
        """
        waiting, self._waiting = self._waiting, OrderedDict()
        for entered in waiting:
            # One who is sent away may make others go.
            if not entered.called:
                entered.errback(reason)

    def _admit(self) -> None:
        """
        Let in as many as there is room for. Some leave at once, and let in the
        next: one after the other here, and not one within the other.
        """
        if self._admitting:
            return
        self._admitting = True
        try:
            while self._free and self._waiting:
                entered, _ = self._waiting.popitem(last=False)
                self._free -= 1
                entered.callback(None)
        finally:
            self._admitting = False
