"""
Who is woken when there is work.

The rules, which keep a thousand sleeping workers from running for one job:

  - A new job wakes as many sleepers as the policy says, one by default, the most
    recently active first: its memory is warm. None are woken for a job that is
    granted before the turn is over in which it came.
  - A worker is told once (NOOP), until it grabs or says that it sleeps again.
  - Who waits for the answer to a grab counts as a sleeper, and is offered the job.
  - When a woken worker grabs, is lost, or has not come after a while, and more
    jobs wait than woken workers are still on their way, the next sleeper is
    woken. So a worker that hangs costs a job that while and no more.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from txgearman.board.function import Function
from txgearman.board.peer import Ability, Peer, Rest
from txgearman.board.policy import Policy
from txgearman.board.timers import Timers

Later = Callable[[Callable[[], None]], object]
"""What calls something a little later."""


class Waker:
    """
    The sleeping workers of a board.

    @ivar stopped: whether nobody is woken any more.
    """

    def __init__(
        self,
        policy: Policy,
        timers: Timers,
        seconds: Callable[[], float],
        later: Later | None = None,
    ) -> None:
        """
        @param later: what calls something a little later, when it is known which of
            the new jobs were granted to workers that need not be woken; L{None} to
            wake for each new job at once.
        """
        self.stopped = False
        self._policy = policy
        self._timers = timers
        self._seconds = seconds
        # Who was woken, and when, the earliest first. Most of them have come;
        # nobody takes the trouble to look until it is time to.
        self._woken: deque[tuple[float, Peer]] = deque()
        self._later = later
        # How many jobs are new, by function.
        self._new: dict[Function, int] = {}

    def sleep(self, worker: Peer) -> None:
        """
        A worker says that it sleeps. If a job waits for it, it is woken at once.
        """
        self._settle(worker, Rest.ASLEEP)
        if not self.stopped and any(
            a.function.offered for a in worker.abilities.values()
        ):
            self._rouse(worker)

    def wait(self, worker: Peer) -> None:
        """
        A worker waits for the answer to a grab, since no job waits for it.
        """
        self._settle(worker, Rest.WAITING)

    def _settle(self, worker: Peer, rest: Rest) -> None:
        """
        New jobs are for that worker from now on.
        """
        self.awake(worker)
        worker.rest = rest
        for ability in worker.abilities.values():
            ability.function.sleepers[worker] = None

    def awake(self, worker: Peer) -> bool:
        """
        A worker shows that it is awake.

        @return: whether it had been woken.
        """
        idle, woken = worker.idle, worker.rest is Rest.WOKEN
        worker.rest = Rest.AWAKE
        if idle:
            for ability in worker.abilities.values():
                del ability.function.sleepers[worker]
        elif woken:
            self._countOut(worker)
        return woken

    def _countOut(self, worker: Peer) -> None:
        """
        A woken worker is not on its way any more.
        """
        for ability in worker.abilities.values():
            ability.function.woken -= 1

    def wake(self, function: Function) -> None:
        """
        A job was put into the function's queue: wake sleepers for it.
        """
        if self._later is None:
            self._wakeFor(function, min(1, function.offered))
        else:
            if not self._new:
                self._later(self._wakeForNew)
            self._new[function] = self._new.get(function, 0) + 1

    def wakeForAll(self, function: Function) -> None:
        """
        Jobs wait in the function's queue that nobody was woken for.
        """
        self._wakeFor(function, max(0, function.offered - function.woken))

    def _wakeForNew(self) -> None:
        """
        Wake sleepers for those of the new jobs that still wait.
        """
        new, self._new = self._new, {}
        for function, count in new.items():
            self._wakeFor(function, min(count, function.offered))

    def _wakeFor(self, function: Function, count: int) -> None:
        """
        Wake sleepers for so many jobs; no more than may be granted, where there is a
        limit, beside those that are on their way.
        """
        if not function.sleepers or self.stopped:
            return
        if function.policy.gated:
            function.look(self._seconds())
            count = min(count, function.room - function.woken)
        if count > 0:
            each = self._policy.wakeup
            self._wake(function, each * count if each else len(function.sleepers))

    def passOn(self, worker: Peer) -> None:
        """
        A woken worker grabbed, is lost or overdue: wake others for the jobs that
        it did not take.
        """
        for ability in worker.abilities.values():
            self._passOn(ability.function)

    def _passOn(self, function: Function) -> None:
        """
        Wake another one if more jobs wait than workers are on their way.
        """
        lacking = function.offered - function.woken
        if lacking > 0 and function.sleepers and not self.stopped:
            self._wake(function, 1)

    def learned(self, worker: Peer, ability: Ability) -> None:
        """
        A worker gained an ability, perhaps in its sleep.
        """
        function = ability.function
        if worker.idle:
            function.sleepers[worker] = None
            if function.offered and not self.stopped:
                self._rouse(worker)
        elif worker.rest is Rest.WOKEN:
            function.woken += 1

    def forgot(self, worker: Peer, ability: Ability) -> None:
        """
        A worker lost an ability, perhaps in its sleep.
        """
        if worker.idle:
            del ability.function.sleepers[worker]
        elif worker.rest is Rest.WOKEN:
            ability.function.woken -= 1
            self._passOn(ability.function)

    def _wake(self, function: Function, count: int) -> None:
        """
        Wake some of a function's sleepers.
        """
        for _ in range(min(count, len(function.sleepers))):
            self._rouse(next(reversed(function.sleepers)))

    def _rouse(self, worker: Peer) -> None:
        """
        Wake one worker, and look after a while whether it came; there is no need to
        for one that waits.
        """
        waits = worker.rest is Rest.WAITING
        worker.rest = Rest.WOKEN
        for ability in worker.abilities.values():
            del ability.function.sleepers[worker]
            ability.function.woken += 1
        if waits:
            worker.wokenAt = 0.0
            worker.link.offer()
            return
        now = worker.wokenAt = self._seconds()
        if not self._woken:
            self._timers.at(now + self._policy.wakeupDelay, self._look)
        self._woken.append((now, worker))
        worker.link.noop()

    def _look(self) -> None:
        """
        Count nobody in who should have come by now.
        """
        woken, delay = self._woken, self._policy.wakeupDelay
        late = []
        while woken and woken[0][0] + delay <= self._seconds():
            wokenAt, worker = woken.popleft()
            if worker.rest is Rest.WOKEN and worker.wokenAt == wokenAt:
                worker.rest = Rest.OVERDUE
                self._countOut(worker)
                late.append(worker)
        if woken:
            self._timers.at(woken[0][0] + delay, self._look)
        for worker in late:
            self.passOn(worker)
