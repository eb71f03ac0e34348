"""
What there is around the schedules of a board, for tests of them.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from txgearman.board.function import Function
from txgearman.board.job import Job, Priority
from txgearman.board.named_schedule import NamedSchedule
from txgearman.board.recurrence import Interval, Recurrence
from txgearman.board.recurring import Recurring
from txgearman.board.routine import ScheduleRow
from txgearman.board.saving import Saving
from txgearman.board.timers import Timers
from txgearman.errors import BadSetting, ServerError

MINUTE = 60.0
HOUR = 3600.0
DAY = 24 * HOUR

NOON = 1_700_049_600.0
"""When a scene begins: a full hour, in seconds of the epoch."""

DOWN = ServerError(b"QUEUE_ERROR", b"The store is down")


class Once:
    """
    A single moment.
    """

    text = "once"

    def __init__(self, moment: float) -> None:
        self._moment = moment

    def next(self, after: float) -> float | None:
        return self._moment if after < self._moment else None


def recur(cron: str, zone: str, every: float) -> Recurrence:
    """
    Read when a schedule recurs. The cron expressions are offsets from noon.
    """
    if cron:
        try:
            return Once(NOON + float(cron))
        except ValueError:
            raise BadSetting(f"bad cron expression {cron!r}") from None
    return Interval(every)


class Server:
    """
    What there is around schedules: a board's jobs, a store's records, the time.

    @ivar submitted: the names of the schedules whose jobs were submitted, and when, in
        seconds since noon.
    @ivar jobs: those that are on the board.
    @ivar records: what is kept.
    @ivar kept: how often something was.
    @ivar refusal: what the board says of new jobs, if it does not take them.
    @ivar saving: what new jobs are saved with.
    """

    def __init__(self) -> None:
        self.clock = Clock()
        self.clock.advance(NOON)
        self.submitted: list[tuple[str, float]] = []
        self.jobs: dict[bytes, Job] = {}
        self.records: dict[tuple[str, bytes], bytes] = {}
        self.kept = 0
        self.refusal: Exception | None = None
        self.saving: Saving | None = None
        self.configured: tuple[NamedSchedule, ...] = ()
        self._number = 0
        self.made()

    def made(self) -> None:
        """
        A process was started.
        """
        self.timers = Timers(self.clock)
        self.recurring = Recurring(
            self.timers,
            self.clock.seconds,
            self._submit,
            self.jobs.__contains__,
            self._keep,
            recur,
        )

    def starts(self, *schedules: NamedSchedule) -> Recurring:
        """
        It has read its configuration and its store.
        """
        self.configured = schedules
        self.recurring.configure(schedules)
        for (kind, key), value in self.records.items():
            self.recurring.restore(kind, key, value)
        self.recurring.start()
        return self.recurring

    def isDown(self, seconds: float) -> Recurring:
        """
        It is killed, and started again after a while with the same configuration.
        """
        self.timers.stop()
        self.passes(seconds)
        self.made()
        return self.starts(*self.configured)

    def passes(self, seconds: float) -> None:
        """
        Let time pass, of which nobody is kept.
        """
        end = self.clock.seconds() + seconds
        while calls := self.clock.getDelayedCalls():
            when = min(call.getTime() for call in calls)
            if when > end:
                break
            self.clock.advance(when - self.clock.seconds())
        self.clock.advance(end - self.clock.seconds())

    def isSuspended(self, seconds: float) -> None:
        """
        Nobody does anything for a while.
        """
        self.clock.advance(seconds)
        self.passes(0.0)

    def ends(self, job: Job | None = None) -> None:
        """
        A job is over, or all are.
        """
        if job is None:
            self.jobs.clear()
        else:
            del self.jobs[job.handle]

    def runs(self, name: str = "a") -> list[float]:
        """
        When a schedule ran since the last time, in seconds since noon.
        """
        found = [when for one, when in self.submitted if one == name]
        self.submitted = [one for one in self.submitted if one[0] != name]
        return found

    def _submit(self, schedule: NamedSchedule) -> Job:
        if self.refusal is not None:
            raise self.refusal
        self._number += 1
        handle = b"H:here:%d" % self._number
        function = Function(schedule.function)
        now = self.clock.seconds()
        job = Job(
            self._number, handle, function, b"", b"", b"", Priority.NORMAL, 0.0, now
        )
        job.saving = self.saving
        self.jobs[handle] = job
        self.submitted.append((schedule.name, now - NOON))
        return job

    def _keep(self, kind: str, key: bytes, value: bytes | None) -> None:
        self.kept += 1
        if value is None:
            self.records.pop((kind, key), None)
        else:
            self.records[kind, key] = value


def every(seconds: float, name: str = "a", **rest: Any) -> NamedSchedule:
    """
    A schedule with an interval.
    """
    return NamedSchedule(name, b"f", every=seconds, **rest)


class RecurringTestCase(SynchronousTestCase):
    """
    A test of schedules.
    """

    def setUp(self) -> None:
        self.server = Server()

    @property
    def row(self) -> ScheduleRow:
        """
        The schedule that most tests are about.
        """
        return self.server.recurring.get("a")

    def assertRefused(self, code: bytes, ask: Any, *asked: Any) -> None:
        """
        Assert that something is refused.
        """
        error = self.assertRaises(ServerError, ask, *asked)
        self.assertEqual(error.code, code)
