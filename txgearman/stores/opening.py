"""
Stores by their URLs.

Whatever they say of a URL, they do not repeat it: there may be a password in it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Final, TypeVar
from urllib.parse import parse_qsl

from txgearman.errors import BadSetting, StoreError
from txgearman.stores.interface import IJobStore

if TYPE_CHECKING:
    from txgearman.stores.gearmand.queue import GearmandQueue

T = TypeVar("T")

_FOREIGN: Final = "gearmand+"


def storeFromURL(url: str) -> IJobStore | None:
    """
    Make a store; it is not opened yet.

    @param url: C{sqlite:PATH}, C{postgresql://}, C{mysql://}, C{mariadb://} or
        C{redis://} with what follows there (also C{postgres://}, C{rediss://},
        C{unix://}), or C{memory:}.
    @return: L{None} for C{memory:}: the jobs last as long as the process.
    @raise BadSetting: when it is none of these, or what it needs is not installed.
    """
    if url == "memory:":
        return None
    return _made(_OURS, url, ("memory", *_OURS))


def sourceFromURL(url: str) -> IJobStore | GearmandQueue:
    """
    Make what jobs can be read from: a store, or a queue of gearmand's, whose URLs
    have C{gearmand+} in front.

    @raise BadSetting: as with L{storeFromURL}, and when there is nothing to read.
    """
    if url.startswith(_FOREIGN):
        return _made(_THEIRS, url, tuple(_THEIRS))
    store = storeFromURL(url)
    if store is None:
        raise BadSetting("memory: keeps nothing that could be looked at")
    return store


def areOne(url: str, other: str) -> bool:
    """
    Are two URLs of one store, as far as that can be told? A file can have several
    paths, and a Redis several addresses.
    """
    if url == other:
        return True
    kinds = {_KINDS.get(one.partition(":")[0]) for one in (url, other)}
    if kinds == {"sqlite"}:
        with suppress(OSError):
            return os.path.samefile(_file(url)[0], _file(other)[0])
    if kinds == {"redis"}:
        # Whoever opens them says what is wrong with them, or not installed.
        with suppress(StoreError, ImportError):
            from txgearman.stores.redis.link import placeOf

            return placeOf(url) == placeOf(other)
    return False


def withoutPassword(url: str) -> str:
    """
    A URL as it may be shown to everybody.
    """
    url = re.sub(r"(?s)(//[^:/?#]*):.*@", r"\1:***@", url)
    return re.sub(r"(?i)((?:password|passwd)=)[^&]*", r"\1***", url)


def _made(
    kinds: Mapping[str, Callable[[str], T]], url: str, known: tuple[str, ...]
) -> T:
    scheme, colon, rest = url.partition(":")
    if scheme == "memory" and rest:
        raise BadSetting("memory: takes nothing more")
    make = kinds.get(scheme)
    if make is None or not colon:
        raise BadSetting(f"bad store {scheme!r:.50}: there are {', '.join(known)}")
    try:
        return make(url)
    except ImportError as error:
        extra = _KINDS[scheme.removeprefix(_FOREIGN)]
        why = str(error).partition("\n")[0]
        raise BadSetting(
            f"{scheme} takes what is not installed: pip install 'txgearman[{extra}]'"
            f" ({why})"
        ) from None


def _sqlite(url: str) -> IJobStore:
    from txgearman.stores.sqlite.store import SQLiteStore

    path, options = _file(url)
    return SQLiteStore(path, **_known("sqlite", options, "sync"))


def _sql(url: str) -> IJobStore:
    from txgearman.stores.sql.store import SQLStore

    return SQLStore(re.sub("^postgres:", "postgresql:", url))


def _redis(url: str) -> IJobStore:
    from txgearman.stores.redis.store import RedisStore

    return RedisStore(url)


def _theirSQLite(url: str) -> GearmandQueue:
    from txgearman.stores.gearmand.sqlite import SQLiteQueue

    path, options = _file(url)
    return SQLiteQueue(path, **_known("gearmand+sqlite", options, "table"))


def _theirSQL(url: str) -> GearmandQueue:
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import ArgumentError

    from txgearman.stores.gearmand.sql import SQLQueue

    given = url.removeprefix(_FOREIGN)
    try:
        parsed = make_url(given)
    except (ArgumentError, ValueError):
        raise BadSetting("bad URL of a database") from None
    kind = _KINDS[parsed.drivername]
    table = parsed.query.get("table", "")
    if not isinstance(table, str):
        raise BadSetting("table is given twice")
    plain = parsed.set(drivername=kind).difference_update_query(["table"])
    return SQLQueue(plain, table)


def _theirRedis(url: str) -> GearmandQueue:
    from txgearman.stores.gearmand.redis import PREFIX, RedisQueue

    # Other options are the client's.
    address, _, query = url.removeprefix(_FOREIGN).partition("?")
    options = parse_qsl(query, keep_blank_values=True)
    ours: dict[str, list[bytes]] = {"prefix": [], "function": []}
    for name, value in options:
        if name in ours:
            ours[name].append(value.encode())
    others = [pair for pair in query.split("&") if pair.partition("=")[0] not in ours]
    rest = "?" + "&".join(others) if any(others) else ""
    prefix = [PREFIX, *ours["prefix"]][-1]
    return RedisQueue(address + rest, prefix, ours["function"])


def _file(url: str) -> tuple[str, dict[str, str]]:
    """
    Read the URL of a file: its path stands behind the colon, or behind three
    slashes more.

    @return: the path, and the options.
    """
    scheme, _, rest = url.partition(":")
    path, _, query = rest.partition("?")
    if path.startswith("//"):
        if not path.startswith("///"):
            raise BadSetting(f"{scheme} has no hosts: {scheme}:PATH")
        path = path[3:]
    if not path or path == ":memory:":
        raise BadSetting(f"{scheme} needs a file: {scheme}:PATH")
    return path, dict(parse_qsl(query, keep_blank_values=True))


def _known(scheme: str, options: dict[str, str], *names: str) -> dict[str, str]:
    """
    See that all options are among those that there are.
    """
    for name in options:
        if name not in names:
            raise BadSetting(f"{scheme} has no {name!r:.50}: there is {names[0]}")
    return options


_OURS: Final[Mapping[str, Callable[[str], IJobStore]]] = {
    "sqlite": _sqlite,
    "postgresql": _sql,
    "postgres": _sql,
    "mysql": _sql,
    "mariadb": _sql,
    "redis": _redis,
    "rediss": _redis,
    "unix": _redis,
}

_THEIRS: Final[Mapping[str, Callable[[str], GearmandQueue]]] = {
    "gearmand+sqlite": _theirSQLite,
    "gearmand+postgresql": _theirSQL,
    "gearmand+postgres": _theirSQL,
    "gearmand+mysql": _theirSQL,
    "gearmand+mariadb": _theirSQL,
    "gearmand+redis": _theirRedis,
    "gearmand+rediss": _theirRedis,
}

# What a scheme is about: a database, and the extra that it takes.
_KINDS: Final = {
    "sqlite": "sqlite",
    "postgresql": "postgresql",
    "postgres": "postgresql",
    "mysql": "mysql",
    "mariadb": "mysql",
    "redis": "redis",
    "rediss": "redis",
    "unix": "redis",
}
