"""
Tests for L{txgearman.server.command}.
"""

from __future__ import annotations

import errno
import gc
import os
import signal
from collections.abc import Callable
from typing import Any

from twisted.application.service import IService
from twisted.internet.error import CannotListenError, ReactorNotRunning
from twisted.internet.interfaces import IReactorFromThreads
from twisted.internet.testing import MemoryReactorClock
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import alsoProvides

from tests.server.pump import NOON, Peer, Pump, logged, temporaryFolder
from tests.stores.stage import ManualRunner
from txgearman.board.policy import Policy
from txgearman.busypoll import AWAKE
from txgearman.server import command
from txgearman.server import keeping as keepingModule
from txgearman.server.command import GearmanProcess, makeService
from txgearman.server.options import Options
from txgearman.stores.memory import Drawer, MemoryStore

BEFORE = signal.SIG_IGN
"""What the process did about signals before."""


class Reactor(MemoryReactorClock):
    """
    A running reactor, which like a real one goes on for a while when it is
    stopped, and must not be stopped twice.

    @ivar stops: how often it was stopped.
    @ivar error: what happens to whoever listens.
    """

    def __init__(self) -> None:
        super().__init__()
        self.running = True
        self.stops = 0
        self.error: Exception | None = None
        self.rightNow = NOON

    def stop(self) -> None:
        if self.stops:
            raise ReactorNotRunning("Can't stop reactor that isn't running.")
        self.stops += 1

    def callFromThread(self, function: Callable[..., object], *arguments: Any) -> None:
        self.callLater(0, function, *arguments)

    def listenTCP(self, *arguments: Any, **others: Any) -> Any:
        if self.error is not None:
            raise self.error
        return super().listenTCP(*arguments, **others)

    def listenUNIX(self, *arguments: Any, **others: Any) -> Any:
        if self.error is not None:
            raise self.error
        return super().listenUNIX(*arguments, **others)


class ProcessTests(SynchronousTestCase):
    """
    A job server that is all that its process does.
    """

    def setUp(self) -> None:
        self.patch(os, "environ", {})
        self.reactor: Any = Reactor()
        self.handlers: list[Any] = [BEFORE]
        self.hangups: list[Any] = [BEFORE]
        self.patch(signal, "signal", self.installs)
        self.process = self.makeProcess()
        self.pump = Pump(factory=self.process.factory, clock=self.reactor)

    def installs(self, number: int, handler: Any) -> Any:
        """
        Take a signal's handler as C{signal.signal} does.
        """
        assert handler in (signal.SIG_IGN, signal.SIG_DFL) or callable(handler)
        kinds: dict[int, list[Any]] = {
            signal.SIGUSR1: self.handlers,
            signal.SIGHUP: self.hangups,
        }
        handlers = kinds[number]
        handlers.append(handler)
        return handlers[-2]

    def parse(self, *words: str) -> Options:
        options = Options()
        options.parseOptions(list(words))
        return options

    def makeProcess(self, *words: str) -> GearmanProcess:
        words = words or ("--listen", "127.0.0.1", "--job-handle-prefix", "H")
        return GearmanProcess(self.reactor, self.parse(*words))

    def comes(self) -> None:
        """
        Let SIGUSR1 come.
        """
        self.handlers[-1](signal.SIGUSR1, None)

    def runsJob(self) -> Peer:
        """
        Let a worker submit the job C{H:1} and grab it.
        """
        worker = self.pump.connect()
        worker.sends("CAN_DO", b"f")
        worker.sends("SUBMIT_JOB_BG", b"f", b"", b"")
        worker.sends("GRAB_JOB")
        self.assertEqual(len(worker.owed()), 2)
        return worker

    def loggedErrors(self) -> list[Any]:
        """
        Take the errors that were logged, those of forgotten Deferreds too.
        """
        gc.collect()
        errors: list[Any] = self.flushLoggedErrors()
        return errors

    def says(self, line: bytes) -> bytes:
        admin = self.pump.connect()
        admin.says(line)
        return admin.received()


