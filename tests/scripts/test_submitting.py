"""
Tests for L{txgearman.scripts.submitting}: the tool as a client.
"""

from __future__ import annotations

import os
import sys
from unittest.mock import patch
from uuid import UUID

from twisted.internet.defer import Deferred

from tests.scripts.stage import PumpTestCase, Stdin, options
from txgearman.board.job import Priority
from txgearman.errors import JobException, JobFailed, NoServers
from txgearman.scripts.printing import PlainPrinter
from txgearman.scripts.submitting import submitAll
from txgearman.worker.job import RunningJob
from txgearman.worker.running import Function

Job = RunningJob[bytes]


class SubmittingTestCase(PumpTestCase):
    """
    A tool that submits jobs, and a worker for them.

    @ivar jobs: the jobs of C{held} that run.
    """

    def setUp(self) -> None:
        super().setUp()
        self.stdin = Stdin(self)
        self.jobs: list[Job] = []
        self.ends: list[Deferred[bytes]] = []

    def works(self, **functions: Function[bytes]) -> None:
        """
        Have a worker do functions.
        """
        worker = self.pump.worker(self.server, concurrency=10)
        for name, function in functions.items():
            worker.register(name, function)
        self.pump.settle()

    def held(self, job: Job) -> Deferred[bytes]:
        """
        A function whose jobs run until the test ends them.
        """
        self.jobs.append(job)
        self.ends.append(Deferred())
        return self.ends[-1]

    def begins(self, *words: str) -> Deferred[int]:
        """
        Begin to submit.
        """
        submitted = submitAll(self.reactor, self.client(), options(*words))
        running = Deferred.fromCoroutine(submitted)
        self.pump.settle()
        return running

    def submits(self, *words: str) -> int:
        """
        Submit, and wait for the end.

        @return: the exit status.
        """
        return self.pump.result(self.begins(*words))


class ResultTests(SubmittingTestCase):
    """
    Tests of what comes of jobs.
    """

    def test_arguments(self) -> None:
        """
        Each argument is a job, one behind the other, and their results come in
        order.
        """
        self.works(f=lambda job: job.data.upper())
        self.assertEqual(self.submits("-f", "f", "a", "b", "c"), 0)
        self.assertEqual(self.out.take(), b"ABC")
        self.assertEqual(self.err.take(), b"")

    def test_functions(self) -> None:
        """
        Each workload is a job of every function.
        """
        self.works(f=lambda job: b"f" + job.data, g=lambda job: b"g" + job.data)
        self.assertEqual(self.submits("-Pf", "f", "-f", "g", "1", "2"), 0)
        self.assertEqual(self.out.take(), b"f: f1g: g1f: f2g: g2")

    def test_events(self) -> None:
        """
        What a worker reports is printed when it comes.
        """
        self.works(f=self.held)
        running = self.begins("-f", "f", "a")
        [job] = self.jobs
        job.sendData(b"data\n")
        job.sendStatus(1, 2)
        self.pump.settle()
        self.assertEqual(self.out.take(), b"data\n50% Complete\n")
        job.sendWarning(b"careful\n")
        self.pump.settle()
        self.assertEqual(self.err.take(), b"careful\n")
        self.ends[0].callback(b"end\n")
        self.assertEqual(self.pump.result(running), 0)
        self.assertEqual(self.out.take(), b"end\n")

    def test_failures(self) -> None:
        """
        A job that fails makes the exit status 1, and the next ones are done all
        the same.
        """

        def some(job: Job) -> bytes:
            if job.data == b"fail":
                raise JobFailed
            if job.data == b"raise":
                raise JobException(data=b"boom")
            return job.data

        self.works(f=some)
        self.assertEqual(self.submits("-f", "f", "a", "fail", "b"), 1)
        self.assertEqual((self.out.take(), self.err.take()), (b"ab", b"Job failed\n"))
        self.assertEqual(self.submits("-f", "f", "raise", "b"), 1)
        self.assertEqual((self.out.take(), self.err.take()), (b"b", b"boom\n"))

    def test_refused(self) -> None:
        """
        A job that the server does not take has failed.
        """
        self.pump.result(self.pump.admin(self.server).maxQueue("f", 1))
        self.assertEqual(self.submits("-bf", "f", "a", "b"), 1)
        self.assertEqual(
            self.err.take(), b"txgearman: QUEUE_ERROR: Job queue is full\n"
        )

    def test_timeout(self) -> None:
        """
        A job that takes too long has failed, and the next one has its own time.
        """
        self.works(f=self.held)
        running = self.begins("-f", "f", "-t", "1500", "a", "b")
        self.pump.advance(1.4)
        self.assertEqual(self.err.take(), b"")
        self.pump.advance(0.1)
        self.assertIn(b"no end within 1.5 s", self.err.take())
        self.pump.advance(1)
        self.ends[1].callback(b"second")
        self.assertEqual(self.pump.result(running), 1)
        self.assertEqual(self.out.take(), b"second")
        self.ends[0].callback(b"")

    def test_lost(self) -> None:
        """
        A job whose server is lost has failed.
        """
        self.works(f=self.held)
        running = self.begins("-f", "f", "a")
        self.server.cut()
        self.assertEqual(self.pump.result(running), 1)
        self.assertIn(b"txgearman: H:jobs:1: ", self.err.take())
        self.ends[0].callback(b"")

    def test_json(self) -> None:
        """
        With C{--json}, each thing that happens is a line.
        """
        self.works(f=lambda job: job.data)
        self.assertEqual(self.submits("--json", "-u", "me", "-f", "f", "a"), 0)
        created, completed = self.out.values()
        self.assertEqual((created["event"], created["unique"]), ("created", "me"))
        self.assertEqual((completed["event"], completed["result"]), ("completed", "a"))

    def test_impossible(self) -> None:
        """
        What the protocol has no words for ends it, and is no failure of a job.
        """
        for words in [["-I", "--delay", "1"], ["--reducer", "r", "--delay", "1"]]:
            running = self.begins("-f", "f", *words, "a", "b")
            self.pump.failure(running, ValueError)
        self.assertEqual(list(self.server.board.jobs), [])


