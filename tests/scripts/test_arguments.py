"""
Tests for L{txgearman.scripts.arguments}: the command line of C{txgearman}.
"""

from __future__ import annotations

import os
from datetime import UTC, datetime
from functools import partial
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.scripts.stage import ToolTestCase, options
from txgearman.board.job import Priority
from txgearman.scripts.arguments import parse, timeoutOf

# Each option, what it sets, and to what.
ROWS: list[tuple[str, str, Any]] = [
    ("-f g", "functions", ["f", "g"]),
    ("-v", "verbose", True),
    ("-t 1500", "milliseconds", 1500),
    ("-d", "detach", True),
    ("-n", "lines", True),
    ("-N", "stripped", True),
    ("-j 3", "jobs", 3),
    ("--jobs 3", "jobs", 3),
    ("--retry", "retry", True),
    ("-b", "background", True),
    ("-I", "priority", Priority.HIGH),
    ("-L", "priority", Priority.LOW),
    ("-L -I", "priority", Priority.HIGH),
    ("-P", "prefix", True),
    ("-s", "silent", True),
    ("-u me", "unique", "me"),
    ("-u #", "unique", "#"),
    ("-u -", "unique", "-"),
    ("--at 1900000000", "at", 1900000000.0),
    ("--at 0", "at", 0.0),
    ("--at 2030-01-31T08:00", "at", datetime(2030, 1, 31, 8).timestamp()),
    ("--at 2030-01-31T08:00Z", "at", datetime(2030, 1, 31, 8, tzinfo=UTC).timestamp()),
    ("--delay 1.5", "delay", 1.5),
    ("--delay 0", "delay", 0.0),
    ("--reducer r", "reducer", "r"),
    ("-w", "worker", True),
    ("-w -c 7", "count", 7),
    ("-w -c 0", "count", 0),
    ("-h jobs", "host", ["jobs"]),
    ("-p 4731", "port", 4731),
    ("-S", "ssl", True),
    ("--endpoint unix:/g", "endpoint", ["unix:/g"]),
    ("--timeout 2.5", "timeout", 2.5),
    ("--json", "json", True),
]

DEFAULTS: dict[str, Any] = {
    "functions": ["f"],
    "words": [],
    "verbose": False,
    "milliseconds": None,
    "pidfile": None,
    "detach": False,
    "lines": False,
    "stripped": False,
    "jobs": 1,
    "retry": False,
    "background": False,
    "priority": Priority.NORMAL,
    "prefix": False,
    "silent": False,
    "unique": "",
    "at": None,
    "delay": None,
    "reducer": None,
    "worker": False,
    "count": 0,
    "ping": False,
    "status": [],
    "status_unique": [],
    "host": [],
    "port": None,
    "ssl": False,
    "endpoint": [],
    "timeout": None,
    "json": False,
}

