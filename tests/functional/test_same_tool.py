"""
C{txgearman} beside C{gearman}: the same command lines do the same, or the
difference is one of those in C{docs/tools.md}.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import pytest_twisted
from attrs import define
from twisted.internet import reactor
from twisted.internet.defer import Deferred

from tests.functional.fleet import reverse
from tests.functional.peers import SERVERS, Peers, startingPeers, untilServed
from tests.functional.processes import (
    TXGEARMAN,
    Child,
    JobServer,
    freePort,
    requirePeer,
    startServer,
    together,
)
from tests.functional.toolcases import ANSWERS, CLIENTS, WORKERS, Case, Run
from txgearman.errors import JobFailed
from txgearman.worker.job import RunningJob
from txgearman.worker.worker import Worker

DIFFERENCES = Path(__file__).parents[2] / "docs" / "tools.md"

# What these many processes do is covered by other tests; measuring it would take
# longer than doing it.
UNMEASURED = {"COVERAGE_PROCESS_CONFIG": "", "COVERAGE_PROCESS_START": ""}

TOOLS = {"gearman": ["gearman"], "txgearman": TXGEARMAN}

peers = pytest.fixture(startingPeers)


def data(job: RunningJob[bytes]) -> bytes:
    """
    Send everything that can be sent.
    """
    job.sendData(b"first")
    job.sendData(b"second\n")
    job.sendWarning(b"careful\n")
    return b"result\n"


def progress(job: RunningJob[bytes]) -> bytes:
    """
    Report progress.
    """
    for numerator, denominator in (1, 4), (1, 3), (7, 4):
        job.sendStatus(numerator, denominator)
    return b"done"


def strange(job: RunningJob[bytes]) -> bytes:
    """
    Report progress that is none.
    """
    job.sendStatus(1, 0)
    return b"done"


def failing(job: RunningJob[bytes]) -> bytes:
    """
    Fail after a while.
    """
    job.sendData(b"partial")
    raise JobFailed


def raising(job: RunningJob[bytes]) -> bytes:
    """
    Fail with an exception.
    """
    job.exception(b"this is beyond me")
    return b""


def register(worker: Worker[bytes]) -> None:
    """
    Let a worker do what clients are tried with.
    """
    worker.register("reverse", reverse)
    worker.register("size", lambda job: b"%d\n" % len(job.data))
    worker.register("empty", lambda job: b"")
    worker.register("unique", lambda job: b"|".join((job.unique, job.data, b"")))
    worker.register("data", data)
    worker.register("progress", progress)
    worker.register("strange", strange)
    worker.register("fail", failing)
    worker.register("raise", raising)


@define
class Stage:
    """
    A job server, and a worker for the clients.
    """

    server: JobServer
    worker: Worker[bytes]

    @classmethod
    async def opens(cls, kind: str, folder: Path) -> Stage:
        """
        Start a server of a kind.
        """
        server = await startServer(kind, cwd=str(folder))
        worker = Worker(reactor, f"127.0.0.1:{server.port}")
        register(worker)
        worker.startService()
        await untilServed(server.port, "raise")
        return cls(server, worker)

    async def closes(self) -> None:
        """
        End both.
        """
        await self.worker.stopService()
        await self.server.stop()


@pytest.fixture(scope="module")
def stages(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Stage]]:
    """
    A stage for each kind of server, for all cases.
    """
    requirePeer("gearman")
    opening = [Stage.opens(kind, tmp_path_factory.mktemp("server")) for kind in SERVERS]
    stages = pytest_twisted.blockon(Deferred.fromCoroutine(together(*opening)))
    yield stages
    closing = [stage.closes() for stage in stages]
    pytest_twisted.blockon(Deferred.fromCoroutine(together(*closing)))


def cleaned(case: Case, output: bytes) -> bytes:
    """
    Leave out what no two runs share: handles, and uniques that are random.
    """
    output = re.sub(rb"H:\S+:\d+", b"HANDLE", output)
    output = re.sub(rb"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", b"UUID", output)
    if case.unordered:
        output = b"".join(sorted(output.splitlines(keepends=True)))
    return output


def words(case: Case, server: JobServer, dead: int) -> tuple[list[str], dict[str, str]]:
    """
    Fill in the ports.

    @return: the arguments, and what the environment has beside this one's.
    """

    def filled(text: str) -> str:
        return text.replace("{port}", str(server.port)).replace("{dead}", str(dead))

    where = [] if case.anywhere else ["-h", "127.0.0.1", "-p", str(server.port)]
    environment = {key: filled(value) for key, value in case.environment.items()}
    return [*where, *map(filled, case.arguments)], environment


async def ended(case: Case, child: Child) -> Run:
    """
    Wait for the end of a tool.
    """
    status = await child.ended()
    return Run(cleaned(case, child.output), bool(child.errors), status)


async def playClient(tool: str, case: Case, server: JobServer, peers: Peers) -> Run:
    """
    Run a client.
    """
    arguments, environment = words(case, server, freePort())
    child = peers.start(
        *TOOLS[tool], *arguments, env={**UNMEASURED, **environment}, stdin=case.stdin
    )
    return await ended(case, child)


async def playWorker(
    tool: str, case: Case, server: JobServer, peers: Peers
) -> tuple[Run, list[Run]]:
    """
    Run a worker, and send it jobs.

    @return: what came of it, and of C{gearman} as its client.
    """
    arguments, _ = words(case, server, freePort())
    worker = peers.start(*TOOLS[tool], *arguments, env=UNMEASURED)
    await untilServed(server.port, "work")
    client = ["gearman", "-h", "127.0.0.1", "-p", str(server.port), "-f", "work"]
    answers = []
    for workload in case.workloads:
        answers.append(await ended(case, peers.start(*client, stdin=workload)))
    run = await ended(case, worker)
    await untilServed(server.port, "work", 0)
    return run, answers


def similar(ours: Run, expected: Run | None) -> bool:
    """
    Did our tool do what is said of it? Of its help, the first word is said.
    """
    if expected == Run(b"usage"):
        ours = Run(ours.output[:5], ours.complained, ours.status)
    return ours == expected


def asDeclared(case: Case, kind: str) -> bool:
    """
    Does a case differ on a kind of server?
    """
    return case.ours is not None and case.differsOn in ("", kind)


async def compareClients(server: JobServer, peers: Peers, case: Case) -> None:
    """
    Run both tools as clients.
    """
    theirs, ours = await together(
        playClient("gearman", case, server, peers),
        playClient("txgearman", case, server, peers),
    )
    if asDeclared(case, server.kind):
        assert theirs != case.ours, "declared to differ, but the same"
        assert similar(ours, case.ours), ours
    else:
        assert ours == theirs


async def compareWorkers(server: JobServer, peers: Peers, case: Case) -> None:
    """
    Run both tools as workers, one after the other.
    """
    theirs = await playWorker("gearman", case, server, peers)
    ours = await playWorker("txgearman", case, server, peers)
    if asDeclared(case, server.kind):
        expected = (case.ours, [ANSWERS[case.name]])
        assert theirs != expected, "declared to differ, but the same"
        assert ours == expected
    else:
        assert ours == theirs


@pytest.mark.parametrize("case", CLIENTS, ids=lambda case: case.name)
@pytest_twisted.ensureDeferred
async def test_client(stages: list[Stage], peers: Peers, case: Case) -> None:
    """
    As a client it writes the same to stdout, complains when the other does, and
    ends with the same exit status.
    """
    await together(*(compareClients(stage.server, peers, case) for stage in stages))


@pytest.mark.parametrize("case", WORKERS, ids=lambda case: case.name)
@pytest_twisted.ensureDeferred
async def test_worker(stages: list[Stage], peers: Peers, case: Case) -> None:
    """
    As a worker too, and its clients get the same.
    """
    await together(*(compareWorkers(stage.server, peers, case) for stage in stages))


def test_everyDifferenceIsListed() -> None:
    """
    The rows of the table of differences are those that cases show.
    """
    differences = DIFFERENCES.read_text("utf-8").partition("\n## ")[0]
    listed = re.findall(r"^\| `([^`]+)` \|", differences, re.M)
    assert len(listed) == len(set(listed))
    shown = {case.differs for case in [*CLIENTS, *WORKERS] if case.differs}
    assert set(listed) == shown


def test_everyDifferenceIsShown() -> None:
    """
    A case that differs says what txgearman does, and no other one does.
    """
    for case in [*CLIENTS, *WORKERS]:
        assert bool(case.differs) == (case.ours is not None), case.name
