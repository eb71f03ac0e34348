"""
The tables of the embedded store, and what its file is told apart by.
"""

from __future__ import annotations

import sqlite3
import time
from typing import Final

from txgearman.errors import StoreError, StoreUnusable
from txgearman.stores.interface import SavedJob, SavedRecord

APPLICATION: Final = 0x74786731
"""What stands in the head of every file of ours: C{txg1}."""

# Where in the head of a file the end of that is.
_HEAD: Final = 72

# What has to be done to a file of version n to make it one of version n + 1.
_STEPS: Final = (
    # What is short stands first: SQLite walks through all of a workload to get at
    # what is behind it. The last two are for servers that share a store: who has the
    # job, and until when.
    """
    CREATE TABLE jobs (
        number INTEGER PRIMARY KEY,
        handle BLOB,
        function BLOB,
        "unique" BLOB,
        priority INTEGER,
        reducer BLOB,
        due REAL,
        submitted REAL,
        place INTEGER,
        attempts INTEGER,
        error BLOB,
        claimed_by INTEGER,
        claimed_until REAL,
        data BLOB
    );
    CREATE TABLE quarantine (
        reason TEXT,
        moment REAL,
        number,
        handle,
        function,
        "unique",
        priority,
        reducer,
        due,
        submitted,
        place,
        attempts,
        error,
        data
    );
    CREATE TABLE server (lives INTEGER);
    INSERT INTO server VALUES (0);
    """,
    # With row numbers, and not without: large values are out of the way then when a
    # key is looked up, and can be found in a damaged file.
    """
    CREATE TABLE records (
        kind TEXT,
        key BLOB,
        value BLOB,
        PRIMARY KEY (kind, key)
    );
    CREATE TABLE quarantined_records (
        reason TEXT,
        moment REAL,
        kind,
        key,
        value
    );
    """,
)
VERSION: Final = len(_STEPS)

IN_FILE: Final = (
    *("number", "handle", "function", "unique", "priority", "reducer", "due"),
    *("submitted", "place", "attempts", "error", "claimed_by", "claimed_until"),
    "data",
)
"""The columns of the jobs, in the order in which they stand in the file."""

# Failures that waiting does not end.
_LASTING: Final = ("SQLITE_PERM", "SQLITE_CANTOPEN", "SQLITE_READONLY", "SQLITE_AUTH")
# Failures of the moment, also while a file is opened.
_PASSING: Final = ("SQLITE_FULL", "SQLITE_IOERR", "SQLITE_BUSY", "SQLITE_LOCKED")

COLUMNS: Final = ", ".join(f'"{name}"' for name in SavedJob._fields)
"""The columns of a job, in the order of L{SavedJob}."""

RECORD: Final = ", ".join(SavedRecord._fields)
"""Those of a record, in the order in which they stand in the file, too."""


def check(connection: sqlite3.Connection, path: str) -> None:
    """
    See that a file is one of ours, or empty.

    @param path: what the connection is of.
    @raise StoreUnusable: when it is another program's, or a later version's.
    @raise sqlite3.Error: when it is one of ours and cannot be read.
    """
    if not _ours(connection, path):
        raise StoreUnusable(f"{path} is no file of txgearman's")
    [version] = connection.execute("PRAGMA user_version").fetchone()
    if version > VERSION:
        raise StoreUnusable(
            f"{path} was made by a later version of txgearman: its tables are of"
            f" version {version}, and known is {VERSION}"
        )


def _ours(connection: sqlite3.Connection, path: str) -> bool:
    """
    Is a file of ours, or new? What is damaged and another program's must not be
    taken for ours that is damaged.
    """
    try:
        [application] = connection.execute("PRAGMA application_id").fetchone()
        if application == APPLICATION:
            return True
        [tables] = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except sqlite3.OperationalError:
        # A file that cannot be opened, of whomever.
        raise
    except sqlite3.DatabaseError:
        with open(path, "rb") as file:
            head = file.read(_HEAD)
        return head[_HEAD - 4 :] == APPLICATION.to_bytes(4, "big")
    return not (application or tables)


def hasRecords(connection: sqlite3.Connection) -> bool:
    """
    Is there a place for records? Whoever only reads may find a file of an earlier
    version.
    """
    [version] = connection.execute("PRAGMA user_version").fetchone()
    return bool(version > 1)


def migrate(connection: sqlite3.Connection) -> None:
    """
    Make the tables, or bring them up to date, within a transaction.
    """
    [version] = connection.execute("PRAGMA user_version").fetchone()
    for step in _STEPS[version:]:
        for statement in step.split(";"):
            connection.execute(statement)
    connection.execute(f"PRAGMA application_id = {APPLICATION}")
    connection.execute(f"PRAGMA user_version = {VERSION}")


def nextLife(connection: sqlite3.Connection) -> int:
    """
    Count one more life, within a transaction.

    @return: its number.
    """
    connection.execute("UPDATE server SET lives = lives + 1")
    [life] = connection.execute("SELECT lives FROM server").fetchone()
    return int(life)


def setAside(connection: sqlite3.Connection, number: object, reason: str) -> None:
    """
    Put the row of a job into quarantine, within a transaction.
    """
    connection.execute(
        f"INSERT INTO quarantine (reason, moment, {COLUMNS})"
        f" SELECT ?, ?, {COLUMNS} FROM jobs WHERE number = ?",
        (reason, time.time(), number),
    )
    connection.execute("DELETE FROM jobs WHERE number = ?", (number,))


def setRecordAside(connection: sqlite3.Connection, row: int, reason: str) -> None:
    """
    Put a record into quarantine, within a transaction.

    @param row: the number of its row.
    """
    connection.execute(
        f"INSERT INTO quarantined_records (reason, moment, {RECORD})"
        f" SELECT ?, ?, {RECORD} FROM records WHERE rowid = ?",
        (reason, time.time(), row),
    )
    connection.execute("DELETE FROM records WHERE rowid = ?", (row,))


def errorOf(error: sqlite3.Error, kind: type[StoreError]) -> type[StoreError]:
    """
    What a failure of SQLite means.

    @param kind: what it is when nothing better is known.
    """
    name = getattr(error, "sqlite_errorname", "")
    if name.startswith(_LASTING):
        return StoreUnusable
    return StoreError if name.startswith(_PASSING) else kind
