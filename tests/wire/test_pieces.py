"""
Tests of data that is passed on in the pieces in which it came.
"""

from __future__ import annotations

from random import Random

from twisted.trial.unittest import SynchronousTestCase

from tests.wire.reading import KIB, MIB, Listener, into, packet
from txgearman.wire import packets as p
from txgearman.wire.codec import PacketReader, Pieces, encode, encodeInto

DATA = Random(4).randbytes(MIB)


class PiecesTests(SynchronousTestCase):
    """
    What a reader that does not join makes of large packets.
    """

    def read(self, number: int, body: bytes, size: int) -> tuple[object, ...]:
        """
        Let one packet arrive in chunks.

        @return: its arguments.
        """
        listener = Listener(PacketReader(joins=False))
        listener.receive(*into(size)(packet(number, body)))
        [(heard, arguments)] = listener.heard
        self.assertEqual(heard, number)
        return arguments

    def test_data(self) -> None:
        """
        Large data is in the pieces in which it came, whatever stands before it,
        and however it was cut.
        """
        for size in (1000, 4 * KIB, 5000, 64 * KIB, 700 * KIB):
            for number, before in [
                (p.SUBMIT_JOB_BG, [b"function", b"unique"]),
                (p.WORK_COMPLETE, [b"H:lap:1"]),
                (p.ECHO_REQ, []),
            ]:
                body = b"\0".join([*before, DATA])
                *names, data = self.read(number, body, size)
                self.assertEqual(names, before)
                assert isinstance(data, Pieces)
                self.assertTrue(bytes(data) == DATA)
                self.assertEqual(len(data), len(DATA))

    def test_notCopied(self) -> None:
        """
        A piece that is nothing but data is the very bytes that arrived.
        """
        listener = Listener(PacketReader(joins=False))
        stream = packet(p.WORK_DATA, b"H:1\0" + DATA)
        chunks = [stream[: 64 * KIB], stream[64 * KIB : 500 * KIB], stream[500 * KIB :]]
        listener.receive(*chunks)
        [(_, (_, data))] = listener.heard
        assert isinstance(data, Pieces)
        self.assertIs(data.chunks[-1], chunks[-1])
        self.assertIs(data.chunks[-2], chunks[-2])

    def test_small(self) -> None:
        """
        Small data is joined.
        """
        data = self.read(p.ECHO_REQ, DATA[: 60 * KIB], 10 * KIB)
        self.assertEqual(data, (DATA[: 60 * KIB],))

    def test_names(self) -> None:
        """
        What is a name is bytes, however large.
        """
        self.assertEqual(self.read(p.CAN_DO, DATA, 64 * KIB), (DATA,))

    def test_longNames(self) -> None:
        """
        Names that are no longer near the beginning are found too.
        """
        name = b"n" * 100 * KIB
        body = b"\0".join([name, name, DATA])
        for size in (4 * KIB, 64 * KIB, 150 * KIB):
            function, unique, data = self.read(p.SUBMIT_JOB, body, size)
            self.assertEqual((function, unique), (name, name))
            assert isinstance(data, (bytes, Pieces))
            self.assertTrue(bytes(data) == DATA)

    def test_passedOn(self) -> None:
        """
        Pieces are encoded to what their bytes would be, and not joined.
        """
        pieces = Pieces([DATA, b"", DATA[:1000]])
        chunks: list[bytes] = []
        size = encodeInto(chunks, p.WORK_COMPLETE, (b"H:1", pieces))
        wanted = encode(b"\0RES", p.WORK_COMPLETE, b"H:1", DATA + DATA[:1000])
        self.assertEqual(b"".join(chunks), wanted)
        self.assertEqual(size, len(wanted))
        self.assertIs(chunks[-3], DATA)
