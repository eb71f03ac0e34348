"""
A client's connections, one to each server.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
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
    A server that was silent when it owed an answer counts as one that cannot be
    reached until it answers again: what hangs may still accept connections.

    @ivar servers: the servers in their order.
    @ivar connections: the connections by server.
    @ivar running: whether it connects.
    """

    def __init__(
        self,
        clock: IReactorTime,
        servers: Sequence[Server],
        makeFactory: Callable[[], GearmanClientFactory],
        retryPolicy: RetryPolicy,
    ) -> None:
        """
        @param makeFactory: makes what makes the connections to one server.
        """
        self.running = False
        self._clock = clock
        self._changes: dict[Deferred[None], None] = {}
        self._waitedFor: set[Connection] = set()
        self._silent: set[Connection] = set()
        self.connections: dict[Server, Connection] = {}
        for server in servers:
            factory = makeFactory()
            connection: Connection = ServerConnection(
                clock, server, factory, self, retryPolicy
            )
            factory.onMade = connection.made
            factory.onLost = lambda _, reason, lost=connection.lost: lost(reason)
            factory.onSilent = lambda _, which=connection: self._silent.add(which)
            self.connections[server] = connection
        # Each of them once, whoever named it twice.
        self.servers = tuple(self.connections)

    @property
    def settled(self) -> bool:
        """
        Is it known of each server whether it is there, or did somebody wait for
        it in vain?
        """
        for connection in self.connections.values():
            if not (connection.tried or connection in self._waitedFor):
                return False
        return True

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
        return [
            server
            for server, connection in self.connections.items()
            if connection.protocol is not None and connection not in self._silent
        ]

    def reached(self) -> list[Server] | None:
        """
        The servers that can be reached, if there is nothing to wait for: see
        L{whenConnected}.

        @raise NoServers: when it does not connect.
        """
        if not self.running:
            raise NoServers("the client is not started")
        return self.connected() if self.settled else None

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
        self._waitedFor.clear()
        self._silent.clear()
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
        it can, so that a choice among them is one. A server that was waited for
        in vain once is not waited for again, as long as there is another.

        @param timeout: in seconds.
        @param retry: whether to wait on when each was tried in vain.
        @raise NoServers: when none can be reached in time.
        """
        if not self._decided:
            waiting = Deferred.fromCoroutine(self._untilConnected(retry))
            waiting.addTimeout(timeout, self._clock, self._leaveIt)
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
            change: Deferred[None] = Deferred(lambda it: self._changes.pop(it, None))
            self._changes[change] = None
            await change

    def _leaveIt(self, result: object, timeout: float) -> None:
        """
        A wait that took too long is over; what there is by then has to do.
        """
        self._waitedFor.update(c for c in self.connections.values() if not c.tried)

    def arrived(self, connection: Connection) -> None:
        """
        A server is there.
        """
        if connection in self._silent and connection.protocol is not None:
            answered = connection.protocol.echo(b"")
            answered.addCallback(self._answers, connection)
            # It is lost, or makes no sense, and the next connection will tell.
            answered.addErrback(lambda _: None)
        self._changed()

    def _answers(self, _: bytes, connection: Connection) -> None:
        """
        A server that was silent answers.
        """
        self._silent.discard(connection)
        self._changed()

    def departed(self, connection: Connection, reason: Failure) -> None:
        """
        A server is not there.
        """
        self._changed()

    def _changed(self) -> None:
        changes, self._changes = self._changes, {}
        with self.gathering():
            for change in changes:
                # What one does may have made another give up.
                if not change.called:
                    change.callback(None)
