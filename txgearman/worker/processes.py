"""
A function's processes, and what becomes of jobs when one of them dies.

When a process dies, C{ProcessPoolExecutor} ends all others and is of no use any
more, and does not tell whose job it was. So there is a new pool, and each job
that was in the old one is run once more, in a process of its own: what broke the
pool fails there, and the others do not suffer again.
"""

from __future__ import annotations

import pickle
import signal
from collections.abc import Callable
from concurrent.futures import BrokenExecutor, Future, ProcessPoolExecutor
from multiprocessing.context import SpawnContext, SpawnProcess
from typing import Any, Generic, TypeVar

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IReactorFromThreads
from twisted.logger import Logger
from twisted.python.failure import Failure

from txgearman.worker.ending import whenOver
from txgearman.worker.job import RunningJob

T = TypeVar("T")


class Processes(Generic[T]):
    """
    Runs a function in processes of a pool.
    """

    _log = Logger()

    def __init__(
        self,
        reactor: IReactorFromThreads,
        concurrency: int,
        function: Callable[[T], T | None],
    ) -> None:
        self._reactor = reactor
        self._concurrency = concurrency
        self._function = function
        self._stopped = False
        self._pool = _Pool(concurrency)
        self._busy: dict[RunningJob[T], _Pool] = {}

    def run(self, job: RunningJob[T]) -> Deferred[T | None]:
        """
        Call the function in a process.
        """
        return whenOver(Deferred.fromCoroutine(self._run(job)))

    async def _run(self, job: RunningJob[T]) -> T | None:
        pool = self._pool
        try:
            return await self._attempt(pool, job)
        except BrokenExecutor:
            if self._stopped or job.lost:
                raise CancelledError from None
            self._log.warn("a process died: {job!r} is run once more", job=job)
            if pool is self._pool:
                self._pool = _Pool(self._concurrency)
        alone = _Pool(1)
        try:
            return await self._attempt(alone, job)
        finally:
            alone.close()

    async def _attempt(self, pool: _Pool, job: RunningJob[T]) -> T | None:
        """
        @raise BrokenExecutor: when a process of the pool died.
        """
        done: Deferred[T | None] = Deferred()
        future = pool.submit(self._function, job.data)
        future.add_done_callback(
            lambda future: self._reactor.callFromThread(_settle, done, future)
        )
        self._busy[job] = pool
        try:
            return await done
        finally:
            del self._busy[job]

    def stop(self) -> None:
        """
        Let the processes end; those that do a job, at once.
        """
        self._stopped = True
        self._pool.close()
        for pool in set(self._busy.values()):
            pool.kill()


class _Context(SpawnContext):
    """
    Starts processes anew and not as copies of this one, whose reactor and
    connections they must not have.

    @ivar children: those that it started.
    """

    def __init__(self) -> None:
        super().__init__()
        self.children: list[SpawnProcess] = []

    def Process(self, *arguments: Any, **options: Any) -> SpawnProcess:  # type: ignore[override] # there it is the class
        """
        Make a process.
        """
        process = SpawnProcess(*arguments, **options)
        self.children.append(process)
        return process


class _Pool:
    """
    Some processes.
    """

    def __init__(self, count: int) -> None:
        self._context = _Context()
        self._executor = ProcessPoolExecutor(count, self._context, _deaf)

    def submit(self, function: Callable[[T], T | None], data: T) -> Future[T | None]:
        """
        Call a function.

        @raise BrokenExecutor: when a process died.
        """
        return self._executor.submit(_performed, function, data)

    def close(self) -> None:
        """
        Let the processes end with what they do.
        """
        self._executor.shutdown(wait=False, cancel_futures=True)

    def kill(self) -> None:
        """
        End them.
        """
        self.close()
        for child in self._context.children:
            child.terminate()


def _settle(done: Deferred[T], future: Future[T]) -> None:
    """
    Hand a future's outcome to a Deferred.
    """
    if future.cancelled():
        done.errback(Failure(CancelledError()))
        return
    error = future.exception()
    if error is None:
        done.callback(future.result())
    else:
        done.errback(Failure(error))


# What the processes do.


def _deaf() -> None:
    """
    Leave an interrupt from the keyboard, which all processes get, to the worker.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _performed(function: Callable[[T], T | None], data: T) -> T | None:
    """
    Call a function. An exception that the worker could not read, which would end
    the whole pool, becomes one that has the same text.
    """
    try:
        return function(data)
    except Exception as error:
        try:
            pickle.loads(pickle.dumps(error))
        except Exception:
            text = str(error) or type(error).__name__
            raise RuntimeError(text) from error
        raise
