"""
Tests for L{txgearman.connection.sockets}.
"""

from __future__ import annotations

import socket

from twisted.internet.address import (
    HostnameAddress,
    IPv4Address,
    IPv6Address,
    UNIXAddress,
)
from twisted.internet.interfaces import ISSLTransport
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import alsoProvides

from txgearman.connection.sockets import Keepalive, isPlainTCP, setUp, socketOf
from txgearman.testing.wire import SocketWire, Wire

TCP = IPv4Address("TCP", "192.0.2.1", 50000)


class Above(StringTransport):
    """
    A TLS transport: it has the one beneath it as its C{transport}.
    """

    def __init__(self, beneath: object) -> None:
        super().__init__(peerAddress=TCP)
        self.transport = beneath
        alsoProvides(self, ISSLTransport)


class SocketOfTests(SynchronousTestCase):
    """
    The socket beneath a transport.
    """

    def test_socketOf(self) -> None:
        """
        Only a transport right above a socket has one: not TLS, and not memory.
        """
        for address in TCP, UNIXAddress(None):
            wire = SocketWire(Clock(), address)
            self.assertIs(socketOf(wire), wire.socket)
        tls = SocketWire(Clock(), TCP)
        alsoProvides(tls, ISSLTransport)
        for transport in StringTransport(), Above(wire), tls, Wire(Clock(), TCP):
            self.assertIsNone(socketOf(transport))


class PlainTCPTests(SynchronousTestCase):
    """
    Which transport is TCP.
    """

    def test_address(self) -> None:
        """
        Those whose peer has an address of TCP are.
        """
        for address, plain in [
            (TCP, True),
            (IPv6Address("TCP", "2001:db8::1", 50000), True),
            (UNIXAddress("/run/gearman"), False),
            (UNIXAddress(None), False),
            (HostnameAddress(b"example.com", 4730), False),
        ]:
            self.assertEqual(isPlainTCP(SocketWire(Clock(), address)), plain, address)

    def test_others(self) -> None:
        """
        Others are not, nor is TLS.
        """
        for transport in (StringTransport(), Above(SocketWire(Clock(), TCP)), None):
            self.assertFalse(isPlainTCP(transport))


class SetUpTests(SynchronousTestCase):
    """
    The options of a socket.
    """

    def setUp(self) -> None:
        self.tcp = SocketWire(Clock(), TCP)

    def options(self) -> dict[str, int]:
        """
        The TCP options that were set, by name.
        """
        found = {}
        for name in "TCP_KEEPIDLE", "TCP_KEEPINTVL", "TCP_KEEPCNT":
            option = (socket.IPPROTO_TCP, getattr(socket, name))
            if option in self.tcp.socket.options:
                found[name] = self.tcp.socket.options.pop(option)
        self.assertEqual(self.tcp.socket.options, {})
        return found

    def test_noDelay(self) -> None:
        """
        Packets leave at once, and there is no keepalive that nobody wants.
        """
        setUp(self.tcp, None)
        self.assertTrue(self.tcp.noDelay)
        self.assertFalse(self.tcp.keepAlive)
        self.assertEqual(self.options(), {})

    def test_keepalive(self) -> None:
        """
        Keepalive has the times that it is given.
        """
        setUp(self.tcp, Keepalive(idle=10, interval=20, count=3))
        self.assertTrue(self.tcp.keepAlive)
        wanted = {"TCP_KEEPIDLE": 10, "TCP_KEEPINTVL": 20, "TCP_KEEPCNT": 3}
        self.assertEqual(self.options(), wanted)

    def test_systemsKeepalive(self) -> None:
        """
        What is not given is left to the system.
        """
        setUp(self.tcp, Keepalive(count=5))
        self.assertTrue(self.tcp.keepAlive)
        self.assertEqual(self.options(), {"TCP_KEEPCNT": 5})

    def test_otherSystems(self) -> None:
        """
        A system that lacks one of the times has keepalive all the same.
        """
        self.addCleanup(setattr, socket, "TCP_KEEPIDLE", socket.TCP_KEEPIDLE)
        del socket.TCP_KEEPIDLE
        setUp(self.tcp, Keepalive(idle=10, interval=20))
        self.assertTrue(self.tcp.keepAlive)
        key = (socket.IPPROTO_TCP, socket.TCP_KEEPINTVL)
        self.assertEqual(self.tcp.socket.options, {key: 20})

    def test_beneathTLS(self) -> None:
        """
        The socket under TLS is set up too.
        """
        tls = Above(self.tcp)
        setUp(tls, Keepalive(idle=10))
        self.assertTrue(self.tcp.noDelay)
        self.assertEqual(self.options(), {"TCP_KEEPIDLE": 10})

    def test_others(self) -> None:
        """
        Where there is no TCP, nothing is set.
        """
        unix = SocketWire(Clock(), UNIXAddress(None))
        tls = Above(StringTransport())
        memory = StringTransport()
        lonely = Above(None)
        del lonely.transport
        for transport in unix, tls, memory, lonely:
            setUp(transport, Keepalive(idle=10))
        self.assertFalse(unix.noDelay)
        self.assertFalse(unix.keepAlive)
