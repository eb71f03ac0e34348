"""
Any schedule, at any time, compared with a walk from minute to minute.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo

from attrs import frozen
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from txgearman.board.schedule import Schedule
from txgearman.errors import BadSchedule

MINUTE = 60
BOUNDS = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 6))

# Places where clocks are put forward or back, and when that was: by an hour at
# two or at midnight, by half an hour, by two hours, by a day.
CHANGES = (
    ("America/New_York", "2023-03-12"),
    ("America/New_York", "2023-11-05"),
    ("America/Sao_Paulo", "2018-11-04"),
    ("America/Sao_Paulo", "2018-02-18"),
    ("Australia/Lord_Howe", "2023-10-01"),
    ("Australia/Lord_Howe", "2023-04-02"),
    ("Antarctica/Troll", "2023-03-26"),
    ("Antarctica/Troll", "2023-10-29"),
    ("Africa/Cairo", "2023-04-28"),
    ("Pacific/Apia", "2011-12-30"),
)

anything = settings(max_examples=60, deadline=None, derandomize=True, database=None)


@frozen
class Field:
    """
    A field of a schedule, and what it matches.

    @ivar numbers: L{None} for any.
    """

    text: str
    numbers: frozenset[int] | None

    def matches(self, number: int) -> bool:
        return self.numbers is None or number in self.numbers


@st.composite
def parts(draw: st.DrawFn, low: int, high: int) -> Field:
    """
    A number or a range, perhaps with a step.
    """
    first = draw(st.integers(low, high))
    last = draw(st.integers(first, high))
    step = draw(st.integers(1, high))
    text, numbers = draw(
        st.sampled_from(
            [
                (f"{first}", range(first, first + 1)),
                (f"{first:02}", range(first, first + 1)),
                (f"{first}-{last}", range(first, last + 1)),
                (f"{first}-{last}/{step}", range(first, last + 1, step)),
                (f"*/{step}", range(low, high + 1, step)),
            ]
        )
    )
    return Field(text, frozenset(numbers))


def fields(low: int, high: int) -> st.SearchStrategy[Field]:
    """
    A whole field.
    """
    return st.one_of(
        st.sampled_from([Field("", None), Field("*", None)]),
        st.lists(parts(low, high), min_size=1, max_size=3).map(
            lambda parts: Field(
                ",".join(part.text for part in parts),
                frozenset().union(*(part.numbers or () for part in parts)),
            )
        ),
    )


schedules = st.tuples(*(fields(low, high) for low, high in BOUNDS))


def matches(clock: datetime, schedule: tuple[Field, ...]) -> bool:
    """
    Does what a clock says match?
    """
    minute, hour, day, month, weekday = schedule
    byDay = day.matches(clock.day)
    byWeekday = weekday.matches(clock.weekday())
    either = day.numbers is not None and weekday.numbers is not None
    return (
        minute.matches(clock.minute)
        and hour.matches(clock.hour)
        and month.matches(clock.month)
        and (byDay or byWeekday if either else byDay and byWeekday)
    )


def walk(start: float, end: float, zone: tzinfo) -> Iterator[tuple[float, datetime]]:
    """
    Walk from minute to minute.

    @return: each moment with what a clock says then. Of what it says twice there
        is only the first time; what it skips comes too, at the moment at which it
        would say so if it were not put forward.
    """
    moment = start
    before = datetime.fromtimestamp(start, zone)
    while moment < end:
        moment += MINUTE
        now = datetime.fromtimestamp(moment, zone)
        shift = offset(now) - offset(before)
        if shift > timedelta(0):
            skipped = before.replace(tzinfo=None) + timedelta(minutes=1)
            for late in range(int(shift.total_seconds()) // MINUTE):
                yield (
                    moment + late * MINUTE,
                    skipped + timedelta(minutes=late),
                )
        if not now.fold:
            yield moment, now
        before = now


def offset(clock: datetime) -> timedelta:
    """
    How far a clock is ahead of that of Greenwich.
    """
    ahead = clock.utcoffset()
    assert ahead is not None, clock
    return ahead


class AnythingTests(SynchronousTestCase):
    """
    The next time is that which a walk from minute to minute finds.
    """

    def compare(
        self, schedule: tuple[Field, ...], after: float, days: int, zone: tzinfo
    ) -> None:
        """
        Compare over some days.
        """
        try:
            parsed = Schedule.parse(*(field.text for field in schedule))
        except BadSchedule:
            assume(False)
        # From before that day, since what was skipped on it may come late.
        start = after // MINUTE * MINUTE - 36 * 3600
        end = after + days * 86400
        found = parsed.next(after, zone)
        self.assertGreater(found, after)
        expected = [
            moment
            for moment, clock in walk(start, end, zone)
            if after < moment <= end and matches(clock, schedule)
        ]
        if expected:
            self.assertEqual(found, min(expected))
        else:
            self.assertGreater(found, end)

    @anything
    @given(schedules, st.floats(0, 4e9))
    def test_greenwich(self, schedule: tuple[Field, ...], after: float) -> None:
        """
        It is so where no clock is ever changed.
        """
        self.compare(schedule, after, 2, UTC)

    @anything
    @given(
        st.tuples(
            *(fields(low, high) for low, high in BOUNDS[:2]),
            *(st.just(Field("*", None)),) * 3,
        ),
        st.sampled_from(CHANGES),
        st.floats(-24, 48),
    )
    def test_changes(
        self, schedule: tuple[Field, ...], change: tuple[str, str], hours: float
    ) -> None:
        """
        It is so around the days on which clocks are changed.
        """
        name, day = change
        zone = ZoneInfo(name)
        midnight = datetime.fromisoformat(day).replace(tzinfo=zone)
        self.compare(schedule, midnight.timestamp() + hours * 3600, 1, zone)

    @anything
    @given(schedules, st.floats(0, 4e9))
    def test_days(self, schedule: tuple[Field, ...], after: float) -> None:
        """
        The day of the next time matches, and no day in between does: so says a
        walk from day to day over years.
        """
        try:
            parsed = Schedule.parse(*(field.text for field in schedule))
        except BadSchedule:
            assume(False)
        found = datetime.fromtimestamp(parsed.next(after, UTC), UTC)
        self.assertTrue(matches(found, schedule))
        open_ = Field("*", None)
        days = (open_, open_, *schedule[2:])
        day = datetime.fromtimestamp(after, UTC) + timedelta(days=1)
        while day.date() < found.date():
            self.assertFalse(matches(day, days), day)
            day += timedelta(days=1)

    @anything
    @given(st.lists(st.text(max_size=8), min_size=5, max_size=5))
    def test_noise(self, texts: list[str]) -> None:
        """
        Whatever else is written there is read, or refused.
        """
        try:
            parsed = Schedule.parse(*texts)
        except BadSchedule:
            return
        self.assertGreater(parsed.next(0.0, UTC), 0.0)
