"""
The jobs of one function that wait for a worker.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import Final

from txgearman.board.job import QUEUED, Job, Priority

NOTHING: Final = len(Priority)
"""What L{JobQueue.top} is when no job waits: after every priority."""

# A lane is swept when it holds more dead entries than this, and more dead ones
# than living ones: the sweep costs each entry no more than its removal would.
_SWEEP = 64


class JobQueue:
    """
    Three lanes, one for each priority, first in, first out.

    A job that leaves from the middle (cancelled, abandoned) is out of every
    count at once; its entry in the lane is skipped when it comes up, or swept
    away when there are too many of them.

    @ivar counts: how many jobs wait in each lane.
    @ivar waiting: how many jobs wait in all of them.
    @ivar top: the first lane in which a job waits, or L{NOTHING}.
    """

    __slots__ = ("_lanes", "counts", "top", "waiting")

    def __init__(self) -> None:
        # An empty lane takes much room, and most functions need no more than one.
        self._lanes: list[deque[Job] | None] = [None] * len(Priority)
        self.counts = [0] * len(Priority)
        self.waiting = 0
        self.top: int = NOTHING

    def append(self, job: Job) -> None:
        """
        Put a job at the tail of its priority's lane.
        """
        priority = job.priority
        job.state = QUEUED
        lane = self._lanes[priority]
        if lane is None:
            lane = self._lanes[priority] = deque()
        lane.append(job)
        self.counts[priority] += 1
        self.waiting += 1
        if priority < self.top:
            self.top = priority

    def peekTop(self) -> Job | None:
        """
        The job that L{popTop} would take, if there is one.
        """
        lane = None if self.top == NOTHING else self._lanes[self.top]
        if lane is None:
            return None
        while lane[0].state is not QUEUED:
            lane.popleft()
        return lane[0]

    def popTop(self) -> Job:
        """
        Take the first job of the first lane that has one.

        @raise IndexError: when no job waits.
        """
        lane = None if self.top == NOTHING else self._lanes[self.top]
        if lane is None:
            raise IndexError("no job waits")
        job = lane.popleft()
        while job.state is not QUEUED:
            job = lane.popleft()
        self._left(job.priority)
        return job

    def heads(self) -> Iterator[Job]:
        """
        Yield the first job of each lane.
        """
        for lane, count in zip(self._lanes, self.counts, strict=True):
            if lane is not None and count:
                while lane[0].state is not QUEUED:
                    lane.popleft()
                yield lane[0]

    def __iter__(self) -> Iterator[Job]:
        """
        Iterate over the jobs that wait, the most urgent ones first.
        """
        for lane in self._lanes:
            yield from (job for job in lane or () if job.state is QUEUED)

    def remove(self, job: Job) -> None:
        """
        Take a job out of the middle; the caller has given it a state other
        than queued, for good.
        """
        priority = job.priority
        self._left(priority)
        lane = self._lanes[priority]
        assert lane is not None, "the job waited in it"
        dead = len(lane) - self.counts[priority]
        if dead > _SWEEP and dead > self.counts[priority]:
            living = [job for job in lane if job.state is QUEUED]
            lane.clear()
            lane.extend(living)

    def withdraw(self, job: Job) -> None:
        """
        Take a job out of the middle that may come back.
        """
        lane = self._lanes[job.priority]
        assert lane is not None, "the job waited in it"
        lane.remove(job)
        self._left(job.priority)

    def _left(self, priority: int) -> None:
        """
        Count a job out of its lane.
        """
        self.waiting -= 1
        self.counts[priority] -= 1
        if not self.counts[priority] and priority == self.top:
            later = range(priority + 1, NOTHING)
            self.top = next((lane for lane in later if self.counts[lane]), NOTHING)
