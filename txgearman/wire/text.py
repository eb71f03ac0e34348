"""
The admin protocol: lines of text, in and out.

The forms are those of gearmand, byte for byte, since tools parse them. Note
the line ends: C{OK} and C{ERR} replies end with a carriage return and a
newline, everything else with a newline alone.

Commands that gearmand does not have take and show names and data quoted: whatever
the bytes are, they are one word, and can be had back.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final
from urllib.parse import unquote_to_bytes

OK: Final = b"OK\r\n"
"""What a command answers that did its work and has nothing to show."""

WORDS: Final = 5
"""How many words a command may have, its name among them; as in gearmand."""

MORE_WORDS: Final = 24
"""How many a command may have that gearmand does not have."""

PIECE: Final = 2048
"""How many bytes of data are in one line; it is three times as long at most."""

_UNSAFE = re.compile(rb"[\x00-\x20\x7f]")

# What is quoted as itself, and each byte quoted.
_PLAIN: Final = bytes(byte for byte in range(0x21, 0x7F) if byte != ord("%"))
_QUOTED: Final = [
    bytes([byte]) if byte in _PLAIN else b"%%%02X" % byte for byte in range(256)
]


def split(line: bytes) -> list[bytes]:
    """
    Cut a text line into words.

    Runs of spaces count as one, but a space at the start leaves an empty first
    word, and a NUL ends the line, as in gearmand.

    @param line: the line without its end.
    @return: at least one word.
    """
    line = line.partition(b"\0")[0]
    first, *others = line.split(b" ")
    return [first, *(word for word in others if word)]


def ok(value: bytes) -> bytes:
    """
    Answer with a value.
    """
    return b"OK %b\n" % value


def error(code: bytes, text: bytes = b"") -> bytes:
    """
    Answer that a command could not be done.

    @param code: a word such as C{b"UNKNOWN_JOB"}.
    @param text: more about it; spaces become plus signs, as in gearmand.
    """
    if not text:
        return b"ERR %b\r\n" % code
    return b"ERR %b %b\r\n" % (code, text.replace(b" ", b"+"))


def table(rows: Iterable[Iterable[bytes | int]]) -> bytes:
    """
    Make a table: cells parted by tabs, a dot on the last line.

    @param rows: names, which are escaped, and numbers.
    """
    lines = [
        b"\t".join(
            b"%d" % cell if isinstance(cell, int) else escape(cell) for cell in row
        )
        for row in rows
    ]
    return ending(lines)


def ending(lines: Iterable[bytes]) -> bytes:
    """
    End lines that make a reply of several lines with the dot. A line that is
    itself a dot, such as a job's unique, is escaped.
    """
    safe = (b"%2E" if line == b"." else line for line in lines)
    return b"".join(b"%b\n" % line for line in (*safe, b"."))


def escape(name: bytes) -> bytes:
    """
    Write a name so that it cannot break a line or a column: white space and
    control bytes become C{%20} and the like, everything else stays.
    """
    return _UNSAFE.sub(lambda match: b"%%%02X" % match[0][0], name)


def quote(data: bytes) -> bytes:
    """
    Write bytes as a word: all but printable ASCII becomes C{%20} and the like, and so
    does the percent sign.
    """
    if not data.translate(None, _PLAIN):
        return data
    return b"".join([_QUOTED[byte] for byte in data])


def unquote(word: bytes) -> bytes:
    """
    Read what L{quote} wrote. A percent sign without two digits behind it stands for
    itself.
    """
    return unquote_to_bytes(word)


def pieces(data: bytes) -> Iterator[bytes]:
    """
    Write data as words of a bearable length, for a line each; none when there is none.
    """
    for start in range(0, len(data), PIECE):
        yield quote(data[start : start + PIECE])
