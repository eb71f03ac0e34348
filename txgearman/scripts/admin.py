"""
C{txgearadmin}: asks a job server, and tells it.

It has the options of gearadmin, and prints what gearadmin prints. Other than
gearadmin it does what it is told in the order in which it is told, and a refusal
is an exit status of 1.
"""

from __future__ import annotations

import json
import sys
from argparse import Action, ArgumentParser, Namespace
from collections.abc import Callable, Sequence
from typing import Any

from attrs import asdict, astuple
from twisted.internet.defer import Deferred
from twisted.internet.defer import TimeoutError as DeferredTimeout
from twisted.internet.error import ConnectError, ConnectionDone, ConnectionLost
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import react

from txgearman.admin import AdminClient, Connected
from txgearman.errors import BadSetting, ServerError
from txgearman.version import __version__

Do = Callable[[AdminClient, Sequence[str]], Deferred[Any]]

_QUESTIONS: dict[str, tuple[str, Do]] = {
    "--status": ("functions and how they fare", lambda a, _: a.status()),
    "--priority-status": (
        "functions and what waits for them, by priority",
        lambda a, _: a.priorityStatus(),
    ),
    "--workers": ("who is connected", lambda a, _: a.workers()),
    "--show-jobs": ("the jobs", lambda a, _: a.jobs()),
    "--show-unique-jobs": ("the uniques of the jobs", lambda a, _: a.uniques()),
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
        "txgearadmin", description="Ask a job server, and tell it.", add_help=False
    )
    add = parser.add_argument
    add("-H", "--help", action="help", help="print this and exit")
    add("-V", "--version", action="version", version=f"txgearman {__version__}")
    add("-h", "--host", default="localhost", help="where the server is")
    add("-p", "--port", type=int, default=4730, help="its TCP port")
    add("--endpoint", help="a Twisted endpoint instead, such as tls:host:4730")
    add("--timeout", type=float, default=10.0, help="seconds to wait for an answer")
    add("--json", action="store_true", help="print JSON")
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
        return _readable(row)
    if isinstance(row, Connected):
        who = [str(row.number), *map(_readable, (row.address, row.clientId)), ":"]
        return " ".join([*who, *map(_readable, row.functions)])
    cells = astuple(row)
    return "\t".join(
        _readable(c) if isinstance(c, bytes) else str(int(c)) for c in cells
    )


def _readable(name: bytes) -> str:
    """
    A name as text.
    """
    return name.decode("utf-8", "backslashreplace")


def _plain(value: Any) -> Any:
    """
    Make what JSON can say of an answer.
    """
    if isinstance(value, bytes):
        return _readable(value)
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    if hasattr(value, "__attrs_attrs__"):
        return {key: _plain(one) for key, one in asdict(value, recurse=False).items()}
    return value


async def _run(reactor: IReactorTime, options: Namespace) -> int:
    """
    Do what the command line says.

    @return: the exit status.
    """
    endpoint = options.endpoint or f"tcp:{options.host}:{options.port}"
    admin = AdminClient(reactor, endpoint)
    status = 0
    for do, words in options.operations:
        try:
            value = await do(admin, words).addTimeout(options.timeout, reactor)
        except (ServerError, ValueError) as error:
            status = 1
            print(f"Error: {error}", file=sys.stderr)
        else:
            print(json.dumps(_plain(value)) if options.json else _text(value))
    await admin.close()
    return status


async def _main(reactor: IReactorTime, arguments: Sequence[str]) -> None:
    """
    Run the tool.

    @raise SystemExit: with its exit status, if that is not 0.
    """
    parser = _parser()
    options = parser.parse_args(arguments)
    if not options.operations:
        parser.error("nothing to do: name an operation")
    try:
        status = await _run(reactor, options)
    except (ConnectError, ConnectionLost, ConnectionDone) as error:
        raise SystemExit(f"txgearadmin: cannot reach the server: {error}") from None
    except DeferredTimeout:
        late = f"no answer within {options.timeout} s"
        raise SystemExit(f"txgearadmin: {late}") from None
    except BadSetting as error:
        raise SystemExit(f"txgearadmin: {error}") from None
    if status:
        raise SystemExit(status)


def main(arguments: Sequence[str] | None = None) -> None:
    """
    The tool C{txgearadmin}.
    """
    words = sys.argv[1:] if arguments is None else arguments
    react(lambda reactor: Deferred.fromCoroutine(_main(reactor, words)))
