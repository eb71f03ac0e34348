"""
What a child leaves behind that has ended: other processes of its process group.
"""

from __future__ import annotations

import signal
from typing import Final

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime

from txgearman.fleet.launcher import ILauncher

# How long they may take to end, and how often is looked, in seconds.
_PATIENCE: Final = 5.0
_LOOK: Final = 0.1


class Remains:
    """
    Ends a process group whose first process has ended.
    """

    def __init__(self, clock: IReactorTime, launcher: ILauncher, pid: int) -> None:
        """
        @param pid: of the process that has ended.
        """
        self._clock = clock
        self._launcher = launcher
        self._pid = pid
        self._gone: Deferred[None] = Deferred()

    def end(self) -> Deferred[None]:
        """
        Tell them to end, and kill those that do not.

        @return: fires when there are none.
        """
        self._launcher.signalAll(self._pid, signal.SIGTERM)
        self._look(self._clock.seconds() + _PATIENCE)
        return self._gone

    def _look(self, deadline: float) -> None:
        if not self._launcher.signalAll(self._pid, 0):
            self._gone.callback(None)
        elif self._clock.seconds() < deadline:
            self._clock.callLater(_LOOK, self._look, deadline)
        else:
            self._launcher.signalAll(self._pid, signal.SIGKILL)
            self._gone.callback(None)
