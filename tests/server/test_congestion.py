"""
Tests for L{txgearman.server.outgoing}: peers that take nothing, and who waits for
them.
"""

from __future__ import annotations

from tests.server.pump import Item, Peer, PumpTests, numbered, request
from txgearman.server.settings import CONGESTED
from txgearman.testing.wire import SEGMENT, Wire

IN_TRANSPORT = 4 * SEGMENT
"""More than a transport has of small packets, in bytes."""


class StuckTests(PumpTests):
    """
    A worker has much for a client that reads nothing.
    """

    def setUp(self) -> None:
        super().setUp()
        self.handle = self.runs()

    def sticks(self, count: int = 100, size: int = SEGMENT) -> None:
        """
        Let the client read nothing, and the worker send it parts and the end.
        """
        self.client.stalls()
        self.worker.streams(numbered(self.handle, count, size))
        self.pump.settle()
        self.assertTrue(self.worker.held)

    def congests(self, peer: Peer) -> None:
        """
        Let a peer read nothing and ask until it is held itself.
        """
        peer.stalls()
        peer.streams(request("ECHO_REQ", bytes(5000)) for _ in range(500))
        self.pump.settle()
        self.assertTrue(peer.held)

    def hearsAll(self, client: Peer, count: int) -> int:
        """
        Check that a client hears everything, in order and whole.

        @return: the most that was ever kept for it.
        """
        most = number = 0
        while number <= count and (self.pump.turn() or client.wire.taken):
            most = max(most, client.kept)
            for packet in client.heard():
                if number < count:
                    self.assertEqual(packet[0], "WORK_DATA")
                    self.assertEqual(packet[1], self.handle)
                    self.assertEqual(packet[2][:8], b"%08d" % number)  # type: ignore[index]
                else:
                    self.assertEqual(packet, ("WORK_COMPLETE", self.handle, b""))
                number += 1
        self.assertEqual(number, count + 1)
        return most

    def serves(self) -> None:
        """
        Check that others are served meanwhile.
        """
        worker, client = self.pump.connectSeveral(2)
        worker.sends("CAN_DO", b"g")
        [created] = self.asks(client, "SUBMIT_JOB", b"g", b"", bytes(100_000))
        handle = created[1]
        assert isinstance(handle, bytes)
        [assigned] = self.asks(worker, "GRAB_JOB")
        self.assertEqual(assigned[1], handle)
        worker.sends("WORK_COMPLETE", handle, bytes(100_000))
        self.pump.settle()
        wanted = [("WORK_COMPLETE", handle, bytes(100_000))]
        self.assertEqual(client.owed(), wanted)
        for peer in worker, client:
            self.assertFalse(peer.held)
            peer.vanishes()

    def test_gigabyte(self) -> None:
        """
        Of a gigabyte for a client that does not read, the server keeps little
        more than L{CONGESTED}: the worker waits, and nobody else. When the
        client reads, everything arrives, and the worker goes on.
        """
        count = 2**30 // SEGMENT
        enough = CONGESTED + SEGMENT + IN_TRANSPORT
        self.sticks(count)
        self.assertLess(self.client.kept, enough)
        self.assertLess(self.worker.wire.arrived, enough + SEGMENT)
        self.serves()
        self.client.reads()
        self.assertLess(self.hearsAll(self.client, count), enough)
        self.assertFalse(self.worker.held)
        self.assertEqual(self.asks(self.worker, "GRAB_JOB"), [("NO_JOB",)])

    def test_slowReader(self) -> None:
        """
        So it is when the client reads slowly, and never is there much for it.
        """
        self.sticks(200)
        self.client.reads(50_000)
        most = self.hearsAll(self.client, 200)
        self.assertLess(most, CONGESTED + SEGMENT + IN_TRANSPORT)
        self.assertFalse(self.worker.held)

    def test_otherSizes(self) -> None:
        """
        So it is with packets small and large.
        """
        for size, count in (10, 60_000), (5000, 1000), (3_000_000, 5):
            self.sticks(count, size)
            self.client.reads()
            self.hearsAll(self.client, count)
            self.assertFalse(self.worker.held, f"{size} bytes")
            self.handle = self.runs()

    def test_largeParts(self) -> None:
        """
        However large the parts, no more than one of them is kept beyond
        L{CONGESTED}, and the transport is given little at a time.
        """
        self.sticks(10, 4 * CONGESTED)
        enough = CONGESTED + 4 * CONGESTED + IN_TRANSPORT
        self.assertLess(self.client.kept, enough)

    def test_readsAgainAndAgain(self) -> None:
        """
        A client may stop and go on as often as it likes.
        """
        self.sticks(300)
        number = 0
        while number <= 300:
            self.client.reads(700_000)
            self.pump.turn()
            self.client.stalls()
            self.pump.settle()
            number += len(self.client.heard())
        self.assertFalse(self.worker.held)

    def test_twoReceivers(self) -> None:
        """
        A worker that two clients hold is held until both have read.
        """
        other = self.pump.connect()
        job = self.runs("SUBMIT_JOB", b"f", b"u", b"data")
        self.assertEqual(
            self.asks(other, "SUBMIT_JOB", b"f", b"u", b""), [("JOB_CREATED", job)]
        )
        for client in self.client, other:
            client.stalls()
        self.worker.streams(numbered(job, 50, SEGMENT))
        self.pump.settle()
        self.assertTrue(self.worker.held)
        for client in self.client, other:
            self.assertGreater(client.kept, CONGESTED)
        self.client.reads()
        self.pump.settle()
        self.assertEqual(self.client.kept, 0)
        self.assertTrue(self.worker.held)
        self.handle = job
        other.reads()
        self.hearsAll(other, 50)
        self.assertFalse(self.worker.held)
        self.hearsAll(self.client, 50)

    def test_twoSenders(self) -> None:
        """
        All the workers that have something for a client are held, and all of
        them go on.
        """
        other = self.pump.connect()
        other.sends("CAN_DO", b"f")
        job = self.submits()
        other.sends("GRAB_JOB")
        other.owed()
        self.sticks(40)
        other.streams(numbered(job, 40, SEGMENT))
        self.pump.settle()
        self.assertTrue(other.held)
        self.assertLess(self.client.kept, CONGESTED + 2 * SEGMENT + IN_TRANSPORT)
        self.client.reads()
        heard = self.client.owed()
        self.assertEqual(len(heard), 82)
        for handle in self.handle, job:
            parts = [part for part in heard if part[1] == handle]
            self.assertEqual(parts[-1][0], "WORK_COMPLETE")
            numbers = [part[2][:8] for part in parts[:-1]]  # type: ignore[index]
            self.assertEqual(numbers, [b"%08d" % number for number in range(40)])
        for worker in self.worker, other:
            self.assertFalse(worker.held)

    def test_senderLost(self) -> None:
        """
        A worker may be lost while it is held: its job is granted again, and the
        client, for which nobody waits now, may take its time.
        """
        self.sticks()
        self.worker.vanishes()
        self.pump.passes(1000)
        self.assertFalse(self.client.gone)
        other = self.pump.connect()
        other.sends("CAN_DO", b"f")
        [assigned] = self.asks(other, "GRAB_JOB")
        self.assertEqual(assigned[1], self.handle)
        self.client.reads()
        heard = self.client.owed()
        self.assertEqual({packet[0] for packet in heard}, {"WORK_DATA"})
        self.assertEqual(self.client.kept, 0)

    def test_receiverLost(self) -> None:
        """
        A client may be lost while a worker waits for it: the worker goes on,
        and what it still says of the job is taken.
        """
        self.sticks()
        self.client.vanishes()
        self.assertEqual(self.worker.owed(), [])
        self.assertFalse(self.worker.held)
        self.assertEqual(self.asks(self.worker, "GRAB_JOB"), [("NO_JOB",)])

    def test_oneOfTwoReceiversLost(self) -> None:
        """
        When one of two clients is lost, the worker still waits for the other.
        """
        other = self.pump.connect()
        job = self.runs("SUBMIT_JOB", b"f", b"u", b"data")
        self.asks(other, "SUBMIT_JOB", b"f", b"u", b"")
        for client in self.client, other:
            client.stalls()
        self.worker.streams(numbered(job, 50, SEGMENT))
        self.pump.settle()
        self.client.vanishes()
        self.pump.settle()
        self.assertTrue(self.worker.held)
        other.reads()
        self.handle = job
        self.hearsAll(other, 50)
        self.assertFalse(self.worker.held)

    def test_leftOver(self) -> None:
        """
        What a held peer had sent before is worked on when it is released, in
        order, and so is what still comes from a transport that does not pause
        at once.
        """
        self.congests(self.client)
        self.worker.sends("WORK_DATA", self.handle, b"1")
        self.worker.sends("ECHO_REQ", b"a")
        self.worker.says(b"verbose\n")
        self.worker.sends("WORK_DATA", self.handle, b"2")
        self.worker.sends("ECHO_REQ", b"b")
        self.assertEqual(self.worker.owed(), [])
        self.assertTrue(self.worker.held)
        late = request("ECHO_REQ", b"c" * 30) + request("WORK_DATA", self.handle, b"3")
        late += request("WORK_COMPLETE", self.handle, b"done") + b"verbose\n"
        for start in range(0, len(late), 7):
            self.worker.wire.deliver(late[start : start + 7])
        self.assertEqual(self.worker.owed(), [])
        self.client.reads()
        heard = [item for item in self.client.owed() if item[0] != "ECHO_RES"]
        self.assertEqual(
            heard,
            [
                ("WORK_DATA", self.handle, b"1"),
                ("WORK_DATA", self.handle, b"2"),
                ("WORK_DATA", self.handle, b"3"),
                ("WORK_COMPLETE", self.handle, b"done"),
            ],
        )
        self.assertEqual(
            self.worker.owed(),
            [
                ("ECHO_RES", b"a"),
                b"OK INFO\n",
                ("ECHO_RES", b"b"),
                ("ECHO_RES", b"c" * 30),
                b"OK INFO\n",
            ],
        )

    def test_badInputLeftOver(self) -> None:
        """
        Bad input behind what holds a peer is found when it is released.
        """
        self.congests(self.client)
        self.worker.sends("WORK_DATA", self.handle, b"1")
        self.worker.sends("SUBMIT_JOB", b"alone")
        self.worker.sends("ECHO_REQ", b"unread")
        self.assertEqual(self.worker.owed(), [])
        self.assertTrue(self.worker.held)
        self.client.reads()
        self.client.owed()
        [error] = self.worker.owed()
        self.assertEqual(error[:2], ("ERROR", b"INVALID_PACKET"))
        self.assertTrue(self.worker.wire.ended)

    def test_leavesWhileHeld(self) -> None:
        """
        What a worker had sent before it left counts, also when it was held in
        between.
        """
        self.sticks(50)
        self.worker.leaves()
        self.pump.settle()
        self.assertFalse(self.worker.gone)
        self.client.reads()
        self.hearsAll(self.client, 50)
        self.pump.settle()
        self.assertTrue(self.worker.gone)

    def test_closed(self) -> None:
        """
        A server that stops delivers what a client is owed, if it reads.
        """
        self.sticks()
        owed = self.client.kept
        gone: list[bool] = []
        self.pump.factory.close(lambda: gone.append(True))
        self.pump.settle()
        self.assertFalse(self.client.gone)
        self.assertTrue(self.worker.gone)
        self.assertEqual(self.client.kept, owed)
        self.client.reads()
        self.assertEqual(len(self.client.received()), owed)
        self.assertTrue(self.client.gone)
        self.assertEqual(gone, [True])


