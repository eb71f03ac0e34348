"""
C{txgearadmin} beside C{gearadmin}.
"""

from __future__ import annotations

import json
import re
import signal
from collections.abc import Sequence

import pytest
import pytest_twisted

from tests.functional.conftest import Starter
from tests.functional.processes import (
    TXGEARADMIN,
    Child,
    freePort,
    requirePeer,
    spawn,
    until,
)
from tests.functional.raw import connect

eachServer = pytest.mark.parametrize("kind", ["gearmand", "txgearman"])


async def play(tool: Sequence[str], port: int, *arguments: str) -> Child:
    """
    Run a tool to its end.
    """
    child = spawn([*tool, "--host=127.0.0.1", f"--port={port}", *arguments], stdin=b"")
    await child.ended()
    return child


@eachServer
@pytest_twisted.ensureDeferred
async def test_sameAnswers(servers: Starter, kind: str) -> None:
    """
    It prints what gearadmin prints.
    """
    requirePeer("gearadmin")
    server = await servers(kind)
    peer = await connect(server.port)
    peer.send("CAN_DO", b"f")
    peer.send("SUBMIT_JOB_BG", b"f", b"unique", b"")
    await peer.settle()
    for option in (
        "--status",
        "--priority-status",
        "--show-jobs",
        "--show-unique-jobs",
        "--server-version",
        "--server-verbose",
        "--getpid",
        "--create-function=made",
    ):
        ours = await play(TXGEARADMIN, server.port, option)
        theirs = await play(["gearadmin"], server.port, option)
        assert theirs.output, option
        assert (ours.output, ours.status) == (theirs.output, 0), option
    dropped = await play(TXGEARADMIN, server.port, "--drop-function=made")
    assert (dropped.output, dropped.status) == (b"OK\n", 0)


@eachServer
@pytest_twisted.ensureDeferred
async def test_refusals(servers: Starter, kind: str) -> None:
    """
    Refusals go to stderr, as gearadmin's do, and are an exit status of 1, which
    gearadmin's are not; what stands behind them is done all the same.
    """
    server = await servers(kind)
    for option, text in [
        ("--cancel-job=H:none", b"Error: UNKNOWN_JOB\n"),
        ("--drop-function=none", b"Error: SERVER_ERROR: function not found\n"),
        ("--create-function=two words", b"Error: not one word: b'two words'\n"),
    ]:
        child = await play(TXGEARADMIN, server.port, option, "--status")
        assert (child.output, child.errors, child.status) == (b".\n", text, 1)
    child = await play(TXGEARADMIN, server.port, "--maxqueue", "f", "many")
    assert child.status == 1
    assert child.errors.startswith(b"Error: --maxqueue takes")


@eachServer
@pytest_twisted.ensureDeferred
async def test_json(servers: Starter, kind: str) -> None:
    """
    With C{--json}, each answer is a line of JSON.
    """
    server = await servers(kind)
    peer = await connect(server.port)
    peer.send("CAN_DO", b"f")
    peer.send("SET_CLIENT_ID", b"me")
    peer.send("SUBMIT_JOB_BG", b"f", b"u", b"")
    await peer.settle()
    options = ["--maxqueue", "f", "5", "--status", "--workers", "--show-unique-jobs"]
    child = await play(TXGEARADMIN, server.port, "--json", *options)
    order, status, workers, uniques = map(json.loads, child.output.splitlines())
    assert order is None
    assert status == [{"function": "f", "total": 1, "running": 0, "workers": 1}]
    assert [row["functions"] for row in workers if row["clientId"] == "me"] == [["f"]]
    assert uniques == ["u"]
    plain = await play(TXGEARADMIN, server.port, "--workers")
    assert b" 127.0.0.1 me : f\n" in plain.output


@pytest_twisted.ensureDeferred
async def test_nobodyThere() -> None:
    """
    A server that cannot be reached, an address that is none, and nothing to do
    are a line each, without a traceback.
    """
    port = freePort()
    for arguments, said, status in [
        (["--status"], b"txgearadmin: cannot reach 127.0.0.1:", 1),
        (["--status", "--endpoint=pigeon:1:2"], b"txgearadmin: bad server", 1),
        ([], b"txgearadmin: error: nothing to do", 2),
    ]:
        child = await play(TXGEARADMIN, port, *arguments)
        assert child.status == status
        assert said in child.errors
        assert b"Traceback" not in child.errors


@pytest_twisted.ensureDeferred
async def test_shutdown(servers: Starter) -> None:
    """
    It stops our server, at once or when its jobs have ended.
    """
    for option in "--shutdown", "--shutdown-graceful":
        server = await servers("txgearman")
        child = await play(TXGEARADMIN, server.port, option)
        assert (child.output, child.status) == (b"OK\n", 0)
        assert await server.child.ended() == 0


