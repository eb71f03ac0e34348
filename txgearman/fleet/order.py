"""
What a child is: its command line and its environment.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from attrs import frozen

from txgearman.errors import BadSetting
from txgearman.fleet.settings import GroupSettings
from txgearman.wire.packets import PORT

Chance = Callable[[], float]
"""
Draws numbers from 0 to 1, evenly.
"""

REPORT: Final = 3
"""
The file descriptor that a Python child reports on.
"""

PLACES: Final = ("servers", "host", "port", "group", "number", "functions")
"""
What stands in braces in a command's words for what it is handed.
"""

_PLACE = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[{}]")
_TCP = re.compile(r"(?:tcp:)?(?:\[([^]]+)\]|([^:\[\]/\\=]+)):([0-9]{1,5})")


@frozen
class Order:
    """
    One child to start. Times are in seconds.

    @ivar name: what the log calls it.
    @ivar words: its command line.
    @ivar variables: of its environment, beside the master's own.
    @ivar reports: whether it reports to the master.
    @ivar directory: its working directory; L{None} for the master's.
    @ivar user: whom it runs as; L{None} for the master's own user.
    @ivar stopTimeout: from SIGTERM to SIGKILL.
    @ivar lifetime: how long it lives; 0 for any time.
    @ivar limited: whether it ends by itself after some jobs.
    """

    name: str
    words: tuple[str, ...]
    variables: Mapping[str, str]
    reports: bool
    directory: str | None = None
    user: str | None = None
    stopTimeout: float = 30.0
    lifetime: float = 0.0
    limited: bool = False


def orderFor(
    settings: GroupSettings,
    servers: Sequence[str],
    fleet: str,
    number: int,
    dedicated: str,
    chance: Chance,
) -> Order:
    """
    Say what a group's next child is.

    @param servers: the names of the servers, one or more; a comma in one of them has
        a backslash.
    @param fleet: what the fleet is known by.
    @param number: the child's place.
    @param dedicated: the only function that it serves; empty for those of the group.
    @raise BadSetting: for a command that cannot be.
    """
    functions = ",".join([dedicated] if dedicated else settings.functions)
    jobs = splayedJobs(settings.maxJobs, settings.splay, chance)
    names = list(map(plainName, servers))
    variables = {
        **settings.environment,
        "GEARMAN_SERVERS": ",".join(names),
        "TXGEARMAN_FLEET": fleet,
        "TXGEARMAN_GROUP": settings.name,
        "TXGEARMAN_CHILD": str(number),
    }
    if functions:
        variables["GEARMAN_FUNCTIONS"] = functions
    if jobs:
        variables["GEARMAN_MAX_JOBS"] = str(jobs)
    if settings.target:
        variables["TXGEARMAN_REPORT"] = str(REPORT)
        words = _pythonWords(settings, functions, jobs)
    else:
        handed = {
            "servers": variables["GEARMAN_SERVERS"],
            "group": settings.name,
            "number": str(number),
            "functions": functions,
        }
        words = [_filled(word, handed, names[0]) for word in settings.command]
    return Order(
        f"{settings.name}[{number}]",
        tuple(words),
        variables,
        bool(settings.target),
        settings.directory,
        settings.user,
        settings.stopTimeout,
        splayed(settings.maxLifetime, settings.splay, chance),
        jobs > 0,
    )


def checkCommand(settings: GroupSettings, servers: Sequence[str]) -> None:
    """
    Look whether a group's children can be started, as far as can be told before.

    @raise BadSetting: when they cannot.
    """
    orderFor(settings, servers, "", 1, "", lambda: 0.5)


def _pythonWords(settings: GroupSettings, functions: str, jobs: int) -> list[str]:
    """
    The command line of a Python child.
    """
    # Not with the folder that it runs in among the places of modules: an email.py
    # there is not Python's. It puts that folder there itself when all else is imported.
    words = [sys.executable, "-P", "-m", "txgearman.fleet.child", settings.target]
    if functions:
        words += ["--functions", functions]
    if jobs:
        words += ["--max-jobs", str(jobs)]
    if settings.concurrency != 1:
        words += ["--concurrency", str(settings.concurrency)]
    # It gives up by itself a little before it would be killed.
    patience = settings.stopTimeout - min(1.0, settings.stopTimeout / 10)
    return [*words, "--stop-timeout", f"{patience:g}"]


def splayedJobs(jobs: int, splay: float, chance: Chance) -> int:
    """
    Make a number of jobs larger or smaller by chance; 0 stays 0.
    """
    return max(1, round(splayed(jobs, splay, chance))) if jobs else 0


def splayed(amount: float, splay: float, chance: Chance) -> float:
    """
    Make an amount larger or smaller by chance.

    @param splay: by which share at most.
    """
    return amount * (1 + splay * (2 * chance() - 1))


def plainName(server: str) -> str:
    """
    Name a server as everybody understands it, C{host:port}, where that can be; a
    Twisted endpoint stays what it is.
    """
    match = _TCP.fullmatch(server)
    if match is not None:
        address, host, port = match.groups()
        return f"[{address}]:{port}" if address else f"{host}:{port}"
    if re.fullmatch(r"[^:\[\]/\\=]+|\[[^]]+\]", server):
        return f"{server}:{PORT}"
    if re.fullmatch(r"[0-9A-Fa-f:.]+", server):
        # A bare address of IPv6.
        return f"[{server}]:{PORT}"
    return server


def _hostAndPort(name: str) -> tuple[str, str]:
    """
    Part a server's name.

    @raise BadSetting: for one that has no host and port.
    """
    match = _TCP.fullmatch(name)
    if match is None:
        raise BadSetting(f"command: {name!r} has no {{host}} and {{port}}")
    address, host, port = match.groups()
    return address or host, port


def _filled(word: str, handed: Mapping[str, str], server: str) -> str:
    """
    Put into a word what the child is handed.

    @raise BadSetting: for braces around anything else.
    """

    def fill(match: re.Match[str]) -> str:
        found, place = match.group(0), match.group(1)
        if found in ("{{", "}}"):
            return found[0]
        if place in handed:
            return handed[place]
        if place in ("host", "port"):
            return _hostAndPort(server)[place == "port"]
        known = ", ".join(f"{{{name}}}" for name in PLACES)
        raise BadSetting(
            f"command: {found!r:.80} is none of {known}; braces are doubled"
        )

    return _PLACE.sub(fill, word)
