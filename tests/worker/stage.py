"""
The stage on which a worker meets job servers that say what a test has them say.

Nothing is sent and nothing waits: a L{JobServer} is an endpoint whose connections
are L{Line}s, on which one reads what the worker said.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.logger import LogLevel, capturedLogs, formatEvent
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from tests.connection.stage import Packet as Said
from tests.connection.stage import ScriptedLine, ScriptedServer
from txgearman.connection.servers import Server
from txgearman.wire.codec import PacketReader
from txgearman.wire.packets import PACKETS
from txgearman.worker.lane import Lane, Terms
from txgearman.worker.protocol import Assignment, GearmanWorkerProtocol
from txgearman.worker.registration import Share
from txgearman.worker.slots import Slots
from txgearman.worker.worker import Worker

__all__ = [
    "GRAB",
    "RETRY",
    "SLEEP",
    "Desk",
    "JobServer",
    "Line",
    "RecordingOwner",
    "Said",
    "WorkerTestCase",
    "canDo",
    "cantDo",
    "complete",
    "exception",
    "fail",
    "heardBy",
    "retry",
]

GRAB: Said = ("GRAB_JOB_ALL",)
SLEEP: Said = ("PRE_SLEEP",)
RETRY = 5.0
"""How many seconds pass before a lost or absent server is tried again."""


def complete(handle: bytes, data: bytes = b"") -> Said:
    """
    A job ended with a result.
    """
    return ("WORK_COMPLETE", handle, data)


def fail(handle: bytes) -> Said:
    """
    It failed.
    """
    return ("WORK_FAIL", handle)


def exception(handle: bytes, data: bytes) -> Said:
    """
    It failed with an exception.
    """
    return ("WORK_EXCEPTION", handle, data)


def canDo(function: bytes) -> Said:
    """
    The worker can do a function.
    """
    return ("CAN_DO", function)


def cantDo(function: bytes) -> Said:
    """
    It cannot any more.
    """
    return ("CANT_DO", function)


def heardBy(transport: StringTransport) -> list[Said]:
    """
    Take what was written to a transport.
    """
    reader = PacketReader()
    reader.feed(transport.value())
    transport.clear()
    return [(PACKETS[number].name, *arguments) for number, arguments in reader.events()]


class Line(ScriptedLine):
    """
    One connection of a worker, as its server sees it.
    """

    @property
    def gone(self) -> bool:
        """
        Is it closed?
        """
        return not self.open

    def hears(self) -> list[Said]:
        """
        Take what the worker said since the last time.
        """
        return self.takes()

    def drops(self) -> None:
        """
        Lose the connection, unless it is closed.
        """
        self.breaks()

    def wakes(self) -> None:
        self.sends("NOOP")

    def refuses(self) -> None:
        """
        Have no job.
        """
        self.sends("NO_JOB")

    def assigns(
        self,
        handle: bytes,
        function: bytes = b"f",
        data: bytes = b"",
        unique: bytes = b"",
        reducer: bytes = b"",
    ) -> None:
        self.sends("JOB_ASSIGN_ALL", handle, function, unique, reducer, data)


class JobServer(ScriptedServer[Line]):
    """
    A job server that workers ask for jobs.
    """

    def __init__(self, clock: Clock) -> None:
        super().__init__(clock, "a server", Line)


def retry(failures: int) -> float:
    """
    Wait always as long.
    """
    return RETRY


class RecordingOwner:
    """
    A L{txgearman.worker.factory.WorkerOwner} that remembers what it was told.
    """

    def __init__(self) -> None:
        self.told: list[Any] = []

    def made(self, connection: GearmanWorkerProtocol) -> None:
        self.told.append("made")

    def lost(self, connection: GearmanWorkerProtocol, reason: Failure) -> None:
        self.told.append(("lost", reason.type))

    def woken(self, connection: GearmanWorkerProtocol) -> None:
        self.told.append("woken")

    def noJob(self, connection: GearmanWorkerProtocol) -> None:
        self.told.append("noJob")

    def assigned(
        self, connection: GearmanWorkerProtocol, assignment: Assignment
    ) -> None:
        self.told.append(assignment)

    def echoed(self, connection: GearmanWorkerProtocol) -> None:
        self.told.append("echoed")


class Desk:
    """
    A L{txgearman.worker.lane.Crew} that deals out slots and takes every job, but
    ends one only when it is told to.
    """

    def __init__(self, clock: Clock, count: int) -> None:
        self.slots = Slots(count)
        self._clock = clock
        self._lanes: list[Lane] = []

    def lane(self, server: JobServer, share: Share | None = None) -> Lane:
        """
        Connect to a server.
        """
        lane = Lane(
            self._clock,
            Server("a server", server),
            Share() if share is None else share,
            self,
            Terms(retry),
        )
        self._lanes.append(lane)
        lane.connection.start()
        self._clock.advance(0)
        return lane

    def closes(self) -> None:
        """
        Disconnect everything.
        """
        for lane in self._lanes:
            lane.connection.stop()
        self._clock.pump([0, 0])

    def arrived(self, lane: Lane) -> None:
        self.slots.want(lane)

    def departed(self, lane: Lane, reason: Failure) -> None:
        self.slots.leave(lane)

    def woken(self, lane: Lane) -> None:
        self.slots.want(lane)

    def noJob(self, lane: Lane) -> None:
        self.slots.refused(lane)

    def assigned(self, lane: Lane, assignment: Assignment) -> None:
        self.slots.want(lane)

    def unanswered(self, lane: Lane) -> None:
        lane.protocol.giveUp()

    def ends(self, lane: Lane) -> None:
        """
        End a job that came over a lane.
        """
        self.slots.release(lane)


class WorkerTestCase(SynchronousTestCase):
    """
    A test with a clock, servers, and workers that are stopped in the end.
    """

    def setUp(self) -> None:
        self.clock = Clock()
        self.server = JobServer(self.clock)
        self.addCleanup(
            lambda: self.assertEqual([], self.clock.getDelayedCalls(), "leftovers")
        )

    def worker(self, *servers: JobServer, **options: Any) -> Worker[Any]:
        """
        Make a worker, which is stopped in the end when it is not before.
        """
        worker: Worker[Any] = Worker(
            self.clock, servers or (self.server,), retryPolicy=retry, **options
        )
        self.addCleanup(self.stops, worker)
        return worker

    def desk(self, count: int) -> Desk:
        """
        Open a desk, which is closed in the end.
        """
        desk = Desk(self.clock, count)
        self.addCleanup(desk.closes)
        return desk

    def stops(self, worker: Worker[Any]) -> None:
        """
        Stop a worker that is not stopped yet, whatever it does.
        """
        if not worker.running:
            return
        stopped = worker.stopService()
        self.clock.pump([0, 1000, 0])
        self.successResultOf(stopped)

    def starts(self, worker: Worker[Any]) -> Line:
        """
        Start a worker.

        @return: its last line to the first server.
        """
        worker.startService()
        self.clock.advance(0)
        return self.server.line

    @contextmanager
    def warns(self, text: str) -> Iterator[None]:
        """
        Expect one warning with a text.
        """
        with self.logs(LogLevel.warn) as lines:
            yield
        self.assertEqual(1, len(lines), lines)
        self.assertIn(text, lines[0])

    @contextmanager
    def logs(self, level: Any) -> Iterator[list[str]]:
        """
        Collect what is logged on a level.
        """
        lines: list[str] = []
        with capturedLogs() as captured:
            yield lines
        lines += [formatEvent(e) for e in captured if e["log_level"] is level]
