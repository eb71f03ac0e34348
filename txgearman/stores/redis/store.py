"""
Jobs in Redis.

All keys begin with the prefix in braces, so that a cluster keeps them together. With
the prefix C{txgearman} there are:

 - C{{txgearman}:meta}, a hash: C{schema} and C{lives}.
 - C{{txgearman}:jobs}, a sorted set: the numbers of the jobs that are kept, by place.
 - C{{txgearman}:job:NUMBER}, a hash for each of them: the fields of L{SavedJob}. The
   names C{claimed_by} and C{claimed_until} are left for servers that share the jobs.
 - C{{txgearman}:owner}, a string: the name of the connection whose server has them.
 - C{{txgearman}:staged}, a set: numbers of jobs that are saved and not kept yet,
   because they are part of a batch that is too large for one transaction.
 - C{{txgearman}:quarantine:NUMBER}, what could not be read of a job, and
   C{{txgearman}:quarantine}, a hash with the reason and the moment for each of them.

A score is a double: places above 2^53 may share one. They are put in order by the
places in the hashes when they are loaded.

The owner is alive while Redis knows a connection of that name, so it is let go of
with the process. Every change is made under a WATCH of the owner's key: what a lost
connection left behind cannot be done later, when another one has it.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import chain
from typing import Any, Final, NamedTuple, TypeVar

from twisted.logger import Logger
from zope.interface import implementer

from txgearman.errors import BadRow, StoreError, StoreUnusable
from txgearman.stores.interface import (
    KINDS,
    Batch,
    IJobStore,
    SavedJob,
    Unreadable,
)
from txgearman.stores.redis.link import Command, Keys, Link, connectionOf
from txgearman.stores.redis.owner import COUNT, Owner, livesOf

_OLDEST: Final = (6, 0)

# A value of a hash has at most 512 MiB by default, and there is more in a job.
_ROOM: Final = 2**20
_LARGEST: Final = 2**29 - _ROOM

# Bytes of one transaction: Redis disconnects whoever queues more than a gigabyte.
_TRANSACTION: Final = 2**28

# Keys for one command, jobs of one page, and bytes that are read at once.
_KEYS: Final = 10_000
_PAGE: Final = 1000
_READ: Final = 2**23

_FIELDS: Final = SavedJob._fields[1:]

_KEY_KINDS: Final = {
    "meta": b"hash",
    "jobs": b"zset",
    "owner": b"string",
    "staged": b"set",
    "quarantine": b"hash",
}
_SETTINGS: Final = (
    "appendonly",
    "appendfsync",
    "maxmemory-policy",
    "proto-max-bulk-len",
)

T = TypeVar("T")

# Deletes of jobs, and updates of those that are kept, in the owner's name.
_CHANGE: Final = b"""
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
local deletes, at = tonumber(ARGV[2]), 2
for i = 3, #KEYS do
  at = at + 1
  local key, number = KEYS[i], ARGV[at]
  if i - 2 <= deletes then
    redis.call('UNLINK', key)
    redis.call('ZREM', KEYS[2], number)
  else
    if redis.call('TYPE', key).ok == 'hash' then
      redis.call('HSET', key, 'place', ARGV[at + 1], 'due', ARGV[at + 2],
                 'attempts', ARGV[at + 3], 'error', ARGV[at + 4])
      redis.call('ZADD', KEYS[2], 'XX', ARGV[at + 1], number)
    end
    at = at + 4
  end
