"""
Tests for L{txgearman.scripts.command}: a process that does a job.
"""

from __future__ import annotations

from collections.abc import Callable

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.scripts.stage import Process, ToolReactor
from tests.scripts.test_workloads import PIECES, linesOf
from txgearman.scripts.command import MERCY, Command, Ending

ANYTHING = settings(max_examples=100, deadline=None, derandomize=True, database=None)


class EndingTests(SynchronousTestCase):
    """
    Tests of L{Ending}.
    """

    def test_good(self) -> None:
        """
        A command did its job when it ended by itself, with 0.
        """
        rows = [
            (Ending(b"", 0, None), True, "exit status 0"),
            (Ending(b"", 3, None), False, "exit status 3"),
            (Ending(b"", 0, 9), False, "killed by signal 9"),
        ]
        for ending, good, text in rows:
            self.assertEqual((ending.good, str(ending)), (good, text))

    def test_ofSignal(self) -> None:
        """
        A command may also end with a status that says which signal it caught.
        """
        for ending, expected in [
            (Ending(b"", 0, 2), True),
            (Ending(b"", 130, None), True),
            (Ending(b"", 143, None), False),
            (Ending(b"", 1, None), False),
            (Ending(b"", 0, 15), False),
        ]:
            self.assertIs(ending.isOf(2), expected)


