"""
Schedules: which jobs are submitted again and again, and when.
"""

from __future__ import annotations

from tests.board.timetable import (
    DAY,
    DOWN,
    HOUR,
    MINUTE,
    NOON,
    RecurringTestCase,
    every,
)
from txgearman.board.job import Priority
from txgearman.board.named_schedule import Missed, NamedSchedule
from txgearman.board.policies import Origin
from txgearman.board.recurring import MOST
from txgearman.board.routine import ScheduleRow
from txgearman.errors import BadSetting, ServerError


class RunningTests(RecurringTestCase):
    """
    Jobs are submitted at their times.
    """

    def test_times(self) -> None:
        """
        A schedule runs at each of its times, from its first one after the start on.
        """
        self.server.starts(every(HOUR, overlap=True))
        self.server.passes(3 * HOUR)
        self.assertEqual(self.server.runs(), [HOUR, 2 * HOUR, 3 * HOUR])

    def test_many(self) -> None:
        """
        Each of several schedules runs at its own times.
        """
        self.server.starts(every(HOUR), every(90 * MINUTE, "b"))
        for _ in range(6):
            self.server.passes(HOUR / 2)
            self.server.ends()
        self.assertEqual(self.server.runs(), [HOUR, 2 * HOUR, 3 * HOUR])
        self.assertEqual(self.server.runs("b"), [1.5 * HOUR, 3 * HOUR])

    def test_idle(self) -> None:
        """
        However many schedules there are, the clock has one thing to call.
        """
        self.server.starts(*(every(HOUR + n, f"s{n}") for n in range(1000)))
        self.assertEqual(len(self.server.clock.getDelayedCalls()), 1)

    def test_nothing(self) -> None:
        """
        Without schedules the clock has nothing to call.
        """
        self.server.starts()
        self.assertEqual(self.server.clock.getDelayedCalls(), [])

    def test_atOnce(self) -> None:
        """
        The most there may be run at one moment, and the reactor breathes in between.
        """
        self.server.starts(*(every(DAY, f"s{n}") for n in range(MOST)))
        self.server.clock.advance(DAY / 2)
        self.assertLess(len(self.server.submitted), MOST)
        self.server.passes(1.0)
        self.assertEqual(len(self.server.submitted), MOST)
        self.assertEqual({name for name, _ in self.server.submitted}, self.names())

    def names(self) -> set[str]:
        return {row.schedule.name for row in self.server.recurring}

    def test_end(self) -> None:
        """
        When there is no next time, nothing is awaited.
        """
        recurring = self.server.starts(NamedSchedule("a", b"f", cron="600"))
        self.assertEqual(self.row.next, NOON + 600)
        self.server.passes(HOUR)
        self.assertEqual(self.server.runs(), [600])
        self.assertEqual(recurring.get("a").next, 0.0)
        self.assertEqual(self.server.clock.getDelayedCalls(), [])

    def test_row(self) -> None:
        """
        A list says what a schedule is, who defined it, when it ran and when it will.
        """
        schedule = every(HOUR, data=b"x")
        recurring = self.server.starts(schedule)
        self.assertEqual(
            list(recurring),
            [
                ScheduleRow(
                    schedule, Origin.CONFIG, "every 3600 s", 0.0, NOON + HOUR, False
                )
            ],
        )
        self.server.passes(2.5 * HOUR)
        self.assertEqual(
            recurring.get("a"),
            ScheduleRow(
                schedule,
                Origin.CONFIG,
                "every 3600 s",
                NOON + HOUR,
                NOON + 3 * HOUR,
                False,
                b"H:here:1",
                runs=1,
                skipped=1,
            ),
        )

    def test_order(self) -> None:
        """
        A list is in the order of the names.
        """
        recurring = self.server.starts(every(1, "b"), every(1, "c"))
        recurring.define(every(1, "a"))
        self.assertEqual([row.schedule.name for row in recurring], ["a", "b", "c"])
        self.assertEqual(len(recurring), 3)

    def test_notBeforeTheStart(self) -> None:
        """
        Before the store is read nothing runs, nothing is listed or kept, and nothing
        is changed by hand.
        """
        recurring = self.server.recurring
        recurring.configure([every(HOUR)])
        self.server.passes(DAY)
        self.assertEqual(self.server.submitted, [])
        self.assertEqual(list(recurring), [])
        self.assertEqual(self.server.kept, 0)
        for ask in (recurring.get, recurring.drop, recurring.pause, recurring.runNow):
            self.assertRefused(b"QUEUE_ERROR", ask, "a")
        self.assertRefused(b"QUEUE_ERROR", recurring.define, every(HOUR))

    def test_stop(self) -> None:
        """
        After a stop nothing runs any more, whatever is changed.
        """
        recurring = self.server.starts(every(HOUR))
        recurring.stop()
        recurring.define(every(MINUTE, "b"))
        recurring.pause("a")
        recurring.resume("a")
        self.server.passes(DAY)
        self.assertEqual(self.server.submitted, [])
        self.assertEqual([row.next for row in recurring], [0.0, 0.0])

    def test_broken(self) -> None:
        """
        When something goes wrong with one schedule, it goes on at its next time, and
        so do the others.
        """
        self.server.starts(every(HOUR), every(HOUR, "b"))
        self.server.refusal = ZeroDivisionError()
        self.assertRaises(ZeroDivisionError, self.server.passes, HOUR)
        self.server.refusal = None
        self.server.passes(HOUR)
        self.assertEqual(self.server.runs("b"), [HOUR])
        self.assertEqual(self.row.runs, 1)