class StartTests(ProcessTests):
    """
    From options to a server.
    """

    def test_listens(self) -> None:
        """
        The process listens where its options say, as they say.
        """
        process = self.makeProcess(
            *("-L", "127.0.0.1", "-L", "::1", "-p", "4731", "-b", "9"),
            *("--endpoint", "unix:/run/gearman"),
        )
        process.startService()
        servers = [(port, *others) for port, _, *others in self.reactor.tcpServers]
        self.assertEqual(servers, [(4731, 9, "127.0.0.1"), (4731, 9, "::1")])
        self.assertEqual(self.reactor.unixServers[0][0], "/run/gearman")

    def test_settings(self) -> None:
        """
        Its board and its connections are as its options say.
        """
        words = "--listen=::1 --exceptions --max-connections=3 --stall-timeout=9"
        process = self.makeProcess(*words.split())
        self.assertEqual(process.factory.board.policy, Policy(exceptions=True))
        self.assertEqual(process.factory.settings.maxConnections, 3)
        self.assertEqual(process.factory.settings.stallTimeout, 9.0)

    def test_busyPolls(self) -> None:
        """
        A reactor that can busy-poll does so for as long as its options say.
        """
        for words, awake in ((), AWAKE), (("--busy-poll", "9"), 0.000009):
            polls: list[float] = []
            self.reactor.busyPoll = polls.append
            process = self.makeProcess("--listen", "127.0.0.1", *words)
            process.startService()
            self.assertEqual(polls, [awake])
            process.stopService()

    def test_makeService(self) -> None:
        """
        C{twistd} gets a service.
        """
        service = makeService(self.parse("--listen", "127.0.0.1"))
        self.assertTrue(IService.providedBy(service))
        self.assertIsInstance(service, GearmanProcess)
        self.assertFalse(service.running)

    def test_plugin(self) -> None:
        """
        What the plugin looks for in the module is there.
        """
        self.assertIs(command.Options, Options)
        self.assertEqual(sorted(command.__all__), ["Options", "makeService"])

    def test_badAddress(self) -> None:
        """
        An address or an endpoint that cannot be used ends the process with a
        line.
        """
        for words in [
            ("--listen", "a..b"),
            ("--endpoint", "nonsense:1"),
            ("--endpoint", "4730"),
        ]:
            with self.assertRaises(SystemExit) as raised:
                makeService(self.parse(*words))
            said = raised.exception.code
            assert isinstance(said, str)
            self.assertTrue(said.startswith("gearman: "), said)
            self.assertIn(words[1], said)
            self.assertNotIn("\n", said)


class CannotListenTests(ProcessTests):
    """
    A process that cannot start.
    """

    def setUp(self) -> None:
        super().setUp()
        inUse = OSError(errno.EADDRINUSE, "Address already in use")
        self.reactor.error = CannotListenError("127.0.0.1", 4730, inUse)
        self.twistd: dict[str, Any] = {}

    def givesUp(self, *words: str) -> str:
        """
        Check that the process ends when it starts.

        @return: the line that says why.
        """
        options = self.parse(*(words or ("--listen", "127.0.0.1")))
        options.parent = self.twistd  # type: ignore[assignment]
        process = GearmanProcess(self.reactor, options)
        with self.assertRaises(SystemExit) as raised:
            process.privilegedStartService()
        said = raised.exception.code
        assert isinstance(said, str)
        self.assertNotIn("\n", said)
        self.assertEqual(self.handlers, [BEFORE])
        return said

    def test_line(self) -> None:
        """
        It ends with a line that says why.
        """
        self.assertEqual(
            self.givesUp(),
            "gearman: cannot listen on 127.0.0.1, port 4730: Address already in use",
        )

    def test_otherErrors(self) -> None:
        """
        So it does for whatever endpoints fail with.
        """
        self.reactor.error = PermissionError(errno.EACCES, "Permission denied")
        self.assertIn("Permission denied", self.givesUp())
        self.reactor.error = OverflowError("bind(): port must be 0-65535.")
        said = self.givesUp("--endpoint", "tcp:99999")
        self.assertIn("port must be 0-65535", said)

    def test_startService(self) -> None:
        """
        It ends the same way without a privileged start.
        """
        with self.assertRaises(SystemExit):
            self.process.startService()
        self.assertEqual(self.handlers, [BEFORE])

    def test_pidFile(self) -> None:
        """
        It takes its pid file along, if there is one.
        """
        path = temporaryFolder(self) / "pid"
        path.write_text("77")
        self.twistd["pidfile"] = str(path)
        self.givesUp()
        self.assertFalse(path.exists())
        self.givesUp()
        self.twistd["pidfile"] = ""
        self.givesUp()

    def test_statusPipe(self) -> None:
        """
        A daemon tells whoever started it, in the form that waits for: a 1, a
        space and no more than a hundred bytes in all.
        """
        for words in (), ("--listen", "127.0.0.1", "--endpoint", "unix:/" + "x" * 90):
            reading, writing = os.pipe()
            self.addCleanup(os.close, reading)
            self.twistd["statusPipe"] = writing
            said = self.givesUp(*words)
            told = os.read(reading, 1000)
            self.assertEqual(told, f"1 {said}".encode()[:100])
            self.assertEqual(os.read(reading, 1), b"", "the pipe is closed")

    def test_nothingStays(self) -> None:
        """
        Nothing listens in a process that could not listen everywhere.
        """
        stopped: list[object] = []
        port = type(self.reactor.listenSSL(1, None, None))
        self.patch(port, "stopListening", lambda port: stopped.append(port))
        self.reactor.error = None
        listen = self.reactor.listenUNIX

        def listenUNIX(path: str, *arguments: Any, **others: Any) -> Any:
            self.reactor.error = CannotListenError(None, path, OSError())
            return listen(path, *arguments, **others)

        self.patch(self.reactor, "listenUNIX", listenUNIX)
        self.givesUp("--listen", "127.0.0.1", "--endpoint", "unix:/run/gearman")
        self.assertEqual(len(self.reactor.tcpServers), 1)
        self.assertEqual(len(stopped), 1)


