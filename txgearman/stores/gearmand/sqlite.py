"""
The queue that C{gearmand -q libsqlite3} keeps.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from txgearman.errors import StoreUnusable
from txgearman.stores.gearmand.queue import COLUMNS, jobsFrom
from txgearman.stores.interface import SavedJob, Unreadable


class SQLiteQueue:
    """
    What C{gearmand -q libsqlite3} keeps.
    """

    def __init__(self, path: str, table: str = "gearman_queue") -> None:
        """
        @param path: C{--libsqlite3-db}.
        @param table: C{--libsqlite3-table}.
        """
        self._path = path
        self._table = table

    def read(self) -> Iterator[SavedJob | Unreadable]:
        """
        Yield all that is in it, in the order of submitting.
        """
        # Not read-only: a gearmand that was killed may have left a transaction
        # that SQLite has to roll back.
        uri = f"{Path(self._path).absolute().as_uri()}?mode=rw"
        try:
            with closing(sqlite3.connect(uri, uri=True)) as connection:
                connection.execute("PRAGMA query_only = ON")
                # What it calls text is what clients sent.
                connection.text_factory = bytes
                yield from jobsFrom(self._rows(connection))
        except sqlite3.Error as error:
            raise StoreUnusable(str(error)) from None

    def _rows(
        self, connection: sqlite3.Connection
    ) -> Iterator[tuple[str, Sequence[Any]]]:
        table = self._table.replace('"', '""')
        select = f'SELECT rowid, {", ".join(COLUMNS)} FROM "{table}" ORDER BY rowid'
        for number, *row in connection.execute(select):
            yield f"row {number}", row
