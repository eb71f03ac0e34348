"""
Tests of L{benchmarks.results} and L{benchmarks.report}.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from benchmarks.report import section
from benchmarks.results import Table


class TableTests(SynchronousTestCase):
    """
    Tests of L{Table}, and of how it is shown.
    """

    def setUp(self) -> None:
        """
        Three rounds of two servers, the second of them on a busy machine.
        """
        self.table = Table("serving", "Servers", ["theirs"])
        for theirs, ours in [(100.0, 50.0), (10.0, 4.0), (120.0, 72.0)]:
            self.table.add("echo", "theirs", {"rate": theirs})
            self.table.add("echo", "ours", {"rate": ours})

    def test_median(self) -> None:
        """
        A figure is the median of its rounds, a ratio that of the rounds' ratios.
        """
        theirs, ours = self.table.rows
        self.assertEqual(theirs.median("rate"), 100.0)
        self.assertEqual(ours.median("rate"), 50.0)
        self.assertEqual(ours.ratio("rate", theirs), 0.5)

    def test_none(self) -> None:
        """
        What was not measured has neither median nor ratio; nor is anything
        compared with nothing.
        """
        theirs, ours = self.table.rows
        self.assertIsNone(ours.median("cpu"))
        self.assertIsNone(ours.ratio("cpu", theirs))
        self.table.add("idle", "theirs", {"rate": 0.0})
        self.table.add("idle", "ours", {"rate": 1.0})
        theirs, ours = self.table.rows[2:]
        self.assertIsNone(ours.ratio("rate", theirs))

    def test_unknown(self) -> None:
        """
        A figure without a column is refused.
        """
        self.assertRaises(ValueError, self.table.add, "echo", "ours", {"spin": 1.0})

    def test_section(self) -> None:
        """
        Cases in which different things were measured are tables of their own.
        """
        self.table.add("drain", "ours", {"rate": 1234.5, "cpu": 20.25})
        self.assertEqual(
            list(section(self.table)),
            [
                "## Servers",
                "",
                "| case |  | a second | / theirs |",
                "| --- | --- | ---: | ---: |",
                "| echo | theirs | 100 | 1.00 |",
                "| echo | ours | 50 | 0.50 |",
                "",
                "| case |  | a second | / theirs | server CPU, µs each | / theirs |",
                "| --- | --- | ---: | ---: | ---: | ---: |",
                "| drain | ours | 1,234 | - | 20.2 | - |",
            ],
        )
