"""
Where a worker's functions run: in the reactor, in threads, in processes.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Final, Generic, Protocol, TypeVar

from attrs import frozen
from twisted.internet.defer import CancelledError, Deferred, maybeDeferred
from twisted.internet.interfaces import IReactorFromThreads
from twisted.internet.threads import deferToThreadPool
from twisted.python.failure import Failure
from twisted.python.threadpool import ThreadPool

from txgearman.worker.ending import whenOver
from txgearman.worker.job import RunningJob
from txgearman.worker.processes import Processes

T = TypeVar("T")

Function = Callable[[RunningJob[T]], T | Awaitable[T | None] | None]
"""
What does a job: a plain function, one that returns a Deferred, or an
C{async def}. It is given the L{RunningJob} and returns the result.
"""

# What Twisted makes a Deferred of.
_UNFINISHED: Final = (Coroutine, Failure)


class Runner(Protocol[T]):
    """
    What runs a function for one worker.
    """

    def run(self, job: RunningJob[T]) -> Deferred[T | None] | T | None:
        """
        Do a job.

        @return: the result if it is there at once. Otherwise this fires when the
            function is really done with the job, also when it is cancelled, which
            a thread or a process does not notice. Who cancels it twice does not
            wait.
        @raise Exception: what a function raises at once.
        """

    def stop(self) -> None:
        """
        No more jobs come, and nobody waits for those that run.
        """


class Place(ABC, Generic[T]):
    """
    A function together with where it runs. It may be registered with any number
    of workers: each registration has a runner of its own.
    """

    @abstractmethod
    def runner(self, reactor: Any, concurrency: int) -> Runner[T]:
        """
        Get ready for so many jobs at once.
        """


@frozen
class InReactor(Place[T]):
    """
    A function that runs in the reactor's thread, and so must not block.
    """

    function: Function[T]

    def runner(self, reactor: Any, concurrency: int) -> InReactor[T]:
        """
        Nothing to get ready.
        """
        return self

    def run(self, job: RunningJob[T]) -> Deferred[T | None] | T | None:
        """
        Call the function.
        """
        result: Any = self.function(job)
        if isinstance(result, _UNFINISHED):
            result = maybeDeferred(lambda: result)
        done: Deferred[T | None] | T | None = result
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


class Threads(Generic[T]):
    """
    Runs a function in threads of a pool.
    """

    def __init__(
        self,
        reactor: Any,
        concurrency: int,
        function: Callable[[RunningJob[T]], T | None],
    ) -> None:
        self._reactor = reactor
        self._function = function
        self._pool = ThreadPool(0, concurrency, name="txgearman worker")
        self._pool.start()

    def run(self, job: RunningJob[T]) -> Deferred[T | None]:
        """
        Call the function in a thread.
        """
        threaded = ThreadedJob(job, self._reactor)
        done: Deferred[T | None] = deferToThreadPool(
            self._reactor, self._pool, self._call, threaded
        )
        return whenOver(done)

    def _call(self, job: ThreadedJob[T]) -> T | None:
        if job.lost:
            raise CancelledError
        return self._function(job)

    def stop(self) -> None:
        """
        Let the threads end with what they do.
        """
        # Joining a thread that waits for the reactor would block both.
        self._pool.adjustPoolsize(0, 0)


@frozen
class InThread(Place[T]):
    """
    A function that may block: it runs in a thread, one for each job that runs at
    once.
    """

    function: Callable[[RunningJob[T]], T | None]

    def runner(self, reactor: Any, concurrency: int) -> Threads[T]:
        """
        Make a pool of threads.
        """
        return Threads(reactor, concurrency, self.function)


@frozen
class InProcess(Place[T]):
    """
    A function that keeps a processor busy: it runs in a process of a pool, one
    for each job that runs at once. It is given the workload alone, and must be
    a function of a module, since that is how the process finds it. When its
    process dies the job is run once more, and then fails.
    """

    function: Callable[[T], T | None]

    def runner(self, reactor: Any, concurrency: int) -> Processes[T]:
        """
        Make a pool of processes.
        """
        return Processes(reactor, concurrency, self.function)


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
