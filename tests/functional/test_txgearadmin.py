"""
C{txgearadmin} beside C{gearadmin}.
"""

from __future__ import annotations

import json
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
