"""
Tests for L{txgearman.scripts.admin}: the tool C{txgearadmin}.
"""

from __future__ import annotations

import sys
from functools import partial
from typing import Any
from unittest.mock import patch

from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.error import ConnectionLost

from tests.scripts.stage import PumpTestCase, ToolTestCase
from txgearman.admin import (
    AdminClient,
    Awaited,
    ClientRow,
    Connected,
    FunctionStatus,
    JobRow,
    PriorityStatus,
    Waiting,
)
from txgearman.connection.servers import Server
from txgearman.errors import GearmanError
from txgearman.scripts import admin

# Each question, the method that asks it, an answer, and how that is printed.
QUESTIONS: list[tuple[str, str, Any, bytes]] = [
    ("--status", "status", [], b".\n"),
    (
        "--status",
        "status",
        [FunctionStatus(b"f\xff", 3, 2, 1), FunctionStatus(b"g", 0, 0, 0)],
        b"f\\xff\t3\t2\t1\ng\t0\t0\t0\n.\n",
    ),
    (
        "--priority-status",
        "priorityStatus",
        [PriorityStatus(b"f", 1, 2, 3, 4)],
        b"f\t1\t2\t3\t4\n.\n",
    ),
    (
        "--workers",
        "workers",
        [
            Connected(5, b"::1", b"-", (b"f", b"g")),
            Connected(6, b"127.0.0.1", b"me", ()),
        ],
        b"5 ::1 - : f g\n6 127.0.0.1 me :\n.\n",
    ),
    (
        "--show-jobs",
        "jobs",
        [JobRow(b"H:1", 2, True, False)],
        b"H:1\t2\t1\t0\n.\n",
    ),
    ("--jobs", "waiting", [Waiting(b"f", b"u", b"-", 2)], b"f\tu\t-\t2\n.\n"),
    (
        "--clients",
        "clients",
        [
            ClientRow(b"::1", (Awaited(b"f", b"u", b"-"), Awaited(b"g", b"", b"x"))),
            ClientRow(b"::2", ()),
        ],
        b"::1\n\tf\tu\t-\n\tg\t\tx\n::2\n.\n",
    ),
    ("--show-unique-jobs", "uniques", [b"u", b""], b"u\n\n.\n"),
    ("--server-version", "version", "1.2.3", b"1.2.3\n"),
    ("--server-verbose", "verbosity", "INFO", b"INFO\n"),
    ("--getpid", "processId", 12, b"12\n"),
]

# Each order, and the call that it is.
ORDERS: list[tuple[str, str, tuple[object, ...]]] = [
    ("--shutdown", "shutDown", ()),
    ("--shutdown-graceful", "shutDown", (True,)),
    ("--create-function f", "createFunction", ("f",)),
    ("--drop-function f", "dropFunction", ("f",)),
    ("--cancel-job H:1", "cancel", ("H:1",)),
    ("--maxqueue f", "maxQueue", ("f",)),
    ("--maxqueue f 5", "maxQueue", ("f", 5)),
    ("--maxqueue f 1 2 3", "maxQueue", ("f", 1, 2, 3)),
]


class AdminTestCase(PumpTestCase):
    """
    The tool, and the servers that it is for.
    """

    def setUp(self) -> None:
        super().setUp()
        self.named = [self.server]
        self.patch(admin, "serversFrom", lambda reactor, names: self.servers())

    def servers(self) -> list[Server]:
        return [Server(server.name, server) for server in self.named]

    def starts(self, *words: str) -> Deferred[int]:
        return self.runs(admin, *words)

    def tells(self, *words: str) -> int:
        """
        Run it.

        @return: the exit status.
        """
        return self.pump.result(self.starts(*words))


