"""
A job server in memory, which is the endpoint to reach it by, too.
"""

from __future__ import annotations

from typing import Final

from twisted.internet.defer import Deferred
from twisted.internet.error import (
    ConnectionDone,
    ConnectionRefusedError,
    NoProtocol,
)
from twisted.internet.interfaces import (
    IProtocol,
    IProtocolFactory,
    IStreamClientEndpoint,
)
from zope.interface import implementer

from txgearman.board.board import JobBoard
from txgearman.board.policy import Policy
from txgearman.server.factory import GearmanServerFactory
from txgearman.server.settings import Settings
from txgearman.testing.joint import Joint
from txgearman.testing.network import Network
from txgearman.testing.wire import SERVER

# Handles of a server that was started anew begin there, times the number of its
# lives, so that one handle is never two jobs.
_LIFE: Final = 1_000_000


@implementer(IStreamClientEndpoint)
class MemoryServer:
    """
    A job server: the real one, but for its transports. Clients, workers and admin
    clients take it for an endpoint.

    @ivar name: what it is called.
    @ivar running: whether it accepts connections.
    @ivar factory: what makes its connections, and has its board.
    """

    factory: GearmanServerFactory

    def __init__(
        self,
        network: Network,
        name: str,
        policy: Policy | None = None,
        settings: Settings | None = None,
    ) -> None:
        """
        @param policy: what it may do with jobs; without one, handles start with
            C{H:} and the name.
        @param settings: those of its connections; without, everybody is told
            everything without time having to pass.
        """
        self.name = name
        self.running = False
        self._network = network
        if policy is None:
            policy = Policy(handlePrefix=b"H:" + name.encode())
        self._policy = policy
        self._settings = Settings(spell=0, lag=0) if settings is None else settings
        self._joints: list[Joint] = []
        self._lives = 0
        self.start()

    def __repr__(self) -> str:
        return self.name

    @property
    def board(self) -> JobBoard:
        """
        Its jobs, functions and peers.
        """
        return self.factory.board

    @property
    def connections(self) -> list[Joint]:
        """
        The connections that it has, the oldest first.
        """
        return [joint for joint in self._joints if not joint.server.disconnected]

    def start(self) -> None:
        """
        Accept connections; after a stop with an empty queue, like a process that
        was started anew. No handle comes twice.
        """
        if self.running:
            return
        clock = self._network.clock
        self.factory = GearmanServerFactory(clock, self._policy, self._settings)
        first = _LIFE * self._lives + 1
        self.factory.board = JobBoard(clock, self._policy, first)
        self._lives += 1
        self.running = True

    def stop(self) -> None:
        """
        End, like a process that is killed: every connection is closed, and the
        jobs are gone. The other ends hear of it in the next turns.
        """
        self.running = False
        for joint in self.connections:
            joint.server.lose(ConnectionDone())
        self._joints = []
        self.board.stop()

    def cut(self) -> None:
        """
        Break every connection, as a network does that fails for a moment. The
        server goes on.
        """
        for joint in self.connections:
            joint.cut()

    def connect(self, protocolFactory: IProtocolFactory) -> Deferred[IProtocol]:
        """
        Connect to it, which takes a turn.

        @return: fires with the protocol; fails with L{ConnectionRefusedError}
            while the server is stopped.
        """
        clock = self._network.clock
        attempt = clock.callLater(0, lambda: self._answer(protocolFactory, made))
        made: Deferred[IProtocol] = Deferred(lambda _: attempt.cancel())
        return made

    def _answer(self, factory: IProtocolFactory, made: Deferred[IProtocol]) -> None:
        """
        Accept a connection, or refuse it.
        """
        if not self.running:
            made.errback(ConnectionRefusedError())
            return
        protocol = factory.buildProtocol(SERVER)
        if protocol is None:
            made.errback(NoProtocol())
            return
        joint = self._network.join()
        self._joints = [*self.connections, joint]
        self._accept(joint)
        joint.client.protocol = protocol
        protocol.makeConnection(joint.client)
        made.callback(protocol)

    def _accept(self, joint: Joint) -> None:
        """
        Let the server have its end of a connection, if it likes.
        """
        protocol = self.factory.buildProtocol(joint.server.getPeer())
        if protocol is None:
            joint.server.lose(ConnectionDone())
        else:
            joint.server.protocol = protocol
            protocol.makeConnection(joint.server)
