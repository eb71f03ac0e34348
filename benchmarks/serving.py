"""
The group C{serving}: the servers side by side.
"""

from __future__ import annotations

from benchmarks.load import background, foreground
from benchmarks.scenes import (
    MIB,
    SMALL,
    calls,
    drain,
    echoes,
    perByte,
    submits,
    timed,
)
from benchmarks.servers import RunningServer
from benchmarks.stage import Stage


def play(stage: Stage) -> None:
    """
    Play what servers do all day.
    """
    table = stage.table("serving", "Servers side by side")

    def scene(server: RunningServer) -> None:
        name = server.server.name
        jobs = stage.amount(50_000)
        table.add("background, 4 clients, 64 in flight", name, submits(server, jobs))
        table.add("4 workers emptying the queue", name, drain(server, jobs))
        one = stage.amount(5_000)
        table.add(
            "background, one client, one at a time",
            name,
            timed(server, one, background(SMALL, 1), 0),
        )
        drain(server, one)
        table.add(
            "foreground, 8 clients, 16 in flight, 4 workers",
            name,
            calls(server, stage.amount(30_000)),
        )
        table.add(
            "foreground, one client, one worker, one at a time",
            name,
            timed(server, stage.amount(3_000), foreground(SMALL, 1), 1),
        )
        table.add(
            "foreground, 50 clients, 2 in flight, 100 workers",
            name,
            calls(server, stage.amount(10_000), clients=50, window=2, workers=100),
        )
        table.add(
            "echo, 4 clients, 64 in flight", name, echoes(server, stage.amount(100_000))
        )
        large = calls(server, stage.amount(300), clients=4, window=2, payload=MIB)
        table.add("foreground, workloads of 1 MiB", name, perByte(large, MIB))

    stage.inTurn("serving", stage.volatile, scene)
