"""
How batches get into Redis.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Any, Final

from txgearman.stores.interface import Batch, SavedJob, SavedRecord
from txgearman.stores.pieces import cut
from txgearman.stores.redis.link import Command, Keys
from txgearman.stores.redis.owner import Owner

FIELDS: Final = SavedJob._fields[1:]
"""The fields of a job's hash."""

# Bytes of one transaction: Redis disconnects whoever queues more than a gigabyte.
_TRANSACTION: Final = 2**28

# Keys for one command.
_KEYS: Final = 10_000

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

# Makes known what was staged.
_UNSTAGE: Final = b"""
for _, field in ipairs(redis.call('HKEYS', KEYS[1])) do
  redis.call('HSET', KEYS[2], field, redis.call('HGET', KEYS[1], field))
end
redis.call('UNLINK', KEYS[1])
return 1
"""


class Writer:
    """
    Saves batches in the owner's name.
    """

    def __init__(self, owner: Owner, keys: Keys) -> None:
        self._owner = owner
        self._key = keys

    def save(self, batch: Batch) -> None:
        """
        Save a batch in one transaction. One that has too many bytes for that needs
        several, of which only the last makes the jobs and records known.
        """
        owner = self._owner
        changes = list(self._changes(batch))
        if len(changes) == 1 and not (batch.inserts or batch.records):
            # Without MULTI, jobs can be deleted while Redis has no memory.
            owner.changeAlone(changes[0])
            return
        commands = [
            *changes,
            *self._stageJobs(batch.inserts),
            *self._stageRecords(batch.records),
        ]
        # Something is written for nothing, too: does Redis still take it?
        owner.transact(commands or [["HSET", self._key("meta"), "lives", owner.life]])

    def _stageJobs(self, jobs: Sequence[SavedJob]) -> Iterator[Command]:
        """
        Save so many new jobs that there is room for the rest of them.

        @return: the commands that save the rest, and make all of them known.
        """
        pieces = list(cut(jobs, len(jobs), _TRANSACTION, _sizeOf)) or [[]]
        *staged, last = pieces
        for some in staged:
            numbers = [job.number for job in some]
            add: Command = ["SADD", self._key("staged"), *numbers]
            self._owner.transact([add, *self._saves(some)])
        yield from self._saves(last)
        for known in cut(jobs, _KEYS):
            scores = [value for job in known for value in (job.place, job.number)]
            yield ["ZADD", self._key("jobs"), *scores]
        for some in staged:
            yield ["SREM", self._key("staged"), *(job.number for job in some)]

    def _stageRecords(self, records: Sequence[SavedRecord]) -> Iterator[Command]:
        """
        Do so with records, and keep those no more that have no value.
        """
        if not records:
            return
        put: list[tuple[bytes, bytes]] = []
        gone: list[bytes] = []
        for kind, key, value in records:
            name = nameOf(kind, key)
            if value is None:
                gone.append(name)
            else:
                put.append((name, value))
        here, aside = self._key("records"), self._key("records:staged")
        pieces = list(cut(put, len(put), _TRANSACTION, _sizeOfPair)) or [[]]
        *staged, last = pieces
        # What is there is of a batch that failed.
        clear: list[Command] = [["UNLINK", aside]]
        for some in staged:
            self._owner.transact([*clear, *_puts(aside, some)])
            clear = []
        if staged:
            yield ["EVAL", _UNSTAGE, 2, aside, here]
        yield from _puts(here, last)
        for names in cut(gone, _KEYS):
            yield ["HDEL", here, *names]

    def _changes(self, batch: Batch) -> Iterator[Command]:
        """
        Yield the scripts that delete and update jobs.
        """
        every: list[tuple[Any, ...]] = [(number,) for number in batch.deletes]
        deletes = len(every)
        every += [
            (one.number, one.place, one.due, one.attempts, one.error)
            for one in batch.updates
        ]
        for some in cut(every, _KEYS):
            keys = [self._key("job", one[0]) for one in some]
            values = [value for one in some for value in one]
            keys = [self._key("owner"), self._key("jobs"), *keys]
            yield [
                "EVAL",
                _CHANGE,
                len(keys),
                *keys,
                self._owner.name,
                deletes,
                *values,
            ]
            deletes = max(0, deletes - len(some))

    def _saves(self, jobs: Sequence[SavedJob]) -> Iterator[Command]:
        """
        Yield the commands that save new jobs, which nobody knows yet. Whatever has
        the name of one is in the way.
        """
        for some in cut(jobs, _KEYS):
            yield ["UNLINK", *(self._key("job", job.number) for job in some)]
        for job in jobs:
            pairs: Iterator[tuple[str, Any]] = zip(FIELDS, job[1:], strict=True)
            yield ["HSET", self._key("job", job.number), *chain.from_iterable(pairs)]


def nameOf(kind: str, key: bytes) -> bytes:
    """
    @return: what a record is called in its hash.
    """
    return b"%s:%s" % (kind.encode(), key)


def _puts(key: str, pairs: Sequence[tuple[bytes, bytes]]) -> Iterator[Command]:
    for some in cut(pairs, _KEYS):
        yield ["HSET", key, *chain.from_iterable(some)]


def _sizeOfPair(pair: tuple[bytes, bytes]) -> int:
    name, value = pair
    return len(name) + len(value) + 64


def _sizeOf(job: SavedJob) -> int:
    return len(job.data) + len(job.function) + len(job.error) + 512
