"""
A worker does jobs.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import CancelledError, Deferred, succeed
from twisted.python.failure import Failure

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
from txgearman.errors import JobException, JobFailed
from txgearman.worker.job import RunningJob
from txgearman.worker.lane import NO_TIME, STREAK

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
            (JobException(b"\xffno"), exception(H, b"\xffno")),
        ]:

            def plain(job: Job, error: Exception = error) -> None:
                raise error

            async def coroutine(job: Job, error: Exception = error) -> None:
                raise error

            for function in (plain, coroutine):
                self.assertEqual([said], self.heard(function))

    def test_exits(self) -> None:
        """
        A function that would end the whole program ends its job, and a failure
        that it returns is one that it raised.
        """

        def exits(job: Job) -> None:
            raise SystemExit("out")

        for function in (exits, lambda job: Failure(SystemExit("out"))):
            self.assertEqual([exception(H, b"out")], self.heard(function))

    def test_givenUpByItself(self) -> None:
        """
        A function may give up its own worker, which has all its slots when it
        starts again.
        """

        def impatient(job: Job) -> bytes:
            worker.stopService()
            worker.giveUp()
            return b"late"

        worker = self.worker()
        worker.register("f", impatient)
        self.starts(worker).assigns(H)
        self.clock.pump([0, 0])
        line = self.starts(worker)
        line.hears()
        worker.register("f", reverse)
        line.assigns(H, b"f", b"ab")
        self.assertIn(complete(H, b"ba"), line.hears())

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
            self.assertEqual([], line.hears(), "another worker has a chance")
            self.clock.advance(0.5)
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
        self.clock.pump([3, 0.5])
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
        line.refuses()
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
        own.refuses()
        self.assertEqual([cantDo(b"heavy"), SLEEP], own.hears())
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

    def test_inNoTime(self) -> None:
        """
        A worker that may run several jobs at once asks for several when one after the
        other is over in no time, more and more.
        """
        worker = self.worker(concurrency=99)
        worker.register("f", reverse)
        line = self.starts(worker)
        outstanding, seen = 0, []
        for _ in range(5):
            for _ in range(STREAK):
                outstanding += line.hears().count(GRAB) - 1
                line.assigns(H)
            seen.append(outstanding + line.hears().count(GRAB))
            outstanding = seen[-1]
        self.assertEqual([2, 4, 8, 16, 16], seen)

    def test_takesTime(self) -> None:
        """
        It asks for one at a time when jobs take longer, in the reactor or not, and
        where each has a connection of its own.
        """

        def blocks(job: Job) -> None:
            self.clock.rightNow += 2 * NO_TIME

        slow = Slow()
        for function, options in ((blocks, {}), (slow, {}), (reverse, {"timeout": 9})):
            self.server.lines.clear()
            worker = self.worker(concurrency=4)
            worker.register("f", function, **options)
            line = self.starts(worker)
            for number in range(3):
                self.assertEqual(1, line.hears().count(GRAB))
                line.assigns(b"H:%d" % number)
            for handle in list(slow.jobs):
                slow.ends(handle)
            self.stops(worker)
