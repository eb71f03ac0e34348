"""
How a tool runs and ends: what goes wrong is one line and an exit status, and
never a traceback.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from twisted.internet.defer import Deferred
from twisted.internet.defer import TimeoutError as DeferredTimeout
from twisted.internet.error import ConnectError, ConnectionDone, ConnectionLost
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

from txgearman.errors import GearmanError
from txgearman.scripts.output import complain, stopWriting

UNREACHABLE = (ConnectError, ConnectionDone, ConnectionLost, DeferredTimeout)
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


def run(name: str, main: Main, *, verbose: bool = False) -> None:
    """
    Run a tool to its end.

    @param name: what it is called.
    @param verbose: whether to tell also what is worth knowing only.
    @raise SystemExit: with its exit status.
    """
    level = LogLevel.info if verbose else LogLevel.warn
    wanted = LogLevelFilterPredicate(defaultLogLevel=LogLevel.warn)
    wanted.setLogLevelForNamespace("txgearman", level)
    observer = FilteringLogObserver(_Complaints(name), [wanted])
    globalLogBeginner.beginLoggingTo([observer], redirectStandardIO=False)
    react(lambda reactor: Deferred.fromCoroutine(_run(name, main, reactor)))


def reasonOf(error: BaseException) -> str:
    """
    What is wrong, to stand at the end of a line.
    """
    return str(error).removesuffix(".")


async def _run(name: str, main: Main, reactor: IReactorTime) -> None:
    """
    Run it, and say what goes wrong.
    """
    try:
        status = await main(reactor)
    except BrokenPipeError:
        stopWriting()
        status = 1
    except (*UNREACHABLE, GearmanError, OSError, ValueError) as error:
        raise SystemExit(f"{name}: {reasonOf(error)}") from None
    if status:
        raise SystemExit(status)
