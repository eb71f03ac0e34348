"""
Tests for L{txgearman.scripts.top}.
"""

from __future__ import annotations

import os
from argparse import Namespace
from math import inf
from typing import Any
from unittest.mock import patch

from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.error import (
    ConnectionLost,
    ConnectionRefusedError,
    DNSLookupError,
)

from tests.scripts.stage import PumpTestCase
from txgearman.admin import Connected, FunctionStatus, PriorityStatus
from txgearman.connection.servers import Server
from txgearman.errors import GearmanError, ServerError
from txgearman.scripts import top
from txgearman.scripts.top import watch


class Answers:
    """
    A server that answers what the test says.

    @ivar functions: its functions.
    @ivar priorities: what waits for them; an error when it does not know that
        question.
    @ivar trouble: why it does not answer at all; L{None} when it does.
    @ivar silent: whether it accepts questions and never answers them.
    @ivar closed: how often its client parted from it.
    """

    def __init__(self) -> None:
        self.functions: list[FunctionStatus] = []
        self.priorities: list[PriorityStatus] | Exception = []
        self.connections = 1
        self.name = "1.0"
        self.trouble: Exception | None = None
        self.silent = False
        self.closed = 0

    def status(self) -> Deferred[Any]:
        return self._answer(list(self.functions))

    def priorityStatus(self) -> Deferred[Any]:
        return self._answer(self.priorities)

    def workers(self) -> Deferred[Any]:
        return self._answer([Connected(5, b"::1", b"-", ())] * self.connections)

    def version(self) -> Deferred[Any]:
        return self._answer(self.name)

    def close(self) -> Deferred[None]:
        self.closed += 1
        return succeed(None)

    def _answer(self, answer: Any) -> Deferred[Any]:
        if self.silent:
            return Deferred()
        answer = self.trouble or answer
        return fail(answer) if isinstance(answer, Exception) else succeed(answer)


class TopTestCase(PumpTestCase):
    """
    Two servers that are watched.
    """

    def setUp(self) -> None:
        super().setUp()
        environment = patch.dict(
            os.environ, {"TERM": "xterm-256color", "COLUMNS": "100", "LINES": "30"}
        )
        environment.start()
        self.addCleanup(environment.stop)
        self.one = Answers()
        self.two = Answers()
        self.named = {"one": self.one, "two": self.two}
        self.patch(top, "AdminClient", lambda reactor, endpoint: endpoint)

    def watches(self, names: str = "one", **options: Any) -> Deferred[int]:
        """
        Begin to watch.
        """
        servers: list[Any] = [Server(n, self.named[n]) for n in names.split()]  # type: ignore[arg-type]
        said = {"timeout": 3.0, "interval": 2.0, "looks": inf, "json": False} | options
        watching = watch(self.reactor, servers, Namespace(**said))
        return Deferred.fromCoroutine(watching)

    def sees(self, names: str = "one") -> list[str]:
        """
        Look once.

        @return: the lines that were printed, with single blanks.
        """
        self.assertEqual(self.pump.result(self.watches(names, looks=1)), 0)
        return self.lines()

    def lines(self) -> list[str]:
        """
        Take the lines that were printed, with single blanks.
        """
        lines = self.out.take().decode().splitlines()
        return [" ".join(line.split()) for line in lines]