class LateStuckTests(StuckTests):
    """
    The same on a transport that cannot be told to write now, as under TLS.
    """

    wire = Wire


class SelfStuckTests(PumpTests):
    """
    A peer asks and asks, and does not take the answers.
    """

    def check(self, peer: Peer, question: bytes, count: int) -> list[Item]:
        """
        Let a peer ask the same again and again, and read much later.

        @return: the answers.
        """
        peer.stalls()
        peer.wire.segment = 5000
        peer.says(question * count)
        self.pump.settle()
        self.assertTrue(peer.held)
        self.assertLess(peer.kept, CONGESTED + IN_TRANSPORT)
        self.assertLess(peer.wire.arrived, count * len(question))
        self.submits()
        self.assertFalse(self.client.held)
        peer.reads()
        answers = peer.owed()
        self.assertFalse(peer.held)
        return answers

    def test_status(self) -> None:
        """
        Thousands of C{status} lines are answered a few at a time.
        """
        for number in range(100):
            self.client.says(b"create function a-function-%d\n" % number)
        self.client.owed()
        answers = self.check(self.pump.connect(), b"status\n", 2000)
        self.assertEqual(answers.count(b".\n"), 2000)

    def test_echoes(self) -> None:
        """
        So are thousands of ECHO_REQs.
        """
        echo = request("ECHO_REQ", b"x" * 400)
        answers = self.check(self.pump.connect(), echo, 5000)
        self.assertEqual(answers, [("ECHO_RES", b"x" * 400)] * 5000)

    def test_errors(self) -> None:
        """
        So are thousands of packets that get an ERROR.
        """
        answers = self.check(self.pump.connect(), request("NOOP"), 60_000)
        self.assertEqual(len(answers), 60_000)
        self.assertEqual({answer[0] for answer in answers}, {"ERROR"})

    def test_grabs(self) -> None:
        """
        So are thousands of grabs.
        """
        answers = self.check(self.pump.connect(), request("GRAB_JOB"), 120_000)
        self.assertEqual(answers, [("NO_JOB",)] * 120_000)

    def test_ownJob(self) -> None:
        """
        A peer that works for itself and does not read holds itself.
        """
        both = self.pump.connect()
        both.sends("CAN_DO", b"g")
        [created] = self.asks(both, "SUBMIT_JOB", b"g", b"", b"")
        handle = created[1]
        assert isinstance(handle, bytes)
        self.asks(both, "GRAB_JOB")
        data = request("WORK_DATA", handle, bytes(1000))
        answers = self.check(both, data, 5000)
        self.assertEqual(answers, [("WORK_DATA", handle, bytes(1000))] * 5000)

    def test_lost(self) -> None:
        """
        Such a peer may be lost at any time.
        """
        peer = self.pump.connect()
        peer.stalls()
        peer.streams(request("ECHO_REQ", bytes(5000)) for _ in range(1000))
        self.pump.settle()
        self.assertTrue(peer.held)
        peer.vanishes()
        self.pump.settle()
        self.assertEqual(self.pump.clock.getDelayedCalls(), [])
        self.assertEqual(self.pump.factory.connections, 2)

    def test_badInput(self) -> None:
        """
        When the ERROR for bad input is one answer too many, the connection ends
        all the same.
        """
        peer = self.pump.connect()
        peer.stalls()
        peer.sends("ECHO_REQ", bytes(CONGESTED - 12))
        peer.sends("SUBMIT_JOB", b"alone")
        self.pump.settle()
        peer.reads()
        echo, error = peer.owed()
        self.assertEqual(echo[0], "ECHO_RES")
        self.assertEqual(error[:2], ("ERROR", b"INVALID_PACKET"))
        self.assertTrue(peer.wire.ended)


class LateSelfStuckTests(SelfStuckTests):
    """
    The same on a transport that cannot be told to write now.
    """

    wire = Wire
