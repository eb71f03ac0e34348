"""
Tests for L{txgearman.server.memory}.
"""

from __future__ import annotations

import gc

from twisted.trial.unittest import SynchronousTestCase

from txgearman.server.memory import ProcessMemory


class MemoryTests(SynchronousTestCase):
    """
    The garbage collector, which belongs to the whole process.
    """

    def test_servesAndRestores(self) -> None:
        """
        While it serves, Python looks for garbage more seldom, and not at all among
        what was there before; afterwards all is as it was, also when it is said
        twice.
        """
        self.addCleanup(gc.set_threshold, *gc.get_threshold())
        before, frozen = (700, 10, 10), 0
        gc.set_threshold(*before)
        gc.unfreeze()
        memory = ProcessMemory()
        self.addCleanup(memory.restore)
        for _ in range(2):
            memory.serve()
            self.assertGreater(gc.get_threshold()[0], before[0])
            self.assertGreater(gc.get_freeze_count(), frozen)
        for _ in range(2):
            memory.restore()
            self.assertEqual(gc.get_threshold(), before)
            self.assertEqual(gc.get_freeze_count(), 0)
