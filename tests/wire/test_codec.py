"""
Tests of L{txgearman.wire.codec}.

What a reader makes of some bytes must not depend on the chunks in which they
come, nor on what came before and comes after. So nearly everything here is a
case that is read in many ways.
"""

from __future__ import annotations

import gc
import random
import struct
import sys
import tracemalloc
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import combinations, cycle, islice
from types import ModuleType
from typing import Final

from attrs import define, evolve, field, frozen
from attrs.exceptions import FrozenInstanceError
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from txgearman.wire import packets as p
from txgearman.wire.codec import MALFORMED, Limits, PacketReader, encode, encodeHead
from txgearman.wire.packets import PACKETS, REQUEST, RESPONSE, TEXT

Heard = tuple[int, tuple[bytes, ...]]
Cut = Callable[[bytes], Iterable[bytes]]

KIB: Final = 1024
MIB: Final = 1024 * KIB


def packet(number: int, body: bytes = b"", magic: bytes = REQUEST) -> bytes:
    """
    Put a packet together, without the help of what is tested.
    """
    return magic + struct.pack(">I", number) + struct.pack(">I", len(body)) + body


def malformed(code: bytes = b"", text: bytes = b"") -> Heard:
    """
    The event of bytes that are no packet.
    """
    return (MALFORMED, (code, text))


def line(text: bytes) -> Heard:
    """
    The event of a text line.
    """
    return (TEXT, (text,))


# Ways to cut what arrives into chunks


def whole(data: bytes) -> Iterable[bytes]:
    """
    Everything at once.
    """
    return [data]


def into(*sizes: int) -> Cut:
    """
    Chunks of these sizes, in turn.
    """

    def cut(data: bytes) -> Iterator[bytes]:
        start, size = 0, cycle(sizes)
        while start < len(data):
            end = start + next(size)
            yield data[start:end]
            start = end

    return cut


def somehow(seed: int, most: int = 40) -> Cut:
    """
    Chunks of any size up to C{most}, none at all among them.
    """
    chance = random.Random(seed)
    return into(*(chance.randint(0, most) for _ in range(20)), 1)


CUTS: Final[Sequence[Cut]] = (
    whole,
    into(1),
    into(2),
    into(4),
    into(0, 3),
    into(11),
    into(12),
    into(13),
    into(1, 29),
    *(somehow(seed) for seed in range(8)),
)


@define
class Listener:
    """
    One end of a connection, which keeps the events of what arrives.

    @ivar heard: the events that it took, in their order.
    """

    reader: PacketReader = field(factory=PacketReader)
    heard: list[Heard] = field(factory=list)

    def receive(self, *chunks: bytes) -> None:
        """
        Take chunks of input, and after each what there is to hear.
        """
        for chunk in chunks:
            self.reader.feed(chunk)
            self.hear()

    def hear(self, count: int | None = None) -> None:
        """
        Take the events that are there, or so many of them.
        """
        for number, arguments in islice(self.reader.events(), count):
            self.heard.append((number, tuple(arguments)))


@frozen
class Case:
    """
    Some bytes, and what is to be heard of them.

    @ivar closes: whether nothing can be read after them.
    """

    data: bytes
    heard: tuple[Heard, ...]
    closes: bool = False
    limits: Limits | None = None
    magic: bytes = REQUEST

    def read(self, cut: Cut) -> Listener:
        """
        Let the bytes arrive in chunks.
        """
        listener = Listener(PacketReader(self.limits, self.magic))
        listener.receive(*cut(self.data))
        return listener

    def then(self, other: Case) -> Case:
        """
        This case, and another right behind it.
        """
        if self.closes:
            return evolve(self, data=self.data + other.data)
        return evolve(
            self,
            data=self.data + other.data,
            heard=self.heard + other.heard,
            closes=other.closes,
        )

    def among(self, magic: bytes) -> Iterator[Case]:
        """
        This case alone, and with other things before and after it.
        """
        echo = Case(packet(p.ECHO_REQ, b"\0a\n", magic), ((p.ECHO_REQ, (b"\0a\n",)),))
        noop = Case(packet(p.NOOP, b"", magic), ((p.NOOP, ()),))
        text = Case(b"status\r\n", (line(b"status"),))
        yield self
        yield self.then(self)
        for other in (echo, noop, text):
            yield self.then(other)
            yield evolve(self, data=b"", heard=()).then(other).then(self)