class OperationTests(AdminTestCase):
    """
    Tests of single operations.
    """

    def test_questions(self) -> None:
        """
        Answers are printed as gearadmin prints them: tables end with a dot.
        """
        for word, method, answer, expected in QUESTIONS:
            self.patch(AdminClient, method, lambda a, answer=answer: succeed(answer))
            self.assertEqual(self.tells(word), 0)
            self.assertEqual(self.out.take(), expected, word)
        self.assertEqual(self.err.take(), b"")

    def test_orders(self) -> None:
        """
        An order that is followed is C{OK}, or null as JSON.
        """
        calls: list[tuple[object, ...]] = []

        def follow(client: AdminClient, *words: object) -> Deferred[None]:
            calls.append(words)
            return succeed(None)

        for words, method, expected in ORDERS:
            self.patch(AdminClient, method, follow)
            self.assertEqual(self.tells(*words.split()), 0)
            self.assertEqual(calls.pop(), expected)
            self.assertEqual(self.out.take(), b"OK\n")
            self.assertEqual(self.tells("--json", *words.split()), 0)
            self.assertEqual(self.out.take(), b"null\n")

    def test_limits(self) -> None:
        """
        A queue has no, one or three limits, which are numbers; the server is not
        asked for others.
        """
        for words in ["1", "2"], ["1", "2", "3", "4"], ["many"], ["1.5"], ["x", "y"]:
            self.assertEqual(self.tells("--maxqueue", "f", *words), 1)
            self.assertIn(b"Error: --maxqueue takes", self.err.take())
        self.assertEqual(self.server.connections, [])

    def test_json(self) -> None:
        """
        With C{--json} each answer is a line.
        """
        rows = [FunctionStatus(b"f", 3, 2, 1)]
        self.patch(AdminClient, "status", lambda a: succeed(rows))
        self.assertEqual(self.tells("--json", "--status", "--server-version"), 0)
        status, version = self.out.values()
        row = {"function": "f", "total": 3, "running": 2, "workers": 1}
        self.assertEqual(status, [row])
        self.assertIsInstance(version, str)


class OrderTests(AdminTestCase):
    """
    Tests of several operations, and of several servers.
    """

    def test_order(self) -> None:
        """
        Operations are done as the command line names them, the same one more
        than once if it does.
        """
        words = ["--create-function", "a", "--status", "--drop-function", "a"]
        self.assertEqual(self.tells(*words, "--status"), 0)
        self.assertEqual(self.out.take(), b"OK\na\t0\t0\t0\n.\nOK\n.\n")
        words = ["--create-function", "a", "--create-function", "b", "--status"]
        self.assertEqual(self.tells(*words), 0)
        self.assertEqual(self.out.take().count(b"OK\n"), 2)

    def test_refused(self) -> None:
        """
        A refusal goes to stderr and makes the exit status 1; what stands behind
        it is done all the same.
        """
        words = ["--cancel-job", "H:x:1", "--drop-function", "x", "--server-version"]
        self.assertEqual(self.tells(*words), 1)
        first, second, rest = self.err.take().split(b"\n")
        self.assertTrue(first.startswith(b"Error: UNKNOWN_JOB"), first)
        self.assertIn(b"function not found", second)
        self.assertEqual(rest, b"")
        self.assertEqual(self.out.take().count(b"\n"), 1)

    def test_notOneWord(self) -> None:
        """
        What would be several words for the server is refused here.
        """
        self.assertEqual(self.tells("--create-function", "a b", "--getpid"), 1)
        self.assertIn(b"Error: not one word", self.err.take())
        self.assertEqual(self.out.take().count(b"\n"), 1)

    def test_severalServers(self) -> None:
        """
        Of several servers each one's answers stand behind its name.
        """
        self.named.append(self.pump.server("other"))
        self.assertEqual(self.tells("--create-function", "a", "--status"), 0)
        table = b"OK\na\t0\t0\t0\n.\n"
        self.assertEqual(self.out.take(), b"jobs:\n%bother:\n%b" % (table, table))
        self.assertEqual(self.tells("--json", "--drop-function", "a"), 0)
        told = [{"server": name, "answer": None} for name in ("jobs", "other")]
        self.assertEqual(self.out.values(), told)

    def test_unreachable(self) -> None:
        """
        A server that cannot be reached is a complaint, and the next one has its
        turn.
        """
        self.named.append(self.pump.server("other"))
        self.server.stop()
        self.assertEqual(self.tells("--status", "--status"), 1)
        said = self.err.take()
        self.assertTrue(said.startswith(b"txgearadmin: cannot reach jobs: "), said)
        self.assertEqual(said.count(b"\n"), 1)
        self.assertEqual(self.out.take(), b"jobs:\nother:\n.\n.\n")

    def test_lost(self) -> None:
        """
        One that is lost meanwhile cannot be reached either.
        """

        def lose(client: AdminClient) -> Deferred[None]:
            return fail(ConnectionLost())

        self.patch(AdminClient, "status", lose)
        self.assertEqual(self.tells("--status", "--getpid"), 1)
        self.assertIn(b"txgearadmin: cannot reach jobs: ", self.err.take())
        self.assertEqual(self.out.take(), b"")

    def test_timeout(self) -> None:
        """
        An answer may take ten seconds, or as many as C{--timeout} says.
        """
        for words, seconds in ([], 10.0), (["--timeout", "3"], 3.0):
            waiting: Deferred[None] = Deferred()
            self.patch(AdminClient, "status", lambda a, waiting=waiting: waiting)
            telling = self.starts("--status", *words)
            self.pump.advance(seconds - 0.1)
            self.assertNoResult(telling)
            self.pump.advance(0.2)
            self.assertEqual(self.pump.result(telling), 1)
            self.assertIn(b"cannot reach jobs: no answer in time", self.err.take())

    def test_gone(self) -> None:
        """
        At the end it is gone from every server.
        """
        self.named.append(self.pump.server("other"))
        self.tells("--status")
        self.pump.settle()
        for server in self.named:
            self.assertEqual(server.connections, [])


