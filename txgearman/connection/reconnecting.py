"""
Connections that come back when they are lost.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Final, Generic, Protocol, TypeVar

from twisted.application.internet import ClientService
from twisted.internet.defer import Deferred, succeed
from twisted.internet.error import NotConnectingError
from twisted.internet.interfaces import (
    IAddress,
    IConnector,
    IDelayedCall,
    IReactorTime,
)
from twisted.internet.protocol import Factory
from twisted.internet.protocol import Protocol as Connection
from twisted.logger import Logger
from twisted.python.failure import Failure

from txgearman.connection.requesting import RequesterFactory
from txgearman.connection.retrying import Brief, RetryPolicy, backoff
from txgearman.connection.servers import Server

__all__ = ["Owner", "ReconnectingFactory", "RetryPolicy", "ServerConnection", "backoff"]

C = TypeVar("C", bound=Connection)

# How many seconds the other side has to close a connection.
_CLOSING: Final = 5.0


class Owner(Protocol[C]):
    """
    Who is told of a connection's coming and going.
    """

    def arrived(self, connection: ServerConnection[C]) -> None:
        """
        The server is there.
        """

    def departed(self, connection: ServerConnection[C], reason: Failure) -> None:
        """
        It is gone, or the first attempt to reach it failed.
        """


class ReconnectingFactory(RequesterFactory):
    """
    What makes a factory work with C{reactor.connectTCP}, once: after a lost or
    failed connection it connects again, later and later. A connection that is lost
    as soon as it is made counts as one that failed.

    @ivar stopped: whether it connects no more.
    """

    stopped = False
    retryPolicy: RetryPolicy = staticmethod(backoff())

    _failures = 0
    _brief = Brief()
    _connector: IConnector | None = None
    _waiting: IDelayedCall | None = None
    _log = Logger()

    def stop(self) -> None:
        """
        Connect no more. A connection that is there stays.
        """
        self.stopped = True
        waiting, self._waiting = self._waiting, None
        if waiting is not None:
            waiting.cancel()
        elif self._connector is not None:
            with suppress(NotConnectingError):
                self._connector.stopConnecting()

    def startedConnecting(self, connector: IConnector) -> None:
        """
        An attempt begins.
        """
        self._connector = connector

    def buildProtocol(self, addr: IAddress | None) -> Connection:
        """
        The server is there.
        """
        self._brief = self._brief.connected(self._clock.seconds())
        return super().buildProtocol(addr)

    def clientConnectionFailed(self, connector: IConnector, reason: Failure) -> None:
        """
        The server is not there.
        """
        self._failures += 1
        self._again(connector, reason)

    def clientConnectionLost(self, connector: IConnector, reason: Failure) -> None:
        """
        The server is gone.
        """
        self._failures = 0
        self._brief = self._brief.lost(self._clock.seconds())
        self._again(connector, reason)

    @property
    def _clock(self) -> IReactorTime:
        if self.clock is None:
            from twisted.internet import reactor

            self.clock = reactor
        return self.clock

    def _again(self, connector: IConnector, reason: Failure) -> None:
        if self.stopped:
            return
        delay = self.retryPolicy(self._failures + self._brief.count)
        self._log.info(
            "{destination}: {reason}; connecting again in {delay:.1f} s",
            destination=connector.getDestination(),
            reason=reason.value,
            delay=delay,
        )
        self._waiting = self._clock.callLater(delay, self._connect, connector)

    def _connect(self, connector: IConnector) -> None:
        self._waiting = None
        connector.connect()


class ServerConnection(Generic[C]):
    """
    A connection that is lost as soon as it is made, because something else
    answers at that place or makes no sense, counts as one that failed: the next
    attempt waits longer.

    @ivar server: the L{Server}.
    @ivar protocol: the connection while there is one.
    @ivar tried: whether the first attempt to reach it is over.
    @ivar trouble: why it is not connected, as far as that is known.
    """

    _log = Logger()
    _service: ClientService | None = None

    def __init__(
        self,
        clock: IReactorTime,
        server: Server,
        factory: Factory,
        owner: Owner[C],
        retryPolicy: RetryPolicy,
    ) -> None:
        self.server = server
        self.protocol: C | None = None
        self.tried = False
        self.trouble = ""
        self._clock = clock
        self._factory = factory
        self._owner = owner
        self._retryPolicy = retryPolicy
        self._closing: list[Deferred[None]] = []
        self._again = False
        self._arriving = False
        self._brief = Brief()

    def start(self) -> None:
        """
        Connect, and stay connected. When the last connection is about to be
        closed, this waits until it is.
        """
        if self._service is not None:
            return
        self.tried = False
        if self._closing:
            # What is about to be closed is of no use any more.
            self.protocol = None
            self._again = True
        else:
            self._connect()

    def _connect(self) -> None:
        self._brief = Brief()
        self._service = ClientService(
            self.server.endpoint, self._factory, self._delay, self._clock
        )
        self._service.whenConnected(failAfterFailures=1).addErrback(self._unreached)
        self._service.startService()

    def _delay(self, failures: int) -> float:
        """
        How long to wait after so many failures in a row, to connect.
        """
        return self._retryPolicy(failures + self._brief.count)

    def stop(self) -> Deferred[None]:
        """
        Disconnect, and stay so. A server that does not close its side within 5
        seconds, or does not take what it is sent, is given up.

        @return: fires when the connection is closed. Each caller has a Deferred
            of its own.
        """
        self._again = False
        service, self._service = self._service, None
        if service is None and not self._closing:
            return succeed(None)
        done: Deferred[None] = Deferred()
        self._closing.append(done)
        if service is not None and self._arriving:
            # The service is in a transition, which tells the owner.
            self._clock.callLater(0, self._close, service, self.protocol)
        elif service is not None:
            self._close(service, self.protocol)
        return done

    def _close(self, service: ClientService, protocol: C | None) -> None:
        deadline = self._clock.callLater(_CLOSING, _giveUp, protocol)
        # Not the service's own Deferred: whoever has it could call the service
        # from within its own transition.
        stopped = service.stopService()
        stopped.addBoth(lambda _: self._clock.callLater(0, self._closed, deadline))

    def _closed(self, deadline: IDelayedCall) -> None:
        if deadline.active():
            deadline.cancel()
        closing, self._closing = self._closing, []
        if self._again:
            self._again = False
            self._connect()
        for done in closing:
            done.callback(None)

    def made(self, protocol: C) -> None:
        """
        The factory made a connection.
        """
        self.tried = True
        self.protocol = protocol
        self._brief = self._brief.connected(self._clock.seconds())
        self.trouble = ""
        self._log.info("connected to {server}", server=self.server.name)
        self._arriving = True
        try:
            self._owner.arrived(self)
        finally:
            self._arriving = False

    def lost(self, reason: Failure) -> None:
        """
        The connection is lost.
        """
        self.protocol = None
        self._brief = self._brief.lost(self._clock.seconds())
        self._departed("lost {server}: {reason}", reason)

    def _departed(self, said: str, reason: Failure) -> None:
        """
        The server is not there: log that, and tell the owner.
        """
        self.trouble = str(reason.value).removesuffix(".")
        self._log.info(said, server=self.server.name, reason=reason.value)
        self._owner.departed(self, reason)

    def _unreached(self, reason: Failure) -> None:
        """
        The first attempt failed, or was given up.
        """
        if self._service is not None:
            # Outside of the service's transition.
            self._clock.callLater(0, self._firstFailed, reason)

    def _firstFailed(self, reason: Failure) -> None:
        if not self.tried and self._service is not None:
            self.tried = True
            self._departed("no {server}: {reason}; trying on", reason)


def _giveUp(connection: Connection | None) -> None:
    """
    End a connection whose other side does not close it. There is none when an
    attempt to connect was ended.
    """
    if connection is not None and connection.transport is not None:
        connection.transport.abortConnection()  # type: ignore[attr-defined]
