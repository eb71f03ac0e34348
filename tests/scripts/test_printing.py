"""
Tests for L{txgearman.scripts.printing}.
"""

from __future__ import annotations

import os
from base64 import b64decode
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from zope.interface.verify import verifyObject

from tests.scripts.stage import ToolTestCase, remoteJob
from txgearman.client.job import IJobListener
from txgearman.errors import (
    JobException,
    JobFailed,
    JobLost,
    QueueFull,
    ServerError,
)
from txgearman.scripts.printing import IPrinter, JSONPrinter, PlainPrinter

ANYTHING = settings(max_examples=100, deadline=None, derandomize=True, database=None)

NOTHING = (b"", b"")


class PrinterTestCase(ToolTestCase):
    """
    Tests of a printer, which hears of a job.
    """

    def setUp(self) -> None:
        super().setUp()
        self.job = remoteJob("reverse")

    def printed(self) -> tuple[bytes, bytes]:
        """
        What was written to stdout and stderr since the last time.
        """
        return self.out.take(), self.err.take()


class PlainTests(PrinterTestCase):
    """
    Tests of L{PlainPrinter}.
    """

    def setUp(self) -> None:
        super().setUp()
        self.printer = PlainPrinter()
        self.prefixing = PlainPrinter(prefix=True, handles=True)

    def test_interfaces(self) -> None:
        """
        It is a printer, and so hears of jobs as a listener.
        """
        verifyObject(IPrinter, self.printer)
        verifyObject(IJobListener, self.printer)

    def test_handles(self) -> None:
        """
        Handles are printed for those who want them, and never with a prefix.
        """
        self.printer.created(self.job)
        self.assertEqual(self.printed(), NOTHING)
        self.prefixing.created(self.job)
        self.assertEqual(self.printed(), (b"Task created: H:jobs:1\n", b""))

    def test_result(self) -> None:
        """
        Data and results go to stdout as they are, and nothing is added.
        """
        for data in b"", b"text", b"\xff\0\n\x1b[2J", b"no end":
            self.printer.dataReceived(self.job, data)
            self.assertEqual(self.printed(), (data, b""))
            self.printer.completed(self.job, data)
            self.assertEqual(self.printed(), (data, b""))

    def test_warning(self) -> None:
        """
        Warnings go to stderr as they are.
        """
        self.printer.warningReceived(self.job, b"careful\xff")
        self.assertEqual(self.printed(), (b"", b"careful\xff"))

    def test_status(self) -> None:
        """
        Progress is a percentage without a fraction; of nothing it is 0.
        """
        rows = [
            (1, 2, b"50"),
            (2, 3, b"66"),
            (0, 10, b"0"),
            (10, 10, b"100"),
            (30, 10, b"300"),
            (0, 0, b"0"),
            (7, 0, b"0"),
            (4294967295, 4294967295, b"100"),
        ]
        for numerator, denominator, percent in rows:
            self.printer.statusReceived(self.job, numerator, denominator)
            self.assertEqual(self.printed(), (percent + b"% Complete\n", b""))

    def test_failed(self) -> None:
        """
        Failures go to stderr: what an exception says is one line, and what is no
        fault of the job is said by the tool.
        """
        rows = [
            (JobFailed(handle=b"H:1"), b"Job failed\n"),
            (JobException(b"boom", handle=b"H:1"), b"boom\n"),
            (JobException(b"boom\n", handle=b"H:1"), b"boom\n"),
            (JobException(b"\xff", handle=b"H:1"), b"\xff\n"),
            (JobException(b"", handle=b"H:1"), b"\n"),
            (QueueFull(), b"txgearman: QUEUE_ERROR: Job queue is full\n"),
            (JobLost("gone", handle=b"H:1"), b"txgearman: H:1: gone\n"),
        ]
        for error, expected in rows:
            self.printer.failed("reverse", error, None)
            self.assertEqual(self.printed(), (b"", expected))

    def test_prefix(self) -> None:
        """
        The function's name stands before all that is said about its jobs.
        """
        self.prefixing.dataReceived(self.job, b"a")
        self.prefixing.completed(self.job, b"b\n")
        self.prefixing.statusReceived(self.job, 1, 4)
        self.assertEqual(
            self.printed(), (b"reverse: areverse: b\nreverse: 25% Complete\n", b"")
        )
        self.prefixing.warningReceived(self.job, b"w")
        self.prefixing.failed("reverse", JobFailed(), None)
        self.assertEqual(self.printed(), (b"", b"reverse: wreverse: Job failed\n"))

    def test_hostileName(self) -> None:
        """
        A function whose name is no text breaks nothing.
        """
        job = remoteJob(os.fsdecode(b"f\xff"))
        self.prefixing.completed(job, b"r")
        self.assertEqual(self.printed(), (b"f\\udcff: r", b""))

    def test_finished(self) -> None:
        """
        At the end nothing is printed.
        """
        self.printer.finished()
        self.assertEqual(self.printed(), NOTHING)