# What is wrong with a command line, and how that is said.
REFUSALS: list[tuple[list[str], str]] = [
    ([], "no function is named (-f)"),
    (["-w"], "no function is named (-f)"),
    (["-f", ""], "a function has a name"),
    (["-f", "f", "-f", ""], "a function has a name"),
    (["-f"], "argument -f: expected one argument"),
    (["-f", "--", "f"], "argument -f: expected one argument"),
    (["-f", "f", "-Z"], "unrecognized arguments: -Z"),
    (["-f", "f", "--nosuch"], "unrecognized arguments: --nosuch"),
    (["-f", "f", "--stat", "H"], "unrecognized arguments: --stat"),
    (["-f", "f", "--jobs=x"], "argument -j/--jobs: invalid number of 1 or more value:"),
    (["-f", "f", "-j0"], "argument -j/--jobs: invalid number of 1 or more value: '0'"),
    (["-f", "f", "-t", "0"], "argument -t: invalid number of 1 or more value: '0'"),
    (["-f", "f", "-t", "1.5"], "argument -t: invalid number of 1 or more value: '1.5'"),
    (["-wf", "f", "-c", "-1"], "argument -c: "),
    (["-wf", "f", "-c-1"], "argument -c: invalid number of 0 or more value: '-1'"),
    (["-f", "f", "--delay=-1"], "argument --delay: invalid number of 0 or more value"),
    (["-f", "f", "--delay", "nan"], "argument --delay: invalid number of 0 or more"),
    (["-f", "f", "--delay", "inf"], "argument --delay: invalid number of 0 or more"),
    (["-f", "f", "--at", "later"], "argument --at: invalid time value: 'later'"),
    (["-f", "f", "--at=-1"], "argument --at: invalid time value: '-1'"),
    (["-f", "f", "--at", "nan"], "argument --at: invalid time value: 'nan'"),
    (["-f", "f", "--at", "1e30"], "argument --at: invalid time value: '1e30'"),
    (["-f", "f", "--at", "1", "--delay", "1"], "either --at or --delay"),
    (["-f", "f", "-p", "x"], "argument -p/--port: invalid number from 1 to 65535"),
    (["-f", "f", "-p", "0"], "argument -p/--port: invalid number from 1 to 65535"),
    (["-f", "f", "--timeout", "x"], "argument --timeout: invalid number of 0.001 or"),
    (["-f", "f", "--timeout", "0"], "argument --timeout: invalid number of 0.001 or"),
    (["-f", "f", "--timeout=-1"], "argument --timeout: invalid number of 0.001 or"),
    (["-f", "f", "--timeout=nan"], "argument --timeout: invalid number of 0.001 or"),
    (["-f", "f", "-j1" + "0" * 400], "argument -j/--jobs: invalid number of 1 or more"),
    (
        ["-f", "f", "-S", "--endpoint=tcp:a:1"],
        "-S is about -h; an endpoint says itself",
    ),
    (["-wf", "f", "--json", "cat"], "there is nothing to print as JSON when a command"),
    (["-wf", "f", "--ping"], "a worker neither asks nor submits"),
    (["-wf", "f", "--status", "H"], "a worker neither asks nor submits"),
    (["-wf", "f", "--status-unique", "u"], "a worker neither asks nor submits"),
    (["-wf", "f", "--at", "1"], "a worker neither asks nor submits"),
    (["-wf", "f", "--delay", "0"], "a worker neither asks nor submits"),
    (["-wf", "f", "--reducer", "r"], "a worker neither asks nor submits"),
    (["--ping", "-f", "f"], "questions have neither functions nor workloads"),
    (["--ping", "word"], "questions have neither functions nor workloads"),
    (["--status", "H", "--", "-x"], "questions have neither functions nor workloads"),
    (["-wf", "f", "nosuchcommand"], "no such command: nosuchcommand"),
    (["-wf", "f", "--", "/nosuch/command", "x"], "no such command: /nosuch/command"),
    (["-wf", "f", ""], "no such command: "),
    (["-f", "f", "-i", "/nosuch/folder/pid"], "cannot write /nosuch/folder/pid"),
]

WORDS = st.sampled_from(
    [
        *("-f", "-v", "-t", "-i", "-d", "-n", "-N", "-j", "--jobs", "--retry", "-b"),
        *("-I", "-L", "-P", "-s", "-u", "--at", "--delay", "--reducer", "-w", "-c"),
        *("--ping", "--status", "--status-unique", "-h", "-p", "-S", "--endpoint"),
        *("--timeout", "--json", "--", "-", "--=", "-=", "--nosuch", "-Z", "-wnNbf"),
        *("-H", "-V", "--help=1", "-c5", "--jobs=2", "cat", "0", "-1", "1e9", "nan"),
        *("2030-01-31", "0001-01-01T00:00", "9999-12-31T23:59:59", "\udcff", ""),
    ]
)
# What an operating system hands over: no NULs.
TEXT = st.text(st.characters(exclude_characters="\0"), max_size=6)


