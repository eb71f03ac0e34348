"""
Tests for L{txgearman.stores.interface}.
"""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from txgearman.errors import BadRow
from txgearman.stores.interface import LIFE, Batch, JobUpdate, SavedJob, SavedRecord
from txgearman.testing.stores import savedJob

GOOD: list[dict[str, Any]] = [
    {},
    {"number": 1},
    {"number": 2**63 - 1},
    {"handle": b"h" * 63},
    {"handle": b"\0"},
    {"function": b"\xff" * 5000},
    {"unique": b""},
    {"unique": bytes(64)},
    {"priority": 0},
    {"priority": 2},
    {"data": b""},
    {"data": bytes(range(256))},
    {"due": 0.0},
    {"due": 2.0**53 - 1},
    {"attempts": 10**6},
    {"place": 2**63 - 1},
    {"error": b"worker lost"},
    {"function": b""},
    {"due": 2.0**63},
]
"""What a job that is kept may be."""

BAD: list[tuple[str, Any]] = [
    *[("number", value) for value in (0, -1, 2**63, 1.0, True, "1", b"1", None)],
    *[("handle", value) for value in (b"", b"h" * 64, "H:1", None, bytearray(b"h"))],
    *[("function", value) for value in ("f", None)],
    *[("unique", value) for value in ("", None, 0)],
    *[("priority", value) for value in (-1, 3, 1.0, "1", None, False)],
    *[("data", value) for value in ("", None, memoryview(b"x"), 5)],
    *[("reducer", value) for value in ("", None)],
    *[("due", v) for v in (-1.0, float("nan"), float("inf"), 0, None, "0")],
    *[("submitted", v) for v in (-0.5, float("nan"), float("-inf"), 1, None)],
    *[("place", value) for value in (1.0, None, "1")],
    *[("attempts", value) for value in (-1, 1.0, None)],
    *[("error", value) for value in ("", None)],
]
"""Members of a job, and what they cannot be."""


class CheckTests(SynchronousTestCase):
    """
    What can be a job.
    """

    def test_good(self) -> None:
        """
        A job is returned as it is.
        """
        for changes in GOOD:
            job = savedJob(7)._replace(**changes)
            self.assertIs(job.check(), job, changes)

    def test_bad(self) -> None:
        """
        Anything else is refused with a short line that names the member.
        """
        for name, value in BAD:
            job = savedJob(7)._replace(**{name: value})
            error = self.assertRaises(BadRow, job.check)
            self.assertTrue(str(error).startswith(name), (name, value, str(error)))
            self.assertLess(len(str(error)), 100)
            self.assertNotIn("\n", str(error))

    def test_every(self) -> None:
        """
        Each member is looked at.
        """
        self.assertEqual({name for name, _ in BAD}, set(SavedJob._fields))

    def test_longValue(self) -> None:
        """
        What is wrong is not repeated at length: it may be a workload.
        """
        job = savedJob(7)._replace(data="x" * 10**6)  # type: ignore[arg-type]
        self.assertLess(len(str(self.assertRaises(BadRow, job.check))), 100)


class RecordTests(SynchronousTestCase):
    """
    What can be a record that is kept.
    """

    def test_good(self) -> None:
        """
        A record is returned as it is.
        """
        for record in (
            SavedRecord("a", b"k", b""),
            SavedRecord("abcdefghijklmnop", b"\0" * 4200, bytes(range(256))),
        ):
            self.assertIs(record.check(), record)

    def test_bad(self) -> None:
        """
        Anything else is refused with a short line that names the member.
        """
        bad: list[tuple[str, Any]] = [
            *[("kind", v) for v in ("", "a" * 17, "A", "a1", "a:b", "ä", "a\n", b"a")],
            *[("kind", value) for value in (None, 5)],
            *[("key", value) for value in (b"", b"k" * 4201, "k", None, bytearray(9))],
            *[("value", value) for value in (None, "v", 5, bytearray(9), "v" * 10**6)],
        ]
        for name, value in bad:
            record = SavedRecord("kind", b"key", b"value")._replace(**{name: value})
            error = self.assertRaises(BadRow, record.check)
            self.assertTrue(str(error).startswith(name), (name, value, str(error)))
            self.assertLess(len(str(error)), 100)
            self.assertLess(len(record.name), 150)

    def test_name(self) -> None:
        """
        It is called by its kind and key, as one line.
        """
        record = SavedRecord("policy", b"a\n\xff", b"")
        self.assertEqual(record.name, r"policy record b'a\n\xff'")


class BatchTests(SynchronousTestCase):
    """
    Changes.
    """

    def test_nothing(self) -> None:
        """
        A batch has nothing in it unless it is given something.
        """
        batch = Batch()
        self.assertEqual((batch.inserts, batch.updates, batch.deletes), ((), (), ()))
        self.assertEqual(batch.records, ())

    def test_update(self) -> None:
        """
        All that may change of a job is part of a job.
        """
        self.assertLess(set(JobUpdate._fields), set(SavedJob._fields))

    def test_lives(self) -> None:
        """
        The numbers of millions of lives fit.
        """
        self.assertLess(5_000_000 * LIFE, 2**63)
