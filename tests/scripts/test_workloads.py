"""
Tests for L{txgearman.scripts.workloads}.
"""

from __future__ import annotations

import os
from argparse import Namespace
from collections.abc import AsyncIterator, Callable
from functools import cache
from queue import Queue
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.defer import Deferred

from tests.scripts.stage import Stdin, ToolTestCase, options
from txgearman.scripts import workloads as module
from txgearman.scripts.workloads import workloads

ANYTHING = settings(max_examples=200, deadline=None, derandomize=True, database=None)

PIECES = st.lists(
    st.binary(min_size=1)
    | st.text("ab\r\n", min_size=1).map(str.encode)
    | st.sampled_from([b"\n", b"\r\n", b"\r", b"\x0b", b"\x0c", b"\x1c", b"\x85"]),
    max_size=6,
)


@cache
def said(*words: str) -> Namespace:
    """
    What a command line of a client says.
    """
    return options("-f", "f", *words)


def linesOf(data: bytes) -> list[bytes]:
    """
    Lines with their newlines; the last one may have none.
    """
    lines = [line + b"\n" for line in data.split(b"\n")]
    lines[-1] = lines[-1].removesuffix(b"\n")
    return lines if lines[-1] else lines[:-1]


def nextOf(source: AsyncIterator[bytes]) -> Deferred[bytes]:
    """
    Ask for the next workload.
    """

    async def take() -> bytes:
        return await anext(source)

    return Deferred.fromCoroutine(take())


class Here:
    """
    A reactor that calls at once what a thread hands it.
    """

    def callFromThread(self, call: Callable[..., object], *arguments: object) -> None:
        call(*arguments)


