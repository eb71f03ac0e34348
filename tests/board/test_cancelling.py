"""
Jobs are cancelled.
"""

from __future__ import annotations

from tests.board.stage import (
    NO_JOB_FOR_DATA,
    NO_JOB_FOR_EXCEPTION,
    NOON,
    NOT_FOUND,
    BoardTestCase,
    complete,
    exception,
    fail,
    part,
)
from txgearman.board.function import QueueLimit
from txgearman.board.job import JobState, Priority


class CancelTests(BoardTestCase):
    """
    A cancelled job is gone at once, whatever it did.
    """

    def test_waiting(self) -> None:
        """
        A waiting job is never granted; those before and behind it are, in their
        order.
        """
        stage = self.stage()
        client, worker = stage.client(), stage.worker(b"f")
        first, second, third = (client.submits() for _ in range(3))
        self.assertTrue(stage.cancels(second))
        self.assertIs(second.state, JobState.CANCELLED)
        self.assertEqual(stage.function().queue.counts, [0, 2, 0])
        self.assertEqual(worker.takesAll(), [first, third])
        self.assertEqual(client.hears(), [fail(second)])

    def test_delayed(self) -> None:
        """
        A delayed job never becomes due.
        """
        stage = self.stage()
        client, worker = stage.client(), stage.worker(b"f")
        job = client.submits(background=True, due=NOON + 10, unique=b"u")
        client.submits(unique=b"u")
        stage.cancels(job)
        self.assertEqual(client.hears(), [fail(job)])
        self.assertEqual(stage.function().total, 0)
        stage.passes(10)
        self.assertIsNone(worker.grabs())
        self.assertEmpty(stage)

    def test_running(self) -> None:
        """
        A running job is out of every count at once, and off its worker.
        """
        stage = self.stage()
        client, worker = stage.client(), stage.worker(b"f", timeout=5.0)
        job = client.submits()
        worker.takes()
        stage.cancels(job)
        function = stage.function()
        self.assertEqual((function.total, function.running), (0, 0))
        self.assertEqual(client.hears(), [fail(job)])
        self.assertEmpty(stage)
        worker.leaves()
        self.assertEmpty(stage)

    def test_everyListener(self) -> None:
        """
        Everybody who waits for the job hears once for each submit that it
        failed, and never anything else.
        """
        for grabbed in (False, True):
            stage = self.stage(exceptions=True)
            once, twice = stage.client(), stage.client()
            worker = stage.worker(b"f")
            job = once.submits(unique=b"u")
            twice.submits(unique=b"u")
            twice.submits(unique=b"u", background=True)
            twice.submits(unique=b"u")
            if grabbed:
                worker.takes()
            stage.cancels(job)
            if grabbed:
                worker.sends(job)
                worker.throws(job)
            self.assertHear([once], fail(job))
            self.assertHear([twice], fail(job), fail(job))
            self.assertEmpty(stage)

    def test_secondCancel(self) -> None:
        """
        A job can be cancelled once: after that there is no such job.
        """
        stage = self.stage()
        client, worker = stage.client(), stage.worker(b"f")
        for grabbed in (False, True):
            job = client.submits()
            if grabbed:
                worker.takes()
            self.assertTrue(stage.cancels(job))
            self.assertFalse(stage.cancels(job))
            self.assertEqual(client.hears(), [fail(job)])

    def test_uniqueFree(self) -> None:
        """
        The unique of a cancelled job is free: a submit makes a new job, which
        the end of the old one does not touch.
        """
        for unique, data in ((b"u", b""), (b"-", b"w")):
            stage = self.stage()
            client = stage.client()
            worker, other = stage.worker(b"f"), stage.worker(b"f")
            old = client.submits(data=data, unique=unique)
            worker.takes()
            stage.cancels(old)
            new = client.submits(data=data, unique=unique)
            self.assertIsNot(new, old)
            self.assertIs(other.takes(), new)
            worker.completes(old, b"old")
            self.assertIs(client.submits(data=data, unique=unique), new)
            other.completes(new, b"new")
            heard = [fail(old), complete(new, b"new"), complete(new, b"new")]
            self.assertEqual(client.hears(), heard)
            self.assertEmpty(stage)

    def test_queueRoom(self) -> None:
        """
        There is room in a full queue as soon as one of its jobs is cancelled,
        even a running one.
        """
        stage = self.stage()
        stage.board.functions.setLimit(b"f", QueueLimit(1, 1, 1))
        client, worker = stage.client(), stage.worker(b"f")
        job = client.submits()
        worker.takes()
        stage.cancels(job)
        client.submits()

    def test_many(self) -> None:
        """
        Any number of waiting jobs may be cancelled, in any order; the others are
        granted in theirs.
        """
        stage = self.stage()
        client, worker = stage.client(), stage.worker(b"f")
        jobs = [
            client.submits(priority=Priority(number % 3), background=True)
            for number in range(3000)
        ]
        for job in jobs[::-7] + jobs[1::2]:
            stage.cancels(job)
        kept = [job for job in jobs if job.state is JobState.QUEUED]
        kept.sort(key=lambda job: (job.priority, job.number))
        self.assertEqual(stage.function().queue.waiting, len(kept))
        self.assertEqual(worker.takesAll(), kept)

    def test_sleepers(self) -> None:
        """
        A worker that was woken for a job that is then cancelled finds nothing,
        and may sleep again until there is another job.
        """
        stage = self.stage()
        client, worker = stage.client(), stage.sleeper(b"f")
        job = client.submits()
        stage.cancels(job)
        self.assertEqual(len(worker.hears()), 1)
        self.assertIsNone(worker.grabs())
        worker.sleeps()
        self.assertEqual(worker.hears(), [])
        client.submits()
        self.assertEqual(len(worker.hears()), 1)


