"""
Lines out of what a child writes, however much that is.
"""

from __future__ import annotations

from collections.abc import Callable

Take = Callable[[bytes, bool], None]
"""
Takes a line without its end, and whether more of it was left out.
"""


class Lines:
    """
    Parts bytes into lines, and keeps no more of one than may be.
    """

    def __init__(self, limit: int, take: Take) -> None:
        """
        @param limit: bytes of a line that are kept; what follows is left out.
        @param take: called with each line.
        """
        self._limit = limit
        self._take = take
        self._kept = bytearray()
        self._cut = False

    def feed(self, data: bytes) -> None:
        """
        Take in what was written.
        """
        *ended, last = data.split(b"\n")
        for piece in ended:
            self._add(piece)
            self._finish()
        self._add(last)

    def end(self) -> None:
        """
        Take what is there for a line, if it is anything.
        """
        if self._kept or self._cut:
            self._finish()

    def _add(self, piece: bytes) -> None:
        room = self._limit - len(self._kept)
        self._kept += piece[:room]
        self._cut = self._cut or len(piece) > room

    def _finish(self) -> None:
        line, self._kept = bytes(self._kept), bytearray()
        cut, self._cut = self._cut, False
        self._take(line, cut)
