"""
Perl's Gearman::Client and Gearman::Worker.
"""

from __future__ import annotations

import json
import os
import re
import signal
from pathlib import Path
from typing import Any

import pytest
import pytest_twisted

from tests.functional.conftest import Starter
from tests.functional.peers import (
    PROGRAMS,
    SERVERS,
    Peers,
    adminTable,
    linesOf,
    requirePerlGearman,
    startingPeers,
    untilAlone,
    untilDone,
    untilRunning,
    untilServed,
)
from tests.functional.processes import Child, JobServer, until
from tests.functional.raw import connect

peers = pytest.fixture(startingPeers)

eachServer = pytest.mark.parametrize("kind", SERVERS)

WORKER = str(PROGRAMS / "worker.pl")
CLIENT = str(PROGRAMS / "client.pl")


async def start(servers: Starter, kind: str) -> JobServer:
    """
    Start a job server for Perl.
    """
    requirePerlGearman()
    return await servers(kind)


async def startWorkers(peers: Peers, server: JobServer, count: int = 1) -> list[Child]:
    """
    Start workers with the ids C{perl-1} and so on, all of them registered.
    """
    workers = [
        peers.start("perl", WORKER, str(server.port), f"perl-{number}")
        for number in range(1, count + 1)
    ]
    # The last function that a worker registers.
    await untilServed(server.port, "write", count)
    return workers


async def play(peers: Peers, server: JobServer, scene: str) -> Any:
    """
    Run the client.

    @return: its report.
    """
    client = ["perl", CLIENT, str(server.port), scene, str(peers.folder)]
    return await peers.report(*client)


@eachServer
@pytest_twisted.ensureDeferred
async def test_calls(servers: Starter, peers: Peers, tmp_path: Path, kind: str) -> None:
    """
    Jobs of every priority are done, in the foreground and in the background.
    """
    server = await start(servers, kind)
    await startWorkers(peers, server)
    seen = await play(peers, server, "calls")
    handles = seen.pop("handles")
    assert len(set(handles)) == 3
    where = re.escape(f"127.0.0.1:{server.port}")
    assert all(re.fullmatch(f"{where}//H:.+:[0-9]+", each) for each in handles)
    assert seen == {
        "normal": "eno",
        "high": "owt",
        "low": "eerht",
        "unique": "ruof",
        "merged": "evif",
        "failed": None,
        "bytes": "same",
    }
    await untilDone(server.port, "write")
    assert sorted(linesOf(tmp_path / "written")) == ["high", "low", "normal"]


@eachServer
@pytest_twisted.ensureDeferred
async def test_tasks(servers: Starter, peers: Peers, kind: str) -> None:
    """
    Each task of a set gets its own callbacks, in order; one that fails is
    retried as often as it asked for.
    """
    server = await start(servers, kind)
    await startWorkers(peers, server)
    assert await play(peers, server, "tasks") == {
        "reverse": ["complete cba"],
        "chatty": [
            "status 1/4",
            "data first ",
            "warning careful",
            "status 4/4",
            "complete done",
        ],
        "fails": ["fail "],
        "retried": ["retry 1", "retry 2", "fail "],
    }


@eachServer
@pytest_twisted.ensureDeferred
async def test_life(servers: Starter, peers: Peers, kind: str) -> None:
    """
    A worker shows its id, learns how its jobs ended, drops a function, and
    leaves when it wants.
    """
    server = await start(servers, kind)
    (worker,) = await startWorkers(peers, server)
    rows = [
        line.decode().split(" ", 3)[1:]
        for line in await adminTable(server.port, b"workers")
        if b" perl-1 :" in line
    ]
    ((address, identity, functions),) = rows
    assert (address, identity) == ("127.0.0.1", "perl-1")
    assert len(functions.removeprefix(":").split()) == 14
    await play(peers, server, "tasks")
    await play(peers, server, "drop")
    await untilServed(server.port, "spare", 0)
    assert await play(peers, server, "quit") == ["bye"]
    assert await worker.ended() == 0, worker.errors
    log = worker.output.decode().split("\n")
    assert sorted(log) == sorted(
        [
            "",
            *(f"start {number}" for number in range(1, 9)),
            *(f"complete {number}" for number in (1, 2, 7, 8)),
            *(f"fail {number}" for number in (3, 4, 5, 6)),
        ]
    )
    await untilServed(server.port, "reverse", 0)


@pytest.mark.parametrize("kind", ["txgearman"])
@pytest_twisted.ensureDeferred
async def test_dying(servers: Starter, peers: Peers, kind: str) -> None:
    """
    A job that dies is an exception to clients that asked for exceptions and a
    failure to others, and its worker does the next job. (gearmand answers the
    worker's WORK_FAIL after WORK_EXCEPTION with an ERROR, of which it dies.)
    """
    server = await start(servers, kind)
    (worker,) = await startWorkers(peers, server)
    assert await play(peers, server, "dying") == {
        "0": ["fail ", str(worker.pid)],
        "1": ["exception what went wrong\n", str(worker.pid)],
    }
    assert worker.status is None
    await untilDone(server.port, "dies")


