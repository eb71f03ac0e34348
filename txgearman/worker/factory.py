"""
Factories of worker connections, for any client endpoint or C{connectTCP}.
"""

from __future__ import annotations

from typing import Protocol as Seam

from twisted.internet.interfaces import IReactorTime
from twisted.python.failure import Failure

from txgearman.connection.reconnecting import ReconnectingFactory
from txgearman.connection.requesting import MAX_PACKET, RequesterFactory
from txgearman.worker.protocol import Assignment, GearmanWorkerProtocol


class WorkerOwner(Seam):
    """
    Who decides what a worker's connection does.
    """

    def made(self, connection: GearmanWorkerProtocol) -> None:
        """
        The connection was made: say what can be done, and ask for a job.
        """

    def lost(self, connection: GearmanWorkerProtocol, reason: Failure) -> None:
        """
        The connection was lost, and the jobs that came over it with it.
        """

    def woken(self, connection: GearmanWorkerProtocol) -> None:
        """
        There may be a job.
        """

    def noJob(self, connection: GearmanWorkerProtocol) -> None:
        """
        There is none.
        """

    def assigned(
        self, connection: GearmanWorkerProtocol, assignment: Assignment
    ) -> None:
        """
        There is one, and it is to be done.
        """

    def echoed(self, connection: GearmanWorkerProtocol) -> None:
        """
        The server answers an echo.
        """


class GearmanWorkerFactory(RequesterFactory):
    """
    Makes connections that do jobs.

    @ivar owner: the L{WorkerOwner} of its connections.
    @ivar clientId: what connections call themselves; L{None} for nothing.
    @ivar maxPacket: the largest packet that is taken from a server, and sent to
        one, in bytes.
    @ivar clock: the reactor; with it, what is said in one of its turns leaves
        together.
    """

    protocol = GearmanWorkerProtocol

    def __init__(
        self,
        owner: WorkerOwner,
        clientId: bytes | None = None,
        maxPacket: int = MAX_PACKET,
        *,
        clock: IReactorTime | None = None,
    ) -> None:
        super().__init__(clientId, maxPacket)
        self.owner = owner
        self.clock = clock


class ReconnectingGearmanWorkerFactory(ReconnectingFactory, GearmanWorkerFactory):
    """
    The same for C{reactor.connectTCP}, which connects again when a connection
    is lost or fails.
    """
