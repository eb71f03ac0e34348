"""
Tests for L{txgearman.connection.sending}, and of connections that send with it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.address import IPv4Address
from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from txgearman.client.factory import GearmanClientFactory
from txgearman.client.protocol import GearmanClientProtocol
from txgearman.connection.sending import Outlet
from txgearman.testing.wire import SocketWire
from txgearman.wire.codec import encode
from txgearman.wire.packets import ECHO_REQ, ECHO_RES, REQUEST, RESPONSE

TCP = IPv4Address("TCP", "192.0.2.1", 4730)


def asked(data: bytes) -> bytes:
    """
    What asks for an echo.
    """
    return encode(REQUEST, ECHO_REQ, data)


def echoed(data: bytes) -> bytes:
    """
    What answers it.
    """
    return encode(RESPONSE, ECHO_RES, data)


class EndingClock(Clock):
    """
    A reactor that says itself when its turn ends.
    """

    def __init__(self) -> None:
        super().__init__()
        self.ending: list[Callable[[], object]] = []

    def atTurnEnd(self, call: Callable[[], object]) -> None:
        """
        Call something then.
        """
        self.ending.append(call)


class OutletTests(SynchronousTestCase):
    """
    Bytes on their way to a socket.
    """

    def setUp(self) -> None:
        self.clock = Clock()
        self.outlet = self.opens(self.clock)

    def opens(self, clock: IReactorTime | None) -> Outlet:
        """
        Connect.
        """
        self.wire = SocketWire(self.clock, TCP)
        kernel: Any = self.wire.socket
        return Outlet(self.wire, kernel, clock)

    def test_turn(self) -> None:
        """
        What is written in one turn leaves in one piece at its end.
        """
        for _ in range(2):
            self.outlet.write(b"a")
            self.outlet.write(b"b")
            self.assertEqual(self.wire.taken, b"")
            self.clock.advance(0)
            self.assertEqual((self.wire.taken, self.wire.writes), (b"ab", 1))
            self.assertEqual(self.clock.getDelayedCalls(), [])
            self.wire.taken.clear()
            self.wire.writes = 0

    def test_atTurnEnd(self) -> None:
        """
        A reactor that knows its turns needs no timer for it.
        """
        clock = EndingClock()
        outlet = self.opens(clock)
        outlet.write(b"a")
        outlet.write(b"b")
        self.assertEqual(clock.getDelayedCalls(), [])
        (end,) = clock.ending
        end()
        self.assertEqual((self.wire.taken, self.wire.writes), (b"ab", 1))

    def test_clockless(self) -> None:
        """
        Without a reactor, all that is not gathered leaves at once.
        """
        outlet = self.opens(None)
        outlet.write(b"a")
        self.assertEqual(self.wire.taken, b"a")
        outlet.gather()
        outlet.write(b"b")
        outlet.write(b"c")
        self.assertEqual(self.wire.taken, b"a")
        outlet.flush()
        self.assertEqual((self.wire.taken, self.wire.writes), (b"abc", 2))

    def test_gathered(self) -> None:
        """
        What is gathered leaves when that is over, with what was written before
        in the turn, and needs no end of it.
        """
        self.outlet.gather()
        self.outlet.write(b"a")
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.outlet.flush()
        self.assertEqual(self.wire.taken, b"a")
        self.outlet.write(b"b")
        self.outlet.gather()
        self.outlet.write(b"c")
        self.outlet.flush()
        self.assertEqual((self.wire.taken, self.wire.writes), (b"abc", 2))
        self.clock.advance(0)
        self.assertEqual(self.wire.writes, 2)

    def test_much(self) -> None:
        """
        When it is much, the server gets some of it before the turn ends.
        """
        self.outlet.gather()
        for _ in range(100):
            self.outlet.write(b"x" * 1000)
        self.assertGreater(len(self.wire.taken), 60_000)
        self.outlet.flush()
        self.assertEqual(self.wire.taken, b"x" * 100_000)

    def test_full(self) -> None:
        """
        What the kernel does not take, the transport keeps, and what follows too,
        in order, until it is empty; then the kernel is given everything again.
        """
        for appetite in (0, 2):
            self.outlet = self.opens(None)
            self.wire.appetite = appetite
            self.outlet.write(b"abc")
            self.outlet.write(b"de")
            self.assertEqual(self.wire.taken + self.wire.buffer, b"abcde")
            self.assertEqual(len(self.wire.taken), appetite)
            self.wire.appetite = None
            self.wire.send()
            self.assertEqual(self.wire.taken, b"abcde")
            self.assertIsNone(self.wire.producer)
            self.outlet.write(b"f")
            self.assertEqual((self.wire.taken, self.wire.buffer), (b"abcdef", b""))

    def test_closes(self) -> None:
        """
        A connection that is closed while the server takes nothing is closed when
        it has taken everything.
        """
        outlet = self.opens(None)
        self.wire.appetite = 1
        outlet.write(b"abc")
        self.wire.loseConnection()
        self.wire.hungers()
        self.wire.send()
        self.assertFalse(self.wire.disconnected)
        self.wire.appetite = None
        self.wire.send()
        self.wire.send()
        self.assertEqual(self.wire.taken, b"abc")
        self.assertTrue(self.wire.disconnected)

    def test_closesInTurn(self) -> None:
        """
        A connection that is closed in the turn in which something was written is
        closed behind that, whether the turn ends first or the transport gets to
        it; so it is when the server takes only a part.
        """
        for appetite in (None, 1):
            for transportFirst in (False, True):
                self.outlet = self.opens(self.clock)
                self.wire.appetite = appetite
                self.outlet.write(b"abc")
                self.wire.loseConnection()
                if transportFirst:
                    self.wire.send()
                    self.assertFalse(self.wire.disconnected)
                    self.outlet.resumeProducing()
                self.clock.advance(0)
                self.wire.appetite = None
                self.wire.send()
                self.wire.send()
                self.assertEqual(self.wire.taken, b"abc")
                self.assertTrue(self.wire.disconnected)

    def test_lost(self) -> None:
        """
        What is written on a lost connection is dropped.
        """
        self.outlet.write(b"a")
        self.wire.broken = True
        self.clock.advance(0)
        self.outlet.write(b"b")
        self.wire.lose(ConnectionDone())
        self.outlet.write(b"c")
        self.clock.advance(0)
        self.assertEqual((self.wire.taken, self.wire.buffer), (b"", b""))

    def test_forgotten(self) -> None:
        """
        What is forgotten is never sent.
        """
        self.outlet.write(b"a")
        self.outlet.forget()
        self.clock.advance(0)
        self.assertEqual((self.wire.taken, self.wire.writes), (b"", 0))


class RequesterTests(SynchronousTestCase):
    """
    A connection right above a socket.
    """

    def setUp(self) -> None:
        self.clock = Clock()
        factory = GearmanClientFactory(exceptions=False, clock=self.clock)
        made = factory.buildProtocol(None)
        assert isinstance(made, GearmanClientProtocol)
        self.protocol = made
        self.wire = SocketWire(self.clock, TCP)
        made.makeConnection(self.wire)

    def test_turn(self) -> None:
        """
        What is asked in one turn leaves together at its end.
        """
        self.protocol.echo(b"1")
        self.protocol.command(b"version")
        self.assertEqual(self.wire.writes, 0)
        self.clock.advance(0)
        self.assertEqual(self.wire.taken, asked(b"1") + b"version\r\n")
        self.assertEqual(self.wire.writes, 1)

    def test_answered(self) -> None:
        """
        What is asked because of several answers leaves together as soon as these
        are read, also when dealing with one of them fails.
        """
        for _ in range(2):
            self.protocol.echo(b"").addCallback(lambda _: self.protocol.echo(b"again"))
        self.clock.advance(0)
        self.wire.taken.clear()
        self.wire.writes = 0
        self.protocol.dataReceived(echoed(b"") * 2)
        self.assertEqual(self.wire.taken, asked(b"again") * 2)
        self.assertEqual(self.wire.writes, 1)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_failing(self) -> None:
        """
        So does what was asked before an error in one's own code.
        """

        def fail(*_: object) -> None:
            raise LookupError

        self.protocol.echo(b"").addCallback(lambda _: self.protocol.echo(b"again"))
        self.clock.advance(0)
        self.wire.taken.clear()
        self.patch(self.protocol, "_unexpected", fail)
        noise = encode(RESPONSE, 17, b"")
        with self.assertRaises(LookupError):
            self.protocol.dataReceived(echoed(b"") + noise * 2)
        self.assertIn(asked(b"again"), bytes(self.wire.taken))
        self.protocol.echo(b"later")
        self.clock.advance(0)
        self.assertTrue(self.wire.taken.endswith(asked(b"later")))

    def test_givenUp(self) -> None:
        """
        What was asked just before the connection is given up is not sent.
        """
        self.protocol.echo(b"1").addErrback(lambda _: None)
        self.protocol.giveUp()
        self.clock.advance(0)
        self.assertEqual(self.wire.taken, b"")
