"""
Tests for L{txgearman.testing.running}: functions for threads and processes in a
test that has none.
"""

from __future__ import annotations

import os
from threading import current_thread, main_thread

from twisted.trial.unittest import SynchronousTestCase

from txgearman.codecs import JSON
from txgearman.errors import JobException, JobFailed
from txgearman.testing.pump import Pump
from txgearman.worker.job import RunningJob
from txgearman.worker.running import inProcess, inThread


class RunningTests(SynchronousTestCase):
    """
    A worker whose functions are for threads and processes.
    """

    def setUp(self) -> None:
        self.pump = Pump()
        self.addCleanup(self.pump.close)
        self.pump.server()
        self.worker = self.pump.worker()
        self.client = self.pump.client()

    def test_inThread(self) -> None:
        """
        A function for a thread runs in the test's own thread.
        """

        def where(job: RunningJob[bytes]) -> bytes:
            return b"%d" % (current_thread() is main_thread())

        self.worker.register("where", inThread(where))
        self.assertEqual(self.pump.result(self.client.call("where", b"")), b"1")

    def test_inProcess(self) -> None:
        """
        A function for a process runs in the test's own process, and is given the
        workload alone, decoded.
        """
        worker = self.pump.worker(codec=JSON)
        client = self.pump.client(codec=JSON)
        worker.register("where", inProcess(lambda data: [data, os.getpid()]))
        called = client.call("where", {"a": 1})
        self.assertEqual(self.pump.result(called), [{"a": 1}, os.getpid()])

    def test_reports(self) -> None:
        """
        What a function in a thread reports comes in order, before its end.
        """
        news: list[object] = []

        def report(job: RunningJob[bytes]) -> bytes:
            job.sendStatus(1, 2)
            job.sendData(b"part")
            job.sendWarning(b"careful")
            news.append("returned")
            return job.data

        self.worker.register("report", inThread(report))
        called = self.client.call(
            "report",
            b"data",
            onData=news.append,
            onWarning=news.append,
            onStatus=lambda *status: news.append(status),
        )
        self.assertEqual(self.pump.result(called), b"data")
        self.assertEqual(news, ["returned", (1, 2), b"part", b"careful"])

    def test_raises(self) -> None:
        """
        What it raises is what it would be elsewhere.
        """

        def explode(job: RunningJob[bytes]) -> bytes:
            raise ValueError("no")

        def giveUp(data: bytes) -> bytes:
            raise JobFailed()

        self.worker.register("explode", inThread(explode))
        self.worker.register("giveUp", inProcess(giveUp))
        error = self.pump.failure(self.client.call("explode", b""), JobException)
        self.assertEqual(error.data, b"no")
        self.pump.failure(self.client.call("giveUp", b""), JobFailed)

    def test_decorator(self) -> None:
        """
        Functions that run in the reactor are registered as ever.
        """

        @self.worker.register("twice", concurrency=1)
        def twice(job: RunningJob[bytes]) -> bytes:
            return 2 * job.data

        self.assertEqual(self.pump.result(self.client.call("twice", b"ab")), b"abab")
        self.worker.unregister("twice")

    def test_stop(self) -> None:
        """
        A worker with such functions stops, and may start again.
        """
        self.worker.register("f", inThread(lambda job: job.data))
        self.pump.result(self.client.call("f", b""))
        self.pump.result(self.worker.stopService())
        self.worker.startService()
        self.assertEqual(self.pump.result(self.client.call("f", b"a")), b"a")
