"""
Limits on a function's jobs: how many run, how many are granted, how many wait.
"""

from __future__ import annotations

from tests.board.stage import BoardTestCase, Stage, woken
from txgearman.board.job import JobState, Priority

FULL = (b"QUEUE_ERROR", b"Job queue is full")


class ConcurrencyTests(BoardTestCase):
    """
    How many jobs run at once.
    """

    def test_fortyWorkers(self) -> None:
        """
        Forty workers never run three jobs at once where there are to be two, and do
        all of them.
        """
        stage = self.stage()
        stage.rules(concurrency=2)
        client = stage.client()
        workers = stage.sleepers(40, b"f")
        for _ in range(100):
            client.submits(background=True)
        done, most = 0, 0
        while stage.board.jobs:
            for worker in workers:
                if ("NOOP",) in worker.hears() and worker.grabs() is None:
                    worker.sleeps()
            most = max(most, stage.board.running)
            self.assertLessEqual(stage.board.running, 2)
            stage.census()
            for worker in workers:
                for job in list(worker.peer.running.values()):
                    worker.completes(job)
                    worker.sleeps()
                    done += 1
            stage.passes(0.1)
        self.assertEqual((done, most), (100, 2))

    def test_oneWorker(self) -> None:
        """
        It holds also for jobs that one worker runs at once; those of other functions
        are granted meanwhile.
        """
        stage = self.stage()
        stage.rules(concurrency=1)
        client, worker = stage.client(), stage.worker(b"f", b"g")
        first, second = client.submits(), client.submits()
        other = client.submits(b"g")
        self.assertCountEqual(worker.takesAll(), [first, other])
        self.assertIsNone(worker.grabs())
        worker.completes(first)
        self.assertIs(worker.takes(), second)

    def test_priority(self) -> None:
        """
        A function that may run no more does not keep less urgent jobs of others back.
        """
        stage = self.stage()
        stage.rules(paused=True)
        client, worker = stage.client(), stage.worker(b"f", b"g")
        client.submits(priority=Priority.HIGH)
        other = client.submits(b"g", priority=Priority.LOW)
        self.assertIs(worker.takes(), other)

    def test_eachEnd(self) -> None:
        """
        However a job stops running, another one may run, and a sleeper is woken for
        it.
        """
        for end in ("completes", "fails", "throws", "leaves", "is too slow"):
            stage = self.stage()
            stage.rules(concurrency=1, timeout=5)
            client, worker = stage.client(), stage.worker(b"f")
            job = client.submits()
            worker.takes()
            other = client.submits()
            sleeper = stage.sleeper(b"f")
            self.assertEqual(sleeper.hears(), [])
            if end == "is too slow":
                stage.passes(5.0)
            elif end == "leaves":
                worker.leaves()
            else:
                getattr(worker, end)(job)
            self.assertEqual(sleeper.hears(), [("NOOP",)])
            self.assertIs(sleeper.takes(), other)
            stage.census()

    def test_lowered(self) -> None:
        """
        A limit that is lowered ends nothing that runs; nothing more is granted until
        there is room.
        """
        stage = self.stage()
        client, worker = stage.client(), stage.worker(b"f")
        for _ in range(5):
            client.submits()
        jobs = [worker.takes() for _ in range(3)]
        stage.rules(concurrency=2)
        self.assertEqual(stage.board.running, 3)
        worker.completes(jobs[0])
        self.assertIsNone(worker.grabs())
        worker.completes(jobs[1])
        worker.takes()
        self.assertIsNone(worker.grabs())

    def test_lifted(self) -> None:
        """
        When a limit is raised, as many are woken as may run now, and no more.
        """
        stage = self.stage()
        stage.rules(concurrency=1)
        client = stage.client()
        workers = stage.sleepers(10, b"f")
        for _ in range(6):
            client.submits()
        self.assertEqual(len(woken(workers)), 1)
        stage.rules(concurrency=4)
        self.assertEqual(len(woken(workers)), 3)
        stage.rules(concurrency=0)
        self.assertEqual(len(woken(workers)), 2)

    def test_stopsTogether(self) -> None:
        """
        When several jobs stop running, as many sleepers are woken for those that wait:
        one that hangs costs its own job some time, and no other.
        """
        stage = self.stage()
        stage.rules(concurrency=3)
        client, worker = stage.client(), stage.worker(b"f")
        for _ in range(6):
            client.submits()
        jobs = worker.takesAll()
        self.assertEqual(len(jobs), 3)
        workers = stage.sleepers(5, b"f")
        self.assertEqual(woken(workers), [])
        for job in jobs:
            worker.completes(job)
        self.assertEqual(len(woken(workers)), 3)

    def test_noHerd(self) -> None:
        """
        A change that makes no more room wakes nobody for jobs that somebody was woken
        for already.
        """
        stage = self.stage()
        workers = stage.sleepers(6, b"f")
        stage.client().submits()
        self.assertEqual(len(woken(workers)), 1)
        for seconds in range(1, 5):
            stage.rules(timeout=seconds, concurrency=seconds)
        self.assertEqual(woken(workers), [])


