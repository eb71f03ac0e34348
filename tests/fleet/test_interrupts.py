"""
Tests for L{txgearman.fleet.interrupts}.
"""

from __future__ import annotations

import signal

from twisted.trial.unittest import SynchronousTestCase

from txgearman.fleet.interrupts import interruptsHeld


class HeldTests(SynchronousTestCase):
    """
    Tests of L{interruptsHeld}.
    """

    def held(self) -> set[int]:
        return set(signal.pthread_sigmask(signal.SIG_BLOCK, []))

    def test_held(self) -> None:
        """
        Interrupts wait until it is over, and come then.
        """
        before = self.held()
        with self.assertRaises(KeyboardInterrupt), interruptsHeld():
            self.assertEqual(self.held(), before | {signal.SIGINT})
            signal.raise_signal(signal.SIGINT)
            self.assertEqual(signal.sigpending(), {signal.SIGINT})
        self.assertEqual(self.held(), before)

    def test_failed(self) -> None:
        """
        They are not held back after an error.
        """
        before = self.held()
        with self.assertRaises(ValueError), interruptsHeld():
            raise ValueError
        self.assertEqual(self.held(), before)
