"""
Tests for L{txgearman.server.factory}.
"""

from __future__ import annotations

from twisted.internet.address import IPv4Address
from twisted.internet.interfaces import IProtocolFactory
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from tests.server.pump import Peer, Pump, logged, request
from txgearman.board.policy import Policy
from txgearman.server.factory import GearmanServerFactory
from txgearman.server.settings import CONGESTED, Settings
from txgearman.testing.wire import SEGMENT, SocketWire


class FactoryTests(SynchronousTestCase):
    """
    One board, and the connections to it.
    """

    def setUp(self) -> None:
        self.pump = Pump()
        self.factory = self.pump.factory

    def test_interface(self) -> None:
        """
        It is a factory for any endpoint.
        """
        verifyObject(IProtocolFactory, self.factory)

    def test_defaults(self) -> None:
        """
        Nothing but a clock has to be given.
        """
        factory = GearmanServerFactory(Clock())
        self.assertEqual(factory.board.policy, Policy())
        self.assertEqual(factory.settings, Settings())
        self.assertIsNone(factory.onShutdown)
        self.assertEqual(factory.connections, 0)

    def test_counted(self) -> None:
        """
        Connections are counted while they are there.
        """
        one, two = self.pump.connectSeveral(2)
        self.assertEqual(self.factory.connections, 2)
        one.leaves()
        self.pump.settle()
        self.assertEqual(self.factory.connections, 1)
        two.vanishes()
        self.assertEqual(self.factory.connections, 0)

    def test_broken(self) -> None:
        """
        A connection that turns out to be broken when it is written to is lost,
        and nobody else notices.
        """
        one, two = self.pump.connectSeveral(2)
        assert isinstance(one.wire, SocketWire)
        one.wire.broken = True
        one.sends("ECHO_REQ", bytes(300_000))
        two.sends("ECHO_REQ", b"x")
        self.assertEqual(two.owed(), [("ECHO_RES", b"x")])
        self.assertTrue(one.gone)
        self.assertEqual(self.factory.connections, 1)

    def test_tooMany(self) -> None:
        """
        A connection beyond the limit is closed at once, and the log says so;
        when another is gone, there is room again.
        """
        pump = Pump(settings=Settings(maxConnections=2))
        with logged() as lines:
            one, two, three = pump.connectSeveral(3)
        self.assertEqual([one.gone, two.gone, three.gone], [False, False, True])
        self.assertEqual(lines, ["warn: 2 connections: closing one more"])
        self.assertEqual(pump.factory.connections, 2)
        one.leaves()
        pump.settle()
        four, five = pump.connectSeveral(2)
        self.assertEqual([four.gone, five.gone], [False, True])
        four.sends("ECHO_REQ", b"x")
        self.assertEqual(four.owed(), [("ECHO_RES", b"x")])

    def test_anyNumber(self) -> None:
        """
        Zero is no limit.
        """
        peers = self.pump.connectSeveral(500)
        self.assertEqual(self.factory.connections, 500)
        self.assertFalse(any(peer.gone for peer in peers))

    def test_oneBoard(self) -> None:
        """
        All of a factory's connections share a board, and no two factories do.
        """
        one, two = self.pump.connectSeveral(2)
        other = Pump().connect()
        one.says(b"create function f\n")
        self.pump.settle()
        for peer, wanted in (two, [b"f\t0\t0\t0\n", b".\n"]), (other, [b".\n"]):
            peer.says(b"status\n")
            self.assertEqual(peer.owed(), wanted)


