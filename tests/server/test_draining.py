"""
Tests for L{txgearman.server.service}: draining.
"""

from __future__ import annotations

from twisted.internet.defer import CancelledError

from tests.server.pump import Pump, logged
from tests.server.test_service import Endpoint, ServiceTests

DRAINING = ("ERROR", b"SHUTDOWN_GRACEFUL", b"Server is shutting down")
NO_JOB = ("NO_JOB",)


class DrainTests(ServiceTests):
    """
    A service that finishes what runs.
    """

    def setUp(self) -> None:
        super().setUp()
        self.server = self.makeServer(self.one, self.two, drainTimeout=30)
        self.pump = Pump(factory=self.server.factory, clock=self.clock)
        self.server.startService()

    def test_idle(self) -> None:
        """
        Without running jobs, a service is drained at once; it listens no more,
        and its connections stay.
        """
        peer = self.pump.connect()
        self.successResultOf(self.server.drain())
        self.assertFalse(self.one.listening or self.two.listening)
        peer.sends("ECHO_REQ", b"x")
        self.assertEqual(peer.owed(), [("ECHO_RES", b"x")])
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_waits(self) -> None:
        """
        It waits for the last running job; what that reports is passed on.
        """
        worker, client = self.runsJob()
        client.sends("SUBMIT_JOB", b"f", b"", b"")
        client.owed()
        worker.sends("GRAB_JOB")
        worker.owed()
        drained = self.server.drain()
        self.assertNoResult(drained)
        worker.sends("WORK_COMPLETE", b"H:1", b"1")
        self.assertEqual(client.owed(), [("WORK_COMPLETE", b"H:1", b"1")])
        self.assertNoResult(drained)
        worker.sends("WORK_COMPLETE", b"H:2", b"2")
        self.assertEqual(client.owed(), [("WORK_COMPLETE", b"H:2", b"2")])
        self.successResultOf(drained)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_refuses(self) -> None:
        """
        Every submit is refused, one by one.
        """
        _, client = self.runsJob()
        self.server.drain()
        for name in "SUBMIT_JOB", "SUBMIT_JOB_BG", "SUBMIT_JOB_HIGH":
            client.sends(name, b"f", b"", b"")
        client.sends("SUBMIT_JOB_EPOCH", b"f", b"", b"0", b"")
        client.sends("ECHO_REQ", b"x")
        self.assertEqual(client.owed(), [*[DRAINING] * 4, ("ECHO_RES", b"x")])

    def test_grantsNothing(self) -> None:
        """
        No worker gets a job, or is woken for one, while others still run.
        """
        worker, client = self.runsJob()
        sleeper = self.pump.connect()
        sleeper.sends("CAN_DO", b"f")
        sleeper.sends("PRE_SLEEP")
        for _ in range(2):
            client.sends("SUBMIT_JOB", b"f", b"", b"")
        client.owed()
        sleeper.owed()
        self.server.drain()
        for grab in "GRAB_JOB", "GRAB_JOB_UNIQ", "GRAB_JOB_ALL":
            sleeper.sends(grab)
            self.assertEqual(sleeper.owed(), [NO_JOB])
        sleeper.sends("PRE_SLEEP")
        self.pump.passes(20)
        self.assertEqual(sleeper.owed(), [])
        worker.sends("GRAB_JOB")
        self.assertEqual(worker.owed(), [NO_JOB])

    def test_lostWorker(self) -> None:
        """
        A job whose worker is lost meanwhile runs no more.
        """
        worker, _ = self.runsJob()
        drained = self.server.drain()
        worker.vanishes()
        self.successResultOf(drained)

    def test_deadline(self) -> None:
        """
        It does not wait for longer than the drain timeout, and the log says
        what it did not wait for; a job that ends after that does no harm.
        """
        worker, client = self.runsJob()
        with logged() as lines:
            drained = self.server.drain()
            self.pump.passes(29.9)
            self.assertNoResult(drained)
            self.pump.passes(0.2)
        self.successResultOf(drained)
        wanted = ["info: draining: 1 jobs run", "warn: drain timeout: 1 jobs still run"]
        self.assertEqual(lines, wanted)
        worker.sends("WORK_COMPLETE", b"H:1", b"late")
        self.assertEqual(client.owed(), [("WORK_COMPLETE", b"H:1", b"late")])
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_severalCallers(self) -> None:
        """
        Everyone who drains it waits for the same, however late they come, and
        the time counts from the first.
        """
        self.runsJob()
        first = self.server.drain()
        self.pump.passes(20)
        second = self.server.drain()
        self.assertIsNot(first, second)
        self.assertNoResult(first)
        self.assertNoResult(second)
        self.pump.passes(10.1)
        self.successResultOf(first)
        self.successResultOf(second)
        self.successResultOf(self.server.drain())
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_cancelled(self) -> None:
        """
        A caller that loses interest changes nothing for the others.
        """
        worker, _ = self.runsJob()
        first, second = self.server.drain(), self.server.drain()
        first.cancel()
        self.failureResultOf(first, CancelledError)
        self.assertNoResult(second)
        worker.sends("WORK_FAIL", b"H:1")
        worker.owed()
        self.successResultOf(second)

    def test_again(self) -> None:
        """
        Who waits for a drain may drain again when it is over, and stop.
        """
        worker, _ = self.runsJob()
        order: list[str] = []
        first = self.server.drain()
        first.addCallback(lambda _: self.server.drain())
        first.addCallback(lambda _: order.append("drained"))
        first.addCallback(lambda _: self.server.stopService())
        first.addCallback(lambda _: order.append("stopped"))
        worker.sends("WORK_COMPLETE", b"H:1", b"")
        self.pump.settle()
        self.successResultOf(first)
        self.assertEqual(order, ["drained", "stopped"])

    def test_stop(self) -> None:
        """
        A drained service stops as any other.
        """
        peer = self.pump.connect()
        self.successResultOf(self.server.drain())
        stopped = self.server.stopService()
        self.pump.settle()
        self.successResultOf(stopped)
        self.assertTrue(peer.gone)
        self.successResultOf(self.server.drain())
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_slowPorts(self) -> None:
        """
        A service that drains before it stops has not stopped until its ports
        have.
        """
        slow = Endpoint(slow=True)
        server = self.makeServer(slow)
        server.startService()
        server.drain()
        stopped = server.stopService()
        self.assertNoResult(stopped)
        [port] = slow.ports
        assert port.stopping is not None
        port.stopping.callback(None)
        self.successResultOf(stopped)
