"""
A job that was submitted, as its client sees it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator, Callable
from typing import Any, Generic, TypeVar

from attrs import frozen
from twisted.internet.defer import CancelledError, Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import Interface

from txgearman.client.protocol import JobStatus
from txgearman.codecs import Codec
from txgearman.errors import BackgroundJob

T = TypeVar("T")
R = TypeVar("R")


@frozen
class JobData(Generic[T]):
    """
    A part of a job's result.
    """

    data: T


@frozen
class JobWarning(Generic[T]):
    """
    A warning of a job's worker.
    """

    data: T


@frozen
class JobProgress:
    """
    How far a job is: C{numerator} of C{denominator}, whatever the worker means
    by it. The denominator may be 0.
    """

    numerator: int
    denominator: int

    @property
    def fraction(self) -> float:
        """
        Between 0 and 1; 0 when the worker's numbers make no fraction.
        """
        if self.denominator <= 0:
            return 0.0
        return min(max(self.numerator / self.denominator, 0.0), 1.0)


class IJobListener(Interface):
    """
    Hears what happens to a job before it ends.
    """

    def dataReceived(job: RemoteJob[Any], data: Any) -> None:
        """
        The worker sent a part of the result.
        """

    def warningReceived(job: RemoteJob[Any], data: Any) -> None:
        """
        The worker sent a warning.
        """

    def statusReceived(job: RemoteJob[Any], numerator: int, denominator: int) -> None:
        """
        The worker reported how far it is.
        """


Event = JobData[T] | JobWarning[T] | JobProgress
Hear = Callable[[Event[T]], None]

Submitted = Callable[[Failure | None], None]
"""
Called once: when a server has a job, or with what the job ended with before.
"""


class RemoteJob(Generic[T]):
    """
    A job that a server has.

    Iterating over it (C{async for event in job}) gives its L{JobData},
    L{JobWarning} and L{JobProgress} from then on, ends when the job is completed,
    and raises when it fails. What comes while the last event is still dealt with
    is kept: all data and warnings, which take memory until they are taken, and
    of progress that follows upon progress the newest. Who cannot keep up with a
    worker uses L{onData}, which keeps nothing.

    @ivar function: the function's name, without the client's namespace.
    @ivar unique: the job's unique; may be empty.
    @ivar background: whether nobody is told how it ends.
    @ivar handle: the server's name for it.
    @ivar server: the name of the server that has it. This and the handle change
        when the job is submitted anew after its server was lost.
    @ivar progress: what the worker last reported.
    """

    _log = Logger()

    # A client may have a great many; what most of them do not need is made when it is.
    __slots__ = (
        "__weakref__",
        "_codec",
        "_ended",
        "_ends",
        "_failure",
        "_hearing",
        "_result",
        "_status",
        "_submitted",
        "_waiting",
        "background",
        "function",
        "handle",
        "progress",
        "server",
        "unique",
    )

    def __init__(
        self,
        function: str,
        unique: bytes,
        background: bool,
        codec: Codec[T],
        status: Callable[[RemoteJob[T]], Deferred[JobStatus]],
    ) -> None:
        self.function = function
        self.unique = unique
        self.background = background
        self.handle = b""
        self.server = ""
        self.progress: JobProgress | None = None
        self._codec = codec
        self._status = status
        self._hearing: tuple[Hear[T], ...] = ()
        self._waiting: tuple[Deferred[T], ...] = ()
        self._ends: tuple[Callable[[], object], ...] = ()
        self._submitted: Submitted | None = None
        self._ended = False
        self._result: tuple[T, ...] = ()
        self._failure: Failure | None = None

    def __repr__(self) -> str:
        handle = self.handle.decode("utf-8", "backslashreplace")
        return f"<RemoteJob {self.function} {handle or 'not submitted'}>"

    @property
    def done(self) -> bool:
        """
        Has it ended?
        """
        return self._ended

    @property
    def failure(self) -> Failure | None:
        """
        What it ended with, if that is no result.
        """
        if self._failure is None and self._ended and not self._result:
            # Hardly anybody asks.
            self._failure = Failure(BackgroundJob(handle=self.handle))
        return self._failure

    def whenDone(self) -> Deferred[T]:
        """
        Wait for the result. Each caller gets a Deferred of its own; cancelling
        it does nothing to the job or to other callers.

        @return: fires with the result; fails with L{JobFailed}, L{JobException},
            L{JobLost}, L{JobTimeout}, L{BackgroundJob}, or with what the codec
            raised.
        """
        done: Deferred[T] = Deferred(self._stopWaiting)
        failure = self.failure
        if failure is not None:
            done.errback(failure)
        elif self._result:
            done.callback(self._result[0])
        else:
            self._waiting += (done,)
        return done

    def _stopWaiting(self, waiter: Deferred[T]) -> None:
        # At the end of the job, one who waited may make another give up.
        self._waiting = _without(waiter, self._waiting)

    def status(self) -> Deferred[JobStatus]:
        """
        Ask the server that has it how it is.

        @return: fires with a L{JobStatus}; a server forgets jobs that ended.
        """
        return self._status(self)

    def addListener(self, listener: IJobListener) -> None:
        """
        Let a provider of L{IJobListener} hear what happens from now on.
        """

        def hear(event: Event[T]) -> None:
            if isinstance(event, JobProgress):
                listener.statusReceived(self, event.numerator, event.denominator)
            elif isinstance(event, JobData):
                listener.dataReceived(self, event.data)
            else:
                listener.warningReceived(self, event.data)

        self._hearing += (hear,)

    def onData(self, call: Callable[[T], object]) -> None:
        """
        Call something with each part of the result from now on.
        """

        def hear(event: Event[T]) -> None:
            if isinstance(event, JobData):
                call(event.data)

        self._hearing += (hear,)

    def onWarning(self, call: Callable[[T], object]) -> None:
        """
        Call something with each warning from now on.
        """

        def hear(event: Event[T]) -> None:
            if isinstance(event, JobWarning):
                call(event.data)

        self._hearing += (hear,)

    def onStatus(self, call: Callable[[int, int], object]) -> None:
        """
        Call something with each progress from now on: numerator, denominator.
        """

        def hear(event: Event[T]) -> None:
            if isinstance(event, JobProgress):
                call(event.numerator, event.denominator)

        self._hearing += (hear,)

    async def __aiter__(self) -> AsyncIterator[Event[T]]:
        events: deque[Event[T]] = deque()
        waiting: list[Deferred[None]] = []

        def wake() -> None:
            if waiting:
                waiting.pop().callback(None)

        def hear(event: Event[T]) -> None:
            both = (event, events[-1]) if events else ()
            if both and all(isinstance(each, JobProgress) for each in both):
                events.pop()
            events.append(event)
            wake()

        self._hearing += (hear,)
        self._ends += (wake,)
        try:
            while not self.done:
                waiter: Deferred[None] = Deferred()
                waiting.append(waiter)
                await waiter
                while events:
                    yield events.popleft()
        finally:
            self._hearing = _without(hear, self._hearing)
            self._ends = _without(wake, self._ends)
        if self.failure is not None:
            self.failure.raiseException()

    # What the client tells it

    def onlyDone(self) -> Deferred[T]:
        """
        As L{whenDone}, before it ended, for one who waits for nothing else:
        cancelling it forgets the job.
        """
        done: Deferred[T] = Deferred(lambda _: self.forget())
        self._waiting += (done,)
        return done

    def whenSubmitted(self, call: Submitted) -> None:
        """
        Call something once a server has it, or it ended before.
        """
        if self._ended:
            call(self._failure)
        else:
            self._submitted = call

    def submitted(self, handle: bytes, server: str) -> None:
        """
        A server has it. In the background, that is all that is heard of it.
        """
        self.handle = handle
        self.server = server
        submitted, self._submitted = self._submitted, None
        if self.background:
            self._end()
        if submitted is not None:
            submitted(None)

    def happened(self, event: JobProgress | JobData[bytes] | JobWarning[bytes]) -> None:
        """
        Something happened to it. What listeners make of that is their business:
        their errors are logged, and reach nobody else.
        """
        try:
            decoded = self._decoded(event)
        except Exception:
            self._log.failure("{job!r}: cannot decode {event!r}", job=self, event=event)
            return
        for hear in self._hearing:
            try:
                hear(decoded)
            except Exception:
                self._log.failure("a listener of {job!r} failed", job=self)

    def _decoded(
        self, event: JobProgress | JobData[bytes] | JobWarning[bytes]
    ) -> Event[T]:
        if isinstance(event, JobProgress):
            self.progress = event
            return event
        if isinstance(event, JobData):
            return JobData(self._codec.decode(event.data))
        return JobWarning(self._codec.decode(event.data))

    def completed(self, data: bytes) -> None:
        """
        It ended with a result.
        """
        try:
            result = self._codec.decode(data)
        except Exception:
            self.failed(Failure())
            return
        if not self._ended:
            self._result = (result,)
            for waiter in self._end():
                if not waiter.called:
                    waiter.callback(result)

    def failed(self, failure: Failure) -> None:
        """
        It ended without one.
        """
        if not self._ended:
            self._failure = failure
            submitted, self._submitted = self._submitted, None
            for waiter in self._end():
                if not waiter.called:
                    waiter.errback(failure)
            if submitted is not None:
                submitted(failure)

    def forget(self) -> None:
        """
        Nobody wants to hear of it any more.
        """
        self.failed(Failure(CancelledError()))

    def whenEnded(self, call: Callable[[], object]) -> None:
        """
        Call something when it ends, or now when it has.
        """
        if self._ended:
            call()
        else:
            self._ends += (call,)

    def _end(self) -> tuple[Deferred[T], ...]:
        """
        Tell those who clean up.

        @return: those who wait for the result.
        """
        self._ended = True
        ends, self._ends = self._ends, ()
        for call in ends:
            call()
        waiting, self._waiting = self._waiting, ()
        return waiting


def _without(thing: R, things: tuple[R, ...]) -> tuple[R, ...]:
    """
    All but one.
    """
    return tuple(each for each in things if each is not thing)
