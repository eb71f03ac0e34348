"""
A worker says what it can do, and what it cannot do any more.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred
from twisted.logger import LogLevel

from tests.worker.stage import (
    GRAB,
    RETRY,
    SLEEP,
    JobServer,
    WorkerTestCase,
    canDo,
    cantDo,
    complete,
    fail,
)
from tests.worker.test_worker import H, Job, Slow, reverse
from txgearman.errors import BadSetting
from txgearman.worker.ending import whenOver
from txgearman.worker.lane import STREAK
from txgearman.worker.running import Place
from txgearman.worker.worker import Worker


class RegisteringTests(WorkerTestCase):
    """
    A worker says what it can do.
    """

    def test_reversed(self) -> None:
        """
        On each connection a worker says its name and its functions, the first
        one last, and asks for a job; also when the server comes back.
        """
        worker = self.worker(clientId="me", namespace="ns/")
        for name in ("a", b"b", "c"):
            worker.register(name, reverse)
        line = self.starts(worker)
        for _ in range(2):
            self.assertEqual(
                [
                    ("SET_CLIENT_ID", b"me"),
                    canDo(b"ns/c"),
                    canDo(b"ns/b"),
                    canDo(b"ns/a"),
                    GRAB,
                ],
                line.hears(),
            )
            line.drops()
            self.clock.advance(RETRY)
            line = self.server.line

    def test_serverDown(self) -> None:
        """
        A server that is down at first is tried until it is there, and keeps
        nobody from working for the others.
        """
        other = JobServer(self.clock)
        self.server.up = False
        worker = self.worker(self.server, other)
        worker.register("f", reverse)
        worker.startService()
        self.clock.advance(0)
        self.assertEqual([canDo(b"f"), GRAB], other.line.hears())
        other.line.refuses()
        self.assertEqual([], self.server.lines)
        self.server.up = True
        self.clock.advance(RETRY)
        self.clock.advance(0)
        self.assertEqual([canDo(b"f"), GRAB], self.server.line.hears())

    def test_decorator(self) -> None:
        """
        Without a function, register is a decorator that leaves it as it is.
        """
        worker = self.worker()
        decorated = worker.register("f", timeout=1)(reverse)
        self.assertIs(reverse, decorated)
        line = self.starts(worker)
        self.assertEqual([("CAN_DO_TIMEOUT", b"f", b"1000"), GRAB], line.hears())

    def test_whileRunning(self) -> None:
        """
        A function that is registered or taken back while the worker runs is so
        on the server at once, or when it has answered whether there is a job; what it
        cannot do need not be taken back.
        """
        worker = self.worker()
        worker.register("f", reverse)
        line = self.starts(worker)
        line.hears()
        worker.register("g", reverse)
        self.assertEqual([canDo(b"g")], line.hears())
        worker.unregister("f")
        worker.unregister("nothing")
        self.assertEqual([], line.hears())
        line.refuses()
        self.assertEqual([cantDo(b"f"), SLEEP], line.hears())
        worker.register("g", reverse)
        self.assertEqual([cantDo(b"g"), canDo(b"g"), GRAB], line.hears())

    def test_firstWhileRunning(self) -> None:
        """
        A worker that can do nothing connects to nobody before it can.
        """
        worker = self.worker()
        worker.startService()
        self.clock.advance(0)
        self.assertEqual([], self.server.lines)
        worker.register("f", reverse)
        self.clock.advance(0)
        self.assertEqual([canDo(b"f"), GRAB], self.server.line.hears())

    def test_whileAway(self) -> None:
        """
        What is registered or taken back while the server is away it hears when
        it is back.
        """
        worker = self.worker()
        worker.register("f", reverse)
        line = self.starts(worker)
        line.drops()
        worker.register("g", reverse)
        worker.unregister("f")
        self.clock.advance(RETRY)
        self.assertEqual([canDo(b"g"), GRAB], self.server.line.hears())

    def test_unregisterWaits(self) -> None:
        """
        A function is taken back when the last of its jobs is over and none may be on
        its way, since gearmand gives running jobs to others, and not at all when it is
        registered again before.
        """
        slow = Slow()
        worker = self.worker(concurrency=2)
        worker.register("f", slow)
        line = self.starts(worker)
        line.assigns(H)
        line.hears()
        worker.unregister("f")
        self.assertEqual([], line.hears())
        slow.ends()
        self.assertEqual([complete(H)], line.hears())
        line.refuses()
        self.assertEqual([cantDo(b"f"), SLEEP], line.hears())
        worker.register("f", slow)
        line.assigns(b"H:2")
        worker.register("f", slow)
        line.hears()
        slow.ends(b"H:2")
        self.assertEqual([complete(b"H:2")], line.hears()[:1])

    def test_unregisterItself(self) -> None:
        """
        When a function takes itself back while several of its jobs may be on their
        way, these are done first, and nothing else is asked for meanwhile.
        """
        worker = self.worker(concurrency=4)
        worker.register("g", reverse)
        jobs: list[bytes] = []

        @worker.register("f")
        def f(job: Job) -> None:
            jobs.append(job.handle)
            if len(jobs) == STREAK + 2:
                worker.unregister("f")

        line = self.starts(worker)
        for number in range(STREAK + 1):
            line.assigns(b"H:%d" % number)
        self.assertEqual(STREAK + 3, line.hears().count(GRAB))
        line.assigns(b"H:last")
        self.assertEqual([complete(b"H:last")], line.hears())
        line.assigns(b"H:late")
        after = [complete(b"H:late"), cantDo(b"f"), GRAB, GRAB]
        self.assertEqual(after, line.hears())

    def test_unregisterAsking(self) -> None:
        """
        Who asks when a function is taken back, and gets a job of another one that takes
        its time, asks for the next one then.
        """
        worker, slow = self.worker(concurrency=3), Slow()
        worker.register("f", reverse)
        worker.register("g", slow)
        line = self.starts(worker)
        worker.unregister("f")
        line.hears()
        line.assigns(H, b"g")
        self.assertEqual([cantDo(b"f"), GRAB], line.hears())

    def test_registerAgain(self) -> None:
        """
        A function that is registered again while a job of it runs is asked for.
        """
        worker, slow = self.worker(concurrency=2), Slow()
        worker.register("f", slow)
        worker.register("g", slow)
        line = self.starts(worker)
        line.assigns(b"H:1", b"f")
        line.assigns(b"H:2", b"g")
        worker.unregister("f")
        line.hears()
        slow.ends(b"H:2")
        self.assertEqual([complete(b"H:2")], line.hears())
        worker.register("f", slow)
        self.assertEqual([canDo(b"f"), GRAB], line.hears())

    def test_unregisterWaitsAway(self) -> None:
        """
        When the server is lost meanwhile, there is nothing to take back.
        """
        slow = Slow()
        worker = self.worker()
        worker.register("f", slow)
        line = self.starts(worker)
        line.assigns(H)
        line.drops()
        worker.unregister("f")
        with self.warns("its server is lost"):
            slow.ends()
        self.clock.advance(RETRY)
        self.assertEqual([GRAB], self.server.line.hears())

    def test_lateJob(self) -> None:
        """
        A job that the server assigned before it heard that its function is taken
        back is done; one of a function that never was registered fails, and the
        next is asked for.
        """
        worker = self.worker()
        worker.register("f", reverse)
        worker.register("g", reverse)
        line = self.starts(worker)
        worker.unregister("f")
        line.hears()
        line.assigns(H, b"f", b"ab")
        self.assertEqual([complete(H, b"ba"), cantDo(b"f"), GRAB], line.hears())
        line.assigns(b"H:2", b"other")
        self.assertEqual([fail(b"H:2"), GRAB], line.hears())

    def own(self, function: Callable[[Job], Any]) -> Worker[Any]:
        """
        Start a worker with a function that has connections of its own.
        """
        worker = self.worker(concurrency=3)
        worker.register("f", reverse)
        worker.register("own", function, concurrency=2)
        self.starts(worker)
        self.assertEqual(2, len(self.server.open))
        return worker

    def test_unregisterOwn(self) -> None:
        """
        The connections of a function that has its own are closed with it,
        whether they sleep, wait for their turn, or their server is away, and do
        not come back; the others stay.
        """
        for meets in ("sleep", "wait", "drop", "none"):
            self.server.lines.clear()
            worker = self.own(reverse)
            shared, own = self.server.open
            if meets == "sleep":
                own.refuses()
            elif meets == "wait":
                own.assigns(H, b"own", b"ab")
                shared.refuses()
                worker.register("g", reverse)
                own.refuses()
            elif meets == "drop":
                own.drops()
            worker.unregister("own")
            if meets == "none":
                self.assertEqual(2, len(self.server.open))
                own.refuses()
            self.clock.pump([0, RETRY, 0])
            self.assertEqual([shared], self.server.open, meets)
            self.stops(worker)

    def test_unregisterOwnAgain(self) -> None:
        """
        However often it is registered, the connections are as many as one needs.
        """
        worker = self.own(reverse)
        for _ in range(3):
            self.server.line.refuses()
            worker.register("own", reverse, concurrency=2)
            self.clock.pump([0, 0])
            self.assertEqual(2, len(self.server.open))
        self.assertEqual([canDo(b"own"), GRAB], self.server.line.hears())

    def test_unregisterOwnRunning(self) -> None:
        """
        They stay open until the last of its jobs is over, also of one that was
        assigned just then, and ask for no other job.
        """
        slow = Slow()
        worker = self.own(slow)
        own = self.server.line
        own.assigns(H, b"own")
        own.hears()
        worker.unregister("own")
        own.assigns(b"H:2", b"own")
        self.clock.pump([0, 0])
        own.wakes()
        self.assertEqual([], own.hears())
        slow.ends()
        self.assertEqual([complete(H)], own.hears())
        self.assertFalse(own.gone)
        slow.ends(b"H:2", b"late")
        self.assertEqual([complete(b"H:2", b"late"), cantDo(b"own")], own.hears())
        self.clock.pump([0, 0])
        self.assertTrue(own.gone)

    def test_unregisterOwnAway(self) -> None:
        """
        A server that is back while a job that it lost still runs is asked for
        nothing, and left when the job is over.
        """
        slow = Slow()
        worker = self.own(slow)
        own = self.server.line
        own.assigns(H, b"own")
        worker.unregister("own")
        own.drops()
        self.clock.pump([RETRY, 0])
        self.assertEqual([], self.server.line.hears())
        with self.warns("its server is lost"):
            slow.ends()
        self.clock.pump([0, RETRY, 0])
        self.assertEqual(1, len(self.server.open))

    def test_foreign(self) -> None:
        """
        Something else that answers at the server's place is tried less and less
        often.
        """
        worker = Worker(self.clock, [self.server])
        worker.register("f", reverse)
        worker.startService()
        times: list[float] = []
        with self.logs(LogLevel.error) as said:
            for _ in range(8):
                self.clock.pump([0, 0])
                self.server.line.sendsBytes(b"220 mail.example.net ESMTP\r\n")
                self.clock.pump([0, 0])
                (attempt,) = self.clock.getDelayedCalls()
                times.append(attempt.getTime() - self.clock.seconds())
                self.clock.advance(times[-1])
        self.assertGreater(times[0], 0.25)
        self.assertGreater(times[-1], 4)
        self.assertEqual(["a server makes no sense: UNEXPECTED_PACKET: TEXT"] * 8, said)
        self.stops(worker)

    def test_wrong(self) -> None:
        """
        What cannot be is refused at once.
        """
        self.assertRaises(ValueError, self.worker, concurrency=0)
        self.assertRaises(ValueError, self.worker, maxPacket=0)
        self.assertRaises(ValueError, self.worker, namespace="a\0b")
        self.assertRaises(ValueError, self.worker().register, "a\0b", reverse)
        with self.assertRaises(ValueError):
            self.worker().register("f", reverse, concurrency=0)
        self.assertRaises(BadSetting, Worker, self.clock, "")

    def test_defaultRetries(self) -> None:
        """
        Without a policy of one's own a lost server is tried again soon.
        """
        worker = Worker(self.clock, [self.server])
        worker.register("f", reverse)
        self.starts(worker).drops()
        self.clock.advance(2)
        self.assertEqual(2, len(self.server.lines))
        self.stops(worker)

    def test_unregisterLost(self) -> None:
        """
        A job that the server has taken back keeps nothing from being taken back.
        """
        slow = Slow()
        worker = self.worker()
        worker.register("f", slow)
        line = self.starts(worker)
        line.assigns(H)
        line.drops()
        self.clock.advance(RETRY)
        self.clock.advance(0)
        self.server.line.hears()
        worker.unregister("f")
        self.assertEqual([cantDo(b"f")], self.server.line.hears())
        slow.ends()

    def test_runners(self) -> None:
        """
        What runs a function is its registration's own, and stopped with the
        worker, or when the function is taken back and its last job is over; a
        job that comes even later is done nevertheless.
        """
        pools = Pools()
        first, second = self.worker(concurrency=2), self.worker()
        first.register("f", pools)
        first.register("twin", pools, concurrency=1)
        second.register("f", pools)
        lines = []
        for worker in (first, second):
            worker.startService()
            self.clock.advance(0)
            lines.append(self.server.line)
        own, other = lines
        shared = self.server.lines[0]
        shared.assigns(H)
        own.assigns(b"H:2", b"twin")
        other.assigns(b"H:3")
        self.assertEqual([2, 1, 1], [pool.count for pool in pools.made])
        first.unregister("f")
        self.assertEqual(3, pools.running)
        pools.ends(H)
        self.assertEqual(2, pools.running)
        shared.assigns(b"H:4")
        self.assertEqual(3, pools.running)
        pools.ends(b"H:4")
        self.assertEqual(2, pools.running)
        pools.ends(b"H:2")
        first.unregister("twin")
        self.assertEqual(1, pools.running)
        pools.ends(b"H:3")
        self.assertEqual(1, pools.running)
        self.stops(second)
        self.assertEqual(0, pools.running)

    def test_runnersGivenUp(self) -> None:
        """
        What runs a function that was taken back is stopped with the worker, though
        a job would not be given up.
        """
        pools = Pools()
        worker = self.worker()
        worker.register("f", pools)
        self.starts(worker).assigns(H)
        worker.unregister("f")
        self.assertEqual(1, pools.running)
        self.stops(worker)
        self.assertEqual(0, pools.running)
        pools.ends(H)

    def test_callableThatRuns(self) -> None:
        """
        A function may be an object that also has a method C{run}; what cannot be
        called is refused.
        """

        class Both:
            def __call__(self, job: Job) -> bytes:
                return b"called"

            def run(self, job: Job) -> bytes:
                raise AssertionError

        worker = self.worker()
        worker.register("f", Both())
        line = self.starts(worker)
        line.hears()
        line.assigns(H)
        self.assertEqual([complete(H, b"called"), GRAB], line.hears())
        wrong: Any
        for wrong in (None, b"text", 3):
            with self.assertRaises(TypeError):
                worker.register("f", wrong)
        self.assertEqual([], line.hears())


class Pools(Place[bytes]):
    """
    Has pools made, whose jobs end when they are told to, and not when they are
    cancelled.
    """

    def __init__(self) -> None:
        self.made: list[Pool] = []

    def runner(self, reactor: Any, concurrency: int) -> Pool:
        pool = Pool(concurrency)
        self.made.append(pool)
        return pool

    @property
    def running(self) -> int:
        """
        How many are not stopped.
        """
        return sum(not pool.stopped for pool in self.made)

    def ends(self, handle: bytes) -> None:
        for pool in self.made:
            if handle in pool.jobs:
                pool.jobs.pop(handle).callback(b"")


class Pool:
    """
    One of them.
    """

    def __init__(self, count: int) -> None:
        self.count = count
        self.stopped = False
        self.jobs: dict[bytes, Deferred[bytes | None]] = {}

    def run(self, job: Job) -> Deferred[bytes | None]:
        self.jobs[job.handle] = Deferred()
        return whenOver(self.jobs[job.handle])

    def stop(self) -> None:
        assert not self.stopped
        self.stopped = True
