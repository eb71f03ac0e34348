"""
A worker does jobs.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import CancelledError, Deferred, succeed
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
    exception,
    fail,
)
from txgearman.codecs import JSON, TEXT
from txgearman.errors import BadSetting, JobException, JobFailed
from txgearman.worker.job import RunningJob
from txgearman.worker.worker import Worker

Job = RunningJob[Any]

H = b"H:1"


def reverse(job: Job) -> bytes:
    """
    What most workers here do.
    """
    data: bytes = job.data
    return data[::-1]


class Slow:
    """
    A function whose jobs end when they are told to.

    @ivar cancelled: the handles of jobs that were cancelled.
    """

    def __init__(self) -> None:
        self.cancelled: list[bytes] = []
        self.jobs: dict[bytes, Deferred[Any]] = {}

    def __call__(self, job: Job) -> Deferred[Any]:
        handle = job.handle
        self.jobs[handle] = Deferred(lambda _: self.cancelled.append(handle))
        return self.jobs[handle]

    def ends(self, handle: bytes = H, result: Any = b"") -> None:
        self.jobs.pop(handle).callback(result)


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
            worker.register(name, reverse, timeout=2.5 if name == "c" else None)
        line = self.starts(worker)
        for _ in range(2):
            self.assertEqual(
                [
                    ("SET_CLIENT_ID", b"me"),
                    ("CAN_DO_TIMEOUT", b"ns/c", b"2500"),
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
        on the server at once; what it cannot do need not be taken back.
        """
        worker = self.worker()
        worker.register("f", reverse)
        line = self.starts(worker)
        line.hears()
        worker.register("g", reverse)
        self.assertEqual([canDo(b"g")], line.hears())
        worker.unregister("f")
        worker.unregister("nothing")
        self.assertEqual([cantDo(b"f")], line.hears())
        worker.register("g", reverse)
        self.assertEqual([cantDo(b"g"), canDo(b"g")], line.hears())

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
        A function is taken back when the last of its jobs is over, since
        gearmand gives running jobs to others, and not at all when it is
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
        self.assertEqual([complete(H), cantDo(b"f")], line.hears())
        worker.register("f", slow)
        line.assigns(b"H:2")
        worker.register("f", slow)
        line.hears()
        slow.ends(b"H:2")
        self.assertEqual([complete(b"H:2")], line.hears()[:1])

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
        self.assertEqual([complete(H, b"ba"), GRAB], line.hears())
        line.assigns(b"H:2", b"other")
        self.assertEqual([fail(b"H:2"), GRAB], line.hears())

    def test_wrong(self) -> None:
        """
        What cannot be is refused at once.
        """
        self.assertRaises(ValueError, self.worker, concurrency=0)
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
        What runs functions is stopped with the worker, also that of a function
        which is registered anew or taken back.
        """

        class Running:
            count = 0

            def start(self, reactor: object, concurrency: int) -> None:
                self.count += 1

            def stop(self) -> None:
                self.count -= 1

            def run(self, job: Job) -> Deferred[bytes]:
                raise AssertionError

        runners: list[Any] = [Running(), Running(), Running()]
        worker = self.worker()
        worker.register("f", runners[0])
        worker.register("twin", runners[0])
        self.starts(worker)
        worker.register("f", runners[1])
        worker.register("f", runners[2], concurrency=1)
        self.assertEqual([1, 1, 1], [runner.count for runner in runners])
        worker.unregister("f")
        self.stops(worker)
        self.assertEqual([0, 0, 0], [runner.count for runner in runners])


class DoingTests(WorkerTestCase):
    """
    What a function does becomes what the server hears.
    """

    def heard(
        self, function: Callable[[Job], Any], data: bytes = b"", **options: Any
    ) -> list[Any]:
        """
        @return: what the server hears of a job of a function.
        """
        worker = self.worker(**options)
        worker.register("f", function)
        line = self.starts(worker)
        line.hears()
        line.assigns(H, b"f", data)
        heard = line.hears()
        self.assertEqual(GRAB, heard.pop(), "the next job is asked for")
        return heard

    def test_results(self) -> None:
        """
        Plain functions, those that return a Deferred and coroutines give results;
        L{None} is an empty one.
        """

        async def coroutine(job: Job) -> bytes:
            return await succeed(job.data * 2)

        for function, expected in [
            (reverse, b"ba"),
            (lambda job: succeed(job.data + b"!"), b"ab!"),
            (coroutine, b"abab"),
            (lambda job: None, b""),
        ]:
            self.assertEqual([complete(H, expected)], self.heard(function, b"ab"))

    def test_codec(self) -> None:
        """
        Functions are given what the codec makes of the workload, and what they
        return and send is encoded.
        """

        def shout(job: Job) -> str:
            job.sendData("…")
            result: str = job.data.upper()
            return result

        self.assertEqual(
            [("WORK_DATA", H, "…".encode()), complete(H, "Ä".encode())],
            self.heard(shout, "ä".encode(), codec=TEXT),
        )

    def test_undecodable(self) -> None:
        """
        A workload that cannot be decoded is an exception to its client, and the
        function is not called.
        """
        [(name, handle, text)] = self.heard(self.fail, b"{", codec=JSON)
        self.assertEqual(("WORK_EXCEPTION", H), (name, handle))
        self.assertIn(b"the workload cannot be decoded: ", text)

    def test_unencodable(self) -> None:
        """
        So is a result that cannot be encoded.
        """
        self.assertEqual(
            [exception(H, b"bytes are needed, not str")],
            self.heard(lambda job: "text"),
        )

    def test_raised(self) -> None:
        """
        What a function raises becomes an exception with its text, or its name
        when it has none; JobFailed a failure, and JobException one's own words.
        """
        for error, said in [
            (ValueError("bäd"), exception(H, "bäd".encode())),
            (ValueError(), exception(H, b"ValueError")),
            (JobFailed(), fail(H)),
            (JobException(b"", b"\xffno"), exception(H, b"\xffno")),
        ]:

            def plain(job: Job, error: Exception = error) -> None:
                raise error

            async def coroutine(job: Job, error: Exception = error) -> None:
                raise error

            for function in (plain, coroutine):
                self.assertEqual([said], self.heard(function))

    def test_logged(self) -> None:
        """
        The traceback is logged here, and sent only when that is asked for.
        """

        def bad(job: Job) -> None:
            raise ValueError("bad")

        with self.warns("H:1> failed: Traceback"):
            self.heard(bad)
        [(_, _, text)] = self.heard(bad, tracebacks=True)
        self.assertIn(b"Traceback", text)
        self.assertIn(b"ValueError: bad", text)

    def test_explicit(self) -> None:
        """
        A function that reports the end itself is not heard again, whatever it
        returns or raises then.
        """

        def raises(job: Job) -> None:
            job.complete(b"early")
            raise ValueError("late")

        def failed(job: Job) -> bytes:
            job.fail()
            return b"late"

        def excused(job: Job) -> bytes:
            job.exception("sorry")
            return b"late"

        for function, said in [
            (raises, complete(H, b"early")),
            (failed, fail(H)),
            (excused, exception(H, b"sorry")),
        ]:
            self.assertEqual([said], self.heard(function))

    def test_timeout(self) -> None:
        """
        A job that takes too long is cancelled and not reported, since the server
        has given it to another worker; the next is asked for. Servers do not
        count less than a second.
        """
        slow = Slow()
        for timeout, seconds in ((3.0, 3.0), (0.1, 1.0)):
            worker = self.worker()
            worker.register("f", slow, timeout=timeout)
            line = self.starts(worker)
            line.assigns(H)
            line.hears()
            self.clock.advance(seconds - 0.01)
            self.assertEqual([], slow.cancelled)
            with self.warns(f"took longer than {timeout} s"):
                self.clock.advance(0.01)
            self.assertEqual([H], slow.cancelled)
            slow.cancelled.clear()
            self.assertEqual([GRAB], line.hears())

    def test_timeoutCaught(self) -> None:
        """
        A coroutine that catches the cancellation has lost its job as well.
        """

        async def stubborn(job: Job) -> bytes:
            try:
                await Deferred()
            except CancelledError:
                return b"late"
            raise AssertionError

        worker = self.worker()
        worker.register("f", stubborn, timeout=3)
        line = self.starts(worker)
        line.assigns(H)
        line.hears()
        self.clock.advance(3)
        self.assertEqual([GRAB], line.hears())

    def test_inTime(self) -> None:
        """
        A job that ends in time leaves no timeout behind.
        """
        slow = Slow()
        worker = self.worker()
        worker.register("f", slow, timeout=3)
        line = self.starts(worker)
        line.assigns(H)
        line.hears()
        slow.ends()
        self.assertEqual([complete(H), GRAB], line.hears())
        self.assertEqual([], self.clock.getDelayedCalls())

    def test_unprintable(self) -> None:
        """
        The text of an exception may be any: a file's name that is not UTF-8.
        """

        def bad(job: Job) -> None:
            raise OSError("no \udcff")

        self.assertEqual([exception(H, b"no \\udcff")], self.heard(bad))

    def test_lostMeanwhile(self) -> None:
        """
        A connection that is lost while a function runs costs one slot only.
        """
        other = JobServer(self.clock)
        worker = self.worker(self.server, other)
        worker.register("f", lambda job: self.server.line.drops())
        line = self.starts(worker)
        line.assigns(H)
        self.assertEqual([canDo(b"f"), GRAB], other.line.hears())
        self.clock.advance(RETRY)
        self.assertNotIn(GRAB, self.server.line.hears())


class ConcurrencyTests(WorkerTestCase):
    """
    How many jobs run at once.
    """

    def test_concurrency(self) -> None:
        """
        A worker never has more jobs than it may run, over all servers, and asks
        the servers in turn.
        """
        other = JobServer(self.clock)
        slow = Slow()
        worker = self.worker(self.server, other, concurrency=2)
        worker.register("f", slow)
        first = self.starts(worker)
        first.assigns(b"H:1")
        other.line.assigns(b"H:2")
        self.assertEqual(1, first.hears().count(GRAB))
        self.assertEqual(1, other.line.hears().count(GRAB))
        slow.ends(b"H:2")
        self.assertEqual([GRAB], first.hears())
        slow.ends(b"H:1")
        self.assertEqual([complete(b"H:1")], first.hears())
        self.assertEqual([complete(b"H:2"), GRAB], other.line.hears())

    def test_sleeping(self) -> None:
        """
        A worker for which there is no job sleeps until it is woken.
        """
        worker = self.worker()
        worker.register("f", reverse)
        line = self.starts(worker)
        line.hears()
        line.wakes()
        self.assertEqual([], line.hears())
        line.refuses()
        self.assertEqual([SLEEP], line.hears())
        line.wakes()
        self.assertEqual([GRAB], line.hears())

    def test_ownConcurrency(self) -> None:
        """
        A function with a limit has connections of its own, on which it asks no
        more when the limit is reached, while others go on.
        """
        slow = Slow()
        worker = self.worker(concurrency=3)
        worker.register("f", reverse)
        worker.register("heavy", slow, concurrency=1)
        self.starts(worker)
        common, own = self.server.lines
        self.assertEqual([canDo(b"f"), GRAB], common.hears())
        self.assertEqual([canDo(b"heavy"), GRAB], own.hears())
        own.assigns(H, b"heavy")
        self.assertEqual([], own.hears())
        common.assigns(b"H:2", b"f")
        self.assertEqual([complete(b"H:2"), GRAB], common.hears())
        slow.ends()
        self.assertEqual([complete(H), GRAB], own.hears())
        worker.unregister("heavy")
        self.assertEqual([cantDo(b"heavy")], own.hears())
        self.assertEqual([], common.hears())

    def test_ownConcurrencyWhileRunning(self) -> None:
        """
        One that is registered while the worker runs is connected at once.
        """
        worker = self.worker(concurrency=2)
        worker.register("f", reverse)
        self.starts(worker)
        worker.register("heavy", reverse, concurrency=1)
        self.clock.advance(0)
        self.assertEqual([canDo(b"heavy"), GRAB], self.server.line.hears())
        self.assertEqual(2, len(self.server.lines))


class StoppingTests(WorkerTestCase):
    """
    A worker comes to its end.
    """

    def running(self, **options: Any) -> tuple[Worker[Any], Slow]:
        """
        Start a worker that does a job.
        """
        slow = Slow()
        worker = self.worker(**options)
        worker.register("f", slow)
        line = self.starts(worker)
        line.assigns(H)
        line.hears()
        return worker, slow

    def drained(self, worker: Worker[Any]) -> None:
        """
        Drain a worker that has nothing to do, and see that it disconnects.
        """
        self.successResultOf(worker.drain())
        self.left()

    def left(self) -> None:
        """
        See that the worker disconnects, and does not connect again.
        """
        self.clock.pump([0, 0])
        self.assertEqual([], self.server.open)
        count = len(self.server.lines)
        self.clock.advance(RETRY)
        self.clock.advance(0)
        self.assertEqual(count, len(self.server.lines))

    def test_drainIdle(self) -> None:
        """
        A worker that does nothing is drained at once: one that was not started,
        that sleeps, or whose server is away.
        """
        self.drained(self.worker())
        for away in (False, True):
            worker = self.worker()
            worker.register("f", reverse)
            line = self.starts(worker)
            line.refuses()
            if away:
                line.drops()
            self.drained(worker)

    def test_drainAsking(self) -> None:
        """
        A worker that has asked for a job waits for the answer: when there is
        none it is drained.
        """
        worker = self.worker()
        worker.register("f", reverse)
        line = self.starts(worker)
        line.hears()
        drained = worker.drain()
        self.assertNoResult(drained)
        line.refuses()
        self.assertEqual([], line.hears())
        self.left()
        self.successResultOf(drained)

    def test_drainAskingWithJob(self) -> None:
        """
        When there is one, it is done first.
        """
        slow = Slow()
        worker = self.worker()
        worker.register("f", slow)
        line = self.starts(worker)
        drained = worker.drain()
        line.assigns(H)
        line.hears()
        self.assertNoResult(drained)
        slow.ends()
        self.assertEqual([complete(H)], line.hears())
        self.successResultOf(drained)
        self.left()

    def test_drainRunning(self) -> None:
        """
        A worker that does jobs ends them, and asks for none any more, woken or
        not; each who drains it is told.
        """
        worker, slow = self.running(concurrency=2)
        line = self.server.line
        drained = worker.drain(), worker.drain()
        line.refuses()
        line.wakes()
        self.assertEqual([], line.hears())
        self.assertFalse(line.gone)
        for each in drained:
            self.assertNoResult(each)
        slow.ends()
        self.assertEqual([complete(H)], line.hears())
        for each in drained:
            self.successResultOf(each)
        self.left()

    def test_drainAway(self) -> None:
        """
        A server that comes back while a job that it lost still runs is asked for
        nothing, and is left when the job is over.
        """
        worker, slow = self.running()
        self.server.line.drops()
        drained = worker.drain()
        self.clock.advance(RETRY)
        again = self.server.line
        self.assertEqual([canDo(b"f")], again.hears())
        self.assertNoResult(drained)
        with self.warns("its server is lost"):
            slow.ends()
        self.successResultOf(drained)
        self.left()

    def test_stop(self) -> None:
        """
        Stopping waits for the jobs that run, and is over when all connections
        are closed.
        """
        worker, slow = self.running()
        stopped = worker.stopService()
        self.clock.advance(1)
        self.assertNoResult(stopped)
        slow.ends()
        self.assertNoResult(stopped)
        self.clock.pump([0, 0])
        self.successResultOf(stopped)
        self.assertEqual([complete(H)], self.server.line.hears())
        self.assertEqual([], self.server.open)
        self.assertEqual([], self.clock.getDelayedCalls())

    def test_deadline(self) -> None:
        """
        It does not wait longer than it may: the jobs are cancelled and nothing
        is reported.
        """
        worker, slow = self.running(drainTimeout=7)
        stopped = worker.stopService()
        self.clock.advance(6.9)
        self.assertNoResult(stopped)
        with self.logs(LogLevel.info) as said, self.warns("1 jobs are given up"):
            self.clock.advance(0.1)
        self.assertIn("<RunningJob f H:1> was given up: CancelledError()", said)
        self.assertEqual([H], slow.cancelled)
        self.clock.pump([0, 0])
        self.successResultOf(stopped)
        self.assertEqual([], self.server.line.hears())
        self.assertEqual([], self.server.open)

    def test_restart(self) -> None:
        """
        A stopped worker can be started again, and does as before.
        """
        worker, slow = self.running()
        for handle in (b"H:2", b"H:3"):
            self.stops(worker)
            line = self.starts(worker)
            self.assertEqual([canDo(b"f"), GRAB], line.hears())
            line.assigns(handle)
            slow.ends(handle, b"again")
            self.assertEqual([complete(handle, b"again"), GRAB], line.hears())
            self.assertEqual([line], self.server.open)

    def test_drainAskingEnded(self) -> None:
        """
        A worker that is drained while it asks disconnects whatever it is
        assigned: a job that ends at once, one of a function it never had, one
        whose workload cannot be decoded.
        """
        for function, data in ((b"f", b"1"), (b"other", b""), (b"f", b"{")):
            worker = self.worker(codec=JSON)
            worker.register("f", lambda job: job.data)
            line = self.starts(worker)
            drained = worker.drain()
            line.assigns(H, function, data)
            self.successResultOf(drained)
            self.left()

    def test_drainAskingLost(self) -> None:
        """
        When the server is lost, there is nothing to wait for, and it is not
        connected to again.
        """
        worker = self.worker()
        worker.register("f", reverse)
        line = self.starts(worker)
        drained = worker.drain()
        line.drops()
        self.successResultOf(drained)
        self.left()

    def test_registerDrained(self) -> None:
        """
        A function that is registered with a drained worker waits for the next
        start.
        """
        worker = self.worker()
        worker.startService()
        self.drained(worker)
        worker.register("f", reverse, concurrency=1)
        self.clock.pump([0, 0])
        self.assertEqual([], self.server.lines)
        self.stops(worker)
        self.assertEqual([canDo(b"f"), GRAB], self.starts(worker).hears())

    def test_restartStubborn(self) -> None:
        """
        A job that would not be cancelled and ends after the worker is started
        again makes no room for more jobs than may run.
        """
        end: Deferred[bytes] = Deferred()

        async def stubborn(job: Job) -> bytes:
            try:
                return await Deferred()
            except CancelledError:
                return await end

        worker = self.worker()
        worker.register("f", stubborn)
        self.starts(worker).assigns(H)
        self.stops(worker)
        line = self.starts(worker)
        line.hears()
        end.callback(b"")
        line.assigns(b"H:2")
        self.assertEqual([], line.hears())
