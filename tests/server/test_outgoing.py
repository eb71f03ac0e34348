"""
Tests for L{txgearman.server.outgoing}: one peer, with nothing around it.
"""

from __future__ import annotations

from twisted.internet.address import IPv4Address, UNIXAddress
from twisted.internet.error import ConnectionDone
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.server.pump import Item, decode
from txgearman.server.outgoing import Outgoing
from txgearman.server.settings import CONGESTED
from txgearman.server.turn import Receiver, Turn
from txgearman.testing.wire import SEGMENT, SocketWire, Wire
from txgearman.wire.codec import Pieces
from txgearman.wire.packets import ECHO_RES, NO_JOB, WORK_DATA

IN_TRANSPORT = 4 * SEGMENT
"""More than a transport has of small packets, in bytes."""

TCP = IPv4Address("TCP", "127.0.0.1", 50000)


class HeldSender:
    """
    A sender that knows who holds it, and what it had sent when that began.
    """

    def __init__(self) -> None:
        self.holders: list[Receiver] = []
        self.releases = 0

    def hold(self, receiver: Receiver) -> None:
        if receiver not in self.holders:
            self.holders.append(receiver)

    def release(self, receiver: Receiver) -> None:
        self.holders.remove(receiver)
        self.releases += 1


class OutgoingTests(SynchronousTestCase):
    """
    What one peer is owed, with nothing around it.
    """

    def setUp(self) -> None:
        self.clock = Clock()
        self.turn = Turn(self.clock)
        self.wire = Wire(self.clock, TCP)
        self.outgoing = Outgoing(self.wire, self.turn, self.clock, 60)

    def ends(self) -> bytes:
        """
        Let a turn end and the peer read.

        @return: what the peer got.
        """
        self.clock.advance(0)
        self.wire.hungers()
        self.wire.send()
        taken = bytes(self.wire.taken)
        self.wire.taken.clear()
        return taken

    def test_size(self) -> None:
        """
        What is owed is counted until the transport is given it.
        """
        self.outgoing.packet(NO_JOB)
        self.outgoing.write(b"OK\r\n")
        self.assertEqual(self.outgoing.size, 16)
        self.assertEqual(self.wire.buffer, b"")
        self.assertEqual(self.ends(), b"\0RES\0\0\0\x0a\0\0\0\0OK\r\n")
        self.assertEqual(self.outgoing.size, 0)

    def overSocket(self) -> SocketWire:
        """
        Have a transport above a socket.
        """
        self.wire = wire = SocketWire(self.clock, TCP)
        self.outgoing = Outgoing(wire, self.turn, self.clock, 60)
        return wire

    def test_atTurnEnd(self) -> None:
        """
        A transport above a socket has handed small packets over when the turn
        ends, together.
        """
        wire = self.overSocket()
        for _ in range(3):
            self.outgoing.packet(ECHO_RES, b"x")
            self.assertEqual(wire.taken, b"")
        self.clock.advance(0)
        self.assertEqual(len(wire.taken), 39)
        self.assertEqual(wire.writes, 1)

    def test_later(self) -> None:
        """
        A packet that has time waits while others are owed something, with those that
        have time, too; with one that has none it leaves, in order.
        """
        self.turn = Turn(self.clock, 1)
        wire = self.overSocket()
        other = Outgoing(Wire(self.clock, TCP), self.turn, self.clock, 60)
        for data in b"1", b"2":
            self.outgoing.answerLater(ECHO_RES, data)
            other.packet(NO_JOB)
            self.turn.end()
            self.assertEqual(wire.taken, b"")
        self.outgoing.packet(ECHO_RES, b"3")
        self.outgoing.answerLater(ECHO_RES, b"4")
        other.packet(NO_JOB)
        self.turn.end()
        self.assertEqual(wire.writes, 1)
        self.assertEqual(wire.taken[12::13], b"1234")

    def test_laterFlushed(self) -> None:
        """
        When it has left, the next one may wait again.
        """
        wire = self.overSocket()
        for count in 1, 2, 3:
            self.outgoing.answerLater(ECHO_RES, b"x")
            self.clock.advance(0)
            self.assertEqual(len(wire.taken), 13 * count)

    def test_atOnce(self) -> None:
        """
        What is large leaves at once, if the peer takes it, in one write with what
        stands before it; nothing of it is copied.
        """
        wire = self.overSocket()
        self.outgoing.packet(NO_JOB)
        self.outgoing.packet(ECHO_RES, Pieces([b"1" * 10**6, b"2" * 10**6]))
        self.assertEqual(len(wire.taken), 24 + 2 * 10**6)
        self.assertEqual(wire.writes, 1)
        self.assertEqual(self.outgoing.size, 0)

    def test_aPieceForTheTransport(self) -> None:
        """
        Of what the kernel does not take the transport gets a piece, and the
        kernel the rest when the transport is empty.
        """
        wire = self.overSocket()
        wire.appetite = 100
        self.outgoing.packet(ECHO_RES, bytes(10**6))
        self.assertEqual(len(wire.taken), 100)
        self.assertEqual(len(wire.buffer), SEGMENT)
        self.assertEqual(self.outgoing.size, 12 + 10**6 - 100 - SEGMENT)
        wire.appetite = None
        wire.send()
        self.assertEqual(len(wire.taken), 12 + 10**6)
        self.assertEqual(self.outgoing.size, 0)

    def test_broken(self) -> None:
        """
        That a connection is broken is found out by the transport, which loses it.
        """
        wire = self.overSocket()
        wire.broken = True
        self.outgoing.packet(NO_JOB)
        self.clock.advance(0)
        self.assertFalse(wire.disconnected)
        wire.send()
        self.assertTrue(wire.disconnected)

    def test_order(self) -> None:
        """
        Small and large packets leave in their order.
        """
        wanted: list[Item] = []
        for number, size in enumerate([0, 1, 16_384, 16_385, 3, 70_000, 2, 300_000, 1]):
            data = b"%d" % number * size
            self.outgoing.packet(WORK_DATA, b"H:1", data)
            wanted.append(("WORK_DATA", b"H:1", data))
        taken = b""
        while more := self.ends():
            taken += more
        self.assertEqual(decode(taken), (wanted, len(taken)))

    def test_full(self) -> None:
        """
        A full transport is given no more until it is empty again.
        """
        self.wire.appetite = 0
        for _ in range(100):
            self.outgoing.packet(ECHO_RES, b"x" * 4000)
        self.clock.advance(0)
        given = len(self.wire.buffer)
        self.assertLess(given, IN_TRANSPORT)
        self.outgoing.packet(NO_JOB)
        self.clock.advance(0)
        self.assertEqual(len(self.wire.buffer), given)
        self.wire.appetite = given - 1
        self.wire.send()
        self.assertEqual(len(self.wire.buffer), 1)
        self.wire.appetite = 1
        self.wire.send()
        self.assertGreater(len(self.wire.buffer), 1)

    def test_whoIsHeld(self) -> None:
        """
        Only an answer that makes it too much holds anyone, and only the sender
        of the turn.
        """
        sender, other = HeldSender(), HeldSender()
        self.wire.appetite = 0
        self.turn.sender = sender
        self.outgoing.packet(ECHO_RES, bytes(CONGESTED))
        self.outgoing.packet(NO_JOB)
        self.assertEqual(sender.holders, [])
        self.outgoing.answer(NO_JOB)
        self.assertEqual(sender.holders, [self.outgoing])
        self.turn.sender = None
        self.outgoing.answer(NO_JOB)
        self.turn.sender = other
        self.outgoing.packet(NO_JOB)
        self.assertEqual(other.holders, [])
        self.outgoing.write(b"OK\r\n")
        self.outgoing.weigh()
        self.assertEqual(other.holders, [self.outgoing])

    def test_notTooMuch(self) -> None:
        """
        As much as L{CONGESTED} is not too much.
        """
        sender = self.turn.sender = HeldSender()
        self.outgoing.answer(ECHO_RES, bytes(CONGESTED - 12))
        self.assertEqual(self.outgoing.size, CONGESTED)
        self.outgoing.weigh()
        self.assertEqual(sender.holders, [])
        self.outgoing.answer(NO_JOB)
        self.assertEqual(sender.holders, [self.outgoing])

    def test_halfGone(self) -> None:
        """
        Who is held is released, once, when half of L{CONGESTED} is gone.
        """
        sender = self.turn.sender = HeldSender()
        self.wire.appetite = SEGMENT
        while not sender.holders:
            self.outgoing.answer(ECHO_RES, bytes(4000))
        self.turn.sender = None
        while sender.holders:
            before = self.outgoing.size
            self.ends()
        self.assertGreater(before, CONGESTED // 2)
        self.assertLessEqual(self.outgoing.size, CONGESTED // 2)
        while self.ends():
            pass
        self.assertEqual(sender.releases, 1)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_close(self) -> None:
        """
        A connection that is closed takes nothing more, delivers what was owed,
        and is then gone; its producer is gone before.
        """
        sender = self.turn.sender = HeldSender()
        self.outgoing.answer(ECHO_RES, bytes(2 * CONGESTED))
        self.outgoing.close()
        self.assertIsNone(self.wire.producer)
        self.assertEqual(sender.releases, 1)
        self.outgoing.answer(NO_JOB)
        self.outgoing.close()
        self.assertEqual(self.outgoing.size, 0)
        self.assertEqual(len(self.ends()), 12 + 2 * CONGESTED)
        self.assertTrue(self.wire.disconnected)
        self.assertEqual(sender.releases, 1)

    def test_closeHalf(self) -> None:
        """
        A TCP connection can be closed on this side alone.
        """
        self.outgoing.answer(NO_JOB)
        self.outgoing.closeHalf()
        self.outgoing.answer(NO_JOB)
        self.assertEqual(len(self.ends()), 12)
        self.assertTrue(self.wire.ended)
        self.assertFalse(self.wire.disconnected)
        self.outgoing.closeHalf()
        self.assertEqual(self.ends(), b"")
        self.assertFalse(self.wire.disconnected)

    def test_closeWhole(self) -> None:
        """
        Others are closed as a whole.
        """
        self.wire = Wire(self.clock, UNIXAddress(None))
        self.outgoing = Outgoing(self.wire, self.turn, self.clock, 60)
        self.outgoing.answer(NO_JOB)
        self.outgoing.closeHalf()
        self.assertEqual(len(self.ends()), 12)
        self.assertTrue(self.wire.disconnected)
        self.assertFalse(self.wire.ended)

    def test_lost(self) -> None:
        """
        A lost peer is owed nothing, and holds nobody.
        """
        sender = self.turn.sender = HeldSender()
        self.outgoing.answer(ECHO_RES, bytes(2 * CONGESTED))
        self.wire.lose(ConnectionDone())
        self.outgoing.lost()
        self.assertEqual(self.outgoing.size, 0)
        self.assertEqual(sender.holders, [])
        self.outgoing.answer(ECHO_RES, bytes(2 * CONGESTED))
        self.assertEqual(self.outgoing.size, 0)
        self.assertEqual(sender.holders, [])
        self.clock.advance(0)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_letGo(self) -> None:
        """
        A sender that is lost is not released, and the peer has all the time
        when nobody else waits for it.
        """
        sender, other = HeldSender(), HeldSender()
        self.wire.appetite = 0
        for _ in range(600):
            self.outgoing.packet(ECHO_RES, bytes(4000))
        for one in sender, other:
            self.turn.sender = one
            self.outgoing.answer(NO_JOB)
        self.turn.sender = None
        self.clock.advance(0)
        self.outgoing.letGo(sender)
        self.assertEqual(len(self.clock.getDelayedCalls()), 1)
        self.outgoing.letGo(other)
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.wire.appetite = None
        while self.ends():
            pass
        self.assertEqual(sender.releases + other.releases, 0)
