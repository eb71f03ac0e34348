"""
A child: one process, from its start to its end.
"""

from __future__ import annotations

import signal
from collections.abc import Callable
from enum import StrEnum
from typing import Any, Final, Protocol

from twisted.internet.error import ProcessTerminated
from twisted.internet.interfaces import IDelayedCall
from twisted.internet.protocol import ProcessProtocol
from twisted.logger import Logger
from twisted.python.failure import Failure

from txgearman.fleet.ending import Ending
from txgearman.fleet.later import cancel
from txgearman.fleet.order import REPORT, Order
from txgearman.fleet.output import Output
from txgearman.fleet.remains import Remains
from txgearman.fleet.report import Report
from txgearman.fleet.world import World

# A command has started well that is there for so long, in seconds.
_ALIVE: Final = 1.0

# How long is read what a child wrote that has ended, in seconds: something else may
# keep its output open.
_LAST_WORDS: Final = 1.0


class State(StrEnum):
    """
    What a child is about to do, or that there is none and one is waited for.
    """

    STARTING = "starting"
    READY = "ready"
    DRAINING = "draining"
    STOPPING = "stopping"
    WAITING = "waiting"


_SERVING: Final = (State.STARTING, State.READY)


class Owner(Protocol):
    """
    Whoever keeps a child.
    """

    def childReady(self, child: Child) -> None:
        """
        The child serves.
        """

    def childOld(self, child: Child) -> None:
        """
        The child has lived for long enough.
        """

    def childEnded(self, child: Child, ending: Ending) -> None:
        """
        The child has ended. What it has left behind may not.
        """

    def childGone(self, child: Child) -> None:
        """
        Nothing is left of the child.
        """


class Child(ProcessProtocol):
    """
    One child.

    @ivar order: what it is.
    @ivar round: counts the restarts of its group.
    @ivar state: what it is about to do.
    @ivar pid: its process id.
    @ivar started: when, in seconds of the clock.
    @ivar ended: whether it has ended.
    @ivar report: what it tells of itself.
    """

    _log = Logger()

    def __init__(self, world: World, order: Order, round: int, owner: Owner) -> None:
        """
        @param round: counts the restarts of its group.
        """
        self.order = order
        self.round = round
        self.pid = 0
        self.state = State.STARTING
        self.started = world.clock.seconds()
        self.ended = False
        self.report = Report()
        self._clock = world.clock
        self._launcher = world.launcher
        self._sentinel = world.sentinel
        self._owner = owner
        self._coming: IDelayedCall | None = None
        self._aging: IDelayedCall | None = None
        self._closing: IDelayedCall | None = None
        self._output = {fd: self._outputOf(fd) for fd in (1, 2)}

    def _outputOf(self, childFD: int) -> Output:
        def pipe() -> Any:
            # A process of Twisted's has its pipes, though no interface says so.
            return getattr(self.transport, "pipes", {}).get(childFD)

        return Output(self._clock, pipe, self._say, self._omit)

    def start(self) -> None:
        """
        Start.

        @raise OSError: when that cannot be.
        """
        self._launcher.launch(self, self.order)

    def connectionMade(self) -> None:
        """
        It is there. It can have ended before whoever started it hears of it.
        """
        assert self.transport is not None
        self.pid = self.transport.pid
        self._sentinel.watch(self.pid, self.order.stopTimeout)
        self._log.info("{child} started", child=self)
        if not self.order.reports:
            self._next(_ALIVE, self._becomeReady)
        if self.order.lifetime:
            self.ageIn(self.order.lifetime)

    def __str__(self) -> str:
        return f"{self.order.name} {self.pid}" if self.pid else self.order.name

    def ageIn(self, seconds: float) -> None:
        """
        Be old after some more time.
        """
        self._aging = self._clock.callLater(seconds, self._owner.childOld, self)

    def stop(self) -> None:
        """
        Tell it to end; it is killed when it does not.
        """
        if self.ended:
            return
        if self.state != State.STOPPING:
            self.state = State.STOPPING
            cancel(self._aging)
            self._next(self.order.stopTimeout, self._kill)
        self._launcher.signal(self.pid, signal.SIGTERM)

    def childDataReceived(self, childFD: int, data: bytes) -> None:
        """
        It wrote something.
        """
        if childFD != REPORT:
            self._output[childFD].feed(data)
            return
        self.report.feed(data)
        if self.state == State.STARTING and self.report.ready:
            self._becomeReady()
        if self.state in _SERVING and self.report.draining:
            # By itself, and it has as much time for its last jobs as for others.
            self.state = State.DRAINING
            cancel(self._aging)

    def childConnectionLost(self, childFD: int) -> None:
        """
        It writes no more: what is there is its last line.
        """
        if childFD in self._output:
            self._output[childFD].end()

    def processExited(self, reason: Failure) -> None:
        """
        It has ended. What it wrote before may not be read yet, and what it has
        started itself may still run.
        """
        self.ended = True
        cancel(self._coming)
        cancel(self._aging)
        self._closing = self._clock.callLater(_LAST_WORDS, self._closeOutput)
        if self.state == State.STOPPING:
            self._log.info("{child} has stopped", child=self)
        remains = Remains(self._clock, self._launcher, self.pid)
        gone = remains.end()
        self._owner.childEnded(self, self._ending(reason))
        gone.addCallback(self._gone)

    def processEnded(self, reason: Failure) -> None:
        """
        All that it wrote is read.
        """
        cancel(self._closing)

    def _ending(self, reason: Failure) -> Ending:
        """
        Find out how it ended.
        """
        lived = max(0.0, self._clock.seconds() - self.started)
        if not isinstance(reason.value, ProcessTerminated):
            return Ending(lived, 0)
        number: int | None = reason.value.signal
        return Ending(lived, reason.value.exitCode if number is None else -number)

    def _gone(self, _: None) -> None:
        self._sentinel.forget(self.pid)
        self._owner.childGone(self)

    def _becomeReady(self) -> None:
        cancel(self._coming)
        self.state = State.READY
        self._owner.childReady(self)

    def _kill(self) -> None:
        self._log.warn(
            "{child} has not stopped in {seconds:g} s and is killed",
            child=self,
            seconds=self.order.stopTimeout,
        )
        if not self._launcher.signalAll(self.pid, signal.SIGKILL):
            # It has no process group of its own yet.
            self._launcher.signal(self.pid, signal.SIGKILL)

    def _closeOutput(self) -> None:
        """
        Read no more: whatever keeps it open is none of the child's output.
        """
        assert self.transport is not None
        for childFD in (*self._output, REPORT):
            self.transport.closeChildFD(childFD)

    def _next(self, seconds: float, action: Callable[[], None]) -> None:
        """
        Do something later, and nothing else.
        """
        cancel(self._coming)
        self._coming = self._clock.callLater(seconds, action)

    def _omit(self, count: int) -> None:
        """
        Log that lines are not logged.
        """
        self._log.info("{child}: [{count} lines more]", child=self, count=count)

    def _say(self, line: bytes, cut: bool) -> None:
        """
        Log a line of output.
        """
        self._log.info(
            "{child}: {line}{more}",
            child=self,
            line=line.removesuffix(b"\r").decode("utf-8", "backslashreplace"),
            more=" [...]" if cut else "",
        )
