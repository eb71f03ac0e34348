"""
The group C{durable}: what it costs to keep jobs on a disk.
"""

from __future__ import annotations

from benchmarks.load import background
from benchmarks.scenes import SMALL, drain, submits, timed
from benchmarks.servers import RunningServer
from benchmarks.stage import Stage


def play(stage: Stage) -> None:
    """
    Play the same on servers that keep their jobs on a disk and, to compare, on
    those that do not.
    """
    if not any(server.durable for server in stage.servers):
        stage.leaveOut("durable: no durable server")
        return
    table = stage.table("durable", "Jobs on a disk")

    def scene(server: RunningServer) -> None:
        name = server.server.name
        jobs, one = stage.amount(2_000), stage.amount(300)
        table.add(
            "background, one client, one at a time",
            name,
            timed(server, one, background(SMALL, 1), 0),
        )
        table.add("background, 4 clients, 64 in flight", name, submits(server, jobs))
        table.add(
            "background, 50 clients, one at a time each",
            name,
            submits(server, jobs, clients=50, window=1),
        )
        table.add(
            "4 workers emptying the queue", name, drain(server, jobs + jobs + one)
        )

    stage.inTurn("durable", stage.servers, scene)
