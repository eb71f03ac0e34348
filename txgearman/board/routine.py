"""
A schedule that is followed: which of its runs are to be made, and their making.

What is to be known of it:

  - A run is B{missed} when nobody was there at its time: the server was down, or stood
    still for more than a minute. Schedules say what is done then: nothing, one run for
    all of them, or each of them.
  - A run is B{skipped} when the job of the one before is still on the board and they
    must not overlap. Of missed runs that are all to be made each waits until the one
    before is over, and so do those whose time comes meanwhile.
  - A run is B{owed} when it is to be made and the board has not taken it yet. It is
    tried again after a pause. Where not all are to be made there is one at most: a run
    whose time comes meanwhile is the same one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from attrs import define, frozen

from txgearman.board.agenda import Entry
from txgearman.board.job import Job
from txgearman.board.named_schedule import History, Missed, NamedSchedule
from txgearman.board.policies import Origin
from txgearman.board.recurrence import Recurrence
from txgearman.errors import ServerError

MOST_MISSED: Final = 1000
"""How many missed runs of a schedule are made."""

# How many are counted where they are not made.
_COUNTED: Final = 100

# How late a run may be that was not missed, in seconds.
_LATE: Final = 60.0

# The pause before the next attempt at a run that was refused, in seconds; it is doubled
# each time until it is the longest.
_PAUSE: Final = 5.0
_LONGEST_PAUSE: Final = 60.0

# How often to look whether a job is over that another run waits for, in seconds.
_LOOK: Final = 1.0


@frozen
class ScheduleRow:
    """
    A schedule, for a list.

    @ivar schedule: what it is.
    @ivar origin: who defined it.
    @ivar times: when it recurs, in words.
    @ivar last: when it ran last, in seconds of the epoch; 0 for never.
    @ivar next: when it runs next, in seconds of the epoch; 0 for never, as when it is
        paused.
    @ivar paused: whether it is.
    @ivar handle: that of its last job; empty when there was none.
    @ivar runs: how often it ran.
    @ivar skipped: how often it did not because the job before was still there.
    @ivar missed: how often nobody was there when it should have run.
    @ivar owed: how many runs are to be made as soon as possible.
    @ivar error: why the last attempt at a run was refused; empty when it was not.
    """

    schedule: NamedSchedule
    origin: Origin
    times: str
    last: float
    next: float
    paused: bool = False
    handle: bytes = b""
    runs: int = 0
    skipped: int = 0
    missed: int = 0
    owed: int = 0
    error: bytes = b""


@frozen
class Definition:
    """
    What somebody said of a schedule.
    """

    schedule: NamedSchedule
    recurrence: Recurrence
    origin: Origin


@frozen
class Posting:
    """
    How jobs are posted on a board.

    @ivar submit: submits a schedule's job, or raises L{ServerError}.
    @ivar alive: says whether the job with a handle is on the board.
    """

    submit: Callable[[NamedSchedule], Job]
    alive: Callable[[bytes], bool]


@define(eq=False)
class Routine:
    """
    A schedule that is followed.

    @ivar due: the next moment at which it recurs; L{None} for never.
    @ivar retry: when to try again what is owed.
    @ivar refusals: how often it was refused, one time after the other.
    @ivar error: why.
    @ivar entry: its next turn; L{None} when it has none.
    @ivar kept: what is kept of its history.
    """

    definition: Definition
    history: History
    posting: Posting
    due: float | None = None
    retry: float = 0.0
    refusals: int = 0
    error: bytes = b""
    entry: Entry[Routine] | None = None
    kept: bytes = b""

    @property
    def name(self) -> str:
        """
        What people call it.
        """
        return self.definition.schedule.name

    @property
    def when(self) -> float | None:
        """
        When something is to be done, in seconds of the epoch; L{None} for never.
        """
        if self.history.paused:
            return None
        if self.history.owed and (self.due is None or self.retry < self.due):
            return self.retry
        return self.due

    @property
    def lives(self) -> bool:
        """
        Is there a job on the board that there must not be a second one beside?
        """
        handle = self.history.handle
        overlap = self.definition.schedule.overlap
        return not overlap and bool(handle) and self.posting.alive(handle)

    @property
    def _each(self) -> bool:
        """
        Are all the runs to be made that are missed?
        """
        return self.definition.schedule.missed == Missed.ALL

    def row(self, running: bool) -> ScheduleRow:
        """
        Describe it.

        @param running: whether schedules recur at all.
        """
        definition, history = self.definition, self.history
        return ScheduleRow(
            definition.schedule,
            definition.origin,
            definition.recurrence.text,
            history.last,
            (running and self.when) or 0.0,
            history.paused,
            history.handle,
            history.runs,
            history.skipped,
            history.missed,
            history.owed,
            self.error,
        )

    def begin(self, now: float) -> None:
        """
        Follow the definition, which is new, or another one. Nothing was missed yet,
        unless it recurs as it did before.
        """
        times = self.definition.schedule.times
        if self.history.times != times:
            self.history.beginAnew(times, now)
        self.retry = now
        self.due = self.definition.recurrence.next(self.history.settled)

    def pause(self) -> None:
        """
        Recur no more. What is owed is forgotten.
        """
        self.history.paused = True
        self.history.owed = 0

    def resume(self, now: float) -> None:
        """
        Recur from now on.
        """
        self.history.paused = False
        self.history.settled = now
        self.due = self.definition.recurrence.next(now)

    def turn(self, now: float, since: float) -> int:
        """
        Something is due, or to be tried again.

        @param since: when somebody began to be there.
        @return: how many runs were due.
        """
        history = self.history
        count, last = self._pass(now)
        fresh = last is not None and last >= since and now - last < _LATE
        missed = count - fresh
        if count:
            history.settled = now
            history.missed += missed
        # Those of a row wait for each other.
        row = self._each and bool(missed or history.owed)
        self._owe(missed, fresh)
        self.retry = now + _PAUSE
        self._runOwed(now, row)
        return count

    def _pass(self, now: float) -> tuple[int, float | None]:
        """
        Let the moments pass that are over.

        @return: how many they were, as far as that matters, and the last of them;
            L{None} when there was none, or nobody knows.
        """
        recurrence, due = self.definition.recurrence, self.due
        limit = MOST_MISSED if self._each else _COUNTED
        count, last = 0, None
        while due is not None and due <= now:
            if count == limit:
                last, due = None, recurrence.next(now)
                break
            count, last = count + 1, due
            due = recurrence.next(due)
        self.due = due
        return count, last

    def _owe(self, missed: int, fresh: bool) -> None:
        """
        Runs are to be made.

        @param fresh: whether there is one that was not missed.
        """
        history = self.history
        if self._each:
            history.owed = min(MOST_MISSED, history.owed + missed + fresh)
        elif fresh or (missed and self.definition.schedule.missed == Missed.ONCE):
            history.owed = 1

    def _runOwed(self, now: float, row: bool) -> None:
        """
        Make the runs that are owed, as far as possible.

        @param row: whether each waits until the one before is over.
        """
        history = self.history
        while history.owed:
            if self.lives:
                if row:
                    self.retry = now + _LOOK
                else:
                    history.skipped += history.owed
                    history.owed = 0
                return
            try:
                self.run(now)
            except ServerError as error:
                self._postpone(now, error.text or error.code)
                return
            history.owed -= 1

    def run(self, now: float) -> Job:
        """
        Submit its job.

        @raise ServerError: when the board does not take it.
        """
        job = self.posting.submit(self.definition.schedule)
        history = self.history
        history.last = now
        history.handle = job.handle
        history.runs += 1
        self.refusals, self.error = 0, b""
        return job

    def takeBack(self, now: float) -> None:
        """
        Its job was taken and came to nothing: it did not run after all.
        """
        # It may be another schedule's by now, with the same name.
        self.history.runs = max(0, self.history.runs - 1)
        if not self.history.paused:
            self._owe(0, True)
        self._postpone(now, b"The job could not be saved")

    def _postpone(self, now: float, why: bytes) -> None:
        """
        A run was refused: try it again later.
        """
        pause = min(_LONGEST_PAUSE, _PAUSE * 2 ** min(self.refusals, 10))
        self.refusals += 1
        self.retry = now + pause
        self.error = why
