"""
Clients submit jobs.
"""

from __future__ import annotations

from itertools import product

from tests.board.stage import NOON, BoardTestCase, fail
from txgearman.board.function import QueueLimit
from txgearman.board.job import JobState, Priority
from txgearman.errors import QueueFull

HIGH, NORMAL, LOW = Priority

TOO_LARGE = (b"ARGUMENT_TOO_LARGE", b"Unique value too large")
FULL = (b"QUEUE_ERROR", b"Job queue is full")


class SubmitTests(BoardTestCase):
    """
    A job is submitted and stands on the board.
    """

    def test_everyForm(self) -> None:
        """
        A job keeps what its client submitted, in each priority, in the
        foreground and in the background, with and without a reducer.
        """
        stage = self.stage()
        client = stage.client()
        forms = product(Priority, (False, True), (b"", b"join"), (0.0, NOON + 5))
        for priority, background, reducer, due in forms:
            job = client.submits(b"f", b"w", b"", priority, background, reducer, due)
            form = (priority, background, reducer, due)
            self.assertEqual((job.priority, job.background, job.reducer, job.due), form)
            self.assertEqual((job.function.name, job.data), (b"f", b"w"), form)
            self.assertEqual(
                list(job.listeners), [] if background else [client.peer], form
            )
            state = JobState.DELAYED if due else JobState.QUEUED
            self.assertIs(job.state, state, form)
            self.assertIs(stage.board.jobs[job.handle], job)
        self.assertEqual(client.hears(), [])

    def test_born(self) -> None:
        """
        A new job knows when it was submitted, and that nobody has run it.
        """
        stage = self.stage()
        stage.passes(7.5)
        job = stage.client().submits()
        self.assertEqual(job.submitted, NOON + 7.5)
        self.assertEqual((job.attempts, job.worker, job.timer), (0, None, None))
        self.assertEqual((job.numerator, job.denominator), (0, 0))

    def test_binary(self) -> None:
        """
        Names, uniques and workloads may be any bytes, or none: the empty name is
        an ordinary function's, and one with a NUL is another function's.
        """
        stage = self.stage()
        client, worker = stage.client(), stage.worker(b"", b"f\0", b"a b\n")
        jobs = [
            client.submits(name, b"\0\xff\n", b"\xfe \t")
            for name in (b"a b\n", b"f\0", b"")
        ]
        self.assertEqual(sorted(worker.takesAll(), key=jobs.index), jobs)
        client.submits(b"f")
        self.assertIsNone(worker.grabs())

    def test_functionAppears(self) -> None:
        """
        The first submit makes a function known, with its one job.
        """
        stage = self.stage()
        self.assertIsNone(stage.board.functions.get(b"f"))
        stage.client().submits(b"f")
        function = stage.function(b"f")
        self.assertEqual((function.total, function.running), (1, 0))
        self.assertEqual(function.queue.counts, [0, 1, 0])

    def test_functionRefused(self) -> None:
        """
        A function whose name is too long is refused, and so is one more than
        there may be; known functions go on as before.
        """
        stage = self.stage(functionLimit=3, functionsLimit=2)
        client = stage.client()
        tooLarge = (b"ARGUMENT_TOO_LARGE", b"Function name too large")
        tooMany = (b"QUEUE_ERROR", b"Too many functions")
        client.submits(b"fff")
        self.assertRefused(tooLarge, client.submits, b"ffff")
        client.submits(b"g")
        self.assertRefused(tooMany, client.submits, b"h")
        client.submits(b"g")
        self.assertEqual([f.name for f in stage.board.functions], [b"fff", b"g"])

    def test_uniqueLimit(self) -> None:
        """
        A unique of 64 bytes is kept whole, one of 65 is refused; the same goes
        for the name of a reducer. A refusal leaves nothing behind.
        """
        stage = self.stage()
        client = stage.client()
        longest = b"u" * 64
        job = client.submits(unique=longest, reducer=longest)
        self.assertEqual((job.unique, job.reducer), (longest, longest))
        self.assertRefused(TOO_LARGE, client.submits, b"g", b"", b"u" * 65)
        self.assertRefused(
            TOO_LARGE, client.submits, b"g", b"", b"", NORMAL, True, b"r" * 65
        )
        self.assertIsNone(stage.board.functions.get(b"g"))
        self.assertEqual(list(stage.board.jobs.values()), [job])
        self.assertEqual(list(client.peer.waiting), [job])


