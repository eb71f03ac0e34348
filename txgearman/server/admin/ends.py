"""
Admin commands about jobs that have ended: dead letters and results.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from txgearman.board.board import JobBoard
from txgearman.board.dead import DeadJob
from txgearman.board.job import Job
from txgearman.board.results import Result
from txgearman.errors import ServerError
from txgearman.server.admin.commands import Command, named, table, unknownJob, written
from txgearman.server.admin.facts import (
    Facts,
    living,
    ofDead,
    ofLiving,
    ofResult,
    outcome,
)
from txgearman.wire import text

# Dead letters


def _showDead(board: JobBoard, words: Sequence[bytes]) -> bytes:
    """
    List the dead letters, of all functions or of one, the oldest first.
    """
    return table(
        (
            dead.handle,
            dead.function,
            dead.unique,
            dead.attempts,
            dead.submitted,
            dead.died,
            dead.size,
            dead.error,
        )
        for dead in _letters(board, words)
    )


def _requeueJob(board: JobBoard, words: Sequence[bytes]) -> bytes:
    """
    Let the job of a dead letter wait for a worker again.
    """
    board.requeue(_letter(board, *words))
    return text.OK


def _requeue(board: JobBoard, words: Sequence[bytes]) -> bytes:
    """
    The same for all dead letters, or those of a function, but for those whose jobs
    would join one that lives, or are not whole.
    """
    done = 0
    for dead in _letters(board, words):
        try:
            board.requeue(dead)
        except ServerError as error:
            if error.code in (b"JOB_EXISTS", b"WORKLOAD_MISSING"):
                continue
            if not done:
                raise
            break
        done += 1
    return text.ok(b"%d" % done)


def _purgeJob(board: JobBoard, words: Sequence[bytes]) -> bytes:
    """
    Throw a dead letter away.
    """
    board.dead.discard(_letter(board, *words).handle)
    return text.OK


def _purge(board: JobBoard, words: Sequence[bytes]) -> bytes:
    """
    Throw all dead letters away, or those of a function.
    """
    letters = _letters(board, words)
    return text.ok(b"%d" % sum(board.dead.discard(dead.handle) for dead in letters))


def _letters(board: JobBoard, words: Sequence[bytes]) -> list[DeadJob]:
    """
    Gather the dead letters of all functions, or of those that are named.
    """
    names = [named(word) for word in words]
    return [dead for dead in board.dead if not names or dead.function in names]


def _letter(board: JobBoard, handle: bytes) -> DeadJob:
    """
    Find a dead letter.
    """
    dead = board.dead.get(handle)
    if dead is None:
        raise unknownJob()
    return dead


# Results


def _result(board: JobBoard, words: Sequence[bytes]) -> bytes:
    """
    Tell how a job ended, or how it stands.
    """
    [handle] = words
    job, result = board.jobs.get(handle), board.results.get(handle)
    return _told(job, result, board.dead.get(handle))


def _resultUnique(board: JobBoard, words: Sequence[bytes]) -> bytes:
    """
    The same of the last job of a function that had a unique.
    """
    function, unique = map(named, words)
    job, result = living(board, function, unique), None
    dead: Iterable[DeadJob] = ()
    if job is None:
        result = board.results.byUnique(function, unique)
    if job is None and result is None:
        dead = (d for d in board.dead if (d.function, d.unique) == (function, unique))
    return _told(job, result, max(dead, key=lambda one: one.died, default=None))


def _told(job: Job | None, result: Result | None, dead: DeadJob | None) -> bytes:
    """
    Tell about a job what there is to tell. The data comes in pieces, each behind the
    key.
    """
    facts: Facts
    data = b""
    if job is not None:
        facts = outcome(ofLiving(job))
    elif result is not None:
        facts, data = ofResult(result), result.data
    elif dead is not None:
        facts = outcome(ofDead(dead))
    else:
        raise unknownJob()
    lines = [b"%b\t%b" % (key.encode(), written(facts[key])) for key in facts]
    return text.ending([*lines, *(b"data\t" + piece for piece in text.pieces(data))])


COMMANDS: Final = (
    Command("show dead jobs [FUNCTION]", _showDead),
    Command("requeue job HANDLE", _requeueJob, order=True),
    Command("requeue function FUNCTION", _requeue, order=True),
    Command("requeue jobs", _requeue, order=True),
    Command("purge dead job HANDLE", _purgeJob, order=True),
    Command("purge dead function FUNCTION", _purge, order=True),
    Command("purge dead jobs", _purge, order=True),
    Command("result HANDLE", _result),
    Command("result unique FUNCTION UNIQUE", _resultUnique),
)
