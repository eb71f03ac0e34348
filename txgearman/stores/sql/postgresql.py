"""
What is PostgreSQL's own.
"""

from __future__ import annotations

import time
from collections.abc import Generator, Iterable, Mapping, Sequence
from typing import Any, Final

import psycopg
from sqlalchemy import URL, Connection, Engine, Table, TextClause, event, text
from sqlalchemy.dialects.postgresql import Insert, insert

from txgearman.stores.interface import JobUpdate, SavedJob, SavedRecord
from txgearman.stores.sql.dialects import CONNECT_TIMEOUT, READ_TIMEOUT, Dialect
from txgearman.stores.sql.tables import (
    COLUMNS,
    JOBS,
    META,
    RECORD_COLUMNS,
    RECORDS,
    rowOf,
    rowOfRecord,
)

# A value may have a gigabyte, and is sent as two digits for each byte: a dump could
# not read what is larger than half of that, nor could we.
_LARGEST: Final = 448 * 1024**2

# Batches are sent in pieces of at most this, or of one row: large ones are not worth
# another form.
_STATEMENT: Final = 2 * 1024**2

# What tells our locks from those of other programs in the same database.
_LOCK: Final = 0x74786731

# Where the tables are, or will be: locks are by database, and this makes them by
# schema as well.
_SCHEMA: Final = f"""
    coalesce(
        (SELECT relnamespace FROM pg_class WHERE oid = to_regclass('{META.name}')),
        (SELECT oid FROM pg_namespace WHERE nspname = current_schema()),
        0
    )
"""

_OWN: Final = text(f"SELECT pg_try_advisory_lock({_LOCK}, CAST({_SCHEMA} AS integer))")

_OWNER: Final = text(
    f"""
    SELECT pid FROM pg_locks
    WHERE locktype = 'advisory' AND granted AND classid = {_LOCK} AND objsubid = 2
    AND objid = {_SCHEMA}
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
    """
)

# What the URL says, it says when the connection begins: it stays.
_SET: Final = text(
    """
    SELECT set_config(name, :value, false) FROM pg_settings
    WHERE name = :name AND source <> 'client'
    """
)

_SYNCHRONOUS: Final = text(
    """
    SELECT set_config(name, 'on', false) FROM pg_settings
    WHERE name = 'synchronous_commit' AND setting = 'off' AND source <> 'client'
    """
)

_RISK: Final = text(
    """
    SELECT name || ' is off' FROM pg_settings
    WHERE name IN ('fsync', 'synchronous_commit') AND setting = 'off'
    """
)

# Whether the server notices soon that we are gone without a word.
_ALIVE: Final = {
    "tcp_keepalives_idle": "30",
    "tcp_keepalives_interval": "10",
    "tcp_keepalives_count": "3",
    "idle_session_timeout": "0",
}

_KINDS: Final = {
    int: "bigint",
    float: "double precision",
    bytes: "bytea",
    str: "text",
}


def _unnest(table: Table, names: Sequence[str]) -> str:
    """
    What makes rows of one array for each column: psycopg takes five times as long for
    a parameter for each value.
    """
    arrays = (
        f"CAST(:{name} AS {_KINDS[table.c[name].type.python_type]}[])" for name in names
    )
    return f"unnest({', '.join(arrays)}) AS new ({_names(names)})"


def _names(names: Iterable[str]) -> str:
    return ", ".join(f'"{name}"' for name in names)


def _changes(names: Sequence[str], table: str) -> str:
    """
    @param names: of which the first is that of the key, which does not change.
    """
    return ", ".join(f'"{name}" = {table}."{name}"' for name in names[1:])


def _one(table: Table, names: Sequence[str]) -> Insert:
    """
    What inserts one row, or puts it in the place of another one.
    """
    made = insert(table)
    return made.on_conflict_do_update(
        index_elements=[table.c[names[0]]],
        set_={name: made.excluded[name] for name in names[1:]},
    )


def _many(table: Table, names: Sequence[str]) -> TextClause:
    """
    What does so with many.
    """
    return text(
        f"INSERT INTO {table.name} ({_names(names)})"
        f" SELECT * FROM {_unnest(table, names)}"
        f" ON CONFLICT ({names[0]}) DO UPDATE SET {_changes(names, 'excluded')}"
    )


_ONE: Final = _one(JOBS, COLUMNS)
_MANY: Final = _many(JOBS, COLUMNS)
_ONE_RECORD: Final = _one(RECORDS, RECORD_COLUMNS)
_MANY_RECORDS: Final = _many(RECORDS, RECORD_COLUMNS)

# The rows are locked in the order of their numbers, whichever way they are joined.
_UPDATE: Final = text(
    f"UPDATE {JOBS.name} SET {_changes(JobUpdate._fields, 'new')}"
    f" FROM (SELECT new.* FROM {_unnest(JOBS, JobUpdate._fields)}"
    f" JOIN {JOBS.name} AS old ON old.number = new.number"
    " ORDER BY new.number FOR UPDATE OF old) AS new"
    f" WHERE {JOBS.name}.number = new.number"
)