class RateTests(BoardTestCase):
    """
    How many jobs are granted a second.
    """

    def granted(self, stage: Stage, seconds: float, step: float) -> int:
        """
        Let eager workers grab for a while.

        @return: how many jobs they were granted.
        """
        worker = stage.worker(b"f")
        count, until = 0, stage.clock.seconds() + seconds
        while True:
            for job in worker.takesAll():
                worker.completes(job)
                count += 1
            if stage.clock.seconds() >= until:
                return count
            stage.passes(step)

    def test_tenSeconds(self) -> None:
        """
        With 50 a second and 10 at once, 510 are granted in ten seconds, within two
        per cent, however often one looks.
        """
        for step in (0.001, 0.013, 0.05, 0.1):
            stage = self.stage()
            stage.rules(rate=50, burst=10)
            client = stage.client()
            for _ in range(700):
                client.submits(background=True)
            count = self.granted(stage, 10.0, step)
            self.assertLess(abs(count - 510), 0.02 * 510, (step, count))

    def test_sleepers(self) -> None:
        """
        Workers that sleep are woken when there is room, so that they are as fast.
        """
        stage = self.stage()
        stage.rules(rate=50, burst=10)
        client = stage.client()
        workers = stage.sleepers(20, b"f")
        for _ in range(700):
            client.submits(background=True)
        count, until = 0, stage.clock.seconds() + 10.0
        while stage.clock.seconds() < until:
            for worker in workers:
                if ("NOOP",) in worker.hears():
                    for job in worker.takesAll():
                        worker.completes(job)
                        count += 1
                    worker.sleeps()
            stage.passes(0.005)
        self.assertLess(abs(count - 510), 0.02 * 510, count)

    def test_slow(self) -> None:
        """
        Less than one a second is granted as well, when its time has come.
        """
        stage = self.stage()
        stage.rules(rate=0.1)
        client, worker = stage.client(), stage.sleeper(b"f")
        for _ in range(3):
            client.submits(background=True)
        for _ in range(3):
            self.assertEqual(worker.hears(), [("NOOP",)])
            worker.completes(worker.takes())
            self.assertIsNone(worker.grabs())
            worker.sleeps()
            stage.passes(9.9)
            self.assertEqual(worker.hears(), [])
            stage.passes(0.2)
        self.assertEqual(worker.hears(), [])
        self.assertEmpty(stage)

    def test_idle(self) -> None:
        """
        A function that nobody uses gathers a burst and no more.
        """
        stage = self.stage()
        stage.rules(rate=10, burst=3)
        client, worker = stage.client(), stage.worker(b"f")
        for _ in range(2):
            for _ in range(10):
                client.submits()
            self.assertEqual(len(worker.takesAll()), 3)
            stage.board.purge(stage.function())
            stage.passes(1000.0)

    def test_gathered(self) -> None:
        """
        What was gathered while nothing waited wakes as many as jobs come then.
        """
        stage = self.stage()
        stage.rules(rate=1, burst=5)
        client, worker = stage.client(), stage.worker(b"f")
        for _ in range(5):
            client.submits()
        self.assertEqual(len(worker.takesAll()), 5)
        stage.passes(1.0)
        stage.passes(100.0)
        workers = stage.sleepers(9, b"f")
        for _ in range(5):
            client.submits()
        self.assertEqual(len(woken(workers)), 5)

    def test_both(self) -> None:
        """
        With a concurrency too, the narrower one holds.
        """
        stage = self.stage()
        stage.rules(rate=10, burst=5, concurrency=2)
        client, worker = stage.client(), stage.worker(b"f")
        for _ in range(20):
            client.submits()
        jobs = worker.takesAll()
        self.assertEqual(len(jobs), 2)
        stage.passes(10.0)
        self.assertIsNone(worker.grabs())
        for job in jobs:
            worker.completes(job)
        self.assertEqual(len(worker.takesAll()), 2)

    def test_retries(self) -> None:
        """
        Another attempt is a grant like any other.
        """
        stage = self.stage()
        stage.rules(rate=1, attempts=5)
        worker = stage.worker(b"f")
        stage.client().submits(background=True)
        worker.fails(worker.takes())
        self.assertIsNone(worker.grabs())
        stage.passes(1.0)
        worker.completes(worker.takes())


