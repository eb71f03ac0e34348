"""
One of a worker's connections: what it can do, and what it is about to do.
"""

from __future__ import annotations

from typing import Any, Final, Protocol

from attrs import frozen
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from txgearman.connection.reconnecting import RetryPolicy, ServerConnection
from txgearman.connection.requesting import MAX_PACKET
from txgearman.connection.servers import Server
from txgearman.worker.factory import GearmanWorkerFactory
from txgearman.worker.job import RunningJob
from txgearman.worker.protocol import Assignment, GearmanWorkerProtocol
from txgearman.worker.registration import Registration, Share

ANSWER_TIME: Final = 30.0
"""How many seconds a server may take to answer who asks it for a job."""

LAST_ANSWER_TIME: Final = 5.0
"""The same for one that is about to be left."""

NO_TIME: Final = 0.001
"""A job that takes less than so many seconds is over in no time."""

MOST_ASKED: Final = 16
"""How many jobs a lane asks for at once, when they are over in no time."""

STREAK: Final = 16
"""How many such jobs in a row there are before it asks for more at once."""

# How many seconds.
_REST: Final = 0.5


@frozen
class Terms:
    """
    How a worker meets its servers; see its options.
    """

    retryPolicy: RetryPolicy
    clientId: bytes | None = None
    maxPacket: int = MAX_PACKET


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

    def unanswered(self, lane: Lane) -> None:
        """
        The server does not say whether there is one, and does nothing else here.
        """


