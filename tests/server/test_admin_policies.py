"""
Tests for L{txgearman.server.admin}: commands about the policies of functions, and about
schedules.
"""

from __future__ import annotations

from tests.server.pump import NOON
from tests.server.test_admin import AdminTests
from txgearman.board.keys import KEYS
from txgearman.board.policies import Origin, Setting


def wrong(reason: str) -> bytes:
    """
    The answer to words that make no sense.
    """
    return b"ERR INVALID_ARGUMENTS %b\r\n" % reason.replace(" ", "+").encode()


class PolicyTests(AdminTests):
    """
    C{settings}, C{set policy} and C{unset policy}.
    """

    def test_all(self) -> None:
        """
        All that was decided is listed in its order, with where it came from.
        """
        self.answers(b"settings", b".\n")
        configured = Setting(b"mail.*", "timeout", 90.5, Origin.CONFIG)
        self.pump.factory.board.configure([configured])
        self.answers(b"set policy a%20b queue_bytes 64M", b"OK\r\n")
        self.answers(b"SET Policy mail.* retry_on lost,fail", b"OK\r\n")
        self.answers(
            b"settings",
            b"mail.*\ttimeout\t90.5\tconfig\n"
            b"a%20b\tqueue_bytes\t67108864\tadmin\n"
            b"mail.*\tretry_on\tfail,lost\tadmin\n"
            b".\n",
        )

    def test_one(self) -> None:
        """
        Each key that holds for a function is listed, with who decided it and for
        what pattern.
        """
        self.answers(b"set policy a* attempts 5", b"OK\r\n")
        self.answers(b"set policy a%20b ttl 1.5", b"OK\r\n")
        self.admin.says(b"settings a%20b\n")
        *lines, dot, _ = self.admin.received().split(b"\n")
        self.assertEqual(dot, b".")
        self.assertEqual(len(lines), len(KEYS))
        for line in [
            b"attempts\t5\tadmin\ta*",
            b"ttl\t1.5\tadmin\ta%20b",
            b"retry_on\tfail,exception,timeout,lost\tdefault\t*",
            b"paused\tfalse\tdefault\t*",
        ]:
            self.assertIn(line, lines)

    def test_holds(self) -> None:
        """
        What is set holds at once, and what is unset does not any longer.
        """
        self.answers(b"set policy f queue_limit 1", b"OK\r\n")
        self.submits(b"f", b"", b"")
        self.client.sends("SUBMIT_JOB", b"f", b"", b"")
        [refusal] = self.client.owed()
        self.assertEqual(refusal[:2], ("ERROR", b"QUEUE_ERROR"))
        self.answers(b"unset policy f queue_limit", b"OK\r\n")
        self.submits(b"f", b"", b"")
        self.answers(b"settings", b".\n")

    def test_nothing(self) -> None:
        """
        A list may be of nothing.
        """
        for line in b"set policy f retry_on", b"set policy f retry_on ,":
            self.answers(line, b"OK\r\n")
            self.answers(b"settings", b"f\tretry_on\t\tadmin\n.\n")

    def test_unknownKey(self) -> None:
        """
        A key that there is not is named, and so are those that may be meant.
        """
        near = "There is no key 'atempts'; did you mean attempts"
        self.admin.says(b"set policy f atempts 3\n")
        self.assertTrue(self.admin.received().startswith(wrong(near)[:-2]))
        far = f"There is no key '12345'; keys: {', '.join(KEYS)}"
        for line in b"set policy f 12345 3", b"unset policy f 12345":
            self.answers(line, wrong(far))

    def test_wrongValue(self) -> None:
        """
        For a value that it cannot have, a key says what it wants.
        """
        for words, said in [
            ("attempts many", "attempts wants a whole number of 0 or more, not 'many'"),
            ("attempts", "attempts wants a whole number of 0 or more, not ''"),
            ("paused perhaps", "paused wants true or false, not 'perhaps'"),
            ("ttl %0A", "ttl wants seconds, as 90, 1.5 or 10m, not '\\n'"),
        ]:
            self.answers(b"set policy f " + words.encode(), wrong(said))
        self.answers(b"settings", b".\n")

    def test_nothingSet(self) -> None:
        """
        What was not set by a command cannot be unset by one.
        """
        configured = Setting(b"f", "ttl", 90.0, Origin.CONFIG)
        self.pump.factory.board.configure([configured])
        self.answers(
            b"unset policy f ttl",
            b"ERR UNKNOWN_SETTING That+was+not+set+by+an+admin+command\r\n",
        )

    def test_tooLong(self) -> None:
        """
        A pattern is no longer than a name.
        """
        self.admin.says(b"set policy %b ttl 1\n" % (5000 * b"x"))
        self.assertIn(b"ERR ARGUMENT_TOO_LARGE", self.admin.received())