class OptionTests(SubmittingTestCase):
    """
    Tests of how jobs are submitted.
    """

    def test_background(self) -> None:
        """
        Nobody waits for the result of jobs for the background.
        """
        self.assertEqual(self.submits("-vbf", "f", "a", "b"), 0)
        told = b"Task created: H:jobs:1\nTask created: H:jobs:2\n"
        self.assertEqual(self.out.take(), told)
        jobs = self.server.board.jobs.values()
        self.assertEqual([job.background for job in jobs], [True, True])

    def test_delay(self) -> None:
        """
        A job for later is one for the background.
        """
        self.assertEqual(self.submits("-f", "f", "--delay", "5", "a"), 0)
        [job] = self.server.board.jobs.values()
        self.assertEqual(job.due, self.pump.clock.seconds() + 5)
        self.assertTrue(job.background)

    def test_at(self) -> None:
        """
        A job's time may be one of the epoch.
        """
        self.assertEqual(self.submits("-f", "f", "--at", "1900000000", "a"), 0)
        [job] = self.server.board.jobs.values()
        self.assertEqual(job.due, 1900000000)

    def test_priority(self) -> None:
        """
        Jobs have the priority that is asked for.
        """
        rows = [([], Priority.NORMAL), (["-I"], Priority.HIGH), (["-L"], Priority.LOW)]
        for words, expected in rows:
            self.submits("-bf", "f", *words, "a")
            *_, job = self.server.board.jobs.values()
            self.assertIs(job.priority, expected)

    def test_unique(self) -> None:
        """
        A unique is random, unless one is given.
        """
        self.submits("-bf", "f", "a", "b")
        uniques = {job.unique for job in self.server.board.jobs.values()}
        self.assertEqual(len({UUID(unique.decode()) for unique in uniques}), 2)
        self.submits("-bf", "f", "-u", "me", "c")
        *_, job = self.server.board.jobs.values()
        self.assertEqual(job.unique, b"me")

    def test_uniqueOfWorkload(self) -> None:
        """
        With C{-u -} equal workloads are one job.
        """
        self.submits("-bf", "f", "-u", "-", "a", "a", "b")
        self.assertEqual(len(self.server.board.jobs), 2)

    def test_reducer(self) -> None:
        """
        A worker hears of a reducer.
        """
        self.works(f=lambda job: job.reducer.encode())
        self.assertEqual(self.submits("-f", "f", "--reducer", "r", "a"), 0)
        self.assertEqual(self.out.take(), b"r")