@pytest.mark.parametrize("kind", ["txgearman"])
@pytest_twisted.ensureDeferred
async def test_emptyResult(servers: Starter, peers: Peers, kind: str) -> None:
    """
    A job may have an empty result, which a Perl worker sends as a handle
    without its NUL. (gearmand waits for ever for that NUL.)
    """
    server = await start(servers, kind)
    await startWorkers(peers, server)
    assert await play(peers, server, "empty") == ["", "perl-1"]


@eachServer
@pytest_twisted.ensureDeferred
async def test_status(servers: Starter, peers: Peers, kind: str) -> None:
    """
    The status of a background job is known while it runs and not after. A
    client may send text commands between its jobs on one connection.
    """
    server = await start(servers, kind)
    await startWorkers(peers, server)
    assert await play(peers, server, "status") == {
        "running": ["1", "1", "3", "7"],
        "done": ["0", "0", "0", "0"],
    }
    row = {"queued": "0", "running": "0", "capable": "1"}
    assert await play(peers, server, "admin") == ["cba", row, "cba", row]


@pytest.mark.parametrize("kind", ["txgearman"])
@pytest_twisted.ensureDeferred
async def test_tables(
    servers: Starter, peers: Peers, tmp_path: Path, kind: str
) -> None:
    """
    The commands C{jobs} and C{clients}, which a Perl client knows from Perl's
    own job server, say who runs a job and who waits for it. (gearmand does not
    have them.)
    """
    server = await start(servers, kind)
    await startWorkers(peers, server)
    held = peers.start("perl", CLIENT, str(server.port), "held", str(tmp_path))
    await untilRunning(server.port, "held")
    jobs, clients = await play(peers, server, "tables")
    worker = jobs["held"]["address"]
    assert re.fullmatch(r"127\.0\.0\.1:[0-9]+", worker)
    assert jobs == {"held": {"key": "held-1", "address": worker, "listeners": "1"}}
    assert clients.pop(worker) == {}
    # The client that waits, and the one that asks.
    waits = {"held": {"key": "held-1", "address": worker}}
    assert sorted(clients.values(), key=len) == [{}, waits]
    (tmp_path / "release").touch()
    assert await held.ended() == 0, held.errors
    assert json.loads(held.output) == ["released"]


@eachServer
@pytest_twisted.ensureDeferred
async def test_prefix(servers: Starter, peers: Peers, kind: str) -> None:
    """
    Workers and clients with a prefix share their functions with nobody else,
    although the prefix puts a tab into the functions' names.
    """
    server = await start(servers, kind)
    await startWorkers(peers, server)
    peers.start("perl", WORKER, str(server.port), "perl-prefix", "space")
    assert await play(peers, server, "prefix") == ["perl-prefix", "perl-1"]


@eachServer
@pytest_twisted.ensureDeferred
async def test_killedWorker(
    servers: Starter, peers: Peers, tmp_path: Path, kind: str
) -> None:
    """
    When a worker is killed in the middle of a job, another one does the job,
    be it a foreground or a background job.
    """
    server = await start(servers, kind)
    await startWorkers(peers, server, 2)
    stuck = tmp_path / "stuck"
    command = ["perl", CLIENT, str(server.port), "stuck", str(tmp_path)]
    client = peers.start(*command)
    await until(lambda: bool(linesOf(stuck)), "the job runs")
    os.kill(int(linesOf(stuck)[0]), signal.SIGKILL)
    assert await client.ended() == 0, client.errors
    assert json.loads(client.output) in (["perl-1"], ["perl-2"])
    assert len(set(linesOf(stuck))) == 2
    await untilServed(server.port, "stuckOnce", 1)

    stuck.unlink()
    peers.start("perl", WORKER, str(server.port), "perl-3")
    await untilServed(server.port, "write", 2)
    await play(peers, server, "alone")
    await until(lambda: bool(linesOf(stuck)), "the background job runs")
    os.kill(int(linesOf(stuck)[0]), signal.SIGKILL)
    await untilDone(server.port, "stuckOnce")
    assert len(set(linesOf(stuck))) == 2


@eachServer
@pytest_twisted.ensureDeferred
async def test_timedWorker(
    servers: Starter, peers: Peers, tmp_path: Path, kind: str
) -> None:
    """
    A job that outlasts the timeout its worker declared is done by another.
    """
    server = await start(servers, kind)
    await startWorkers(peers, server, 2)
    assert await play(peers, server, "timed") in (["perl-1"], ["perl-2"])
    assert len(set(linesOf(tmp_path / "timed"))) == 2


@eachServer
@pytest_twisted.ensureDeferred
async def test_impatientClient(servers: Starter, peers: Peers, kind: str) -> None:
    """
    A client that stops waiting takes its job with it: nobody is offered it.
    """
    server = await start(servers, kind)
    assert await play(peers, server, "impatient") == ["fail "]
    await untilAlone(server.port)
    worker = await connect(server.port)
    worker.send("CAN_DO", b"nobodyDoesThis")
    worker.send("GRAB_JOB")
    await worker.expect("NO_JOB")
    worker.close()