def case(
    data: bytes,
    *heard: Heard,
    closes: bool = False,
    limits: Limits | None = None,
    magic: bytes = REQUEST,
) -> Case:
    """
    Make a L{Case}.
    """
    return Case(data, heard, closes, limits, magic)


def closing(data: bytes, code: bytes = b"", text: bytes = b"") -> Case:
    """
    Bytes after which nothing can be read.
    """
    return case(data, malformed(code, text), closes=True)


def sample(number: int, last: bytes, other: bytes = b"") -> tuple[bytes, ...]:
    """
    Arguments for a packet: its last one, and the names of those before it or
    something other.
    """
    names = PACKETS[number].arguments
    if not names:
        return ()
    return (*(other or name.encode() for name in names[:-1]), last)


def every(magic: bytes) -> Iterator[Case]:
    """
    Every packet of the table, with various arguments.
    """
    for row in PACKETS[1:]:
        number = row.number
        for arguments in (
            sample(number, b"last"),
            sample(number, b""),
            sample(number, b"\0", b"\n"),
            sample(number, b"NULs\0 in \0\0 it\0", b" \xff\r\n"),
            sample(number, magic + b"\0\0\0\x10\0\0\0\0", b"REQ"),
            ("",) and (b"",) * len(row.arguments),
        ):
            body = b"\0".join(arguments)
            yield case(packet(number, body, magic), (number, arguments), magic=magic)


PACKET_CASES: Final = (*every(REQUEST), *every(RESPONSE))

# What packets without arguments say in their bodies is passed over.
SILENT_CASES: Final = tuple(
    case(packet(row.number, body), (row.number, ()))
    for row in PACKETS[1:]
    if not row.arguments
    for body in (b"\0", b"body", b"a\0b\0c", b"status\n", packet(p.NOOP))
)

LINE_CASES: Final = (
    case(b"status\n", line(b"status")),
    case(b"status\r\n", line(b"status")),
    case(b"\n", line(b"")),
    case(b"\r\n", line(b"")),
    case(b"\r\r\n", line(b"\r")),
    case(b"a\rb\n", line(b"a\rb")),
    case(b"a\r\rb\r\r\n", line(b"a\r\rb\r")),
    case(b" maxqueue  f 1 \n", line(b" maxqueue  f 1 ")),
    case(b"a\0b\0\n", line(b"a\0b\0")),
    case(b"a" + packet(p.NOOP) + b"\n", line(b"a" + packet(p.NOOP))),
    case(b"\xff\xfe\x80\n", line(b"\xff\xfe\x80")),
    case(b"REQ\n", line(b"REQ")),
    case(b"a\nb\r\n\nc\n", line(b"a"), line(b"b"), line(b""), line(b"c")),
)

INVALID_MAGIC: Final = {
    REQUEST: malformed(b"INVALID_MAGIC", b"Request magic expected"),
    RESPONSE: malformed(b"INVALID_MAGIC", b"Response magic expected"),
}

# A packet of the other direction is answered, and reading goes on behind it.
MAGIC_CASES: Final = tuple(
    case(packet(number, body, other), INVALID_MAGIC[magic], magic=magic)
    for magic, other in ((REQUEST, RESPONSE), (RESPONSE, REQUEST))
    for number, body in (
        (p.NOOP, b""),
        (p.NOOP, b"body"),
        (p.ECHO_REQ, b""),
        (p.SUBMIT_JOB, b"f\0u\0data"),
        (p.SUBMIT_JOB, b"no NUL at all"),
        (p.STATUS_RES_UNIQUE, b""),
    )
)

