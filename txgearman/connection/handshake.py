"""
Connections that count as made when they can be trusted.

A TLS connection is made, for Twisted's endpoints, before its handshake: what was
written to one whose certificate is not trusted then would seem to be under way.
"""

from __future__ import annotations

from typing import Final, NoReturn

from attrs import field, frozen
from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectError, NoProtocol, TimeoutError
from twisted.internet.interfaces import (
    IAddress,
    IHandshakeListener,
    INegotiated,
    IProtocol,
    IProtocolFactory,
    IReactorTime,
    IStreamClientEndpoint,
)
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.python.failure import Failure
from zope.interface import implementer

_TIMEOUT: Final = 15.0
"""How many seconds an attempt to connect may take, with its handshake."""


def trusted(
    clock: IReactorTime, endpoint: IStreamClientEndpoint
) -> IStreamClientEndpoint:
    """
    Make an endpoint whose connections are made when they can be trusted. One that
    is such an endpoint stays as it is: a handshake is told to one listener.
    """
    return endpoint if isinstance(endpoint, Trusted) else Trusted(clock, endpoint)


@implementer(IStreamClientEndpoint)
@frozen
class Trusted:
    """
    An endpoint whose connections are made when their handshake is over, if there
    is one. Both have 15 seconds, and no more than the endpoint allows itself.
    """

    _clock: IReactorTime = field(eq=False)
    _endpoint: IStreamClientEndpoint = field(eq=False)

    def connect(self, protocolFactory: IProtocolFactory) -> Deferred[IProtocol]:
        """
        Connect.

        @return: fires with the protocol; fails with L{ConnectError}, also for a
            certificate that is not trusted, and with its L{TimeoutError
            <twisted.internet.error.TimeoutError>} when it takes too long.
        """
        attempt = _Attempt(protocolFactory)
        made: Deferred[IProtocol] = Deferred(lambda _: attempt.stop())
        made.addTimeout(_TIMEOUT, self._clock, _tookTooLong)
        attempt.begin(self._endpoint, made)
        return made


class _Attempt(Factory):
    """
    An attempt to connect.
    """

    noisy = False

    def __init__(self, factory: IProtocolFactory) -> None:
        self._factory = factory
        self._handshake: _Handshake | None = None

    def begin(self, endpoint: IStreamClientEndpoint, made: Deferred[IProtocol]) -> None:
        """
        Make it.

        @param made: fires when the connection is made.
        """
        self._made = made
        self._connecting = endpoint.connect(self)
        self._connecting.addErrback(self.failed)

    def buildProtocol(self, addr: IAddress | None) -> Protocol:
        """
        Wait for the handshake.
        """
        self._handshake = _Handshake(self, addr)
        return self._handshake

    def begun(self, addr: IAddress | None) -> IProtocol | None:
        """
        The connection can be trusted.

        @return: the protocol that goes on.
        """
        return self._factory.buildProtocol(addr)  # type: ignore[arg-type]

    def succeeded(self, protocol: IProtocol) -> None:
        """
        The connection is made.
        """
        self._made.callback(protocol)

    def failed(self, reason: Failure) -> None:
        """
        It is not made, and never will be.
        """
        if not self._made.called:
            self._made.errback(reason)

    def stop(self) -> None:
        """
        Nobody wants it any more.
        """
        self._connecting.cancel()
        if self._handshake is not None:
            self._handshake.stop()


@implementer(IHandshakeListener)
class _Handshake(Protocol):
    """
    Stands in for a protocol until the handshake is over.
    """

    def __init__(self, attempt: _Attempt, addr: IAddress | None) -> None:
        self._attempt = attempt
        self._addr = addr
        self._protocol: IProtocol | None = None

    def connectionMade(self) -> None:
        """
        There is a connection, and its handshake begins if it has one.
        """
        if not INegotiated.providedBy(self.transport):
            self._begin()

    def handshakeCompleted(self) -> None:
        """
        It can be trusted, unless the certificate is somebody else's: then Twisted
        has given it up already.
        """
        if not self.transport.disconnecting:  # type: ignore[union-attr]
            self._begin()

    def _begin(self) -> None:
        assert self.transport is not None
        protocol = self._attempt.begun(self._addr)
        if protocol is None:
            self._attempt.failed(Failure(NoProtocol()))
            self.stop()
            return
        self._protocol = protocol
        protocol.makeConnection(self.transport)
        # From here on there is nobody in between.
        self.dataReceived = protocol.dataReceived  # type: ignore[method-assign]
        self._attempt.succeeded(protocol)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """
        The connection is lost, or never was one.
        """
        if self._protocol is not None:
            self._protocol.connectionLost(reason)
        else:
            self._attempt.failed(Failure(ConnectError(string=_told(reason.value))))

    def stop(self) -> None:
        """
        End it, if it has begun.
        """
        if self.transport is not None:
            self.transport.abortConnection()  # type: ignore[attr-defined]


def _tookTooLong(result: object, timeout: float) -> NoReturn:
    """
    An attempt was ended because of its timeout.
    """
    raise TimeoutError(string=f"no connection in {timeout:.0f} s")


def _told(error: BaseException | None) -> str:
    """
    What went wrong, in words. OpenSSL says it in a list of tuples; what looks at
    the certificate's name, in a list of objects.
    """
    if error is None or not error.args or not isinstance(error.args[0], list):
        return str(error)
    words = [
        str(one[-1]) if isinstance(one, tuple) else type(one).__name__
        for one in error.args[0]
    ]
    return "; ".join(words) or "TLS failed"