class TopTests(AdminTestCase):
    """
    Tests of C{txgearadmin top}, as far as this module goes.
    """

    def test_top(self) -> None:
        """
        C{top} looks at all servers, so often and at such an interval.
        """
        self.named.append(self.pump.server("other"))
        words = ["top", "--json", "--looks", "2", "--interval", "5"]
        looking = self.starts(*words)
        self.pump.advance(4.9)
        self.assertEqual(len(self.out.values()), 2)
        self.pump.advance(0.2)
        self.assertEqual(self.pump.result(looking), 0)
        names = [told["server"] for told in self.out.values()]
        self.assertEqual(names, ["jobs", "other"])

    def test_withoutRich(self) -> None:
        """
        Without rich there is no C{top}, and it says how there would be one.
        """
        with patch.dict(sys.modules, {"txgearman.scripts.top": None}):
            error = self.pump.failure(self.starts("top"), GearmanError)
        self.assertIn("top needs txgearman[tools]", str(error))


class UsageTests(ToolTestCase):
    """
    Tests of its command line.
    """

    def test_wrong(self) -> None:
        """
        What makes no sense is said, and is an exit status of 2.
        """
        rows = [
            ([], b"nothing to do"),
            (["-h", "a"], b"nothing to do"),
            (["--nosuch"], b"unrecognized arguments: --nosuch"),
            (["--stat"], b"unrecognized arguments: --stat"),
            (["bottom"], b"invalid choice"),
            (["--cancel-job"], b"argument --cancel-job: expected"),
            (["--maxqueue"], b"argument --maxqueue: expected"),
            (["top", "--interval", "x"], b"invalid number of 0.001 or more"),
            (["--status", "--timeout", "nan"], b"invalid number of 0.001 or more"),
            (["--status", "-p", "0"], b"invalid number from 1 to 65535"),
            (["top", "--looks", "0"], b"invalid number of 1 or more"),
        ]
        for words, expected in rows:
            self.assertEqual(self.exits(partial(admin.main, words)), 2)
            self.assertIn(expected, self.err.take())

    def test_own(self) -> None:
        """
        Without a command line it takes its own.
        """
        self.patch(sys, "argv", ["txgearadmin", "-H"])
        self.assertEqual(self.exits(admin.main), 0)
        told = self.out.take()
        for word in b"--show-unique-jobs", b"--maxqueue F", b"top", b"--endpoint":
            self.assertIn(word, told)
