"""
Tests for L{txgearman.fleet.lines}.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from txgearman.fleet.lines import Lines


class LinesTests(SynchronousTestCase):
    """
    Lines out of bytes that come in any pieces.
    """

    def setUp(self) -> None:
        self.taken: list[tuple[bytes, bool]] = []
        self.lines = Lines(4, lambda line, cut: self.taken.append((line, cut)))

    def test_pieces(self) -> None:
        """
        Lines are the same in whatever pieces they come.
        """
        text = b"ab\n\ncdef\ng"
        for size in range(1, len(text) + 1):
            for start in range(0, len(text), size):
                self.lines.feed(text[start : start + size])
            self.lines.end()
            expected = [(b"ab", False), (b"", False), (b"cdef", False), (b"g", False)]
            self.assertEqual(self.taken, expected, size)
            self.taken.clear()

    def test_long(self) -> None:
        """
        A line that is too long is cut, and the next one is whole again.
        """
        text = b"abcdefgh\nxy\n"
        for size in range(1, len(text) + 1):
            for start in range(0, len(text), size):
                self.lines.feed(text[start : start + size])
            self.assertEqual(self.taken, [(b"abcd", True), (b"xy", False)], size)
            self.taken.clear()

    def test_flood(self) -> None:
        """
        No more is kept of a line than may be, however long it is.
        """
        for _ in range(100):
            self.lines.feed(b"x" * 10_000)
        self.assertEqual(self.taken, [])
        self.lines.end()
        self.assertEqual(self.taken, [(b"xxxx", True)])

    def test_nothing(self) -> None:
        """
        There is no line where nothing was written after the last end of one.
        """
        self.lines.feed(b"ab\n")
        self.lines.end()
        self.lines.end()
        self.assertEqual(self.taken, [(b"ab", False)])