class SignalTests(ProcessTests):
    """
    SIGUSR1.
    """

    def test_installed(self) -> None:
        """
        The process listens to the signal while it runs, and no longer.
        """
        self.assertEqual(self.handlers, [BEFORE])
        self.process.startService()
        self.assertEqual(len(self.handlers), 2)
        self.successResultOf(self.process.stopService())
        self.assertEqual(self.handlers[-1], BEFORE)

    def test_foreignHandler(self) -> None:
        """
        A process whose handler for the signal was not Python's stops like any
        other.
        """
        self.handlers = [None]
        self.process.startService()
        self.successResultOf(self.process.stopService())

    def test_neverStarted(self) -> None:
        """
        A process that was never started can be stopped, as other services can.
        """
        self.successResultOf(self.process.stopService())
        self.assertEqual(self.handlers, [BEFORE])

    def test_idle(self) -> None:
        """
        Without running jobs, the signal ends the process; nothing happens in
        the middle of what it interrupts.
        """
        self.process.startService()
        self.comes()
        self.assertEqual(self.reactor.stops, 0)
        self.assertEqual(self.says(b"version\n")[:3], b"OK ")
        self.assertEqual(self.reactor.stops, 1)

    def test_drains(self) -> None:
        """
        With running jobs, it ends when they have.
        """
        self.process.startService()
        worker = self.runsJob()
        self.comes()
        self.pump.settle()
        self.assertEqual(self.reactor.stops, 0)
        worker.sends("WORK_COMPLETE", b"H:1", b"")
        self.pump.settle()
        self.assertEqual(self.reactor.stops, 1)

    def test_deadline(self) -> None:
        """
        Or when the drain timeout is over.
        """
        self.process = self.makeProcess("--listen=::1", "--drain-timeout=5")
        self.pump = Pump(factory=self.process.factory, clock=self.reactor)
        self.process.startService()
        self.runsJob()
        self.comes()
        self.pump.passes(4.9)
        self.assertEqual(self.reactor.stops, 0)
        self.pump.passes(0.2)
        self.assertEqual(self.reactor.stops, 1)

    def test_twice(self) -> None:
        """
        The signal may come again and again; the reactor is stopped once.
        """
        self.process.startService()
        worker = self.runsJob()
        for _ in range(3):
            self.comes()
            self.pump.settle()
        worker.sends("WORK_COMPLETE", b"H:1", b"")
        self.pump.settle()
        self.comes()
        self.pump.settle()
        self.assertEqual(self.reactor.stops, 1)
        self.assertEqual(self.loggedErrors(), [])

    def test_stoppedMeanwhile(self) -> None:
        """
        When something else stops the reactor meanwhile, the end of the drain
        does not stop it again.
        """
        self.process.startService()
        self.runsJob()
        self.comes()
        self.pump.settle()
        self.reactor.stop()
        stopped = self.process.stopService()
        self.pump.settle()
        self.successResultOf(stopped)
        self.assertEqual(self.reactor.stops, 1)
        self.assertEqual(self.loggedErrors(), [])

    def test_stoppedLongAgo(self) -> None:
        """
        Nor does it when the reactor does not run any more.
        """
        self.process.startService()
        worker = self.runsJob()
        self.comes()
        self.pump.settle()
        self.reactor.running = False
        worker.sends("WORK_COMPLETE", b"H:1", b"")
        self.pump.settle()
        self.assertEqual(self.reactor.stops, 0)


