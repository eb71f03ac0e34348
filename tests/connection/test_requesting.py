"""
Tests for L{txgearman.connection.requesting}.
"""

from __future__ import annotations

from twisted.internet.address import IPv4Address, UNIXAddress
from twisted.internet.error import ConnectionAborted, ConnectionLost
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from tests.connection.test_sockets import Above
from txgearman.client.factory import GearmanClientFactory
from txgearman.client.protocol import GearmanClientProtocol
from txgearman.connection.requesting import KEEPALIVE, Requester
from txgearman.testing.wire import SocketWire
from txgearman.wire.codec import encode
from txgearman.wire.packets import ECHO_REQ, ECHO_RES, REQUEST, RESPONSE


def echo(data: bytes) -> bytes:
    """
    What asks for an echo.
    """
    return encode(REQUEST, ECHO_REQ, data)


class CountingTransport(StringTransport):
    """
    Keeps each write for itself.
    """

    def __init__(self) -> None:
        super().__init__()
        self.writes: list[bytes] = []

    def write(self, data: bytes) -> None:
        self.writes.append(data)


class GatheringTests(SynchronousTestCase):
    """
    Packets that go out together.
    """

    def setUp(self) -> None:
        made = GearmanClientFactory(exceptions=False).buildProtocol(None)
        assert isinstance(made, GearmanClientProtocol)
        self.protocol = made
        self.transport = CountingTransport()
        made.makeConnection(self.transport)

    def test_apart(self) -> None:
        """
        By itself each packet is a write.
        """
        self.protocol.echo(b"1")
        self.protocol.echo(b"2")
        self.assertEqual(self.transport.writes, [echo(b"1"), echo(b"2")])

    def test_together(self) -> None:
        """
        What is sent while packets are gathered is one write in the end, in
        order, lines of text as well; afterwards each is a write again.
        """
        with self.protocol.gathering():
            self.protocol.echo(b"1")
            self.protocol.command(b"version")
            self.protocol.echo(b"2")
            self.assertEqual(self.transport.writes, [])
        self.protocol.echo(b"3")
        together = echo(b"1") + b"version\r\n" + echo(b"2")
        self.assertEqual(self.transport.writes, [together, echo(b"3")])

    def test_nothing(self) -> None:
        """
        When nothing is sent, nothing is written.
        """
        with self.protocol.gathering():
            pass
        self.assertEqual(self.transport.writes, [])

    def test_nested(self) -> None:
        """
        Gathering within gathering is gathering.
        """
        with self.protocol.gathering():
            self.protocol.echo(b"1")
            with self.protocol.gathering():
                self.protocol.echo(b"2")
            self.protocol.echo(b"3")
        self.assertEqual(self.transport.writes, [echo(b"1") + echo(b"2") + echo(b"3")])

    def test_error(self) -> None:
        """
        What was sent before an error is sent: replies to it are waited for.
        """

        def gather() -> None:
            with self.protocol.gathering():
                self.protocol.echo(b"1")
                raise LookupError

        self.assertRaises(LookupError, gather)
        self.assertEqual(self.transport.writes, [echo(b"1")])


class SocketTests(SynchronousTestCase):
    """
    The socket of a connection.
    """

    def connection(self) -> Requester:
        """
        Make a connection that is nobody's yet.
        """
        made = GearmanClientFactory(exceptions=False).buildProtocol(None)
        assert isinstance(made, Requester)
        return made

    def test_setUp(self) -> None:
        """
        Over TCP, with TLS or without, packets leave at once, and a server that
        vanished is noticed in time.
        """
        for above in (lambda tcp: tcp, Above):
            tcp = SocketWire(Clock(), IPv4Address("TCP", "192.0.2.1", 4730))
            self.connection().makeConnection(above(tcp))
            self.assertTrue(tcp.noDelay)
            self.assertTrue(tcp.keepAlive)
            self.assertEqual(sorted(tcp.socket.options.values()), [4, 15, 60])
        silent = KEEPALIVE.idle + KEEPALIVE.interval * KEEPALIVE.count
        self.assertEqual(silent, 120)

    def test_local(self) -> None:
        """
        A UNIX socket is taken as it is.
        """
        unix = SocketWire(Clock(), UNIXAddress("/run/gearman"))
        self.connection().makeConnection(unix)
        self.assertFalse(unix.noDelay or unix.keepAlive or unix.socket.options)


class GivingUpTests(SynchronousTestCase):
    """
    Connections that are of no use any more.
    """

    def test_givesUp(self) -> None:
        """
        A connection that is given up is aborted, and what its server still says
        is not heard.
        """
        protocol = GearmanClientFactory(exceptions=False).buildProtocol(None)
        assert isinstance(protocol, GearmanClientProtocol)
        transport = StringTransport()
        protocol.makeConnection(transport)
        asked = protocol.echo(b"1")
        protocol.giveUp()
        self.assertTrue(transport.disconnected)
        protocol.dataReceived(encode(RESPONSE, ECHO_RES, b"1"))
        self.assertNoResult(asked)
        protocol.connectionLost(Failure(ConnectionAborted()))
        self.failureResultOf(asked, ConnectionLost)
