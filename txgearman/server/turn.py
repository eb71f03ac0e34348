"""
One turn of the reactor: everything that peers are owed because of what arrived
in it leaves at its end, in one write for each connection. While there is much to do,
what a peer does not wait for may leave a little later, together with what comes next.

System calls are most of what a job costs, so this is what makes a job cheap. It is
also why a worker that asks for a job waits until the end of the turn to be told that
there is none, or a little longer: it may arrive meanwhile, and then the worker needs
neither sleep nor be woken.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Final, Protocol

from twisted.internet.interfaces import IDelayedCall, IReactorTime

from txgearman.connection.turns import turnEndOf

MOMENT: Final = 0.0005
"""
How long a moment is, in seconds; a millisecond with epoll, which counts in those.
"""


class Question(Protocol):
    """
    A worker that asked for a job when there was none.
    """

    def turnEnds(self) -> None:
        """
        Look again, and answer; or wait for a moment, once.
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
    @ivar seconds: says what time it is, in seconds.
    """

    def __init__(self, clock: IReactorTime, lag: float = 0.0) -> None:
        """
        @param lag: how much later may be a little later, in seconds.
        """
        self.sender: Sender | None = None
        self._clock = clock
        self._asking: deque[Question] = deque()
        self._waking: deque[Callable[[], None]] = deque()
        self._owing: list[Owing] = []
        # Who has time, how many of them had it before this turn, and since when.
        self._patient: list[Owing] = []
        self._known = 0
        self._since = 0.0
        self._lag = lag
        self._begun = False
        # Who waits for a moment: since the last tick, and since before it.
        self._young: dict[Question, None] = {}
        self._old: dict[Question, None] = {}
        self._tick: IDelayedCall | None = None
        self.atEnd = turnEndOf(clock)
        self.seconds = clock.seconds

    def grabs(self, question: Question) -> None:
        """
        Look after a question at the end of this turn.
        """
        self._begin()
        self._asking.append(question)

    def waits(self, question: Question) -> None:
        """
        Answer a question after one moment or two.
        """
        self._old.pop(question, None)
        self._young[question] = None
        self._wind()

    def leaves(self, question: Question) -> None:
        """
        Nobody waits for the answer to a question any more.
        """
        self._old.pop(question, None)
        self._young.pop(question, None)
        if self._tick is not None and not (self._old or self._young):
            self._tick.cancel()
            self._tick = None

    def _wind(self) -> None:
        """
        See that a moment ends soon, also when the clock was put back meanwhile. All
        who wait share it: a call for each would take longer than what it spares.
        """
        if self._tick is None:
            self._tick = self._clock.callLater(MOMENT, self._ticked)
        elif self._tick.getTime() - self.seconds() > MOMENT:
            self._tick.reset(MOMENT)

    def _ticked(self) -> None:
        """
        A moment is over.
        """
        self._tick = None
        over, self._old, self._young = self._old, self._young, {}
        if self._old:
            self._wind()
        for question in over:
            self.grabs(question)

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

    def owesLater(self, owing: Owing) -> None:
        """
        Flush C{owing} at the end of this turn, or a little later.
        """
        self._begin()
        if not self._patient:
            self._since = self.seconds()
        self._patient.append(owing)

    def _begin(self) -> None:
        if not self._begun:
            self._begun = True
            self.atEnd(self.end)

    def end(self) -> None:
        """
        Answer, wake and flush.
        """
        if self._tick is not None:
            self._wind()
        self._begun = True
        try:
            while self._asking or self._waking:
                if self._asking:
                    self._asking.popleft().turnEnds()
                else:
                    # Who is offered a job instead of being woken asks then.
                    self._waking.popleft()()
        finally:
            self._begun = False
            if self._asking or self._waking:
                # There was an error, which is none of theirs.
                self._begin()
            self._flush()

    def _flush(self) -> None:
        """
        Let all write that owe something, but for those that have time. They wait until
        a turn in which nobody comes to owe anything, or for the lag; and not at all if
        there is one of them, and nobody else.
        """
        owing, self._owing = self._owing, []
        if self._patient:
            found = len(owing) + len(self._patient) - self._known
            busy = found > (1 if self._known == 0 else 0)
            # The clock may have been put back since.
            if busy and 0 <= self.seconds() - self._since < self._lag:
                self._known = len(self._patient)
                self._begin()
            else:
                owing += self._patient
                self._patient = []
                self._known = 0
        done = 0
        try:
            for debt in owing:
                done += 1
                debt.flush()
        finally:
            if done < len(owing):
                # There was an error, which is none of theirs.
                self._owing += owing[done:]
                self._begin()

    def finish(self) -> None:
        """
        End this turn, and answer all who wait: it is the last one.
        """
        for question in (*self._old, *self._young):
            self.leaves(question)
            self.grabs(question)
        self._lag = 0.0
        self.end()
