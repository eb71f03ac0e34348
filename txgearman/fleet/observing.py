"""
Watching a worker at work: where it is known, and which jobs it does.
"""

from __future__ import annotations

from typing import Any, Generic, Protocol, TypeVar

from attrs import frozen
from twisted.internet.defer import Deferred

from txgearman.codecs import asText
from txgearman.worker.job import RunningJob
from txgearman.worker.lane import Lane
from txgearman.worker.running import Place, Runner
from txgearman.worker.worker import Worker

T = TypeVar("T")


class IWatcher(Protocol):
    """
    Who is told of a worker's doings.
    """

    def served(self, functions: list[str]) -> None:
        """
        Each function is registered with a server, if not with the same one. It is
        told once.
        """

    def began(self, job: RunningJob[Any]) -> None:
        """
        A job is about to begin.
        """

    def ended(self, job: RunningJob[Any]) -> None:
        """
        A job's function is done with it.
        """


def functionsOf(worker: Worker[Any]) -> list[str]:
    """
    What a worker can do, by the names on the wire, in the order in which it was
    told.
    """
    return [asText(wire) for wire in worker._shares]


def watch(worker: Worker[Any], watcher: IWatcher) -> None:
    """
    Have a worker watched that is not started yet. Functions that it registers later
    are not.
    """
    for wire, share in worker._shares.items():
        registration = share.registrations[wire]
        registration.place = Watched(registration.place, watcher)
    missing = set(worker._shares)
    arrived = worker.arrived

    def hear(lane: Lane) -> None:
        arrived(lane)
        if missing:
            missing.difference_update(lane.share.registrations)
            if not missing:
                watcher.served(functionsOf(worker))

    # The worker's lanes tell it so.
    worker.arrived = hear  # type: ignore[method-assign]


@frozen
class Watched(Place[T]):
    """
    A function whose jobs are watched, wherever it runs.
    """

    place: Place[T]
    watcher: IWatcher

    def runner(self, reactor: Any, concurrency: int) -> WatchedRunner[T]:
        """
        Have it run where it runs.
        """
        return WatchedRunner(self.place.runner(reactor, concurrency), self.watcher)


@frozen
class WatchedRunner(Generic[T]):
    """
    What runs it.
    """

    runner: Runner[T]
    watcher: IWatcher

    def run(self, job: RunningJob[T]) -> Deferred[T | None] | T | None:
        """
        Do a job.
        """
        self.watcher.began(job)
        try:
            result = self.runner.run(job)
        except BaseException:
            self.watcher.ended(job)
            raise
        if isinstance(result, Deferred):
            return result.addBoth(self._ended, job)
        self.watcher.ended(job)
        return result

    def _ended(self, result: Any, job: RunningJob[T]) -> Any:
        self.watcher.ended(job)
        return result

    def stop(self) -> None:
        """
        No more jobs come.
        """
        self.runner.stop()