class LookTests(TopTestCase):
    """
    Tests of what one sees.
    """

    def test_table(self) -> None:
        """
        A server is a line, and a table of its functions: the longest queue first,
        and then by name. What runs is not queued.
        """
        self.one.functions = [
            FunctionStatus(b"b", 1, 1, 1),
            FunctionStatus(b"idle", 0, 0, 2),
            FunctionStatus(b"a", 1, 0, 1),
            FunctionStatus(b"busy", 9, 2, 3),
        ]
        self.one.priorities = [
            PriorityStatus(b"busy", 1, 2, 4, 3),
            PriorityStatus(b"a", 0, 1, 0, 1),
        ]
        self.one.connections = 7
        self.assertEqual(
            self.sees(),
            [
                "one 1.0 connections 7 queued 8 running 3",
                "function queued high normal low running workers growth/s",
                "busy 7 1 2 4 2 3",
                "a 1 0 1 0 0 1",
                "b 0 1 1",
                "idle 0 0 2",
            ],
        )

    def test_nothing(self) -> None:
        """
        A server without functions has a table without rows.
        """
        first, heading = self.sees()
        self.assertEqual(first, "one 1.0 connections 1 queued 0 running 0")
        self.assertTrue(heading.startswith("function queued"))

    def test_noPriorities(self) -> None:
        """
        A server that knows no priorities shows what it knows.
        """
        self.one.functions = [FunctionStatus(b"f", 3, 1, 1)]
        self.one.priorities = ServerError(b"UNKNOWN_COMMAND", b"?")
        self.assertEqual(self.sees()[-1], "f 2 1 1")

    def test_hostileNames(self) -> None:
        """
        A function's name moves no cursor and is no markup.
        """
        self.one.functions = [
            FunctionStatus(b"\x1b[2J\a", 0, 0, 1),
            FunctionStatus(b"[red]f[/nosuch]", 0, 0, 1),
            FunctionStatus(b"\xff\n", 0, 0, 1),
        ]
        lines = self.sees()[2:]
        names = [line.partition(" ")[0] for line in lines]
        self.assertEqual(names, ["\\x1b[2J\\x07", "[red]f[/nosuch]", "\\xff\\n"])

    def test_longName(self) -> None:
        """
        A long name is made shorter, and no number is.
        """
        self.one.functions = [FunctionStatus(b"f" * 500, 12, 3, 4)]
        *_, row = self.sees()
        self.assertTrue(row.endswith("\u2026 9 3 4"), row)

    def test_hostileVersion(self) -> None:
        """
        What a server calls itself moves no cursor.
        """
        self.one.name = "1\x1b[2J"
        self.assertNotIn("\x1b", self.sees()[0])

    def test_severalServers(self) -> None:
        """
        Servers stand below each other, in their order.
        """
        self.two.functions = [FunctionStatus(b"f", 1, 1, 1)]
        lines = self.sees("two one")
        self.assertEqual(lines[0], "two 1.0 connections 1 queued 0 running 1")
        self.assertEqual(lines[3], "one 1.0 connections 1 queued 0 running 0")

    def test_style(self) -> None:
        """
        What waits and has no worker stands out, and what is idle does not.
        """
        self.out.terminal = True
        self.one.functions = [
            FunctionStatus(b"stuck", 1, 0, 0),
            FunctionStatus(b"busy", 1, 1, 0),
            FunctionStatus(b"waits", 1, 0, 1),
            FunctionStatus(b"idle", 0, 0, 1),
        ]
        self.pump.result(self.watches(looks=1))
        drawn = self.out.take()
        self.assertIn(b"\x1b[31mstuck", drawn)
        self.assertIn(b"\x1b[2midle", drawn)
        for plain in b"busy", b"waits":
            self.assertIn(b"\n" + plain, drawn)


