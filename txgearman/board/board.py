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
from functools import partial

from twisted.internet.interfaces import IReactorTime

from txgearman.board.function import BY_DATA, Function
from txgearman.board.job import QUEUED, RUNNING, Job, JobState, Priority
from txgearman.board.peer import Peer, Rest
from txgearman.board.policy import Policy
from txgearman.board.waking import Later
from txgearman.board.workforce import Workforce
from txgearman.errors import QueueFull, ServerError
from txgearman.wire.codec import Data
from txgearman.wire.numbers import unsigned


class JobBoard(Workforce):
    """
    All the jobs, functions and peers of one job server.

    @ivar jobs: the living jobs by handle, in the order of their submitting.
    @ivar running: how many jobs run.
    @ivar draining: whether it takes no more jobs, and grants none.
    @ivar grants: whether it grants jobs.
    """

    def __init__(
        self,
        clock: IReactorTime,
        policy: Policy | None = None,
        firstNumber: int = 1,
        later: Later | None = None,
    ) -> None:
        """
        @param firstNumber: the number of the first job's handle.
        @param later: as for a L{Waker}.
        """
        super().__init__(clock, Policy() if policy is None else policy, later)
        self.jobs: dict[bytes, Job] = {}
        self.running = 0
        self.draining = False
        self.grants = True
        # What is said to those who submit, when nothing is taken: code and text.
        self._refusal: tuple[bytes, bytes] | None = None
        self._nextJob = firstNumber
        self._handles = self.policy.handlePrefix + b":"
        self._whenIdle: list[Callable[[], None]] = []

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
            self._takeBack(job, b"worker lost")
        if woken:
            self._waker.passOn(peer)

    # Submitting

    def submit(
        self,
        client: Peer,
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

        @param name: the function.
        @param unique: empty for none; C{-} means that the data is the unique.
        @param due: not to be run before this, in seconds of the epoch.
        @return: the job, which may be an older one.
        @raise ServerError: C{ARGUMENT_TOO_LARGE}, C{QUEUE_ERROR} (L{QueueFull}
            when it is the function's queue), C{SHUTDOWN_GRACEFUL} when draining.
        """
        if self._refusal is not None:
            raise ServerError(*self._refusal)
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
        if job is None:
            job = self._post(function, unique, data, priority, reducer, due)
        if background:
            self._makeBackground(job)
        else:
            job.listen(client)
            client.waiting[job] = None
        if new:
            self._admit(job)
        return job

    def _checkBackground(self, data: Data) -> None:
        """
        Can there be one more background job, with this workload?

        @raise ServerError: when there cannot.
        """

    def _makeBackground(self, job: Job) -> None:
        """
        A job needs no client any more.
        """
        job.background = True

    def _admit(self, job: Job) -> None:
        """
        Let a new job wait for a worker, or until it is due.
        """
        if job.due > job.submitted:
            self._delay(job)
        else:
            self._enqueue(job)

    def _post(
        self,
        function: Function,
        unique: bytes,
        data: Data,
        priority: Priority,
        reducer: bytes,
        due: float,
    ) -> Job:
        """
        Make a new job and count it in.
        """
        if function.full(priority):
            raise QueueFull
        number = self._nextJob
        self._nextJob += 1
        handle = self._handles + str(number).encode("ascii")
        now = self._seconds()
        job = Job(number, handle, function, unique, data, reducer, priority, due, now)
        self.jobs[handle] = job
        function.add(job)
        return job

    def _enqueue(self, job: Job) -> None:
        """
        Let a job wait for a worker, and wake one.
        """
        job.function.enqueue(job)
        if job.function.sleepers:
            self._waker.wake(job.function)

    def _delay(self, job: Job) -> None:
        """
        Let a job wait until it is due.
        """
        job.state = JobState.DELAYED
        job.function.delayed[job] = None
        job.timer = self._timers.at(job.due, partial(self._due, job))

    def _due(self, job: Job) -> None:
        """
        A delayed job's time has come.
        """
        job.timer = None
        del job.function.delayed[job]
        self._enqueue(job)

    # Grabbing

    def grab(self, worker: Peer) -> Job | None:
        """
        A worker asks for a job.

        The most urgent job of all its functions is granted; among functions
        with equally urgent jobs, they take turns.
        """
        woken = worker.rest is not Rest.AWAKE and self._waker.awake(worker)
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
        for priority in Priority:
            functions = self.functions.ready.at(priority)
            if functions:
                ability = worker.firstOf(functions, priority)
                if ability is not None:
                    worker.hadTurn(ability)
                    return ability.function.takeTop()
        return None

    def _grant(self, job: Job, worker: Peer) -> None:
        """
        Give a job to a worker.
        """
        job.state = RUNNING
        job.worker = worker
        job.attempts += 1
        job.started = self._seconds()
        job.function.running += 1
        self.running += 1
        worker.running[job.handle] = job
        timeout = worker.abilities[job.function.name].timeout
        if timeout:
            when = job.started + timeout
            job.timer = self._timers.at(when, partial(self._tooSlow, job))

    def _tooSlow(self, job: Job) -> None:
        """
        The worker's time for the job is over. The worker is told nothing, and
        what it may still report about the job is refused, as in gearmand.
        """
        job.timer = None
        self._takeBack(job, b"timed out")

    def _takeBack(self, job: Job, reason: bytes) -> None:
        """
        A job is without its worker: let it wait again at the tail of its queue,
        so that a job that kills its workers does not starve the others.
        """
        job.error = reason
        limit = self.policy.attempts
        if not job.wanted or 0 < limit <= job.attempts:
            self._fail(job)
            return
        self._stopRunning(job)
        job.numerator = job.denominator = 0
        self._enqueue(job)
        self._checkIdle()

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
            self._end(job, JobState.COMPLETED)

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
            self._fail(job)

    def workException(self, worker: Peer, handle: bytes, data: Data) -> None:
        """
        A worker failed with an exception, which ends the job. Clients that do
        not want to hear of exceptions hear that it failed.
        """
        job = self._reported(worker, handle, _EXCEPTION_NOT_FOUND, last=True)
        worker.failing.append(handle)
        if job is not None:
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
        return job

    # Ends

    def cancel(self, job: Job) -> None:
        """
        End a job, waiting or running, as if it had never been. Its clients hear
        that it failed; what its worker still reports goes nowhere.
        """
        if job.worker is not None:
            job.worker.cancelled.add(job.handle)
        for client in job.listeners:
            client.link.workFail(job)
        self._end(job, JobState.CANCELLED)

    def _fail(self, job: Job) -> None:
        """
        End a job that failed.
        """
        for client in job.listeners:
            client.link.workFail(job)
        self._end(job, JobState.FAILED)

    def _end(self, job: Job, state: JobState) -> None:
        """
        Take a job off the board and out of every count.
        """
        before, job.state = job.state, state
        function = job.function
        if before is RUNNING:
            self._stopRunning(job)
        elif before is QUEUED:
            function.dequeue(job)
        elif before is JobState.DELAYED:
            del function.delayed[job]
            self._stopTimer(job)
        del self.jobs[job.handle]
        function.discard(job)
        for client in job.listeners:
            client.waiting.pop(job, None)
        # A dead entry in a queue must not keep the workload alive.
        job.data = b""
        self._checkIdle()

    def _stopRunning(self, job: Job) -> None:
        """
        Part a job from the worker that ran it.
        """
        worker, job.worker = job.worker, None
        assert worker is not None, "a job that runs has a worker"
        del worker.running[job.handle]
        self._stopTimer(job)
        job.function.running -= 1
        self.running -= 1

    def _checkIdle(self) -> None:
        """
        A job stopped running, and all that follows from it is done: if it was
        the last one, a drain is over.
        """
        if self._whenIdle and not self.running:
            waiting, self._whenIdle = self._whenIdle, []
            for whenIdle in waiting:
                whenIdle()

    def _stopTimer(self, job: Job) -> None:
        """
        The attempt, or the delay, is over.
        """
        if job.timer is not None:
            self._timers.cancel(job.timer)
            job.timer = None

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


_DRAINING = b"SHUTDOWN_GRACEFUL", b"Server is shutting down"
_RESULT_NOT_FOUND = b"Job given in work result not found"
_DATA_NOT_FOUND = b"Job does not exist on server"
_EXCEPTION_NOT_FOUND = b"An exception was received for a job that does not exist"
