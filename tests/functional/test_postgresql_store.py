"""
The store in SQL, with a real PostgreSQL.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from unittest import TestCase

import pytest

from tests.functional.databases import DatabaseServer, PostgreSQLServer
from tests.functional.sqlcases import SQLStoreCases
from txgearman.stores.interface import Batch
from txgearman.stores.sql.store import SQLStore


@pytest.fixture(scope="module")
def server() -> Iterator[DatabaseServer]:
    """
    A server for all tests here.
    """
    made = PostgreSQLServer.make()
    yield made
    made.remove()


class PostgreSQLStoreTests(SQLStoreCases, TestCase):
    """
    The store in PostgreSQL does what every store does.
    """

    def literal(self, digits: str) -> str:
        return rf"'\x{digits}'"

    def cutOff(self) -> None:
        self.say(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )

    def riskIt(self) -> str:
        return "options=-c%20synchronous_commit%3Doff"

    def makeReader(self) -> str:
        name = f"reader_{self.database}"
        self.say(f"CREATE ROLE {name} LOGIN PASSWORD 'r'")
        return f"postgresql://{name}:r@127.0.0.1:{self.server.port}/{self.database}"

    def test_synchronous(self) -> None:
        """
        What the database is set to is not enough to lose what was saved; what the
        URL says is.
        """
        self.say(f"ALTER DATABASE {self.database} SET synchronous_commit = off")
        store = self.owning("options=-c%20statement_timeout%3D12345")
        [row] = self._settings(store)
        self.assertEqual(row, ("on", "12345ms"))

    def _settings(self, store: SQLStore) -> list[tuple[Any, ...]]:
        """
        Look at the settings of a store's connection, through a function that runs
        when it saves.
        """
        self.say(
            "CREATE TABLE seen (synchronous text, patience text)",
            "CREATE FUNCTION look() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
            " INSERT INTO seen VALUES (current_setting('synchronous_commit'),"
            " current_setting('statement_timeout')); RETURN NULL; END $$",
            "CREATE TRIGGER look AFTER DELETE ON txgearman_jobs"
            " FOR EACH STATEMENT EXECUTE FUNCTION look()",
        )
        store.commit(Batch(deletes=[1]))
        return self.say("SELECT * FROM seen")

    def test_schemas(self) -> None:
        """
        Servers whose tables are in different schemas of one database do not know
        of each other.
        """
        self.say("CREATE SCHEMA other")
        self.owning()
        self.owning("options=-c%20search_path%3Dother")
        self.assertOwned()