class TroubleTests(TopTestCase):
    """
    Tests of servers that do not answer.
    """

    def test_nobody(self) -> None:
        """
        When none can be reached at the first look it ends, and says why of each.
        """
        self.one.trouble = ConnectionRefusedError()
        self.two.trouble = ServerError(b"NO", b"not for you")
        error = self.pump.failure(self.watches("one two"), GearmanError)
        self.assertEqual(
            str(error),
            "cannot reach one: Connection was refused by other side;"
            " two: NO: not for you",
        )
        self.assertEqual((self.one.closed, self.two.closed), (1, 1))
        self.assertEqual(self.out.take(), b"")

    def test_one(self) -> None:
        """
        One of several is a line instead of a table, and comes back when it can.
        """
        self.two.trouble = ConnectionLost()
        watching = self.watches("one two", looks=2)
        trouble = "two: Connection to the other side was lost in a non-clean fashion"
        self.assertTrue(self.lines()[2].startswith(trouble.partition(" in ")[0]))
        self.two.trouble = None
        self.pump.advance(2)
        self.assertEqual(self.lines()[2], "two 1.0 connections 1 queued 0 running 0")
        self.assertEqual(self.pump.result(watching), 0)

    def test_kinds(self) -> None:
        """
        So is a name that nobody knows, and an answer that makes no sense; what a
        server says about it moves no cursor.
        """
        for trouble in (
            DNSLookupError("x"),
            ValueError("invalid literal"),
            ServerError(b"NO", b"\x1b[2J"),
        ):
            self.one.trouble = trouble
            self.assertEqual(self.pump.result(self.watches("one two", looks=1)), 0)
            self.assertNotIn(b"\x1b", self.out.take())

    def test_later(self) -> None:
        """
        When all are lost after the first look it goes on looking.
        """
        watching = self.watches(looks=3)
        self.lines()
        self.one.trouble = ConnectionRefusedError()
        self.pump.advance(2)
        self.assertEqual(self.lines(), ["one: Connection was refused by other side"])
        self.one.trouble = None
        self.pump.advance(2)
        self.assertEqual(len(self.lines()), 2)
        self.assertEqual(self.pump.result(watching), 0)

    def test_silent(self) -> None:
        """
        One that does not answer in time holds the others up no longer than that.
        """
        self.one.silent = True
        watching = self.watches("one two", looks=1)
        self.pump.advance(2.9)
        self.assertEqual(self.lines(), [])
        self.pump.advance(0.1)
        self.assertEqual(self.lines()[0], "one: no answer in time")
        self.assertEqual(self.pump.result(watching), 0)

    def test_markup(self) -> None:
        """
        What is wrong is no markup either.
        """
        self.one.trouble = ServerError(b"NO", b"[red]no[/nosuch]")
        [*_, line] = self.sees("two one")
        self.assertEqual(line, "one: NO: [red]no[/nosuch]")


class GrowthTests(TopTestCase):
    """
    Tests of how fast queues grow.
    """

    def looks(self, *totals: int | None) -> list[str]:
        """
        Look once for each total of jobs; L{None} is a look without an answer.

        @return: what stands in the last column of each look, or is the trouble.
        """
        watching: Deferred[int] | None = None
        seen: list[str] = []
        for total in totals:
            self.one.trouble = ConnectionRefusedError() if total is None else None
            self.one.functions = [FunctionStatus(b"f", total or 0, 0, 7)]
            if watching is None:
                watching = self.watches(looks=len(totals))
            else:
                self.pump.advance(2)
            seen.append(self.lines()[-1].rpartition(" 7")[2].strip())
        assert watching is not None
        self.assertEqual(self.pump.result(watching), 0)
        return seen

    def test_rate(self) -> None:
        """
        It is the jobs a second since the last look, with its sign, and nothing at
        the first one or when nothing changed.
        """
        self.assertEqual(self.looks(10, 13, 13, 3), ["", "+1.5", "", "-5.0"])

    def test_noInterval(self) -> None:
        """
        When no time has passed there is no rate.
        """
        self.one.functions = [FunctionStatus(b"f", 1, 0, 1)]
        self.assertEqual(self.pump.result(self.watches(looks=2, interval=0.0)), 0)

    def test_gap(self) -> None:
        """
        After a look without an answer it is not known.
        """
        refused = "one: Connection was refused by other side"
        self.assertEqual(self.looks(10, None, 20, 22), ["", refused, "", "+1.0"])

    def test_newFunction(self) -> None:
        """
        Of a function that was not there before it is not known.
        """
        self.one.functions = [FunctionStatus(b"f", 2, 0, 7)]
        watching = self.watches(looks=2)
        self.one.functions = [
            FunctionStatus(b"a", 5, 0, 7),
            FunctionStatus(b"f", 4, 0, 7),
        ]
        self.lines()
        self.pump.advance(2)
        self.assertEqual(self.lines()[-2:], ["a 5 0 7", "f 4 0 7 +1.0"])
        self.assertEqual(self.pump.result(watching), 0)


