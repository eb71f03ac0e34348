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
        came: list[int] = []
        # Whoever runs the tests is not to be interrupted.
        handler = signal.signal(
            signal.SIGINT, lambda number, frame: came.append(number)
        )
        self.addCleanup(signal.signal, signal.SIGINT, handler)
        before = self.held()
        with interruptsHeld():
            self.assertEqual(self.held(), before | {signal.SIGINT})
            signal.raise_signal(signal.SIGINT)
            self.assertEqual(signal.sigpending(), {signal.SIGINT})
            self.assertEqual(came, [])
        self.assertEqual(came, [signal.SIGINT])
        self.assertEqual(self.held(), before)

    def test_failed(self) -> None:
        """
        They are not held back after an error.
        """
        before = self.held()
        with self.assertRaises(ValueError), interruptsHeld():
            raise ValueError
        self.assertEqual(self.held(), before)
