"""
Foreign clients and workers, as the functional tests run them: the programs
beside this file, what they need, and the means to watch them at work.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import suppress
from functools import cache
from pathlib import Path
from subprocess import DEVNULL, run
from typing import Any, TypeVar

import pytest_twisted
from attrs import define, field, frozen
from twisted.internet.defer import Deferred

from tests.functional.processes import (
    PATIENCE,
    Child,
    pause,
    requireAll,
    requirePeer,
    spawn,
)
from tests.functional.raw import connect

PROGRAMS = Path(__file__).parent

T = TypeVar("T")

SERVERS = ["gearmand", "txgearman"]


@cache
def _works(*arguments: str) -> bool:
    if shutil.which(arguments[0]) is None:
        return False
    return run(arguments, stdout=DEVNULL, stderr=DEVNULL, check=False).returncode == 0


def requirePhpGearman() -> None:
    """
    Require PHP's command line with its gearman and pcntl extensions.
    """
    requirePeer("php")
    check = "exit(extension_loaded('gearman') && extension_loaded('pcntl') ? 0 : 1);"
    requireAll({"php-gearman": _works("php", "-r", check)})


def requirePerlGearman() -> None:
    """
    Require Perl with Gearman::Client and Gearman::Worker.
    """
    requirePeer("perl")
    modules = ["-MGearman::Client", "-MGearman::Worker", "-MJSON::PP"]
    requireAll({"libgearman-client-perl": _works("perl", *modules, "-e", "1")})


def requireLibgearman() -> None:
    """
    Require a C compiler and libgearman's headers.
    """
    requirePeer("gcc")
    header = ["-include", "libgearman/gearman.h", "-x", "c", "/dev/null"]
    requireAll({"libgearman-dev": _works("gcc", "-fsyntax-only", *header)})


@define(eq=False)
class Peers:
    """
    Foreign programs of one test.

    @ivar folder: the folder they run in, of the test's own.
    """

    folder: Path
    _started: dict[int, Child] = field(factory=dict)

    def start(
        self,
        *arguments: str,
        env: Mapping[str, str] | None = None,
        stdin: bytes | None = b"",
    ) -> Child:
        """
        Start a program; it and whatever it forks end with the test at the latest.

        @param stdin: all of its stdin; L{None} leaves it open.
        """
        # A session of its own, so that killing its process group also reaches
        # the children of a program that was killed and could not end them.
        command = ["setsid", *arguments]
        child = spawn(command, env=env, cwd=str(self.folder), stdin=stdin)
        self._started[child.pid] = child
        return child

    async def run(
        self,
        *arguments: str,
        env: Mapping[str, str] | None = None,
        stdin: bytes | None = b"",
        status: int = 0,
    ) -> bytes:
        """
        Run a program to its end, which must be with exit status C{status}.

        @return: what it wrote to stdout.
        """
        child = self.start(*arguments, env=env, stdin=stdin)
        ended = await child.ended()
        assert ended == status, (arguments, ended, child.output, child.errors)
        return child.output

    async def report(self, *arguments: str) -> Any:
        """
        Run a program that writes JSON to stdout.

        @return: what the JSON stands for.
        """
        return json.loads(await self.run(*arguments))

    async def end(self) -> None:
        """
        Kill whatever still runs.
        """
        for group in self._started:
            with suppress(ProcessLookupError):
                os.killpg(group, signal.SIGKILL)
        for child in self._started.values():
            await child.ended()


def startingPeers(tmp_path: Path) -> Iterator[Peers]:
    """
    The fixture behind every C{peers}: programs that end with their test.
    """
    peers = Peers(tmp_path)
    yield peers
    pytest_twisted.blockon(Deferred.fromCoroutine(peers.end()))


def linesOf(path: Path) -> list[str]:
    """
    @return: the lines of a file; none when there is no file.
    """
    return path.read_text().splitlines() if path.exists() else []


async def adminTable(port: int, command: bytes) -> list[bytes]:
    """
    Send an admin command over a connection of its own.

    @return: the lines of the table it answers with.
    """
    peer = await connect(port)
    peer.write(command + b"\n")
    lines = await peer.table()
    peer.close()
    return lines


@frozen
class Counts:
    """
    A function's row of the C{status} table.

    @ivar total: how many jobs it has, running ones included.
    """

    total: int
    running: int
    workers: int


async def functionCounts(port: int) -> dict[str, Counts]:
    """
    Ask for the C{status} table.

    @return: its rows by function.
    """
    rows = {}
    for line in await adminTable(port, b"status"):
        name, *counts = line.decode().rsplit("\t", 3)
        rows[name] = Counts(*map(int, counts))
    return rows


async def untilAnswered(
    ask: Callable[[], Awaitable[T]], wanted: Callable[[T], bool], what: str
) -> T:
    """
    Ask until the answer is one that is wanted.

    @return: that answer.
    @raise AssertionError: naming C{what} and the last answer, when none is.
    """
    waited = 0.0
    while not wanted(answer := await ask()):
        if waited > PATIENCE:
            raise AssertionError(f"never happened: {what}, but {answer}")
        await pause(0.02)
        waited += 0.02
    return answer


async def untilCounted(
    port: int, function: str, wanted: Callable[[Counts], bool], what: str
) -> None:
    """
    Wait until a function's counts are those that are wanted.
    """

    async def ask() -> Counts:
        return (await functionCounts(port)).get(function, Counts(0, 0, 0))

    await untilAnswered(ask, wanted, f"{what} of {function}")


async def untilServed(port: int, function: str, workers: int = 1) -> None:
    """
    Wait until a function has exactly so many workers.
    """
    await untilCounted(
        port, function, lambda row: row.workers == workers, f"{workers} workers"
    )


async def untilRunning(port: int, function: str, jobs: int = 1) -> None:
    """
    Wait until exactly so many jobs of a function run.
    """
    await untilCounted(
        port, function, lambda row: row.running == jobs, f"{jobs} running jobs"
    )


async def untilDone(port: int, function: str) -> None:
    """
    Wait until a function has no jobs.
    """
    await untilCounted(port, function, lambda row: row.total == 0, "the last job")


async def untilAwaited(port: int, unique: bytes, clients: int) -> None:
    """
    Wait until exactly so many clients wait for the job with a unique.
    """
    peer = await connect(port)

    async def ask() -> bytes:
        peer.send("GET_STATUS_UNIQUE", unique)
        return (await peer.expect("STATUS_RES_UNIQUE")).arguments[-1]

    await untilAnswered(
        ask, lambda count: count == b"%d" % clients, f"{clients} clients"
    )
    peer.close()


async def untilAlone(port: int) -> None:
    """
    Wait until the server has taken leave of everybody else.
    """

    async def ask() -> list[bytes]:
        return await adminTable(port, b"workers")

    await untilAnswered(ask, lambda rows: len(rows) == 1, "nobody else")
