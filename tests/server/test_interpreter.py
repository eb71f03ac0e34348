"""
Tests for L{txgearman.server.interpreter}.
"""

from __future__ import annotations

import gc
import sys

from twisted.trial.unittest import SynchronousTestCase

from txgearman.server.interpreter import Interpreter


class InterpreterTests(SynchronousTestCase):
    """
    The garbage collector and the lock, which belong to the whole process.
    """

    def test_servesAndRestores(self) -> None:
        """
        While it serves, Python looks for garbage more seldom, and not at all among
        what was there before; afterwards all is as it was, also when it is said
        twice.
        """
        self.addCleanup(gc.set_threshold, *gc.get_threshold())
        self.addCleanup(sys.setswitchinterval, sys.getswitchinterval())
        before, frozen, switch = (700, 10, 10), 0, 0.005
        sys.setswitchinterval(switch)
        gc.set_threshold(*before)
        gc.unfreeze()
        interpreter = Interpreter()
        self.addCleanup(interpreter.restore)
        for _ in range(2):
            interpreter.serve()
            self.assertGreater(gc.get_threshold()[0], before[0])
            self.assertGreater(gc.get_freeze_count(), frozen)
            self.assertLess(sys.getswitchinterval(), switch)
        for _ in range(2):
            interpreter.restore()
            self.assertEqual(gc.get_threshold(), before)
            self.assertEqual(gc.get_freeze_count(), 0)
            self.assertAlmostEqual(sys.getswitchinterval(), switch)
