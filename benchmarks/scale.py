"""
The group C{scale}: how much of its rate a server keeps when much is asked of it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from benchmarks.load import Load, Worker
from benchmarks.results import Figures
from benchmarks.scenes import MIB, asleep, calls, drain, perByte, submits
from benchmarks.servers import RunningServer
from benchmarks.stage import Stage

Part = Callable[[Stage, RunningServer], dict[str, Figures]]

HUGE: Final = 64 * MIB - 4096
"""A packet has room for no more than 64 MiB, its other arguments included."""


def against(small: Figures, large: Figures, again: Figures | None = None) -> Figures:
    """
    Compare the figures of the large case with those of the small one.

    @param again: those of the small one after the large one: a machine that others
        use as well gets slower or faster meanwhile.
    """
    if again is not None:
        small = {name: (small[name] + again[name]) / 2 for name in ("rate", "cpu")}
    figures = {
        "small": small["rate"],
        "large": large["rate"],
        "kept": large["rate"] / small["rate"],
        "cpuSmall": small["cpu"],
        "cpuLarge": large["cpu"],
    }
    # With next to no work, the system may not have counted any yet.
    if small["cpu"]:
        figures["cpuGrown"] = large["cpu"] / small["cpu"]
    return figures


def queued(stage: Stage, server: RunningServer) -> dict[str, Figures]:
    """
    Compare a long queue with a short one.
    """
    long, short = stage.amount(1_000_000), stage.amount(10_000)
    jobs = stage.amount(20_000)
    submits(server, short)
    submitted, drained = submits(server, jobs), drain(server, jobs)
    submits(server, long - short)
    queue = f"with {long:,} queued against {short:,}"
    return {
        f"background submits {queue}": against(submitted, submits(server, jobs)),
        f"4 workers taking jobs {queue}": against(drained, drain(server, jobs)),
    }


def functions(stage: Stage, server: RunningServer) -> dict[str, Figures]:
    """
    Compare many functions, each of which every worker can do, with one.
    """
    many, jobs = stage.amount(5_000, 2), stage.amount(40_000)
    # That a function is new costs something, and only once.
    submits(server, many, functions=many)
    drain(server, many, functions=many)
    submitted, drained = [], []
    for count in (1, many, 1):
        submitted.append(submits(server, jobs, functions=count))
        drained.append(drain(server, jobs, functions=count))
    case = f"of {many:,} functions against one"
    return {
        f"background submits {case}": against(*submitted),
        f"4 workers taking jobs {case}": against(*drained),
    }


def connections(stage: Stage, server: RunningServer) -> dict[str, Figures]:
    """
    Compare many connections with few: idle ones beside those that work, and many
    that work.
    """
    many = min(stage.amount(10_000, 10), stage.files - 100)
    jobs = stage.amount(20_000, many)
    alone = calls(server, jobs)
    with Load(server.port) as load:
        asleep(load, [IdleWorker(load) for _ in range(many)])
        beside = calls(server, jobs)
    aloneAgain = calls(server, jobs)
    submitting = (
        submits(server, jobs, clients=clients, window=1) for clients in (10, many, 10)
    )
    return {
        f"foreground beside {many:,} idle connections": against(
            alone, beside, aloneAgain
        ),
        f"background submits from {many:,} connections against 10": against(
            *submitting
        ),
    }


class IdleWorker(Worker):
    """
    A worker of a function that has no jobs.
    """

    def __init__(self, load: Load) -> None:
        super().__init__(load, functions=2, asleep=True)


def payloads(stage: Stage, server: RunningServer) -> dict[str, Figures]:
    """
    Compare large workloads with small ones, byte for byte.
    """
    large = min(stage.amount(HUGE), HUGE)
    small = max(large // 64, 1)
    figures = []
    for payload, jobs in [(small, 256), (large, 4), (small, 256)]:
        yielded = calls(server, jobs, clients=1, window=1, workers=1, payload=payload)
        each = perByte(yielded, payload)
        figures.append({"rate": each["throughput"], "cpu": each["cpuPerMiB"]})
    case = f"MiB in workloads of {large / MIB:.4g} MiB against {small / MIB:.4g} MiB"
    return {case: against(*figures)}


def play(stage: Stage) -> None:
    """
    Compare each server with itself.
    """
    table = stage.table("scale", "Much against little, each server with itself", [])
    parts: list[Part] = [queued, functions, connections, payloads]
    for part in parts:

        def scene(server: RunningServer, part: Part = part) -> None:
            for case, figures in part(stage, server).items():
                table.add(case, server.server.name, figures)

        stage.inTurn(f"scale, {part.__name__}", stage.volatile, scene)
