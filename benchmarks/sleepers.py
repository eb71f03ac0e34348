"""
The group C{sleepers}: what idle workers take, and how they wake.
"""

from __future__ import annotations

import statistics
import time
from typing import Final

from benchmarks.errors import Stalled
from benchmarks.load import SILENCE, Client, Load, Worker, background
from benchmarks.scenes import SMALL, asleep
from benchmarks.servers import RunningServer
from benchmarks.stage import Stage

WORKERS: Final = 10_000

JOBS: Final = 20
"""How many jobs are submitted, one after the other."""

_QUIET: Final = 0.2
"""For how long nothing comes when all that were woken are asleep, in seconds."""


class Sleeper(Worker):
    """
    A worker that sleeps until it is woken, and notes when it gets a job.

    @ivar wakings: how often it was woken.
    @ivar granted: when its jobs came.
    """

    def __init__(self, load: Load) -> None:
        super().__init__(load, asleep=True, counts=True)
        self.wakings = 0
        self.granted: list[float] = []

    def woken(self) -> None:
        """
        Count it.
        """
        self.wakings += 1
        super().woken()

    def assigned(self, handle: bytes) -> None:
        """
        Note when it was.
        """
        self.granted.append(time.perf_counter())
        super().assigned(handle)


def play(stage: Stage) -> None:
    """
    Let many workers sleep, and submit one job after the other.
    """
    table = stage.table("sleepers", "Idle workers, and one job for all of them")
    wanted = stage.amount(WORKERS)
    workers = min(wanted, stage.files - 100)
    if workers < wanted:
        stage.leaveOut(
            f"sleepers: {workers:,} workers instead of {wanted:,}: "
            "the system allows no more open files"
        )

    jobs = stage.amount(JOBS, 3)

    def scene(server: RunningServer) -> None:
        with Load(server.port) as load:
            empty = server.tree.memory()
            sleepers = [Sleeper(load) for _ in range(workers)]
            asleep(load, sleepers)
            taken = server.tree.memory() - empty
            client = Client(load, background(SMALL, 1))
            before = server.tree.cpu()
            waits = [_grant(load, client, sleepers) for _ in range(jobs)]
            spent = server.tree.cpu() - before
        table.add(
            f"{workers:,} sleeping workers, one job for all",
            server.server.name,
            {
                "perWorker": taken / workers,
                "woken": sum(sleeper.wakings for sleeper in sleepers) / jobs,
                "granted": statistics.median(waits) * 1e3,
                "slowest": max(waits) * 1e3,
                "cpu": spent / jobs * 1e6,
            },
        )

    stage.inTurn("sleepers", stage.volatile, scene)


def _grant(load: Load, client: Client, sleepers: list[Sleeper]) -> float:
    """
    Submit a job and wait until everything is quiet again.

    @return: how long it took until a worker had the job, in seconds.
    """
    for sleeper in sleepers:
        sleeper.granted.clear()
    load.left = 1
    submitted = time.perf_counter()
    client.start()
    while load.turn(_QUIET):
        if time.perf_counter() > submitted + SILENCE:
            raise Stalled("workers wake and wake")
    granted = [when for sleeper in sleepers for when in sleeper.granted]
    if len(granted) != 1:
        raise Stalled(f"a job was granted {len(granted)} times")
    return granted[0] - submitted
