"""
The store in a database that others run: PostgreSQL, or MySQL and MariaDB.

The tables have one owner, which holds a lock of the database's for as long as its
connection lasts: C{pg_try_advisory_lock} by schema, C{GET_LOCK} by database. It goes
with the process, however that ends. Of a machine that vanished PostgreSQL is told to
take notice within a minute; MySQL does when its system's TCP does, which may take two
hours unless that is set to do better. A cluster whose nodes do not share such locks, as
those of Galera do not, has to be used through one of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from typing import TYPE_CHECKING, Final

from twisted.logger import Logger
from zope.interface import implementer

from txgearman.errors import BadSetting, StoreError, StoreUnusable
from txgearman.stores.interface import (
    Batch,
    IJobStore,
    SavedJob,
    SavedRecord,
    Unreadable,
)

if TYPE_CHECKING:
    from txgearman.stores.sql.session import Database, Session

# By the scheme of a URL: the module, and the dialect in it.
_DIALECTS: Final = {
    "postgresql": ("txgearman.stores.sql.postgresql", "PostgreSQL"),
    "mysql": ("txgearman.stores.sql.mysql", "MySQL"),
    "mariadb": ("txgearman.stores.sql.mysql", "MySQL"),
}


@implementer(IJobStore)
class SQLStore:
    """
    A store in a database of SQL.
    """

    _log = Logger()

    def __init__(self, url: str) -> None:
        """
        @param url: C{postgresql://}, C{mysql://} or C{mariadb://}, the user and the
            password, the host, the port and the database; behind a question mark
            stands what the driver is told. C{connect_timeout} and C{read_timeout}
            are seconds.
        @raise BadSetting: when it cannot be read.
        @raise ImportError: when what it takes is not installed.
        """
        self.largest = 0
        self._database = _database(url)
        self._session: Session | None = None
        self._reading = False
        self._life = 0

    def open(self, reading: bool = False) -> int:
        """
        Connect, and make the tables or those of an earlier version today's.
        """
        self.close()
        session = self._database.connect()
        try:
            life = 0 if reading else self._begin(session)
        except BaseException:
            session.close()
            raise
        self._take(session)
        self._reading, self._life = reading, life
        return life

    def _begin(self, session: Session) -> int:
        """
        @return: the number of a new life.
        """
        session.own()
        session.bringUpToDate()
        risk = session.risk()
        if risk:
            self._log.warn(
                "{database}: {risk}: what is saved may be lost with the power",
                database=self._database.name,
                risk=risk,
            )
        return session.nextLife()

    def load(self) -> Iterator[SavedRecord | SavedJob | Unreadable]:
        """
        Yield what is kept; what is not readable stands in the tables
        C{txgearman_quarantine} and C{txgearman_quarantined_records} then.
        """
        session = self._connected()
        try:
            if not self._reading or session.isThere():
                yield from session.load(self._reading)
        finally:
            self._dropLost()

    def commit(self, batch: Batch) -> None:
        """
        Save a batch. When the connection is lost it fails, and the next one makes
        a new connection.
        """
        session = self._connected()
        try:
            session.save(batch)
        finally:
            self._dropLost()

    def close(self) -> None:
        """
        End the connection.
        """
        self._reading, self._life = False, 0
        self._drop()

    def _connected(self) -> Session:
        """
        @return: the session, which is a new one when the last one was lost.
        @raise StoreUnusable: when there was another owner meanwhile.
        """
        if self._session is not None:
            return self._session
        if not (self._reading or self._life):
            raise StoreError(f"{self._database.name} is not open")
        session = self._database.connect()
        try:
            if not self._reading:
                session.own()
                if session.life() != self._life:
                    raise StoreUnusable(
                        f"{self._database.name}: another server had these tables"
                        " while there was no connection"
                    )
        except BaseException:
            session.close()
            raise
        self._take(session)
        return session

    def _take(self, session: Session) -> None:
        self._session = session
        self.largest = session.largest

    def _dropLost(self) -> None:
        if self._session is not None and self._session.isLost:
            self._drop()

    def _drop(self) -> None:
        session, self._session = self._session, None
        if session is not None:
            session.close()


def _database(url: str) -> Database:
    """
    Find out what a URL is of. The drivers are imported only here.
    """
    scheme, colon, _ = url.partition("://")
    if not colon or scheme not in _DIALECTS:
        raise BadSetting(
            f"the URL of a database begins with {', '.join(_DIALECTS)} and ://"
        )
    module, kind = _DIALECTS[scheme]
    dialect = getattr(import_module(module), kind)()
    from txgearman.stores.sql.session import Database

    return Database(url, dialect)
