"""
Functions run in threads and in processes.
"""

from __future__ import annotations

import os
from threading import Event
from typing import Any

from twisted.internet.defer import CancelledError, Deferred, gatherResults
from twisted.internet.testing import StringTransport
from twisted.python.threadable import isInIOThread
from twisted.trial.unittest import TestCase

from tests.worker.stage import RecordingOwner, Said, heardBy
from txgearman.codecs import BYTES
from txgearman.worker.factory import GearmanWorkerFactory
from txgearman.worker.job import RunningJob
from txgearman.worker.protocol import Assignment, GearmanWorkerProtocol
from txgearman.worker.running import InThread, Runner, inProcess, inThread

H = b"H:1"


def described(data: bytes) -> bytes:
    """
    What the process does: say who it is, or fail.
    """
    if data == b"bad":
        raise ValueError("bad")
    return b"%d %s" % (os.getpid(), data)


class Bench:
    """
    A runner that is started, and jobs for it, whose reports can be read.

    @ivar job: the last one.
    """

    def __init__(self, case: TestCase, runner: Runner[bytes], count: int = 1) -> None:
        from twisted.internet import reactor

        self._runner = runner
        self._transport = StringTransport()
        made = GearmanWorkerFactory(RecordingOwner()).buildProtocol(None)
        assert isinstance(made, GearmanWorkerProtocol)
        made.makeConnection(self._transport)
        self._connection = made
        runner.start(reactor, count)
        case.addCleanup(runner.stop)

    def runs(self, data: bytes = b"") -> Deferred[bytes | None]:
        assignment = Assignment(H, b"f", b"u", data)
        self.job = RunningJob(assignment, "f", "", data, BYTES, self._connection)
        return self._runner.run(self.job)

    def heard(self) -> list[Said]:
        return heardBy(self._transport)


class InThreadTests(TestCase):
    """
    Functions in threads.
    """

    async def test_result(self) -> None:
        """
        The function runs outside of the reactor's thread and is given the job;
        its result comes back.
        """

        def function(job: RunningJob[bytes]) -> bytes:
            assert not isInIOThread()
            assert (job.function, job.handle, job.unique) == ("f", H, b"u")
            return job.data[::-1]

        self.assertEqual(b"ba", await Bench(self, inThread(function)).runs(b"ab"))

    async def test_raises(self) -> None:
        """
        What it raises comes back as well.
        """

        def function(job: RunningJob[bytes]) -> None:
            raise ValueError("bad")

        with self.assertRaises(ValueError):
            await Bench(self, inThread(function)).runs()

    async def test_reports(self) -> None:
        """
        What it reports is sent in order, and before the result is there.
        """

        def completes(job: RunningJob[bytes]) -> None:
            job.sendData(b"part")
            job.sendWarning(b"hm")
            job.sendStatus(1, 2)
            job.complete(b"done")

        def fails(job: RunningJob[bytes]) -> None:
            job.fail()
            job.complete(b"late")

        def excuses(job: RunningJob[bytes]) -> None:
            job.exception("sorry")

        for function, said in [
            (
                completes,
                [
                    ("WORK_DATA", H, b"part"),
                    ("WORK_WARNING", H, b"hm"),
                    ("WORK_STATUS", H, b"1", b"2"),
                    ("WORK_COMPLETE", H, b"done"),
                ],
            ),
            (fails, [("WORK_FAIL", H)]),
            (excuses, [("WORK_EXCEPTION", H, b"sorry")]),
        ]:
            bench = Bench(self, inThread(function))
            self.assertIsNone(await bench.runs())
            self.assertEqual(said, bench.heard())

    async def test_atOnce(self) -> None:
        """
        There is a thread for each job that may run at once.
        """
        met = {b"a": Event(), b"b": Event()}

        def meets(job: RunningJob[bytes]) -> bytes:
            met[job.data].set()
            other = b"b" if job.data == b"a" else b"a"
            return b"met" if met[other].wait(30) else b"alone"

        bench = Bench(self, inThread(meets), 2)
        both = await gatherResults([bench.runs(b"a"), bench.runs(b"b")])
        self.assertEqual([b"met", b"met"], both)

    async def test_cancel(self) -> None:
        """
        Who cancels a job does not wait for its thread, whose result is dropped.
        """
        go, gone = Event(), Event()

        def waits(job: RunningJob[bytes]) -> bytes:
            go.wait(30)
            gone.set()
            return b"late"

        bench = Bench(self, inThread(waits))
        done = bench.runs()
        done.cancel()
        go.set()
        with self.assertRaises(CancelledError):
            await done
        gone.wait(30)

    def test_stop(self) -> None:
        """
        It can be stopped without having been started, and more than once.
        """
        runner: InThread[bytes] = inThread(lambda job: None)
        runner.stop()
        Bench(self, runner)
        runner.stop()
        runner.stop()

    async def test_lost(self) -> None:
        """
        A thread can see that its job is lost, or over.
        """
        go, started = Event(), Event()

        def looks(job: RunningJob[bytes]) -> bytes:
            seen = (job.lost, job.over)
            job.complete(b"")
            started.set()
            go.wait(30)
            return repr((*seen, job.lost, job.over)).encode()

        bench = Bench(self, inThread(looks))
        done = bench.runs()
        started.wait(30)
        bench.job.lost = True
        from twisted.internet import reactor
        from twisted.internet.task import deferLater

        await deferLater(reactor, 0)
        go.set()
        self.assertEqual(b"(False, False, True, True)", await done)

    async def test_wrongValue(self) -> None:
        """
        A value that cannot be encoded raises in the function that gives it, and
        the job goes on.
        """
        raised: list[str] = []

        def confuses(job: RunningJob[Any]) -> bytes:
            for send in (job.sendData, job.sendWarning, job.complete):
                try:
                    send("text")
                except TypeError as error:
                    raised.append(str(error))
            return b"done"

        bench = Bench(self, inThread(confuses))
        self.assertEqual(b"done", await bench.runs())
        self.assertEqual(["bytes are needed, not str"] * 3, raised)
        self.assertEqual([], bench.heard())
        self.assertFalse(bench.job.over)
        self.assertEqual([], self.flushLoggedErrors())


class InProcessTests(TestCase):
    """
    Functions in processes.
    """

    async def test_runs(self) -> None:
        """
        The function runs in another process: results and errors come back, what
        is cancelled before it began is not done, and of what is cancelled later
        the result is dropped.
        """
        runner = inProcess(described)
        runner.stop()
        bench = Bench(self, runner)
        pid, _, data = (await bench.runs(b"work") or b"").partition(b" ")
        self.assertEqual(b"work", data)
        self.assertNotEqual(os.getpid(), int(pid))
        with self.assertRaises(ValueError):
            await bench.runs(b"bad")
        jobs: list[Deferred[Any]] = [bench.runs(b"%d" % i) for i in range(5)]
        for job in jobs:
            job.cancel()
            with self.assertRaises(CancelledError):
                await job
        self.assertEqual(pid + b" last", await bench.runs(b"last"))
