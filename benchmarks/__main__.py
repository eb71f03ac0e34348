"""
The command C{python -m benchmarks}.
"""

from __future__ import annotations

import argparse
import signal
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, NoReturn

from benchmarks import (
    about,
    durable,
    libraries,
    memory,
    plots,
    report,
    scale,
    serving,
    sleepers,
)
from benchmarks.processes import openFiles
from benchmarks.results import Results
from benchmarks.servers import SERVERS, Server
from benchmarks.stage import Stage

GROUPS: Final[dict[str, Callable[[Stage], None]]] = {
    "serving": serving.play,
    "libraries": libraries.play,
    "sleepers": sleepers.play,
    "scale": scale.play,
    "memory": memory.play,
    "durable": durable.play,
}
"""The groups of benchmarks, in the order in which they are played."""

FILES: Final = 12_000
"""How many open files ten thousand connections take."""

ENDINGS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
"""The signals that end a run."""


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description="Play the same on several job servers, clients and workers in "
        "turn, and write a table, the figures and pictures of them.",
        epilog=f"Groups: {', '.join(GROUPS)}. Servers: "
        f"{', '.join(server.name for server in SERVERS)}; the others are compared "
        "with the first one. benchmarks/README.md says how to read the results.",
    )
    parser.add_argument(
        "groups", nargs="*", metavar="GROUP", help="what to play; by default all"
    )
    parser.add_argument(
        "--rounds",
        type=_least(int, 1),
        default=3,
        metavar="N",
        help="how often; the medians are shown (3)",
    )
    parser.add_argument(
        "--scale",
        type=_least(float, 1e-6),
        default=1.0,
        metavar="X",
        help="multiply all amounts of work by this (1.0); 0.01 for a quick look",
    )
    parser.add_argument(
        "--output",
        type=Path,
        default=Path("benchmarks/results"),
        metavar="FOLDER",
        help="where the results go (benchmarks/results)",
    )
    parser.add_argument(
        "--servers",
        metavar="NAMES",
        help="the servers to play, by their names, with commas between them",
    )
    parser.add_argument(
        "--server",
        action="append",
        default=[],
        type=Server.parse,
        metavar="NAME=COMMAND",
        help="play another server too, repeatable; {port} and {folder} stand in the "
        "command for a port and an empty folder",
    )
    parser.add_argument(
        "--durable",
        action="append",
        default=[],
        type=lambda text: Server.parse(text, durable=True),
        metavar="NAME=COMMAND",
        help="the same for a server that keeps its jobs on a disk: it is played in "
        "the group durable alone",
    )
    return parser


def _least(kind: type[int] | type[float], low: float) -> Callable[[str], float]:
    def read(text: str) -> float:
        number = kind(text)
        if not low <= number < float("inf"):
            raise ValueError
        return number

    read.__name__ = f"number of {low:g} or more"
    return read


def _known(
    parser: argparse.ArgumentParser,
    what: str,
    names: Sequence[str],
    known: Sequence[str],
) -> None:
    for name in names:
        if name not in known:
            parser.error(f"no {what} {name!r}; there are {', '.join(known)}")


def _servers(
    parser: argparse.ArgumentParser, arguments: argparse.Namespace
) -> list[Server]:
    servers = {
        server.name: server
        for server in [*SERVERS, *arguments.server, *arguments.durable]
    }
    if arguments.servers is None:
        return list(servers.values())
    names = arguments.servers.split(",")
    _known(parser, "server", names, list(servers))
    return [servers[name] for name in names]


def _installed(servers: Sequence[Server], results: Results) -> list[Server]:
    for server in servers:
        if not server.installed:
            note = f"{server.name} is left out: no program {server.command[0]}"
            results.notes.append(note)
            _say(note)
    return [server for server in servers if server.installed]


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _endBySignal(number: int, _: object) -> NoReturn:
    # A second one must not disturb the cleaning up after the first.
    for ending in ENDINGS:
        signal.signal(ending, signal.SIG_IGN)
    sys.exit(128 + number)


def main() -> int:
    """
    Play what the command line asks for.

    @return: the exit status: 1 when something could not be played to its end.
    """
    parser = _parser()
    arguments = parser.parse_args()
    groups = arguments.groups or list(GROUPS)
    _known(parser, "group", groups, list(GROUPS))
    servers = _servers(parser, arguments)
    # Whatever ends this, its servers end with it.
    for number in ENDINGS:
        signal.signal(number, _endBySignal)
    arguments.output.mkdir(parents=True, exist_ok=True)
    results = Results()
    facts = about.circumstances(arguments.rounds, arguments.scale)
    stage = Stage(
        _installed(servers, results),
        int(arguments.rounds),
        arguments.scale,
        openFiles(FILES),
        results,
        _say,
    )
    began = time.monotonic()
    for group in groups:
        GROUPS[group](stage)
    facts["it took"] = f"{time.monotonic() - began:.0f} seconds"
    page = report.writeReport(arguments.output, facts, results)
    try:
        plots.plot(arguments.output, results)
    except ModuleNotFoundError:
        _say("no plots: they need matplotlib, which the extra bench brings")
    print(page.read_text())
    _say(f"written to {arguments.output}")
    return 1 if results.failures else 0


if __name__ == "__main__":
    sys.exit(main())
