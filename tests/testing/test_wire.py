"""
Tests for L{txgearman.testing.wire}: what goes in at one end, and what comes out at
the other.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.error import ConnectionAborted, ConnectionDone, ConnectionLost
from twisted.internet.interfaces import (
    IConsumer,
    IPushProducer,
    ITCPTransport,
    IWriteDescriptor,
)
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer
from zope.interface.verify import verifyObject

from txgearman.testing.clock import TurningClock
from txgearman.testing.network import Network
from txgearman.testing.wire import SEGMENT, SERVER, SocketWire, Wire

BETWEEN = 2 * SEGMENT
"""How many bytes may be on their way from one end to the other."""


class Recorder(Protocol):
    """
    A protocol that writes down what it is told.

    @ivar chunks: what came.
    @ivar reasons: why the connection was lost.
    """

    def __init__(self) -> None:
        self.chunks: list[bytes] = []
        self.reasons: list[type[BaseException]] = []

    def dataReceived(self, data: bytes) -> None:
        self.chunks.append(data)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        assert isinstance(reason.value, BaseException)
        self.reasons.append(type(reason.value))

    @property
    def heard(self) -> bytes:
        """
        All that came.
        """
        return b"".join(self.chunks)


@implementer(IPushProducer)
class Spring:
    """
    A producer that never ends while it flows.
    """

    def __init__(self, wire: Wire) -> None:
        self.flows = True
        self.stopped = False
        self.written = 0
        self._wire = wire

    def flow(self) -> None:
        while self.flows:
            self._wire.write(bytes(5000))
            self.written += 5000

    def pauseProducing(self) -> None:
        self.flows = False

    def resumeProducing(self) -> None:
        self.flows = True
        self.flow()

    def stopProducing(self) -> None:
        self.flows = False
        self.stopped = True


class Well:
    """
    A producer that counts how often it was asked.
    """

    def __init__(self) -> None:
        self.asked = 0

    def resumeProducing(self) -> None:
        self.asked += 1

    def stopProducing(self) -> None:
        self.asked = 0


class JointTests(SynchronousTestCase):
    """
    Two ends of a connection.
    """

    def setUp(self) -> None:
        self.network = Network(TurningClock())
        self.joint = self.network.join()
        self.client, self.server = self.joint.client, self.joint.server
        self.near, self.far = Recorder(), Recorder()
        for wire, protocol in (self.client, self.near), (self.server, self.far):
            wire.protocol = protocol
            protocol.makeConnection(wire)

    def assertLost(self, near: type[Exception], far: type[Exception]) -> None:
        """
        Both ends have lost the connection, and know it.
        """
        self.assertEqual(self.near.reasons, [near])
        self.assertEqual(self.far.reasons, [far])
        self.assertTrue(self.joint.gone)

    def test_addresses(self) -> None:
        """
        Each end is where the other one sees it; no two clients are at one port.
        """
        self.assertEqual(self.client.getPeer(), SERVER)
        self.assertEqual(self.server.getHost(), SERVER)
        self.assertEqual(self.client.getHost(), self.server.getPeer())
        other = self.network.join().client
        self.assertNotEqual(self.client.getHost(), other.getHost())

    def test_nextTurn(self) -> None:
        """
        What is let go in a turn arrives in the next one, either way.
        """
        self.client.write(b"question")
        self.server.write(b"word")
        self.assertTrue(self.network.turn())
        self.assertEqual(self.near.chunks + self.far.chunks, [])
        self.assertTrue(self.network.turn())
        self.assertEqual(self.far.chunks, [b"question"])
        self.assertEqual(self.near.chunks, [b"word"])
        self.assertFalse(self.network.turn())

    def test_chunks(self) -> None:
        """
        Bytes arrive in pieces of the size that an end is told to read.
        """
        self.server.segment = 3
        self.client.writeSequence([b"ab", b"cde", b"", b"fg"])
        self.network.settle()
        self.assertEqual(self.far.chunks, [b"abc", b"def", b"g"])

    def test_large(self) -> None:
        """
        Much arrives whole, a segment in a turn, with little on its way.
        """
        data = bytes(range(256)) * 8000
        self.client.write(data)
        turns = 0
        while self.network.turn():
            turns += 1
            self.assertLessEqual(self.server.waiting, BETWEEN)
        self.assertEqual(self.far.heard, data)
        self.assertEqual({len(c) for c in self.far.chunks[:-1]}, {SEGMENT})
        self.assertLess(turns, len(data) / SEGMENT + 5)

    def test_held(self) -> None:
        """
        An end that does not read holds the other one back, until it reads.
        """
        data = bytes(range(256)) * 4000
        self.server.pauseProducing()
        self.client.write(data)
        self.network.settle()
        self.assertEqual(self.far.chunks, [])
        self.assertEqual(self.server.waiting, BETWEEN)
        self.assertEqual(len(self.client.buffer), len(data) - BETWEEN)
        self.server.resumeProducing()
        self.network.settle()
        self.assertEqual(self.far.heard, data)

    def test_producer(self) -> None:
        """
        A producer is paused while its transport is full, and resumed when that
        is empty again; so it writes no more than the other end reads.
        """
        self.server.pauseProducing()
        spring = Spring(self.client)
        self.client.registerProducer(spring, True)
        spring.flow()
        self.network.settle()
        self.assertFalse(spring.flows)
        self.assertLess(spring.written, BETWEEN + 2 * SEGMENT)
        self.server.resumeProducing()
        for _ in range(100):
            self.assertTrue(self.network.turn())
        self.assertGreater(len(self.far.heard), 50 * SEGMENT)
        self.assertLess(spring.written - len(self.far.heard), 5 * SEGMENT)
        self.client.unregisterProducer()
        spring.flows = False
        self.network.settle()
        self.assertEqual(len(self.far.heard), spring.written)

    def test_close(self) -> None:
        """
        The end of a connection comes behind all that was written before it;
        what is written after it does not come.
        """
        data = bytes(5 * SEGMENT)
        self.client.write(data)
        self.client.loseConnection()
        self.network.turn()
        self.assertEqual(self.far.reasons, [])
        self.network.settle()
        self.assertEqual(self.far.heard, data)
        self.assertLost(ConnectionDone, ConnectionDone)
        self.client.write(b"late")
        self.assertFalse(self.network.turn())

    def test_closeWhileHeld(self) -> None:
        """
        An end that closes waits until the other one has read everything.
        """
        self.server.pauseProducing()
        self.client.write(bytes(5 * SEGMENT))
        self.client.stopProducing()
        self.network.settle()
        self.assertEqual(self.near.reasons, [])
        self.server.resumeProducing()
        self.network.settle()
        self.assertEqual(len(self.far.heard), 5 * SEGMENT)
        self.assertLost(ConnectionDone, ConnectionDone)

    def test_bothClose(self) -> None:
        """
        Both ends may close at once.
        """
        self.client.loseConnection()
        self.server.loseConnection()
        self.network.settle()
        self.assertLost(ConnectionDone, ConnectionDone)

    def test_lastWords(self) -> None:
        """
        What an end wrote before it closed is read, whatever the other end sends
        meanwhile; of that nothing arrives.
        """
        self.server.write(b"last words")
        self.server.loseConnection()
        self.client.write(b"unheard")
        self.network.turn()
        self.client.write(b"unheard too")
        self.network.settle()
        self.assertEqual(self.near.heard, b"last words")
        self.assertEqual(self.far.chunks, [])
        self.assertLost(ConnectionDone, ConnectionDone)

    def test_noticedWhileReading(self) -> None:
        """
        An end that does not read learns that the other one is gone when it reads.
        """
        self.client.pauseProducing()
        self.server.loseConnection()
        self.network.settle()
        self.assertEqual(self.near.reasons, [])
        self.client.resumeProducing()
        self.network.settle()
        self.assertLost(ConnectionDone, ConnectionDone)

    def test_noticedWhileWriting(self) -> None:
        """
        Or when it writes.
        """
        self.client.pauseProducing()
        self.server.loseConnection()
        self.network.settle()
        self.client.write(b"hello?")
        self.network.settle()
        self.assertLost(ConnectionLost, ConnectionDone)

    def test_halfClose(self) -> None:
        """
        An end that closes its side is read to the end, and the connection is
        closed, as by a protocol that knows nothing of sides.
        """
        self.client.write(b"bye")
        self.client.loseWriteConnection()
        self.network.settle()
        self.assertTrue(self.client.ended)
        self.assertEqual(self.far.heard, b"bye")
        self.assertLost(ConnectionDone, ConnectionDone)

    def test_halfAndWhole(self) -> None:
        """
        An end that has closed its side may close the connection.
        """
        self.server.pauseProducing()
        self.client.loseWriteConnection()
        self.network.settle()
        self.assertEqual(self.near.reasons, [])
        self.client.loseConnection()
        self.assertEqual(self.near.reasons, [ConnectionDone])

    def test_abort(self) -> None:
        """
        A connection that is aborted is lost at once, with all that is under way.
        """
        self.client.write(bytes(5 * SEGMENT))
        self.network.turn()
        self.client.abortConnection()
        self.assertEqual(self.near.reasons, [])
        self.network.turn()
        self.assertLost(ConnectionAborted, ConnectionLost)
        self.assertLess(len(self.far.heard), BETWEEN)
        self.network.settle()
        self.assertLost(ConnectionAborted, ConnectionLost)

    def test_abortTwice(self) -> None:
        """
        It is aborted once, and not at all when it is lost.
        """
        self.client.abortConnection()
        self.client.abortConnection()
        self.assertEqual(len(self.network.clock.getDelayedCalls()), 1)
        self.network.settle()
        self.client.abortConnection()
        self.server.abortConnection()
        self.assertEqual(self.network.clock.getDelayedCalls(), [])

    def test_cut(self) -> None:
        """
        A connection that is cut is lost at both ends, and stays so.
        """
        self.client.write(b"unheard")
        self.joint.cut()
        self.assertLost(ConnectionLost, ConnectionLost)
        self.server.resumeProducing()
        self.network.settle()
        self.assertEqual(self.far.chunks, [])
        self.assertLost(ConnectionLost, ConnectionLost)

    def test_broken(self) -> None:
        """
        A network that is broken is noticed by who writes; then both ends lose
        the connection.
        """
        self.client.broken = True
        self.network.settle()
        self.assertEqual(self.near.reasons, [])
        self.client.write(b"unheard")
        self.network.settle()
        self.assertLost(ConnectionLost, ConnectionLost)
        self.assertEqual(self.far.chunks, [])

    def test_producerOfLost(self) -> None:
        """
        The producer of a lost connection is stopped.
        """
        spring = Spring(self.client)
        self.client.registerProducer(spring, True)
        self.joint.cut()
        self.assertTrue(spring.stopped)


class WireTests(SynchronousTestCase):
    """
    One end, whose peer a test plays.
    """

    def setUp(self) -> None:
        self.clock = TurningClock()
        self.network = Network(self.clock)
        self.wire = SocketWire(self.clock, self.network.address())
        self.protocol = Recorder()
        self.wire.protocol = self.protocol
        self.network.add(self.wire)
        self.protocol.makeConnection(self.wire)

    def test_interfaces(self) -> None:
        """
        It has what Twisted says that TCP transports have.
        """
        for interface in ITCPTransport, IPushProducer, IConsumer, IWriteDescriptor:
            verifyObject(interface, self.wire)

    def test_options(self) -> None:
        """
        It remembers what is set.
        """
        self.assertFalse(self.wire.getTcpNoDelay() or self.wire.getTcpKeepAlive())
        self.wire.setTcpNoDelay(True)
        self.wire.setTcpKeepAlive(True)
        self.wire.getHandle().setsockopt(1, 2, 3)
        self.assertTrue(self.wire.getTcpNoDelay() and self.wire.getTcpKeepAlive())
        self.assertEqual(self.wire.socket.options, {(1, 2): 3})

    def test_appetite(self) -> None:
        """
        The peer takes as much in a turn as it likes.
        """
        self.wire.write(b"abcdefgh")
        self.wire.appetite = 3
        taken = []
        while self.network.turn():
            taken.append(bytes(self.wire.taken))
        self.assertEqual(taken, [b"abc", b"abcdef", b"abcdefgh"])
        self.assertEqual(self.wire.appetite, 3)

    def test_carryAll(self) -> None:
        """
        What the peer sends chunk after chunk is made when there is room for it.
        """
        made: list[int] = []

        def chunks() -> Any:
            for number in range(4):
                made.append(number)
                yield bytes([number]) * SEGMENT

        self.wire.carryAll(chunks())
        for count in 1, 2, 3, 4:
            self.network.turn()
            self.assertEqual(len(made), count)
            self.assertEqual(self.wire.arrived, count * SEGMENT)

    def test_doWrite(self) -> None:
        """
        A transport above a socket can be told to write at once, and tells when
        that cannot be.
        """
        self.wire.write(b"now")
        self.assertIsNone(self.wire.doWrite())
        self.assertEqual(self.wire.taken, b"now")
        self.wire.broken = True
        failure = self.wire.doWrite()
        assert failure is not None
        self.wire.connectionLost(failure)
        self.assertEqual(self.protocol.reasons, [ConnectionLost])

    def test_nobody(self) -> None:
        """
        It has no file descriptor, and a name.
        """
        self.assertEqual(self.wire.fileno(), -1)
        self.assertEqual(self.wire.logPrefix(), "wire")

    def test_oneProducer(self) -> None:
        """
        It takes one producer.
        """
        spring = Spring(self.wire)
        self.wire.registerProducer(spring, True)
        self.assertRaises(AssertionError, self.wire.registerProducer, spring, True)

    def test_pulls(self) -> None:
        """
        A producer that is pulled from is asked at once, and then whenever the
        peer took all that there was; it is never paused.
        """
        well = Well()
        self.wire.registerProducer(well, False)
        self.assertEqual(well.asked, 1)
        self.wire.send()
        self.assertEqual(well.asked, 1)
        self.wire.appetite = SEGMENT
        self.wire.write(bytes(SEGMENT + 1))
        self.wire.send()
        self.assertEqual(well.asked, 1)
        self.wire.hungers()
        self.wire.send()
        self.assertEqual(well.asked, 2)
        self.wire.send()
        self.assertEqual(well.asked, 2)

    def test_onlyBytes(self) -> None:
        """
        It takes nothing but bytes.
        """
        self.assertRaises(AssertionError, self.wire.write, bytearray(b"x"))
        self.assertRaises(AssertionError, self.wire.write, "x")

    def test_closedForGood(self) -> None:
        """
        A connection that is being closed does not read again.
        """
        self.wire.loseConnection()
        self.wire.resumeProducing()
        self.assertFalse(self.wire.reading)

    def test_withoutProtocol(self) -> None:
        """
        An end that nobody has taken can be lost.
        """
        wire = Wire(self.clock, self.network.address())
        wire.lose(ConnectionDone())
        self.assertTrue(wire.disconnected)
        self.assertIsInstance(wire.lost, ConnectionDone)
