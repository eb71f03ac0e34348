"""
Tests for L{txgearman.fleet.output}.
"""

from __future__ import annotations

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.fleet.stage import FakePipe
from txgearman.fleet.output import Output, Pipe


class OutputTests(SynchronousTestCase):
    """
    What a child writes.
    """

    def setUp(self) -> None:
        self.clock = Clock()
        self.pipe: FakePipe | None = FakePipe()
        self.said: list[bytes] = []
        self.omitted: list[int] = []
        self.output = Output(self.clock, self.there, self.say, self.omitted.append)

    def there(self) -> Pipe | None:
        return self.pipe

    def say(self, line: bytes, cut: bool) -> None:
        self.said.append(line)

    def test_lines(self) -> None:
        """
        A few lines are logged at once.
        """
        self.output.feed(b"one\ntwo\nthr")
        self.assertEqual(self.said, [b"one", b"two"])
        self.output.feed(b"ee")
        self.output.end()
        self.assertEqual(self.said, [b"one", b"two", b"three"])
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_flood(self) -> None:
        """
        Of many, some are logged at a time, and nothing more is read meanwhile.
        """
        assert self.pipe is not None
        lines = [b"%d" % n for n in range(250)]
        self.output.feed(b"\n".join([*lines, b""]))
        self.assertEqual(len(self.said), 100)
        self.assertTrue(self.pipe.paused)
        # What was read before that.
        self.output.feed(b"last\n")
        self.assertEqual(len(self.said), 100)
        self.clock.advance(0.05)
        self.assertEqual(len(self.said), 200)
        self.assertTrue(self.pipe.paused)
        self.clock.advance(0.05)
        self.assertEqual(self.said, [*lines, b"last"])
        self.assertFalse(self.pipe.paused)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_ended(self) -> None:
        """
        Of what a child has left behind, not all has to be logged.
        """
        self.output.feed(b"x\n" * 5000 + b"end")
        self.pipe = None
        self.output.end()
        self.assertEqual(len(self.said), 1100)
        self.assertEqual(self.omitted, [3901])
        self.assertEqual(self.clock.getDelayedCalls(), [])