class WorkloadsTests(ToolTestCase):
    """
    Tests of L{workloads}.
    """

    def setUp(self) -> None:
        super().setUp()
        self.stdin = Stdin(self)
        self.seen: list[bytes] = []

    def begins(self, *words: str) -> Deferred[None]:
        """
        Begin to take workloads.
        """

        async def take() -> None:
            reactor: Any = Here()
            async for one in workloads(reactor, said(*words)):
                self.seen.append(one)

        return Deferred.fromCoroutine(take())

    def takes(self, *words: str) -> list[bytes]:
        """
        Take all workloads.
        """
        self.seen = []
        self.successResultOf(self.begins(*words))
        return self.seen

    def test_arguments(self) -> None:
        """
        Each argument is a workload, byte for byte, and nothing is read.
        """
        words = ["größe", "", os.fsdecode(b"\xff\xfe"), "two words\n"]
        expected = ["größe".encode(), b"", b"\xff\xfe", b"two words\n"]
        self.assertEqual(self.takes(*words), expected)
        self.assertEqual(self.takes("-n", "a\nb"), [b"a\nb"])
        self.assertEqual(self.takes("-N", "a\n"), [b"a\n"])
        self.assertEqual(self.takes("-s", "a"), [b"a"])
        self.assertFalse(self.stdin.reading)

    def test_silent(self) -> None:
        """
        With C{-s} there is one empty workload, and nothing is read.
        """
        self.assertEqual(self.takes("-s"), [b""])
        self.assertEqual(self.takes("-sn"), [b""])
        self.assertFalse(self.stdin.reading)

    def test_whole(self) -> None:
        """
        All of stdin is one workload, also when nothing comes.
        """
        self.stdin.comes(b"a\nb", b"\r\n\0", b"")
        self.assertEqual(self.takes(), [b"a\nb\r\n\0"])
        self.stdin.comes(b"")
        self.assertEqual(self.takes(), [b""])

    def test_big(self) -> None:
        """
        What does not come at once is put together.
        """
        data = bytes(range(256)) * 1000
        self.stdin.comes(data, b"")
        self.assertEqual(self.takes(), [data])
        self.stdin.comes(data, b"")
        self.assertEqual(self.takes("-n"), linesOf(data))

    def test_lines(self) -> None:
        """
        With C{-n} each line is a workload with its newline, and with C{-N}
        without; a carriage return is no end of a line, and a last line may have
        none.
        """
        said = b"a\n\nb\r\nc\rd\n\x0b\x0c\x85e"
        self.stdin.comes(said, b"")
        expected = [b"a\n", b"\n", b"b\r\n", b"c\rd\n", b"\x0b\x0c\x85e"]
        self.assertEqual(self.takes("-n"), expected)
        self.stdin.comes(said, b"")
        expected = [b"a", b"", b"b\r", b"c\rd", b"\x0b\x0c\x85e"]
        self.assertEqual(self.takes("-N"), expected)

    def test_noLines(self) -> None:
        """
        Without a line there is no workload.
        """
        for word in "-n", "-N":
            self.stdin.comes(b"")
            self.assertEqual(self.takes(word), [])

    def test_atOnce(self) -> None:
        """
        A line is there as soon as its newline is.
        """
        taking = self.begins("-n")
        self.stdin.comes(b"one\ntw")
        self.assertEqual(self.seen, [b"one\n"])
        self.stdin.comes(b"o")
        self.assertEqual(self.seen, [b"one\n"])
        self.stdin.comes(b"\nthree\nfour")
        self.assertEqual(self.seen, [b"one\n", b"two\n", b"three\n"])
        self.assertNoResult(taking)
        self.stdin.comes(b"")
        self.successResultOf(taking)
        self.assertEqual(self.seen[3:], [b"four"])

    def test_noMoreThanWanted(self) -> None:
        """
        Nothing is read before somebody wants a workload.
        """
        reactor: Any = Here()
        source = workloads(reactor, said("-n"))
        self.assertFalse(self.stdin.reading)
        self.stdin.comes(b"one\n")
        first = nextOf(source)
        self.assertEqual(self.successResultOf(first), b"one\n")
        self.assertFalse(self.stdin.reading)

    def test_unreadable(self) -> None:
        """
        Who cannot read hears why.
        """
        for words in [[], ["-n"], ["-N"]]:
            taking = self.begins(*words)
            self.stdin.comes(IsADirectoryError("a folder"))
            self.failureResultOf(taking, IsADirectoryError)

    @ANYTHING
    @given(PIECES)
    def test_anyLines(self, pieces: list[bytes]) -> None:
        """
        However stdin is cut to pieces, the lines are those of the whole.
        """
        lines = linesOf(b"".join(pieces))
        self.stdin.comes(*pieces, b"")
        self.assertEqual(self.takes("-n"), lines)
        self.stdin.comes(*pieces, b"")
        self.assertEqual(self.takes("-N"), [line.removesuffix(b"\n") for line in lines])

    @ANYTHING
    @given(PIECES)
    def test_anyWhole(self, pieces: list[bytes]) -> None:
        """
        However stdin is cut to pieces, the workload is the whole.
        """
        self.stdin.comes(*pieces, b"")
        self.assertEqual(self.takes(), [b"".join(pieces)])


class Elsewhere:
    """
    A reactor that keeps what threads hand it until it is asked to call it.
    """

    def __init__(self) -> None:
        self.handed: Queue[tuple[Callable[..., object], Any]] = Queue()

    def callFromThread(self, call: Callable[..., object], *arguments: object) -> None:
        self.handed.put((call, arguments))

    def runs(self) -> None:
        """
        Call what the next thread hands over.
        """
        call, arguments = self.handed.get(timeout=30)
        call(*arguments)


class ThreadTests(ToolTestCase):
    """
    Tests of L{workloads} with a thread and a pipe.
    """

    def test_pipe(self) -> None:
        """
        Stdin is read in a thread, and its bytes are handed to the reactor.
        """
        end, begin = os.pipe()
        with open(end, "rb"):
            self.patch(module, "STDIN", end)
            reactor: Any = Elsewhere()
            source = workloads(reactor, said("-n"))
            with open(begin, "wb") as pipe:
                pipe.write(b"one\ntwo")
            first = nextOf(source)
            self.assertNoResult(first)
            reactor.runs()
            self.assertEqual(self.successResultOf(first), b"one\n")
            second = nextOf(source)
            reactor.runs()
            self.assertEqual(self.successResultOf(second), b"two")
