"""
A reactor for job servers, clients and workers: Twisted's own on epoll, with less
ceremony around each read, and a way to do something once at the end of a turn.
C{twistd --reactor=txgearman} chooses it for any program.

A job is a handful of packets of some dozen bytes, each of which makes a socket
readable. Twisted's reactor sets up a logging context for each, which takes longer
than the packet. This one goes the short way where there is something to read and
nothing else, and leaves everything else to Twisted.

Where packets come one at a time, most of what they take is for the process to fall
asleep and to be woken: it busy-polls instead.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, Final

from twisted.internet.epollreactor import EPollReactor
from twisted.internet.main import installReactor
from twisted.logger import Logger

from txgearman.busypoll import AWAKE, BusyPoll

_log = Logger()

# As many connections are looked after before anything else gets a turn.
_AT_ONCE: Final = 1024


def _processors() -> int:
    """
    How many processors this process may use.
    """
    return len(os.sched_getaffinity(0))


class TurningReactor(EPollReactor):
    """
    An ordinary reactor in all but its speed.
    """

    def __init__(self) -> None:
        self._ending: list[Callable[[], object]] = []
        super().__init__()
        self._wait = BusyPoll(self._poller.poll, os.sched_yield)
        self.busyPoll(AWAKE)

    def busyPoll(self, seconds: float) -> None:
        """
        Look for something to read again and again, for so long, before the process
        sleeps, while one thing comes right after the other. With a single processor it
        sleeps at once: those who send need that.

        @param seconds: some microseconds, or 0 to sleep at once.
        """
        self._wait.awake = seconds if _processors() > 1 else 0.0

    def atTurnEnd(self, call: Callable[[], object]) -> None:
        """
        Call something once, when everything was read that there is to read now.
        """
        self._ending.append(call)

    def timeout(self) -> float | None:
        """
        How long to wait for something to read, in seconds.
        """
        wait: float | None = super().timeout()
        return 0.0 if self._ending else wait

    def doPoll(self, timeout: float | None) -> None:
        """
        Wait for something to read or to write, see to it, and end the turn.
        """
        selectables: dict[int, Any] = self._selectables
        try:
            ready = self._wait(timeout, min(len(selectables), _AT_ONCE) or 1)
        except InterruptedError:
            ready = []
        readable = self._POLL_IN
        for descriptor, event in ready:
            selectable = selectables.get(descriptor)
            if selectable is None:
                continue
            if event != readable:
                self._doReadOrWrite(selectable, descriptor, event)
                continue
            try:
                why = selectable.doRead()
            except BaseException as error:
                _log.failure("while reading from {it}", it=selectable)
                why = error
            if why:
                self._disconnectSelectable(selectable, why, True)
        if self._ending:
            self._endTurn()

    doIteration = doPoll

    def _endTurn(self) -> None:
        ending, self._ending = self._ending, []
        for call in ending:
            try:
                call()
            except BaseException:
                _log.failure("at the end of a turn")


def install() -> None:
    """
    Make it the reactor of this process.

    @raise ReactorAlreadyInstalledError: when there is one.
    """
    installReactor(TurningReactor())
