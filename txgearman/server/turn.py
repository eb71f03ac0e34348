"""
One turn of the reactor: everything that peers are owed because of what arrived
in it leaves at its end, in one write for each connection.

System calls are most of what a job costs, so this is what makes a job cheap. It is
also why a worker that asks for a job waits until the end of the turn to be told that
there is none: it may be in what arrives in the same turn, and then the worker needs
neither sleep nor be woken.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from twisted.internet.interfaces import IReactorTime

from txgearman.connection.turns import turnEndOf


class Grabbing(Protocol):
    """
    A worker that asked for a job when there was none.
    """

    def answerGrab(self) -> None:
        """
        Look again, and answer.
        """


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
    @ivar atEnd: calls something when a turn ends.
    """

    def __init__(self, clock: IReactorTime) -> None:
        self.sender: Sender | None = None
        self._grabbing: list[Grabbing] = []
        self._waking: list[Callable[[], None]] = []
        self._owing: list[Owing] = []
        self._begun = False
        self.atEnd = turnEndOf(clock)

    def grabs(self, grabbing: Grabbing) -> None:
        """
        Answer C{grabbing} at the end of this turn, unless it was answered before.
        """
        self._begin()
        self._grabbing.append(grabbing)

    def wakes(self, wake: Callable[[], None]) -> None:
        """
        Wake workers at the end of this turn, when others were answered.
        """
        self._begin()
        self._waking.append(wake)

    def owes(self, owing: Owing) -> None:
        """
        Flush C{owing} at the end of this turn.
        """
        self._begin()
        self._owing.append(owing)

    def _begin(self) -> None:
        if not self._begun:
            self._begun = True
            self.atEnd(self.end)

    def end(self) -> None:
        """
        Answer, wake and flush.
        """
        self._begun = False
        grabbing, self._grabbing = self._grabbing, []
        for one in grabbing:
            one.answerGrab()
        waking, self._waking = self._waking, []
        for wake in waking:
            wake()
        owing, self._owing = self._owing, []
        for debt in owing:
            debt.flush()
