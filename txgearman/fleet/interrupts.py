"""
Ctrl-C at the master's terminal, while a program is being started.

The terminal interrupts all of the master's process group, and a program is in it until
it has a session of its own. Python would die of it with a traceback at once, since it
handles the signal before it has read the program.
"""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def interruptsHeld() -> Iterator[None]:
    """
    Hold interrupts back, also from what is started meanwhile: it has a signal mask of
    its own from then on, and does away with what came before it lifts that.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
