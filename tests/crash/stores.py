"""
Stores for the server, and what is behind them, which can be killed too.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import Final

from tests.functional.databases import DatabaseServer, MariaDBServer, PostgreSQLServer
from tests.functional.redis_server import RedisServer
from txgearman.stores.interface import SavedJob, SavedRecord, Unreadable
from txgearman.stores.opening import storeFromURL


class Backend(ABC):
    """
    What a store is kept in.

    @ivar url: that of the store.
    @ivar killable: whether there is a process behind it.
    """

    url: str
    killable = True

    def rows(self) -> list[SavedRecord | SavedJob | Unreadable]:
        """
        Look at all that is in the store, which is not changed.
        """
        store = storeFromURL(self.url)
        assert store is not None
        try:
            store.open(reading=True)
            return list(store.load())
        finally:
            store.close()

    @abstractmethod
    def kill(self) -> None:
        """
        End it the hard way.
        """

    @abstractmethod
    def start(self) -> None:
        """
        Start it again.
        """

    @abstractmethod
    def remove(self) -> None:
        """
        End it for good.
        """


class File(Backend):
    """
    A file of SQLite.
    """

    killable = False

    def __init__(self, folder: Path) -> None:
        self.url = f"sqlite:{folder / 'jobs.db'}"

    def kill(self) -> None:
        raise NotImplementedError("there is no process")

    def start(self) -> None:
        raise NotImplementedError("there is no process")

    def remove(self) -> None:
        return


class Database(Backend):
    """
    A server of databases.
    """

    def __init__(self, server: DatabaseServer) -> None:
        self._server = server
        self.url = server.url(server.newDatabase())

    def kill(self) -> None:
        self._server.kill()

    def start(self) -> None:
        self._server.start()

    def remove(self) -> None:
        self._server.remove()


class Redis(Backend):
    """
    Redis, with its append-only file.
    """

    def __init__(self, folder: Path) -> None:
        inside = folder / "redis"
        inside.mkdir(exist_ok=True)
        self._server = RedisServer(inside)
        self._server.start()
        self.url = self._server.url()

    def kill(self) -> None:
        self._server.kill()

    def start(self) -> None:
        self._server.start()

    def remove(self) -> None:
        self._server.kill()


BACKENDS: Final[dict[str, Callable[[Path], Backend]]] = {
    "sqlite": File,
    "postgresql": lambda _: Database(PostgreSQLServer.make()),
    "mariadb": lambda _: Database(MariaDBServer.make()),
    "redis": Redis,
}
"""How to make each, given an empty folder."""
