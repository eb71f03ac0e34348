"""
Which lane may ask for a job, and when.

The rules:

  - A lane asks only with a slot in its hand, so that a worker never has more jobs
    than it may run at once: what one worker hoards, another could do.
  - Lanes that want a job ask in turn, for one each time, so that no server is served
    before the others.
  - A lane that may ask for several at once asks for no more than its part of the
    slots: a server that is slow or hangs leaves the others theirs.
  - A lane whose share of the functions has reached its limit, or that is about
    to take a function back, lets others pass.
  - A lane whose job is alone on its connection wants no other one meanwhile.
"""

from __future__ import annotations

from collections import deque

from txgearman.worker.lane import Lane


class Slots:
    """
    @ivar count: how many jobs may run at once.
    @ivar free: how many more could now.
    @ivar closed: whether nobody asks for a job any more.
    """

    def __init__(self, count: int) -> None:
        self.count = count
        self.free = count
        self.closed = False
        self._wanting: deque[Lane] = deque()
        # Those that may ask for several at once, if their servers are there.
        self._there: set[Lane] = set()

    @property
    def idle(self) -> bool:
        """
        Does nothing run, and is nothing asked for?
        """
        return self.free == self.count

    def want(self, lane: Lane) -> None:
        """
        A lane wants as many jobs as it may ask for at once.
        """
        if not lane.share.alone:
            self._there.add(lane)
        self._lineUp(lane)
        self.deal()

    def _lineUp(self, lane: Lane) -> None:
        """
        Have a lane wait for its turn, unless it does, or has asked for enough.
        """
        if not lane.wanting and lane.asked < self._most(lane):
            lane.wanting = True
            self._wanting.append(lane)

    def _most(self, lane: Lane) -> int:
        """
        How many jobs a lane may ask for at once.
        """
        if lane.pace == 1:
            return 1
        limit = lane.share.limit
        count = self.count if limit is None else min(limit, self.count)
        return max(1, min(lane.pace, count // len(self._there)))

    def refused(self, lane: Lane) -> None:
        """
        A lane asked and got no job: it sleeps when it has all its answers.
        """
        lane.slowDown()
        self._forget(lane)
        if not (lane.asked or self.closed):
            lane.sleep()
        self.release(lane)

    def leave(self, lane: Lane) -> None:
        """
        A lane lost its server.
        """
        lane.away = True
        lane.slowDown()
        self._forget(lane)
        self._there.discard(lane)
        while lane.asked:
            lane.asked -= 1
            self.release(lane)

    def _forget(self, lane: Lane) -> None:
        """
        A lane wants no job.
        """
        if lane.wanting:
            lane.wanting = False
            self._wanting.remove(lane)

    def release(self, lane: Lane) -> None:
        """
        A slot that a lane had is free.
        """
        self.free += 1
        lane.share.running -= 1
        self.deal()

    def deal(self) -> None:
        """
        Let lanes ask while there are slots.
        """
        wanting = self._wanting
        passed = 0
        while passed < len(wanting) and self.free and not self.closed:
            lane = wanting.popleft()
            if lane.share.full or lane.leaving:
                wanting.append(lane)
                passed += 1
                continue
            passed = 0
            lane.wanting = False
            self.free -= 1
            lane.share.running += 1
            lane.ask()
            self._lineUp(lane)
