"""
Tests for L{txgearman.testing.pump}: waiting, and the end.
"""

from __future__ import annotations

import gc
from typing import Any

from twisted.internet.defer import Deferred, fail, succeed
from twisted.trial.unittest import SynchronousTestCase

import txgearman.testing as public
from tests.testing.stage import Job, PumpTests, reverse
from txgearman.client.client import Client
from txgearman.client.job import RemoteJob
from txgearman.errors import BadSetting, JobFailed, JobLost, JobTimeout
from txgearman.testing.pump import Pump
from txgearman.worker.worker import Worker


class PublicTests(SynchronousTestCase):
    """
    What the package offers.
    """

    def test_names(self) -> None:
        """
        Every public name is there.
        """
        for name in public.__all__:
            self.assertTrue(hasattr(public, name), name)
        self.assertEqual(public.__all__, sorted(public.__all__))

    def test_example(self) -> None:
        """
        The example works.
        """
        assert public.__doc__ is not None
        lines = public.__doc__.partition("::\n")[2].splitlines()
        code = [line[4:] for line in lines if line.startswith("    ")]
        names: dict[str, Any] = {}
        exec("\n".join(code), names)
        names["test_reverse"]()


class WaitingTests(PumpTests):
    """
    Waiting for what comes of something.
    """

    def test_fired(self) -> None:
        """
        What has fired is not waited for.
        """
        self.assertEqual(self.pump.result(succeed(1)), 1)
        error = self.pump.failure(fail(ValueError("no")), ValueError)
        self.assertEqual(str(error), "no")
        self.assertRaises(ValueError, self.pump.result, fail(ValueError()))

    def test_coroutine(self) -> None:
        """
        A coroutine can be waited for, and may wait for all kinds of things.
        """

        async def scenario() -> list[bytes]:
            job: RemoteJob[bytes] = await self.client.submit("reverse", b"ab")
            return [await job.whenDone(), await self.client.call("reverse", b"cd")]

        self.assertEqual(self.pump.result(scenario()), [b"ba", b"dc"])

    def test_othersClients(self) -> None:
        """
        Clients and workers that others make can use the server and the clock;
        whoever makes them ends them.
        """
        worker = Worker(self.pump.clock, self.server)
        worker.register("twice", lambda job: 2 * job.data)
        client = Client(self.pump.clock, [self.server])
        for service in worker, client:
            service.startService()
        self.assertEqual(self.pump.result(client.call("twice", b"ab")), b"abab")
        for service in worker, client:
            self.pump.result(service.stopService())

    def test_raises(self) -> None:
        """
        What a timed call raises is not lost.
        """
        self.pump.clock.callLater(1, int, "x")
        self.assertRaises(ValueError, self.pump.advance, 2)

    def test_again(self) -> None:
        """
        A result may be asked for twice.
        """
        called = self.client.call("reverse", b"ab")
        self.assertEqual(self.pump.result(called), self.pump.result(called))

    def test_never(self) -> None:
        """
        What does not fire is an error that says what there is to wait for; when
        that came, it can be waited for again.
        """
        called = self.client.call("never", b"x", timeout=90)
        for wait in self.pump.result, lambda d: self.pump.failure(d, JobTimeout):
            error = self.assertRaises(AssertionError, wait, called)
            self.assertEqual(
                str(error),
                "it has not fired, and nothing moves any more; the next timed call is"
                " in 90 s",
            )
        self.pump.advance(90)
        self.pump.failure(called, JobTimeout)

    def test_neverAtAll(self) -> None:
        """
        It says so when time would not help either.
        """
        waiting: Deferred[int] = Deferred()
        error = self.assertRaises(AssertionError, self.pump.result, waiting)
        self.assertEqual(
            str(error),
            "it has not fired, and nothing moves any more; nothing is timed either",
        )
        waiting.callback(3)
        self.assertEqual(self.pump.result(waiting), 3)

    def test_resultInstead(self) -> None:
        """
        A result where a failure was expected is an error.
        """
        error = self.assertRaises(
            AssertionError, self.pump.failure, succeed(b"fine"), JobFailed
        )
        self.assertEqual(
            str(error), "JobFailed was expected, but it has a result: b'fine'"
        )

    def test_otherFailure(self) -> None:
        """
        So is another failure, which one is told.
        """
        cause = ValueError("other")
        error = self.assertRaises(
            AssertionError, self.pump.failure, fail(cause), JobFailed
        )
        self.assertEqual(
            str(error), "JobFailed was expected, but it failed with ValueError('other')"
        )
        self.assertIs(error.__cause__, cause)

    def test_restless(self) -> None:
        """
        Waiting for something while other things never rest ends all the same.
        """
        running = True

        def again() -> None:
            if running:
                self.pump.clock.callLater(0, again)

        again()
        error = self.assertRaises(AssertionError, self.pump.result, Deferred())
        self.assertIn("things still move after", str(error))
        running = False


