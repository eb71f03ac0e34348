"""
Who has the jobs in Redis, and changes that only that one can make.

The owner is alive while Redis knows a connection of its name, so the jobs are let go
of with the process; when the computer is gone with it, Redis notices after its
C{tcp-keepalive}. Every change is made under a WATCH of the owner's key: what a lost
connection left behind cannot be done later, when another one has them.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, Final, NoReturn
from uuid import uuid4

from twisted.logger import Logger

from txgearman.errors import StoreError, StoreUnusable
from txgearman.stores.redis.link import Command, Keys, Link

SCHEMA: Final = 2
"""What says how the jobs and records are kept."""

# How long the connection of a server that ended may still be known, in seconds.
_PATIENCE: Final = 2.0

COUNT: Final = re.compile(rb"0|[1-9][0-9]{0,18}")
"""What a number looks like that is not below 0."""


class Owner:
    """
    A connection that owns the jobs.

    @ivar life: the number of this life.
    @ivar waiting: the command that waits until what was written is on the disk, or
        nothing.
    """

    _log = Logger()

    def __init__(self, link: Link, keys: Keys, waiting: Sequence[Command]) -> None:
        """
        Take the jobs.

        @raise StoreUnusable: when another one has them.
        """
        self.waiting = waiting
        self.life = 0
        self._names = f"txgearman-{os.getpid()}-{uuid4().hex}-"
        self._count = 0
        self._keys = keys
        self._link = link
        self.life = self._claim(link)

    @property
    def name(self) -> str:
        """
        What the connection is called, and what the owner's key has.
        """
        return f"{self._names}{self._count}"

    def recover(self, link: Link) -> None:
        """
        Go on with another connection when one was lost.

        @raise StoreUnusable: when another one had the jobs in the meantime.
        """
        self._claim(link)
        self._link = link

    def release(self) -> None:
        """
        Let go of the jobs.
        """
        # Not done when the key is another's by now: it is watched.
        with suppress(StoreError):
            self._link.askAll([["MULTI"], ["DEL", self._keys("owner")], ["EXEC"]])

    def changeAlone(self, change: Command) -> None:
        """
        Run one script, which is as good as a transaction.
        """
        [done, *waited] = self._link.askAll([change, *self.waiting])
        _check([done])
        if done != 1:
            self._lose()
        self._checkWaited(waited)

    def transact(self, commands: Sequence[Command]) -> None:
        """
        Make changes together, if the jobs are still ours.
        """
        waiting, owner = self.waiting, self._keys("owner")
        replies = self._link.askAll(
            [["MULTI"], *commands, ["EXEC"], *waiting, ["WATCH", owner], ["GET", owner]]
        )
        if replies[-1] != self.name.encode():
            # Nothing may be changed from now on, whatever was until now.
            self._link.close()
        end = len(commands) + 2
        done = replies[end - 1]
        _check(replies[:end])
        if done is None:
            self._lose()
        _check(done)
        self._checkWaited(replies[end : end + len(waiting)])

    def _checkWaited(self, replies: Sequence[Any]) -> None:
        """
        Was it written to the disk?
        """
        for reply in replies:
            if isinstance(reply, StoreError):
                # As when its appendonly was set to no.
                self.waiting = []
                self._log.warn("jobs may be lost when Redis ends: {why}", why=reply)
            elif reply[0] < 1:
                raise StoreError("Redis: it did not write to its disk in time")

    def _lose(self) -> NoReturn:
        """
        Nothing was changed, as the jobs are not ours now.
        """
        self._link.close()
        raise StoreError("Redis: the jobs were taken from this server")

    def _claim(self, link: Link) -> int:
        """
        Take the jobs with a connection.

        @return: the number of the life.
        """
        self._count += 1
        owner, meta = self._keys("owner"), self._keys("meta")
        link.ask("CLIENT", "SETNAME", self.name)
        end = time.monotonic() + _PATIENCE
        while True:
            link.ask("WATCH", owner, meta)
            lives = livesOf(link, self._keys)
            if self.life and lives not in (0, self.life):
                raise StoreUnusable("another server took the jobs in the meantime")
            had = (link.ask("GET", owner) or b"").decode("utf-8", "replace")
            if not had.startswith(self._names) and (other := _alive(link, had)):
                if time.monotonic() > end:
                    raise StoreUnusable(f"another server has the jobs open: {other}")
                time.sleep(0.05)
                continue
            life = self.life or lives + 1
            *replies, now = link.askAll(
                [
                    ["MULTI"],
                    ["SET", owner, self.name],
                    ["HSET", meta, "schema", SCHEMA, "lives", life],
                    ["EXEC"],
                    ["WATCH", owner],
                    ["GET", owner],
                ]
            )
            _check(replies)
            if now == self.name.encode():
                if self.life and lives == 0:
                    self._log.warn("Redis forgot all jobs that it kept")
                return life


def livesOf(link: Link, keys: Keys) -> int:
    """
    Look how often the jobs were owned.

    @return: the number of lives, 0 for a new store.
    @raise StoreUnusable: when what is there is not ours.
    """
    meta = keys("meta")
    kept = link.ask("HMGET", meta, "schema", "lives")
    if kept == [None, None]:
        if link.ask("EXISTS", meta, keys("jobs"), keys("records")):
            raise StoreUnusable(f"Redis: {meta} has no schema, but there is more")
        return 0
    if not all(one is not None and COUNT.fullmatch(one) for one in kept):
        raise StoreUnusable(f"Redis: schema and lives in {meta} are no numbers")
    schema, lives = map(int, kept)
    if schema > SCHEMA:
        raise StoreUnusable(
            f"Redis: a newer txgearman keeps the jobs, with schema {schema}"
        )
    return lives


def _alive(link: Link, name: str) -> str:
    """
    @return: who has the connection of that name; empty when it is lost.
    """
    if not name:
        return ""
    for line in link.ask("CLIENT", "LIST").decode("utf-8", "replace").splitlines():
        about = dict(word.partition("=")[::2] for word in line.split())
        if about.get("name") == name:
            return f"{name} at {about.get('addr', '')}"
    return ""


def _check(replies: Sequence[Any]) -> None:
    """
    See that nothing was refused.
    """
    for reply in replies:
        if isinstance(reply, StoreError):
            raise reply
