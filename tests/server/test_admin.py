"""
Tests for L{txgearman.server.admin}: what each text command shows, in bytes.
"""

from __future__ import annotations

import os

from twisted.internet.address import IPv6Address, UNIXAddress
from twisted.trial.unittest import SynchronousTestCase

from tests.server.pump import NOON, Pump
from txgearman import __version__

UNKNOWN = b"ERR UNKNOWN_COMMAND Unknown+server+command%b\r\n"
INCOMPLETE = (
    b"ERR INVALID_ARGUMENTS"
    b" An+incomplete+set+of+arguments+was+sent+to+this+command+%b\r\n"
)
VERSION = b"OK %b\n" % __version__.encode()


class AdminTests(SynchronousTestCase):
    """
    A server, an administrator, a client and a worker; their numbers are 1 to 3.
    """

    def setUp(self) -> None:
        self.pump = Pump()
        self.admin, self.client, self.worker = self.pump.connectSeveral(3)

    def answers(self, line: bytes, wanted: bytes) -> None:
        """
        Check what the server answers to a line.
        """
        self.admin.says(line + b"\n")
        self.assertEqual(self.admin.received(), wanted, line)

    def submits(self, *arguments: bytes, name: str = "SUBMIT_JOB") -> None:
        self.client.sends(name, *arguments)
        [reply] = self.client.owed()
        self.assertEqual(reply[0], "JOB_CREATED")

    def grabs(self, *functions: bytes) -> None:
        """
        Let the worker grab a job of these functions.
        """
        for function in functions:
            self.worker.sends("CAN_DO", function)
        self.worker.sends("GRAB_JOB")
        [reply] = self.worker.owed()
        self.assertEqual(reply[0], "JOB_ASSIGN")


class CommandTests(AdminTests):
    """
    How commands are spelled, and what is said of those that are none.
    """

    def test_spelling(self) -> None:
        """
        A command is read in any case and with either line end; spaces behind
        words do not count, and what stands behind a NUL neither.
        """
        for line in [
            b"version",
            b"version\r",
            b"VERSION",
            b"vErSiOn\r",
            b"version ",
            b"version   \r",
            b"version  one  two three four",
            b"version\0nonsense",
            b"version 1\0 2 3 4 5 6 7 8",
        ]:
            self.answers(line, VERSION)

    def test_unknown(self) -> None:
        """
        An unknown command is named in the error as it was spelled, glued to the
        text before it, without what follows it in the line.
        """
        for line, named in [
            (b"", b""),
            (b"\r", b""),
            (b" ", b""),
            (b" version", b""),
            (b"nonsense", b"nonsense"),
            (b"Nonsense with a tail", b"Nonsense"),
            (b"versions", b"versions"),
            (b"vers", b"vers"),
            (b"foo\0bar", b"foo"),
            (b"gr\xc3\xbc\xc3\x9f", b"gr\xc3\xbc\xc3\x9f"),
            (b"\xff\xfe", b"\xff\xfe"),
            (b"a\tb", b"a%09b"),
            (b"a\rb\r\r", b"a%0Db%0D"),
            (b"\x7f\x1b[2J", b"%7F%1B[2J"),
        ]:
            self.answers(line, UNKNOWN % named)

    def test_wrongForms(self) -> None:
        """
        A command with words that it does not take gets the error of gearmand,
        which names it, if at all, as it was spelled.
        """
        for line, wanted in [
            (b"show", UNKNOWN % b"show"),
            (b"SHOW", UNKNOWN % b"SHOW"),
            (b"show jobs all", b"ERR UNKNOWN_SHOW_ARGUMENTS\r\n"),
            (b"show unique", b"ERR UNKNOWN_SHOW_ARGUMENTS\r\n"),
            (b"show unique jobs x", b"ERR UNKNOWN_SHOW_ARGUMENTS\r\n"),
            (b"show x", b"ERR UNKNOWN_SHOW_ARGUMENTS\r\n"),
            (b"cancel", UNKNOWN % b"cancel"),
            (b"CANCEL", UNKNOWN % b"CANCEL"),
            (b"cancel job", UNKNOWN % b"cancel"),
            (b"Cancel foo", UNKNOWN % b"Cancel"),
            (b"cancel foo H:1", b"ERR UNKNOWN_ERROR\r\n"),
            (b"cancel job H:1 x", b"ERR UNKNOWN_ERROR\r\n"),
            (b"cancel job H:1", b"ERR UNKNOWN_JOB\r\n"),
            (b"CANCEL JOB H:1", b"ERR UNKNOWN_JOB\r\n"),
            (b"maxqueue", INCOMPLETE % b"maxqueue"),
            (b"MaxQueue", INCOMPLETE % b"MaxQueue"),
            (b"create", INCOMPLETE % b"create"),
            (b"create function", INCOMPLETE % b"create"),
            (b"create foo bar", INCOMPLETE % b"create"),
            (b"CREATE function a b", INCOMPLETE % b"CREATE"),
            (b"drop", INCOMPLETE % b"drop"),
            (b"drop function", INCOMPLETE % b"drop"),
            (b"drop foo bar", INCOMPLETE % b"drop"),
            (b"DROP function a b", INCOMPLETE % b"DROP"),
            (b"drop function nosuch", b"ERR function not found\r\n"),
            (b"shutdown now", INCOMPLETE % b"shutdown"),
            (b"shutdown graceful now", INCOMPLETE % b"shutdown"),
        ]:
            self.answers(line, wanted)
        self.answers(b"status", b".\n")

    def test_wordsThatAreIgnored(self) -> None:
        """
        Commands without arguments do not mind some.
        """
        for command in b"version", b"getpid", b"verbose", b"status", b"prioritystatus":
            self.admin.says(command + b"\n")
            alone = self.admin.received()
            self.answers(command + b" a b c d", alone)

    def test_version(self) -> None:
        """
        The version follows OK.
        """
        self.answers(b"version", VERSION)

    def test_getpid(self) -> None:
        """
        So does the number of the process.
        """
        self.answers(b"getpid", b"OK %d\n" % os.getpid())

    def test_verbose(self) -> None:
        """
        So does the level of the log.
        """
        self.answers(b"verbose", b"OK INFO\n")


