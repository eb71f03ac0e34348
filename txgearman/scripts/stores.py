"""
C{txgearadmin store}: looks into stores of jobs, and carries jobs from one to another,
while no server has anything to do with it.
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
from itertools import chain, islice
from time import time
from types import FrameType
from typing import Any, BinaryIO, Final, Literal, NoReturn, TextIO

from attrs import define, field

from txgearman.board.policy import defaultHandlePrefix
from txgearman.errors import BadSetting, GearmanError, StoreError
from txgearman.scripts.output import (
    complain,
    readable,
    say,
    sayJSON,
    shown,
    stopWriting,
)
from txgearman.stores.interface import LIFE, Batch, IJobStore, SavedJob, Unreadable
from txgearman.stores.lines import readLines, writeLines
from txgearman.stores.opening import sourceFromURL, storeFromURL, withoutPassword

Found = SavedJob | Unreadable

UNUSABLE: Final = 2
"""The exit status when a store cannot be used; that of unreadable jobs is 1."""

_JOBS: Final = 1000
_BYTES: Final = 8 * 1024**2
"""A batch has as many jobs, or as many bytes of workloads, and not many more."""

_LIVES: Final = 10_000
"""How many lives may be skipped so that a job keeps its number."""

_MANY_LIVES: Final = 100
"""As many as make people wonder: a database takes a second or more for them."""


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


def _reading(url: str) -> Iterator[Found]:
    """
    Yield all that is in a store, and change nothing.

    @raise StoreError: before it yields anything, when it cannot be opened.
    """
    return _begun(_all(url))


def _all(url: str) -> Iterator[Found]:
    source = sourceFromURL(url)
    if not IJobStore.providedBy(source):
        try:
            yield from source.read()
        except StoreError as error:
            # Stores say which they are.
            raise StoreError(f"{withoutPassword(url)}: {error}") from None
        return
    try:
        source.open(reading=True)
        yield from source.load()
    finally:
        source.close()


def _begun(found: Iterator[Found]) -> Iterator[Found]:
    """
    Get the first of them now, so that what is wrong with all of them is known.
    """
    first = list(islice(found, 1))
    return chain(first, found)


@define(eq=False)
class _Counts:
    """
    What became of jobs.

    @ivar done: those that were read, and written when they were to be.
    @ivar skipped: those that are where they were to go.
    @ivar unreadable: what is no job.
    @ivar refused: those that cannot go there.
    """

    done: int = 0
    skipped: int = 0
    unreadable: int = 0
    refused: int = 0

    @property
    def status(self) -> int:
        """
        The exit status.
        """
        return int(bool(self.unreadable or self.refused))

    def readable(self, found: Iterable[Found]) -> Iterator[SavedJob]:
        """
        Yield the jobs, and say what else there is.
        """
        for one in found:
            if isinstance(one, Unreadable):
                self.unreadable += 1
                complain(f"txgearadmin: {one.name}: {one.reason}")
            else:
                yield one

    def refuse(self, job: SavedJob, reason: str) -> None:
        """
        Say why a job cannot go there.
        """
        self.refused += 1
        complain(f"txgearadmin: job {job.number}: {reason}")


@define(eq=False)
class _Writing:
    """
    A store that jobs are written to.

    @ivar _life: the number of its life.
    @ivar _last: the last number that was given.
    @ivar _numbers: those that are taken.
    """

    _store: IJobStore
    _counts: _Counts
    _renumber: bool
    _life: int = 0
    _last: int = 0
    _numbers: set[int] = field(factory=set)
    _handles: set[bytes] = field(factory=set)
    _prefix: bytes = field(factory=defaultHandlePrefix)
    _batch: list[SavedJob] = field(factory=list)
    _bytes: int = 0

    def write(self, jobs: Iterable[SavedJob]) -> None:
        """
        Write jobs, those that are not there.
        """
        try:
            self._open(0)
            for job in jobs:
                self._take(job)
            self._commit()
        finally:
            self._store.close()

    def _open(self, least: int) -> None:
        """
        Open it, for a life that is as late as another one at least.
        """
        self._life = self._store.open()
        while self._life < least:
            self._store.close()
            self._life = self._store.open()
        self._last = self._life * LIFE
        for job in self._counts.readable(self._store.load()):
            self._know(job)

    def _know(self, job: SavedJob) -> None:
        if not self._renumber:
            self._numbers.add(job.number)
            self._handles.add(job.handle)

    def _take(self, job: SavedJob) -> None:
        if self._renumber:
            job = self._renumbered(job)
        elif job.number in self._numbers or job.handle in self._handles:
            self._counts.skipped += 1
            return
        largest = self._store.largest
        life = max(job.number, job.place) // LIFE
        if len(job.data) > largest:
            self._counts.refuse(job, f"its workload has more than {largest} bytes")
        elif life > self._life + _LIVES:
            self._counts.refuse(job, "its number is too large: see --renumber")
        else:
            self._see(life)
            self._put(job)

    def _renumbered(self, job: SavedJob) -> SavedJob:
        self._last += 1
        handle = b"%s:%d" % (self._prefix, self._last)
        return job._replace(number=self._last, handle=handle, place=self._last)

    def _see(self, life: int) -> None:
        """
        A job with a number of a life that is still to come would get into the way
        of the jobs of that life: let it pass.
        """
        if life > self._life:
            if life > self._life + _MANY_LIVES:
                complain(
                    f"txgearadmin: counting lives up to {life}, which takes a while"
                )
            self._commit()
            self._store.close()
            self._open(life)

    def _put(self, job: SavedJob) -> None:
        if not job.submitted:
            # Nobody knows; but it is not as old as the epoch.
            job = job._replace(submitted=time())
        self._know(job)
        self._batch.append(job)
        self._bytes += len(job.data)
        if len(self._batch) >= _JOBS or self._bytes >= _BYTES:
            self._commit()

    def _commit(self) -> None:
        if self._batch:
            self._store.commit(Batch(inserts=self._batch))
            self._counts.done += len(self._batch)
        self._batch, self._bytes = [], 0


def _write(options: Namespace, url: str, found: Iterator[Found], verb: str) -> int:
    """
    Write jobs to a store, and say how many.

    @return: the exit status.
    """
    store = storeFromURL(url)
    if store is None:
        raise BadSetting("memory: keeps nothing that was put into it")
    counts = _Counts()
    try:
        _Writing(store, counts, options.renumber).write(counts.readable(found))
    finally:
        said = f"{_jobs(counts.done)} {verb}, {counts.skipped} skipped"
        refused = f", {counts.refused} refused" if counts.refused else ""
        complain(f"{said}, {counts.unreadable} unreadable{refused}")
        if options.json:
            sayJSON(
                {
                    verb: counts.done,
                    "skipped": counts.skipped,
                    "unreadable": counts.unreadable,
                    "refused": counts.refused,
                }
            )
    return counts.status


def _jobs(number: int) -> str:
    return f"{number} job{'s' * (number != 1)}"


def _copy(options: Namespace) -> int:
    """
    Copy the jobs of one store to another.
    """
    if options.url == options.to:
        raise BadSetting("a store is not copied to itself")
    if options.url.startswith("gearmand+"):
        options.renumber = True
    return _write(options, options.to, _reading(options.url), "copied")


def _import(options: Namespace) -> int:
    """
    Put the jobs of an export into a store.
    """
    with _opened(options.file, "rb", sys.stdin) as stream:
        found = _begun(readLines(stream))
        return _write(options, options.url, found, "imported")


def _export(options: Namespace) -> int:
    """
    Write the jobs of a store as lines of JSON.
    """
    counts = _Counts()
    found = _reading(options.url)
    try:
        with _opened(options.file, "wb", sys.stdout) as stream:
            for number, line in enumerate(writeLines(counts.readable(found))):
                stream.write(line)
                # The first one is no job.
                counts.done = number
            stream.flush()
    finally:
        complain(f"{_jobs(counts.done)} exported, {counts.unreadable} unreadable")
    return counts.status


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
    counts, now = _Counts(), time()
    rows: defaultdict[bytes, _Row] = defaultdict(_Row)
    total = _Row()
    unreadable: list[Unreadable] = []
    for job in counts.readable(_kept(_reading(options.url), unreadable)):
        for row in rows[job.function], total:
            row.add(job, now)
        counts.done += 1
    if options.json:
        sayJSON(
            {
                "jobs": counts.done,
                **_values(total),
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
    said = f"{_jobs(counts.done)}, {total.delayed} delayed, {total.bytes} bytes"
    oldest = f", the oldest of {_moment(total.oldest)}" if total.oldest else ""
    complain(f"{said}{oldest}, {counts.unreadable} unreadable")
    return counts.status


def _kept(found: Iterable[Found], unreadable: list[Unreadable]) -> Iterator[Found]:
    """
    Pass all of it on, and keep what is no job.
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
        description="Look into stores of jobs, and carry jobs from one to another. A"
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
    export = command("export", _export, "write the jobs of a store as lines of JSON")
    take = command("import", _import, "put exported jobs into a store")
    copy = command("copy", _copy, "put the jobs of one store into another")
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
