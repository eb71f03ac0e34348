"""
Tests for L{txgearman.stores.gearmand.sql}: on tables made by hand, in a database that
needs no server; C{tests/functional/test_store_tool.py} has real ones.
"""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from sqlalchemy import create_engine
from sqlalchemy.dialects import postgresql
from sqlalchemy.engine import Engine, make_url
from sqlalchemy.exc import OperationalError
from twisted.trial.unittest import SynchronousTestCase

from tests.stores.test_gearmand import TABLE, theirs
from txgearman.errors import StoreUnusable
from txgearman.stores.gearmand import sql as gearmand_sql
from txgearman.stores.gearmand.sql import SQLQueue
from txgearman.stores.interface import Unreadable

URL = make_url("mysql://u:s3cret@127.0.0.1:1/db")


class SQLQueueTests(SynchronousTestCase):
    """
    Tests of L{SQLQueue}.
    """

    def setUp(self) -> None:
        """
        Make the database.
        """
        folder = TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.engine = create_engine(f"sqlite:///{Path(folder.name) / 'x'}")
        self.addCleanup(self.engine.dispose)

    def keep(self, table: str, *rows: tuple[Any, ...]) -> None:
        with self.engine.begin() as connection:
            connection.exec_driver_sql(TABLE.format(table))
            for row in rows:
                connection.exec_driver_sql(
                    f"INSERT INTO {table} VALUES (?, ?, ?, ?, ?)", row
                )

    def stands(self) -> None:
        """
        Let the database stand for the one that a URL names.
        """
        self.patch(gearmand_sql, "create_engine", lambda url: self.engine)

    def test_jobs(self) -> None:
        """
        All that gearmand keeps of a job is read, and what is none is said.
        """
        self.keep(
            "gearman_queue",
            ("u", "f", 0, b"a\0\xff", 0),
            ("v", "f", 7, b"", 0),
            ("w", "ü", 2, None, 1795487460),
        )
        self.stands()
        self.assertEqual(
            list(SQLQueue(URL).read()),
            [
                theirs(1, b"f", b"u", 0, b"a\0\xff", 0),
                Unreadable("row 2", "priority is 7"),
                theirs(3, "ü".encode(), b"w", 2, b"", 1795487460),
            ],
        )

    def test_table(self) -> None:
        """
        The table may be named, with its schema in front.
        """
        self.keep("mine", ("u", "f", 1, b"", 0))
        self.stands()
        job = theirs(1, b"f", b"u", 1, b"", 0)
        self.assertEqual(list(SQLQueue(URL, "main.mine").read()), [job])
        with self.assertRaises(StoreUnusable) as caught:
            list(SQLQueue(URL, "other").read())
        self.assertEqual(str(caught.exception), "no such table: other")

    def test_text(self) -> None:
        """
        PostgreSQL is asked for text in its own encoding, which is the one in which
        it was sent; its table has another name.
        """
        queue = SQLQueue(make_url("postgresql://h/d"))
        said = str(queue._select().compile(dialect=postgresql.dialect()))
        self.assertIn("convert_to(function_name, getdatabaseencoding())", said)
        self.assertIn("convert_to(unique_key, getdatabaseencoding())", said)
        self.assertEqual(said.split()[-2:], ["FROM", "queue"])

    def test_reasons(self) -> None:
        """
        What drivers say is told in a line, without what is around it.
        """

        def fail(self: Engine) -> None:
            raise error

        self.patch(Engine, "connect", fail)
        for said, text in [
            (OperationalError("s", {}, Exception(1045, "Denied")), "Denied"),
            (OperationalError("s", {}, Exception("one\ntwo")), "one"),
            (TypeError("unknown option 'x'"), "unknown option 'x'"),
        ]:
            error = said
            with self.assertRaises(StoreUnusable) as caught:
                list(SQLQueue(URL).read())
            self.assertEqual(str(caught.exception), text)

    def test_drivers(self) -> None:
        """
        A driver that is not installed is a reason, too.
        """

        def make(url: object) -> Engine:
            raise ModuleNotFoundError("No module named 'pymysql'")

        self.patch(gearmand_sql, "create_engine", make)
        with self.assertRaises(StoreUnusable) as caught:
            list(SQLQueue(URL).read())
        self.assertIn("'pymysql'", str(caught.exception))