class OverlapTests(RecurringTestCase):
    """
    No two jobs of a schedule are on the board, unless they may be.
    """

    def test_skipped(self) -> None:
        """
        A run whose time comes while the job before is on the board is skipped.
        """
        self.server.starts(every(HOUR))
        self.server.passes(2 * HOUR)
        self.server.ends()
        self.server.passes(HOUR)
        self.assertEqual(self.server.runs(), [HOUR, 3 * HOUR])
        self.assertEqual((self.row.runs, self.row.skipped), (2, 1))

    def test_overlap(self) -> None:
        """
        If they may overlap, none is skipped.
        """
        self.server.starts(every(HOUR, overlap=True))
        self.server.passes(3 * HOUR)
        self.assertEqual((self.row.runs, self.row.skipped), (3, 0))

    def test_restart(self) -> None:
        """
        That a job is on the board is known after a restart.
        """
        self.server.starts(every(HOUR))
        self.server.passes(HOUR)
        self.server.isDown(MINUTE)
        self.server.passes(HOUR)
        self.assertEqual(self.server.runs(), [HOUR])
        self.assertEqual(self.row.skipped, 1)

    def test_allTheSame(self) -> None:
        """
        A run in time is skipped, too, where all are made that are missed.
        """
        self.server.starts(every(HOUR, missed=Missed.ALL))
        self.server.passes(2 * HOUR)
        self.server.ends()
        self.server.passes(HOUR / 2)
        self.assertEqual(self.server.runs(), [HOUR])


