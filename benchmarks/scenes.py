"""
What the load generator plays on a server, and what that costs the server.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from typing import Final

from benchmarks.load import (
    Client,
    Load,
    Requests,
    TimedClient,
    Worker,
    background,
    echo,
    foreground,
)
from benchmarks.results import Figures
from benchmarks.servers import RunningServer

SMALL: Final = 32
"""The size of a small workload, in bytes."""

MIB: Final = 1024 * 1024


def cost(server: RunningServer, load: Load, jobs: int) -> Figures:
    """
    Run a load, and measure what the server does for it.
    """
    before = server.tree.cpu()
    seconds = load.run(jobs)
    spent = server.tree.cpu() - before
    return {"rate": jobs / seconds, "cpu": spent / jobs * 1e6}


def perByte(figures: Figures, payload: int) -> Figures:
    """
    Say of figures about jobs with payloads what they mean for each MiB.
    """
    return {
        "throughput": figures["rate"] * payload / MIB,
        "cpuPerMiB": figures["cpu"] * MIB / payload,
    }


def _requests(
    server: RunningServer, jobs: int, clients: int, what: Requests
) -> Figures:
    with Load(server.port, requests=jobs) as load:
        for client in [Client(load, what) for _ in range(clients)]:
            client.start()
        return cost(server, load, jobs)


def submits(
    server: RunningServer,
    jobs: int,
    *,
    clients: int = 4,
    window: int = 64,
    functions: int = 1,
) -> Figures:
    """
    Submit small jobs for the background; nobody takes them.
    """
    what = background(SMALL, window, functions)
    return _requests(server, jobs, clients, what)


def echoes(server: RunningServer, jobs: int) -> Figures:
    """
    Have the server echo.
    """
    return _requests(server, jobs, 4, echo(SMALL, 64))


def drain(
    server: RunningServer, jobs: int, *, workers: int = 4, functions: int = 1
) -> Figures:
    """
    Take and complete so many of the jobs that are queued.
    """
    with Load(server.port) as load:
        takers = [
            Worker(load, functions=functions, counts=True) for _ in range(workers)
        ]
        for worker in takers:
            worker.announce()
        load.run(workers)
        load.done = 0
        for worker in takers:
            worker.work()
        return cost(server, load, jobs)


def asleep(load: Load, workers: Sequence[Worker]) -> None:
    """
    Start workers, and wait until the server knows that they sleep.
    """
    done = load.done
    for worker in workers:
        worker.start()
    load.run(done + len(workers))
    load.done = done


def calls(
    server: RunningServer,
    jobs: int,
    *,
    clients: int = 8,
    window: int = 16,
    workers: int = 4,
    payload: int = SMALL,
) -> Figures:
    """
    Submit jobs whose results the clients wait for.
    """
    what = foreground(payload, window)
    with Load(server.port, requests=jobs, payload=payload) as load:
        asleep(load, [Worker(load, asleep=True) for _ in range(workers)])
        for client in [Client(load, what) for _ in range(clients)]:
            client.start()
        return cost(server, load, jobs)


def timed(server: RunningServer, jobs: int, what: Requests, workers: int) -> Figures:
    """
    Have one client send one request after the other, and time each.
    """
    with Load(server.port, requests=jobs) as load:
        asleep(load, [Worker(load, asleep=True) for _ in range(workers)])
        client = TimedClient(load, what)
        client.start()
        figures = cost(server, load, jobs)
    return {**figures, **latencies(client.times)}


def latencies(times: Sequence[float]) -> Figures:
    """
    Sum up how long requests took.
    """
    ordered = sorted(times)
    return {
        "p50": statistics.median(ordered) * 1e3,
        "p99": ordered[int(len(ordered) * 0.99)] * 1e3,
    }
