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
from time import perf_counter
from typing import Any, Final

from twisted.internet.epollreactor import EPollReactor
from twisted.internet.main import installReactor
from twisted.logger import Logger

_log = Logger()

AWAKE: Final = 0.00005
"""For how long it busy-polls, in seconds, unless told otherwise."""

# As many connections are looked after before anything else gets a turn.
_AT_ONCE: Final = 1024


# After so many short waits in a row the next one is likely to be as short. A wait is
# short that took no more than so many times as long as a busy-poll: in it the process
# fell asleep, and was woken.
_STREAK: Final = 3
_SHORT: Final = 2.0


def _processors() -> int:
    """
    How many processors this process may use.
    """
    return len(os.sched_getaffinity(0))


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
        seconds: Callable[[], float] = perf_counter,
        giveWay: Callable[[], object] = os.sched_yield,
    ) -> None:
        """
        @param poll: waits for no longer than so many seconds, or for ever for L{None},
            and tells of so many things at most.
        @param seconds: the time.
        @param giveWay: lets another process have the processor, if one wants it.
        """
        self.awake = 0.0
        self._poll = poll
        self._seconds = seconds
        self._giveWay = giveWay
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


class TurningReactor(EPollReactor):
    """
    An ordinary reactor in all but its speed.
    """

    def __init__(self) -> None:
        self._ending: list[Callable[[], object]] = []
        super().__init__()
        self._wait = BusyPoll(self._poller.poll)
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
