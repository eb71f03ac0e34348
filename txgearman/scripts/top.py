"""
C{txgearadmin top}: how job servers fare, all the time.
"""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Sequence
from typing import Any, Final

from attrs import define, frozen
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text
from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater
from twisted.python.failure import Failure

from txgearman.admin import AdminClient, FunctionStatus, PriorityStatus
from txgearman.connection.servers import Server
from txgearman.errors import GearmanError, ServerError
from txgearman.scripts.output import escaped, sayJSON, visible
from txgearman.scripts.running import UNREACHABLE, reasonOf
from txgearman.scripts.waiting import allOf

_NUMBERS: Final = ("queued", "high", "normal", "low", "running", "workers")


@frozen
class Look:
    """
    How a server fares at a moment.

    @ivar seconds: the moment, in seconds of whatever clock there is.
    @ivar connections: how many there are, of clients and workers alike.
    @ivar priorities: what waits, by function; empty when the server does not say.
    """

    seconds: float
    version: str
    connections: int
    functions: Sequence[FunctionStatus]
    priorities: dict[bytes, PriorityStatus]


@define(eq=False)
class _Watched:
    """
    A server that is looked at.

    @ivar look: what it said last; L{None} when it did not.
    @ivar before: what it had said before that.
    @ivar trouble: why it did not answer.
    """

    server: Server
    admin: AdminClient
    look: Look | None = None
    before: Look | None = None
    trouble: str = ""

    async def ask(self, reactor: Any, timeout: float) -> None:
        """
        Ask the server how it fares.
        """
        self.before, self.look = self.look, None
        try:
            looking = Deferred.fromCoroutine(_look(reactor, self.admin))
            self.look = await looking.addTimeout(timeout, reactor)
        except (*UNREACHABLE, ServerError, ValueError) as error:
            # An answer that makes no sense is a ValueError.
            self.trouble = reasonOf(error)

    def growth(self, function: FunctionStatus) -> float | None:
        """
        By how many jobs a second a function's queue has grown since the last look;
        L{None} when that is not known.
        """
        if self.look is None or self.before is None:
            return None
        passed = self.look.seconds - self.before.seconds
        if not passed:
            return None
        for earlier in self.before.functions:
            if earlier.function == function.function:
                return (function.total - earlier.total) / passed
        return None


async def _look(reactor: Any, admin: AdminClient) -> Look:
    """
    Put all questions at once.
    """
    # Perl's server has no priorities.
    priorities = admin.priorityStatus().addErrback(_nothing)
    asked: list[Deferred[Any]] = [
        admin.status(),
        admin.workers(),
        admin.version(),
        priorities,
    ]
    functions, workers, version, rows = await allOf(asked)
    return Look(
        reactor.seconds(),
        version,
        len(workers),
        sorted(functions, key=lambda row: (-row.total, row.function)),
        {row.function: row for row in rows},
    )


def _nothing(failure: Failure) -> list[PriorityStatus]:
    """
    Make do without an answer that the server refuses.
    """
    failure.trap(ServerError)
    return []


async def watch(reactor: Any, servers: Sequence[Server], options: Namespace) -> int:
    """
    Look at servers again and again.

    @raise GearmanError: when none of them can be reached at the first look.
    """
    watched = [_Watched(one, AdminClient(reactor, one.endpoint)) for one in servers]
    live = Live(console=Console(), auto_refresh=False)
    live.vertical_overflow = "ellipsis"
    try:
        await _lookOn(reactor, live, watched, options)
    finally:
        live.stop()
        for one in watched:
            await one.admin.close()
    return 0


async def _lookOn(
    reactor: Any, live: Live, watched: Sequence[_Watched], options: Namespace
) -> None:
    """
    Look again and again, and show what there is to see.

    @raise GearmanError: when no server can be reached at the first look.
    """
    looks = 0
    while True:
        for one in watched:
            await one.ask(reactor, options.timeout)
        if not (looks or any(one.look for one in watched)):
            troubles = "; ".join(f"{one.server.name}: {one.trouble}" for one in watched)
            raise GearmanError(f"cannot reach {troubles}")
        looks += 1
        if options.json:
            for one in watched:
                sayJSON(_values(one))
        else:
            _show(live, Group(*map(_panel, watched)))
        if looks >= options.looks:
            return
        await deferLater(reactor, options.interval)


def _show(live: Live, what: RenderableType) -> None:
    """
    Put something in the place of what was there, or behind it when it is no
    terminal.
    """
    if live.console.is_terminal:
        live.start()
        live.update(what, refresh=True)
    else:
        live.console.print(what)


def _panel(one: _Watched) -> RenderableType:
    """
    Draw a server.
    """
    name = one.server.name
    if one.look is None:
        return Text(escaped(f"{name}: {one.trouble}"), style="bold red")
    look = one.look
    running = sum(row.running for row in look.functions)
    queued = sum(row.total for row in look.functions) - running
    title = (
        f"{name}  {escaped(look.version)}  connections {look.connections}"
        f"  queued {queued}  running {running}"
    )
    table = Table(box=None, pad_edge=False, expand=False)
    # What may be made narrower is the name, whatever the numbers are.
    table.add_column("function")
    for heading in (*_NUMBERS, "growth/s"):
        table.add_column(heading, justify="right", no_wrap=True)
    for row in look.functions:
        table.add_row(*_cells(one, row), style=_style(row))
    return Group(Text(title, style="bold"), table)


def _cells(one: _Watched, row: FunctionStatus) -> list[RenderableType]:
    assert one.look is not None
    by = one.look.priorities.get(row.function)
    growth = one.growth(row)
    numbers = [
        row.total - row.running,
        *(("", "", "") if by is None else (by.high, by.normal, by.low)),
        row.running,
        row.workers,
        f"{growth:+.1f}" if growth else "",
    ]
    name = Text(visible(row.function), no_wrap=True, overflow="ellipsis")
    return [name, *(str(number) for number in numbers)]


def _style(row: FunctionStatus) -> str:
    """
    What waits and has no worker is what one looks for.
    """
    if row.total > row.running and not row.workers:
        return "red"
    return "" if row.total else "dim"


def _values(one: _Watched) -> dict[str, Any]:
    """
    Say the same in JSON.
    """
    if one.look is None:
        return {"server": one.server.name, "trouble": one.trouble}
    return {
        "server": one.server.name,
        "version": one.look.version,
        "connections": one.look.connections,
        "functions": list(one.look.functions),
        "priorities": list(one.look.priorities.values()),
    }
