"""
A function: its waiting jobs, its workers, its limits.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Final

from attrs import frozen

from txgearman.board.gate import UNLIMITED, Gate
from txgearman.board.job import Job, Priority
from txgearman.board.policies import PLAIN, FunctionPolicy, Policies
from txgearman.board.policy import Policy
from txgearman.board.queue import NOTHING, JobQueue
from txgearman.errors import ServerError
from txgearman.wire.codec import Data

if TYPE_CHECKING:
    from txgearman.board.peer import Peer
    from txgearman.board.timers import Timer
    from txgearman.board.watch import Watch

BY_DATA: Final = b"-"
"""The unique which says that the workload is the unique."""


@frozen
class QueueLimit:
    """
    How many living jobs a function may have before submits are refused; 0 for
    any number. Each priority has its own limit, and each is compared with all
    of the function's jobs, running ones included, as in gearmand.
    """

    high: int = 0
    normal: int = 0
    low: int = 0

    def of(self, priority: int) -> int:
        """
        The limit for submits of a priority.
        """
        return (self.high, self.normal, self.low)[priority]


NO_LIMIT: Final = QueueLimit()


class Ready:
    """
    The functions that have waiting jobs, by the priority of the most urgent ones.
    """

    __slots__ = ("_lanes",)

    def __init__(self) -> None:
        self._lanes: tuple[dict[Function, None], ...] = tuple({} for _ in Priority)

    def at(self, priority: int) -> dict[Function, None]:
        """
        Those whose most urgent jobs have a priority.
        """
        return self._lanes[priority]

    def move(self, function: Function, before: int, top: int) -> None:
        """
        A function's most urgent jobs have another priority than before.

        @param before: the priority, or L{NOTHING} when it had none.
        @param top: the same, of now.
        """
        if before != NOTHING:
            del self._lanes[before][function]
        if top != NOTHING:
            self._lanes[top][function] = None


class Function:
    """
    What the board knows of one function.

    @ivar name: any bytes.
    @ivar policy: what holds for it.
    @ivar total: how many of its jobs live: delayed, queued and running ones.
    @ivar size: how many bytes of workloads they have.
    @ivar running: how many of them run.
    @ivar runningSize: how many bytes of workloads those have.
    @ivar room: how many more may be granted at least.
    @ivar opening: what will look again when more may be, by and by.
    @ivar watch: what looks at attempts that may take too long.
    @ivar disordered: whether a job may stand before another one that has waited for
        longer, which that timer does not see then.
    @ivar expiring: what will look whose time to live is over.
    @ivar top: the priority of the most urgent jobs that may be granted, or
        L{NOTHING}.
    @ivar delayed: those that are not due.
    @ivar byUnique: its living jobs by their unique.
    @ivar byData: those whose unique is C{-}, by their workload.
    @ivar workers: the workers that can do it, in the order of their coming.
    @ivar sleepers: those of them that sleep, or wait for the answer to a grab, the most
        recently active last.
    @ivar woken: how many of them were woken, or offered a job, and have not grabbed
        since.
    """

    __slots__ = (
        "_gate",
        "_ready",
        "byData",
        "byUnique",
        "delayed",
        "disordered",
        "expiring",
        "limit",
        "name",
        "opening",
        "policy",
        "queue",
        "room",
        "running",
        "runningSize",
        "size",
        "sleepers",
        "top",
        "total",
        "watch",
        "woken",
        "workers",
    )

    def __init__(
        self, name: bytes, limit: QueueLimit = NO_LIMIT, ready: Ready | None = None
    ) -> None:
        """
        @param ready: where to stand while there are waiting jobs.
        """
        self._ready = Ready() if ready is None else ready
        self._gate: Gate | None = None
        self.top: int = NOTHING
        self.name = name
        self.limit = limit
        self.policy = PLAIN
        self.room = UNLIMITED
        self.opening: Timer | None = None
        self.expiring: Timer | None = None
        self.watch: Watch | None = None
        self.disordered = False
        self.queue = JobQueue()
        self.total = 0
        self.size = 0
        self.running = 0
        self.runningSize = 0
        self.delayed: dict[Job, None] = {}
        self.byUnique: dict[bytes, Job] = {}
        self.byData: dict[bytes, Job] = {}
        self.workers: dict[Peer, None] = {}
        self.sleepers: dict[Peer, None] = {}
        self.woken = 0

    def enqueue(self, job: Job) -> None:
        """
        Let a job wait at the tail of its queue.
        """
        self.queue.append(job)
        self._settle()

    def takeTop(self) -> Job:
        """
        Take the most urgent job out of the queue.

        @raise IndexError: when no job waits.
        """
        job = self.queue.popTop()
        self._settle()
        return job

    def dequeue(self, job: Job) -> None:
        """
        Take a job out of the middle of the queue, as L{JobQueue.remove} does.
        """
        self.queue.remove(job)
        self._settle()

    def withdraw(self, job: Job) -> None:
        """
        Take a job out of the middle of the queue that may come back.
        """
        self.queue.withdraw(job)
        self._settle()

    def _settle(self) -> None:
        """
        Stand where the most urgent job's priority is.
        """
        top = self.queue.top if self.room > 0 else NOTHING
        if top != self.top:
            self._ready.move(self, self.top, top)
            self.top = top

    @property
    def offered(self) -> int:
        """
        How many of its jobs may be granted now.
        """
        return min(self.queue.waiting, self.room)

    # Limits

    def govern(self, policy: FunctionPolicy, now: float) -> None:
        """
        Another policy holds from now on.

        @param now: in seconds of the epoch.
        """
        self.policy = policy
        if not policy.gated:
            self._gate = None
            self.room = UNLIMITED
            self._settle()
            return
        if self._gate is None:
            self._gate = Gate(policy, now)
        else:
            self._gate.changed(policy, now)
        self.look(now)

    def look(self, now: float) -> float:
        """
        Look how many jobs may be granted.

        @return: when time alone will let one more be, in seconds of the epoch; 0 when
            it will not.
        """
        gate = self._gate
        if gate is None:
            return 0.0
        self.room = gate.room(self.running, now)
        self._settle()
        return gate.opens(self.running)

    def granted(self, now: float) -> bool:
        """
        One of its jobs is granted.

        @return: whether to look if more may be.
        """
        if self._gate is not None:
            self._gate.granted(now)
            self.room -= 1
        return self.room <= 0

    def full(self, priority: int, data: Data) -> bool:
        """
        Would one more job of this priority, with this workload, be too many?
        """
        if self.limit is not NO_LIMIT and 0 < self.limit.of(priority) <= self.total:
            return True
        policy = self.policy
        if not policy.bounded:
            return False
        total, size = self.total, self.size + len(data)
        if not policy.queueCountsRunning:
            total, size = total - self.running, size - self.runningSize
        return 0 < policy.queueLimit <= total or 0 < policy.queueBytes < size

    def coalescing(self, unique: bytes, data: Data) -> Job | None:
        """
        Find the living job that a submit with this unique would join.
        """
        if not unique:
            return None
        if unique == BY_DATA:
            return self.byData.get(bytes(data))
        return self.byUnique.get(unique)

    def add(self, job: Job) -> None:
        """
        Count a new job in.
        """
        self.total += 1
        self.size += len(job.data)
        if job.unique == BY_DATA:
            if job.data:
                self.byData[bytes(job.data)] = job
        elif job.unique:
            self.byUnique[job.unique] = job

    def discard(self, job: Job) -> None:
        """
        Count a job out that has ended.
        """
        self.total -= 1
        self.size -= len(job.data)
        if job.unique == BY_DATA:
            if self.byData.get(bytes(job.data)) is job:
                del self.byData[bytes(job.data)]
        elif job.unique and self.byUnique.get(job.unique) is job:
            del self.byUnique[job.unique]


class Functions:
    """
    Every function that anyone has named: like gearmand, the board remembers
    them until they are dropped.

    @ivar ready: those that have waiting jobs.
    """

    def __init__(
        self, policy: Policy, policies: Policies, seconds: Callable[[], float]
    ) -> None:
        """
        @param policies: what holds for each of them.
        """
        self.ready = Ready()
        self._policy = policy
        self._policies = policies
        self._seconds = seconds
        self._named: dict[bytes, Function] = {}
        # Limits set for functions that nobody has named yet.
        self._limits: dict[bytes, QueueLimit] = {}

    def __iter__(self) -> Iterator[Function]:
        return iter(self._named.values())

    def get(self, name: bytes) -> Function | None:
        """
        Find a function.
        """
        return self._named.get(name)

    def named(self, name: bytes) -> Function:
        """
        Find a function, or remember a new one.

        @raise ServerError: C{ARGUMENT_TOO_LARGE} for the name, C{QUEUE_ERROR}
            when there are too many functions.
        """
        function = self._named.get(name)
        if function is None:
            self._check(name)
            function = self.remembered(name)
        return function

    def remembered(self, name: bytes) -> Function:
        """
        Find a function, or remember a new one, however many there are: its jobs
        were taken once.
        """
        function = self._named.get(name)
        if function is None:
            function = Function(name, self._limits.pop(name, NO_LIMIT), self.ready)
            function.govern(self._policies.of(name), self._seconds())
            self._named[name] = function
        return function

    def setLimit(self, name: bytes, limit: QueueLimit) -> None:
        """
        Limit a function's queue, also of a function nobody has named yet.

        @raise ServerError: as L{named} does.
        """
        function = self._named.get(name)
        if function is not None:
            function.limit = limit
        else:
            self._check(name)
            self._limits[name] = limit

    def drop(self, function: Function) -> bool:
        """
        Forget a function, unless it has workers or jobs.
        """
        if function.workers or function.total:
            return False
        del self._named[function.name]
        return True

    def jobByUnique(self, unique: bytes) -> Job | None:
        """
        Find the job submitted last under a unique, whatever its function. Jobs
        whose unique is C{-} cannot be found by it, as in gearmand.
        """
        found = [
            function.byUnique[unique]
            for function in self
            if unique in function.byUnique
        ]
        return max(found, key=lambda job: job.number, default=None)

    def _check(self, name: bytes) -> None:
        """
        Can one more function be remembered, and of this name?
        """
        if len(name) > self._policy.functionLimit:
            raise ServerError(b"ARGUMENT_TOO_LARGE", b"Function name too large")
        known = name in self._limits
        if len(self._named) + len(self._limits) - known >= self._policy.functionsLimit:
            raise ServerError(b"QUEUE_ERROR", b"Too many functions")