class ManyTests(SubmittingTestCase):
    """
    Tests of several jobs at once.
    """

    def test_oneAtATime(self) -> None:
        """
        Without C{-j} a job is submitted when the one before is over.
        """
        self.works(f=self.held)
        running = self.begins("-f", "f", "a", "b", "c")
        for number in range(3):
            self.assertEqual(len(self.jobs), number + 1)
            self.ends[number].callback(self.jobs[number].data)
            self.pump.settle()
        self.assertEqual(self.pump.result(running), 0)
        self.assertEqual(self.out.take(), b"abc")

    def test_atOnce(self) -> None:
        """
        There are never more jobs under way than C{-j} says, and as many as it
        says when there is enough to do; results are printed as they come.
        """
        self.works(f=self.held)
        running = self.begins("-f", "f", "-j3", *"abcdefg")
        for over, ended in enumerate([1, 0, 3, 2, 4, 6, 5]):
            self.assertEqual(len(self.server.board.jobs), min(3, 7 - over))
            self.assertEqual(len(self.jobs), min(3 + over, 7))
            self.assertNoResult(running)
            self.ends[ended].callback(self.jobs[ended].data)
            self.pump.settle()
        self.assertEqual(self.pump.result(running), 0)
        self.assertEqual(self.out.take(), b"badcegf")

    def test_functionsAtOnce(self) -> None:
        """
        C{-j} counts workloads: one is over when each of its functions is.
        """
        self.works(f=self.held, g=self.held)
        running = self.begins("-f", "f", "-f", "g", "a", "b")
        self.assertEqual([job.data for job in self.jobs], [b"a", b"a"])
        self.ends[0].callback(b"")
        self.pump.settle()
        self.assertEqual(len(self.jobs), 2)
        self.ends[1].callback(b"")
        self.pump.settle()
        self.assertEqual([job.data for job in self.jobs[2:]], [b"b", b"b"])
        for end in self.ends[2:]:
            end.callback(b"")
        self.assertEqual(self.pump.result(running), 0)

    def test_lines(self) -> None:
        """
        A line is submitted when it comes, and the end of stdin waits for the
        jobs that are under way.
        """
        self.works(f=self.held)
        running = self.begins("-nf", "f", "-j2")
        self.stdin.comes(b"a\nb\nc\n")
        self.pump.settle()
        self.assertEqual([job.data for job in self.jobs], [b"a\n", b"b\n"])
        self.stdin.comes(b"")
        for end in range(3):
            self.assertNoResult(running)
            self.ends[end].callback(b"")
            self.pump.settle()
        self.assertEqual(self.pump.result(running), 0)

    def test_nothing(self) -> None:
        """
        Where there are no lines there are no jobs, and nothing failed.
        """
        self.stdin.comes(b"")
        self.assertEqual(self.submits("-nf", "f", "-j4"), 0)
        self.assertEqual(list(self.server.board.jobs), [])


