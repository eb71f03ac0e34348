"""
Jobs in Redis, and records beside them.

All keys begin with the prefix in braces, so that a cluster keeps them together. With
the prefix C{txgearman} there are:

 - C{{txgearman}:meta}, a hash: C{schema} and C{lives}.
 - C{{txgearman}:jobs}, a sorted set: the numbers of the jobs that are kept, by place.
 - C{{txgearman}:job:NUMBER}, a hash for each of them: the fields of L{SavedJob}. The
   names C{claimed_by} and C{claimed_until} are left for servers that share the jobs.
 - C{{txgearman}:records}, a hash: the values of the records, each by its kind, a colon
   and its key.
 - C{{txgearman}:owner}, a string: the name of the connection whose server has them.
 - C{{txgearman}:staged}, a set: numbers of jobs that are saved and not kept yet,
   because they are part of a batch that is too large for one transaction; and
   C{{txgearman}:records:staged}, a hash, for records likewise.
 - C{{txgearman}:quarantine:NUMBER}, what could not be read of a job, and
   C{{txgearman}:quarantine}, a hash with the reason and the moment for each of them.
 - C{{txgearman}:records:quarantine}, a hash: what could not be read of records. Their
   reasons are in C{{txgearman}:quarantine}, too.

Schema 1 had no records, and is otherwise the same.

A score is a double: places above 2^53 may share one. They are put in order by the
places in the hashes when they are loaded.

The owner is alive while Redis knows a connection of that name, so it is let go of
with the process. Every change is made under a WATCH of the owner's key: what a lost
connection left behind cannot be done later, when another one has it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from twisted.logger import Logger
from zope.interface import implementer

from txgearman.errors import StoreError, StoreUnusable
from txgearman.stores.interface import (
    Batch,
    IJobStore,
    SavedJob,
    SavedRecord,
    Unreadable,
)
from txgearman.stores.redis.link import Command, Keys, Link, connectionOf
from txgearman.stores.redis.owner import Owner, livesOf
from txgearman.stores.redis.reading import Reader
from txgearman.stores.redis.writing import Writer

_OLDEST: Final = (6, 0)

# A value of a hash has at most 512 MiB by default, and there is more in a job or a
# record.
_ROOM: Final = 2**20
_LARGEST: Final = 2**29 - _ROOM

_KEY_KINDS: Final = {
    "meta": b"hash",
    "jobs": b"zset",
    "owner": b"string",
    "staged": b"set",
    "quarantine": b"hash",
    "records": b"hash",
    "records:staged": b"hash",
    "records:quarantine": b"hash",
}
_SETTINGS: Final = (
    "appendonly",
    "appendfsync",
    "maxmemory-policy",
    "proto-max-bulk-len",
)


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

    def load(self) -> Iterator[SavedRecord | SavedJob | Unreadable]:
        """
        Yield what is kept.
        """
        if self._link is None:
            raise StoreError("the store is not open")
        reader = Reader(self._link, self._key, self._owner)
        yield from reader.records()
        yield from reader.jobs()

    def commit(self, batch: Batch) -> None:
        """
        Save a batch in one transaction. One that has too many bytes for that needs
        several, of which only the last makes the jobs known.
        """
        owner = self._owner
        if owner is None:
            raise StoreError("the store is not open")
        self._recover(owner)
        Writer(owner, self._key).save(batch)

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
        Delete jobs and records of batches whose ends never came.
        """
        staged = self._key("staged")
        for member in link.ask("SMEMBERS", staged):
            if link.ask("ZSCORE", self._key("jobs"), member) is None:
                link.ask("UNLINK", self._key("job", member.decode("utf-8", "replace")))
        link.ask("DEL", staged, self._key("records:staged"))