class PausingTests(RecurringTestCase):
    """
    Schedules are paused by hand.
    """

    def test_pause(self) -> None:
        """
        A schedule that is paused does not run, and has no next time.
        """
        recurring = self.server.starts(every(HOUR))
        recurring.pause("a")
        self.server.passes(3 * HOUR)
        self.assertEqual(self.server.submitted, [])
        self.assertTrue(self.row.paused)
        self.assertEqual((self.row.next, self.row.missed), (0.0, 0))
        self.assertEqual(self.server.clock.getDelayedCalls(), [])

    def test_resume(self) -> None:
        """
        When it is resumed it goes on, and nothing of the meantime is made up.
        """
        recurring = self.server.starts(every(HOUR, missed=Missed.ALL))
        recurring.pause("a")
        self.server.passes(3.5 * HOUR)
        recurring.resume("a")
        self.assertEqual(self.row.next, NOON + 4 * HOUR)
        self.server.passes(HOUR)
        self.assertEqual(self.server.runs(), [4 * HOUR])

    def test_resumeOther(self) -> None:
        """
        One that is not paused is not changed by being resumed.
        """
        recurring = self.server.starts(every(HOUR))
        kept = self.server.kept
        recurring.resume("a")
        self.assertEqual(self.server.kept, kept)

    def test_restart(self) -> None:
        """
        It is paused after a restart, too, also if it is defined otherwise.
        """
        recurring = self.server.starts(every(HOUR))
        recurring.pause("a")
        self.server.configured = (every(HOUR / 2),)
        recurring = self.server.isDown(3 * HOUR)
        self.server.passes(HOUR)
        self.assertEqual(self.server.submitted, [])
        recurring.resume("a")
        self.server.passes(HOUR)
        self.assertEqual(len(self.server.runs()), 1)

    def test_owed(self) -> None:
        """
        What it owes is forgotten.
        """
        recurring = self.server.starts(every(HOUR))
        self.server.refusal = DOWN
        self.server.passes(HOUR)
        recurring.pause("a")
        self.server.refusal = None
        recurring.resume("a")
        self.server.passes(HOUR / 2)
        self.assertEqual(self.server.submitted, [])

    def test_runNow(self) -> None:
        """
        A schedule runs when it is told to, even when it is paused, and at its times.
        """
        recurring = self.server.starts(every(HOUR))
        recurring.pause("a")
        job = recurring.runNow("a")
        self.assertEqual(self.row.handle, job.handle)
        self.assertEqual((self.row.last, self.row.runs), (NOON, 1))
        self.server.ends(job)
        recurring.resume("a")
        self.server.passes(HOUR)
        self.assertEqual(self.server.runs(), [0.0, HOUR])

    def test_runNowTwice(self) -> None:
        """
        It does not run twice at a time, unless it may.
        """
        recurring = self.server.starts(every(HOUR), every(HOUR, "b", overlap=True))
        recurring.runNow("a")
        self.assertRefused(b"JOB_EXISTS", recurring.runNow, "a")
        recurring.runNow("b")
        recurring.runNow("b")
        self.assertEqual(len(self.server.runs("b")), 2)

    def test_runNowRefused(self) -> None:
        """
        When the board does not take the job, whoever wanted it is told, and it is not
        tried again.
        """
        recurring = self.server.starts(every(HOUR))
        self.server.refusal = DOWN
        self.assertRefused(b"QUEUE_ERROR", recurring.runNow, "a")
        self.assertEqual((self.row.runs, self.row.owed), (0, 0))

    def test_unknown(self) -> None:
        """
        What is not there cannot be changed.
        """
        recurring = self.server.starts()
        for ask in (
            recurring.get,
            recurring.drop,
            recurring.pause,
            recurring.resume,
            recurring.runNow,
        ):
            self.assertRefused(b"UNKNOWN_SCHEDULE", ask, "a")


