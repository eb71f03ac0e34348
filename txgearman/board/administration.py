"""
What those decide who run a job server.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Final

from txgearman.board.dead import DeadJob
from txgearman.board.function import Function
from txgearman.board.job import Job, JobState
from txgearman.board.keys import KEYS, Value
from txgearman.board.lifecycle import Lifecycle
from txgearman.board.policies import Setting, exactly, literal, matching
from txgearman.board.policy import Policy
from txgearman.errors import BadRow, ServerError

POLICY: Final = "policy"
"""As what settings are kept that were made by hand."""

# What is raised by what looks like a setting and is none.
_UNREADABLE: Final = (
    ArithmeticError,
    LookupError,
    RecursionError,
    TypeError,
    ValueError,
)


class Administration(Lifecycle):
    """
    A board that can be told what holds for functions, and what becomes of jobs.
    """

    # Policies

    def configure(self, settings: Iterable[Setting]) -> None:
        """
        Replace what the configuration says of functions.
        """
        self.policies.configure(settings)
        self._governAll()

    def limitKept(self, policy: Policy) -> None:
        """
        Keep no more dead letters and results than a policy says. How long dead letters
        are kept holds for new ones.
        """
        self.dead.limit(policy.deadLimit, policy.deadBytes)
        self.dead.age = policy.deadAge
        self.results.limit(policy.resultsLimit, policy.resultsBytes)

    def setPolicy(self, pattern: bytes, key: str, value: Value) -> None:
        """
        Decide a key of the policy of some functions by hand. It goes before the
        configuration, and is kept.

        @param pattern: of their names, as in a L{Setting}.
        @param key: one of L{KEYS}.
        @param value: as L{Key.read<txgearman.board.keys.Key.read>} returns it.
        @raise ServerError: C{ARGUMENT_TOO_LARGE} for the pattern, C{QUEUE_ERROR} when
            there are too many, or nothing is kept now.
        """
        self.checkRefusal()
        if len(pattern) > self.policy.functionLimit:
            raise ServerError(b"ARGUMENT_TOO_LARGE", b"Function name too large")
        if self.policies.full(pattern, key):
            raise ServerError(b"QUEUE_ERROR", b"Too many settings")
        place = self.policies.set(pattern, key, value)
        kept = {"place": place, "value": KEYS[key].write(value)}
        self._keep(POLICY, _keyOf(pattern, key), json.dumps(kept).encode())
        self._governOnly(pattern)

    def unsetPolicy(self, pattern: bytes, key: str) -> bool:
        """
        Undo what was decided by hand.

        @return: whether it was.
        @raise ServerError: C{QUEUE_ERROR} when nothing is kept now.
        """
        self.checkRefusal()
        if not self.policies.unset(pattern, key):
            return False
        self._keep(POLICY, _keyOf(pattern, key), None)
        self._governOnly(pattern)
        return True

    def _restorePolicy(self, key: bytes, value: bytes) -> None:
        """
        Have a setting back that was kept.

        @raise BadRow: when it cannot be read.
        """
        pattern, _, name = key.rpartition(b"\0")
        known = KEYS.get(name.decode("ascii", "replace"))
        if known is None:
            raise BadRow(f"there is no key {name!r}")
        try:
            kept = json.loads(value)
            place, read = int(kept["place"]), known.read(str(kept["value"]))
        except _UNREADABLE as error:
            raise BadRow(f"{known.name}: {error!r}") from None
        self.policies.set(pattern, known.name, read, place)

    def pauseFunction(self, name: bytes) -> None:
        """
        Grant no jobs of a function until it is resumed.

        @raise ServerError: as L{setPolicy} does.
        """
        self.setPolicy(exactly(name), "paused", True)

    def resumeFunction(self, name: bytes) -> None:
        """
        Grant jobs of a function again, whatever made it pause.

        @raise ServerError: as L{setPolicy} does.
        """
        self.unsetPolicy(exactly(name), "paused")
        if self.policies.of(name).paused:
            self.setPolicy(exactly(name), "paused", False)

    def _governAll(self) -> None:
        """
        Let the policies hold that were decided.
        """
        for function in self.functions:
            self._govern(function)

    def _governOnly(self, pattern: bytes) -> None:
        """
        Let the policies hold of those functions that a pattern is about.
        """
        name = literal(pattern)
        if name is None:
            concerned = matching(pattern)
            for function in self.functions:
                if concerned(function.name):
                    self._govern(function)
        elif (only := self.functions.get(name)) is not None:
            self._govern(only)

    def _govern(self, function: Function) -> None:
        """
        Let the policy hold for a function that was decided, if it is another.
        """
        policy = self.policies.of(function.name)
        if policy == function.policy:
            return
        function.govern(policy, self._seconds())
        if function.expiring is not None:
            self._timers.cancel(function.expiring)
            function.expiring = None
        self._watchQueue(function)
        self._reopen(function)

    # Jobs

    def cancel(self, job: Job) -> None:
        """
        End a job, waiting or running, as if it had never been. Its clients hear
        that it failed; what its worker still reports goes nowhere.
        """
        if job.worker is not None:
            job.worker.cancelled.add(job.handle)
        self._fail(job, JobState.CANCELLED)

    def purge(self, function: Function) -> int:
        """
        Cancel all of a function's jobs that do not run.

        @return: how many there were.
        """
        jobs = [*function.queue, *function.delayed]
        for job in jobs:
            self.cancel(job)
        return len(jobs)

    def requeue(self, dead: DeadJob) -> Job:
        """
        Let a dead letter's job wait for a worker again, as if it had never been
        tried; with its handle.

        @raise ServerError: C{QUEUE_ERROR} when it cannot be kept now, C{JOB_EXISTS}
            when a job lives that a submit of it would join, C{WORKLOAD_MISSING} when
            that was too large for a dead letter; or as for a submit.
        """
        self.checkRefusal()
        if not dead.whole:
            text = b"Its workload was too large to be kept"
            raise ServerError(b"WORKLOAD_MISSING", text)
        self._checkBackground(dead.data)
        if dead.handle in self.jobs:
            raise ServerError(b"JOB_EXISTS", b"A job with this handle lives")
        function = self.functions.remembered(dead.function)
        if function.coalescing(dead.unique, dead.data) is not None:
            raise ServerError(b"JOB_EXISTS", b"A job with its unique lives")
        job = Job(
            self._nextPlace(),
            dead.handle,
            function,
            dead.unique,
            dead.data,
            dead.reducer,
            dead.priority,
            self._seconds(),
            dead.submitted,
        )
        job.error = dead.error
        self.jobs[job.handle] = job
        job.function.add(job)
        self.dead.discard(dead.handle)
        self._makeBackground(job)
        self._admit(job)
        return job


def _keyOf(pattern: bytes, key: str) -> bytes:
    return pattern + b"\0" + key.encode()
