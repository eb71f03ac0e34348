"""
What is MySQL's and MariaDB's own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from sqlalchemy import Connection, Table, TextClause, text

from txgearman.stores.interface import JobUpdate, SavedJob, SavedRecord
from txgearman.stores.sql.dialects import CONNECT_TIMEOUT, READ_TIMEOUT, Dialect
from txgearman.stores.sql.tables import (
    COLUMNS,
    JOBS,
    QUARANTINE,
    RECORD_COLUMNS,
    RECORDS,
    rowOf,
    rowOfRecord,
)

# Room beside a workload in a statement: for the names and an error, or for a record's
# key and what its value has more than a workload, and for what is always the same.
_BESIDE: Final = 96 * 1024

# The names of locks are the whole server's.
_LOCK: Final = "concat('txgearman ', sha1(database()))"

_SESSION: Final = text(
    # Nothing is cut off silently, no table is of another engine than was asked for,
    # and an owner with nothing to save stays the owner.
    "SET SESSION sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION',"
    " wait_timeout = 2147483, innodb_lock_wait_timeout = 20"
)

_FLUSHING: Final = text(
    "SELECT @@innodb_flush_log_at_trx_commit, @@log_bin, @@sync_binlog"
)


def _names(fields: Sequence[str]) -> str:
    return ", ".join(f"`{name}`" for name in fields)


# PyMySQL makes one statement of many such rows. What comes with ON DUPLICATE KEY it
# would not know in the form that SQLAlchemy gives it for MySQL 8.
def _replace(table: Table, names: Sequence[str]) -> TextClause:
    return text(
        f"REPLACE INTO {table.name} ({_names(names)})"
        f" VALUES ({', '.join(f':{name}' for name in names)})"
    )


_REPLACE: Final = _replace(JOBS, COLUMNS)
_REPLACE_RECORDS: Final = _replace(RECORDS, RECORD_COLUMNS)

# The first part is of no rows, but has the types: MariaDB guesses those of what is
# written out, and would keep only what is behind the first 64 KiB of an error.
_TYPES: Final = f"SELECT {_names(JobUpdate._fields)} FROM {QUARANTINE.name} WHERE FALSE"
_NEW: Final = f" UNION ALL SELECT {', '.join('%s' for _ in JobUpdate._fields)}"
_CHANGES: Final = ", ".join(
    f"jobs.`{name}` = new.`{name}`" for name in JobUpdate._fields if name != "number"
)

# The server cannot do it for: no access, an unknown database, another kind of login,
# what is not there, and what is not allowed.
_LASTING: Final = frozenset(
    {1044, 1045, 1046, 1049, 1054, 1064, 1130, 1142, 1143, 1146, 1227, 1251, 1275}
    | {1370, 1410, 1698, 2054, 2059, 2061}
)


class MySQL(Dialect):
    """
    MySQL or MariaDB, through PyMySQL.
    """

    driver = "mysql+pymysql"

    def query(self, said: Mapping[str, Any]) -> dict[str, Any]:
        """
        What the driver is given.
        """
        timeouts = {
            "connect_timeout": CONNECT_TIMEOUT,
            "read_timeout": READ_TIMEOUT,
            "write_timeout": READ_TIMEOUT,
        }
        return {
            "charset": "utf8mb4",
            **said,
            **{
                name: str(int(said.get(name, seconds)))
                for name, seconds in timeouts.items()
            },
        }

    def prepare(self, connection: Connection) -> None:
        """
        Set what lasts as long as the connection.
        """
        connection.execute(_SESSION)
        packet = connection.execute(text("SELECT @@max_allowed_packet")).scalar_one()
        self.statement = int(packet) - 1024
        self.largest = max(0, (int(packet) - _BESIDE) // 2)

    def risk(self, connection: Connection) -> str:
        """
        Look at what is on the disk at the end of a transaction: InnoDB's log, and the
        binary log, since what that does not have is rolled back after a crash.
        """
        flushed, binary, synced = connection.execute(_FLUSHING).one()
        risks = []
        if int(flushed) != 1:
            risks.append(f"innodb_flush_log_at_trx_commit is {flushed}")
        if int(binary) and int(synced) != 1:
            risks.append(f"sync_binlog is {synced}")
        return " and ".join(risks)

    def own(self, connection: Connection) -> bool:
        """
        Try to get the lock.
        """
        return bool(connection.execute(text(f"SELECT get_lock({_LOCK}, 0)")).scalar())

    def owner(self, connection: Connection) -> str:
        """
        Find the lock's owner.
        """
        number = connection.execute(text(f"SELECT is_used_lock({_LOCK})")).scalar()
        return "" if number is None else f"connection {number}"

    def insert(self, connection: Connection, jobs: Sequence[SavedJob]) -> None:
        """
        Send as many as there is room for in a statement.
        """
        connection.execute(_REPLACE, [rowOf(job) for job in jobs])

    def update(self, connection: Connection, updates: Sequence[JobUpdate]) -> None:
        """
        Join the jobs with what is new, in its order: PyMySQL would send, and wait
        for, one statement for each.
        """
        connection.exec_driver_sql(
            f"UPDATE ({_TYPES}{_NEW * len(updates)}) AS new"
            f" STRAIGHT_JOIN {JOBS.name} AS jobs ON jobs.number = new.number"
            f" SET {_CHANGES}",
            tuple(value for one in updates for value in one),
        )

    def put(self, connection: Connection, records: Sequence[SavedRecord]) -> None:
        """
        Likewise.
        """
        connection.execute(_REPLACE_RECORDS, [rowOfRecord(one) for one in records])

    def words(self, error: BaseException) -> str:
        """
        The server's sentence; the number is in front of it.
        """
        return str(error.args[-1]) if error.args else str(error)

    def isLasting(self, error: BaseException) -> bool:
        """
        By the number.
        """
        return bool(error.args) and error.args[0] in _LASTING
