"""
How jobs wait, run, are tried again, and end.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from functools import partial
from math import inf

from twisted.internet.interfaces import IReactorTime

from txgearman.board.dead import KIND as DEAD
from txgearman.board.dead import DeadLetters
from txgearman.board.function import Function
from txgearman.board.job import (
    COMPLETED,
    QUEUED,
    RUNNING,
    SAVING,
    Job,
    JobState,
    Priority,
)
from txgearman.board.keys import Cause
from txgearman.board.peer import Peer
from txgearman.board.policy import Policy
from txgearman.board.results import KIND as RESULT
from txgearman.board.results import Results
from txgearman.board.saving import Saving
from txgearman.board.waking import Later
from txgearman.board.watch import Watch
from txgearman.board.workforce import Workforce
from txgearman.errors import QueueFull, ServerError
from txgearman.wire.codec import Data

# So many jobs expire before others have their turn, for so many seconds.
_PAGE = 1000
_BREATH = 0.001


class Lifecycle(Workforce):
    """
    The lives of one job server's jobs.

    @ivar jobs: the living jobs by handle, in the order of their submitting.
    @ivar running: how many jobs run.
    @ivar draining: whether it takes no more jobs, and grants none.
    @ivar grants: whether it grants jobs.
    @ivar dead: the dead letters.
    @ivar results: how background jobs ended.
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
        @param later: as for a L{Waker<txgearman.board.waking.Waker>}.
        """
        policy = Policy() if policy is None else policy
        super().__init__(clock, policy, later)
        self.jobs: dict[bytes, Job] = {}
        self.running = 0
        self.dead = DeadLetters(
            *(DEAD, self._timers, self._seconds, self._keepThing),
            count=policy.deadLimit,
            size=policy.deadBytes,
            age=policy.deadAge,
        )
        self.results = Results(
            *(RESULT, self._timers, self._seconds, self._keepThing),
            count=policy.resultsLimit,
            size=policy.resultsBytes,
        )
        self.draining = False
        self.grants = True
        # What is said to those who submit, when nothing is taken: code and text.
        self._refusal: tuple[bytes, bytes] | None = None
        self._nextJob = firstNumber
        self._handles = policy.handlePrefix + b":"
        self._chance: Callable[[], float] = random.random
        self._whenIdle: list[Callable[[], None]] = []

    @property
    def unsaved(self) -> Saving | None:
        """
        What is to be saved of all that was told the board, if anything is.
        """
        return None

    def _keep(self, kind: str, key: bytes, value: bytes | None) -> None:
        """
        Keep something beside the jobs, or not any longer, where they are kept.
        """

    def _keepThing(
        self, kind: str, key: bytes, pack: Callable[[], bytes] | None
    ) -> None:
        """
        The same of something of which C{pack} makes bytes.
        """

    # Coming

    def checkRefusal(self) -> None:
        """
        Is anything taken now?

        @raise ServerError: when it is not.
        """
        if self._refusal is not None:
            raise ServerError(*self._refusal)

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
        A job is new.
        """
        self._letWait(job)

    def _letWait(self, job: Job) -> None:
        """
        Let a job wait for a worker, or until it is due.
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
        if function.full(priority, data):
            raise QueueFull
        number = self._nextPlace()
        handle = self._handles + str(number).encode("ascii")
        now = self._seconds()
        job = Job(number, handle, function, unique, data, reducer, priority, due, now)
        self.jobs[handle] = job
        function.add(job)
        return job

    def _nextPlace(self) -> int:
        """
        @return: the number of a new job, or the place behind all others.
        """
        place = self._nextJob
        self._nextJob += 1
        return place

    # Waiting

    def _enqueue(self, job: Job) -> None:
        """
        Let a job wait for a worker, and wake one.
        """
        function = job.function
        function.enqueue(job)
        if function.sleepers:
            self._waker.wake(function)
        if function.policy.ttl and function.expiring is None:
            self._watchQueue(function)

    def _delay(self, job: Job) -> None:
        """
        Let a job wait until it is due.
        """
        job.state = JobState.DELAYED
        job.function.delayed[job] = None
        job.timer = self._timers.at(job.due, partial(self._due, job))

    def _postpone(self, job: Job, due: float) -> None:
        """
        A job that is delayed, or will be, is due later.
        """
        if job.state is JobState.DELAYED:
            self._stopTimer(job)
            job.due = due
            self._delay(job)
        elif job.state is SAVING:
            job.due = due

    def _due(self, job: Job) -> None:
        """
        A delayed job's time has come.
        """
        job.timer = None
        del job.function.delayed[job]
        self._enqueue(job)

    def _isLate(self, function: Function) -> bool:
        """
        Is the time to live over of the job that would be granted next?
        """
        job = function.queue.peekTop()
        since = inf if job is None else job.waitsSince
        return since + function.policy.ttl <= self._seconds()

    def _watchQueue(self, function: Function) -> None:
        """
        See that the jobs in a queue expire.
        """
        ttl = function.policy.ttl
        first = min((job.waitsSince for job in function.queue.heads()), default=inf)
        if ttl and first < inf and function.expiring is None:
            expire = partial(self._expire, function)
            function.expiring = self._timers.at(first + ttl, expire)

    def _expire(self, function: Function) -> None:
        """
        End the jobs whose time to live is over. Each lane of a queue begins with the
        one that waits longest.
        """
        if function.expiring is not None:
            self._timers.cancel(function.expiring)
            function.expiring = None
        ttl, now = function.policy.ttl, self._seconds()
        for _ in range(_PAGE if ttl else 0):
            late = [j for j in function.queue.heads() if j.waitsSince + ttl <= now]
            if not late:
                self._watchQueue(function)
                return
            for job in late:
                job.error = b"expired"
                self._fail(job, JobState.EXPIRED)
        if ttl:
            again = partial(self._expire, function)
            function.expiring = self._timers.at(now + _BREATH, again)

    # Running

    def _grant(self, job: Job, worker: Peer) -> None:
        """
        Give a job to a worker.
        """
        function, now = job.function, self._seconds()
        job.state = RUNNING
        job.worker = worker
        job.attempts += 1
        job.started = now
        function.running += 1
        function.runningSize += len(job.data)
        self.running += 1
        worker.running[job.handle] = job
        if worker.failing or worker.cancelled:
            worker.beginsAnew(job.handle)
        policy = function.policy
        if policy.gated and function.granted(now):
            self._look(function)
        timeout = worker.abilities[function.name].timeout
        if timeout:
            job.heard = now
            self._await(job, now + min(timeout, policy.timeout or inf))
        elif policy.patience:
            job.heard = now
            watch = function.watch
            if watch is None or watch.after != policy.patience:
                watch = self._watch(function)
            watch.add(job)

    def _watch(self, function: Function) -> Watch:
        """
        Make what looks at the attempts of a function from now on. What its former one
        watches, that will look at in its own time.
        """
        after = function.policy.patience
        watch = Watch(self._timers, self._seconds, after, self._lookAt)
        function.watch = watch
        return watch

    def _lookAt(self, job: Job) -> None:
        """
        An attempt has lasted for as long as it may, or its lease.
        """
        timeout = job.function.policy.timeout
        self._overdue(job, job.started + timeout if timeout else inf)

    def _await(self, job: Job, ends: float) -> None:
        """
        See that an attempt does not take too long, nor its worker say nothing.

        @param ends: when it ends at the latest, in seconds of the epoch.
        """
        lease = job.function.policy.lease
        when = min(ends, job.heard + lease) if lease else ends
        if when < inf:
            job.timer = self._timers.at(when, partial(self._overdue, job, ends))

    def _overdue(self, job: Job, ends: float) -> None:
        """
        The worker's time for the job is over, or its lease would be if it had not
        been heard of. The worker is told nothing.
        """
        job.timer = None
        lease, now = job.function.policy.lease, self._seconds()
        if ends <= now:
            self._timeOut(job, b"timed out")
        elif lease and job.heard + lease <= now:
            self._timeOut(job, b"lease ran out")
        else:
            self._await(job, ends)

    def _timeOut(self, job: Job, error: bytes) -> None:
        """
        A worker's time for a job is over. If it had set that time itself, what it may
        still report is refused, as in gearmand; of a policy it knows nothing, so its
        report goes nowhere: an ERROR would kill Perl's workers.
        """
        worker = job.worker
        assert worker is not None, "a job that runs has a worker"
        ability = worker.abilities.get(job.function.name)
        own = 0.0 if ability is None else ability.timeout
        if not own or self._seconds() < job.started + own:
            worker.cancelled.add(job.handle)
        self._takeBack(job, Cause.TIMEOUT, error)

    def _look(self, function: Function) -> None:
        """
        Look how many of a function's jobs may be granted, and when to look again.
        """
        opens = function.look(self._seconds())
        if opens and function.opening is None:
            function.opening = self._timers.at(opens, partial(self._reopen, function))

    def _reopen(self, function: Function) -> None:
        """
        More of a function's jobs may be granted.
        """
        if function.opening is not None:
            self._timers.cancel(function.opening)
            function.opening = None
        self._look(function)
        self._waker.wakeForAll(function)

    def _stopRunning(self, job: Job) -> None:
        """
        Part a job from the worker that ran it.
        """
        worker, job.worker = job.worker, None
        assert worker is not None, "a job that runs has a worker"
        del worker.running[job.handle]
        self._stopTimer(job)
        function = job.function
        function.running -= 1
        function.runningSize -= len(job.data)
        self.running -= 1
        waited = bool(function.sleepers) and function.queue.waiting > 0
        if function.room <= 0 or (waited and function.policy.gated):
            self._look(function)
            if waited:
                self._waker.wake(function)

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

    # Trying again

    def _takeBack(self, job: Job, cause: Cause, error: bytes) -> None:
        """
        A job is without its worker.
        """
        if not self._triedAgain(job, cause, error):
            self._fail(job)

    def _triedAgain(self, job: Job, cause: Cause, error: bytes) -> bool:
        """
        An attempt ended without success. If there is to be another one, let the job
        wait for it: at the tail of its queue, so that a job that kills its workers
        does not starve the others.

        @param error: what is remembered of it.
        @return: whether it waits.
        """
        job.error = error
        policy = job.function.policy
        spent = 0 < policy.attempts <= job.attempts
        if spent or not job.wanted or cause not in policy.retryOn:
            return False
        patient = job.background or policy.retryForeground
        if cause in _REPORTED and not (job.background or (patient and self.grants)):
            return False
        self._stopRunning(job)
        job.numerator = job.denominator = 0
        pause = policy.backoff(job.attempts, self._chance()) if patient else 0.0
        self._waitAgain(job, pause)
        self._checkIdle()
        return True

    def _waitAgain(self, job: Job, pause: float) -> None:
        """
        Let a job wait for its next attempt.

        @param pause: how long to wait until it waits for a worker, in seconds.
        """
        job.heard = self._seconds()
        if pause or job.function.policy.ttl:
            job.due = job.heard + pause
        if pause:
            self._delay(job)
        else:
            self._enqueue(job)

    # Ends

    def _fail(self, job: Job, state: JobState = JobState.FAILED) -> None:
        """
        End a job that failed.
        """
        for client in job.listeners:
            client.link.workFail(job)
        self._end(job, state)

    def _end(self, job: Job, state: JobState, data: Data = b"") -> None:
        """
        Take a job off the board and out of every count.

        @param data: what its worker said with its last word.
        """
        function, policy = job.function, job.function.policy
        leaves = policy.results if state is COMPLETED else policy.keeps
        if leaves and job.background:
            state = self._leave(job, state, data)
        before, job.state = job.state, state
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

    def _leave(self, job: Job, state: JobState, data: Data) -> JobState:
        """
        A background job leaves a dead letter, or a result.

        @return: how it really ended.
        """
        policy = job.function.policy
        if policy.deadLetter and state in (JobState.FAILED, JobState.EXPIRED):
            state = JobState.DEAD
            self.dead.bury(job)
        # A purge of many must not push out the results of what was done.
        if policy.results and (job.attempts or state is not JobState.CANCELLED):
            self.results.note(job, state, data)
        return state


# What a worker says itself.
_REPORTED = (Cause.FAIL, Cause.EXCEPTION)
