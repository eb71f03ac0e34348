"""
Workers say what they can do, and grab jobs.
"""

from __future__ import annotations

from tests.board.stage import NOON, NOT_FOUND, BoardTestCase, complete
from txgearman.board.job import Job, JobState, Priority

HIGH, NORMAL, LOW = Priority


def names(jobs: list[Job]) -> bytes:
    """
    The functions of some jobs, which have names of one byte.
    """
    return b"".join(job.function.name for job in jobs)


class GrantTests(BoardTestCase):
    """
    The board grants a job.
    """

    def test_nothing(self) -> None:
        """
        A worker that can do nothing is granted nothing, nor is one that can do
        other things than there are jobs for.
        """
        stage = self.stage()
        stage.client().submits(b"f")
        self.assertIsNone(stage.worker().grabs())
        self.assertIsNone(stage.worker(b"g").grabs())

    def test_granted(self) -> None:
        """
        A granted job runs on the worker that grabbed it, since that moment, in
        its first attempt, and is granted to nobody else.
        """
        stage = self.stage()
        worker, other = stage.worker(b"f"), stage.worker(b"f")
        job = stage.client().submits(b"f")
        stage.passes(3)
        self.assertIs(worker.takes(), job)
        self.assertIsNone(other.grabs())
        self.assertIs(job.state, JobState.RUNNING)
        self.assertIs(job.worker, worker.peer)
        self.assertEqual((job.attempts, job.started), (1, NOON + 3))
        function = stage.function()
        self.assertEqual((function.total, function.running), (1, 1))
        self.assertEqual((stage.board.running, function.queue.waiting), (1, 0))

    def test_several(self) -> None:
        """
        A worker may run several jobs; to be granted none does not take them
        away.
        """
        stage = self.stage()
        client, worker = stage.client(), stage.worker(b"f")
        jobs = [client.submits() for _ in range(3)]
        self.assertEqual(worker.takesAll(), jobs)
        self.assertIsNone(worker.grabs())
        self.assertEqual(stage.board.running, 3)
        for job in reversed(jobs):
            worker.completes(job)
        self.assertEqual(client.hears(), [complete(job) for job in reversed(jobs)])

    def test_ownJob(self) -> None:
        """
        A connection may be client and worker, and do its own job.
        """
        stage = self.stage()
        both = stage.worker(b"f")
        job = both.submits(b"f")
        self.assertIs(both.takes(), job)
        both.completes(job, b"mine")
        self.assertEqual(both.hears(), [complete(job, b"mine")])
        self.assertEmpty(stage)


class OrderTests(BoardTestCase):
    """
    Which job is granted first.
    """

    def test_firstInFirstOut(self) -> None:
        """
        Jobs of one function and priority are granted in the order of their
        submitting, whoever grabs.
        """
        stage = self.stage()
        client = stage.client()
        workers = [stage.worker(b"f") for _ in range(3)]
        jobs = [client.submits(priority=HIGH) for _ in range(9)]
        self.assertEqual([workers[n % 3].takes() for n in range(9)], jobs)

    def test_priorities(self) -> None:
        """
        High jobs go before normal ones, and those before low ones, whenever they
        were submitted.
        """
        stage = self.stage()
        client, worker = stage.client(), stage.worker(b"f")
        for priority in (LOW, NORMAL, HIGH, LOW, NORMAL, HIGH):
            client.submits(priority=priority)
        granted = [job.priority for job in worker.takesAll()]
        self.assertEqual(granted, [HIGH, HIGH, NORMAL, NORMAL, LOW, LOW])

    def test_prioritiesOverFunctions(self) -> None:
        """
        Priority is global: no function's normal job is granted while another
        function of the worker has a high one.
        """
        stage = self.stage()
        client, worker = stage.client(), stage.worker(b"a", b"b", b"c")
        for name, priority in (
            (b"c", LOW),
            (b"c", NORMAL),
            (b"b", LOW),
            (b"b", HIGH),
            (b"a", NORMAL),
            (b"a", HIGH),
        ):
            client.submits(name, priority=priority)
        granted = [job.priority for job in worker.takesAll()]
        self.assertEqual(granted, [HIGH, HIGH, NORMAL, NORMAL, LOW, LOW])

    def test_latestFirst(self) -> None:
        """
        Of equally urgent jobs, that of the function registered last is granted
        first.
        """
        stage = self.stage()
        client = stage.client()
        for name in (b"a", b"b", b"c"):
            client.submits(name)
        worker = stage.worker(b"a", b"b", b"c")
        self.assertEqual(names(worker.takesAll()), b"cba")

    def test_turns(self) -> None:
        """
        Functions with equally urgent jobs take turns: none is drained before
        another one is looked at.
        """
        stage = self.stage()
        client, worker = stage.client(), stage.worker(b"a", b"b", b"c")
        for name in (b"a", b"b", b"c"):
            for _ in range(3):
                client.submits(name)
        self.assertEqual(names(worker.takesAll()), b"cbacbacba")

    def test_turnsWithinPriority(self) -> None:
        """
        They take turns within each priority.
        """
        stage = self.stage()
        client, worker = stage.client(), stage.worker(b"a", b"b")
        for name in (b"a", b"b"):
            for priority in Priority:
                client.submits(name, priority=priority)
                client.submits(name, priority=priority)
        granted = worker.takesAll()
        for priority in Priority:
            turns = names([job for job in granted if job.priority is priority])
            self.assertIn(turns, (b"abab", b"baba"), priority)

    def test_turnsOfEachWorker(self) -> None:
        """
        Each worker has its own turns, by the order in which it registered.
        """
        stage = self.stage()
        client = stage.client()
        one, other = stage.worker(b"a", b"b"), stage.worker(b"b", b"a")
        for name in (b"a", b"b"):
            for _ in range(2):
                client.submits(name)
        granted = [one.takes(), other.takes(), one.takes(), other.takes()]
        self.assertEqual(names(granted), b"baab")

    def test_fair(self) -> None:
        """
        A function that always has jobs does not keep another one waiting.
        """
        stage = self.stage()
        client, worker = stage.client(), stage.worker(b"a", b"b")
        client.submits(b"a")
        granted = []
        for _ in range(4):
            client.submits(b"b")
            client.submits(b"b")
            granted.append(worker.takes())
        self.assertIn(b"a", names(granted[:2]))

    def test_emptyFunctions(self) -> None:
        """
        Functions without jobs do not stand in the way of the others.
        """
        stage = self.stage()
        client, worker = stage.client(), stage.worker(b"a", b"b", b"c", b"d")
        for name in b"bbdb":
            client.submits(bytes([name]))
        self.assertEqual(names(worker.takesAll()), b"dbbb")


