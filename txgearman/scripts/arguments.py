"""
The command line of C{txgearman}: the letters of C{gearman}, and what it lacks.
"""

from __future__ import annotations

import os
import shutil
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import NoReturn

from txgearman.board.job import Priority
from txgearman.scripts.numbers import number
from txgearman.scripts.servers import addSharedOptions


class _Parser(ArgumentParser):
    """
    A parser that ends the tool as C{gearman} does when it is called wrongly.
    """

    def error(self, message: str) -> NoReturn:
        """
        Say what is wrong.
        """
        self.exit(1, f"{self.prog}: {message}\nTry: {self.prog} -H\n")


def parse(arguments: Sequence[str]) -> Namespace:
    """
    Read the command line.

    @return: the options; C{words} are the workloads of a client, or the command
        of a worker.
    @raise SystemExit: when something is wrong with it, or after C{-H}.
    """
    given = list(arguments)
    # A command's own options are no business of ours.
    end = given.index("--") if "--" in given else len(given)
    parser = _parser()
    options = parser.parse_intermixed_args(given[:end])
    options.words += given[end + 1 :]
    wrong = _wrong(options)
    if wrong:
        parser.error(wrong)
    return options


def _parser() -> ArgumentParser:
    """
    Describe the command line.
    """
    parser = _Parser(
        "txgearman",
        usage="txgearman -f FUNCTION [options] [--] [WORKLOAD ...]\n"
        "       txgearman -w -f FUNCTION [options] [-- COMMAND [ARGUMENT ...]]\n"
        "       txgearman --ping | --status HANDLE | --status-unique UNIQUE [options]",
        description="Submit jobs, or do them: a client without -w, a worker with it.",
        add_help=False,
        allow_abbrev=False,
    )
    parser.add_argument("words", nargs="*", help="see above")
    parser.set_defaults(priority=Priority.NORMAL)
    both = parser.add_argument_group("a client and a worker")
    addSharedOptions(
        parser,
        "how long to wait for the end of a job, or for an answer; how long a worker's"
        " command may run",
    )
    _addShared(both.add_argument)
    _addClient(parser.add_argument_group("a client").add_argument)
    _addWorker(parser.add_argument_group("a worker").add_argument)
    _addQuestions(parser.add_argument_group("questions to the servers").add_argument)
    return parser


def _addShared(add: Callable[..., object]) -> None:
    add(
        "-f",
        dest="functions",
        action="append",
        default=[],
        metavar="FUNCTION",
        help="the function; may be given several times",
    )
    add("-v", dest="verbose", action="store_true", help="print handles, and tell more")
    add(
        "-t",
        dest="milliseconds",
        type=number(int, 1),
        metavar="MS",
        help="as --timeout, in milliseconds",
    )
    add("-i", dest="pidfile", metavar="FILE", help="keep the process id in a file")
    add("-d", dest="detach", action="store_true", help="go to the background")
    add(
        "-n",
        dest="lines",
        action="store_true",
        help="a client submits a job for each line of stdin; a worker sends each line"
        " of the command's output when it comes",
    )
    add("-N", dest="stripped", action="store_true", help="as -n, without the newlines")
    add(
        "-j",
        "--jobs",
        type=number(int, 1),
        default=1,
        metavar="N",
        help="do so many jobs, or wait for so many, at once [default: 1]",
    )
    add(
        "--retry",
        action="store_true",
        help="go on trying when no server can be reached, instead of giving up",
    )


def _addClient(add: Callable[..., object]) -> None:
    add("-b", dest="background", action="store_true", help="wait for no result")
    add(
        "-I",
        dest="priority",
        action="store_const",
        const=Priority.HIGH,
        help="high priority",
    )
    add(
        "-L",
        dest="priority",
        action="store_const",
        const=Priority.LOW,
        help="low priority",
    )
    add(
        "-P",
        dest="prefix",
        action="store_true",
        help="print the function before it all",
    )
    add("-s", dest="silent", action="store_true", help="read nothing from stdin")
    add(
        "-u",
        dest="unique",
        default="",
        metavar="UNIQUE",
        help="the unique; # for a"
        " hash of the workload, - for the workload itself [default: a random one]",
    )
    add(
        "--at",
        type=_moment,
        metavar="TIME",
        help="run it then: seconds of the epoch, or 2030-01-31T08:00",
    )
    add(
        "--delay",
        type=number(float, 0),
        metavar="SECONDS",
        help="run it so much later",
    )
    add("--reducer", metavar="FUNCTION", help="the function that joins the results")


def _addWorker(add: Callable[..., object]) -> None:
    add(
        "-w",
        dest="worker",
        action="store_true",
        help="be a worker: the command gets"
        " the workload on stdin, and its stdout is the result; without one, workloads"
        " are printed",
    )
    add(
        "-c",
        dest="count",
        type=number(int, 0),
        default=0,
        metavar="N",
        help="end after so many jobs; 0 for never",
    )


def _addQuestions(add: Callable[..., object]) -> None:
    add("--ping", action="store_true", help="how fast do the servers answer?")
    add(
        "--status",
        action="append",
        default=[],
        metavar="HANDLE",
        help="how is that job?",
    )
    add(
        "--status-unique",
        action="append",
        default=[],
        metavar="UNIQUE",
        help="how is the job with that unique?",
    )


def _moment(text: str) -> float:
    """
    Read a time.

    @return: in seconds of the epoch.
    """
    try:
        moment = float(text)
    except ValueError:
        moment = datetime.fromisoformat(text).timestamp()
    if not 0 <= moment < 2**63:
        raise ValueError(text)
    return moment


_moment.__name__ = "time"


def _wrong(options: Namespace) -> str:
    """
    Say what options make no sense together, or C{""}.
    """
    asks = options.ping or options.status or options.status_unique
    later = options.at is not None or options.delay is not None
    if options.worker and (asks or later or options.reducer is not None):
        return "a worker neither asks nor submits"
    if asks and (options.functions or options.words):
        return "questions have neither functions nor workloads"
    if not asks and not options.functions:
        return "no function is named (-f)"
    if not all(options.functions):
        return "a function has a name"
    if options.at is not None and options.delay is not None:
        return "either --at or --delay"
    if options.ssl and not options.host and options.endpoint:
        return "-S is about -h; an endpoint says itself that it is tls:"
    if options.worker and options.words and options.json:
        return "there is nothing to print as JSON when a command does the jobs"
    if options.worker and options.words and shutil.which(options.words[0]) is None:
        return f"no such command: {options.words[0]}"
    folder = os.path.dirname(options.pidfile or "") or "."
    if options.pidfile and not os.access(folder, os.W_OK):
        return f"cannot write {options.pidfile}"
    return ""


def timeoutOf(options: Namespace) -> float | None:
    """
    How long anything may take, in seconds; L{None} for as long as it likes.
    """
    if options.milliseconds is not None:
        return float(options.milliseconds) / 1000
    timeout: float | None = options.timeout
    return timeout
