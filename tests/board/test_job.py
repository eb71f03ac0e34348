"""
Jobs.
"""

from __future__ import annotations

from tests.board.stage import BoardTestCase
from txgearman.board.job import Priority


class PriorityTests(BoardTestCase):
    """
    The three priorities.
    """

    def test_order(self) -> None:
        """
        The more urgent, the lower.
        """
        order = [Priority.HIGH, Priority.NORMAL, Priority.LOW]
        self.assertEqual(sorted(Priority), order)


class WantedTests(BoardTestCase):
    """
    A job is run for somebody, or for its own sake.
    """

    def test_wanted(self) -> None:
        """
        A job is wanted while a client listens, or when it is in the background.
        """
        stage = self.stage()
        client, worker = stage.client(), stage.worker(b"f", b"g")
        inForeground = client.submits(b"f")
        inBackground = client.submits(b"g", background=True)
        worker.takesAll()
        self.assertTrue(inForeground.wanted)
        self.assertTrue(inBackground.wanted)
        client.leaves()
        self.assertFalse(inForeground.wanted)
        self.assertTrue(inBackground.wanted)

    def test_identity(self) -> None:
        """
        Two jobs are never the same, however alike they are.
        """
        client = self.stage().client()
        one, other = client.submits(), client.submits()
        self.assertEqual(len({one, other}), 2)
