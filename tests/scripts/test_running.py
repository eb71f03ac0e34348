"""
Tests for L{txgearman.scripts.running}: how a tool ends.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from typing import Any

from twisted.internet import task
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.defer import TimeoutError as DeferredTimeout
from twisted.internet.error import (
    ConnectionDone,
    ConnectionLost,
    ConnectionRefusedError,
    DNSLookupError,
)
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import Clock
from twisted.logger import ILogObserver, Logger
from twisted.python.failure import Failure

from tests.scripts.stage import ToolReactor, ToolTestCase
from txgearman.errors import BadSetting, NoServers, QueueFull
from txgearman.scripts import running
from txgearman.scripts.running import Main, reasonOf, run


class Loop(ToolReactor):
    """
    A reactor that runs what the test has it run, and then comes back.

    @ivar steps: what happens while it runs, one thing after the other.
    @ivar stopped: whether it was stopped.
    @ivar crashed: whether it was told not to wait for anything.
    """

    def __init__(self) -> None:
        super().__init__(Clock())
        self.steps: list[Callable[[], object]] = []
        self.stopped = False
        self.crashed = False

    def run(self) -> None:
        self._call()
        for step in self.steps:
            step()
            self._call()

    def _call(self) -> None:
        while self.running:
            call, *arguments = self.running.pop(0)
            call(*arguments)

    def callFromThread(self, call: Callable[[], object]) -> None:
        call()

    def stop(self) -> None:
        self.stopped = True

    def crash(self) -> None:
        self.crashed = True


class Beginner:
    """
    Keeps what is to hear the log.
    """

    def beginLoggingTo(
        self, observers: list[ILogObserver], redirectStandardIO: bool
    ) -> None:
        [self.observer] = observers
        assert not redirectStandardIO, "stdout is for results"


class RunTestCase(ToolTestCase):
    """
    Tests of L{run}.

    @ivar handlers: what was put in place for signals.
    @ivar killed: the signals that the tool sent itself.
    """

    def setUp(self) -> None:
        super().setUp()
        self.loop = Loop()
        self.beginner = Beginner()
        self.handlers: dict[int, Any] = {}
        self.killed: list[tuple[int, int]] = []
        self.patch(running, "react", lambda main: task.react(main, (), self.loop))  # type: ignore[arg-type]
        self.patch(running, "globalLogBeginner", self.beginner)
        self.patch(signal, "signal", self.handlers.__setitem__)
        self.patch(os, "kill", lambda *killed: self.killed.append(killed))

    def runs(self, main: Main, **options: Any) -> object:
        """
        Run a tool.

        @return: its exit status, or what it says instead.
        """
        return self.exits(lambda: run("tool", main, **options))

    def fails(self, error: BaseException) -> object:
        """
        Run a tool that raises an error.
        """

        async def main(reactor: IReactorTime) -> int:
            raise error

        return self.runs(main)


class StatusTests(RunTestCase):
    """
    Tests of exit statuses.
    """

    def test_status(self) -> None:
        """
        What it gives is its exit status.
        """
        for status in 0, 1, 3:

            async def main(reactor: IReactorTime, status: int = status) -> int:
                self.assertIs(reactor, self.loop)
                return status

            self.assertEqual(self.runs(main), status)
            self.assertTrue(self.loop.stopped)
        self.assertEqual((self.out.take(), self.err.take()), (b"", b""))
        self.assertEqual(self.killed, [])

    def test_errors(self) -> None:
        """
        What may go wrong is one line, with the tool's name, and no traceback.
        """
        rows: list[tuple[Exception, str]] = [
            (NoServers("cannot reach a"), "cannot reach a"),
            (BadSetting("bad server 'x'"), "bad server 'x'"),
            (QueueFull(), "QUEUE_ERROR: Job queue is full"),
            (ValueError("no such priority"), "no such priority"),
            (ConnectionRefusedError("no"), "Connection was refused by other side: no"),
            (ConnectionLost(), "Connection to the other side was lost"),
            (ConnectionDone(), "Connection was closed cleanly"),
            (DeferredTimeout(), "no answer in time"),
            (DeferredTimeout(10, "Deferred"), "no answer in time"),
            (DNSLookupError("x"), "DNS lookup failed: x"),
            (OSError(2, "No such file"), "[Errno 2] No such file"),
        ]
        for error, expected in rows:
            said = self.fails(error)
            self.assertIsInstance(said, str)
            self.assertIn(f"tool: {expected}", str(said))
            self.assertFalse(str(said).endswith("."))
        self.assertEqual((self.out.take(), self.err.take()), (b"", b""))

    def test_brokenPipe(self) -> None:
        """
        When nobody reads what it writes it ends with 1, without a word, and
        writes nothing more.
        """
        stopped: list[int] = []
        self.patch(running, "stopWriting", lambda: stopped.append(1))
        self.assertEqual(self.fails(BrokenPipeError()), 1)
        self.assertEqual(stopped, [1])
        self.assertEqual(self.err.take(), b"")

    def test_surprise(self) -> None:
        """
        An error in the tool itself is logged, and its exit status is 1.
        """
        self.assertEqual(self.fails(KeyError("surprise")), 1)
        self.assertEqual(len(self.flushLoggedErrors(KeyError)), 1)

    def test_pidfile(self) -> None:
        """
        Its process id is in a file as long as it runs, however it ends.
        """
        path = self.folder() / "pid"
        seen: list[bytes] = []

        async def main(reactor: IReactorTime) -> int:
            seen.append(path.read_bytes())
            raise NoServers("nobody there")

        said = self.runs(main, pidfile=str(path))
        self.assertEqual(said, "tool: nobody there")
        self.assertEqual(seen, [b"%d\n" % os.getpid()])
        self.assertFalse(path.exists())


class SignalTests(RunTestCase):
    """
    Tests of signals.
    """

    def setUp(self) -> None:
        super().setUp()
        self.cleaned: list[str] = []
        self.cleaning: Deferred[None] = Deferred()

    async def main(self, reactor: IReactorTime) -> int:
        """
        Wait for ever, and take time to clean up.
        """
        try:
            await Deferred()
        finally:
            self.cleaned.append("begun")
            await self.cleaning
            self.cleaned.append("over")
        return 0

    def hears(self, number: int) -> None:
        """
        Let the tool get a signal.
        """
        self.handlers[number](number, None)

    def test_both(self) -> None:
        """
        It dies of either signal when it has cleaned up, so that the shell knows
        what ended it.
        """
        self.cleaning.callback(None)
        for number in signal.SIGINT, signal.SIGTERM:
            self.cleaned.clear()
            self.killed.clear()
            self.loop.steps = [lambda number=number: self.hears(number)]  # type: ignore[misc]
            self.assertEqual(self.runs(self.main), 0)
            self.assertEqual(self.cleaned, ["begun", "over"])
            self.assertEqual(self.handlers[number], signal.SIG_DFL)
            self.assertEqual(self.killed, [(os.getpid(), number)])
        self.assertFalse(self.loop.crashed)

    def test_cleaningUp(self) -> None:
        """
        It is not over before it has cleaned up.
        """
        stopped: list[bool] = []
        self.loop.steps = [
            lambda: self.hears(signal.SIGINT),
            lambda: stopped.append(self.loop.stopped),
            lambda: self.cleaning.callback(None),
        ]
        self.runs(self.main)
        self.assertEqual((stopped, self.loop.stopped), ([False], True))

    def test_second(self) -> None:
        """
        At a second signal it waits for nothing any more, and dies of that one.
        """
        self.loop.steps = [
            lambda: self.hears(signal.SIGINT),
            lambda: self.hears(signal.SIGTERM),
        ]
        self.runs(self.main)
        self.assertTrue(self.loop.crashed)
        self.assertEqual(self.cleaned, ["begun"])
        self.assertEqual(self.killed, [(os.getpid(), signal.SIGTERM)])
        self.cleaning.addErrback(lambda failure: failure.trap(CancelledError))

    def test_pidfile(self) -> None:
        """
        The file with its process id is removed before it dies.
        """
        path = self.folder() / "pid"
        there: list[bool] = []
        self.patch(os, "kill", lambda *_: there.append(path.exists()))
        self.cleaning.callback(None)
        self.loop.steps = [lambda: self.hears(signal.SIGTERM)]
        self.runs(self.main, pidfile=str(path))
        self.assertEqual(there, [False])


class LogTests(RunTestCase):
    """
    Tests of what is logged.
    """

    def logs(self, *, verbose: bool) -> Callable[[str], Logger]:
        """
        Run a tool.

        @return: makes the loggers of namespaces.
        """

        async def main(reactor: IReactorTime) -> int:
            return 0

        self.runs(main, verbose=verbose)
        return lambda namespace: Logger(namespace, observer=self.beginner.observer)

    def test_levels(self) -> None:
        """
        Warnings are lines on stderr, whose ever they are; what is only worth
        knowing is not told.
        """
        logger = self.logs(verbose=False)
        for namespace in "txgearman.client", "twisted.web":
            log = logger(namespace)
            log.debug("debug")
            log.info("info")
            log.warn("warn {what}", what="this")
            log.error("error")
            self.assertEqual(self.err.take(), b"tool: warn this\ntool: error\n")
        self.assertEqual(self.out.take(), b"")

    def test_verbose(self) -> None:
        """
        With C{-v} what txgearman itself finds worth knowing is told, too.
        """
        logger = self.logs(verbose=True)
        for namespace, expected in (
            ("txgearman.client", b"tool: info\n"),
            ("txgearman", b"tool: info\n"),
            ("twisted.web", b""),
            ("txgearmanish", b""),
        ):
            log = logger(namespace)
            log.debug("debug")
            log.info("info")
            self.assertEqual(self.err.take(), expected, namespace)

    def test_oneLine(self) -> None:
        """
        Of what is logged in many lines, such as a traceback, one hears the first
        one.
        """
        self.logs(verbose=False)("txgearman").warn("first\nsecond\nthird")
        self.assertEqual(self.err.take(), b"tool: first\n")

    def test_failure(self) -> None:
        """
        A failure is told with what it was, in one line, whichever log it is of.
        """
        log = self.logs(verbose=False)("txgearman")
        failure = Failure(KeyError("surprise"))
        log.failure("it broke", failure)
        log.warn("it broke", failure=failure)
        expected = b"tool: it broke: KeyError('surprise')\n"
        self.assertEqual(self.err.take(), expected * 2)


class ReasonTests(ToolTestCase):
    """
    Tests of L{reasonOf}.
    """

    def test_reason(self) -> None:
        """
        A reason stands at the end of a line, without a full stop.
        """
        self.assertEqual(reasonOf(ValueError("no good.")), "no good")
        self.assertEqual(reasonOf(ValueError("no good")), "no good")
        self.assertEqual(reasonOf(DeferredTimeout()), "no answer in time")
