"""
Times of SUBMIT_JOB_SCHED.
"""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime, timedelta, tzinfo
from itertools import pairwise
from zoneinfo import ZoneInfo

from twisted.trial.unittest import SynchronousTestCase

from txgearman.board.schedule import Schedule
from txgearman.errors import BadSchedule, GearmanError

NEW_YORK = ZoneInfo("America/New_York")
"""Clocks skip from 02:00 to 03:00 in spring and repeat 01:00 to 02:00 in autumn."""

SAO_PAULO = ZoneInfo("America/Sao_Paulo")
"""In 2018, clocks skipped from midnight to 01:00 on 4 November."""

LORD_HOWE = ZoneInfo("Australia/Lord_Howe")
"""Clocks skip from 02:00 to 02:30."""

TROLL = ZoneInfo("Antarctica/Troll")
"""Clocks skip from 01:00 to 03:00."""

APIA = ZoneInfo("Pacific/Apia")
"""After 29 December 2011 came the 31st, on the other side of the date line."""


def parse(fields: str) -> Schedule:
    """
    Read five fields, written as in a crontab.
    """
    return Schedule.parse(*fields.split(" "))


def at(text: str, zone: tzinfo = UTC, fold: int = 0) -> float:
    """
    When is it C{text} in a zone?

    @return: in seconds of the epoch.
    """
    moment = datetime.fromisoformat(text).replace(tzinfo=zone, fold=fold)
    return moment.timestamp()


def said(moment: float, zone: tzinfo = UTC) -> str:
    """
    What do the clocks of a zone say?
    """
    clock = datetime.fromtimestamp(moment, zone)
    return f"{clock:%Y-%m-%d %H:%M:%S}".removesuffix(":00")


def following(fields: str, after: float, count: int, zone: tzinfo = UTC) -> list[str]:
    """
    The times that follow one another.
    """
    schedule, times = parse(fields), []
    for _ in range(count):
        after = schedule.next(after, zone)
        times.append(said(after, zone))
    return times


