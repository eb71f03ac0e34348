"""
Limits that a real server puts on functions.
"""

from __future__ import annotations

import time
from pathlib import Path

import pytest_twisted
from twisted.internet import reactor
from twisted.internet.task import deferLater

from tests.functional.conftest import Starter
from tests.functional.fleet import nameOf
from tests.functional.processes import until
from tests.functional.raw import connect
from txgearman.client.client import Client
from txgearman.worker.job import RunningJob
from txgearman.worker.worker import Worker

LIMITS = """
[functions.narrow]
concurrency = 2

[functions.slow]
rate = 50
burst = 10

[functions."short.*"]
queue_limit = 3
queue_bytes = "1K"
"""


def configured(folder: Path) -> str:
    """
    Write the limits into a file.

    @return: the option that names it.
    """
    path = folder / "gearman.toml"
    path.write_text(LIMITS)
    return f"--config={path}"


class Crowd:
    """
    A worker's function that counts how many of its jobs run.
    """

    def __init__(self, seconds: float = 0.0) -> None:
        """
        @param seconds: how long a job takes.
        """
        self.seconds = seconds
        self.running = 0
        self.peak = 0
        self.began: list[float] = []

    async def __call__(self, job: RunningJob[bytes]) -> bytes:
        self.began.append(time.monotonic())
        self.running += 1
        self.peak = max(self.peak, self.running)
        await deferLater(reactor, self.seconds)
        self.running -= 1
        return b""


@pytest_twisted.ensureDeferred
async def test_concurrency(servers: Starter, tmp_path: Path) -> None:
    """
    Of a function that may run twice at once, forty workers never run a third job, and
    all jobs are done.
    """
    server = await servers("txgearman", configured(tmp_path))
    crowd = Crowd(0.005)
    workers = []
    for _ in range(40):
        worker = Worker(reactor, nameOf(server))
        worker.register("narrow", crowd)
        worker.startService()
        workers.append(worker)
    client: Client[bytes] = Client(reactor, nameOf(server))
    client.startService()
    for batch in range(4):
        # Some are granted at once, others when another one ends.
        for n in range(25):
            await client.background("narrow", b"%d" % (25 * batch + n))
    await until(lambda: len(crowd.began) == 100, "all jobs begin")
    await until(lambda: not crowd.running, "all jobs end")
    assert crowd.peak == 2
    for service in (client, *workers):
        await service.stopService()


@pytest_twisted.ensureDeferred
async def test_rate(servers: Starter, tmp_path: Path) -> None:
    """
    Sixty jobs of a function with fifty a second and ten at once take no less than a
    second.
    """
    server = await servers("txgearman", configured(tmp_path))
    crowd = Crowd()
    worker = Worker(reactor, nameOf(server), concurrency=60)
    worker.register("slow", crowd)
    worker.startService()
    client: Client[bytes] = Client(reactor, nameOf(server))
    client.startService()
    for n in range(60):
        await client.background("slow", b"%d" % n)
    await until(lambda: len(crowd.began) == 60, "all jobs begin")
    assert crowd.began[-1] - crowd.began[0] > 0.95
    await client.stopService()
    await worker.stopService()


@pytest_twisted.ensureDeferred
async def test_queue(servers: Starter, tmp_path: Path) -> None:
    """
    What goes beyond a queue's limit, by count or by bytes, is refused with
    QUEUE_ERROR, and everything else goes on.
    """
    server = await servers("txgearman", configured(tmp_path))
    client = await connect(server.port)
    for n in range(3):
        client.send("SUBMIT_JOB_BG", b"short.count", b"%d" % n, b"")
        await client.expect("JOB_CREATED")
    client.send("SUBMIT_JOB_BG", b"short.count", b"one more", b"")
    assert (await client.expect("ERROR")).arguments[0] == b"QUEUE_ERROR"
    # It joins one that is there.
    client.send("SUBMIT_JOB_BG", b"short.count", b"2", b"")
    await client.expect("JOB_CREATED")
    client.send("SUBMIT_JOB_BG", b"short.bytes", b"", b"x" * 1000)
    await client.expect("JOB_CREATED")
    client.send("SUBMIT_JOB", b"short.bytes", b"", b"x" * 25)
    assert (await client.expect("ERROR")).arguments[0] == b"QUEUE_ERROR"
    client.send("SUBMIT_JOB", b"short.bytes", b"", b"x" * 24)
    await client.expect("JOB_CREATED")
