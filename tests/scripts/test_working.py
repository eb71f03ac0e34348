"""
Tests for L{txgearman.scripts.working}: the tool as a worker.
"""

from __future__ import annotations

import os
import shutil
import signal

from twisted.internet.defer import CancelledError, Deferred

from tests.scripts.stage import Process, PumpTestCase, options
from txgearman.board.job import JobState
from txgearman.client.job import RemoteJob
from txgearman.errors import JobException, JobFailed
from txgearman.scripts import working
from txgearman.scripts.working import work
from txgearman.worker.worker import Worker


class WorkingTestCase(PumpTestCase):
    """
    A tool that does jobs of C{f}, and a client for them.
    """

    def begins(self, *words: str) -> Deferred[int]:
        """
        Begin to work.
        """
        said = options("-wf", "f", *words)
        worker = Worker(self.pump.clock, [self.server], concurrency=said.jobs)
        running = Deferred.fromCoroutine(work(self.reactor, worker, said))
        self.pump.settle()
        return running

    def submits(self, *workloads: bytes, function: str = "f") -> list[RemoteJob[bytes]]:
        """
        Submit jobs whose data is gathered in C{self.data}.
        """
        self.data: list[bytes] = []
        client = self.client()
        jobs = [
            self.pump.result(client.submit(function, one, onData=self.data.append))
            for one in workloads
        ]
        self.pump.settle()
        return jobs

    @property
    def process(self) -> Process:
        """
        The command that was run last.
        """
        return self.reactor.processes[-1]

    def ends(self, status: int = 0, killer: int | None = None) -> None:
        """
        End the command.
        """
        self.process.ends(status, killer)
        self.pump.settle()

    def finishes(self, running: Deferred[int]) -> None:
        """
        Tell it to end, and check that it does.
        """
        self.hears()
        self.assertEqual(self.pump.result(running), 0)


