"""
A client's connections, one to each server.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager

from twisted.internet.defer import Deferred, DeferredList
from twisted.internet.interfaces import IReactorTime
from twisted.python.failure import Failure

from txgearman.client.factory import GearmanClientFactory
from txgearman.client.protocol import GearmanClientProtocol
from txgearman.connection.reconnecting import RetryPolicy, ServerConnection
from txgearman.connection.servers import Server
from txgearman.errors import NoServers

Connection = ServerConnection[GearmanClientProtocol]


class ServerPool:
    """
    @ivar connections: the connections by server, in the order of the servers.
    @ivar running: whether it connects.
    """

    def __init__(
        self,
        clock: IReactorTime,
        servers: Sequence[Server],
        clientId: bytes | None,
        exceptions: bool,
        retryPolicy: RetryPolicy,
    ) -> None:
        self.running = False
        self._clock = clock
        self._changes: list[Deferred[None]] = []
        self.connections: dict[Server, Connection] = {}
        for server in servers:
            factory = GearmanClientFactory(clientId, exceptions)
            connection: Connection = ServerConnection(
                clock, server, factory, self, retryPolicy
            )
            factory.onMade = connection.made
            factory.onLost = lambda _, reason, lost=connection.lost: lost(reason)
            self.connections[server] = connection

    @property
    def servers(self) -> list[Server]:
        """
        The servers in their order.
        """
        return list(self.connections)

    @property
    def settled(self) -> bool:
        """
        Is it known of each server whether it is there?
        """
        return all(connection.tried for connection in self.connections.values())

    @property
    def _decided(self) -> bool:
        """
        Is there nothing to wait for?
        """
        return not self.running or (self.settled and bool(self.connected()))

    def protocolOf(self, server: Server) -> GearmanClientProtocol | None:
        """
        The connection to a server, while there is one.
        """
        return self.connections[server].protocol

    def connected(self) -> list[Server]:
        """
        The servers that can be reached now.
        """
        return [s for s, c in self.connections.items() if c.protocol is not None]

    @contextmanager
    def gathering(self) -> Iterator[None]:
        """
        Let all that is sent to a server within go out at once in the end.
        """
        with ExitStack() as stack:
            for connection in self.connections.values():
                if connection.protocol is not None:
                    stack.enter_context(connection.protocol.gathering())
            yield

    def start(self) -> None:
        """
        Connect to all of them.
        """
        self.running = True
        for connection in self.connections.values():
            connection.start()

    def stop(self) -> Deferred[None]:
        """
        Disconnect from all of them.
        """
        self.running = False
        stopped = [connection.stop() for connection in self.connections.values()]
        self._changed()
        return DeferredList(stopped).addCallback(lambda _: None)

    async def whenConnected(self, timeout: float, retry: bool = True) -> list[Server]:
        """
        Wait until a server can be reached, and until it is known of each whether
        it can, so that a choice among them is one.

        @param timeout: in seconds.
        @param retry: whether to wait on when each was tried in vain.
        @raise NoServers: when none can be reached in time.
        """
        if not self._decided:
            waiting = Deferred.fromCoroutine(self._untilConnected(retry))
            waiting.addTimeout(timeout, self._clock, _leaveIt)
            await waiting
        connected = self.connected()
        if not self.running:
            raise NoServers("the client is not started")
        if not connected:
            each = [
                f"{server.name} ({connection.trouble or 'no answer'})"
                for server, connection in self.connections.items()
            ]
            raise NoServers(f"cannot reach {', '.join(each)}")
        return connected

    async def _untilConnected(self, retry: bool) -> None:
        while not (self._decided or (self.settled and not retry)):
            change: Deferred[None] = Deferred()
            self._changes.append(change)
            await change

    def arrived(self, connection: Connection) -> None:
        """
        A server is there.
        """
        self._changed()

    def departed(self, connection: Connection, reason: Failure) -> None:
        """
        A server is not there.
        """
        self._changed()

    def _changed(self) -> None:
        changes, self._changes = self._changes, []
        with self.gathering():
            for change in changes:
                change.callback(None)


def _leaveIt(result: object, timeout: float) -> None:
    """
    A wait that took too long is over; what there is by then has to do.
    """
