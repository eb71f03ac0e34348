"""
A year of a thousand schedules, compared with what one finds who walks through it from
minute to minute and looks at the clocks.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, timedelta
from random import Random
from typing import Any, cast
from zoneinfo import ZoneInfo

from attrs import Factory, define, frozen
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from txgearman.board.job import Job, Priority
from txgearman.board.named_schedule import NamedSchedule
from txgearman.board.recurring import Recurring
from txgearman.board.timers import Timers
from txgearman.server.recurrence import recurrenceOf

ZONES = ("Europe/Berlin", "America/New_York", "Australia/Lord_Howe")

# In each of the zones clocks are put forward and back once.
BEGIN = int(datetime(2026, 1, 1, tzinfo=UTC).timestamp())
END = int(datetime(2027, 1, 1, tzinfo=UTC).timestamp())
MINUTE = 60
DAY = 86400


@define
class Day:
    """
    A day by the clocks of a zone.

    @ivar first: the moment at which a clock first shows a minute of the day.
    @ivar again: that at which it shows it for the second time.
    @ivar skipped: that at which clocks are put forward over it.
    """

    first: dict[int, int] = Factory(dict)
    again: dict[int, int] = Factory(dict)
    skipped: dict[int, int] = Factory(dict)


def ahead(moment: int, clocks: ZoneInfo) -> int:
    """
    How many minutes clocks are ahead of UTC.
    """
    offset = datetime.fromtimestamp(moment, clocks).utcoffset()
    assert offset is not None
    return offset // timedelta(minutes=1)


def walk(zone: str) -> dict[date, Day]:
    """
    Walk through the year, and look at a clock each minute.
    """
    days: dict[int, Day] = defaultdict(Day)
    clocks = ZoneInfo(zone)
    before = (BEGIN - MINUTE) // MINUTE + ahead(BEGIN - MINUTE, clocks)
    for moment in range(BEGIN, END, MINUTE):
        now = moment // MINUTE + ahead(moment, clocks)
        day, minute = divmod(now, DAY // MINUTE)
        if days[day].first.setdefault(minute, moment) != moment:
            days[day].again[minute] = moment
        for skipped in range(before + 1, now):
            day, minute = divmod(skipped, DAY // MINUTE)
            days[day].skipped[minute] = moment
        before = now
    epoch = date(1970, 1, 1)
    return {epoch + timedelta(days=number): day for number, day in days.items()}


@frozen
class Fields:
    """
    A schedule by the clocks, as numbers; L{None} is for any.

    @ivar weekdays: 0 is Sunday.
    @ivar stars: whether there is a star where the hour or the minute begins.
    """

    text: str
    minutes: Iterable[int]
    hours: Iterable[int]
    days: frozenset[int] | None
    weekdays: frozenset[int] | None
    stars: bool

    def on(self, day: date) -> bool:
        """
        Does a day match?
        """
        byDay = self.days is None or day.day in self.days
        byWeekday = self.weekdays is None or day.isoweekday() % 7 in self.weekdays
        if self.days is None or self.weekdays is None:
            return byDay and byWeekday
        return byDay or byWeekday

    def moments(self, days: dict[date, Day]) -> list[int]:
        """
        When it recurs.
        """
        found: set[int] = set()
        times = [60 * hour + minute for hour in self.hours for minute in self.minutes]
        for number, day in days.items():
            if self.on(number):
                for time in times:
                    if time in day.first:
                        found.add(day.first[time])
                    elif time in day.skipped and not self.stars:
                        found.add(day.skipped[time])
                    if time in day.again and self.stars:
                        found.add(day.again[time])
        return sorted(found)


def anyFields(random: Random, kind: str) -> Fields:
    """
    Make up a schedule; early in the morning, when clocks are changed, or whenever.
    """
    minute = random.choice([0, 0, 15, 30, 45, random.randrange(60)])
    hour = random.choice([0, 1, 2, 2, 3, random.randrange(24)])
    if kind == "daily":
        return Fields(f"{minute} {hour} * * *", [minute], [hour], None, None, False)
    if kind == "twice":
        text = f"{minute} {hour // 2},{hour // 2 + 12} * * *"
        hours = [hour // 2, hour // 2 + 12]
        return Fields(text, [minute], hours, None, None, False)
    if kind == "weekly":
        weekday = random.choice([0, 0, 0, 6, random.randrange(7)])
        text = f"{minute} {hour} * * {weekday}"
        return Fields(text, [minute], [hour], None, frozenset([weekday]), False)
    if kind == "weekdays":
        text = f"{minute} {hour} * * 1-5"
        return Fields(text, [minute], [hour], None, frozenset(range(1, 6)), False)
    if kind == "monthly":
        day = random.choice([1, 5, 8, 25, 29, 31])
        text = f"{minute} {hour} {day} * *"
        return Fields(text, [minute], [hour], frozenset([day]), None, False)
    if kind == "either":
        text = f"{minute} {hour} 4,25 * 0"
        return Fields(text, [minute], [hour], frozenset([4, 25]), frozenset([0]), False)
    if kind == "hours":
        step = random.choice([3, 4, 6])
        text = f"{minute} */{step} * * *"
        return Fields(text, [minute], range(0, 24, step), None, None, True)
    if kind == "night":
        step = random.choice([20, 30])
        text = f"*/{step} 1-2 * * 0"
        return Fields(text, range(0, 60, step), [1, 2], None, frozenset([0]), True)
    assert kind == "hourly", kind
    text = f"{minute} * * * 0"
    return Fields(text, [minute], range(24), None, frozenset([0]), True)


# How many there are of each kind.
KINDS = {
    "daily": 45,
    "twice": 6,
    "weekly": 360,
    "weekdays": 21,
    "monthly": 382,
    "either": 60,
    "hours": 6,
    "night": 24,
    "hourly": 6,
}
INTERVALS = 90


def schedules() -> Iterator[tuple[NamedSchedule, str, Fields | None]]:
    """
    Make up a thousand schedules, in turn in each of the zones.
    """
    random = Random(6)
    number = 0
    for kind, count in KINDS.items():
        for _ in range(count):
            zone = ZONES[number % len(ZONES)]
            fields = anyFields(random, kind)
            yield (
                NamedSchedule(f"s{number}", b"f", cron=fields.text, zone=zone),
                zone,
                fields,
            )
            number += 1
    for _ in range(INTERVALS):
        every = random.choice([DAY, 3 * DAY, 7 * DAY, 400_061, 1_000_000])
        yield NamedSchedule(f"s{number}", b"f", every=every), "", None
        number += 1


class YearTests(SynchronousTestCase):
    """
    A thousand schedules in a year in which clocks are changed.
    """

    def setUp(self) -> None:
        self.clock = Clock()
        # Midnight is in the year.
        self.clock.advance(BEGIN - 1)
        self.found: dict[str, list[float]] = defaultdict(list)
        self.jobs = 0

    def submit(self, schedule: NamedSchedule) -> Job:
        """
        Note when a schedule runs.
        """
        now = self.clock.seconds()
        self.found[schedule.name].append(now)
        self.jobs += 1
        handle = b"H:here:%d" % self.jobs
        nothing = cast(Any, None)
        return Job(self.jobs, handle, nothing, b"", b"", b"", Priority.NORMAL, 0.0, now)

    def playTheYear(self) -> None:
        """
        Let the year pass.
        """
        while True:
            [call] = self.clock.getDelayedCalls()
            if call.getTime() >= END:
                break
            self.clock.advance(call.getTime() - self.clock.seconds())

    def test_year(self) -> None:
        """
        All of them run exactly when they should, and at no other time.
        """
        all_ = list(schedules())
        self.assertEqual(len(all_), 1000)
        recurring = Recurring(
            Timers(self.clock),
            self.clock.seconds,
            self.submit,
            lambda handle: False,
            lambda kind, key, value: None,
            recurrenceOf,
        )
        recurring.configure(schedule for schedule, _, _ in all_)
        recurring.start()
        self.playTheYear()
        years = {zone: walk(zone) for zone in ZONES}
        for zone, days in years.items():
            forward = sum(bool(day.skipped) for day in days.values())
            back = sum(bool(day.again) for day in days.values())
            self.assertEqual((forward, back), (1, 1), zone)
        for schedule, zone, fields in all_:
            if fields is None:
                first = -(-BEGIN // schedule.every) * schedule.every
                expected = []
                while first < END:
                    expected.append(int(first))
                    first += schedule.every
            else:
                expected = fields.moments(years[zone])
            found = self.found[schedule.name]
            # The lists are too long for a comparison that a person reads.
            wrong = sorted(set(found) ^ set(expected))[:5]
            self.assertEqual((wrong, len(found)), ([], len(expected)), schedule)
        self.assertEqual(sum(row.missed + row.skipped for row in recurring), 0)
        self.assertEqual(sum(row.runs for row in recurring), self.jobs)
