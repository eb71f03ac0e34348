"""
Background jobs that wait until nobody has submitted them for a while.
"""

from __future__ import annotations

from tests.board.stage import BoardTestCase
from txgearman.board.job import JobState


class DebouncingTests(BoardTestCase):
    """
    The debounce window of a function.
    """

    def setUp(self) -> None:
        self.scene = self.stage()
        self.scene.rules(debounce=5)
        self.client = self.scene.client()
        self.worker = self.scene.sleeper(b"f")

    def test_quiet(self) -> None:
        """
        A job runs so long after the last submit that joined it, once, with the first
        workload.
        """
        job = self.client.submits(unique=b"u", data=b"first", background=True)
        for _ in range(4):
            self.scene.passes(4.0)
            self.assertIs(job.state, JobState.DELAYED)
            again = self.client.submits(unique=b"u", data=b"later", background=True)
            self.assertIs(again, job)
        self.scene.passes(4.9)
        self.assertEqual(self.worker.hears(), [])
        self.scene.passes(0.1)
        self.assertEqual(self.worker.hears(), [("NOOP",)])
        self.assertIs(self.worker.takes(), job)
        self.assertEqual(job.data, b"first")
        self.worker.completes(job)
        self.assertEmpty(self.scene)

    def test_others(self) -> None:
        """
        Jobs without a unique, and those of the foreground, wait for nothing.
        """
        for unique, background in ((b"", True), (b"u", False), (b"", False)):
            job = self.client.submits(unique=unique, background=background)
            self.assertIs(job.state, JobState.QUEUED)
            self.worker.completes(self.worker.takes())

    def test_joinedByForeground(self) -> None:
        """
        A client that waits for a job does not postpone it.
        """
        job = self.client.submits(unique=b"u", background=True)
        self.scene.passes(4.0)
        self.assertIs(self.client.submits(unique=b"u"), job)
        self.scene.passes(1.0)
        self.assertIs(job.state, JobState.QUEUED)

    def test_runs(self) -> None:
        """
        A submit that joins a job that waits for a worker, or runs, changes nothing.
        """
        job = self.client.submits(unique=b"u", background=True)
        self.scene.passes(5.0)
        self.client.submits(unique=b"u", background=True)
        self.assertIs(self.worker.takes(), job)
        self.client.submits(unique=b"u", background=True)
        self.scene.census()
        self.worker.completes(job)
        self.assertEmpty(self.scene)

    def test_pause(self) -> None:
        """
        One that joins a job between its attempts does not postpone the next.
        """
        self.scene.rules(attempts=2, backoff_first=2)
        job = self.client.submits(unique=b"u", background=True)
        self.scene.passes(5.0)
        self.worker.fails(self.worker.takes())
        self.client.submits(unique=b"u", background=True)
        self.scene.passes(2.0)
        self.assertIs(self.worker.takes(), job)

    def test_due(self) -> None:
        """
        A job with a due time of its own is not due before that.
        """
        due = self.scene.clock.seconds() + 100
        job = self.client.submits(unique=b"u", due=due, background=True)
        self.client.submits(unique=b"u", background=True)
        self.assertEqual(job.due, due)
        self.scene.passes(99.0)
        self.assertIs(job.state, JobState.DELAYED)
        self.scene.passes(1.0)
        self.assertIs(job.state, JobState.QUEUED)

    def test_byData(self) -> None:
        """
        The workload may be the unique.
        """
        job = self.client.submits(unique=b"-", data=b"x", background=True)
        self.scene.passes(4.0)
        self.client.submits(unique=b"-", data=b"x", background=True)
        other = self.client.submits(unique=b"-", data=b"y", background=True)
        self.scene.passes(4.9)
        self.assertEqual(self.worker.takesAll(), [])
        self.scene.passes(0.1)
        self.assertCountEqual(self.worker.takesAll(), [job, other])

    def test_cancelled(self) -> None:
        """
        One that was cancelled meanwhile is forgotten; the next is a new job.
        """
        job = self.client.submits(unique=b"u", background=True)
        self.scene.cancels(job)
        again = self.client.submits(unique=b"u", background=True)
        self.assertIsNot(again, job)
        self.assertEqual(again.due, self.scene.clock.seconds() + 5)
