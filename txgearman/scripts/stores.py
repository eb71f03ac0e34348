"""
C{txgearadmin store}: looks into stores of jobs, and carries what is in them from one to
another, while no server has anything to do with it.
"""

from __future__ import annotations

import os
import signal
import sys
from argparse import ArgumentParser, Namespace
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from datetime import UTC, datetime
from time import time
from types import FrameType
from typing import Any, BinaryIO, Final, Literal, NoReturn, TextIO

from attrs import define

from txgearman.errors import BadSetting, GearmanError
from txgearman.scripts.carrying import (
    Counts,
    Found,
    Kept,
    Writing,
    begun,
    counted,
    reading,
)
from txgearman.scripts.output import (
    complain,
    readable,
    say,
    sayJSON,
    shown,
    stopWriting,
)
from txgearman.stores.interface import SavedJob, SavedRecord, Unreadable
from txgearman.stores.lines import readLines, writeLines
from txgearman.stores.opening import areOne, storeFromURL

UNUSABLE: Final = 2
"""The exit status when a store cannot be used; that of unreadable jobs is 1."""

# When a signal that did not end anything is raised again, in seconds.
_AGAIN: Final = 1.0


class _Stopped(BaseException):
    """
    A signal came.
    """

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


def _stop(number: int, frame: FrameType | None) -> NoReturn:
    # What a signal raises may be lost where Python ignores exceptions, and a signal may
    # come just before a read that waits: raise it again, until it gets through.
    signal.signal(signal.SIGALRM, lambda *_: _stop(number, None))
    signal.setitimer(signal.ITIMER_REAL, _AGAIN)
    raise _Stopped(number)


def _write(options: Namespace, url: str, found: Iterator[Found], verb: str) -> int:
    """
    Write jobs and records to a store, and say how many.

    @return: the exit status.
    """
    store = storeFromURL(url)
    if store is None:
        raise BadSetting("memory: keeps nothing that was put into it")
    counts = Counts()
    try:
        Writing(store, counts, options.renumber).write(counts.readable(found))
    finally:
        said = f"{counts.told} {verb}, {counts.skipped} skipped"
        refused = f", {counts.refused} refused" if counts.refused else ""
        complain(f"{said}, {counts.unreadable} unreadable{refused}")
        if options.json:
            sayJSON(
                {
                    verb: counts.done,
                    "records": counts.records,
                    "skipped": counts.skipped,
                    "unreadable": counts.unreadable,
                    "refused": counts.refused,
                }
            )
    return counts.status


def _copy(options: Namespace) -> int:
    """
    Copy what is in one store to another.
    """
    if areOne(options.url, options.to):
        raise BadSetting("a store is not copied to itself")
    if options.url.startswith("gearmand+"):
        options.renumber = True
    return _write(options, options.to, reading(options.url), "copied")


def _import(options: Namespace) -> int:
    """
    Put what is in an export into a store.
    """
    with _opened(options.file, "rb", sys.stdin) as stream:
        found = begun(readLines(stream))
        return _write(options, options.url, found, "imported")


def _export(options: Namespace) -> int:
    """
    Write what is in a store as lines of JSON.
    """
    counts = Counts()
    found = reading(options.url)
    try:
        with _opened(options.file, "wb", sys.stdout) as stream:
            for line in writeLines(_counting(counts, found)):
                stream.write(line)
            stream.flush()
    finally:
        complain(f"{counts.told} exported, {counts.unreadable} unreadable")
    return counts.status


def _counting(counts: Counts, found: Iterable[Found]) -> Iterator[Kept]:
    """
    Pass on what is readable, and count what whoever asked is done with.
    """
    for one in counts.readable(found):
        yield one
        counts.add(one)


def _opened(
    file: str, mode: Literal["rb", "wb"], stream: TextIO
) -> AbstractContextManager[BinaryIO]:
    """
    Open a file, or a standard stream when it has no name.
    """
    if file == "-":
        return nullcontext(stream.buffer)
    opened: BinaryIO = open(file, mode)  # noqa: SIM115, whoever asked closes it
    return opened


@define(eq=False)
class _Row:
    """
    What is kept for a function.

    @ivar bytes: of all workloads.
    @ivar oldest: when the oldest was submitted, in seconds of the epoch; 0 when
        that is not known.
    """

    queued: int = 0
    delayed: int = 0
    bytes: int = 0
    oldest: float = 0.0

    def add(self, job: SavedJob, now: float) -> None:
        """
        There is one more job.
        """
        self.queued += job.due <= now
        self.delayed += job.due > now
        self.bytes += len(job.data)
        self.oldest = min(self.oldest or job.submitted, job.submitted or self.oldest)


