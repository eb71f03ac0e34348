"""
What databases of SQL do not have in common.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Final

from sqlalchemy import URL, Connection, Engine, bindparam, create_engine, update
from sqlalchemy.pool import NullPool

from txgearman.stores.interface import JobUpdate, SavedJob, SavedRecord
from txgearman.stores.sql.tables import JOBS

READ_TIMEOUT: Final = 30
"""How long a database may be silent before it counts as lost, in seconds."""

CONNECT_TIMEOUT: Final = 5
"""How long a database may take to let us in, in seconds."""

_UPDATE: Final = (
    update(JOBS)
    .where(JOBS.c.number == bindparam("new_number"))
    .values(
        {
            name: bindparam(f"new_{name}")
            for name in JobUpdate._fields
            if name != "number"
        }
    )
)


class Dialect(ABC):
    """
    One kind of database.

    @cvar driver: SQLAlchemy's name of it, and of the driver.
    @ivar largest: the largest workload that it can keep, in bytes.
    @ivar statement: how many bytes one statement may have.
    """

    driver: ClassVar[str]

    largest: int = 0
    statement: int = 0

    @abstractmethod
    def query(self, said: Mapping[str, Any]) -> dict[str, Any]:
        """
        What stands behind the question mark of the URL that the driver is given.

        @param said: what the user has written there, which wins.
        @raise ValueError: when it is nonsense.
        """

    def engine(self, url: URL) -> Engine:
        """
        @param url: with what L{query} made of its query.
        @raise ImportError: when there is no driver.
        """
        return create_engine(
            url.set(drivername=self.driver),
            poolclass=NullPool,
            isolation_level="READ COMMITTED",
        )

    @abstractmethod
    def prepare(self, connection: Connection) -> None:
        """
        Make a new connection safe to save with, within a transaction, and find
        out how much it takes at once.
        """

    @abstractmethod
    def risk(self, connection: Connection) -> str:
        """
        @return: the setting for which what is saved may be lost with the power;
            empty when all is well.
        """

    @abstractmethod
    def own(self, connection: Connection) -> bool:
        """
        Try to become the one owner of the tables, for as long as the connection
        lasts.
        """

    @abstractmethod
    def owner(self, connection: Connection) -> str:
        """
        @return: what the database calls the connection of the owner; empty when it
            is gone.
        """

    @abstractmethod
    def insert(self, connection: Connection, jobs: Sequence[SavedJob]) -> None:
        """
        Insert jobs, or put them in the place of others with their numbers.
        """

    def update(self, connection: Connection, updates: Sequence[JobUpdate]) -> None:
        """
        Change jobs that are there.
        """
        rows = [
            {f"new_{name}": value for name, value in one._asdict().items()}
            for one in updates
        ]
        connection.execute(_UPDATE, rows)

    @abstractmethod
    def put(self, connection: Connection, records: Sequence[SavedRecord]) -> None:
        """
        Insert records that have values, or put them in the place of others with their
        kinds and keys.
        """

    @abstractmethod
    def words(self, error: BaseException) -> str:
        """
        @param error: the driver's.
        @return: what the database said, in its own words.
        """

    @abstractmethod
    def isLasting(self, error: BaseException) -> bool:
        """
        Will it be the same however long one waits?

        @param error: the driver's.
        """


def weigh(row: SavedJob | JobUpdate | SavedRecord) -> int:
    """
    @return: how many bytes of a statement a row takes at most, where each of its
        own is written as two.
    """
    return 300 + 2 * sum(len(one) for one in row if isinstance(one, bytes))
