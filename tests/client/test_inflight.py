"""
Tests for L{txgearman.client.inflight}.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from tests.client.stage import Stage, now
from txgearman.client.inflight import InFlight
from txgearman.errors import JobLost, NoServers


class InFlightTests(SynchronousTestCase):
    """
    A line in front of a door.
    """

    def setUp(self) -> None:
        self.inFlight = InFlight(2)
        self.line = [self.inFlight.enter() for _ in range(5)]

    def entered(self) -> list[int]:
        """
        Who was let in.
        """
        return [number for number, each in enumerate(self.line) if each.called]

    def test_order(self) -> None:
        """
        So many are let in at once, and for each who leaves the next.
        """
        self.assertEqual(self.entered(), [0, 1])
        self.inFlight.leave()
        self.assertEqual(self.entered(), [0, 1, 2])
        self.inFlight.leave()
        self.inFlight.leave()
        self.inFlight.leave()
        self.assertEqual(self.entered(), [0, 1, 2, 3, 4])
        self.line.append(self.inFlight.enter())
        self.assertEqual(self.entered(), [0, 1, 2, 3, 4, 5])
        self.line.append(self.inFlight.enter())
        self.assertNoResult(self.line[-1])

    def test_atOnce(self) -> None:
        """
        Any number may leave as soon as they are let in.
        """
        line = [self.inFlight.enter() for _ in range(5000)]
        for entered in line:
            entered.addCallback(lambda _: self.inFlight.leave())
        for _ in range(5):
            self.inFlight.leave()
        self.assertEqual([now(entered) for entered in line], [None] * 5000)

    def test_cancelled(self) -> None:
        """
        Who leaves the line takes nobody's place.
        """
        self.line[2].cancel()
        self.assertRaises(CancelledError, now, self.line[2])
        self.inFlight.leave()
        self.assertEqual(self.entered(), [0, 1, 2, 3])

    def test_refused(self) -> None:
        """
        All who wait are sent away, though one makes another go; who comes later
        waits.
        """
        self.line[2].addErrback(lambda failure: self.line[3].cancel())
        self.inFlight.refuse(Failure(NoServers()))
        self.assertIsNone(now(self.line[2]))
        self.assertRaises(CancelledError, now, self.line[3])
        self.assertRaises(NoServers, now, self.line[4])
        later = self.inFlight.enter()
        self.assertNoResult(later)
        self.inFlight.leave()
        self.assertTrue(later.called)

    def test_limit(self) -> None:
        """
        There is room for one at least.
        """
        self.assertRaises(ValueError, InFlight, 0)


class ClientTests(SynchronousTestCase):
    """
    A client with far more jobs than may be under way.
    """

    def submits(self, stage: Stage) -> list[Deferred[Any]]:
        """
        Submit very many jobs.
        """
        return [stage.client.call("f", b"x") for _ in range(2000)]

    def test_stopped(self) -> None:
        """
        A client that stops lets every job fail, however many wait, and at once.
        """
        stage = Stage(self, maxInFlight=3).starts()
        calls = self.submits(stage)
        stage.line.has(b"H:1")
        stage.client.stopService()
        for call in calls[3:]:
            self.assertRaises(NoServers, now, call)
        stage.passes(0, 0)
        self.assertRaises(JobLost, now, calls[0])
        for call in calls[1:3]:
            self.assertRaises(NoServers, now, call)

    def test_allFail(self) -> None:
        """
        So do jobs that fail one after the other without time between, and there is
        room again when servers are there.
        """
        stage = Stage(self, maxInFlight=3)
        for call in self.submits(stage):
            self.assertRaises(NoServers, now, call)
        stage.starts()
        calls = self.submits(stage)
        self.assertEqual(len(stage.line.takes()), 3)
        for _ in calls:
            stage.line.sends("ERROR", b"QUEUE_ERROR", b"full")
        for call in calls:
            self.failureResultOf(call)
