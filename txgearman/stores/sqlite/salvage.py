"""
What is left in a damaged file of SQLite.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import time
from collections.abc import Iterable
from contextlib import closing, suppress
from typing import Final

from txgearman.errors import StoreError
from txgearman.stores.interface import LIFE, SavedJob, SavedRecord
from txgearman.stores.sqlite import schema
from txgearman.stores.sqlite.carving import survivors

_DAMAGES: Final = ("SQLITE_CORRUPT", "SQLITE_NOTADB")

# How many lives there may have been after that of the last job that can be read, when
# they are not written anywhere else.
_LOST_LIVES: Final = 1000

# SQLite's own files beside a file.
_BESIDE: Final = ("-wal", "-shm")
_ALL: Final = ("", *_BESIDE)


class Damaged(StoreError):
    """
    The file of the jobs is damaged.
    """


def isDamage(error: sqlite3.Error) -> bool:
    """
    Does SQLite say that the file is damaged?
    """
    return getattr(error, "sqlite_errorname", "").startswith(_DAMAGES)


def salvage(path: str) -> tuple[int, int, str]:
    """
    Put what survives in a damaged file into a new one in its place.

    @return: how many jobs, how many records, and where the damaged file is kept.
    @raise OSError: when the disk does not let it.
    @raise sqlite3.Error: when SQLite does not.
    """
    new, aside = f"{path}-salvaged", f"{path}-damaged-{time.time_ns()}"
    _remove(new, _ALL)
    try:
        for suffix in _ALL:
            with suppress(FileNotFoundError):
                shutil.copy2(path + suffix, aside + suffix)
        lives = _tidied(path)
        # For nobody else to read meanwhile, whatever is usual.
        os.close(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        with closing(sqlite3.connect(new, isolation_level=None)) as fresh:
            jobs, records = _copy(path, fresh, lives)
        shutil.copymode(path, new)
    except BaseException:
        # It is tried again: copies must not fill the disk.
        _remove(new, _ALL)
        _remove(aside, _ALL)
        raise
    _remove(path, _BESIDE)
    os.replace(new, path)
    return jobs, records, aside


def _remove(path: str, suffixes: Iterable[str]) -> None:
    """
    Remove those of the files that are there.
    """
    for suffix in suffixes:
        with suppress(FileNotFoundError):
            os.unlink(path + suffix)


def _tidied(path: str) -> int | None:
    """
    Let SQLite put into the file what is still in its log, if it can.

    @return: how many lives the file has seen, if that can be read.
    """
    with closing(sqlite3.connect(path, isolation_level=None)) as old:
        with suppress(sqlite3.Error):
            old.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        try:
            [found] = old.execute("SELECT lives FROM server").fetchone()
        except (sqlite3.Error, TypeError):
            return None
    return found if isinstance(found, int) else None


def _copy(path: str, fresh: sqlite3.Connection, lives: int | None) -> tuple[int, int]:
    """
    Put what survives into a new file.

    @return: how many jobs, and how many records.
    """
    job = _insert("jobs", schema.COLUMNS, len(SavedJob._fields))
    record = _insert("records", schema.RECORD, len(SavedRecord._fields))
    last = 0
    fresh.execute("BEGIN")
    schema.migrate(fresh)
    for one in survivors(path):
        if isinstance(one, SavedRecord):
            fresh.execute(record, one)
        else:
            fresh.execute(job, one)
            last = max(last, one.number)
    if lives is None:
        lives = last // LIFE + _LOST_LIVES
    fresh.execute("UPDATE server SET lives = ?", (lives,))
    [jobs] = fresh.execute("SELECT count(*) FROM jobs").fetchone()
    [records] = fresh.execute("SELECT count(*) FROM records").fetchone()
    fresh.execute("COMMIT")
    return int(jobs), int(records)


def _insert(table: str, columns: str, count: int) -> str:
    marks = ", ".join("?" * count)
    return f"INSERT OR IGNORE INTO {table} ({columns}) VALUES ({marks})"
