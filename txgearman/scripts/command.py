"""
A command that does a job: the workload is its stdin, its stdout the result.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from attrs import frozen
from twisted.internet.defer import Deferred
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
        self._ended: Deferred[Ending] = Deferred(lambda _: self._end())
        self._killing: Any = None

    def start(
        self, program: bytes, words: Sequence[bytes], environment: Mapping[bytes, bytes]
    ) -> Any:
        """
        Run it.

        @param program: the path of the program.
        @param words: what it was called, and its arguments.
        @return: a Deferred that fires with its L{Ending}; cancelling it ends the
            process.
        @raise OSError: when there can be no process.
        """
        self._reactor.spawnProcess(
            self, program, words, environment, childFDs={0: "w", 1: "r", 2: 2}
        )
        return self._ended

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
        ending = Ending(output, 0, None)
        if isinstance(reason.value, ProcessTerminated):
            killer = reason.value
            ending = Ending(output, killer.exitCode or 0, killer.signal)
        if not self._ended.called:
            self._ended.callback(ending)

    def _end(self) -> None:
        """
        Nobody wants its result any more.
        """
        self._line = None
        self._signal("TERM")
        self._killing = self._reactor.callLater(MERCY, self._signal, "KILL")

    def _signal(self, name: str) -> None:
        assert self.transport is not None
        try:
            self.transport.signalProcess(name)
        except ProcessExitedAlready:
            # It is waited for what it wrote.
            self.transport.loseConnection()
