"""
Factories of worker connections, for any client endpoint or C{connectTCP}.
"""

from __future__ import annotations

from typing import Protocol as Seam

from twisted.internet.interfaces import IAddress
from twisted.internet.protocol import ClientFactory, Protocol
from twisted.python.failure import Failure

from txgearman.connection.reconnecting import ReconnectingFactory
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


class GearmanWorkerFactory(ClientFactory):
    """
    Makes connections that do jobs.

    @ivar owner: the L{WorkerOwner} of its connections.
    @ivar clientId: what connections call themselves; L{None} for nothing.
    """

    # Twisted's annotation wants a protocol whose factory is any Factory.
    protocol = GearmanWorkerProtocol  # type: ignore[assignment]
    noisy = False

    def __init__(self, owner: WorkerOwner, clientId: bytes | None = None) -> None:
        self.owner = owner
        self.clientId = clientId

    def buildProtocol(self, addr: IAddress | None) -> Protocol:
        """
        Make a connection.
        """
        connection: GearmanWorkerProtocol = self.protocol()
        connection.factory = self
        return connection


class ReconnectingGearmanWorkerFactory(ReconnectingFactory, GearmanWorkerFactory):
    """
    The same for C{reactor.connectTCP}, which connects again when a connection
    is lost or fails.
    """
