"""
Tests for L{txgearman.stores.pieces}.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from txgearman.stores.pieces import cut


class CutTests(SynchronousTestCase):
    """
    Tests of L{cut}.
    """

    def test_weight(self) -> None:
        """
        Things are cut by their number and their weight, in their order.
        """
        things = ["1", "22", "x" * 1000, "333", "4444", "55555", "666666"]

        def cutUp(most: int, room: int) -> list[list[int]]:
            return [[len(one) for one in some] for some in cut(things, most, room, len)]

        self.assertEqual(cutUp(3, 10**6), [[1, 2, 1000], [3, 4, 5], [6]])
        self.assertEqual(cutUp(3, 9), [[1, 2], [1000], [3, 4], [5], [6]])
        self.assertEqual(cutUp(10, 0), [[1], [2], [1000], [3], [4], [5], [6]])

    def test_number(self) -> None:
        """
        Without weights they are cut by their number only.
        """
        self.assertEqual(
            [[*some] for some in cut(range(7), 3)], [[0, 1, 2], [3, 4, 5], [6]]
        )
        self.assertEqual([[*some] for some in cut(range(6), 3)], [[0, 1, 2], [3, 4, 5]])

    def test_nothing(self) -> None:
        """
        There are no pieces of nothing.
        """
        things: list[str] = []
        self.assertEqual(list(cut(things, 3)), [])
        for most in 3, 0:
            self.assertEqual(list(cut(things, most, 1000, len)), [])