class ConfigurationTests(ProcessTests):
    """
    A process with a file of policies, and SIGHUP.
    """

    def setUp(self) -> None:
        super().setUp()
        self.path = temporaryFolder(self) / "gearman.toml"
        self.write("[functions.f]\nqueue_limit = 1\n")
        self.process = self.makeProcess(
            *("--listen=::1", "--job-handle-prefix=H", "--config", str(self.path))
        )
        self.pump = Pump(factory=self.process.factory, clock=self.reactor)
        self.process.startService()
        self.client = self.pump.connect()

    def write(self, text: str) -> None:
        self.path.write_text(text)

    def hangsUp(self) -> list[str]:
        """
        Let SIGHUP come.

        @return: what is logged then.
        """
        with logged() as lines:
            self.hangups[-1](signal.SIGHUP, None)
            self.assertEqual(lines, [], "nothing happens in the middle of anything")
            self.pump.settle()
        return lines

    def submits(self) -> str:
        """
        Submit a job.

        @return: the name of the answer.
        """
        self.client.sends("SUBMIT_JOB_BG", b"f", b"", b"")
        [answer] = self.client.owed()
        return str(answer[0])

    def test_policies(self) -> None:
        """
        What the file says holds for what clients submit.
        """
        answers = [self.submits() for _ in range(2)]
        self.assertEqual(answers, ["JOB_CREATED", "ERROR"])

    def test_again(self) -> None:
        """
        At the signal the file is read again, and holds.
        """
        self.write("[functions.f]\nqueue_limit = 2\n")
        [line] = self.hangsUp()
        self.assertTrue(line.endswith(f" read {self.path} again"), line)
        answers = [self.submits() for _ in range(3)]
        self.assertEqual(answers, ["JOB_CREATED", "JOB_CREATED", "ERROR"])

    def test_broken(self) -> None:
        """
        A file that is broken is a line in the log, and changes nothing.
        """
        for text in "[functions.f]\nqueue_limit = -1\n", "[", "[nonsense]":
            self.write(text)
            [line] = self.hangsUp()
            self.assertIn(f"stays as it is: {self.path}: ", line)
            self.assertEqual(line.count("\n"), 0)
        self.path.unlink()
        [line] = self.hangsUp()
        self.assertIn("No such file or directory", line)
        answers = [self.submits() for _ in range(2)]
        self.assertEqual(answers, ["JOB_CREATED", "ERROR"])

    def test_otherFolder(self) -> None:
        """
        The file is found again from another folder, as daemons change theirs.
        """
        before = os.getcwd()
        self.addCleanup(os.chdir, before)
        os.chdir(self.path.parent)
        options = self.parse("--config", self.path.name)
        os.chdir("/")
        self.assertEqual(os.path.realpath(options["config"]), str(self.path.resolve()))

    def test_handler(self) -> None:
        """
        The process listens to the signal while it runs, and no longer.
        """
        self.assertEqual(len(self.hangups), 2)
        stopped = self.process.stopService()
        self.pump.settle()
        self.successResultOf(stopped)
        self.assertEqual(self.hangups[-1], BEFORE)
        self.assertEqual(self.handlers[-1], BEFORE)

    def test_noFile(self) -> None:
        """
        Without a file it does about the signal what any process does.
        """
        self.hangups = [BEFORE]
        process = self.makeProcess()
        process.startService()
        self.successResultOf(process.stopService())
        self.assertEqual(self.hangups, [BEFORE])


