"""
Tests for L{txgearman.stores.sql.tables}, with a database in memory.
"""

from __future__ import annotations

from unittest.mock import patch

from sqlalchemy import Connection, create_engine, func, insert, inspect, select, text
from twisted.trial.unittest import SynchronousTestCase

from txgearman.errors import StoreUnusable
from txgearman.stores.sql import tables
from txgearman.testing.stores import savedJob


def addColumn(connection: Connection) -> None:
    """
    A made-up step to the third version.
    """
    connection.execute(text("ALTER TABLE txgearman_jobs ADD COLUMN color INTEGER"))


def paint(connection: Connection) -> None:
    """
    A made-up step to the fourth version, which needs the one before.
    """
    connection.execute(text("UPDATE txgearman_jobs SET color = 7"))


class TableTests(SynchronousTestCase):
    """
    Tests of how the tables come and change.
    """

    def setUp(self) -> None:
        """
        Make a database.
        """
        engine = create_engine("sqlite://")
        self.connection = engine.connect()
        self.addCleanup(engine.dispose)
        self.addCleanup(self.connection.close)

    def look(self) -> int:
        """
        Look for the version.
        """
        with self.connection.begin():
            return tables.look(self.connection)

    def names(self) -> list[str]:
        """
        Look for the tables.
        """
        with self.connection.begin():
            return inspect(self.connection).get_table_names()

    def test_made(self) -> None:
        """
        Tables that are not there are made, and those that are, are left.
        """
        self.assertEqual(self.look(), 0)
        for _ in range(2):
            tables.bringUpToDate(self.connection)
            self.assertEqual(self.look(), 2)
        self.assertEqual(
            self.names(),
            [
                "txgearman_jobs",
                "txgearman_meta",
                "txgearman_quarantine",
                "txgearman_quarantined_records",
                "txgearman_records",
            ],
        )

    def test_first(self) -> None:
        """
        Tables of the first version, which had no records, get a place for them; what
        is in the others stays, and a step that had no end is taken again.
        """
        tables.bringUpToDate(self.connection)
        job = insert(tables.JOBS).values(**savedJob(1)._asdict())
        with self.connection.begin():
            self.connection.execute(job)
            for name in "records", "quarantined_records":
                self.connection.execute(text(f"DROP TABLE txgearman_{name}"))
        for _ in range(2):
            with self.connection.begin():
                self.connection.execute(
                    text("UPDATE txgearman_meta SET value = 1 WHERE name = 'version'")
                )
            self.assertEqual(self.look(), 1)
            tables.bringUpToDate(self.connection)
            self.assertEqual(self.look(), 2)
            self.assertEqual(len(self.names()), 5)
        with self.connection.begin():
            numbers = self.connection.execute(select(tables.JOBS.c.number))
            self.assertEqual(numbers.all(), [(1,)])

    def test_lives(self) -> None:
        """
        Lives are counted, whatever happens to the tables in between.
        """
        for number in (1, 2, 3):
            tables.bringUpToDate(self.connection)
            with self.connection.begin():
                self.assertEqual(tables.nextLife(self.connection), number)
                self.assertEqual(tables.life(self.connection), number)

    def test_interrupted(self) -> None:
        """
        Tables of a first time that had no end are finished the second time.
        """
        tables.bringUpToDate(self.connection)
        with self.connection.begin():
            self.connection.execute(text("DELETE FROM txgearman_meta"))
            self.connection.execute(text("DROP TABLE txgearman_quarantine"))
        self.assertEqual(self.look(), 0)
        self.test_lives()
        self.assertEqual(self.look(), 2)

    def test_steps(self) -> None:
        """
        Each step from the version that is there is taken once, in order.
        """
        tables.bringUpToDate(self.connection)
        with self.connection.begin():
            self.connection.execute(insert(tables.JOBS).values(**savedJob(1)._asdict()))
        for more in ((addColumn,), (addColumn, paint), (addColumn, paint)):
            with patch.object(tables, "STEPS", (*tables.STEPS, *more)):
                tables.bringUpToDate(self.connection)
                self.assertEqual(self.look(), 2 + len(more))
        with self.connection.begin():
            colors = self.connection.execute(text("SELECT color FROM txgearman_jobs"))
            self.assertEqual(colors.all(), [(7,)])

    def test_newer(self) -> None:
        """
        Tables that a later version made are refused, and stay as they are.
        """
        with patch.object(tables, "STEPS", (*tables.STEPS, addColumn)):
            tables.bringUpToDate(self.connection)
        self.assertRaises(StoreUnusable, tables.bringUpToDate, self.connection)
        error = self.assertRaises(StoreUnusable, self.look)
        self.assertIn("version 3", str(error))

    def test_setAside(self) -> None:
        """
        What is set aside is in quarantine, all of it, and no more among the jobs;
        a second one with the same number stands beside it.
        """
        tables.bringUpToDate(self.connection)
        for data in (b"first", b"second"):
            job = savedJob(1, data=data)
            with self.connection.begin():
                self.connection.execute(insert(tables.JOBS).values(**job._asdict()))
                tables.setAside(self.connection, 1, f"bad {data!r}")
        columns = tables.QUARANTINE.c
        with self.connection.begin():
            rows = self.connection.execute(
                select(columns.reason, *(columns[name] for name in job._fields))
            ).all()
            left = self.connection.execute(select(func.count(tables.JOBS.c.number)))
            self.assertEqual(left.scalar(), 0)
        self.assertEqual(
            [tuple(row) for row in rows],
            [
                (f"bad {data!r}", *savedJob(1, data=data))
                for data in (b"first", b"second")
            ],
        )
