"""
Tests for L{txgearman.stores.sql.mysql}, without a server.
"""

from __future__ import annotations

from typing import cast
from unittest.mock import Mock

from sqlalchemy import Connection
from twisted.trial.unittest import SynchronousTestCase

from txgearman.stores.sql.mysql import MySQL


class RiskTests(SynchronousTestCase):
    """
    Tests of L{MySQL.risk}.
    """

    def risk(self, flushed: int, binary: int, synced: int) -> str:
        """
        What is said of a server with some settings.
        """
        connection = Mock()
        connection.execute.return_value.one.return_value = (flushed, binary, synced)
        return MySQL().risk(cast(Connection, connection))

    def test_none(self) -> None:
        """
        All is on the disk when a transaction ends; a binary log that is not there
        need not be.
        """
        self.assertEqual(self.risk(1, 1, 1), "")
        self.assertEqual(self.risk(1, 0, 0), "")

    def test_some(self) -> None:
        """
        Each setting that is a risk is named.
        """
        self.assertEqual(self.risk(2, 0, 0), "innodb_flush_log_at_trx_commit is 2")
        self.assertEqual(self.risk(1, 1, 0), "sync_binlog is 0")
        self.assertEqual(
            self.risk(0, 1, 100),
            "innodb_flush_log_at_trx_commit is 0 and sync_binlog is 100",
        )
