"""
What SIGTERM and SIGINT are to a Python child.

The first one has it end its jobs and take no more. One SIGTERM may come from the
master, another one from whatever ends all of a service's processes, from the system
when the master dies, or from the sentinel: they all say the same. Who presses Ctrl-C a
second time does not want to wait.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from typing import Final

SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)
"""
What asks a child to end.
"""


class Heed:
    """
    Heeds the signals.

    @ivar asked: whether one came.
    """

    def __init__(self) -> None:
        self.asked = False
        self._interrupted = False
        self._drain: Callable[[], object] | None = None

    def listen(self, drain: Callable[[], object] | None = None) -> None:
        """
        Listen to the signals, instead of whoever did.

        @param drain: called at the first one, whatever the program does just then.
            Without it, there is nothing to end yet but the program.
        """
        self._drain = drain
        for number in SIGNALS:
            signal.signal(number, self.heard)

    def heard(self, number: int, frame: object) -> None:
        """
        One came.

        @raise SystemExit: with status 0, while there is nothing to drain.
        """
        if self._drain is None:
            self.asked = True
            raise SystemExit(0)
        if self._interrupted and number == signal.SIGINT:
            _die(number)
            return
        self._interrupted = self._interrupted or number == signal.SIGINT
        if not self.asked:
            self.asked = True
            self._drain()


def _die(number: int) -> None:
    """
    Die of a signal, with the processes that do jobs for this one.
    """
    signal.signal(number, signal.SIG_DFL)
    if os.getpgrp() == os.getpid():
        os.killpg(os.getpid(), number)
    else:
        os.kill(os.getpid(), number)
