"""
What a client asks for: what holds for all of it, and what holds for jobs that differ in
their workloads alone.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import datetime
from typing import Generic, TypeVar

from attrs import frozen
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.python.failure import Failure

from txgearman.board.job import Priority
from txgearman.client.choice import Choice
from txgearman.client.delivery import Delivery
from txgearman.client.job import IJobListener, RemoteJob
from txgearman.client.pool import ServerPool
from txgearman.client.protocol import JobStatus
from txgearman.client.submission import Submission
from txgearman.client.unique import uniqueOf
from txgearman.codecs import Codec, Name, asBytes, asText
from txgearman.errors import JobTimeout

T = TypeVar("T")


@frozen
class Terms(Generic[T]):
    """
    What holds for all that one client asks for.

    @ivar pool: the connections.
    @ivar choice: which server a job goes to.
    @ivar codec: what workloads and results are.
    @ivar clock: the reactor.
    @ivar patience: how long a job waits for a server that can be reached, in seconds.
    @ivar namespace: what the names of functions start with on the wire.
    @ivar resubmit: whether jobs are submitted anew when their server is lost, where
        they do not say themselves.
    @ivar status: asks how a job is.
    """

    pool: ServerPool
    choice: Choice
    codec: Codec[T]
    clock: IReactorTime
    patience: float
    namespace: bytes
    resubmit: bool
    status: Callable[[RemoteJob[T]], Deferred[JobStatus]]


class Order(Generic[T]):
    """
    Jobs of one function, and all that was asked for with them.
    """

    def __init__(
        self,
        terms: Terms[T],
        function: Name,
        *,
        unique: Name | None = None,
        priority: Priority = Priority.NORMAL,
        background: bool = False,
        at: float | datetime | None = None,
        delay: float | None = None,
        reducer: Name | None = None,
        timeout: float | None = None,
        resubmit: bool | None = None,
        onData: Callable[[T], object] | None = None,
        onWarning: Callable[[T], object] | None = None,
        onStatus: Callable[[int, int], object] | None = None,
        listener: IJobListener | None = None,
    ) -> None:
        """
        The parameters are those of L{Client.submit
        <txgearman.client.client.Client.submit>}.

        @raise ValueError: for what cannot be asked for.
        """
        self._terms = terms
        self._name = asText(function)
        self._function = terms.namespace + asBytes(function)
        self._unique = b"" if unique is None else asBytes(unique)
        self._priority = priority
        self._background = background
        self._at = self._moment(at, delay)
        self._reducer = None if reducer is None else terms.namespace + asBytes(reducer)
        self._timeout = timeout
        self._resubmit = terms.resubmit if resubmit is None else resubmit
        self._hearing = onData, onWarning, onStatus, listener

    def _moment(self, at: float | datetime | None, delay: float | None) -> int | None:
        """
        When they are to run, in whole seconds of the epoch.
        """
        if isinstance(at, datetime):
            at = at.timestamp()
        if delay is not None:
            if at is not None:
                raise ValueError("a job has either a time or a delay")
            at = self._terms.clock.seconds() + delay
        # Not before the time that was asked for.
        return None if at is None else math.ceil(at)

    def job(self, data: T) -> Delivery[T]:
        """
        Get one of the jobs ready to be submitted.

        @raise Exception: what the codec raises; L{ValueError} for what cannot be
            asked for.
        """
        terms = self._terms
        encoded = terms.codec.encode(data)
        submission = Submission(
            self._function,
            uniqueOf(self._unique, encoded),
            encoded,
            self._priority,
            self._background,
            self._at,
            self._reducer,
        )
        job = RemoteJob(
            self._name,
            submission.unique,
            submission.inBackground,
            terms.codec,
            terms.status,
        )
        _letHear(job, *self._hearing)
        if self._timeout is not None:
            _limit(job, self._timeout, terms.clock)
        return Delivery(
            terms.pool, terms.choice, submission, job, terms.patience, self._resubmit
        )


def _letHear(
    job: RemoteJob[T],
    onData: Callable[[T], object] | None,
    onWarning: Callable[[T], object] | None,
    onStatus: Callable[[int, int], object] | None,
    listener: IJobListener | None,
) -> None:
    """
    Let them hear what happens to a job.
    """
    if onData is not None:
        job.onData(onData)
    if onWarning is not None:
        job.onWarning(onWarning)
    if onStatus is not None:
        job.onStatus(onStatus)
    if listener is not None:
        job.addListener(listener)


def _limit(job: RemoteJob[T], timeout: float, clock: IReactorTime) -> None:
    """
    Wait so long for the end of a job, and no longer.
    """

    def expire() -> None:
        reason = f"no end within {timeout} s"
        job.failed(Failure(JobTimeout(reason, handle=job.handle)))

    def stop() -> None:
        if call.active():
            call.cancel()

    call = clock.callLater(timeout, expire)
    job.whenEnded(stop)
