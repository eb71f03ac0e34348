"""
The stage on which the tools play: their output, their reactor, their command's
processes, and jobs of which the test says what becomes.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from argparse import Namespace
from collections.abc import Awaitable, Callable, Mapping, Sequence
from io import BytesIO, TextIOWrapper
from pathlib import Path
from tempfile import TemporaryDirectory
from types import ModuleType
from typing import Any, Final

from twisted.internet.defer import Deferred
from twisted.internet.error import ProcessDone, ProcessExitedAlready, ProcessTerminated
from twisted.internet.interfaces import IReactorTime
from twisted.internet.protocol import ProcessProtocol
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from txgearman.client.client import Client
from txgearman.client.job import RemoteJob
from txgearman.codecs import BYTES
from txgearman.scripts import workloads
from txgearman.scripts.arguments import parse
from txgearman.scripts.running import Main
from txgearman.testing import Pump


class Output(TextIOWrapper):
    """
    A standard stream whose bytes are kept.

    @ivar terminal: whether it says that it is one.
    """

    def __init__(self, errors: str = "strict") -> None:
        self.kept = BytesIO()
        self.terminal = False
        super().__init__(self.kept, "utf-8", errors, write_through=True)

    def isatty(self) -> bool:
        return self.terminal

    def take(self) -> bytes:
        """
        Take what was written since the last time.
        """
        data = self.kept.getvalue()
        self.kept.seek(0)
        self.kept.truncate()
        return data

    def values(self) -> list[Any]:
        """
        Take what was written, as lines of JSON.
        """
        *lines, rest = self.take().split(b"\n")
        assert not rest, "the last line has no end"
        return [json.loads(line) for line in lines]


_STDIN: Final = -42


class Stdin:
    """
    What the test types. It stands in for the descriptor, and for the threads that
    read from that.

    @ivar reading: whether somebody waits for more.
    """

    def __init__(self, test: SynchronousTestCase) -> None:
        self._pieces: list[bytes | OSError] = []
        self._waiting: list[Callable[[], None]] = []
        self._read = os.read
        test.patch(workloads, "STDIN", _STDIN)
        test.patch(os, "read", self.read)
        test.patch(workloads, "Thread", self.thread)

    @property
    def reading(self) -> bool:
        return bool(self._waiting)

    def comes(self, *pieces: bytes | OSError) -> None:
        """
        Let bytes come, or an error; no bytes are the end.
        """
        self._pieces += pieces
        while self._waiting and self._pieces:
            self._waiting.pop()()

    def read(self, descriptor: int, size: int) -> bytes:
        if descriptor != _STDIN:
            return self._read(descriptor, size)
        piece = self._pieces.pop(0)
        if isinstance(piece, OSError):
            raise piece
        if len(piece) > size:
            self._pieces.insert(0, piece[size:])
        return piece[:size]

    def thread(self, *, target: Callable[[], None], daemon: bool) -> Stdin:
        assert daemon, "one that reads for ever would keep the tool alive"
        self._waiting.append(target)
        return self

    def start(self) -> None:
        self.comes()


class Process:
    """
    A process that does what the test says, and the transport to it.

    @ivar program: the path of the program.
    @ivar words: what it was called, and its arguments.
    @ivar stdin: what it was given.
    @ivar open: whether it may be given more.
    @ivar signals: the signals that it got.
    @ivar left: whether its output was parted from.
    """

    def __init__(
        self,
        protocol: ProcessProtocol,
        program: bytes,
        words: Sequence[bytes],
        environment: Mapping[bytes, bytes],
    ) -> None:
        self.program = program
        self.words = list(words)
        self.environment = environment
        self.stdin = b""
        self.open = True
        self.signals: list[str] = []
        self.left = False
        self._protocol = protocol
        self._exited = False

    def says(self, *pieces: bytes) -> None:
        """
        Write to its stdout.
        """
        for piece in pieces:
            self._protocol.outReceived(piece)

    def exits(self) -> None:
        """
        End, while its output is not read to the end.
        """
        self._exited = True

    def ends(self, status: int = 0, killer: int | None = None) -> None:
        """
        End with an exit status, or by a signal.
        """
        self._exited = True
        reason: Exception = ProcessDone(0)
        if killer is not None:
            reason = ProcessTerminated(None, killer)
        elif status:
            reason = ProcessTerminated(status)
        self._protocol.processEnded(Failure(reason))

    def write(self, data: bytes) -> None:
        assert self.open, "its stdin is closed"
        self.stdin += data

    def closeStdin(self) -> None:
        self.open = False

    def signalProcess(self, name: str) -> None:
        if self._exited:
            raise ProcessExitedAlready()
        self.signals.append(name)

    def loseConnection(self) -> None:
        self.left = True


class ToolReactor:
    """
    A clock that also has what else a tool wants of a reactor.

    @ivar processes: what was spawned.
    @ivar files: which of each process' files is what.
    @ivar refusal: why nothing can be spawned; L{None} when it can.
    @ivar running: what is to be called when the reactor runs.
    @ivar triggers: what is to be called when it ends.
    """

    def __init__(self, clock: IReactorTime) -> None:
        self.clock = clock
        self.processes: list[Process] = []
        self.files: list[dict[int, object]] = []
        self.refusal: OSError | None = None
        self.running: list[tuple[Any, ...]] = []
        self.triggers: list[tuple[Any, ...]] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self.clock, name)

    def spawnProcess(
        self,
        protocol: ProcessProtocol,
        program: bytes,
        words: Sequence[bytes],
        environment: Mapping[bytes, bytes],
        childFDs: dict[int, object],
    ) -> Process:
        if self.refusal is not None:
            raise self.refusal
        process = Process(protocol, program, words, environment)
        self.processes.append(process)
        self.files.append(childFDs)
        protocol.makeConnection(process)
        return process

    def callWhenRunning(self, *call: Any) -> None:
        self.running.append(call)

    def addSystemEventTrigger(self, *call: Any) -> None:
        self.triggers.append(call)


class ToolTestCase(SynchronousTestCase):
    """
    Tests of what writes to stdout and stderr.
    """

    def setUp(self) -> None:
        self.out = Output()
        self.err = Output("backslashreplace")
        self.patch(sys, "stdout", self.out)
        self.patch(sys, "stderr", self.err)

    def folder(self) -> Path:
        """
        Make a folder for as long as the test runs.
        """
        folder = TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        return Path(folder.name)

    def exits(self, call: Callable[[], object]) -> object:
        """
        Call what ends the tool.

        @return: its exit status, or what it says instead.
        """
        return self.assertRaises(SystemExit, call).code


class PumpTestCase(ToolTestCase):
    """
    Tests of tools with a job server.

    @ivar handlers: what was put in place for signals.
    """

    def setUp(self) -> None:
        super().setUp()
        self.pump = Pump()
        self.addCleanup(self.closes)
        self.reactor = ToolReactor(self.pump.clock)
        self.server = self.pump.server("jobs")
        self.handlers: dict[int, Any] = {}
        self.patch(signal, "signal", self.handlers.__setitem__)

    def closes(self) -> None:
        self.pump.close()
        self.assertEqual(self.pump.clock.getDelayedCalls(), [])

    def hears(self, number: int = signal.SIGINT) -> None:
        """
        Let the tool get a signal.
        """
        self.handlers[number](number, None)
        self.pump.settle()

    def client(self) -> Client[bytes]:
        """
        A client that is connected.
        """
        client = self.pump.client(self.server)
        self.pump.result(client.whenConnected())
        return client

    def runs(self, tool: ModuleType, *words: str) -> Deferred[int]:
        """
        Begin to run a tool with this reactor.

        @param tool: its module.
        """
        begun: list[Deferred[int]] = []

        def run(name: str, main: Main, **_: object) -> None:
            reactor: Any = self.reactor
            begun.append(Deferred.fromCoroutine(_of(main(reactor))))

        self.patch(tool, "run", run)
        tool.main(words)
        self.pump.settle()
        return begun[0]


async def _of(awaited: Awaitable[int]) -> int:
    return await awaited


def options(*words: str) -> Namespace:
    """
    What a command line says, without the tool's name.
    """
    return parse(words)


def remoteJob(
    function: str = "f", *, handle: bytes = b"H:jobs:1", unique: bytes = b"u"
) -> RemoteJob[bytes]:
    """
    A job that a server has.
    """

    def status(job: RemoteJob[bytes]) -> Any:
        raise AssertionError("nobody asks")

    job = RemoteJob(function, unique, False, BYTES, status)
    job.submitted(handle, "jobs")
    return job
