"""
C{twistd gearman}: the job server as a process of its own.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from contextlib import suppress
from types import FrameType
from typing import Any, Final, NoReturn

from twisted.application.service import IService
from twisted.internet.defer import Deferred
from twisted.internet.error import ReactorNotRunning
from twisted.internet.task import LoopingCall
from twisted.logger import Logger

from txgearman.connection.turns import busyPoll, shortenTurns
from txgearman.errors import BadSetting, StoreError, StoreUnusable
from txgearman.server.configuration import readConfiguration
from txgearman.server.interpreter import Interpreter
from txgearman.server.keeping import Keeping
from txgearman.server.listening import endpointsOf, reasonOf
from txgearman.server.options import Options
from txgearman.server.service import GearmanServer

__all__ = ["Options", "makeService"]

# How often memory is given back that is not used, in seconds.
_TIDY_EVERY: Final = 5.0


class GearmanProcess(GearmanServer):
    """
    A job server that is all that its process does: its end ends the process,
    and it listens to signals.
    """

    _log = Logger()

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
            configuration=options.configuration,
        )
        # What the process did about signals before.
        self._before: dict[int, Any] = {}
        self._reactor = reactor
        self._options = options
        self._interpreter = Interpreter()
        self._tidying = LoopingCall(self._interpreter.tidy, _TIDY_EVERY)
        self._tidying.clock = reactor

    def _listen(self) -> None:
        """
        Listen, or end the process with a line that says why not.
        """
        try:
            super()._listen()
        except Exception as error:
            # What endpoints fail with depends on their kind.
            giveUp(self._options.parent or {}, f"gearman: {reasonOf(error)}")

    def startService(self) -> None:
        """
        Start; SIGUSR1 drains and then ends the process, and SIGHUP reads the
        configuration again, if there is one.
        """
        self._interpreter.serve()
        busyPoll(self._reactor, self._options["busy-poll"] / 1e6)
        self._tidying.start(_TIDY_EVERY, now=False)
        super().startService()
        self._listenTo(signal.SIGUSR1, self._shutDown, True)
        if self._options.configuration is not None:
            self._listenTo(signal.SIGHUP, self._configureAgain)

    def _listenTo(self, number: int, action: Callable[..., None], *words: Any) -> None:
        """
        Do something when a signal comes, though not in the middle of anything.
        """

        def signalled(number: int, frame: FrameType | None) -> None:
            self._reactor.callFromThread(action, *words)

        before = signal.signal(number, signalled)
        # A handler that is not Python's cannot be put back by Python.
        self._before[number] = signal.SIG_DFL if before is None else before

    def _startKeeping(self, keeping: Keeping) -> None:
        """
        Open the store at once, while a process that cannot use it can still end
        with a line that says why. The reactor does not run yet.
        """
        life = None
        try:
            life = keeping.store.open()
        except StoreUnusable as error:
            giveUp(self._options.parent or {}, f"gearman: {error}")
        except StoreError:
            # It may work later: the loader tells, and tries again.
            pass
        keeping.start(life)

    def stopService(self) -> Deferred[None]:
        """
        Stop.
        """
        before, self._before = self._before, {}
        for number, handler in before.items():
            signal.signal(number, handler)
        if self._tidying.running:
            self._tidying.stop()
        self._interpreter.restore()
        return super().stopService()

    def _configureAgain(self) -> None:
        """
        Read the configuration again. What cannot be read changes nothing.
        """
        path = self._options["config"]
        try:
            self.configure(readConfiguration(path))
        except BadSetting as error:
            self._log.warn("the configuration stays as it is: {error}", error=error)
        else:
            self._log.info("read {path} again", path=path)

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


def giveUp(twistd: Any, line: str) -> NoReturn:
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
