"""
The job board: what clients post jobs on and workers take jobs from.

A client I{submits}, a worker I{grabs}, the board I{grants}, a worker I{reports},
a connection is I{lost}.

Methods answer with a value, or raise L{ServerError} for what the peer asked in
vain. What others are owed because of it, they are told through their
L{Link<txgearman.board.peer.Link>}.
"""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.interfaces import IReactorTime

from txgearman.board.administration import Administration
from txgearman.board.function import BY_DATA, Function
from txgearman.board.job import COMPLETED, RUNNING, Job, JobState, Priority
from txgearman.board.keys import Cause
from txgearman.board.named_schedule import NamedSchedule
from txgearman.board.peer import AWAKE, Peer
from txgearman.board.policy import Policy
from txgearman.board.queue import NOTHING
from txgearman.board.recurrence import Recur, intervalOnly
from txgearman.board.recurring import Recurring
from txgearman.board.waking import Later
from txgearman.errors import ServerError
from txgearman.wire.codec import Data
from txgearman.wire.numbers import unsigned


class JobBoard(Administration):
    """
    All the jobs, functions and peers of one job server.

    @ivar recurring: the schedules that submit jobs again and again.
    """

    def __init__(
        self,
        clock: IReactorTime,
        policy: Policy | None = None,
        firstNumber: int = 1,
        later: Later | None = None,
        recur: Recur = intervalOnly,
    ) -> None:
        """
        @param firstNumber: the number of the first job's handle.
        @param later: as for a L{Waker<txgearman.board.waking.Waker>}.
        @param recur: reads what schedules say of when they recur.
        """
        super().__init__(clock, policy, firstNumber, later)
        self.recurring = Recurring(
            self._timers,
            self._seconds,
            self._submitScheduled,
            lambda handle: handle in self.jobs,
            self._keep,
            recur,
        )

    # Connections

    def lost(self, peer: Peer) -> None:
        """
        A connection was lost: nobody listens there, and its jobs go back to
        the tails of their queues, the one grabbed last first, as in gearmand.
        """
        del self.peers[peer]
        for job in peer.waiting:
            job.listeners = [other for other in job.listeners if other is not peer]
            if not job.wanted and job.state is not RUNNING:
                self._end(job, JobState.CANCELLED)
        peer.waiting = {}
        woken = self._waker.awake(peer)
        for ability in peer.abilities.values():
            del ability.function.workers[peer]
        for job in reversed(list(peer.running.values())):
            self._takeBack(job, Cause.LOST, b"worker lost")
        if woken:
            self._waker.passOn(peer)

    # Submitting

    def submit(
        self,
        client: Peer | None,
        name: bytes,
        unique: bytes,
        data: Data,
        priority: Priority = Priority.NORMAL,
        background: bool = False,
        reducer: bytes = b"",
        due: float = 0.0,
    ) -> Job:
        """
        A client submits a job. If one with its function and unique lives, the
        client joins that one: its priority, data and due time stay.

        @param client: L{None} when nobody does, as for what is scheduled: it is in
            the background then.
        @param name: the function.
        @param unique: empty for none; C{-} means that the data is the unique.
        @param due: not to be run before this, in seconds of the epoch.
        @return: the job, which may be an older one.
        @raise ServerError: C{ARGUMENT_TOO_LARGE}, C{QUEUE_ERROR} (L{QueueFull}
            when it is the function's queue), C{SHUTDOWN_GRACEFUL} when draining.
        """
        self.checkRefusal()
        if background:
            self._checkBackground(data)
        limit = self.policy.uniqueLimit
        if len(unique) > limit or len(reducer) > limit:
            raise ServerError(b"ARGUMENT_TOO_LARGE", b"Unique value too large")
        function = self.functions.named(name)
        if unique == BY_DATA:
            data = bytes(data)
        job = function.coalescing(unique, data) if unique else None
        new = job is None
        if unique and background and function.policy.debounce:
            due = self._debounce(job, function, due)
        if job is None:
            job = self._post(function, unique, data, priority, reducer, due)
        if background:
            self._makeBackground(job)
        else:
            assert client is not None, "it is in the background"
            job.listen(client)
            client.waiting[job] = None
        if new:
            self._admit(job)
        return job

    def _submitScheduled(self, schedule: NamedSchedule) -> Job:
        """
        Submit a job whose time has come again.
        """
        return self.submit(
            None,
            schedule.function,
            schedule.unique,
            schedule.data,
            Priority(schedule.priority),
            background=True,
        )

    def _debounce(self, job: Job | None, function: Function, due: float) -> float:
        """
        Let a background job wait until nobody has submitted it for a while.

        @param job: the one that was submitted before, if it lives.
        @return: when a new one is due.
        """
        quiet = self._seconds() + function.policy.debounce
        if job is not None and not job.attempts and job.due < quiet:
            self._postpone(job, quiet)
        return due or quiet

    # Grabbing

    def grab(self, worker: Peer) -> Job | None:
        """
        A worker asks for a job.

        The most urgent job of all its functions is granted; among functions
        with equally urgent jobs, they take turns.
        """
        woken = worker.rest is not AWAKE and self._waker.awake(worker)
        job = self._mostUrgent(worker) if self.grants else None
        if job is not None:
            self._grant(job, worker)
        if woken:
            self._waker.passOn(worker)
        return job

    def _mostUrgent(self, worker: Peer) -> Job | None:
        """
        Take the job out of its queue that the worker should do next.
        """
        for priority in range(NOTHING):
            functions = self.functions.ready.at(priority)
            if functions:
                ability = worker.firstOf(functions, priority)
                while ability is not None and ability.function.disordered:
                    if not self._hasExpired(ability.function):
                        break
                    ability = worker.firstOf(functions, priority)
                if ability is not None:
                    worker.hadTurn(ability)
                    return ability.function.takeTop()
        return None

    def _hasExpired(self, function: Function) -> bool:
        """
        End the jobs that would be granted next if their time to live is over. What was
        due while the server was down may stand before what waits longer.

        @return: whether there were any.
        """
        late = bool(function.policy.ttl) and self._isLate(function)
        if late:
            self._expire(function)
        return late

    # Reporting

    def workStatus(
        self, worker: Peer, handle: bytes, numerator: bytes, denominator: bytes
    ) -> None:
        """
        A worker reports progress. Clients get its words; the numbers in them
        are kept, as C{atoi} reads them, for whoever asks.

        @raise ServerError: C{JOB_NOT_FOUND}, as for every report, when the
            worker does not run that job.
        """
        job = self._reported(worker, handle, _RESULT_NOT_FOUND)
        if job is not None:
            job.numerator = unsigned(numerator)
            job.denominator = unsigned(denominator)
            for client in job.listeners:
                client.link.workStatus(job, numerator, denominator)

    def workData(self, worker: Peer, handle: bytes, data: Data) -> None:
        """
        A worker sends a part of the result.
        """
        job = self._reported(worker, handle, _DATA_NOT_FOUND)
        if job is not None:
            for client in job.listeners:
                client.link.workData(job, data)

    def workWarning(self, worker: Peer, handle: bytes, data: Data) -> None:
        """
        A worker sends a warning.
        """
        job = self._reported(worker, handle, _DATA_NOT_FOUND)
        if job is not None:
            for client in job.listeners:
                client.link.workWarning(job, data)

    def workComplete(self, worker: Peer, handle: bytes, data: Data) -> None:
        """
        A worker completed a job.
        """
        job = self._reported(worker, handle, _RESULT_NOT_FOUND, last=True)
        if job is not None:
            for client in job.listeners:
                client.link.workComplete(job, data)
            self._end(job, COMPLETED, data)

    def workFail(self, worker: Peer, handle: bytes) -> None:
        """
        A worker failed. After an exception for the same job it only repeats
        itself: an ERROR for that would kill Perl's workers.
        """
        if handle in worker.failing:
            worker.failing.remove(handle)
            return
        job = self._reported(worker, handle, _RESULT_NOT_FOUND, last=True)
        if job is not None:
            self._takeBack(job, Cause.FAIL, b"failed")

    def workException(self, worker: Peer, handle: bytes, data: Data) -> None:
        """
        A worker failed with an exception. If that ends the job, clients that do
        not want to hear of exceptions hear that it failed.
        """
        job = self._reported(worker, handle, _EXCEPTION_NOT_FOUND, last=True)
        worker.failing.append(handle)
        if job is None:
            return
        error = bytes(data)[:_ERROR_LIMIT]
        if not self._triedAgain(job, Cause.EXCEPTION, error):
            for client in job.listeners:
                if client.exceptions:
                    client.link.workException(job, data)
                else:
                    client.link.workFail(job)
            self._end(job, JobState.FAILED)

    def _reported(
        self, worker: Peer, handle: bytes, text: bytes, last: bool = False
    ) -> Job | None:
        """
        Find the job that a worker reports on.

        @param text: what to say when the worker runs no such job.
        @param last: whether the report ends the job.
        @return: L{None} when the job was cancelled and nobody wants to know.
        """
        job = worker.running.get(handle)
        if job is None:
            if handle not in worker.cancelled:
                raise ServerError(b"JOB_NOT_FOUND", text)
            if last:
                worker.cancelled.remove(handle)
        elif not last and job.function.policy.lease:
            job.heard = self._seconds()
        return job

    # Ends

    def drain(self, whenIdle: Callable[[], None]) -> None:
        """
        Take and grant no more jobs.

        @param whenIdle: called once no job runs; perhaps at once. Each caller's
            is called.
        """
        self._close()
        if self.running:
            self._whenIdle.append(whenIdle)
        else:
            whenIdle()

    def _close(self) -> None:
        """
        Take and grant no more jobs.
        """
        self.draining = True
        self.recurring.stop()
        self._refusal = _DRAINING
        self._grantNothing()

    def _grantNothing(self) -> None:
        """
        Grant no jobs, and wake nobody for them.
        """
        self.grants = False
        self._waker.stopped = True

    def stop(self) -> None:
        """
        Grant nothing, and do nothing later.
        """
        self._close()
        self._whenIdle = []
        self._timers.stop()


# So many bytes of an exception are remembered as why an attempt ended.
_ERROR_LIMIT = 1024

_DRAINING = b"SHUTDOWN_GRACEFUL", b"Server is shutting down"
_RESULT_NOT_FOUND = b"Job given in work result not found"
_DATA_NOT_FOUND = b"Job does not exist on server"
_EXCEPTION_NOT_FOUND = b"An exception was received for a job that does not exist"
