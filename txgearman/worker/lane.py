"""
One of a worker's connections: what it can do, and what it is about to do.
"""

from __future__ import annotations

import enum
from typing import Any, Protocol

from attrs import define, field
from twisted.internet.interfaces import IReactorTime
from twisted.python.failure import Failure

from txgearman.connection.reconnecting import RetryPolicy, ServerConnection
from txgearman.connection.servers import Server
from txgearman.worker.factory import GearmanWorkerFactory
from txgearman.worker.job import RunningJob
from txgearman.worker.protocol import Assignment, GearmanWorkerProtocol
from txgearman.worker.running import Runner


@define(eq=False)
class Registration:
    """
    Something that a worker can do.

    @ivar name: the function's name, without the worker's namespace.
    @ivar wire: its name on the wire.
    @ivar timeout: how long a job may take, in seconds; 0 for as long as it likes.
    """

    name: str
    wire: bytes
    runner: Runner[Any]
    timeout: float


@define(eq=False)
class Share:
    """
    The functions that share connections: those without a limit of their own
    together, each of the others by itself. Who asks for a job cannot say of
    which functions he wants none; so he must not ask on a connection where a
    function is registered whose limit is reached.

    @ivar limit: how many of its jobs may run at once; L{None} for any number.
    @ivar registrations: its functions, by their names on the wire.
    @ivar retired: those of which it does no more than what is assigned yet.
    @ivar running: how many of its jobs run, or are asked for.
    """

    limit: int | None = None
    registrations: dict[bytes, Registration] = field(factory=dict)
    retired: dict[bytes, Registration] = field(factory=dict)
    running: int = 0

    @property
    def full(self) -> bool:
        """
        May no more of its jobs run?
        """
        return self.limit is not None and self.running >= self.limit

    def named(self, function: bytes) -> Registration | None:
        """
        Find a function, also one that is retired.
        """
        return self.registrations.get(function) or self.retired.get(function)


class Standing(enum.Enum):
    """
    What a lane is about: it wants a job until it is its turn to ask for one,
    asks, and is answered; by a job, and wants the next, or by none, and sleeps
    until it is woken.
    """

    AWAY = enum.auto()
    WANTING = enum.auto()
    ASKING = enum.auto()
    SLEEPING = enum.auto()


class Crew(Protocol):
    """
    Who is told what happens on a lane.
    """

    def arrived(self, lane: Lane) -> None:
        """
        Its server is there.
        """

    def departed(self, lane: Lane, reason: Failure) -> None:
        """
        Its server is gone, or not there.
        """

    def woken(self, lane: Lane) -> None:
        """
        There may be a job.
        """

    def noJob(self, lane: Lane) -> None:
        """
        There is none.
        """

    def assigned(self, lane: Lane, assignment: Assignment) -> None:
        """
        There is one.
        """


class Lane:
    """
    A connection to one server for one share of the functions.

    @ivar share: what it can do.
    @ivar standing: what it is about.
    @ivar jobs: the jobs that came over it and are not over.
    """

    def __init__(
        self,
        clock: IReactorTime,
        server: Server,
        share: Share,
        clientId: bytes | None,
        crew: Crew,
        retryPolicy: RetryPolicy,
    ) -> None:
        self.share = share
        self.standing = Standing.AWAY
        self.jobs: dict[RunningJob[Any], Registration] = {}
        self._crew = crew
        self._leaving: dict[bytes, None] = {}
        self.connection: ServerConnection[GearmanWorkerProtocol] = ServerConnection(
            clock, server, GearmanWorkerFactory(self, clientId), self, retryPolicy
        )

    @property
    def protocol(self) -> GearmanWorkerProtocol:
        """
        The connection, which must be there.
        """
        protocol = self.connection.protocol
        assert protocol is not None
        return protocol

    @property
    def leaving(self) -> bool:
        """
        Is there a function that it takes back once its jobs are over?
        """
        return bool(self._leaving)

    def canDo(self, registration: Registration) -> None:
        """
        Register a function, if the server is there.
        """
        self._leaving.pop(registration.wire, None)
        if self.standing is not Standing.AWAY:
            self.protocol.canDo(registration.wire, registration.timeout)

    def cantDo(self, registration: Registration) -> None:
        """
        Take a function back, if the server is there, once none of its jobs runs
        here: gearmand 1.1 would give them to others.
        """
        self._leaving[registration.wire] = None
        self._leave()

    def over(self, job: RunningJob[Any]) -> None:
        """
        A job is over.
        """
        del self.jobs[job]
        self._leave()

    def _leave(self) -> None:
        """
        Take back what can be.
        """
        busy = {
            registration.wire for job, registration in self.jobs.items() if not job.lost
        }
        for wire in [wire for wire in self._leaving if wire not in busy]:
            del self._leaving[wire]
            if self.standing is not Standing.AWAY:
                self.protocol.cantDo(wire)

    # A WorkerOwner, and the owner of a ServerConnection

    def made(self, connection: GearmanWorkerProtocol) -> None:
        """
        The connection was made.
        """
        self.connection.made(connection)

    def arrived(self, connection: object) -> None:
        """
        The server is there: register everything, the first function last, since
        gearmand looks for jobs of the last one first.
        """
        self.standing = Standing.SLEEPING
        self._leaving = {}
        for registration in reversed(self.share.registrations.values()):
            self.canDo(registration)
        self._crew.arrived(self)

    def lost(self, connection: GearmanWorkerProtocol, reason: Failure) -> None:
        """
        The connection was lost.
        """
        self.connection.lost(reason)

    def departed(self, connection: object, reason: Failure) -> None:
        """
        The server is gone, and gives the jobs to others.
        """
        for job in self.jobs:
            job.lost = True
        self._crew.departed(self, reason)

    def woken(self, connection: GearmanWorkerProtocol) -> None:
        """
        The server says NOOP, which means something to a sleeper only.
        """
        if self.standing is Standing.SLEEPING:
            self._crew.woken(self)

    def noJob(self, connection: GearmanWorkerProtocol) -> None:
        """
        The server has no job.
        """
        if self.standing is Standing.ASKING:
            self._crew.noJob(self)

    def assigned(
        self, connection: GearmanWorkerProtocol, assignment: Assignment
    ) -> None:
        """
        The server has a job.
        """
        if self.standing is Standing.ASKING:
            self._crew.assigned(self, assignment)
