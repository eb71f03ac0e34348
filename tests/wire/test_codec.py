"""
Tests of L{txgearman.wire.codec}: what is written, and what is read.

What a reader makes of some bytes must not depend on the chunks in which they
come, nor on what came before and comes after. So nearly everything here is a
case that is read in many ways.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from itertools import combinations

from attrs import evolve
from attrs.exceptions import FrozenInstanceError
from twisted.trial.unittest import SynchronousTestCase

from tests.wire.cases import (
    EXAMPLE,
    HANDLE_CASES,
    INVALID_MAGIC,
    LIMIT_CASES,
    LINE_CASES,
    MAGIC_CASES,
    PACKET_CASES,
    SHORT_CASES,
    SILENT_CASES,
    SMALL,
    TOO_LARGE,
    TOO_LONG,
    WRONG_CASES,
)
from tests.wire.reading import (
    CUTS,
    KIB,
    MIB,
    Case,
    Listener,
    case,
    closing,
    into,
    line,
    malformed,
    packet,
    somehow,
    whole,
)
from txgearman.wire import packets as p
from txgearman.wire.codec import Limits, PacketReader, encode, encodeInto, encodeShort
from txgearman.wire.packets import REQUEST, RESPONSE


class EncodeTests(SynchronousTestCase):
    """
    Tests of L{encode}, L{encodeInto} and L{encodeShort}.
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

    def test_encodeInto(self) -> None:
        """
        A server's packet in chunks is what it is in one, and its size is told.
        """
        chunks = [b"before"]
        for wanted in PACKET_CASES:
            ((number, arguments),) = wanted.heard
            size = encodeInto(chunks, number, tuple(arguments))
            encoded = encode(RESPONSE, number, *arguments)
            self.assertEqual(b"".join(chunks), b"before" + encoded)
            self.assertEqual(size, len(encoded))
            del chunks[1:]

    def test_encodeShort(self) -> None:
        """
        A server's packet with one argument is encoded the same in one piece.
        """
        for handle in b"", b"H:lap:1", b"x" * 1023, b"x" * 1024:
            chunk = encodeShort(p.JOB_CREATED, handle)
            self.assertEqual(chunk, encode(RESPONSE, p.JOB_CREATED, handle))

    def test_notCopied(self) -> None:
        """
        The last argument is a chunk of its own, large or not.
        """
        for last in b"small", bytes(4 * MIB):
            chunks: list[bytes] = []
            encodeInto(chunks, p.WORK_DATA, (b"H:lap:1", last))
            self.assertIs(chunks[-1], last)


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

    def test_handleAlone(self) -> None:
        """
        A report may be a handle alone, without a NUL: it has no data. Perl's
        workers say so that a result is empty.
        """
        self.assertRead(HANDLE_CASES)

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

    def test_inOrder(self) -> None:
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
