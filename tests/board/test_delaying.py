"""
Jobs for later.
"""

from __future__ import annotations

from tests.board.stage import NOON, BoardTestCase, complete
from txgearman.board.job import Priority

HIGH, NORMAL, LOW = Priority


class DelayTests(BoardTestCase):
    """
    A job may be submitted for later.
    """

    def test_notBefore(self) -> None:
        """
        A delayed job is granted to nobody before it is due, however often they
        ask, and to the first that asks when it is.
        """
        stage = self.stage()
        worker = stage.worker(b"f")
        job = stage.client().submits(background=True, due=NOON + 3600)
        for _ in range(3599):
            stage.passes(1)
            self.assertIsNone(worker.grabs())
        stage.passes(1)
        self.assertIs(worker.takes(), job)
        self.assertEqual(job.started, NOON + 3600)

    def test_past(self) -> None:
        """
        What was due in the past, or is due this very moment, waits like any
        other job.
        """
        stage = self.stage()
        client, worker = stage.client(), stage.worker(b"f")
        for due in (0.0, 1.0, NOON - 1, NOON):
            job = client.submits(due=due)
            self.assertIs(worker.takes(), job, due)
            worker.completes(job)
        self.assertEqual(stage.clock.getDelayedCalls(), [])

    def test_counts(self) -> None:
        """
        A delayed job counts in its function's total, but does not wait and does
        not hide others of its own or a lower priority.
        """
        stage = self.stage()
        client, worker = stage.client(), stage.worker(b"f")
        job = client.submits(background=True, due=NOON + 10)
        function = stage.function()
        self.assertEqual((function.total, function.queue.waiting), (1, 0))
        self.assertEqual(list(function.delayed), [job])
        low = client.submits(priority=LOW)
        self.assertIs(worker.takes(), low)

    def test_tail(self) -> None:
        """
        When it is due, a job goes to the tail of its priority.
        """
        stage = self.stage()
        client, worker = stage.client(), stage.worker(b"f")
        delayed = client.submits(background=True, due=NOON + 10)
        early = client.submits()
        stage.passes(10)
        late = client.submits()
        self.assertEqual(worker.takesAll(), [early, delayed, late])

    def test_order(self) -> None:
        """
        Jobs come in the order of their due times; those due at the same moment
        in the order of their submitting.
        """
        stage = self.stage()
        client, worker = stage.client(), stage.worker(b"f")
        delays = (30, 10, 20, 10, 30)
        jobs = [client.submits(background=True, due=NOON + delay) for delay in delays]
        stage.passes(60)
        expected = [jobs[number] for number in (1, 3, 2, 0, 4)]
        self.assertEqual(worker.takesAll(), expected)

    def test_thousands(self) -> None:
        """
        Thousands of delayed jobs need one delayed call of the clock, at most.
        """
        stage = self.stage()
        client, worker = stage.client(), stage.worker(b"f")
        count = 5000
        for number in range(count):
            # Neither in their order nor all at different times.
            delay = 1 + number * 7919 % 4000
            client.submits(background=True, due=NOON + delay)
        self.assertEqual(len(stage.clock.getDelayedCalls()), 1)
        granted = 0
        for _ in range(80):
            stage.passes(50)
            jobs = worker.takesAll()
            granted += len(jobs)
            for job in jobs:
                self.assertTrue(NOON < job.due <= stage.clock.seconds())
                worker.completes(job)
            self.assertLessEqual(len(stage.clock.getDelayedCalls()), 1)
        self.assertEqual(granted, count)
        self.assertEmpty(stage)

    def test_centuries(self) -> None:
        """
        A job may be due in a time for which no reactor can wait.
        """
        stage = self.stage()
        worker = stage.worker(b"f")
        job = stage.client().submits(background=True, due=2.0**62)
        stage.passes(100 * 366 * 86400.0)
        self.assertIsNone(worker.grabs())
        stage.cancels(job)
        self.assertEqual(stage.function().total, 0)

    def test_foreground(self) -> None:
        """
        A client may wait for a delayed job; when it is lost before the job is
        due, nobody wants it any more.
        """
        stage = self.stage()
        lost, client = stage.client(), stage.client()
        lost.submits(due=NOON + 5)
        job = client.submits(due=NOON + 5)
        lost.leaves()
        stage.passes(5)
        worker = stage.worker(b"f")
        self.assertEqual(worker.takesAll(), [job])
        worker.completes(job)
        self.assertHear([client], complete(job))
        self.assertEmpty(stage)

    def test_loneCaller(self) -> None:
        """
        The client may leave after a background submit; the job comes all the
        same.
        """
        stage = self.stage()
        client = stage.client()
        job = client.submits(background=True, due=NOON + 5)
        client.leaves()
        stage.passes(5)
        self.assertIs(stage.worker(b"f").takes(), job)
