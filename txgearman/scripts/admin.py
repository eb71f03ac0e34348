"""
C{txgearadmin}: asks a job server, and tells it.

It has the options of gearadmin, and prints what gearadmin prints. Other than
gearadmin it does what it is told in the order in which it is told, and a refusal
is an exit status of 1.
"""

from __future__ import annotations

import sys
from argparse import Action, ArgumentParser, Namespace
from collections.abc import Callable, Sequence
from math import inf
from typing import Any

from attrs import astuple
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime

from txgearman.admin import AdminClient, ClientRow, Connected
from txgearman.connection.servers import Server, serversFrom
from txgearman.errors import BadSetting, GearmanError, ServerError
from txgearman.scripts.numbers import number, seconds
from txgearman.scripts.output import complain, openStreams, plain, say, sayJSON, shown
from txgearman.scripts.running import UNREACHABLE, reasonOf, run
from txgearman.scripts.servers import addSharedOptions, serversOf

Do = Callable[[AdminClient, Sequence[str]], Deferred[Any]]

_QUESTIONS: dict[str, tuple[str, Do]] = {
    "--status": ("functions and how they fare", lambda a, _: a.status()),
    "--priority-status": (
        "functions and what waits for them, by priority",
        lambda a, _: a.priorityStatus(),
    ),
    "--workers": ("who is connected", lambda a, _: a.workers()),
    "--show-jobs": ("the jobs", lambda a, _: a.jobs()),
    "--jobs": ("who runs which job, if the server says so", lambda a, _: a.waiting()),
    "--show-unique-jobs": ("the uniques of the jobs", lambda a, _: a.uniques()),
    "--clients": ("who waits for which jobs, likewise", lambda a, _: a.clients()),
    "--server-version": ("the server's version", lambda a, _: a.version()),
    "--server-verbose": ("how much the server logs", lambda a, _: a.verbosity()),
    "--getpid": ("the server's process id", lambda a, _: a.processId()),
    "--shutdown": ("stop the server", lambda a, _: a.shutDown()),
    "--shutdown-graceful": (
        "stop the server when its running jobs have ended",
        lambda a, _: a.shutDown(True),
    ),
}

_ORDERS: dict[str, tuple[str, str, Do]] = {
    "--create-function": (
        "F",
        "make a function known",
        lambda a, w: a.createFunction(*w),
    ),
    "--drop-function": ("F", "forget a function", lambda a, w: a.dropFunction(*w)),
    "--cancel-job": ("HANDLE", "end a job", lambda a, w: a.cancel(*w)),
}


class _Queue(Action):
    """
    Puts an operation behind those that the command line named before it.
    """

    def __call__(
        self,
        parser: ArgumentParser,
        namespace: Namespace,
        values: Any,
        option: str | None = None,
    ) -> None:
        namespace.operations.append((self.const, values or []))


def _maxQueue(admin: AdminClient, words: Sequence[str]) -> Deferred[None]:
    """
    Limit a queue.

    @raise BadSetting: for limits that are none.
    """
    function, *limits = words
    if len(limits) not in (0, 1, 3) or not all(limit.isdecimal() for limit in limits):
        raise BadSetting("--maxqueue takes a function and none, one or three numbers")
    return admin.maxQueue(function, *map(int, limits))


