"""
Clients submit jobs.
"""

from __future__ import annotations

from itertools import product

from tests.board.stage import NOON, BoardTestCase, complete, fail
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
            self.assertEqual(
                (job.priority, job.background, job.reducer, job.due), form
            )
            self.assertEqual((job.function.name, job.data), (b"f", b"w"), form)
            self.assertEqual(job.listeners, [] if background else [client.peer], form)
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
