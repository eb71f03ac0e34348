"""
Tests for L{txgearman.fleet.child}: the program. How it does jobs, the functional
tests show.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from io import BytesIO, StringIO, TextIOWrapper
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.logger import ILogObserver, Logger, LogLevel, LogPublisher
from twisted.trial.unittest import SynchronousTestCase

from txgearman.errors import BadSetting
from txgearman.fleet import child
from txgearman.fleet.child import main, parse, prepareOutput, run, workerOf
from txgearman.fleet.heeding import Heed
from txgearman.fleet.observing import functionsOf
from txgearman.fleet.targets import Functions
from txgearman.worker.running import InReactor

SERVER = "unix:/run/gearman"
FUNCTIONS = Functions({name: InReactor(lambda job: job.data) for name in ("a", "b")})


class ParseTests(SynchronousTestCase):
    """
    Tests of the command line.
    """

    def test_defaults(self) -> None:
        """
        A target is enough.
        """
        self.assertEqual(
            vars(parse(["shop.mail"])),
            {
                "target": "shop.mail",
                "functions": [],
                "max_jobs": 0,
                "concurrency": 1,
                "stop_timeout": 30.0,
            },
        )

    def test_all(self) -> None:
        """
        Each option says what it says.
        """
        line = (
            "shop.mail --functions a,,b --max-jobs 5 --concurrency 3 --stop-timeout 0.5"
        )
        self.assertEqual(
            vars(parse(line.split())),
            {
                "target": "shop.mail",
                "functions": ["a", "b"],
                "max_jobs": 5,
                "concurrency": 3,
                "stop_timeout": 0.5,
            },
        )

    def test_wrong(self) -> None:
        """
        Numbers that make no sense are refused.
        """
        self.patch(sys, "stderr", StringIO())
        for words in (
            "",
            "t --max-jobs -1",
            "t --concurrency 0",
            "t --stop-timeout inf",
            "t --stop-timeout nan",
            "t --max-jobs x",
            "t --max",
        ):
            with self.assertRaises(SystemExit) as caught:
                parse(words.split())
            self.assertEqual(caught.exception.code, 2)


class WorkerOfTests(SynchronousTestCase):
    """
    Tests of L{workerOf}.
    """

    def setUp(self) -> None:
        self.variables = {"GEARMAN_SERVERS": f" {SERVER} "}
        self.patch(os, "environ", self.variables)

    def test_worker(self) -> None:
        """
        The worker does the target's functions for the servers of the environment.
        """
        worker = workerOf(parse(["t", "--concurrency=4"]), FUNCTIONS, Clock())
        self.assertEqual([server.name for server in worker._servers], [SERVER])
        self.assertEqual(functionsOf(worker), ["a", "b"])
        self.assertEqual(worker._slots.count, 4)

    def test_restricted(self) -> None:
        """
        It does some of them, when that is said.
        """
        worker = workerOf(parse(["t", "--functions=b"]), FUNCTIONS, Clock())
        self.assertEqual(functionsOf(worker), ["b"])

    def test_wrong(self) -> None:
        """
        It does not start without one that it was to do, or with bad servers.
        """
        options = parse(["t", "--functions=b,c"])
        self.assertRaises(BadSetting, workerOf, options, FUNCTIONS, Clock())
        self.variables["GEARMAN_SERVERS"] = "nowhere:x:y"
        self.assertRaises(BadSetting, workerOf, parse(["t"]), FUNCTIONS, Clock())


class OutputTests(SynchronousTestCase):
    """
    Tests of what is printed and logged.
    """

    def test_lines(self) -> None:
        """
        What is printed leaves with the end of its line, whatever is in it.
        """
        kept = BytesIO()
        variables: dict[str, str] = {}
        self.patch(os, "environ", variables)
        self.patch(sys, "stdout", TextIOWrapper(kept, "ascii"))
        self.patch(sys, "stderr", StringIO())
        prepareOutput()
        print("\u00e4\udcff")
        self.assertEqual(kept.getvalue(), b"\\xe4\\udcff\n")
        self.assertEqual(variables, {"PYTHONUNBUFFERED": "1"})

    def test_log(self) -> None:
        """
        The log has what concerns jobs, with tracebacks, and of Twisted only what
        goes wrong.
        """
        publisher = LogPublisher()

        class Beginner:
            def beginLoggingTo(
                self, observers: list[ILogObserver], redirectStandardIO: bool
            ) -> None:
                assert not redirectStandardIO
                publisher.addObserver(observers[0])

        said = StringIO()
        self.patch(sys, "stderr", said)
        self.patch(child, "globalLogBeginner", Beginner())
        child.beginLogging()
        ours = Logger("txgearman.worker", observer=publisher)
        twisted = Logger("twisted.internet", observer=publisher)
        ours.info("connected to {server}", server="x")
        ours.debug("nothing")
        twisted.info("starting factory")
        twisted.emit(LogLevel.warn, "trouble")
        try:
            raise LookupError("no")
        except LookupError:
            ours.failure("failed")
        lines = said.getvalue().splitlines()
        self.assertEqual(lines[:3], ["connected to x", "trouble", "failed"])
        self.assertEqual(lines[3], "Traceback (most recent call last):")
        self.assertIn("LookupError: no", lines[-1])


class Loop:
    """
    A reactor that runs what the test has it run.

    @ivar steps: what happens while it runs.
    """

    def __init__(self) -> None:
        self.running = False
        self.steps: list[Callable[[], object]] = []
        self._starting: list[Callable[[], object]] = []
        self._ending: list[Callable[[], object]] = []
        self.log: list[str] = []

    def callWhenRunning(self, call: Callable[[], object]) -> None:
        self._starting.append(call)

    def addSystemEventTrigger(
        self, phase: str, event: str, call: Callable[[], object]
    ) -> None:
        assert (phase, event) == ("before", "shutdown")
        self._ending.append(call)

    def callFromThread(self, call: Callable[[], object]) -> None:
        self.steps.append(call)

    def run(self) -> None:
        self.running = True
        for call in self._starting:
            call()
        while self.steps:
            self.steps.pop(0)()

    def stop(self) -> None:
        self.running = False
        self.log.append("stopped")
        for call in self._ending:
            call()


class Server:
    """
    A L{txgearman.fleet.serving.Serving} that does nothing.
    """

    def __init__(self, log: list[str]) -> None:
        self.log = log
        self.over: Deferred[None] = Deferred()

    def start(self) -> None:
        self.log.append("start")

    def ask(self) -> None:
        self.log.append("ask")

    def stop(self) -> None:
        self.log.append("stop")

    def whenOver(self) -> Deferred[None]:
        return self.over


class RunTests(SynchronousTestCase):
    """
    Tests of L{run}.
    """

    def setUp(self) -> None:
        self.patch(signal, "signal", lambda *_: None)
        self.loop = Loop()
        self.serving: Any = Server(self.loop.log)
        self.heed = Heed()

    def runs(self) -> list[str]:
        """
        Run it.

        @return: what happened.
        """
        run(self.loop, self.serving, self.heed)
        return self.loop.log

    def test_over(self) -> None:
        """
        The reactor stops when it is over.
        """
        self.loop.steps.append(lambda: self.serving.over.callback(None))
        self.assertEqual(self.runs(), ["start", "stopped", "stop"])

    def test_signal(self) -> None:
        """
        A signal is taken notice of at once, and drains when the reactor is back.
        """
        self.loop.steps.append(lambda: self.heed.heard(signal.SIGTERM, None))
        self.assertEqual(self.runs(), ["start", "ask", "stop"])

    def test_otherStop(self) -> None:
        """
        Whoever stops the reactor has the child drain first; it does not stop twice.
        """
        self.loop.steps.append(self.loop.stop)
        self.loop.steps.append(lambda: self.serving.over.callback(None))
        self.assertEqual(self.runs(), ["start", "stopped", "stop"])


class MainTests(SynchronousTestCase):
    """
    Tests of L{main}, as far as it gets without a reactor.
    """

    def setUp(self) -> None:
        self.patch(signal, "signal", lambda *_: None)
        self.patch(child, "beginLogging", lambda: None)
        self.patch(child, "prepareOutput", lambda: None)
        self.patch(os, "environ", {})
        self.patch(sys, "path", list(sys.path))

    def exits(self, *arguments: str) -> object:
        with self.assertRaises(SystemExit) as caught:
            main(arguments)
        return caught.exception.code

    def test_badTarget(self) -> None:
        """
        What is wrong with the target is one line.
        """
        self.assertEqual(self.exits("no.such"), "there is no module 'no.such'")

    def test_signalMeanwhile(self) -> None:
        """
        A signal while the target is imported ends it in order.
        """

        def load(target: str) -> None:
            try:
                heeds[0].heard(signal.SIGTERM, None)
            except SystemExit:
                raise BadSetting("exits") from None

        heeds: list[Heed] = []

        class Kept(Heed):
            def __init__(self) -> None:
                super().__init__()
                heeds.append(self)

        self.patch(child, "Heed", Kept)
        self.patch(child, "load", load)
        self.assertEqual(self.exits("shop.mail"), 0)
