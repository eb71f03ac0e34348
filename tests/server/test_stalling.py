"""
Tests for L{txgearman.server.outgoing}: who does not wait for a stuck peer, and for
how long the others do.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from tests.server.pump import Peer, Pump, PumpTests, logged, numbered, request
from txgearman.server.settings import CONGESTED, Settings
from txgearman.testing.wire import SEGMENT


class InnocentTests(PumpTests):
    """
    Who does nothing to a stuck peer but what the board makes of it is not held.
    """

    def stuck(self, *packets: bytes) -> Peer:
        """
        Let a peer send some packets, and then stick.
        """
        peer = self.pump.connect()
        peer.says(b"".join(packets))
        peer.owed()
        peer.stalls()
        peer.streams(request("ECHO_REQ", bytes(5000)) for _ in range(1000))
        self.pump.settle()
        self.assertTrue(peer.held)
        return peer

    def test_noop(self) -> None:
        """
        A client whose job wakes a stuck worker is not held, and the worker
        hears of it when it reads.
        """
        worker = self.stuck(request("CAN_DO", b"g"), request("PRE_SLEEP"))
        [created] = self.asks(self.client, "SUBMIT_JOB", b"g", b"", b"")
        self.assertEqual(created[0], "JOB_CREATED")
        self.assertFalse(self.client.held)
        worker.reads()
        self.assertEqual(worker.owed().count(("NOOP",)), 1)

    def test_failure(self) -> None:
        """
        Neither a worker that fails a stuck client's job is held, nor one with
        an exception that becomes a failure, nor an administrator that cancels
        one.
        """
        job = request("SUBMIT_JOB", b"f", b"", b"")
        client = self.stuck(job, job, job)
        for name, arguments in ("WORK_FAIL", ()), ("WORK_EXCEPTION", (b"oops",)):
            [assigned] = self.asks(self.worker, "GRAB_JOB")
            handle = assigned[1]
            assert isinstance(handle, bytes)
            self.assertEqual(self.asks(self.worker, name, handle, *arguments), [])
            self.assertFalse(self.worker.held)
        self.client.says(b"cancel job H:3\n")
        self.assertEqual(self.client.owed(), [b"OK\r\n"])
        self.assertFalse(self.client.held)
        client.reads()
        heard = client.owed()
        for handle in b"H:1", b"H:2", b"H:3":
            self.assertIn(("WORK_FAIL", handle), heard)

    def test_lostWorker(self) -> None:
        """
        A stuck worker costs its jobs no more than a lost one does: they are
        granted again when it is lost.
        """
        [created] = self.asks(self.client, "SUBMIT_JOB", b"g", b"", b"")
        worker = self.stuck(request("CAN_DO", b"g"), request("GRAB_JOB"))
        self.pump.passes(61)
        self.assertTrue(worker.gone)
        self.worker.sends("CAN_DO", b"g")
        [assigned] = self.asks(self.worker, "GRAB_JOB")
        self.assertEqual(assigned[1], created[1])


class StallTests(SynchronousTestCase):
    """
    A peer for which others wait takes something within a time, or is lost.
    """

    def setUp(self) -> None:
        self.pump = Pump(settings=Settings(stallTimeout=10))
        self.worker, self.client = self.pump.connectSeveral(2)
        self.worker.sends("CAN_DO", b"f")
        self.client.sends("SUBMIT_JOB", b"f", b"", b"data")
        self.client.owed()
        self.worker.sends("GRAB_JOB")
        self.worker.owed()

    def sticks(self, count: int, size: int) -> None:
        """
        Let the client read nothing, and the worker send it parts and the end.
        """
        self.client.stalls()
        self.worker.streams(numbered(b"H:1", count, size))
        self.pump.settle()
        self.assertTrue(self.worker.held)

    def test_lost(self) -> None:
        """
        A client that takes nothing is lost when its time is over, and the log
        says so; the worker goes on.
        """
        self.sticks(100, SEGMENT)
        self.pump.passes(9.9)
        self.assertFalse(self.client.gone)
        self.assertTrue(self.worker.held)
        with logged() as lines:
            self.pump.passes(0.2)
        self.assertTrue(self.client.wire.aborted)
        [line] = lines
        self.assertTrue(line.startswith("warn: "), line)
        self.assertIn("50002", line, "the log says who it was")
        self.assertTrue(self.client.gone)
        self.assertFalse(self.worker.held)
        self.worker.sends("GRAB_JOB")
        self.assertEqual(self.worker.owed(), [("NO_JOB",)])
        self.assertEqual(self.pump.clock.getDelayedCalls(), [])

    def test_itself(self) -> None:
        """
        So is one that waits for nobody but itself.
        """
        self.client.stalls()
        self.client.streams(request("ECHO_REQ", bytes(SEGMENT)) for _ in range(100))
        self.pump.passes(10.1)
        self.assertTrue(self.client.gone)
        self.assertFalse(self.worker.gone)

    def test_startsAgain(self) -> None:
        """
        With everything that a client takes, its time starts again.
        """
        self.sticks(1000, SEGMENT)
        for _ in range(20):
            self.pump.passes(9)
            self.client.reads(2 * SEGMENT)
            self.pump.turn()
            self.client.stalls()
        self.assertFalse(self.client.gone)
        self.pump.passes(10.1)
        self.assertTrue(self.client.gone)

    def test_startsWithTheWaiting(self) -> None:
        """
        Its time starts when somebody waits for it: before, it may take hours.
        """
        self.client.stalls()
        self.worker.sends("WORK_DATA", b"H:1", bytes(CONGESTED // 2))
        self.pump.passes(10_000)
        self.assertFalse(self.client.gone)
        self.sticks(100, SEGMENT)
        self.pump.passes(9)
        self.assertFalse(self.client.gone)

    def test_released(self) -> None:
        """
        When nobody waits any more, its time is not counted either.
        """
        self.sticks(20, SEGMENT)
        self.client.reads()
        self.client.owed()
        self.client.stalls()
        self.pump.passes(1000)
        self.assertFalse(self.client.gone)

    def test_slowlyAndSteadily(self) -> None:
        """
        A client that takes some of a large part all the time is not lost: it
        does not take nothing.
        """
        self.sticks(3, 4 * CONGESTED)
        self.client.reads(200_000)
        for _ in range(70):
            self.pump.turn()
            self.pump.clock.advance(1)
            self.assertFalse(self.client.gone)
        names = [packet[0] for packet in self.client.owed()]
        self.assertEqual(names, ["WORK_DATA"] * 3 + ["WORK_COMPLETE"])
