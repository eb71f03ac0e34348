"""
Connections are lost.
"""

from __future__ import annotations

from tests.board.stage import (
    NOON,
    NOT_FOUND,
    BoardTestCase,
    complete,
    fail,
)
from txgearman.board.job import JobState, Priority

HIGH, NORMAL, LOW = Priority


class LostWorkerTests(BoardTestCase):
    """
    A worker is lost with its jobs.
    """

    def test_back(self) -> None:
        """
        Its job goes back to the queue, and the client hears nothing but the
        result of the next worker.
        """
        stage = self.stage()
        client, worker = stage.client(), stage.worker(b"f")
        job = client.submits(b"f", b"w", b"u", HIGH)
        worker.takes()
        worker.leaves()
        self.assertEqual(client.hears(), [])
        self.assertIs(job.state, JobState.QUEUED)
        self.assertEqual((job.data, job.unique, job.priority), (b"w", b"u", HIGH))
        other = stage.worker(b"f")
        self.assertIs(other.takes(), job)
        self.assertEqual(job.attempts, 2)
        other.completes(job, b"done")
        self.assertEqual(client.hears(), [complete(job, b"done")])
        self.assertEmpty(stage)

    def test_tail(self) -> None:
        """
        A job that comes back goes to the tail of its priority, so that one that
        kills its workers does not starve the others.
        """
        stage = self.stage()
        client, worker = stage.client(), stage.worker(b"f")
        poison = client.submits()
        worker.takes()
        others = [client.submits() for _ in range(2)]
        low = client.submits(priority=LOW)
        worker.leaves()
        self.assertEqual(stage.worker(b"f").takesAll(), [*others, poison, low])

    def test_latestFirst(self) -> None:
        """
        Of a worker's jobs, the one grabbed last goes back first.
        """
        stage = self.stage()
        client, worker = stage.client(), stage.worker(b"f")
        jobs = [client.submits() for _ in range(3)]
        worker.takesAll()
        worker.leaves()
        self.assertEqual(stage.worker(b"f").takesAll(), jobs[::-1])

    def test_eachToItsQueue(self) -> None:
        """
        Jobs of several functions and priorities go back each to its own queue.
        """
        stage = self.stage()
        client, worker = stage.client(), stage.worker(b"f", b"g")
        client.submits(b"f", priority=LOW)
        client.submits(b"g", priority=HIGH)
        client.submits(b"f", priority=NORMAL)
        worker.takesAll()
        worker.leaves()
        self.assertEqual(stage.function(b"f").queue.counts, [0, 1, 1])
        self.assertEqual(stage.function(b"g").queue.counts, [1, 0, 0])

    def test_gone(self) -> None:
        """
        A lost worker is no worker of its functions any more, which stay known.
        """
        stage = self.stage()
        worker = stage.worker(b"f")
        worker.sleeps()
        worker.leaves()
        self.assertEqual(list(stage.function().workers), [])
        self.assertEqual(list(stage.board.peers), [])
        stage.client().submits()
        self.assertEqual(worker.hears(), [])

    def test_forever(self) -> None:
        """
        Without a limit, a job may cost any number of workers.
        """
        stage = self.stage()
        client = stage.client()
        job = client.submits()
        for attempt in range(1, 301):
            worker = stage.worker(b"f")
            self.assertIs(worker.takes(), job)
            self.assertEqual(job.attempts, attempt)
            worker.leaves()
        self.assertEqual(client.hears(), [])

    def test_attempts(self) -> None:
        """
        With a limit of n attempts, a job fails when the n-th ends with the loss
        of its worker, and not before.
        """
        for attempts in (1, 2, 5):
            stage = self.stage(attempts=attempts)
            client = stage.client()
            job = client.submits(unique=b"u")
            client.submits(unique=b"u")
            for attempt in range(attempts):
                self.assertEqual(client.hears(), [], attempt)
                worker = stage.worker(b"f")
                worker.takes()
                worker.leaves()
            self.assertEqual(client.hears(), [fail(job), fail(job)])
            self.assertIs(job.state, JobState.FAILED)
            self.assertEmpty(stage)

    def test_attemptsInBackground(self) -> None:
        """
        The limit holds for background jobs, too.
        """
        stage = self.stage(attempts=1)
        worker = stage.worker(b"f")
        stage.client().submits(background=True)
        worker.takes()
        worker.leaves()
        self.assertEmpty(stage)

    def test_lastAttemptSucceeds(self) -> None:
        """
        A worker that completes the last attempt in time completes the job.
        """
        stage = self.stage(attempts=2)
        client, worker = stage.client(), stage.worker(b"f")
        job = client.submits()
        worker.takes()
        worker.leaves()
        other = stage.worker(b"f")
        other.takes()
        other.completes(job)
        self.assertEqual(client.hears(), [complete(job)])

    def test_failIsFinal(self) -> None:
        """
        A worker that reports that it failed ends the job, however many attempts
        there might be.
        """
        stage = self.stage(attempts=5)
        client, worker = stage.client(), stage.worker(b"f")
        job = client.submits()
        worker.takes()
        worker.fails(job)
        self.assertEqual(client.hears(), [fail(job)])
        self.assertIsNone(worker.grabs())


