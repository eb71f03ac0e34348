"""
The embedded store: a file of SQLite, and nothing to run beside the server.

The file is in the mode that is called WAL, so that a batch costs one fsync, however
many jobs are in it.
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from typing import IO, Any, Final

from twisted.logger import Logger
from zope.interface import implementer

from txgearman.errors import BadRow, BadSetting, StoreError, StoreUnusable
from txgearman.stores.interface import (
    Batch,
    IJobStore,
    SavedJob,
    SavedRecord,
    Unreadable,
)
from txgearman.stores.sqlite import schema
from txgearman.stores.sqlite.carving import survivors
from txgearman.stores.sqlite.salvage import Damaged, isDamage, salvage
from txgearman.stores.sqlite.statements import statementsOf

# SQLite's own limit is a billion bytes for a row.
_LARGEST: Final = 999_000_000

_RECORDS: Final = f"SELECT rowid, {schema.RECORD} FROM records"

# The order is found first, so that no workload is sorted.
_ORDER: Final = "SELECT number FROM jobs ORDER BY place, number"
_SOME: Final = f"SELECT {schema.COLUMNS} FROM jobs WHERE number IN "
_PAGE: Final = 256


@implementer(IJobStore)
class SQLiteStore:
    """
    A store in a file.

    @ivar path: where.
    """

    largest = _LARGEST

    _log = Logger()

    def __init__(self, path: str, sync: str = "full") -> None:
        """
        @param path: made when it is not there; a file with C{-lock} behind its name
            stands beside it.
        @param sync: C{full}, or C{normal} for those who fear only the end of the
            process and not of the power: the disk is given time then.
        @raise BadSetting: for any other C{sync}.
        """
        if sync not in ("full", "normal"):
            raise BadSetting(f"sync is full or normal, not {sync!r}")
        self.path = os.path.abspath(path)
        self._sync = sync
        self._connection: sqlite3.Connection | None = None
        self._lock: IO[bytes] | None = None
        self._file: tuple[int, int] | None = None
        self._reading = False

    def open(self, reading: bool = False) -> int:
        """
        Open the file. A damaged one is kept under another name, and what can be
        read of it is in a new one then.
        """
        self.close()
        self._reading = reading
        try:
            if reading:
                self._connect(f"{self._uri()}?mode=ro")
                # That it is damaged is told with what is left of it.
                with suppress(Damaged), self._saying(StoreUnusable):
                    schema.check(self._open, self.path)
                return 0
            self._own()
            self._make()
            try:
                self._connect(self._uri())
                return self._begin()
            except Damaged as damage:
                self._salvage(str(damage))
                self._connect(self._uri())
                return self._begin()
        except BaseException:
            self.close()
            raise

    def _uri(self) -> str:
        escaped = self.path.replace("%", "%25").replace("?", "%3f").replace("#", "%23")
        return f"file:{escaped}"

    def _connect(self, uri: str) -> None:
        """
        Connect to a file.
        """
        self._disconnect()
        try:
            self._connection = sqlite3.connect(
                uri,
                uri=True,
                timeout=5.0,
                isolation_level=None,
                # The thread of the server's start is not that of its end.
                check_same_thread=False,
            )
        except sqlite3.Error as error:
            raise StoreUnusable(f"{self.path}: {error}") from None
        # What is no text costs the row that it stands in, and not all others.
        self._connection.text_factory = partial(
            str, encoding="utf-8", errors="backslashreplace"
        )

    @property
    def _open(self) -> sqlite3.Connection:
        if self._connection is None:
            raise StoreError(f"{self.path} is not open")
        return self._connection

    def _own(self) -> None:
        """
        See that no other server has the file. The lock goes with the process.
        """
        try:
            # Not the file itself: to close it once more would end SQLite's own locks.
            lock = open(f"{self.path}-lock", "ab")  # noqa: SIM115, kept open
        except OSError as error:
            raise StoreUnusable(f"{self.path}: {error.strerror}") from None
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            lock.close()
            raise StoreUnusable(f"{self.path} is open in another server") from None
        self._lock = lock

    def _make(self) -> None:
        """
        Make the file, if need be, for nobody else to read: workloads are in it. Those
        beside it get its mode.
        """
        try:
            os.close(os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
        except OSError as error:
            raise StoreUnusable(f"{self.path}: {error.strerror}") from None

    def _begin(self) -> int:
        """
        Make the tables if need be, and count this life.
        """
        connection = self._open
        with self._saying(StoreUnusable):
            schema.check(connection, self.path)
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute(f"PRAGMA synchronous = {self._sync.upper()}")
            connection.execute("PRAGMA wal_autocheckpoint = 4000")
            [found] = connection.execute("PRAGMA quick_check(1)").fetchone()
            if found != "ok":
                raise Damaged(found)
        with self._saying(), self._together():
            schema.migrate(connection)
            life = schema.nextLife(connection)
        status = os.stat(self.path)
        self._file = (status.st_dev, status.st_ino)
        return life

    def _salvage(self, damage: str) -> None:
        """
        Save what can be read of a damaged file.
        """
        self._disconnect()
        with self._saying():
            jobs, records, aside = salvage(self.path)
        self._log.error(
            "{path} is damaged ({damage}): {jobs} jobs could be read, and {records}"
            " records beside them; what was there is kept as {aside}",
            path=self.path,
            damage=damage,
            jobs=jobs,
            records=records,
            aside=aside,
        )

    def load(self) -> Iterator[SavedRecord | SavedJob | Unreadable]:
        """
        Yield what is kept; what is not readable stands in the tables C{quarantine} and
        C{quarantined_records} in the end.
        """
        try:
            yield from self._records()
            yield from self._jobs()
        except Damaged as damage:
            if not self._reading:
                raise
            yield from _salvageable(self.path)
            yield Unreadable(self.path, f"the file is damaged: {damage}")

    def _records(self) -> Iterator[SavedRecord | Unreadable]:
        """
        Yield the records.
        """
        unreadable: list[tuple[int, str]] = []
        with self._saying():
            if not schema.hasRecords(self._open):
                return
            for row, *values in self._open.execute(_RECORDS):
                record = SavedRecord._make(values)
                try:
                    yield record.check()
                except BadRow as error:
                    unreadable.append((row, str(error)))
                    yield Unreadable(record.name, str(error))
        if unreadable and not self._reading:
            with self._saying(), self._together():
                for row, reason in unreadable:
                    schema.setRecordAside(self._open, row, reason)

    def _jobs(self) -> Iterator[SavedJob | Unreadable]:
        """
        Yield the jobs, by place.
        """
        unreadable: list[tuple[Any, str]] = []
        with self._saying():
            for row in self._ordered():
                try:
                    yield SavedJob._make(row).check()
                except BadRow as error:
                    unreadable.append((row[0], str(error)))
                    yield Unreadable(f"job {row[0]}", str(error))
        if unreadable and not self._reading:
            with self._saying(), self._together():
                for number, reason in unreadable:
                    schema.setAside(self._open, number, reason)

    def _ordered(self) -> Iterator[Sequence[Any]]:
        """
        Yield the rows of the jobs, by place.
        """
        order = self._open.execute(_ORDER)
        while numbers := [number for (number,) in order.fetchmany(_PAGE)]:
            marks = ", ".join("?" * len(numbers))
            page = self._open.execute(f"{_SOME} ({marks})", numbers)
            rows = {row[0]: row for row in page}
            yield from (rows[number] for number in numbers)

    def commit(self, batch: Batch) -> None:
        """
        Save a batch.
        """
        self._checkFile()
        statements = list(statementsOf(batch))
        with self._saying():
            if len(statements) == 1:
                # It is a transaction of its own, with fewer ways back and forth
                # between the two threads that want Python's lock.
                self._open.execute(*statements[0])
                return
            with self._together():
                for statement, values in statements:
                    self._open.execute(statement, values)

    def _checkFile(self) -> None:
        """
        SQLite goes on with a file that was removed, and nothing is saved.
        """
        try:
            status = os.stat(self.path)
        except OSError as error:
            raise StoreError(f"{self.path}: {error.strerror}") from None
        if (status.st_dev, status.st_ino) != self._file:
            raise StoreError(f"{self.path} is another file than the one that was open")

    @contextmanager
    def _together(self) -> Iterator[None]:
        """
        A transaction.
        """
        connection = self._open
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield
            connection.execute("COMMIT")
        except BaseException:
            # A full disk has it rolled back already.
            with suppress(sqlite3.Error):
                connection.execute("ROLLBACK")
            raise

    @contextmanager
    def _saying(self, kind: type[StoreError] = StoreError) -> Iterator[None]:
        """
        Say in our words what SQLite, or the disk, cannot do.

        @param kind: what it is when nothing better is known.
        """
        try:
            yield
        except sqlite3.Error as error:
            if isDamage(error):
                raise Damaged(str(error)) from None
            raise schema.errorOf(error, kind)(f"{self.path}: {error}") from None
        except OSError as error:
            raise StoreError(f"{self.path}: {error.strerror}") from None

    def close(self) -> None:
        """
        Close the file.
        """
        self._disconnect()
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def _disconnect(self) -> None:
        if self._connection is not None:
            with suppress(sqlite3.Error):
                self._connection.close()
            self._connection = None


def _salvageable(path: str) -> Iterator[SavedRecord | SavedJob | Unreadable]:
    """
    Yield what survives in a damaged file: the records first, and the jobs in no order.
    """
    for kind in SavedRecord, SavedJob:
        for one in survivors(path):
            if not isinstance(one, kind):
                continue
            try:
                yield one.check()
            except BadRow as error:
                name = one.name if isinstance(one, SavedRecord) else f"job {one[0]}"
                yield Unreadable(name, str(error))
