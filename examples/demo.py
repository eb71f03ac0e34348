"""
C{make demo}: a job server, a worker and a client, and what they say to each
other.

The server is a C{twistd gearman} process on a free port of the loopback
interface; it is gone, with everything else, when this ends.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater, react

from txgearman import Client, JobFailed, RunningJob, Worker

PATIENCE = 30.0
"""How long anything may take, in seconds."""


@contextmanager
def jobServer() -> Iterator[str]:
    """
    Run a job server.

    @return: where it is.
    """
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
    twistd = Path(sys.executable).with_name("twistd")
    quietly = ["--nodaemon", "--pidfile=", f"--logfile={os.devnull}"]
    server = subprocess.Popen(
        [twistd, *quietly, "gearman", f"--port={port}", "--listen=127.0.0.1"]
    )
    try:
        yield f"tcp:127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait(PATIENCE)


def makeWorker(reactor: IReactorTime, server: str) -> Worker[bytes]:
    """
    Make a worker that reverses bytes, counts slowly, and knows what it cannot.
    """
    worker = Worker(reactor, server, concurrency=2)
    worker.register("reverse", lambda job: job.data[::-1])

    @worker.register("count")
    async def count(job: RunningJob[bytes]) -> bytes:
        last = int(job.data)
        for number in range(last):
            job.sendStatus(number, last)
            await deferLater(reactor, 0.1)
        return job.data

    @worker.register("fail")
    def fail(job: RunningJob[bytes]) -> bytes:
        raise ValueError("this is beyond me")

    return worker


async def submitAll(client: Client[bytes]) -> None:
    """
    Submit jobs of every kind, and print what comes of them.
    """
    for word in (b"hello", b"gearman", b"never odd or even"):
        result = await client.call("reverse", word)
        print(f"{word.decode()!r} reversed is {result.decode()!r}")
    job = await client.submit("count", b"3")
    print(f"counting is {job.handle.decode()}")
    async for event in job:
        print(f"  {event}")
    print(f"counted to {(await job.whenDone()).decode()}")
    try:
        await client.call("fail", b"")
    except JobFailed as error:
        print(f"{type(error).__name__}: {error.reason}")


async def main(reactor: IReactorTime) -> None:
    """
    Play it.
    """
    with jobServer() as server:
        print(f"a job server at {server}")
        worker = makeWorker(reactor, server)
        client = Client(reactor, server, connectTimeout=PATIENCE)
        worker.startService()
        client.startService()
        await submitAll(client)
        await worker.stopService()
        await client.stopService()
    print("done")


if __name__ == "__main__":
    react(lambda reactor: Deferred.fromCoroutine(main(reactor)))