class CloseTests(SynchronousTestCase):
    """
    A factory that parts from its peers.
    """

    def setUp(self) -> None:
        self.pump = Pump()
        self.factory = self.pump.factory
        self.gone = 0

    def whenGone(self) -> None:
        self.gone += 1

    def closes(self) -> None:
        self.factory.close(self.whenGone)

    def stuck(self) -> Peer:
        """
        Make a peer that is owed something and reads nothing.
        """
        peer = self.pump.connect()
        peer.stalls()
        peer.sends("ECHO_REQ", b"x")
        self.pump.settle()
        return peer

    def test_nobody(self) -> None:
        """
        With no connections, all are gone at once.
        """
        self.closes()
        self.assertEqual(self.gone, 1)
        self.assertEqual(self.pump.clock.getDelayedCalls(), [])

    def test_everybody(self) -> None:
        """
        Every connection is closed, and whoever asked for it hears when the last
        one is gone.
        """
        peers = self.pump.connectSeveral(3)
        last = self.stuck()
        self.closes()
        self.pump.settle()
        self.assertEqual([peer.gone for peer in [*peers, last]], [True] * 3 + [False])
        self.assertEqual(self.gone, 0)
        last.reads()
        self.assertEqual(last.owed(), [("ECHO_RES", b"x")])
        self.assertTrue(last.gone)
        self.assertEqual(self.gone, 1)

    def test_owed(self) -> None:
        """
        What peers are owed because of this very turn arrives.
        """
        worker, client = self.pump.connectSeveral(2)
        worker.sends("CAN_DO", b"f")
        client.sends("SUBMIT_JOB", b"f", b"", b"")
        client.owed()
        worker.sends("GRAB_JOB")
        worker.owed()
        worker.sends("WORK_COMPLETE", b"H:1", b"done")
        worker.wire.receive()
        self.closes()
        self.assertEqual(client.owed(), [("WORK_COMPLETE", b"H:1", b"done")])
        self.assertTrue(client.gone)

    def test_nothingMore(self) -> None:
        """
        What arrives behind the closing is not answered.
        """
        peer = self.stuck()
        self.closes()
        peer.sends("ECHO_REQ", b"y")
        peer.reads()
        self.assertEqual(peer.owed(), [("ECHO_RES", b"x")])

    def test_noNewOnes(self) -> None:
        """
        No connection is accepted while others are closing.
        """
        self.stuck()
        self.closes()
        self.assertTrue(self.pump.connect().gone)
        self.assertIsNone(
            self.factory.buildProtocol(IPv4Address("TCP", "127.0.0.1", 1))
        )

    def test_abort(self) -> None:
        """
        An abort ends the wait for peers that do not read.
        """
        peers = [self.stuck(), self.stuck(), self.pump.connect()]
        self.closes()
        self.factory.abort()
        self.pump.settle()
        self.assertEqual(self.gone, 1)
        for peer in peers:
            self.assertTrue(peer.gone)
            self.assertTrue(peer.wire.aborted)

    def test_abortAlone(self) -> None:
        """
        An abort needs no closing before it.
        """
        peer = self.stuck()
        self.factory.abort()
        self.pump.settle()
        self.assertTrue(peer.gone)
        self.assertEqual(self.factory.connections, 0)

    def test_lingering(self) -> None:
        """
        A peer that has time to read an ERROR keeps it, and is then gone.
        """
        peer = self.pump.connect()
        peer.sends("SUBMIT_JOB", b"alone")
        self.pump.settle()
        self.closes()
        self.pump.settle()
        self.assertEqual(self.gone, 0)
        self.pump.passes(2.1)
        self.assertEqual(self.gone, 1)
        self.assertEqual(self.pump.clock.getDelayedCalls(), [])

    def test_heldOnes(self) -> None:
        """
        Peers that are held up are closed like others.
        """
        worker, client = self.pump.connectSeveral(2)
        worker.sends("CAN_DO", b"f")
        client.sends("SUBMIT_JOB", b"f", b"", b"")
        client.owed()
        worker.sends("GRAB_JOB")
        worker.owed()
        client.stalls()
        data = request("WORK_DATA", b"H:1", bytes(SEGMENT))
        worker.streams(data for _ in range(100))
        self.pump.settle()
        self.assertTrue(worker.held)
        self.closes()
        self.pump.settle()
        self.assertTrue(worker.gone)
        client.reads()
        self.assertGreater(len(client.owed()) * SEGMENT, CONGESTED)
        self.assertEqual(self.gone, 1)
        self.assertEqual(self.pump.clock.getDelayedCalls(), [])

    def test_again(self) -> None:
        """
        When all are gone, the factory is as new, and may be closed again.
        """
        self.pump.connect()
        self.closes()
        self.pump.settle()
        peer = self.pump.connect()
        self.assertFalse(peer.gone)
        self.closes()
        self.pump.settle()
        self.assertTrue(peer.gone)
        self.assertEqual(self.gone, 2)
