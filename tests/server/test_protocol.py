"""
Tests for L{txgearman.server.protocol}: what workers send, and any connection.
"""

from __future__ import annotations

from twisted.internet.address import IPv6Address, UNIXAddress

from tests.server.pump import Pump, PumpTests
from txgearman.board.policy import Policy

RESULT_NOT_FOUND = ("ERROR", b"JOB_NOT_FOUND", b"Job given in work result not found")

DATA_NOT_FOUND = ("ERROR", b"JOB_NOT_FOUND", b"Job does not exist on server")

EXCEPTION_NOT_FOUND = (
    "ERROR",
    b"JOB_NOT_FOUND",
    b"An exception was received for a job that does not exist",
)

NO_JOB = ("NO_JOB",)

NOOP = ("NOOP",)


class WorkerPacketTests(PumpTests):
    """
    What workers send.
    """

    def test_cantDo(self) -> None:
        """
        A worker gets no jobs of a function it took back, and goes on with the
        one that runs.
        """
        handle = self.runs()
        self.submits()
        self.worker.sends("CANT_DO", b"f")
        self.assertEqual(self.asks(self.worker, "GRAB_JOB"), [NO_JOB])
        self.worker.sends("WORK_COMPLETE", handle, b"done")
        self.assertEqual(self.worker.owed(), [])
        self.assertEqual(self.client.owed(), [("WORK_COMPLETE", handle, b"done")])

    def test_resetAbilities(self) -> None:
        """
        A worker that resets its abilities has none, and goes on with its job.
        """
        self.worker.sends("CAN_DO", b"g")
        handle = self.runs()
        self.submits()
        self.submits("SUBMIT_JOB", b"g", b"", b"")
        self.worker.sends("RESET_ABILITIES")
        self.assertEqual(self.asks(self.worker, "GRAB_JOB"), [NO_JOB])
        self.worker.sends("WORK_COMPLETE", handle, b"done")
        self.assertEqual(self.client.owed(), [("WORK_COMPLETE", handle, b"done")])

    def test_allYours(self) -> None:
        """
        ALL_YOURS is accepted, and nothing follows from it.
        """
        self.assertEqual(self.asks(self.worker, "ALL_YOURS"), [])
        self.assertEqual(self.asks(self.worker, "GRAB_JOB"), [NO_JOB])

    def test_preSleepWithWork(self) -> None:
        """
        A worker that would sleep although a job waits is woken at once, each
        time it tries.
        """
        self.submits()
        self.assertEqual(self.asks(self.worker, "PRE_SLEEP"), [NOOP])
        self.assertEqual(self.asks(self.worker, "PRE_SLEEP"), [NOOP])

    def test_timeout(self) -> None:
        """
        CAN_DO_TIMEOUT is in milliseconds: after it the job is somebody else's,
        nobody is told, and the late result is refused.
        """
        self.worker.sends("CAN_DO_TIMEOUT", b"f", b"2500")
        handle = self.runs()
        self.pump.passes(2.4)
        self.assertEqual(self.asks(self.pump.connect(), "GRAB_JOB"), [NO_JOB])
        other = self.pump.connect()
        other.sends("CAN_DO", b"f")
        self.assertEqual(self.asks(other, "GRAB_JOB"), [NO_JOB])
        self.pump.passes(0.2)
        self.assertEqual(self.worker.owed() + self.client.owed(), [])
        granted = [("JOB_ASSIGN", handle, b"f", b"data")]
        self.assertEqual(self.asks(other, "GRAB_JOB"), granted)
        late = self.asks(self.worker, "WORK_COMPLETE", handle, b"late")
        self.assertEqual(late, [RESULT_NOT_FOUND])

    def test_timeoutFloor(self) -> None:
        """
        A timeout below a second is taken as one.
        """
        self.worker.sends("CAN_DO_TIMEOUT", b"f", b"3")
        handle = self.runs()
        self.pump.passes(0.9)
        self.worker.sends("WORK_STATUS", handle, b"1", b"2")
        self.assertEqual(self.client.owed(), [("WORK_STATUS", handle, b"1", b"2")])
        self.pump.passes(0.2)
        reply = self.asks(self.worker, "WORK_STATUS", handle, b"2", b"2")
        self.assertEqual(reply, [RESULT_NOT_FOUND])

    def test_noTimeout(self) -> None:
        """
        A timeout that is zero, negative, empty or no number is none, and one
        beyond all bounds hurts nobody.
        """
        for timeout in b"0", b"-1", b"", b"x", b"\0\0\0\x05", b"9" * 30, b"9" * 5000:
            self.worker.sends("CAN_DO_TIMEOUT", b"f", timeout)
            handle = self.runs()
            self.pump.passes(10.0**6)
            self.worker.sends("WORK_COMPLETE", handle, b"")
            self.assertEqual(self.worker.owed(), [], timeout)
            done = [("WORK_COMPLETE", handle, b"")]
            self.assertEqual(self.client.owed(), done, timeout)

    def test_handleWithNUL(self) -> None:
        """
        A NUL that a worker sends behind a handle is not sent on: clients compare
        the handle.
        """
        handle = self.runs()
        self.worker.sends("WORK_FAIL", handle + b"\0")
        self.assertEqual(self.worker.owed(), [])
        self.assertEqual(self.client.owed(), [("WORK_FAIL", handle)])

    def test_handleWithoutNUL(self) -> None:
        """
        A report that is nothing but a handle has no data: so Perl's workers
        tell an empty result.
        """
        for name in "WORK_DATA", "WORK_WARNING", "WORK_EXCEPTION", "WORK_COMPLETE":
            self.client.sends("OPTION_REQ", b"exceptions")
            self.client.owed()
            handle = self.runs()
            self.worker.sends(name, handle)
            self.assertEqual(self.worker.owed(), [], name)
            self.assertEqual(self.client.owed(), [(name, handle, b"")])

    def test_failAfterException(self) -> None:
        """
        A WORK_FAIL after a WORK_EXCEPTION for the same job is swallowed: an
        ERROR for it would kill Perl's workers. A second one is not.
        """
        handle = self.runs()
        self.worker.sends("WORK_EXCEPTION", handle, b"oops")
        self.worker.sends("WORK_FAIL", handle)
        self.assertEqual(self.worker.owed(), [])
        self.assertEqual(self.client.owed(), [("WORK_FAIL", handle)])
        self.assertEqual(
            self.asks(self.worker, "WORK_FAIL", handle), [RESULT_NOT_FOUND]
        )

    def test_progressInAnyWords(self) -> None:
        """
        Progress goes to the client in the worker's words, a NUL in its last
        one too, and is kept as 32 bits without a sign.
        """
        handle = self.runs()
        for numerator, denominator, kept in [
            (b"1", b"2", (b"1", b"2")),
            (b"0.5", b"1", (b"0", b"1")),
            (b"-1", b"x", (b"4294967295", b"0")),
            (b"4294967296", b"9999999999", (b"0", b"1410065407")),
            (b"", b"7\x008\x00", (b"0", b"7")),
            (b" 3", b"1" * 40, (b"3", b"4294967295")),
        ]:
            self.worker.sends("WORK_STATUS", handle, numerator, denominator)
            heard = ("WORK_STATUS", handle, numerator, denominator)
            self.assertEqual(self.client.owed(), [heard])
            reply = self.asks(self.client, "GET_STATUS", handle)
            self.assertEqual(reply, [("STATUS_RES", handle, b"1", b"1", *kept)])

    def test_jobNotFound(self) -> None:
        """
        A report on a job that the worker does not run is answered with an ERROR
        whose text depends on the report, and the connection goes on.
        """
        handle = self.submits()
        for name, arguments, wanted in [
            ("WORK_STATUS", (b"1", b"2"), RESULT_NOT_FOUND),
            ("WORK_COMPLETE", (b"",), RESULT_NOT_FOUND),
            ("WORK_FAIL", (), RESULT_NOT_FOUND),
            ("WORK_DATA", (b"",), DATA_NOT_FOUND),
            ("WORK_WARNING", (b"",), DATA_NOT_FOUND),
            ("WORK_EXCEPTION", (b"",), EXCEPTION_NOT_FOUND),
        ]:
            for unknown in handle, b"H:77", b"":
                reply = self.asks(self.worker, name, unknown, *arguments)
                self.assertEqual(reply, [wanted], f"{name} {unknown!r}")
        self.assertEqual(self.client.owed(), [])
        [granted] = self.asks(self.worker, "GRAB_JOB")
        self.assertEqual(granted[1], handle)

    def test_exceptionOfNoJob(self) -> None:
        """
        A WORK_EXCEPTION that was refused is not remembered: a later WORK_FAIL
        for a job of that handle counts.
        """
        self.assertEqual(
            self.asks(self.worker, "WORK_EXCEPTION", b"H:1", b""),
            [EXCEPTION_NOT_FOUND],
        )
        handle = self.runs()
        self.assertEqual(handle, b"H:1")
        self.worker.sends("WORK_FAIL", handle)
        self.assertEqual(self.worker.owed(), [])
        self.assertEqual(self.client.owed(), [("WORK_FAIL", handle)])

    def test_reporter(self) -> None:
        """
        Nobody but the worker that runs a job reports on it.
        """
        handle = self.runs()
        reply = self.asks(self.pump.connect(), "WORK_COMPLETE", handle, b"forged")
        self.assertEqual(reply, [RESULT_NOT_FOUND])
        self.assertEqual(self.client.owed(), [])

    def test_lostWorker(self) -> None:
        """
        The job of a lost worker is granted again, and its progress is forgotten.
        """
        handle = self.runs()
        self.worker.sends("WORK_STATUS", handle, b"1", b"2")
        self.client.owed()
        self.worker.leaves()
        status = [("STATUS_RES", handle, b"1", b"0", b"0", b"0")]
        self.assertEqual(self.asks(self.client, "GET_STATUS", handle), status)
        other = self.pump.connect()
        other.sends("CAN_DO", b"f")
        [granted] = self.asks(other, "GRAB_JOB")
        self.assertEqual(granted[1], handle)

    def test_functionOfAnyBytes(self) -> None:
        """
        A function's name may be empty, and hold any bytes.
        """
        for name in b"", b"\xff\n \t", b"x" * 4096:
            self.worker.sends("CAN_DO", name)
            handle = self.submits("SUBMIT_JOB", name, b"", b"")
            granted = self.asks(self.worker, "GRAB_JOB")
            self.assertEqual(granted, [("JOB_ASSIGN", handle, name, b"")])

    def test_functionNameTooLong(self) -> None:
        """
        A function's name is limited, and an ERROR says so.
        """
        name = b"x" * 4097
        wanted = [("ERROR", b"ARGUMENT_TOO_LARGE", b"Function name too large")]
        self.assertEqual(self.asks(self.client, "SUBMIT_JOB", name, b"", b""), wanted)
        self.assertEqual(self.asks(self.worker, "CAN_DO", name), wanted)

    def test_functionWithNUL(self) -> None:
        """
        A NUL in the name of CAN_DO belongs to it: such a function is no other's.
        """
        worker = self.pump.connect()
        worker.sends("CAN_DO", b"f\0")
        self.submits()
        self.assertEqual(self.asks(worker, "GRAB_JOB"), [NO_JOB])


