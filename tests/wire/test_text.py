"""
Tests of L{txgearman.wire.text}.
"""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from txgearman.wire import text

SPLIT = {
    b"": [b""],
    b"version": [b"version"],
    b"maxqueue f 1 2 3": [b"maxqueue", b"f", b"1", b"2", b"3"],
    b"maxqueue   f  1": [b"maxqueue", b"f", b"1"],
    b"version ": [b"version"],
    b"version   ": [b"version"],
    b" version": [b"", b"version"],
    b"   version": [b"", b"version"],
    b" ": [b""],
    b"    ": [b""],
    b"a\tb c": [b"a\tb", b"c"],
    b"a\rb\r c": [b"a\rb\r", b"c"],
    b"a b\0c d": [b"a", b"b"],
    b"a \0b": [b"a"],
    b"a\0": [b"a"],
    b"\xff\xfe \x80": [b"\xff\xfe", b"\x80"],
    b"SHOW Jobs": [b"SHOW", b"Jobs"],
}

# What gearmand answers: a code, a text, and the bytes.
ERRORS = [
    (b"UNKNOWN_JOB", b"", b"ERR UNKNOWN_JOB\r\n"),
    (b"UNKNOWN_ERROR", b"", b"ERR UNKNOWN_ERROR\r\n"),
    (b"UNKNOWN_SHOW_ARGUMENTS", b"", b"ERR UNKNOWN_SHOW_ARGUMENTS\r\n"),
    (b"CREATE_FUNCTION", b"reverse", b"ERR CREATE_FUNCTION reverse\r\n"),
    (b"function not found", b"", b"ERR function not found\r\n"),
    (
        b"there are still connected workers or executing clients",
        b"",
        b"ERR there are still connected workers or executing clients\r\n",
    ),
    (
        b"UNKNOWN_COMMAND",
        b"Unknown server commandshutdown",
        b"ERR UNKNOWN_COMMAND Unknown+server+commandshutdown\r\n",
    ),
    (
        b"UNKNOWN_COMMAND",
        b"Unknown server command",
        b"ERR UNKNOWN_COMMAND Unknown+server+command\r\n",
    ),
    (
        b"INVALID_ARGUMENTS",
        b"An incomplete set of arguments was sent to this command maxqueue",
        b"ERR INVALID_ARGUMENTS An+incomplete+set+of+arguments+was+sent+to"
        b"+this+command+maxqueue\r\n",
    ),
    (b"CREATE_FUNCTION", b"h\xe9", b"ERR CREATE_FUNCTION h\xe9\r\n"),
]

ESCAPED = {
    b"": b"",
    b"reverse": b"reverse",
    b"my function": b"my%20function",
    b"a\tb\nc\rd\ve\ff\0g": b"a%09b%0Ac%0Dd%0Be%0Cf%00g",
    b"\x1b[2J": b"%1B[2J",
    b"\x7f": b"%7F",
    b"\x1f!~\x80\xa0\xff": b"%1F!~\x80\xa0\xff",
    b"100%": b"100%",
    b"%20": b"%20",
    "h\xe9\u4e16".encode(): "h\xe9\u4e16".encode(),
}

QUOTED = {
    b"": b"",
    b"reverse": b"reverse",
    b"my function": b"my%20function",
    b"100%": b"100%25",
    b"%20": b"%2520",
    b"a\tb\n\0\x7f~!": b"a%09b%0A%00%7F~!",
    b"a+b=c": b"a+b=c",
    "h\xe9".encode(): b"h%C3%A9",
    b"\xff": b"%FF",
}

names = st.binary(max_size=12)


class SplitTests(SynchronousTestCase):
    """
    Tests of L{text.split}.
    """

    def test_split(self) -> None:
        """
        Words are parted by runs of spaces and by nothing else, up to the first
        NUL; a space before the first word makes that one empty.
        """
        for line, words in SPLIT.items():
            self.assertEqual(text.split(line), words, line)

    @settings(deadline=None, database=None)
    @given(st.lists(st.sampled_from([b"a", b"b\t", b" ", b"  ", b"\0", b"\r"])))
    def test_anyLine(self, parts: list[bytes]) -> None:
        """
        Any line has a first word, no word holds a space or a NUL, and none but
        the first is empty.
        """
        line = b"".join(parts)
        first, *others = text.split(line)
        self.assertEqual(first, line.split(b"\0")[0].split(b" ")[0])
        self.assertNotIn(b"", others)
        self.assertNotIn(b" ", b"".join(others))
        seen = line.split(b"\0")[0].replace(b" ", b"")
        self.assertEqual(b"".join([first, *others]), seen)

    def test_words(self) -> None:
        """
        A command may have as many words as in gearmand: C{maxqueue} with a
        function and three limits has them all.
        """
        self.assertEqual(text.WORDS, 5)
        self.assertGreater(text.MORE_WORDS, text.WORDS)


class AnswerTests(SynchronousTestCase):
    """
    Tests of the answers of one line.
    """

    def test_done(self) -> None:
        """
        A command with nothing to show answers with a carriage return and a
        newline.
        """
        self.assertEqual(text.OK, b"OK\r\n")

    def test_ok(self) -> None:
        """
        A value follows OK and ends with a newline alone.
        """
        for value in (b"1.1.20+ds", b"1234", b"DEBUG", b""):
            self.assertEqual(text.ok(value), b"OK " + value + b"\n")

    def test_error(self) -> None:
        """
        An error has a code and perhaps a text, in which plus signs stand for
        spaces, and ends with a carriage return and a newline.
        """
        for code, more, line in ERRORS:
            self.assertEqual(text.error(code, more), line)

    def test_errorWithoutText(self) -> None:
        """
        An error needs no text.
        """
        self.assertEqual(text.error(b"UNKNOWN_JOB"), b"ERR UNKNOWN_JOB\r\n")


