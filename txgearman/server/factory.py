"""
The job server as a protocol factory: one board, and the connections to it.
"""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.interfaces import IAddress, IReactorTime
from twisted.internet.protocol import Factory, Protocol
from twisted.logger import Logger

from txgearman.board.board import JobBoard
from txgearman.board.durable import DurableBoard
from txgearman.board.peer import Peer
from txgearman.board.policy import Policy
from txgearman.server.keeping import Keeping
from txgearman.server.protocol import GearmanServerProtocol
from txgearman.server.recurrence import recurrenceOf
from txgearman.server.settings import Settings
from txgearman.server.turn import Turn
from txgearman.stores.interface import IJobStore
from txgearman.stores.thread import Runner

Shutdown = Callable[[bool], None]


class GearmanServerFactory(Factory):
    """
    Serves Gearman on any endpoint::

        serverFromString(reactor, "tcp:4730").listen(GearmanServerFactory(reactor))

    Several endpoints may share one factory, and so one board.

    @ivar board: the L{JobBoard}.
    @ivar keeping: what keeps its jobs, if anything does.
    @ivar turn: where connections register what is to be written.
    @ivar clock: the source of time.
    @ivar settings: the L{Settings} of its connections.
    @ivar onShutdown: called when a local peer sends C{shutdown}, with whether
        it is to be a graceful one; L{None} to refuse. Without a service around
        it, a factory cannot stop anything.
    """

    # Twisted's annotation wants a protocol whose factory is any Factory.
    protocol = GearmanServerProtocol  # type: ignore[assignment]
    noisy = False

    _log = Logger()

    def __init__(
        self,
        clock: IReactorTime,
        policy: Policy | None = None,
        settings: Settings | None = None,
        store: IJobStore | None = None,
        run: Runner | None = None,
    ) -> None:
        """
        @param clock: the reactor, or a C{Clock} in tests.
        @param store: where jobs are kept; L{None} for jobs that end with the
            process. Its C{keeping} is to be started, and stopped.
        @param run: how a store's methods are called; L{None} for a thread of its
            own.
        """
        self.clock = clock
        self.settings = Settings() if settings is None else settings
        self.turn = Turn(clock, self.settings.lag)
        self.keeping: Keeping | None = None
        if store is None:
            self.board: JobBoard = JobBoard(
                clock, policy, later=self.turn.wakes, recur=recurrenceOf
            )
        else:
            board = DurableBoard(clock, policy, self.turn.wakes, recurrenceOf)
            self.board = board
            self.keeping = Keeping(board, store, clock, self.turn, run)
        self.onShutdown: Shutdown | None = None
        self._connections: dict[GearmanServerProtocol, None] = {}
        self._whenGone: Callable[[], None] | None = None

    def startFactory(self) -> None:
        """
        It is listened on for the first time. A board that keeps jobs begins when they
        are back.
        """
        if self.keeping is None:
            self.board.recurring.start()

    @property
    def connections(self) -> int:
        """
        How many connections there are.
        """
        return len(self._connections)

    def buildProtocol(self, addr: IAddress | None) -> Protocol | None:
        """
        Accept a connection, unless there are too many or the server stops.
        """
        limit = self.settings.maxConnections
        if self._whenGone is not None:
            return None
        if 0 < limit <= len(self._connections):
            self._log.warn("{limit} connections: closing one more", limit=limit)
            return None
        connection: GearmanServerProtocol = self.protocol()
        connection.factory = self
        return connection

    def made(self, connection: GearmanServerProtocol) -> None:
        """
        A connection was made.
        """
        self._connections[connection] = None

    def lost(self, connection: GearmanServerProtocol) -> None:
        """
        A connection was lost.
        """
        del self._connections[connection]
        if self._whenGone is not None and not self._connections:
            whenGone, self._whenGone = self._whenGone, None
            whenGone()

    def shutdown(self, peer: Peer, graceful: bool) -> bool:
        """
        A peer asks for the end of the server.

        @return: whether it may; only peers on this machine do.
        """
        if self.onShutdown is None or not peer.local:
            return False
        self._log.info("shutdown asked for by {peer}", peer=peer.address.decode())
        self.onShutdown(graceful)
        return True

    def close(self, whenGone: Callable[[], None]) -> None:
        """
        Close every connection once it has what it is owed, and accept no more.

        @param whenGone: called when the last one is gone; perhaps at once.
        """
        self.turn.finish()
        if not self._connections:
            whenGone()
            return
        self._whenGone = whenGone
        for connection in list(self._connections):
            connection.close()

    def abort(self) -> None:
        """
        Close every connection at once.
        """
        for connection in list(self._connections):
            connection.abort()
