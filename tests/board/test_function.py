"""
Functions, and what the board remembers of them.
"""

from __future__ import annotations

from tests.board.stage import BoardTestCase
from txgearman.board.function import QueueLimit
from txgearman.board.job import Priority

TOO_MANY = (b"QUEUE_ERROR", b"Too many functions")
TOO_LARGE = (b"ARGUMENT_TOO_LARGE", b"Function name too large")


class LimitTests(BoardTestCase):
    """
    How many jobs a function may have.
    """

    def test_of(self) -> None:
        """
        Each priority has its own limit; by default there is none.
        """
        limit = QueueLimit(high=1, normal=2, low=3)
        self.assertEqual([limit.of(p) for p in Priority], [1, 2, 3])
        self.assertEqual([QueueLimit().of(p) for p in Priority], [0, 0, 0])

    def test_full(self) -> None:
        """
        A function is full when it has as many jobs as the limit says, or more;
        0 is no limit.
        """
        stage = self.stage()
        client = stage.client()
        client.submits()
        client.submits()
        function = stage.function()
        for number, full in ((0, False), (1, True), (2, True), (3, False)):
            function.limit = QueueLimit(normal=number)
            self.assertIs(function.full(Priority.NORMAL, b""), full, number)
            self.assertFalse(function.full(Priority.HIGH, b""))

    def test_known(self) -> None:
        """
        A limit set for a known function holds at once; it may be taken away
        again.
        """
        stage = self.stage()
        client = stage.client()
        client.submits()
        functions = stage.board.functions
        functions.setLimit(b"f", QueueLimit(1, 1, 1))
        full = (b"QUEUE_ERROR", b"Job queue is full")
        self.assertRefused(full, client.submits)
        functions.setLimit(b"f", QueueLimit())
        client.submits()

    def test_unknown(self) -> None:
        """
        A limit is remembered for a function that nobody has named; it does not
        make the function known. The later limit holds.
        """
        stage = self.stage()
        functions = stage.board.functions
        functions.setLimit(b"f", QueueLimit(5, 5, 5))
        functions.setLimit(b"f", QueueLimit(1, 2, 3))
        self.assertIsNone(functions.get(b"f"))
        self.assertEqual(list(functions), [])
        stage.worker(b"f")
        self.assertEqual(stage.function().limit, QueueLimit(1, 2, 3))

    def test_refused(self) -> None:
        """
        Limits for functions that could not be remembered are refused, and those
        for unknown functions count as functions do.
        """
        functions = self.stage(functionLimit=3, functionsLimit=3).board.functions
        limit = QueueLimit(1, 1, 1)
        self.assertRefused(TOO_LARGE, functions.setLimit, b"long", limit)
        functions.named(b"a")
        functions.setLimit(b"b", limit)
        functions.setLimit(b"c", limit)
        self.assertRefused(TOO_MANY, functions.setLimit, b"d", limit)
        self.assertRefused(TOO_MANY, functions.named, b"d")
        functions.setLimit(b"a", limit)
        functions.setLimit(b"b", QueueLimit(2, 2, 2))
        self.assertEqual(functions.named(b"b").limit, QueueLimit(2, 2, 2))
        functions.named(b"c")
        self.assertRefused(TOO_MANY, functions.named, b"d")


class NamedTests(BoardTestCase):
    """
    Functions are remembered by name.
    """

    def test_named(self) -> None:
        """
        A name always means the same function, from when it was first used; names
        are told apart by every byte.
        """
        functions = self.stage().board.functions
        names = [b"f", b"F", b"f ", b"", b"\xff\0"]
        found = [functions.named(name) for name in names]
        self.assertEqual(len(set(found)), 5)
        self.assertEqual([functions.named(name) for name in names], found)
        self.assertEqual([functions.get(name) for name in names], found)
        self.assertEqual([function.name for function in functions], names)
        self.assertIsNone(functions.get(b"g"))

    def test_new(self) -> None:
        """
        A new function has no jobs, no workers and no limit.
        """
        function = self.stage().board.functions.named(b"f")
        self.assertEqual((function.total, function.running), (0, 0))
        self.assertEqual((function.workers, function.sleepers), ({}, {}))
        self.assertEqual(function.limit, QueueLimit())

    def test_remembered(self) -> None:
        """
        A function stays when its last job and its last worker have gone.
        """
        stage = self.stage()
        client, worker = stage.client(), stage.worker(b"f")
        client.submits()
        worker.completes(worker.takes())
        worker.leaves()
        client.leaves()
        self.assertEqual([f.name for f in stage.board.functions], [b"f"])

    def test_long(self) -> None:
        """
        The longest name that is allowed is allowed.
        """
        functions = self.stage(functionLimit=5).board.functions
        functions.named(b"12345")
        self.assertRefused(TOO_LARGE, functions.named, b"123456")

    def test_tooMany(self) -> None:
        """
        When there are as many functions as there may be, those that are known
        are not affected.
        """
        functions = self.stage(functionsLimit=2).board.functions
        known = [functions.named(b"a"), functions.named(b"b")]
        self.assertRefused(TOO_MANY, functions.named, b"c")
        self.assertEqual([functions.named(b"a"), functions.named(b"b")], known)


