"""
Tests for L{txgearman.server.admin}: text commands that change something.
"""

from __future__ import annotations

from twisted.internet.address import IPv4Address, IPv6Address, UNIXAddress
from twisted.trial.unittest import SynchronousTestCase

from tests.server.pump import NOON, Peer, Pump, logged
from tests.server.test_admin import INCOMPLETE, AdminTests


class CancelTests(AdminTests):
    """
    C{cancel job HANDLE}.
    """

    def test_waiting(self) -> None:
        """
        A waiting job that is cancelled leaves every table at once; its clients
        hear that it failed, once.
        """
        self.submits(b"f", b"u", b"")
        self.answers(b"cancel job H:1", b"OK\r\n")
        self.assertEqual(self.client.owed(), [("WORK_FAIL", b"H:1")])
        self.answers(b"status", b"f\t0\t0\t0\n.\n")
        self.answers(b"show jobs", b".\n")
        self.answers(b"show unique jobs", b".\n")
        self.answers(b"cancel job H:1", b"ERR UNKNOWN_JOB\r\n")
        self.assertEqual(self.client.owed(), [])
        self.submits(b"f", b"u", b"")
        self.answers(b"show jobs", b"H:2\t0\t0\t0\n.\n")

    def test_running(self) -> None:
        """
        A running job that is cancelled is over; what its worker still says of
        it goes nowhere, and is no error.
        """
        self.submits(b"f", b"u", b"")
        self.grabs(b"f")
        self.answers(b"Cancel Job H:1", b"OK\r\n")
        self.assertEqual(self.client.owed(), [("WORK_FAIL", b"H:1")])
        self.answers(b"status", b"f\t0\t0\t1\n.\n")
        self.worker.sends("WORK_DATA", b"H:1", b"")
        self.worker.sends("WORK_COMPLETE", b"H:1", b"")
        self.assertEqual(self.worker.owed() + self.client.owed(), [])

    def test_notDue(self) -> None:
        """
        A job that is not due can be cancelled.
        """
        later = b"%d" % (NOON + 100)
        self.submits(b"f", b"", later, b"", name="SUBMIT_JOB_EPOCH")
        self.answers(b"cancel job H:1", b"OK\r\n")
        self.answers(b"status", b"f\t0\t0\t0\n.\n")
        self.pump.passes(200)
        self.answers(b"status", b"f\t0\t0\t0\n.\n")


class LimitTests(AdminTests):
    """
    C{maxqueue FUNCTION}, with one number, three, or none.
    """

    FULL = ("ERROR", b"QUEUE_ERROR", b"Job queue is full")

    def accepts(self, high: int, normal: int, low: int, has: int = 0) -> None:
        """
        Check how many jobs the function C{f} may have until submits of a
        priority are refused.
        """
        for name, limit in [
            ("SUBMIT_JOB_HIGH", high),
            ("SUBMIT_JOB", normal),
            ("SUBMIT_JOB_LOW", low),
        ]:
            client = self.pump.connect()
            for _ in range(limit - has):
                client.sends(name, b"f", b"", b"")
            created = [reply[0] for reply in client.owed()]
            self.assertEqual(created, ["JOB_CREATED"] * (limit - has), name)
            client.sends(name, b"f", b"", b"")
            self.assertEqual(client.owed(), [self.FULL], name)
            client.vanishes()

    def test_one(self) -> None:
        """
        One number holds for every priority.
        """
        self.answers(b"create function f", b"OK\r\n")
        self.answers(b"maxqueue f 3", b"OK\r\n")
        self.accepts(3, 3, 3)

    def test_three(self) -> None:
        """
        Three numbers are for high, normal and low ones, and each is compared
        with all of the function's jobs.
        """
        self.answers(b"maxqueue f 3 2 1", b"OK\r\n")
        self.accepts(3, 2, 1)
        self.submits(b"f", b"", b"", name="SUBMIT_JOB_BG")
        self.client.sends("SUBMIT_JOB_LOW", b"f", b"", b"")
        self.assertEqual(self.client.owed(), [self.FULL])
        self.accepts(3, 2, 1, has=1)

    def test_two(self) -> None:
        """
        Two numbers leave the low ones without a limit.
        """
        self.answers(b"maxqueue f 2 1", b"OK\r\n")
        for _ in range(9):
            self.submits(b"f", b"", b"", name="SUBMIT_JOB_LOW")
        self.client.sends("SUBMIT_JOB_HIGH", b"f", b"", b"")
        self.client.sends("SUBMIT_JOB", b"f", b"", b"")
        self.assertEqual(self.client.owed(), [self.FULL, self.FULL])

    def test_none(self) -> None:
        """
        None, zero, less than zero or no number take the limit away.
        """
        for number in b"", b" 0", b" -1", b" x":
            self.answers(b"maxqueue f 1", b"OK\r\n")
            self.answers(b"MAXQUEUE f" + number, b"OK\r\n")
            for _ in range(3):
                self.submits(b"f", b"", b"")
            self.client.vanishes()
            self.client = self.pump.connect()

    def test_running(self) -> None:
        """
        Running jobs count.
        """
        self.answers(b"maxqueue f 1", b"OK\r\n")
        self.submits(b"f", b"", b"")
        self.grabs(b"f")
        self.client.sends("SUBMIT_JOB", b"f", b"", b"")
        self.assertEqual(self.client.owed(), [self.FULL])

    def test_joining(self) -> None:
        """
        A submit that joins a job is accepted though the queue is full.
        """
        self.answers(b"maxqueue f 1", b"OK\r\n")
        self.submits(b"f", b"u", b"")
        self.submits(b"f", b"u", b"")

    def test_unknownFunction(self) -> None:
        """
        A limit of a function that nobody has named is remembered, without
        naming it.
        """
        self.answers(b"maxqueue f 1", b"OK\r\n")
        self.answers(b"status", b".\n")
        self.accepts(1, 1, 1)

    def test_nameTooLong(self) -> None:
        """
        A name that no function can have is refused.
        """
        name = b"x" * 4097
        wanted = b"ERR ARGUMENT_TOO_LARGE Function+name+too+large\r\n"
        self.answers(b"maxqueue %b 1" % name, wanted)
        self.answers(b"create function " + name, wanted)


