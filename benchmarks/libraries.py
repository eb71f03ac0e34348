"""
The group C{libraries}: clients and workers side by side.
"""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Final

from attrs import frozen

from benchmarks.errors import BenchmarkError, Stalled
from benchmarks.load import Client, Load, foreground
from benchmarks.processes import Tree, running
from benchmarks.results import Figures, Table
from benchmarks.scenes import SMALL, drain
from benchmarks.servers import LOOPBACK, RunningServer
from benchmarks.stage import Stage

PEERS: Final = Path(__file__).with_name("peers")

PATIENCE: Final = 120.0
"""How long a client may take, in seconds."""

ANSWERING: Final = 4
"""How many workers answer a client."""

AT_ONCE: Final = 16
"""How many jobs each of them asks for at once, where a client has many under way."""


@frozen
class Library:
    """
    A library whose client and worker are compared.

    @ivar program: what runs its program.
    @ivar check: what runs well where it is installed.
    """

    name: str
    program: Sequence[str]
    check: Sequence[str]

    @property
    def installed(self) -> bool:
        """
        Whether it is there.
        """
        if shutil.which(self.check[0]) is None:
            return False
        return subprocess.run(self.check, capture_output=True).returncode == 0


TXGEARMAN: Final = Library(
    "txgearman",
    [sys.executable, str(PEERS / "with_txgearman.py")],
    [sys.executable, "-c", "import txgearman"],
)
GEAR: Final = Library(
    "gear",
    [sys.executable, str(PEERS / "with_gear.py")],
    [sys.executable, "-c", "import gear"],
)
PHP: Final = Library(
    "php",
    ["php", str(PEERS / "with_php.php")],
    ["php", "-r", "exit(extension_loaded('gearman') ? 0 : 1);"],
)
LIBRARIES: Final = (GEAR, PHP, TXGEARMAN)

_BACKGROUND: Final = "background, many at once"
_FOREGROUND: Final = "foreground, many at once"
_WORKER: Final = "worker, 64 jobs waiting"


@frozen
class Contestant:
    """
    A library, used in one way.

    @ivar case: what it takes part in.
    @ivar name: what the tables call it.
    @ivar way: what its program calls the way.
    @ivar jobs: how many jobs it does.
    """

    case: str
    name: str
    library: Library
    way: str
    jobs: int

    @property
    def inBackground(self) -> bool:
        """
        Whether nobody waits for the results.
        """
        return self.way.startswith("background")


def _each(case: str, way: str, jobs: int) -> list[Contestant]:
    return [Contestant(case, library.name, library, way, jobs) for library in LIBRARIES]


CLIENTS: Final = [
    *_each("foreground, one at a time", "callEach", 2_500),
    *_each(_FOREGROUND, "callMany", 10_000),
    Contestant(_FOREGROUND, "txgearman, map", TXGEARMAN, "callAtOnce", 10_000),
    *_each("background, one at a time", "backgroundEach", 2_500),
    *_each(_BACKGROUND, "backgroundMany", 20_000),
    Contestant(
        _BACKGROUND, "txgearman, each awaited", TXGEARMAN, "backgroundAtOnce", 20_000
    ),
]
WORKERS: Final = [
    *_each(_WORKER, "one", 10_000),
    Contestant(_WORKER, "gear, as it comes", GEAR, "asItComes", 100),
    Contestant(_WORKER, "txgearman, 16 at once", TXGEARMAN, "several", 10_000),
]
PAIRS: Final = _each("client with its own worker, one at a time", "callEach", 2_500)


def play(stage: Stage) -> None:
    """
    Play all libraries through each server.
    """
    present = [library for library in LIBRARIES if library.installed]
    for library in LIBRARIES:
        if library not in present:
            stage.leaveOut(f"{library.name} is left out: it is not installed")
    references = [library.name for library in present if library is not TXGEARMAN]
    table = stage.table("libraries", "Clients and workers", references)

    def scene(server: RunningServer) -> None:
        with tempfile.TemporaryDirectory(prefix="benchmark.") as name:
            trial = Trial(stage, server, Path(name), table)
            trial.clients([each for each in CLIENTS if each.library in present])
            for contestant in WORKERS:
                if contestant.library in present:
                    trial.worker(contestant)
            for contestant in PAIRS:
                if contestant.library in present:
                    trial.pair(contestant)

    stage.inTurn("libraries", stage.volatile, scene)