class DropTests(BoardTestCase):
    """
    A function can be dropped.
    """

    def test_dropped(self) -> None:
        """
        A function without workers and jobs is forgotten, and makes room for
        another one.
        """
        functions = self.stage(functionsLimit=1).board.functions
        self.assertTrue(functions.drop(functions.named(b"f")))
        self.assertIsNone(functions.get(b"f"))
        functions.named(b"g")

    def test_again(self) -> None:
        """
        It may come back, as a new one.
        """
        stage = self.stage()
        functions = stage.board.functions
        old = functions.named(b"f")
        functions.drop(old)
        stage.client().submits(b"f")
        self.assertIsNot(stage.function(), old)
        self.assertEqual((old.total, stage.function().total), (0, 1))

    def test_inUse(self) -> None:
        """
        A function with a worker or a job, whether it waits, runs or is delayed,
        cannot be dropped.
        """
        stage = self.stage()
        functions = stage.board.functions
        client, worker = stage.client(), stage.worker(b"f")
        self.assertFalse(functions.drop(stage.function()))
        job = client.submits()
        worker.cantDo(b"f")
        self.assertFalse(functions.drop(stage.function()))
        worker.canDo(b"f")
        worker.takes()
        worker.cantDo(b"f")
        self.assertFalse(functions.drop(stage.function()))
        worker.completes(job)
        delayed = client.submits(due=stage.clock.seconds() + 5)
        self.assertFalse(functions.drop(stage.function()))
        stage.cancels(delayed)
        self.assertTrue(functions.drop(stage.function()))


class UniqueTests(BoardTestCase):
    """
    Jobs are found by their unique.
    """

    def test_coalescing(self) -> None:
        """
        A function knows which living job a submit would join.
        """
        stage = self.stage()
        client = stage.client()
        byUnique = client.submits(data=b"v", unique=b"u")
        byData = client.submits(data=b"w", unique=b"-")
        client.submits(data=b"x")
        function = stage.function()
        for unique, data, job in (
            (b"u", b"other", byUnique),
            (b"v", b"v", None),
            (b"-", b"w", byData),
            (b"-", b"v", None),
            (b"-", b"x", None),
            (b"-", b"", None),
            (b"", b"x", None),
            (b"w", b"w", None),
        ):
            self.assertIs(function.coalescing(unique, data), job, (unique, data))

    def test_latest(self) -> None:
        """
        Whatever its function, the job submitted last is found.
        """
        stage = self.stage()
        client, worker = stage.client(), stage.worker(b"a")
        functions = stage.board.functions
        # The functions are known in another order than the jobs come in.
        functions.named(b"b")
        first = client.submits(b"c", unique=b"u")
        last = client.submits(b"a", unique=b"u", background=True)
        second = stage.cancels(client.submits(b"b", unique=b"u"))
        self.assertTrue(second)
        self.assertIs(functions.jobByUnique(b"u"), last)
        worker.takes()
        self.assertIs(functions.jobByUnique(b"u"), last)
        worker.completes(last)
        self.assertIs(functions.jobByUnique(b"u"), first)

    def test_nothing(self) -> None:
        """
        Jobs without a unique, jobs whose unique is their workload, and jobs that
        have ended are not found.
        """
        stage = self.stage()
        client, worker = stage.client(), stage.worker(b"f")
        client.submits(unique=b"u")
        worker.completes(worker.takes())
        client.submits(data=b"w")
        client.submits(data=b"w", unique=b"-")
        for unique in (b"u", b"", b"-", b"w"):
            self.assertIsNone(stage.board.functions.jobByUnique(unique), unique)