class NextTests(SynchronousTestCase):
    """
    A schedule knows its next time.
    """

    def test_fields(self) -> None:
        """
        Each field is a number, a list, a range, a step, or empty or a star for
        any, and all of them must match.
        """
        # A Wednesday.
        start = at("2023-11-15 10:20:30")
        for fields, expected in (
            ("* * * * *", "2023-11-15 10:21"),
            ("    ", "2023-11-15 10:21"),
            ("21 * * * *", "2023-11-15 10:21"),
            ("20 * * * *", "2023-11-15 11:20"),
            ("0 * * * *", "2023-11-15 11:00"),
            ("59 * * * *", "2023-11-15 10:59"),
            ("05 09 * * *", "2023-11-16 09:05"),
            ("0 0 * * *", "2023-11-16 00:00"),
            ("59 23 * * *", "2023-11-15 23:59"),
            ("5,30,22 * * * *", "2023-11-15 10:22"),
            ("5,7 * * * *", "2023-11-15 11:05"),
            ("0 8-18 * * *", "2023-11-15 11:00"),
            ("0 8-10 * * *", "2023-11-16 08:00"),
            ("*/15 * * * *", "2023-11-15 10:30"),
            ("*/59 * * * *", "2023-11-15 10:59"),
            ("*/60 * * * *", "2023-11-15 11:00"),
            ("3-59/20 * * * *", "2023-11-15 10:23"),
            ("7/20 * * * *", "2023-11-15 10:27"),
            ("0 11-23/6 * * *", "2023-11-15 11:00"),
            ("0 12-23/6 * * *", "2023-11-15 12:00"),
            ("0-5,50-52,40-48/4 * * * *", "2023-11-15 10:40"),
            ("0,30 */6 * * *", "2023-11-15 12:00"),
            ("30 10 15 * *", "2023-11-15 10:30"),
            ("10 10 15 * *", "2023-12-15 10:10"),
            ("0 0 31 * *", "2023-12-31 00:00"),
            ("0 0 1 1 *", "2024-01-01 00:00"),
            ("0 0 1 */3 *", "2024-01-01 00:00"),
            ("0 0 1 2-12/5 *", "2023-12-01 00:00"),
            ("0 0 * 11 *", "2023-11-16 00:00"),
            ("0 0 * 10 *", "2024-10-01 00:00"),
            (" 11   ", "2023-11-15 11:00"),
            ("0    6", "2023-11-19 00:00"),
        ):
            found = said(parse(fields).next(start, UTC))
            self.assertEqual(found, expected, fields)

    def test_emptyHour(self) -> None:
        """
        An empty minute is any minute, also when the hour is given.
        """
        start = at("2023-11-15 10:59")
        times = following(" 11   ", start, 61)
        self.assertEqual(times[0], "2023-11-15 11:00")
        self.assertEqual(times[59:], ["2023-11-15 11:59", "2023-11-16 11:00"])

    def test_monday(self) -> None:
        """
        Day 0 is Monday, as the protocol says, not Sunday as in crontabs.
        """
        # A Sunday.
        start = at("2023-11-12 12:00")
        for day in range(7):
            found = parse(f"0 0 * * {day}").next(start, UTC)
            self.assertEqual(said(found), f"2023-11-{13 + day} 00:00", day)
        times = following("0 9 * * 0-4", start, 6)
        days = [time.split(" ")[0][-2:] for time in times]
        self.assertEqual(days, ["13", "14", "15", "16", "17", "20"])

    def test_eitherDay(self) -> None:
        """
        When the day of the month and that of the week are both restricted, a day
        that matches either will do, as in crontabs; the month must match anyway.
        """
        times = following("0 0 13,20 10-11 4", at("2023-10-14 00:00"), 7)
        self.assertEqual(
            [time.split(" ")[0] for time in times],
            [
                "2023-10-20",  # a Friday, and the 20th
                "2023-10-27",
                "2023-11-03",
                "2023-11-10",
                "2023-11-13",
                "2023-11-17",
                "2023-11-20",
            ],
        )

    def test_everyDay(self) -> None:
        """
        With one of the two left open, the other alone counts.
        """
        start = at("2023-11-15 12:00")
        self.assertEqual(
            following("0 0 13 * *", start, 2), ["2023-12-13 00:00", "2024-01-13 00:00"]
        )
        self.assertEqual(
            following("0 0 * * 4", start, 2), ["2023-11-17 00:00", "2023-11-24 00:00"]
        )

    def test_neverNow(self) -> None:
        """
        The next time is later than now, be it a moment; a time that is now is
        over.
        """
        schedule = parse("30 * * * *")
        half = at("2023-11-15 10:30")
        for now, expected in (
            (half - 0.001, half),
            (half, half + 3600),
            (half + 0.001, half + 3600),
            (half - 3600, half),
            (half - 3599.999, half),
        ):
            self.assertEqual(schedule.next(now, UTC), expected, now - half)

    def test_monthEnds(self) -> None:
        """
        A day that a month does not have does not come in it.
        """
        times = following("0 0 31 * *", at("2023-01-01 00:00"), 7)
        months = [int(time[5:7]) for time in times]
        self.assertEqual(months, [1, 3, 5, 7, 8, 10, 12])
        times = following("0 0 29-31 2 *", at("2023-01-01 00:00"), 2)
        self.assertEqual(times, ["2024-02-29 00:00", "2028-02-29 00:00"])

    def test_leapYears(self) -> None:
        """
        29 February comes every fourth year, but not in 2100.
        """
        times = following("0 12 29 2 *", at("2092-01-01 00:00"), 3)
        years = [time[:4] for time in times]
        self.assertEqual(years, ["2092", "2096", "2104"])

    def test_newYear(self) -> None:
        """
        The minute after the last one of a year is the first of the next.
        """
        self.assertEqual(
            following("* * * * *", at("2023-12-31 23:58"), 2),
            ["2023-12-31 23:59", "2024-01-01 00:00"],
        )


