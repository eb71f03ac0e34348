"""
The C command-line tool C{gearadmin}: each option, and exactly what it prints.
"""

from __future__ import annotations

import re

import pytest
import pytest_twisted

from tests.functional.conftest import Starter
from tests.functional.peers import SERVERS, Peers, startingPeers, untilRunning
from tests.functional.processes import JobServer, freePort, requirePeer
from tests.functional.raw import RawPeer, connect

peers = pytest.fixture(startingPeers)

eachServer = pytest.mark.parametrize("kind", SERVERS)


async def start(servers: Starter, kind: str) -> JobServer:
    """
    Start a job server for the tool.
    """
    requirePeer("gearadmin")
    return await servers(kind)


async def gearadmin(peers: Peers, server: JobServer, *options: str) -> bytes:
    """
    Run C{gearadmin}.

    @return: its stdout.
    """
    where = ["--host=127.0.0.1", f"--port={server.port}"]
    return await peers.run("gearadmin", *where, *options)


async def refusal(peers: Peers, server: JobServer, *options: str) -> bytes:
    """
    Run C{gearadmin} for something the server refuses, which it reports on
    stderr only.

    @return: its stderr.
    """
    where = ["--host=127.0.0.1", f"--port={server.port}"]
    child = peers.start("gearadmin", *where, *options)
    assert (await child.ended(), child.output) == (0, b"")
    return child.errors


async def submit(peer: RawPeer, command: str, function: bytes, unique: bytes) -> bytes:
    """
    Submit a job.

    @return: its handle.
    """
    peer.send(command, function, unique, b"x")
    return (await peer.expect("JOB_CREATED")).body


async def grab(peer: RawPeer, function: bytes) -> bytes:
    """
    Become a worker of a function and take a job.

    @return: its handle.
    """
    peer.send("CAN_DO", function)
    peer.send("GRAB_JOB")
    return (await peer.expect("JOB_ASSIGN")).arguments[0]


@eachServer
@pytest_twisted.ensureDeferred
async def test_idle(servers: Starter, peers: Peers, kind: str) -> None:
    """
    C{--getpid} prints the server's process id, C{--server-version} and
    C{--server-verbose} what it says after C{OK}. The tables of an idle server
    are empty, but for C{gearadmin}'s own connection.
    """
    server = await start(servers, kind)
    assert await gearadmin(peers, server, "--getpid") == b"%d\n" % server.child.pid
    peer = await connect(server.port)
    for command, option in (
        (b"version\n", "--server-version"),
        (b"verbose\n", "--server-verbose"),
    ):
        peer.write(command)
        answer = await peer.line()
        assert answer.startswith(b"OK ")
        assert await gearadmin(peers, server, option) == answer.removeprefix(b"OK ")
    peer.close()
    for option in (
        "--status",
        "--priority-status",
        "--show-jobs",
        "--show-unique-jobs",
    ):
        assert await gearadmin(peers, server, option) == b".\n", option
    workers = await gearadmin(peers, server, "--workers")
    # A connection that was just closed may still be listed.
    assert re.fullmatch(rb"([0-9]+ 127\.0\.0\.1 - :\n)+\.\n", workers)


@eachServer
@pytest_twisted.ensureDeferred
async def test_status(servers: Starter, peers: Peers, kind: str) -> None:
    """
    C{--status} counts all jobs, running jobs and workers of a function;
    C{--priority-status} its queued jobs by priority and its workers.
    """
    server = await start(servers, kind)
    client = await connect(server.port)
    commands = ["SUBMIT_JOB_HIGH", *["SUBMIT_JOB_BG"] * 2, *["SUBMIT_JOB_LOW"] * 3]
    for command in commands:
        await submit(client, command, b"busy", b"")
    assert await gearadmin(peers, server, "--status") == b"busy\t6\t0\t0\n.\n"
    worker = await connect(server.port)
    await grab(worker, b"busy")
    assert await gearadmin(peers, server, "--status") == b"busy\t6\t1\t1\n.\n"
    queued = await gearadmin(peers, server, "--priority-status")
    assert queued == b"busy\t0\t2\t3\t1\n.\n"
    worker.close()
    client.close()


