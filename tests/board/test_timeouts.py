"""
Workers that are too slow.
"""

from __future__ import annotations

from tests.board.stage import LONG, NOT_FOUND, BoardTestCase, complete, fail
from txgearman.board.job import JobState


class TimeoutTests(BoardTestCase):
    """
    A worker may say how long it takes for a job at most.
    """

    def test_tooSlow(self) -> None:
        """
        A job whose time is over goes back to its queue. Neither client nor
        worker is told, the worker stays as it was, and what it still reports is
        refused.
        """
        stage = self.stage()
        client, worker = stage.client(), stage.worker(b"f", timeout=5.0)
        job = client.submits()
        worker.takes()
        worker.tells(job, b"1", b"2")
        client.hears()
        stage.passes(4.5)
        self.assertEqual(stage.board.running, 1)
        stage.passes(0.5)
        self.assertEqual((stage.board.running, job.state), (0, JobState.QUEUED))
        self.assertEqual((job.numerator, job.denominator), (0, 0))
        self.assertRefused(NOT_FOUND, worker.completes, job)
        self.assertHear([client, worker])
        self.assertEqual(list(stage.function().workers), [worker.peer])
        self.assertIs(worker.takes(), job)
        worker.completes(job)
        self.assertHear([client], complete(job))
        self.assertEmpty(stage)

    def test_eachJob(self) -> None:
        """
        The time of each job of a worker runs on its own.
        """
        stage = self.stage()
        client, worker = stage.client(), stage.worker(b"f", timeout=5.0)
        first, second = client.submits(), client.submits()
        worker.takes()
        stage.passes(3)
        worker.takes()
        stage.passes(2)
        self.assertIs(first.state, JobState.QUEUED)
        self.assertIs(second.state, JobState.RUNNING)
        worker.completes(second)
        self.assertRefused(NOT_FOUND, worker.completes, first)
        self.assertEqual(client.hears(), [complete(second)])

    def test_eachFunction(self) -> None:
        """
        Each function of a worker has its own timeout, or none.
        """
        stage = self.stage()
        client, worker = stage.client(), stage.worker(b"patient")
        worker.canDo(b"hasty", timeout=2.0)
        worker.canDo(b"slow", timeout=20.0)
        patient, hasty, slow = (
            client.submits(name) for name in (b"patient", b"hasty", b"slow")
        )
        worker.takesAll()
        stage.passes(2)
        self.assertEqual(list(worker.peer.running.values()), [slow, patient])
        stage.passes(18)
        self.assertEqual(list(worker.peer.running.values()), [patient])
        stage.passes(LONG)
        self.assertEqual(list(worker.peer.running.values()), [patient])
        self.assertIs(hasty.state, JobState.QUEUED)

    def test_sleep(self) -> None:
        """
        The time runs on while the worker says that it sleeps.
        """
        stage = self.stage()
        client, worker = stage.client(), stage.worker(b"f", timeout=5.0)
        job = client.submits()
        worker.takes()
        worker.sleeps()
        stage.passes(5)
        self.assertIs(job.state, JobState.QUEUED)

    def test_inTime(self) -> None:
        """
        A job that ended in time has no time to be over, in whatever way it
        ended.
        """
        stage = self.stage()
        client, worker = stage.client(), stage.worker(b"f", timeout=5.0)
        ends = (worker.completes, worker.fails, worker.throws, stage.cancels)
        for end in ends:
            job = client.submits(unique=b"u")
            worker.takes()
            stage.passes(4)
            end(job)
            client.hears()
            follower = client.submits(unique=b"u")
            worker.takes()
            stage.passes(4)
            self.assertIs(follower.state, JobState.RUNNING, end)
            worker.completes(follower)
            self.assertEqual(client.hears(), [complete(follower)], end)
            if end is worker.throws:
                worker.fails(job)
        self.assertEmpty(stage)

    def test_lostInTime(self) -> None:
        """
        The time of a lost worker does not run on for the next one.
        """
        stage = self.stage()
        client, worker = stage.client(), stage.worker(b"f", timeout=5.0)
        job = client.submits()
        worker.takes()
        stage.passes(4)
        worker.leaves()
        other = stage.worker(b"f", timeout=3.0)
        other.takes()
        stage.passes(2)
        self.assertIs(job.worker, other.peer)
        stage.passes(1)
        self.assertIs(job.state, JobState.QUEUED)

    def test_again(self) -> None:
        """
        Each attempt has the whole time.
        """
        stage = self.stage()
        client, worker = stage.client(), stage.worker(b"f", timeout=5.0)
        job = client.submits()
        for attempt in range(1, 5):
            worker.takes()
            stage.passes(4)
            self.assertIs(job.state, JobState.RUNNING, attempt)
            stage.passes(1)
            self.assertIs(job.state, JobState.QUEUED, attempt)
            self.assertEqual(job.attempts, attempt)

    def test_registeredAgain(self) -> None:
        """
        The later timeout holds, from the next job on: the running one has the
        time that it was granted with.
        """
        stage = self.stage()
        client, worker = stage.client(), stage.worker(b"f", timeout=5.0)
        first, second, third = (client.submits() for _ in range(3))
        worker.takes()
        worker.canDo(b"f", timeout=2.0)
        worker.takes()
        worker.canDo(b"f")
        worker.takes()
        stage.passes(2)
        self.assertEqual(list(worker.peer.running.values()), [first, third])
        stage.passes(3)
        self.assertEqual(list(worker.peer.running.values()), [third])
        stage.passes(LONG)
        self.assertEqual(list(worker.peer.running.values()), [third])
        self.assertIs(second.state, JobState.QUEUED)

    def test_cantDo(self) -> None:
        """
        The time of a running job does not stop when its worker cannot do such
        jobs any more.
        """
        stage = self.stage()
        client, worker = stage.client(), stage.worker(b"f", timeout=5.0)
        job = client.submits()
        worker.takes()
        worker.cantDo(b"f")
        stage.passes(5)
        self.assertIs(job.state, JobState.QUEUED)

    def test_floor(self) -> None:
        """
        A shorter timeout than a second is raised to a second; the policy may say
        otherwise. None at all stays none.
        """
        for shortest, timeout, time in (
            (1.0, 0.001, 1.0),
            (1.0, 0.999, 1.0),
            (1.0, 1.5, 1.5),
            (0.0, 0.25, 0.25),
        ):
            stage = self.stage(shortestTimeout=shortest)
            client, worker = stage.client(), stage.worker(b"f", timeout=timeout)
            job = client.submits()
            worker.takes()
            stage.passes(time * 7 / 8)
            self.assertIs(job.state, JobState.RUNNING, timeout)
            stage.passes(time / 8)
            self.assertIs(job.state, JobState.QUEUED, timeout)

    def test_lastAttempt(self) -> None:
        """
        A timeout ends an attempt: the job fails when that was its last.
        """
        stage = self.stage(attempts=2)
        client, worker = stage.client(), stage.worker(b"f", timeout=5.0)
        job = client.submits()
        worker.takes()
        stage.passes(5)
        self.assertEqual(client.hears(), [])
        worker.takes()
        stage.passes(5)
        self.assertEqual(client.hears(), [fail(job)])
        self.assertIsNone(worker.grabs())
        self.assertRefused(NOT_FOUND, worker.completes, job)
        self.assertEmpty(stage)

    def test_abandoned(self) -> None:
        """
        A job that nobody waits for any more is not run again when its time is
        over.
        """
        stage = self.stage()
        client, worker = stage.client(), stage.worker(b"f", timeout=5.0)
        client.submits()
        worker.takes()
        client.leaves()
        stage.passes(5)
        self.assertIsNone(worker.grabs())
        self.assertEmpty(stage)
