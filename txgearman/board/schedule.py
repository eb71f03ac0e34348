"""
Times of SUBMIT_JOB_SCHED: five fields as in a crontab.

The fields are minute (0 to 59), hour (0 to 23), day of the month (1 to 31),
month (1 to 12) and day of the week (0 to 6). B{Monday is day 0}: so says the
protocol text, other than crontabs. A field is empty or C{*} for any, or a list
of numbers and ranges parted by commas, each of which may have a step:
C{*/15}, C{8-18}, C{0,30}, C{8-18/2}.

As in crontabs, when both the day of the month and the day of the week are
restricted, a day that matches either will do.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence, Set
from datetime import date, datetime, time, timedelta, tzinfo

from attrs import frozen

from txgearman.errors import BadSchedule

_PART = re.compile(r"(?:\*|(\d{1,2})(?:-(\d{1,2}))?)(?:/(\d{1,2}))?", re.ASCII)

# 29 February may be eight years away, over a year such as 2100.
_HORIZON = timedelta(days=366 * 9)
_DAY = timedelta(days=1)

# Clocks leap by no more than this: a country may change its side of the date
# line.
_LEAP = timedelta(hours=25)
_LONGEST = dict(enumerate((31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31), 1))


def _parse(name: str, text: str, low: int, high: int) -> Set[int] | None:
    """
    Read one field.

    @return: the numbers it matches; L{None} when it matches any.
    @raise BadSchedule: when it cannot be read.
    """
    if text in ("", "*"):
        return None
    numbers: set[int] = set()
    for part in text.split(","):
        match = _PART.fullmatch(part)
        if match is None:
            raise BadSchedule(f"{name}: cannot read {text!r}")
        first, last, step = match.groups()
        start = low if first is None else int(first)
        if first is None or (last is None and step is not None):
            end = high
        else:
            end = int(last or first)
        if not low <= start <= end <= high:
            raise BadSchedule(f"{name}: {part!r} is not within {low} and {high}")
        if step is not None and int(step) == 0:
            raise BadSchedule(f"{name}: a step of 0 in {part!r}")
        numbers.update(range(start, end + 1, int(step or 1)))
    return numbers


@frozen
class Schedule:
    """
    Five fields, each a set of numbers, or L{None} for any.
    """

    minutes: Set[int] | None
    hours: Set[int] | None
    days: Set[int] | None
    months: Set[int] | None
    weekdays: Set[int] | None

    @classmethod
    def parse(
        cls, minute: str, hour: str, dayOfMonth: str, month: str, dayOfWeek: str
    ) -> Schedule:
        """
        Read the five fields.

        @raise BadSchedule: when one of them cannot be read, or no day ever
            matches, as with 30 February.
        """
        schedule = cls(
            _parse("minute", minute, 0, 59),
            _parse("hour", hour, 0, 23),
            _parse("day of month", dayOfMonth, 1, 31),
            _parse("month", month, 1, 12),
            _parse("day of week", dayOfWeek, 0, 6),
        )
        if schedule.days is not None and schedule.weekdays is None:
            longest = max(_LONGEST[month] for month in schedule.months or _LONGEST)
            if min(schedule.days) > longest:
                raise BadSchedule(f"no such day: {dayOfMonth} in month {month}")
        return schedule

    def next(self, after: float, zone: tzinfo | None = None) -> float:
        """
        Find the next full minute that matches.

        A time that the clocks skip in spring is taken as what it would have
        been without the skip; of one that comes twice in autumn, the first is
        taken.

        @param after: in seconds of the epoch.
        @param zone: whose clocks to go by; L{None} for the machine's.
        @return: in seconds of the epoch, later than C{after}.
        """
        now = datetime.fromtimestamp(after, zone).replace(tzinfo=None)
        start = now - _leapAround(after, zone)
        found: float | None = None
        end = start
        for clock in self._clocks(start):
            if found is not None and clock > end:
                break
            moment = clock.replace(tzinfo=zone).timestamp()
            if moment > after and (found is None or moment < found):
                # Where clocks leap, a later hand may come sooner.
                found, end = moment, clock + _leapAround(moment, zone)
        assert found is not None, f"every schedule comes round: {self}"
        return found

    def _clocks(self, start: datetime) -> Iterator[datetime]:
        """
        What clocks show at the matching times, from a time on, in order.
        """
        day, last = start.date(), start.date() + _HORIZON
        while day <= last:
            if self._onDay(day):
                for hour in range(24) if self.hours is None else sorted(self.hours):
                    if day > start.date() or hour >= start.hour:
                        for minute in self._minutes:
                            yield datetime.combine(day, time(hour, minute))
            day += _DAY

    @property
    def _minutes(self) -> Sequence[int]:
        """
        The matching minutes of an hour, in order.
        """
        return range(60) if self.minutes is None else sorted(self.minutes)

    def _onDay(self, day: date) -> bool:
        """
        Does a day match?
        """
        if self.months is not None and day.month not in self.months:
            return False
        byDate = self.days is None or day.day in self.days
        byWeekday = self.weekdays is None or day.weekday() in self.weekdays
        if self.days is None or self.weekdays is None:
            return byDate and byWeekday
        return byDate or byWeekday


def _leapAround(moment: float, zone: tzinfo | None) -> timedelta:
    """
    How far clocks may leap near a moment: nowhere, on most days.
    """
    near = _LEAP.total_seconds()
    before, behind = (
        datetime.fromtimestamp(when, zone).astimezone(zone).utcoffset()
        for when in (moment - near, moment + near)
    )
    return timedelta() if before == behind else _LEAP