class LateReportTests(BoardTestCase):
    """
    The worker of a cancelled job does not know.
    """

    def test_swallowed(self) -> None:
        """
        What it still reports goes nowhere and is no error, up to the end of the
        job; after that it is refused.
        """
        stage = self.stage()
        client, worker = stage.client(), stage.worker(b"f")
        for end in (worker.completes, worker.fails, worker.throws):
            job = client.submits()
            worker.takes()
            stage.cancels(job)
            client.hears()
            for _ in range(2):
                worker.tells(job, b"1", b"2")
                worker.sends(job, b"a")
                worker.warns(job, b"b")
            end(job)
            self.assertHear([client, worker])
            self.assertRefused(NOT_FOUND, worker.tells, job, b"1", b"2")
            self.assertRefused(NO_JOB_FOR_DATA, worker.sends, job)
            self.assertRefused(NO_JOB_FOR_EXCEPTION, worker.throws, job)
            self.assertRefused(NOT_FOUND, worker.completes, job)
        self.assertEmpty(stage)

    def test_exceptionThenFail(self) -> None:
        """
        An exception and the WORK_FAIL that repeats it are one end.
        """
        stage = self.stage()
        worker = stage.worker(b"f")
        job = stage.client().submits()
        worker.takes()
        stage.cancels(job)
        worker.throws(job)
        worker.fails(job)
        self.assertRefused(NOT_FOUND, worker.fails, job)

    def test_others(self) -> None:
        """
        Other workers' reports on it are refused as ever.
        """
        stage = self.stage()
        worker, other = stage.worker(b"f"), stage.worker(b"f")
        job = stage.client().submits()
        worker.takes()
        stage.cancels(job)
        self.assertRefused(NOT_FOUND, other.completes, job)
        worker.completes(job)

    def test_waitingOnes(self) -> None:
        """
        A cancelled job that nobody ran is unknown to every worker.
        """
        stage = self.stage()
        worker = stage.worker(b"f")
        job = stage.client().submits()
        stage.cancels(job)
        self.assertRefused(NOT_FOUND, worker.completes, job)

    def test_goesOn(self) -> None:
        """
        The worker may grab other jobs in between, and report on them.
        """
        stage = self.stage()
        client, worker = stage.client(), stage.worker(b"f")
        client.peer.setOption(b"exceptions")
        old = client.submits()
        worker.takes()
        stage.cancels(old)
        new = client.submits()
        self.assertIs(worker.takes(), new)
        worker.sends(new, b"a")
        worker.completes(old)
        worker.throws(new, b"b")
        self.assertEqual(
            client.hears(), [fail(old), part(new, b"a"), exception(new, b"b")]
        )
