"""
Tests for L{txgearman.connection.retrying}.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from txgearman.connection import retrying
from txgearman.connection.retrying import Brief, backoff


class BackoffTests(SynchronousTestCase):
    """
    How long to wait.
    """

    def waits(self, chance: float) -> list[float]:
        """
        How long one waits after some failures.

        @param chance: what comes by chance.
        """
        self.patch(retrying, "random", lambda: chance)
        policy = backoff(1.0, 20.0)
        return [policy(failures) for failures in (0, 1, 2, 100)]

    def test_longer(self) -> None:
        """
        Each wait is longer than the last, up to the longest.
        """
        self.assertEqual(self.waits(0.0), [1.0, 1.5, 2.25, 20.0])

    def test_chance(self) -> None:
        """
        Up to half as much comes by chance, of a long wait as of a short one.
        """
        self.assertEqual(self.waits(1.0), [1.5, 2.25, 3.375, 30.0])
        self.assertEqual(self.waits(0.5), [1.25, 1.875, 2.8125, 25.0])

    def test_random(self) -> None:
        """
        No two wait alike.
        """
        policy = backoff()
        self.assertGreater(len({policy(0) for _ in range(20)}), 1)


class BriefTests(SynchronousTestCase):
    """
    Connections that were not worth having.
    """

    def test_count(self) -> None:
        """
        Those in a row are counted, until one lasts.
        """
        brief, counts = Brief(), []
        for lasts in (0.0, 0.9, 1.0, 0.5):
            brief = brief.connected(100.0).lost(100.0 + lasts)
            counts.append(brief.count)
        self.assertEqual(counts, [1, 2, 0, 1])

    def test_never(self) -> None:
        """
        What nobody saw come was there for long.
        """
        self.assertEqual(Brief().lost(0.0).count, 0)