class ShutdownTests(ProcessTests):
    """
    The C{shutdown} command.
    """

    def setUp(self) -> None:
        super().setUp()
        self.process.startService()

    def test_now(self) -> None:
        """
        C{shutdown} ends the process at once; whoever asked gets the answer.
        """
        self.runsJob()
        self.assertEqual(self.says(b"shutdown\n"), b"OK\n")
        self.assertEqual(self.reactor.stops, 1)

    def test_graceful(self) -> None:
        """
        C{shutdown graceful} ends it when no job runs.
        """
        worker = self.runsJob()
        self.assertEqual(self.says(b"shutdown graceful\n"), b"OK\n")
        self.assertEqual(self.reactor.stops, 0)
        worker.sends("WORK_FAIL", b"H:1")
        self.pump.settle()
        self.assertEqual(self.reactor.stops, 1)

    def test_gracefulAndIdle(self) -> None:
        """
        Without running jobs that is at once, and whoever asked gets the answer.
        """
        admin = self.pump.connect()
        admin.says(b"shutdown graceful\n")
        admin.wire.receive()
        self.assertEqual(self.reactor.stops, 1)
        stopped = self.process.stopService()
        self.assertEqual(admin.received(), b"OK\n")
        self.successResultOf(stopped)

    def test_twice(self) -> None:
        """
        However often it is asked for, the reactor is stopped once.
        """
        for line in b"shutdown\nshutdown\n", b"shutdown graceful\nshutdown graceful\n":
            self.assertEqual(self.says(line), b"OK\nOK\n")
        self.assertEqual(self.reactor.stops, 1)
        self.assertEqual(self.loggedErrors(), [])

    def test_impatient(self) -> None:
        """
        Whoever does not want to wait for a graceful end may ask for another.
        """
        self.runsJob()
        self.says(b"shutdown graceful\n")
        self.assertEqual(self.reactor.stops, 0)
        self.says(b"shutdown\n")
        self.assertEqual(self.reactor.stops, 1)


class StoreTests(ProcessTests):
    """
    A process whose jobs are kept.
    """

    def setUp(self) -> None:
        super().setUp()
        alsoProvides(self.reactor, IReactorFromThreads)
        self.runner = ManualRunner()
        self.patch(keepingModule, "StoreThread", lambda reactor: self.runner)
        self.drawer = Drawer()
        self.store = MemoryStore(self.drawer)

    def makeStored(self) -> GearmanProcess:
        """
        Make a process with a store.
        """
        options = self.parse("--listen", "127.0.0.1")
        options.store = self.store
        options.parent = {}  # type: ignore[assignment]
        return GearmanProcess(self.reactor, options)

    def test_opens(self) -> None:
        """
        The store is opened before the reactor runs, once.
        """
        process = self.makeStored()
        self.assertEqual(self.drawer.lives, 0)
        process.startService()
        self.assertEqual(self.drawer.lives, 1)
        self.runner.finishesAll()
        self.assertEqual(self.drawer.lives, 1)
        keeping = process.factory.keeping
        assert keeping is not None
        self.assertFalse(keeping.loading)

    def test_unusable(self) -> None:
        """
        A store that cannot be used ends the process with a line.
        """
        MemoryStore(self.drawer).open()
        self.drawer.owner = object()
        process = self.makeStored()
        with self.assertRaises(SystemExit) as raised:
            process.startService()
        said = raised.exception.code
        self.assertEqual(said, "gearman: another server has this store open")

    def test_notYet(self) -> None:
        """
        One that may work later is waited for.
        """
        self.drawer.broken = True
        process = self.makeStored()
        with logged() as lines:
            process.startService()
            self.runner.finishesAll()
        [line] = [line for line in lines if "store" in line]
        self.assertIn("the drawer is stuck", line)
        self.drawer.broken = False
        self.reactor.advance(1)
        self.runner.finishesAll()
        keeping = process.factory.keeping
        assert keeping is not None
        self.assertFalse(keeping.loading)
