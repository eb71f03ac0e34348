"""
Workers without threads and processes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, TypeVar

from twisted.internet.defer import Deferred
from twisted.internet.threads import deferToThreadPool

from txgearman.testing.clock import TurningClock
from txgearman.worker.job import RunningJob
from txgearman.worker.running import Function, InProcess, InThread, Place, ThreadedJob
from txgearman.worker.worker import Worker

T = TypeVar("T")


class AtOnce(Place[T]):
    """
    Runs at once, in the test's own thread, what a thread or process would run.
    """

    def __init__(self, place: InThread[T] | InProcess[T]) -> None:
        self._place = place

    def runner(self, reactor: TurningClock, concurrency: int) -> NoPool[T]:
        """
        Nothing to get ready.
        """
        return NoPool(reactor, self._place)


class NoPool(Generic[T]):
    """
    Stands in for a pool of threads or processes.
    """

    def __init__(
        self, reactor: TurningClock, place: InThread[T] | InProcess[T]
    ) -> None:
        self._reactor = reactor
        self._function: Callable[[Any], T | None] = place.function
        self._threaded = isinstance(place, InThread)

    def run(self, job: RunningJob[T]) -> Deferred[T | None]:
        """
        Call the function. What it reports, and then how it ended, is handed over
        as from a thread.
        """
        reactor: Any = self._reactor
        argument = ThreadedJob(job, reactor) if self._threaded else job.data
        done: Deferred[T | None] = deferToThreadPool(
            reactor, reactor.getThreadPool(), self._function, argument
        )
        return done

    def stop(self) -> None:
        """
        Nothing to end.
        """


class PumpedWorker(Worker[T]):
    """
    A worker whose functions need no threads and processes.
    """

    def _place(self, function: Function[T] | Place[T]) -> Place[T]:
        place = super()._place(function)
        return AtOnce(place) if isinstance(place, InThread | InProcess) else place
