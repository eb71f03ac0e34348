"""
The C command-line tool C{gearman}, as client and as worker.
"""

from __future__ import annotations

import re
import signal
from pathlib import Path

import pytest
import pytest_twisted

from tests.functional.conftest import Starter
from tests.functional.peers import (
    SERVERS,
    Peers,
    adminTable,
    startingPeers,
    untilAwaited,
    untilDone,
    untilServed,
)
from tests.functional.processes import Child, JobServer, requirePeer, until

peers = pytest.fixture(startingPeers)

eachServer = pytest.mark.parametrize("kind", SERVERS)

LINES = b"one\ntwo\nthree\n"


async def start(servers: Starter, kind: str) -> JobServer:
    """
    Start a job server for the tool.
    """
    requirePeer("gearman")
    return await servers(kind)


def where(server: JobServer) -> list[str]:
    """
    @return: the options that name the server.
    """
    return ["-h", "127.0.0.1", "-p", str(server.port)]


async def startWorker(
    peers: Peers, server: JobServer, *arguments: str, serves: str
) -> Child:
    """
    Start C{gearman -w}, registered for the function C{serves}.
    """
    worker = peers.start("gearman", "-w", *where(server), *arguments)
    await untilServed(server.port, serves)
    return worker


async def client(
    peers: Peers,
    server: JobServer,
    *arguments: str,
    stdin: bytes = b"",
    status: int = 0,
) -> bytes:
    """
    Run C{gearman} as a client.

    @return: its stdout.
    """
    command = ["gearman", *where(server), *arguments]
    return await peers.run(*command, stdin=stdin, status=status)


@eachServer
@pytest_twisted.ensureDeferred
async def test_pipe(servers: Starter, peers: Peers, kind: str) -> None:
    """
    A command runs on what the client reads from stdin, from its arguments or
    from nowhere, and its output is the client's, NULs included.
    """
    server = await start(servers, kind)
    await startWorker(peers, server, "-f", "wc", "--", "wc", "-l", serves="wc")
    passwd = Path("/etc/passwd").read_bytes()
    lines = b"%d\n" % passwd.count(b"\n")
    assert await client(peers, server, "-f", "wc", stdin=passwd) == lines
    assert await client(peers, server, "-f", "wc", "a\nb\n") == b"2\n"
    assert await client(peers, server, "-f", "wc", "-s", stdin=LINES) == b"0\n"
    await startWorker(peers, server, "-f", "cat", "--", "cat", serves="cat")
    everyByte = bytes(range(256))
    assert await client(peers, server, "-f", "cat", stdin=everyByte) == everyByte
    await startWorker(peers, server, "-f", "size", "--", "wc", "-c", serves="size")
    megabyte = b"\0" * 2**20
    assert await client(peers, server, "-f", "size", stdin=megabyte) == b"1048576\n"


@eachServer
@pytest_twisted.ensureDeferred
async def test_lines(servers: Starter, peers: Peers, kind: str) -> None:
    """
    C{-n} and C{-N} make a client submit a job for each line, with and without
    its newline. They make a worker send data packets: each time all of the
    lines it has so far, and at the end all of them as the result.
    """
    server = await start(servers, kind)
    await startWorker(peers, server, "-f", "count", "--", "wc", "-c", serves="count")
    ran = await client(peers, server, "-n", "-f", "count", stdin=LINES)
    assert ran == b"4\n4\n6\n"
    ran = await client(peers, server, "-N", "-f", "count", stdin=LINES)
    assert ran == b"3\n3\n5\n"
    ran = await client(peers, server, "-n", "-P", "-f", "count", stdin=LINES)
    assert ran == b"count: 4\ncount: 4\ncount: 6\n"
    await startWorker(peers, server, "-n", "-f", "lines", "--", "cat", serves="lines")
    ran = await client(peers, server, "-f", "lines", stdin=LINES)
    assert ran == b"one\none\ntwo\none\ntwo\nthree\n"
    await startWorker(peers, server, "-N", "-f", "bare", "--", "cat", serves="bare")
    ran = await client(peers, server, "-f", "bare", stdin=LINES)
    assert ran == b"oneone\ntwoone\ntwo\nthree"


