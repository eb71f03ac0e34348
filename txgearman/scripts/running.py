"""
How a tool runs and ends: what goes wrong is one line and an exit status, and
never a traceback.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Awaitable, Callable
from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.defer import TimeoutError as DeferredTimeout
from twisted.internet.error import (
    ConnectError,
    ConnectionDone,
    ConnectionLost,
    DNSLookupError,
)
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import react
from twisted.logger import (
    FilteringLogObserver,
    ILogObserver,
    LogEvent,
    LogLevel,
    LogLevelFilterPredicate,
    formatEvent,
    globalLogBeginner,
)
from zope.interface import implementer

from txgearman.connection.turns import shortenTurns
from txgearman.errors import GearmanError
from txgearman.scripts.background import pidFile
from txgearman.scripts.output import complain, stopWriting

UNREACHABLE = (
    ConnectError,
    ConnectionDone,
    ConnectionLost,
    DNSLookupError,
    DeferredTimeout,
)
"""What is raised when a server is not there, goes away or does not answer."""

Main = Callable[[IReactorTime], Awaitable[int]]
"""What a tool does; it gives the exit status."""


@implementer(ILogObserver)
class _Complaints:
    """
    Writes what is logged to stderr, as lines.
    """

    def __init__(self, name: str) -> None:
        self._name = name

    def __call__(self, event: LogEvent) -> None:
        text = formatEvent(event).partition("\n")[0]
        # Twisted's older log calls it otherwise.
        failure = event.get("log_failure") or event.get("failure")
        if failure is not None:
            text = f"{text}: {failure.value!r}"
        complain(f"{self._name}: {text}")


class _Interruption:
    """
    A signal that ends a tool: what it does is cancelled, so that it cleans up, and
    then the tool dies of the signal, as the shell expects.
    """

    def __init__(self) -> None:
        self._number: int | None = None

    def heed(self, reactor: Any, doing: Deferred[None]) -> None:
        """
        Listen to signals.

        @param doing: what is cancelled.
        """

        def heard(number: int, frame: object) -> None:
            # At the second it does not matter any more what is left behind.
            then = doing.cancel if self._number is None else reactor.crash
            self._number = number
            reactor.callFromThread(then)

        for number in signal.SIGINT, signal.SIGTERM:
            # The reactor puts its own in place when it starts.
            reactor.callWhenRunning(signal.signal, number, heard)

    def end(self) -> None:
        """
        Die of the signal that came, if one came.
        """
        if self._number is not None:
            signal.signal(self._number, signal.SIG_DFL)
            os.kill(os.getpid(), self._number)


def run(
    name: str, main: Main, *, verbose: bool = False, pidfile: str | None = None
) -> None:
    """
    Run a tool to its end.

    @param name: what it is called.
    @param verbose: whether to tell also what is worth knowing only.
    @param pidfile: where to keep the process id meanwhile.
    @raise SystemExit: with its exit status.
    """
    level = LogLevel.info if verbose else LogLevel.warn
    wanted = LogLevelFilterPredicate(defaultLogLevel=LogLevel.warn)
    wanted.setLogLevelForNamespace("txgearman", level)
    observer = FilteringLogObserver(_Complaints(name), [wanted])
    globalLogBeginner.beginLoggingTo([observer], redirectStandardIO=False)
    interruption = _Interruption()
    shortenTurns()

    def start(reactor: IReactorTime) -> Deferred[None]:
        doing = Deferred.fromCoroutine(_run(name, main, reactor))
        interruption.heed(reactor, doing)
        return doing

    try:
        with pidFile(pidfile):
            react(start)
    except OSError as error:
        raise SystemExit(f"{name}: {reasonOf(error)}") from None
    finally:
        interruption.end()


def reasonOf(error: BaseException) -> str:
    """
    What is wrong, to stand at the end of a line.
    """
    if isinstance(error, DeferredTimeout):
        return "no answer in time"
    return str(error).removesuffix(".")


async def _run(name: str, main: Main, reactor: IReactorTime) -> None:
    """
    Run it, and say what goes wrong.
    """
    try:
        status = await main(reactor)
    except CancelledError:
        # By a signal, of which it dies then.
        status = 0
    except BrokenPipeError:
        stopWriting()
        status = 1
    except (*UNREACHABLE, GearmanError, OSError, ValueError) as error:
        raise SystemExit(f"{name}: {reasonOf(error)}") from None
    if status:
        raise SystemExit(status)
