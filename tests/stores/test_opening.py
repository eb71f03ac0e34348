"""
Tests for L{txgearman.stores.opening}.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest.mock import patch

from twisted.trial.unittest import SynchronousTestCase

from txgearman.errors import BadSetting, StoreError
from txgearman.stores.gearmand.redis import RedisQueue
from txgearman.stores.gearmand.sql import SQLQueue
from txgearman.stores.gearmand.sqlite import SQLiteQueue
from txgearman.stores.interface import IJobStore
from txgearman.stores.opening import (
    areOne,
    sourceFromURL,
    storeFromURL,
    withoutPassword,
)
from txgearman.stores.redis import link
from txgearman.stores.redis.store import RedisStore
from txgearman.stores.sql import store as sqlstore
from txgearman.stores.sql.store import SQLStore
from txgearman.stores.sqlite.store import SQLiteStore


class OpeningTestCase(SynchronousTestCase):
    """
    Tests of URLs.
    """

    def assertRefused(self, url: str, *said: str) -> None:
        """
        A URL is none, it is said why in one line, and nothing of a password.
        """
        with self.assertRaises(BadSetting) as caught:
            sourceFromURL(url)
        text = str(caught.exception)
        for part in said:
            self.assertIn(part, text)
        self.assertNotIn("\n", text)
        self.assertNotIn("s3cret", text)


class StoreTests(OpeningTestCase):
    """
    Tests of the URLs of stores.
    """

    def test_memory(self) -> None:
        """
        Jobs in memory are in no store, and cannot be looked at from outside.
        """
        self.assertIsNone(storeFromURL("memory:"))
        self.assertRefused("memory:", "memory: keeps nothing")
        self.assertRefused("memory:more", "memory: takes nothing more")
        self.assertRefused("memory:?size=3", "memory: takes nothing more")

    def test_sqlite(self) -> None:
        """
        A file is named by its path, also as SQLAlchemy would have it.
        """
        for url, path in [
            ("sqlite:jobs.db", os.path.abspath("jobs.db")),
            ("sqlite:folder/jobs.db?sync=normal", os.path.abspath("folder/jobs.db")),
            ("sqlite:/var/lib/a b%20:c.db", "/var/lib/a b%20:c.db"),
            ("sqlite:///jobs.db", os.path.abspath("jobs.db")),
            ("sqlite:////var/jobs.db?sync=full", "/var/jobs.db"),
        ]:
            store = storeFromURL(url)
            assert isinstance(store, SQLiteStore)
            self.assertEqual(store.path, path)

    def test_badSQLite(self) -> None:
        """
        What is wrong with the URL of a file is said.
        """
        self.assertRefused("sqlite:", "sqlite needs a file: sqlite:PATH")
        self.assertRefused("sqlite:///", "sqlite needs a file")
        self.assertRefused("sqlite:?sync=full", "sqlite needs a file")
        self.assertRefused("sqlite::memory:", "sqlite needs a file")
        self.assertRefused("sqlite://host/path", "sqlite has no hosts")
        self.assertRefused("sqlite:x?snyc=full", "no 'snyc'", "sync")
        self.assertRefused("sqlite:x?sync=often", "full or normal", "'often'")
        self.assertRefused("gearmand+sqlite:x?sync=full", "no 'sync'", "table")

    def test_databases(self) -> None:
        """
        Databases are named as SQLAlchemy names them, and PostgreSQL as its own
        tools do, too.
        """
        for url in (
            "postgresql://u:s3cret@h:1/db",
            "postgres://u:s3cret@h/db",
            "mysql://u:s3cret@h/db",
            "mariadb://u:s3cret@h/db",
        ):
            self.assertIsInstance(storeFromURL(url), SQLStore)

    def test_redis(self) -> None:
        """
        Redis is named as its own tools do.
        """
        for url in "redis://:s3cret@h:1/2", "rediss://h", "unix:///run/redis":
            self.assertIsInstance(storeFromURL(url), RedisStore)

    def test_sources(self) -> None:
        """
        Jobs can be read from all that they can be kept in.
        """
        self.assertTrue(IJobStore.providedBy(sourceFromURL("sqlite:x")))

    def test_unknown(self) -> None:
        """
        What is no store is said, and which there are; a queue of gearmand's is
        nothing that jobs can be kept in.
        """
        self.assertRefused("oracle:s3cret", "'oracle'", "memory", "sqlite", "redis")
        self.assertRefused("/var/jobs", "'/var/jobs'", "sqlite")
        self.assertRefused("sqlite", "'sqlite'")
        self.assertRefused("", "''")
        self.assertRefused("gearmand+x:s3cret", "'gearmand+x'", "gearmand+sqlite")
        self.assertRaises(BadSetting, storeFromURL, "gearmand+sqlite:x")

    def test_notInstalled(self) -> None:
        """
        What is not installed is named, and what installs it.
        """
        for url, module, extra in (
            ("gearmand+mariadb://u:s3cret@h/db", "sqlalchemy.engine", "mysql"),
            ("postgresql://u:s3cret@h/db", "psycopg", "postgresql"),
            ("mysql://u:s3cret@h/db", "pymysql", "mysql"),
            ("mariadb://u:s3cret@h/db", "pymysql", "mysql"),
            ("redis://:s3cret@h", "txgearman.stores.redis.store", "redis"),
        ):
            with patch.dict(sys.modules, {module: None}):
                self.assertRefused(url, f"pip install 'txgearman[{extra}]'", module)

    def test_installedInPart(self) -> None:
        """
        So is what is installed in part, in one line.
        """
        reason = ImportError("no pq wrapper available.\nAttempts made:\n- none")
        with patch.object(sqlstore, "import_module", side_effect=reason):
            self.assertRefused(
                "postgresql://host/name",
                "no pq wrapper available.",
                "txgearman[postgresql]",
            )


class OneTests(SynchronousTestCase):
    """
    Tests of L{areOne}.
    """

    def test_files(self) -> None:
        """
        A file is the same by any of its paths.
        """
        folder = Path(self.enterContext(TemporaryDirectory()))
        for name in "a.db", "b.db":
            (folder / name).touch()
        (folder / "link.db").symlink_to("a.db")
        first = f"sqlite:{folder}/a.db"
        self.assertTrue(areOne(first, f"sqlite:{folder}/../{folder.name}/a.db"))
        self.assertTrue(areOne(first, f"sqlite:{folder}/link.db?sync=normal"))
        self.assertFalse(areOne(first, f"sqlite:{folder}/b.db"))
        self.assertFalse(areOne(first, f"sqlite:{folder}/none.db"))

    def test_redis(self) -> None:
        """
        A Redis is the same by any of its addresses, but not another database of it,
        nor another prefix. One that cannot be asked is no other's.
        """
        places: dict[str, tuple[bytes, int, str] | None] = {
            "redis://a": (b"1", 0, "p"),
            "redis://b": (b"1", 0, "p"),
            "redis://a/1": (b"1", 1, "p"),
            "rediss://c": (b"2", 0, "p"),
            "unix:///down": None,
        }

        def placeOf(url: str) -> tuple[bytes, int, str]:
            place = places[url]
            if place is None:
                raise StoreError("Redis: no")
            return place

        self.patch(link, "placeOf", placeOf)
        first, *others = places
        self.assertEqual(
            [areOne(first, other) for other in others], [True, False, False, False]
        )
        with patch.dict(sys.modules, {"txgearman.stores.redis.link": None}):
            self.assertFalse(areOne(first, others[0]))

    def test_kinds(self) -> None:
        """
        Stores of several kinds are not one; what is written the same is.
        """
        self.assertFalse(areOne("sqlite:x", "redis://x"))
        self.assertFalse(areOne("sqlite:x", "gearmand+sqlite:x"))
        self.assertTrue(areOne("postgresql://x", "postgresql://x"))
        self.assertFalse(areOne("postgresql://x", "postgresql://y"))


class ForeignTests(OpeningTestCase):
    """
    Tests of the URLs of gearmand's queues.
    """

    def test_kinds(self) -> None:
        """
        There is a reader for each kind of queue.
        """
        for url, kind in [
            ("gearmand+sqlite:x?table=t", SQLiteQueue),
            ("gearmand+postgresql://u:p@h/d?table=t&sslmode=require", SQLQueue),
            ("gearmand+postgres://u:p@h/d", SQLQueue),
            ("gearmand+mysql://u:p@h/d", SQLQueue),
            ("gearmand+mariadb://u:p@h/d", SQLQueue),
            ("gearmand+redis://h?prefix=p&function=a-b&function=c-d", RedisQueue),
            ("gearmand+rediss://:p@h", RedisQueue),
        ]:
            self.assertIsInstance(sourceFromURL(url), kind)

    def test_bad(self) -> None:
        """
        A URL that cannot be read is not repeated.
        """
        self.assertRefused("gearmand+mysql://u@h:s3cret/db", "bad URL")
        self.assertRefused("gearmand+postgresql:s3cret", "bad URL")
        self.assertRefused("gearmand+mysql://h/d?table=a&table=b", "table")


class PasswordTests(SynchronousTestCase):
    """
    Tests of L{withoutPassword}.
    """

    def test_hidden(self) -> None:
        """
        Whatever may be a password is not shown, and the rest is.
        """
        for url, shown in [
            ("sqlite:/a:b@c", "sqlite:/a:b@c"),
            ("mysql://h:1/d", "mysql://h:1/d"),
            ("mysql://u@h/d", "mysql://u@h/d"),
            ("mysql://u:s3cret@h/d", "mysql://u:***@h/d"),
            ("mysql://u:s3/c@re:t\n@h/d", "mysql://u:***@h/d"),
            ("redis://:s3cret@h", "redis://:***@h"),
            ("unix:///x?password=s3cret&db=1", "unix:///x?password=***&db=1"),
            ("mysql://h/d?passwd=s3cret", "mysql://h/d?passwd=***"),
        ]:
            self.assertEqual(withoutPassword(url), shown)
