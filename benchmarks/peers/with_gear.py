"""
The client and the worker of gear, the Python library of the Zuul project.
"""

from __future__ import annotations

import json
import socket
import sys
import threading
import time
from importlib import import_module
from typing import Any, Final

gear: Any = import_module("gear")

FUNCTION: Final = b"load"
WORKLOAD: Final = b"x" * 32

BATCH: Final = 500
"""How many jobs are under way where many are."""


class AwaitingClient(gear.Client):  # type: ignore[misc] # gear has no annotations
    """
    A client that says when results came; gear itself has jobs be asked.
    """

    def __init__(self) -> None:
        super().__init__()
        self.come = threading.Semaphore(0)

    def handleWorkComplete(self, packet: Any) -> None:
        """
        Take a result.
        """
        super().handleWorkComplete(packet)
        self.come.release()


def call(client: AwaitingClient, jobs: int, parallel: int) -> None:
    """
    Submit jobs, so many at a time, and wait for their results.
    """
    for start in range(0, jobs, parallel):
        batch = [
            gear.Job(FUNCTION, WORKLOAD) for _ in range(min(parallel, jobs - start))
        ]
        for job in batch:
            client.submitJob(job)
        for _ in batch:
            client.come.acquire()


def background(client: AwaitingClient, jobs: int) -> None:
    """
    Submit for the background: gear waits for each answer of the server.
    """
    for _ in range(jobs):
        client.submitJob(gear.Job(FUNCTION, WORKLOAD), background=True)


def beClient(port: int, way: str, jobs: int) -> None:
    """
    Submit jobs, and say what that cost.
    """
    client = AwaitingClient()
    client.addServer("127.0.0.1", port)
    client.waitForServer()
    start, cpu = time.perf_counter(), time.process_time()
    if way.startswith("background"):
        background(client, jobs)
    else:
        call(client, jobs, {"callEach": 1, "callMany": BATCH}[way])
    cost = {
        "seconds": time.perf_counter() - start,
        "cpu": time.process_time() - cpu,
    }
    print(json.dumps(cost), flush=True)
    client.shutdown()


def beWorker(port: int, way: str) -> None:
    """
    Work for ever.

    @param way: gear sends a result and the request for the next job in two
        pieces, and the system keeps the second back for some 40 ms. With
        C{"asItComes"} that is so; otherwise it is told not to.
    """
    worker = gear.Worker("worker")
    worker.addServer("127.0.0.1", port)
    worker.waitForServer()
    if way != "asItComes":
        for connection in worker.active_connections:
            connection.conn.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    worker.registerFunction(FUNCTION)
    while True:
        worker.getJob().sendWorkComplete(b"ok")


def main(part: str, port: str, way: str, jobs: str = "0") -> None:
    """
    Be what the command line says.
    """
    if part == "worker":
        beWorker(int(port), way)
    else:
        beClient(int(port), way, int(jobs))


if __name__ == "__main__":
    main(*sys.argv[1:])
