"""
A Python child at work: a worker that reports, and that ends in order.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IReactorTime

from txgearman.fleet.observing import watch
from txgearman.fleet.reporting import Reporter
from txgearman.worker.job import RunningJob
from txgearman.worker.worker import Worker


class Serving:
    """
    A worker that serves until it is told to drain, or has done enough.

    @ivar gaveUp: whether it left jobs undone, since they took too long to end.
    """

    def __init__(
        self,
        clock: IReactorTime,
        worker: Worker[Any],
        reporter: Reporter,
        maxJobs: int = 0,
        stopTimeout: float = 30.0,
    ) -> None:
        """
        @param worker: is not started.
        @param maxJobs: how many jobs are enough; 0 for any number. With more than
            one at once, there may be some more.
        @param stopTimeout: how long jobs may go on after L{stop}, in seconds.
        """
        self.gaveUp = False
        self._clock = clock
        self._worker = worker
        self._reporter = reporter
        self._maxJobs = maxJobs
        self._stopTimeout = stopTimeout
        self._begun = 0
        self._done = 0
        self._asked = False
        self._draining = False
        self._over = False
        self._waiting: list[Deferred[None]] = []

    def start(self) -> None:
        """
        Connect to the servers and do jobs.
        """
        watch(self._worker, self)
        self._worker.startService()

    def ask(self) -> None:
        """
        Have it drain as soon as it can, whatever it does just now: a job that does
        not let the reactor run is the last one.
        """
        self._asked = True

    def stop(self) -> Deferred[None]:
        """
        Drain, though not for longer than the jobs may go on.

        @return: fires when it is over; see L{whenOver}.
        """
        if not self._over:
            deadline = self._clock.callLater(self._stopTimeout, self._giveUp)
            self.whenOver().addCallback(
                lambda _: deadline.cancel() if deadline.active() else None
            )
            self._drain()
        return self.whenOver()

    def whenOver(self) -> Deferred[None]:
        """
        Wait until its last job is over and it is disconnected. Each caller has a
        Deferred of its own.
        """
        if self._over:
            return succeed(None)
        waiting: Deferred[None] = Deferred()
        self._waiting.append(waiting)
        return waiting

    def _drain(self) -> None:
        """
        Take no more jobs.
        """
        if not self._draining:
            self._draining = True
            self._reporter.draining()
            self._worker.drain().addCallback(self._drained)

    def _drained(self, _: None) -> None:
        stopped = self._worker.stopService()
        if self.gaveUp:
            # It would wait once more, for what does not notice that it was given up.
            self._worker.giveUp()
        stopped.addCallback(self._stopped)

    def _stopped(self, _: None) -> None:
        self._over = True
        waiting, self._waiting = self._waiting, []
        for waiter in waiting:
            waiter.callback(None)

    def _giveUp(self) -> None:
        self.gaveUp = True
        self._worker.giveUp()

    # An IWatcher

    def served(self, functions: list[str]) -> None:
        """
        Each function is known to a server.
        """
        self._reporter.ready(functions)

    def began(self, job: RunningJob[Any]) -> None:
        """
        A job is about to begin.
        """
        self._reporter.began(job.handle, job.function)
        self._begun += 1
        if self._begun == self._maxJobs:
            self._drain()

    def ended(self, job: RunningJob[Any]) -> None:
        """
        A job's function is done with it.
        """
        self._done += 1
        self._reporter.ended(job.handle, self._done)
        if self._asked:
            self._drain()
