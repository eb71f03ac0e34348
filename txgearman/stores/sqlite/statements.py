"""
A batch as statements of SQLite.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from operator import itemgetter
from typing import Any, Final

from txgearman.stores.interface import Batch, JobUpdate, SavedJob, SavedRecord
from txgearman.stores.pieces import cut
from txgearman.stores.sqlite import schema

# How many rows a statement has at most, and by how many more one statement has than
# the next smaller one. One statement is for many rows, since Python lets go of its lock
# for each, and has to get it back.
_ROWS: Final = 512
_STEP: Final = 16

# The largest workload or record, in bytes, that goes into a statement with others.
_SMALL: Final = 4096

# A job that is new has nothing to tell about most of what is kept: what that is then
# stands in the statement, and need not be passed to SQLite row by row.
_PLAIN: Final = "(?, ?, ?, ?, ?, ?, x'', 0.0, ?, ?, 0, x'')"

# Mostly, all jobs of a batch have the same function, unique (none) and priority. Those
# are passed once then, so that there are half as many values.
_SAME: Final = ("function", "unique", "priority")
_WHAT: Final = itemgetter(*map(SavedJob._fields.index, _SAME))
_OWN: Final = "number, handle, data, submitted"

_JOB: Final = f"({', '.join('?' * len(SavedJob._fields))})"
_INSERT: Final = f"INSERT OR REPLACE INTO jobs ({schema.COLUMNS}) VALUES {{}}"
_UPDATE: Final = (
    "WITH new (number, place, due, attempts, error) AS (VALUES {})"
    " UPDATE jobs SET place = new.place, due = new.due, attempts = new.attempts,"
    " error = new.error FROM new WHERE jobs.number = new.number"
)
_DELETE: Final = "DELETE FROM jobs WHERE number IN ({})"
_CHANGE: Final = f"({', '.join('?' * len(JobUpdate._fields))})"

_RECORD: Final = f"INSERT OR REPLACE INTO records ({schema.RECORD}) VALUES {{}}"
# Of a plain IN, SQLite would make a walk through all records.
_NO_RECORD: Final = (
    "WITH gone (kind, key) AS (VALUES {}) DELETE FROM records WHERE rowid IN"
    " (SELECT records.rowid FROM gone CROSS JOIN records"
    " WHERE records.kind = gone.kind AND records.key = gone.key)"
)


def statementsOf(batch: Batch) -> Iterator[tuple[str, list[Any]]]:
    """
    Yield the statements for a batch, with their values.
    """
    plain, others = _parted(batch.inserts)
    alike = len(set(map(_WHAT, plain))) == 1
    for rows in _chunks(plain):
        if alike:
            yield _insertAlike(len(rows)), _alike(rows)
        else:
            yield _statement(_INSERT, _PLAIN, len(rows)), _plain(rows)
    for job in others:
        yield _statement(_INSERT, _JOB, 1), _flat([job])
    for rows in _chunks(batch.updates):
        yield _statement(_UPDATE, _CHANGE, len(rows)), _flat(rows)
    for numbers in _chunks(batch.deletes):
        yield _statement(_DELETE, "?", len(numbers)), list(numbers)
    if batch.records:
        yield from _recordStatements(batch.records)


def _recordStatements(
    records: Sequence[SavedRecord],
) -> Iterator[tuple[str, list[Any]]]:
    small: list[SavedRecord] = []
    gone: list[tuple[str, bytes]] = []
    for record in records:
        kind, key, value = record
        if value is None:
            gone.append((kind, key))
        elif len(value) > _SMALL:
            yield _statement(_RECORD, "(?, ?, ?)", 1), [*record]
        else:
            small.append(record)
    for rows in _chunks(small):
        yield _statement(_RECORD, "(?, ?, ?)", len(rows)), _flat(rows)
    for keys in _chunks(gone):
        yield _statement(_NO_RECORD, "(?, ?)", len(keys)), _flat(keys)


def _parted(jobs: Sequence[SavedJob]) -> tuple[list[SavedJob], list[SavedJob]]:
    """
    Tell jobs that are new, plain and small from others.
    """
    plain: list[SavedJob] = []
    others: list[SavedJob] = []
    for job in jobs:
        # By index, not by name: every job comes through here.
        special = job[6] or job[7] or job[10] or job[11] or job[9] != job[0]
        (others if special or len(job[5]) > _SMALL else plain).append(job)
    return plain, others


def _alike(jobs: Sequence[SavedJob]) -> list[Any]:
    """
    The values for L{_insertAlike}, as L{_flat} makes them.
    """
    values: list[Any] = []
    for number, handle, _, _, _, data, _, _, submitted, _, _, _ in jobs:
        values += (number, bytearray(handle), bytearray(data), submitted)
    _, _, function, unique, priority, *_ = jobs[0]
    values += (bytearray(function), bytearray(unique), priority)
    return values


def _plain(jobs: Sequence[SavedJob]) -> list[Any]:
    """
    The values for L{_PLAIN}, as L{_flat} makes them.
    """
    values: list[Any] = []
    for number, handle, function, unique, priority, data, _, _, when, _, _, _ in jobs:
        values += (
            number,
            bytearray(handle),
            bytearray(function),
            bytearray(unique),
            priority,
            bytearray(data),
            when,
            number,
        )
    return values


def _flat(rows: Sequence[Sequence[Any]]) -> list[Any]:
    """
    Put the values of rows into one list, as what SQLite's module takes as it is: of
    C{bytes} it asks each whether it can be adapted, which takes longer than the rest.
    """
    return [
        bytearray(value) if type(value) is bytes and len(value) <= _SMALL else value
        for row in rows
        for value in row
    ]


@cache
def _insertAlike(count: int) -> str:
    """
    The statement for jobs that differ in L{_OWN} alone; all else stands behind that.
    """
    rows = ", ".join(["(?, ?, ?, ?)"] * count)
    function, unique, priority = (f"?{4 * count + n}" for n in (1, 2, 3))
    return (
        f"WITH new ({_OWN}) AS (VALUES {rows})"
        f" INSERT OR REPLACE INTO jobs ({schema.COLUMNS})"
        f" SELECT number, handle, {function}, {unique}, {priority}, data,"
        " x'', 0.0, submitted, number, 0, x'' FROM new"
    )


@cache
def _statement(around: str, row: str, count: int) -> str:
    return around.format(", ".join([row] * count))


def _chunks(rows: Sequence[Any]) -> Iterator[Sequence[Any]]:
    """
    Cut rows into pieces of a few sizes, so that there are few statements to compile.
    The last piece is filled up with its first row, since to do it twice does no harm.
    """
    for some in cut(rows, _ROWS):
        piece = list(some)
        size = 1
        while size < len(piece):
            size += min(size, _STEP)
        yield piece + piece[:1] * (size - len(piece))
