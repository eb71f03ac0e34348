"""
Tests for L{txgearman.board.archive}.
"""

from __future__ import annotations

from collections.abc import Callable

from attrs import frozen
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from txgearman.board.archive import Archive
from txgearman.board.timers import Timers


@frozen
class Thing:
    """
    What is left of something.
    """

    handle: bytes
    moment: float
    data: bytes = b""

    def pack(self) -> bytes:
        return b"packed " + self.handle


class Shelf:
    """
    An archive, and what it keeps.
    """

    def __init__(self, count: int = 3, size: int = 10) -> None:
        self.clock = Clock()
        self.clock.advance(1000.0)
        self.kept: dict[bytes, bytes] = {}
        self.archive: Archive[Thing] = Archive(
            "thing", Timers(self.clock), self.clock.seconds, self.keep, count, size
        )

    def keep(self, kind: str, key: bytes, pack: Callable[[], bytes] | None) -> None:
        assert kind == "thing", kind
        if pack is None:
            del self.kept[key]
        else:
            self.kept[key] = pack()

    def adds(self, name: bytes, data: bytes = b"", lasts: float = 100.0) -> None:
        now = self.clock.seconds()
        self.archive.add(Thing(name, now, data), now + lasts)

    @property
    def names(self) -> bytes:
        """
        What there is, in order; the same is kept.
        """
        names = [thing.handle for thing in self.archive]
        assert set(names) == set(self.kept), (names, self.kept)
        assert len(names) == len(self.archive)
        assert self.archive.size == sum(len(thing.data) for thing in self.archive)
        return b"".join(names)


class ArchiveTests(SynchronousTestCase):
    """
    A bounded number of things, each for a while.
    """

    def test_add(self) -> None:
        """
        A thing is there, and kept, until it is discarded.
        """
        shelf = Shelf()
        shelf.adds(b"a", b"xy")
        thing = shelf.archive.get(b"a")
        assert thing is not None
        self.assertEqual((thing.data, shelf.kept), (b"xy", {b"a": b"packed a"}))
        self.assertIsNone(shelf.archive.get(b"b"))
        self.assertTrue(shelf.archive.discard(b"a"))
        self.assertFalse(shelf.archive.discard(b"a"))
        self.assertEqual((shelf.names, shelf.archive.size), (b"", 0))

    def test_count(self) -> None:
        """
        When there are too many, the oldest go.
        """
        shelf = Shelf(count=3)
        for name in (b"a", b"b", b"c", b"d", b"e"):
            shelf.adds(name)
        self.assertEqual(shelf.names, b"cde")

    def test_size(self) -> None:
        """
        When they are too large together, the oldest go.
        """
        shelf = Shelf(count=100, size=10)
        for name, size in ((b"a", 4), (b"b", 4), (b"c", 2)):
            shelf.adds(name, b"x" * size)
        self.assertEqual(shelf.names, b"abc")
        shelf.adds(b"d", b"x" * 5)
        self.assertEqual(shelf.names, b"cd")

    def test_nothing(self) -> None:
        """
        Where none may be kept, none is.
        """
        shelf = Shelf(count=0)
        shelf.adds(b"a")
        self.assertEqual(shelf.names, b"")

    def test_again(self) -> None:
        """
        The later thing of a handle replaces the other, and is the newest one.
        """
        shelf = Shelf()
        shelf.adds(b"a", b"old", lasts=5.0)
        shelf.adds(b"b")
        shelf.adds(b"a", b"newer", lasts=50.0)
        self.assertEqual((shelf.names, shelf.archive.size), (b"ba", 5))
        shelf.clock.advance(5)
        self.assertEqual(shelf.names, b"ba")
        shelf.clock.advance(45)
        self.assertEqual(shelf.names, b"b")

    def test_time(self) -> None:
        """
        Each is dropped when its time is over, in whatever order that is.
        """
        shelf = Shelf()
        for name, lasts in ((b"a", 30.0), (b"b", 10.0), (b"c", 20.0)):
            shelf.adds(name, lasts=lasts)
        for left in (b"ac", b"a", b""):
            shelf.clock.advance(9.9)
            self.assertGreater(len(shelf.names), len(left))
            shelf.clock.advance(0.1)
            self.assertEqual(shelf.names, left)
        self.assertEqual(shelf.clock.getDelayedCalls(), [])

    @given(
        steps=st.lists(
            st.tuples(
                st.sampled_from([b"%d" % number for number in range(8)]),
                st.integers(-1, 6),
                st.integers(0, 9),
            ),
            max_size=60,
        )
    )
    def test_anything(self, steps: list[tuple[bytes, int, int]]) -> None:
        """
        Whatever comes, goes and gets old: it is within its bounds, what is kept is what
        is there, and the newest that fit are there.
        """
        shelf = Shelf(count=4, size=12)
        model: dict[bytes, tuple[int, float]] = {}
        for name, size, lasts in steps:
            if size < 0:
                self.assertEqual(shelf.archive.discard(name), name in model)
                model.pop(name, None)
                continue
            now = shelf.clock.seconds()
            shelf.adds(name, b"x" * size, lasts + 1.0)
            model.pop(name, None)
            model[name] = size, now + lasts + 1
            while len(model) > 4 or sum(size for size, _ in model.values()) > 12:
                del model[next(iter(model))]
            self.assertEqual(shelf.names, b"".join(model))
            shelf.clock.advance(1.0)
            now += 1.0
            model = {n: (s, until) for n, (s, until) in model.items() if until > now}
            self.assertEqual(shelf.names, b"".join(model))
