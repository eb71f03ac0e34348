"""
Submits that join a job.
"""

from __future__ import annotations

from tests.board.stage import NOON, BoardTestCase, complete
from txgearman.board.job import Priority

HIGH, NORMAL, LOW = Priority


class CoalesceTests(BoardTestCase):
    """
    Submits with one function and unique share a job while it lives.
    """

    def test_sameUnique(self) -> None:
        """
        The second submit joins the first one's job: its priority, workload, due
        time and reducer stay.
        """
        stage = self.stage()
        first, second = stage.client(), stage.client()
        job = first.submits(b"f", b"one", b"u", LOW, False, b"r")
        joined = second.submits(b"f", b"two", b"u", HIGH, False, b"s", NOON + 9)
        self.assertIs(joined, job)
        self.assertEqual((job.priority, job.data), (LOW, b"one"))
        self.assertEqual((job.reducer, job.due), (b"r", 0.0))
        self.assertEqual(stage.function().queue.counts, [0, 0, 1])
        worker = stage.worker(b"f")
        worker.completes(worker.takes(), b"done")
        self.assertHear([first, second], complete(job, b"done"))
        self.assertEmpty(stage)

    def test_perFunction(self) -> None:
        """
        The same unique for another function is another job.
        """
        client = self.stage().client()
        self.assertIsNot(
            client.submits(b"f", unique=b"u"), client.submits(b"g", unique=b"u")
        )

    def test_noUnique(self) -> None:
        """
        Submits without a unique never share a job.
        """
        client = self.stage().client()
        self.assertIsNot(client.submits(data=b"w"), client.submits(data=b"w"))

    def test_workloadIsUnique(self) -> None:
        """
        With C{-} the workload is the unique: the same one joins, another one
        does not, nor does one whose unique has the bytes of the workload.
        """
        client = self.stage().client()
        job = client.submits(data=b"w", unique=b"-")
        self.assertIs(client.submits(data=b"w", unique=b"-"), job)
        self.assertIsNot(client.submits(data=b"v", unique=b"-"), job)
        self.assertIsNot(client.submits(data=b"w", unique=b"w"), job)
        self.assertEqual(job.unique, b"-")

    def test_emptyWorkload(self) -> None:
        """
        With C{-}, submits without a workload never share a job, and each ends on
        its own.
        """
        stage = self.stage()
        client, worker = stage.client(), stage.worker(b"f")
        jobs = [client.submits(unique=b"-") for _ in range(2)]
        self.assertIsNot(jobs[0], jobs[1])
        for job in worker.takesAll():
            worker.completes(job)
        self.assertEqual(client.hears(), [complete(job) for job in jobs])
        self.assertEmpty(stage)

    def test_hashSign(self) -> None:
        """
        C{#} is a unique like any other: only libgearman's clients make something
        of it.
        """
        client = self.stage().client()
        job = client.submits(data=b"one", unique=b"#")
        self.assertIs(client.submits(data=b"two", unique=b"#"), job)

    def test_trailingNul(self) -> None:
        """
        A NUL behind a unique makes it another one.
        """
        client = self.stage().client()
        job = client.submits(unique=b"u")
        self.assertIsNot(client.submits(unique=b"u\0"), job)

    def test_backgroundJoinsForeground(self) -> None:
        """
        One background submit makes a job background for good: it lives on when
        the client that waited for it is lost.
        """
        stage = self.stage()
        waiting, passing = stage.client(), stage.client()
        job = waiting.submits(unique=b"u")
        self.assertFalse(job.background)
        passing.submits(unique=b"u", background=True)
        waiting.leaves()
        passing.leaves()
        self.assertIs(stage.worker(b"f").takes(), job)

    def test_foregroundJoinsBackground(self) -> None:
        """
        A client that joins a background job hears its result; when it is lost,
        the job goes on.
        """
        stage = self.stage()
        first, lost, last = (stage.client() for _ in range(3))
        job = first.submits(unique=b"u", background=True)
        lost.submits(unique=b"u")
        last.submits(unique=b"u")
        lost.leaves()
        worker = stage.worker(b"f")
        worker.completes(worker.takes())
        self.assertHear([last], complete(job))
        self.assertHear([first, lost])
        self.assertEmpty(stage)

    def test_backgroundStays(self) -> None:
        """
        A later foreground submit does not take the background flag away.
        """
        stage = self.stage()
        job = stage.client().submits(unique=b"u", background=True)
        client = stage.client()
        client.submits(unique=b"u")
        client.leaves()
        self.assertTrue(job.background)
        self.assertEqual(list(stage.board.jobs.values()), [job])

    def test_twice(self) -> None:
        """
        A client that submits the same job twice hears everything twice.
        """
        stage = self.stage()
        client, worker = stage.client(), stage.worker(b"f")
        job = client.submits(unique=b"u")
        client.submits(unique=b"u")
        worker.takes()
        worker.sends(job, b"a")
        worker.completes(job, b"b")
        heard = client.hears()
        self.assertEqual(len(heard), 4)
        self.assertEqual(heard[2:], 2 * [complete(job, b"b")])
        self.assertEmpty(stage)

    def test_running(self) -> None:
        """
        A client may join a job that runs; it hears what comes from then on.
        """
        stage = self.stage()
        first, second = stage.client(), stage.client()
        worker = stage.worker(b"f")
        job = first.submits(unique=b"u")
        worker.takes()
        worker.sends(job, b"missed")
        self.assertIs(second.submits(unique=b"u"), job)
        worker.completes(job, b"done")
        self.assertHear([second], complete(job, b"done"))
        self.assertEqual(job.attempts, 1)

    def test_abandonedRunning(self) -> None:
        """
        A running job whose client left finds a new one in whoever submits its
        unique again, and is wanted as before.
        """
        stage = self.stage()
        first, second = stage.client(), stage.client()
        worker = stage.worker(b"f")
        job = first.submits(unique=b"u")
        worker.takes()
        first.leaves()
        self.assertIs(second.submits(unique=b"u"), job)
        worker.leaves()
        other = stage.worker(b"f")
        self.assertIs(other.takes(), job)
        other.completes(job)
        self.assertHear([second], complete(job))

    def test_delayed(self) -> None:
        """
        A client may join a delayed job; it still waits until it is due.
        """
        stage = self.stage()
        first, second = stage.client(), stage.client()
        worker = stage.worker(b"f")
        job = first.submits(unique=b"u", background=True, due=NOON + 10)
        self.assertIs(second.submits(unique=b"u"), job)
        self.assertIsNone(worker.grabs())
        stage.passes(10)
        self.assertIs(worker.takes(), job)
        worker.completes(job)
        self.assertHear([second], complete(job))

    def test_backAgain(self) -> None:
        """
        A job that went back to its queue can still be joined.
        """
        stage = self.stage()
        client, worker = stage.client(), stage.worker(b"f")
        job = client.submits(unique=b"u")
        worker.takes()
        worker.leaves()
        self.assertIs(client.submits(unique=b"u"), job)

    def test_free(self) -> None:
        """
        Once a job has ended, in whatever way, its unique makes a new one.
        """
        for unique, data in ((b"u", b""), (b"-", b"w")):
            stage = self.stage()
            client, worker = stage.client(), stage.worker(b"f")
            for end in (worker.completes, worker.fails, worker.throws, stage.cancels):
                old = client.submits(data=data, unique=unique)
                worker.takes()
                end(old)
                client.hears()
                new = client.submits(data=data, unique=unique)
                self.assertIsNot(new, old, end)
                self.assertIs(worker.takes(), new, end)
                worker.completes(new)
                self.assertEqual(client.hears(), [complete(new)], end)
            self.assertEmpty(stage)