@eachServer
@pytest_twisted.ensureDeferred
async def test_workerOptions(
    servers: Starter, peers: Peers, tmp_path: Path, kind: str
) -> None:
    """
    A worker without a command prints what it gets and sends nothing back;
    C{-i} writes its process id to a file, and C{-c} ends it after so many jobs.
    """
    server = await start(servers, kind)
    pidfile = tmp_path / "worker.pid"
    options = ["-c", "2", "-i", str(pidfile), "-f", "show"]
    worker = await startWorker(peers, server, *options, serves="show")
    await until(pidfile.exists, "the pidfile")
    assert int(pidfile.read_text()) == worker.pid
    assert await client(peers, server, "-n", "-f", "show", stdin=b"1\n2\n") == b""
    assert await worker.ended() == 0
    assert worker.output == b"1\n2\n"
    await untilServed(server.port, "show", 0)


@eachServer
@pytest_twisted.ensureDeferred
async def test_failures(servers: Starter, peers: Peers, kind: str) -> None:
    """
    When the command fails, so does the client, and the worker lives on. C{-t}
    ends a client whose job no worker takes.
    """
    server = await start(servers, kind)
    picky = ["-f", "picky", "--", "grep", "good"]
    await startWorker(peers, server, *picky, serves="picky")
    failed = peers.start("gearman", *where(server), "-f", "picky", "bad\n")
    assert await failed.ended() == 1
    assert b"Job failed" in failed.output + failed.errors
    assert await client(peers, server, "-f", "picky", "good\n") == b"good\n"
    left = peers.start("gearman", *where(server), "-t", "100", "-f", "nobody", "x")
    # Its exit status is 0 all the same.
    await left.ended()
    assert left.output == b""
    assert b"GEARMAN_TIMEOUT" in left.errors


@eachServer
@pytest_twisted.ensureDeferred
async def test_functions(servers: Starter, peers: Peers, kind: str) -> None:
    """
    C{-f} given twice makes a worker serve both functions and a client submit
    to both; C{-P} says which function a line is from.
    """
    server = await start(servers, kind)
    upper = ["-f", "first", "-f", "second", "--", "tr", "a-z", "A-Z"]
    await startWorker(peers, server, *upper, serves="first")
    await untilServed(server.port, "second")
    both = ["-f", "first", "-f", "second"]
    assert await client(peers, server, *both, "hello") == b"HELLOHELLO"
    ran = await client(peers, server, "-P", *both, "hello\n")
    assert ran == b"first: HELLO\nsecond: HELLO\n"


@eachServer
@pytest_twisted.ensureDeferred
async def test_background(
    servers: Starter, peers: Peers, tmp_path: Path, kind: str
) -> None:
    """
    C{-b} prints nothing and does not wait; the job is done. With C{-v} the
    job's handle is printed.
    """
    server = await start(servers, kind)
    assert await client(peers, server, "-b", "-f", "keep", "hello\n") == b""
    ran = await client(peers, server, "-b", "-v", "-f", "keep", "again\n")
    assert re.fullmatch(rb"Task created: H:.+:2\n", ran)
    keep = ["-f", "keep", "--", "sh", "-c", "cat >> kept"]
    await startWorker(peers, server, *keep, serves="keep")
    await untilDone(server.port, "keep")
    assert (tmp_path / "kept").read_bytes() == b"hello\nagain\n"


