"""
A database by its URL, and one connection to it at a time.
"""

from __future__ import annotations

import time
from array import array
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from operator import itemgetter
from typing import Any, Final

from sqlalchemy import URL, Connection, bindparam, delete, func, make_url, select
from sqlalchemy.exc import ArgumentError, DBAPIError, SQLAlchemyError

from txgearman.errors import BadRow, BadSetting, StoreError, StoreUnusable
from txgearman.stores.interface import (
    Batch,
    JobUpdate,
    SavedJob,
    SavedRecord,
    Unreadable,
)
from txgearman.stores.pieces import cut
from txgearman.stores.sql import tables
from txgearman.stores.sql.dialects import Dialect, weigh
from txgearman.stores.sql.tables import JOBS, RECORDS

OWNING: Final = 2.0
"""
How long to try to become the owner, in seconds: a database takes a moment to see that
the connection of the last owner is gone.
"""

_EXAMPLE: Final = "postgresql://user:password@host:5432/database"

# Rows for one statement, keys for one query, and bytes for one page of jobs.
_ROWS: Final = 1000
_KEYS: Final = 10_000
_PAGE: Final = 16 * 1024**2

_KEYS_AFTER: Final = (
    select(JOBS.c.number, func.coalesce(JOBS.c.place, 0), func.coalesce(JOBS.c.size, 0))
    .where(JOBS.c.number > bindparam("after"))
    .order_by(JOBS.c.number)
    .limit(bindparam("most"))
)

# Numbers are written out: there are too many for parameters, and no two statements
# are of the same ones.
_THESE: Final = JOBS.c.number.in_(
    bindparam("numbers", expanding=True, literal_execute=True)
)
_FETCH: Final = select(*(JOBS.c[name] for name in SavedJob._fields)).where(_THESE)
_DELETE: Final = delete(JOBS).where(_THESE)

_RECORDS_AFTER: Final = (
    select(RECORDS.c.digest, RECORDS.c.size)
    .where(RECORDS.c.digest > bindparam("after"))
    .order_by(RECORDS.c.digest)
    .limit(bindparam("most"))
)
_THESE_RECORDS: Final = RECORDS.c.digest.in_(bindparam("digests", expanding=True))
_FETCH_RECORDS: Final = select(
    RECORDS.c.digest, *(RECORDS.c[name] for name in SavedRecord._fields)
).where(_THESE_RECORDS)
_DELETE_RECORDS: Final = delete(RECORDS).where(_THESE_RECORDS)


class Database:
    """
    A database, as its URL says.

    @ivar name: what it is called in messages; no password is in it.
    """

    def __init__(self, url: str, dialect: Dialect) -> None:
        """
        @raise BadSetting: when the URL cannot be read.
        @raise ImportError: when there is no driver.
        """
        # What cannot be read may be the password, so that nothing of it is said.
        try:
            parsed = make_url(url)
            query = dialect.query(parsed.query)
        except (ArgumentError, TypeError, ValueError):
            raise BadSetting(
                f"not the URL of a database, which looks like {_EXAMPLE}"
            ) from None
        if "@" in f"{parsed.host}{parsed.database}":
            raise BadSetting(
                "an @ in a database's user name or password has to be written as %40"
            )
        kind, _, _ = parsed.drivername.partition("+")
        self.name = str(
            URL.create(
                kind, host=parsed.host, port=parsed.port, database=parsed.database
            )
        )
        self._dialect = dialect
        self._engine = dialect.engine(parsed.set(query=query))

    def connect(self) -> Session:
        """
        @raise StoreError: when it cannot be reached.
        @raise StoreUnusable: when it does not let us in.
        """
        with saying(self.name, self._dialect):
            try:
                connection = self._engine.connect()
            except (TypeError, ValueError, RuntimeError, OSError) as error:
                # The driver does not understand the URL, or lacks what it takes.
                raise StoreUnusable(f"{self.name}: {error}") from None
        session = Session(self.name, self._dialect, connection)
        try:
            session.prepare()
        except BaseException:
            session.close()
            raise
        return session