class CommandTests(WorkingTestCase):
    """
    Tests of a worker with a command.
    """

    def test_result(self) -> None:
        """
        The command gets the workload, and what it wrote is the result.
        """
        running = self.begins("--", "cat", "-u")
        [job] = self.submits(b"workload\xff")
        process = self.process
        self.assertEqual((process.stdin, process.open), (b"workload\xff", False))
        self.assertEqual(process.program, shutil.which(b"cat"))
        self.assertEqual(process.words, [b"cat", b"-u"])
        process.says(b"re", b"sult")
        self.ends()
        self.assertEqual(self.pump.result(job.whenDone()), b"result")
        self.assertEqual(self.data, [])
        self.finishes(running)

    def test_environment(self) -> None:
        """
        The command knows its job, and has all else of the tool's environment.
        """
        running = self.begins("cat")
        submitted = self.client().background("f", b"", unique=b"me\xff")
        self.pump.result(submitted)
        self.pump.settle()
        about = {
            b"GEARMAN_FUNCTION": b"f",
            b"GEARMAN_HANDLE": b"H:jobs:1",
            b"GEARMAN_UNIQUE": b"me\xff",
        }
        self.assertEqual(self.process.environment, {**os.environb, **about})
        self.ends()
        self.finishes(running)

    def test_failed(self) -> None:
        """
        A command that fails fails its job; what it wrote is sent all the same,
        and the tool says how it ended.
        """
        rows = [
            (3, None, b"exit status 3"),
            (0, 9, b"killed by signal 9"),
        ]
        running = self.begins("cat")
        for number, (status, killer, expected) in enumerate(rows, 1):
            [job] = self.submits(b"")
            self.process.says(b"half")
            self.ends(status, killer)
            self.pump.failure(job.whenDone(), JobFailed)
            self.assertEqual(self.data, [b"half"])
            said = b"txgearman: f H:jobs:%d: %b\n" % (number, expected)
            self.assertEqual(self.err.take(), said)
        self.finishes(running)

    def test_failedWithoutOutput(self) -> None:
        """
        A command that fails and wrote nothing sends nothing.
        """
        running = self.begins("cat")
        [job] = self.submits(b"")
        self.ends(1)
        self.pump.failure(job.whenDone(), JobFailed)
        self.assertEqual(self.data, [])
        self.finishes(running)

    def test_lines(self) -> None:
        """
        With C{-n} each line is sent when it comes, and with C{-N} without its
        newline; the result is empty.
        """
        rows = [
            ("-n", [b"one\n", b"\n", b"two\r\n", b"three"]),
            ("-N", [b"one", b"", b"two\r", b"three"]),
        ]
        for word, expected in rows:
            running = self.begins(word, "--", "cat")
            [job] = self.submits(b"")
            self.process.says(b"one\n\ntwo\r\nth")
            self.pump.settle()
            self.assertEqual(self.data, expected[:3])
            self.process.says(b"ree")
            self.ends()
            self.assertEqual(self.pump.result(job.whenDone()), b"")
            self.assertEqual(self.data, expected)
            self.finishes(running)

    def test_failedWithLines(self) -> None:
        """
        What was sent line by line is not sent again when the command fails.
        """
        running = self.begins("-n", "--", "cat")
        [job] = self.submits(b"")
        self.process.says(b"one\ntwo")
        self.ends(1)
        self.pump.failure(job.whenDone(), JobFailed)
        self.assertEqual(self.data, [b"one\n", b"two"])
        self.finishes(running)

    def test_notSpawned(self) -> None:
        """
        When no process can be made the job fails, and its client learns why.
        """
        running = self.begins("cat")
        self.reactor.refusal = OSError("no more processes")
        [job] = self.submits(b"")
        error = self.pump.failure(job.whenDone(), JobException)
        self.assertEqual(error.data, b"no more processes")
        self.finishes(running)

    def test_functions(self) -> None:
        """
        One command does the jobs of all functions.
        """
        running = self.begins("-f", "g", "cat")
        for function in "f", "g":
            [job] = self.submits(b"", function=function)
            named = self.process.environment[b"GEARMAN_FUNCTION"]
            self.assertEqual(named, function.encode())
            self.ends()
            self.pump.result(job.whenDone())
        self.finishes(running)

    def test_atOnce(self) -> None:
        """
        With C{-j} so many commands run at once, and without it one.
        """
        for words, expected in ([], 1), (["-j2"], 2):
            self.reactor.processes.clear()
            running = self.begins(*words, "cat")
            jobs = self.submits(b"", b"", b"")
            self.assertEqual(len(self.reactor.processes), expected)
            for number in range(3):
                self.reactor.processes[number].ends()
                self.pump.settle()
            for job in jobs:
                self.pump.result(job.whenDone())
            self.finishes(running)

    def test_timeout(self) -> None:
        """
        A command that takes too long is ended, and the server gives the job to
        somebody else, here the same worker.
        """
        running = self.begins("--timeout", "2", "cat")
        [job] = self.submits(b"")
        first = self.process
        self.pump.advance(1.9)
        self.assertEqual(first.signals, [])
        self.pump.advance(0.2)
        self.assertEqual(first.signals, ["TERM"])
        # It is not one too many: the next one waits for its end.
        self.assertIs(self.process, first)
        first.ends(killer=15)
        self.pump.advance(0.6)
        second = self.process
        self.assertIsNot(first, second)
        second.says(b"result")
        self.ends()
        self.assertEqual(self.pump.result(job.whenDone()), b"result")
        self.assertEqual(self.err.take(), b"")
        self.finishes(running)


class PrintingTests(WorkingTestCase):
    """
    Tests of a worker without a command.
    """

    def test_printed(self) -> None:
        """
        Workloads are printed as they are, and their results are empty.
        """
        running = self.begins()
        jobs = self.submits(b"one\n", b"\xff\0")
        results = [self.pump.result(job.whenDone()) for job in jobs]
        self.assertEqual(results, [b"", b""])
        self.assertEqual(self.out.take(), b"one\n\xff\0")
        self.finishes(running)

    def test_json(self) -> None:
        """
        With C{--json}, each is a line that says whose it is.
        """
        running = self.begins("--json")
        self.submits(b"one\n", b"\xff")
        one, two = self.out.values()
        self.assertEqual((one["function"], one["handle"]), ("f", "H:jobs:1"))
        self.assertEqual((one["data"], two["dataBase64"]), ("one\n", "/w=="))
        self.assertEqual(set(one), {"function", "handle", "unique", "data"})
        self.finishes(running)


