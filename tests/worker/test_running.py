"""
Functions run in threads and in processes.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from concurrent.futures import BrokenExecutor
from multiprocessing import active_children
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp
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
from txgearman.worker.processes import _deaf, _performed
from txgearman.worker.protocol import Assignment, GearmanWorkerProtocol
from txgearman.worker.running import Place, inProcess, inThread

H = b"H:1"


def described(data: bytes) -> bytes:
    """
    What the process does: say who it is, or fail.
    """
    if data == b"bad":
        raise ValueError("bad")
    return b"%d %s" % (os.getpid(), data)


def waiting(data: bytes) -> bytes:
    """
    Say in one file who it is, and wait for another file.
    """
    begun, go = (Path(os.fsdecode(name)) for name in data.split(b"\0"))
    written = begun.with_suffix(".new")
    written.write_text(str(os.getpid()))
    written.rename(begun)
    end = time.monotonic() + 30
    while not go.exists() and time.monotonic() < end:
        time.sleep(0.01)
    return b"late"


def dying(data: bytes) -> bytes:
    """
    Die, if there is something to do.
    """
    if data:
        os.kill(os.getpid(), signal.SIGKILL)
    return b"survived"


class Unreadable(Exception):
    """
    It can be written, and then not be read.
    """

    def __init__(self, handle: bytes, *, text: str) -> None:
        super().__init__(f"{handle!r} {text}" if text else "")


def unreadable(data: bytes) -> None:
    """
    Raise it.
    """
    raise Unreadable(b"h", text=data.decode())


def interrupted(data: bytes) -> bytes:
    """
    Get what a terminal sends to all its processes.
    """
    os.kill(os.getpid(), signal.SIGINT)
    return b"still here"


async def appears(path: Path) -> str:
    """
    Wait for a file.

    @return: what it says.
    """
    await until(path.exists)
    return path.read_text()


async def disappears(pid: int) -> None:
    """
    Wait for the end of a process.
    """

    def ended() -> bool:
        return all(child.pid != pid for child in active_children())

    await until(ended)


async def until(condition: Callable[[], bool]) -> None:
    """
    Wait for a condition, up to 30 seconds.
    """
    from twisted.internet import reactor
    from twisted.internet.task import deferLater

    end = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < end, condition
        await deferLater(reactor, 0.01)


class Bench:
    """
    A runner, and jobs for it, whose reports can be read.

    @ivar job: the last one.
    """

    def __init__(self, case: TestCase, place: Place[bytes], count: int = 1) -> None:
        from twisted.internet import reactor

        self.runner = place.runner(reactor, count)
        self._transport = StringTransport()
        made = GearmanWorkerFactory(RecordingOwner()).buildProtocol(None)
        assert isinstance(made, GearmanWorkerProtocol)
        made.makeConnection(self._transport)
        self._connection = made
        case.addCleanup(self.runner.stop)

    def runs(self, data: bytes = b"") -> Deferred[bytes | None]:
        assignment = Assignment(H, b"f", b"u", data)
        self.job = RunningJob(assignment, "f", "", data, BYTES, self._connection)
        running = self.runner.run(self.job)
        assert isinstance(running, Deferred)
        return running

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
        Who cancels a job waits for its thread, whose result is dropped, unless
        he cancels it again.
        """
        for impatient in (False, True):
            go = Event()

            def waits(job: RunningJob[bytes], go: Event = go) -> bytes:
                go.wait(30)
                return b"late"

            done = Bench(self, inThread(waits)).runs()
            done.cancel()
            self.assertNoResult(done)
            if impatient:
                done.cancel()
                self.failureResultOf(done, CancelledError)
            go.set()
            if not impatient:
                with self.assertRaises(CancelledError):
                    await done

    async def test_lostBefore(self) -> None:
        """
        A job that is lost before its thread has come to it is not done.
        """
        go = Event()
        begun: list[bytes] = []

        def notes(job: RunningJob[bytes]) -> None:
            begun.append(job.data)
            go.wait(30)

        bench = Bench(self, inThread(notes))
        first, second = bench.runs(b"1"), bench.runs(b"2")
        bench.job.lost = True
        second.cancel()
        go.set()
        await first
        with self.assertRaises(CancelledError):
            await second
        self.assertEqual([b"1"], begun)

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

    def noticed(self) -> Path:
        """
        @return: a file that a process may make.
        """
        folder = mkdtemp()
        self.addCleanup(rmtree, folder)
        return Path(folder, "noticed")

    def waits(self, bench: Bench) -> tuple[Deferred[bytes | None], Path, Path]:
        """
        Begin a job that waits.

        @return: its end, a file that says who does it, and one that lets it end.
        """
        begun, go = self.noticed(), self.noticed()
        return bench.runs(b"%s\0%s" % (bytes(begun), bytes(go))), begun, go

    async def test_runs(self) -> None:
        """
        The function runs in another process; results and errors come back.
        """
        bench = Bench(self, inProcess(described))
        pid, _, data = (await bench.runs(b"work") or b"").partition(b" ")
        self.assertEqual(b"work", data)
        self.assertNotEqual(os.getpid(), int(pid))
        with self.assertRaises(ValueError):
            await bench.runs(b"bad")
        self.assertEqual(pid + b" last", await bench.runs(b"last"))

    async def test_cancel(self) -> None:
        """
        Who cancels a job waits for its process, whose result is dropped.
        """
        done, begun, go = self.waits(Bench(self, inProcess(waiting)))
        await appears(begun)
        done.cancel()
        self.assertNoResult(done)
        go.touch()
        with self.assertRaises(CancelledError):
            await done

    async def test_stop(self) -> None:
        """
        When it is stopped while a job runs, the process is ended.
        """
        bench = Bench(self, inProcess(waiting))
        done, begun, _ = self.waits(bench)
        pid = int(await appears(begun))
        bench.job.lost = True
        done.cancel()
        bench.runner.stop()
        with self.assertRaises(CancelledError):
            await done
        await disappears(pid)

    async def test_stopQueue(self) -> None:
        """
        Jobs that wait for a process then are not done.
        """
        bench = Bench(self, inProcess(waiting))
        jobs = [self.waits(bench) for _ in range(5)]
        await appears(jobs[0][1])
        bench.runner.stop()
        for done, *_ in jobs:
            with self.assertRaises(CancelledError):
                await done
        self.assertEqual([False] * 4, [begun.exists() for _, begun, _ in jobs[1:]])

    async def test_dies(self) -> None:
        """
        When a process dies, its job is run once more; another that ran beside it
        as well, and later jobs are run as ever.
        """
        bench = Bench(self, inProcess(waiting), 2)
        jobs = [self.waits(bench) for _ in range(2)]
        pids = {await appears(begun) for _, begun, _ in jobs}
        for _, begun, _ in jobs:
            begun.unlink()
        os.kill(int(min(pids)), signal.SIGKILL)
        for done, begun, go in jobs:
            pids.add(await appears(begun))
            go.touch()
            self.assertEqual(b"late", await done)
        self.assertEqual(4, len(pids))
        done, _, go = self.waits(bench)
        go.touch()
        self.assertEqual(b"late", await done)

    async def test_diesAlways(self) -> None:
        """
        A job whose process dies twice fails, and those after it do not.
        """
        bench = Bench(self, inProcess(dying))
        for _ in range(2):
            with self.assertRaises(BrokenExecutor):
                await bench.runs(b"always")
            self.assertEqual(b"survived", await bench.runs(b""))

    async def test_diesLost(self) -> None:
        """
        A job that is lost when its process dies is not run again.
        """
        bench = Bench(self, inProcess(waiting))
        done, begun, _ = self.waits(bench)
        pid = int(await appears(begun))
        bench.job.lost = True
        begun.unlink()
        os.kill(pid, signal.SIGKILL)
        with self.assertRaises(CancelledError):
            await done
        self.assertFalse(begun.exists())

    async def test_unreadable(self) -> None:
        """
        An exception that cannot be brought over has its text, or else its name,
        and breaks nothing.
        """
        bench = Bench(self, inProcess(unreadable))
        for data, text in ((b"why", "b'h' why"), (b"", "Unreadable")):
            with self.assertRaises(RuntimeError) as caught:
                await bench.runs(data)
            self.assertEqual(text, str(caught.exception))
            with self.assertRaises(RuntimeError):
                _performed(unreadable, data)
        with self.assertRaises(ValueError):
            _performed(described, b"bad")
        self.assertEqual([], self.flushLoggedErrors())

    async def test_interrupted(self) -> None:
        """
        A process takes no notice of an interrupt from the keyboard.
        """
        bench = Bench(self, inProcess(interrupted))
        self.assertEqual(b"still here", await bench.runs())
        before = signal.getsignal(signal.SIGINT)
        self.addCleanup(signal.signal, signal.SIGINT, before)
        _deaf()
        self.assertIs(signal.SIG_IGN, signal.getsignal(signal.SIGINT))