class JSONTests(PrinterTestCase):
    """
    Tests of L{JSONPrinter}.
    """

    def setUp(self) -> None:
        super().setUp()
        self.printer = JSONPrinter()

    def says(self, event: str, **more: Any) -> None:
        """
        Check that one thing was said, and nothing on stderr.
        """
        expected = {"event": event, "function": "reverse", "handle": "H:jobs:1"}
        self.assertEqual(self.out.values(), [expected | more])
        self.assertEqual(self.err.take(), b"")

    def test_interfaces(self) -> None:
        """
        It is a printer, and so hears of jobs as a listener.
        """
        verifyObject(IPrinter, self.printer)
        verifyObject(IJobListener, self.printer)

    def test_created(self) -> None:
        """
        Of a job one learns where it is, and by what else it can be asked for.
        """
        self.printer.created(self.job)
        self.says("created", server="jobs", unique="u")

    def test_data(self) -> None:
        """
        Data, warnings and results are text, or bytes in base 64.
        """
        self.printer.dataReceived(self.job, b"a\n")
        self.says("data", data="a\n")
        self.printer.dataReceived(self.job, b"\xff")
        self.says("data", dataBase64="/w==")
        self.printer.warningReceived(self.job, b"w")
        self.says("warning", data="w")
        self.printer.warningReceived(self.job, b"\xff")
        self.says("warning", dataBase64="/w==")
        self.printer.completed(self.job, b"")
        self.says("completed", result="")
        self.printer.completed(self.job, b"\xff")
        self.says("completed", resultBase64="/w==")

    def test_status(self) -> None:
        """
        Progress is the worker's own numbers, also when they make no sense.
        """
        for numerator, denominator in (1, 2), (0, 0), (5, 0), (9, 3):
            self.printer.statusReceived(self.job, numerator, denominator)
            self.says("status", numerator=numerator, denominator=denominator)

    def test_failed(self) -> None:
        """
        Failures say which kind they are, and of an exception what the worker
        said.
        """
        self.printer.failed("reverse", JobFailed("no", handle=b"H:jobs:1"), None)
        self.says("failed", error="JobFailed", text="H:jobs:1: no")
        self.printer.failed("reverse", JobException(b"boom", handle=b"H:jobs:1"), None)
        text = "H:jobs:1: boom"
        self.says("failed", error="JobException", text=text, exception="boom")
        self.printer.failed("reverse", JobException(b"\xff", handle=b"H:jobs:1"), None)
        text = "H:jobs:1: \\xff"
        self.says("failed", error="JobException", text=text, exceptionBase64="/w==")
        self.printer.failed("reverse", QueueFull(), None)
        text = "QUEUE_ERROR: Job queue is full"
        self.says("failed", handle="", error="QueueFull", text=text)

    def test_finished(self) -> None:
        """
        At the end nothing is printed.
        """
        self.printer.finished()
        self.assertEqual(self.printed(), NOTHING)

    @ANYTHING
    @given(st.text(), st.binary(), st.binary(), st.integers())
    def test_anything(
        self, function: str, name: bytes, data: bytes, number: int
    ) -> None:
        """
        Whatever comes off the wire, each event is a line of valid JSON from
        which data can be had back.
        """
        job = remoteJob(function, handle=name, unique=name)
        printer = self.printer
        printer.created(job)
        printer.dataReceived(job, data)
        printer.warningReceived(job, data)
        printer.statusReceived(job, number, number)
        printer.completed(job, data)
        printer.failed(function, JobException(data, handle=name), None)
        printer.failed(function, ServerError(name, data), None)
        told = self.out.values()
        events = ["created", "data", "warning", "status", "completed", *["failed"] * 2]
        self.assertEqual([one["event"] for one in told], events)
        self.assertEqual({one["function"] for one in told}, {function})
        for one, key in (told[1], "data"), (told[4], "result"), (told[5], "exception"):
            had = (
                b64decode(one[f"{key}Base64"]) if key not in one else one[key].encode()
            )
            self.assertEqual(had, data)
