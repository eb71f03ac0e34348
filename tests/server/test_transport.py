"""
Tests for L{txgearman.server.transport}, and of connections over TLS.
"""

from __future__ import annotations

import socket
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest import SkipTest

from twisted.internet.address import IPv4Address, IPv6Address, UNIXAddress
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.trial.unittest import SynchronousTestCase

from tests.connection.test_sockets import Above
from tests.server.pump import NOON, Item, decode, request, temporaryFolder
from txgearman.board.policy import Policy
from txgearman.connection.sockets import Keepalive
from txgearman.server.factory import GearmanServerFactory
from txgearman.server.settings import CONGESTED, Settings
from txgearman.server.transport import plainTCP
from txgearman.testing.wire import SEGMENT, SocketWire

try:
    from OpenSSL import SSL
    from twisted.internet.ssl import DefaultOpenSSLContextFactory
    from twisted.protocols.tls import TLSMemoryBIOFactory
except ImportError:
    SSL = None  # type: ignore[assignment]

TCP = IPv4Address("TCP", "192.0.2.1", 50000)


class TransportTests(SynchronousTestCase):
    """
    Which transport is which.
    """

    def setUp(self) -> None:
        clock = Clock()
        self.tcp = SocketWire(clock, TCP)
        self.tcp6 = SocketWire(clock, IPv6Address("TCP", "2001:db8::1", 50000))
        self.unix = SocketWire(clock, UNIXAddress(None))
        self.memory: Any = StringTransport()
        self.tls: Any = Above(self.tcp)

    def test_plainTCP(self) -> None:
        """
        Only TCP with nothing in between has sides that can be closed alone:
        not a local socket, although Twisted's says it is TCP, and not TLS.
        """
        for transport in self.tcp, self.tcp6:
            self.assertIs(plainTCP(transport), transport)
        for transport in self.unix, self.memory, self.tls:
            self.assertIsNone(plainTCP(transport))


class SocketTests(SynchronousTestCase):
    """
    The sockets of a server.
    """

    def test_everyConnection(self) -> None:
        """
        A server sets up every connection as its settings say.
        """
        settings = Settings(keepalive=Keepalive(interval=7))
        factory = GearmanServerFactory(Clock(), settings=settings)
        protocol = factory.buildProtocol(TCP)
        assert protocol is not None
        tcp = SocketWire(Clock(), TCP)
        tcp.protocol = protocol
        protocol.makeConnection(tcp)
        self.assertTrue(tcp.noDelay)
        key = (socket.IPPROTO_TCP, socket.TCP_KEEPINTVL)
        self.assertEqual(tcp.socket.options, {key: 7})


class SecretPeer:
    """
    A client that speaks TLS to an in-memory server: its end of the encryption
    is OpenSSL's own.
    """

    def __init__(self, clock: Clock, factory: TLSMemoryBIOFactory) -> None:
        self.clock = clock
        self.wire = SocketWire(clock, TCP)
        self._tls = SSL.Connection(SSL.Context(SSL.TLS_CLIENT_METHOD), None)
        self._tls.set_connect_state()
        self._taken = b""
        self.ended = False
        protocol = factory.buildProtocol(TCP)
        assert protocol is not None
        self.wire.protocol = protocol
        protocol.makeConnection(self.wire)
        self._shakeHands()

    def _shakeHands(self) -> None:
        for _ in range(3):
            try:
                self._tls.do_handshake()
            except SSL.WantReadError:
                self.turns(1)
        self.turns(2)

    def sends(self, name: str, *arguments: bytes) -> None:
        data = request(name, *arguments)
        for start in range(0, len(data), 16384):
            self._tls.send(data[start : start + 16384])
            self._flush()

    def _flush(self) -> None:
        while True:
            try:
                self.wire.carry(self._tls.bio_read(SEGMENT))
            except SSL.WantReadError:
                return

    def turns(self, count: int) -> None:
        """
        Let turns pass.
        """
        for _ in range(count):
            self._flush()
            self.wire.hungers()
            self.wire.receive()
            self.clock.advance(0)
            self.wire.send()
            if self.wire.taken:
                self._tls.bio_write(bytes(self.wire.taken))
                self.wire.taken.clear()

    def owed(self) -> list[Item]:
        """
        Take what has come, until nothing moves.
        """
        before = -1
        while before != self.wire.moves:
            before = self.wire.moves
            self.turns(2)
            try:
                while True:
                    self._taken += self._tls.recv(SEGMENT)
            except SSL.WantReadError:
                pass
            except SSL.ZeroReturnError:
                self.ended = True
        items, size = decode(self._taken)
        self._taken = self._taken[size:]
        return items

    def says(self) -> None:
        """
        Say that this side is closed too.
        """
        self._tls.shutdown()


def makeKeyAndCertificate() -> bytes:
    """
    Make what a TLS server needs, as PEM.
    """
    from cryptography import x509
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.ec import (
        SECP256R1,
        generate_private_key,
    )
    from cryptography.hazmat.primitives.hashes import SHA256

    key = generate_private_key(SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(key, SHA256())
    )
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ) + certificate.public_bytes(serialization.Encoding.PEM)


