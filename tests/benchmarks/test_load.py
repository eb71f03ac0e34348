"""
Tests of L{benchmarks.load}.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from benchmarks.load import Requests, background, foreground
from txgearman.wire.codec import PacketReader
from txgearman.wire.packets import JOB_CREATED, SUBMIT_JOB


def functionsIn(data: memoryview) -> list[bytes]:
    """
    @return: the functions of submits, in their order.
    """
    reader = PacketReader()
    reader.feed(bytes(data))
    return [arguments[0] for _, arguments in reader.events()]


class RequestsTests(SynchronousTestCase):
    """
    Tests of L{Requests}.
    """

    def test_turns(self) -> None:
        """
        Requests are taken in turn, and after the last one the first follows in the
        same piece.
        """
        requests = Requests([b"a", b"b", b"c"], 2, JOB_CREATED)
        taken = [bytes(requests.take(count)) for count in [2, 2, 1, 1, 2]]
        self.assertEqual(taken, [b"ab", b"ca", b"b", b"c", b"ab"])

    def test_functions(self) -> None:
        """
        Submits for several functions name one after the other.
        """
        requests = background(32, 4, functions=3)
        first = functionsIn(requests.take(4))
        self.assertEqual(first, [*[b"load%06d" % i for i in range(3)], first[0]])
        self.assertEqual(functionsIn(requests.take(1)), [first[1]])

    def test_window(self) -> None:
        """
        A whole window is in one piece.
        """
        requests = foreground(5, 3)
        reader = PacketReader()
        reader.feed(bytes(requests.take(requests.window)))
        self.assertEqual(
            [(number, list(arguments)) for number, arguments in reader.events()],
            [(SUBMIT_JOB, [b"load", b"", b"xxxxx"])] * 3,
        )
