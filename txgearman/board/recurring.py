"""
The schedules of a board: what submits jobs again and again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Final

from txgearman.board.agenda import Agenda
from txgearman.board.job import Job
from txgearman.board.named_schedule import History, NamedSchedule
from txgearman.board.policies import Origin
from txgearman.board.recurrence import Recur
from txgearman.board.routine import Definition, Posting, Routine, ScheduleRow
from txgearman.board.timers import Timers
from txgearman.errors import BadRow, BadSetting, ServerError

MOST: Final = 10_000
"""How many schedules there may be."""

# What was settled further in the future than this, in seconds, was so by a clock that
# has been corrected since. When one is set back by less, nothing runs twice.
_CORRECTED: Final = 3 * 3600.0

SCHEDULE: Final = "schedule"
RUN: Final = "run"


class Recurring:
    """
    The schedules of a board.

    Those of the configuration are told by L{configure}, those that were kept by
    L{restore}, and then L{start} is called. An administrator's schedule hides one of
    the configuration with the same name.
    """

    def __init__(
        self,
        timers: Timers,
        seconds: Callable[[], float],
        submit: Callable[[NamedSchedule], Job],
        alive: Callable[[bytes], bool],
        keep: Callable[[str, bytes, bytes | None], object],
        recur: Recur,
    ) -> None:
        """
        @param seconds: what time it is, in seconds of the epoch, as in C{timers}.
        @param submit: submits a background job, or raises L{ServerError}.
        @param alive: says whether the job with a handle is on the board.
        @param keep: keeps a record of a kind with a key, or drops it where the value
            is L{None}.
        @param recur: reads what schedules say of when they recur.
        """
        self._seconds = seconds
        self._submit = submit
        self._posting = Posting(self._post, alive)
        self._keep = keep
        self._recur = recur
        self._agenda = Agenda(timers, seconds, self._turn)
        self._configured: dict[str, Definition] = {}
        self._defined: dict[str, Definition] = {}
        self._restored: dict[str, History] = {}
        # The names of schedules that were kept and cannot be read.
        self._unreadable: set[str] = set()
        self._routines: dict[str, Routine] = {}
        self._began: float | None = None
        self._running = False
        # Jobs that may not be saved, and whose they are.
        self._unsaved: dict[Job, str] = {}

    # Looking

    def __len__(self) -> int:
        return len(self._names())

    def __iter__(self) -> Iterator[ScheduleRow]:
        """
        Iterate over the schedules, by name; there are none before L{start}.
        """
        for name in sorted(self._routines):
            yield self._routines[name].row(self._running)

    def get(self, name: str) -> ScheduleRow:
        """
        Find a schedule.

        @raise ServerError: C{UNKNOWN_SCHEDULE}, or C{QUEUE_ERROR} when it is too early
            to know.
        """
        return self._named(name).row(self._running)

    # What people say

    def define(self, schedule: NamedSchedule) -> None:
        """
        An administrator defines a schedule, or another one by the same name. It is
        paused if that was.

        @raise ServerError: C{INVALID_ARGUMENTS} when nobody can say when it recurs,
            C{QUEUE_ERROR} when there are too many or it is too early.
        """
        self._checkBegun()
        name = schedule.name
        try:
            definition = self._definition(schedule, Origin.ADMIN)
        except BadSetting as error:
            raise ServerError(b"INVALID_ARGUMENTS", str(error).encode()) from None
        if len(self._names() | {name}) > MOST:
            raise ServerError(b"QUEUE_ERROR", b"Too many schedules")
        self._defined[name] = definition
        self._unreadable.discard(name)
        self._keep(SCHEDULE, name.encode(), schedule.pack())
        self._follow(name)

    def configure(self, schedules: Iterable[NamedSchedule]) -> None:
        """
        Replace all that the configuration says. What became of the schedules that it
        does not name any more is forgotten.

        @raise BadSetting: naming the schedule, when nobody can say when it recurs; or
            when there are too many. Nothing is replaced then.
        """
        configured: dict[str, Definition] = {}
        for schedule in schedules:
            try:
                definition = self._definition(schedule, Origin.CONFIG)
            except BadSetting as error:
                raise BadSetting(f"schedule {schedule.name}: {error}") from None
            configured[schedule.name] = definition
        if len(configured.keys() | self._defined.keys()) > MOST:
            raise BadSetting(f"there may be {MOST} schedules")
        names = self._configured.keys() | configured.keys()
        self._configured = configured
        if self._began is not None:
            for name in sorted(names):
                self._follow(name)

    def drop(self, name: str) -> None:
        """
        Undo what an administrator defined. What is on the board stays there.

        @raise ServerError: C{UNKNOWN_SCHEDULE}, or C{INVALID_ARGUMENTS} when it is the
            configuration that says so.
        """
        self._named(name)
        if self._defined.pop(name, None) is None:
            text = b"The schedule is in the configuration; it can be paused"
            raise ServerError(b"INVALID_ARGUMENTS", text)
        self._keep(SCHEDULE, name.encode(), None)
        self._unsaved = {job: of for job, of in self._unsaved.items() if of != name}
        self._follow(name)

    def pause(self, name: str) -> None:
        """
        Let a schedule not recur until L{resume}. What it owes is forgotten.

        @raise ServerError: C{UNKNOWN_SCHEDULE}.
        """
        routine = self._named(name)
        routine.pause()
        self._changed(routine)

    def resume(self, name: str) -> None:
        """
        Let a schedule recur from now on.

        @raise ServerError: C{UNKNOWN_SCHEDULE}.
        """
        routine = self._named(name)
        if routine.history.paused:
            routine.resume(self._seconds())
            self._changed(routine)

    def runNow(self, name: str) -> Job:
        """
        Run a schedule once more, even if it is paused.

        @raise ServerError: C{UNKNOWN_SCHEDULE}; C{JOB_EXISTS} when its last job is
            still on the board and they must not overlap; what the board says.
        """
        routine = self._named(name)
        if routine.lives:
            raise ServerError(b"JOB_EXISTS", b"Its last job is still on the board")
        job = routine.run(self._seconds())
        self._changed(routine)
        return job

    # The board's life

    def restore(self, kind: str, key: bytes, value: bytes) -> None:
        """
        Take back what was kept, before L{start}.

        @raise BadRow: when it cannot be read.
        """
        try:
            name = key.decode("ascii")
        except UnicodeDecodeError:
            raise BadRow(f"{key!r:.80} is no name of a schedule") from None
        if kind == RUN:
            self._restored[name] = History.unpack(value)
            return
        if kind != SCHEDULE:
            raise BadRow(f"{kind} is nothing of a schedule's")
        try:
            schedule = NamedSchedule.unpack(value)
            if schedule.name != name:
                raise BadRow(f"the schedule {schedule.name} is kept as {name!r:.80}")
            self._defined[name] = self._definition(schedule, Origin.ADMIN)
        except (BadRow, BadSetting) as error:
            self._unreadable.add(name)
            raise BadRow(str(error)) from None

    def start(self) -> None:
        """
        All that was kept is back: let the schedules recur, soon after this returned.
        """
        self._began = self._seconds()
        self._running = True
        for name in sorted(self._names()):
            self._follow(name)
        for name in self._restored.keys() - self._unreadable:
            self._keep(RUN, name.encode(), None)
        self._restored = {}
        self._agenda.start()

    def stop(self) -> None:
        """
        Let nothing recur any more. What is due from now on will have been missed.
        """
        self._running = False
        self._agenda.stop()

    def ended(self, job: Job) -> None:
        """
        A job is not on the board any more, perhaps before it was saved.
        """
        self._unsaved.pop(job, None)

    def refused(self, job: Job) -> None:
        """
        A job could not be saved after all. If it is one of a schedule's, its run is to
        be made again.
        """
        routine = self._routines.get(self._unsaved.pop(job, ""))
        if routine is not None:
            routine.takeBack(self._seconds())
            self._changed(routine)

    # Schedules and what becomes of them

    def _names(self) -> set[str]:
        return self._configured.keys() | self._defined.keys()

    def _checkBegun(self) -> None:
        """
        @raise ServerError: when it is not known yet what there is.
        """
        if self._began is None:
            raise ServerError(b"QUEUE_ERROR", b"The queue is still being loaded")

    def _named(self, name: str) -> Routine:
        """
        @raise ServerError: C{UNKNOWN_SCHEDULE}, or that of L{_checkBegun}.
        """
        self._checkBegun()
        routine = self._routines.get(name)
        if routine is None:
            raise ServerError(b"UNKNOWN_SCHEDULE", b"There is no such schedule")
        return routine

    def _definition(self, schedule: NamedSchedule, origin: Origin) -> Definition:
        """
        @raise BadSetting: when nobody can say when it recurs.
        """
        return Definition(schedule, self._recur(*schedule.times), origin)

    def _follow(self, name: str) -> None:
        """
        See that what is done is what was said, perhaps just now.
        """
        definition = self._defined.get(name) or self._configured.get(name)
        routine = self._routines.get(name)
        if definition is None:
            if routine is not None:
                del self._routines[name]
                self._dismiss(routine)
                self._keep(RUN, name.encode(), None)
            return
        if routine is None:
            routine = Routine(definition, self._history(name), self._posting)
            self._routines[name] = routine
        routine.definition = definition
        routine.begin(self._seconds())
        self._changed(routine)

    def _history(self, name: str) -> History:
        """
        What became of a schedule before, if it was there.
        """
        now = self._seconds()
        history = self._restored.pop(name, None)
        if history is None:
            return History("", "", 0.0, now)
        if history.settled > now + _CORRECTED:
            history.settled = now
        return history

    def _turn(self, routine: Routine, now: float) -> int:
        """
        It is a schedule's turn.

        @return: how much there was to do.
        """
        assert self._began is not None, "nobody has a turn before the start"
        try:
            return max(1, routine.turn(now, self._began))
        finally:
            self._changed(routine)

    def _changed(self, routine: Routine) -> None:
        """
        Keep what became of a schedule, and let it have its next turn when it is time.
        """
        value = routine.history.pack()
        if value != routine.kept:
            routine.kept = value
            self._keep(RUN, routine.name.encode(), value)
        self._dismiss(routine)
        when = routine.when
        if when is not None:
            routine.entry = self._agenda.add(when, routine)

    def _dismiss(self, routine: Routine) -> None:
        """
        Let a schedule have no turn.
        """
        if routine.entry is not None:
            self._agenda.remove(routine.entry)
            routine.entry = None

    def _post(self, schedule: NamedSchedule) -> Job:
        """
        Submit a schedule's job, and remember that it has to be saved.

        @raise ServerError: when the board does not take it.
        """
        job = self._submit(schedule)
        if job.saving is not None:
            # What came first is saved first.
            while self._unsaved and (first := next(iter(self._unsaved))).saving is None:
                del self._unsaved[first]
            self._unsaved[job] = schedule.name
        return job
