"""
Tests for L{txgearman.fleet.report}.
"""

from __future__ import annotations

import json

from twisted.trial.unittest import SynchronousTestCase

from txgearman.fleet.report import Report


class ReportTests(SynchronousTestCase):
    """
    What a child tells of itself.
    """

    def setUp(self) -> None:
        self.report = Report()

    def say(self, **said: object) -> None:
        self.report.feed(json.dumps(said).encode() + b"\n")

    def test_life(self) -> None:
        """
        A child says that it serves, what it does, and that it ends.
        """
        self.assertFalse(self.report.ready)
        self.say(ready=True, functions=["a", "b"])
        self.assertTrue(self.report.ready)
        self.assertEqual(self.report.functions, ("a", "b"))
        self.assertEqual(self.report.current, ("", ""))
        self.say(began={"handle": "H:1", "function": "a"})
        self.assertEqual(self.report.current, ("a", "H:1"))
        self.say(ended={"handle": "H:1"}, jobs=1)
        self.assertEqual(self.report.current, ("", ""))
        self.assertEqual(self.report.jobs, 1)
        self.assertFalse(self.report.draining)
        self.say(draining=True)
        self.assertTrue(self.report.draining)

    def test_several(self) -> None:
        """
        Of several jobs that run the current one is that which began last.
        """
        for number in "123":
            self.say(began={"handle": f"H:{number}", "function": f"f{number}"})
        self.say(ended={"handle": "H:3"}, jobs=1)
        self.assertEqual(self.report.current, ("f2", "H:2"))

    def test_nonsense(self) -> None:
        """
        What cannot be understood changes nothing.
        """
        for line in [
            b"",
            b"\xff",
            b"{",
            b"[]",
            b"1",
            b"null",
            b"[" * 30_000,
            b'{"ready": "yes", "functions": 3, "jobs": "x", "began": [], "ended": 1}',
            b'{"draining": 1}',
            b'{"ready": true, "x": "' + b"x" * 70_000 + b'"}',
        ]:
            self.report.feed(line + b"\n")
        self.assertFalse(self.report.ready)
        self.assertFalse(self.report.draining)
        self.assertEqual(self.report.functions, ())
        self.assertEqual(self.report.jobs, 0)
        self.say(ready=True)
        self.assertTrue(self.report.ready)

    def test_many(self) -> None:
        """
        A child that never says that jobs have ended fills no memory.
        """
        for number in range(5000):
            self.say(began={"handle": str(number), "function": "f"})
        self.assertLessEqual(len(self.report.running), 1000)
