"""
PHP's gearman extension: one client and five forked workers.
"""

from __future__ import annotations

import json
import os
import re
import signal
from pathlib import Path

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
    requirePhpGearman,
    startingPeers,
    untilAlone,
    untilAnswered,
    untilDone,
    untilServed,
)
from tests.functional.processes import JobServer, until
from tests.functional.raw import connect

peers = pytest.fixture(startingPeers)

eachServer = pytest.mark.parametrize("kind", SERVERS)

POOL = str(PROGRAMS / "pool.php")
CLIENT = str(PROGRAMS / "client.php")

HANDLE = re.compile(r"H:.+:[0-9]+")


async def startPool(
    servers: Starter, peers: Peers, kind: str, count: int = 5
) -> JobServer:
    """
    Start a job server with some PHP workers, all of them registered.
    """
    requirePhpGearman()
    server = await servers(kind)
    peers.start("php", POOL, str(server.port), str(count))
    # libgearman registers the function that was added first last.
    await untilServed(server.port, "reverse", count)
    return server


@eachServer
@pytest_twisted.ensureDeferred
async def test_calls(servers: Starter, peers: Peers, tmp_path: Path, kind: str) -> None:
    """
    Every C{do} method reaches a worker, and background jobs are done although
    their client has left. A failure and an exception are told apart, and
    neither ends its worker.
    """
    server = await startPool(servers, peers, kind)
    seen = await peers.report("php", CLIENT, str(server.port), "calls", str(tmp_path))
    function, handle, size = seen.pop("describe")
    assert (function, size) == ("describe", 4)
    assert HANDLE.fullmatch(handle)
    handles = seen.pop("handles")
    assert len({*handles, handle}) == 4
    assert all(HANDLE.fullmatch(each) for each in handles)
    assert seen == {
        "normal": "eno",
        "high": "owt",
        "low": "eerht",
        "outcome": "SUCCESS",
        "unique": "a-unique",
        "chatty": "first done",
        "ping": True,
        "outcomes": ["SUCCESS", "SUCCESS", "SUCCESS"],
    }
    await untilDone(server.port, "write")
    assert sorted(linesOf(tmp_path / "written")) == [
        "Background",
        "HighBackground",
        "LowBackground",
    ]
    assert await peers.report("php", CLIENT, str(server.port), "failures") == {
        "fails": "WORK_FAIL",
        "returnsFail": "WORK_FAIL",
        "excepts": "WORK_EXCEPTION",
        "throws": "WORK_EXCEPTION",
    }
    await untilServed(server.port, "reverse", 5)


@eachServer
@pytest_twisted.ensureDeferred
async def test_tasks(servers: Starter, peers: Peers, tmp_path: Path, kind: str) -> None:
    """
    Each task of one C{runTasks} gets its own callbacks, in order, and each of
    two hundred its own result.
    """
    server = await startPool(servers, peers, kind)
    seen = await peers.report("php", CLIENT, str(server.port), "tasks", str(tmp_path))
    # What becomes of a thrown exception's text is the extension's affair.
    created, thrown = seen["events"].pop("throws")
    assert (created, thrown.split()[0]) == ("created", "exception")
    assert seen == {
        "ran": True,
        "outcome": "SUCCESS",
        "events": {
            "normal": ["created", "complete eno"],
            "high": ["created", "complete owt"],
            "low": ["created", "complete eerht"],
            "normalBg": ["created"],
            "highBg": ["created"],
            "lowBg": ["created"],
            "chatty": [
                "created",
                "status 1/4",
                "data first",
                "warning careful",
                "status 4/4",
                "complete done",
            ],
            "fails": ["created", "fail"],
            "returnsFail": ["created", "fail"],
            "excepts": ["created", "exception what went wrong"],
        },
    }
    await untilDone(server.port, "write")
    assert sorted(linesOf(tmp_path / "tasks")) == ["high", "low", "normal"]
    seen = await peers.report("php", CLIENT, str(server.port), "many")
    results = {f"u{number}": f"<{number}"[::-1] for number in range(200)}
    assert seen == {"ran": True, "results": results}


@eachServer
@pytest_twisted.ensureDeferred
async def test_five(servers: Starter, peers: Peers, tmp_path: Path, kind: str) -> None:
    """
    The C{workers} table lists five workers by the ids they set, with their
    functions, and they do five jobs at the same time.
    """
    server = await startPool(servers, peers, kind)
    ids = []
    for line in await adminTable(server.port, b"workers"):
        where, functions = line.decode().split(" :")
        _, address, identity = where.split(" ")
        assert address == "127.0.0.1"
        if identity != "-":
            ids.append(identity)
            assert len(functions.split()) == 17
            assert {"reverse", "spare", "timedOnce"} < set(functions.split())
    five = ["php-1", "php-2", "php-3", "php-4", "php-5"]
    assert sorted(ids) == five
    meeting = ["php", CLIENT, str(server.port), "meeting", str(tmp_path)]
    assert await peers.report(*meeting) == five


@pytest.mark.parametrize("kind", ["txgearman"])
@pytest_twisted.ensureDeferred
async def test_exceptionUnasked(servers: Starter, peers: Peers, kind: str) -> None:
    """
    A client without the option takes an exception as a failure. (gearmand
    appends a NUL to the handle, on which libgearman waits for ever.)
    """
    server = await startPool(servers, peers, kind)
    assert await peers.report("php", CLIENT, str(server.port), "unasked") == [
        ["", "WORK_FAIL"],
        ["cba", "SUCCESS"],
    ]


