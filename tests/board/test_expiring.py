"""
Jobs that wait too long for a worker.
"""

from __future__ import annotations

from tests.board.stage import BoardTestCase, fail
from txgearman.board.job import JobState, Priority


class ExpiringTests(BoardTestCase):
    """
    The time to live in a queue.
    """

    def test_expires(self) -> None:
        """
        A job that waits longer ends: its clients hear that it failed.
        """
        stage = self.stage()
        stage.rules(ttl=10)
        client, other = stage.client(), stage.client()
        job = client.submits(unique=b"u")
        other.submits(unique=b"u", background=True)
        stage.passes(9.9)
        self.assertIs(job.state, JobState.QUEUED)
        stage.passes(0.1)
        self.assertIs(job.state, JobState.EXPIRED)
        self.assertHear([client], fail(job))
        self.assertHear([other])
        self.assertEmpty(stage)

    def test_each(self) -> None:
        """
        Each job has its own time, in each lane.
        """
        stage = self.stage()
        stage.rules(ttl=10)
        client = stage.client()
        jobs = []
        for priority in (Priority.LOW, Priority.HIGH, Priority.NORMAL, Priority.LOW):
            jobs.append(client.submits(priority=priority))
            stage.passes(2.0)
        for number, job in enumerate(jobs):
            left = [one.state is JobState.QUEUED for one in jobs]
            self.assertEqual(left, [n >= number for n in range(4)])
            stage.passes(2.0)
            self.assertIs(job.state, JobState.EXPIRED)
        self.assertEmpty(stage)

    def test_runs(self) -> None:
        """
        A job that runs has all the time it likes.
        """
        stage = self.stage()
        stage.rules(ttl=10)
        client, worker = stage.client(), stage.worker(b"f")
        job = client.submits()
        stage.passes(9.0)
        worker.takes()
        stage.passes(1000.0)
        worker.completes(job)
        self.assertEmpty(stage)

    def test_due(self) -> None:
        """
        A job that is delayed waits from when it is due.
        """
        stage = self.stage()
        stage.rules(ttl=10)
        job = stage.client().submits(due=stage.clock.seconds() + 50)
        stage.passes(59.9)
        self.assertIs(job.state, JobState.QUEUED)
        stage.passes(0.2)
        self.assertIs(job.state, JobState.EXPIRED)

    def test_attempt(self) -> None:
        """
        A job that is tried again waits from its last attempt, or from the end of the
        pause after it; the error is the last word of it.
        """
        for pause in (0, 5):
            stage = self.stage()
            stage.rules(ttl=10, attempts=3, backoff_first=pause)
            worker = stage.worker(b"f")
            job = stage.client().submits(background=True)
            stage.passes(9.0)
            worker.takes()
            stage.passes(100.0)
            worker.fails(job)
            stage.passes(pause + 9.9)
            self.assertIs(job.state, JobState.QUEUED)
            stage.passes(0.2)
            self.assertIs(job.state, JobState.DEAD)
            [dead] = stage.board.dead
            self.assertEqual((dead.error, dead.attempts), (b"expired", 1))

    def test_laterPolicy(self) -> None:
        """
        A time to live that is set later holds for those that wait, from when they began
        to wait, after their last attempt; one that is taken away does not hold.
        """
        stage = self.stage()
        client, worker = stage.client(), stage.worker(b"f")
        tried = client.submits(background=True)
        worker.takes()
        stage.passes(100.0)
        worker.leaves()
        stage.passes(1.0)
        fresh = client.submits(background=True)
        stage.rules(ttl=10)
        stage.passes(8.9)
        self.assertIs(tried.state, JobState.QUEUED)
        stage.passes(0.2)
        self.assertIs(tried.state, JobState.EXPIRED)
        self.assertIs(fresh.state, JobState.QUEUED)
        stage.rules(ttl=0)
        stage.passes(1000.0)
        self.assertIs(fresh.state, JobState.QUEUED)
        stage.rules(ttl=10)
        stage.passes(0)
        self.assertIs(fresh.state, JobState.EXPIRED)

    def test_paused(self) -> None:
        """
        Jobs expire also while their function is paused.
        """
        stage = self.stage()
        stage.rules(ttl=10, paused=True)
        job = stage.client().submits()
        stage.passes(10.0)
        self.assertIs(job.state, JobState.EXPIRED)

    def test_many(self) -> None:
        """
        Very many expire at once, as far as others have their turns in between.
        """
        stage = self.stage()
        stage.rules(ttl=10)
        client = stage.client()
        for _ in range(5000):
            client.submits(background=True)
        stage.passes(10.0)
        self.assertTrue(stage.board.jobs)
        for _ in range(5000 // 1000 + 1):
            stage.passes(0.01)
        self.assertEmpty(stage)

    def test_disorder(self) -> None:
        """
        A job whose time is over is not granted, wherever it stands: what was delayed
        while a server was down comes back before what has waited longer.
        """
        stage = self.stage()
        stage.rules(ttl=10)
        client, worker = stage.client(), stage.worker(b"f")
        first, second = client.submits(), client.submits()
        first.due = stage.clock.seconds() + 8.0
        stage.function().disordered = True
        stage.passes(12.0)
        self.assertIs(worker.takes(), first)
        self.assertIsNone(worker.grabs())
        self.assertIs(second.state, JobState.EXPIRED)

    def test_middle(self) -> None:
        """
        Those that leave the queue otherwise do not keep others from expiring.
        """
        stage = self.stage()
        stage.rules(ttl=10)
        client, worker = stage.client(), stage.worker(b"f")
        first, second = client.submits(), client.submits()
        stage.passes(5.0)
        third = client.submits()
        stage.cancels(second)
        self.assertIs(worker.takes(), first)
        stage.passes(5.0)
        self.assertIs(third.state, JobState.QUEUED)
        stage.passes(5.0)
        self.assertIs(third.state, JobState.EXPIRED)
        worker.completes(first)
        self.assertEmpty(stage)