class DefiningTests(RecurringTestCase):
    """
    Schedules are defined by the configuration, and by hand.
    """

    def test_define(self) -> None:
        """
        A schedule that is defined by hand runs, also after a restart.
        """
        recurring = self.server.starts()
        schedule = every(
            HOUR,
            data=b"\0\xff\n",
            unique=b"\xfe",
            priority=Priority.HIGH,
            missed=Missed.SKIP,
            overlap=True,
        )
        recurring.define(schedule)
        self.assertEqual(self.row.origin, Origin.ADMIN)
        self.server.passes(HOUR)
        self.server.isDown(MINUTE)
        self.assertEqual(self.row.schedule, schedule)
        self.assertEqual((self.row.origin, self.row.runs), (Origin.ADMIN, 1))
        self.server.passes(HOUR)
        self.assertEqual(self.server.runs(), [HOUR, 2 * HOUR])

    def test_again(self) -> None:
        """
        Another one by the same name takes its place, and its counts.
        """
        recurring = self.server.starts()
        recurring.define(every(HOUR))
        self.server.passes(HOUR)
        self.server.ends()
        recurring.define(every(DAY / 4))
        self.server.passes(DAY / 2)
        self.assertEqual(self.server.runs(), [HOUR, 6 * HOUR])
        self.assertEqual((len(recurring), self.row.runs), (1, 2))

    def test_bad(self) -> None:
        """
        One of which nobody can say when it recurs is refused, and changes nothing.
        """
        recurring = self.server.starts(every(HOUR))
        bad = NamedSchedule("a", b"f", cron="x")
        error = self.assertRaises(ServerError, recurring.define, bad)
        self.assertEqual(error.code, b"INVALID_ARGUMENTS")
        self.assertEqual(error.text, b"bad cron expression 'x'")
        self.assertEqual(self.row.origin, Origin.CONFIG)

    def test_drop(self) -> None:
        """
        One that is dropped is gone with all that is kept of it.
        """
        recurring = self.server.starts()
        recurring.define(every(HOUR))
        self.server.passes(HOUR)
        recurring.drop("a")
        self.assertEqual((len(recurring), self.server.records), (0, {}))
        self.server.passes(DAY)
        self.assertEqual(self.server.runs(), [HOUR])
        self.assertEqual(self.server.clock.getDelayedCalls(), [])

    def test_dropConfigured(self) -> None:
        """
        What the configuration says cannot be dropped.
        """
        recurring = self.server.starts(every(HOUR))
        self.assertRefused(b"INVALID_ARGUMENTS", recurring.drop, "a")
        self.assertEqual(len(recurring), 1)

    def test_hidden(self) -> None:
        """
        One of an administrator's hides one of the configuration, until it is dropped.
        """
        recurring = self.server.starts(every(HOUR))
        recurring.define(every(DAY))
        recurring = self.server.isDown(2 * HOUR)
        self.server.passes(HOUR)
        self.assertEqual(self.server.submitted, [])
        self.assertEqual(self.row.origin, Origin.ADMIN)
        recurring.drop("a")
        self.assertEqual(self.row.origin, Origin.CONFIG)
        self.server.passes(HOUR)
        self.assertEqual(self.server.runs(), [4 * HOUR])

    def test_configure(self) -> None:
        """
        Another configuration takes the place of the former one at once; what has not
        changed goes on as before.
        """
        recurring = self.server.starts(every(HOUR), every(HOUR, "b"), every(HOUR, "c"))
        recurring.define(every(HOUR, "d"))
        self.server.passes(HOUR)
        self.server.ends()
        recurring.configure([every(HOUR), every(2 * HOUR, "b"), every(HOUR, "e")])
        self.server.passes(HOUR)
        both = [HOUR, 2 * HOUR]
        self.assertEqual(self.server.runs("a"), both)
        self.assertEqual(self.server.runs("b"), both)
        self.assertEqual(self.server.runs("c"), [HOUR])
        self.assertEqual(self.server.runs("d"), both)
        self.assertEqual(self.server.runs("e"), [2 * HOUR])
        self.assertNotIn(("run", b"c"), self.server.records)

    def test_badConfiguration(self) -> None:
        """
        When one of a configuration is wrong, it is named, and the former one holds.
        """
        recurring = self.server.starts(every(HOUR))
        bad = NamedSchedule("b", b"f", cron="x")
        error = self.assertRaises(BadSetting, recurring.configure, [every(MINUTE), bad])
        self.assertEqual(str(error), "schedule b: bad cron expression 'x'")
        self.assertEqual([row.schedule for row in recurring], [every(HOUR)])

    def test_vanished(self) -> None:
        """
        When one is not in the configuration any more after a restart, what became of
        it is forgotten.
        """
        self.server.starts(every(HOUR), every(HOUR, "b"))
        self.server.configured = (every(HOUR, "b"),)
        self.server.isDown(MINUTE)
        self.assertEqual(list(self.server.records), [("run", b"b")])

    def test_limit(self) -> None:
        """
        There are no more than so many, but those there are can be defined anew.
        """
        many = [every(DAY, f"s{n}") for n in range(MOST)]
        recurring = self.server.starts(*many)
        recurring.define(every(HOUR, "s0"))
        self.assertRefused(b"QUEUE_ERROR", recurring.define, every(DAY))
        self.assertRaises(BadSetting, recurring.configure, [*many, every(DAY)])
        self.assertEqual(len(recurring), MOST)

    def test_often(self) -> None:
        """
        What is changed often leaves nothing behind.
        """
        recurring = self.server.starts(every(HOUR), every(MINUTE, "b", overlap=True))
        for _ in range(1000):
            recurring.pause("a")
            recurring.resume("a")
        self.assertEqual(len(self.server.clock.getDelayedCalls()), 1)
        self.server.passes(HOUR)
        self.assertEqual(self.server.runs(), [HOUR])
        self.assertEqual(len(self.server.runs("b")), 60)
