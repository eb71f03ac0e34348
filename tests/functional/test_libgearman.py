"""
libgearman from C: a client and a worker that the tests compile.
"""

from __future__ import annotations

import os
import re
import signal
from pathlib import Path
from subprocess import run

import pytest
import pytest_twisted

from tests.functional.conftest import Starter
from tests.functional.peers import (
    PROGRAMS,
    SERVERS,
    Peers,
    adminTable,
    functionCounts,
    linesOf,
    requireLibgearman,
    startingPeers,
    untilAnswered,
    untilDone,
    untilServed,
)
from tests.functional.processes import Child, JobServer, until
from tests.functional.raw import connect

peers = pytest.fixture(startingPeers)

eachServer = pytest.mark.parametrize("kind", SERVERS)

HANDLE = re.compile(r"H:.+:[0-9]+")


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """
    A folder with the compiled client and worker.
    """
    requireLibgearman()
    folder = tmp_path_factory.mktemp("libgearman")
    for name in ("client", "worker"):
        source, program = str(PROGRAMS / f"{name}.c"), str(folder / name)
        options = ["-std=c11", "-Wall", "-Wextra", "-Werror", "-o", program]
        run(["gcc", *options, source, "-lgearman"], check=True)
    return folder


async def startWorker(
    peers: Peers, programs: Path, server: JobServer, *mode: str, count: int = 1
) -> Child:
    """
    Start the worker.

    @param mode: its mode, if any.
    @param count: how many there are then.
    """
    identity = f"c-{count}"
    worker = str(programs / "worker")
    child = peers.start(worker, str(server.port), identity, *mode)
    # libgearman registers the function that was added first last.
    await untilServed(server.port, "reverse", count)
    return child


async def play(
    peers: Peers, programs: Path, server: JobServer, scene: str
) -> list[str]:
    """
    Run the client.

    @return: the lines it prints.
    """
    arguments = [str(server.port), scene, str(peers.folder)]
    return (await peers.run(str(programs / "client"), *arguments)).decode().splitlines()


@eachServer
@pytest_twisted.ensureDeferred
async def test_calls(
    servers: Starter, peers: Peers, programs: Path, tmp_path: Path, kind: str
) -> None:
    """
    Every C{gearman_client_do} function works, as does an echo; a worker may
    give a job back to try it again; a megabyte comes back as it went.
    """
    server = await servers(kind)
    await startWorker(peers, programs, server)
    lines = await play(peers, programs, server, "calls")
    assert lines[:8] == [
        "echo",
        "normal eno",
        "high owt",
        "low eerht",
        "unique a-unique",
        "chatty first done",
        "fails GEARMAN_WORK_FAIL",
        "flaky third try",
    ]
    handles = dict(line.split(" ") for line in lines[8:])
    assert set(handles) == {"background", "highBackground", "lowBackground"}
    assert all(HANDLE.fullmatch(handle) for handle in handles.values())
    await untilDone(server.port, "write")
    written = [line.split(" ")[0] for line in linesOf(tmp_path / "written")]
    assert sorted(written) == ["background", "highBackground", "lowBackground"]
    assert await play(peers, programs, server, "large") == ["same"]


@eachServer
@pytest_twisted.ensureDeferred
async def test_tasks(servers: Starter, peers: Peers, programs: Path, kind: str) -> None:
    """
    Each task of a C{gearman_client_run_tasks}, blocking or not, gets its own
    callbacks, in order.
    """
    server = await servers(kind)
    await startWorker(peers, programs, server)
    for scene in ("tasks", "nonblocking"):
        events: dict[str, list[str]] = {}
        for line in await play(peers, programs, server, scene):
            unique, event = line.split(" ", 1)
            events.setdefault(unique, []).append(event)
        assert events == {
            "normal": ["created", "complete eno"],
            "high": ["created", "complete owt"],
            "low": ["created", "complete eerht"],
            "background": ["created"],
            "chatty": [
                "created",
                "status 1/4",
                "data first ",
                "warning careful",
                "status 4/4",
                "complete done",
            ],
            "fails": ["created", "fail"],
            "excepts": ["created", "exception what went wrong"],
        }, scene


@eachServer
@pytest_twisted.ensureDeferred
async def test_execute(
    servers: Starter, peers: Peers, programs: Path, tmp_path: Path, kind: str
) -> None:
    """
    C{gearman_execute} runs a job and stores its result, or leaves it to the
    background, or to a time before which it is not done.
    """
    server = await servers(kind)
    await startWorker(peers, programs, server)
    foreground, background = await play(peers, programs, server, "execute")
    assert foreground == "foreground written"
    assert HANDLE.fullmatch(background.removeprefix("background "))
    await untilDone(server.port, "write")
    written = [line.split(" ")[0] for line in linesOf(tmp_path / "executed")]
    assert written == ["foreground", "background"]

    (line,) = await play(peers, programs, server, "epoch")
    assert HANDLE.fullmatch(line.removeprefix("epoch "))
    assert (await functionCounts(server.port))["write"].total == 1
    other = await connect(server.port)

    async def due() -> list[str]:
        if kind == "gearmand":
            # Release 1.1.20 wakes nobody when a job falls due, so that it
            # waits for other traffic.
            other.send("SUBMIT_JOB", b"reverse", b"", b"x")
            await other.expect("JOB_CREATED")
            await other.expect("WORK_COMPLETE")
        return linesOf(tmp_path / "due")

    (ran,) = await untilAnswered(due, bool, "the job")
    wanted, done = map(int, ran.split(" "))
    assert done >= wanted
    other.close()


