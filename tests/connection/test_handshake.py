"""
Tests for L{txgearman.connection.handshake}.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred, fail
from twisted.internet.error import (
    ConnectError,
    ConnectionDone,
    NoProtocol,
    TimeoutError,
)
from twisted.internet.interfaces import (
    IHandshakeListener,
    INegotiated,
    IProtocol,
    IProtocolFactory,
    IStreamClientEndpoint,
)
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import directlyProvides, implementer

from txgearman.connection.handshake import trusted


@implementer(IStreamClientEndpoint)
class Place:
    """
    An endpoint whose connections the test makes.

    @ivar factory: whose connection is wanted.
    @ivar given: whether that was given up.
    """

    factory: IProtocolFactory

    def __init__(self) -> None:
        self.given = False
        self.transport = StringTransport()
        self.protocol: IProtocol | None = None

    def connect(self, protocolFactory: IProtocolFactory) -> Deferred[IProtocol]:
        """
        Have somebody wait.
        """
        self.factory = protocolFactory
        self.connecting: Deferred[IProtocol] = Deferred(self._give)
        return self.connecting

    def _give(self, connecting: Deferred[IProtocol]) -> None:
        self.given = True

    def connects(self) -> None:
        """
        Make the connection.
        """
        protocol = self.factory.buildProtocol(None)  # type: ignore[arg-type]
        assert protocol is not None
        self.protocol = protocol
        protocol.makeConnection(self.transport)
        self.connecting.callback(protocol)

    def shakesHands(self) -> None:
        """
        Let the handshake be over.
        """
        assert IHandshakeListener.providedBy(self.protocol)
        self.protocol.handshakeCompleted()

    def loses(self, error: Exception) -> None:
        """
        Lose the connection.
        """
        assert self.protocol is not None
        self.protocol.connectionLost(Failure(error))


class Hearing(Protocol):
    """
    A protocol that remembers what it is told.
    """

    data = b""
    lost = ""

    def dataReceived(self, data: bytes) -> None:
        """
        Remember it.
        """
        self.data += data

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """
        Remember why.
        """
        self.lost = str(reason.value)


class HandshakeTests(SynchronousTestCase):
    """
    When a connection counts as made.
    """

    def setUp(self) -> None:
        self.clock = Clock()
        self.place = Place()
        self.protocols: list[Hearing] = []
        self.factory: Factory[Any] = Factory()
        self.factory.protocol = self.hearing

    def hearing(self) -> Hearing:
        """
        Make a protocol, and remember it.
        """
        self.protocols.append(Hearing())
        return self.protocols[-1]

    def connecting(self, secure: bool) -> Deferred[IProtocol]:
        """
        Ask for a connection.
        """
        if secure:
            directlyProvides(self.place.transport, INegotiated)
        return trusted(self.clock, self.place).connect(self.factory)

    def test_plain(self) -> None:
        """
        One without a handshake is made at once, and nobody stands in between.
        """
        made = self.connecting(False)
        self.assertNoResult(made)
        self.place.connects()
        (protocol,) = self.protocols
        self.assertIs(self.successResultOf(made), protocol)
        self.assertIs(protocol.transport, self.place.transport)
        assert self.place.protocol is not None
        self.place.protocol.dataReceived(b"hello")
        self.assertEqual(protocol.data, b"hello")
        self.place.loses(ConnectionDone("bye"))
        self.assertIn("bye", protocol.lost)

    def test_secure(self) -> None:
        """
        One with a handshake is made when that is over.
        """
        made = self.connecting(True)
        self.place.connects()
        self.assertNoResult(made)
        self.assertEqual(self.protocols, [])
        self.place.shakesHands()
        self.assertIs(self.successResultOf(made), self.protocols[0])

    def test_twice(self) -> None:
        """
        An endpoint that waits for handshakes already is taken as it is.
        """
        endpoint = trusted(self.clock, self.place)
        self.assertIs(trusted(self.clock, endpoint), endpoint)

    def test_untrusted(self) -> None:
        """
        One that is lost before it is trusted was never made, and what OpenSSL says
        about it is a sentence.
        """
        for reason, said in [
            (Exception([("routines", "", "no trust"), ("", "", "at all")]), "no trust"),
            (Exception([]), "TLS failed"),
            (Exception([LookupError("name")]), "LookupError"),
            (ConnectionDone("gone"), "gone"),
        ]:
            made = self.connecting(True)
            self.place.connects()
            self.place.loses(reason)
            error = self.failureResultOf(made, ConnectError).value
            self.assertIn(said, str(error))
            self.assertEqual(self.protocols, [])

    def test_somebodyElse(self) -> None:
        """
        One that Twisted gives up in its handshake, because of the certificate's
        name, was never made, though the handshake is over.
        """
        made = self.connecting(True)
        self.place.connects()
        self.place.transport.loseConnection()
        self.place.shakesHands()
        self.assertNoResult(made)
        self.place.loses(Exception("not its name"))
        self.assertIn("not its name", str(self.failureResultOf(made).value))
        self.assertEqual(self.protocols, [])

    def test_refused(self) -> None:
        """
        One that cannot be made is not made.
        """
        made = self.connecting(True)
        self.place.connecting.errback(ConnectError(string="nobody there"))
        self.failureResultOf(made, ConnectError)

    def test_failsAtOnce(self) -> None:
        """
        Also when that is known at once.
        """
        self.place.connect = (  # type: ignore[method-assign]
            lambda protocolFactory: fail(ConnectError())
        )
        self.failureResultOf(self.connecting(True), ConnectError)

    def test_cancelled(self) -> None:
        """
        Who does not want it any more ends the attempt, and the connection if it
        waits for its handshake.
        """
        made = self.connecting(True)
        made.addErrback(lambda failure: None)
        made.cancel()
        self.assertTrue(self.place.given)
        self.assertFalse(self.place.transport.disconnecting)
        made = self.connecting(True)
        made.addErrback(lambda failure: None)
        self.place.connects()
        made.cancel()
        self.assertTrue(self.place.transport.disconnected)
        self.place.loses(ConnectionDone())
        self.assertEqual(self.protocols, [])

    def test_silentHandshake(self) -> None:
        """
        Who says nothing in the handshake is given up, and the connection with him.
        """
        made = self.connecting(True)
        self.place.connects()
        self.clock.advance(14.9)
        self.assertNoResult(made)
        self.assertFalse(self.place.transport.disconnecting)
        self.clock.advance(0.2)
        error = self.failureResultOf(made, TimeoutError).value
        self.assertIsInstance(error, ConnectError)
        self.assertIn("no connection in 15 s", str(error))
        self.assertTrue(self.place.transport.disconnected)
        self.place.loses(ConnectionDone())
        self.assertEqual(self.protocols, [])

    def test_silentPlace(self) -> None:
        """
        The time counts from the beginning, also where nobody answers at all.
        """
        made = self.connecting(True)
        self.clock.advance(10)
        self.place.connects()
        self.clock.advance(5)
        self.failureResultOf(made, TimeoutError)
        made = self.connecting(False)
        self.clock.advance(15)
        self.failureResultOf(made, TimeoutError)
        self.assertTrue(self.place.given)

    def test_noTimeLeft(self) -> None:
        """
        Once it is made or not, nothing waits for the timeout any more.
        """
        for secure in (False, True):
            made = self.connecting(secure)
            self.place.connects()
            if secure:
                self.place.shakesHands()
            self.successResultOf(made)
            self.assertEqual(self.clock.getDelayedCalls(), [])
        made = self.connecting(True)
        made.addErrback(lambda failure: None)
        made.cancel()
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_noProtocol(self) -> None:
        """
        A factory that does not want the connection does not get it.
        """

        class Picky(Factory):
            def buildProtocol(self, addr: object) -> Protocol | None:
                return None

        self.factory = Picky()
        made = self.connecting(False)
        self.place.connects()
        self.failureResultOf(made, NoProtocol)
        self.assertTrue(self.place.transport.disconnected)
        self.place.loses(ConnectionDone())