class TableTests(AdminTests):
    """
    The tables of gearmand.
    """

    def test_empty(self) -> None:
        """
        Where there is nothing, a table is a dot.
        """
        for line in b"status", b"prioritystatus", b"show jobs", b"show unique jobs":
            self.answers(line, b".\n")
        self.answers(b"jobs", b".\n")

    def test_status(self) -> None:
        """
        A function's row tells its jobs, running ones and those not due among
        them, its running jobs and its workers; it comes with the first who
        names the function, and stays.
        """
        self.answers(b"create function made", b"OK\r\n")
        for unique in b"a", b"b", b"c":
            self.submits(b"f", unique, b"")
        later = b"%d" % (NOON + 100)
        self.submits(b"f", b"", later, b"", name="SUBMIT_JOB_EPOCH")
        self.grabs(b"g", b"f")
        wanted = b"made\t0\t0\t0\nf\t4\t1\t1\ng\t0\t0\t1\n.\n"
        self.answers(b"status", wanted)
        self.worker.vanishes()
        self.client.vanishes()
        self.answers(b"status", b"made\t0\t0\t0\nf\t1\t0\t0\ng\t0\t0\t0\n.\n")

    def test_priorityStatus(self) -> None:
        """
        A function's row tells its waiting jobs, high, normal and low ones, and
        its workers. Those not due count as waiting.
        """
        for name, count in [
            ("SUBMIT_JOB_HIGH", 1),
            ("SUBMIT_JOB", 2),
            ("SUBMIT_JOB_LOW_BG", 4),
        ]:
            for _ in range(count):
                self.submits(b"f", b"", b"", name=name)
        self.answers(b"prioritystatus", b"f\t1\t2\t4\t0\n.\n")
        later = b"%d" % (NOON + 100)
        self.submits(b"f", b"", later, b"", name="SUBMIT_JOB_EPOCH")
        self.answers(b"prioritystatus", b"f\t1\t3\t4\t0\n.\n")
        self.grabs(b"f")
        self.answers(b"prioritystatus", b"f\t0\t3\t4\t1\n.\n")

    def test_escapedNames(self) -> None:
        """
        White space and control bytes in a name break no table.
        """
        for name, shown in [
            (b"two words\n", b"two%20words%0A"),
            (b"\t.\r\n.\n", b"%09.%0D%0A.%0A"),
            (b"\xe4\xb8\x96", b"\xe4\xb8\x96"),
            (b"", b""),
        ]:
            self.worker.sends("CAN_DO", name)
            self.client.sends("SUBMIT_JOB", name, name.replace(b"\0", b""), b"")
            self.client.owed()
            self.answers(b"status", shown + b"\t1\t0\t1\n.\n")
            self.answers(b"prioritystatus", shown + b"\t0\t1\t0\t1\n.\n")
            self.answers(b"show unique jobs", shown + b"\n.\n")
            self.answers(b"jobs", b"%b\t%b\t-\t1\n.\n" % (shown, shown))
            self.grabs()
            self.client.vanishes()
            self.worker.vanishes()
            self.setUp()

    def test_workers(self) -> None:
        """
        Every connection has a line: a number, where it comes from, its id, and
        what it can do, the latest first.
        """
        for function in b"one", b"two", b"three":
            self.worker.sends("CAN_DO", function)
        self.worker.sends("CAN_DO", b"one")
        self.worker.sends("SET_CLIENT_ID", b"The worker")
        self.client.sends("SET_CLIENT_ID", b"")
        remote = self.pump.connect(IPv6Address("TCP", "2001:db8::7", 4711))
        remote.sends("CAN_DO", b"a b")
        self.pump.settle()
        self.answers(
            b"workers",
            b"1 127.0.0.1 - :\n"
            b"2 127.0.0.1  :\n"
            b"3 127.0.0.1 The%20worker : three two one\n"
            b"4 2001:db8::7 - : a%20b\n"
            b".\n",
        )
        self.worker.sends("CANT_DO", b"two")
        self.client.vanishes()
        self.pump.settle()
        self.answers(
            b"workers",
            b"1 127.0.0.1 - :\n"
            b"3 127.0.0.1 The%20worker : three one\n"
            b"4 2001:db8::7 - : a%20b\n"
            b".\n",
        )

    def test_showJobs(self) -> None:
        """
        A job's row tells its handle, how often a worker gave it up, a zero, and
        whether it is kept for the background.
        """
        self.submits(b"f", b"", b"")
        self.submits(b"f", b"u", b"", name="SUBMIT_JOB_BG")
        self.submits(b"f", b"", b"1", b"", name="SUBMIT_JOB_EPOCH")
        rows = b"H:1\t0\t0\t0\nH:2\t0\t0\t1\nH:3\t0\t0\t1\n.\n"
        self.answers(b"show jobs", rows)
        self.grabs(b"f")
        self.answers(b"SHOW Jobs", rows)
        self.worker.vanishes()
        self.answers(b"show jobs", rows.replace(b"H:1\t0", b"H:1\t1"))

    def test_showUniqueJobs(self) -> None:
        """
        A job's row is its unique, which may be empty.
        """
        for unique in b"a", b"", b"-", b"b", b"a":
            self.submits(b"f", unique, b"data")
        self.answers(b"show unique jobs", b"a\n\n-\nb\n.\n")
        self.answers(b"SHOW UNIQUE JOBS", b"a\n\n-\nb\n.\n")


