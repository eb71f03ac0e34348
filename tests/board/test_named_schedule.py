"""
What a schedule may be, and what is kept of it.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from tests.board.timetable import HOUR, RecurringTestCase, every
from txgearman.board.named_schedule import History, NamedSchedule
from txgearman.errors import BadRow, BadSetting


class NamedScheduleTests(SynchronousTestCase):
    """
    What a schedule may be.
    """

    def test_names(self) -> None:
        """
        A name has letters, digits and some signs, and is not too long.
        """
        for name in ("a", "Nightly.report_2-b", "x" * 64):
            self.assertEqual(every(1, name).name, name)
        for name in ("", "a b", "a/b", "ä", "x" * 65, "a\n"):
            self.assertRaises(BadSetting, every, 1, name)

    def test_others(self) -> None:
        """
        What no job can have, no schedule can.
        """
        self.assertRaises(BadSetting, NamedSchedule, "a", b"")
        for bad in ({"unique": b"\0"}, {"priority": 3}, {"missed": "twice"}):
            self.assertRaises(BadSetting, every, 1, **bad)


class KeepingTests(RecurringTestCase):
    """
    What is kept of schedules.
    """

    def test_kinds(self) -> None:
        """
        What an administrator defined and what became of it are kept by name.
        """
        recurring = self.server.starts(every(HOUR))
        recurring.define(every(HOUR, "b"))
        self.assertEqual(
            sorted(self.server.records),
            [("run", b"a"), ("run", b"b"), ("schedule", b"b")],
        )

    def test_unreadable(self) -> None:
        """
        What cannot be read is refused.
        """
        recurring = self.server.recurring
        good = every(HOUR).pack()
        for kind, key, value in (
            ("schedule", b"b", good),
            ("schedule", b"\xff", good),
            ("schedule", b"a", b""),
            ("schedule", b"a", good.replace(b'"once"', b'"never"')),
            ("schedule", b"a", good.replace(b'"cron": ""', b'"cron": "x"')),
            ("run", b"\xff", History("", "", 60.0, 0.0).pack()),
            ("run", b"a", b"{}\n"),
            ("run", b"a", b"nothing"),
            ("other", b"a", b"{}\n"),
        ):
            with self.assertRaises(BadRow):
                recurring.restore(kind, key, value)
        recurring.start()
        self.assertEqual(list(recurring), [])

    def test_badMoment(self) -> None:
        """
        What is no moment, or no count, is refused.
        """
        self.server.starts(every(HOUR))
        [value] = self.server.records.values()
        for bad in (
            value.replace(b'"runs": 0', b'"runs": -1'),
            value.replace(b'"last": 0.0', b'"last": -5.0'),
            value.replace(b'"last": 0.0', b'"last": 1e300'),
        ):
            self.assertNotEqual(bad, value)
            with self.assertRaises(BadRow):
                self.server.recurring.restore("run", b"a", bad)

    def test_unreadableDefinition(self) -> None:
        """
        When a definition cannot be read today, what became of it is kept for the day
        on which it can.
        """
        recurring = self.server.starts()
        recurring.define(every(HOUR))
        recurring.pause("a")
        good = self.server.records["schedule", b"a"]
        run = self.server.records["run", b"a"]
        self.server.made()
        recurring = self.server.recurring
        recurring.restore("run", b"a", run)
        with self.assertRaises(BadRow):
            recurring.restore(
                "schedule", b"a", good.replace(b'"cron": ""', b'"cron": "x"')
            )
        recurring.start()
        self.assertEqual(list(recurring), [])
        self.assertIn(("run", b"a"), self.server.records)
