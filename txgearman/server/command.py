"""
C{twistd gearman}: the job server as a process of its own.
"""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from types import FrameType
from typing import Any, NoReturn

from twisted.application.service import IService
from twisted.internet.defer import Deferred
from twisted.internet.error import ReactorNotRunning
from twisted.logger import Logger

from txgearman.connection.turns import shortenTurns
from txgearman.errors import BadSetting, StoreError, StoreUnusable
from txgearman.server.keeping import Keeping
from txgearman.server.listening import endpointsOf, reasonOf
from txgearman.server.memory import ProcessMemory
from txgearman.server.options import Options
from txgearman.server.service import GearmanServer

__all__ = ["Options", "makeService"]


class GearmanProcess(GearmanServer):
    """
    A job server that is all that its process does: its end ends the process,
    and it listens to signals.
    """

    _log = Logger()
    _before: Any = None

    def __init__(self, reactor: Any, options: Options) -> None:
        """
        @raise BadSetting: for an address that cannot be used.
        """
        super().__init__(
            reactor,
            endpointsOf(
                reactor,
                options["port"],
                options.hosts,
                options.descriptions,
                options["backlog"],
            ),
            options.policy,
            options.settings,
            drainTimeout=options["drain-timeout"],
            onShutdown=self._shutDown,
            store=options.store,
        )
        self._reactor = reactor
        self._options = options
        self._memory = ProcessMemory()

    def _listen(self) -> None:
        """
        Listen, or end the process with a line that says why not.
        """
        try:
            super()._listen()
        except Exception as error:
            # What endpoints fail with depends on their kind.
            _giveUp(self._options.parent or {}, f"gearman: {reasonOf(error)}")

    def startService(self) -> None:
        """
        Start; SIGUSR1 drains and then ends the process.
        """
        self._memory.serve()
        super().startService()
        before = signal.signal(signal.SIGUSR1, self._signalled)
        # A handler that is not Python's cannot be put back by Python.
        self._before = signal.SIG_DFL if before is None else before

    def _startKeeping(self, keeping: Keeping) -> None:
        """
        Open the store at once, while a process that cannot use it can still end
        with a line that says why. The reactor does not run yet.
        """
        life = None
        try:
            life = keeping.store.open()
        except StoreUnusable as error:
            _giveUp(self._options.parent or {}, f"gearman: {error}")
        except StoreError:
            # It may work later: the loader tells, and tries again.
            pass
        keeping.start(life)

    def stopService(self) -> Deferred[None]:
        """
        Stop.
        """
        if self._before is not None:
            signal.signal(signal.SIGUSR1, self._before)
            self._before = None
        self._memory.restore()
        return super().stopService()

    def _signalled(self, number: int, frame: FrameType | None) -> None:
        """
        A signal came, in the middle of anything.
        """
        self._reactor.callFromThread(self._shutDown, True)

    def _shutDown(self, graceful: bool) -> None:
        """
        End the process.
        """
        if graceful:
            self.drain().addCallback(lambda _: self._stopReactor())
        else:
            # Later, so that whoever asked gets the answer.
            self._reactor.callLater(0, self._stopReactor)

    def _stopReactor(self) -> None:
        """
        Stop, unless something else did meanwhile.
        """
        if self._reactor.running:
            with suppress(ReactorNotRunning):
                self._reactor.stop()


def _giveUp(twistd: Any, line: str) -> NoReturn:
    """
    End a process that cannot start, with a line that says why: what twistd does
    about an exception is to print its traceback.

    @param twistd: the options of twistd.
    """
    pidFile = twistd.get("pidfile")
    if pidFile and os.path.exists(pidFile):
        os.unlink(pidFile)
    pipe = twistd.get("statusPipe")
    if pipe is not None:
        # A daemon's starter waits to hear of it.
        os.write(pipe, f"1 {line}".encode()[:100])
        os.close(pipe)
    raise SystemExit(line)


def makeService(options: Options) -> IService:
    """
    Make the service that twistd runs, on a reactor that suits it unless another
    one was chosen.
    """
    shortenTurns()
    from twisted.internet import reactor

    try:
        return GearmanProcess(reactor, options)
    except BadSetting as error:
        raise SystemExit(f"gearman: {error}") from None