end
return 1
"""

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


@implementer(IJobStore)
class RedisStore:
    """
    A store in Redis; with its setting C{appendfsync always}, or at least
    C{appendonly yes}.
    """

    largest = _LARGEST

    _log = Logger()

    def __init__(self, url: str) -> None:
        """
        @param url: C{redis://[user:password@]host:port/db?prefix=txgearman}, with
            C{rediss} for TLS, or C{unix:///path?db=0}. C{socket_timeout} and
            C{socket_connect_timeout} are in seconds.
        @raise BadSetting: when it cannot be read.
        """
        self._url = url
        connection, prefix = connectionOf(url)
        self._timeout: float = connection.socket_timeout or 0.0
        self._key = Keys(prefix)
        self._link: Link | None = None
        self._owner: Owner | None = None

    def open(self, reading: bool = False) -> int:
        """
        Connect, and own the jobs unless only reading.
        """
        self.close()
        try:
            link = self._connect()
            self._checkVersion(link)
            self._checkKinds(link)
            if reading:
                livesOf(link, self._key)
                return 0
            self._owner = Owner(link, self._key, self._look(link))
            self._dropStaged(link)
        except BaseException:
            self.close()
            raise
        return self._owner.life

    def load(self) -> Iterator[SavedJob | Unreadable]:
        """
        Yield what is kept.
        """
        after = "-inf"
        while page := self._page(after):
            after = f"({page[-1].score}"
            # Only the places in the hashes are exact.
            page.sort(key=lambda entry: (float(entry.score), entry.place))
            for some in _portions(page, lambda entry: entry.size, _READ):
                yield from self._read(some)

    def commit(self, batch: Batch) -> None:
        """
        Save a batch in one transaction. One that has too many bytes for that needs
        several, of which only the last makes the jobs known.
        """
        owner = self._owner
        if owner is None:
            raise StoreError("the store is not open")
        self._recover(owner)
        changes = list(self._changes(owner, batch))
        if len(changes) == 1 and not batch.inserts:
            # Without MULTI, jobs can be deleted while Redis has no memory.
            owner.changeAlone(changes[0])
            return
        *staged, last = list(_portions(batch.inserts, _sizeOf, _TRANSACTION)) or [[]]
        for some in staged:
            numbers = [job.number for job in some]
            add: Command = ["SADD", self._key("staged"), *numbers]
            owner.transact([add, *self._saves(some)])
        commands = [*changes, *self._saves(last)]
        for known in _sliced(batch.inserts, _KEYS):
            scores = [value for job in known for value in (job.place, job.number)]
            commands.append(["ZADD", self._key("jobs"), *scores])
        for some in staged:
            commands.append(["SREM", self._key("staged"), *(n.number for n in some)])
        # Something is written for nothing, too: does Redis still take it?
        owner.transact(commands or [["HSET", self._key("meta"), "lives", owner.life]])

    def close(self) -> None:
        """
        Let go of the jobs and disconnect.
        """
        owner, self._owner = self._owner, None
        if owner is not None:
            owner.release()
        link, self._link = self._link, None
        if link is not None:
            link.close()

    def _connect(self) -> Link:
        connection, _ = connectionOf(self._url)
        self._link = Link(connection)
        return self._link

    def _recover(self, owner: Owner) -> None:
        """
        Connect again if the connection was lost, and see that the jobs are still
        ours.
        """
        if self._link is not None and self._link.isLost():
            self._link = None
        if self._link is None:
            link = self._connect()
            try:
                owner.recover(link)
            except BaseException:
                link.close()
                raise

    @property
    def _connected(self) -> Link:
        if self._link is None:
            raise StoreError("the store is not open")
        return self._link

    def _checkVersion(self, link: Link) -> None:
        """
        See that Redis is no older than it may be, if it tells.
        """
        link.ask("PING")
        [about] = link.askAll([["INFO", "server"]])
        if not isinstance(about, bytes):
            return
        if found := re.search(rb"redis_version:([0-9]+)\.([0-9]+)", about):
            major, minor = map(int, found.groups())
            if (major, minor) < _OLDEST:
                raise StoreUnusable(f"Redis {major}.{minor} is too old: 6.0 is needed")

    def _checkKinds(self, link: Link) -> None:
        """
        See that the keys are such as ours.
        """
        for name, kind in _KEY_KINDS.items():
            key = self._key(name)
            if link.ask("TYPE", key) not in (kind, b"none"):
                raise StoreUnusable(
                    f"Redis: {key} is no {kind.decode()}: something else has this"
                    " prefix"
                )

    def _look(self, link: Link) -> list[Command]:
        """
        Look how long what Redis has outlives it, and how large it may be.

        @return: the command that waits until what was written is on the disk, if
            there is one.
        """
        replies = link.askAll(["CONFIG", "GET", name] for name in _SETTINGS)
        file, sync, policy, largest = (
            one[1].decode("utf-8", "replace") if isinstance(one, list) and one else ""
            for one in replies
        )
        if not file or not sync:
            self._log.warn(
                "Redis does not tell its settings: whether jobs outlive its end, or"
                " the loss of power, cannot be known"
            )
        elif file != "yes":
            self._log.warn("jobs are lost when Redis ends: its appendonly is not yes")
        elif sync != "always":
            self._log.warn(
                "up to a second of acknowledged jobs is lost with power: appendfsync"
                " of Redis is {sync}",
                sync=sync,
            )
        if policy.startswith("allkeys"):
            self._log.warn(
                "Redis may delete jobs when it needs memory: its maxmemory-policy is"
                " {policy}",
                policy=policy,
            )
        if largest:
            self.largest = max(0, min(int(largest) - _ROOM, _LARGEST))
        [known] = link.askAll([["COMMAND", "INFO", "WAITAOF"]])
        if file != "yes" or not isinstance(known, list) or not any(known):
            return []
        return [["WAITAOF", 1, 0, max(1, int(self._timeout * 900))]]

    def _dropStaged(self, link: Link) -> None:
        """
        Delete jobs of batches whose ends never came.
        """
        staged = self._key("staged")
        for member in link.ask("SMEMBERS", staged):
            if link.ask("ZSCORE", self._key("jobs"), member) is None:
                link.ask("UNLINK", self._key("job", member.decode("utf-8", "replace")))
        link.ask("DEL", staged)

    def _page(self, after: str) -> list[_Entry]:
        """
        Look for the next jobs in the sorted set. Of those that have the same score
        it is either all or none.

        @param after: where the page begins, as a bound of scores.
        """
        link, jobs = self._connected, self._key("jobs")
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
        for some in _sliced(pairs, _KEYS):
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
        link = self._connected
        keys = [self._key("job", entry.name) for entry in entries]
        if len(keys) == 1:
            # It may be as large as half a gigabyte: no script copies that.
            rows = link.askAll([["HMGET", *keys, *_FIELDS]])
        else:
            rows = link.ask("EVAL", _ROWS, len(keys), *keys, *_FIELDS)
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
                    self._setAside(self._owner, link, entry.name, str(error))
                yield Unreadable(f"job {_shown(entry.name)}", str(error))
            else:
                yield job

    def _setAside(self, owner: Owner, link: Link, name: str, reason: str) -> None:
        """
        Move what is no job to where a person may look at it.
        """
        job, field, count = self._key("job", name), name, 1
        while link.ask("HEXISTS", self._key("quarantine"), field) or link.ask(
            "EXISTS", self._key("quarantine", field)
        ):
            count += 1
            field = f"{name}:{count}"
        moment = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        commands: list[Command] = [
            ["HSET", self._key("quarantine"), field, f"{moment} {reason}"],
            ["ZREM", self._key("jobs"), name],
        ]
        if link.ask("EXISTS", job):
            commands.append(["RENAME", job, self._key("quarantine", field)])
        owner.transact(commands)

    def _changes(self, owner: Owner, batch: Batch) -> Iterator[Command]:
        """
        Yield the scripts that delete and update jobs.
        """
        every: list[tuple[Any, ...]] = [(number,) for number in batch.deletes]
        deletes = len(every)
        every += [
            (one.number, one.place, one.due, one.attempts, one.error)
            for one in batch.updates
        ]
        for some in _sliced(every, _KEYS):
            keys = [self._key("job", one[0]) for one in some]
            values = [value for one in some for value in one]
            keys = [self._key("owner"), self._key("jobs"), *keys]
            yield ["EVAL", _CHANGE, len(keys), *keys, owner.name, deletes, *values]
            deletes = max(0, deletes - len(some))

    def _saves(self, jobs: Sequence[SavedJob]) -> Iterator[Command]:
        """
        Yield the commands that save new jobs, which nobody knows yet. Whatever has
        the name of one is in the way.
        """
        for some in _sliced(jobs, _KEYS):
            yield ["UNLINK", *(self._key("job", job.number) for job in some)]
        for job in jobs:
            pairs: Iterator[tuple[str, Any]] = zip(_FIELDS, job[1:], strict=True)
            yield ["HSET", self._key("job", job.number), *chain.from_iterable(pairs)]


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


def _sizeOf(job: SavedJob) -> int:
    return len(job.data) + len(job.function) + len(job.error) + 512


def _portions(
    things: Sequence[T], sizeOf: Callable[[T], int], limit: int
) -> Iterator[list[T]]:
    """
    Cut a sequence where the sizes come to more than the limit.
    """
    some: list[T] = []
    room = limit
    for thing in things:
        size = sizeOf(thing)
        if some and size > room:
            yield some
            some, room = [], limit
        some.append(thing)
        room -= size
    if some:
        yield some


def _sliced(things: Sequence[T], length: int) -> Iterator[Sequence[T]]:
    for begin in range(0, len(things), length):
        yield things[begin : begin + length]


def _unpacked(name: str, row: Any) -> SavedJob:
    """
    Make a job of the fields of its hash.

    @param row: the values of L{_FIELDS}, or what Redis said instead.
    @raise BadRow: when it is none.
    """
    if isinstance(row, StoreError):
        raise BadRow(str(row))
    if row == [None] * len(_FIELDS):
        raise BadRow("its hash is missing")
    if not COUNT.fullmatch(name.encode("utf-8", "surrogateescape")):
        raise BadRow("its name is no number")
    values: dict[str, Any] = {}
    for field, value in zip(_FIELDS, row, strict=True):
        if value is None:
            raise BadRow(f"{field} is missing")
        try:
            values[field] = KINDS[field](value)
        except ValueError:
            raise BadRow(f"{field} is {value!r:.50}") from None
    return SavedJob(int(name), **values).check()