# As gearmand: not a word about magics and numbers that do not exist.
WRONG_CASES: Final = (
    *(
        closing(start + b"~" * count)
        for start in (b"\0", b"\0R", b"\0RE")
        for count in (1, 2, 12, 30)
    ),
    closing(b"\0\0\0\0\0\0\0\0\0\0\0\0"),
    closing(b"\0\n"),
    closing(b"\0REX\0\0\0\x10\0\0\0\0"),
    closing(b"\0req\0\0\0\x10\0\0\0\0"),
    *(
        closing(packet(number, body, magic))
        for number in (0, 43, 44, 256, 0x100 + p.NOOP, 0x7FFFFFFF, 0xFFFFFFFF)
        for body in (b"", b"body\0\n")
        for magic in (REQUEST, RESPONSE)
    ),
    closing(REQUEST + b"\xff" * 8),
)

SHORT_CASES: Final = tuple(
    evolve(
        closing(
            packet(row.number, body, magic),
            b"INVALID_PACKET",
            f"{row.name} needs {len(row.arguments)} arguments".encode(),
        ),
        magic=magic,
    )
    for row in PACKETS[1:]
    if len(row.arguments) > 1
    for body in (b"", b"handle", b"\0".join([b"a"] * (len(row.arguments) - 1)))
    for magic in (REQUEST, RESPONSE)
)

SMALL: Final = Limits(packet=16, line=8)
TOO_LARGE: Final = malformed(b"ARGUMENT_TOO_LARGE", b"Packet is larger than 16 bytes")
TOO_LONG: Final = malformed(b"", b"Text line too long")

LIMIT_CASES: Final = (
    *(
        case(packet(p.ECHO_REQ, b"x" * size), (p.ECHO_REQ, (b"x" * size,)))
        for size in (15, 16)
    ),
    case(packet(p.SUBMIT_JOB, b"f\0u\0" + b"x" * 12), (7, (b"f", b"u", b"x" * 12))),
    case(packet(p.NOOP, b"x" * 16), (p.NOOP, ())),
    case(packet(p.NOOP, b"x" * 16, RESPONSE), INVALID_MAGIC[REQUEST]),
    case(packet(p.ECHO_REQ, b"x" * 17), TOO_LARGE, closes=True),
    case(packet(p.NOOP, b"x" * 17), TOO_LARGE, closes=True),
    case(packet(p.NOOP, b"x" * 17, RESPONSE), TOO_LARGE, closes=True),
    case(packet(p.ECHO_REQ, b"x\n" * 500), TOO_LARGE, closes=True),
    case(b"\0REQ\0\0\0\x10\xff\xff\xff\xff", TOO_LARGE, closes=True),
    case(b"\0REQ\0\0\0\x10\x80\0\0\0", TOO_LARGE, closes=True),
    case(packet(43, b"x" * 17), malformed(), closes=True),
    case(b"1234567\n", line(b"1234567")),
    case(b"1234567\r\n", line(b"1234567")),
    case(b"12345678\n", line(b"12345678")),
    case(b"123456789\n", TOO_LONG, closes=True),
    case(b"123456789\r\n", TOO_LONG, closes=True),
    case(b"x" * 100 + b"\n", TOO_LONG, closes=True),
    case(b"12345678\rx\n", TOO_LONG, closes=True),
    case(b"12345678\r\r\n", TOO_LONG, closes=True),
    case(b"1\0\0\0\0\0\0\0\0\n", TOO_LONG, closes=True),
)


