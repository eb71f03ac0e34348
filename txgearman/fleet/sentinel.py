"""
The sentinel: a process that outlives a master, and has no child outlive it for long.
"""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from typing import Any, Final

from twisted.internet.defer import Deferred, succeed
from twisted.internet.error import ProcessExitedAlready
from twisted.internet.interfaces import IDelayedCall
from twisted.internet.protocol import ProcessProtocol
from twisted.logger import Logger
from twisted.python.failure import Failure

from txgearman.fleet import orphans
from txgearman.fleet.interrupts import interruptsHeld
from txgearman.fleet.later import cancel

# How many seconds pass before the next one is started, unless it lived longer.
_AGAIN: Final = 1.0

# How long it may take to end when the master does, in seconds.
_FAREWELL: Final = 5.0


class Sentinel:
    """
    The sentinel, as the master sees it. When its process dies, there is another,
    which is told everything again.
    """

    _log = Logger()

    def __init__(self) -> None:
        self._reactor: Any = None
        self._fleet = ""
        self._watched: dict[int, float] = {}
        self._process: _Process | None = None
        self._started = 0.0
        self._again: IDelayedCall | None = None
        self._stopping: list[Deferred[None]] = []
        self._stopped = True

    @property
    def pid(self) -> int:
        """
        Its process; 0 when there is none.
        """
        transport = self._process and self._process.transport
        return (transport.pid or 0) if transport else 0

    def start(self, reactor: Any, fleetId: str) -> None:
        """
        Start its process.

        @param fleetId: what the children have in C{TXGEARMAN_FLEET}.
        """
        self._reactor = reactor
        self._fleet = fleetId
        self._stopped = False
        self._spawn()

    def watch(self, pid: int, timeout: float) -> None:
        """
        End a child when the master dies.

        @param pid: its process, which leads a session and a process group.
        @param timeout: how many seconds it has from SIGTERM to SIGKILL.
        """
        self._watched[pid] = timeout
        self._say(f"+{pid} {timeout}")

    def forget(self, pid: int) -> None:
        """
        A child is gone.
        """
        if self._watched.pop(pid, None) is not None:
            self._say(f"-{pid}")

    def stop(self) -> Deferred[None]:
        """
        The master ends in order: let the process end, and do nothing to the
        children.

        @return: fires when it is gone. Each caller has a Deferred of its own.
        """
        self._stopped = True
        if self._again is not None:
            self._again.cancel()
            self._again = None
        if self._process is None:
            return succeed(None)
        self._say("bye")
        self._process.close()
        # It may be stopped itself; there is nothing left for it to do.
        hurry = self._reactor.callLater(_FAREWELL, self._process.kill)
        stopped: Deferred[None] = Deferred()
        stopped.addCallback(lambda _: cancel(hurry))
        self._stopping.append(stopped)
        return stopped

    def _spawn(self) -> None:
        self._again = None
        self._started = self._reactor.seconds()
        line = [sys.executable, "-I", "-S", orphans.__file__, self._fleet]
        # What it has to say is for the same place as what the master says. It must
        # not be one of its own orphans.
        variables = {**os.environ}
        variables.pop(orphans.VARIABLE, None)
        process = _Process(self)
        try:
            with interruptsHeld():
                self._reactor.spawnProcess(
                    process, line[0], line, variables, childFDs={0: "w", 1: 2, 2: 2}
                )
        except OSError as error:
            self._log.warn(
                "the sentinel could not be started: {reason}; next try in {delay:g} s",
                reason=error.strerror or error,
                delay=_AGAIN,
            )
            self._again = self._reactor.callLater(_AGAIN, self._spawn)
            return
        self._process = process
        for pid, timeout in self._watched.items():
            self._say(f"+{pid} {timeout}")

    def _say(self, line: str) -> None:
        if self._process is not None:
            self._process.say(line)

    def ended(self, reason: Failure) -> None:
        """
        Its process is gone.
        """
        self._process = None
        if self._stopped:
            stopping, self._stopping = self._stopping, []
            for stopped in stopping:
                stopped.callback(None)
            return
        lived = self._reactor.seconds() - self._started
        delay = 0.0 if lived > _AGAIN else _AGAIN
        self._log.warn(
            "the sentinel died: {reason}; another one in {delay:g} s",
            reason=reason.value,
            delay=delay,
        )
        self._again = self._reactor.callLater(delay, self._spawn)


class _Process(ProcessProtocol):
    """
    Its process.
    """

    def __init__(self, sentinel: Sentinel) -> None:
        self._sentinel = sentinel

    def say(self, line: str) -> None:
        """
        Tell it something.
        """
        assert self.transport is not None
        self.transport.write(f"{line}\n".encode())

    def close(self) -> None:
        """
        Tell it nothing more.
        """
        assert self.transport is not None
        self.transport.closeStdin()

    def kill(self) -> None:
        """
        End it at once.
        """
        assert self.transport is not None
        with suppress(ProcessExitedAlready):
            self.transport.signalProcess("KILL")

    def processEnded(self, reason: Failure) -> None:
        """
        It is gone.
        """
        self._sentinel.ended(reason)
