"""
Attempts that may take so long, and workers that must say something now and then.
"""

from __future__ import annotations

from typing import Any

from tests.board.stage import Actor, BoardTestCase, Stage
from txgearman.board.job import Job, JobState


def tells(worker: Actor, job: Job) -> None:
    """
    Report progress.
    """
    worker.tells(job, b"1", b"2")


class LeaseTests(BoardTestCase):
    """
    Timeouts and leases of a function.
    """

    def started(self, own: float = 0.0, **values: Any) -> tuple[Stage, Actor, Job]:
        """
        Let a worker begin.

        @param own: how long the worker takes at most, as it says itself.
        """
        stage = self.stage()
        stage.rules(retry_on="timeout", **values)
        worker = stage.worker(b"f", timeout=own)
        job = stage.client().submits(background=True)
        assert worker.takes() is job
        return stage, worker, job

    def assertEndsAfter(self, seconds: float, stage: Stage, job: Job) -> None:
        """
        Assert that an attempt ends just then.
        """
        stage.passes(seconds - 0.01)
        self.assertIs(job.state, JobState.RUNNING)
        stage.passes(0.02)
        self.assertIs(job.state, JobState.QUEUED)
        stage.census()

    def test_timeout(self) -> None:
        """
        An attempt takes no longer than its policy says, whatever its worker reports.
        """
        stage, worker, job = self.started()
        stage.passes(10.0**6)
        self.assertIs(job.state, JobState.RUNNING)
        worker.completes(job)
        stage.rules(timeout=10)
        job = stage.client().submits(background=True)
        worker.takes()
        stage.passes(5.0)
        tells(worker, job)
        self.assertEndsAfter(5.0, stage, job)
        self.assertEqual(job.error, b"timed out")

    def test_shorter(self) -> None:
        """
        The shorter one holds of the function's time and the worker's.
        """
        for worker, function in ((3.0, 8), (8.0, 3)):
            stage = self.stage()
            stage.rules(timeout=function)
            actor = stage.worker(b"f", timeout=worker)
            job = stage.client().submits(background=True)
            actor.takes()
            self.assertEndsAfter(3.0, stage, job)

    def test_lease(self) -> None:
        """
        An attempt is over when its worker says nothing for so long.
        """
        stage, _, job = self.started(lease=5)
        self.assertEndsAfter(5.0, stage, job)
        self.assertEqual(job.error, b"lease ran out")

    def test_renewed(self) -> None:
        """
        Each of progress, data and warnings renews it; as often as it likes.
        """
        for report in (tells, Actor.sends, Actor.warns):
            stage, worker, job = self.started(lease=5)
            for _ in range(20):
                stage.passes(4.9)
                report(worker, job)
            self.assertEndsAfter(5.0, stage, job)

    def test_notRenewed(self) -> None:
        """
        What somebody else says, or is said of another job, does not renew it.
        """
        stage, worker, job = self.started(lease=5)
        other = stage.client().submits(background=True)
        worker.takes()
        stage.passes(3.0)
        tells(worker, other)
        self.assertEndsAfter(2.0, stage, job)
        self.assertIs(other.state, JobState.RUNNING)

    def test_both(self) -> None:
        """
        A lease that is renewed does not make the timeout longer, neither the
        function's nor the worker's.
        """
        for own, values in ((0.0, {"timeout": 12}), (12.0, {"timeout": 0})):
            stage, worker, job = self.started(own, lease=5, **values)
            for _ in range(2):
                stage.passes(4.0)
                tells(worker, job)
            self.assertEndsAfter(4.0, stage, job)
            self.assertEqual(job.error, b"timed out")
            stage, worker, job = self.started(own, lease=5, **values)
            self.assertEndsAfter(5.0, stage, job)
            self.assertEqual(job.error, b"lease ran out")

    def test_done(self) -> None:
        """
        What is done in time leaves nothing behind.
        """
        stage, worker, job = self.started(lease=5, timeout=10)
        stage.passes(4.0)
        tells(worker, job)
        stage.passes(4.0)
        worker.completes(job)
        self.assertEmpty(stage)

    def test_nextAttempt(self) -> None:
        """
        The time of each attempt is its own, also of one that begins as soon as the one
        before it has failed.
        """
        stage = self.stage()
        stage.rules(retry_on="fail,timeout", lease=5, timeout=20)
        worker = stage.worker(b"f")
        job = stage.client().submits(background=True)
        worker.takes()
        worker.fails(job)
        worker.takes()
        stage.passes(4.0)
        tells(worker, job)
        stage.passes(1.0)
        worker.fails(job)
        worker.takes()
        self.assertEndsAfter(5.0, stage, job)
        worker.takes()
        worker.completes(job)
        self.assertEmpty(stage)

    def test_manyAttempts(self) -> None:
        """
        Many attempts that were done do not keep one from being noticed that is not.
        """
        stage, worker, job = self.started(timeout=10)
        for _ in range(500):
            stage.client().submits(background=True)
            worker.completes(worker.takes())
        stage.passes(4.0)
        later = stage.client().submits(background=True)
        worker.takes()
        self.assertEndsAfter(6.0, stage, job)
        self.assertEndsAfter(3.98, stage, later)

    def test_changed(self) -> None:
        """
        A policy that changes holds for the attempts that begin from then on, and does
        not leave one that runs without its end.
        """
        stage, _, job = self.started(timeout=10)
        stage.rules(timeout=3)
        second = stage.worker(b"f")
        other = stage.client().submits(background=True)
        second.takes()
        self.assertEndsAfter(3.0, stage, other)
        self.assertTrue(stage.cancels(other))
        stage.passes(7.0)
        self.assertIs(job.state, JobState.QUEUED)
