"""
Tests for L{txgearman.scripts.operations} and L{txgearman.scripts.tables}: what
C{txgearadmin} does that gearadmin does not, and how it prints that.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable
from functools import partial
from typing import Any

from twisted.internet.defer import Deferred, succeed

from tests.scripts.stage import ToolTestCase
from tests.scripts.test_admin import AdminTestCase
from txgearman.admin import (
    AdminClient,
    DeadJobRow,
    DelayedJobRow,
    FunctionLimits,
    JobDetails,
    JobResult,
    PolicySetting,
    QueueRow,
    ScheduleRow,
)
from txgearman.board.keys import Cause
from txgearman.scripts import admin
from txgearman.scripts.tables import moment

DEAD = DeadJobRow(b"H:1", b"a b", b"", 5, 1.0, 86400.0, 9, b"no\ndisk\xff")
RESULT = JobResult(b"H:1", b"f", b"", "completed", 1, 1.0, 1.0, 2.0, 9.0, 2, b"", b"hi")

# Each operation, the call that it is, an answer, and what is printed.
OPERATIONS: list[tuple[list[str], str, tuple[object, ...], Any, bytes]] = [
    (
        ["--queues"],
        "queues",
        (),
        [
            QueueRow(b"a b", 5, 4, 3, 2, 1.5, True),
            QueueRow(b"\xff", 0, 0, 0, 1, 0.0, False),
        ],
        b"function  queued  delayed  running  workers  oldest  paused\n"
        b"a b       5       4        3        2        1.5     yes\n"
        b"\\xff      0       0        0        1        0       no\n",
    ),
    (
        ["--dead-jobs"],
        "deadJobs",
        (),
        [DEAD],
        b"handle  function  unique  attempts  submitted                  died"
        b"                       size  error\n"
        b"H:1     a b       -       5         1970-01-01T00:00:01+00:00"
        b"  1970-01-02T00:00:00+00:00  9     no\\ndisk\\xff\n",
    ),
    (
        ["--dead-jobs", "a b"],
        "deadJobs",
        ("a b",),
        [],
        b"handle  function  unique  attempts  submitted  died  size  error\n",
    ),
    (
        ["--delayed-jobs", "f"],
        "delayedJobs",
        ("f",),
        [DelayedJobRow(b"H:1", b"f", b"u", 2.0, 0, True)],
        b"handle  function  unique  due                        attempts  background\n"
        b"H:1     f         u       1970-01-01T00:00:02+00:00  0         yes\n",
    ),
    (
        ["--job", "H:1"],
        "job",
        ("H:1",),
        JobDetails(b"H:1", b"f", b"", "queued", 0, 1.0, "low", size=0),
        b"handle:      H:1\nfunction:    f\nstate:       queued\n"
        b"attempts:    0\nsubmitted:   1970-01-01T00:00:01+00:00\n"
        b"priority:    low\nbackground:  yes\nnumerator:   0\ndenominator: 0\n"
        b"size:        0\nlisteners:   0\n",
    ),
    (["--job-data", "H:1"], "workload", ("H:1",), b"\0\xff", b"\0\xff"),
    (
        ["--result", "H:1"],
        "result",
        ("H:1",),
        RESULT,
        b"handle:    H:1\nfunction:  f\nstate:     completed\nattempts:  1\n"
        b"submitted: 1970-01-01T00:00:01+00:00\n"
        b"started:   1970-01-01T00:00:01+00:00\n"
        b"ended:     1970-01-01T00:00:02+00:00\n"
        b"until:     1970-01-01T00:00:09+00:00\nsize:      2\ndata:      hi\n",
    ),
    (
        ["--settings"],
        "settings",
        (),
        [
            PolicySetting(b"*", "retry_on", frozenset({Cause.LOST}), "config"),
            PolicySetting(b"f", "ttl", 90.0, "admin"),
            PolicySetting(b"f", "new", "x", "admin"),
        ],
        b"pattern  key       value  origin\n*        retry_on  lost   config\n"
        b"f        ttl       90     admin\nf        new       x      admin\n",
    ),
    (
        ["--settings", "f"],
        "settings",
        ("f",),
        [PolicySetting(b"*", "paused", False, "default")],
        b"pattern  key     value  origin\n*        paused  false  default\n",
    ),
    (
        ["--limits"],
        "limits",
        (),
        [FunctionLimits(b"f", True, 1, 2, 3, 0.5, 1, 4, 5, 6, False, 7, 8, 9)],
        b"function  paused  total  running  concurrency  rate  burst  queueLimit"
        b"  size  queueBytes  queueCountsRunning  high  normal  low\n"
        b"f         yes     1      2        3            0.5   1      4         "
        b"  5     6           no                  7     8       9\n",
    ),
    (["--purge", "f"], "purgeFunction", ("f",), 3, b"3\n"),
    (["--requeue-all"], "requeueAll", (), 0, b"0\n"),
    (["--requeue-function", "f"], "requeueFunction", ("f",), 2, b"2\n"),
    (["--purge-dead-function", "f"], "discardDeadOf", ("f",), 2, b"2\n"),
    (["--purge-dead-all"], "discardAllDead", (), 2, b"2\n"),
    (["--run-schedule", "n"], "runSchedule", ("n",), b"H:7", b"H:7\n"),
    *[
        (words, method, tuple(words[1:]), None, b"OK\n")
        for words, method in [
            (["--cancel-unique", "f", "u"], "cancelByUnique"),
            (["--requeue-job", "H:1"], "requeueJob"),
            (["--purge-dead-job", "H:1"], "discardDead"),
            (["--set-policy", "f*", "retry_on", ""], "setPolicy"),
            (["--unset-policy", "f*", "ttl"], "unsetPolicy"),
            (["--pause", "a b"], "pauseFunction"),
            (["--resume", "a b"], "resumeFunction"),
            (["--drop-schedule", "n"], "dropSchedule"),
            (["--pause-schedule", "n"], "pauseSchedule"),
            (["--resume-schedule", "n"], "resumeSchedule"),
        ]
    ],
]

Calls = list[tuple[tuple[object, ...], dict[str, object]]]


def answering(calls: Calls, answer: object) -> Callable[..., Deferred[object]]:
    """
    Make a method that always answers the same.
    """

    def method(
        client: AdminClient, *words: object, **named: object
    ) -> Deferred[object]:
        calls.append((words, named))
        return succeed(answer)

    return method


class ClockTestCase(ToolTestCase):
    """
    A machine whose clocks are those of Greenwich, or of elsewhere.
    """

    def setUp(self) -> None:
        super().setUp()
        self.lives("UTC")

    def lives(self, zone: str) -> None:
        """
        Let this machine be in a time zone.
        """
        before = os.environ.get("TZ")
        os.environ["TZ"] = zone
        time.tzset()

        def back() -> None:
            if before is None:
                os.environ.pop("TZ", None)
            else:
                os.environ["TZ"] = before
            time.tzset()

        self.addCleanup(back)


class OperationTests(AdminTestCase, ClockTestCase):
    """
    Tests of single operations.
    """

    def test_printed(self) -> None:
        """
        Each is a call of the client's, and its answer is printed for people.
        """
        for words, method, arguments, answer, expected in OPERATIONS:
            calls: Calls = []
            self.patch(AdminClient, method, answering(calls, answer))
            self.assertEqual(self.tells(*words), 0, words)
            self.assertEqual(calls, [(arguments, {})])
            self.assertEqual(self.out.take(), expected, words)
        self.assertEqual(self.err.take(), b"")

    def test_json(self) -> None:
        """
        With C{--json} an answer is a line of JSON: times are seconds, and what is no
        text in a workload or a result is in base 64.
        """
        rows: list[tuple[list[str], str, Any, Any]] = [
            (
                ["--dead-jobs"],
                "deadJobs",
                [DEAD],
                [
                    {
                        "handle": "H:1",
                        "function": "a b",
                        "unique": "",
                        "attempts": 5,
                        "submitted": 1.0,
                        "died": 86400.0,
                        "size": 9,
                        "error": "no\ndisk\\xff",
                    }
                ],
            ),
            (["--job-data", "H:1"], "workload", b"text", {"data": "text"}),
            (["--job-data", "H:1"], "workload", b"\xff", {"dataBase64": "/w=="}),
            (
                ["--settings"],
                "settings",
                [PolicySetting(b"f", "retry_on", frozenset(Cause), "admin")],
                [
                    {
                        "pattern": "f",
                        "key": "retry_on",
                        "value": ["fail", "exception", "timeout", "lost"],
                        "origin": "admin",
                    }
                ],
            ),
            (["--pause", "f"], "pauseFunction", None, None),
            (["--purge", "f"], "purgeFunction", 3, 3),
            (["--run-schedule", "n"], "runSchedule", b"H:7", "H:7"),
        ]
        for words, method, answer, expected in rows:
            self.patch(AdminClient, method, answering([], answer))
            self.assertEqual(self.tells("--json", *words), 0)
            self.assertEqual(self.out.values(), [expected], words)
        self.patch(AdminClient, "resultByUnique", answering([], RESULT))
        self.tells("--json", "--result-unique", "f", "u")
        [told] = self.out.values()
        self.assertEqual((told["state"], told["data"]), ("completed", "hi"))

    def test_severalServers(self) -> None:
        """
        Of several servers, each one's answer stands behind its name.
        """
        self.named.append(self.pump.server("other"))
        self.patch(AdminClient, "workload", answering([], b"\xff"))
        self.assertEqual(self.tells("--json", "--job-data", "H:1"), 0)
        told = [
            {"server": name, "answer": {"dataBase64": "/w=="}}
            for name in ("jobs", "other")
        ]
        self.assertEqual(self.out.values(), told)

    def test_createSchedule(self) -> None:
        """
        A schedule is said in keys and values.
        """
        calls: Calls = []
        self.patch(AdminClient, "createSchedule", answering(calls, None))
        words = ["n", "function=a b", "cron=0 3 * * *", "data=x=y"]
        self.assertEqual(self.tells("--create-schedule", *words), 0)
        said = {"cron": "0 3 * * *", "data": "x=y"}
        self.assertEqual(calls, [(("n", "a b"), said)])
        self.assertEqual(self.out.take(), b"OK\n")

    def test_noSchedule(self) -> None:
        """
        What is no schedule is refused without asking the server.
        """
        for words in [
            ["n"],
            ["n", "every=5"],
            ["n", "x"],
            ["n", "=x"],
            ["n", "a=", "a="],
        ]:
            self.assertEqual(self.tells("--create-schedule", *words), 1)
            said = self.err.take()
            self.assertTrue(said.startswith(b"Error: --create-schedule takes"), said)
            self.assertEqual(said.count(b"\n"), 1)
        self.assertEqual(self.server.connections, [])

    def test_schedules(self) -> None:
        """
        A schedule is a row with the times of its last and its next run.
        """
        row = ScheduleRow(
            name="n",
            state="active",
            function=b"f",
            when="every 60 s",
            zone="",
            last=0.0,
            next=60.0,
            handle=b"",
            origin="admin",
            runs=0,
            skipped=0,
            missed=0,
            owed=0,
            error=b"",
            unique=b"",
            priority="normal",
            onMissed="once",
            overlap=False,
            size=5,
        )
        self.patch(AdminClient, "schedules", answering([], [row]))
        self.tells("--schedules")
        titles, cells = self.out.take().splitlines()
        self.assertEqual(
            titles.split()[:7], b"name state function when zone last next".split()
        )
        self.assertIn(b"every 60 s  -     -     1970-01-01T00:01:00+00:00", cells)

    def test_really(self) -> None:
        """
        With a server that is one, what is decided holds, and a refusal is one line
        and an exit status of 1.
        """
        words = ["--set-policy", "f", "paused", "yes", "--settings"]
        self.assertEqual(self.tells(*words), 0)
        self.assertIn(b"f        paused  true   admin\n", self.out.take())
        for refused, said in [
            (["--set-policy", "f", "ttl", "x"], b"ttl wants seconds"),
            (["--set-policy", "f", "tt", "1"], b"did you mean ttl"),
            (["--job", "H:none"], b"UNKNOWN_JOB"),
            (["--pause", ""], b"an empty name"),
        ]:
            self.assertEqual(self.tells(*refused), 1)
            line = self.err.take()
            self.assertIn(said, line)
            self.assertTrue(re.fullmatch(rb"Error: [^\n]*\n", line), line)


class UsageTests(ClockTestCase):
    """
    Tests of the command line, and of times.
    """

    def test_wrong(self) -> None:
        """
        Too few words are said, and are an exit status of 2.
        """
        for words in [
            ["--job"],
            ["--set-policy", "f", "ttl"],
            ["--cancel-unique", "f"],
            ["--result-unique"],
            ["--create-schedule"],
        ]:
            self.assertEqual(self.exits(partial(admin.main, words)), 2)
            self.assertIn(b"argument %b: expected" % words[0].encode(), self.err.take())

    def test_help(self) -> None:
        """
        All that there are stand in the help, with what follows them.
        """
        self.assertEqual(self.exits(partial(admin.main, ["-H"])), 0)
        told = self.out.take()
        for words in [
            b"--dead-jobs [F]",
            b"--set-policy PATTERN KEY VALUE",
            b"--create-schedule NAME [KEY=VALUE ...]",
            b"--result-unique F UNIQUE",
        ]:
            self.assertIn(words, told)

    def test_moment(self) -> None:
        """
        A moment is written by the clocks of this machine, however far away it is.
        """
        self.assertEqual(moment(0.0), "")
        self.assertEqual(moment(1700000000.9), "2023-11-14T22:13:20+00:00")
        self.assertEqual(moment(2.0**62), "4611686018427387904")
        self.lives("Asia/Kolkata")
        self.assertEqual(moment(1700000000.0), "2023-11-15T03:43:20+05:30")
