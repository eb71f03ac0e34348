"""
Tests for L{txgearman.stores.gearmand.redis}, with a Redis that is a dictionary;
C{tests/functional/test_store_tool.py} has a real one.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Iterator
from typing import Any

import redis
from attrs import define, field
from redis.exceptions import ResponseError
from twisted.trial.unittest import SynchronousTestCase

from tests.stores.test_gearmand import theirs
from txgearman.errors import StoreUnusable
from txgearman.stores.gearmand.redis import RedisQueue
from txgearman.stores.interface import SavedJob, Unreadable

UUID = b"63a9a85c-1e0a-11ee-8b5c-0242ac120002"


@define(eq=False)
class Kept:
    """
    What is in Redis, as a client for it: bytes for strings, dictionaries for
    hashes, and None for anything else.

    @ivar broken: the name of a method that fails.
    """

    keys: dict[bytes, Any] = field(factory=dict)
    broken: str = ""
    closed: bool = False
    _asked: list[bytes] = field(factory=list)

    def ping(self) -> None:
        self._check("ping")

    def _check(self, name: str) -> None:
        if self.broken == name:
            raise redis.ConnectionError("refused")

    def close(self) -> None:
        self.closed = True

    def scan_iter(self, pattern: bytes, count: int) -> Iterator[bytes]:
        self._check("scan_iter")
        # Redis escapes with backslashes, and fnmatch with brackets.
        text = pattern.decode("latin-1")
        for escaped, plain in ("\\[", "[[]"), ("\\]", "]"), ("\\*", "[*]"):
            text = text.replace(escaped, plain)
        for key in self.keys:
            if fnmatch.fnmatchcase(key.decode("latin-1"), text):
                # It may well say one twice.
                yield from (key, key)

    def pipeline(self, transaction: bool) -> Kept:
        self._asked = []
        return self

    def hmget(self, key: bytes, *names: str) -> None:
        assert names == ("priority", "data")
        self._asked.append(key)

    def execute(self, raise_on_error: bool) -> list[Any]:
        return [self._hash(key) for key in self._asked]

    def _hash(self, key: bytes) -> Any:
        value = self.keys[key]
        if not isinstance(value, dict):
            return ResponseError("WRONGTYPE")
        return [value.get("priority"), value.get("data")]

    def type(self, key: bytes) -> bytes:
        return b"string" if isinstance(self.keys[key], bytes) else b"set"

    def get(self, key: bytes) -> Any:
        return self.keys[key]


class RedisQueueTests(SynchronousTestCase):
    """
    Tests of L{RedisQueue}.
    """

    def setUp(self) -> None:
        """
        Have an empty Redis.
        """
        self.kept = Kept()
        self.patch(redis.Redis, "from_url", lambda url: self.kept)

    def keep(self, key: bytes, data: bytes = b"", priority: bytes = b"1") -> None:
        self.kept.keys[key] = {"priority": priority, "data": data}

    def read(self, **options: Any) -> list[SavedJob | Unreadable]:
        found = list(RedisQueue("redis://", **options).read())
        self.assertTrue(self.kept.closed)
        return found

    def test_jobs(self) -> None:
        """
        All that gearmand keeps of a job is read, each job once.
        """
        self.keep(b"_gear_-f-u", b"a\0\xff")
        self.keep(b"_gear_-f\xff-", b"", b"0")
        self.keep(b"_gear_-f--", b"-", b"2")
        self.keep(b"other-f-u")
        self.assertEqual(
            self.read(),
            [
                theirs(1, b"f", b"u", 1, b"a\0\xff", 0),
                theirs(2, b"f\xff", b"", 0, b"", 0),
                theirs(3, b"f", b"-", 2, b"-", 0),
            ],
        )

    def test_many(self) -> None:
        """
        There may be any number of them.
        """
        for number in range(250):
            self.keep(b"_gear_-f-%d" % number)
        found = self.read()
        jobs = [theirs(n + 1, b"f", b"%d" % n, 1, b"", 0) for n in range(250)]
        self.assertEqual(found, jobs)

    def test_hyphens(self) -> None:
        """
        A function ends at its first hyphen, unless it is known better: by what
        follows, or because it is named.
        """
        for key, function, unique in [
            (b"a-b-c", b"a", b"b-c"),
            (b"a-" + UUID, b"a", UUID),
            (b"my-f-" + UUID.upper(), b"my-f", UUID.upper()),
            (b"my-own-u-1", b"my-own", b"u-1"),
            (b"my-own-f-u-1", b"my-own-f", b"u-1"),
            (b"my-owned-u", b"my", b"owned-u"),
        ]:
            self.kept.keys.clear()
            self.keep(b"_gear_-" + key)
            [job] = self.read(functions=[b"my-own", b"my-own-f"])
            self.assertEqual(job, theirs(1, function, unique, 1, b"", 0))

    def test_prefix(self) -> None:
        """
        The prefix may be any, and is no pattern.
        """
        self.keep(b"[p*]-f-u")
        self.keep(b"p-f-u")
        self.keep(b"[pp]-f-u")
        self.assertEqual(self.read(prefix=b"[p*]"), [theirs(1, b"f", b"u", 1, b"", 0)])

    def test_strings(self) -> None:
        """
        Older releases of gearmand kept nothing but the workload.
        """
        self.kept.keys[b"_gear_-f-u"] = b"data"
        self.assertEqual(self.read(), [theirs(1, b"f", b"u", 1, b"data", 0)])

    def test_unreadable(self) -> None:
        """
        What is no job is said by its key, and the others are read.
        """
        self.kept.keys[b"_gear_-f-u\xff"] = None
        self.kept.keys[b"_gear_-f-v"] = {"data": b""}
        self.keep(b"_gear_-f-w", priority=b"high")
        self.keep(b"_gear_--u")
        self.keep(b"_gear_-f-x")
        *bad, good = self.read()
        self.assertEqual(
            bad,
            [
                Unreadable("_gear_-f-u\\xff", "it is a set"),
                Unreadable("_gear_-f-v", "priority is None"),
                Unreadable("_gear_-f-w", "priority is b'high'"),
                Unreadable("_gear_--u", "function is empty"),
            ],
        )
        self.assertEqual(good, theirs(5, b"f", b"x", 1, b"", 0))

    def test_unusable(self) -> None:
        """
        A Redis that is not there, or goes away, is a line.
        """
        for self.kept.broken in "ping", "scan_iter":
            with self.assertRaises(StoreUnusable) as caught:
                self.read()
            self.assertEqual(str(caught.exception), "Redis: refused")

    def test_badURL(self) -> None:
        """
        A URL that Redis does not take is not repeated.
        """

        def fail(url: str) -> None:
            raise ValueError("s3cret")

        self.patch(redis.Redis, "from_url", fail)
        with self.assertRaises(StoreUnusable) as caught:
            self.read()
        self.assertEqual(str(caught.exception), "bad URL of a Redis")