@eachServer
@pytest_twisted.ensureDeferred
async def test_workers(servers: Starter, peers: Peers, kind: str) -> None:
    """
    C{--workers} lists each connection with its address, the id it set and its
    functions, latest first.
    """
    server = await start(servers, kind)
    worker = await connect(server.port)
    worker.send("SET_CLIENT_ID", b"the-id")
    for function in (b"f", b"g", b"h"):
        worker.send("CAN_DO", function)
    worker.send("CANT_DO", b"g")
    assert await worker.settle() == b""
    lines = (await gearadmin(peers, server, "--workers")).splitlines(keepends=True)
    assert lines.pop() == b".\n"
    rows = {line.split(b" ", 1)[1] for line in lines}
    assert rows == {b"127.0.0.1 - :\n", b"127.0.0.1 the-id : h f\n"}
    assert all(line.split(b" ", 1)[0].isdigit() for line in lines)
    worker.close()


@eachServer
@pytest_twisted.ensureDeferred
async def test_showJobs(servers: Starter, peers: Peers, kind: str) -> None:
    """
    C{--show-jobs} prints each job's handle, how often it was given back, that
    it is not ignored, and whether it is a background job;
    C{--show-unique-jobs} prints the uniques.
    """
    server = await start(servers, kind)
    client = await connect(server.port)
    handles = [
        await submit(client, "SUBMIT_JOB", b"once", b"u1"),
        await submit(client, "SUBMIT_JOB_BG", b"more", b"u2"),
        await submit(client, "SUBMIT_JOB_BG", b"more", b"u3"),
    ]
    worker = await connect(server.port)
    assert await grab(worker, b"once") == handles[0]
    worker.close()
    await untilRunning(server.port, "once", 0)
    worker = await connect(server.port)
    assert await grab(worker, b"once") == handles[0]
    *jobs, dot = (await gearadmin(peers, server, "--show-jobs")).splitlines()
    once, more1, more2 = handles
    assert sorted(jobs) == [
        once + b"\t1\t0\t0",
        more1 + b"\t0\t0\t1",
        more2 + b"\t0\t0\t1",
    ]
    assert dot == b"."
    shown = await gearadmin(peers, server, "--show-unique-jobs")
    *uniques, dot = shown.splitlines()
    assert sorted(uniques) == [b"u1", b"u2", b"u3"]
    assert dot == b"."
    worker.close()
    client.close()


@eachServer
@pytest_twisted.ensureDeferred
async def test_cancelJob(servers: Starter, peers: Peers, kind: str) -> None:
    """
    C{--cancel-job} takes a queued job away: its client is told that it failed,
    and no worker gets it. An unknown handle is an error.
    """
    server = await start(servers, kind)
    client = await connect(server.port)
    handle = await submit(client, "SUBMIT_JOB", b"work", b"")
    cancel = f"--cancel-job={handle.decode()}"
    assert await gearadmin(peers, server, cancel) == b"OK\n"
    assert (await client.expect("WORK_FAIL")).body == handle
    worker = await connect(server.port)
    worker.send("CAN_DO", b"work")
    worker.send("GRAB_JOB")
    await worker.expect("NO_JOB")
    assert await gearadmin(peers, server, "--status") == b"work\t0\t0\t1\n.\n"
    assert await refusal(peers, server, cancel) == b"Error: UNKNOWN_JOB\r\n"
    worker.close()
    client.close()


