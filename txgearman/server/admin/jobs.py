"""
Admin commands about jobs that live.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from txgearman.board.board import JobBoard
from txgearman.board.function import Function
from txgearman.server.admin.commands import (
    Command,
    count,
    functionNamed,
    table,
    unknownJob,
)
from txgearman.server.admin.facts import Facts, living, ofDead, ofLiving, ofResult
from txgearman.wire import text


def _showDelayed(board: JobBoard, words: Sequence[bytes]) -> bytes:
    """
    List the jobs that wait for a moment, the next one first: to begin with, or for
    another attempt.
    """
    functions = [functionNamed(board, word) for word in words] or board.functions
    delayed = [job for function in functions for job in function.delayed]
    return table(
        (
            job.handle,
            job.function.name,
            job.unique,
            float(job.due),
            job.attempts,
            job.background,
        )
        for job in sorted(delayed, key=lambda job: (job.due, job.number))
    )


def _showQueues(board: JobBoard, words: Sequence[bytes], now: float) -> bytes:
    """
    List the functions with how many of their jobs wait, for a worker or for a moment,
    and run, how many workers they have, how long the job at the head of a queue has
    waited, and whether they are paused.
    """
    return table(
        (
            function.name,
            function.queue.waiting,
            len(function.delayed),
            function.running,
            len(function.workers),
            _age(function, now),
            function.policy.paused,
        )
        for function in board.functions
    )


def _age(function: Function, now: float) -> float:
    """
    How long the job has waited that has waited longest, in seconds.
    """
    since = min((job.waitsSince for job in function.queue.heads()), default=now)
    return max(0.0, now - since)


def _showJob(board: JobBoard, words: Sequence[bytes]) -> bytes:
    """
    Tell all that is known of a job, which may have ended.
    """
    [handle] = words
    job = board.jobs.get(handle)
    if job is not None:
        return table(ofLiving(job).items())
    dead, result = board.dead.get(handle), board.results.get(handle)
    facts: Facts = {}
    if result is not None:
        facts |= ofResult(result)
        # The size of a job is that of its workload.
        facts["result"] = facts.pop("size")
    if dead is not None:
        facts |= ofDead(dead)
    if not facts:
        raise unknownJob()
    return table(facts.items())


def _showData(board: JobBoard, words: Sequence[bytes]) -> bytes:
    """
    Show the workload of a job or a dead letter, or a part of it, in lines that make it
    when they are joined: a mebibyte at most.
    """
    handle, *numbers = words
    job = board.jobs.get(handle) or board.dead.get(handle)
    if job is None:
        raise unknownJob()
    data = bytes(job.data)
    start, size = [*map(count, numbers), *[0, _PART][len(numbers) :]]
    return text.ending(text.pieces(data[start : start + min(size, _PART)]))


def _cancelUnique(board: JobBoard, words: Sequence[bytes]) -> bytes:
    """
    End the job of a function that has a unique.
    """
    job = living(board, *words)
    if job is None:
        raise unknownJob()
    board.cancel(job)
    return text.OK


def _purgeFunction(board: JobBoard, words: Sequence[bytes]) -> bytes:
    """
    End all jobs of a function that do not run.
    """
    return text.ok(b"%d" % board.purge(functionNamed(board, *words)))


# As much of a workload, in bytes, is shown at once.
_PART: Final = 2**20

COMMANDS: Final = (
    Command("show queues", _showQueues, timed=True),
    Command("show delayed jobs [FUNCTION]", _showDelayed),
    Command("show job HANDLE", _showJob),
    Command("show data HANDLE [START [COUNT]]", _showData),
    Command("cancel unique FUNCTION UNIQUE", _cancelUnique, order=True),
    Command("purge function FUNCTION", _purgeFunction, order=True),
)
