"""
One turn of the reactor: everything that peers are owed because of what arrived
in it leaves at its end, in one write for each connection.

System calls are most of what a job costs, so this is what makes a job cheap.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Protocol

from twisted.internet.interfaces import IReactorTime


class Owing(Protocol):
    """
    Something that was given bytes to write in this turn.
    """

    def flush(self) -> None:
        """
        Write them.
        """


class Sender(Protocol):
    """
    A peer whose input can be held up.
    """

    def hold(self, receiver: Receiver) -> None:
        """
        Read nothing more until C{receiver} has taken what it is owed.
        """

    def release(self, receiver: Receiver) -> None:
        """
        C{receiver} has taken it.
        """


class Receiver(Protocol):
    """
    What a peer is owed, for which senders may be held up.
    """

    def letGo(self, sender: Sender) -> None:
        """
        The sender that is held up is lost.
        """


class Turn:
    """
    The current turn.

    @ivar sender: the peer whose input is being worked on.
    """

    def __init__(self, clock: IReactorTime) -> None:
        self.sender: Sender | None = None
        self._owing: list[Owing] = []
        # A call without delay comes before the reactor waits again, and after all
        # that it had to read.
        self._atEnd: Callable[[Callable[[], object]], object] = getattr(
            clock, "atTurnEnd", partial(clock.callLater, 0)
        )

    def owes(self, owing: Owing) -> None:
        """
        Flush C{owing} at the end of this turn.
        """
        if not self._owing:
            self._atEnd(self.end)
        self._owing.append(owing)

    def end(self) -> None:
        """
        Flush.
        """
        owing, self._owing = self._owing, []
        for one in owing:
            one.flush()
