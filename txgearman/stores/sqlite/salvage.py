"""
What is left in a damaged file of SQLite.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, suppress
from itertools import count
from typing import Any, Final

from txgearman.errors import StoreError
from txgearman.stores.interface import LIFE
from txgearman.stores.sqlite import schema

_DAMAGES: Final = ("SQLITE_CORRUPT", "SQLITE_NOTADB")

_LAST: Final = 2**63 - 1

# How many lives there may have been after that of the last job that can be read, when
# they are not written anywhere else.
_LOST_LIVES: Final = 1000

# Steps of one width on the way out of what cannot be read, before they double.
_STEPS_ALIKE: Final = 1000

# SQLite's own files beside a file.
_BESIDE: Final = ("-wal", "-shm")


class Damaged(StoreError):
    """
    The file of the jobs is damaged.
    """


def isDamage(error: sqlite3.Error) -> bool:
    """
    Does SQLite say that the file is damaged?
    """
    return getattr(error, "sqlite_errorname", "").startswith(_DAMAGES)


def survivors(connection: sqlite3.Connection) -> Iterator[Sequence[Any]]:
    """
    Yield the rows of the jobs that can still be read, by number.
    """
    query = f"SELECT {schema.COLUMNS} FROM jobs WHERE number >= ? ORDER BY number"
    # Or SQLite reads nothing of a file that is shorter than it should be.
    connection.execute("PRAGMA writable_schema = ON")
    start = 1
    while start <= _LAST:
        try:
            for row in connection.execute(query, (start,)):
                # A broken page may be in two places.
                if row[0] >= start:
                    yield row
                    start = int(row[0]) + 1
        except sqlite3.Error:
            start = _behind(connection, start)
        else:
            return


def _behind(connection: sqlite3.Connection, bad: int) -> int:
    """
    Find where rows can be read again, with steps that grow: a page that is lost may
    have had any numbers.
    """
    high = bad
    for tried in count():
        low, high = high, high + (1 << tried // _STEPS_ALIKE)
        if high > _LAST:
            return high
        if _readable(connection, high):
            break
    while high - low > 1:
        middle = (low + high) // 2
        if _readable(connection, middle):
            high = middle
        else:
            low = middle
    return high


def _readable(connection: sqlite3.Connection, number: int) -> bool:
    """
    Can it be said what the next number is from one on?
    """
    query = "SELECT number FROM jobs WHERE number >= ? ORDER BY number LIMIT 1"
    try:
        connection.execute(query, (number,)).fetchone()
    except sqlite3.Error:
        return False
    return True


def salvage(path: str) -> tuple[int, str]:
    """
    Put what survives in a damaged file into a new one in its place.

    @return: how many jobs, and where the damaged file is kept.
    @raise OSError: when the disk does not let it.
    @raise sqlite3.Error: when SQLite does not.
    """
    new, aside = f"{path}-salvaged", f"{path}-damaged-{time.time_ns()}"
    for name in (new, *(new + suffix for suffix in _BESIDE)):
        with suppress(FileNotFoundError):
            os.unlink(name)
    for suffix in ("", *_BESIDE):
        with suppress(FileNotFoundError):
            shutil.copy2(path + suffix, aside + suffix)
    _dropHalfPage(path)
    with (
        closing(sqlite3.connect(path, isolation_level=None)) as old,
        closing(sqlite3.connect(new, isolation_level=None)) as fresh,
    ):
        saved = _copy(old, fresh)
    for suffix in _BESIDE:
        with suppress(FileNotFoundError):
            os.unlink(path + suffix)
    os.replace(new, path)
    return saved, aside


def _dropHalfPage(path: str) -> None:
    """
    Drop what was left of the last page where a file was cut: SQLite would read zeros
    for the rest of it, and take them for the ends of workloads.
    """
    with open(path, "rb+") as file:
        page = int.from_bytes(file.read(18)[16:], "big")
        size = file.seek(0, os.SEEK_END)
        # For 65,536 there is no room in two bytes, and a 1 stands there.
        whole = size - size % (page if page > 1 else 65536)
        if whole:
            file.truncate(whole)


def _copy(old: sqlite3.Connection, fresh: sqlite3.Connection) -> int:
    marks = ", ".join("?" * (schema.COLUMNS.count(",") + 1))
    saved = last = 0
    fresh.execute("BEGIN")
    schema.migrate(fresh)
    for row in survivors(old):
        fresh.execute(f"INSERT INTO jobs ({schema.COLUMNS}) VALUES ({marks})", row)
        saved, last = saved + 1, row[0]
    lives = _lives(old)
    if lives is None:
        lives = last // LIFE + _LOST_LIVES
    fresh.execute("UPDATE server SET lives = ?", (lives,))
    fresh.execute("COMMIT")
    return saved


def _lives(connection: sqlite3.Connection) -> int | None:
    """
    How many lives the file has seen, if that can be read.
    """
    try:
        [found] = connection.execute("SELECT lives FROM server").fetchone()
    except (sqlite3.Error, TypeError):
        return None
    return found if isinstance(found, int) else None
