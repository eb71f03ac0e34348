"""
Tests for L{txgearman.fleet.reporting}: reports on a pipe that may be full, or that
nobody reads.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
from typing import Any

from twisted.internet.interfaces import IWriteDescriptor
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from txgearman.fleet.reporting import Reporter, readable, reportingOn


class Writers:
    """
    Those that want to write, as a reactor knows them.
    """

    def __init__(self) -> None:
        self.writers: list[IWriteDescriptor] = []

    def addWriter(self, writer: IWriteDescriptor) -> None:
        # A reactor asks for the number at once.
        assert writer.fileno() >= 0
        self.writers.append(writer)

    def removeWriter(self, writer: IWriteDescriptor) -> None:
        assert writer.fileno() >= 0
        self.writers.remove(writer)


class ReporterTests(SynchronousTestCase):
    """
    Tests of L{Reporter}.
    """

    def setUp(self) -> None:
        self.reading, self.writing = os.pipe()
        os.set_blocking(self.reading, False)
        self.reactor = Writers()
        self.reporter = Reporter(self.reactor, self.writing)  # type: ignore[arg-type]
        self.addCleanup(self.closes, self.writing)
        self.addCleanup(self.closes, self.reading)

    def closes(self, descriptor: int) -> None:
        with contextlib.suppress(OSError):
            os.close(descriptor)

    def reads(self, size: int = 1 << 20) -> bytes:
        """
        Read what is in the pipe.
        """
        try:
            return os.read(self.reading, size)
        except BlockingIOError:
            return b""

    def hears(self) -> list[Any]:
        """
        Read reports.
        """
        return [json.loads(line) for line in self.reads().splitlines()]

    def fills(self) -> int:
        """
        Have more to report than the pipe takes.

        @return: the number of jobs.
        """
        # As small as the system makes it.
        fcntl.fcntl(self.writing, getattr(fcntl, "F_SETPIPE_SZ", 1031), 4096)
        for number in range(1000):
            self.reporter.ended(b"H:x:1", number)
        return 1000

    def test_reports(self) -> None:
        """
        Reports are lines of JSON, there at once.
        """
        self.reporter.ready(["a", "b"])
        self.reporter.began(b"H:x:1", "a")
        self.reporter.ended(b"H:x:1", 7)
        self.reporter.draining()
        self.assertEqual(
            self.hears(),
            [
                {"ready": True, "functions": ["a", "b"]},
                {"began": {"handle": "H:x:1", "function": "a"}},
                {"ended": {"handle": "H:x:1"}, "jobs": 7},
                {"draining": True},
            ],
        )
        self.assertEqual(self.reactor.writers, [])

    def test_anyBytes(self) -> None:
        """
        Names and handles that are no text, or have a line's end, are reported all
        the same.
        """
        self.reporter.began(b"\xff\n", "a\udcff\n")
        self.reporter.ready(["\udcff"])
        began, ready = self.hears()
        self.assertEqual(began["began"], {"handle": "\\xff\n", "function": "a\\xff\n"})
        self.assertEqual(ready["functions"], ["\\xff"])

    def test_manyFunctions(self) -> None:
        """
        Functions that would make a line too long are left out.
        """
        self.reporter.ready("f" * 100 for _ in range(10_000))
        data = self.reads()
        while self.reactor.writers:
            self.reporter.doWrite()
            data += self.reads()
        self.assertEqual(data.count(b"\n"), 1)
        self.assertLess(len(data), 61_000)
        functions = json.loads(data)["functions"]
        self.assertEqual(set(functions), {"f" * 100})
        self.assertGreater(len(functions), 500)

    def test_full(self) -> None:
        """
        What the pipe does not take waits for its turn; nothing of it is lost, and
        nobody waits.
        """
        jobs = self.fills()
        self.assertEqual(self.reactor.writers, [self.reporter])
        data = b""
        while self.reactor.writers:
            data += self.reads()
            self.reporter.doWrite()
        data += self.reads()
        said = [json.loads(line)["jobs"] for line in data.splitlines()]
        self.assertEqual(said, list(range(jobs)))
        self.reporter.draining()
        self.assertEqual(self.hears(), [{"draining": True}])

    def test_neverRead(self) -> None:
        """
        Somebody who never reads costs no more than so much memory; what is left out
        are whole reports.
        """
        self.fills()
        handle = b"x" * 60_000
        for _ in range(100):
            self.reporter.began(handle, "f")
        self.assertLess(len(self.reporter._waiting), 1 << 21)
        data = b""
        while self.reactor.writers:
            data += self.reads()
            self.reporter.doWrite()
        data += self.reads()
        self.assertTrue(data.endswith(b"\n"))
        for line in data.splitlines():
            json.loads(line)

    def test_readerGone(self) -> None:
        """
        When nobody reads it, reports are dropped.
        """
        os.close(self.reading)
        self.reporter.draining()
        self.reporter.draining()
        self.assertEqual(self.reactor.writers, [])
        self.assertRaises(OSError, os.fstat, self.writing)

    def test_readerGoes(self) -> None:
        """
        The same while reports wait.
        """
        self.fills()
        os.close(self.reading)
        self.reporter.doWrite()
        self.assertEqual(self.reactor.writers, [])
        self.assertRaises(OSError, os.fstat, self.writing)
        self.reporter.draining()

    def test_connectionLost(self) -> None:
        """
        The same when the reactor finds it out.
        """
        self.fills()
        self.reporter.connectionLost(Failure(OSError()))
        self.assertRaises(OSError, os.fstat, self.writing)
        self.assertEqual(self.reporter.fileno(), -1)
        self.reporter.draining()
        self.reporter.connectionLost(Failure(OSError()))
        self.assertEqual(self.reporter.logPrefix(), "reporter")

    def test_nowhere(self) -> None:
        """
        Without a pipe nothing is reported.
        """
        reporter = Reporter(self.reactor, None)  # type: ignore[arg-type]
        reporter.ready(["a"])
        reporter.draining()
        self.assertEqual((self.reads(), self.reactor.writers), (b"", []))


class DescriptorTests(SynchronousTestCase):
    """
    Tests of L{reportingOn}.
    """

    def test_pipe(self) -> None:
        """
        The pipe is found, and kept from programs that are started.
        """
        reading, writing = os.pipe()
        self.addCleanup(os.close, reading)
        self.addCleanup(os.close, writing)
        os.set_inheritable(writing, True)
        variables = {"A": "b", "TXGEARMAN_REPORT": str(writing)}
        self.assertEqual(reportingOn(variables), writing)
        self.assertFalse(os.get_inheritable(writing))
        self.assertEqual(variables, {"A": "b"})

    def test_none(self) -> None:
        """
        There is none without a number of an open file.
        """
        for text in "", "x", "-1", "\u00b3", "9" * 30, "54321":
            self.assertIsNone(reportingOn({"TXGEARMAN_REPORT": text}))
        self.assertIsNone(reportingOn({}))


class ReadableTests(SynchronousTestCase):
    """
    Tests of L{readable}.
    """

    def test_readable(self) -> None:
        """
        A name is the same text, however it came, and always Unicode.
        """
        for name in b"\xc3\xa4\xff", "\u00e4\udcff":
            self.assertEqual(readable(name), "\u00e4\\xff")