@pytest.mark.parametrize("kind", ["txgearman"])
@pytest_twisted.ensureDeferred
async def test_cancelJobAtOnce(servers: Starter, peers: Peers, kind: str) -> None:
    """
    A canceled job leaves every table at once. (gearmand keeps it until a
    worker comes by.)
    """
    server = await start(servers, kind)
    client = await connect(server.port)
    handle = await submit(client, "SUBMIT_JOB_BG", b"work", b"u1")
    cancel = f"--cancel-job={handle.decode()}"
    assert await gearadmin(peers, server, cancel) == b"OK\n"
    assert await gearadmin(peers, server, "--status") == b"work\t0\t0\t0\n.\n"
    assert await gearadmin(peers, server, "--show-jobs") == b".\n"
    assert await gearadmin(peers, server, "--show-unique-jobs") == b".\n"
    assert await refusal(peers, server, cancel) == b"Error: UNKNOWN_JOB\r\n"
    client.close()


@eachServer
@pytest_twisted.ensureDeferred
async def test_functions(servers: Starter, peers: Peers, kind: str) -> None:
    """
    C{--create-function} makes a row in the status, C{--drop-function} removes
    it, unless it has workers or is not there.
    """
    server = await start(servers, kind)
    for _ in range(2):
        assert await gearadmin(peers, server, "--create-function=new") == b"OK\n"
    assert await gearadmin(peers, server, "--status") == b"new\t0\t0\t0\n.\n"
    worker = await connect(server.port)
    worker.send("CAN_DO", b"new")
    assert await worker.settle() == b""
    busy = b"Error: there are still connected workers or executing clients\r\n"
    assert await refusal(peers, server, "--drop-function=new") == busy
    worker.send("CANT_DO", b"new")
    assert await worker.settle() == b""
    assert await gearadmin(peers, server, "--drop-function=new") == b"OK\n"
    assert await gearadmin(peers, server, "--status") == b".\n"
    refused = await refusal(peers, server, "--drop-function=new")
    assert refused == b"Error: function not found\r\n"
    worker.close()


@pytest.mark.parametrize("kind", ["txgearman"])
@pytest_twisted.ensureDeferred
async def test_dropQueued(servers: Starter, peers: Peers, kind: str) -> None:
    """
    A function with queued jobs is not dropped. (gearmand drops it, and the
    jobs keep a pointer to freed memory.)
    """
    server = await start(servers, kind)
    client = await connect(server.port)
    await submit(client, "SUBMIT_JOB_BG", b"work", b"")
    refused = await refusal(peers, server, "--drop-function=work")
    assert refused.startswith(b"Error: ")
    assert await gearadmin(peers, server, "--status") == b"work\t1\t0\t0\n.\n"
    client.close()


@eachServer
@pytest_twisted.ensureDeferred
async def test_combined(servers: Starter, peers: Peers, kind: str) -> None:
    """
    All options work in one run over one connection, in the tool's own order.
    """
    server = await start(servers, kind)
    client = await connect(server.port)
    handle = await submit(client, "SUBMIT_JOB", b"work", b"u1")
    worker = await connect(server.port)
    assert await grab(worker, b"work") == handle
    worker.write(b"verbose\nversion\n")
    verbose = await worker.line()
    version = await worker.line()
    printed = await gearadmin(
        peers,
        server,
        "--getpid",
        "--create-function=new",
        "--drop-function=new",
        "--show-jobs",
        "--show-unique-jobs",
        "--cancel-job=H:nowhere:9",
        "--server-verbose",
        "--server-version",
        "--priority-status",
        "--status",
    )
    assert printed == b"".join(
        [
            b"%d\n" % server.child.pid,
            b"OK\n",
            b"OK\n",
            b"%s\t0\t0\t0\n.\n" % handle,
            b"u1\n.\n",
            verbose.removeprefix(b"OK "),
            version.removeprefix(b"OK "),
            b"work\t0\t0\t0\t1\n.\n",
            b"work\t1\t1\t1\n.\n",
        ]
    )
    worker.close()
    client.close()


@pytest_twisted.ensureDeferred
async def test_noServer(peers: Peers) -> None:
    """
    Without a server C{gearadmin} fails, so that the other tests, which want it
    to succeed, do speak with one.
    """
    requirePeer("gearadmin")
    where = ["--host=127.0.0.1", f"--port={freePort()}"]
    assert await peers.run("gearadmin", *where, "--status", status=1) == b""
