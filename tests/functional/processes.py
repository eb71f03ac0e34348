"""
Job servers, and anything else, run as child processes of a test.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import sys
from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import TypeVar

import pytest
from attrs import define, field
from twisted.internet import reactor
from twisted.internet.defer import Deferred, DeferredList
from twisted.internet.endpoints import TCP4ClientEndpoint
from twisted.internet.error import ConnectError, ProcessTerminated
from twisted.internet.interfaces import IReactorProcess, IReactorTCP
from twisted.internet.protocol import (
    Factory,
    ProcessProtocol,
    Protocol,
    connectionDone,
)
from twisted.internet.task import deferLater
from twisted.python.failure import Failure

# What a test may wait for before it counts as hung, in seconds.
PATIENCE = 30.0

T = TypeVar("T")

TWISTD = [
    sys.executable,
    "-c",
    "from twisted.scripts.twistd import run; run()",
    "--nodaemon",
    "--pidfile=",
    "gearman",
]
TXGEARMAN = [
    sys.executable,
    "-c",
    "from txgearman.scripts.gearman import main; main()",
]
TXGEARADMIN = [
    sys.executable,
    "-c",
    "from txgearman.scripts.admin import main; main()",
]


def requireAll(present: Mapping[str, bool]) -> None:
    """
    Skip the test when something it needs is absent; fail instead when
    C{TXGEARMAN_REQUIRE_PEERS=1}, as in CI.

    @param present: whether each thing is there, by the name a user would
        look for.
    """
    missing = [name for name, there in present.items() if not there]
    if not missing:
        return
    message = f"not installed: {', '.join(missing)}"
    if os.environ.get("TXGEARMAN_REQUIRE_PEERS") == "1":
        pytest.fail(message)
    pytest.skip(message)


def requirePeer(*programs: str) -> None:
    """
    Require foreign programs, as L{requireAll} does.
    """
    requireAll({program: shutil.which(program) is not None for program in programs})


def freePort() -> int:
    """
    @return: a TCP port that nobody listened on a moment ago, on loopback.
    """
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


async def pause(seconds: float) -> None:
    """
    Give real processes time; never used where something can be awaited.
    """
    await deferLater(reactor, seconds)


async def until(
    condition: Callable[[], bool], what: str, patience: float = PATIENCE
) -> None:
    """
    Wait until C{condition()} is true.

    @raise AssertionError: naming C{what}, when it never is.
    """
    waited = 0.0
    while not condition():
        if waited > patience:
            raise AssertionError(f"never happened: {what}")
        await pause(0.02)
        waited += 0.02


async def together(*things: Coroutine[Deferred[object], object, T]) -> list[T]:
    """
    Await several things at once, all of them to their ends.

    @raise Exception: the first of theirs.
    """
    waiting = [Deferred.fromCoroutine(thing) for thing in things]
    results = await DeferredList(waiting, consumeErrors=True)
    for _, result in results:
        if isinstance(result, Failure):
            result.raiseException()
    return [result for _, result in results]


@define(eq=False)
class Child(ProcessProtocol):
    """
    A child process whose output is gathered.

    @ivar output: what it wrote to stdout, bytes.
    @ivar errors: what it wrote to stderr, bytes.
    @ivar status: its exit status once it ended; negative for a signal.
    @ivar pid: its process id, which it keeps when it has ended.
    """

    output: bytes = b""
    errors: bytes = b""
    status: int | None = None
    pid: int = 0
    _waiting: list[Deferred[None]] = field(factory=list)

    def connectionMade(self) -> None:
        # The transport forgets it, maybe before whoever starts the child can ask.
        assert self.transport is not None
        self.pid = self.transport.pid

    def outReceived(self, data: bytes) -> None:
        self.output += data

    def errReceived(self, data: bytes) -> None:
        self.errors += data

    def processEnded(self, reason: Failure) -> None:
        if isinstance(reason.value, ProcessTerminated):
            number: int | None = reason.value.signal
            self.status = reason.value.exitCode if number is None else -number
        else:
            self.status = 0
        waiting, self._waiting = self._waiting, []
        for waiter in waiting:
            waiter.callback(None)

    def write(self, data: bytes) -> None:
        """
        Write C{data} to the child's stdin.
        """
        assert self.transport is not None
        self.transport.write(data)

    def closeStdin(self) -> None:
        """
        Let the child read the end of its stdin.
        """
        assert self.transport is not None
        self.transport.closeStdin()

    def signal(self, number: int) -> None:
        """
        Send the child a signal, if it still runs.
        """
        if self.status is None:
            os.kill(self.pid, number)

    async def ended(self, patience: float = PATIENCE) -> int:
        """
        Wait for the child to end.

        @return: its exit status; negative for a signal.
        @raise TimeoutError: when it does not end; it is killed then.
        """
        if self.status is None:
            waiter: Deferred[None] = Deferred()
            self._waiting.append(waiter)
            waiter.addTimeout(patience, reactor)
            try:
                await waiter
            except BaseException:
                self.signal(signal.SIGKILL)
                raise
        assert self.status is not None
        return self.status


def spawn(
    arguments: Sequence[str],
    *,
    env: Mapping[str, str] | None = None,
    cwd: str | None = None,
    stdin: bytes | None = None,
    terminal: bool = False,
) -> Child:
    """
    Start a child process.

    @param arguments: the program, looked up in C{PATH}, and its arguments.
    @param env: environment variables beside this process's own.
    @param stdin: all of its stdin; L{None} leaves it open for L{Child.write}.
    @param terminal: whether it has a terminal for its stdin, stdout and stderr.
    """
    program = shutil.which(arguments[0])
    assert program is not None, f"no program {arguments[0]}"
    child = Child()
    processes: IReactorProcess = reactor
    processes.spawnProcess(
        child,
        program,
        arguments,
        {**os.environ, **(env or {})},
        cwd,
        usePTY=terminal,
    )
    if stdin is not None:
        child.write(stdin)
        child.closeStdin()
    return child


class _Probe(Protocol):
    """
    Asks a job server something, and leaves when it has answered.
    """

    def __init__(self) -> None:
        self.over: Deferred[None] = Deferred()

    def connectionMade(self) -> None:
        assert self.transport is not None
        self.transport.write(b"version\r\n")

    def dataReceived(self, data: bytes) -> None:
        assert self.transport is not None
        self.transport.loseConnection()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.over.callback(None)


async def listening(port: int, child: Child, patience: float = PATIENCE) -> None:
    """
    Wait until a job server answers on a loopback port: wherever else it is to listen,
    it does then. That it accepts connections would not say that.
    """
    tcp: IReactorTCP = reactor
    endpoint = TCP4ClientEndpoint(tcp, "127.0.0.1", port)
    waited = 0.0
    while True:
        try:
            probe = await endpoint.connect(Factory.forProtocol(_Probe))
        except ConnectError:
            if child.status is not None or waited > patience:
                raise AssertionError(
                    f"no server: {child.output!r} {child.errors!r}"
                ) from None
            await pause(0.02)
            waited += 0.02
        else:
            assert isinstance(probe, _Probe)
            probe.over.addTimeout(patience, reactor)
            await probe.over
            return


@define
class JobServer:
    """
    A job server in a child process.

    @ivar kind: C{"txgearman"} or C{"gearmand"}.
    @ivar port: the loopback port it listens on.
    """

    kind: str
    port: int
    child: Child

    async def stop(self) -> None:
        """
        End it. Ours is asked to; gearmand is not, since on a machine with much to do
        it may hang then, and has nothing to lose.
        """
        foreign = self.kind == "gearmand"
        self.child.signal(signal.SIGKILL if foreign else signal.SIGTERM)
        await self.child.ended()


async def startServer(
    kind: str, *options: str, port: int | None = None, cwd: str | None = None
) -> JobServer:
    """
    Start a job server on loopback.

    @param kind: C{"txgearman"} for ours, C{"gearmand"} for Debian's.
    @param options: command-line options beside the port and the address.
    @param cwd: an empty folder of the test's own.
    """
    number = freePort() if port is None else port
    where = [f"--port={number}", "--listen=127.0.0.1", *options]
    if kind == "gearmand":
        requirePeer("gearmand")
        # With more threads than one, the thread that keeps a connection's timers
        # is not told of a job's timeout that another one sets a moment too late.
        arguments = ["gearmand", "--log-file=stderr", "--threads=1", *where]
    else:
        arguments = [*TWISTD, *where]
    child = spawn(arguments, cwd=cwd)
    await listening(number, child)
    return JobServer(kind, number, child)
