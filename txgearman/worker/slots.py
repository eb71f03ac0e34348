"""
Which lane may ask for a job, and when.

The rules:

  - A lane asks only with a slot in its hand, so that a worker never has more
    jobs than it can run: what one worker hoards, another could do.
  - Lanes that want a job ask in turn, for one each time, so that no server is served
    before the others.
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
        if not lane.wanting and lane.asked < lane.pace:
            lane.wanting = True
            self._wanting.append(lane)
        self._deal()

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
        self._deal()

    def _deal(self) -> None:
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
            self.free -= 1
            lane.share.running += 1
            lane.ask()
            if lane.asked < lane.pace:
                wanting.append(lane)
            else:
                lane.wanting = False
