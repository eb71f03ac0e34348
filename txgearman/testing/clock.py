"""
A reactor that is nothing but a clock.
"""

from __future__ import annotations

from collections.abc import Callable
from threading import get_ident
from typing import Any, Final

from twisted.internet.interfaces import IReactorFromThreads
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from zope.interface import implementer

START: Final = 1_700_000_000.0
"""When tests begin, in seconds of the epoch: 2023-11-14 22:13:20 UTC."""


class NoThreads:
    """
    A thread pool without threads: what it is to call, it calls at once.
    """

    def callInThreadWithCallback(
        self,
        onResult: Callable[[bool, Any], object],
        function: Callable[..., object],
        *arguments: object,
        **keywords: object,
    ) -> None:
        """
        Call a function, and tell what came of it.

        @param onResult: called with whether it returned, and with what, or with
            the L{Failure}.
        """
        try:
            result = function(*arguments, **keywords)
        except Exception:
            onResult(False, Failure())
        else:
            onResult(True, result)


@implementer(IReactorFromThreads)
class TurningClock(Clock):
    """
    A C{Clock} that calls in turns, as a reactor does: what is due when a turn
    begins is called in it, what becomes due meanwhile in the next one.
    """

    rightNow = START

    def __init__(self) -> None:
        super().__init__()
        self._threads = NoThreads()
        self._thread = get_ident()

    def advance(self, amount: float) -> None:
        """
        Let time pass, and call what is due then.

        @param amount: in seconds.
        """
        self.rightNow += amount
        now = self.rightNow
        due = [call for call in self.calls if call.getTime() <= now]
        for call in sorted(due, key=lambda call: call.getTime()):
            # One of those before may have cancelled it, or put it off.
            if call.active() and call.getTime() <= now:
                self.calls.remove(call)
                call.called = 1
                call.func(*call.args, **call.kw)

    def callFromThread(
        self, callable: Callable[..., Any], *args: object, **kwargs: object
    ) -> None:
        """
        Call something in the next turn.

        @raise RuntimeError: from another thread, since nothing waits for those:
            such as one that a worker starts which L{Pump.worker} did not make.
        """
        if get_ident() != self._thread:
            raise RuntimeError("there are no threads under this clock: see Pump.worker")
        self.callLater(0, callable, *args, **kwargs)

    def getThreadPool(self) -> NoThreads:
        """
        What C{deferToThreadPool} takes.
        """
        return self._threads
