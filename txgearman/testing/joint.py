"""
A connection in memory: the joint of two ends.
"""

from __future__ import annotations

from typing import Final

from twisted.internet.error import ConnectionDone, ConnectionLost

from txgearman.testing.wire import SEGMENT, Wire

# How much may be between two ends: what one of them reads in a turn, and what
# the other one lets go meanwhile.
_BETWEEN: Final = 2 * SEGMENT


class Joint:
    """
    A connection with both of its ends: what one lets go in a turn arrives at the
    other in the next one, and so does the end of the connection, behind all that
    was written. An end that does not read holds the other one back.

    @ivar client: the end that connected.
    @ivar server: the end that was connected to.
    """

    def __init__(self, client: Wire, server: Wire) -> None:
        self.client = client
        self.server = server
        self._ways = [(client, server), (server, client)]
        for one in client, server:
            one.appetite = _BETWEEN

    @property
    def gone(self) -> bool:
        """
        Do both ends know that the connection is lost?
        """
        return self.client.disconnected and self.server.disconnected

    def carry(self) -> None:
        """
        Carry from end to end what a turn let go.
        """
        for one, other in self._ways:
            if one.taken:
                _carryBytes(one, other)
            _carryEnd(one, other)
        for one, other in self._ways:
            one.appetite = _BETWEEN - other.waiting

    def cut(self) -> None:
        """
        Lose the connection at both ends, and what is on its way.
        """
        for one, _ in self._ways:
            one.lose(ConnectionLost())


def _carryBytes(one: Wire, other: Wire) -> None:
    """
    Carry the bytes that one end let go to the other one.
    """
    if not other.disconnected:
        other.carry(bytes(one.taken))
    elif not one.reading:
        # It has nothing more to read that would tell it.
        one.lose(ConnectionLost())
    one.taken.clear()


def _carryEnd(one: Wire, other: Wire) -> None:
    """
    Tell one end that the other one closed the connection, or lost it.
    """
    if one.disconnected and not isinstance(one.lost, ConnectionDone):
        other.lose(ConnectionLost())
    elif one.disconnected or one.ended:
        other.left()