class EncodeTests(SynchronousTestCase):
    """
    Tests of L{encode} and L{encodeHead}.
    """

    def test_example(self) -> None:
        """
        The packets of the protocol text's example are encoded to its bytes.
        """
        for magic, number, arguments, data in EXAMPLE:
            self.assertEqual(encode(magic, number, *arguments), data)

    def test_everyPacket(self) -> None:
        """
        A packet is its magic, number, size, and its arguments with one NUL
        between each two.
        """
        for wanted in PACKET_CASES:
            ((number, arguments),) = wanted.heard
            self.assertEqual(encode(wanted.magic, number, *arguments), wanted.data)

    def test_head(self) -> None:
        """
        The head of a packet is all of it but the last argument, whose size it
        announces.
        """
        for wanted in PACKET_CASES:
            ((number, arguments),) = wanted.heard
            if arguments:
                *others, last = arguments
                head = encodeHead(wanted.magic, number, others, len(last))
                self.assertEqual(head + last, wanted.data)
                self.assertTrue(isinstance(head, bytes))

    def test_headOfAny(self) -> None:
        """
        The arguments of a head may be any sequence; with none of them, it is
        the twelve bytes that announce the size.
        """
        self.assertEqual(
            encodeHead(RESPONSE, p.WORK_DATA, (b"H:lap:1",), 4 * MIB),
            b"\0RES\0\0\0\x1c\0\x40\0\x08H:lap:1\0",
        )
        self.assertEqual(
            encodeHead(RESPONSE, p.ECHO_RES, (), 0xFFFFFFFF),
            b"\0RES\0\0\0\x11\xff\xff\xff\xff",
        )


# The example of the protocol text, in its order: a worker registers and sleeps,
# a client submits a job, the worker is woken and does it.
EXAMPLE: Final = (
    (REQUEST, p.CAN_DO, (b"reverse",), b"\0REQ\0\0\0\x01\0\0\0\x07reverse"),
    (REQUEST, p.GRAB_JOB, (), b"\0REQ\0\0\0\x09\0\0\0\0"),
    (RESPONSE, p.NO_JOB, (), b"\0RES\0\0\0\x0a\0\0\0\0"),
    (REQUEST, p.PRE_SLEEP, (), b"\0REQ\0\0\0\x04\0\0\0\0"),
    (
        REQUEST,
        p.SUBMIT_JOB,
        (b"reverse", b"", b"test"),
        b"\0REQ\0\0\0\x07\0\0\0\x0dreverse\0\0test",
    ),
    (RESPONSE, p.JOB_CREATED, (b"H:lap:1",), b"\0RES\0\0\0\x08\0\0\0\x07H:lap:1"),
    (RESPONSE, p.NOOP, (), b"\0RES\0\0\0\x06\0\0\0\0"),
    (REQUEST, p.GRAB_JOB, (), b"\0REQ\0\0\0\x09\0\0\0\0"),
    (
        RESPONSE,
        p.JOB_ASSIGN,
        (b"H:lap:1", b"reverse", b"test"),
        b"\0RES\0\0\0\x0b\0\0\0\x14H:lap:1\0reverse\0test",
    ),
    (
        REQUEST,
        p.WORK_COMPLETE,
        (b"H:lap:1", b"tset"),
        b"\0REQ\0\0\0\x0d\0\0\0\x0cH:lap:1\0tset",
    ),
    (
        RESPONSE,
        p.WORK_COMPLETE,
        (b"H:lap:1", b"tset"),
        b"\0RES\0\0\0\x0d\0\0\0\x0cH:lap:1\0tset",
    ),
)


