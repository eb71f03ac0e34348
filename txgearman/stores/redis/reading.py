"""
How jobs and records come back out of Redis.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from operator import itemgetter
from typing import Any, Final

from txgearman.errors import BadRow, StoreError
from txgearman.stores.interface import KINDS, SavedJob, SavedRecord, Unreadable
from txgearman.stores.pieces import cut
from txgearman.stores.redis.link import Command, Keys, Link
from txgearman.stores.redis.owner import COUNT, Owner
from txgearman.stores.redis.writing import FIELDS

_Pair = tuple[bytes, bytes]
"""A member of the sorted set, and its score."""

_KINDS: Final[tuple[Any, ...]] = tuple(KINDS[field] for field in FIELDS)

# Keys for one command, jobs or records of one page, and bytes that are read at once.
_KEYS: Final = 10_000
_PAGE: Final = 1000
_READ: Final = 2**23

# Scores are doubles: from here on, not every place is one.
_INEXACT: Final = 2.0**53

# The places of jobs that need not be any.
_PLACES: Final = b"""
local found = {}
for i, key in ipairs(KEYS) do
  local place = redis.pcall('HGET', key, 'place')
  found[i] = type(place) == 'string' and place or ''
end
return found
"""

# The fields of jobs that need not be any, as many of the first as have no more than so
# many bytes of workloads. To name the fields but once saves a third.
_ROWS: Final = b"""
local rows, room = {}, tonumber(ARGV[1])
for i, key in ipairs(KEYS) do
  local size = redis.pcall('HSTRLEN', key, 'data')
  room = room - (type(size) == 'number' and size or 0)
  if room < 0 then
    break
  end
  rows[i] = redis.pcall('HMGET', key, unpack(ARGV, 2))
end
return rows
"""

# The sizes of the values of a hash.
_LENGTHS: Final = b"""
local found = {}
for i, name in ipairs(ARGV) do
  found[i] = redis.call('HSTRLEN', KEYS[1], name)
