"""
What a job server answers to admin commands, as values.
"""

from __future__ import annotations

from collections.abc import Iterable

from attrs import frozen


@frozen
class FunctionStatus:
    """
    A row of C{status}.

    @ivar total: how many jobs there are, running ones included.
    @ivar running: how many of them run.
    @ivar workers: how many workers can do the function.
    """

    function: bytes
    total: int
    running: int
    workers: int


@frozen
class PriorityStatus:
    """
    A row of C{prioritystatus}: how many jobs wait, by priority, and how many
    workers can do the function.
    """

    function: bytes
    high: int
    normal: int
    low: int
    workers: int


@frozen
class QueueRow:
    """
    A row of C{show queues}, which txgearman knows.

    @ivar queued: how many jobs wait for a worker.
    @ivar delayed: how many wait for a moment.
    @ivar running: how many run.
    @ivar workers: how many workers can do the function.
    @ivar oldest: how long the first of those that wait for a worker has waited, in
        seconds; 0 when none does.
    @ivar paused: whether its jobs are accepted and not granted.
    """

    function: bytes
    queued: int
    delayed: int
    running: int
    workers: int
    oldest: float
    paused: bool


@frozen
class Connected:
    """
    A row of C{workers}: one connection, of a worker or of anybody else.

    @ivar number: its file descriptor, or whatever tells it apart.
    @ivar address: where it comes from.
    @ivar clientId: what it calls itself.
    @ivar functions: what it can do.
    """

    number: int
    address: bytes
    clientId: bytes
    functions: tuple[bytes, ...]


@frozen
class JobRow:
    """
    A row of C{show jobs}.

    @ivar retries: how often workers gave the job up.
    @ivar ignored: whether it is only waiting to be forgotten.
    @ivar queued: whether it is kept for background.
    """

    handle: bytes
    retries: int
    ignored: bool
    queued: bool


@frozen
class Waiting:
    """
    A row of C{jobs}, which Perl's server and txgearman know.

    @ivar worker: where the job runs; C{-} when it does not.
    @ivar listeners: how many clients wait for it.
    """

    function: bytes
    unique: bytes
    worker: bytes
    listeners: int


@frozen
class Awaited:
    """
    A job that a client waits for.

    @ivar worker: where it runs; C{-} when it does not.
    """

    function: bytes
    unique: bytes
    worker: bytes


@frozen
class ClientRow:
    """
    A connection with the jobs that it waits for, of C{clients}, which Perl's
    server and txgearman know.
    """

    address: bytes
    jobs: tuple[Awaited, ...]


def functionRow(line: bytes) -> FunctionStatus:
    """
    Read a row of C{status}.
    """
    function, *numbers = line.rsplit(b"\t", 3)
    return FunctionStatus(function, *map(int, numbers))


def priorityRow(line: bytes) -> PriorityStatus:
    """
    Read a row of C{prioritystatus}.
    """
    function, *numbers = line.rsplit(b"\t", 4)
    return PriorityStatus(function, *map(int, numbers))


def connectedRow(line: bytes) -> Connected:
    """
    Read a row of C{workers}.
    """
    number, address, rest = line.split(b" ", 2)
    clientId, _, functions = rest.partition(b" :")
    return Connected(int(number), address, clientId, tuple(functions.split()))


def jobRow(line: bytes) -> JobRow:
    """
    Read a row of C{show jobs}.
    """
    handle, retries, ignored, queued = line.rsplit(b"\t", 3)
    return JobRow(handle, int(retries), ignored == b"1", queued == b"1")


def waitingRow(line: bytes) -> Waiting:
    """
    Read a row of C{jobs}.
    """
    function, unique, worker, listeners = line.rsplit(b"\t", 3)
    return Waiting(function, unique, worker, int(listeners))


def clientRows(lines: Iterable[bytes]) -> list[ClientRow]:
    """
    Read the answer to C{clients}: below each address, its jobs behind tabs.
    """
    rows: list[tuple[bytes, list[Awaited]]] = []
    for line in lines:
        if line.startswith(b"\t"):
            rows[-1][1].append(Awaited(*line[1:].rsplit(b"\t", 2)))
        else:
            rows.append((line, []))
    return [ClientRow(address, tuple(jobs)) for address, jobs in rows]