class ReadTests(SynchronousTestCase):
    """
    Tests of what L{PacketReader} makes of the bytes that come.
    """

    def assertRead(self, cases: Iterable[Case], limits: Limits | None = None) -> None:
        """
        Each case is heard as it should be: alone or with others around it, and
        however it is cut.
        """
        for one in cases:
            for mixed in evolve(one, limits=limits).among(one.magic):
                for cut in CUTS:
                    listener = mixed.read(cut)
                    chunks = list(cut(mixed.data))
                    self.assertEqual(tuple(listener.heard), mixed.heard, chunks)
                    self.assertEqual(listener.reader.closed, mixed.closes, chunks)

    def test_packets(self) -> None:
        """
        Every packet of the table is read with its arguments, of which the last
        one may contain NULs.
        """
        self.assertRead(PACKET_CASES)

    def test_example(self) -> None:
        """
        The bytes of the protocol text's example are read on both sides.
        """
        for side in (REQUEST, RESPONSE):
            heard = [(n, arguments) for m, n, arguments, _ in EXAMPLE if m == side]
            data = b"".join(data for m, _, _, data in EXAMPLE if m == side)
            self.assertRead([case(data, *heard, magic=side)])

    def test_passedOver(self) -> None:
        """
        Packets without arguments have none, whatever their bodies hold.
        """
        self.assertRead(SILENT_CASES)

    def test_lines(self) -> None:
        """
        Text lines are read without their ends, also between packets, and also
        with NULs in them.
        """
        self.assertRead(LINE_CASES)
        self.assertRead(evolve(one, magic=RESPONSE) for one in LINE_CASES)

    def test_wrongDirection(self) -> None:
        """
        A packet with the magic of the other direction is an error to answer,
        whatever its body; what follows it is read.
        """
        self.assertRead(MAGIC_CASES)

    def test_wrongMagicAndNumber(self) -> None:
        """
        With a magic or a number that does not exist all is over, and nobody is
        owed a word about it.
        """
        self.assertRead(WRONG_CASES)
        self.assertRead(evolve(one, magic=RESPONSE) for one in WRONG_CASES)

    def test_tooFewArguments(self) -> None:
        """
        A packet whose body lacks a NUL is an error after which nothing is read,
        even where the bytes behind it have NULs.
        """
        self.assertRead(SHORT_CASES)

    def test_limits(self) -> None:
        """
        What is as large as a limit is read; what is one byte larger is an error
        after which nothing is read.
        """
        self.assertRead(LIMIT_CASES, SMALL)

    def test_limitWithCarriageReturn(self) -> None:
        """
        The end of a line does not count for its limit, if it is a carriage
        return and a newline neither.
        """
        self.assertRead([case(b"12345678\r\n", line(b"12345678"))], SMALL)

    def test_tinyLimits(self) -> None:
        """
        Limits of zero leave empty packets and lines.
        """
        none = Limits(packet=0, line=0)
        large = malformed(b"ARGUMENT_TOO_LARGE", b"Packet is larger than 0 bytes")
        for one in (
            case(packet(p.ECHO_REQ), (p.ECHO_REQ, (b"",)), limits=none),
            case(b"\n", line(b""), limits=none),
            case(packet(p.ECHO_REQ, b"x"), large, closes=True, limits=none),
            case(b"x\n", TOO_LONG, closes=True, limits=none),
        ):
            for cut in CUTS:
                listener = one.read(cut)
                self.assertEqual(tuple(listener.heard), one.heard, one)
                self.assertEqual(listener.reader.closed, one.closes, one)

    def test_defaultLimits(self) -> None:
        """
        A reader that is told no limits takes lines of 8 KiB, as gearmand, and
        packets of 64 MiB; limits cannot be changed later.
        """
        self.assertEqual(Limits(), Limits(packet=64 * MIB, line=8 * KIB))
        text, size = b"x" * 8 * KIB, struct.pack(">I", 64 * MIB)
        for one in (
            case(text + b"\n", line(text)),
            evolve(closing(text + b"x"), heard=(TOO_LONG,)),
            case(b"\0REQ\0\0\0\x10" + size),
            closing(
                b"\0REQ\0\0\0\x10" + struct.pack(">I", 64 * MIB + 1),
                b"ARGUMENT_TOO_LARGE",
                b"Packet is larger than 67108864 bytes",
            ),
        ):
            listener = one.read(whole)
            self.assertEqual(tuple(listener.heard), one.heard)
            self.assertEqual(listener.reader.closed, one.closes)
        with self.assertRaises(FrozenInstanceError):
            Limits().packet = 1  # type: ignore[misc]

    def test_incomplete(self) -> None:
        """
        As long as a packet or a line is not all there, nothing is heard of it
        and nothing is wrong with it.
        """
        for one in (
            case(packet(p.SUBMIT_JOB, b"f\0u\0data"), (7, (b"f", b"u", b"data"))),
            case(packet(p.SUBMIT_JOB, b"no NULs", RESPONSE), INVALID_MAGIC[REQUEST]),
            case(packet(p.NOOP), (p.NOOP, ())),
            case(b"status\r\n", line(b"status")),
        ):
            for end in range(len(one.data)):
                for cut in (whole, into(1)):
                    listener = evolve(one, data=one.data[:end]).read(cut)
                    self.assertEqual(listener.heard, [])
                    listener.receive(b"", b"")
                    self.assertEqual(listener.heard, [])
                    self.assertFalse(listener.reader.closed)
                    listener.receive(*cut(one.data[end:]))
                    self.assertEqual(tuple(listener.heard), one.heard)

    def test_firstWrongByte(self) -> None:
        """
        A magic that cannot be one any more is not waited for.
        """
        for start in (b"\0", b"\0R", b"\0RE"):
            listener = Listener()
            listener.receive(start)
            self.assertFalse(listener.reader.closed)
            listener.receive(b"~")
            self.assertEqual(listener.heard, [malformed()])
            self.assertTrue(listener.reader.closed)

    def test_headIsEnough(self) -> None:
        """
        A packet that is too large, or that has no number, is refused before its
        body comes.
        """
        for data, wanted in (
            (packet(p.ECHO_REQ, b"x" * 17)[:12], TOO_LARGE),
            (packet(43, b"x" * 16)[:12], malformed()),
        ):
            listener = Listener(PacketReader(SMALL))
            listener.receive(data[:11])
            self.assertEqual(listener.heard, [])
            listener.receive(data[11:])
            self.assertEqual(listener.heard, [wanted])

    def test_everyTwoCuts(self) -> None:
        """
        Wherever a packet of many arguments is cut twice, it is read the same.
        """
        arguments = (b"f", b"u", b"1", b"2", b"", b"", b"3", b"d\0\0")
        before, after = (p.ECHO_REQ, (b"x",)), (p.NOOP, ())
        data = b"".join(
            [
                packet(p.ECHO_REQ, b"x"),
                packet(p.SUBMIT_JOB_SCHED, b"\0".join(arguments)),
                packet(p.NOOP),
            ]
        )
        wanted = [before, (p.SUBMIT_JOB_SCHED, arguments), after]
        for first, second in combinations(range(len(data) + 1), 2):
            listener = Listener()
            listener.receive(data[:first], data[first:second], data[second:])
            self.assertEqual(listener.heard, wanted, (first, second))

    def test_nothingRaisedInPlaceOfEvents(self) -> None:
        """
        An error stands among the packets where the bytes stood, so that answers
        can leave in order.
        """
        listener = Listener()
        listener.receive(
            packet(p.PRE_SLEEP)
            + packet(p.NO_JOB, b"", RESPONSE)
            + b"version\n"
            + packet(p.GRAB_JOB)
            + packet(p.WORK_STATUS, b"handle\x001")
            + packet(p.GRAB_JOB)
        )
        self.assertEqual(
            listener.heard,
            [
                (p.PRE_SLEEP, ()),
                INVALID_MAGIC[REQUEST],
                line(b"version"),
                (p.GRAB_JOB, ()),
                malformed(b"INVALID_PACKET", b"WORK_STATUS needs 3 arguments"),
            ],
        )


