"""
What is tested of the stores in SQL with servers of each kind.
"""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import pytest
from sqlalchemy import Connection, text
from twisted.logger import ILogObserver, LogEvent, globalLogPublisher
from zope.interface import provider

from tests.functional.databases import PASSWORD, DatabaseServer
from tests.functional.processes import freePort
from txgearman.errors import StoreError, StoreUnusable
from txgearman.stores.interface import Batch, JobUpdate, SavedRecord, Unreadable
from txgearman.stores.sql import session, tables
from txgearman.stores.sql.store import SQLStore
from txgearman.testing.stores import JobStoreContract, savedJob

_OWNER = """
import sys, time
from txgearman.stores.sql.store import SQLStore
store = SQLStore(sys.argv[1])
print(store.open(), flush=True)
time.sleep(60)
"""


def _addColumn(connection: Connection) -> None:
    """
    A made-up step from one version of the tables to the next.
    """
    connection.execute(text("ALTER TABLE txgearman_jobs ADD COLUMN color INTEGER"))


class SQLStoreCases(JobStoreContract):
    """
    Tests of a store on a real server. Each test has a database of its own.
    """

    server: DatabaseServer
    database: str

    @pytest.fixture(autouse=True)
    def prepare(self, server: DatabaseServer) -> None:
        server.start()
        self.server = server
        self.database = server.newDatabase()

    def makeStore(self, query: str = "") -> SQLStore:
        return SQLStore(self.server.url(self.database, query))

    def spoil(self, number: int) -> None:
        self.say(f"UPDATE txgearman_jobs SET priority = 7 WHERE number = {number}")

    def spoilRecord(self, kind: str, key: bytes) -> None:
        digest = tables.digestOf(kind, key).hex()
        self.say(
            "UPDATE txgearman_records SET kind = upper(kind)"
            f" WHERE digest = {self.literal(digest)}"
        )

    def literal(self, digits: str) -> str:
        """
        Bytes as the server writes them in a statement.
        """
        raise NotImplementedError

    def say(self, *statements: str) -> list[tuple[Any, ...]]:
        """
        Have statements carried out behind the store's back.
        """
        return self.server.say(*statements, database=self.database)

    def cutOff(self) -> None:
        """
        Have the server end the connections of all others to the test's database.
        """
        raise NotImplementedError

    def riskIt(self) -> str:
        """
        Have the server save what it says is saved some time later.

        @return: the query of a URL that the store is to have.
        """
        raise NotImplementedError

    def makeReader(self) -> str:
        """
        Make a user who may not make tables.

        @return: the URL of the test's database for that user.
        """
        raise NotImplementedError

    def owning(self, query: str = "") -> SQLStore:
        """
        Make a store that has the tables.
        """
        store = self.makeStore(query)
        self.addCleanup(store.close)
        store.open()
        self.assertEqual(list(store.load()), [])
        return store

    def assertSaid(self, error: BaseException, *words: str) -> None:
        """
        An error is one line, with these words and without the password.
        """
        said = str(error)
        for word in (self.server.scheme, *words):
            self.assertIn(word, said)
        for secret in (PASSWORD, "Background on this error", "[SQL", "\n"):
            self.assertNotIn(secret, said)

    def assertOwned(self) -> None:
        """
        Nobody else gets the tables.
        """
        with (
            patch.object(session, "OWNING", 0.2),
            self.assertRaises(StoreUnusable) as caught,
        ):
            self.makeStore().open()
        self.assertSaid(caught.exception, "another server has these tables: ")

    @contextmanager
    def failing(self, kind: type[StoreError] = StoreError) -> Iterator[None]:
        """
        What is done here fails with just this kind of error.
        """
        with self.assertRaises(StoreError) as caught:
            yield
        self.assertIs(type(caught.exception), kind, str(caught.exception))
        self.assertSaid(caught.exception)

    def test_stopped(self) -> None:
        """
        While the server is down nothing can be saved; when it is back, everything
        can, and the tables have the same owner as before.
        """
        store = self.owning()
        store.commit(Batch([savedJob(1)]))
        self.server.stop()
        for _ in range(2):
            with self.failing():
                store.commit(Batch([savedJob(2)]))
        with self.failing():
            self.makeStore().open()
        self.server.start()
        store.commit(Batch([savedJob(2)]))
        self.assertOwned()
        store.close()
        self.assertEqual(self.makeStore().open(), 2)

    def test_killed(self) -> None:
        """
        What was committed is there after the server died.
        """
        store = self.owning()
        jobs = [savedJob(number, data=b"x" * 5000) for number in range(1, 50)]
        store.commit(Batch(jobs))
        self.server.kill()
        self.server.start()
        with self.failing():
            store.commit(Batch(deletes=[1]))
        store.commit(Batch(deletes=[2]))
        store.close()
        self.assertKept([jobs[0], *jobs[2:]])

    def test_cutOff(self) -> None:
        """
        A connection that the server ended fails once, and then there is a new one;
        to load goes on as well.
        """
        store = self.owning()
        store.commit(Batch([savedJob(1)]))
        self.cutOff()
        with self.failing():
            store.commit(Batch())
        store.commit(Batch([savedJob(2)]))
        self.cutOff()
        with self.failing():
            list(store.load())
        self.assertEqual(list(store.load()), [savedJob(1), savedJob(2)])
        self.assertOwned()

    def test_paused(self) -> None:
        """
        A server that hangs is given up after the time that the URL says.
        """
        timeouts = "connect_timeout=2&read_timeout=1&tcp_user_timeout=1000"
        if self.server.scheme == "mysql":
            timeouts = "connect_timeout=1&read_timeout=1&write_timeout=1"
        store = self.owning(timeouts)
        self.server.pause()
        self.addCleanup(self.server.resume)
        with self.failing():
            store.commit(Batch([savedJob(1)]))
        with self.failing():
            store.commit(Batch([savedJob(1)]))
        self.server.resume()
        store.commit(Batch([savedJob(1)]))
        store.close()
        self.assertKept([savedJob(1)])

    def test_killedOwner(self) -> None:
        """
        A server that was killed does not keep the next one from the tables.
        """
        url = self.server.url(self.database)
        child = subprocess.Popen(
            [sys.executable, "-c", _OWNER, url], stdout=subprocess.PIPE
        )
        with child:
            try:
                assert child.stdout is not None
                self.assertEqual(child.stdout.readline(), b"1\n")
                self.assertOwned()
                child.send_signal(signal.SIGKILL)
                self.makeOpened().commit(Batch())
            finally:
                child.kill()

    def makeOpened(self) -> SQLStore:
        """
        Make a store in its second life.
        """
        store = self.makeStore()
        self.addCleanup(store.close)
        self.assertEqual(store.open(), 2)
        return store

    def test_meanwhile(self) -> None:
        """
        Who lost the tables to another server for a while must not go on.
        """
        first = self.owning()
        self.cutOff()
        second = self.makeOpened()
        with self.failing():
            first.commit(Batch())
        with self.failing(StoreUnusable):
            first.commit(Batch([savedJob(1)]))
        second.close()
        with self.failing(StoreUnusable):
            first.commit(Batch([savedJob(1)]))
        self.assertKept([])

    def test_newer(self) -> None:
        """
        Tables of a later version are left alone.
        """
        self.owning().close()
        self.say("UPDATE txgearman_meta SET value = 99 WHERE name = 'version'")
        with self.assertRaises(StoreUnusable) as caught:
            self.makeStore().open()
        self.assertSaid(caught.exception, "99", "later version")
        reader = self.opened(reading=True)
        with self.failing(StoreUnusable):
            list(reader.load())

    def test_step(self) -> None:
        """
        Tables of an earlier version become today's, with all that is in them;
        whoever only reads does not change them.
        """
        self.keep(savedJob(1))
        with patch.object(tables, "STEPS", (*tables.STEPS, _addColumn)):
            reader = self.opened(reading=True)
            with self.failing(StoreUnusable):
                list(reader.load())
            reader.close()
            self.assertKept([savedJob(1)])
            self.assertKept([savedJob(1)])
        self.assertEqual(self.say("SELECT color FROM txgearman_jobs"), [(None,)])

    def test_first(self) -> None:
        """
        Tables of the first version, which had no records, get a place for them, also
        when a first try had no end.
        """
        self.keep(savedJob(1))
        record = SavedRecord("policy", b"f", b"1")
        for name in "records", "quarantined_records":
            self.say(
                f"DROP TABLE txgearman_{name}",
                "UPDATE txgearman_meta SET value = 1 WHERE name = 'version'",
            )
            reader = self.opened(reading=True)
            with self.failing(StoreUnusable):
                list(reader.load())
            reader.close()
            self.keep(record)
            self.assertKept([savedJob(1)], [record])
        found = self.say("SELECT value FROM txgearman_meta WHERE name = 'version'")
        self.assertEqual(found, [(2,)])

    def test_interrupted(self) -> None:
        """
        Tables that are missing are made, also those of a first time that was
        interrupted.
        """
        self.keep(savedJob(1))
        self.say("DROP TABLE txgearman_quarantine")
        self.assertKept([savedJob(1)])
        self.say("DROP TABLE txgearman_quarantine", "DELETE FROM txgearman_meta")
        self.assertKept([savedJob(1)])
        self.assertEqual(self.say("SELECT * FROM txgearman_quarantine"), [])

    def test_unmade(self) -> None:
        """
        Where there are no tables yet, there is nothing to read, and none are made.
        """
        reader = self.opened(reading=True)
        self.assertEqual(list(reader.load()), [])
        with self.assertRaises(Exception):  # noqa: B017, of either driver
            self.say("SELECT * FROM txgearman_meta")

    def test_refused(self) -> None:
        """
        A wrong password or database is said in one line; no time will help.
        """
        url = self.server.url(self.database)
        for wrong, word in (
            (url.replace("Kn0wn", "Wr0ng"), "gearman"),
            (url.replace(self.database, "nowhere"), "nowhere"),
            (f"{url}?colour=red", "colour"),
        ):
            with self.assertRaises(StoreUnusable) as caught:
                SQLStore(wrong).open()
            self.assertSaid(caught.exception, word)
            self.assertNotIn("Wr0ng", str(caught.exception))

    def test_unreachable(self) -> None:
        """
        Where nobody listens, somebody may do so later.
        """
        url = self.server.url(self.database)
        with self.failing():
            SQLStore(url.replace(str(self.server.port), str(freePort()))).open()

    def test_noRights(self) -> None:
        """
        Without the right to make tables there is no store.
        """
        with self.assertRaises(StoreUnusable) as caught:
            SQLStore(self.makeReader()).open()
        self.assertSaid(caught.exception, "denied")

    def test_quarantine(self) -> None:
        """
        What is set aside is kept as it is, with the reason and the moment, also
        when it has the same number as something that was set aside before.
        """
        before = time.time()
        for data in (b"first\0\xff", b"second"):
            self.keep(savedJob(1, data=data))
            self.spoil(1)
            [found] = self.kept()
            assert isinstance(found, Unreadable)
        rows = self.say(
            "SELECT number, priority, data, reason, moment"
            " FROM txgearman_quarantine ORDER BY id"
        )
        self.assertEqual(
            [row[:4] for row in rows],
            [
                (1, 7, b"first\0\xff", "priority is 7"),
                (1, 7, b"second", "priority is 7"),
            ],
        )
        for row in rows:
            self.assertGreaterEqual(row[4], before)

    def test_quarantinedRecords(self) -> None:
        """
        So are records, and what stands where another one should.
        """
        record = SavedRecord("policy", b"a\0\xff", b"first\0\xff")
        self.keep(record)
        self.spoilRecord("policy", record.key)
        self.kept()
        self.keep(record._replace(value=b"second"), SavedRecord("b", b"", b""))
        self.say("UPDATE txgearman_records SET kind = 'dead' WHERE kind = 'policy'")
        found = self.kept()
        self.assertEqual(sum(isinstance(one, Unreadable) for one in found), 2)
        self.assertKept([])
        rows = self.say(
            "SELECT * FROM txgearman_quarantined_records ORDER BY reason DESC"
        )
        self.assertEqual(
            [(row[1], *row[3:]) for row in rows],
            [
                ("kind is 'POLICY'", "POLICY", b"a\0\xff", b"first\0\xff"),
                ("key has 0 bytes", "b", b"", b""),
                ("its digest is another one's", "dead", b"a\0\xff", b"second"),
            ],
        )

    def test_atomic(self) -> None:
        """
        When a record cannot be saved, nothing else of its batch is.
        """
        self.keep(savedJob(1))
        store = self.loaded()
        endless = SavedRecord("k" * 17, b"key", b"value")
        fine = SavedRecord("dead", b"H:1", b"")
        with self.failing():
            store.commit(Batch([savedJob(2)], (), [1], [fine, endless]))
        store.commit(Batch(deletes=[1], records=[fine]))
        store.close()
        self.assertKept([], [fine])

    def test_recordPages(self) -> None:
        """
        Records are loaded in pages of a limited size, whatever their sizes are.
        """
        records = [
            SavedRecord("result", b"%d" % n, b"x" * (n % 3 * 10_000)) for n in range(40)
        ]
        self.keep(*records)
        with patch.multiple(session, _ROWS=4, _KEYS=7, _PAGE=25_000):
            self.assertKept([], records)
            store = self.opened(reading=True)
            loading = store.load()
            found = [next(loading) for _ in range(3)]
            self.say("DELETE FROM txgearman_records")
            found.extend(loading)
        self.assertLess(len(found), 5)
        self.assertLessEqual(set(found), set(records))

    def test_longError(self) -> None:
        """
        What went wrong may be told at length.
        """
        self.keep(savedJob(1), savedJob(2))
        store = self.loaded()
        told = bytes(range(256)) * 1024
        store.commit(Batch(updates=[JobUpdate(n, n, 0.0, 1, told) for n in (1, 2)]))
        store.close()
        self.assertKept([savedJob(n, attempts=1, error=told) for n in (1, 2)])

    def test_risk(self) -> None:
        """
        Who has set the database to save some time later is told so.
        """
        events: list[LogEvent] = []

        @provider(ILogObserver)
        def observe(event: LogEvent) -> None:
            events.append(event)

        globalLogPublisher.addObserver(observe)
        self.addCleanup(globalLogPublisher.removeObserver, observe)
        self.owning().close()
        self.assertEqual([one for one in events if "risk" in one], [])
        self.owning(self.riskIt()).close()
        [said] = [one["risk"] for one in events if "risk" in one]
        self.assertIn("commit", said)

    def test_pages(self) -> None:
        """
        Jobs are loaded in pages of a limited size, by place, whatever their sizes
        are; each page is fetched only when it is its turn.
        """
        jobs = [
            savedJob(n, place=100 - n, data=b"x" * (n % 3 * 10_000))
            for n in range(1, 41)
        ]
        self.keep(*jobs)
        self.say("UPDATE txgearman_jobs SET size = NULL WHERE number = 7")
        jobs.reverse()
        with patch.multiple(session, _ROWS=4, _KEYS=7, _PAGE=25_000):
            store = self.opened(reading=True)
            loading = store.load()
            found = [next(loading) for _ in range(4)]
            self.say("DELETE FROM txgearman_jobs WHERE number IN (1, 2, 3)")
            found.extend(loading)
        self.assertEqual(found, jobs[:-3])
