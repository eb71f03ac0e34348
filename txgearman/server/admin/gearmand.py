"""
Every admin command of gearmand, and those that only Perl's server has, byte for byte.

A command is a function of the factory, the peer that asks and the words behind
the command's name; it returns the bytes of the answer.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from txgearman.board.function import Function, QueueLimit
from txgearman.board.job import Job
from txgearman.board.peer import Peer
from txgearman.errors import ServerError
from txgearman.version import __version__
from txgearman.wire import text
from txgearman.wire.numbers import atoi

if TYPE_CHECKING:
    from txgearman.server.factory import GearmanServerFactory

    _Command = Callable[[GearmanServerFactory, Peer, Sequence[bytes]], bytes]


def answer(factory: GearmanServerFactory, peer: Peer, words: Sequence[bytes]) -> bytes:
    """
    Do a command.

    @param words: the command's name, in any case, and what follows it.
    """
    name, *arguments = words
    command = _COMMANDS.get(name.lower())
    try:
        if command is None:
            raise _unknown()
        return command(factory, peer, arguments)
    except _Misused as misuse:
        # The name as it came, glued to what is said about unknown ones.
        return text.error(misuse.code, misuse.text + text.escape(name))
    except ServerError as error:
        return text.error(error.code, error.text)


class _Misused(ServerError):
    """
    The words that came are no command; the answer names the first of them.
    """


def _unknown() -> _Misused:
    """
    There is no such command.
    """
    return _Misused(b"UNKNOWN_COMMAND", b"Unknown server command")


def _incomplete() -> _Misused:
    """
    A command lacks something, or has too much.
    """
    wrong = b"An incomplete set of arguments was sent to this command "
    return _Misused(b"INVALID_ARGUMENTS", wrong)


def _version(
    factory: GearmanServerFactory, peer: Peer, arguments: Sequence[bytes]
) -> bytes:
    return text.ok(__version__.encode())


def _getpid(
    factory: GearmanServerFactory, peer: Peer, arguments: Sequence[bytes]
) -> bytes:
    return text.ok(b"%d" % os.getpid())


def _verbose(
    factory: GearmanServerFactory, peer: Peer, arguments: Sequence[bytes]
) -> bytes:
    # gearmand's name for the level from which twistd writes its log.
    return text.ok(b"INFO")


def _status(
    factory: GearmanServerFactory, peer: Peer, arguments: Sequence[bytes]
) -> bytes:
    return text.table(
        (function.name, function.total, function.running, len(function.workers))
        for function in factory.board.functions
    )


def _priorityStatus(
    factory: GearmanServerFactory, peer: Peer, arguments: Sequence[bytes]
) -> bytes:
    return text.table(
        (function.name, *_waiting(function), len(function.workers))
        for function in factory.board.functions
    )


def _waiting(function: Function) -> list[int]:
    """
    Count a function's jobs that do not run, by priority: high, normal, low.
    """
    counts = list(function.queue.counts)
    for job in function.delayed:
        counts[job.priority] += 1
    return counts


def _workers(
    factory: GearmanServerFactory, peer: Peer, arguments: Sequence[bytes]
) -> bytes:
    return text.ending(_workerLines(factory))


def _workerLines(factory: GearmanServerFactory) -> Iterator[bytes]:
    """
    A line for each connection: a number that tells it apart (gearmand shows its
    file descriptor), address, id, and what it can do, the latest first.
    """
    for peer in factory.board.peers:
        names = [text.escape(name) for name in reversed(peer.abilities)]
        yield b" ".join(
            [b"%d" % peer.number, peer.host, text.escape(peer.clientId), b":", *names]
        )


def _showJobs(
    factory: GearmanServerFactory, peer: Peer, arguments: Sequence[bytes]
) -> bytes:
    """
    List the jobs, or their uniques, also the empty ones.
    """
    what = [word.lower() for word in arguments]
    if not what:
        raise _unknown()
    jobs = factory.board.jobs.values()
    if what == [b"jobs"]:
        # Handle, retries, whether it is to be ignored (here such a job is gone
        # at once), whether it is kept for background.
        return text.table(
            (job.handle, _retries(job), 0, job.background) for job in jobs
        )
    if what == [b"unique", b"jobs"]:
        return text.ending(text.escape(job.unique) for job in jobs)
    return text.error(b"UNKNOWN_SHOW_ARGUMENTS")


def _retries(job: Job) -> int:
    """
    How often a worker gave a job up.
    """
    return job.attempts - (job.worker is not None)


def _cancel(
    factory: GearmanServerFactory, peer: Peer, arguments: Sequence[bytes]
) -> bytes:
    if len(arguments) < 2:
        raise _unknown()
    what, handle, *others = arguments
    if what.lower() != b"job" or others:
        return text.error(b"UNKNOWN_ERROR")
    job = factory.board.jobs.get(handle)
    if job is None:
        return text.error(b"UNKNOWN_JOB")
    factory.board.cancel(job)
    return text.OK


def _maxqueue(
    factory: GearmanServerFactory, peer: Peer, arguments: Sequence[bytes]
) -> bytes:
    """
    Limit a function's queue: one number for every priority, or numbers for high,
    normal and low ones. None, 0 or less is no limit, as in gearmand.
    """
    if not arguments:
        raise _incomplete()
    name, *numbers = arguments
    limits = [max(0, atoi(number)) for number in numbers] or [0]
    limit = QueueLimit(*(limits if len(limits) > 1 else 3 * limits))
    factory.board.functions.setLimit(name, limit)
    return text.OK


def _create(
    factory: GearmanServerFactory, peer: Peer, arguments: Sequence[bytes]
) -> bytes:
    name = _functionNamed(arguments)
    if name is None:
        raise _incomplete()
    factory.board.functions.named(name)
    return text.OK


def _drop(
    factory: GearmanServerFactory, peer: Peer, arguments: Sequence[bytes]
) -> bytes:
    name = _functionNamed(arguments)
    if name is None:
        raise _incomplete()
    function = factory.board.functions.get(name)
    # Spaces, not plus signs, as in gearmand.
    if function is None:
        return text.error(b"function not found")
    if not factory.board.functions.drop(function):
        return text.error(b"there are still connected workers or executing clients")
    return text.OK


def _functionNamed(arguments: Sequence[bytes]) -> bytes | None:
    """
    The name in C{function NAME}, if that is what the arguments are.
    """
    if len(arguments) == 2 and arguments[0].lower() == b"function":
        return arguments[1]
    return None


def _jobs(
    factory: GearmanServerFactory, peer: Peer, arguments: Sequence[bytes]
) -> bytes:
    return text.table(
        (job.function.name, job.unique, _workerOf(job), len(job.listeners))
        for job in factory.board.jobs.values()
    )


def _clients(
    factory: GearmanServerFactory, peer: Peer, arguments: Sequence[bytes]
) -> bytes:
    return text.ending(_clientLines(factory))


def _clientLines(factory: GearmanServerFactory) -> Iterator[bytes]:
    """
    A line for each connection, and below it one for each job it waits for.
    """
    for client in factory.board.peers:
        yield client.address
        for job in client.waiting:
            name, unique = text.escape(job.function.name), text.escape(job.unique)
            yield b"\t" + b"\t".join([name, unique, _workerOf(job)])


def _workerOf(job: Job) -> bytes:
    """
    Where a job runs: an address, or a dash.
    """
    return b"-" if job.worker is None else job.worker.address


def _shutdown(
    factory: GearmanServerFactory, peer: Peer, arguments: Sequence[bytes]
) -> bytes:
    graceful = [word.lower() for word in arguments] == [b"graceful"]
    if arguments and not graceful:
        raise _incomplete()
    if not factory.shutdown(peer, graceful):
        return text.error(b"NOT_ALLOWED", b"shutdown is not allowed from here")
    return b"OK\n"


_COMMANDS: dict[bytes, _Command] = {
    b"version": _version,
    b"getpid": _getpid,
    b"verbose": _verbose,
    b"status": _status,
    b"prioritystatus": _priorityStatus,
    b"workers": _workers,
    b"show": _showJobs,
    b"cancel": _cancel,
    b"maxqueue": _maxqueue,
    b"create": _create,
    b"drop": _drop,
    # Perl's server only.
    b"jobs": _jobs,
    b"clients": _clients,
    b"shutdown": _shutdown,
}