class TLSTests(SynchronousTestCase):
    """
    A server behind Twisted's TLS.
    """

    def setUp(self) -> None:
        if SSL is None:
            raise SkipTest("needs pyOpenSSL")
        self.clock = Clock()
        self.clock.rightNow = NOON
        self.factory = GearmanServerFactory(
            self.clock, Policy(handlePrefix=b"H"), Settings(keepalive=Keepalive())
        )
        pem = temporaryFolder(self) / "server.pem"
        pem.write_bytes(makeKeyAndCertificate())
        context = DefaultOpenSSLContextFactory(str(pem), str(pem), SSL.TLS_METHOD)
        self.secret = TLSMemoryBIOFactory(context, False, self.factory, self.clock)

    def connect(self) -> SecretPeer:
        return SecretPeer(self.clock, self.secret)

    def test_serves(self) -> None:
        """
        Peers are served over TLS, large workloads too, and the socket beneath
        is set up.
        """
        worker, client = self.connect(), self.connect()
        self.assertTrue(client.wire.noDelay)
        self.assertTrue(client.wire.keepAlive)
        data = bytes(range(256)) * 2000
        worker.sends("CAN_DO", b"f")
        worker.owed()
        client.sends("SUBMIT_JOB", b"f", b"", data)
        self.assertEqual(client.owed(), [("JOB_CREATED", b"H:1")])
        worker.sends("GRAB_JOB")
        self.assertEqual(worker.owed(), [("JOB_ASSIGN", b"H:1", b"f", data)])
        worker.sends("WORK_COMPLETE", b"H:1", data)
        worker.owed()
        self.assertEqual(client.owed(), [("WORK_COMPLETE", b"H:1", data)])

    def test_badInput(self) -> None:
        """
        A peer that makes no sense gets its ERROR, and the connection is closed.
        """
        peer = self.connect()
        peer.sends("SUBMIT_JOB", b"alone")
        [error] = peer.owed()
        self.assertEqual(error[:2], ("ERROR", b"INVALID_PACKET"))
        self.assertTrue(peer.ended)
        peer.says()
        peer.owed()
        self.assertTrue(peer.wire.disconnected)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_badInputNeverCloses(self) -> None:
        """
        Such a peer has no more time to close its side than one without TLS.
        """
        peer = self.connect()
        peer.sends("SUBMIT_JOB", b"alone")
        peer.owed()
        self.clock.advance(2.1)
        peer.owed()
        self.assertTrue(peer.wire.disconnected)

    def test_close(self) -> None:
        """
        A connection with a producer is closed as well as any other, behind
        what it is owed.
        """
        peer = self.connect()
        peer.wire.appetite = 0
        peer.sends("ECHO_REQ", bytes(300_000))
        peer.turns(30)
        gone: list[bool] = []
        self.factory.close(lambda: gone.append(True))
        peer.turns(3)
        self.assertEqual(gone, [])
        peer.wire.appetite = None
        self.assertEqual(peer.owed(), [("ECHO_RES", bytes(300_000))])
        self.assertTrue(peer.ended)
        peer.says()
        peer.owed()
        self.assertEqual(gone, [True])

    def test_abort(self) -> None:
        """
        A peer that does not close its side can be aborted.
        """
        peer = self.connect()
        gone: list[bool] = []
        self.factory.close(lambda: gone.append(True))
        peer.owed()
        self.assertEqual(gone, [])
        self.factory.abort()
        peer.turns(1)
        self.assertEqual(gone, [True])
        self.assertTrue(peer.wire.disconnected)

    def test_stuck(self) -> None:
        """
        A client that does not read holds the worker over TLS too, and gets
        everything in order when it reads.
        """
        worker, client = self.connect(), self.connect()
        worker.sends("CAN_DO", b"f")
        worker.owed()
        client.sends("SUBMIT_JOB", b"f", b"", b"")
        client.owed()
        worker.sends("GRAB_JOB")
        worker.owed()
        client.wire.appetite = 0
        for number in range(60):
            worker.sends("WORK_DATA", b"H:1", b"%08d" % number + bytes(SEGMENT))
        worker.sends("WORK_COMPLETE", b"H:1", b"")
        worker.turns(200)
        self.assertFalse(worker.wire.reading)
        self.assertLess(worker.wire.arrived, CONGESTED + 8 * SEGMENT)
        client.wire.appetite = None
        heard: list[Item] = []
        for _ in range(60):
            heard += client.owed()
            worker.turns(2)
        self.assertTrue(worker.wire.reading)
        numbers = [item[2][:8] for item in heard[:-1]]  # type: ignore[index]
        self.assertEqual(numbers, [b"%08d" % number for number in range(60)])
        self.assertEqual(heard[-1], ("WORK_COMPLETE", b"H:1", b""))
