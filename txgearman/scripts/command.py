"""
A command that does a job: the workload is its stdin, its stdout the result.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from attrs import frozen
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.error import ProcessExitedAlready, ProcessTerminated
from twisted.internet.protocol import ProcessProtocol
from twisted.python.failure import Failure

MERCY = 5.0
"""How long a command that is to end may take for it, in seconds."""


@frozen
class Ending:
    """
    How a command ended.

    @ivar output: what it wrote to stdout and nobody took meanwhile.
    @ivar status: its exit status.
    @ivar signal: what killed it; L{None} when nothing did.
    """

    output: bytes
    status: int
    signal: int | None

    @property
    def good(self) -> bool:
        """
        Did it do its job?
        """
        return self.signal is None and self.status == 0

    def isOf(self, signal: int) -> bool:
        """
        Was it a signal, which killed it or which it took for a reason to end, as
        programs that catch one say with their status?
        """
        return self.signal == signal or self.status == 128 + signal

    def __str__(self) -> str:
        if self.signal is not None:
            return f"killed by signal {self.signal}"
        return f"exit status {self.status}"


class Command(ProcessProtocol):
    """
    A process that does one job.
    """

    def __init__(
        self, reactor: Any, workload: bytes, line: Callable[[bytes], None] | None
    ) -> None:
        """
        @param line: takes each line of the output as soon as it is there, with
            its newline; L{None} to gather all of the output.
        """
        self._reactor = reactor
        self._workload = workload
        self._line = line
        self._output: list[bytes] = []
        self._ending: Ending | None = None
        self._waiting: list[Deferred[Ending]] = []
        self._killing: Any = None

    def start(
        self,
        program: bytes,
        words: Sequence[bytes],
        environment: Mapping[bytes, bytes],
    ) -> None:
        """
        Start it.

        @param program: the path of the program.
        @param words: what it was called, and its arguments.
        @raise OSError: when there can be no process.
        """
        self._reactor.spawnProcess(
            self, program, words, environment, childFDs={0: "w", 1: "r", 2: 2}
        )

    async def outcome(self) -> Ending:
        """
        Wait for its end. When this is cancelled it ends the process, and goes on
        when that has ended.
        """
        try:
            return await self.whenEnded()
        except CancelledError:
            self.end()
            await self.whenEnded()
            raise

    def whenEnded(self) -> Deferred[Ending]:
        """
        Wait for its end.
        """
        waiter: Deferred[Ending] = Deferred(self._waiting.remove)
        if self._ending is None:
            self._waiting.append(waiter)
        else:
            waiter.callback(self._ending)
        return waiter

    def connectionMade(self) -> None:
        """
        It runs: hand it the workload.
        """
        assert self.transport is not None
        self.transport.write(self._workload)
        self.transport.closeStdin()

    def outReceived(self, data: bytes) -> None:
        """
        It wrote something.
        """
        self._output.append(data)
        if self._line is not None and b"\n" in data:
            *lines, rest = b"".join(self._output).split(b"\n")
            self._output = [rest] if rest else []
            for line in lines:
                self._line(line + b"\n")

    def processEnded(self, reason: Failure) -> None:
        """
        It ended, and everything it wrote was read.
        """
        if self._killing is not None and self._killing.active():
            self._killing.cancel()
        output = b"".join(self._output)
        if self._line is not None and output:
            self._line(output)
            output = b""
        self._ending = Ending(output, 0, None)
        if isinstance(reason.value, ProcessTerminated):
            killer = reason.value
            self._ending = Ending(output, killer.exitCode or 0, killer.signal)
        waiting, self._waiting = self._waiting, []
        for waiter in waiting:
            waiter.callback(self._ending)

    def end(self) -> None:
        """
        Nobody wants its result any more: ask it to end, and later do not ask.
        """
        self._line = None
        self._signal("TERM")
        self._killing = self._reactor.callLater(MERCY, self._signal, "KILL")

    def _signal(self, name: str) -> None:
        assert self.transport is not None
        try:
            self.transport.signalProcess(name)
        except ProcessExitedAlready:
            # What it has started may keep its stdout open.
            self.transport.loseConnection()
