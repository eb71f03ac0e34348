"""
The client and the worker of this project.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Awaitable, Callable
from typing import Final

from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import react

from txgearman import Client, RunningJob, Worker
from txgearman.connection.turns import shortenTurns

FUNCTION: Final = "load"
WORKLOAD: Final = b"x" * 32

BATCH: Final = 500
"""How many jobs are under way where many are."""


async def callEach(client: Client[bytes], jobs: int) -> None:
    """
    Call, one after the other.
    """
    for _ in range(jobs):
        await client.call(FUNCTION, WORKLOAD)


async def callMany(client: Client[bytes], jobs: int) -> None:
    """
    Call, many at a time.
    """
    await client.map(FUNCTION, [WORKLOAD] * jobs, parallel=BATCH)


async def submitMany(client: Client[bytes], jobs: int) -> None:
    """
    Submit batches, and wait for their results.
    """
    for start in range(0, jobs, BATCH):
        batch = [WORKLOAD] * min(BATCH, jobs - start)
        submitted = await client.submitMany(FUNCTION, batch)
        await gatherResults([job.whenDone() for job in submitted])


async def backgroundEach(client: Client[bytes], jobs: int) -> None:
    """
    Submit for the background, one after the other.
    """
    for _ in range(jobs):
        await client.background(FUNCTION, WORKLOAD)


async def backgroundAtOnce(client: Client[bytes], jobs: int) -> None:
    """
    Submit for the background, many at a time.
    """
    for start in range(0, jobs, BATCH):
        batch = range(min(BATCH, jobs - start))
        await gatherResults([client.background(FUNCTION, WORKLOAD) for _ in batch])


async def backgroundMany(client: Client[bytes], jobs: int) -> None:
    """
    Submit batches for the background.
    """
    for start in range(0, jobs, BATCH):
        batch = [WORKLOAD] * min(BATCH, jobs - start)
        await client.submitMany(FUNCTION, batch, background=True)


WAYS: Final[dict[str, Callable[[Client[bytes], int], Awaitable[None]]]] = {
    "callEach": callEach,
    "callAtOnce": callMany,
    "callMany": submitMany,
    "backgroundEach": backgroundEach,
    "backgroundAtOnce": backgroundAtOnce,
    "backgroundMany": backgroundMany,
}


async def beClient(reactor: IReactorTime, port: int, way: str, jobs: int) -> None:
    """
    Submit jobs, and say what that cost.
    """
    client = Client(reactor, [f"127.0.0.1:{port}"])
    client.startService()
    await client.echo(b"connected")
    start, cpu = time.perf_counter(), time.process_time()
    await WAYS[way](client, jobs)
    cost = {
        "seconds": time.perf_counter() - start,
        "cpu": time.process_time() - cpu,
    }
    await client.stopService()
    print(json.dumps(cost))


async def beWorker(reactor: IReactorTime, port: int, way: str) -> None:
    """
    Work for ever.
    """
    concurrency = {"one": 1, "several": 16}[way]
    worker = Worker(reactor, [f"127.0.0.1:{port}"], concurrency=concurrency)
    worker.register(FUNCTION, answer)
    worker.startService()
    await Deferred()


def answer(job: RunningJob[bytes]) -> bytes:
    """
    The worker's function.
    """
    return b"ok"


async def main(reactor: IReactorTime, part: str, port: str, *rest: str) -> None:
    """
    Be what the command line says.
    """
    if part == "worker":
        await beWorker(reactor, int(port), rest[0])
    else:
        await beClient(reactor, int(port), rest[0], int(rest[1]))


if __name__ == "__main__":
    shortenTurns()
    react(
        lambda reactor, *words: Deferred.fromCoroutine(main(reactor, *words)),
        sys.argv[1:],
    )
