"""
Tests of a L{PacketReader<txgearman.wire.codec.PacketReader>} that is sent
anything at all.
"""

from __future__ import annotations

import struct
from itertools import cycle
from typing import Final

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.wire.memory import EMPTY, kept
from tests.wire.reading import Case, Listener, case, into, line, packet, whole
from txgearman.wire import packets as p
from txgearman.wire.codec import MALFORMED, Limits, PacketReader
from txgearman.wire.packets import PACKETS, REQUEST, RESPONSE, TEXT

quickly = settings(deadline=None, database=None, max_examples=120)

names = st.binary(max_size=8).map(lambda name: name.replace(b"\0", b""))
payloads = st.one_of(
    st.binary(max_size=40),
    st.sampled_from([b"\0", b"\n", b"\r\n", packet(p.NOOP), b"x" * 100]),
)


@st.composite
def goodPackets(draw: st.DrawFn) -> Case:
    """
    A packet that means something.
    """
    row = draw(st.sampled_from(PACKETS[1:]))
    others = tuple(draw(names) for _ in row.arguments[1:])
    arguments = (*others, draw(payloads)) if row.arguments else ()
    return case(packet(row.number, b"\0".join(arguments)), (row.number, arguments))


@st.composite
def goodLines(draw: st.DrawFn) -> Case:
    """
    A line that means something.
    """
    text = draw(payloads).replace(b"\n", b"").lstrip(b"\0").rstrip(b"\r")
    return case(text + draw(st.sampled_from([b"\n", b"\r\n"])), line(text))


@st.composite
def heads(draw: st.DrawFn) -> bytes:
    """
    The head of something, with more or less behind it.
    """
    magic = draw(st.sampled_from([REQUEST, RESPONSE, b"\0REX", b"\0\0\0\0"]))
    number = draw(st.one_of(st.integers(0, 44), st.sampled_from([0xFFFFFFFF])))
    body = draw(payloads)
    size = draw(st.one_of(st.just(len(body)), st.integers(0, 120)))
    return magic + struct.pack(">II", number, size) + body


good = st.one_of(goodPackets(), goodLines())
anything = st.lists(
    st.one_of(
        good.map(lambda one: one.data),
        good.map(lambda one: one.data),
        heads(),
        payloads,
        st.just(b"status"),
    )
).map(b"".join)
sizes = st.lists(st.integers(0, 70), min_size=1).map(lambda sizes: [*sizes, 1])

TIGHT: Final = Limits(packet=90, line=30)


class AnythingTests(SynchronousTestCase):
    """
    Tests of readers that are sent anything at all.
    """

    @quickly
    @given(st.lists(good), sizes)
    def test_good(self, parts: list[Case], sizes: list[int]) -> None:
        """
        What makes sense is read, in its order and in any chunks.
        """
        listener = Listener()
        listener.receive(*into(*sizes)(b"".join(part.data for part in parts)))
        wanted = [event for part in parts for event in part.heard]
        self.assertEqual(listener.heard, wanted)
        self.assertFalse(listener.reader.closed)

    @quickly
    @given(anything, sizes, st.sampled_from([REQUEST, RESPONSE]))
    def test_chunks(self, data: bytes, sizes: list[int], magic: bytes) -> None:
        """
        Anything is read the same whole, byte by byte and in any chunks.
        """
        one = case(data, limits=TIGHT, magic=magic)
        first = one.read(whole)
        for cut in (into(1), into(*sizes)):
            other = one.read(cut)
            self.assertEqual(other.heard, first.heard)
            self.assertEqual(other.reader.closed, first.reader.closed)

    @quickly
    @given(anything, st.lists(st.integers(0, 3)), sizes)
    def test_stops(self, data: bytes, counts: list[int], sizes: list[int]) -> None:
        """
        Anything is read the same by callers that stop and go on as they like.
        """
        wanted = case(data, limits=TIGHT).read(whole)
        listener = Listener(PacketReader(TIGHT))
        count = cycle([*counts, 1])
        for chunk in into(*sizes)(data):
            listener.reader.feed(chunk)
            listener.hear(next(count))
        listener.hear()
        self.assertEqual(listener.heard, wanted.heard)
        self.assertEqual(listener.reader.closed, wanted.reader.closed)

    @quickly
    @given(anything, sizes)
    def test_events(self, data: bytes, sizes: list[int]) -> None:
        """
        Whatever comes, a caller hears packets of the table with as many
        arguments as it says, lines, and errors; and after the error that closes
        a reader, nothing.
        """
        listener = Listener(PacketReader(TIGHT))
        for chunk in into(*sizes)(data):
            closed, before = listener.reader.closed, len(listener.heard)
            listener.receive(chunk)
            self.assertFalse(closed and len(listener.heard) > before)
        for number, arguments in listener.heard:
            if number == MALFORMED:
                code, text = arguments
                self.assertTrue(text or not code)
            elif number == TEXT:
                (text,) = arguments
                self.assertNotIn(b"\n", text)
                self.assertLessEqual(len(text), TIGHT.line)
            else:
                self.assertEqual(len(arguments), len(PACKETS[number].arguments))
                self.assertNotIn(b"\0", b"".join(arguments[:-1]))
        if listener.reader.closed:
            self.assertEqual(listener.heard[-1][0], MALFORMED)

    @quickly
    @given(anything, sizes)
    def test_kept(self, data: bytes, sizes: list[int]) -> None:
        """
        Whatever comes, no more is kept than a packet or a line, and a chunk.
        """
        listener = Listener(PacketReader(TIGHT))
        for chunk in into(*sizes)(data):
            listener.receive(chunk)
            most = EMPTY + TIGHT.packet + len(chunk)
            self.assertLess(kept(listener.reader), most)