@pytest_twisted.ensureDeferred
async def test_severalServers(servers: Starter) -> None:
    """
    Several servers are told the same, one after the other; that one of them is
    down keeps nothing from the others.
    """
    one, two = await servers("gearmand"), await servers("txgearman")
    down = freePort()
    hosts = f"--host=127.0.0.1:{down},127.0.0.1:{two.port}"
    child = await play(TXGEARADMIN, one.port, hosts, "--create-function=f", "--status")
    assert child.output.decode() == (
        f"127.0.0.1:{one.port}:\nOK\nf\t0\t0\t0\n.\n"
        f"127.0.0.1:{down}:\n"
        f"127.0.0.1:{two.port}:\nOK\nf\t0\t0\t0\n.\n"
    )
    assert f"txgearadmin: cannot reach 127.0.0.1:{down}: ".encode() in child.errors
    assert child.status == 1
    child = await play(TXGEARADMIN, one.port, hosts, "--json", "--getpid")
    told = [json.loads(line) for line in child.output.splitlines()]
    assert told == [
        {"server": f"127.0.0.1:{server.port}", "answer": server.child.pid}
        for server in (one, two)
    ]


@pytest_twisted.ensureDeferred
async def test_jobs(servers: Starter) -> None:
    """
    Our server says who runs which job, and who waits for it.
    """
    server = await servers("txgearman")
    peer = await connect(server.port)
    peer.send("SUBMIT_JOB", b"f", b"mine", b"")
    await peer.settle()
    child = await play(TXGEARADMIN, server.port, "--jobs", "--clients")
    assert child.status == 0
    jobs, _, clients = child.output.partition(b".\n")
    assert jobs == b"f\tmine\t-\t1\n"
    assert re.search(rb"127.0.0.1:\d+\n\tf\tmine\t-\n", clients)
    assert clients.endswith(b"\n.\n")


@eachServer
@pytest_twisted.ensureDeferred
async def test_top(servers: Starter, kind: str) -> None:
    """
    C{top} prints how the servers fare, so many times; what functions are called
    does nothing to the terminal.
    """
    server = await servers(kind)
    down = freePort()
    peer = await connect(server.port)
    peer.send("CAN_DO", b"served")
    for _ in range(3):
        peer.send("SUBMIT_JOB_BG", b"waiting\x1b[31m", b"", b"")
    peer.send("SUBMIT_JOB_HIGH_BG", b"served", b"", b"")
    peer.send("GRAB_JOB")
    await peer.settle()
    options = [f"--host=127.0.0.1:{down}", "--looks=2", "--interval=0.1"]
    child = await play(TXGEARADMIN, server.port, "top", *options)
    assert (child.errors, child.status) == (b"", 0)
    lines = child.output.decode().splitlines()
    assert len(lines) == 10
    title, heading, first, second, trouble = lines[:5]
    assert re.match(rf"127.0.0.1:{server.port}  \S+  connections [23]  ", title)
    assert title.endswith("queued 3  running 1")
    assert heading.split() == (
        [
            "function",
            "queued",
            "high",
            "normal",
            "low",
            "running",
            "workers",
            "growth/s",
        ]
    )
    # Our server escapes it, too.
    name = "waiting\\x1b[31m" if kind == "gearmand" else "waiting%1B[31m"
    assert first.split() == [name, "3", "0", "3", "0", "0", "0"]
    assert second.split() == ["served", "0", "0", "0", "0", "1", "1"]
    assert trouble.startswith(f"127.0.0.1:{down}: Connection was refused")
    child = await play(TXGEARADMIN, server.port, "top", "--looks=1", "--json")
    told = json.loads(child.output)
    row = told["functions"][0]
    assert row["function"].startswith("waiting")
    assert (row["total"], row["running"], row["workers"]) == (3, 0, 0)


@pytest_twisted.ensureDeferred
async def test_topOnTerminal(servers: Starter) -> None:
    """
    On a terminal each look takes the place of the one before, until Ctrl-C, which
    leaves the terminal as it was.
    """
    server = await servers("txgearman")
    peer = await connect(server.port)
    options = [f"--host=127.0.0.1:{server.port}", "--interval=0.1"]
    terminal = {"TERM": "xterm", "COLUMNS": "80", "LINES": "24"}
    child = spawn([*TXGEARADMIN, "top", *options], env=terminal, terminal=True)
    await until(lambda: b"queued 0" in child.output, "a look")
    peer.send("SUBMIT_JOB_BG", b"f", b"", b"")
    await until(lambda: b"queued 1" in child.output, "another")
    # It is the terminal that makes a signal of it.
    child.write(b"\x03")
    assert await child.ended() == -signal.SIGINT
    hidden, _, last = child.output.rpartition(b"\x1b[?25l")
    assert b"\x1b[2K" in hidden + last
    assert b"\x1b[?25h" in last
    assert b"Traceback" not in child.output


@pytest_twisted.ensureDeferred
async def test_topOfNothing(servers: Starter) -> None:
    """
    Servers none of which can be reached are one line, and so is a missing rich.
    """
    child = await play(TXGEARADMIN, freePort(), "top")
    assert child.errors.startswith(b"txgearadmin: cannot reach 127.0.0.1:")
    assert (child.errors.count(b"\n"), child.status) == (1, 1)
    python, _, code = TXGEARADMIN
    without = [python, "-c", f"import sys; sys.modules['rich'] = None; {code}"]
    child = await play(without, freePort(), "top")
    assert child.errors.startswith(b"txgearadmin: top needs txgearman[tools]")
    assert (child.errors.count(b"\n"), child.status) == (1, 1)