class LargePacketTests(SynchronousTestCase):
    """
    Tests of packets that come in many or large pieces.
    """

    def test_pieces(self) -> None:
        """
        However large the pieces of a packet are, and wherever they part its
        arguments, it is read the same, and so is what follows it.
        """
        sizes = (1, 15, 4 * KIB - 1, 4 * KIB, 4 * KIB + 1, 5 * KIB, 64 * KIB, MIB)
        cuts = [into(*pair) for pair in combinations(sizes, 2)]
        cuts += [into(size, 1, 1) for size in sizes]
        cuts += [into(3 * 4 * KIB, 12, 70 * KIB), somehow(1, 9 * KIB)]
        for sized in ((4095, 4096, 4097), (0, 9000, 70_000), (30_000, 1, 1), (5, 6, 0)):
            function, unique, data = (
                bytes([48 + index]) * size for index, size in enumerate(sized)
            )
            arguments = (function, unique, data + b"\0" + data)
            stream = packet(p.SUBMIT_JOB, b"\0".join(arguments))
            stream += packet(p.ECHO_REQ, data) + b"version\n"
            wanted = [(7, arguments), (p.ECHO_REQ, (data,)), line(b"version")]
            for cut in cuts:
                listener = Listener()
                listener.receive(*cut(stream))
                self.assertTrue(listener.heard == wanted, (sized, [*cut(stream)][:3]))

    def test_wrongInPieces(self) -> None:
        """
        What is wrong with a packet is also found when it comes in large pieces.
        """
        body = b"x" * 20 * KIB
        text = b"SUBMIT_JOB_EPOCH needs 4 arguments"
        for one in (
            case(packet(p.NOOP, body + b"\0"), (p.NOOP, ())),
            case(packet(p.SUBMIT_JOB, body, RESPONSE), INVALID_MAGIC[REQUEST]),
            closing(packet(p.SUBMIT_JOB_EPOCH, body), b"INVALID_PACKET", text),
            closing(
                packet(p.SUBMIT_JOB_EPOCH, body + b"\0" + body + b"\0"),
                b"INVALID_PACKET",
                text,
            ),
        ):
            wanted = one.then(case(packet(p.PRE_SLEEP), (p.PRE_SLEEP, ())))
            for cut in (into(4 * KIB), into(5 * KIB, 1), into(1), into(8 * KIB, 13)):
                listener = wanted.read(cut)
                self.assertTrue(tuple(listener.heard) == wanted.heard)
                self.assertEqual(listener.reader.closed, wanted.closes)


