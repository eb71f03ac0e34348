"""
Attempts whose workers must not take too long.

Most jobs are done long before that. So none of them has a timer of its own: those of a
function stand in a row, since all of them have the same time, and one timer looks at
the first of them.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Final

from txgearman.board.job import RUNNING, Job
from txgearman.board.timers import Timers

# So many attempts that are over may stand in the row, beside as many as there are
# others.
_SWEEP: Final = 64


class Watch:
    """
    Looks at attempts some time after they began.

    @ivar after: how long after that, in seconds.
    """

    __slots__ = ("_attempts", "_look", "_room", "_seconds", "_timers", "after")

    def __init__(
        self,
        timers: Timers,
        seconds: Callable[[], float],
        after: float,
        look: Callable[[Job], None],
    ) -> None:
        """
        @param look: called with a job that still is in the attempt.
        """
        self.after = after
        self._timers = timers
        self._seconds = seconds
        self._look = look
        # When an attempt began, whose it is, and which of them.
        self._attempts: deque[tuple[float, Job, int]] = deque()
        self._room = _SWEEP

    def add(self, job: Job) -> None:
        """
        An attempt begins.
        """
        attempts = self._attempts
        attempts.append((job.started, job, job.attempts))
        count = len(attempts)
        if count == 1:
            self._timers.at(job.started + self.after, self._lookAtFirst)
        elif count > self._room:
            self._sweep()

    def _sweep(self) -> None:
        """
        Forget the attempts that are over, but for the first, for which there is the
        timer.
        """
        first, *others = self._attempts
        lasting = [one for one in others if _lasts(one[1], one[2])]
        self._attempts = deque([first, *lasting])
        self._room = 2 * len(lasting) + _SWEEP

    def _lookAtFirst(self) -> None:
        """
        It is time to look at the first attempt, and perhaps at others.
        """
        now, attempts = self._seconds(), self._attempts
        while attempts and attempts[0][0] + self.after <= now:
            _, job, attempt = attempts.popleft()
            if _lasts(job, attempt):
                self._look(job)
        if attempts:
            self._timers.at(attempts[0][0] + self.after, self._lookAtFirst)


def _lasts(job: Job, attempt: int) -> bool:
    """
    Is a job still in an attempt?
    """
    return job.state is RUNNING and job.attempts == attempt
