"""
C{txgearadmin}: asks a job server, and tells it.

It has the options of gearadmin, and prints what gearadmin prints. Other than
gearadmin it does what it is told in the order in which it is told, and a refusal
is an exit status of 1.
"""

from __future__ import annotations

import sys
from argparse import Action, ArgumentParser, Namespace
from collections.abc import Sequence
from math import inf
from typing import Any

from twisted.internet.interfaces import IReactorTime

from txgearman.admin import AdminClient
from txgearman.connection.servers import Server, serversFrom
from txgearman.errors import GearmanError, ServerError
from txgearman.scripts.numbers import number, seconds
from txgearman.scripts.operations import OPERATIONS, Operation
from txgearman.scripts.output import complain, openStreams, plain, say, sayJSON
from txgearman.scripts.running import UNREACHABLE, reasonOf, run
from txgearman.scripts.servers import addSharedOptions, serversOf


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
        if values is self.const:
            # What argparse gives for a word that may be missing, and is.
            values = []
        words = [values] if isinstance(values, str) else values
        namespace.operations.append((self.const, words or []))


def _parser() -> ArgumentParser:
    """
    Describe the command line.
    """
    parser = ArgumentParser(
        "txgearadmin",
        usage="txgearadmin [options] OPERATION ...\n       txgearadmin top [options]"
        "\n       txgearadmin store COMMAND ..."
        "\n       txgearadmin fleet [COMMAND ...]",
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
    for title, operations in OPERATIONS.items():
        group = parser.add_argument_group(title)
        for one in operations:
            group.add_argument(
                f"--{one.option}",
                action=_Queue,
                nargs=one.nargs,
                const=one,
                metavar=one.metavar,
                help=one.about,
            )
    parser.set_defaults(operations=[])
    return parser


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
                for operation, words in self._options.operations:
                    status |= await self._one(server, admin, operation, words)
            except UNREACHABLE as error:
                complain(f"txgearadmin: cannot reach {server.name}: {reasonOf(error)}")
                status = 1
            await admin.close()
        return status

    async def _one(
        self,
        server: Server,
        admin: AdminClient,
        operation: Operation,
        words: Sequence[str],
    ) -> int:
        try:
            asked = operation.do(admin, words)
            value = await asked.addTimeout(self._options.timeout, self._reactor)
        except (ServerError, ValueError) as error:
            complain(f"Error: {error}")
            return 1
        if not self._options.json:
            operation.show(value)
        elif len(self._servers) > 1:
            answer = plain(operation.plain(value))
            sayJSON({"server": server.name, "answer": answer})
        else:
            sayJSON(operation.plain(value))
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
    if words[:1] == ["fleet"]:
        from txgearman.scripts import fleet

        fleet.main(words[1:])
        return
    parser = _parser()
    options = parser.parse_args(words)
    if not (options.operations or options.top):
        parser.error("nothing to do: name an operation, or top")
    if options.timeout is None:
        options.timeout = 10.0
    run("txgearadmin", lambda reactor: _main(reactor, options))