class ClosingTests(SynchronousTestCase):
    """
    The end of a pump.
    """

    def setUp(self) -> None:
        self.pump = Pump()
        self.server = self.pump.server()

    def closes(self) -> float:
        """
        Close the pump.

        @return: how long that took.
        """
        begin = self.pump.clock.seconds()
        self.pump.close()
        self.assertEqual(self.pump.clock.getDelayedCalls(), [])
        self.assertFalse(self.server.running)
        return self.pump.clock.seconds() - begin

    def test_nothing(self) -> None:
        """
        A pump with nothing but a server closes at once, and twice.
        """
        self.assertEqual(self.closes(), 0)
        self.assertEqual(self.closes(), 0)

    def test_idle(self) -> None:
        """
        So does one with clients and workers that have nothing to do, connected
        or not.
        """
        stopped = self.pump.server()
        for server in self.server, stopped:
            self.pump.worker(server).register("f", reverse)
            self.pump.client(server)
            self.pump.admin(server)
        self.pump.result(self.pump.admin(self.server).status())
        stopped.stop()
        self.pump.settle()
        self.assertEqual(self.closes(), 0)

    def test_notTurned(self) -> None:
        """
        So does one in which nothing has moved yet.
        """
        self.pump.worker().register("f", reverse)
        self.pump.client()
        self.assertEqual(self.closes(), 0)

    def test_running(self) -> None:
        """
        Running jobs have the time that their worker gives them.
        """
        begun: list[Job] = []

        def begin(job: Job) -> Deferred[bytes]:
            begun.append(job)
            return Deferred()

        worker = self.pump.worker(drainTimeout=7)
        worker.register("never", begin)
        self.pump.result(self.pump.client().background("never", b""))
        self.pump.settle()
        self.assertEqual(self.closes(), 7)
        self.assertTrue(begun[0].lost)

    def test_waiting(self) -> None:
        """
        Jobs that are waited for are lost; jobs for later do not come any more.
        """
        client = self.pump.client()
        called = client.call("nobody", b"")
        self.pump.result(client.background("nobody", b"", delay=1000))
        self.assertEqual(self.closes(), 0)
        self.pump.failure(called, JobLost)

    def test_stoppedBefore(self) -> None:
        """
        What a test has stopped itself is stopped still.
        """
        worker, client = self.pump.worker(), self.pump.client()
        self.pump.result(client.stopService())
        self.pump.result(worker.stopService())
        self.assertEqual(self.closes(), 0)
        self.assertFalse(worker.running or client.running)

    def test_manager(self) -> None:
        """
        A pump is closed at the end of its block, whatever happens in it.
        """

        def block() -> None:
            with self.pump as pump:
                self.assertIs(pump, self.pump)
                pump.client()
                raise ValueError

        self.assertRaises(ValueError, block)
        self.assertFalse(self.server.running)
        self.assertEqual(self.pump.clock.getDelayedCalls(), [])

    def test_othersCalls(self) -> None:
        """
        Calls of others are left to them.
        """
        call = self.pump.clock.callLater(100, lambda: None)
        self.pump.client()
        self.pump.close()
        self.assertEqual(self.pump.clock.getDelayedCalls(), [call])

    def test_refused(self) -> None:
        """
        A client of no server cannot be.
        """
        self.assertRaises(BadSetting, Pump().client)

    def test_nothingUnhandled(self) -> None:
        """
        A failure that was asked for is handled.
        """
        self.pump.failure(fail(ValueError()), ValueError)
        gc.collect()
        self.assertEqual(self.flushLoggedErrors(), [])
