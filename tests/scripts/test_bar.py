"""
Tests for L{txgearman.scripts.bar}: progress on a terminal.
"""

from __future__ import annotations

import os
import sys
from unittest.mock import patch

from zope.interface.verify import verifyObject

from tests.scripts.stage import ToolTestCase, remoteJob
from txgearman.errors import JobFailed
from txgearman.scripts.bar import BarPrinter
from txgearman.scripts.printing import IPrinter

# What makes rich draw bars, on whatever terminal the tests run.
TERMINAL = {"TERM": "xterm-256color", "COLUMNS": "100", "LINES": "20"}

HIDE = b"\x1b[?25l"
SHOW = b"\x1b[?25h"


class BarTests(ToolTestCase):
    """
    Tests of L{BarPrinter}.
    """

    def setUp(self) -> None:
        super().setUp()
        environment = patch.dict(os.environ, TERMINAL)
        environment.start()
        self.addCleanup(environment.stop)
        self.out.terminal = True
        self.job = remoteJob("reverse")
        self.printer = BarPrinter()
        self.addCleanup(self.printer.finished)

    def test_interface(self) -> None:
        """
        It is a printer.
        """
        verifyObject(IPrinter, self.printer)

    def test_progress(self) -> None:
        """
        Progress is a bar with the function's name, and without the cursor.
        """
        self.printer.statusReceived(self.job, 1, 4)
        drawn = self.out.take()
        self.assertIn(b"reverse", drawn)
        self.assertIn(b" 25%", drawn)
        self.assertIn(HIDE, drawn)
        self.printer.statusReceived(self.job, 3, 4)
        self.assertIn(b" 75%", self.out.take())

    def test_noFraction(self) -> None:
        """
        Progress that is no fraction is none, and there is never more than all.
        """
        for numerator, denominator, percent in (1, 0, b"  0%"), (9, 3, b"100%"):
            self.printer.statusReceived(self.job, numerator, denominator)
            self.assertIn(percent, self.out.take())

    def test_completed(self) -> None:
        """
        The bar is gone, and the cursor is back, when the result is printed.
        """
        self.printer.statusReceived(self.job, 1, 4)
        self.out.take()
        self.printer.completed(self.job, b"result\n")
        self.assertTrue(self.out.take().endswith(b"result\n"))
        self.printer.finished()
        self.assertEqual(self.out.take(), b"")
        self.printer.statusReceived(remoteJob("other"), 1, 2)
        drawn = self.out.take()
        self.assertIn(b"other", drawn)
        self.assertNotIn(b"reverse", drawn)

    def test_outOfTheWay(self) -> None:
        """
        Data and warnings are printed where no bar is, and the bar comes back
        with the next progress.
        """
        self.printer.statusReceived(self.job, 1, 4)
        self.out.take()
        self.printer.dataReceived(self.job, b"data\n")
        drawn = self.out.take()
        self.assertTrue(drawn.endswith(b"data\n"))
        self.assertIn(SHOW, drawn)
        self.printer.statusReceived(self.job, 2, 4)
        self.assertIn(b" 50%", self.out.take())
        self.printer.warningReceived(self.job, b"careful\n")
        self.assertIn(SHOW, self.out.take())
        self.assertEqual(self.err.take(), b"careful\n")
        self.printer.statusReceived(self.job, 3, 4)
        self.assertIn(b" 75%", self.out.take())

    def test_severalJobs(self) -> None:
        """
        Each job has its bar, until it is over.
        """
        other = remoteJob("other")
        self.printer.statusReceived(self.job, 1, 4)
        self.printer.statusReceived(other, 3, 4)
        drawn = self.out.take()
        for part in b"reverse", b" 25%", b"other", b" 75%":
            self.assertIn(part, drawn)
        self.printer.completed(self.job, b"")
        self.out.take()
        self.printer.statusReceived(other, 4, 4)
        self.assertNotIn(b"reverse", self.out.take())

    def test_failedBar(self) -> None:
        """
        The bar of a job that failed does not come back with the next one's.
        """
        self.printer.statusReceived(self.job, 1, 4)
        self.printer.failed("reverse", JobFailed(handle=b"H:jobs:1"), self.job)
        self.out.take()
        self.printer.statusReceived(remoteJob("other"), 1, 2)
        self.assertNotIn(b"reverse", self.out.take())

    def test_failed(self) -> None:
        """
        When a job fails the terminal is as it was, and the failure is printed.
        """
        self.printer.statusReceived(self.job, 1, 4)
        self.out.take()
        self.printer.failed("reverse", JobFailed(handle=b"H:jobs:1"), self.job)
        self.assertIn(SHOW, self.out.take())
        self.assertEqual(self.err.take(), b"Job failed\n")

    def test_markup(self) -> None:
        """
        What looks like markup in a function's name is none.
        """
        self.printer.statusReceived(remoteJob("[bold]f[/nosuch]"), 1, 2)
        self.assertIn(b"[bold]f[/nosuch]", self.out.take())

    def test_withoutProgress(self) -> None:
        """
        A job that reports no progress is printed as without a terminal.
        """
        printer = BarPrinter(prefix=True, handles=True)
        printer.created(self.job)
        printer.completed(self.job, b"result")
        printer.finished()
        expected = b"Task created: H:jobs:1\nreverse: result"
        self.assertEqual(self.out.take(), expected)

    def test_finished(self) -> None:
        """
        At the end the terminal is as it was, with its own stdout.
        """
        self.printer.statusReceived(self.job, 1, 4)
        self.out.take()
        self.printer.finished()
        self.assertIn(SHOW, self.out.take())
        self.assertIs(sys.stdout, self.out)