class CommandTests(SynchronousTestCase):
    """
    Tests of L{Command}.
    """

    def setUp(self) -> None:
        self.clock = Clock()
        self.reactor = ToolReactor(self.clock)
        self.lines: list[bytes] = []
        self.addCleanup(self.nothingLeft)

    def nothingLeft(self) -> None:
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def starts(
        self, workload: bytes = b"", line: Callable[[bytes], None] | None = None
    ) -> tuple[Deferred[Ending], Process]:
        """
        Run a command.
        """
        command = Command(self.reactor, workload, line)
        command.start(b"/bin/cat", [b"cat", b"-u"], {b"A": b"b"})
        ended = Deferred.fromCoroutine(command.outcome())
        return ended, self.reactor.processes[-1]

    def test_spawned(self) -> None:
        """
        The program is run with its words and its environment; its stdin and
        stdout are pipes, and its stderr is the tool's own.
        """
        _, process = self.starts()
        self.assertEqual(process.program, b"/bin/cat")
        self.assertEqual(process.words, [b"cat", b"-u"])
        self.assertEqual(process.environment, {b"A": b"b"})
        self.assertEqual(self.reactor.files, [{0: "w", 1: "r", 2: 2}])

    def test_workload(self) -> None:
        """
        It gets the workload, and then the end of its stdin.
        """
        for workload in b"", b"\xff\0\n", b"x" * 100_000:
            _, process = self.starts(workload)
            self.assertEqual((process.stdin, process.open), (workload, False))

    def test_output(self) -> None:
        """
        Without somebody who takes lines, all that it wrote is there at the end.
        """
        ended, process = self.starts()
        process.says(b"one\nt", b"wo\n", b"\xff")
        self.assertNoResult(ended)
        process.ends()
        self.assertEqual(
            self.successResultOf(ended), Ending(b"one\ntwo\n\xff", 0, None)
        )

    def test_lines(self) -> None:
        """
        Each line is there as soon as its newline is; a last one without a newline
        is there at the end, and nothing is left then.
        """
        ended, process = self.starts(line=self.lines.append)
        process.says(b"one\ntw")
        self.assertEqual(self.lines, [b"one\n"])
        process.says(b"o", b"")
        self.assertEqual(self.lines, [b"one\n"])
        process.says(b"\n\nfour\r\nfive")
        self.assertEqual(self.lines[1:], [b"two\n", b"\n", b"four\r\n"])
        process.ends()
        self.assertEqual(self.lines[4:], [b"five"])
        self.assertEqual(self.successResultOf(ended), Ending(b"", 0, None))

    def test_noOutput(self) -> None:
        """
        A command that writes nothing has no line, and an empty output.
        """
        for line in None, self.lines.append:
            ended, process = self.starts(line=line)
            process.ends()
            self.assertEqual(self.successResultOf(ended), Ending(b"", 0, None))
        self.assertEqual(self.lines, [])

    @ANYTHING
    @given(PIECES)
    def test_anyLines(self, pieces: list[bytes]) -> None:
        """
        However the output is cut to pieces, the lines are those of the whole.
        """
        lines: list[bytes] = []
        ended, process = self.starts(line=lines.append)
        process.says(*pieces)
        process.ends()
        self.successResultOf(ended)
        self.assertEqual(lines, linesOf(b"".join(pieces)))

    @ANYTHING
    @given(st.lists(st.binary()))
    def test_anyOutput(self, pieces: list[bytes]) -> None:
        """
        However the output is cut to pieces, it is the whole.
        """
        ended, process = self.starts()
        process.says(*pieces)
        process.ends()
        self.assertEqual(self.successResultOf(ended).output, b"".join(pieces))

    def test_failed(self) -> None:
        """
        One learns with which status a command ended, and what it wrote before.
        """
        ended, process = self.starts()
        process.says(b"half")
        process.ends(3)
        self.assertEqual(self.successResultOf(ended), Ending(b"half", 3, None))

    def test_killed(self) -> None:
        """
        One learns which signal killed it.
        """
        ended, process = self.starts()
        process.ends(killer=9)
        self.assertEqual(self.successResultOf(ended), Ending(b"", 0, 9))

    def test_notSpawned(self) -> None:
        """
        When there can be no process that is raised.
        """
        self.reactor.refusal = OSError("no more processes")
        self.assertRaises(OSError, self.starts)

    def test_cancelled(self) -> None:
        """
        A command that nobody wants any more is asked to end, and one that does
        is left alone then.
        """
        ended, process = self.starts()
        ended.cancel()
        self.assertEqual(process.signals, ["TERM"])
        self.clock.advance(MERCY - 1)
        self.assertNoResult(ended)
        process.ends(killer=15)
        self.failureResultOf(ended, CancelledError)
        self.clock.advance(10)
        self.assertEqual(process.signals, ["TERM"])

    def test_stubborn(self) -> None:
        """
        One that does not end within five seconds is killed.
        """
        ended, process = self.starts()
        ended.cancel()
        self.clock.advance(4.9)
        self.assertEqual(process.signals, ["TERM"])
        self.clock.advance(0.1)
        self.assertEqual(process.signals, ["TERM", "KILL"])
        process.ends(killer=9)
        self.failureResultOf(ended, CancelledError)

    def test_cancelledTwice(self) -> None:
        """
        Who cannot wait for that either does not.
        """
        ended, process = self.starts()
        ended.cancel()
        ended.cancel()
        self.failureResultOf(ended, CancelledError)
        process.ends(killer=15)

    def test_cancelledLines(self) -> None:
        """
        What a command writes that nobody wants any more is nobody's.
        """
        ended, process = self.starts(line=self.lines.append)
        process.says(b"one\n")
        ended.cancel()
        process.says(b"two\n", b"three")
        process.ends()
        self.failureResultOf(ended, CancelledError)
        self.assertEqual(self.lines, [b"one\n"])

    def test_exitedMeanwhile(self) -> None:
        """
        When it ended meanwhile and something else holds its output open, that is
        parted from.
        """
        ended, process = self.starts()
        process.exits()
        ended.cancel()
        self.assertTrue(process.left)
        process.ends()
        self.failureResultOf(ended, CancelledError)
        self.assertEqual(process.signals, [])

    def test_exitedInMercy(self) -> None:
        """
        So it is with one that ends when it is asked to, while something else
        holds its output open.
        """
        ended, process = self.starts()
        ended.cancel()
        process.exits()
        self.assertFalse(process.left)
        self.clock.advance(MERCY)
        self.assertTrue(process.left)
        process.ends()
        self.failureResultOf(ended, CancelledError)
        self.assertEqual(process.signals, ["TERM"])

    def test_cancelledLate(self) -> None:
        """
        Nobody can end what is over.
        """
        ended, process = self.starts()
        process.ends()
        ended.cancel()
        self.assertEqual(self.successResultOf(ended), Ending(b"", 0, None))
        self.assertEqual(process.signals, [])
