"""
How jobs and records come back out of Redis.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from operator import attrgetter, itemgetter
from typing import Any, Final, NamedTuple

from txgearman.errors import BadRow, StoreError
from txgearman.stores.interface import KINDS, SavedJob, SavedRecord, Unreadable
from txgearman.stores.pieces import cut
from txgearman.stores.redis.link import Command, Keys, Link
from txgearman.stores.redis.owner import COUNT, Owner
from txgearman.stores.redis.writing import FIELDS

# Keys for one command, jobs or records of one page, and bytes that are read at once.
_KEYS: Final = 10_000
_PAGE: Final = 1000
_READ: Final = 2**23

# The sizes of workloads, and the places, of jobs that need not be any.
_SIZES: Final = b"""
local found = {}
for i, key in ipairs(KEYS) do
  local size = redis.pcall('HSTRLEN', key, 'data')
  local place = redis.pcall('HGET', key, 'place')
  found[i] = {type(size) == 'number' and size or 0,
              type(place) == 'string' and place or ''}
end
return found
"""

# The fields of jobs that need not be any. To name the fields but once saves a third.
_ROWS: Final = b"""
local rows = {}
for i, key in ipairs(KEYS) do
  rows[i] = redis.pcall('HMGET', key, unpack(ARGV))
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
        while page := self._page(after):
            after = f"({page[-1].score}"
            # Only the places in the hashes are exact.
            page.sort(key=lambda entry: (float(entry.score), entry.place))
            for some in cut(page, len(page), _READ, attrgetter("size")):
                yield from self._read(some)

    def _page(self, after: str) -> list[_Entry]:
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
        page = []
        for some in cut(pairs, _KEYS):
            keys = [self._key("job", _text(member)) for member, _ in some]
            sizes = link.ask("EVAL", _SIZES, len(keys), *keys)
            for (member, score), (size, place) in zip(some, sizes, strict=True):
                exact = int(place) if COUNT.fullmatch(place) else 0
                page.append(_Entry(_text(member), _text(score), size, exact))
        return page

    def _read(self, entries: Sequence[_Entry]) -> Iterator[SavedJob | Unreadable]:
        """
        Read the hashes of some jobs, and set aside those that are none.
        """
        link = self._link
        keys = [self._key("job", entry.name) for entry in entries]
        if len(keys) == 1:
            # It may be as large as half a gigabyte: no script copies that.
            rows = link.askAll([["HMGET", *keys, *FIELDS]])
        else:
            rows = link.ask("EVAL", _ROWS, len(keys), *keys, *FIELDS)
        for entry, row in zip(entries, rows, strict=True):
            try:
                job = _unpacked(entry.name, row)
            except BadRow as error:
                if self._owner is None:
                    score = link.ask("ZSCORE", self._key("jobs"), entry.name)
                    if score is None:
                        # It was done while we read.
                        continue
                else:
                    self._setAside(self._owner, entry.name, str(error))
                yield Unreadable(f"job {_shown(entry.name)}", str(error))
            else:
                yield job

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


class _Entry(NamedTuple):
    """
    A job as the sorted set knows it.

    @ivar name: its number, if it is one.
    @ivar score: its place, or what is closest to that.
    @ivar size: how many bytes its workload has.
    @ivar place: as its hash has it; 0 when that is none.
    """

    name: str
    score: str
    size: int
    place: int


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
    if row == [None] * len(FIELDS):
        raise BadRow("its hash is missing")
    if not COUNT.fullmatch(name.encode("utf-8", "surrogateescape")):
        raise BadRow("its name is no number")
    values: dict[str, Any] = {}
    for field, value in zip(FIELDS, row, strict=True):
        if value is None:
            raise BadRow(f"{field} is missing")
        try:
            values[field] = KINDS[field](value)
        except ValueError:
            raise BadRow(f"{field} is {value!r:.50}") from None
    return SavedJob(int(name), **values).check()
