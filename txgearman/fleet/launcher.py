"""
How children are started, and how they are sent signals.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, Final, Protocol

from twisted.internet.protocol import ProcessProtocol

from txgearman.fleet.interrupts import interruptsHeld
from txgearman.fleet.launch import launchLine
from txgearman.fleet.order import REPORT, Order


class ILauncher(Protocol):
    """
    Starts children, and sends them signals.
    """

    def launch(self, protocol: ProcessProtocol, order: Order) -> None:
        """
        Start a child. Its process id is that of its process group, too, in a moment.

        @raise OSError: when it cannot be started.
        """

    def signal(self, pid: int, number: int) -> None:
        """
        Send a signal to a child that has not ended.
        """

    def signalAll(self, pid: int, number: int) -> bool:
        """
        Send a signal to a child and all in its process group.

        @param number: 0 only to look.
        @return: whether there is anything left in the group.
        """


class Launcher:
    """
    Starts children as processes of the reactor, each in a session of its own.
    """

    def __init__(self, reactor: Any) -> None:
        """
        @param reactor: provides C{IReactorProcess}.
        """
        self._reactor = reactor

    def launch(self, protocol: ProcessProtocol, order: Order) -> None:
        """
        Start a child; see L{ILauncher.launch}.
        """
        words = launchLine(
            order.words,
            user=order.user or "",
            directory=order.directory or "",
            parent=os.getpid(),
        )
        arguments = [_bytes(word) for word in words]
        variables = {
            _bytes(name): _bytes(text) for name, text in order.variables.items()
        }
        nothing = os.open(os.devnull, os.O_RDONLY)
        childFDs: dict[int, Any] = {0: nothing, 1: "r", 2: "r"}
        if order.reports:
            childFDs[REPORT] = "r"
        try:
            with interruptsHeld():
                self._reactor.spawnProcess(
                    protocol,
                    arguments[0],
                    arguments,
                    {**_inherited(), **variables},
                    childFDs=childFDs,
                )
        finally:
            os.close(nothing)

    def signal(self, pid: int, number: int) -> None:
        """
        Send a signal; see L{ILauncher.signal}.
        """
        _send(os.kill, pid, number)

    def signalAll(self, pid: int, number: int) -> bool:
        """
        Send a signal to a process group; see L{ILauncher.signalAll}.
        """
        return _send(os.killpg, pid, number)


def _inherited() -> dict[bytes, bytes]:
    """
    What children have of the master's environment: not what somebody told the master
    about itself.
    """
    return {k: v for k, v in os.environb.items() if k not in _OWN}


_OWN: Final = frozenset(
    b"""
    NOTIFY_SOCKET WATCHDOG_USEC WATCHDOG_PID LISTEN_FDS LISTEN_PID LISTEN_FDNAMES
    GEARMAN_FUNCTIONS GEARMAN_MAX_JOBS TXGEARMAN_REPORT
    """.split()
)


def _bytes(text: str) -> bytes:
    """
    What a file of TOML, or a command line, has as text.
    """
    return text.encode("utf-8", "surrogateescape")


def _send(how: Callable[[int, int], None], pid: int, number: int) -> bool:
    try:
        how(pid, number)
    except ProcessLookupError:
        return False
    except PermissionError:
        # It has become another user's, and is there.
        return True
    return True