class LostClientTests(BoardTestCase):
    """
    A client is lost with its wishes.
    """

    def test_waiting(self) -> None:
        """
        A job that only a lost client waited for is dropped at once: it is out of
        every count, and its unique is free.
        """
        stage = self.stage()
        gone, client = stage.client(), stage.client()
        for priority in Priority:
            gone.submits(priority=priority)
        old = gone.submits(unique=b"u")
        gone.submits(data=b"w", unique=b"-")
        gone.leaves()
        function = stage.function()
        self.assertEqual((function.total, function.queue.counts), (0, [0, 0, 0]))
        self.assertIs(old.state, JobState.CANCELLED)
        new = client.submits(unique=b"u")
        self.assertIsNot(new, old)
        self.assertEqual(stage.worker(b"f").takesAll(), [new])
        self.assertEqual(gone.hears(), [])

    def test_delayed(self) -> None:
        """
        So is a delayed one.
        """
        stage = self.stage()
        client = stage.client()
        client.submits(due=NOON + 10)
        client.leaves()
        self.assertEqual(stage.function().total, 0)
        self.assertEmpty(stage)

    def test_running(self) -> None:
        """
        A running job goes on; its result is taken, though nobody hears it.
        """
        stage = self.stage()
        client, worker = stage.client(), stage.worker(b"f")
        job = client.submits()
        worker.takes()
        client.leaves()
        self.assertEqual(stage.board.running, 1)
        worker.tells(job, b"1", b"2")
        worker.completes(job, b"done")
        self.assertHear([client, worker])
        self.assertEmpty(stage)

    def test_abandonedAndLost(self) -> None:
        """
        When its worker is lost as well, it is not run again.
        """
        stage = self.stage()
        client, worker = stage.client(), stage.worker(b"f")
        job = client.submits()
        worker.takes()
        client.leaves()
        worker.leaves()
        self.assertIsNone(stage.worker(b"f").grabs())
        self.assertIs(job.state, JobState.FAILED)
        self.assertEmpty(stage)

    def test_othersWait(self) -> None:
        """
        A job that others wait for stays; they hear the result, as often as they
        submitted it.
        """
        stage = self.stage()
        gone, twice = stage.client(), stage.client()
        job = gone.submits(unique=b"u")
        twice.submits(unique=b"u")
        gone.submits(unique=b"u")
        twice.submits(unique=b"u")
        gone.leaves()
        worker = stage.worker(b"f")
        worker.completes(worker.takes())
        self.assertEqual(twice.hears(), [complete(job), complete(job)])
        self.assertEqual(gone.hears(), [])
        self.assertEmpty(stage)

    def test_submittedTwice(self) -> None:
        """
        A job that only the lost client had submitted, even twice, is dropped.
        """
        stage = self.stage()
        client = stage.client()
        client.submits(unique=b"u")
        client.submits(unique=b"u")
        client.leaves()
        self.assertEmpty(stage)

    def test_ended(self) -> None:
        """
        A client may be lost after its jobs have ended.
        """
        stage = self.stage()
        client, worker = stage.client(), stage.worker(b"f")
        client.submits(unique=b"u")
        client.submits(unique=b"u")
        worker.completes(worker.takes())
        client.leaves()
        self.assertEmpty(stage)

    def test_inBackground(self) -> None:
        """
        Background jobs do not depend on who submitted them.
        """
        stage = self.stage()
        client, worker = stage.client(), stage.worker(b"f")
        running = client.submits(background=True)
        worker.takes()
        waiting = client.submits(background=True)
        delayed = client.submits(background=True, due=NOON + 5)
        client.leaves()
        stage.passes(5)
        worker.leaves()
        jobs = stage.worker(b"f").takesAll()
        self.assertEqual(jobs, [waiting, delayed, running])


class LostBothTests(BoardTestCase):
    """
    A connection that is client and worker at once is lost.
    """

    def test_ownJob(self) -> None:
        """
        The job that it ran for itself is dropped: nobody wants it.
        """
        stage = self.stage()
        both, other = stage.worker(b"f"), stage.sleeper(b"f")
        job = both.submits()
        other.hears()
        both.takes()
        both.leaves()
        self.assertIsNone(other.grabs())
        self.assertIs(job.state, JobState.FAILED)
        self.assertEqual(both.hears(), [])
        self.assertEmpty(stage)

    def test_ownJobWaits(self) -> None:
        """
        So is the one that waited for it.
        """
        stage = self.stage()
        both = stage.worker(b"f")
        both.submits()
        both.leaves()
        self.assertEmpty(stage)

    def test_shared(self) -> None:
        """
        The job that it ran for itself and for others goes back to the queue.
        """
        stage = self.stage()
        both, client = stage.worker(b"f"), stage.client()
        job = both.submits(unique=b"u")
        client.submits(unique=b"u")
        both.takes()
        both.leaves()
        worker = stage.worker(b"f")
        worker.completes(worker.takes())
        self.assertEqual(client.hears(), [complete(job)])
        self.assertEmpty(stage)

    def test_crossed(self) -> None:
        """
        When it ran another's job and another runs its own, one goes back and the
        other goes on.
        """
        stage = self.stage()
        both, other = stage.worker(b"f"), stage.worker(b"g")
        its, others = both.submits(b"g"), other.submits(b"f")
        both.takes()
        other.takes()
        both.leaves()
        self.assertIs(others.state, JobState.QUEUED)
        other.completes(its)
        self.assertHear([both, other])

    def test_lateReport(self) -> None:
        """
        Nothing that anybody says of a dropped job is taken.
        """
        stage = self.stage()
        both, other = stage.worker(b"f"), stage.worker(b"f")
        job = both.submits()
        both.takes()
        both.leaves()
        self.assertRefused(NOT_FOUND, other.completes, job)