class EndTests(WorkingTestCase):
    """
    Tests of how it ends.
    """

    def test_signals(self) -> None:
        """
        It heeds both signals that end a tool.
        """
        for number in signal.SIGINT, signal.SIGTERM:
            running = self.begins("cat")
            self.hears(number)
            self.assertEqual(self.pump.result(running), 0)

    def test_signalAfterCount(self) -> None:
        """
        A signal while the last job of C{-c} runs changes nothing.
        """
        running = self.begins("-c1", "--", "cat")
        [job] = self.submits(b"")
        self.hears()
        self.process.says(b"result")
        self.ends()
        self.assertEqual(self.pump.result(running), 0)
        self.assertEqual(self.pump.result(job.whenDone()), b"result")

    def test_cancelled(self) -> None:
        """
        A worker that is cancelled finishes its job, and is gone then.
        """
        running = self.begins("cat")
        [job] = self.submits(b"")
        running.cancel()
        self.pump.settle()
        self.assertNoResult(running)
        self.ends()
        self.pump.failure(running, CancelledError)
        self.pump.result(job.whenDone())
        self.assertEqual(self.server.connections[1:], [])

    def test_nobodyReads(self) -> None:
        """
        A worker that prints ends when nobody reads what it prints; the job waits
        for another one.
        """

        def breaks(stream: object, data: bytes) -> None:
            raise BrokenPipeError

        self.patch(working, "write", breaks)
        running = self.begins()
        [job] = self.submits(b"workload")
        self.pump.failure(running, BrokenPipeError)
        self.assertFalse(job.done)
        self.assertIs(self.server.board.jobs[job.handle].state, JobState.QUEUED)

    def test_idle(self) -> None:
        """
        A worker that has nothing to do ends at the first signal, and is gone.
        """
        running = self.begins("cat")
        self.assertNoResult(running)
        self.finishes(running)
        self.assertEqual(self.server.connections, [])

    def test_count(self) -> None:
        """
        With C{-c} it ends after so many jobs, and leaves the others alone.
        """
        running = self.begins("-c2", "--", "cat")
        jobs = self.submits(b"1", b"2", b"3")
        for _ in range(2):
            self.assertNoResult(running)
            self.ends()
        self.assertEqual(self.pump.result(running), 0)
        for job in jobs[:2]:
            self.pump.result(job.whenDone())
        self.assertEqual(len(self.reactor.processes), 2)
        self.assertIn(jobs[2].handle, self.server.board.jobs)
        self.assertEqual(self.server.connections[1:], [])

    def test_countPrinted(self) -> None:
        """
        So it does without a command.
        """
        self.submits(b"a", b"b", b"c")
        self.assertEqual(self.pump.result(self.begins("-c", "2")), 0)
        self.assertEqual(self.out.take(), b"ab")

    def test_countAtOnce(self) -> None:
        """
        With several at once, those that run are finished, in whatever order.
        """
        running = self.begins("-c3", "-j3", "cat")
        self.submits(b"1", b"2", b"3", b"4")
        self.assertEqual(len(self.reactor.processes), 3)
        for process in reversed(self.reactor.processes):
            self.assertNoResult(running)
            process.ends()
            self.pump.settle()
        self.assertEqual(self.pump.result(running), 0)

    def test_drain(self) -> None:
        """
        At the first signal no further job is taken, and the one that runs is
        finished.
        """
        running = self.begins("cat")
        jobs = self.submits(b"1", b"2")
        self.hears()
        self.assertNoResult(running)
        self.assertEqual(self.process.signals, [])
        self.process.says(b"result")
        self.ends()
        self.assertEqual(self.pump.result(jobs[0].whenDone()), b"result")
        self.assertEqual(self.pump.result(running), 0)
        self.assertEqual(len(self.reactor.processes), 1)

    def test_patience(self) -> None:
        """
        However long the job takes, it is waited for.
        """
        running = self.begins("cat")
        [job] = self.submits(b"")
        self.hears()
        self.pump.advance(86400)
        self.assertNoResult(running)
        self.ends()
        self.pump.result(job.whenDone())
        self.assertEqual(self.pump.result(running), 0)

    def test_secondSignal(self) -> None:
        """
        At the second signal the command is ended, and its job waits for another
        worker.
        """
        running = self.begins("cat")
        [job] = self.submits(b"")
        self.hears()
        self.hears()
        self.assertEqual(self.process.signals, ["TERM"])
        self.assertNoResult(running)
        self.ends(killer=15)
        self.assertEqual(self.pump.result(running), 0)
        self.assertFalse(job.done)
        self.assertIs(self.server.board.jobs[job.handle].state, JobState.QUEUED)
        self.assertEqual(self.err.take(), b"")

    def test_killedBySignal(self) -> None:
        """
        A command that a Ctrl-C killed together with the tool has not failed: its
        job waits for another worker.
        """
        running = self.begins("cat")
        [job] = self.submits(b"")
        self.hears()
        self.process.says(b"half")
        self.ends(killer=signal.SIGINT)
        self.assertEqual(self.pump.result(running), 0)
        self.assertFalse(job.done)
        self.assertIs(self.server.board.jobs[job.handle].state, JobState.QUEUED)
        self.assertEqual((self.data, self.err.take()), ([], b""))

    def test_givenBackLast(self) -> None:
        """
        Such a job is given back when no other is left: those that the Ctrl-C did
        not end are finished.
        """
        running = self.begins("-j2", "cat")
        given, kept = self.submits(b"1", b"2")
        one, two = self.reactor.processes
        self.hears()
        one.ends(130)
        self.pump.settle()
        self.assertNoResult(running)
        two.says(b"result")
        two.ends()
        self.assertEqual(self.pump.result(running), 0)
        self.assertEqual(self.pump.result(kept.whenDone()), b"result")
        self.assertIs(self.server.board.jobs[given.handle].state, JobState.QUEUED)

    def test_countTwoServers(self) -> None:
        """
        When two servers assign the last job of C{-c} at the same time, one of them
        has it back.
        """
        other = self.pump.server("other")
        for server in self.server, other:
            self.pump.result(self.pump.client(server).background("f", b"x"))
        said = options("-wf", "f", "-c1", "-j2", "cat")
        worker = Worker(self.pump.clock, [self.server, other], concurrency=2)
        running = Deferred.fromCoroutine(work(self.reactor, worker, said))
        self.pump.settle()
        [process] = self.reactor.processes
        process.ends()
        self.assertEqual(self.pump.result(running), 0)
        left = [*self.server.board.jobs.values(), *other.board.jobs.values()]
        self.assertEqual([job.state for job in left], [JobState.QUEUED])

    def test_nobodyReadsLast(self) -> None:
        """
        That nobody reads is told also of the last job of C{-c}.
        """

        def breaks(stream: object, data: bytes) -> None:
            raise BrokenPipeError

        self.patch(working, "write", breaks)
        running = self.begins("-c1")
        self.submits(b"workload")
        self.pump.failure(running, BrokenPipeError)

    def test_failedAfterSignal(self) -> None:
        """
        One that ended by itself after a signal, and not well, has failed.
        """
        running = self.begins("cat")
        [job] = self.submits(b"")
        self.hears()
        self.ends(1)
        self.pump.failure(job.whenDone(), JobFailed)
        self.assertEqual(self.pump.result(running), 0)

    def test_manySignals(self) -> None:
        """
        Further signals change nothing.
        """
        running = self.begins("cat")
        self.submits(b"")
        for _ in range(4):
            self.hears()
        self.assertEqual(self.process.signals, ["TERM"])
        self.ends(killer=15)
        self.assertEqual(self.pump.result(running), 0)

    def test_serverGone(self) -> None:
        """
        A worker whose server is gone waits for it, and ends when it is told to.
        """
        running = self.begins("cat")
        self.server.stop()
        self.pump.advance(60)
        self.assertNoResult(running)
        self.server.start()
        self.pump.advance(60)
        [job] = self.submits(b"")
        self.ends()
        self.pump.result(job.whenDone())
        self.finishes(running)
