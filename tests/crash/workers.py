"""
Workers that do jobs, more or less well.
"""

from __future__ import annotations

import time
from collections import deque
from functools import partial
from typing import Final

from tests.crash import packets as p
from tests.crash.clients import FUNCTIONS
from tests.crash.ledger import Outcome, Run, digest
from tests.crash.peers import Crowd, Peer

# How a worker asks for a job.
_GRABS: Final = (p.GRAB_JOB, p.GRAB_JOB_UNIQ, p.GRAB_JOB_ALL)

# How many arguments stand before the workload.
_ASSIGNS: Final = {p.JOB_ASSIGN: 2, p.JOB_ASSIGN_UNIQ: 3, p.JOB_ASSIGN_ALL: 4}


class Worker(Peer):
    """
    A worker that may ask for several jobs at once.
    """

    def __init__(self, crowd: Crowd, window: int, steady: bool = False) -> None:
        """
        @param steady: whether it never disconnects, nor takes its time.
        """
        super().__init__(crowd)
        self._steady = steady
        self._window = window
        self._kind = self.random.choice(_GRABS)
        self._grabbed = 0
        self._answered = 0
        self._running: dict[Run, None] = {}
        # Ends that were sent, with how many grabs had been sent before.
        self._sent: deque[tuple[int, Run]] = deque()
        for function in FUNCTIONS:
            self.send(p.CAN_DO, function)
        self._grab()

    def _grab(self) -> None:
        while self._grabbed - self._answered + len(self._running) < self._window:
            self._grabbed += 1
            self.send(self._kind)

    def received(self, number: int, body: bytes) -> None:
        if number == p.NOOP:
            self._grab()
        elif number == p.NO_JOB:
            self._confirmed()
            if self._grabbed == self._answered:
                self.send(p.PRE_SLEEP)
        elif number in _ASSIGNS:
            self._confirmed()
            self._assigned(body.split(b"\0", _ASSIGNS[number]))
        else:
            self.ledger.violate(f"a worker was sent packet {number}: {body[:80]!r}")
            self.close()

    def _confirmed(self) -> None:
        """
        The next grab was answered, and so all is read that was sent before it.
        """
        self._answered += 1
        now = time.time()
        while self._sent and self._sent[0][0] < self._answered:
            self._sent.popleft()[1].confirmed = now

    def _assigned(self, parts: list[bytes]) -> None:
        handle, function, *more, data = parts
        run = Run(
            self.ledger.life,
            handle,
            function,
            more[0] if more else None,
            digest(data),
            more[1] if len(more) > 1 else None,
            time.time(),
        )
        self.ledger.assigned(run)
        self._running[run] = None
        self._do(run)

    def _do(self, run: Run) -> None:
        which = self.random.random()
        if which < 0.08:
            self.send(p.WORK_STATUS, run.handle, b"1", b"2")
            self.send(p.WORK_DATA, run.handle, b"half\0of it")
            self.send(p.WORK_WARNING, run.handle, b"careful")
        if self._steady or which < 0.9:
            self._end(run)
        elif which < 0.993:
            self.crowd.after(self.random.expovariate(20), partial(self._end, run))
        else:
            self.crowd.after(self.random.uniform(0, 0.05), self.close)

    def _end(self, run: Run) -> None:
        if not self.connected or run not in self._running:
            return
        del self._running[run]
        which = self.random.random()
        if which < 0.92:
            self.send(p.WORK_COMPLETE, run.handle, b"done\0")
        elif which < 0.97:
            self.send(p.WORK_FAIL, run.handle)
        else:
            self.send(p.WORK_EXCEPTION, run.handle, b"no")
        outcome = Outcome.COMPLETED if which < 0.92 else Outcome.FAILED
        self.ledger.reported(run, outcome, time.time())
        self._sent.append((self._grabbed, run))
        self._grab()

    def parted(self, left: bool) -> None:
        if not left:
            # The last reports may not have been read either.
            for run in (*self._running, *(run for _, run in self._sent)):
                run.outcome = Outcome.LOST
