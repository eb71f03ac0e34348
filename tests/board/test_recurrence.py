"""
Moments that recur.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from txgearman.board.recurrence import Interval


class IntervalTests(SynchronousTestCase):
    """
    Moments that are equally far from each other.
    """

    def test_phase(self) -> None:
        """
        They stay the same wherever one starts to look.
        """
        self.assertEqual(Interval(60).next(119.9), 120)
        self.assertEqual(Interval(60).next(120), 180)
        self.assertEqual(Interval(60, 7).next(0), 7)
        self.assertEqual(Interval(60, 7).next(7), 67)

    def test_fractions(self) -> None:
        """
        Each is later than the one before, also where numbers are rounded.
        """
        interval = Interval(1.1)
        moment = 1_700_049_600.0
        for _ in range(1000):
            later = interval.next(moment)
            self.assertTrue(moment < later < moment + 1.2, moment)
            moment = later
