"""
Where a worker's functions run: in the reactor, in threads, in processes.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from concurrent.futures import Future, ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from typing import Any, Generic, Protocol, TypeVar, cast

from attrs import frozen
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.interfaces import IReactorFromThreads
from twisted.internet.threads import deferToThreadPool
from twisted.python.failure import Failure
from twisted.python.threadpool import ThreadPool

from txgearman.worker.job import RunningJob

T = TypeVar("T")

Function = Callable[[RunningJob[T]], T | Awaitable[T | None] | None]
"""
What does a job: a plain function, one that returns a Deferred, or an
C{async def}. It is given the L{RunningJob} and returns the result.
"""


class Runner(Protocol[T]):
    """
    A function together with where it runs.
    """

    def start(self, reactor: Any, concurrency: int) -> None:
        """
        Get ready for so many jobs at once.
        """

    def run(self, job: RunningJob[T]) -> Deferred[T | None]:
        """
        Do a job. Cancelling it is a wish, which a thread cannot grant.
        """

    def stop(self) -> None:
        """
        No more jobs come.
        """


@frozen
class InReactor(Generic[T]):
    """
    A function that runs in the reactor's thread, and so must not block.
    """

    function: Function[T]

    def start(self, reactor: Any, concurrency: int) -> None:
        """
        Nothing to get ready.
        """

    def run(self, job: RunningJob[T]) -> Deferred[T | None]:
        """
        Call the function.
        """
        # maybeDeferred takes coroutines too; its annotation has no word for a
        # function that may return any of these.
        done: Deferred[T | None] = maybeDeferred(cast(Any, self.function), job)
        return done

    def stop(self) -> None:
        """
        Nothing to end.
        """


class ThreadedJob(RunningJob[T]):
    """
    A L{RunningJob} for a function in a thread: what it reports is encoded there,
    and handed over to the reactor's thread.
    """

    def __init__(self, job: RunningJob[T], reactor: IReactorFromThreads) -> None:
        self.__dict__.update(job.__dict__)
        self._job = job
        self._reactor = reactor

    @property
    def lost(self) -> bool:  # type: ignore[override] # what the reactor sets, now
        """
        Has the server taken the job back?
        """
        return self._job.lost

    @property
    def over(self) -> bool:  # type: ignore[override] # as above
        """
        Is the end of the job reported?
        """
        return self._job.over

    def _report(self, say: Callable[..., None], *arguments: Any) -> None:
        self._reactor.callFromThread(self._job._report, say, *arguments)

    def _end(self, say: Callable[..., None], *arguments: bytes) -> None:
        self._reactor.callFromThread(self._job._end, say, *arguments)


class InThread(Generic[T]):
    """
    A function that may block: it runs in a thread, one for each job that runs at
    once.
    """

    def __init__(self, function: Callable[[RunningJob[T]], T | None]) -> None:
        self.function = function
        self._reactor: Any = None
        self._pool: ThreadPool | None = None

    def start(self, reactor: Any, concurrency: int) -> None:
        """
        Start the threads.
        """
        self._reactor = reactor
        self._pool = ThreadPool(0, concurrency, name="txgearman worker")
        self._pool.start()

    def run(self, job: RunningJob[T]) -> Deferred[T | None]:
        """
        Call the function in a thread.
        """
        assert self._pool is not None
        threaded = ThreadedJob(job, self._reactor)
        done: Deferred[T | None] = deferToThreadPool(
            self._reactor, self._pool, self.function, threaded
        )
        return done

    def stop(self) -> None:
        """
        Let the threads end with what they do.
        """
        if self._pool is not None:
            # Joining a thread that waits for the reactor would block both.
            self._pool.adjustPoolsize(0, 0)
            self._pool = None


class InProcess(Generic[T]):
    """
    A function that keeps a processor busy: it runs in a process of a pool, one
    for each job that runs at once. It is given the workload alone, and must be
    a function of a module, since that is how the process finds it.
    """

    def __init__(self, function: Callable[[T], T | None]) -> None:
        self.function = function
        self._reactor: Any = None
        self._pool: ProcessPoolExecutor | None = None

    def start(self, reactor: Any, concurrency: int) -> None:
        """
        Start the processes, anew and not as copies of this one, whose reactor
        and connections they must not have.
        """
        self._reactor = reactor
        self._pool = ProcessPoolExecutor(concurrency, get_context("spawn"))

    def run(self, job: RunningJob[T]) -> Deferred[T | None]:
        """
        Call the function in a process.
        """
        assert self._pool is not None
        future = self._pool.submit(self.function, job.data)
        done: Deferred[T | None] = Deferred(lambda _: _cancel(future))
        future.add_done_callback(partial(self._reactor.callFromThread, _settle, done))
        return done

    def stop(self) -> None:
        """
        Let the processes end with what they do.
        """
        if self._pool is not None:
            self._pool.shutdown(wait=False, cancel_futures=True)
            self._pool = None


def _cancel(future: Future[T]) -> None:
    """
    Let a process not begin with something; what it has begun, it ends.
    """
    future.cancel()


def _settle(done: Deferred[T], future: Future[T]) -> None:
    """
    Hand a future's outcome to a Deferred that may have been cancelled.
    """
    if done.called or future.cancelled():
        return
    error = future.exception()
    if error is None:
        done.callback(future.result())
    else:
        done.errback(Failure(error))


def inThread(function: Callable[[RunningJob[T]], T | None]) -> InThread[T]:
    """
    Have a function run in threads::

        worker.register("resize", inThread(resize))

    @param function: is given the L{RunningJob}, whose methods it may call.
    """
    return InThread(function)


def inProcess(function: Callable[[T], T | None]) -> InProcess[T]:
    """
    Have a function run in processes of a pool.

    @param function: is given the workload; a function of a module.
    """
    return InProcess(function)
