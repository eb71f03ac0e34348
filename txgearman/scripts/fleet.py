"""
C{txgearadmin fleet}: looks at the worker processes that a C{twistd gearman-worker}
keeps, and tells it what to do with them. It talks to no job server.
"""

from __future__ import annotations

from argparse import SUPPRESS, ArgumentParser, Namespace
from collections.abc import Mapping, Sequence
from typing import Any, Final

from attrs import frozen
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime

from txgearman.fleet.settings import CONTROL
from txgearman.fleet.telling import tell
from txgearman.scripts.numbers import number, seconds
from txgearman.scripts.output import say, sayJSON
from txgearman.scripts.running import run
from txgearman.scripts.tables import asTable

_PATIENCE: Final = 10.0

# As what an age is written: so many seconds have such a name.
_UNITS: Final = ((86400, "d"), (3600, "h"), (60, "m"), (1, "s"))


@frozen
class _GroupLine:
    """
    What is printed of a group.
    """

    group: str
    wanted: int
    children: int
    bounds: str
    state: str


@frozen
class _ChildLine:
    """
    What is printed of a child.

    @ivar only: the one function that it is for.
    """

    group: str
    number: int
    pid: str
    state: str
    age: str
    restarts: int
    jobs: int
    only: str
    job: str


def _show(groups: Sequence[Mapping[str, Any]]) -> None:
    """
    Print groups and their children.
    """
    say(asTable(_GroupLine, map(_groupLine, groups)))
    lines = [
        _childLine(group, child) for group in groups for child in group["children"]
    ]
    if lines:
        say("")
        say(asTable(_ChildLine, lines))


def _groupLine(group: Mapping[str, Any]) -> _GroupLine:
    scaled = group["max"] is not None
    states = {
        "paused": group["paused"],
        "by hand": group["held"],
        "autoscaled": scaled and not group["held"],
    }
    return _GroupLine(
        group["group"],
        group["count"],
        len(group["children"]),
        f"{group['min']}-{group['max']}" if scaled else "",
        ", ".join(name for name, so in states.items() if so),
    )


def _childLine(group: Mapping[str, Any], child: Mapping[str, Any]) -> _ChildLine:
    return _ChildLine(
        group["group"],
        child["number"],
        str(child["pid"] or ""),
        child["state"],
        _age(child["age"]) if child["pid"] else "",
        child["restarts"],
        child["jobs"],
        child["dedicated"],
        f"{child['function']} {child['handle']}".strip(),
    )


def _age(seconds: float) -> str:
    """
    Write how long something is, by its two largest units: C{2h05m}.
    """
    rest, parts = int(seconds), list[str]()
    for size, name in _UNITS:
        amount, rest = divmod(rest, size)
        if amount or parts or size == 1:
            parts.append(f"{amount:02}{name}" if parts else f"{amount}{name}")
    return "".join(parts[:2])


def _parser() -> ArgumentParser:
    """
    Describe the command line.
    """
    parser = ArgumentParser(
        "txgearadmin fleet",
        description="Look at the children of a twistd gearman-worker, and tell it what"
        " to do with them.",
        allow_abbrev=False,
    )
    # Before the command or behind it.
    shared = ArgumentParser(add_help=False, argument_default=SUPPRESS)
    for one in parser, shared:
        one.add_argument(
            "--control",
            metavar="PATH",
            help=f"the control socket [default: {CONTROL}]",
        )
        one.add_argument(
            "--timeout",
            type=seconds,
            metavar="SECONDS",
            help=f"how long to wait for an answer [default: {_PATIENCE:g}]",
        )
        one.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(control=CONTROL, do="list", group=None, count=None, wait=None)
    commands = parser.add_subparsers(metavar="COMMAND")

    def command(name: str, text: str) -> ArgumentParser:
        described = f"{text[0].upper()}{text[1:]}."
        made = commands.add_parser(
            name,
            help=text,
            description=described,
            allow_abbrev=False,
            parents=[shared],
            argument_default=SUPPRESS,
        )
        made.set_defaults(do=name)
        return made

    command("list", "tell all about groups and children; this is the default")
    scale = command(
        "scale",
        "give a group so many children; one that is autoscaled keeps them until it is"
        " resumed",
    )
    restart = command("restart", "replace children, one after the other")
    pause = command("pause", "stop the children of a group, and start none")
    resume = command("resume", "undo that, and let a group be autoscaled again")
    for made in scale, pause, resume:
        made.add_argument("group", metavar="GROUP")
    scale.add_argument("count", type=number(int, 0), metavar="N")
    restart.add_argument("group", nargs="?", metavar="GROUP", help="[default: all]")
    restart.add_argument(
        "--wait", action="store_true", help="end when all of them are replaced"
    )
    return parser


def _request(options: Namespace) -> dict[str, Any]:
    """
    Make a request of a command line.
    """
    said = {name: getattr(options, name) for name in ("do", "group", "count", "wait")}
    return {name: one for name, one in said.items() if one is not None}


async def _main(reactor: IReactorTime, options: Namespace) -> int:
    """
    Do what the command line says.

    @return: the exit status.
    """
    request = _request(options)
    patience = options.timeout
    if patience is None and not options.wait:
        patience = _PATIENCE
    telling = Deferred.fromCoroutine(tell(reactor, options.control, request))
    if patience is not None:
        telling.addTimeout(patience, reactor)
    answer = await telling
    if options.json:
        sayJSON(answer)
    elif options.do == "list":
        _show(answer)
    else:
        say("OK")
    return 0


def main(arguments: Sequence[str]) -> None:
    """
    The tool.

    @param arguments: what stands behind C{fleet} on the command line.
    @raise SystemExit: with its exit status.
    """
    options = _parser().parse_args(arguments)
    run("txgearadmin", lambda reactor: _main(reactor, options))
