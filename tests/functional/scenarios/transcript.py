"""
What a server said in a scenario, in a form in which two servers can be compared.

Packets are written as C{[NAME] body}, after their length was found to be right,
so nothing is left out. What cannot be the same on two servers is masked: numbers
of handles (by order of appearance), file descriptors, addresses, process ids and
versions. Rows of tables are sorted, and those of other scenarios left out.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Sequence

from attrs import define, field, frozen

from tests.functional.raw import NAMES

HEAD = struct.Struct(">4sII")
HANDLE = re.compile(rb"H:[A-Za-z0-9.-]+:([0-9]+)")
CLOSED = b"<closed>"


@frozen
class Step:
    """
    What one connection was told at one point of the story.

    @ivar key: the connection's name, what it did, and which time it did so.
    @ivar units: packets and text lines, and L{CLOSED}.
    """

    key: str
    units: tuple[bytes, ...]


def cut(data: bytes) -> list[bytes]:
    """
    Cut what a server sent into packets and text lines.
    """
    units: list[bytes] = []
    while data:
        if data.startswith(b"\0RES") and len(data) >= HEAD.size:
            number, size = HEAD.unpack_from(data)[1:]
            body = data[HEAD.size : HEAD.size + size]
            if len(body) == size and number < len(NAMES):
                name = NAMES[number].encode()
                units.append(b"[%s] %s" % (name, body) if body else b"[%s]" % name)
                data = data[HEAD.size + size :]
                continue
        line, end, data = data.partition(b"\n")
        if line.startswith(b"\t") and units:
            # It belongs to the row before, wherever that one is sorted to.
            units[-1] += line + end
        else:
            units.append(line + end)
    return units


@define(eq=False)
class Transcript:
    """
    The steps of one scenario on one server.

    @ivar scenario: the scenario's name, which is in all the names it invents.
    @ivar whole: whether tables are shown whole and handles keep their numbers.
    """

    scenario: str
    whole: bool
    steps: list[Step] = field(factory=list)
    _handles: list[bytes] = field(factory=list)

    def record(self, what: str, units: Sequence[bytes]) -> None:
        """
        Add a step to the transcript.
        """
        times = 1 + sum(step.key.split(" #")[0] == what for step in self.steps)
        key = what if times == 1 else f"{what} #{times}"
        self.steps.append(Step(key, tuple(units)))

    def label(self, line: bytes) -> str:
        """
        A text command as it is named in the transcript.
        """
        own = self.scenario.encode() + b"/"
        words = HANDLE.sub(self._number, line).replace(own, b"").split()
        return b" ".join(words)[:60].decode("latin-1") or "empty line"

    def masked(self, units: Sequence[bytes]) -> list[bytes]:
        """
        Mask what no two servers have in common.
        """
        if b".\n" not in units:
            return [self._mask(unit) for unit in units]
        end = start = units.index(b".\n")
        while start and not units[start - 1].startswith(b"["):
            start -= 1
        rows = sorted(self._mask(row) for row in units[start:end] if self._shows(row))
        rest = [self._mask(unit) for unit in units[end:]]
        return [self._mask(unit) for unit in units[:start]] + rows + rest

    def _shows(self, row: bytes) -> bool:
        """
        Whether a row of a table belongs to this scenario.
        """
        name = re.escape(self.scenario.encode())
        return (
            self.whole
            or re.search(rb"(?<![\w-])" + name + rb"/", row) is not None
            or any(match.group() in self._handles for match in HANDLE.finditer(row))
        )

    def _mask(self, unit: bytes) -> bytes:
        unit = HANDLE.sub(self._number, unit)
        unit = re.sub(rb"^OK [0-9]\S*\n$", b"OK <number>\n", unit)
        unit = re.sub(rb"^[0-9]+ 127\.0\.0\.1 ", b"FD IP ", unit)
        return re.sub(rb"127\.0\.0\.1:[0-9]+", b"IP:PORT", unit)

    def _number(self, match: re.Match[bytes]) -> bytes:
        """
        Number a handle: as it is on a server of one's own, else by appearance.
        """
        handle, number = match.group(), match.group(1)
        if self.whole:
            return b"H:" + number
        if handle not in self._handles:
            self._handles.append(handle)
        return b"H:%d" % (self._handles.index(handle) + 1)
