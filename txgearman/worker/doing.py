"""
How a job is done, from its function's call to the report of its end.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.python.reflect import safe_str

from txgearman.errors import JobException, JobFailed
from txgearman.worker.job import RunningJob
from txgearman.worker.registration import Registration

_log = Logger()


def doing(
    clock: IReactorTime, registration: Registration, job: RunningJob[Any], verbose: bool
) -> Deferred[None] | None:
    """
    Do a job, and report how it ended.

    @param verbose: whether its clients are sent the whole traceback of an
        exception.
    @return: L{None} when it is over. Otherwise it fires when it is, never with a
        failure. Cancelling it cancels the function; it is over when that is really
        done, in a thread as well. A job that is C{lost} by then is not reported.
    """
    try:
        result = registration.run(clock, job)
        if not isinstance(result, Deferred):
            job.complete(result)
            return None
    except BaseException:
        # As a Deferred takes it: a function that exits ends its job, and no more.
        _failed(Failure(), job, verbose)
        return None
    limit = _limit(clock, registration.timeout, job, result)
    result.addCallback(job.complete).addErrback(_failed, job, verbose)
    if limit is not None:
        result.addCallback(_lift, limit)
    return result


def _limit(
    clock: IReactorTime, timeout: float, job: RunningJob[Any], done: Deferred[Any]
) -> IDelayedCall | None:
    """
    Cancel a job here when its time on the server is over.
    """
    if not timeout:
        return None

    def expire() -> None:
        _log.warn("{job!r} took longer than {timeout} s", job=job, timeout=timeout)
        job.lost = True
        done.cancel()

    return clock.callLater(max(timeout, 1.0), expire)


def _lift(_: None, limit: IDelayedCall) -> None:
    """
    The job is over.
    """
    if limit.active():
        limit.cancel()


def _failed(failure: Failure, job: RunningJob[Any], verbose: bool) -> None:
    """
    A job's function raised something.
    """
    error = failure.value
    if isinstance(error, JobException):
        job.exception(error.data)
    elif isinstance(error, JobFailed):
        job.fail()
    elif job.lost:
        _log.info("{job!r} was given up: {error!r}", job=job, error=error)
    else:
        # A log file takes no text that is not Unicode, such as some file names.
        traceback = failure.getTraceback()
        traceback = traceback.encode("utf-8", "backslashreplace").decode()
        _log.warn("{job!r} failed: {traceback}", job=job, traceback=traceback)
        text = traceback if verbose else safe_str(error)
        job.exception(text or type(error).__name__)
