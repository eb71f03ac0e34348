"""
Tests for L{txgearman.server.admin}: the commands that gearmand does not have, and those
of them that are about jobs.
"""

from __future__ import annotations

from tests.server.pump import NOON
from tests.server.test_admin import UNKNOWN, AdminTests
from txgearman.server import admin
from txgearman.wire import text

NONE = b"ERR UNKNOWN_JOB\r\n"


def misused(usage: bytes) -> bytes:
    """
    The answer to a command with too few or too many words.
    """
    usage = usage.replace(b" ", b"+")
    return b"ERR INVALID_ARGUMENTS The+command+is:+%b\r\n" % usage


class QuotedTests(AdminTests):
    """
    Questions about jobs with all kinds of names.
    """

    def answers(self, line: bytes, wanted: bytes) -> None:
        """
        Check what the server answers to a line, behind all that others have sent.
        """
        self.pump.settle()
        super().answers(line, wanted)

    def facts(self, line: bytes) -> dict[bytes, bytes]:
        """
        Ask for keys and values.
        """
        self.pump.settle()
        self.admin.says(line + b"\n")
        *lines, dot, rest = self.admin.received().split(b"\n")
        self.assertEqual((dot, rest), (b".", b""), lines)
        pairs = [one.split(b"\t") for one in lines]
        self.assertTrue(all(len(pair) == 2 for pair in pairs), pairs)
        return dict(pairs)


class SpellingTests(AdminTests):
    """
    How they are spelled.
    """

    def test_case(self) -> None:
        """
        They are read in any case, like the others.
        """
        for line in b"show delayed jobs", b"SHOW Delayed JOBS", b"Show  dead jobs\r":
            self.answers(line, b".\n")

    def test_misused(self) -> None:
        """
        With too few or too many words they answer how they are spelled.
        """
        for line, usage in [
            (b"show job", b"show job HANDLE"),
            (b"show job H:1 H:2", b"show job HANDLE"),
            (b"show data", b"show data HANDLE [START [COUNT]]"),
            (b"show dead jobs a b", b"show dead jobs [FUNCTION]"),
            (b"show limits all", b"show limits"),
            (b"show queues f", b"show queues"),
            (b"cancel unique", b"cancel unique FUNCTION UNIQUE"),
            (b"cancel unique f", b"cancel unique FUNCTION UNIQUE"),
            (b"PURGE function", b"purge function FUNCTION"),
            (b"purge dead job", b"purge dead job HANDLE"),
            (b"requeue jobs all", b"requeue jobs"),
            (b"result", b"result HANDLE"),
            (b"set policy", b"set policy PATTERN KEY [VALUE]"),
            (b"unset policy f", b"unset policy PATTERN KEY"),
            (b"pause function", b"pause function FUNCTION"),
            (b"create schedule s", b"create schedule NAME KEY=VALUE ..."),
            (b"drop schedule", b"drop schedule NAME"),
        ]:
            self.answers(line, misused(usage))

    def test_unknown(self) -> None:
        """
        What only begins like one of them is no command, or gearmand's.
        """
        for line in b"requeue", b"purge", b"set", b"pause f", b"resume job H:1":
            self.answers(line, UNKNOWN % line.split()[0])
        self.answers(b"show dead", b"ERR UNKNOWN_SHOW_ARGUMENTS\r\n")
        self.answers(b"cancel uniques f u", b"ERR UNKNOWN_ERROR\r\n")

    def test_manyWords(self) -> None:
        """
        They may have more words than gearmand's, and what has even more is answered
        and left.
        """
        wrong = b"ERR INVALID_ARGUMENTS No+KEY=VALUE:+'x';+quote+the+spaces+in+a+value"
        self.answers(b"create schedule s" + 21 * b" x", wrong + b"\r\n")
        self.answers(
            b"create schedule s" + 22 * b" x",
            b"ERR INVALID_ARGUMENTS Too+many+arguments\r\n",
        )
        self.pump.passes(60)
        self.assertTrue(self.admin.gone)

    def test_fewWords(self) -> None:
        """
        Gearmand's commands have five words at most, still.
        """
        self.answers(
            b"show jobs 3 4 5 6", b"ERR INVALID_ARGUMENTS Too+many+arguments\r\n"
        )
        self.pump.passes(60)
        self.assertTrue(self.admin.gone)

    def test_orders(self) -> None:
        """
        What changes what is kept is an order, and nothing else is.
        """
        for line, order in [
            (b"Set Policy f attempts 3", True),
            (b"unset policy f attempts", True),
            (b"pause function f", True),
            (b"resume function f", True),
            (b"purge function f", True),
            (b"purge dead jobs", True),
            (b"purge dead job H:1", True),
            (b"requeue job H:1", True),
            (b"requeue function f", True),
            (b"cancel unique f u", True),
            (b"create schedule s", True),
            (b"drop schedule s", True),
            (b"run schedule s", True),
            (b"settings", False),
            (b"show dead jobs", False),
            (b"show queues", False),
            (b"result H:1", False),
            (b"cancel job H:1", False),
            (b"maxqueue f 3", False),
            (b"create function f", False),
            (b"", False),
        ]:
            self.assertEqual(admin.isOrder(text.split(line)), order, line)