class AbilityTests(BoardTestCase):
    """
    What a worker can do, and cannot any more.
    """

    def test_known(self) -> None:
        """
        What a worker can do becomes known, with that one worker.
        """
        stage = self.stage()
        worker = stage.worker(b"f", b"g")
        self.assertEqual(list(stage.function(b"f").workers), [worker.peer])
        self.assertEqual(list(worker.peer.abilities), [b"f", b"g"])
        self.assertEqual(stage.function(b"g").total, 0)

    def test_twice(self) -> None:
        """
        To register a function twice counts once, and to unregister it once is
        enough.
        """
        stage = self.stage()
        client, worker = stage.client(), stage.worker(b"f", b"g", b"f")
        self.assertEqual(list(stage.function().workers), [worker.peer])
        self.assertEqual(list(worker.peer.abilities), [b"f", b"g"])
        worker.cantDo(b"f")
        self.assertEqual(list(stage.function().workers), [])
        client.submits(b"f")
        self.assertIsNone(worker.grabs())

    def test_cantDo(self) -> None:
        """
        A worker is granted nothing that it cannot do any more, until it can
        again.
        """
        stage = self.stage()
        client, worker = stage.client(), stage.worker(b"f", b"g")
        worker.cantDo(b"f")
        job = client.submits(b"f")
        other = client.submits(b"g")
        self.assertEqual(worker.takesAll(), [other])
        worker.canDo(b"f")
        self.assertEqual(worker.takesAll(), [job])

    def test_neverCould(self) -> None:
        """
        A worker may say that it cannot do what it never could, and even what
        nobody ever heard of.
        """
        stage = self.stage()
        worker = stage.worker(b"g")
        stage.worker(b"f")
        worker.cantDo(b"f")
        worker.cantDo(b"unheard")
        self.assertEqual(len(stage.function(b"f").workers), 1)
        self.assertIsNone(stage.board.functions.get(b"unheard"))

    def test_reset(self) -> None:
        """
        A worker that forgets all its abilities can do nothing, and may start
        again.
        """
        stage = self.stage()
        worker = stage.worker(b"f", b"g")
        worker.forgetsAll()
        worker.forgetsAll()
        self.assertEqual(worker.peer.abilities, {})
        job = stage.client().submits(b"f")
        self.assertIsNone(worker.grabs())
        worker.canDo(b"f")
        self.assertIs(worker.takes(), job)

    def test_runningGoesOn(self) -> None:
        """
        A job goes on while its worker says that it cannot do such jobs any more;
        its result is taken, and it is granted to nobody else.
        """
        stage = self.stage()
        client, worker = stage.client(), stage.worker(b"f", b"g")
        other = stage.worker(b"f", b"g")
        job, another = client.submits(b"f"), client.submits(b"g")
        worker.takesAll()
        worker.cantDo(b"f")
        worker.forgetsAll()
        self.assertIsNone(other.grabs())
        worker.completes(job, b"1")
        worker.completes(another, b"2")
        heard = [complete(job, b"1"), complete(another, b"2")]
        self.assertEqual(client.hears(), heard)
        self.assertEmpty(stage)

    def test_lostAfterReset(self) -> None:
        """
        When such a worker is lost, its job goes back to the queue all the same.
        """
        stage = self.stage()
        worker, other = stage.worker(b"f"), stage.worker(b"f")
        job = stage.client().submits(b"f")
        worker.takes()
        worker.forgetsAll()
        worker.leaves()
        self.assertIs(other.takes(), job)

    def test_refused(self) -> None:
        """
        A function that cannot be remembered is refused, and the worker stays as
        it was.
        """
        stage = self.stage(functionLimit=3, functionsLimit=1)
        worker = stage.worker(b"f")
        self.assertRefused(
            (b"ARGUMENT_TOO_LARGE", b"Function name too large"), worker.canDo, b"long"
        )
        self.assertRefused(
            (b"QUEUE_ERROR", b"Too many functions"), worker.canDo, b"g"
        )
        self.assertEqual(list(worker.peer.abilities), [b"f"])
        job = stage.client().submits(b"f")
        self.assertIs(worker.takes(), job)


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
        stage.passes(10.0**7)
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
        stage.passes(10.0**7)
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
        self.assertEqual(client.hears(), [("WORK_FAIL", job.handle)])
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
