"""
How many children a group is to have, from what there is to do.

As many as the jobs are worth that wait or run; more at once, and fewer when for some
time no more were needed. Nothing here asks or changes anything.
"""

from __future__ import annotations

from collections import deque
from math import ceil
from typing import Final

from attrs import frozen

from txgearman.fleet.settings import GroupSettings

UNKNOWN: Final = -1.0
"""The age of the oldest queued job where a server does not tell it."""


@frozen
class Demand:
    """
    What there is to do.

    @ivar queued: how many jobs wait for a worker; those that wait for a moment, and
        those of functions that are paused, are not among them.
    @ivar running: how many jobs run, whoever runs them.
    @ivar oldest: how long the oldest of those that wait has waited, in seconds; 0 when
        none waits, and L{UNKNOWN} when nobody says.
    """

    queued: int = 0
    running: int = 0
    oldest: float = 0.0

    def __add__(self, other: Demand) -> Demand:
        """
        Sum up what there is to do in two places.
        """
        # One that does not say hides none that does.
        return Demand(
            self.queued + other.queued,
            self.running + other.running,
            max(self.oldest, other.oldest) or min(self.oldest, other.oldest),
        )

    def without(self, jobs: int) -> Demand:
        """
        Leave out jobs that others see to: some of those that run, and then some of
        those that wait.
        """
        run = min(self.running, jobs)
        wait = min(self.queued, jobs - run)
        queued = self.queued - wait
        return Demand(queued, self.running - run, self.oldest if queued else 0.0)


class Scaler:
    """
    Decides how many children one group is to have.
    """

    def __init__(self, settings: GroupSettings) -> None:
        """
        @param settings: of a group that is autoscaled.
        """
        self._settings = settings
        # When how many were needed; each is for longer than those before it of less.
        self._needs: deque[tuple[float, int]] = deque()

    def wanted(self, now: float, count: int, demand: Demand) -> int:
        """
        Say how many children there are to be. It is to be asked again and again.

        @param now: in seconds; it may not go back.
        @param count: how many there are to be until now.
        """
        if not self._needs:
            # What was before is not known: all of them may have been needed.
            self._needed(now, count)
        need = self._bounded(self._need(count, demand))
        self._needed(now, need)
        if need >= count:
            return need
        peak = max(self._needs[0][1], self._busy(demand))
        return self._bounded(min(count, peak))

    def unknown(self, now: float, count: int) -> None:
        """
        Nobody knows what there is to do: all children may be needed.

        @param now: as for L{wanted}.
        @param count: likewise.
        """
        self._needed(now, count)

    def _need(self, count: int, demand: Demand) -> int:
        """
        How many are needed now.
        """
        need = ceil((demand.queued + demand.running) / self._settings.jobsPerChild)
        if demand.queued and 0 < self._settings.maxAge < demand.oldest:
            return max(need, count + 1)
        return need

    def _busy(self, demand: Demand) -> int:
        """
        How many have jobs, if all of those are the group's: none of them is stopped,
        since another would have to take what comes next.
        """
        return ceil(demand.running / self._settings.concurrency)

    def _bounded(self, count: int) -> int:
        return max(self._settings.min, min(self._settings.max, count))

    def _needed(self, now: float, need: int) -> None:
        """
        Remember it, and forget what is too long ago. The first is the most of what is
        left.
        """
        while self._needs and self._needs[-1][1] <= need:
            self._needs.pop()
        self._needs.append((now, need))
        while self._needs[0][0] <= now - self._settings.cooldown:
            if len(self._needs) == 1:
                break
            self._needs.popleft()
