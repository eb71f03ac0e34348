"""
Runs of schedules that could not be made at their times.
"""

from __future__ import annotations

from tests.board.timetable import (
    DAY,
    DOWN,
    HOUR,
    MINUTE,
    NOON,
    RecurringTestCase,
    Server,
    every,
)
from txgearman.board.named_schedule import Missed, NamedSchedule
from txgearman.board.routine import MOST_MISSED
from txgearman.board.saving import Saving


class MissedTests(RecurringTestCase):
    """
    What is done about runs for which nobody was there.
    """

    def down(self, schedule: NamedSchedule, seconds: float = 3.5 * HOUR) -> None:
        """
        The server is down for a while from noon on.
        """
        self.server.starts(schedule)
        self.server.isDown(seconds)
        self.server.passes(0.0)

    def test_skip(self) -> None:
        """
        Nothing: it goes on with the next run.
        """
        self.down(every(HOUR, missed=Missed.SKIP))
        self.assertEqual(self.row.missed, 3)
        self.server.passes(HOUR)
        self.assertEqual(self.server.runs(), [4 * HOUR])

    def test_once(self) -> None:
        """
        One run for all of them.
        """
        self.down(every(HOUR))
        self.assertEqual(self.server.runs(), [3.5 * HOUR])
        self.assertEqual((self.row.runs, self.row.missed), (1, 3))
        self.server.ends()
        self.server.passes(HOUR)
        self.assertEqual(self.server.runs(), [4 * HOUR])

    def test_onceOnly(self) -> None:
        """
        A second restart does not make it a second time.
        """
        self.down(every(HOUR))
        self.server.ends()
        self.server.isDown(MINUTE)
        self.server.passes(MINUTE)
        self.assertEqual(self.server.runs(), [3.5 * HOUR])

    def test_onceWhileOneLives(self) -> None:
        """
        No run for them if the job before is still on the board.
        """
        self.server.starts(every(HOUR))
        self.server.passes(HOUR)
        self.server.isDown(3.5 * HOUR)
        self.server.passes(MINUTE)
        self.assertEqual(self.server.runs(), [HOUR])
        self.assertEqual((self.row.skipped, self.row.missed), (1, 3))

    def test_allOverlapping(self) -> None:
        """
        Each of them at once, if they may overlap.
        """
        self.down(every(HOUR, missed=Missed.ALL, overlap=True))
        self.assertEqual(self.server.runs(), [3.5 * HOUR] * 3)

    def test_all(self) -> None:
        """
        Each of them, one after the other, if they must not overlap.
        """
        self.down(every(HOUR, missed=Missed.ALL))
        found = []
        for _ in range(5):
            self.assertLessEqual(len(self.server.jobs), 1)
            found += self.server.runs()
            self.server.ends()
            self.server.passes(MINUTE)
        self.assertEqual(len(found), 3)
        self.assertEqual((self.row.owed, self.row.skipped), (0, 0))

    def test_allAndTheNext(self) -> None:
        """
        A run whose time comes while others are made up waits behind them.
        """
        self.down(every(HOUR, missed=Missed.ALL), 2.5 * HOUR)
        self.server.passes(2 * HOUR)
        self.assertEqual((self.row.runs, self.row.owed), (1, 3))
        for _ in range(3):
            self.server.ends()
            self.server.passes(5.0)
        self.assertEqual((self.row.runs, self.row.owed), (4, 0))
        self.assertEqual(self.row.skipped, 0)

    def test_allOverRestarts(self) -> None:
        """
        What is still to be made up is so after the next restart.
        """
        self.down(every(HOUR, missed=Missed.ALL))
        self.server.isDown(MINUTE)
        self.server.passes(MINUTE)
        self.assertEqual((self.row.runs, self.row.owed), (1, 2))
        self.server.ends()
        self.server.passes(MINUTE)
        self.assertEqual((self.row.runs, self.row.owed), (2, 1))

    def test_bound(self) -> None:
        """
        No more than so many are made up.
        """
        self.down(every(1, missed=Missed.ALL, overlap=True), 2.0 * MOST_MISSED)
        self.assertEqual(self.row.runs, MOST_MISSED)

    def test_long(self) -> None:
        """
        Years of missed seconds cost no more than some.
        """
        self.down(every(1, missed=Missed.ONCE), 3000 * DAY)
        self.assertEqual(self.row.runs, 1)
        self.assertGreaterEqual(self.row.missed, 100)

    def test_newOnes(self) -> None:
        """
        A schedule never seen before has missed nothing, however long the server was
        down.
        """
        self.server.starts()
        self.server.configured = (every(HOUR),)
        self.server.isDown(DAY)
        self.server.passes(HOUR / 2)
        self.assertEqual(self.server.submitted, [])

    def test_seen(self) -> None:
        """
        One that was seen has missed what was due since, though it never ran.
        """
        self.server.starts(every(DAY))
        self.server.passes(MINUTE)
        self.server.isDown(DAY)
        self.server.passes(MINUTE)
        self.assertEqual(self.row.runs, 1)

    def test_otherTimes(self) -> None:
        """
        One that recurs at other times since has missed nothing, and its counts stay.
        """
        self.server.starts(every(HOUR))
        self.server.passes(HOUR)
        self.server.configured = (every(HOUR / 2),)
        self.server.isDown(DAY)
        self.server.passes(MINUTE)
        self.assertEqual(self.server.runs(), [HOUR])
        self.assertEqual((self.row.runs, self.row.last), (1, NOON + HOUR))

    def test_otherData(self) -> None:
        """
        One that submits something else at the same times has missed them.
        """
        self.server.starts(every(HOUR))
        self.server.configured = (every(HOUR, data=b"x"),)
        self.server.isDown(DAY)
        self.server.passes(MINUTE)
        self.assertEqual(self.row.runs, 1)

    def test_suspended(self) -> None:
        """
        The same holds when the process stood still for some hours.
        """
        for missed, count in (("skip", 0), ("once", 1), ("all", 3)):
            self.server = Server()
            self.server.starts(every(HOUR, missed=missed, overlap=True))
            self.server.isSuspended(3.5 * HOUR)
            self.assertEqual(len(self.server.runs()), count, missed)
            self.assertEqual(self.row.missed, 3)
            self.server.passes(HOUR / 2)
            self.assertEqual(self.server.runs(), [4 * HOUR])

    def test_late(self) -> None:
        """
        A run that is some seconds late was not missed.
        """
        self.server.starts(every(HOUR, missed=Missed.SKIP))
        self.server.isSuspended(HOUR + 30)
        self.assertEqual(self.server.runs(), [HOUR + 30])
        self.assertEqual(self.row.missed, 0)

    def test_lateAfterOthers(self) -> None:
        """
        When the last of several is some seconds late, only the others were missed.
        """
        self.server.starts(every(HOUR, missed=Missed.SKIP))
        self.server.isSuspended(3 * HOUR + 30)
        self.assertEqual(self.server.runs(), [3 * HOUR + 30])
        self.assertEqual(self.row.missed, 2)

    def test_setBack(self) -> None:
        """
        When the clock is set back, what has been is not repeated.
        """
        self.server.starts(every(HOUR, overlap=True))
        self.server.passes(2 * HOUR)
        self.server.isDown(-HOUR)
        self.server.passes(1.5 * HOUR)
        self.assertEqual(self.server.runs(), [HOUR, 2 * HOUR])
        self.server.passes(HOUR)
        self.assertEqual(self.server.runs(), [3 * HOUR])

    def test_corrected(self) -> None:
        """
        When the clock was far ahead, it is forgotten what was settled until then.
        """
        self.server.starts(every(HOUR, overlap=True))
        self.server.passes(DAY)
        self.server.runs()
        self.server.isDown(-DAY)
        self.server.passes(HOUR)
        self.assertEqual(self.server.runs(), [HOUR])