class StopTests(SynchronousTestCase):
    """
    Tests of callers that stop in the middle of the events, and go on later.
    """

    def setUp(self) -> None:
        """
        Six events of every kind, and the bytes they are made of.
        """
        parts = (
            case(packet(p.CAN_DO, b"f"), (p.CAN_DO, (b"f",))),
            case(b"status\r\n", line(b"status")),
            case(packet(p.SUBMIT_JOB, b"f\0\0data\0"), (7, (b"f", b"", b"data\0"))),
            case(packet(p.NOOP, b"", RESPONSE), INVALID_MAGIC[REQUEST]),
            case(packet(p.GRAB_JOB), (p.GRAB_JOB, ())),
            case(packet(p.ECHO_REQ, b"x" * 50), (p.ECHO_REQ, (b"x" * 50,))),
        )
        self.data = b"".join(part.data for part in parts)
        self.wanted = [event for part in parts for event in part.heard]

    def test_goesOn(self) -> None:
        """
        Events not taken are there when the caller asks again, each once.
        """
        for first in range(7):
            for second in range(7):
                listener = Listener()
                listener.reader.feed(self.data)
                listener.hear(first)
                self.assertEqual(listener.heard, self.wanted[:first])
                listener.hear(second)
                self.assertEqual(listener.heard, self.wanted[: first + second])
                listener.hear()
                listener.hear()
                self.assertEqual(listener.heard, self.wanted)

    def test_fedWhileStopped(self) -> None:
        """
        What arrives while a caller has stopped comes after what it left.
        """
        for end in range(len(self.data)):
            for count in range(7):
                listener = Listener()
                listener.reader.feed(self.data[:end])
                listener.hear(count)
                listener.reader.feed(self.data[end:])
                listener.reader.feed(self.data)
                listener.hear(count)
                listener.hear()
                self.assertEqual(listener.heard, self.wanted * 2, (end, count))

    def test_neverAsked(self) -> None:
        """
        A caller may feed everything before it asks for the first event.
        """
        for cut in CUTS:
            listener = Listener()
            for chunk in cut(self.data * 3):
                listener.reader.feed(chunk)
            listener.hear()
            self.assertEqual(listener.heard, self.wanted * 3)

    def test_oneByOne(self) -> None:
        """
        A caller may take one event a chunk, and fall behind.
        """
        for cut in CUTS:
            listener = Listener()
            for chunk in cut(self.data * 2):
                listener.reader.feed(chunk)
                listener.hear(1)
            listener.hear()
            self.assertEqual(listener.heard, self.wanted * 2)

    def test_goesOnWithTheSameIterator(self) -> None:
        """
        A caller that stopped may go on with the events it had begun to take,
        also when more has arrived in between.
        """
        for end in range(len(self.data)):
            reader, heard = PacketReader(), []
            reader.feed(self.data[:end])
            events = reader.events()
            for number, arguments in islice(events, 1):
                heard.append((number, tuple(arguments)))
            reader.feed(self.data[end:])
            for number, arguments in (*events, *reader.events()):
                heard.append((number, tuple(arguments)))
            self.assertEqual(heard, self.wanted, end)

    def test_nothingNew(self) -> None:
        """
        Asking again brings nothing when nothing came, or nothing but nothing.
        """
        listener = Listener()
        listener.hear()
        listener.receive(b"", b"")
        self.assertEqual(listener.heard, [])
        listener.receive(self.data)
        listener.hear()
        listener.receive(b"")
        self.assertEqual(listener.heard, self.wanted)