class RefusedTests(SynchronousTestCase):
    """
    What is no schedule is refused.
    """

    def test_unreadable(self) -> None:
        """
        A field that cannot be read, or is out of its bounds, is refused, whichever
        it is; the reason names it.
        """
        bounds = {
            "minute": (0, 59),
            "hour": (0, 23),
            "day of month": (1, 31),
            "month": (1, 12),
            "day of week": (0, 6),
        }
        for index, (name, (low, high)) in enumerate(bounds.items()):
            for field in (
                *("x", "-", "/", ",", "-1", "1-", "1,", ",1", "1,,2", "/5", "1-2-3"),
                *("1/", "1//2", "**", "*1", "*-2", "1.5", " 1", "1 ", "1\n", "+1"),
                *("4-2", "*/0", "1-3/0", "1/0", "1-3/-1", "100", "001", "JAN", "mon"),
                *("\N{ARABIC-INDIC DIGIT ONE}", "\N{SUPERSCRIPT TWO}", "1\0", "?"),
                *("1-3/x", "9" * 5000, str(high + 1), f"{low}-{high + 1}"),
                *(f"{high},{high + 1}", f"{high + 1}/2"),
                *(["0", "0-5"] if low else []),
            ):
                fields = ["*"] * 5
                fields[index] = field
                error = self.assertRaises(BadSchedule, Schedule.parse, *fields)
                self.assertIsInstance(error, GearmanError)
                self.assertIsInstance(error, ValueError)
                self.assertIn(name, str(error))

    def test_bounds(self) -> None:
        """
        The least and the greatest number of each field are accepted.
        """
        for fields in ("0 0 1 1 0", "59 23 31 12 6", "0-59 0-23 1-31 1-12 0-6"):
            parse(fields)

    def test_impossible(self) -> None:
        """
        Days that no year has are refused.
        """
        for fields in ("0 0 30 2 *", "* * 31 2,4,6,9,11 *", "* * 30,31 2 *"):
            self.assertRaises(BadSchedule, parse, fields)

    def test_possible(self) -> None:
        """
        Days that some year has, if only every fourth, or in one of the months,
        are accepted, and so are those that the day of the week makes up for.
        """
        start = at("2023-03-01 00:00")
        for fields, expected in (
            ("0 0 29 2 *", "2024-02-29"),
            ("0 0 30 2,4 *", "2023-04-30"),
            ("0 0 29,30 2 *", "2024-02-29"),
            ("0 0 31 2-4 *", "2023-03-31"),
            ("0 0 30 2 0", "2024-02-05"),
        ):
            found = said(parse(fields).next(start, UTC))
            self.assertEqual(found, f"{expected} 00:00", fields)


