"""
Tests of a L{PacketReader<txgearman.wire.codec.PacketReader>} whose caller stops
in the middle of the events, or closes it.
"""

from __future__ import annotations

from itertools import islice

from twisted.trial.unittest import SynchronousTestCase

from tests.wire.cases import INVALID_MAGIC, SHORT_CASES, WRONG_CASES
from tests.wire.reading import CUTS, Heard, Listener, case, line, packet, whole
from txgearman.wire import packets as p
from txgearman.wire.codec import PacketReader
from txgearman.wire.packets import REQUEST, RESPONSE


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
            reader = PacketReader()
            heard: list[Heard] = []
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
