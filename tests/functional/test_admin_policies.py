"""
Policies, dead letters, results and schedules with C{txgearadmin} and a real server,
which keeps what it is told.
"""

from __future__ import annotations

import json
import signal
from pathlib import Path
from typing import Any

import pytest
import pytest_twisted
from twisted.internet import reactor

from tests.functional.conftest import Starter
from tests.functional.processes import TXGEARADMIN, JobServer
from tests.functional.raw import RawPeer, connect
from tests.functional.test_txgearadmin import play
from txgearman.admin import AdminClient
from txgearman.errors import ServerError


async def tell(server: JobServer, *words: str) -> bytes:
    """
    Let the tool do something that is not refused.

    @return: what it prints.
    """
    child = await play(TXGEARADMIN, server.port, *words)
    assert (child.errors, child.status) == (b"", 0), words
    return child.output


async def askAll(server: JobServer, *words: str) -> list[Any]:
    """
    Let it ask what is answered, as JSON.
    """
    told = await tell(server, "--json", *words)
    return [json.loads(line) for line in told.splitlines()]


async def ask(server: JobServer, *words: str) -> Any:
    """
    The same of one question.
    """
    [answer] = await askAll(server, *words)
    return answer


async def saved(server: JobServer) -> None:
    """
    Wait until the server has saved what has happened so far: an order is answered
    then.
    """
    await tell(server, "--pause", "anything", "--resume", "anything")


async def refused(server: JobServer, *words: str) -> list[str]:
    """
    Let the tool do what is refused.

    @return: what it says about that, a line for each.
    """
    child = await play(TXGEARADMIN, server.port, *words)
    assert (child.output, child.status) == (b"", 1), words
    lines = child.errors.decode().splitlines()
    assert all(line.startswith("Error: ") for line in lines), lines
    return [line.removeprefix("Error: ") for line in lines]


async def submit(peer: RawPeer, function: bytes, unique: bytes, data: bytes) -> str:
    """
    Submit a background job.

    @return: its handle.
    """
    peer.send("SUBMIT_JOB_BG", function, unique, data)
    return (await peer.expect("JOB_CREATED")).body.decode()


async def end(peer: RawPeer, function: bytes, name: str, *data: bytes) -> bytes:
    """
    Grab a job, and report that it is over.

    @param name: the packet that says so.
    @return: the job's workload.
    """
    peer.send("CAN_DO", function)
    peer.send("GRAB_JOB")
    handle, _, workload = (await peer.expect("JOB_ASSIGN")).body.split(b"\0", 2)
    peer.send(name, handle, *data)
    peer.send("CANT_DO", function)
    await peer.settle()
    return workload


@pytest_twisted.ensureDeferred
async def test_lives(servers: Starter, tmp_path: Path) -> None:
    """
    A job that fails is a dead letter, can be looked at and tried again, and leaves a
    result; all that is decided and kept outlives a server that is killed.
    """
    options = [f"--store=sqlite:{tmp_path / 'jobs.db'}", "--job-handle-prefix=H:test"]
    server = await servers("txgearman", *options)
    policy = ["--set-policy", "a *", "attempts", "1", "--set-policy", "a *"]
    await tell(server, *policy, "results", "1h", "--pause", "a b")
    peer = await connect(server.port)
    handle = await submit(peer, b"a b", b"50%", b"\0\xff\n%")
    [limits] = await ask(server, "--limits")
    assert (limits["function"], limits["paused"], limits["total"]) == ("a b", True, 1)
    peer.send("CAN_DO", b"a b")
    peer.send("GRAB_JOB")
    await peer.expect("NO_JOB")
    await tell(server, "--resume", "a b")
    await end(peer, b"a b", "WORK_EXCEPTION", b"the disk\nis full")
    await saved(server)
    server.child.signal(signal.SIGKILL)
    await server.child.ended()
    server = await servers("txgearman", *options)
    settings = await ask(server, "--settings")
    assert [(row["key"], row["value"]) for row in settings] == [
        ("attempts", 1),
        ("results", 3600),
    ]
    [dead] = await ask(server, "--dead-jobs", "a b")
    assert (dead["handle"], dead["unique"], dead["size"]) == (handle, "50%", 4)
    assert (dead["attempts"], dead["error"]) == (1, "the disk\nis full")
    assert b"  the disk\\nis full\n" in await tell(server, "--dead-jobs")
    assert await tell(server, "--job-data", handle) == b"\0\xff\n%"
    assert (await ask(server, "--result-unique", "a b", "50%"))["state"] == "dead"
    assert await tell(server, "--requeue-all", "--dead-jobs") == (
        b"1\nhandle  function  unique  attempts  submitted  died  size  error\n"
    )
    assert (await ask(server, "--job", handle))["state"] == "queued"
    peer = await connect(server.port)
    assert await end(peer, b"a b", "WORK_COMPLETE", b"d\xc3\xb6ne") == b"\0\xff\n%"
    await saved(server)
    server.child.signal(signal.SIGKILL)
    await server.child.ended()
    server = await servers("txgearman", *options)
    questions = ["--result", handle, "--result-unique", "a b", "50%"]
    for result in await askAll(server, *questions):
        assert (result["state"], result["data"]) == ("completed", "d\xf6ne")
        assert 0 < result["submitted"] <= result["started"] <= result["ended"]
    assert await refused(server, "--requeue-job", handle) == ["UNKNOWN_JOB"]
    assert await tell(server, "--unset-policy", "a *", "results") == b"OK\n"
    [setting] = await ask(server, "--settings")
    assert setting["key"] == "attempts"


