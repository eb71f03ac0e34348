"""
Factories of client connections, for any client endpoint or C{connectTCP}.
"""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.interfaces import IReactorTime
from twisted.python.failure import Failure

from txgearman.client.protocol import GearmanClientProtocol
from txgearman.connection.reconnecting import ReconnectingFactory
from txgearman.connection.requesting import MAX_PACKET, RequesterFactory

Made = Callable[[GearmanClientProtocol], None]
Lost = Callable[[GearmanClientProtocol, Failure], None]
Silent = Callable[[GearmanClientProtocol], None]


class GearmanClientFactory(RequesterFactory):
    """
    Makes connections that submit jobs::

        protocol = await endpoint.connect(GearmanClientFactory())

    @ivar clientId: what connections call themselves; L{None} for nothing.
    @ivar exceptions: whether to ask for the exceptions of workers.
    @ivar onMade: called with each connection that is made.
    @ivar onLost: called with each connection that is lost, and why.
    @ivar onSilent: called with each connection that is given up since its server
        is silent, before it is lost.
    @ivar maxPacket: the largest packet that is taken from a server, in bytes.
    @ivar answerTimeout: how long a server that owes an answer may be silent, in
        seconds; L{None} for any time.
    @ivar clock: who measures that time; L{None} for the global reactor. With it,
        what is said in one turn of the reactor leaves together.
    """

    protocol = GearmanClientProtocol

    def __init__(
        self,
        clientId: bytes | None = None,
        exceptions: bool = True,
        onMade: Made | None = None,
        onLost: Lost | None = None,
        *,
        onSilent: Silent | None = None,
        maxPacket: int = MAX_PACKET,
        answerTimeout: float | None = None,
        clock: IReactorTime | None = None,
    ) -> None:
        super().__init__(clientId, maxPacket)
        self.exceptions = exceptions
        self.onMade = onMade
        self.onLost = onLost
        self.onSilent = onSilent
        self.answerTimeout = answerTimeout
        self.clock = clock

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

    def silent(self, connection: GearmanClientProtocol) -> None:
        """
        A server owes an answer and is silent.
        """
        if self.onSilent is not None:
            self.onSilent(connection)


class ReconnectingGearmanClientFactory(ReconnectingFactory, GearmanClientFactory):
    """
    The same for C{reactor.connectTCP}, which connects again when a connection
    is lost or fails.
    """
