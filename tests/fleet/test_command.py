"""
Tests for L{txgearman.fleet.command}.
"""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

from twisted.application.service import IServiceMaker
from twisted.internet.defer import Deferred, succeed
from twisted.internet.testing import MemoryReactorClock
from twisted.plugin import getPlugins
from twisted.trial.unittest import SynchronousTestCase

from tests.fleet.stage import folderOf
from txgearman.fleet import command
from txgearman.fleet.command import FleetProcess, Options, makeService
from txgearman.fleet.master import Fleet


class ThreadedReactor(MemoryReactorClock):
    """
    A reactor that notes what it is to do next.
    """

    def __init__(self) -> None:
        super().__init__()
        self.soon: list[Any] = []

    def callFromThread(self, action: Any, *words: Any) -> None:
        self.soon.append(action)


class CommandTests(SynchronousTestCase):
    """
    The process of a master.
    """

    def parse(self, *words: str) -> Options:
        options = Options()
        options.parseOptions(["--server=a:1", "--control=", *words])
        return options

    def test_plugin(self) -> None:
        """
        Twistd finds it.
        """
        found = [p for p in getPlugins(IServiceMaker) if p.tapname == "gearman-worker"]
        self.assertEqual(len(found), 1)
        self.assertIs(found[0].options, Options)
        self.assertIs(found[0].makeService, makeService)

    def test_service(self) -> None:
        """
        The service is a fleet of what the options say.
        """
        service = makeService(self.parse("--command=x"))
        assert isinstance(service, FleetProcess)
        self.assertEqual(service.servers, ["a:1"])

    def test_bad(self) -> None:
        """
        What cannot be used ends the process with a line.
        """
        with self.assertRaises(SystemExit) as raised:
            makeService(self.parse("--command=x {y}"))
        said = raised.exception.code
        assert isinstance(said, str)
        self.assertTrue(said.startswith("gearman-worker: groups.workers: command: "))

    def test_hangUp(self) -> None:
        """
        SIGHUP renews the fleet, though not in the middle of anything; it is ignored
        when the fleet stops.
        """
        reactor = ThreadedReactor()
        renewed: list[Fleet] = []
        self.patch(Fleet, "startService", lambda self: None)
        self.patch(Fleet, "stopService", lambda self: succeed(None))
        self.patch(Fleet, "renew", lambda self: renewed.append(self))
        before = signal.getsignal(signal.SIGHUP)
        self.addCleanup(signal.signal, signal.SIGHUP, before)
        fleet = FleetProcess(reactor, self.parse("--command=x"))
        fleet.startService()
        os.kill(os.getpid(), signal.SIGHUP)
        self.assertEqual(renewed, [])
        [action] = reactor.soon
        action()
        self.assertEqual(renewed, [fleet])
        stopped: Deferred[None] = fleet.stopService()
        self.successResultOf(stopped)
        os.kill(os.getpid(), signal.SIGHUP)
        self.assertEqual(len(reactor.soon), 1)

    def test_cannotStart(self) -> None:
        """
        A process that cannot start says why in one line, tells who started it as a
        daemon, and leaves no file behind.
        """
        pidFile = Path(folderOf(self), "pid")
        pidFile.write_text("1")
        reading, writing = os.pipe()
        self.addCleanup(os.close, reading)
        options = self.parse("--command=x", "--control=/nonexistent/socket")
        parent: Any = {"pidfile": str(pidFile), "statusPipe": writing}
        options.parent = parent
        with self.assertRaises(SystemExit) as raised:
            FleetProcess(MemoryReactorClock(), options).startService()
        said = raised.exception.code
        assert isinstance(said, str)
        self.assertIn("/nonexistent/socket", said)
        self.assertFalse(pidFile.exists())
        self.assertEqual(os.read(reading, 200), f"1 {said}".encode()[:100])
        self.assertNotIn("\n", said)

    def test_names(self) -> None:
        """
        The plugin finds here what it needs.
        """
        self.assertEqual(command.__all__, ["Options", "makeService"])
