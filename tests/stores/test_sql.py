"""
Tests for L{txgearman.stores.sql.store} that take no server.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

import psycopg
from twisted.trial.unittest import SynchronousTestCase

from txgearman.errors import BadSetting, StoreError
from txgearman.stores.interface import Batch, SavedRecord
from txgearman.stores.sql.dialects import Dialect, weigh
from txgearman.stores.sql.mysql import MySQL
from txgearman.stores.sql.postgresql import PostgreSQL
from txgearman.stores.sql.session import Database
from txgearman.stores.sql.store import SQLStore
from txgearman.stores.sql.tables import rowOfRecord
from txgearman.testing.stores import savedJob

# It has no annotations.
pymysql: Any = import_module("pymysql")

UNREADABLE = [
    "",
    "secret",
    "sqlite:///secret",
    "postgresql:secret",
    "postgresql+psycopg2://user:secret@host/name",
    "postgresql://user:secret@host:port/name",
    "postgresql://user:se@secret@host/name",
    "postgresql://user:secret@host/name?read_timeout=soon",
    "mysql://user:secret@host:1:2/name",
    "mysql://user:secret@host/name?connect_timeout=soon",
]

REFUSED = [
    psycopg.errors.InvalidPassword("password authentication failed for user"),
    psycopg.errors.InvalidCatalogName("gone"),
    psycopg.errors.InsufficientPrivilege("permission denied for schema public"),
    psycopg.errors.UndefinedTable("dropped"),
    psycopg.OperationalError('FATAL:  password authentication failed for user "u"'),
    psycopg.OperationalError('FATAL:  database "d" does not exist'),
    psycopg.ProgrammingError('invalid connection option "colour"'),
    pymysql.err.OperationalError(1045, "Access denied for user"),
    pymysql.err.OperationalError(1049, "Unknown database 'd'"),
    pymysql.err.ProgrammingError(1146, "Table doesn't exist"),
]

PASSING = [
    psycopg.errors.DiskFull("could not extend file"),
    psycopg.errors.DeadlockDetected("deadlock detected"),
    psycopg.errors.QueryCanceled("canceling statement due to statement timeout"),
    psycopg.errors.AdminShutdown("terminating connection"),
    psycopg.OperationalError("connection failed: Connection refused"),
    psycopg.OperationalError("no answer in 30 seconds"),
    pymysql.err.OperationalError(2003, "Can't connect to MySQL server"),
    pymysql.err.OperationalError(2013, "Lost connection"),
    pymysql.err.OperationalError(1213, "Deadlock found"),
    pymysql.err.OperationalError(1205, "Lock wait timeout exceeded"),
    pymysql.err.OperationalError(1114, "The table is full"),
    pymysql.err.InterfaceError(0, ""),
]


def dialectOf(error: Exception) -> Dialect:
    """
    The dialect whose driver raises an error.
    """
    return PostgreSQL() if isinstance(error, psycopg.Error) else MySQL()


class SettingTests(SynchronousTestCase):
    """
    Tests of what a store is made with.
    """

    def test_unreadable(self) -> None:
        """
        A URL that cannot be read is refused in one line, and the password stays
        where it is.
        """
        for url in UNREADABLE:
            with self.assertRaises(BadSetting) as caught:
                SQLStore(url)
            self.assertNotIn("secret", str(caught.exception))
            self.assertNotIn("\n", str(caught.exception))

    def test_escaped(self) -> None:
        """
        A password with an @ is said to need another way to write it.
        """
        error = self.assertRaises(BadSetting, SQLStore, "mysql://u:p@ss@host/name")
        self.assertIn("%40", str(error))

    def test_slash(self) -> None:
        """
        So is one with an @ and a slash, of which most would be a database's name; and
        what is given twice is refused.
        """
        for url in (
            "postgresql://user:p@ss/w0rd@host/jobs",
            "postgresql://user:pw@host/jobs?read_timeout=1&read_timeout=2",
            "mysql://user:pw@host/jobs?read_timeout=1&read_timeout=2",
        ):
            error = self.assertRaises(BadSetting, SQLStore, url)
            self.assertNotIn("w0rd", str(error))
            self.assertNotIn("pw", str(error))

    def test_name(self) -> None:
        """
        A database is called by where it is, and not by who uses it.
        """
        database = Database("mysql://u:secret@host:33/name?charset=latin1", MySQL())
        self.assertEqual(database.name, "mysql://host:33/name")

    def test_closed(self) -> None:
        """
        A store that is not open can be closed, and nothing else.
        """
        store = SQLStore("postgresql://host/name")
        store.close()
        self.assertRaises(StoreError, store.commit, Batch())
        self.assertRaises(StoreError, list, store.load())


class DialectTests(SynchronousTestCase):
    """
    Tests of what databases do not have in common.
    """

    def test_said(self) -> None:
        """
        What the user has written in the URL wins, and the rest has a limit, too.
        """
        query = PostgreSQL().query({"connect_timeout": "9", "read_timeout": "2"})
        self.assertEqual(query["connect_timeout"], "9")
        self.assertEqual(query["tcp_user_timeout"], "2000")
        self.assertNotIn("read_timeout", query)
        query = PostgreSQL().query({"tcp_user_timeout": "7", "sslmode": "require"})
        self.assertEqual(query["tcp_user_timeout"], "7")
        self.assertEqual(query["sslmode"], "require")
        query = MySQL().query({"read_timeout": "2", "charset": "latin1"})
        self.assertEqual(query["read_timeout"], "2")
        self.assertEqual(query["write_timeout"], "30")
        self.assertEqual(query["connect_timeout"], "5")
        self.assertEqual(query["charset"], "latin1")

    def test_lasting(self) -> None:
        """
        What is refused now is refused later.
        """
        for error in REFUSED:
            self.assertTrue(dialectOf(error).isLasting(error), error)

    def test_passing(self) -> None:
        """
        What fails now may go well later.
        """
        for error in PASSING:
            self.assertFalse(dialectOf(error).isLasting(error), error)

    def test_words(self) -> None:
        """
        The database's own words are found in an error.
        """
        for error in (*REFUSED, *PASSING):
            words = dialectOf(error).words(error)
            self.assertEqual(words, error.args[-1])

    def test_weight(self) -> None:
        """
        A row weighs what it takes in a statement at worst.
        """
        job = savedJob(2**63 - 1, data=b"\0'\\" * 1000, due=1.7e9 + 0.123456)
        job = job._replace(place=2**63 - 1, attempts=2**63 - 1)
        connection = pymysql.Connection(defer_connect=True)
        connection.server_status = 0
        written = connection.escape(tuple(job))
        self.assertLess(len(written), weigh(job))
        self.assertGreater(len(written) + 300, weigh(job))
        record = SavedRecord("policyresultdead", b"\0'" * 2100, b"\0'\\" * 1000)
        written = connection.escape(tuple(rowOfRecord(record).values()))
        self.assertLess(len(written), weigh(record))
