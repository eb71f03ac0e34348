"""
Factories of client connections, for any client endpoint or C{connectTCP}.
"""

from __future__ import annotations

from collections.abc import Callable

from twisted.python.failure import Failure

from txgearman.client.protocol import GearmanClientProtocol
from txgearman.connection.reconnecting import ReconnectingFactory
from txgearman.connection.requesting import RequesterFactory

Made = Callable[[GearmanClientProtocol], None]
Lost = Callable[[GearmanClientProtocol, Failure], None]


class GearmanClientFactory(RequesterFactory):
    """
    Makes connections that submit jobs::

        protocol = await endpoint.connect(GearmanClientFactory())

    @ivar clientId: what connections call themselves; L{None} for nothing.
    @ivar exceptions: whether to ask for the exceptions of workers.
    @ivar onMade: called with each connection that is made.
    @ivar onLost: called with each connection that is lost, and why.
    """

    protocol = GearmanClientProtocol

    def __init__(
        self,
        clientId: bytes | None = None,
        exceptions: bool = True,
        onMade: Made | None = None,
        onLost: Lost | None = None,
    ) -> None:
        super().__init__(clientId)
        self.exceptions = exceptions
        self.onMade = onMade
        self.onLost = onLost

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
