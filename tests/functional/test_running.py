"""
Where a worker's functions run, against gearmand and against the server of this
project.
"""

from __future__ import annotations

import os
import signal
import threading
from binascii import hexlify
from pathlib import Path
from typing import Any

import pytest
import pytest_twisted
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater

from tests.functional.fleet import Fleet, reverse, startingFleet
from txgearman.errors import JobException
from txgearman.worker.job import RunningJob
from txgearman.worker.running import Function, InProcess, InThread

fleet = startingFleet


def plain(job: RunningJob[bytes]) -> bytes:
    """
    A plain function.
    """
    return hexlify(job.data)


def deferred(job: RunningJob[bytes]) -> Deferred[bytes]:
    """
    A function that returns a Deferred.
    """
    return deferLater(reactor, 0, hexlify, job.data)


async def coroutine(job: RunningJob[bytes]) -> bytes:
    """
    A coroutine function.
    """
    return await deferred(job)


@pytest.mark.parametrize(
    "function",
    [plain, deferred, coroutine, InThread(plain), InProcess(hexlify)],
    ids=["plain", "Deferred", "async def", "InThread", "InProcess"],
)
@pytest_twisted.ensureDeferred
async def test_functions(
    fleet: Fleet, function: Function[bytes] | InThread[bytes] | InProcess[bytes]
) -> None:
    """
    Functions of each kind do jobs, several at once, and what they return is the
    result.
    """
    server = await fleet.server()
    client = fleet.client(server)
    fleet.worker(server, concurrency=2).register("hexlify", function)
    items = [b"a\0", b"\xff", b""]
    assert await client.map("hexlify", items) == [b"6100", b"ff", b""]


def wrong(data: object) -> bytes:
    """
    A function with a bug.
    """
    raise LookupError("no such thing")


@pytest.mark.parametrize(
    "function", [wrong, InThread(wrong)], ids=["reactor", "InThread"]
)
@pytest_twisted.ensureDeferred
async def test_exceptions(
    fleet: Fleet, function: Function[bytes] | InThread[bytes]
) -> None:
    """
    What a function raises reaches the client wherever it runs, and the worker
    goes on.
    """
    server = await fleet.server()
    client, worker = fleet.client(server), fleet.worker(server)
    worker.register("wrong", function)
    worker.register("reverse", reverse)
    with pytest.raises(JobException, match="no such thing"):
        await client.call("wrong", b"")
    assert await client.call("reverse", b"ab") == b"ba"


def confused(job: RunningJob[Any]) -> None:
    """
    A function that sends what the worker's codec cannot encode.
    """
    job.sendData("text")


@pytest.mark.parametrize(
    "function", [confused, InThread(confused)], ids=["reactor", "InThread"]
)
@pytest_twisted.ensureDeferred
async def test_wrongValue(
    fleet: Fleet, function: Function[bytes] | InThread[bytes]
) -> None:
    """
    A function hears where it stands that it sent a wrong value, wherever it runs.
    """
    server = await fleet.server()
    fleet.worker(server).register("confused", function)
    with pytest.raises(JobException, match="bytes are needed"):
        await fleet.client(server).call("confused", b"")


@pytest_twisted.ensureDeferred
async def test_reportsOfAThread(fleet: Fleet) -> None:
    """
    A function in a thread of its own reports as one in the reactor does, and in
    the order in which it reports.
    """
    server = await fleet.server()
    threads: list[threading.Thread] = []

    def work(job: RunningJob[bytes]) -> bytes:
        threads.append(threading.current_thread())
        for number in range(3):
            job.sendStatus(number, 3)
            job.sendData(b"%d" % number)
        job.sendWarning(b"over")
        return job.data

    fleet.worker(server).register("work", InThread(work))
    heard: list[object] = []
    result = await fleet.client(server).call(
        "work",
        b"x",
        onStatus=lambda *progress: heard.append(progress),
        onData=heard.append,
        onWarning=heard.append,
    )
    assert result == b"x"
    assert heard == [(0, 3), b"0", (1, 3), b"1", (2, 3), b"2", b"over"]
    assert threads != [threading.current_thread()]


def dieOnce(name: bytes) -> bytes:
    """
    A function that ends its process, unless it is there for the second time.
    """
    path = Path(os.fsdecode(name))
    if path.exists():
        return b"survived"
    path.touch()
    os.kill(os.getpid(), signal.SIGKILL)
    return b""


@pytest_twisted.ensureDeferred
async def test_processDies(fleet: Fleet, tmp_path: Path) -> None:
    """
    A process that dies costs its job nothing but a second attempt, and later jobs
    nothing at all.
    """
    server = await fleet.server()
    client = fleet.client(server)
    fleet.worker(server, concurrency=2).register("die", InProcess(dieOnce))
    names = [bytes(tmp_path / "absent"), bytes(tmp_path)]
    assert await client.map("die", names) == [b"survived"] * 2
    assert await client.call("die", names[1]) == b"survived"