class ZoneTests(SynchronousTestCase):
    """
    Clocks are put forward and back.
    """

    def test_zone(self) -> None:
        """
        A schedule goes by the clocks of its zone.
        """
        start = at("2023-07-01 00:00")
        for zone, expected in (
            (UTC, "2023-07-01 12:00"),
            (NEW_YORK, "2023-07-01 16:00"),
            (ZoneInfo("Asia/Kathmandu"), "2023-07-01 06:15"),
            (ZoneInfo("Pacific/Kiritimati"), "2023-07-01 22:00"),
        ):
            found = parse("0 12 * * *").next(start, zone)
            self.assertEqual(said(found), expected, zone)

    def test_machine(self) -> None:
        """
        Without a zone, it goes by the clocks of the machine.
        """
        before = os.environ.get("TZ")

        def restore() -> None:
            if before is None:
                del os.environ["TZ"]
            else:
                os.environ["TZ"] = before
            time.tzset()

        self.addCleanup(restore)
        for name in ("UTC", "America/New_York", "Asia/Kathmandu"):
            os.environ["TZ"] = name
            time.tzset()
            zone = ZoneInfo(name)
            for fields in ("0 12 * * *", "30 2 * * *", "*/10 1-3 * * *"):
                for start in ("2023-03-11 12:00", "2023-03-12 01:30"):
                    after = at(start, zone)
                    schedule = parse(fields)
                    self.assertEqual(
                        schedule.next(after), schedule.next(after, zone), fields
                    )

    def test_spring(self) -> None:
        """
        A time that the clocks skip is taken as what it would have been without
        the skip: half past two is half past three.
        """
        times = following("30 2 * * *", at("2023-03-11 00:00", NEW_YORK), 3, NEW_YORK)
        self.assertEqual(
            times, ["2023-03-11 02:30", "2023-03-12 03:30", "2023-03-13 02:30"]
        )

    def test_springLate(self) -> None:
        """
        That is so also for who asks after the skip, when that time has not come.
        """
        schedule = parse("30 2 * * *")
        for now in ("03:00", "03:29:59"):
            after = at(f"2023-03-12 {now}", NEW_YORK)
            found = schedule.next(after, NEW_YORK)
            self.assertEqual(said(found, NEW_YORK), "2023-03-12 03:30", now)
        found = schedule.next(at("2023-03-12 03:30", NEW_YORK), NEW_YORK)
        self.assertEqual(said(found, NEW_YORK), "2023-03-13 02:30")

    def test_springMidnight(self) -> None:
        """
        It is so also where the clocks skip the first hour of a day.
        """
        schedule = parse("30 0 * * *")
        for now in ("2018-11-03 12:00", "2018-11-04 01:00"):
            found = schedule.next(at(now, SAO_PAULO), SAO_PAULO)
            self.assertEqual(said(found, SAO_PAULO), "2018-11-04 01:30", now)

    def test_springOrder(self) -> None:
        """
        Where the clocks skip half an hour, or two, what was skipped may be due
        after what follows it: each comes in its order, and none is left out.
        """
        times = following(
            "15,35 2 * * *", at("2023-10-01 00:00", LORD_HOWE), 3, LORD_HOWE
        )
        self.assertEqual(
            times, ["2023-10-01 02:35", "2023-10-01 02:45", "2023-10-02 02:15"]
        )
        times = following("30 2,3 * * *", at("2023-03-26 00:00", TROLL), 3, TROLL)
        self.assertEqual(
            times, ["2023-03-26 03:30", "2023-03-26 04:30", "2023-03-27 02:30"]
        )

    def test_springDay(self) -> None:
        """
        Where a whole day is skipped, the next one is like any other.
        """
        schedule = parse("*/15 * * * *")
        for now, expected in (
            ("2011-12-29 23:50", "2011-12-31 00:00"),
            ("2011-12-31 00:00", "2011-12-31 00:15"),
            ("2011-12-31 02:50", "2011-12-31 03:00"),
        ):
            found = schedule.next(at(now, APIA), APIA)
            self.assertEqual(said(found, APIA), expected, now)

    def test_springSteps(self) -> None:
        """
        Every quarter of an hour stays every quarter of an hour.
        """
        schedule, moment = parse("*/15 * * * *"), at("2023-03-12 00:00", NEW_YORK)
        moments = [moment := schedule.next(moment, NEW_YORK) for _ in range(20)]
        gaps = {later - earlier for earlier, later in pairwise(moments)}
        self.assertEqual(gaps, {900.0})

    def test_autumn(self) -> None:
        """
        Of a time that comes twice, the first is taken.
        """
        start = at("2023-11-04 12:00", NEW_YORK)
        schedule = parse("30 1 * * *")
        first = schedule.next(start, NEW_YORK)
        self.assertEqual(first, at("2023-11-05 01:30", NEW_YORK, fold=0))
        second = schedule.next(first, NEW_YORK)
        self.assertEqual(second, at("2023-11-06 01:30", NEW_YORK))

    def test_autumnBetween(self) -> None:
        """
        That is so also for who asks between the two, or after them.
        """
        schedule = parse("30 1 * * *")
        nextDay = at("2023-11-06 01:30", NEW_YORK)
        for now in ("01:00", "01:30", "01:59"):
            after = at(f"2023-11-05 {now}", NEW_YORK, fold=1)
            self.assertEqual(schedule.next(after, NEW_YORK), nextDay, now)

    def test_wholeYear(self) -> None:
        """
        A daily time comes once a day, through all changes of the clocks.
        """
        start = at("2022-12-31 23:59", NEW_YORK)
        for fields in ("30 1 * * *", "30 2 * * *", "0 3 * * *"):
            times = following(fields, start, 365, NEW_YORK)
            days = [time.split(" ")[0] for time in times]
            first = datetime(2023, 1, 1)
            expected = [f"{first + timedelta(n):%Y-%m-%d}" for n in range(365)]
            self.assertEqual(days, expected, fields)
