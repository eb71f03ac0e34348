"""
When a worker that asks for a job is answered.

  - At once, when there is one.
  - When the turn ends, with a job that came in the same turn.
  - When it would only go to sleep, a moment later: so a job that comes meanwhile
    costs it neither sleep nor waking.
  - Otherwise it is told that there is none.

It would only go to sleep if it did so the last time, not long ago. Who came back
without having slept has found a job on another server, and is not kept from the next
one there. And who has had one job after the other here is sent to sleep now and then:
there may be a job elsewhere that it has not heard of, since libgearman's workers listen
to one server as long as it has jobs.
"""

from __future__ import annotations

from math import inf
from typing import Protocol

from txgearman.board.board import JobBoard
from txgearman.board.job import Job
from txgearman.board.peer import Peer
from txgearman.server.turn import Turn


class Answering(Protocol):
    """
    What answers a worker.
    """

    def assign(self, job: Job, reply: int) -> None:
        """
        There is a job.

        @param reply: the number of the packet that says so.
        """

    def noJob(self) -> None:
        """
        There is none.
        """


class Grabbing:
    """
    A worker's question for a job.

    @ivar reply: the number of the packet that it is answered with if there is a
        job; 0 when there is no question, or it is answered.
    """

    def __init__(
        self,
        board: JobBoard,
        peer: Peer,
        turn: Turn,
        spell: float,
        answering: Answering,
    ) -> None:
        """
        @param spell: for how long since it slept a worker counts as one that would
            only go to sleep, in seconds.
        """
        self.reply = 0
        self._board = board
        self._peer = peer
        self._turn = turn
        self._spell = spell
        self._answering = answering
        self._waits = False
        # Whether it was told that there is no job, and has not said what it does
        # about that; and when it went to sleep about it.
        self._refused = False
        self._slept = -inf

    def ask(self, reply: int) -> None:
        """
        The worker asks.

        @param reply: as for the variable of that name.
        """
        if self._refused:
            self._refused, self._slept = False, -inf
        job = self._board.grab(self._peer)
        if job is not None:
            self._answering.assign(job, reply)
        else:
            self.reply, self._waits = reply, False
            self._turn.grabs(self)

    def sleep(self) -> None:
        """
        The worker goes to sleep.
        """
        if self._refused:
            self._refused, self._slept = False, self._turn.seconds()

    def offer(self) -> None:
        """
        There may be a job now for a worker that waits for an answer.
        """
        self._turn.grabs(self)

    def turnEnds(self) -> None:
        """
        Look again; without a job, answer now or a moment later. Who waits already is
        answered: the moment is over, or another one has taken the job it was offered.
        """
        if self._assigned() or not self.reply:
            return
        if self._waits or not self._sleptLately:
            self._refuse()
        else:
            self._waits = True
            self._board.wait(self._peer)
            self._turn.waits(self)

    @property
    def _sleptLately(self) -> bool:
        # The clock may have been put back since.
        return 0 <= self._turn.seconds() - self._slept < self._spell

    def answer(self) -> None:
        """
        Answer now, if there is a question.
        """
        if not self._assigned() and self.reply:
            self._refuse()

    def _assigned(self) -> bool:
        """
        Assign a job if there is one, and a question.
        """
        reply = self.reply
        job = self._board.grab(self._peer) if reply else None
        if job is None:
            return False
        self.reply = 0
        self._answering.assign(job, reply)
        return True

    def _refuse(self) -> None:
        """
        Answer that there is none.
        """
        self.reply = 0
        self._refused = True
        self._answering.noJob()

    def lost(self) -> None:
        """
        The worker is lost.
        """
        self.reply = 0
        self._turn.leaves(self)
