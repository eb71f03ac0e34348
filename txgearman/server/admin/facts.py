"""
What is known of a job, whether it lives or has ended.
"""

from __future__ import annotations

from typing import TypeAlias

from txgearman.board.board import JobBoard
from txgearman.board.dead import DeadJob
from txgearman.board.job import Job, JobState, Priority
from txgearman.board.results import Result
from txgearman.server.admin.commands import Cell, named

Facts: TypeAlias = dict[str, Cell]


def living(board: JobBoard, name: bytes, unique: bytes) -> Job | None:
    """
    Find the job of a function that has a unique.
    """
    function = board.functions.get(named(name))
    return None if function is None else function.byUnique.get(named(unique))


def ofLiving(job: Job) -> Facts:
    """
    All about a job that lives.
    """
    return {
        "handle": job.handle,
        "function": job.function.name,
        "unique": job.unique,
        "state": job.state.name.lower(),
        "priority": Priority(job.priority).name.lower(),
        "background": job.background,
        "attempts": job.attempts,
        "submitted": job.submitted,
        "due": float(job.due),
        "started": job.started,
        "worker": b"" if job.worker is None else job.worker.address,
        "numerator": job.numerator,
        "denominator": job.denominator,
        "size": len(job.data),
        "reducer": job.reducer,
        "listeners": len(job.listeners),
        "error": job.error,
    }


def ofDead(dead: DeadJob) -> Facts:
    """
    All about a dead letter.
    """
    return {
        "handle": dead.handle,
        "function": dead.function,
        "unique": dead.unique,
        "state": JobState.DEAD.name.lower(),
        "priority": Priority(dead.priority).name.lower(),
        "background": True,
        "attempts": dead.attempts,
        "submitted": dead.submitted,
        "ended": dead.died,
        "size": dead.size,
        "reducer": dead.reducer,
        "error": dead.error,
    }


def ofResult(result: Result) -> Facts:
    """
    All about a result but the data.
    """
    return {
        "handle": result.handle,
        "function": result.function,
        "unique": result.unique,
        "state": result.state,
        "attempts": result.attempts,
        "submitted": result.submitted,
        "started": result.started,
        "ended": result.ended,
        "until": result.until,
        "size": result.size,
        "error": result.error,
    }


def outcome(facts: Facts) -> Facts:
    """
    The same of a job that has no result: how it stands.
    """
    none: Facts = {"started": 0.0, "ended": 0.0, "until": 0.0}
    return {key: (none | facts)[key] for key in _OUTCOME} | {"size": 0}


_OUTCOME = (
    *("handle", "function", "unique", "state", "attempts"),
    *("submitted", "started", "ended", "until", "size", "error"),
)
