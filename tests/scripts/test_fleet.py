"""
Tests for L{txgearman.scripts.fleet}: C{txgearadmin fleet}.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.defer import TimeoutError as DeferredTimeout

from tests.scripts.stage import PumpTestCase
from txgearman.scripts import admin, fleet

CHILD = {
    "number": 1,
    "pid": 4711,
    "state": "ready",
    "started": 1_700_000_000.0,
    "age": 7509.25,
    "restarts": 2,
    "jobs": 17,
    "function": "mail",
    "handle": "H:x:1",
    "dedicated": "",
    "functions": ["mail"],
}
IDLE = {
    **CHILD,
    "number": 2,
    "age": 12.9,
    "state": "starting",
    "function": "",
    "handle": "",
    "dedicated": "resize",
}
NONE = {**IDLE, "number": 13, "pid": 0, "state": "waiting", "age": 0.0}

MAIL = {
    "group": "mail",
    "count": 2,
    "min": None,
    "max": None,
    "held": False,
    "paused": False,
    "children": [CHILD, IDLE, NONE],
}
THUMBS = {
    "group": "thumbs",
    "count": 4,
    "min": 0,
    "max": 9,
    "held": False,
    "paused": False,
    "children": [],
}


class FleetToolTestCase(PumpTestCase):
    """
    The tool, and a master that answers what the test says.

    @ivar told: the paths and requests that came.
    @ivar answer: what is answered; L{None} when it is nothing.
    """

    def setUp(self) -> None:
        super().setUp()
        self.told: list[tuple[str, dict[str, Any]]] = []
        self.answering: Deferred[Any] | None = None
        self.answer: Any = None
        self.patch(fleet, "tell", self.tell)

    async def tell(self, reactor: object, path: str, request: dict[str, Any]) -> Any:
        self.told.append((path, request))
        return self.answer if self.answering is None else await self.answering

    def tells(self, *words: str) -> dict[str, Any]:
        """
        Run it.

        @return: what it told the master.
        """
        self.assertEqual(self.pump.result(self.runs(fleet, *words)), 0)
        [(path, request)] = self.told
        self.told.clear()
        self.assertEqual(path, "gearman-worker.sock")
        return request


class TellingTests(FleetToolTestCase):
    """
    What the master is told.
    """

    def test_commands(self) -> None:
        """
        Each command is a request, and what was done is answered with a word.
        """
        for words, request in (
            ("scale mail 5", {"do": "scale", "group": "mail", "count": 5}),
            ("scale mail 0", {"do": "scale", "group": "mail", "count": 0}),
            ("restart", {"do": "restart"}),
            ("restart mail", {"do": "restart", "group": "mail"}),
            ("restart --wait", {"do": "restart", "wait": True}),
            ("pause mail", {"do": "pause", "group": "mail"}),
            ("resume mail", {"do": "resume", "group": "mail"}),
        ):
            self.assertEqual(self.tells(*words.split()), request)
            self.assertEqual(self.out.take(), b"OK\n")
            self.assertEqual(self.tells("--json", *words.split()), request)
            self.assertEqual(self.out.take(), b"null\n")

    def test_tool(self) -> None:
        """
        It is a part of C{txgearadmin}, and is named in its help.
        """
        called: list[list[str]] = []
        self.patch(fleet, "main", called.append)
        admin.main(["fleet", "scale", "mail", "5"])
        admin.main(["fleet"])
        self.assertEqual(called, [["scale", "mail", "5"], []])
        self.assertEqual(self.exits(lambda: admin.main(["--help"])), 0)
        self.assertIn(b"txgearadmin fleet [COMMAND ...]\n", self.out.take())

    def test_control(self) -> None:
        """
        Options stand before the command or behind it.
        """
        self.answer = []
        for words in (
            "--control /run/x",
            "--control /run/x list",
            "list --control /run/x",
            "restart mail --control=/run/x --json",
            "--json --control /run/y pause --control /run/x mail",
        ):
            self.pump.result(self.runs(fleet, *words.split()))
            [(path, _)] = self.told
            self.told.clear()
            self.assertEqual(path, "/run/x", words)

    def test_wrong(self) -> None:
        """
        A command line that makes no sense ends with 2, and says why in the last line.
        """
        for words, said in (
            ("stop", b"invalid choice: 'stop'"),
            ("scale mail", b"required: N"),
            ("scale mail x", b"argument N: "),
            ("scale mail -1", b""),
            ("scale mail 1.5", b"argument N: "),
            ("pause", b"required: GROUP"),
            ("list mail", b"unrecognized arguments: mail"),
            ("--timeout 0 list", b"--timeout"),
        ):
            line = words.split()
            self.assertEqual(self.exits(partial(fleet.main, line)), 2, words)
            self.assertIn(said, self.err.take().splitlines()[-1])
        self.assertEqual(self.told, [])

    def test_timeout(self) -> None:
        """
        An answer is waited for for ten seconds, or as long as is said.
        """
        for words, patience in (
            ("list", 10),
            ("list --timeout 3", 3),
            ("restart --wait --timeout 60", 60),
        ):
            self.answering = Deferred()
            ended = self.runs(fleet, *words.split())
            self.pump.advance(patience - 0.5)
            self.assertNoResult(ended)
            self.pump.advance(1)
            self.failureResultOf(ended, DeferredTimeout)

    def test_patience(self) -> None:
        """
        Who waits for a restart waits for as long as that takes.
        """
        self.answering = Deferred()
        ended = self.runs(fleet, "restart", "--wait")
        self.pump.advance(10000)
        self.assertNoResult(ended)
        self.answering.callback(None)
        self.assertEqual(self.successResultOf(ended), 0)


class ShowingTests(FleetToolTestCase):
    """
    What is printed.
    """

    def test_list(self) -> None:
        """
        Groups and children are tables; the list is what is done without a command.
        """
        self.answer = [MAIL, THUMBS]
        for words in [], ["list"]:
            self.assertEqual(self.tells(*words), {"do": "list"})
            self.assertEqual(
                self.out.take().decode().split("\n"),
                [
                    "group   wanted  children  bounds  state",
                    "mail    2       3         -       -",
                    "thumbs  4       0         0-9     autoscaled",
                    "",
                    "group  number  pid   state     age    restarts  jobs  only    job",
                    "mail   1       4711  ready     2h05m  2         17    -       mail"
                    " H:x:1",
                    "mail   2       4711  starting  12s    2         17    resize  -",
                    "mail   13      -     waiting   -      2         17    resize  -",
                    "",
                ],
            )

    def test_states(self) -> None:
        """
        What somebody did by hand is told.
        """
        self.answer = [
            {**MAIL, "paused": True, "children": []},
            {**THUMBS, "held": True},
            {**THUMBS, "held": True, "paused": True},
            {**THUMBS, "paused": True},
        ]
        self.tells()
        lines = self.out.take().decode().splitlines()[1:]
        self.assertEqual(
            [line.split(maxsplit=4)[4] for line in lines],
            ["paused", "by hand", "paused, by hand", "paused, autoscaled"],
        )

    def test_ages(self) -> None:
        """
        Ages are told by their two largest units.
        """
        for seconds, wanted in (
            (0.0, "0s"),
            (59.9, "59s"),
            (60.0, "1m00s"),
            (3599.0, "59m59s"),
            (3600.0, "1h00m"),
            (86400.0, "1d00h"),
            (1e7, "115d17h"),
        ):
            self.answer = [{**MAIL, "children": [{**CHILD, "age": seconds}]}]
            self.tells()
            row = self.out.take().splitlines()[-1].decode()
            self.assertEqual(row.split()[4], wanted)

    def test_names(self) -> None:
        """
        What a job is called moves no cursor.
        """
        job = {**CHILD, "function": "a\x1b[2J", "handle": "\\xff"}
        self.answer = [{**MAIL, "children": [job]}]
        self.tells()
        self.assertIn(b"  a\\x1b[2J \\xff\n", self.out.take())

    def test_json(self) -> None:
        """
        As JSON it is all there is, on one line.
        """
        self.answer = [MAIL, THUMBS]
        self.tells("--json")
        self.assertEqual(self.out.values(), [[MAIL, THUMBS]])
        self.tells("list", "--json")
        self.assertEqual(self.out.values(), [[MAIL, THUMBS]])
