"""
Tests of the admin client's commands that only txgearman understands.
"""

from __future__ import annotations

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.test_admin import Ask, FakeServer
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
from txgearman.admin.protocol import LONGEST
from txgearman.board.keys import Cause
from txgearman.errors import ServerError
from txgearman.wire import text

# The columns behind those that are known are a newer server's.
ROWS: list[tuple[Ask, bytes, bytes, object]] = [
    (
        AdminClient.queues,
        b"show queues",
        b"a%20b\t5\t4\t3\t2\t1.500\t1\nf\t0\t0\t0\t1\t0\t0\tmore\n.\n",
        [
            QueueRow(b"a b", 5, 4, 3, 2, 1.5, True),
            QueueRow(b"f", 0, 0, 0, 1, 0.0, False),
        ],
    ),
    (
        AdminClient.deadJobs,
        b"show dead jobs",
        b"H:1\ta%20b\t%FF%25\t5\t1.500\t2.250\t9\tno%0Adisk\tmore\n.\n",
        [DeadJobRow(b"H:1", b"a b", b"\xff%", 5, 1.5, 2.25, 9, b"no\ndisk")],
    ),
    (lambda a: a.deadJobs("a b"), b"show dead jobs a%20b", b".\n", []),
    (
        AdminClient.delayedJobs,
        b"show delayed jobs",
        b"H:1\tf\t\t1700000000.000\t0\t1\nH:2\tf\tu\t5.000\t2\t0\n.\n",
        [
            DelayedJobRow(b"H:1", b"f", b"", 1700000000.0, 0, True),
            DelayedJobRow(b"H:2", b"f", b"u", 5.0, 2, False),
        ],
    ),
    (lambda a: a.delayedJobs(b"\xff"), b"show delayed jobs %FF", b".\n", []),
    (
        lambda a: a.job("H:1"),
        b"show job H:1",
        b"handle\tH:1\nfunction\tf\nunique\t\nstate\trunning\npriority\thigh\n"
        b"background\t0\nattempts\t1\nsubmitted\t1.000\ndue\t0\nstarted\t2.000\n"
        b"worker\t::1:7\nnumerator\t1\ndenominator\t2\nsize\t3\nreducer\t\n"
        b"listeners\t1\nerror\t\nmore\tof it\n.\n",
        JobDetails(
            handle=b"H:1",
            function=b"f",
            unique=b"",
            state="running",
            attempts=1,
            submitted=1.0,
            priority="high",
            background=False,
            started=2.0,
            worker=b"::1:7",
            numerator=1,
            denominator=2,
            size=3,
            listeners=1,
        ),
    ),
    (
        lambda a: a.job(b"H:1"),
        b"show job H:1",
        b"handle\tH:1\nfunction\tf\nunique\tu\nstate\tfailed\nattempts\t1\n"
        b"submitted\t1.000\nended\t3.000\nresult\t0\n.\n",
        JobDetails(b"H:1", b"f", b"u", "failed", 1, 1.0, ended=3.0, result=0),
    ),
    (
        lambda a: a.result("H:1"),
        b"result H:1",
        b"handle\tH:1\nfunction\tf\nunique\tu\nstate\tcompleted\nattempts\t2\n"
        b"submitted\t1.000\nstarted\t2.000\nended\t3.500\nuntil\t9.000\nsize\t4\n"
        b"error\tworker%20lost\ndata\t%FF%25\ndata\tab\n.\n",
        JobResult(
            *(b"H:1", b"f", b"u", "completed", 2, 1.0, 2.0, 3.5, 9.0, 4),
            *(b"worker lost", b"\xff%ab"),
        ),
    ),
    (
        lambda a: a.resultByUnique("f", "50%"),
        b"result unique f 50%25",
        b"handle\tH:1\nfunction\tf\nunique\t50%25\nstate\tqueued\nattempts\t0\n"
        b"submitted\t1.000\nstarted\t0\nended\t0\nuntil\t0\nsize\t0\nerror\t\n.\n",
        JobResult(b"H:1", b"f", b"50%", "queued", 0, 1.0, 0.0, 0.0, 0.0, 0, b""),
    ),
    (
        AdminClient.settings,
        b"settings",
        b"a%20*\tretry_on\tfail,lost\tadmin\n*\tpaused\ttrue\tconfig\n"
        b"f\tnew_key\tits%20word\toption\n.\n",
        [
            PolicySetting(
                b"a *", "retry_on", frozenset({Cause.FAIL, Cause.LOST}), "admin"
            ),
            PolicySetting(b"*", "paused", True, "config"),
            PolicySetting(b"f", "new_key", "its word", "option"),
        ],
    ),
    (
        lambda a: a.settings("f g"),
        b"settings f%20g",
        b"ttl\t1.5\tadmin\tf*\nrate\t0\tdefault\t*\n.\n",
        [
            PolicySetting(b"f*", "ttl", 1.5, "admin"),
            PolicySetting(b"*", "rate", 0.0, "default"),
        ],
    ),
    (
        AdminClient.limits,
        b"show limits",
        b"f\t1\t9\t2\t3\t0.5\t1\t10\t100\t1000\t0\t7\t8\t9\n.\n",
        [FunctionLimits(b"f", True, 9, 2, 3, 0.5, 1, 10, 100, 1000, False, 7, 8, 9)],
    ),
    (
        AdminClient.schedules,
        b"show schedules",
        b"n\tpaused\tf\t0%203%20*%20*%20*\tUTC\t1.000\t0\tH:1\tconfig\t1\t2\t3\t4"
        b"\tfull\tu\tlow\tonce\t1\t5\n.\n",
        [
            ScheduleRow(
                name="n",
                state="paused",
                function=b"f",
                when="0 3 * * *",
                zone="UTC",
                last=1.0,
                next=0.0,
                handle=b"H:1",
                origin="config",
                runs=1,
                skipped=2,
                missed=3,
                owed=4,
                error=b"full",
                unique=b"u",
                priority="low",
                onMissed="once",
                overlap=True,
                size=5,
            )
        ],
    ),
    (
        lambda a: a.setPolicy("a b*", "ttl", "10m"),
        b"set policy a%20b* ttl 10m",
        b"OK\r\n",
        None,
    ),
    (lambda a: a.setPolicy("f", "ttl", 2.5), b"set policy f ttl 2.5", b"OK\r\n", None),
    (
        lambda a: a.setPolicy("f", "paused", True),
        b"set policy f paused true",
        b"OK\r\n",
        None,
    ),
    (
        lambda a: a.setPolicy("f", "retry_on", {Cause.LOST, Cause.FAIL}),
        b"set policy f retry_on fail,lost",
        b"OK\r\n",
        None,
    ),
    (
        lambda a: a.setPolicy("f", "retry_on", ["lost"]),
        b"set policy f retry_on lost",
        b"OK\r\n",
        None,
    ),
    (
        lambda a: a.setPolicy("f", "retry_on", []),
        b"set policy f retry_on ,",
        b"OK\r\n",
        None,
    ),
    (lambda a: a.unsetPolicy("*", "ttl"), b"unset policy * ttl", b"OK\r\n", None),
    (lambda a: a.pauseFunction("a b"), b"pause function a%20b", b"OK\r\n", None),
    (lambda a: a.resumeFunction("a b"), b"resume function a%20b", b"OK\r\n", None),
    (lambda a: a.purgeFunction("f"), b"purge function f", b"OK 3\n", 3),
    (
        lambda a: a.cancelByUnique("f", "\udcff"),
        b"cancel unique f %FF",
        b"OK\r\n",
        None,
    ),
    (lambda a: a.requeueJob("H:1"), b"requeue job H:1", b"OK\r\n", None),
    (lambda a: a.requeueFunction("f"), b"requeue function f", b"OK 2\n", 2),
    (AdminClient.requeueAll, b"requeue jobs", b"OK 0\n", 0),
    (lambda a: a.discardDead("H:1"), b"purge dead job H:1", b"OK\r\n", None),
    (lambda a: a.discardDeadOf("f"), b"purge dead function f", b"OK 2\n", 2),
    (AdminClient.discardAllDead, b"purge dead jobs", b"OK 9\n", 9),
    (
        lambda a: a.createSchedule("n", "a b", cron="0 3 * * *", data=b"\0=1"),
        b"create schedule n function=a%20b cron=0%203%20*%20*%20* data=%00=1",
        b"OK\r\n",
        None,
    ),
    (
        lambda a: a.createSchedule("n", b"f", every=60, overlap=False),
        b"create schedule n function=f every=60 overlap=false",
        b"OK\r\n",
        None,
    ),
    (lambda a: a.dropSchedule("n"), b"drop schedule n", b"OK\r\n", None),
    (lambda a: a.pauseSchedule("n"), b"pause schedule n", b"OK\r\n", None),
    (lambda a: a.resumeSchedule("n"), b"resume schedule n", b"OK\r\n", None),
    (lambda a: a.runSchedule("n"), b"run schedule n", b"OK H:7\n", b"H:7"),
]