class FullTests(BoardTestCase):
    """
    A function's queue may be limited.
    """

    def test_full(self) -> None:
        """
        A submit that would be one job too many is refused; when a job ends,
        there is room again.
        """
        stage = self.stage()
        stage.board.functions.setLimit(b"f", QueueLimit(2, 2, 2))
        client, worker = stage.client(), stage.worker(b"f")
        client.submits()
        client.submits()
        self.assertRaises(QueueFull, client.submits)
        self.assertRefused(FULL, client.submits)
        self.assertEqual(len(client.peer.waiting), 2)
        worker.completes(worker.takes())
        client.submits()
        self.assertRefused(FULL, client.submits)

    def test_everyJobCounts(self) -> None:
        """
        Running and delayed jobs count as well as waiting ones, of any priority,
        in the foreground and in the background.
        """
        stage = self.stage()
        stage.board.functions.setLimit(b"f", QueueLimit(0, 3, 0))
        client = stage.client()
        client.submits()
        stage.worker(b"f").takes()
        client.submits(due=NOON + 60, background=True)
        client.submits(priority=LOW)
        self.assertRefused(FULL, client.submits)

    def test_eachPriority(self) -> None:
        """
        Each priority has its limit, and each is compared with the number of all
        the function's jobs.
        """
        stage = self.stage()
        stage.board.functions.setLimit(b"f", QueueLimit(high=0, normal=2, low=1))
        client = stage.client()
        client.submits(priority=HIGH)
        self.assertRefused(FULL, client.submits, b"f", b"", b"", LOW)
        client.submits(priority=NORMAL)
        self.assertRefused(FULL, client.submits, b"f", b"", b"", NORMAL)
        client.submits(priority=HIGH)
        self.assertEqual(stage.function().queue.counts, [2, 1, 0])

    def test_others(self) -> None:
        """
        One function's limit is none of another's business.
        """
        stage = self.stage()
        stage.board.functions.setLimit(b"f", QueueLimit(1, 1, 1))
        client = stage.client()
        client.submits(b"f")
        for _ in range(3):
            client.submits(b"g")

    def test_coalesce(self) -> None:
        """
        A full queue still accepts what joins one of its jobs.
        """
        stage = self.stage()
        stage.board.functions.setLimit(b"f", QueueLimit(1, 1, 1))
        job = stage.client().submits(unique=b"u")
        client = stage.client()
        self.assertIs(client.submits(unique=b"u"), job)
        self.assertRefused(FULL, client.submits, b"f", b"", b"v")

    def test_back(self) -> None:
        """
        A job that comes back from a lost worker is no submit: the limit does not
        hold it up.
        """
        stage = self.stage()
        client, worker = stage.client(), stage.worker(b"f")
        job = client.submits()
        worker.takes()
        stage.board.functions.setLimit(b"f", QueueLimit(1, 1, 1))
        client.submits(b"g")
        worker.leaves()
        self.assertIs(stage.worker(b"f").takes(), job)

    def test_lowered(self) -> None:
        """
        A limit below the number of jobs ends none of them.
        """
        stage = self.stage()
        client, worker = stage.client(), stage.worker(b"f")
        jobs = [client.submits() for _ in range(3)]
        stage.board.functions.setLimit(b"f", QueueLimit(1, 1, 1))
        self.assertRefused(FULL, client.submits)
        self.assertEqual(worker.takesAll(), jobs)
        for job in jobs[:2]:
            worker.completes(job)
        self.assertRefused(FULL, client.submits)

    def test_dropped(self) -> None:
        """
        Jobs that were abandoned or cancelled are out of the count at once.
        """
        stage = self.stage()
        stage.board.functions.setLimit(b"f", QueueLimit(2, 2, 2))
        gone, client = stage.client(), stage.client()
        gone.submits()
        job = client.submits()
        self.assertRefused(FULL, client.submits)
        gone.leaves()
        client.submits()
        self.assertRefused(FULL, client.submits)
        stage.cancels(job)
        self.assertEqual(client.hears(), [fail(job)])
        client.submits()


class ReduceTests(BoardTestCase):
    """
    Reduce jobs carry the name of a reducer.
    """

    def test_reducer(self) -> None:
        """
        The worker that is granted a reduce job sees its reducer; other jobs have
        none.
        """
        stage = self.stage()
        client, worker = stage.client(), stage.worker(b"f")
        client.submits(b"f", reducer=b"join", background=True)
        client.submits(b"f")
        self.assertEqual([j.reducer for j in worker.takesAll()], [b"join", b""])

    def test_coalesces(self) -> None:
        """
        A reduce job coalesces by its unique, as others do.
        """
        client = self.stage().client()
        job = client.submits(unique=b"u", reducer=b"join")
        self.assertIs(client.submits(unique=b"u", reducer=b"join"), job)
