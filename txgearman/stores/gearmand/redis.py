"""
The queue that gearmand keeps in Redis.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any, Final

import redis
from redis.exceptions import RedisError, ResponseError

from txgearman.errors import StoreUnusable
from txgearman.stores.gearmand.queue import jobsFrom
from txgearman.stores.interface import SavedJob, Unreadable

PREFIX: Final = b"_gear_"
"""What keys begin with when gearmand is not told."""

# Keys that are asked for at once, whatever their workloads are.
_KEYS: Final = 100

# What libgearman calls a job that was not called anything.
_UUID: Final = re.compile(
    rb"(.+)-([0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12})"
)

_NORMAL: Final = b"1"


class RedisQueue:
    """
    What C{gearmand -q redis} keeps.

    A key is a prefix, a function and a unique with hyphens between them, all of which
    may have hyphens themselves. The function ends where a UUID follows it, or else at
    its first hyphen, as gearmand has it, unless it is named to us.
    """

    def __init__(
        self, url: str, prefix: bytes = PREFIX, functions: Sequence[bytes] = ()
    ) -> None:
        """
        @param url: as the package C{redis} takes it.
        @param prefix: C{--redis-prefix}.
        @param functions: those whose names have hyphens.
        """
        self._url = url
        self._start = prefix + b"-"
        self._functions = sorted(functions, key=len, reverse=True)

    def read(self) -> Iterator[SavedJob | Unreadable]:
        """
        Yield all that is in it, in no order.
        """
        client = self._client()
        try:
            yield from jobsFrom(self._rows(client))
        except RedisError as error:
            raise StoreUnusable(f"Redis: {error}") from None
        finally:
            client.close()

    def _client(self) -> Any:
        try:
            client = redis.Redis.from_url(self._url)
            client.ping()
        except RedisError as error:
            raise StoreUnusable(f"Redis: {error}") from None
        except (ValueError, TypeError):
            # Which repeats parts of the URL, and they may be of a password.
            raise StoreUnusable("bad URL of a Redis") from None
        return client

    def _rows(self, client: Any) -> Iterator[tuple[str, Sequence[Any] | str]]:
        keys = self._keys(client)
        while some := list(islice(keys, _KEYS)):
            pipeline = client.pipeline(transaction=False)
            for key in some:
                pipeline.hmget(key, "priority", "data")
            for key, found in zip(
                some, pipeline.execute(raise_on_error=False), strict=True
            ):
                yield _shown(key), self._row(client, key, found)

    def _keys(self, client: Any) -> Iterator[bytes]:
        """
        Yield the keys, each of them once.
        """
        pattern = re.sub(rb"([*?\[\]\\])", rb"\\\1", self._start) + b"*"
        seen = set()
        for key in client.scan_iter(pattern, count=1000):
            if key not in seen:
                seen.add(key)
                yield key

    def _row(self, client: Any, key: bytes, found: Any) -> Sequence[Any] | str:
        """
        What is kept under a key, as a row of the other queues.
        """
        function, unique = self._parted(key[len(self._start) :])
        if isinstance(found, ResponseError):
            kind = client.type(key)
            if kind != b"string":
                return f"it is a {kind.decode()}"
            # Before it knew priorities gearmand kept the workload alone.
            return function, unique, _NORMAL, client.get(key), 0
        priority, data = found
        return function, unique, priority, data, 0

    def _parted(self, name: bytes) -> tuple[bytes, bytes]:
        """
        Part a function from a unique.
        """
        for function in self._functions:
            if name.startswith(function + b"-"):
                return function, name[len(function) + 1 :]
        if match := _UUID.fullmatch(name):
            return match[1], match[2]
        function, _, unique = name.partition(b"-")
        return function, unique


def _shown(key: bytes) -> str:
    return key.decode("utf-8", "backslashreplace")
