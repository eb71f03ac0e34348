"""
The store in SQL, with a real MariaDB.
"""

from __future__ import annotations

from collections.abc import Iterator
from unittest import TestCase

import pytest

from tests.functional.databases import DatabaseServer, MariaDBServer
from tests.functional.sqlcases import SQLStoreCases
from txgearman.stores.interface import (
    KEY_LIMIT,
    RECORD_ROOM,
    Batch,
    JobUpdate,
    SavedRecord,
)
from txgearman.stores.sql.store import SQLStore
from txgearman.testing.stores import savedJob


@pytest.fixture(scope="module")
def server() -> Iterator[DatabaseServer]:
    """
    A server for all tests here.
    """
    made = MariaDBServer.make()
    yield made
    made.remove()


class MySQLStoreTests(SQLStoreCases, TestCase):
    """
    The store in MariaDB does what every store does.
    """

    def literal(self, digits: str) -> str:
        return f"x'{digits}'"

    def cutOff(self) -> None:
        found = self.say(
            "SELECT id FROM information_schema.processlist"
            " WHERE db = database() AND id <> connection_id()"
        )
        self.say(*(f"KILL {number}" for (number,) in found))

    def riskIt(self) -> str:
        self._setGlobally("innodb_flush_log_at_trx_commit", 2)
        return ""

    def makeReader(self) -> str:
        name = f"reader_{self.database}"
        self.say(
            f"CREATE USER {name}@'127.0.0.1' IDENTIFIED BY 'r'",
            f"GRANT SELECT ON {self.database}.* TO {name}@'127.0.0.1'",
        )
        return f"mysql://{name}:r@127.0.0.1:{self.server.port}/{self.database}"

    def _setGlobally(self, name: str, value: object) -> None:
        """
        Change a setting of the server until the test ends.
        """
        [(before,)] = self.say(f"SELECT @@GLOBAL.{name}")
        self.say(f"SET GLOBAL {name} = {value}")
        self.addCleanup(self.say, f"SET GLOBAL {name} = {before}")

    def test_packets(self) -> None:
        """
        What fits into the server's packets is known, and a batch that does not is
        saved in several, whatever the bytes are.
        """
        self._setGlobally("max_allowed_packet", 256 * 1024)
        store = self.owning()
        self.assertGreater(store.largest, 60 * 1024)
        self.assertLess(store.largest, 128 * 1024)
        jobs = [
            savedJob(
                number,
                function=b"'" * 4096,
                unique=b"\\" * 64,
                data=b"\0" * store.largest,
                error=b"\n" * 5000,
            )
            for number in range(1, 6)
        ]
        store.commit(Batch(jobs))
        error = b"\r" * 60_000
        store.commit(
            Batch(updates=[JobUpdate(n, n, 0.0, 0, error) for n in range(1, 6)])
        )
        store.close()
        self.assertKept([job._replace(error=error) for job in jobs])

    def test_recordPackets(self) -> None:
        """
        So are records, of which the largest may be larger than workloads.
        """
        self._setGlobally("max_allowed_packet", 256 * 1024)
        store = self.owning()
        records = [
            SavedRecord("policyresultdead", bytes([n]) * KEY_LIMIT, b"\0" * size)
            for n, size in enumerate([store.largest + RECORD_ROOM] * 3 + [500] * 200)
        ]
        store.commit(Batch(records=records))
        store.close()
        self.assertKept([], records)

    def test_mariadb(self) -> None:
        """
        MariaDB may be called by its name.
        """
        url = self.server.url(self.database).replace("mysql:", "mariadb:")
        store = SQLStore(url)
        self.assertEqual(store.open(), 1)
        store.close()

    def test_engine(self) -> None:
        """
        The tables are of the engine that has transactions, whatever is usual.
        """
        self._setGlobally("default_storage_engine", "MyISAM")
        self.owning()
        found = self.say(
            "SELECT DISTINCT engine FROM information_schema.tables"
            " WHERE table_schema = database()"
        )
        self.assertEqual(found, [("InnoDB",)])
