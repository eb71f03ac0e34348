"""
Tests for L{txgearman.server.interpreter}.
"""

from __future__ import annotations

import gc
import subprocess
import sys
from pathlib import Path
from platform import libc_ver
from unittest import SkipTest

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


class TidyTests(SynchronousTestCase):
    """
    Memory that was kept for large packets is given back.
    """

    def setUp(self) -> None:
        self.spent = 10.0
        self.interpreter = Interpreter(lambda: self.spent)

    def spends(self, seconds: float) -> bool:
        """
        Spend so much of a processor in five seconds.

        @return: whether memory was given back then.
        """
        self.spent += seconds
        return self.interpreter.tidy(5)

    def test_quiet(self) -> None:
        """
        A quiet process gives memory back once after it was busy, and not while it is.
        """
        spent = [4.9, 0.3, 0.2, 0.01, 0.01, 0.0, 0.04, 3.0, 0.0]
        gave = [self.spends(seconds) for seconds in spent]
        self.assertEqual(
            gave, [False, False, True, False, False, False, True, False, True]
        )

    def test_givesBack(self) -> None:
        """
        What large blocks took is kept when they are gone, and given back then.
        """
        if not Path("/proc/self/statm").exists() or "glibc" not in libc_ver()[0]:
            raise SkipTest("this is not Linux with glibc")
        command = [sys.executable, "-c", _MEMORY]
        output = subprocess.run(command, check=True, capture_output=True, text=True)
        before, kept, after = map(int, output.stdout.split())
        self.assertGreater(kept, before + 80)
        self.assertLess(after, before + 20)


# Resident memory in megabytes: at first; with 100 MB that came and went; and then.
_MEMORY = """
from itertools import count
from txgearman.server.interpreter import Interpreter

def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) // 256

interpreter = Interpreter(count().__next__)
interpreter.serve()
print(resident())
touched = [b"x" * 2_000_000 for _ in range(50)]
del touched
print(resident())
interpreter.tidy(60)
print(resident())
"""
