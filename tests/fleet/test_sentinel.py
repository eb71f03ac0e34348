"""
Tests for L{txgearman.fleet.sentinel}: what a master tells its sentinel.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Mapping, Sequence

from twisted.internet.error import ProcessTerminated
from twisted.internet.protocol import ProcessProtocol
from twisted.internet.task import Clock
from twisted.logger import capturedLogs
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from txgearman.fleet import orphans
from txgearman.fleet.sentinel import Sentinel


class Program:
    """
    A process that was started; the transport of its protocol.
    """

    def __init__(
        self, pid: int, protocol: ProcessProtocol, arguments: Sequence[str]
    ) -> None:
        self.pid: int | None = pid
        self.arguments = arguments
        self.heard = b""
        self.closed = False
        self._protocol = protocol

    def write(self, data: bytes) -> None:
        self.heard += data

    def closeStdin(self) -> None:
        self.closed = True

    def signalProcess(self, name: str) -> None:
        assert name == "KILL"
        self.dies()

    def dies(self) -> None:
        """
        End.
        """
        self.pid = None
        self._protocol.processEnded(Failure(ProcessTerminated(1)))


class Machine(Clock):
    """
    A clock that starts processes, too.
    """

    def __init__(self) -> None:
        super().__init__()
        self.programs: list[Program] = []
        self.refusing = False

    def spawnProcess(
        self,
        protocol: ProcessProtocol,
        executable: str,
        arguments: Sequence[str],
        env: Mapping[str, str],
        childFDs: Mapping[int, object],
    ) -> Program:
        if self.refusing:
            raise BlockingIOError(11, "Resource temporarily unavailable")
        assert executable == arguments[0]
        assert orphans.VARIABLE not in env
        assert childFDs[0] == "w"
        assert signal.SIGINT in signal.pthread_sigmask(signal.SIG_BLOCK, [])
        program = Program(100 + len(self.programs), protocol, arguments)
        protocol.transport = program  # type: ignore[assignment]
        self.programs.append(program)
        return program


class SentinelTests(SynchronousTestCase):
    """
    Tests of L{Sentinel}.
    """

    def setUp(self) -> None:
        self.machine = Machine()
        self.sentinel = Sentinel()
        self.patch(os, "environ", {orphans.VARIABLE: "another", "A": "b"})
        self.sentinel.start(self.machine, "id")

    @property
    def program(self) -> Program:
        """
        The last one that was started.
        """
        return self.machine.programs[-1]

    def test_program(self) -> None:
        """
        It runs the program that is told of the fleet, by its path.
        """
        self.assertEqual(self.program.arguments[0], sys.executable)
        self.assertEqual(self.program.arguments[-2:], [orphans.__file__, "id"])
        self.assertEqual(self.sentinel.pid, 100)

    def test_told(self) -> None:
        """
        It is told of children that come and go; of one that it does not know, not.
        """
        self.sentinel.watch(7, 2.5)
        self.sentinel.forget(7)
        self.sentinel.forget(8)
        self.assertEqual(self.program.heard, b"+7 2.5\n-7\n")

    def test_stop(self) -> None:
        """
        It is told when the master ends in order, and then ends itself; everybody who
        waits for that is told.
        """
        stopped = [self.sentinel.stop(), self.sentinel.stop()]
        self.assertEqual(self.program.heard[:4], b"bye\n")
        self.assertTrue(self.program.closed)
        for each in stopped:
            self.assertNoResult(each)
        self.program.dies()
        for each in stopped:
            self.successResultOf(each)
        self.successResultOf(self.sentinel.stop())
        self.assertEqual(self.machine.getDelayedCalls(), [])

    def test_hangs(self) -> None:
        """
        One that does not end with the master is ended.
        """
        stopped = self.sentinel.stop()
        self.machine.advance(4.9)
        self.assertNoResult(stopped)
        self.machine.advance(0.2)
        self.successResultOf(stopped)
        self.assertEqual(self.machine.getDelayedCalls(), [])

    def test_cannotStart(self) -> None:
        """
        When no process can be started, it is tried again; children may come and go
        meanwhile, and the master may end.
        """
        self.program.dies()
        self.machine.refusing = True
        self.machine.advance(60)
        with capturedLogs() as logs:
            self.machine.advance(60)
        self.assertIn("Resource temporarily", logs[0]["reason"])
        self.sentinel.watch(5, 1)
        self.machine.refusing = False
        self.machine.advance(60)
        self.assertEqual(self.program.heard, b"+5 1\n")
        self.machine.refusing = True
        self.program.dies()
        self.machine.advance(60)
        self.successResultOf(self.sentinel.stop())
        self.assertEqual(self.machine.getDelayedCalls(), [])

    def test_neverStarted(self) -> None:
        """
        One that was not started has nothing to stop, and may be told of children.
        """
        sentinel = Sentinel()
        sentinel.watch(5, 1)
        self.assertEqual(sentinel.pid, 0)
        self.successResultOf(sentinel.stop())
        sentinel.start(self.machine, "id")
        self.assertEqual(self.program.heard, b"+5 1\n")

    def test_dies(self) -> None:
        """
        When it dies, another one is told all that holds: at once, unless it did not
        live long.
        """
        self.sentinel.watch(5, 30)
        self.sentinel.watch(6, 0)
        self.sentinel.forget(5)
        with capturedLogs() as logged:
            self.machine.advance(10)
            self.program.dies()
            self.assertEqual(self.sentinel.pid, 0)
            self.sentinel.watch(7, 1)
            self.machine.advance(0)
            self.assertEqual(self.program.heard, b"+6 0\n+7 1\n")
            self.program.dies()
            self.machine.advance(0.5)
            self.assertEqual(len(self.machine.programs), 2)
            self.machine.advance(0.5)
        self.assertEqual(len(self.machine.programs), 3)
        self.assertEqual(self.program.heard, b"+6 0\n+7 1\n")
        self.assertEqual(len(logged), 2)

    def test_stopWithout(self) -> None:
        """
        A master that ends while there is none needs no other one.
        """
        self.program.dies()
        self.successResultOf(self.sentinel.stop())
        self.machine.advance(10)
        self.assertEqual(len(self.machine.programs), 1)
