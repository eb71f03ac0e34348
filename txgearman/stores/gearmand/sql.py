"""
The queues that gearmand keeps in PostgreSQL, and in MySQL or MariaDB.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

from sqlalchemy import URL, Select, column, create_engine, func, select, table
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError

from txgearman.errors import StoreUnusable
from txgearman.stores.gearmand.queue import COLUMNS, jobsFrom
from txgearman.stores.interface import SavedJob, Unreadable

TABLES: Final = {"postgresql": "queue", "mysql": "gearman_queue"}
"""What the table is called when gearmand is not told, by the kind of database."""

_DRIVERS: Final = {"postgresql": "postgresql+psycopg", "mysql": "mysql+pymysql"}

# Rows that are fetched at once, whatever their workloads are.
_ROWS: Final = 100


class SQLQueue:
    """
    What C{gearmand -q Postgres} and C{gearmand -q MySQL} keep.
    """

    def __init__(self, url: URL, table: str = "") -> None:
        """
        @param url: of the database; its scheme is one of L{TABLES}.
        @param table: C{--libpq-table} or C{--mysql-table}; a schema and a dot may
            be in front of it.
        """
        self._kind = url.drivername
        self._url = url.set(drivername=_DRIVERS[self._kind])
        self._table = table or TABLES[self._kind]

    def read(self) -> Iterator[SavedJob | Unreadable]:
        """
        Yield all that is in it, in the order in which the database has it, which is
        about that of submitting.
        """
        try:
            engine = create_engine(self._url)
        except (SQLAlchemyError, ImportError) as error:
            raise StoreUnusable(_reasonOf(error)) from None
        try:
            with self._connected(engine) as connection:
                yield from jobsFrom(self._rows(connection))
        except SQLAlchemyError as error:
            raise StoreUnusable(_reasonOf(error)) from None
        finally:
            engine.dispose()

    def _connected(self, engine: Engine) -> Connection:
        try:
            return engine.connect().execution_options(yield_per=_ROWS)
        except (TypeError, ValueError) as error:
            # Of the driver, when it does not know an option in the URL.
            raise StoreUnusable(_reasonOf(error)) from None

    def _rows(self, connection: Connection) -> Iterator[tuple[str, Sequence[Any]]]:
        for number, row in enumerate(connection.execute(self._select()), 1):
            yield f"row {number}", row

    def _select(self) -> Select[*tuple[Any, ...]]:
        schema, _, name = self._table.rpartition(".")
        columns: list[Any] = [column(name) for name in COLUMNS]
        if self._kind == "postgresql":
            # What clients sent, whatever the database takes it for.
            encoding = func.getdatabaseencoding()
            columns[:2] = [func.convert_to(name, encoding) for name in columns[:2]]
        found = table(name, *map(column, COLUMNS), schema=schema or None)
        return select(*columns).select_from(found)


def _reasonOf(error: Exception) -> str:
    """
    What the database said, in one line.
    """
    said = getattr(error, "orig", None) or error
    if len(said.args) == 2 and isinstance(said.args[0], int):
        # PyMySQL's have a number in front.
        return str(said.args[1])
    return str(said).strip().partition("\n")[0]