class WatchTests(TopTestCase):
    """
    Tests of how it goes on and ends.
    """

    def test_interval(self) -> None:
        """
        Between two looks there is the interval, and behind the last one nothing.
        """
        watching = self.watches(looks=2, interval=5.0)
        self.assertEqual(len(self.lines()), 2)
        self.pump.advance(4.9)
        self.assertEqual(self.lines(), [])
        self.assertNoResult(watching)
        self.pump.advance(0.1)
        self.assertEqual(len(self.lines()), 2)
        self.assertEqual(self.successResultOf(watching), 0)
        self.assertEqual(self.one.closed, 1)

    def test_forEver(self) -> None:
        """
        Without a number of looks it looks until it is stopped; then it is gone
        from the servers.
        """
        watching = self.watches()
        self.pump.advance(100)
        self.assertEqual(len(self.lines()), 2 * 51)
        watching.addErrback(lambda failure: 1)
        watching.cancel()
        self.assertEqual(self.pump.result(watching), 1)
        self.assertEqual(self.one.closed, 1)

    def test_terminal(self) -> None:
        """
        On a terminal a look takes the place of the one before; the cursor is
        hidden meanwhile and back at the end.
        """
        self.out.terminal = True
        self.one.functions = [FunctionStatus(b"f", 1, 0, 1)]
        watching = self.watches(looks=2)
        first = self.out.take()
        self.assertIn(b"\x1b[?25l", first)
        self.assertNotIn(b"\x1b[?25h", first)
        self.pump.advance(2)
        second = self.out.take()
        # Up by a line, and clear it.
        self.assertIn(b"\x1b[1A\x1b[2K", second)
        self.assertIn(b"\x1b[?25h", second)
        self.assertEqual(self.pump.result(watching), 0)

    def test_cancelledTerminal(self) -> None:
        """
        The cursor is back, too, when it is stopped.
        """
        self.out.terminal = True
        watching = self.watches()
        self.out.take()
        watching.addErrback(lambda failure: 1)
        watching.cancel()
        self.assertIn(b"\x1b[?25h", self.out.take())


class JSONTests(TopTestCase):
    """
    Tests of C{--json}.
    """

    def test_look(self) -> None:
        """
        Each look at each server is a line.
        """
        self.one.functions = [
            FunctionStatus(b"a", 0, 0, 1),
            FunctionStatus(b"f", 3, 2, 1),
        ]
        self.one.priorities = [PriorityStatus(b"f", 1, 0, 0, 1)]
        self.two.trouble = ConnectionRefusedError()
        watching = self.watches("one two", looks=2, json=True)
        one, two = self.out.values()
        rows = [("f", 3, 2, 1), ("a", 0, 0, 1)]
        keys = ("function", "total", "running", "workers")
        waits = {"function": "f", "high": 1, "normal": 0, "low": 0, "workers": 1}
        self.assertEqual(
            one,
            {
                "server": "one",
                "version": "1.0",
                "connections": 1,
                "functions": [dict(zip(keys, row, strict=True)) for row in rows],
                "priorities": [waits],
            },
        )
        trouble = "Connection was refused by other side"
        self.assertEqual(two, {"server": "two", "trouble": trouble})
        self.pump.advance(2)
        self.assertEqual(len(self.out.values()), 2)
        self.assertEqual(self.pump.result(watching), 0)

    def test_terminal(self) -> None:
        """
        On a terminal it is JSON and nothing else.
        """
        self.out.terminal = True
        self.pump.result(self.watches(json=True, looks=1))
        self.assertEqual([told["server"] for told in self.out.values()], ["one"])


class RealTests(PumpTestCase):
    """
    Tests with a server that is one.
    """

    def test_server(self) -> None:
        """
        What a server says of itself is there.
        """
        self.pump.result(self.client().background("f", b""))
        servers = [Server("jobs", self.server)]
        said = Namespace(timeout=3.0, interval=2.0, looks=1, json=True)
        self.assertEqual(self.pump.result(watch(self.reactor, servers, said)), 0)
        [look] = self.out.values()
        row = {"function": "f", "total": 1, "running": 0, "workers": 0}
        self.assertEqual((look["functions"], look["connections"]), ([row], 2))
        self.pump.settle()
        self.assertEqual(len(self.server.connections), 1)
