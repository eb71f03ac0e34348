"""
The group C{memory}: what a million queued jobs take, and what is given back.
"""

from __future__ import annotations

import time
from typing import Final

from benchmarks.scenes import MIB, drain, submits
from benchmarks.servers import RunningServer
from benchmarks.stage import Stage

JOBS: Final = 1_000_000

_REST: Final = 12.0
"""How long a server has to give memory back after its last job, in seconds."""


def play(stage: Stage) -> None:
    """
    Fill the queue of each server, and empty it. What memory there is hardly
    differs between rounds, so there is but one.
    """
    table = stage.table("memory", "Memory of queued jobs, 32 bytes of workload each")

    def scene(server: RunningServer) -> None:
        jobs = stage.amount(JOBS)
        # So that what is taken once does not count.
        first = stage.amount(1_000)
        submits(server, first)
        drain(server, first)
        empty = server.tree.memory()
        filling = submits(server, jobs)
        full = server.tree.memory()
        name = server.server.name
        table.add(
            f"{jobs:,} queued jobs",
            name,
            filling | {"perJob": (full - empty) / jobs, "peak": full / MIB},
        )
        emptying = drain(server, jobs)
        time.sleep(_REST)
        drained = server.tree.memory()
        given = (full - drained) / (full - empty) * 100 if full > empty else 0.0
        table.add(
            f"{jobs:,} jobs drained",
            name,
            emptying | {"drained": drained / MIB, "givenBack": given},
        )

    stage.inTurn("memory", stage.volatile, scene, rounds=1)
