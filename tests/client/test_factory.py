"""
Tests for L{txgearman.client.factory}.
"""

from __future__ import annotations

from twisted.internet.interfaces import IProtocolFactory
from twisted.internet.testing import MemoryReactorClock
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from tests.client.stage import connected, now
from txgearman.client.factory import (
    GearmanClientFactory,
    ReconnectingGearmanClientFactory,
)
from txgearman.client.protocol import GearmanClientProtocol


class FactoryTests(SynchronousTestCase):
    """
    Client connections without a client around them.
    """

    def test_interface(self) -> None:
        """
        It is a factory for any endpoint.
        """
        verifyObject(IProtocolFactory, GearmanClientFactory())

    def test_told(self) -> None:
        """
        Whoever wants to hears of connections that are made and lost.
        """
        made: list[GearmanClientProtocol] = []
        lost: list[tuple[GearmanClientProtocol, str]] = []
        factory = GearmanClientFactory(
            onMade=made.append,
            onLost=lambda protocol, reason: lost.append(
                (protocol, reason.getErrorMessage())
            ),
        )
        protocol, server = connected(factory)
        self.assertEqual((made, lost), ([protocol], []))
        server.breaks()
        self.assertEqual([one for one, _ in lost], [protocol])
        self.assertIn("it broke", lost[0][1])

    def test_reconnecting(self) -> None:
        """
        The reconnecting kind makes the same connections, for C{connectTCP}.
        """
        reactor = MemoryReactorClock()
        factory = ReconnectingGearmanClientFactory(b"me", exceptions=False)
        factory.clock = reactor
        reactor.connectTCP("127.0.0.1", 4730, factory)
        protocol, server = connected(factory)
        self.assertEqual(server.takes(), [("SET_CLIENT_ID", b"me")])
        echoed = protocol.echo(b"x")
        server.sends("ECHO_RES", b"x")
        self.assertEqual(now(echoed), b"x")
