"""
Tests for L{txgearman.server.settings}.
"""

from __future__ import annotations

from attrs.exceptions import FrozenInstanceError
from twisted.trial.unittest import SynchronousTestCase

from txgearman.connection.sockets import Keepalive
from txgearman.server.settings import CONGESTED, Settings
from txgearman.wire.codec import Limits


class SettingsTests(SynchronousTestCase):
    """
    What the owner of a server may decide about connections.
    """

    def test_defaults(self) -> None:
        """
        By default packets are limited, connections are not, there is no
        keepalive, and who takes nothing is lost after a minute.
        """
        settings = Settings()
        self.assertEqual(settings.limits, Limits())
        self.assertEqual(settings.maxConnections, 0)
        self.assertIsNone(settings.keepalive)
        self.assertEqual(settings.stallTimeout, 60.0)

    def test_values(self) -> None:
        """
        Settings are values: they are equal when they say the same, and do not
        change.
        """
        self.assertEqual(
            Settings(keepalive=Keepalive()), Settings(keepalive=Keepalive())
        )
        self.assertNotEqual(Settings(), Settings(maxConnections=1))
        with self.assertRaises(FrozenInstanceError):
            Settings().maxConnections = 1  # type: ignore[misc]

    def test_keepalive(self) -> None:
        """
        Keepalive is the system's where nothing else is said.
        """
        self.assertEqual(Keepalive(), Keepalive(idle=-1, interval=-1, count=-1))

    def test_congested(self) -> None:
        """
        A peer counts as congested before what it is owed becomes large, and not
        for as little as a transport may hold.
        """
        self.assertGreater(CONGESTED, 128 * 1024)
        self.assertLess(CONGESTED, Limits().packet)
