"""
Tests of how much a L{PacketReader<txgearman.wire.codec.PacketReader>} keeps.
"""

from __future__ import annotations

import gc
import sys
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from types import ModuleType
from typing import Final

from attrs import define
from twisted.trial.unittest import SynchronousTestCase

from tests.wire.cases import TOO_LONG
from tests.wire.reading import KIB, MIB, Listener, into, packet
from txgearman.wire import packets as p
from txgearman.wire.codec import PacketReader


def kept(reader: PacketReader) -> int:
    """
    Add up the sizes of all that a reader holds on to.
    """
    found: dict[int, object] = {}
    waiting: list[object] = [reader]
    while waiting:
        thing = waiting.pop()
        if id(thing) not in found and not isinstance(thing, type | ModuleType):
            found[id(thing)] = thing
            waiting += gc.get_referents(thing)
    return sum(map(sys.getsizeof, found.values()))


# What a reader weighs that has read nothing.
EMPTY: Final = kept(PacketReader())


@define
class Meter:
    """
    What the memory that was taken in the meantime amounts to.
    """

    _start: int = 0

    def reset(self) -> None:
        """
        Start again from here.
        """
        tracemalloc.reset_peak()
        self._start, _ = tracemalloc.get_traced_memory()

    @property
    def peak(self) -> int:
        """
        The most that was taken at once, in bytes.
        """
        return tracemalloc.get_traced_memory()[1] - self._start


@contextmanager
def metered() -> Iterator[Meter]:
    """
    Watch the memory that is taken.
    """
    tracing = tracemalloc.is_tracing()
    if not tracing:
        tracemalloc.start()
    try:
        meter = Meter()
        meter.reset()
        yield meter
    finally:
        if not tracing:
            tracemalloc.stop()


class MemoryTests(SynchronousTestCase):
    """
    Tests of how much a reader keeps.
    """

    def test_idle(self) -> None:
        """
        A reader that has read all there was keeps nothing of it.
        """
        listener = Listener()
        listener.receive(packet(p.ECHO_REQ, b"x" * 10 * KIB) * 10 + b"status\n")
        self.assertEqual(len(listener.heard), 11)
        self.assertLess(kept(listener.reader), EMPTY + 64)
        listener.receive(*into(4 * KIB)(packet(p.ECHO_REQ, b"x" * 100 * KIB)))
        self.assertEqual(len(listener.heard), 12)
        self.assertLess(kept(listener.reader), EMPTY + 64)

    def test_announced(self) -> None:
        """
        A packet takes no room before it comes, however large it is said to be.
        """
        listener = Listener()
        listener.receive(packet(p.ECHO_REQ, b"x" * 64 * MIB)[:20])
        self.assertLess(kept(listener.reader), EMPTY + 512)

    def test_dribbled(self) -> None:
        """
        A packet that comes in pieces of any size takes little more room than
        it has bytes, at any time.
        """
        size = 512 * KIB
        stream = packet(p.SUBMIT_JOB, b"f\0u\0" + b"x" * (size - 4))
        for sizes in (
            (1,),
            (2,),
            (100, 1),
            (4 * KIB - 1,),
            (4 * KIB, 1),
            (1, 1, 4 * KIB),
            (64 * KIB, 1),
        ):
            listener = Listener()
            arrived = 0
            for index, chunk in enumerate(into(*sizes)(stream[:-1])):
                listener.receive(chunk)
                arrived += len(chunk)
                if index % 5000 == 0:
                    self.assertLess(kept(listener.reader), EMPTY + 512 + arrived * 1.2)
            self.assertLess(kept(listener.reader), EMPTY + 512 + size * 1.15, sizes)
            self.assertEqual(listener.heard, [])
            listener.receive(stream[-1:])
            self.assertEqual(len(listener.heard[0][1][2]), size - 4)
            self.assertLess(kept(listener.reader), EMPTY + 64, sizes)

    def test_joinedOnce(self) -> None:
        """
        The pieces of a large packet are not copied when further ones come, and
        joined once when it is all there.
        """
        size, piece = 8 * MIB, 64 * KIB
        stream = packet(p.WORK_COMPLETE, b"handle\0" + b"x" * (size - 7))
        listener = Listener()
        chunks = into(piece)(stream)
        with metered() as meter:
            for _ in range(size // piece):
                chunk = next(chunks)
                meter.reset()
                listener.receive(chunk)
                self.assertLess(meter.peak, 2 * piece)
            self.assertEqual(listener.heard, [])
            meter.reset()
            listener.receive(*chunks)
            self.assertLess(meter.peak, size + 4 * piece)
        ((number, (handle, data)),) = listener.heard
        self.assertEqual((number, handle), (p.WORK_COMPLETE, b"handle"))
        self.assertTrue(data == stream[19:])

    def test_peak(self) -> None:
        """
        From its first piece to its event, a large packet never takes more room
        than its pieces and their joint.
        """
        size = 8 * MIB
        for sizes in ((64 * KIB,), (MIB, 1), (4 * KIB - 1,)):
            stream = packet(p.SUBMIT_JOB_BG, b"f\0u\0" + b"x" * (size - 4))
            listener = Listener()
            with metered() as meter:
                listener.receive(*into(*sizes)(stream))
                # The pieces that the test cut count too.
                self.assertLess(meter.peak, 2.5 * size, sizes)
            self.assertEqual(len(listener.heard), 1)

    def test_smallPiecesAreNotCopiedAgain(self) -> None:
        """
        Small pieces are gathered without copying again and again what came
        before them.
        """
        size = 256 * KIB
        chunks = into(2)(packet(p.ECHO_REQ, b"x" * size))
        listener = Listener()
        with metered() as meter:
            for chunk in islice(chunks, size // 2 - 1):
                meter.reset()
                listener.receive(chunk)
                self.assertLess(meter.peak, 160 * KIB)
        listener.receive(*chunks)
        self.assertEqual(listener.heard, [(p.ECHO_REQ, (b"x" * size,))])

    def test_endlessLine(self) -> None:
        """
        A line without an end is kept up to its limit, and then no more.
        """
        for size in (1, 100, 5 * KIB):
            listener = Listener()
            for _ in range(20 * KIB // size):
                listener.receive(b"x" * size)
                self.assertLess(kept(listener.reader), EMPTY + 8 * KIB + size)
            self.assertEqual(listener.heard, [TOO_LONG])
            self.assertLess(kept(listener.reader), EMPTY + 64)

    def test_closed(self) -> None:
        """
        A closed reader keeps nothing that comes.
        """
        listener = Listener()
        listener.receive(packet(43), b"x" * 100 * KIB)
        listener.receive(packet(p.ECHO_REQ, b"x" * 100 * KIB)[:-1])
        self.assertLess(kept(listener.reader), EMPTY + 64)

    def test_closedHalfWay(self) -> None:
        """
        A reader that is closed forgets what has not been read, also the pieces
        of a packet.
        """
        stream = packet(p.ECHO_REQ, b"x" * 100 * KIB)
        for end in (0, 50, 50 * KIB, len(stream) - 1, len(stream)):
            for asking in (True, False):
                listener = Listener()
                listener.receive(stream[:15])
                listener.reader.feed(stream[15:end])
                if asking:
                    listener.hear()
                listener.reader.close()
                self.assertLess(kept(listener.reader), EMPTY + 64, (end, asking))