class EndTests(SubmittingTestCase):
    """
    Tests of what ends it before its time.
    """

    def test_noServers(self) -> None:
        """
        When there is no server any more, no further job is tried.
        """
        self.works(f=self.held)
        running = self.begins("-nf", "f")
        self.server.stop()
        self.pump.settle()
        self.stdin.comes(b"a\nb\nc\n")
        self.pump.advance(9.9)
        self.assertNoResult(running)
        self.pump.advance(0.2)
        self.pump.failure(running, NoServers)
        self.assertEqual(self.out.take(), b"")

    def test_brokenPrinter(self) -> None:
        """
        When what it prints cannot be written, no further job is submitted.
        """

        def breaks(printer: object, job: object, result: bytes) -> None:
            raise BrokenPipeError

        self.patch(PlainPrinter, "completed", breaks)
        self.works(f=lambda job: job.data)
        self.pump.failure(self.begins("-f", "f", "a", "b"), BrokenPipeError)
        self.assertEqual(self.server.board.jobs, {})

    def test_brokenAtOnce(self) -> None:
        """
        With jobs under way, the first thing that breaks is told, and those that
        wait for their turn are not submitted.
        """
        broken: list[bytes] = []

        def breaks(printer: object, job: object, result: bytes) -> None:
            broken.append(result)
            raise BrokenPipeError(result)

        self.patch(PlainPrinter, "completed", breaks)
        self.works(f=self.held)
        running = self.begins("-f", "f", "-j2", "a", "b", "c", "d")
        self.ends[1].callback(b"second")
        error = self.pump.failure(running, BrokenPipeError)
        self.assertEqual(error.args, (b"second",))
        self.assertEqual([job.data for job in self.jobs], [b"a", b"b"])
        self.ends[0].callback(b"first")

    def test_brokenTail(self) -> None:
        """
        What breaks ends it at once, though all workloads are submitted and others
        are under way.
        """

        def breaks(printer: object, job: object, result: bytes) -> None:
            raise BrokenPipeError

        self.patch(PlainPrinter, "completed", breaks)
        self.works(f=self.held)
        running = self.begins("-f", "f", "-j2", "a", "b")
        self.ends[1].callback(b"second")
        self.pump.failure(running, BrokenPipeError)
        self.ends[0].callback(b"")

    def test_brokenEvent(self) -> None:
        """
        So does what breaks when a part of a result is printed; what comes behind
        it is not printed.
        """

        def breaks(printer: object, job: object, data: bytes) -> None:
            raise BrokenPipeError

        self.patch(PlainPrinter, "dataReceived", breaks)
        self.works(f=self.held)
        running = self.begins("-f", "f", "a")
        self.jobs[0].sendData(b"one")
        self.jobs[0].sendStatus(1, 2)
        self.pump.failure(running, BrokenPipeError)
        self.assertEqual(self.out.take(), b"")
        self.ends[0].callback(b"")

    def test_silentBehindTheEnd(self) -> None:
        """
        Of jobs that are lost because it ends nothing is said.
        """

        def breaks(printer: object, job: object, result: bytes) -> None:
            raise BrokenPipeError

        self.patch(PlainPrinter, "completed", breaks)
        self.works(f=self.held)
        client = self.client()
        words = options("-f", "f", "-j2", "a", "b", "c")
        running = Deferred.fromCoroutine(submitAll(self.reactor, client, words))
        self.pump.settle()
        self.ends[1].callback(b"")
        self.pump.failure(running, BrokenPipeError)
        self.pump.result(client.stopService())
        self.assertEqual(self.err.take(), b"")
        self.ends[0].callback(b"")

    def test_brokenLast(self) -> None:
        """
        What breaks with the last job is told, too.
        """

        def breaks(printer: object, job: object) -> None:
            raise BrokenPipeError

        self.patch(PlainPrinter, "created", breaks)
        self.pump.failure(self.begins("-bf", "f", "a"), BrokenPipeError)

    def test_unreadable(self) -> None:
        """
        When stdin cannot be read that is told.
        """
        self.stdin.comes(OSError("no stdin"))
        self.pump.failure(self.begins("-f", "f"), OSError)


class PrinterTests(SubmittingTestCase):
    """
    Tests of how it is chosen how to print.
    """

    def setUp(self) -> None:
        super().setUp()
        environment = patch.dict(os.environ, {"TERM": "xterm", "COLUMNS": "100"})
        environment.start()
        self.addCleanup(environment.stop)

        def half(job: Job) -> bytes:
            job.sendStatus(1, 2)
            return b"result"

        self.works(f=half)

    def test_terminal(self) -> None:
        """
        On a terminal progress is a bar, and the cursor is back at the end.
        """
        self.out.terminal = True
        self.assertEqual(self.submits("-vPf", "f", "a"), 0)
        printed = self.out.take()
        self.assertIn(b"Task created: H:jobs:1\n", printed)
        self.assertIn(b"50%", printed)
        self.assertNotIn(b"Complete", printed)
        self.assertTrue(printed.endswith(b"f: result"))
        self.assertGreater(printed.rindex(b"\x1b[?25h"), printed.rindex(b"\x1b[?25l"))

    def test_terminalWithoutRich(self) -> None:
        """
        On a terminal without rich, progress is a line.
        """
        self.out.terminal = True
        with patch.dict(sys.modules, {"txgearman.scripts.bar": None}):
            self.assertEqual(self.submits("-f", "f", "a"), 0)
        self.assertEqual(self.out.take(), b"50% Complete\nresult")

    def test_jsonOnTerminal(self) -> None:
        """
        JSON is JSON on a terminal, too.
        """
        self.out.terminal = True
        self.assertEqual(self.submits("--json", "-f", "f", "a"), 0)
        events = [told["event"] for told in self.out.values()]
        self.assertEqual(events, ["created", "status", "completed"])

    def test_finished(self) -> None:
        """
        The printer hears of the end, however it comes.
        """
        finished: list[PlainPrinter] = []
        self.patch(PlainPrinter, "finished", lambda self: finished.append(self))
        self.submits("-f", "f", "a")
        self.assertEqual(len(finished), 1)
        self.pump.failure(self.begins("-If", "f", "--delay", "1", "a"), ValueError)
        self.assertEqual(len(finished), 2)
