"""
Tests for L{txgearman.server.promises}.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from tests.server.pump import Item, decode
from txgearman.board.saving import Saving
from txgearman.server.promises import Promise, Promises
from txgearman.wire import packets as p
from txgearman.wire.codec import encodeShort

ERROR: Item = ("ERROR", b"QUEUE_ERROR", b"no")


def created(handle: bytes) -> Item:
    """
    What tells that a job was created.
    """
    return ("JOB_CREATED", handle)


class PromisesTests(SynchronousTestCase):
    """
    What a peer is promised.
    """

    def setUp(self) -> None:
        self.promises = Promises(self.due)
        self.chunks: list[bytes] = []
        self.one, self.two = Saving(), Saving()

    def due(self, promise: Promise) -> None:
        """
        Take what may leave.
        """
        chunks: list[bytes] = []
        self.assertEqual(promise.keepInto(chunks), sum(map(len, chunks)))
        self.chunks += chunks

    def left(self) -> list[Item]:
        """
        Take what has left.
        """
        data = b"".join(self.chunks)
        self.chunks.clear()
        items, size = decode(data)
        self.assertEqual(size, len(data))
        return items

    def owes(self, saving: Saving, handle: bytes) -> None:
        chunk = encodeShort(p.JOB_CREATED, handle)
        self.promises.promise(saving, chunk, handle)

    def echoes(self, data: bytes) -> Item:
        self.promises.packet(p.ECHO_RES, (data,))
        return ("ECHO_RES", data)

    def assertNothing(self) -> None:
        """
        Assert that nothing is promised any more.
        """
        self.assertFalse(self.promises)
        self.assertEqual(self.promises.size, 0)

    def test_kept(self) -> None:
        """
        What is promised leaves when it is saved, with all behind it, in one piece.
        """
        self.assertNothing()
        self.owes(self.one, b"1")
        echo = self.echoes(b"x" * 100_000)
        self.promises.write(b"line\n")
        self.owes(self.one, b"2")
        self.assertTrue(self.promises)
        self.assertEqual(self.left(), [])
        self.assertGreater(self.promises.size, 100_000)
        self.one.settle(None)
        self.assertEqual(self.left(), [created(b"1"), echo, b"line\n", created(b"2")])
        self.assertNothing()

    def test_refused(self) -> None:
        """
        When nothing is saved there is an ERROR in the place of each reply, and what
        is behind it stays.
        """
        self.owes(self.one, b"a handle that is longer than the error" * 10)
        echo = self.echoes(b"x")
        self.owes(self.one, b"2")
        self.one.settle(b"no")
        self.assertEqual(self.left(), [ERROR, echo, ERROR])
        self.assertNothing()

    def test_someRefused(self) -> None:
        """
        When some jobs of a batch are not saved, there are ERRORs for these alone.
        """
        for handle in b"1", b"2", b"3":
            self.owes(self.one, handle)
        self.one.refused = {b"2"}
        self.one.settle(b"no")
        self.assertEqual(self.left(), [created(b"1"), ERROR, created(b"3")])
        self.assertNothing()

    def test_line(self) -> None:
        """
        A line has another one in its place when it is refused.
        """
        for refusal, said in [(None, b"OK\n"), (b"no", b"ERR not saved\n")]:
            self.one = Saving()
            self.promises.promise(self.one, b"OK\n", b"ERR not saved\n")
            self.promises.write(b"more\n")
            self.one.settle(refusal)
            self.assertEqual(self.left(), [said, b"more\n"])
            self.assertNothing()

    def test_order(self) -> None:
        """
        What is over first waits for what was promised before it.
        """
        self.owes(self.one, b"1")
        self.owes(self.two, b"2")
        echo = self.echoes(b"x")
        self.two.settle(b"no")
        self.assertEqual(self.left(), [])
        self.assertTrue(self.promises)
        self.one.settle(None)
        self.assertEqual(self.left(), [created(b"1"), ERROR, echo])
        self.assertNothing()

    def test_again(self) -> None:
        """
        Promises of one batch may stand between those of another.
        """
        for outcome in None, b"no":
            self.one, self.two = Saving(), Saving()
            for saving, handle in [
                (self.one, b"1"),
                (self.two, b"2"),
                (self.one, b"3"),
                (self.two, b"4"),
            ]:
                self.owes(saving, handle)
            self.one.settle(outcome)
            first, third = (
                (created(b"1"), created(b"3")) if not outcome else (ERROR,) * 2
            )
            self.assertEqual(self.left(), [first])
            self.two.settle(None)
            self.assertEqual(self.left(), [created(b"2"), third, created(b"4")])
            self.assertNothing()

    def test_forget(self) -> None:
        """
        A peer that is lost is told nothing.
        """
        self.owes(self.one, b"1")
        self.echoes(b"x")
        self.promises.forget()
        self.assertNothing()
        self.one.settle(None)
        self.assertEqual(self.left(), [])
