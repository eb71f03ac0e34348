"""
When schedules recur by the clocks of people.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from datetime import datetime
from unittest import mock
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from txgearman.board.recurrence import Interval
from txgearman.errors import BadSetting
from txgearman.server import recurrence
from txgearman.server.recurrence import recurrenceOf

BERLIN = "Europe/Berlin"
LORD_HOWE = "Australia/Lord_Howe"
CAIRO = "Africa/Cairo"
NEW_YORK = "America/New_York"

anything = settings(max_examples=80, deadline=None, derandomize=True, database=None)


def at(text: str, zone: str = "UTC") -> float:
    """
    The moment that a clock shows so, as in C{2026-03-29T02:30}; the first such moment.
    """
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp()


def from_(cron: str, zone: str, start: str) -> Iterator[str]:
    """
    What a clock shows whenever a schedule recurs, and how far it is ahead of UTC.
    """
    found = recurrenceOf(cron, zone, 0)
    moment: float | None = at(start, zone)
    while moment is not None:
        moment = found.next(moment)
        if moment is not None:
            clock = datetime.fromtimestamp(moment, ZoneInfo(zone))
            yield clock.isoformat(" ", "minutes")


class RecurrenceTestCase(SynchronousTestCase):
    """
    A test of when schedules recur.
    """

    def assertRecurs(self, cron: str, zone: str, start: str, *expected: str) -> None:
        """
        Assert when a schedule recurs first.
        """
        found = from_(cron, zone, start)
        self.assertEqual([next(found) for _ in expected], list(expected))

    def assertBad(self, why: str, cron: str, zone: str = "", every: float = 0) -> None:
        """
        Assert that a schedule cannot be, and why.
        """
        error = self.assertRaises(BadSetting, recurrenceOf, cron, zone, every)
        self.assertEqual(str(error), why)


class CronTests(RecurrenceTestCase):
    """
    Cron expressions, where no clock is changed.
    """

    def test_fields(self) -> None:
        """
        The fields are those of a crontab, with lists, ranges, steps and names.
        """
        self.assertRecurs(
            "0,30 8-9 * * mon-fri",
            BERLIN,
            "2026-01-02T09:00",
            "2026-01-02 09:30+01:00",
            "2026-01-05 08:00+01:00",
            "2026-01-05 08:30+01:00",
        )

    def test_seconds(self) -> None:
        """
        A sixth field in front of the others is the second.
        """
        found = recurrenceOf("*/20 * * * * *", "", 0)
        self.assertEqual(found.next(30.5), 40.0)
        self.assertEqual(found.next(40.0), 60.0)

    def test_daysAndWeekdays(self) -> None:
        """
        Where both the day of the month and the weekday are restricted, either will do.
        """
        self.assertRecurs(
            "0 0 13 * 5",
            "UTC",
            "2026-01-08T12:00",
            "2026-01-09 00:00+00:00",
            "2026-01-13 00:00+00:00",
            "2026-01-16 00:00+00:00",
        )

    def test_sunday(self) -> None:
        """
        Sunday is day 0 and day 7.
        """
        for day in ("0", "7", "SUN"):
            self.assertRecurs(
                f"0 6 * * {day}", "UTC", "2026-01-05T00:00", "2026-01-11 06:00+00:00"
            )

    def test_last(self) -> None:
        """
        C{L} is the last day of the month.
        """
        self.assertRecurs(
            "0 0 L 2 *",
            "UTC",
            "2027-01-01T00:00",
            "2027-02-28 00:00+00:00",
            "2028-02-29 00:00+00:00",
        )

    def test_leapYear(self) -> None:
        """
        A day that there is every four years is found, also over the year 2100.
        """
        self.assertRecurs(
            "0 0 29 2 *", "UTC", "2096-03-01T00:00", "2104-02-29 00:00+00:00"
        )

    def test_names(self) -> None:
        """
        Some expressions have names, in upper and lower case.
        """
        for name, expected in (
            ("@hourly", "2026-05-06 08:00+02:00"),
            ("@daily", "2026-05-07 00:00+02:00"),
            ("@midnight", "2026-05-07 00:00+02:00"),
            ("@weekly", "2026-05-10 00:00+02:00"),
            ("@monthly", "2026-06-01 00:00+02:00"),
            ("@Yearly", "2027-01-01 00:00+01:00"),
            ("@annually", "2027-01-01 00:00+01:00"),
        ):
            self.assertRecurs(name, BERLIN, "2026-05-06T07:08", expected)

    def test_utc(self) -> None:
        """
        Without a zone clocks show UTC.
        """
        self.assertEqual(recurrenceOf("0 3 * * *", "", 0).next(0.0), 3 * 3600.0)

    def test_strictlyLater(self) -> None:
        """
        The next moment is later than the one asked about, however little.
        """
        found = recurrenceOf("0 3 * * *", "", 0)
        three = 3 * 3600.0
        self.assertEqual(found.next(three - 0.25), three)
        self.assertEqual(found.next(three), three + 86400)
        self.assertEqual(found.next(three + 0.25), three + 86400)

    def test_text(self) -> None:
        """
        People read the expression and the zone.
        """
        self.assertEqual(recurrenceOf("@daily", "", 0).text, "@daily UTC")
        self.assertEqual(
            recurrenceOf("5 4 * * *", BERLIN, 0).text, "5 4 * * * Europe/Berlin"
        )

    def test_seldom(self) -> None:
        """
        A day that hardly ever comes is found.
        """
        found = recurrenceOf("0 0 * 2 MON#5", "", 0)
        self.assertEqual(found.next(at("2026-01-01")), at("2044-02-29"))

    def test_never(self) -> None:
        """
        When the library finds no day that matches, there is none.
        """
        for cron in ("0 0 * * *", "* * * * *"):
            found = recurrenceOf(cron, BERLIN, 0)
            with mock.patch("cronsim.CronSim.__next__", side_effect=StopIteration):
                self.assertIsNone(found.next(0.0))


class SpringTests(RecurrenceTestCase):
    """
    Clocks are put forward.
    """

    def test_skipped(self) -> None:
        """
        What is due by the calendar at a time that is skipped, runs when the clocks are
        put forward, and is back at its time the next day.
        """
        self.assertRecurs(
            "30 2 * * *",
            BERLIN,
            "2026-03-27T12:00",
            "2026-03-28 02:30+01:00",
            "2026-03-29 03:00+02:00",
            "2026-03-30 02:30+02:00",
        )

    def test_once(self) -> None:
        """
        Several times that are skipped are one run, also with one at that very time.
        """
        self.assertRecurs(
            "0,20,40 2,3 * * *",
            BERLIN,
            "2026-03-29T01:00",
            "2026-03-29 03:00+02:00",
            "2026-03-29 03:20+02:00",
            "2026-03-29 03:40+02:00",
            "2026-03-30 02:00+02:00",
        )

    def test_everyHour(self) -> None:
        """
        What is due at so many minutes of each hour goes on in real time.
        """
        self.assertRecurs(
            "30 * * * *",
            BERLIN,
            "2026-03-29T01:00",
            "2026-03-29 01:30+01:00",
            "2026-03-29 03:30+02:00",
        )

    def test_someHours(self) -> None:
        """
        With a star in the hour or the minute, what is skipped does not run.
        """
        self.assertRecurs(
            "0 */2 * * *",
            BERLIN,
            "2026-03-29T00:00",
            "2026-03-29 04:00+02:00",
            "2026-03-29 06:00+02:00",
        )
        self.assertRecurs(
            "*/30 2 * * *", BERLIN, "2026-03-29T00:00", "2026-03-30 02:00+02:00"
        )

    def test_atTheChange(self) -> None:
        """
        What a clock shows when it is put forward matches.
        """
        self.assertRecurs(
            "0 */3 * * *", BERLIN, "2026-03-29T00:00", "2026-03-29 03:00+02:00"
        )

    def test_halfHour(self) -> None:
        """
        Where clocks are put forward by half an hour, nothing else is left out.
        """
        self.assertRecurs(
            "0 */4 * * *",
            LORD_HOWE,
            "2026-10-03T22:00",
            "2026-10-04 00:00+10:30",
            "2026-10-04 04:00+11:00",
            "2026-10-04 08:00+11:00",
        )
        self.assertRecurs(
            "15 2 * * *",
            LORD_HOWE,
            "2026-10-03T22:00",
            "2026-10-04 02:30+11:00",
            "2026-10-05 02:15+11:00",
        )

    def test_midnight(self) -> None:
        """
        Where midnight is skipped, the day begins later.
        """
        self.assertRecurs(
            "0 0 * * *",
            CAIRO,
            "2026-04-23T12:00",
            "2026-04-24 01:00+03:00",
            "2026-04-25 00:00+03:00",
        )
        self.assertRecurs(
            "0 */2 * * *",
            CAIRO,
            "2026-04-23T21:00",
            "2026-04-23 22:00+02:00",
            "2026-04-24 02:00+03:00",
        )


class AutumnTests(RecurrenceTestCase):
    """
    Clocks are put back.
    """

    def test_twice(self) -> None:
        """
        What is due by the calendar at a time that comes twice, runs the first time.
        """
        self.assertRecurs(
            "30 2 * * *",
            BERLIN,
            "2026-10-24T12:00",
            "2026-10-25 02:30+02:00",
            "2026-10-26 02:30+01:00",
        )

    def test_fromTheSecond(self) -> None:
        """
        When it comes again, it is over.
        """
        found = recurrenceOf("30 2 * * *", BERLIN, 0)
        again = at("2026-10-25T02:10", BERLIN) + 3600
        self.assertEqual(found.next(again), at("2026-10-26T02:30", BERLIN))

    def test_everyHour(self) -> None:
        """
        What is due at so many minutes of each hour goes on in real time.
        """
        self.assertRecurs(
            "30 * * * *",
            BERLIN,
            "2026-10-25T01:45",
            "2026-10-25 02:30+02:00",
            "2026-10-25 02:30+01:00",
            "2026-10-25 03:30+01:00",
        )

    def test_halfHour(self) -> None:
        """
        Where clocks are put back by half an hour, that half runs twice, and nothing
        else is left out.
        """
        self.assertRecurs(
            "50 * * * *",
            LORD_HOWE,
            "2026-04-05T01:00",
            "2026-04-05 01:50+11:00",
            "2026-04-05 01:50+10:30",
            "2026-04-05 02:50+10:30",
        )
        self.assertRecurs(
            "0 */4 * * *",
            LORD_HOWE,
            "2026-04-04T22:00",
            "2026-04-05 00:00+11:00",
            "2026-04-05 04:00+10:30",
        )

    def test_atTheChange(self) -> None:
        """
        What a clock shows when it is put back matches again.
        """
        self.assertRecurs(
            "*/30 1 * * *",
            NEW_YORK,
            "2026-11-01T00:00",
            "2026-11-01 01:00-04:00",
            "2026-11-01 01:30-04:00",
            "2026-11-01 01:00-05:00",
            "2026-11-01 01:30-05:00",
            "2026-11-02 01:00-05:00",
        )


class IntervalTests(RecurrenceTestCase):
    """
    So many seconds.
    """

    def test_phase(self) -> None:
        """
        The moments are multiples of the interval since the epoch.
        """
        found = recurrenceOf("", "", 90)
        self.assertEqual(found, Interval(90.0))
        self.assertEqual(found.next(1000.0), 1080.0)
        self.assertEqual(found.next(1080.0), 1170.0)
        self.assertEqual(found.text, "every 90 s")

    def test_bad(self) -> None:
        """
        An interval is a second at least, and comes to an end.
        """
        for every in (0.5, -60.0, 2e9, float("inf"), float("nan")):
            self.assertBad(
                f"bad every {every!r}: it is from 1 to 1e+09 seconds", "", "", every
            )

    def test_zone(self) -> None:
        """
        An interval has no use for a zone.
        """
        self.assertBad("zone goes with cron, not with every", "", BERLIN, 60)


class BadTests(RecurrenceTestCase):
    """
    What nobody can follow is refused, and it is said why.
    """

    def test_neither(self) -> None:
        """
        There is an expression or an interval, and not both.
        """
        self.assertBad("it takes either cron or every", "")
        self.assertBad("it takes either cron or every", "* * * * *", "", 60)

    def test_expression(self) -> None:
        """
        The field is named that is wrong.
        """
        for text, why in (
            ("61 * * * *", "bad minute"),
            ("0 24 * * *", "bad hour"),
            ("0 0 0 * *", "bad day-of-month"),
            ("0 0 31 2 *", "bad day-of-month"),
            ("0 0 * 13 *", "bad month"),
            ("0 0 * * 8", "bad day-of-week"),
            ("*/0 * * * *", "bad minute"),
            ("* * * *", "wrong number of fields"),
            ("0 0 */20 * 1L", "no day ever matches"),
        ):
            self.assertBad(f"bad cron expression {text!r}: {why}", text)

    def test_name(self) -> None:
        """
        Other names than those there are, are refused, and so is what is too long.
        """
        for text in ("@reboot", "@", " ", "@daily 5"):
            self.assertBad(f"bad cron expression {text!r}", text)
        error = self.assertRaises(BadSetting, recurrenceOf, "0," * 500, "", 0)
        self.assertLess(len(str(error)), 200)

    def test_zone(self) -> None:
        """
        A zone that is unknown is refused, also if it is no name at all.
        """
        for zone in ("Europe/Atlantis", "../../etc/passwd", "/etc/passwd", "Europe"):
            self.assertBad(
                f"bad zone {zone!r}: there is no such zone", "0 0 * * *", zone
            )

    def test_noZones(self) -> None:
        """
        Where no zone is known, it is said how to change that.
        """
        with mock.patch.object(recurrence, "available_timezones", return_value=set()):
            self.assertBad(
                "bad zone 'Mars': this machine knows no time zones; install its package"
                " tzdata, or pip install tzdata",
                "0 0 * * *",
                "Mars",
            )

    def test_noLibrary(self) -> None:
        """
        Where the library is not installed, it is said how to install it; intervals do
        without.
        """
        with mock.patch.dict(sys.modules, {"cronsim": None}):
            self.assertBad(
                "cron expressions need a library: pip install 'txgearman[cron]'",
                "0 0 * * *",
            )
            self.assertEqual(recurrenceOf("", "", 5).next(0.0), 5.0)

    @anything
    @given(
        st.one_of(
            st.text(max_size=30),
            st.lists(
                st.text("0123456789*/,-L#W", max_size=6), min_size=5, max_size=6
            ).map(" ".join),
        ),
        st.sampled_from(["", BERLIN, "x", "\0"]),
        st.floats(0, 4e9),
    )
    def test_noise(self, cron: str, zone: str, after: float) -> None:
        """
        Whatever is written there is followed, or refused.
        """
        try:
            found = recurrenceOf(cron, zone, 0)
        except BadSetting:
            return
        moment = found.next(after)
        self.assertTrue(moment is None or moment > after)


class AnyChangeTests(SynchronousTestCase):
    """
    The moments around changes of clocks are those at which a walk from minute to minute
    finds a clock that matches.
    """

    @anything
    @given(
        st.sampled_from(
            [
                (BERLIN, "2026-03-29"),
                (BERLIN, "2026-10-25"),
                (LORD_HOWE, "2026-04-05"),
                (LORD_HOWE, "2026-10-04"),
                (CAIRO, "2026-04-24"),
                ("America/Havana", "2026-11-01"),
                ("Antarctica/Troll", "2026-03-29"),
                ("Africa/Casablanca", "2026-02-15"),
            ]
        ),
        st.sampled_from(["*", "*/7", "*/30", "*/45"]),
        st.sampled_from(["*", "*/2", "1-3", "0,2", "3"]),
        st.integers(-1800, 1800),
    )
    def test_walk(
        self, change: tuple[str, str], minute: str, hour: str, start: int
    ) -> None:
        """
        So it is with a star in the minute.
        """
        zone, day = change
        minutes = range(0, 60, int(minute[2:] or 1))
        hours = {
            "*": range(24),
            "*/2": range(0, 24, 2),
            "1-3": (1, 2, 3),
            "0,2": (0, 2),
            "3": (3,),
        }[hour]
        moment = at(day, zone) + start * 60
        found = recurrenceOf(f"{minute} {hour} * * *", zone, 0)
        expected = moment + 60
        while not matches(expected, zone, minutes, hours):
            expected += 60
        self.assertEqual(found.next(moment), expected)
        self.assertEqual(found.next(moment + 59), expected)


def matches(
    moment: float, zone: str, minutes: Sequence[int], hours: Sequence[int]
) -> bool:
    """
    Does a clock show one of these minutes and hours?
    """
    clock = datetime.fromtimestamp(moment, ZoneInfo(zone))
    return clock.minute in minutes and clock.hour in hours