def _parser() -> ArgumentParser:
    """
    Describe the command line.
    """
    parser = ArgumentParser(
        "txgearadmin",
        usage="txgearadmin [options] OPERATION ...\n       txgearadmin top [options]"
        "\n       txgearadmin store COMMAND ...",
        description="Ask job servers, and tell them.",
        add_help=False,
        allow_abbrev=False,
    )
    addSharedOptions(parser, "how long to wait for an answer [default: 10]")
    parser.add_argument(
        "top",
        nargs="?",
        choices=["top"],
        help="show how servers fare, all the time",
    )
    for name, kind, default, text in (
        ("--interval", seconds, 2.0, "seconds between two looks [default: 2]"),
        ("--looks", number(int, 1), inf, "end after so many looks"),
    ):
        parser.add_argument(
            name, type=kind, default=default, metavar="N", help=f"top: {text}"
        )
    operation = parser.add_argument_group(
        "operations, done in their order"
    ).add_argument
    for name, (text, ask) in _QUESTIONS.items():
        operation(name, action=_Queue, nargs=0, const=ask, help=text)
    for name, (word, text, order) in _ORDERS.items():
        operation(name, action=_Queue, nargs=1, const=order, metavar=word, help=text)
    operation(
        "--maxqueue",
        action=_Queue,
        nargs="+",
        const=_maxQueue,
        metavar=("F", "N"),
        help="limit a function's queue: to N jobs, or three Ns by priority",
    )
    parser.set_defaults(operations=[])
    return parser


def _text(value: Any) -> str:
    """
    Write an answer as gearadmin does.
    """
    if value is None:
        return "OK"
    if isinstance(value, list):
        return "\n".join([*map(_line, value), "."])
    return str(value)


def _line(row: Any) -> str:
    """
    Write a row of a table.
    """
    if isinstance(row, bytes):
        return shown(row)
    if isinstance(row, Connected):
        who = [str(row.number), *map(shown, (row.address, row.clientId)), ":"]
        return " ".join([*who, *map(shown, row.functions)])
    if isinstance(row, ClientRow):
        return "\n\t".join([shown(row.address), *map(_line, row.jobs)])
    cells = astuple(row)
    return "\t".join(shown(c) if isinstance(c, bytes) else str(int(c)) for c in cells)


class _Telling:
    """
    Operations on one server after the other, and what is printed of them.
    """

    def __init__(
        self, reactor: IReactorTime, servers: Sequence[Server], options: Namespace
    ) -> None:
        self._reactor = reactor
        self._servers = servers
        self._options = options

    async def all(self) -> int:
        """
        Do everything on every server.

        @return: the exit status: 1 when one refuses something.
        """
        status = 0
        for server in self._servers:
            if len(self._servers) > 1 and not self._options.json:
                say(f"{server.name}:")
            admin = AdminClient(self._reactor, server.endpoint)
            try:
                for do, words in self._options.operations:
                    status |= await self._one(server, admin, do, words)
            except UNREACHABLE as error:
                complain(f"txgearadmin: cannot reach {server.name}: {reasonOf(error)}")
                status = 1
            await admin.close()
        return status

    async def _one(
        self, server: Server, admin: AdminClient, do: Do, words: Sequence[str]
    ) -> int:
        try:
            asked = do(admin, words)
            value = await asked.addTimeout(self._options.timeout, self._reactor)
        except (ServerError, ValueError) as error:
            complain(f"Error: {error}")
            return 1
        if not self._options.json:
            say(_text(value))
        elif len(self._servers) > 1:
            sayJSON({"server": server.name, "answer": plain(value)})
        else:
            sayJSON(value)
        return 0


async def _main(reactor: IReactorTime, options: Namespace) -> int:
    """
    Do what the command line says.

    @return: the exit status.
    """
    servers = serversFrom(reactor, serversOf(options))
    if not options.top:
        return await _Telling(reactor, servers, options).all()
    try:
        from txgearman.scripts.top import watch
    except ModuleNotFoundError as error:
        raise GearmanError(f"top needs txgearman[tools]: {error}") from None
    return await watch(reactor, servers, options)


def main(arguments: Sequence[str] | None = None) -> None:
    """
    The tool.

    @raise SystemExit: with its exit status.
    """
    openStreams()
    words = list(sys.argv[1:] if arguments is None else arguments)
    if words[:1] == ["store"]:
        from txgearman.scripts import stores

        stores.main(words[1:])
        return
    parser = _parser()
    options = parser.parse_args(words)
    if not (options.operations or options.top):
        parser.error("nothing to do: name an operation, or top")
    if options.timeout is None:
        options.timeout = 10.0
    run("txgearadmin", lambda reactor: _main(reactor, options))
