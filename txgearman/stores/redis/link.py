"""
A connection to Redis, and what a URL says about it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, Final
from urllib.parse import parse_qsl, unquote, urlsplit

from redis import connection as wire
from redis import exceptions as redis

from txgearman.errors import BadSetting, StoreError, StoreUnusable

Command = Sequence[str | bytes | int | float]

_TIMEOUTS: Final = ("socket_timeout", "socket_connect_timeout")
_OPTIONS: Final[dict[str, Callable[[str], Any]]] = {
    **dict.fromkeys(_TIMEOUTS, float),
    "db": int,
    "username": str,
    "password": str,
    "ssl_ca_certs": str,
    "ssl_ca_path": str,
    "ssl_certfile": str,
    "ssl_keyfile": str,
    "ssl_keyfile_password": str,
    "ssl_cert_reqs": str,
    "ssl_check_hostname": lambda value: {"true": True, "false": False}[value.lower()],
}

_NO_URL: Final = (
    "this is no URL of Redis: redis://[user:password@]host:port/db?prefix=txgearman,"
    " rediss:// or unix:///path?db=0; special characters of a password are escaped"
)

_UNUSABLE: Final = (
    redis.AuthenticationError,
    redis.AuthorizationError,
    redis.NoPermissionError,
)


def connectionOf(url: str) -> tuple[wire.AbstractConnection, str]:
    """
    Make a connection that is not connected yet.

    @return: it, and the prefix of the keys.
    @raise BadSetting: when the URL cannot be read. What it says has no part of the
        URL in it, as that may be one of a password.
    """
    try:
        parts = urlsplit(url)
        where: dict[str, Any] = {"port": parts.port or 6379, "host": parts.hostname}
        options = dict(parse_qsl(parts.query, True, True))
    except ValueError:
        raise BadSetting(_NO_URL) from None
    kinds = {
        "redis": wire.Connection,
        "rediss": wire.SSLConnection,
        "unix": wire.UnixDomainSocketConnection,
    }
    path = unquote(parts.path)
    if parts.scheme == "unix":
        where = {"path": path}
    elif path.strip("/"):
        options.setdefault("db", path.strip("/"))
    if parts.scheme not in kinds or not all(where.values()) or parts.fragment:
        raise BadSetting(_NO_URL)
    prefix = options.pop("prefix", "txgearman")
    if not prefix.isprintable() or not prefix or set(prefix) & set("{} "):
        raise BadSetting("the prefix in a Redis URL has to be a word without braces")
    for name in ("username", "password"):
        if value := getattr(parts, name):
            where[name] = unquote(value)
    for name, value in options.items():
        try:
            where[name] = _OPTIONS[name](value)
        except (KeyError, ValueError):
            known = ", ".join(["prefix", *_OPTIONS])
            raise BadSetting(
                f"a Redis URL may have these options with fitting values: {known}"
            ) from None
    if not all(0 < where.get(name, 1) < 10**6 for name in _TIMEOUTS):
        raise BadSetting("a timeout in a Redis URL is in seconds, and more than 0")
    if where.get("db", 0) < 0:
        raise BadSetting("the number of a database of Redis is not below 0")
    where = {"socket_timeout": 30.0, "socket_connect_timeout": 5.0, **where}
    try:
        return kinds[parts.scheme](
            protocol=2, encoding_errors="surrogateescape", **where
        ), prefix
    except (TypeError, ValueError, redis.RedisError):
        raise BadSetting("the options of the Redis URL do not fit its scheme") from None


def storeError(error: Exception) -> StoreError:
    """
    Say what an error of redis-py or the operating system means for a store.
    """
    said = " ".join(str(error).split())[:300] or type(error).__name__
    if isinstance(error, _UNUSABLE) or said.lower().startswith(
        ("unknown command", "unknown subcommand", "db index", "invalid db")
    ):
        return StoreUnusable(f"Redis: {said}")
    return StoreError(f"Redis: {said}")


class Keys:
    """
    The names of keys.
    """

    def __init__(self, prefix: str) -> None:
        self._prefix = f"{{{prefix}}}"

    def __call__(self, *parts: object) -> str:
        """
        Make a key of its parts.
        """
        return ":".join([self._prefix, *map(str, parts)])


def _plain(word: str | bytes | int | float) -> str | bytes | int | float:
    """
    Make bytes of text that may have been made of bytes which were none: redis-py does
    not in all its ways of packing.
    """
    if isinstance(word, str) and not word.isascii():
        return word.encode("utf-8", "surrogateescape")
    return word


class Link:
    """
    A connection to Redis, which is not connected again when it is lost.
    """

    def __init__(self, connection: wire.AbstractConnection) -> None:
        """
        @raise StoreError: when it cannot be connected.
        """
        self._connection = connection
        self._isOpen = True
        with self._losing():
            connection.connect()

    def askAll(self, commands: Iterable[Command]) -> list[Any]:
        """
        Send some commands together.

        @return: the replies. Where Redis refused a command it is a L{StoreError}.
        @raise StoreError: when the connection is lost.
        """
        chosen = [tuple(map(_plain, command)) for command in commands]
        connection = self._connection
        with self._losing():
            if not self._isOpen:
                raise StoreError("Redis: the connection is lost")
            connection.send_packed_command(
                connection.pack_commands(chosen), check_health=False
            )
            return [self._reply() for _ in chosen]

    def ask(self, *command: str | bytes | int | float) -> Any:
        """
        Send a command.

        @return: the reply.
        @raise StoreError: when Redis refused it, or the connection is lost.
        """
        [reply] = self.askAll([command])
        if isinstance(reply, StoreError):
            raise reply
        return reply

    def isLost(self) -> bool:
        """
        Was the connection lost, perhaps while nobody used it?
        """
        try:
            with self._losing():
                # Redis says nothing that it was not asked for, except at the end.
                if self._isOpen and self._connection.can_read(0):
                    self.close()
        except StoreError:
            pass
        return not self._isOpen

    def close(self) -> None:
        """
        Disconnect.
        """
        self._isOpen = False
        with suppress(redis.RedisError, OSError):
            self._connection.disconnect()

    def _reply(self) -> Any:
        try:
            reply = self._connection.read_response()
        except redis.ResponseError as error:
            return storeError(error)
        if isinstance(reply, list):
            # Those of a transaction or a script.
            return [
                storeError(one) if isinstance(one, redis.RedisError) else one
                for one in reply
            ]
        return reply

    @contextmanager
    def _losing(self) -> Iterator[None]:
        """
        Disconnect when anything goes wrong: replies may still be on their way.
        """
        try:
            yield
        except (redis.RedisError, OSError) as error:
            self.close()
            raise storeError(error) from None
        except BaseException:
            self.close()
            raise


def placeOf(url: str) -> tuple[bytes, int, str]:
    """
    Find out where a URL leads, whatever address is in it.

    @return: what tells the Redis from every other, its database, and the prefix.
    @raise BadSetting: when the URL cannot be read.
    @raise StoreError: when Redis cannot be asked, or does not tell.
    """
    connection, prefix = connectionOf(url)
    link = Link(connection)
    try:
        found = re.search(rb"^run_id:(\w+)", link.ask("INFO", "server"), re.MULTILINE)
    finally:
        link.close()
    if found is None:
        raise StoreError("Redis does not say which one it is")
    return found[1], connection.db, prefix