@pytest_twisted.ensureDeferred
async def test_thrownAway(servers: Starter) -> None:
    """
    Dead letters and waiting jobs can be thrown away, by handle, unique and function.
    """
    server = await servers("txgearman")
    await tell(server, "--set-policy", "d?", "attempts", "1")
    peer = await connect(server.port)
    handles = []
    for function in b"d1", b"d1", b"d2", b"d3":
        handles.append(await submit(peer, function, b"", b""))
        await end(peer, function, "WORK_FAIL")
    words = ["--purge-dead-job", handles[0], "--purge-dead-function", "d1"]
    words += ["--requeue-function", "d2", "--purge-dead-all", "--dead-jobs"]
    assert await askAll(server, *words) == [None, 1, 1, 1, []]
    await submit(peer, b"f", b"u", b"")
    await submit(peer, b"f", b"v", b"")
    peer.send("SUBMIT_JOB_EPOCH", b"f", b"w", b"4000000000", b"")
    await peer.expect("JOB_CREATED")
    [delayed] = await ask(server, "--delayed-jobs", "f")
    assert (delayed["unique"], delayed["due"]) == ("w", 4e9)
    assert await tell(server, "--cancel-unique", "f", "u", "--purge", "f") == b"OK\n2\n"
    assert await refused(server, "--cancel-unique", "f", "u") == ["UNKNOWN_JOB"]


@pytest_twisted.ensureDeferred
async def test_schedules(servers: Starter, tmp_path: Path) -> None:
    """
    A schedule is kept, runs when it is told to, and never with two jobs at a time.
    """
    pytest.importorskip("cronsim")
    options = [f"--store=sqlite:{tmp_path / 'jobs.db'}"]
    server = await servers("txgearman", *options)
    words = ["nightly", "function=a b", "cron=30 2 * * *", "zone=Europe/Berlin"]
    words += ["data=\xf6 %", "--create-schedule", "often", "function=g", "every=1d"]
    await tell(server, "--create-schedule", *words, "--pause-schedule", "often")
    server.child.signal(signal.SIGKILL)
    await server.child.ended()
    server = await servers("txgearman", *options)
    nightly, often = await ask(server, "--schedules")
    assert (nightly["name"], nightly["function"]) == ("nightly", "a b")
    assert (nightly["when"], nightly["zone"]) == ("30 2 * * *", "Europe/Berlin")
    assert (nightly["state"], often["state"]) == ("active", "paused")
    assert nightly["next"] > 0 == often["next"]
    handle = await ask(server, "--run-schedule", "nightly")
    [exists] = await refused(server, "--run-schedule", "nightly")
    assert "JOB_EXISTS" in exists
    peer = await connect(server.port)
    assert await end(peer, b"a b", "WORK_COMPLETE", b"") == "\xf6 %".encode()
    nightly, _ = await ask(server, "--schedules")
    assert (nightly["handle"], nightly["runs"]) == (handle, 1)
    assert nightly["last"] > 0
    await tell(server, "--resume-schedule", "often", "--drop-schedule", "nightly")
    [often] = await ask(server, "--schedules")
    assert (often["state"], often["name"]) == ("active", "often")
    [unknown] = await refused(server, "--drop-schedule", "nightly")
    assert "UNKNOWN_SCHEDULE" in unknown


@pytest_twisted.ensureDeferred
async def test_mistakes(servers: Starter) -> None:
    """
    A mistake is a line that says what is wrong, and changes nothing.
    """
    server = await servers("txgearman")
    mistakes = [
        (["--set-policy", "f", "atempts", "3"], "did you mean attempts"),
        (["--set-policy", "f", "attempts", "x"], "attempts wants a whole number"),
        (["--unset-policy", "f", "attempts"], "UNKNOWN_SETTING"),
        (["--create-schedule", "s", "function=f"], "cron or every"),
        (["--create-schedule", "s", "function=f", "evry=5"], "did you mean every"),
        (["--job", "H:none:1"], "UNKNOWN_JOB"),
        (["--result", "H:none:1"], "UNKNOWN_JOB"),
        (["--purge", "nosuch"], "UNKNOWN_FUNCTION"),
    ]
    lines = await refused(server, *(word for words, _ in mistakes for word in words))
    for line, (words, said) in zip(lines, mistakes, strict=True):
        assert said in line, words
    questions = ["--settings", "--limits", "--schedules", "--dead-jobs"]
    assert await askAll(server, *questions) == [[], [], [], []]


@pytest_twisted.ensureDeferred
async def test_client(servers: Starter) -> None:
    """
    Large workloads and results come whole, whatever is in them; a server that knows
    none of it says so.
    """
    server = await servers("txgearman")
    admin = AdminClient(reactor, f"127.0.0.1:{server.port}")
    await admin.setPolicy("f", "results", 60)
    await admin.setPolicy("f", "result_limit", "4M")
    data = bytes(range(256)) * 4 * 1024 * 3
    peer = await connect(server.port)
    handle = await submit(peer, b"f", b"", data)
    assert await admin.workload(handle) == data
    await end(peer, b"f", "WORK_COMPLETE", data[::-1])
    result = await admin.result(handle)
    assert (result.size, result.data) == (len(data), data[::-1])
    with pytest.raises(ServerError, match="UNKNOWN_JOB"):
        await admin.workload(handle)
    await admin.close()
    other = await servers("gearmand")
    admin = AdminClient(reactor, f"127.0.0.1:{other.port}")
    with pytest.raises(ServerError, match="UNKNOWN_COMMAND"):
        await admin.settings()
    with pytest.raises(ServerError, match="UNKNOWN_SHOW_ARGUMENTS"):
        await admin.deadJobs()
    await admin.close()
