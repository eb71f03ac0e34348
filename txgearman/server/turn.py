"""
One turn of the reactor: everything that peers are owed because of what arrived
in it leaves at its end, in one write for each connection.

System calls are most of what a job costs, so this is what makes a job cheap.
"""

from __future__ import annotations

from typing import Protocol

from attrs import define, field
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


@define(eq=False)
class Turn:
    """
    The current turn.

    @ivar sender: the peer whose input is being worked on.
    """

    _clock: IReactorTime
    sender: Sender | None = None
    _owing: list[Owing] = field(factory=list)

    def owes(self, owing: Owing) -> None:
        """
        Flush C{owing} at the end of this turn.
        """
        if not self._owing:
            # A call without delay comes before the reactor waits again, and
            # after all that it had to read.
            self._clock.callLater(0, self.end)
        self._owing.append(owing)

    def end(self) -> None:
        """
        Flush.
        """
        owing, self._owing = self._owing, []
        for one in owing:
            one.flush()
