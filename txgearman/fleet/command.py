"""
C{twistd gearman-worker}: the master of a fleet as a process of its own.
"""

from __future__ import annotations

import signal
from types import FrameType
from typing import Any

from twisted.application.service import IService
from twisted.internet.defer import Deferred

from txgearman.errors import BadSetting
from txgearman.fleet.master import Fleet
from txgearman.fleet.options import Options
from txgearman.server.command import giveUp

__all__ = ["Options", "makeService"]


class FleetProcess(Fleet):
    """
    A fleet whose master is all that its process does: it listens to signals.
    """

    def __init__(self, reactor: Any, options: Options) -> None:
        """
        @raise BadSetting: for settings that cannot be used.
        """
        read = None if options.path is None else options.read
        super().__init__(reactor, options.settings, options.path, read)
        self._options = options
        # What the process did about SIGHUP before.
        self._before: Any = None

    def startService(self) -> None:
        """
        Start; SIGHUP reads the file again, if there is one, and replaces all children.
        """
        try:
            super().startService()
        except BadSetting as error:
            giveUp(self._options.parent or {}, f"gearman-worker: {error}")
        before = signal.signal(signal.SIGHUP, self._hungUp)
        # A handler that is not Python's cannot be put back by Python.
        self._before = signal.SIG_DFL if before is None else before

    def stopService(self) -> Deferred[None]:
        """
        Stop.
        """
        if self._before is not None:
            # It must not end the process before the children have ended.
            signal.signal(signal.SIGHUP, signal.SIG_IGN)
            self._before = None
        return super().stopService()

    def _hungUp(self, number: int, frame: FrameType | None) -> None:
        """
        SIGHUP came, in the middle of anything.
        """
        self._reactor.callFromThread(self.renew)


def makeService(options: Options) -> IService:
    """
    Make the service that twistd runs.
    """
    from twisted.internet import reactor

    try:
        return FleetProcess(reactor, options)
    except BadSetting as error:
        raise SystemExit(f"gearman-worker: {error}") from None
