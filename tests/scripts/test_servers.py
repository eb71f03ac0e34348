"""
Tests for L{txgearman.scripts.servers}.
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from functools import partial

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.testing import MemoryReactorClock

from tests.scripts.stage import ToolTestCase
from txgearman.connection.servers import serversFrom
from txgearman.errors import BadSetting
from txgearman.scripts.servers import addSharedOptions, serversOf
from txgearman.version import __version__

ROWS: list[tuple[str, list[str] | None]] = [
    ("", None),
    ("-h jobs", ["jobs:4730"]),
    ("-h jobs:4731", ["jobs:4731"]),
    ("-h jobs:", ["jobs:4730"]),
    ("-h jobs -p 4731", ["jobs:4731"]),
    ("-h jobs:4732 -p 4731", ["jobs:4732"]),
    ("--host jobs --port 4731", ["jobs:4731"]),
    ("-h 127.0.0.1", ["127.0.0.1:4730"]),
    ("-h ::1", ["[::1]:4730"]),
    ("-h ::1 -p 4731", ["[::1]:4731"]),
    ("-h [::1]", ["[::1]:4730"]),
    ("-h [::1] -p 4731", ["[::1]:4731"]),
    ("-h [::1]:4731", ["[::1]:4731"]),
    ("-h [::1]:4732 -p 4731", ["[::1]:4732"]),
    ("-h a -h b:2", ["a:4730", "b:2"]),
    ("-h a,b:2,[::1]:3,::1", ["a:4730", "b:2", "[::1]:3", "[::1]:4730"]),
    ("-h ,a,,b,", ["a:4730", "b:4730"]),
    ("-h a,b -h c -p 9", ["a:9", "b:9", "c:9"]),
    ("-p 4731", ["localhost:4731"]),
    ("-S", ["tls:localhost:4730"]),
    ("-S -p 4731", ["tls:localhost:4731"]),
    ("--ssl -h jobs", ["tls:jobs:4730"]),
    ("-S -h jobs:4731,b", ["tls:jobs:4731", "tls:b:4730"]),
    ("--endpoint tcp:jobs:4731", ["tcp:jobs:4731"]),
    ("--endpoint unix:/run/gearman", ["unix:/run/gearman"]),
    (
        "--endpoint tls:a:1 -h b --endpoint tcp:c:2 -h d",
        ["b:4730", "d:4730", "tls:a:1", "tcp:c:2"],
    ),
    ("--endpoint tcp:jobs:4731 -p 4 -S", ["tcp:jobs:4731"]),
]

WRONG = [
    "-h jobs:no",
    "-h jobs:0",
    "-h jobs:65536",
    "-S -h ::1",
    "-S -h [::1]:4731",
    "-h [::1]x",
    "-S -h jobs:no",
    "--endpoint nosuch:thing:1",
]


def read(words: list[str]) -> Namespace:
    """
    Read a command line.
    """
    parser = ArgumentParser("tool", add_help=False)
    addSharedOptions(parser, "how long")
    return parser.parse_args(words)


class ServersTests(ToolTestCase):
    """
    Tests of L{serversOf}, and of the options that it reads.
    """

    def test_named(self) -> None:
        """
        The servers are those that the command line names, as clients and workers
        understand them: hosts before endpoints, each with its own port or else
        with that of C{-p}.
        """
        for words, expected in ROWS:
            named = serversOf(read(words.split()))
            self.assertEqual(named, expected, words)
            found = serversFrom(MemoryReactorClock(), named)
            self.assertEqual(len(found), len(expected or [""]), words)

    def test_blank(self) -> None:
        """
        Blanks around the names of a list are no part of them, and a list without
        a name names nobody.
        """
        self.assertEqual(serversOf(read(["-h", " a , b:2 "])), ["a:4730", "b:2"])
        for blank in "", " ", ",", " , ":
            self.assertIsNone(serversOf(read(["-h", blank])))

    def test_notUnderstood(self) -> None:
        """
        What cannot be a server is refused by whoever connects, in words.
        """
        for words in WRONG:
            said = read(words.split())
            with self.assertRaises(BadSetting):
                serversFrom(MemoryReactorClock(), serversOf(said))

    @settings(max_examples=100, deadline=None, derandomize=True, database=None)
    @given(st.text(), st.booleans())
    def test_anything(self, host: str, tls: bool) -> None:
        """
        Whatever stands behind C{-h}, servers come of it, or it is a bad setting.
        """
        words = Namespace(host=[host], endpoint=[], port=None, ssl=tls)
        try:
            self.assertTrue(serversFrom(MemoryReactorClock(), serversOf(words)))
        except BadSetting as error:
            self.assertTrue(str(error))

    def test_version(self) -> None:
        """
        C{-V} prints the version, and is no failure.
        """
        for word in "-V", "--version":
            self.assertEqual(self.exits(partial(read, [word])), 0)
            self.assertEqual(self.out.take(), b"txgearman %b\n" % __version__.encode())

    def test_help(self) -> None:
        """
        C{-H} prints what C{--timeout} is about in this tool.
        """
        for word in "-H", "--help":
            self.assertEqual(self.exits(partial(read, [word])), 0)
            told = b" ".join(self.out.take().split())
            self.assertIn(b"--timeout SECONDS how long", told)

    def test_defaults(self) -> None:
        """
        Nothing is said about time and JSON unless it is.
        """
        none = read([])
        self.assertEqual((none.timeout, none.json), (None, False))
        some = read(["--timeout", "1.5", "--json"])
        self.assertEqual((some.timeout, some.json), (1.5, True))
