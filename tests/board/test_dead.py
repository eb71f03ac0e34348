"""
Tests for L{txgearman.board.dead}.
"""

from __future__ import annotations

from typing import Any

from tests.board.stage import BoardTestCase, Stage
from txgearman.board.job import Job, JobState, Priority


class DeadTests(BoardTestCase):
    """
    Background jobs that failed for good.
    """

    def dies(self, stage: Stage, **submit: Any) -> Job:
        """
        Let a job fail for good.
        """
        job = stage.client().submits(background=True, **submit)
        worker = stage.worker(b"f")
        while job.handle in stage.board.jobs:
            assert worker.takes() is job
            worker.fails(job)
        return job

    def test_letter(self) -> None:
        """
        All of a job is kept, and when and why it died.
        """
        stage = self.stage()
        stage.rules(attempts=2)
        begun = stage.clock.seconds()
        client, worker = stage.client(), stage.worker(b"f")
        job = client.submits(
            data=b"work",
            unique=b"u",
            priority=Priority.HIGH,
            background=True,
            reducer=b"r",
        )
        worker.fails(worker.takes())
        stage.passes(7.0)
        worker.throws(worker.takes(), b"out of ink")
        self.assertIs(job.state, JobState.DEAD)
        [dead] = stage.board.dead
        self.assertEqual(dead.handle, job.handle)
        self.assertEqual((dead.function, dead.unique), (b"f", b"u"))
        self.assertEqual((dead.data, dead.reducer), (b"work", b"r"))
        self.assertEqual((dead.priority, dead.attempts), (0, 2))
        self.assertEqual((dead.submitted, dead.died), (begun, begun + 7))
        self.assertEqual(dead.error, b"out of ink")
        self.assertIs(stage.board.dead.get(job.handle), dead)

    def test_errors(self) -> None:
        """
        Each way to die has its word.
        """
        stage = self.stage()
        stage.rules(attempts=1, timeout=5)
        job = stage.client().submits(background=True)
        stage.worker(b"f").takes()
        stage.passes(5.0)
        other = stage.client().submits(background=True)
        worker = stage.worker(b"f")
        worker.takes()
        worker.leaves()
        third = self.dies(stage)
        errors = [(dead.handle, dead.error) for dead in stage.board.dead]
        handles = [job.handle, other.handle, third.handle]
        words = [b"timed out", b"worker lost", b"failed"]
        self.assertEqual(errors, list(zip(handles, words, strict=True)))

    def test_notDead(self) -> None:
        """
        Jobs that are completed, cancelled, of the foreground only, or whose policy does
        not say so, leave nothing.
        """
        stage = self.stage()
        stage.rules(attempts=1)
        client, worker = stage.client(), stage.worker(b"f", b"g")
        client.submits(background=True)
        worker.completes(worker.takes())
        stage.cancels(client.submits(background=True))
        job = client.submits(background=True)
        worker.takes()
        stage.cancels(job)
        client.submits()
        worker.fails(worker.takes())
        client.submits(b"g", background=True)
        worker.fails(worker.takes())
        stage.rules(dead_letter="no")
        client.submits(background=True)
        worker.fails(worker.takes())
        self.assertEqual(list(stage.board.dead), [])

    def test_withoutAttempts(self) -> None:
        """
        Dead letters may be kept without a limit of attempts, for what is not tried
        again.
        """
        stage = self.stage()
        stage.rules(dead_letter=True)
        job = self.dies(stage)
        self.assertIs(job.state, JobState.DEAD)
        self.assertEqual(len(stage.board.dead), 1)

    def test_bounds(self) -> None:
        """
        They are bounded by count, size and age; the oldest go.
        """
        stage = self.stage(deadLimit=3, deadBytes=10, deadAge=50.0)
        stage.rules(attempts=1)
        jobs = []
        for data in (b"1", b"22", b"333", b"4444"):
            jobs.append(self.dies(stage, data=data))
            stage.passes(10.0)
        left = [dead.data for dead in stage.board.dead]
        self.assertEqual(left, [b"22", b"333", b"4444"])
        self.dies(stage, data=b"55555")
        left = [dead.data for dead in stage.board.dead]
        self.assertEqual(left, [b"4444", b"55555"])
        stage.passes(39.0)
        self.assertEqual(len(stage.board.dead), 2)
        stage.passes(1.0)
        self.assertEqual([dead.data for dead in stage.board.dead], [b"55555"])
        stage.passes(10.0)
        self.assertEqual(list(stage.board.dead), [])

    def test_discard(self) -> None:
        """
        One may be thrown away.
        """
        stage = self.stage()
        stage.rules(attempts=1)
        job = self.dies(stage)
        self.assertFalse(stage.board.dead.discard(b"other"))
        self.assertTrue(stage.board.dead.discard(job.handle))
        self.assertFalse(stage.board.dead.discard(job.handle))
        self.assertIsNone(stage.board.dead.get(job.handle))


