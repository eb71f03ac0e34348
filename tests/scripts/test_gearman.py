"""
Tests for L{txgearman.scripts.gearman}: which of its tasks the tool begins with.
"""

from __future__ import annotations

import sys
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.defer import TimeoutError as DeferredTimeout

from tests.scripts.stage import PumpTestCase, ToolTestCase
from txgearman.errors import NoServers
from txgearman.scripts import gearman
from txgearman.testing import Joint


class MainTests(PumpTestCase):
    """
    Tests of what it does, by its options.
    """

    def setUp(self) -> None:
        super().setUp()
        self.named = [self.server]
        self.patch(gearman, "serversOf", lambda options: self.named)

    def starts(self, *words: str) -> Deferred[int]:
        return self.runs(gearman, *words)

    def hangs(self) -> None:
        """
        Let the server accept connections, and read nothing.
        """
        accept = self.server._accept

        def hang(joint: Joint) -> None:
            accept(joint)
            joint.server.pauseProducing()

        self.patch(self.server, "_accept", hang)

    def test_client(self) -> None:
        """
        Without C{-w} it submits, and is gone from the server when it ends.
        """
        self.pump.worker(self.server).register("f", lambda job: job.data.upper())
        self.assertEqual(self.pump.result(self.starts("-f", "f", "a", "b")), 0)
        self.assertEqual(self.out.take(), b"AB")
        self.pump.settle()
        self.assertEqual(len(self.server.connections), 1)

    def test_worker(self) -> None:
        """
        With C{-w} it does jobs, as many at once as C{-j} says, on one connection
        with each server.
        """
        running = self.starts("-wf", "f", "-j2", "cat")
        self.assertEqual(len(self.server.connections), 1)
        client = self.client()
        calls = [client.call("f", b"") for _ in range(3)]
        self.pump.settle()
        self.assertEqual(len(self.reactor.processes), 2)
        for number in range(3):
            self.reactor.processes[number].ends()
            self.pump.settle()
        for call in calls:
            self.pump.result(call)
        self.hears()
        self.assertEqual(self.pump.result(running), 0)

    def test_ping(self) -> None:
        """
        C{--ping} has the servers answer.
        """
        self.assertEqual(self.pump.result(self.starts("--ping")), 0)
        self.assertEqual(self.out.take(), b"jobs\t0.00 ms\n")
        self.assertEqual(self.pump.result(self.starts("--ping", "--json")), 0)
        self.assertEqual(self.out.values(), [{"server": "jobs", "seconds": 0}])

    def test_pingTimeout(self) -> None:
        """
        A server has two seconds for a ping, or as many as are given.
        """
        self.patch(self.server, "connect", lambda factory: Deferred())
        for words, seconds in ([], 2.0), (["--timeout", "5"], 5.0), (["-t1"], 0.001):
            pinging = self.starts("--ping", *words)
            self.pump.advance(seconds * 0.99)
            self.assertNoResult(pinging)
            self.pump.advance(seconds * 0.02)
            self.pump.failure(pinging, NoServers)

    def test_status(self) -> None:
        """
        C{--status} and C{--status-unique} ask.
        """
        self.pump.result(self.client().background("f", b"", unique="me"))
        for words in ["--status", "H:jobs:1"], ["--status-unique", "me"]:
            self.assertEqual(self.pump.result(self.starts(*words)), 0)
            self.assertEqual(self.out.take(), f"{words[1]}\tqueued\n".encode())

    def test_statusTimeout(self) -> None:
        """
        An answer may take ten seconds, or as many as are given.
        """
        self.hangs()
        for words, seconds in ([], 10.0), (["--timeout", "3"], 3.0):
            asking = self.starts("--status", "H:jobs:1", *words)
            self.pump.advance(seconds - 0.1)
            self.assertNoResult(asking)
            self.pump.advance(0.2)
            self.pump.failure(asking, DeferredTimeout)

    def test_unreachable(self) -> None:
        """
        When each server was tried in vain it gives up at once, a worker, too.
        """
        self.server.stop()
        for words in ["-f", "f", "a"], ["-wf", "f", "cat"], ["--status", "H:1"]:
            error = self.pump.failure(self.starts(*words), NoServers)
            self.assertIn("jobs", str(error))

    def test_retry(self) -> None:
        """
        With C{--retry} it goes on trying, for a while.
        """
        self.server.stop()
        submitting = self.starts("--retry", "-bf", "f", "a")
        self.pump.advance(5)
        self.assertNoResult(submitting)
        self.server.start()
        self.pump.advance(5)
        self.assertEqual(self.pump.result(submitting), 0)
        self.assertEqual(len(self.server.board.jobs), 1)

    def test_severalServers(self) -> None:
        """
        A client goes to the first server that is there.
        """
        down = self.pump.server("down")
        down.stop()
        self.named = [down, self.server]
        self.assertEqual(self.pump.result(self.starts("-bf", "f", "a")), 0)
        self.assertEqual(len(self.server.board.jobs), 1)


class StartTests(ToolTestCase):
    """
    Tests of how it starts.
    """

    def setUp(self) -> None:
        super().setUp()
        self.began: list[Any] = []
        self.patch(gearman, "detach", lambda: self.began.append("detached"))
        self.patch(gearman, "run", self.begin)

    def begin(self, name: str, main: object, **options: object) -> None:
        self.began.append((name, options))

    def starts(self, *words: str) -> list[Any]:
        self.began = []
        gearman.main(words)
        return self.began

    def test_plain(self) -> None:
        """
        It runs under its name.
        """
        told = {"verbose": False, "pidfile": None}
        self.assertEqual(self.starts("-f", "f"), [("txgearman", told)])

    def test_detached(self) -> None:
        """
        It is in the background before it runs: its process id is that one.
        """
        told = {"verbose": False, "pidfile": "pid"}
        began = self.starts("-d", "-i", "pid", "-f", "f")
        self.assertEqual(began, ["detached", ("txgearman", told)])

    def test_verbose(self) -> None:
        """
        C{-v} lets a worker tell more, and a client not.
        """
        for words, expected in (["-vf", "f"], False), (["-vwf", "f"], True):
            [(_, told)] = self.starts(*words)
            self.assertEqual(told["verbose"], expected)

    def test_wrong(self) -> None:
        """
        With a command line that makes no sense nothing is begun.
        """
        self.assertEqual(self.exits(lambda: self.starts("-d")), 1)
        self.assertEqual(self.began, [])

    def test_own(self) -> None:
        """
        Without a command line it takes its own.
        """
        self.patch(sys, "argv", ["txgearman", "-f", "f"])
        gearman.main()
        self.assertEqual(len(self.began), 1)