class QueueTests(BoardTestCase):
    """
    How many jobs there may be.
    """

    def test_count(self) -> None:
        """
        Beyond the limit submits are refused, until there is room again; one that joins
        a job is none too many.
        """
        stage = self.stage()
        stage.rules(queue_limit=3)
        client, worker = stage.client(), stage.worker(b"f")
        client.submits(unique=b"u")
        client.submits(due=stage.clock.seconds() + 100)
        client.submits(background=True)
        self.assertRefused(FULL, client.submits)
        self.assertEqual(client.submits(unique=b"u").unique, b"u")
        client.submits(b"g")
        job = worker.takes()
        self.assertRefused(FULL, client.submits)
        worker.completes(job)
        client.submits()
        self.assertRefused(FULL, client.submits)

    def test_notCountingRunning(self) -> None:
        """
        Those that run are not counted if that is decided.
        """
        stage = self.stage()
        stage.rules(queue_limit=2, queue_counts_running=False)
        client, worker = stage.client(), stage.worker(b"f")
        for _ in range(5):
            client.submits()
            client.submits()
            self.assertRefused(FULL, client.submits)
            worker.takes()
            worker.takes()
        stage.rules(queue_counts_running=True)
        self.assertRefused(FULL, client.submits)

    def test_bytes(self) -> None:
        """
        So it is with the bytes of their workloads, those of the new one included.
        """
        stage = self.stage()
        stage.rules(queue_bytes=10)
        client, worker = stage.client(), stage.worker(b"f")
        self.assertRefused(FULL, client.submits, b"f", b"x" * 11)
        client.submits(data=b"x" * 6)
        client.submits(data=b"x" * 4)
        client.submits(data=b"")
        self.assertRefused(FULL, client.submits, b"f", b"x")
        job = worker.takes()
        self.assertRefused(FULL, client.submits, b"f", b"x")
        stage.rules(queue_counts_running=False)
        client.submits(data=b"x" * 6)
        self.assertRefused(FULL, client.submits, b"f", b"x")
        stage.rules(queue_counts_running=True)
        worker.completes(job)
        self.assertRefused(FULL, client.submits, b"f", b"x")
        stage.rules(queue_bytes="1K")
        client.submits(data=b"x" * 1000)

    def test_retries(self) -> None:
        """
        A job that was accepted is tried again, however many there are.
        """
        stage = self.stage()
        stage.rules(attempts=2, queue_limit=1, queue_counts_running=False)
        client, worker = stage.client(), stage.worker(b"f")
        first = client.submits(background=True)
        worker.takes()
        client.submits(background=True)
        worker.fails(first)
        self.assertIs(first.state, JobState.QUEUED)
        self.assertRefused(FULL, client.submits)

    def test_ended(self) -> None:
        """
        However jobs end, they make room.
        """
        stage = self.stage()
        stage.rules(queue_limit=1, queue_bytes=4, ttl=5, attempts=1)
        client, worker = stage.client(), stage.worker(b"f")
        stage.cancels(client.submits(data=b"four"))
        client.submits(data=b"four", background=True)
        stage.passes(5.0)
        client.submits(data=b"four", background=True)
        worker.fails(worker.takes())
        other = stage.client()
        other.submits(data=b"four")
        other.leaves()
        client.submits(data=b"four")
        self.assertEqual((stage.function().total, stage.function().size), (1, 4))


class PausedTests(BoardTestCase):
    """
    Functions that take jobs and grant none.
    """

    def test_paused(self) -> None:
        """
        Jobs are accepted and not granted, what runs goes on; then as many are woken as
        there are jobs.
        """
        stage = self.stage()
        client, worker = stage.client(), stage.worker(b"f")
        first = client.submits()
        worker.takes()
        stage.board.pauseFunction(b"f")
        workers = stage.sleepers(5, b"f")
        for _ in range(3):
            client.submits()
        self.assertIsNone(worker.grabs())
        worker.sleeps()
        self.assertEqual((worker.hears(), woken(workers)), ([], []))
        worker.completes(first)
        stage.passes(100.0)
        self.assertEqual(woken(workers), [])
        stage.board.resumeFunction(b"f")
        self.assertEqual(len(woken([*workers, worker])), 3)
        self.assertEqual(len(worker.takesAll()), 3)

    def test_others(self) -> None:
        """
        Other functions go on, also with names that look like a pattern.
        """
        stage = self.stage()
        names = b"f", b"*", b"[f]", b"?"
        client = stage.client()
        for name in names:
            client.submits(name)
        for name in names[1:]:
            stage.board.pauseFunction(name)
        worker = stage.worker(*names)
        [job] = worker.takesAll()
        self.assertEqual(job.function.name, b"f")
        for name in names[1:]:
            stage.board.resumeFunction(name)
            [job] = worker.takesAll()
            self.assertEqual(job.function.name, name)

    def test_unknown(self) -> None:
        """
        A function may pause that nobody has named.
        """
        stage = self.stage()
        stage.board.pauseFunction(b"f")
        stage.client().submits()
        worker = stage.worker(b"f")
        self.assertIsNone(worker.grabs())
        stage.board.resumeFunction(b"f")
        worker.takes()

    def test_resume(self) -> None:
        """
        A function is resumed whatever made it pause, and pauses again however often it
        was resumed.
        """
        stage = self.stage()
        stage.client().submits()
        worker = stage.worker(b"f")
        stage.rules(b"*", paused=True)
        stage.board.resumeFunction(b"f")
        self.assertFalse(stage.function().policy.paused)
        stage.rules(b"?", paused=False)
        stage.board.pauseFunction(b"f")
        self.assertTrue(stage.function().policy.paused)
        self.assertIsNone(worker.grabs())
        stage.rules(b"?", paused=True)
        stage.board.resumeFunction(b"f")
        self.assertFalse(stage.function().policy.paused)
        worker.takes()
