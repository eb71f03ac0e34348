"""
Tests of L{txgearman.testing}: jobs that go through all of it.
"""

from __future__ import annotations

from datetime import UTC, datetime

from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater
from twisted.trial.unittest import SynchronousTestCase

from tests.testing.stage import Job, PumpTests, reverse
from txgearman.client.client import Client
from txgearman.codecs import JSON, TEXT
from txgearman.errors import (
    JobException,
    JobFailed,
    JobTimeout,
)
from txgearman.server.settings import CONGESTED
from txgearman.testing.pump import Pump
from txgearman.testing.wire import SEGMENT
from txgearman.worker.worker import Worker


class JobTests(PumpTests):
    """
    What becomes of jobs.
    """

    def test_call(self) -> None:
        """
        A call has its result without any time passing.
        """
        begin = self.pump.clock.seconds()
        called = self.client.call("reverse", b"hello")
        self.assertEqual(self.pump.result(called), b"olleh")
        self.assertEqual(self.pump.clock.seconds(), begin)

    def test_background(self) -> None:
        """
        A job in the background is done when things have settled.
        """
        done: list[bytes] = []
        self.worker.register("note", lambda job: done.append(job.data))
        job = self.pump.result(self.client.background("note", b"data"))
        self.assertTrue(job.background)
        self.pump.settle()
        self.assertEqual(done, [b"data"])
        self.assertFalse(self.pump.result(self.client.status(job.handle)).known)

    def test_failures(self) -> None:
        """
        A job that fails, or raises, fails for its client in its own way.
        """

        def giveUp(job: Job) -> bytes:
            raise JobFailed(handle=job.handle)

        async def explode(job: Job) -> bytes:
            raise KeyError(job.data.decode())

        self.worker.register("giveUp", giveUp)
        self.worker.register("explode", explode)
        self.pump.failure(self.client.call("giveUp", b""), JobFailed)
        error = self.pump.failure(self.client.call("explode", b"k"), JobException)
        self.assertEqual(error.data, b"'k'")
        self.assertRaises(
            JobException, self.pump.result, self.client.call("explode", b"k")
        )

    def test_events(self) -> None:
        """
        What a worker reports on the way arrives in order, as time passes.
        """
        news: list[object] = []

        async def work(job: Job) -> bytes:
            for part in 1, 2:
                await deferLater(self.pump.clock, 10)
                job.sendStatus(part, 2)
                job.sendData(b"part %d" % part)
            job.sendWarning(b"old")
            return b"all"

        self.worker.register("work", work)
        called = self.client.call(
            "work",
            b"",
            onStatus=lambda *status: news.append(status),
            onData=news.append,
            onWarning=news.append,
        )
        self.pump.advance(10)
        self.assertEqual(news, [(1, 2), b"part 1"])
        self.pump.advance(10)
        self.assertEqual(news, [(1, 2), b"part 1", (2, 2), b"part 2", b"old"])
        self.assertEqual(self.pump.result(called), b"all")

    def test_delayed(self) -> None:
        """
        A job for later runs at its time, and not before.
        """
        times: list[float] = []
        self.worker.register(
            "when", lambda job: times.append(self.pump.clock.seconds())
        )
        at = datetime(2024, 1, 1, tzinfo=UTC)
        begin = self.pump.clock.seconds()
        self.pump.result(self.client.background("when", b"1", delay=60))
        self.pump.result(self.client.background("when", b"2", at=at))
        self.pump.advance(59)
        self.assertEqual(times, [])
        self.pump.advance(1)
        self.assertEqual(times, [begin + 60])
        self.pump.advance(100 * 24 * 3600)
        self.assertEqual(times, [begin + 60, at.timestamp()])

    def test_timeout(self) -> None:
        """
        A client that waits no longer than it likes gives up when time passes.
        """
        self.never()
        called = self.client.call("never", b"", timeout=5)
        self.pump.advance(4.9)
        self.assertNoResult(called)
        self.pump.advance(0.2)
        self.pump.failure(called, JobTimeout)

    def test_workersTimeout(self) -> None:
        """
        A job that takes too long is given to another worker.
        """
        slow: list[Job] = []

        def begin(job: Job) -> Deferred[bytes]:
            slow.append(job)
            return Deferred()

        self.worker.register("f", begin, timeout=5)
        called = self.client.call("f", b"abc")
        self.pump.settle()
        self.pump.worker(self.server).register("f", reverse)
        self.pump.settle()
        self.assertNoResult(called)
        self.pump.advance(8)
        self.assertEqual(self.pump.result(called), b"cba")
        self.assertTrue(slow[0].lost)

    def test_coalescing(self) -> None:
        """
        Jobs of one unique are done once, for all who wait.
        """
        begun = self.never("slow")
        other = self.pump.client(self.server)
        calls = [c.call("slow", b"x", unique="u") for c in (self.client, other)]
        self.pump.settle()
        [job] = begun
        job.complete(b"once")
        self.assertEqual([self.pump.result(call) for call in calls], [b"once"] * 2)

    def test_concurrency(self) -> None:
        """
        A worker runs as many jobs at once as it may.
        """
        begun = self.never()
        for number in range(6):
            self.pump.result(self.client.background("never", b"%d" % number))
        self.pump.settle()
        self.assertEqual([job.data for job in begun], [b"0", b"1", b"2", b"3"])

    def test_map(self) -> None:
        """
        Many jobs may be under way at once.
        """
        items = [b"a%d" % number for number in range(100)]
        results = self.pump.result(self.client.map("reverse", items))
        self.assertEqual(results, [item[::-1] for item in items])

    def test_large(self) -> None:
        """
        Some MiB go to the worker and back, and no buffer of the server or the
        network ever holds more than a peer may be owed.
        """
        data = bytes(range(256)) * 4 * 4096
        called = self.client.call("reverse", data)
        most = 0
        while self.pump.turn():
            for joint in self.server.connections:
                for wire in joint.client, joint.server:
                    self.assertLessEqual(wire.waiting, 2 * SEGMENT)
                most = max(most, len(joint.server.buffer))
        self.assertEqual(self.pump.result(called), data[::-1])
        self.assertLess(most, 4 * SEGMENT)

    def test_backpressure(self) -> None:
        """
        A client that does not read holds the worker back that has much for it,
        and gets everything when it reads.
        """
        count = 60
        parts: list[bytes] = []
        begun = self.never()
        called = self.client.call("never", b"", onData=parts.append)
        self.pump.settle()
        worker, client = self.server.connections
        client.client.pauseProducing()
        for number in range(count):
            begun[0].sendData(b"%d" % number * SEGMENT)
        begun[0].complete(b"end")
        self.pump.settle()
        self.assertLess(worker.server.arrived, CONGESTED + 8 * SEGMENT)
        self.assertEqual(parts, [])
        client.client.resumeProducing()
        self.assertEqual(self.pump.result(called), b"end")
        self.assertEqual(parts, [b"%d" % n * SEGMENT for n in range(count)])

    def test_byteByByte(self) -> None:
        """
        Jobs are done as well when everything comes byte by byte.
        """
        self.pump.settle()
        for joint in self.server.connections:
            joint.client.segment = joint.server.segment = 1
        self.assertEqual(self.pump.result(self.client.call("reverse", b"ab")), b"ba")


class CodecTests(SynchronousTestCase):
    """
    Clients and workers of other things than bytes.
    """

    def test_typed(self) -> None:
        """
        Clients and workers are of what their codec makes.
        """
        with Pump() as pump:
            pump.server()
            worker: Worker[str] = pump.worker(codec=TEXT, namespace="t/")
            client: Client[str] = pump.client(codec=TEXT, namespace="t/")
            worker.register("upper", lambda job: job.data.upper())
            result: str = pump.result(client.call("upper", "ärger"))
            self.assertEqual(result, "ÄRGER")
            raw: Client[bytes] = pump.client()
            self.assertEqual(pump.result(raw.call("t/upper", b"a")), b"A")

    def test_json(self) -> None:
        """
        What the codec cannot encode fails at once.
        """
        with Pump() as pump:
            pump.server()
            client = pump.client(codec=JSON)
            pump.failure(client.call("f", object()), TypeError)