def _check(options: Namespace) -> int:
    """
    Say what is in a store.
    """
    counts, now = Counts(), time()
    rows: defaultdict[bytes, _Row] = defaultdict(_Row)
    total = _Row()
    unreadable: list[Unreadable] = []
    for one in counts.readable(_kept(reading(options.url), unreadable)):
        counts.add(one)
        if not isinstance(one, SavedRecord):
            for row in rows[one.function], total:
                row.add(one, now)
    if options.json:
        sayJSON(
            {
                "jobs": counts.done,
                **_values(total),
                "records": counts.records,
                "functions": [
                    {"function": readable(function), **_values(row)}
                    for function, row in sorted(rows.items())
                ],
                "unreadable": [one._asdict() for one in unreadable],
            }
        )
    else:
        say("function\tqueued\tdelayed\tbytes\toldest")
        for function, row in sorted(rows.items()):
            cells = row.queued, row.delayed, row.bytes, _moment(row.oldest)
            say("\t".join([shown(function), *map(str, cells)]))
    said = [
        counted(counts.done, "job"),
        f"{total.delayed} delayed",
        f"{total.bytes} bytes",
        *([f"the oldest of {_moment(total.oldest)}"] if total.oldest else []),
        *counts.recordsTold,
        f"{counts.unreadable} unreadable",
    ]
    complain(", ".join(said))
    return counts.status


def _kept(found: Iterable[Found], unreadable: list[Unreadable]) -> Iterator[Found]:
    """
    Pass all of it on, and keep what is no job or record.
    """
    for one in found:
        if isinstance(one, Unreadable):
            unreadable.append(one)
        yield one


def _values(row: _Row) -> dict[str, Any]:
    return {
        "queued": row.queued,
        "delayed": row.delayed,
        "bytes": row.bytes,
        "oldest": row.oldest or None,
    }


def _moment(seconds: float) -> str:
    """
    A moment as people and programs read it.
    """
    if not seconds:
        return "-"
    try:
        moment = datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError):
        # After the year 9999.
        return str(seconds)
    return moment.isoformat(timespec="seconds").replace("+00:00", "Z")


def _parser() -> ArgumentParser:
    """
    Describe the command line.
    """
    parser = ArgumentParser(
        "txgearadmin store",
        description="Look into stores of jobs, and carry what is in them from one to"
        " another. A"
        " store is sqlite:PATH, postgresql://, mysql://, mariadb:// or redis:// with"
        " what follows there; what gearmand keeps is one of them with gearmand+ in"
        " front, and is only read.",
        allow_abbrev=False,
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def command(name: str, do: Callable[[Namespace], int], text: str) -> ArgumentParser:
        described = f"{text[0].upper()}{text[1:]}."
        made = commands.add_parser(
            name, help=text, description=described, allow_abbrev=False
        )
        made.set_defaults(do=do)
        return made

    check = command("check", _check, "say what is in a store, and whether it is whole")
    export = command("export", _export, "write what is in a store as lines of JSON")
    take = command("import", _import, "put what was exported into a store")
    copy = command("copy", _copy, "put what is in one store into another")
    for made in check, export, take:
        made.add_argument("url", metavar="URL", help="the store")
    copy.add_argument("url", metavar="FROM", help="the store to read")
    copy.add_argument("to", metavar="TO", help="the store to put them into")
    for made, which in (export, "stdout"), (take, "stdin"):
        made.add_argument(
            "file",
            nargs="?",
            default="-",
            metavar="FILE",
            help=f"[default: {which}]",
        )
    for made in take, copy:
        made.add_argument(
            "--renumber",
            action="store_true",
            help="give all jobs new numbers and handles, and skip none",
        )
    for made in check, take, copy:
        made.add_argument("--json", action="store_true", help="print JSON")
    return parser


def main(arguments: Sequence[str]) -> None:
    """
    The tool.

    @param arguments: what stands behind C{store} on the command line.
    @raise SystemExit: with its exit status.
    """
    options = _parser().parse_args(arguments)
    for number in signal.SIGINT, signal.SIGTERM:
        signal.signal(number, _stop)
    try:
        status = options.do(options)
    except BrokenPipeError:
        stopWriting()
        status = 1
    except (GearmanError, OSError) as error:
        complain(f"txgearadmin: {error}")
        status = UNUSABLE
    except _Stopped as stopped:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(stopped.number, signal.SIG_DFL)
        os.kill(os.getpid(), stopped.number)
        return
    if status:
        raise SystemExit(status)
