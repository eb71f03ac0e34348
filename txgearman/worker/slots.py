"""
Which lane may ask for a job, and when.

The rules:

  - A lane asks only with a slot in its hand, so that a worker never has more
    jobs than it can run: what one worker hoards, another could do.
  - Lanes that want a job ask in turn, so that no server is served before the
    others.
  - A lane whose share of the functions has reached its limit, or that is about
    to take a function back, lets others pass.
  - A lane whose job is alone on its connection wants no other one meanwhile.
"""

from __future__ import annotations

from collections import deque

from txgearman.worker.lane import Lane, Standing


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
        A lane wants a job.
        """
        lane.standing = Standing.WANTING
        self._wanting.append(lane)
        self._deal()

    def refused(self, lane: Lane) -> None:
        """
        A lane asked and got no job: it sleeps.
        """
        lane.standing = Standing.SLEEPING
        if not self.closed:
            lane.sleep()
        self.release(lane)

    def leave(self, lane: Lane) -> None:
        """
        A lane lost its server.
        """
        standing, lane.standing = lane.standing, Standing.AWAY
        if standing is Standing.WANTING:
            self._wanting.remove(lane)
        elif standing is Standing.ASKING:
            self.release(lane)

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
        for _ in range(len(self._wanting)):
            if self.closed or not self.free:
                return
            lane = self._wanting.popleft()
            if lane.share.full or lane.leaving:
                self._wanting.append(lane)
                continue
            self.free -= 1
            lane.share.running += 1
            lane.ask()