class RefusedTests(RecurringTestCase):
    """
    The board does not take a job.
    """

    def test_again(self) -> None:
        """
        It is tried again after a pause, until the board takes it.
        """
        self.server.starts(every(HOUR))
        self.server.refusal = DOWN
        self.server.passes(HOUR + MINUTE)
        self.assertEqual((self.row.owed, self.row.error), (1, b"The store is down"))
        self.assertGreater(self.row.next, NOON + HOUR + MINUTE)
        self.server.refusal = None
        self.server.passes(MINUTE)
        [when] = self.server.runs()
        self.assertTrue(HOUR + MINUTE < when <= HOUR + 2 * MINUTE, when)
        self.assertEqual((self.row.owed, self.row.error), (0, b""))
        self.assertEqual(self.row.runs, 1)

    def test_skip(self) -> None:
        """
        It was not missed: so it is where missed runs are not made.
        """
        self.server.starts(every(HOUR, missed=Missed.SKIP))
        self.server.refusal = DOWN
        self.server.passes(HOUR + 10 * MINUTE)
        self.server.refusal = None
        self.server.passes(2 * MINUTE)
        self.assertEqual(len(self.server.runs()), 1)
        self.assertEqual(self.row.missed, 0)

    def test_merged(self) -> None:
        """
        When the next one is due before it was taken, they are one.
        """
        self.server.starts(every(HOUR, overlap=True))
        self.server.refusal = DOWN
        self.server.passes(3 * HOUR + MINUTE)
        self.server.refusal = None
        self.server.passes(2 * MINUTE)
        self.assertEqual(len(self.server.runs()), 1)

    def test_each(self) -> None:
        """
        Where all runs are to be made, each is.
        """
        self.server.starts(every(HOUR, overlap=True, missed=Missed.ALL))
        self.server.refusal = DOWN
        self.server.passes(3 * HOUR + MINUTE)
        self.server.refusal = None
        self.server.passes(2 * MINUTE)
        self.assertEqual(len(self.server.runs()), 3)

    def test_restart(self) -> None:
        """
        It is made after a restart, too.
        """
        self.server.starts(every(HOUR, missed=Missed.SKIP))
        self.server.refusal = DOWN
        self.server.passes(HOUR + 1)
        self.server.refusal = None
        self.server.isDown(MINUTE)
        self.server.passes(1.0)
        self.assertEqual(len(self.server.runs()), 1)

    def test_seldom(self) -> None:
        """
        It is not tried all the time, and nothing is kept each time.
        """
        self.server.starts(every(DAY))
        self.server.passes(DAY / 2 - 1)
        self.server.refusal = DOWN
        self.server.passes(2.0)
        kept = self.server.kept
        calls = 0
        while self.server.clock.seconds() < NOON + DAY / 2 + HOUR:
            self.server.passes(self.row.next - self.server.clock.seconds())
            calls += 1
        self.assertLess(calls, 70)
        self.assertEqual(self.server.kept, kept)

    def test_notSaved(self) -> None:
        """
        A job that was taken and could not be saved is submitted again.
        """
        recurring = self.server.starts(every(HOUR))
        self.server.saving = Saving()
        self.server.passes(HOUR)
        [job] = self.server.jobs.values()
        self.server.ends()
        recurring.refused(job)
        self.assertEqual((self.row.runs, self.row.owed), (0, 1))
        self.server.passes(MINUTE)
        self.assertEqual(len(self.server.runs()), 2)
        self.assertEqual((self.row.runs, self.row.owed), (1, 0))

    def test_othersNotSaved(self) -> None:
        """
        Jobs of others that could not be saved are no concern, nor are those of a
        schedule that is gone or paused, or that were saved.
        """
        recurring = self.server.starts()
        for name in "abc":
            recurring.define(every(HOUR, name))
        self.server.saving = Saving()
        self.server.passes(HOUR)
        a, b, c = self.server.jobs.values()
        a.saving = None
        recurring.drop("b")
        recurring.pause("c")
        self.server.ends()
        recurring.runNow("a")
        self.server.runs()
        for job in (a, b, c):
            recurring.refused(job)
        self.assertEqual([row.owed for row in recurring], [0, 0])