class Lane:
    """
    A connection to one server for one share of the functions.

    Who asks holds a slot. So a server that takes too long to answer is left; when
    the connection comes back, the server has to show that it answers at all, before
    it is asked again.

    While its server is there, it sleeps until it is woken. Then it wants a job, until
    it is its turn to ask for one; and is answered: by a job, and wants the next, or by
    none, and sleeps again. It asks for one job at a time, so that others get the next
    ones. But a job that is over in no time takes no longer than the way to the server
    and back: when there is one such job after the other, it asks for several at once,
    and may wait for answers while it wants another job. It sleeps when it has them all.

    @ivar share: what it can do.
    @ivar away: whether its server is not there.
    @ivar wanting: whether it waits for its turn to ask for a job.
    @ivar asked: how many answers it waits for.
    @ivar pace: how many it may wait for at once, as far as its jobs go.
    @ivar doubted: whether its server has yet to show that it answers.
    @ivar jobs: the jobs that came over it and are not over.
    """

    _log = Logger()

    def __init__(
        self,
        clock: IReactorTime,
        server: Server,
        share: Share,
        crew: Crew,
        terms: Terms,
    ) -> None:
        self.share = share
        self.away = True
        self.wanting = False
        self.asked = 0
        self.pace = 1
        self.jobs: dict[RunningJob[Any], Registration] = {}
        self._clock = clock
        self._crew = crew
        self._leaving: dict[bytes, None] = {}
        self._patience = ANSWER_TIME
        self._heard = 0.0
        self._streak = 0
        self._look: IDelayedCall | None = None
        self.doubted = False
        factory = GearmanWorkerFactory(
            self, terms.clientId, terms.maxPacket, clock=clock
        )
        self.connection: ServerConnection[GearmanWorkerProtocol] = ServerConnection(
            clock, server, factory, self, terms.retryPolicy
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
    def sleeping(self) -> bool:
        """
        Does it wait for nothing but to be woken?
        """
        return not (self.away or self.wanting or self.asked)

    @property
    def leaving(self) -> bool:
        """
        Is there a function that it takes back once its jobs are over?
        """
        return bool(self._leaving)

    @property
    def taken(self) -> bool:
        """
        Must it do nothing but wait for the end of its job?
        """
        return self.share.alone and bool(self.jobs)

    def ask(self) -> None:
        """
        Ask for a job.
        """
        self.asked += 1
        self.protocol.grab()
        self._expectAnswer()

    def learn(self) -> None:
        """
        The job that came last is over, and nothing else has happened since it came.
        """
        seconds = self._clock.seconds() - self._heard
        if not 0 <= seconds < NO_TIME or self.share.alone:
            self.slowDown()
            return
        self._streak += 1
        if self._streak == STREAK:
            self._streak = 0
            self.pace = min(2 * self.pace, MOST_ASKED)

    def slowDown(self) -> None:
        """
        A job takes its time, or there is none.
        """
        self.pace = 1
        self._streak = 0

    def sleep(self) -> None:
        """
        Sleep, until the server wakes it.
        """
        self._lookNoMore()
        self.protocol.sleep()

    def rest(self) -> None:
        """
        A job took too long: ask for none for a moment, until the server has taken
        it back and another worker has had a chance to get it.
        """
        self._lookNoMore()
        self._look = self._clock.callLater(_REST, self._rested)

    def _rested(self) -> None:
        self._look = None
        if self.sleeping:
            self._crew.woken(self)

    def hurry(self) -> None:
        """
        It is about to be left: do not wait long for an answer.
        """
        self._patience = LAST_ANSWER_TIME
        self._lookNoMore()
        self._expectAnswer()

    def _expectAnswer(self) -> None:
        self._heard = self._clock.seconds()
        # One call at a time, and not one for each job: it sees what is new then.
        if self._look is None:
            self._look = self._clock.callLater(self._patience, self._lookForAnswer)

    def _lookForAnswer(self) -> None:
        """
        See whether the server takes too long.
        """
        self._look = None
        if not (self.doubted or self.asked):
            return
        left = self._heard + self._patience - self._clock.seconds()
        if left > 0:
            self._look = self._clock.callLater(left, self._lookForAnswer)
        elif self.jobs:
            # They would be lost with the connection.
            self._expectAnswer()
        else:
            self._log.warn(
                "{server} does not answer", server=self.connection.server.name
            )
            self.doubted = True
            self._crew.unanswered(self)

    def _lookNoMore(self) -> None:
        if self._look is not None:
            self._look.cancel()
            self._look = None

    def canDo(self, registration: Registration) -> None:
        """
        Register a function, if the server is there.
        """
        self._leaving.pop(registration.wire, None)
        if not self.away:
            self.protocol.canDo(registration.wire, registration.timeout)

    def cantDo(self, registration: Registration) -> None:
        """
        Take a function back, if the server is there, once none of its jobs runs
        here or may be on its way: gearmand 1.1 would give them to others.
        """
        self._leaving[registration.wire] = None
        self.leave()

    def over(self, job: RunningJob[Any]) -> None:
        """
        A job is over.
        """
        del self.jobs[job]
        # What the server may have answered by now has to be read first.
        self._heard = self._clock.seconds()
        self.leave()

    def leave(self) -> None:
        """
        Take back the functions that can be.
        """
        if self.asked or not self._leaving:
            return
        busy = {
            registration.wire for job, registration in self.jobs.items() if not job.lost
        }
        for wire in [wire for wire in self._leaving if wire not in busy]:
            del self._leaving[wire]
            if not self.away:
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
        self.away = False
        self._leaving = {}
        for registration in reversed(self.share.registrations.values()):
            self.canDo(registration)
        if self.doubted:
            self.protocol.echo()
            self._expectAnswer()
        else:
            self._crew.arrived(self)

    def echoed(self, connection: GearmanWorkerProtocol) -> None:
        """
        The server answers again.
        """
        self.doubted = False
        if self.sleeping:
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
        self._lookNoMore()
        self._crew.departed(self, reason)

    def woken(self, connection: GearmanWorkerProtocol) -> None:
        """
        The server says NOOP, which means something to a sleeper only.
        """
        if self.sleeping:
            self._crew.woken(self)

    def noJob(self, connection: GearmanWorkerProtocol) -> None:
        """
        The server has no job.
        """
        if self.asked:
            self._answered()
            self.leave()
            self._crew.noJob(self)

    def assigned(
        self, connection: GearmanWorkerProtocol, assignment: Assignment
    ) -> None:
        """
        The server has a job.
        """
        if self.asked:
            self._answered()
            self._crew.assigned(self, assignment)

    def _answered(self) -> None:
        self.asked -= 1
        self._heard = self._clock.seconds()