class FunctionTests(AdminTests):
    """
    C{create function NAME} and C{drop function NAME}.
    """

    def test_create(self) -> None:
        """
        A function is there as soon as it is created, under its whole name,
        whatever the line's end; once more does no harm.
        """
        for line in b"create function foo", b"Create Function foo\r":
            self.answers(line, b"OK\r\n")
            self.answers(b"status", b"foo\t0\t0\t0\n.\n")

    def test_drop(self) -> None:
        """
        A function that is dropped is gone, and may come again.
        """
        self.answers(b"create function foo", b"OK\r\n")
        self.answers(b"drop function foo", b"OK\r\n")
        self.answers(b"status", b".\n")
        self.answers(b"drop function foo", b"ERR function not found\r\n")
        self.submits(b"foo", b"", b"")
        self.answers(b"status", b"foo\t1\t0\t0\n.\n")

    def test_case(self) -> None:
        """
        Names of functions are told apart by case.
        """
        self.answers(b"create function foo", b"OK\r\n")
        self.answers(b"drop function FOO", b"ERR function not found\r\n")
        self.answers(b"DROP FUNCTION foo", b"OK\r\n")

    def test_needed(self) -> None:
        """
        A function with workers or jobs cannot be dropped.
        """
        needed = b"ERR there are still connected workers or executing clients\r\n"
        self.worker.sends("CAN_DO", b"f")
        self.pump.settle()
        self.answers(b"drop function f", needed)
        self.submits(b"f", b"", b"")
        self.worker.sends("CANT_DO", b"f")
        self.pump.settle()
        self.answers(b"drop function f", needed)
        self.client.vanishes()
        self.answers(b"drop function f", b"OK\r\n")


class ShutdownTests(SynchronousTestCase):
    """
    C{shutdown} and C{shutdown graceful}.
    """

    REFUSED = b"ERR NOT_ALLOWED shutdown+is+not+allowed+from+here\r\n"

    def setUp(self) -> None:
        self.pump = Pump()
        self.asked: list[bool] = []
        self.pump.factory.onShutdown = self.asked.append

    def says(self, peer: Peer, line: bytes) -> bytes:
        peer.says(line + b"\n")
        return peer.received()

    def test_local(self) -> None:
        """
        A peer on this machine may ask for the end of the server, at once or a
        graceful one, and the log says so.
        """
        for address in [
            IPv4Address("TCP", "127.0.0.1", 50000),
            IPv4Address("TCP", "127.1.2.3", 50000),
            IPv6Address("TCP", "::1", 50000),
            IPv6Address("TCP", "::ffff:127.0.0.1", 50000),
            UNIXAddress(None),
        ]:
            peer = self.pump.connect(address)
            for line, graceful in [
                (b"shutdown", False),
                (b"shutdown graceful", True),
                (b"SHUTDOWN Graceful\r", True),
            ]:
                with logged() as lines:
                    self.assertEqual(self.says(peer, line), b"OK\n", address)
                [said] = lines
                self.assertTrue(said.startswith("info: shutdown asked for by "), said)
                self.assertEqual(self.asked.pop(), graceful, line)

    def test_remote(self) -> None:
        """
        A peer on another machine may not.
        """
        for address in [
            IPv4Address("TCP", "192.0.2.1", 50000),
            IPv6Address("TCP", "2001:db8::1", 50000),
            IPv6Address("TCP", "fe80::1%eth0", 50000),
            IPv6Address("TCP", "::ffff:192.0.2.1", 50000),
        ]:
            peer = self.pump.connect(address)
            for line in b"shutdown", b"shutdown graceful":
                self.assertEqual(self.says(peer, line), self.REFUSED)
        self.assertEqual(self.asked, [])

    def test_notAllowed(self) -> None:
        """
        A server whose owner does not want it refuses everybody.
        """
        self.pump.factory.onShutdown = None
        peer = self.pump.connect()
        for line in b"shutdown", b"shutdown graceful":
            self.assertEqual(self.says(peer, line), self.REFUSED)

    def test_wrongForms(self) -> None:
        """
        Nothing but C{graceful} may follow the command.
        """
        peer = self.pump.connect()
        for line in b"shutdown now", b"shutdown graceful please":
            wanted = INCOMPLETE % b"shutdown"
            self.assertEqual(self.says(peer, line), wanted)
        self.assertEqual(self.asked, [])
