"""
The job servers that are compared: how each is started, and on what port.
"""

from __future__ import annotations

import shlex
import shutil
import socket
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from attrs import frozen

from benchmarks.errors import BenchmarkError, ServerLost
from benchmarks.processes import Tree, running

LOOPBACK: Final = "127.0.0.1"

PATIENCE: Final = 30.0
"""How long a server may take until it listens, in seconds."""


@frozen
class Server:
    """
    A job server that can be started.

    @ivar name: what the tables call it.
    @ivar command: its program and arguments; in them C{{port}} stands for the
        port and C{{folder}} for an empty folder.
    @ivar durable: whether it keeps its jobs on a disk.
    """

    name: str
    command: Sequence[str]
    durable: bool = False

    @classmethod
    def parse(cls, text: str, durable: bool = False) -> Server:
        """
        @param text: C{NAME=COMMAND}, the command as a shell would read it.
        @raise ValueError: for anything else.
        """
        name, _, command = text.partition("=")
        words = shlex.split(command)
        if not (name and words):
            raise ValueError(f"{text!r} is not NAME=COMMAND")
        return cls(name, words, durable)

    @property
    def installed(self) -> bool:
        """
        Whether its program is there.
        """
        return shutil.which(self.command[0]) is not None


_WHERE: Final = ["--listen=127.0.0.1", "--port={port}", "--backlog=4096"]
_GEARMAND: Final = ["gearmand", "--log-file=stderr", *_WHERE]
_TWISTD: Final = "from twisted.scripts.twistd import run; run()"
_OURS: Final = [
    *[sys.executable, "-c", _TWISTD, "--nodaemon", "--pidfile="],
    "gearman",
    *_WHERE,
]

SERVERS: Final = (
    Server("gearmand", _GEARMAND),
    Server("txgearman", _OURS),
    Server(
        "txgearman-sqlite",
        [*_OURS, "--store=sqlite:{folder}/jobs.db"],
        durable=True,
    ),
    Server(
        "gearmand-sqlite",
        [
            *_GEARMAND,
            "--queue-type=libsqlite3",
            "--libsqlite3-db={folder}/queue.db",
        ],
        durable=True,
    ),
)
"""
The servers that are known by name. The first one is what others are compared
with.
"""


@frozen
class RunningServer:
    """
    A job server that listens.

    @ivar tree: its process, with all that this started.
    """

    server: Server
    port: int
    tree: Tree

    def check(self, error: Exception) -> Exception:
        """
        @return: that error, or a better one when the server has died.
        """
        if self.tree.alive:
            return error
        return ServerLost(
            f"{self.server.name} ended with status {self.tree.process.returncode}: "
            f"{self.tree.said() or 'it said nothing'}"
        )


def _freePort() -> int:
    with socket.create_server((LOOPBACK, 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


def _awaitListening(port: int, tree: Tree, name: str) -> None:
    until = time.monotonic() + PATIENCE
    while True:
        try:
            socket.create_connection((LOOPBACK, port), 1.0).close()
        except OSError:
            if not tree.alive or time.monotonic() > until:
                said = tree.said() or "it said nothing"
                raise BenchmarkError(f"{name} does not listen: {said}") from None
            time.sleep(0.02)
        else:
            return


@contextmanager
def started(server: Server) -> Iterator[RunningServer]:
    """
    Run a job server; it ends with the block, and its folder is gone.

    @raise BenchmarkError: when it does not listen.
    @raise ServerLost: instead of any L{BenchmarkError} of the block, when the
        server has died.
    """
    port = _freePort()
    with tempfile.TemporaryDirectory(prefix="benchmark.") as folder:
        command = [
            word.replace("{port}", str(port)).replace("{folder}", folder)
            for word in server.command
        ]
        with running(command, Path(folder)) as tree:
            _awaitListening(port, tree, server.name)
            yielded = RunningServer(server, port, tree)
            try:
                yield yielded
            except BenchmarkError as error:
                raise yielded.check(error) from error