@eachServer
@pytest_twisted.ensureDeferred
async def test_unique(
    servers: Starter, peers: Peers, tmp_path: Path, kind: str
) -> None:
    """
    Two clients with the same C{-u} wait for one and the same job. C{-u #} is a
    number made of the payload; without C{-u} the unique is a random one.
    """
    server = await start(servers, kind)
    once = ["gearman", *where(server), "-f", "once"]
    clients = [peers.start(*once, "-u", "mine", "hello\n") for _ in range(2)]
    await untilAwaited(server.port, b"mine", 2)
    assert await adminTable(server.port, b"show unique jobs") == [b"mine"]
    command = ["-f", "once", "--", "sh", "-c", "tee -a ran"]
    await startWorker(peers, server, *command, serves="once")
    for child in clients:
        assert await child.ended() == 0, child.errors
        assert child.output == b"hello\n"
    assert (tmp_path / "ran").read_bytes() == b"hello\n"

    background = ["-b", "-f", "queued"]
    for unique in ("mine", "mine", "#", "#"):
        await client(peers, server, *background, "-u", unique, "hello")
    await client(peers, server, *background, "-u", "#", "other")
    await client(peers, server, *background, "hello")
    await client(peers, server, *background, "hello")
    uniques = await adminTable(server.port, b"show unique jobs")
    mine, *hashes, random1, random2 = sorted(
        uniques, key=lambda each: (len(each), each)
    )
    assert mine == b"mine"
    assert len(hashes) == 2
    assert all(each.isdigit() for each in hashes)
    assert random1 != random2
    assert all(re.fullmatch(b"[0-9a-f-]{36}", each) for each in (random1, random2))


@eachServer
@pytest_twisted.ensureDeferred
async def test_priorities(
    servers: Starter, peers: Peers, tmp_path: Path, kind: str
) -> None:
    """
    C{-I} jobs are done before others and C{-L} jobs after them.
    """
    server = await start(servers, kind)
    submit = ["-b", "-f", "order"]
    await client(peers, server, *submit, "-L", "low\n")
    await client(peers, server, *submit, "normal\n")
    await client(peers, server, *submit, "-I", "high\n")
    counts = await adminTable(server.port, b"prioritystatus")
    assert counts == [b"order\t1\t1\t1\t0"]
    order = ["-f", "order", "--", "sh", "-c", "cat >> ran"]
    await startWorker(peers, server, *order, serves="order")
    await untilDone(server.port, "order")
    assert (tmp_path / "ran").read_bytes() == b"high\nnormal\nlow\n"
    # And in the foreground.
    for option in ("-I", "-L"):
        assert await client(peers, server, option, "-f", "order", "x\n") == b""
    assert (tmp_path / "ran").read_bytes() == b"high\nnormal\nlow\nx\nx\n"


@eachServer
@pytest_twisted.ensureDeferred
async def test_environment(servers: Starter, peers: Peers, kind: str) -> None:
    """
    Client and worker find the server that C{GEARMAN_SERVER} names.
    """
    server = await start(servers, kind)
    env = {"GEARMAN_SERVER": f"127.0.0.1:{server.port}"}
    peers.start("gearman", "-w", "-f", "copy", "--", "cat", env=env)
    await untilServed(server.port, "copy")
    assert await peers.run("gearman", "-f", "copy", "hello", env=env) == b"hello"


@eachServer
@pytest_twisted.ensureDeferred
async def test_killedWorker(
    servers: Starter, peers: Peers, tmp_path: Path, kind: str
) -> None:
    """
    A job whose worker is killed is done by the next worker.
    """
    server = await start(servers, kind)
    child = peers.start("gearman", *where(server), "-f", "stuck", "hello")
    stuck = ["-f", "stuck", "--", "sh", "-c", "touch began; sleep 600"]
    worker = await startWorker(peers, server, *stuck, serves="stuck")
    await until((tmp_path / "began").exists, "the job runs")
    worker.signal(signal.SIGKILL)
    await untilServed(server.port, "stuck", 0)
    await startWorker(peers, server, "-f", "stuck", "--", "cat", serves="stuck")
    assert await child.ended() == 0, child.errors
    assert child.output == b"hello"
