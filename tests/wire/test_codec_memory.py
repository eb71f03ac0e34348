"""
Tests of how much a L{PacketReader<txgearman.wire.codec.PacketReader>} keeps.
"""

from __future__ import annotations

from itertools import islice

from twisted.trial.unittest import SynchronousTestCase

from tests.wire.cases import TOO_LONG
from tests.wire.memory import EMPTY, kept, metered
from tests.wire.reading import KIB, MIB, Listener, into, packet
from txgearman.wire import packets as p


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
        self.assertLess(kept(listener.reader), EMPTY)
        listener.receive(*into(4 * KIB)(packet(p.ECHO_REQ, b"x" * 100 * KIB)))
        self.assertEqual(len(listener.heard), 12)
        self.assertLess(kept(listener.reader), EMPTY)

    def test_neverIdle(self) -> None:
        """
        What was read is forgotten also by a reader that never comes to the end
        of what there is, since each chunk ends in the middle of something.
        """
        for data in (packet(p.NOOP), packet(p.ECHO_REQ, b"x" * 100), b"status\n" * 10):
            listener = Listener()
            listener.receive(data[:5])
            for _ in range(500):
                listener.receive(data[5:] + data[:5])
                self.assertLess(kept(listener.reader), EMPTY + 2 * len(data))

    def test_announced(self) -> None:
        """
        A packet takes no room before it comes, however large it is said to be.
        """
        listener = Listener()
        listener.receive(packet(p.ECHO_REQ, b"x" * 64 * MIB)[:20])
        self.assertLess(kept(listener.reader), EMPTY)

    def test_dribbled(self) -> None:
        """
        A packet that comes in pieces of any size takes little more room than
        it has bytes, at any time.
        """
        size = 160 * KIB
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
                if index % 2000 == 0:
                    self.assertLess(kept(listener.reader), EMPTY + arrived * 1.2)
            self.assertLess(kept(listener.reader), EMPTY + size * 1.15, sizes)
            self.assertEqual(listener.heard, [])
            listener.receive(stream[-1:])
            self.assertEqual(len(listener.heard[0][1][2]), size - 4)
            self.assertLess(kept(listener.reader), EMPTY, sizes)

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
        stream = packet(p.SUBMIT_JOB_BG, b"f\0u\0" + b"x" * (size - 4))
        for sizes in ((64 * KIB,), (MIB, 1), (4 * KIB - 1,)):
            listener = Listener()
            with metered() as meter:
                for chunk in into(*sizes)(stream):
                    listener.receive(chunk)
                self.assertLess(meter.peak, 2.2 * size, sizes)
            self.assertEqual(len(listener.heard), 1)

    def test_smallPiecesAreNotCopiedAgain(self) -> None:
        """
        Small pieces are gathered without copying again and again what came
        before them.
        """
        size = 128 * KIB
        chunks = into(2)(packet(p.ECHO_REQ, b"x" * size))
        listener = Listener()
        with metered() as meter:
            for index, chunk in enumerate(islice(chunks, size // 2)):
                if index % 100 == 0:
                    meter.reset()
                listener.receive(chunk)
                if index % 100 == 99:
                    self.assertLess(meter.peak, 96 * KIB)
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
            self.assertLess(kept(listener.reader), EMPTY)

    def test_closed(self) -> None:
        """
        A closed reader keeps nothing that comes.
        """
        listener = Listener()
        listener.receive(packet(43), b"x" * 100 * KIB)
        listener.receive(packet(p.ECHO_REQ, b"x" * 100 * KIB)[:-1])
        self.assertLess(kept(listener.reader), EMPTY)

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
                self.assertLess(kept(listener.reader), EMPTY, (end, asking))