@frozen
class Trial:
    """
    All libraries, on one server, once.

    @ivar folder: a folder for what programs print.
    """

    stage: Stage
    server: RunningServer
    folder: Path
    table: Table

    def _add(self, contestant: Contestant, figures: Figures) -> None:
        case = f"{contestant.case}, through {self.server.server.name}"
        self.table.add(case, contestant.name, figures)

    def clients(self, contestants: Sequence[Contestant]) -> None:
        """
        Have clients submit jobs: to workers on plain sockets, which are the same
        for all of them, or to a queue.
        """
        for contestant in contestants:
            if contestant.inBackground:
                self._add(contestant, self._submitted(contestant))
                drain(self.server, self.stage.amount(contestant.jobs))
                continue
            with self._answering(AT_ONCE if contestant.case == _FOREGROUND else 1):
                self._add(contestant, self._submitted(contestant))

    def _answering(self, atOnce: int) -> AbstractContextManager[Tree]:
        """
        Have workers on plain sockets answer clients.

        @param atOnce: how many jobs each asks for at once: what they do must not be
            what clients wait for.
        """
        words = map(str, (self.server.port, ANSWERING, atOnce))
        command = [sys.executable, "-m", "benchmarks.answering", *words]
        return self._working(command, ANSWERING)

    def worker(self, contestant: Contestant) -> None:
        """
        Have a worker do jobs of a client on a plain socket.
        """
        jobs = self.stage.amount(contestant.jobs)
        with (
            self._working(self._command(contestant, "worker")) as tree,
            Load(self.server.port, requests=jobs) as load,
        ):
            client = Client(load, foreground(SMALL, 64))
            before = tree.cpu()
            client.start()
            seconds = load.run(jobs)
            cpu = tree.cpu() - before
        self._add(contestant, {"done": jobs / seconds, "doneCpu": cpu / jobs * 1e6})

    def pair(self, contestant: Contestant) -> None:
        """
        Have a client call a worker of its own library.
        """
        with self._working(self._command(contestant, "worker", "one")):
            self._add(contestant, self._submitted(contestant))

    def _submitted(self, contestant: Contestant) -> Figures:
        jobs = self.stage.amount(contestant.jobs)
        command = [*self._command(contestant, "client"), str(jobs)]
        with running(command, self.folder) as tree:
            try:
                status = tree.process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                raise Stalled(f"{contestant.name}, {contestant.way}: no end") from None
            said = tree.said()
        if status:
            raise BenchmarkError(f"{contestant.name}, {contestant.way}: {said}")
        cost = json.loads(said)
        return {"calls": jobs / cost["seconds"], "callCpu": cost["cpu"] / jobs * 1e6}

    def _command(self, contestant: Contestant, part: str, way: str = "") -> list[str]:
        port = str(self.server.port)
        return [*contestant.library.program, part, port, way or contestant.way]

    @contextmanager
    def _working(self, command: Sequence[str], workers: int = 1) -> Iterator[Tree]:
        """
        Run workers, from when the server knows of all of them until it knows of
        none.
        """
        with tempfile.TemporaryDirectory(prefix="benchmark.") as folder:
            with running(command, Path(folder)) as tree:
                self._await(workers, tree)
                yield tree
            self._await(0, tree)

    def _await(self, workers: int, tree: Tree) -> None:
        until = time.monotonic() + 30.0
        while _workersAt(self.server.port) != workers:
            if time.monotonic() > until:
                raise Stalled(f"there are not {workers} workers: {tree.said()}")
            time.sleep(0.02)


def _workersAt(port: int) -> int:
    """
    Ask a server how many workers can do the function.
    """
    with socket.create_connection((LOOPBACK, port), 10.0) as connection:
        connection.sendall(b"status\n")
        said = b""
        while not said.endswith(b".\n"):
            chunk = connection.recv(65536)
            if not chunk:
                raise BenchmarkError("the server closed an admin connection")
            said += chunk
    for line in said.splitlines()[:-1]:
        name, *_, workers = line.split(b"\t")
        if name == b"load":
            return int(workers)
    return 0