class Session:
    """
    A connection to a database, and what is done with it.
    """

    def __init__(self, name: str, dialect: Dialect, connection: Connection) -> None:
        self._name = name
        self._dialect = dialect
        self._connection = connection

    @property
    def largest(self) -> int:
        """
        The largest workload, in bytes.
        """
        return self._dialect.largest

    @property
    def isLost(self) -> bool:
        """
        Is the connection of no more use?
        """
        return self._connection.invalidated or self._connection.closed

    def close(self) -> None:
        """
        End the connection, whatever is under way.
        """
        with suppress(Exception):
            self._connection.invalidate()
        with suppress(Exception):
            self._connection.close()

    def prepare(self) -> None:
        """
        Make the connection safe to save with.
        """
        with self._together():
            self._dialect.prepare(self._connection)

    def risk(self) -> str:
        """
        @return: for which setting what is saved may be lost with the power, if any.
        """
        with self._together():
            return self._dialect.risk(self._connection)

    def own(self) -> None:
        """
        Become the one owner of the tables.

        @raise StoreUnusable: when another one stays it.
        """
        end = time.monotonic() + OWNING
        while True:
            with self._together():
                if self._dialect.own(self._connection):
                    return
                owner = self._dialect.owner(self._connection)
            if time.monotonic() > end:
                break
            time.sleep(0.1)
        known = f": {owner} of the database" if owner else ""
        raise StoreUnusable(f"{self._name}: another server has these tables{known}")

    def isThere(self) -> bool:
        """
        Are there tables, of this version?

        @raise StoreUnusable: when they are of another one.
        """
        with self._together():
            found = tables.look(self._connection)
        if 0 < found < tables.version():
            raise StoreUnusable(
                f"{self._name}: the tables were made by an earlier version of"
                " txgearman: a server of this one has to run first"
            )
        return found > 0

    def bringUpToDate(self) -> None:
        """
        Make the tables, or make them those of this version.
        """
        with self._saying():
            tables.bringUpToDate(self._connection)

    def nextLife(self) -> int:
        """
        Count one more life.

        @return: its number.
        """
        with self._together():
            return tables.nextLife(self._connection)

    def life(self) -> int:
        """
        @return: the number of the last life that was counted.
        """
        with self._together():
            return tables.life(self._connection)

    def load(self, reading: bool) -> Iterator[SavedRecord | SavedJob | Unreadable]:
        """
        Yield what is kept, in a transaction for each page: nothing is held while
        somebody thinks about a job.

        @param reading: whether what is unreadable stays where it is.
        """
        for digests in self._recordPages():
            yield from self._recordPage(digests, reading)
        for numbers in self._pages():
            yield from self._page(numbers, reading)

    def _recordPages(self) -> Iterator[list[bytes]]:
        """
        Yield what the records stand under, in pages that fit into memory.
        """
        after = b""
        while True:
            with self._together():
                found = self._connection.execute(
                    _RECORDS_AFTER, {"after": after, "most": _KEYS}
                ).all()
            for some in cut(found, _ROWS, _PAGE, itemgetter(1)):
                yield [digest for digest, _ in some]
            if len(found) < _KEYS:
                break
            after = found[-1][0]

    def _recordPage(
        self, digests: Sequence[bytes], reading: bool
    ) -> list[SavedRecord | Unreadable]:
        """
        Fetch some records, and set aside what are none.
        """
        with self._together():
            rows = self._connection.execute(_FETCH_RECORDS, {"digests": digests}).all()
        page: list[SavedRecord | Unreadable] = []
        reasons: dict[bytes, str] = {}
        for digest, *values in rows:
            record = SavedRecord._make(values)
            try:
                record.check()
                if tables.digestOf(record.kind, record.key) != digest:
                    raise BadRow("its digest is another one's")
                page.append(record)
            except BadRow as error:
                reasons[digest] = str(error)
                page.append(Unreadable(record.name, str(error)))
        if reasons and not reading:
            with self._together():
                for digest, reason in reasons.items():
                    tables.setRecordAside(self._connection, digest, reason)
        return page

    def _pages(self) -> Iterator[list[int]]:
        """
        Yield the numbers of the jobs, by place, in pages that fit into memory.

        They are sorted here, as an index by place would have to be kept for this
        alone, and a database that sorts a million rows may take longer than any
        statement may.
        """
        numbers, places, sizes = array("q"), array("q"), array("q")
        after = -(2**63)
        while True:
            with self._together():
                found = self._connection.execute(
                    _KEYS_AFTER, {"after": after, "most": _KEYS}
                ).all()
            for number, place, size in found:
                numbers.append(number)
                places.append(place)
                sizes.append(size)
            if len(found) < _KEYS:
                break
            after = numbers[-1]
        page: list[int] = []
        room = _PAGE
        for index in sorted(range(len(numbers)), key=places.__getitem__):
            if page and (len(page) >= _ROWS or sizes[index] > room):
                yield page
                page, room = [], _PAGE
            page.append(numbers[index])
            room -= sizes[index]
        if page:
            yield page

    def _page(
        self, numbers: Sequence[int], reading: bool
    ) -> list[SavedJob | Unreadable]:
        """
        Fetch some jobs, and set aside what are none.
        """
        with self._together():
            rows = self._connection.execute(_FETCH, {"numbers": numbers}).all()
        byNumber = {row[0]: row for row in rows}
        page: list[SavedJob | Unreadable] = []
        reasons: dict[int, str] = {}
        for number in numbers:
            # Whoever only looks may see a job end in between.
            if number not in byNumber:
                continue
            try:
                page.append(SavedJob._make(byNumber[number]).check())
            except BadRow as error:
                reasons[number] = str(error)
                page.append(Unreadable(f"job {number}", str(error)))
        if reasons and not reading:
            with self._together():
                for number, reason in reasons.items():
                    tables.setAside(self._connection, number, reason)
        return page

    def save(self, batch: Batch) -> None:
        """
        Save a batch in one transaction; its rows in the order of their numbers, so
        that no two servers ever wait for each other.
        """
        connection, dialect = self._connection, self._dialect
        inserts: list[SavedJob] = sorted(batch.inserts, key=itemgetter(0))
        updates: list[JobUpdate] = sorted(batch.updates, key=itemgetter(0))
        deletes = sorted(batch.deletes)
        with self._together():
            for jobs in cut(inserts, _ROWS, dialect.statement, weigh):
                dialect.insert(connection, jobs)
            for changes in cut(updates, _ROWS, dialect.statement, weigh):
                dialect.update(connection, changes)
            for numbers in cut(deletes, _ROWS):
                connection.execute(_DELETE, {"numbers": numbers})
            if batch.records:
                self._saveRecords(batch.records)
            if not (inserts or updates or deletes or batch.records):
                connection.execute(select(1))

    def _saveRecords(self, records: Sequence[SavedRecord]) -> None:
        """
        Save records within a transaction, in the order of their digests.
        """
        connection, dialect = self._connection, self._dialect
        byDigest = sorted(
            ((tables.digestOf(one.kind, one.key), one) for one in records),
            key=itemgetter(0),
        )
        put = [record for _, record in byDigest if record.value is not None]
        gone = [digest for digest, record in byDigest if record.value is None]
        for some in cut(put, _ROWS, dialect.statement, weigh):
            dialect.put(connection, some)
        for digests in cut(gone, _ROWS):
            connection.execute(_DELETE_RECORDS, {"digests": digests})

    @contextmanager
    def _together(self) -> Iterator[None]:
        """
        A transaction.
        """
        with self._saying(), self._connection.begin():
            yield

    def _saying(self) -> Any:
        return saying(self._name, self._dialect)


@contextmanager
def saying(name: str, dialect: Dialect) -> Iterator[None]:
    """
    Say in one line what a database cannot do.

    @param name: what it is called.
    """
    try:
        yield
    except StoreError as error:
        said, kind = str(error), type(error)
        if said.startswith(name):
            raise
        raise kind(f"{name}: {said}") from None
    except DBAPIError as error:
        driven = error.orig or error
        kind = StoreUnusable if dialect.isLasting(driven) else StoreError
        said = " ".join(dialect.words(driven).split())
        raise kind(f"{name}: {said[:500]}") from None
    except SQLAlchemyError as error:
        said = " ".join(str(error.args[0] if error.args else error).split())
        raise StoreError(f"{name}: {said[:500]}") from None