class PerlTests(AdminTests):
    """
    The tables of Perl's server.
    """

    def test_jobs(self) -> None:
        """
        A job's row tells its function, its unique, where it runs, or a dash, and
        how many clients listen.
        """
        self.submits(b"f", b"u", b"")
        self.submits(b"f", b"u", b"")
        self.submits(b"g", b"", b"", name="SUBMIT_JOB_BG")
        self.answers(b"jobs", b"f\tu\t-\t2\ng\t\t-\t0\n.\n")
        self.grabs(b"f")
        self.answers(b"JOBS", b"f\tu\t127.0.0.1:50003\t2\ng\t\t-\t0\n.\n")

    def test_clients(self) -> None:
        """
        Every connection has a line, and below it one for each job it waits for.
        """
        self.submits(b"f", b"u", b"")
        self.submits(b"g", b"", b"")
        self.submits(b"g", b"bg", b"", name="SUBMIT_JOB_BG")
        self.grabs(b"f")
        self.pump.connect(UNIXAddress(None))
        self.answers(
            b"clients",
            b"127.0.0.1:50001\n"
            b"127.0.0.1:50002\n"
            b"\tf\tu\t127.0.0.1:50003\n"
            b"\tg\t\t-\n"
            b"127.0.0.1:50003\n"
            b"unix\n"
            b".\n",
        )
        self.worker.sends("WORK_COMPLETE", b"H:1", b"")
        self.client.owed()
        self.answers(
            b"clients",
            b"127.0.0.1:50001\n127.0.0.1:50002\n\tg\t\t-\n127.0.0.1:50003\nunix\n.\n",
        )