class PauseTests(AdminTests):
    """
    C{pause function}, C{resume function} and C{show limits}.
    """

    def test_pause(self) -> None:
        """
        A paused function's jobs are accepted and not granted until it is resumed.
        """
        self.answers(b"pause function a%20*", b"OK\r\n")
        self.submits(b"a *", b"", b"")
        self.worker.sends("CAN_DO", b"a *")
        self.worker.sends("GRAB_JOB")
        self.assertEqual(self.worker.owed(), [("NO_JOB",)])
        self.worker.sends("PRE_SLEEP")
        self.answers(b"settings", b"a%20[*]\tpaused\ttrue\tadmin\n.\n")
        self.answers(b"resume function a%20*", b"OK\r\n")
        self.assertEqual(self.worker.owed(), [("NOOP",)])
        self.grabs()
        self.answers(b"settings", b".\n")

    def test_limits(self) -> None:
        """
        A row tells of each function that is limited or paused what limits it, and how
        far it has come.
        """
        self.answers(b"show limits", b".\n")
        self.submits(b"free", b"", b"")
        for line in [
            b"set policy a%20b concurrency 2",
            b"set policy a%20b rate 2.5",
            b"set policy a%20b queue_limit 9",
            b"set policy a%20b queue_bytes 1K",
            b"set policy a%20b queue_counts_running no",
            b"pause function paused",
            b"maxqueue most 3 2 1",
        ]:
            self.answers(line, b"OK\r\n")
        for _ in range(3):
            self.submits(b"a b", b"", b"1234567")
        self.grabs(b"a b")
        for function in b"paused", b"most":
            self.answers(b"create function " + function, b"OK\r\n")
        self.answers(
            b"show limits",
            b"a%20b\t0\t3\t1\t2\t2.5\t3\t9\t21\t1024\t0\t0\t0\t0\n"
            b"paused\t1\t0\t0\t0\t0\t0\t0\t0\t0\t1\t0\t0\t0\n"
            b"most\t0\t0\t0\t0\t0\t0\t0\t0\t0\t1\t3\t2\t1\n"
            b".\n",
        )


class ScheduleTests(AdminTests):
    """
    C{show schedules}, C{create schedule} and what else there is about one.
    """

    NONE = b"ERR UNKNOWN_SCHEDULE There+is+no+such+schedule\r\n"

    def setUp(self) -> None:
        super().setUp()
        self.pump.factory.board.recurring.start()
        self.addCleanup(self.pump.factory.board.stop)

    def row(self, name: bytes) -> list[bytes]:
        """
        Find a schedule's row.
        """
        self.admin.says(b"show schedules\n")
        rows = [line.split(b"\t") for line in self.admin.received().splitlines()]
        [row] = [row for row in rows if row[0] == name]
        return row

    def test_life(self) -> None:
        """
        A schedule is created, submits its job at its times, is paused, resumed and
        dropped.
        """
        self.answers(b"show schedules", b".\n")
        line = b"create schedule tick function=a%20b every=10m data=1%202%FF unique=u"
        self.answers(line + b" priority=high missed=skip overlap=yes", b"OK\r\n")
        first = NOON - NOON % 600 + 600
        self.answers(
            b"show schedules",
            b"tick\tactive\ta%%20b\tevery%%20600%%20s\t\t0\t%d.000\t\tadmin\t0\t0\t0\t0"
            b"\t\tu\thigh\tskip\t1\t4\n.\n" % first,
        )
        self.pump.passes(first - NOON + 1)
        self.worker.sends("CAN_DO", b"a b")
        self.worker.sends("GRAB_JOB_UNIQ")
        wanted = ("JOB_ASSIGN_UNIQ", b"H:1", b"a b", b"u", b"1 2\xff")
        self.assertEqual(self.worker.owed(), [wanted])
        row = self.row(b"tick")
        self.assertEqual(row[7], b"H:1")
        self.assertEqual(row[9], b"1")
        self.answers(b"pause schedule tick", b"OK\r\n")
        self.assertEqual(self.row(b"tick")[1], b"paused")
        self.pump.passes(700)
        self.answers(b"resume schedule tick", b"OK\r\n")
        self.assertEqual(self.row(b"tick")[9], b"1")
        self.answers(b"drop schedule tick", b"OK\r\n")
        self.answers(b"show schedules", b".\n")

    def test_run(self) -> None:
        """
        A schedule can be run now, which is answered with the handle.
        """
        self.answers(b"create schedule s function=f every=1h", b"OK\r\n")
        self.answers(b"run schedule s", b"OK H:1\n")
        exists = b"ERR JOB_EXISTS Its+last+job+is+still+on+the+board\r\n"
        self.answers(b"run schedule s", exists)
        self.assertEqual(self.row(b"s")[5], b"%d.000" % NOON)

    def test_cron(self) -> None:
        """
        A schedule may have a cron expression, whose spaces are quoted.
        """
        self.answers(
            b"create schedule n function=f cron=0%203%20*%20*%20* zone=Europe/Berlin",
            b"OK\r\n",
        )
        self.assertEqual(self.row(b"n")[3:5], [b"0%203%20*%20*%20*", b"Europe/Berlin"])

    def test_unknown(self) -> None:
        """
        There may be no schedule of that name.
        """
        for command in b"drop", b"pause", b"resume", b"run":
            self.answers(command + b" schedule nosuch", self.NONE)

    def test_wrong(self) -> None:
        """
        What makes no schedule is said.
        """
        keys = "function, data, unique, priority, cron, zone, every, missed, overlap"
        for words, said in [
            ("s every=5", "The schedule lacks a function"),
            ("s function=f", "it takes either cron or every"),
            ("s functio=f", "There is no key 'functio'; did you mean function"),
            ("s 123=f", f"There is no key '123'; keys: {keys}"),
            ("s function=f function=g", "function is there twice"),
            ("s cron=1 2", "No KEY=VALUE: '2'; quote the spaces in a value"),
        ]:
            self.answers(b"create schedule " + words.encode(), wrong(said))
        for words, part in [
            ("s function=f every=never", b"every+wants+seconds"),
            ("s function=f every=5 priority=huge", b"priority+wants"),
            ("s function=f every=5 missed=no", b"bad+missed"),
            ("s function= every=5", b"bad+function"),
            ("a/b function=f every=5", b"bad+name"),
            ("s function=f cron=x", b"bad+cron"),
        ]:
            self.admin.says(b"create schedule %b\n" % words.encode())
            answer = self.admin.received()
            self.assertTrue(answer.startswith(b"ERR INVALID_ARGUMENTS"), answer)
            self.assertIn(part, answer)
        self.answers(b"show schedules", b".\n")
