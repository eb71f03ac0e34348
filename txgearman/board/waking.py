"""
Who is woken when there is work.

The rules, which keep a thousand sleeping workers from running for one job:

  - A new job wakes as many sleepers as the policy says, one by default, the most
    recently active first: its memory is warm.
  - A worker is told once (NOOP), until it grabs or says that it sleeps again.
  - When a woken worker grabs, or is lost, and more jobs wait than woken workers
    are still on their way, the next sleeper is woken.
  - Some time after a wake-up, when jobs still wait, more sleepers are woken: a
    worker that hangs costs a job that long and no more.
"""

from __future__ import annotations

from collections.abc import Callable

from txgearman.board.function import Function
from txgearman.board.peer import Ability, Peer, Rest
from txgearman.board.policy import Policy
from txgearman.board.timers import Timers


class Waker:
    """
    The sleeping workers of a board.

    @ivar stopped: whether nobody is woken any more.
    """

    def __init__(
        self, policy: Policy, timers: Timers, seconds: Callable[[], float]
    ) -> None:
        self.stopped = False
        self._policy = policy
        self._timers = timers
        self._seconds = seconds
        # The functions whose sleepers were woken since the last second look.
        self._woken: dict[Function, None] = {}

    def sleep(self, worker: Peer) -> None:
        """
        A worker says that it sleeps. If a job waits for it, it is told so, and
        is not asleep.
        """
        self.awake(worker)
        if self.stopped or not any(a.function.queue.waiting for a in worker.turns):
            worker.rest = Rest.ASLEEP
            for ability in worker.turns:
                ability.function.sleepers[worker] = None
        else:
            worker.link.noop()

    def awake(self, worker: Peer) -> bool:
        """
        A worker shows that it is awake.

        @return: whether it had been woken.
        """
        rest, worker.rest = worker.rest, Rest.AWAKE
        if rest is Rest.ASLEEP:
            for ability in worker.turns:
                del ability.function.sleepers[worker]
        elif rest is Rest.WOKEN:
            for ability in worker.turns:
                ability.function.woken -= 1
        return rest is Rest.WOKEN

    def wake(self, function: Function) -> None:
        """
        A job was put into the function's queue: wake sleepers for it.
        """
        if function.sleepers and not self.stopped:
            self._wake(function, self._policy.wakeup or len(function.sleepers))

    def passOn(self, worker: Peer) -> None:
        """
        A woken worker grabbed or is lost: wake others for the jobs that it did
        not take.
        """
        for ability in worker.turns:
            function = ability.function
            lacking = function.queue.waiting - function.woken
            if lacking > 0 and function.sleepers and not self.stopped:
                self._wake(function, 1)

    def learned(self, worker: Peer, ability: Ability) -> None:
        """
        A worker gained an ability, perhaps in its sleep.
        """
        function = ability.function
        if worker.rest is Rest.ASLEEP:
            function.sleepers[worker] = None
            if function.queue.waiting and not self.stopped:
                self._rouse(worker)
        elif worker.rest is Rest.WOKEN:
            function.woken += 1

    def forgot(self, worker: Peer, ability: Ability) -> None:
        """
        A worker lost an ability, perhaps in its sleep.
        """
        if worker.rest is Rest.ASLEEP:
            del ability.function.sleepers[worker]
        elif worker.rest is Rest.WOKEN:
            ability.function.woken -= 1

    def _wake(self, function: Function, count: int) -> None:
        """
        Wake some of a function's sleepers, and look again after a while.
        """
        for _ in range(min(count, len(function.sleepers))):
            self._rouse(next(reversed(function.sleepers)))
        if not self._woken:
            when = self._seconds() + self._policy.wakeupDelay
            self._timers.at(when, self._lookAgain)
        self._woken[function] = None

    def _rouse(self, worker: Peer) -> None:
        """
        Wake one worker.
        """
        worker.rest = Rest.WOKEN
        for ability in worker.turns:
            del ability.function.sleepers[worker]
            ability.function.woken += 1
        worker.link.noop()

    def _lookAgain(self) -> None:
        """
        Wake more sleepers where jobs still wait.
        """
        woken, self._woken = self._woken, {}
        for function in woken:
            if function.queue.waiting and function.sleepers and not self.stopped:
                self._wake(function, function.queue.waiting)
