"""
Tests for L{txgearman.stores.redis.store}, L{txgearman.stores.redis.link} and
L{txgearman.stores.redis.owner}, as far as no Redis is needed.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from importlib import import_module
from typing import Any
from unittest.mock import patch

from attrs import define, field
from redis import connection as wire
from redis.exceptions import ConnectionError, RedisError, ResponseError, TimeoutError
from twisted.logger import capturedLogs
from twisted.trial.unittest import SynchronousTestCase

from txgearman.errors import BadSetting, StoreError, StoreUnusable
from txgearman.stores.interface import Batch
from txgearman.stores.opening import storeFromURL
from txgearman.stores.redis.link import Command, Link, connectionOf
from txgearman.stores.redis.store import RedisStore
from txgearman.testing.stores import savedJob


def named(commands: Iterable[Command]) -> list[str]:
    """
    What these commands are called.
    """
    return [str(command[0]) for command in commands]


@define(eq=False)
class PretendedRedis:
    """
    A Redis, and the connection to it, in as far as a store asks for it. It knows
    WAITAOF, which Debian's does not.

    @ivar version: what it says that it is.
    @ivar settings: what it says of them.
    @ivar waited: what WAITAOF replies; L{None} when it does not know that.
    @ivar lost: the error of all that follows.
    @ivar commands: what it was asked.
    """

    version: bytes = b"7.4.1"
    settings: dict[str, bytes] = field(
        factory=lambda: {"appendonly": b"yes", "appendfsync": b"always"}
    )
    waited: object = field(factory=lambda: [1, 0])
    lost: Exception | None = None
    commands: list[Command] = field(factory=list)
    socket_timeout: float = 10.0
    _owner: object = None
    _replies: list[Any] = field(factory=list)
    _queue: list[Any] | None = None

    def connect(self) -> None:
        self._raise()

    def disconnect(self) -> None:
        self._replies = []

    def can_read(self, timeout: float) -> bool:
        self._raise()
        return False

    def pack_commands(self, commands: Sequence[Command]) -> Sequence[Command]:
        return commands

    def send_packed_command(
        self, commands: Sequence[Command], check_health: bool
    ) -> None:
        self._raise()
        for command in commands:
            self.commands.append(command)
            self._replies.append(self._queued(command))

    def read_response(self) -> Any:
        self._raise()
        reply = self._replies.pop(0)
        if isinstance(reply, RedisError):
            raise reply
        return reply

    def _raise(self) -> None:
        if self.lost is not None:
            raise self.lost

    def _queued(self, command: Command) -> Any:
        match command[0]:
            case "MULTI":
                self._queue = []
                return b"OK"
            case "EXEC":
                queue, self._queue = self._queue, None
                return queue
        if self._queue is None:
            return self._done(command)
        self._queue.append(self._done(command))
        return b"QUEUED"

    def _done(self, command: Command) -> Any:
        match command:
            case ["INFO", _]:
                return b"# Server\r\nredis_version:" + self.version + b"\r\n"
            case ["TYPE", _]:
                return b"none"
            case ["CONFIG", "GET", str(name)]:
                value = self.settings.get(name)
                return [] if value is None else [name.encode(), value]
            case ["COMMAND", "INFO", _]:
                return [None] if self.waited is None else [[b"waitaof", 4]]
            case ["HMGET", *_]:
                return [None, None]
            case ["SMEMBERS", _]:
                return []
            case ["SET", _, str(name)]:
                self._owner = name.encode()
            case ["GET", _]:
                return self._owner
            case ["WAITAOF", *_]:
                return self.waited
            case ["EXISTS" | "EVAL", *_]:
                return int(command[0] == "EVAL")
        return b"OK"


class RedisStoreTests(SynchronousTestCase):
    """
    Tests of a store with a pretended Redis.
    """

    def setUp(self) -> None:
        """
        Pretend.
        """
        self.redis = PretendedRedis()
        self.patch(
            import_module("txgearman.stores.redis.store"),
            "connectionOf",
            lambda url: (self.redis, "txgearman"),
        )
        self.events = self.enterContext(capturedLogs())

    def opened(self) -> RedisStore:
        """
        Open a store.
        """
        store = RedisStore("redis://localhost")
        self.assertEqual(store.open(), 1)
        self.redis.commands.clear()
        return store

    def warned(self) -> int:
        """
        How many events were there?
        """
        return sum("Redis" in str(event.get("log_format")) for event in self.events)

    def test_waits(self) -> None:
        """
        A Redis that can be asked whether it wrote to its disk is asked, for less
        time than it has to answer.
        """
        store = self.opened()
        store.commit(Batch([savedJob(1)]))
        self.assertEqual(
            named(self.redis.commands),
            ["MULTI", "UNLINK", "HSET", "ZADD", "EXEC", "WAITAOF", "WATCH", "GET"],
        )
        self.assertIn(("WAITAOF", 1, 0, 9000), self.redis.commands)
        self.redis.commands.clear()
        store.commit(Batch(deletes=[1]))
        self.assertEqual(named(self.redis.commands), ["EVAL", "WAITAOF"])
        self.assertEqual(self.warned(), 0)

    def test_noWaiting(self) -> None:
        """
        A Redis that does not know the command, or writes nothing, is not asked.
        """
        for waited, file in ((None, b"yes"), ([1, 0], b"no")):
            self.redis = PretendedRedis(waited=waited)
            self.redis.settings["appendonly"] = file
            store = self.opened()
            store.commit(Batch([savedJob(1)]))
            self.assertNotIn("WAITAOF", named(self.redis.commands))
        self.assertEqual(self.warned(), 1)

    def test_notWritten(self) -> None:
        """
        What is not on the disk in time is not saved.
        """
        store = self.opened()
        self.redis.waited = [0, 0]
        self.assertRaises(StoreError, store.commit, Batch([savedJob(1)]))
        self.assertRaises(StoreError, store.commit, Batch(deletes=[1]))
        self.redis.waited = [1, 0]
        store.commit(Batch([savedJob(1)]))

    def test_notWriting(self) -> None:
        """
        When Redis stops writing to its disk, that is said once.
        """
        store = self.opened()
        self.redis.waited = ResponseError("appendonly is disabled")
        store.commit(Batch([savedJob(1)]))
        store.commit(Batch([savedJob(2)]))
        self.assertEqual(named(self.redis.commands).count("WAITAOF"), 1)
        self.assertEqual(self.warned(), 1)

    def test_tooOld(self) -> None:
        """
        A Redis that is too old is refused.
        """
        self.redis.version = b"5.0.14"
        store = RedisStore("redis://localhost")
        error = self.assertRaises(StoreUnusable, store.open)
        self.assertIn("5.0", str(error))

    def test_notOpen(self) -> None:
        """
        Nothing can be done with a store that is not open.
        """
        store = RedisStore("redis://localhost")
        self.assertRaises(StoreError, store.commit, Batch())
        self.assertRaises(StoreError, list, store.load())
        store.close()

    def test_unreachable(self) -> None:
        """
        Whatever is wrong with the connection, it may be better later.
        """
        store = RedisStore("redis://localhost")
        for error in (ConnectionError("a\nb"), TimeoutError(), OSError(5, "broken")):
            self.redis.lost = error
            caught = self.assertRaises(StoreError, store.open)
            self.assertNotIsInstance(caught, StoreUnusable)
            self.assertNotIn("\n", str(caught))
        self.redis.lost = None
        self.assertEqual(store.open(), 1)


class LinkTests(SynchronousTestCase):
    """
    Tests of L{Link}.
    """

    def test_lost(self) -> None:
        """
        Once a connection was lost nothing more is sent.
        """
        redis: Any = PretendedRedis()
        link = Link(redis)
        self.assertEqual(link.ask("PING"), b"OK")
        self.assertFalse(link.isLost())
        redis.lost = TimeoutError("too late")
        self.assertRaises(StoreError, link.ask, "PING")
        redis.lost = None
        self.assertRaises(StoreError, link.ask, "PING")
        self.assertTrue(link.isLost())
        self.assertEqual(len(redis.commands), 1)

    def test_refused(self) -> None:
        """
        What is refused is an error, also in the middle of a transaction.
        """
        redis: Any = PretendedRedis(waited=ResponseError("no"))
        link = Link(redis)
        self.assertRaises(StoreError, link.ask, "WAITAOF")
        *_, [one, other] = link.askAll([["MULTI"], ["PING"], ["WAITAOF"], ["EXEC"]])
        self.assertEqual(one, b"OK")
        self.assertIsInstance(other, StoreError)
        self.assertFalse(link.isLost())


# URLs that cannot be read. Those with a password have "secret" or a part of it.
BAD = [
    "",
    "localhost",
    "http://localhost",
    "redis://",
    "redis://:sec/ret@localhost",
    "redis://:sec?ret@localhost",
    "redis://:sec#ret@localhost",
    "redis://:sec[ret@localhost",
    "redis://localhost:secret",
    "redis://localhost:70000",
    "redis://localhost/secret",
    "redis://localhost/-1",
    "redis://localhost?db=-1",
    "redis://localhost?db=secret",
    "redis://localhost?secret=1",
    "redis://localhost?socket_timeout=soon",
    "redis://localhost?socket_timeout=0",
    "redis://localhost?socket_timeout=nan",
    "redis://localhost?socket_timeout=inf",
    "redis://localhost?decode_responses=True",
    "redis://localhost?ssl_certfile=x",
    "redis://localhost?prefix=",
    "redis://localhost?prefix={a}",
    "redis://localhost?prefix=a%0ab",
    "rediss://localhost?ssl_cert_reqs=secret",
    "rediss://localhost?ssl_check_hostname=perhaps",
    "unix://",
]


class URLTests(SynchronousTestCase):
    """
    Tests of L{connectionOf}.
    """

    def test_unreadable(self) -> None:
        """
        A URL that cannot be read is said so in one line, without any of it.
        """
        for url in BAD:
            said = str(self.assertRaises(BadSetting, RedisStore, url))
            self.assertNotIn("\n", said)
            self.assertNotIn("sec", said.replace("socket", "").replace("second", ""))

    def test_everything(self) -> None:
        """
        All parts of a URL are understood.
        """
        made, prefix = connectionOf(
            "redis://us%40er:p%3aw@box:7000/3?prefix=jobs&socket_timeout=2.5"
        )
        assert isinstance(made, wire.Connection)
        self.assertEqual((made.host, made.port, made.db), ("box", 7000, 3))
        self.assertEqual((made.username, made.password), ("us@er", "p:w"))
        self.assertEqual((made.socket_timeout, made.socket_connect_timeout), (2.5, 5))
        self.assertEqual(prefix, "jobs")

    def test_little(self) -> None:
        """
        Little has to be said.
        """
        made, prefix = connectionOf("redis://[::1]")
        assert isinstance(made, wire.Connection)
        self.assertEqual((made.host, made.port, made.db), ("::1", 6379, 0))
        self.assertEqual(made.socket_timeout, 30)
        self.assertEqual(prefix, "txgearman")

    def test_tls(self) -> None:
        """
        TLS checks the certificate unless told otherwise.
        """
        made, _ = connectionOf("rediss://box?ssl_ca_certs=/ca.pem")
        assert isinstance(made, wire.SSLConnection)
        self.assertEqual(made.ca_certs, "/ca.pem")
        self.assertTrue(made.check_hostname)
        made, _ = connectionOf("rediss://box?ssl_check_hostname=false")
        assert isinstance(made, wire.SSLConnection)
        self.assertFalse(made.check_hostname)

    def test_unix(self) -> None:
        """
        A socket in the file system has a path, and options for the rest.
        """
        made, _ = connectionOf("unix:///run/re%20dis.sock?db=2&password=x")
        assert isinstance(made, wire.UnixDomainSocketConnection)
        self.assertEqual((made.path, made.db), ("/run/re dis.sock", 2))
        self.assertEqual(made.password, "x")

    def test_noLibrary(self) -> None:
        """
        Without redis-py it is said what to install.
        """
        names = ("store", "owner", "link")
        ours = {name: f"txgearman.stores.redis.{name}" for name in names}
        with patch.dict(sys.modules):
            for name in ours.values():
                sys.modules.pop(name, None)
            for name in [name for name in sys.modules if name.startswith("redis.")]:
                del sys.modules[name]
            sys.modules["redis"] = None  # type: ignore[assignment]
            error = self.assertRaises(BadSetting, storeFromURL, "redis://host")
        self.assertIn("txgearman[redis]", str(error))
        package = import_module("txgearman.stores.redis")
        for name, whole in ours.items():
            setattr(package, name, sys.modules[whole])