class QuotedTests(SynchronousTestCase):
    """
    Tests of L{AdminClient} with a server that the test plays.
    """

    def setUp(self) -> None:
        self.server = FakeServer()
        self.admin = AdminClient(Clock(), self.server)
        self.admin.version()
        self.server.accepts()
        self.server.says(b"OK 1\n")
        self.server.heard()

    def test_everyCommand(self) -> None:
        """
        Each command is sent with its words quoted, and its answer is a value.
        """
        for ask, line, answer, value in ROWS:
            asked = ask(self.admin)
            self.assertEqual(self.server.heard(), line + b"\r\n")
            self.server.says(answer)
            self.assertEqual(self.successResultOf(asked), value, line)

    def test_workload(self) -> None:
        """
        A workload is asked for in parts until one is short.
        """
        page = 1024 * 1024
        data = bytes(range(256)) * (2 * page // 256)
        for size, pages in (0, 1), (5, 1), (page, 2), (page + 1, 2), (2 * page, 3):
            asked = self.admin.workload("H:1")
            for number in range(pages):
                start = number * page
                line = b"show data H:1 %d %d\r\n" % (start, page)
                self.assertEqual(self.server.heard(), line)
                part = data[start : min(size, start + page)]
                self.server.says(text.ending(text.pieces(part)))
            self.assertEqual(self.successResultOf(asked), data[:size], size)

    def test_refused(self) -> None:
        """
        A refusal is an error with readable text, and a server that does not know the
        command refuses it, too.
        """
        asked = [self.admin.setPolicy("f", "atempts", 3), self.admin.job("H:1")]
        self.server.says(b"ERR INVALID_ARGUMENTS There+is+no+key+%C3%A9\r\n")
        self.server.says(b"ERR UNKNOWN_SHOW_ARGUMENTS\r\n")
        first, second = (self.failureResultOf(one, ServerError).value for one in asked)
        self.assertEqual(str(first), "INVALID_ARGUMENTS: There is no key \xe9")
        self.assertEqual(str(second), "UNKNOWN_SHOW_ARGUMENTS")

    def test_notSaid(self) -> None:
        """
        A name that is empty, and what is too long for a line, is refused here.
        """
        for asked in [
            self.admin.pauseFunction(""),
            self.admin.deadJobs(b""),
            self.admin.resultByUnique("f", ""),
            self.admin.createSchedule("n", "f", data=b"\0" * 2720),
        ]:
            self.failureResultOf(asked, ValueError)
        self.assertEqual(self.server.heard(), b"")
        self.admin.createSchedule("n", "f", data=b"\0" * 2715)
        self.assertLessEqual(len(self.server.heard()), 8192 + len(b"\r\n"))

    def test_nonsense(self) -> None:
        """
        An answer that makes no sense is a L{ValueError}.
        """
        job, rows = self.admin.job("H:1"), self.admin.limits()
        dead, result = self.admin.deadJobs(), self.admin.result("H:1")
        self.server.says(b"handle\tH:1\n.\nf\t1\n.\n")
        self.server.says(b"H:1\tf\tu\tmany\t1\t2\t3\t\n.\n.\n")
        for asked in job, rows, dead, result:
            self.failureResultOf(asked, ValueError)

    def test_longLines(self) -> None:
        """
        A line of an answer may be long; a server that sends a longer one is left.
        """
        asked = self.admin.workers()
        functions = b" ".join([b"f" * 1000] * 1000)
        self.server.says(b"1 ::1 - : %b\n.\n" % functions)
        [row] = self.successResultOf(asked)
        self.assertEqual(len(row.functions), 1000)
        self.admin.workers().addErrback(lambda failure: None)
        self.server.says(b"x" * (LONGEST + 2))
        self.assertTrue(self.server.transport.disconnecting)
