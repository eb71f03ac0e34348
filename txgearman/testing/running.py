"""
Workers without threads and processes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, TypeVar

from twisted.internet.defer import Deferred
from twisted.internet.threads import deferToThreadPool

from txgearman.codecs import Name
from txgearman.testing.clock import TurningClock
from txgearman.worker.job import RunningJob
from txgearman.worker.running import InProcess, InThread, ThreadedJob
from txgearman.worker.worker import Worker

T = TypeVar("T")


class AtOnce(Generic[T]):
    """
    Runs at once, in the test's own thread, what a thread or process would run.
    """

    _reactor: TurningClock

    def __init__(self, runner: InThread[T] | InProcess[T]) -> None:
        self._function: Callable[[Any], T | None] = runner.function
        self._threaded = isinstance(runner, InThread)

    def start(self, reactor: TurningClock, concurrency: int) -> None:
        """
        Nothing to get ready.
        """
        self._reactor = reactor

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

    def register(
        self,
        name: Name,
        function: Any = None,
        *,
        timeout: float | None = None,
        concurrency: int | None = None,
    ) -> Any:
        """
        As that of L{Worker}.
        """
        if isinstance(function, InThread | InProcess):
            function = AtOnce(function)
        return super().register(
            name, function, timeout=timeout, concurrency=concurrency
        )
