"""
A board whose background jobs outlive it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Protocol

from twisted.internet.interfaces import IReactorTime

from txgearman.board.administration import POLICY
from txgearman.board.board import JobBoard
from txgearman.board.dead import KIND as DEAD
from txgearman.board.dead import DeadJob
from txgearman.board.job import SAVING, Job, JobState
from txgearman.board.keys import Cause
from txgearman.board.peer import Peer
from txgearman.board.policy import Policy
from txgearman.board.recurrence import Recur, intervalOnly
from txgearman.board.recurring import RUN, SCHEDULE
from txgearman.board.results import KIND as RESULT
from txgearman.board.saving import Saving
from txgearman.board.waking import Later
from txgearman.errors import BadRow
from txgearman.wire.codec import Data

_LOADING: Final = (b"QUEUE_ERROR", b"The queue is still being loaded")


class Keeper(Protocol):
    """
    What keeps jobs.
    """

    @property
    def unsaved(self) -> Saving | None:
        """
        What is gathered and to be saved, if anything is.
        """

    def check(self, data: Data) -> None:
        """
        Can it keep one more job, with this workload?

        @raise ServerError: C{QUEUE_ERROR} when it cannot.
        """

    def save(self, job: Job) -> None:
        """
        Keep a job. Its C{saving} is set until it is kept; then the board is told
        by L{DurableBoard.saved} or L{DurableBoard.notSaved}.
        """

    def change(self, job: Job) -> None:
        """
        Something about a job is not as it is kept any more.
        """

    def drop(self, job: Job) -> None:
        """
        Keep a job no longer.
        """

    def keep(self, kind: str, key: bytes, value: bytes | None) -> Saving:
        """
        Keep something beside the jobs.

        @param kind: from 1 to 16 of the letters C{a} to C{z}.
        @param key: from 1 to 4200 bytes; what has the same kind and key is replaced.
        @param value: L{None} for what is to be kept no longer.
        @return: what it is saved with, and told of it: whoever wants to know when it
            is saved waits for that.
        """


class DurableBoard(JobBoard):
    """
    A L{JobBoard} with a L{Keeper}. A background job is saved before it waits for a
    worker: so it runs only if its client is told that it does.

    It neither takes nor grants jobs until those are back that were kept.

    @ivar loading: whether they are not back yet.
    """

    def __init__(
        self,
        clock: IReactorTime,
        policy: Policy | None = None,
        later: Later | None = None,
        recur: Recur = intervalOnly,
    ) -> None:
        super().__init__(clock, policy, later=later, recur=recur)
        self.loading = True
        self._stopped = False
        # The handles of those that have ended while others were being loaded.
        self._ended: set[bytes] = set()
        self._refusal = _LOADING
        self._grantNothing()
        self._keeper: Keeper | None = None
        # What was requeued and is not saved yet.
        self._requeued: dict[Job, DeadJob] = {}

    def keepIn(self, keeper: Keeper) -> None:
        """
        Keep jobs in C{keeper}.
        """
        self._keeper = keeper

    @property
    def unsaved(self) -> Saving | None:
        """
        What is gathered and to be saved, if anything is.
        """
        return None if self._keeper is None else self._keeper.unsaved

    # What JobBoard does, and what is to be kept of it

    def _checkBackground(self, data: Data) -> None:
        if self._keeper is not None:
            self._keeper.check(data)

    def _makeBackground(self, job: Job) -> None:
        if not job.background:
            older = bool(job.listeners) or job.worker is not None
            if older and self._keeper is not None:
                self._keeper.check(job.data)
            job.background = True
            if self._keeper is not None:
                self._keeper.save(job)

    def _admit(self, job: Job) -> None:
        if job.saving is None:
            self._letWait(job)
        else:
            job.state = SAVING

    def lost(self, peer: Peer) -> None:
        """
        A connection was lost. What it alone had waited for, and a background submit
        has joined since, is to be saved before it runs.
        """
        waiting = list(peer.waiting)
        super().lost(peer)
        for job in waiting:
            if job.saving is not None and not job.listeners:
                self._withhold(job)

    def _withhold(self, job: Job) -> None:
        """
        Let a job that waits not be granted until it is saved.
        """
        if job.state is JobState.QUEUED:
            job.function.withdraw(job)
            job.state = SAVING
        elif job.state is JobState.DELAYED:
            job.state = SAVING
            del job.function.delayed[job]
            self._stopTimer(job)

    def _due(self, job: Job) -> None:
        if not self.loading:
            self._toTheTail(job)
        super()._due(job)

    def _grant(self, job: Job, worker: Peer) -> None:
        super()._grant(job, worker)
        self._changed(job)

    def _takeBack(self, job: Job, cause: Cause, error: bytes) -> None:
        # What ran when the server ended, which is no fault of the worker's, stays as
        # it is kept.
        if not self._stopped or cause is not Cause.LOST:
            super()._takeBack(job, cause, error)

    def _waitAgain(self, job: Job, pause: float) -> None:
        super()._waitAgain(job, pause)
        self._toTheTail(job)

    def _postpone(self, job: Job, due: float) -> None:
        super()._postpone(job, due)
        self._changed(job)

    def _keep(self, kind: str, key: bytes, value: bytes | None) -> None:
        if self._keeper is not None:
            self._keeper.keep(kind, key, value)

    def _keepThing(
        self, kind: str, key: bytes, pack: Callable[[], bytes] | None
    ) -> None:
        self._keep(kind, key, None if pack is None else pack())

    def stop(self) -> None:
        """
        Grant nothing, and do nothing later. What runs will run again.
        """
        super().stop()
        self._stopped = True

    def _toTheTail(self, job: Job) -> None:
        """
        A job waits behind all that there are, also after a restart.
        """
        job.place = self._nextPlace()
        self._changed(job)

    def _changed(self, job: Job) -> None:
        if job.background and self._keeper is not None:
            self._keeper.change(job)

    def _end(self, job: Job, state: JobState, data: Data = b"") -> None:
        if self.loading:
            self._ended.add(job.handle)
        if self._requeued:
            self._requeued.pop(job, None)
        if job.saving is not None:
            self.recurring.ended(job)
        if job.background and self._keeper is not None:
            self._keeper.drop(job)
        super()._end(job, state, data)

    # What the keeper tells

    def saved(self, job: Job) -> None:
        """
        A job is saved.
        """
        job.saving = None
        if self._requeued:
            self._requeued.pop(job, None)
        if job.state is SAVING:
            self._letWait(job)

    def notSaved(self, job: Job) -> None:
        """
        A job could not be saved: whoever wanted it in the background was told so.
        Others may listen to it.
        """
        job.saving = None
        job.background = False
        dead = self._requeued.get(job)
        if dead is not None:
            # The letter stays, and whoever has joined the job meanwhile hears of it.
            self._fail(job, JobState.CANCELLED)
            self.dead.put(dead)
            self.dead.arrange()
            return
        self.recurring.refused(job)
        if job.state is SAVING:
            self._admit(job)
        if not job.wanted and job.state in (JobState.DELAYED, JobState.QUEUED):
            self._end(job, JobState.CANCELLED)

    def requeue(self, dead: DeadJob) -> Job:
        """
        Let a dead letter's job wait again. If it cannot be saved, the letter stays.
        """
        job = super().requeue(dead)
        if job.saving is not None:
            self._requeued[job] = dead
        return job

    def forgo(self) -> None:
        """
        Grant nothing any more: the jobs are another server's.
        """
        self._grantNothing()

    def restore(
        self,
        number: int,
        handle: bytes,
        name: bytes,
        unique: bytes,
        priority: int,
        data: bytes,
        reducer: bytes,
        due: float,
        submitted: float,
        place: int,
        attempts: int,
        error: bytes,
    ) -> Job | None:
        """
        Take back a job that was kept, as it was. They come by place.

        @return: the job, unless one with this handle is there, or has ended.
        """
        if handle in self.jobs or handle in self._ended:
            return None
        function = self.functions.remembered(name)
        job = Job(
            number, handle, function, unique, data, reducer, priority, due, submitted
        )
        job.background = True
        job.place = 0 if place == number else place
        job.attempts = attempts
        job.error = error
        self.jobs[handle] = job
        function.add(job)
        if due > self._seconds():
            self._delay(job)
        else:
            # What became due while the server was down did not wait for that long.
            function.disordered = function.disordered or due > 0
            function.enqueue(job)
        return job

    def restoreRecord(self, kind: str, key: bytes, value: bytes) -> None:
        """
        Take back what was kept beside the jobs. It all comes before them.

        @raise BadRow: when it cannot be read.
        """
        if kind == POLICY:
            self._restorePolicy(key, value)
        elif kind == DEAD:
            self.dead.restore(value)
        elif kind == RESULT:
            self.results.restore(value)
        elif kind in (SCHEDULE, RUN):
            self.recurring.restore(kind, key, value)
        else:
            raise BadRow(f"nothing is known of {kind}")

    def loaded(self, firstNumber: int) -> None:
        """
        All jobs that were kept are back: take jobs, and grant them.

        @param firstNumber: the number of the next new job.
        """
        self.loading = False
        self._ended.clear()
        self._nextJob = firstNumber
        self.dead.arrange()
        self.results.arrange()
        self._governAll()
        if self.draining:
            return
        self.grants = True
        self._refusal = None
        self.recurring.start()
        self._waker.stopped = False
        for function in self.functions:
            if function.queue.waiting:
                self._watchQueue(function)
                self._waker.wakeForAll(function)