@eachServer
@pytest_twisted.ensureDeferred
async def test_payloads(servers: Starter, peers: Peers, kind: str) -> None:
    """
    Payloads may hold any bytes, NULs included, and five MiB of them, or none.
    """
    server = await startPool(servers, peers, kind)
    assert await peers.report("php", CLIENT, str(server.port), "payloads") == {
        "bytes": True,
        "nuls": True,
        "reversed": True,
        "large": True,
        "largeSize": 5 * 1024 * 1024,
    }
    # libgearman does not submit an empty payload, so this client is a raw one.
    client = await connect(server.port)
    client.send("SUBMIT_JOB", b"echo", b"", b"")
    handle = (await client.expect("JOB_CREATED")).body
    assert (await client.expect("WORK_COMPLETE")).body == handle + b"\0"
    client.send("SUBMIT_JOB", b"describe", b"", b"")
    handle = (await client.expect("JOB_CREATED")).body
    described = b'["describe","%s",0]' % handle
    assert (await client.expect("WORK_COMPLETE")).arguments == [handle, described]
    client.close()


@eachServer
@pytest_twisted.ensureDeferred
async def test_status(
    servers: Starter, peers: Peers, tmp_path: Path, kind: str
) -> None:
    """
    A running background job is found by handle, by unique and by a status
    task; one that is done or never was is unknown.
    """
    server = await startPool(servers, peers, kind)
    seen = await peers.report("php", CLIENT, str(server.port), "status", str(tmp_path))
    assert seen == {
        "unknown": [False, False, 0, 0],
        "unknownUnique": [False, False, 0, 0],
        "running": [True, True, 3, 7],
        "runningUnique": [True, True, 3, 7],
        "task": [True, True, 3, 7],
        "done": [False, False, 0, 0],
    }


@eachServer
@pytest_twisted.ensureDeferred
async def test_unregister(servers: Starter, peers: Peers, kind: str) -> None:
    """
    A worker that drops one of its functions is no longer counted for it and
    keeps its other functions. (libgearman tells the server when it next wakes.)
    """
    server = await startPool(servers, peers, kind, 1)
    client = await connect(server.port)

    async def spareWorkers() -> int:
        client.send("SUBMIT_JOB", b"who", b"", b"x")
        handle = (await client.expect("JOB_CREATED")).body
        assert (await client.expect("WORK_COMPLETE")).body == handle + b"\0php-1"
        return (await functionCounts(server.port))["spare"].workers

    assert await spareWorkers() == 1
    assert await peers.report("php", CLIENT, str(server.port), "drop") == ["dropped"]
    await untilAnswered(spareWorkers, lambda workers: workers == 0, "no workers")
    client.close()


async def killHolder(path: Path) -> None:
    """
    Kill the worker that first noted its process id in a file.
    """
    await until(lambda: bool(linesOf(path)), "the job runs")
    os.kill(int(linesOf(path)[0]), signal.SIGKILL)


@eachServer
@pytest_twisted.ensureDeferred
async def test_killedWorker(
    servers: Starter, peers: Peers, tmp_path: Path, kind: str
) -> None:
    """
    When a worker is killed in the middle of a foreground job, another worker
    does the job, and the client sees nothing but its result; a background job
    is done by another worker just so.
    """
    server = await startPool(servers, peers, kind)
    client = peers.start("php", CLIENT, str(server.port), "stuck", str(tmp_path))
    await killHolder(tmp_path / "stuck")
    assert await client.ended() == 0, client.errors
    assert json.loads(client.output) in [[f"php-{number}"] for number in range(1, 6)]
    assert len(set(linesOf(tmp_path / "stuck"))) == 2
    await untilServed(server.port, "stuckOnce", 4)

    (tmp_path / "stuck").unlink()
    await peers.report("php", CLIENT, str(server.port), "stuckAlone", str(tmp_path))
    await killHolder(tmp_path / "stuck")
    await untilServed(server.port, "stuckOnce", 3)
    await untilDone(server.port, "stuckOnce")
    assert len(set(linesOf(tmp_path / "stuck"))) == 2


@eachServer
@pytest_twisted.ensureDeferred
async def test_timedWorker(
    servers: Starter, peers: Peers, tmp_path: Path, kind: str
) -> None:
    """
    A job that outlasts the timeout its worker declared is done by another.
    """
    server = await startPool(servers, peers, kind)
    seen = await peers.report("php", CLIENT, str(server.port), "timed", str(tmp_path))
    assert seen in [[f"php-{number}"] for number in range(1, 6)]
    assert len(set(linesOf(tmp_path / "timed"))) == 2


@eachServer
@pytest_twisted.ensureDeferred
async def test_impatientClient(servers: Starter, peers: Peers, kind: str) -> None:
    """
    A client that stops waiting takes its job with it: nobody is offered it.
    """
    requirePhpGearman()
    server = await servers(kind)
    seen = await peers.report("php", CLIENT, str(server.port), "impatient")
    assert seen == ["", "TIMEOUT"]
    await untilAlone(server.port)
    worker = await connect(server.port)
    worker.send("CAN_DO", b"nobodyDoesThis")
    worker.send("GRAB_JOB")
    await worker.expect("NO_JOB")
    worker.close()
    await untilDone(server.port, "nobodyDoesThis")