class AnyPacketTests(PumpTests):
    """
    What any connection sends.
    """

    def test_option(self) -> None:
        """
        The option's name is read in any case and with a NUL behind it, and
        echoed as it was sent.
        """
        for spelled in b"exceptions", b"EXCEPTIONS", b"Exceptions\0":
            client = self.pump.connect()
            reply = self.asks(client, "OPTION_REQ", spelled)
            self.assertEqual(reply, [("OPTION_RES", spelled)])
        for unknown in b"", b"exception", b"exceptions ", b"\0exceptions":
            [refusal] = self.asks(self.client, "OPTION_REQ", unknown)
            self.assertEqual(refusal[:2], ("ERROR", b"UNKNOWN_OPTION"), unknown)

    def test_optionComesLate(self) -> None:
        """
        Whether a client gets the exception is decided when it comes.
        """
        handle = self.runs()
        self.client.sends("OPTION_REQ", b"exceptions")
        self.client.owed()
        self.worker.sends("WORK_EXCEPTION", handle, b"oops")
        self.assertEqual(self.client.owed(), [("WORK_EXCEPTION", handle, b"oops")])

    def test_exceptionsForAll(self) -> None:
        """
        The owner of a server may send exceptions to clients that never asked.
        """
        pump = Pump(Policy(handlePrefix=b"H", exceptions=True))
        worker, client = pump.connectSeveral(2)
        worker.sends("CAN_DO", b"f")
        client.sends("SUBMIT_JOB", b"f", b"", b"")
        client.owed()
        worker.sends("GRAB_JOB")
        worker.sends("WORK_EXCEPTION", b"H:1", b"oops")
        worker.owed()
        self.assertEqual(client.owed(), [("WORK_EXCEPTION", b"H:1", b"oops")])

    def test_clientId(self) -> None:
        """
        A client id is cut at 127 bytes, and the later one holds.
        """
        for sent, shown in [
            (b"one", b"one"),
            (b"two words", b"two%20words"),
            (b"", b""),
            (b"x" * 127, b"x" * 127),
            (b"x" * 500, b"x" * 127),
        ]:
            self.worker.sends("SET_CLIENT_ID", sent)
            self.worker.says(b"workers\n")
            first, *_ = self.worker.owed()
            self.assertEqual(first, b"1 127.0.0.1 %b : f\n" % shown)

    def test_bodyThatMeansNothing(self) -> None:
        """
        What stands in the body of a packet without arguments is ignored.
        """
        self.assertEqual(self.asks(self.worker, "GRAB_JOB", b"please"), [NO_JOB])
        self.assertEqual(self.asks(self.worker, "PRE_SLEEP", b"a\0b"), [])
        self.assertEqual(self.asks(self.worker, "ALL_YOURS", b"\0REQ"), [])

    def test_whoComes(self) -> None:
        """
        Where a connection comes from is seen in the tables.
        """
        pump = Pump()
        for address, host in [
            (IPv6Address("TCP", "2001:db8::1", 4711), b"2001:db8::1"),
            (IPv6Address("TCP", "::ffff:192.0.2.1", 4711), b"192.0.2.1"),
            (UNIXAddress(None), b"unix"),
        ]:
            peer = pump.connect(address)
            peer.says(b"workers\n")
            *_, last, _ = peer.owed()
            assert isinstance(last, bytes)
            self.assertEqual(last.split()[1], host)