class RequeueTests(BoardTestCase):
    """
    Dead letters that are tried again.
    """

    def test_requeue(self) -> None:
        """
        It runs under its handle as if it had never been tried, and may die again.
        """
        stage = self.stage()
        stage.rules(attempts=2)
        client, worker = stage.client(), stage.worker(b"f")
        job = client.submits(data=b"work", unique=b"u", reducer=b"r", background=True)
        worker.fails(worker.takes())
        worker.fails(worker.takes())
        for _ in range(2):
            [dead] = stage.board.dead
            again = stage.board.requeue(dead)
            self.assertEqual(list(stage.board.dead), [])
            stage.passes(0)
            self.assertIs(worker.takes(), again)
            self.assertEqual((again.handle, again.attempts), (job.handle, 1))
            self.assertEqual((again.data, again.unique), (b"work", b"u"))
            self.assertEqual(again.reducer, b"r")
            self.assertEqual(again.submitted, job.submitted)
            worker.fails(again)
            worker.fails(worker.takes())
        [dead] = stage.board.dead
        self.assertEqual(dead.attempts, 2)

    def test_tooLarge(self) -> None:
        """
        Of a job whose workload is larger than all dead letters may be, everything else
        is kept; it costs the others nothing, and is not tried again.
        """
        stage = self.stage(deadBytes=10)
        stage.rules(attempts=1)
        client, worker = stage.client(), stage.worker(b"f")
        for data in (b"small", b"x" * 11):
            client.submits(data=data, background=True)
            worker.fails(worker.takes())
        small, large = stage.board.dead
        self.assertEqual((small.data, small.size, small.whole), (b"small", 5, True))
        self.assertEqual((large.data, large.size, large.whole), (b"", 11, False))
        missing = (b"WORKLOAD_MISSING", b"Its workload was too large to be kept")
        self.assertRefused(missing, stage.board.requeue, large)
        self.assertEqual(list(stage.board.dead), [small, large])

    def test_waking(self) -> None:
        """
        A sleeper is woken for it.
        """
        stage = self.stage()
        stage.rules(attempts=1)
        stage.client().submits(background=True)
        worker = stage.worker(b"f")
        worker.fails(worker.takes())
        worker.sleeps()
        stage.board.requeue(next(iter(stage.board.dead)))
        stage.passes(0)
        self.assertEqual(worker.hears(), [("NOOP",)])
        worker.completes(worker.takes())

    def test_taken(self) -> None:
        """
        It is refused while a job lives that has its unique, and then it stays.
        """
        stage = self.stage()
        stage.rules(attempts=1)
        client, worker = stage.client(), stage.worker(b"f")
        for unique, data in ((b"u", b""), (b"-", b"d")):
            client.submits(unique=unique, data=data, background=True)
            worker.fails(worker.takes())
            other = client.submits(unique=unique, data=data, background=True)
            [dead] = stage.board.dead
            taken = (b"JOB_EXISTS", b"A job with its unique lives")
            self.assertRefused(taken, stage.board.requeue, dead)
            self.assertEqual(list(stage.board.dead), [dead])
            stage.cancels(other)
            stage.board.requeue(dead)
            stage.passes(0)
            worker.completes(worker.takes())
        self.assertEqual(dict(stage.board.jobs), {})

    def test_alive(self) -> None:
        """
        The same letter is not requeued twice.
        """
        stage = self.stage()
        stage.rules(attempts=1)
        stage.client().submits(background=True)
        worker = stage.worker(b"f")
        worker.fails(worker.takes())
        [dead] = stage.board.dead
        stage.board.requeue(dead)
        alive = (b"JOB_EXISTS", b"A job with this handle lives")
        self.assertRefused(alive, stage.board.requeue, dead)
        self.assertEqual(len(stage.board.jobs), 1)

    def test_draining(self) -> None:
        """
        A server that ends requeues nothing.
        """
        stage = self.stage()
        stage.rules(attempts=1)
        stage.client().submits(background=True)
        worker = stage.worker(b"f")
        worker.fails(worker.takes())
        [dead] = stage.board.dead
        stage.board.drain(lambda: None)
        ending = (b"SHUTDOWN_GRACEFUL", b"Server is shutting down")
        self.assertRefused(ending, stage.board.requeue, dead)
        self.assertEqual(list(stage.board.dead), [dead])