end
return found
"""


class Reader:
    """
    Reads what is kept. Its owner sets aside what is unreadable; without one, nothing
    is changed.
    """

    def __init__(self, link: Link, keys: Keys, owner: Owner | None) -> None:
        self._link = link
        self._key = keys
        self._owner = owner

    def records(self) -> Iterator[SavedRecord | Unreadable]:
        """
        Yield the records, in no order.
        """
        link, records = self._link, self._key("records")
        every: list[bytes] = link.ask("HKEYS", records)
        for some in cut(every, _KEYS):
            lengths = link.ask("EVAL", _LENGTHS, 1, records, *some)
            pairs = list(zip(some, lengths, strict=True))
            for page in cut(pairs, _PAGE, _READ, itemgetter(1)):
                yield from self._readRecords([name for name, _ in page])

    def _readRecords(
        self, names: Sequence[bytes]
    ) -> Iterator[SavedRecord | Unreadable]:
        """
        Read some records, and set aside what are none.
        """
        values = self._link.ask("HMGET", self._key("records"), *names)
        for name, value in zip(names, values, strict=True):
            kind, _, key = name.partition(b":")
            record = SavedRecord(kind.decode("ascii", "backslashreplace"), key, value)
            if value is None:
                # It was dropped while we read.
                continue
            try:
                yield record.check()
            except BadRow as error:
                if self._owner is not None:
                    self._setRecordAside(self._owner, name, value, str(error))
                yield Unreadable(record.name, str(error))

    def _setRecordAside(
        self, owner: Owner, name: bytes, value: bytes, reason: str
    ) -> None:
        """
        Move what is no record to where a person may look at it.
        """
        field = self._vacant(f"record {_text(name)}")
        owner.transact(
            [
                self._because(field, reason),
                ["HSET", self._key("records:quarantine"), field, value],
                ["HDEL", self._key("records"), name],
            ]
        )

    def jobs(self) -> Iterator[SavedJob | Unreadable]:
        """
        Yield the jobs, by place.
        """
        after = "-inf"
        while pairs := self._page(after):
            after = f"({_text(pairs[-1][1])}"
            names = self._inOrder(pairs)
            while names:
                rows = self._rows(names)
                for name, row in zip(names, rows, strict=False):
                    found = self._read(name, row)
                    if found is not None:
                        yield found
                names = names[len(rows) :]

    def _page(self, after: str) -> list[_Pair]:
        """
        Look for the next jobs in the sorted set. Of those that have the same score
        it is either all or none.

        @param after: where the page begins, as a bound of scores.
        """
        link, jobs = self._link, self._key("jobs")
        found: list[bytes] = link.ask(
            *("ZRANGEBYSCORE", jobs, after, "+inf", "WITHSCORES", "LIMIT", 0, _PAGE)
        )
        pairs = list(zip(found[::2], found[1::2], strict=True))
        if len(pairs) == _PAGE:
            score = pairs[-1][1]
            same = link.ask("ZRANGEBYSCORE", jobs, score, score)
            pairs = [pair for pair in pairs if pair[1] != score]
            pairs += [(member, score) for member in same]
        return pairs

    def _inOrder(self, pairs: Sequence[_Pair]) -> list[str]:
        """
        @return: the names of jobs by place, which is exact only in their hashes.
        """
        names = [_text(member) for member, _ in pairs]
        if float(pairs[-1][1]) < _INEXACT:
            return names
        places: list[int] = []
        for some in cut(names, _KEYS):
            keys = [self._key("job", name) for name in some]
            found = self._link.ask("EVAL", _PLACES, len(keys), *keys)
            places += [int(p) if COUNT.fullmatch(p) else 0 for p in found]
        scores = [float(score) for _, score in pairs]
        # Those that share a score and a place are in the order of the set.
        order = sorted(range(len(names)), key=lambda i: (scores[i], places[i]))
        return [names[i] for i in order]

    def _rows(self, names: Sequence[str]) -> list[Any]:
        """
        Read the hashes of some jobs, the first of them at least.
        """
        keys = [self._key("job", name) for name in names[:_PAGE]]
        rows: list[Any] = self._link.ask(
            "EVAL", _ROWS, len(keys), *keys, _READ, *FIELDS
        )
        # It may be as large as half a gigabyte: no script copies that.
        return rows or self._link.askAll([["HMGET", keys[0], *FIELDS]])

    def _read(self, name: str, row: Any) -> SavedJob | Unreadable | None:
        """
        Make a job of its hash, and set aside what is none.

        @return: L{None} for one that was done while we read.
        """
        try:
            return _unpacked(name, row)
        except BadRow as error:
            if self._owner is not None:
                self._setAside(self._owner, name, str(error))
            elif self._link.ask("ZSCORE", self._key("jobs"), name) is None:
                return None
            return Unreadable(f"job {_shown(name)}", str(error))

    def _setAside(self, owner: Owner, name: str, reason: str) -> None:
        """
        Move what is no job to where a person may look at it.
        """
        job, field = self._key("job", name), self._vacant(name)
        commands = [
            self._because(field, reason),
            ["ZREM", self._key("jobs"), name],
        ]
        if self._link.ask("EXISTS", job):
            commands.append(["RENAME", job, self._key("quarantine", field)])
        owner.transact(commands)

    def _because(self, field: str, reason: str) -> Command:
        """
        What puts down why something was set aside.
        """
        moment = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        return ["HSET", self._key("quarantine"), field, f"{moment} {reason}"]

    def _vacant(self, name: str) -> str:
        """
        @return: a name in quarantine that nothing else has.
        """
        link, field, count = self._link, name, 1
        while link.ask("HEXISTS", self._key("quarantine"), field) or link.ask(
            "EXISTS", self._key("quarantine", field)
        ):
            count += 1
            field = f"{name}:{count}"
        return field


def _text(value: bytes) -> str:
    return value.decode("utf-8", "surrogateescape")


def _shown(name: str) -> str:
    """
    @return: a name from a key, as it may be printed.
    """
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def _unpacked(name: str, row: Any) -> SavedJob:
    """
    Make a job of the fields of its hash.

    @param row: the values of L{FIELDS}, or what Redis said instead.
    @raise BadRow: when it is none.
    """
    if isinstance(row, StoreError):
        raise BadRow(str(row))
    if not COUNT.fullmatch(name.encode("utf-8", "surrogateescape")):
        raise BadRow("its name is no number")
    try:
        values = [kind(value) for kind, value in zip(_KINDS, row, strict=True)]
    except (TypeError, ValueError):
        raise BadRow(_wrong(row)) from None
    return SavedJob(int(name), *values).check()


def _wrong(row: Sequence[bytes | None]) -> str:
    """
    Say what is wrong with the fields of a hash of which one is none.
    """
    if row == [None] * len(FIELDS):
        return "its hash is missing"
    for field, kind, value in zip(FIELDS, _KINDS, row, strict=True):
        if value is None:
            return f"{field} is missing"
        try:
            kind(value)
        except ValueError:
            return f"{field} is {value!r:.50}"
    raise AssertionError("nothing is wrong with it")