def _arrays(rows: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """
    @return: the rows as one array for each column, as PostgreSQL reads them.
    """
    return {name: _array([row[name] for row in rows]) for name in rows[0]}


def _array(values: Sequence[Any]) -> str:
    if isinstance(values[0], bytes):
        return '{"\\\\x' + '","\\\\x'.join([one.hex() for one in values]) + '"}'
    if isinstance(values[0], str):
        # Those of ours have nothing in them that would have to be escaped.
        return '{"' + '","'.join(values) + '"}'
    return f"{{{','.join(map(str, values))}}}"


# Classes of states: the login, the database, the schema, what is not supported, and
# what is not there or not allowed.
_LASTING: Final = ("28", "3D", "3F", "0A", "42")

# A server that does not let us in says so in words only, and these are English.
_REFUSALS: Final = (
    "authentication failed",
    "does not exist",
    "no password supplied",
    "no pg_hba.conf entry",
    "permission denied",
    "pg_hba.conf rejects",
    "is not permitted to log in",
    "is not currently accepting connections",
)


class PatientConnection(psycopg.Connection[Any]):
    """
    A connection that is given up when the server is silent for too long.

    The server's own C{statement_timeout} is of no help when the server itself
    hangs, and the client's library waits for ever.

    @ivar patience: how long, in seconds.
    """

    patience = float(READ_TIMEOUT)

    def wait(self, gen: Any, *args: Any, **keywords: Any) -> Any:
        """
        Wait for the server.
        """
        return super().wait(self._patient(gen), *args, **keywords)

    def _patient(self, gen: Any) -> Generator[Any, Any, Any]:
        """
        Pass on what a generator of psycopg's waits for, and with what it goes on:
        nothing when a moment went by.
        """
        heard = time.monotonic()
        try:
            wanted = next(gen)
            while True:
                ready = yield wanted
                now = time.monotonic()
                if ready:
                    heard = now
                elif now - heard > self.patience:
                    self.close()
                    raise psycopg.OperationalError(
                        f"no answer in {self.patience:g} seconds"
                    )
                wanted = gen.send(ready)
        except StopIteration as end:
            return end.value


class PostgreSQL(Dialect):
    """
    PostgreSQL, through psycopg.

    Beside what libpq knows, C{read_timeout} in the URL is how long the server may
    be silent, in seconds.
    """

    driver = "postgresql+psycopg"

    largest = _LARGEST
    statement = _STATEMENT

    def __init__(self) -> None:
        self._patience = READ_TIMEOUT

    def query(self, said: Mapping[str, Any]) -> dict[str, Any]:
        """
        What the driver is given.
        """
        rest = dict(said)
        self._patience = int(rest.pop("read_timeout", READ_TIMEOUT))
        return {
            "connect_timeout": str(CONNECT_TIMEOUT),
            "tcp_user_timeout": str(1000 * self._patience),
            "keepalives_idle": "30",
            "keepalives_interval": "10",
            "keepalives_count": "3",
            "application_name": "txgearman",
            **rest,
        }

    def engine(self, url: URL) -> Engine:
        """
        Connect with patience that ends.
        """
        engine = super().engine(url)
        patience = float(self._patience)

        def connect(
            _dialect: object, _record: object, args: Any, keywords: Any
        ) -> PatientConnection:
            made = PatientConnection.connect(*args, **keywords)
            made.patience = patience
            return made

        event.listen(engine, "do_connect", connect)
        return engine

    def prepare(self, connection: Connection) -> None:
        """
        Set what lasts as long as the connection.
        """
        settings = {"statement_timeout": str(1000 * self._patience), **_ALIVE}
        for name, value in settings.items():
            connection.execute(_SET, {"name": name, "value": value})
        connection.execute(_SYNCHRONOUS)

    def risk(self, connection: Connection) -> str:
        """
        Look for what is off.
        """
        return ", ".join(connection.execute(_RISK).scalars())

    def own(self, connection: Connection) -> bool:
        """
        Try to get the lock.
        """
        return bool(connection.execute(_OWN).scalar_one())

    def owner(self, connection: Connection) -> str:
        """
        Find the lock's owner.
        """
        pid = connection.execute(_OWNER).scalar()
        return "" if pid is None else f"process {pid}"

    def insert(self, connection: Connection, jobs: Sequence[SavedJob]) -> None:
        """
        Send one as it is, or an array for each column of many.
        """
        if len(jobs) == 1:
            connection.execute(_ONE, rowOf(jobs[0]))
        else:
            connection.execute(_MANY, _arrays([rowOf(job) for job in jobs]))

    def update(self, connection: Connection, updates: Sequence[JobUpdate]) -> None:
        """
        Send an array for each column.
        """
        connection.execute(_UPDATE, _arrays([one._asdict() for one in updates]))

    def put(self, connection: Connection, records: Sequence[SavedRecord]) -> None:
        """
        As with jobs.
        """
        if len(records) == 1:
            connection.execute(_ONE_RECORD, rowOfRecord(records[0]))
        else:
            rows = [rowOfRecord(record) for record in records]
            connection.execute(_MANY_RECORDS, _arrays(rows))

    def words(self, error: BaseException) -> str:
        """
        The first line of what was said, if the server said it.
        """
        said = error.diag.message_primary if isinstance(error, psycopg.Error) else None
        return said or str(error)

    def isLasting(self, error: BaseException) -> bool:
        """
        By the state, or by the words when there is none.
        """
        state = getattr(error, "sqlstate", None)
        if state is not None:
            return str(state).startswith(_LASTING)
        # Without a state: the URL asks for what libpq does not know.
        if isinstance(error, psycopg.ProgrammingError):
            return True
        said = str(error)
        return any(words in said for words in _REFUSALS)
