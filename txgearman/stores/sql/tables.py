"""
The tables of the stores in SQL, and how those of earlier versions become today's.

C{size} is how many bytes the workload or the value has: MySQL would read all of it to
tell.

A record stands under a digest of its kind and key, as no database has an index of keys
that are as long: MySQL's ends at 3072 bytes, and PostgreSQL's at 2704.

C{claimed_by} and C{claimed_until} are for servers that share a database: the life of
the server that has the job, and until when, in seconds of the epoch. They are empty
while a database has one owner.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from hashlib import sha256
from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Double,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    delete,
    insert,
    inspect,
    literal,
    select,
    update,
)
from sqlalchemy.dialects import mysql
from sqlalchemy.types import TypeEngine

from txgearman.errors import StoreUnusable
from txgearman.stores.interface import KEY_LIMIT, SavedJob, SavedRecord

Step = Callable[[Connection], object]

_METADATA: Final = MetaData()


def _bytes(most: int = 0) -> TypeEngine[bytes]:
    """
    A type for any bytes.

    @param most: how many there are at most; 0 for gigabytes.
    """
    narrow = mysql.VARBINARY(most) if most else mysql.LONGBLOB()
    return LargeBinary().with_variant(narrow, "mysql")


# What is wide stands last: some databases walk through it to what is behind it.
_TYPES: Final[Mapping[str, TypeEngine[Any]]] = {
    "number": BigInteger(),
    "place": BigInteger(),
    "priority": BigInteger(),
    "attempts": BigInteger(),
    "due": Double(),
    "submitted": Double(),
    "handle": _bytes(255),
    "unique": _bytes(1024),
    "reducer": _bytes(1024),
    "function": _bytes(4096),
    "error": _bytes(),
    "data": _bytes(),
}

_INNODB: Final[Mapping[str, Any]] = {
    "mysql_engine": "InnoDB",
    "mysql_row_format": "DYNAMIC",
    "mysql_default_charset": "utf8mb4",
}

JOBS: Final = Table(
    "txgearman_jobs",
    _METADATA,
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("size", BigInteger, server_default="0"),
    Column("claimed_by", BigInteger),
    Column("claimed_until", Double),
    *(
        Column(name, kind, nullable=False)
        for name, kind in _TYPES.items()
        if name != "number"
    ),
    **_INNODB,
)

COLUMNS: Final = (*SavedJob._fields, "size")
"""Those that a job is saved in."""

QUARANTINE: Final = Table(
    "txgearman_quarantine",
    _METADATA,
    # One number may be set aside twice.
    Column(
        "id",
        BigInteger().with_variant(Integer, "sqlite"),
        primary_key=True,
        autoincrement=True,
    ),
    Column("reason", Text),
    Column("moment", Double),
    *(Column(name, kind) for name, kind in _TYPES.items()),
    **_INNODB,
)

_RECORD_TYPES: Final[Mapping[str, TypeEngine[Any]]] = {
    "kind": String(16),
    "key": _bytes(KEY_LIMIT),
    "value": _bytes(),
}

RECORDS: Final = Table(
    "txgearman_records",
    _METADATA,
    Column("digest", _bytes(32), primary_key=True),
    Column("size", BigInteger, nullable=False),
    *(Column(name, kind, nullable=False) for name, kind in _RECORD_TYPES.items()),
    **_INNODB,
)

RECORD_COLUMNS: Final = ("digest", *SavedRecord._fields, "size")
"""Those that a record is saved in."""

QUARANTINED_RECORDS: Final = Table(
    "txgearman_quarantined_records",
    _METADATA,
    Column(
        "id",
        BigInteger().with_variant(Integer, "sqlite"),
        primary_key=True,
        autoincrement=True,
    ),
    Column("reason", Text),
    Column("moment", Double),
    *(Column(name, kind) for name, kind in _RECORD_TYPES.items()),
    **_INNODB,
)

META: Final = Table(
    "txgearman_meta",
    _METADATA,
    Column("name", String(64), primary_key=True),
    Column("value", BigInteger, nullable=False),
    **_INNODB,
)


def _addRecords(connection: Connection) -> None:
    """
    Jobs were all that the first version kept.
    """
    _METADATA.create_all(connection, [RECORDS, QUARANTINED_RECORDS])


STEPS: tuple[Step, ...] = (_addRecords,)
"""
What makes tables of the next version from those of the first, the second and so on.
MySQL has no way back from half a step: each has to work a second time, too.
"""


def version() -> int:
    """
    @return: the version of tables that this txgearman makes.
    """
    return 1 + len(STEPS)


def look(connection: Connection) -> int:
    """
    Find out which version the tables in a database are of, within a transaction.

    @return: 0 when there are none.
    @raise StoreUnusable: when it is a later one than is known.
    """
    if not inspect(connection).has_table(META.name):
        return 0
    found = _value(connection, "version") or 0
    if found > version():
        raise StoreUnusable(
            "its tables were made by a later version of txgearman: they are of"
            f" version {found}, and known is {version()}"
        )
    return found


def bringUpToDate(connection: Connection) -> None:
    """
    Make the tables that are missing, and those of an earlier version today's.

    @param connection: not within a transaction.
    @raise StoreUnusable: when they are of a later version than is known.
    """
    with connection.begin():
        found = look(connection)
        if not found:
            _METADATA.create_all(connection)
            # They may be there from a first time that had no end.
            _set(connection, "version", version())
            if _value(connection, "lives") is None:
                _set(connection, "lives", 0)
            return
    for after, step in enumerate(STEPS[found - 1 :], found + 1):
        with connection.begin():
            step(connection)
            _set(connection, "version", after)
    with connection.begin():
        _METADATA.create_all(connection)


def nextLife(connection: Connection) -> int:
    """
    Count one more life, within a transaction.

    @return: its number.
    """
    lives = 1 + life(connection)
    _set(connection, "lives", lives)
    return lives


def life(connection: Connection) -> int:
    """
    @return: the number of the last life that was counted.
    """
    return _value(connection, "lives") or 0


def rowOf(job: SavedJob) -> dict[str, Any]:
    """
    @return: what stands in each of the columns.
    """
    return {**job._asdict(), "size": len(job.data)}


def setAside(connection: Connection, number: int, reason: str) -> None:
    """
    Put the row of a job into quarantine, within a transaction.
    """
    fields = SavedJob._fields
    row = select(
        literal(reason), literal(time.time(), Double), *(JOBS.c[one] for one in fields)
    ).where(JOBS.c.number == number)
    connection.execute(
        insert(QUARANTINE).from_select(["reason", "moment", *fields], row)
    )
    connection.execute(delete(JOBS).where(JOBS.c.number == number))


def digestOf(kind: str, key: bytes) -> bytes:
    """
    @return: what the record of a kind and key stands under.
    """
    return sha256(b"%s:%s" % (kind.encode(), key)).digest()


def rowOfRecord(record: SavedRecord) -> dict[str, Any]:
    """
    @param record: one that has a value.
    @return: what stands in each of the columns.
    """
    return {
        "digest": digestOf(record.kind, record.key),
        **record._asdict(),
        "size": len(record.value or b""),
    }


def setRecordAside(connection: Connection, digest: bytes, reason: str) -> None:
    """
    Put a record into quarantine, within a transaction.

    @param digest: what it stands under.
    """
    fields = SavedRecord._fields
    row = select(
        literal(reason),
        literal(time.time(), Double),
        *(RECORDS.c[one] for one in fields),
    ).where(RECORDS.c.digest == digest)
    connection.execute(
        insert(QUARANTINED_RECORDS).from_select(["reason", "moment", *fields], row)
    )
    connection.execute(delete(RECORDS).where(RECORDS.c.digest == digest))


def _value(connection: Connection, name: str) -> int | None:
    return connection.execute(
        select(META.c.value).where(META.c.name == name)
    ).scalar_one_or_none()


def _set(connection: Connection, name: str, value: int) -> None:
    if _value(connection, name) is None:
        connection.execute(insert(META).values(name=name, value=value))
    else:
        connection.execute(update(META).where(META.c.name == name).values(value=value))
