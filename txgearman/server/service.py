"""
The job server as a service: listening, draining, stopping.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from twisted.application.service import Service
from twisted.internet.defer import Deferred, DeferredList, maybeDeferred, succeed
from twisted.internet.endpoints import serverFromString
from twisted.internet.interfaces import (
    IDelayedCall,
    IListeningPort,
    IReactorTime,
    IStreamServerEndpoint,
)
from twisted.logger import Logger
from twisted.python.failure import Failure

from txgearman.board.policy import Policy
from txgearman.server.configuration import Configuration
from txgearman.server.factory import GearmanServerFactory, Shutdown
from txgearman.server.keeping import Keeping
from txgearman.server.settings import Settings
from txgearman.stores.interface import IJobStore

# How long peers may take to read the last of what they are owed, in seconds.
_FAREWELL: Final = 1.0


class GearmanServer(Service):
    """
    A job server on one or more endpoints, usable inside any application::

        GearmanServer(reactor, ["tcp:4730"]).setServiceParent(application)

    @ivar factory: the L{GearmanServerFactory} of all its endpoints.
    @ivar ports: the listening ports while it listens.
    """

    _log = Logger()

    def __init__(
        self,
        reactor: IReactorTime,
        endpoints: Sequence[str | IStreamServerEndpoint],
        policy: Policy | None = None,
        settings: Settings | None = None,
        drainTimeout: float = 60.0,
        onShutdown: Shutdown | None = None,
        store: IJobStore | None = None,
        configuration: Configuration | None = None,
    ) -> None:
        """
        @param endpoints: where to listen: Twisted endpoints, or strings that
            describe them.
        @param drainTimeout: how long L{drain} waits for running jobs, in
            seconds.
        @param onShutdown: what the C{shutdown} command of a local peer does; it
            is given whether that is to be graceful. L{None} to refuse it.
        @param store: where background jobs are kept; L{None} for jobs that end with
            the process.
        @param configuration: what a file says, as
            L{readConfiguration<txgearman.server.configuration.readConfiguration>}
            returns it.
        @raise ValueError: for a string that describes no endpoint, or schedules that
            there cannot be.
        """
        said = Configuration() if configuration is None else configuration
        self._policy = Policy() if policy is None else policy
        self.factory = GearmanServerFactory(reactor, self._policy, settings, store)
        self.configure(said)
        self.factory.onShutdown = onShutdown
        self.ports: list[IListeningPort] = []
        self._clock = reactor
        self._endpoints = [
            serverFromString(reactor, e) if isinstance(e, str) else e for e in endpoints
        ]
        self._drainTimeout = drainTimeout
        self._listens = False
        self._closing: list[Deferred[None]] = []
        self._stopping: list[Deferred[None]] = []
        self._stopped = False
        self._draining = False
        self._drained = False
        self._waiting: list[Deferred[None]] = []
        self._deadline: IDelayedCall | None = None

    def configure(self, configuration: Configuration) -> None:
        """
        Let another configuration hold instead of the one before, from now on.

        @raise BadSetting: for schedules that there cannot be. Nothing is changed then.
        """
        board = self.factory.board
        board.recurring.configure(configuration.schedules)
        board.configure(configuration.settings)
        board.limitKept(configuration.limiting(self._policy))

    def privilegedStartService(self) -> None:
        """
        Listen, while the process may still be allowed to use low ports.

        @raise CannotListenError: when an endpoint cannot be used, for most
            kinds of endpoint.
        """
        super().privilegedStartService()
        self._listen()

    def startService(self) -> None:
        """
        Listen, unless L{privilegedStartService} did.

        @raise CannotListenError: as there.
        """
        super().startService()
        if not self._listens:
            self._listen()
        if self.factory.keeping is not None:
            self._startKeeping(self.factory.keeping)

    def _startKeeping(self, keeping: Keeping) -> None:
        """
        Begin to load the jobs that were kept.
        """
        keeping.start()

    def _listen(self) -> None:
        """
        Listen on every endpoint, or on none. An endpoint that needs time to
        find out that it cannot listen is left out.
        """
        if self._stopping or self._stopped:
            raise RuntimeError("a job server that has stopped cannot start again")
        self._listens = True
        failures: list[Failure] = []
        for endpoint in self._endpoints:
            listening = maybeDeferred(endpoint.listen, self.factory)
            listening.addCallbacks(self._listening, failures.append)
        if failures:
            self._stopListening()
            failures[0].raiseException()

    def _listening(self, port: IListeningPort) -> None:
        """
        One endpoint listens, perhaps too late.
        """
        self.ports.append(port)
        if self._listens:
            self._log.info("Gearman on {address}", address=port.getHost())
        else:
            self._stopListening()

    def _stopListening(self) -> None:
        """
        Accept no more connections.
        """
        self._listens = False
        ports, self.ports = self.ports, []
        self._closing += [Deferred.fromCoroutine(_stop(port)) for port in ports]

    def drain(self) -> Deferred[None]:
        """
        Listen no more, refuse submits, grant no jobs, and wait for the running
        ones, though not for longer than the drain timeout.

        @return: fires when no job runs, or the time is over.
        """
        done: Deferred[None] = Deferred()
        self._waiting.append(done)
        if self._drained:
            self._endDrain()
        elif not self._draining:
            self._draining = True
            board = self.factory.board
            self._log.info("draining: {running} jobs run", running=board.running)
            self._stopListening()
            self._deadline = self._clock.callLater(self._drainTimeout, self._tooLate)
            board.drain(self._endDrain)
        return done

    def _tooLate(self) -> None:
        """
        The drain timeout is over.
        """
        self._deadline = None
        running = self.factory.board.running
        self._log.warn("drain timeout: {running} jobs still run", running=running)
        self._endDrain()

    def _endDrain(self) -> None:
        """
        Whoever waited for the drain waits no more.
        """
        self._drained = True
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
        waiting, self._waiting = self._waiting, []
        for done in waiting:
            done.callback(None)

    async def _close(self) -> None:
        """
        Stop listening, grant nothing more, part from every peer.
        """
        board = self.factory.board
        board.stop()
        self._endDrain()
        keeping = self.factory.keeping
        ending = sum(keeping is None or not j.background for j in board.jobs.values())
        if ending:
            self._log.warn(
                "{jobs} jobs end with this server, which keeps them in memory",
                jobs=ending,
            )
        self._stopListening()
        await DeferredList(self._closing)
        if keeping is not None:
            await keeping.flush()
        gone: Deferred[None] = Deferred()
        farewell = self._clock.callLater(_FAREWELL, self.factory.abort)
        self.factory.close(lambda: gone.callback(None))
        await gone
        if farewell.active():
            farewell.cancel()
        if keeping is not None:
            # Not before all is written that workers had to report.
            await keeping.stop()
        self._stopped = True
        stopping, self._stopping = self._stopping, []
        for done in stopping:
            done.callback(None)

    def stopService(self) -> Deferred[None]:
        """
        Stop, for good: no new jobs, and every connection closed.

        @return: fires when the last connection is gone, in a second or two.
        """
        if self._stopped:
            return succeed(None)
        done: Deferred[None] = Deferred()
        self._stopping.append(done)
        if len(self._stopping) == 1:
            super().stopService()
            Deferred.fromCoroutine(self._close())
        return done


async def _stop(port: IListeningPort) -> None:
    """
    Stop listening on a port.
    """
    stopped = port.stopListening()
    if stopped is not None:
        await stopped