class CloseTests(SynchronousTestCase):
    """
    Tests of a reader that is closed, by itself or by its caller.
    """

    def test_nothingMore(self) -> None:
        """
        A reader that lost its place says so once, and takes nothing more.
        """
        for one in (*WRONG_CASES[:3], *SHORT_CASES[:3]):
            listener = one.read(whole)
            self.assertTrue(listener.reader.closed)
            listener.receive(packet(p.NOOP), b"status\n", one.data)
            self.assertEqual(tuple(listener.heard), one.heard)

    def test_inTheMiddle(self) -> None:
        """
        Closing a reader in the middle of its events ends them.
        """
        reader = PacketReader()
        reader.feed(packet(p.NOOP) * 3 + b"status\n")
        events = reader.events()
        self.assertEqual(next(events), (p.NOOP, ()))
        reader.close()
        self.assertTrue(reader.closed)
        self.assertEqual([*events, *reader.events()], [])

    def test_anyTime(self) -> None:
        """
        Whatever has arrived when a reader is closed, nothing more is heard.
        """
        data = packet(p.ECHO_REQ, b"x" * 20) + b"status\n"
        for end in range(len(data) + 1):
            for asking in (True, False):
                listener = Listener()
                listener.receive(data[:13])
                listener.reader.feed(data[13:end])
                if asking:
                    listener.hear()
                    listener.heard.clear()
                listener.reader.close()
                listener.hear()
                listener.receive(data[end:], data)
                self.assertEqual(listener.heard, [], (end, asking))

    def test_twice(self) -> None:
        """
        Closing a closed reader changes nothing.
        """
        listener = Listener()
        listener.reader.close()
        listener.reader.close()
        listener.receive(b"status\n")
        self.assertEqual(listener.heard, [])
        self.assertTrue(listener.reader.closed)


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


# What peers may send, for Hypothesis

quickly = settings(deadline=None, database=None, max_examples=300)

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
        slack = 256
        for chunk in into(*sizes)(data):
            listener.receive(chunk)
            most = EMPTY + TIGHT.packet + len(chunk) + slack
            self.assertLess(kept(listener.reader), most)
