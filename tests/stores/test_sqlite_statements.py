"""
Tests for L{txgearman.stores.sqlite.statements}.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from txgearman.stores.interface import Batch, SavedJob, SavedRecord
from txgearman.stores.sqlite import schema
from txgearman.stores.sqlite.statements import statementsOf
from txgearman.testing.stores import savedJob


class StatementsTests(SynchronousTestCase):
    """
    What SQLite is told, and how often.
    """

    def passed(self, batch: Batch) -> list[Any]:
        """
        Everything that is passed to SQLite.
        """
        return [value for _, values in statementsOf(batch) for value in values]

    def saved(self, jobs: list[SavedJob]) -> list[SavedJob]:
        """
        Let SQLite do what it is told of new jobs.

        @return: what it knows then, by number.
        """
        with closing(sqlite3.connect(":memory:")) as connection:
            schema.migrate(connection)
            for statement, values in statementsOf(Batch(jobs)):
                connection.execute(statement, values)
            rows = connection.execute(
                f"SELECT {schema.COLUMNS} FROM jobs ORDER BY number"
            )
            return [SavedJob._make(row).check() for row in rows]

    def test_alike(self) -> None:
        """
        What all jobs of a batch share is passed once, whatever it is.
        """
        shared: list[dict[str, Any]] = [
            {},
            {"function": b"a function", "priority": 0},
            {"function": b"\0\xff", "unique": b"-", "priority": 2},
        ]
        for others in shared:
            for count in 1, 2, 16, 17, 600:
                jobs = [
                    savedJob(n, data=b"%d\0" % n, submitted=n / 8, **others)
                    for n in range(1, count + 1)
                ]
                self.assertEqual(self.saved(jobs), jobs)
                passed = self.passed(Batch(jobs))
                self.assertLess(len(passed), 4 * (count + 16) + 6)
                self.assertLessEqual(passed.count(jobs[0].function), 2)

    def test_different(self) -> None:
        """
        One job that differs from the others is kept as it is, and so are they.
        """
        differences: list[dict[str, Any]] = [
            {"function": b"another"},
            {"unique": b"u"},
            {"priority": 0},
            {"reducer": b"r"},
            {"due": 2e9},
            {"place": 50},
            {"attempts": 1},
            {"error": b"e"},
            {"data": b"x" * 5000},
        ]
        for different in differences:
            for place in 1, 9, 17:
                jobs = [savedJob(n) for n in range(1, 18)]
                jobs[place - 1] = savedJob(place, **different)
                self.assertEqual(self.saved(jobs), jobs)

    def test_heavy(self) -> None:
        """
        No workload of any size is passed to SQLite more often than once.
        """
        for sizes in ([1] * 16 + [100_000], [100_000, *[1] * 16], [5000] * 17):
            jobs = [savedJob(n, data=b"x" * size) for n, size in enumerate(sizes, 1)]
            large = [
                value
                for value in self.passed(Batch(jobs))
                if isinstance(value, bytes | bytearray) and len(value) >= 5000
            ]
            expected = sum(size for size in sizes if size >= 5000)
            self.assertEqual(sum(map(len, large)), expected)

    def test_heavyRecords(self) -> None:
        """
        Nor is the value of a record.
        """
        records = [
            SavedRecord("dead", b"%d" % n, b"x" * size)
            for n, size in enumerate([100_000, 5000, *[10] * 17])
        ]
        passed = self.passed(Batch(records=records))
        large = [value for value in passed if len(value) >= 5000]
        self.assertEqual(sorted(map(len, large)), [5000, 100_000])