class ArgumentsTests(ToolTestCase):
    """
    Tests of L{parse}.
    """

    def test_defaults(self) -> None:
        """
        What is not said is the plainest thing.
        """
        self.assertEqual(vars(options("-f", "f")), DEFAULTS)

    def test_options(self) -> None:
        """
        Each option sets one thing, and nothing else.
        """
        for words, name, value in ROWS:
            found = vars(options("-f", "f", *words.split()))
            expected = DEFAULTS | {name: value}
            if name == "count":
                expected["worker"] = True
            self.assertEqual(found, expected, words)

    def test_questions(self) -> None:
        """
        Questions need no function, and handles and uniques gather.
        """
        self.assertTrue(options("--ping").ping)
        asked = options("--status", "H:1", "--status-unique", "u", "--status", "H:2")
        self.assertEqual(asked.status, ["H:1", "H:2"])
        self.assertEqual(asked.status_unique, ["u"])

    def test_joined(self) -> None:
        """
        Letters may be joined, with the last one's value behind them.
        """
        found = options("-wnc5", "-ff", "-h[::1]:1", "-p9", "-t10", "-j2")
        self.assertTrue(found.worker and found.lines)
        self.assertEqual(
            (found.count, found.functions, found.host, found.port),
            (5, ["f"], ["[::1]:1"], 9),
        )
        self.assertEqual((found.milliseconds, found.jobs), (10, 2))

    def test_words(self) -> None:
        """
        Workloads may stand before, between and behind options.
        """
        found = options("one", "-f", "f", "two", "-b", "three", "")
        self.assertEqual(found.words, ["one", "two", "three", ""])
        self.assertTrue(found.background)

    def test_behindDashes(self) -> None:
        """
        Whatever stands behind the first C{--} is no option, further C{--} among
        it.
        """
        found = options("-wf", "f", "--", "cat", "-n", "--", "-f", "g")
        self.assertEqual(found.words, ["cat", "-n", "--", "-f", "g"])
        self.assertEqual((found.functions, found.lines), (["f"], False))
        self.assertEqual(options("-f", "f", "a", "--", "-b").words, ["a", "-b"])
        self.assertEqual(options("-f", "f", "--").words, [])

    def test_refused(self) -> None:
        """
        What makes no sense ends the tool with 1 and two lines on stderr: what is
        wrong, and how to get help.
        """
        for words, expected in REFUSALS:
            self.assertEqual(self.exits(partial(parse, words)), 1, words)
            said, advice, rest = self.err.take().decode().split("\n")
            self.assertIn(f"txgearman: {expected}", said)
            self.assertEqual((advice, rest), ("Try: txgearman -H", ""))
        self.assertEqual(self.out.take(), b"")

    def test_help(self) -> None:
        """
        Help is printed whatever else is wrong, and is no failure.
        """
        self.assertEqual(self.exits(lambda: options("-j", "1", "-H")), 0)
        told = self.out.take()
        for word in b"-f FUNCTION", b"--status-unique UNIQUE", b"-c N", b"--delay":
            self.assertIn(word, told)

    def test_pidFile(self) -> None:
        """
        A file for the process id is accepted in a folder that can be written,
        which may be the one where the tool runs.
        """
        path = str(self.folder() / "pid")
        self.assertEqual(options("-f", "f", "-i", path).pidfile, path)
        self.assertEqual(options("-f", "f", "-ipid").pidfile, "pid")
        self.patch(os, "access", lambda path, mode: False)
        self.assertEqual(self.exits(lambda: options("-f", "f", "-i", path)), 1)
        self.assertIn(f"cannot write {path}".encode(), self.err.take())

    def test_command(self) -> None:
        """
        A worker's command exists: a client's workload need not.
        """
        self.assertEqual(options("-wf", "f", "cat").words, ["cat"])
        self.assertEqual(options("-f", "f", "nosuchcommand").words, ["nosuchcommand"])

    @settings(max_examples=200, deadline=None, derandomize=True, database=None)
    @given(st.lists(WORDS | TEXT, max_size=8))
    def test_anything(self, words: list[str]) -> None:
        """
        Whatever is on the command line, it is read, or the tool ends with a
        status.
        """
        try:
            parse(words)
        except SystemExit as end:
            self.assertIn(end.code, (0, 1))
            self.assertTrue(self.out.take() or self.err.take())


class TimeoutTests(ToolTestCase):
    """
    Tests of L{timeoutOf}.
    """

    def test_units(self) -> None:
        """
        C{-t} is in milliseconds and C{--timeout} in seconds; C{-t} wins.
        """
        rows = [
            ([], None),
            (["-t", "1500"], 1.5),
            (["--timeout", "2.5"], 2.5),
            (["--timeout", "2", "-t", "1"], 0.001),
        ]
        for words, expected in rows:
            self.assertEqual(timeoutOf(options("-f", "f", *words)), expected)
