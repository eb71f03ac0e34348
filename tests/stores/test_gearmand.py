"""
Tests for L{txgearman.stores.gearmand.queue}: tables as gearmand leaves them behind.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from txgearman.errors import StoreUnusable
from txgearman.stores.gearmand.sqlite import SQLiteQueue
from txgearman.stores.interface import SavedJob, Unreadable

TABLE = (
    "CREATE TABLE {} (unique_key TEXT, function_name TEXT, priority INTEGER,"
    " data BLOB, when_to_run INTEGER, PRIMARY KEY (unique_key, function_name))"
)


def theirs(number: int, *row: Any) -> SavedJob:
    """
    A job of gearmand's: function, unique, priority, workload and due time.
    """
    function, unique, priority, data, due = row
    handle = b"H:gearmand:%d" % number
    return SavedJob(
        number,
        handle,
        function,
        unique,
        priority,
        data,
        b"",
        float(due),
        0.0,
        number,
        0,
        b"",
    )


class SQLiteQueueTests(SynchronousTestCase):
    """
    Tests of L{SQLiteQueue}.
    """

    def setUp(self) -> None:
        """
        Make a folder for the file.
        """
        folder = TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.path = Path(folder.name) / "a b?%20.db"

    def keep(self, *rows: Sequence[Any], table: str = "gearman_queue") -> None:
        """
        Keep rows: unique, function, priority, workload and due time.
        """
        connection = sqlite3.connect(self.path)
        table = table.replace('"', '""')
        connection.execute(TABLE.format(f'"{table}"'))
        # As gearmand binds them: text may be any bytes.
        connection.executemany(
            f'INSERT INTO "{table}" VALUES (CAST(? AS TEXT), CAST(? AS TEXT), ?, ?, ?)',
            rows,
        )
        connection.commit()
        connection.close()

    def read(self, *options: str) -> list[SavedJob | Unreadable]:
        return list(SQLiteQueue(str(self.path), *options).read())

    def test_jobs(self) -> None:
        """
        All that gearmand keeps of a job is read, in the order of submitting, and
        an empty workload is one though gearmand cannot read it any more.
        """
        every = bytes(range(256))
        self.keep(
            (b"z", b"f", 1, b"data", 0),
            (b"y", b"f", 0, None, 0),
            (b"", b"f", 2, every, 0),
            (b"x\xff'", b"\xfe-g", 1, b"", 1795487460),
        )
        self.assertEqual(
            self.read(),
            [
                theirs(1, b"f", b"z", 1, b"data", 0),
                theirs(2, b"f", b"y", 0, b"", 0),
                theirs(3, b"f", b"", 2, every, 0),
                theirs(4, b"\xfe-g", b"x\xff'", 1, b"", 1795487460),
            ],
        )

    def test_unreadable(self) -> None:
        """
        A row that makes no sense is said, and the others are read.
        """
        self.keep(
            (b"u", None, 1, b"", 0),
            (b"v", b"", 1, b"", 0),
            (b"w", b"f", 3, b"", 0),
            (b"x", b"f", None, b"", 0),
            (b"y", b"f", 1, 5, 0),
            (b"z", b"f", 1, b"", "soon"),
            (b"a", b"f", 1, b"", -1),
            (b"b", b"f", 1.5, b"", 0),
            (None, b"f", 1, "text", 0),
        )
        *bad, good = self.read()
        self.assertEqual(good, theirs(9, b"f", b"", 1, b"text", 0))
        self.assertEqual(
            bad,
            [
                Unreadable("row 1", "function is empty"),
                Unreadable("row 2", "function is empty"),
                Unreadable("row 3", "priority is 3"),
                Unreadable("row 4", "priority is None"),
                Unreadable("row 5", "data is 5"),
                Unreadable("row 6", "when_to_run is b'soon'"),
                Unreadable("row 7", "due is -1.0"),
                Unreadable("row 8", "priority is 1.5"),
            ],
        )

    def test_table(self) -> None:
        """
        The table may have any name.
        """
        self.keep((b"u", b"f", 1, b"", 0), table='my "table"')
        found = self.read('my "table"')
        self.assertEqual(found, [theirs(1, b"f", b"u", 1, b"", 0)])

    def test_unusable(self) -> None:
        """
        A file that is not there is not made; one without the table, or of another
        kind, is refused.
        """
        self.assertIn("unable to open", self.refusal())
        self.assertFalse(self.path.exists())
        self.path.write_bytes(b"")
        self.assertIn("no such table: gearman_queue", self.refusal())
        self.path.write_bytes(b"no database" * 1000)
        self.assertIn("not a database", self.refusal())

    def refusal(self) -> str:
        with self.assertRaises(StoreUnusable) as caught:
            self.read()
        return str(caught.exception)
