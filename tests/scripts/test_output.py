"""
Tests for L{txgearman.scripts.output}.
"""

from __future__ import annotations

import json
import os
import sys
from base64 import b64decode
from io import BufferedWriter
from tempfile import TemporaryFile

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.scripts.stage import ToolTestCase
from txgearman.admin import Connected, FunctionStatus
from txgearman.scripts.output import (
    complain,
    encoded,
    plain,
    readable,
    say,
    sayJSON,
    stopWriting,
    visible,
    workload,
    write,
)

ANYTHING = settings(max_examples=100, deadline=None, derandomize=True, database=None)

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.binary(),
    lambda inner: (
        st.lists(inner)
        | st.tuples(inner, inner)
        | st.dictionaries(st.text(), inner)
        | st.builds(FunctionStatus, st.binary(), inner, inner, inner)
    ),
    max_leaves=10,
)


class StreamTests(ToolTestCase):
    """
    Tests of what is written, and where to.
    """

    def test_write(self) -> None:
        """
        Bytes are written as they are, and none is held back.
        """
        with TemporaryFile("r+b", buffering=0) as raw:
            stream = BufferedWriter(raw)
            write(stream, b"\xff\0\r\n\xc3")
            raw.seek(0)
            self.assertEqual(raw.read(), b"\xff\0\r\n\xc3")
            stream.detach()

    def test_lines(self) -> None:
        """
        Lines go to stdout, and complaints to stderr, in UTF-8.
        """
        say("größe")
        complain("schlimm: \u2620")
        self.assertEqual(self.out.take(), "größe\n".encode())
        self.assertEqual(self.err.take(), "schlimm: \u2620\n".encode())

    def test_noText(self) -> None:
        """
        What is no text, such as an argument that is not UTF-8, is escaped and
        breaks nothing.
        """
        self.assertEqual(encoded(os.fsdecode(b"a\xff")), rb"a\udcff")
        complain("\udcff")
        self.assertEqual(self.err.take(), b"\\udcff\n")

    def test_stopWriting(self) -> None:
        """
        Once nobody reads it, what is written goes nowhere, without an error.
        """
        with TemporaryFile("r+b") as file, open(os.dup(file.fileno()), "w") as stdout:
            self.patch(sys, "stdout", stdout)
            stdout.write("before")
            stdout.flush()
            opened: list[int] = []
            real = os.open

            def remember(*arguments: object) -> int:
                opened.append(real(*arguments))  # type: ignore[arg-type]
                return opened[-1]

            self.patch(os, "open", remember)
            stopWriting()
            stdout.write("behind")
            stdout.flush()
            for descriptor in opened:
                os.close(descriptor)
            file.seek(0)
            self.assertEqual(file.read(), b"before")


class NameTests(ToolTestCase):
    """
    Tests of names as text.
    """

    def test_readable(self) -> None:
        """
        A name is text, and what is no UTF-8 in it is escaped.
        """
        self.assertEqual(readable("größe".encode()), "größe")
        self.assertEqual(readable(b"a\xffb"), "a\\xffb")

    def test_visible(self) -> None:
        """
        What a terminal would obey is escaped; what can be printed stays.
        """
        rows = [
            (b"plain name", "plain name"),
            ("größe \u2620".encode(), "größe \u2620"),
            (b"\x1b[2J", "\\x1b[2J"),
            (b"a\tb\r\n\a\x7f", "a\\tb\\r\\n\\x07\\x7f"),
            ("\u202e\u200b".encode(), "\\u202e\\u200b"),
            ("\x9b2J".encode(), "\\x9b2J"),
            (b"\xff", "\\xff"),
            (b"", ""),
        ]
        for name, expected in rows:
            self.assertEqual(visible(name), expected)

    @ANYTHING
    @given(st.binary())
    def test_visibleAnything(self, name: bytes) -> None:
        """
        Whatever a name is, all of what comes of it can be printed.
        """
        self.assertTrue(visible(name).isprintable())


class JSONTests(ToolTestCase):
    """
    Tests of values as JSON.
    """

    def test_workload(self) -> None:
        """
        A workload is text when it can be, and otherwise in base 64, which its
        key tells.
        """
        self.assertEqual(workload(b"text\0"), {"data": "text\0"})
        self.assertEqual(workload(b""), {"data": ""})
        self.assertEqual(workload(b"\xff\xfe"), {"dataBase64": "//4="})
        self.assertEqual(workload(b"\xff", "result"), {"resultBase64": "/w=="})

    @ANYTHING
    @given(st.binary())
    def test_workloadAnything(self, data: bytes) -> None:
        """
        Every workload can be had back from its JSON.
        """
        sayJSON(workload(data))
        [told] = self.out.values()
        [(key, value)] = told.items()
        if key == "data":
            self.assertEqual(value.encode(), data)
        else:
            self.assertEqual(key, "dataBase64")
            self.assertEqual(b64decode(value), data)

    def test_plain(self) -> None:
        """
        Rows are objects, bytes are text, and lists stay lists.
        """
        rows = [
            FunctionStatus(b"f\xff", 3, 2, 1),
            Connected(5, b"::1", b"-", (b"f", b"g")),
        ]
        self.assertEqual(
            plain(rows),
            [
                {"function": "f\\xff", "total": 3, "running": 2, "workers": 1},
                {
                    "number": 5,
                    "address": "::1",
                    "clientId": "-",
                    "functions": ["f", "g"],
                },
            ],
        )
        for value in None, 1, 1.5, True, "text":
            self.assertEqual(plain(value), value)
        self.assertEqual(plain({"a": (b"b",)}), {"a": ["b"]})

    @ANYTHING
    @given(VALUES)
    def test_sayAnything(self, value: object) -> None:
        """
        Every answer is one line of valid JSON in ASCII.
        """
        sayJSON(value)
        data = self.out.take()
        self.assertEqual(data.count(b"\n"), 1)
        self.assertTrue(data.endswith(b"\n") and data.isascii())
        self.assertEqual(json.loads(data), plain(value))