class JobTests(QuotedTests):
    """
    C{show job}, C{show delayed jobs}, C{show data}, C{cancel unique} and C{purge
    function}.
    """

    def test_showJob(self) -> None:
        """
        All that is known of a living job is told, as it waits and as it runs.
        """
        self.submits(b"a b", b"50%", b"work", name="SUBMIT_JOB_HIGH_BG")
        wanted = {
            b"handle": b"H:1",
            b"function": b"a%20b",
            b"unique": b"50%25",
            b"state": b"queued",
            b"priority": b"high",
            b"background": b"1",
            b"attempts": b"0",
            b"submitted": b"%d.000" % NOON,
            b"due": b"0",
            b"started": b"0",
            b"worker": b"",
            b"numerator": b"0",
            b"denominator": b"0",
            b"size": b"4",
            b"reducer": b"",
            b"listeners": b"0",
            b"error": b"",
        }
        self.assertEqual(self.facts(b"show job H:1"), wanted)
        self.submits(b"a b", b"50%", b"", name="SUBMIT_JOB")
        self.pump.passes(1.5)
        self.grabs(b"a b")
        self.worker.sends("WORK_STATUS", b"H:1", b"2", b"3")
        wanted |= {
            b"state": b"running",
            b"attempts": b"1",
            b"started": b"%d.500" % (NOON + 1),
            b"worker": b"127.0.0.1:50003",
            b"numerator": b"2",
            b"denominator": b"3",
            b"listeners": b"1",
        }
        self.assertEqual(self.facts(b"show job H:1"), wanted)
        self.worker.sends("WORK_COMPLETE", b"H:1", b"")
        self.answers(b"show job H:1", NONE)

    def test_showDelayed(self) -> None:
        """
        Jobs that wait for a moment are listed, the next one first, those that are
        tried again among them.
        """
        later, latest = b"%d" % (NOON + 100), b"%d" % (NOON + 200)
        self.submits(b"f", b"u", latest, b"", name="SUBMIT_JOB_EPOCH")
        self.submits(b"g h", b"", later, b"", name="SUBMIT_JOB_EPOCH")
        self.submits(b"f", b"", b"", name="SUBMIT_JOB")
        f = b"H:1\tf\tu\t%b.000\t0\t1\n" % latest
        self.answers(
            b"show delayed jobs", b"H:2\tg%%20h\t\t%b.000\t0\t1\n" % later + f + b".\n"
        )
        self.answers(b"show delayed jobs f", f + b".\n")
        self.answers(
            b"show delayed jobs g%20h", b"H:2\tg%%20h\t\t%b.000\t0\t1\n.\n" % later
        )
        unknown = b"ERR UNKNOWN_FUNCTION There+is+no+such+function\r\n"
        self.answers(b"show delayed jobs g", unknown)
        self.answers(b"set policy f attempts 2", b"OK\r\n")
        self.answers(b"set policy f backoff_first 10", b"OK\r\n")
        self.submits(b"f", b"", b"", name="SUBMIT_JOB_HIGH_BG")
        self.grabs(b"f")
        self.worker.sends("WORK_FAIL", b"H:4")
        again = b"H:4\tf\t\t%d.000\t1\t1\n" % (NOON + 10)
        self.answers(b"show delayed jobs f", again + f + b".\n")
        self.answers(b"cancel job H:1", b"OK\r\n")
        self.answers(b"show delayed jobs f", again + b".\n")

    def test_showQueues(self) -> None:
        """
        Functions are listed with what waits for a worker, waits for a moment and runs,
        who can do them, and for how long the first job has waited.
        """
        self.answers(b"show queues", b".\n")
        later = b"%d" % (NOON + 100)
        self.submits(b"a b", b"", b"")
        self.pump.passes(4)
        self.submits(b"a b", b"", b"", name="SUBMIT_JOB_HIGH_BG")
        self.submits(b"a b", b"", later, b"", name="SUBMIT_JOB_EPOCH")
        self.submits(b"\xff", b"", later, b"", name="SUBMIT_JOB_EPOCH")
        self.pump.passes(2.5)
        self.answers(
            b"show queues",
            b"a%20b\t2\t1\t0\t0\t6.500\t0\n%FF\t0\t1\t0\t0\t0\t0\n.\n",
        )
        self.grabs(b"a b")
        self.answers(b"pause function %FF", b"OK\r\n")
        self.answers(
            b"Show Queues",
            b"a%20b\t1\t1\t1\t1\t6.500\t0\n%FF\t0\t1\t0\t0\t0\t1\n.\n",
        )
        self.pump.passes(94.5)
        self.answers(
            b"show queues",
            b"a%20b\t2\t0\t1\t1\t101.000\t0\n%FF\t1\t0\t0\t0\t1.000\t1\n.\n",
        )

    def test_queuesOfTheFuture(self) -> None:
        """
        A job that waits since a moment that was before the clock went back is not
        older than nothing.
        """
        self.submits(b"f", b"", b"")
        self.pump.clock.rightNow -= 50
        self.answers(b"show queues", b"f\t1\t0\t0\t0\t0\t0\n.\n")

    def test_showData(self) -> None:
        """
        The workload of a job is shown as a whole or in part, in lines that make it
        again.
        """
        data = bytes(range(256)) * 20
        self.submits(b"f", b"", data)
        self.submits(b"f", b"", b"")
        self.submits(b"f", b"", b".")
        self.admin.says(b"show data H:1\n")
        *lines, dot, rest = self.admin.received().split(b"\n")
        self.assertEqual((dot, rest), (b".", b""))
        self.assertEqual(b"".join(map(text.unquote, lines)), data)
        self.assertLess(max(map(len, lines)), 8192)
        self.answers(b"show data H:1 63 4", b"?@AB\n.\n")
        self.answers(b"show data H:1 5118", b"%FE%FF\n.\n")
        self.answers(b"show data H:1 5120 10", b".\n")
        self.answers(b"show data H:2", b".\n")
        self.answers(b"show data H:3", b"%2E\n.\n")
        self.answers(b"show data H:4", NONE)
        wrong = b"ERR INVALID_ARGUMENTS No+number:+'%b'\r\n"
        for number in b"-1", b"1.5", b"x", 19 * b"9":
            self.answers(b"show data H:1 " + number, wrong % number)
            self.answers(b"show data H:1 0 " + number, wrong % number)

    def test_largeData(self) -> None:
        """
        Also one that came in many packets, of which nothing is copied.
        """
        data = b"ab" * 100_000
        self.client.sends("SUBMIT_JOB_BG", b"f", b"", data)
        self.client.owed()
        self.answers(b"show data H:1 199998 9", b"ab\n.\n")

    def test_cancelUnique(self) -> None:
        """
        A job can be cancelled by its function and unique.
        """
        self.submits(b"a b", b"50%", b"")
        self.submits(b"a b", b"other", b"")
        for line in b"a 50%", b"a%20b 5", b"b 50%25":
            self.answers(b"cancel unique " + line, NONE)
        self.answers(b"cancel unique a%20b 50%25", b"OK\r\n")
        self.assertEqual(self.client.owed(), [("WORK_FAIL", b"H:1")])
        self.answers(b"cancel unique a%20b 50%25", NONE)
        self.answers(b"show unique jobs", b"other\n.\n")
        name = b"ERR INVALID_ARGUMENTS A+name+is+empty,+or+has+a+NUL\r\n"
        self.answers(b"cancel unique %00 u", name)

    def test_purgeFunction(self) -> None:
        """
        All jobs of a function that do not run can be ended at once.
        """
        later = b"%d" % (NOON + 100)
        self.submits(b"f", b"", b"")
        self.grabs(b"f")
        for _ in range(3):
            self.submits(b"f", b"", b"")
        self.submits(b"f", b"", later, b"", name="SUBMIT_JOB_EPOCH")
        self.submits(b"g", b"", b"")
        self.answers(b"purge function f", b"OK 4\n")
        failed = [("WORK_FAIL", b"H:%d" % number) for number in (2, 3, 4)]
        self.assertEqual(self.client.owed(), failed)
        self.answers(b"status", b"f\t1\t1\t1\ng\t1\t0\t0\n.\n")
        self.answers(b"purge function f", b"OK 0\n")
        unknown = b"ERR UNKNOWN_FUNCTION There+is+no+such+function\r\n"
        self.answers(b"purge function h", unknown)
