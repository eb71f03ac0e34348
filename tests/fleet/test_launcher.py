"""
Tests for L{txgearman.fleet.launcher}.
"""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from typing import Any

from attrs import define, field
from twisted.internet.protocol import ProcessProtocol
from twisted.trial.unittest import SynchronousTestCase

from txgearman.fleet.launch import launchLine
from txgearman.fleet.launcher import Launcher
from txgearman.fleet.order import Order


@define
class FakeReactor:
    """
    A reactor that notes what processes it is to start.
    """

    started: list[tuple[Any, ...]] = field(factory=list)
    refusing: bool = False

    def spawnProcess(
        self,
        protocol: ProcessProtocol,
        program: bytes,
        arguments: Sequence[bytes],
        variables: Mapping[bytes, bytes],
        childFDs: Mapping[int, object],
    ) -> None:
        nothing = childFDs[0]
        assert isinstance(nothing, int)
        self.started.append((program, arguments, variables, childFDs))
        assert signal.SIGINT in signal.pthread_sigmask(signal.SIG_BLOCK, [])
        # It is open now, and reads as nothing.
        assert os.read(nothing, 1) == b""
        if self.refusing:
            raise BlockingIOError


class LauncherTests(SynchronousTestCase):
    """
    Children are started.
    """

    def setUp(self) -> None:
        self.reactor = FakeReactor()
        self.launcher = Launcher(self.reactor)

    def launch(self, order: Order) -> tuple[Any, ...]:
        self.launcher.launch(ProcessProtocol(), order)
        return self.reactor.started[-1]

    def test_words(self) -> None:
        """
        A program that becomes the child is told what that is.
        """
        order = Order("a[1]", ("w", "\N{SNOWMAN}", "\udcff"), {}, False, "/srv", "www")
        program, words, _, _ = self.launch(order)
        line = launchLine(
            ["w", "\N{SNOWMAN}", "\udcff"],
            user="www",
            directory="/srv",
            parent=os.getpid(),
        )
        self.assertEqual(
            words, [word.encode("utf-8", "surrogateescape") for word in line]
        )
        self.assertEqual(program, words[0])

    def test_environment(self) -> None:
        """
        Its environment is the master's, whatever bytes are in it, with its own
        variables.
        """
        self.patch(os, "environb", {b"LATIN": b"\xe9", b"A": b"old"})
        order = Order("a[1]", ("w",), {"A": "\N{SNOWMAN}"}, False)
        _, _, variables, _ = self.launch(order)
        self.assertEqual(variables, {b"LATIN": b"\xe9", b"A": b"\xe2\x98\x83"})

    def test_descriptors(self) -> None:
        """
        It reads nothing, its output is read, and its reports where it has some.
        """
        _, _, _, childFDs = self.launch(Order("a[1]", ("w",), {}, False))
        nothing = childFDs.pop(0)
        self.assertEqual(childFDs, {1: "r", 2: "r"})
        self.assertRaises(OSError, os.fstat, nothing)
        _, _, _, childFDs = self.launch(Order("a[1]", ("w",), {}, True))
        self.assertEqual(childFDs[3], "r")

    def test_refused(self) -> None:
        """
        Nothing stays open when it cannot be started.
        """
        self.reactor.refusing = True
        self.assertRaises(OSError, self.launch, Order("a[1]", ("w",), {}, False))
        self.assertRaises(OSError, os.fstat, self.reactor.started[0][3][0])


class SignalTests(SynchronousTestCase):
    """
    Children are sent signals.
    """

    def test_signals(self) -> None:
        """
        One process can be sent a signal, or its whole group; nobody is hurt by one for
        a group that there is not.
        """
        launcher = Launcher(FakeReactor())
        child = subprocess.Popen(["sleep", "1000"], start_new_session=True)
        try:
            self.assertTrue(launcher.signalAll(child.pid, 0))
            launcher.signal(child.pid, signal.SIGTERM)
            self.assertEqual(child.wait(30), -signal.SIGTERM)
        finally:
            child.kill()
            child.wait()
        self.assertFalse(launcher.signalAll(child.pid, 0))
        self.assertFalse(launcher.signalAll(child.pid, signal.SIGKILL))
        launcher.signal(child.pid, signal.SIGTERM)

    def test_others(self) -> None:
        """
        A process that has become another user's is there, though it cannot be sent
        anything.
        """

        def forbidden(pid: int, number: int) -> None:
            raise PermissionError

        self.patch(os, "killpg", forbidden)
        self.assertTrue(Launcher(FakeReactor()).signalAll(12345, signal.SIGTERM))