@eachServer
@pytest_twisted.ensureDeferred
async def test_status(
    servers: Starter, peers: Peers, programs: Path, kind: str
) -> None:
    """
    A running background job is found by handle and by unique; one that is
    done or never was is unknown.
    """
    server = await servers(kind)
    await startWorker(peers, programs, server)
    assert await play(peers, programs, server, "status") == [
        "unknown 0 0 0 0",
        "running 1 1 3 7",
        "unique 1 1 3 7",
        "nobody 0 0 0 0",
        "done 0 0 0 0",
    ]


@eachServer
@pytest_twisted.ensureDeferred
async def test_partition(
    servers: Starter, peers: Peers, programs: Path, kind: str
) -> None:
    """
    A job with a reducer is split by one worker, its parts are done by another,
    and the first puts their results together.
    """
    server = await servers(kind)
    await startWorker(peers, programs, server)
    await startWorker(peers, programs, server, count=2)
    (line,) = await play(peers, programs, server, "partition")
    name, *words = line.split()
    assert name == "partition"
    assert sorted(words) == ["eht", "kciuq", "nworb", "xof"]


@eachServer
@pytest_twisted.ensureDeferred
async def test_grab(servers: Starter, peers: Peers, programs: Path, kind: str) -> None:
    """
    A worker learns a job's unique if it asks for it, be it with
    C{GEARMAN_WORKER_GRAB_UNIQ} or with C{GEARMAN_WORKER_GRAB_ALL}; and it may
    grab and finish a job with its own hands.
    """
    server = await servers(kind)
    for mode, unique in (("job", ""), ("uniq", "a-unique"), ("all", "a-unique")):
        await startWorker(peers, programs, server, mode)
        lines = await play(peers, programs, server, "calls")
        assert lines[4] == f"unique {unique}", mode
        assert await play(peers, programs, server, "quit") == ["quit bye"]
        await untilServed(server.port, "reverse", 0)
    worker = peers.start(str(programs / "worker"), str(server.port), "c-1", "byhand")
    assert await play(peers, programs, server, "byHand") == ["byHand byHand"]
    assert await worker.ended() == 0, worker.errors


@eachServer
@pytest_twisted.ensureDeferred
async def test_timeouts(
    servers: Starter, peers: Peers, programs: Path, kind: str
) -> None:
    """
    A client's timeout ends its wait; a worker whose waiting timed out, time
    and again, still gets the next job.
    """
    server = await servers(kind)
    worker = await startWorker(peers, programs, server, "timeout")
    answer = await play(peers, programs, server, "impatient")
    assert answer == ["impatient GEARMAN_TIMEOUT"]
    await until(lambda: worker.output.count(b"timeout\n") >= 2, "timeouts")
    assert await play(peers, programs, server, "large") == ["same"]
    seen = worker.output
    await until(lambda: worker.output > seen, "the next timeout")
    assert await play(peers, programs, server, "large") == ["same"]


@eachServer
@pytest_twisted.ensureDeferred
async def test_life(servers: Starter, peers: Peers, programs: Path, kind: str) -> None:
    """
    A worker shows its id, may drop all of its functions for another, and
    leaves when it wants.
    """
    server = await servers(kind)
    worker = await startWorker(peers, programs, server, "turncoat")
    rows = b"\n".join(await adminTable(server.port, b"workers"))
    assert re.search(rb"^[0-9]+ 127\.0\.0\.1 c-1 : ([a-zA-Z]+ ?){12}$", rows, re.M)
    assert await play(peers, programs, server, "quit") == ["quit bye"]
    await untilServed(server.port, "other")
    counts = await functionCounts(server.port)
    assert {name for name, row in counts.items() if row.workers} == {"other"}
    assert worker.status is None
    worker.signal(signal.SIGKILL)
    await untilServed(server.port, "other", 0)

    worker = await startWorker(peers, programs, server)
    assert await play(peers, programs, server, "quit") == ["quit bye"]
    assert await worker.ended() == 0
    await untilServed(server.port, "reverse", 0)


@eachServer
@pytest_twisted.ensureDeferred
async def test_killedWorker(
    servers: Starter, peers: Peers, programs: Path, tmp_path: Path, kind: str
) -> None:
    """
    When a worker is killed in the middle of a job, another one does the job.
    """
    server = await servers(kind)
    await startWorker(peers, programs, server)
    await startWorker(peers, programs, server, count=2)
    stuck = tmp_path / "stuck"
    command = [str(programs / "client"), str(server.port), "stuck", str(tmp_path)]
    client = peers.start(*command)
    await until(lambda: bool(linesOf(stuck)), "the job runs")
    os.kill(int(linesOf(stuck)[0]), signal.SIGKILL)
    assert await client.ended() == 0, client.errors
    assert client.output in (b"stuck c-1\n", b"stuck c-2\n")
    assert len(set(linesOf(stuck))) == 2
