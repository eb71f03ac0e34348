"""
Factories of client connections, for any client endpoint or C{connectTCP}.
"""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.interfaces import IAddress
from twisted.internet.protocol import ClientFactory, Protocol
from twisted.python.failure import Failure

from txgearman.client.protocol import GearmanClientProtocol
from txgearman.connection.reconnecting import ReconnectingFactory

Made = Callable[[GearmanClientProtocol], None]
Lost = Callable[[GearmanClientProtocol, Failure], None]


class GearmanClientFactory(ClientFactory):
    """
    Makes connections that submit jobs::

        protocol = await endpoint.connect(GearmanClientFactory())

    @ivar clientId: what connections call themselves; L{None} for nothing.
    @ivar exceptions: whether to ask for the exceptions of workers.
    @ivar onMade: called with each connection that is made.
    @ivar onLost: called with each connection that is lost, and why.
    """

    # Twisted's annotation wants a protocol whose factory is any Factory.
    protocol = GearmanClientProtocol  # type: ignore[assignment]
    noisy = False

    def __init__(
        self,
        clientId: bytes | None = None,
        exceptions: bool = True,
        onMade: Made | None = None,
        onLost: Lost | None = None,
    ) -> None:
        self.clientId = clientId
        self.exceptions = exceptions
        self.onMade = onMade
        self.onLost = onLost

    def buildProtocol(self, addr: IAddress | None) -> Protocol:
        """
        Make a connection.
        """
        connection: GearmanClientProtocol = self.protocol()
        connection.factory = self
        return connection

    def made(self, connection: GearmanClientProtocol) -> None:
        """
        A connection was made.
        """
        if self.onMade is not None:
            self.onMade(connection)

    def lost(self, connection: GearmanClientProtocol, reason: Failure) -> None:
        """
        A connection was lost.
        """
        if self.onLost is not None:
            self.onLost(connection, reason)


class ReconnectingGearmanClientFactory(ReconnectingFactory, GearmanClientFactory):
    """
    The same for C{reactor.connectTCP}, which connects again when a connection
    is lost or fails.
    """
