"""
Fleets whose children are no processes: they do what a test says, and time passes when
it says so.
"""

from __future__ import annotations

import errno
import json
import os
import signal
from collections.abc import Mapping, Sequence
from tempfile import TemporaryDirectory
from typing import Any, cast

from attrs import define, field
from twisted.internet.defer import Deferred, succeed
from twisted.internet.error import ProcessDone, ProcessTerminated
from twisted.internet.protocol import ProcessProtocol
from twisted.internet.task import Clock
from twisted.logger import ILogObserver, LogEvent, formatEvent, globalLogPublisher
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from txgearman.fleet.group import Group
from txgearman.fleet.order import REPORT, Order
from txgearman.fleet.settings import GroupSettings
from txgearman.fleet.world import World

SERVERS = ("jobs.example.net:4730",)


class FakePipe:
    """
    A pipe from a process.

    @ivar paused: whether it is not read.
    """

    def __init__(self) -> None:
        self.paused = False

    def pauseProducing(self) -> None:
        self.paused = True

    def resumeProducing(self) -> None:
        self.paused = False


@define(eq=False)
class FakeProcess:
    """
    A process of a child, and what was done to it.

    @ivar signals: that it was sent, and those that its whole process group was sent.
    @ivar leads: whether it has a process group of its own.
    @ivar remains: whether something else is in its process group that does not end.
    @ivar closed: which of its descriptors are closed.
    """

    pid: int
    protocol: ProcessProtocol
    order: Order
    signals: list[int] = field(factory=list)
    groupSignals: list[int] = field(factory=list)
    leads: bool = True
    remains: bool = False
    alive: bool = True
    closed: list[int] = field(factory=list)
    pipes: dict[int, FakePipe] = field(
        factory=lambda: {1: FakePipe(), 2: FakePipe(), REPORT: FakePipe()}
    )

    def closeChildFD(self, childFD: int) -> None:
        self.closed.append(childFD)

    @property
    def number(self) -> int:
        """
        The place that it is in.
        """
        return int(self.order.variables["TXGEARMAN_CHILD"])

    def report(self, **said: object) -> None:
        """
        Tell the master something.
        """
        self.write(json.dumps(said).encode() + b"\n", REPORT)

    def write(self, data: bytes, childFD: int = 1) -> None:
        """
        Write something.
        """
        self.protocol.childDataReceived(childFD, data)

    def end(self, status: int = 0) -> None:
        """
        End with a status; negative for a signal.
        """
        assert self.alive
        self.alive = False
        reason: Exception
        if status < 0:
            reason = ProcessTerminated(None, -status, None)
        elif status:
            reason = ProcessTerminated(status, None, None)
        else:
            reason = ProcessDone(0)
        self.protocol.processExited(Failure(reason))
        if not self.remains:
            self.close()

    def close(self) -> None:
        """
        Let nothing have its output open any more.
        """
        for childFD in 1, 2, REPORT:
            self.protocol.childConnectionLost(childFD)
        self.protocol.processEnded(Failure(ProcessDone(0)))

    @property
    def told(self) -> bool:
        """
        Whether it was told to end, and has not yet.
        """
        return self.alive and signal.SIGTERM in self.signals


@define(eq=False)
class FakeLauncher:
    """
    Starts processes that are none.

    @ivar processes: all that were started.
    @ivar refusing: whether none can be started.
    @ivar dying: whether they have ended before whoever starts them hears of it.
    """

    processes: list[FakeProcess] = field(factory=list)
    refusing: bool = False
    dying: bool = False

    def launch(self, protocol: ProcessProtocol, order: Order) -> None:
        if self.refusing:
            raise OSError(errno.EAGAIN, os.strerror(errno.EAGAIN))
        process = FakeProcess(1001 + len(self.processes), protocol, order)
        self.processes.append(process)
        transport: Any = process
        protocol.makeConnection(transport)
        if self.dying:
            process.end(1)

    def signal(self, pid: int, number: int) -> None:
        process = self.processes[pid - 1001]
        assert process.alive, "its process id may be another's"
        process.signals.append(number)

    def signalAll(self, pid: int, number: int) -> bool:
        process = self.processes[pid - 1001]
        if number:
            process.groupSignals.append(number)
        return (process.alive and process.leads) or process.remains

    @property
    def living(self) -> list[FakeProcess]:
        """
        Those that have not ended.
        """
        return [process for process in self.processes if process.alive]

    @property
    def told(self) -> list[FakeProcess]:
        """
        Those that were told to end, and have not.
        """
        return [process for process in self.living if process.told]


@define(eq=False)
class FakeSentinel:
    """
    Notes what it is to watch.
    """

    watched: dict[int, float] = field(factory=dict)
    running: bool = False

    def start(self, reactor: object, fleetId: str) -> None:
        self.running = True

    def stop(self) -> Deferred[None]:
        self.running = False
        return succeed(None)

    def watch(self, pid: int, timeout: float) -> None:
        self.watched[pid] = timeout

    def forget(self, pid: int) -> None:
        del self.watched[pid]


class FleetTestCase(SynchronousTestCase):
    """
    A test of something that has children.
    """

    def setUp(self) -> None:
        self.clock = Clock()
        self.launcher = FakeLauncher()
        self.sentinel = FakeSentinel()
        self.world = World(
            "fleet-id", self.clock, self.launcher, self.sentinel, lambda: 0.5
        )
        self.events: list[LogEvent] = []
        observer = cast(ILogObserver, self.events.append)
        globalLogPublisher.addObserver(observer)
        self.addCleanup(globalLogPublisher.removeObserver, observer)

    @property
    def log(self) -> Sequence[str]:
        """
        What was logged.
        """
        return [formatEvent(event) for event in self.events]

    def assertLogged(self, text: str, times: int = 1) -> None:
        """
        Something was logged, so often.
        """
        found = [line for line in self.log if text in line]
        self.assertEqual(len(found), times, f"{text!r} in {self.log}")

    def group(self, **said: Any) -> Group:
        """
        Start a group of commands.
        """
        group = Group(self.world, settings(**said), SERVERS)
        group.start()
        return group

    def numbers(self) -> list[int]:
        """
        The places of the children that live and were not told to end.
        """
        living = self.launcher.living
        return sorted(process.number for process in living if not process.told)

    def pass_(self, seconds: float) -> None:
        """
        Let time pass, step by step.
        """
        end = self.clock.seconds() + seconds
        while self.clock.seconds() < end:
            self.clock.advance(min(0.125, end - self.clock.seconds()))


def folderOf(test: SynchronousTestCase) -> str:
    """
    Make an empty folder that is gone after a test.

    @return: its absolute path, without symbolic links.
    """
    folder = TemporaryDirectory()
    test.addCleanup(folder.cleanup)
    return os.path.realpath(folder.name)


def settings(**said: Any) -> GroupSettings:
    """
    Settings of a group of commands, unless a target is said.
    """
    if "target" not in said:
        said.setdefault("command", ("work", "hard"))
    return GroupSettings(said.pop("name", "mail"), **said)


def states(group: Group) -> Mapping[int, str]:
    """
    The states of a group's children, by their process ids.
    """
    return {child.pid: child.state for child in group.children}
