"""
Workers say what they can do, and grab jobs.
"""

from __future__ import annotations

from tests.board.stage import NOON, BoardTestCase, complete
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
            turns = names([job for job in granted if job.priority == priority])
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
        self.assertRefused((b"QUEUE_ERROR", b"Too many functions"), worker.canDo, b"g")
        self.assertEqual(list(worker.peer.abilities), [b"f"])
        job = stage.client().submits(b"f")
        self.assertIs(worker.takes(), job)


class ManyTests(BoardTestCase):
    """
    Workers that can do many functions.
    """

    def test_fewReady(self) -> None:
        """
        When few of them have jobs, their turns are what they are when many have.
        """
        stage = self.stage()
        alphabet = [b"%c" % letter for letter in range(ord("a"), ord("z") + 1)]
        client, worker = stage.client(), stage.worker(*alphabet)
        for name in b"h", b"d", b"x":
            for _ in range(3):
                client.submits(name)
        self.assertEqual(names(worker.takesAll()), b"xhd" * 3)

    def test_otherReady(self) -> None:
        """
        Functions that others can do are passed over, however urgent their jobs.
        """
        stage = self.stage()
        client, worker = stage.client(), stage.worker(*(b"%d" % n for n in range(9)))
        stage.worker(b"t")
        client.submits(b"t", priority=Priority.HIGH)
        client.submits(b"5", priority=Priority.LOW)
        self.assertEqual(names(worker.takesAll()), b"5")

    def test_forgotten(self) -> None:
        """
        A function that a worker lost has no turn, and comes first when it is
        gained again.
        """
        stage = self.stage()
        client, worker = stage.client(), stage.worker(b"a", b"b", b"c")
        for name in (b"a", b"b", b"c"):
            client.submits(name)
        stage.board.cantDo(worker.peer, b"a")
        self.assertEqual(names(worker.takesAll()), b"cb")
        client.submits(b"c")
        stage.board.canDo(worker.peer, b"a")
        self.assertEqual(names(worker.takesAll()), b"ac")