class TableTests(SynchronousTestCase):
    """
    Tests of the answers of several lines.
    """

    def test_status(self) -> None:
        """
        A table has a line for each row and a tab between two cells.
        """
        self.assertEqual(
            text.table([(b"reverse", 3, 1, 2), (b"resize", 0, 0, 0)]),
            b"reverse\t3\t1\t2\nresize\t0\t0\t0\n.\n",
        )

    def test_prioritystatus(self) -> None:
        """
        Rows may come from generators, and have as many cells as they like.
        """
        row: list[bytes | int] = [b"f", 1, 2, 3, 4]
        rows = (iter(row) for _ in range(2))
        self.assertEqual(text.table(rows), b"f\t1\t2\t3\t4\nf\t1\t2\t3\t4\n.\n")

    def test_uniques(self) -> None:
        """
        A row of one cell is a line of its own, blank if the cell is empty.
        """
        self.assertEqual(text.table([[b"u1"], [b""], [b"u2"]]), b"u1\n\nu2\n.\n")

    def test_empty(self) -> None:
        """
        A table without rows is the dot.
        """
        self.assertEqual(text.table([]), b".\n")

    def test_largeAndNegative(self) -> None:
        """
        Numbers are written in full, whatever their size.
        """
        self.assertEqual(text.table([[-1, 2**64]]), b"-1\t18446744073709551616\n.\n")

    def test_escaped(self) -> None:
        """
        A name that holds tabs, newlines or spaces stays in its cell.
        """
        self.assertEqual(
            text.table([(b"my\tfine\nfunction", 1), (b"a b", 2)]),
            b"my%09fine%0Afunction\t1\na%20b\t2\n.\n",
        )

    def test_workers(self) -> None:
        """
        Lines that were made elsewhere are ended as they are.
        """
        self.assertEqual(
            text.ending([b"37 127.0.0.1 - :", b"38 ::1 me : f g"]),
            b"37 127.0.0.1 - :\n38 ::1 me : f g\n.\n",
        )
        self.assertEqual(text.ending(iter([b""])), b"\n.\n")
        self.assertEqual(text.ending(()), b".\n")

    @settings(deadline=None, database=None)
    @given(st.lists(st.tuples(names, st.integers(), names)))
    def test_anyNames(self, rows: list[tuple[bytes, int, bytes]]) -> None:
        """
        Whatever the names, who parses the table finds its lines and columns.
        """
        *lines, dot, nothing = text.table(rows).split(b"\n")
        self.assertEqual((dot, nothing), (b".", b""))
        cells = [line.split(b"\t") for line in lines]
        wanted = [[text.escape(a), b"%d" % n, text.escape(b)] for a, n, b in rows]
        self.assertEqual(cells, wanted)


class EscapeTests(SynchronousTestCase):
    """
    Tests of L{text.escape}.
    """

    def test_escape(self) -> None:
        """
        White space and control bytes become a percent sign and two digits, and
        everything else stays.
        """
        for name, escaped in ESCAPED.items():
            self.assertEqual(text.escape(name), escaped, name)

    def test_everyByte(self) -> None:
        """
        Of all bytes, those up to the space and DEL are escaped.
        """
        escaped = {byte for byte in range(256) if text.escape(bytes([byte]))[1:]}
        self.assertEqual(escaped, {*range(0x21), 0x7F})
        for byte in escaped:
            self.assertEqual(text.escape(bytes([byte])), f"%{byte:02X}".encode())

    @settings(deadline=None, database=None)
    @given(names)
    def test_once(self, name: bytes) -> None:
        """
        What is escaped has no spaces left, so that escaping it again changes
        nothing.
        """
        escaped = text.escape(name)
        self.assertEqual(text.escape(escaped), escaped)
        self.assertEqual(escaped.split(), [escaped] if name else [])


class QuoteTests(SynchronousTestCase):
    """
    Tests of L{text.quote}, L{text.unquote} and L{text.pieces}.
    """

    def test_quote(self) -> None:
        """
        Printable ASCII but the percent sign stays, and everything else becomes a
        percent sign and two digits.
        """
        for data, quoted in QUOTED.items():
            self.assertEqual(text.quote(data), quoted)
            self.assertEqual(text.unquote(quoted), data)

    def test_unquoted(self) -> None:
        """
        What was never quoted is read as it is, digits in either case.
        """
        for word, data in [
            (b"100%", b"100%"),
            (b"%zz%4", b"%zz%4"),
            (b"h\xe9", b"h\xe9"),
            (b"%c3%A9", b"\xc3\xa9"),
        ]:
            self.assertEqual(text.unquote(word), data)

    @settings(deadline=None, database=None)
    @given(st.binary())
    def test_anything(self, data: bytes) -> None:
        """
        Any bytes are one word, and can be had back; as a name, too.
        """
        quoted = text.quote(data)
        self.assertEqual(quoted.split(), [quoted] if data else [])
        self.assertEqual(text.escape(quoted), quoted)
        self.assertEqual(text.unquote(quoted), data)

    def test_pieces(self) -> None:
        """
        Data is cut into pieces of a bearable length, which make it when they are
        joined; of nothing there are none.
        """
        self.assertEqual(list(text.pieces(b"")), [])
        data = bytes(range(256)) * 17
        pieces = list(text.pieces(data))
        self.assertEqual(len(pieces), 3)
        self.assertLessEqual(max(map(len, pieces)), 3 * text.PIECE)
        self.assertEqual(b"".join(map(text.unquote, pieces)), data)
