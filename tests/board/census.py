"""
What always holds on a board, whatever anybody did: a census of everything on it, and a
log of its grants.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterator

from attrs import define, field
from twisted.internet.interfaces import IReactorTime

from txgearman.board.board import JobBoard
from txgearman.board.dead import DeadJob
from txgearman.board.function import Function
from txgearman.board.gate import UNLIMITED
from txgearman.board.job import SAVING, Job, JobState, Priority
from txgearman.board.peer import Peer, Rest
from txgearman.board.queue import NOTHING
from txgearman.board.results import Result

# A moment is no exact number.
_NEARLY = 1e-3

# So many grants of a function are remembered.
_REMEMBERED = 600


def takeCensus(board: JobBoard, now: float | None = None) -> None:
    """
    Count everything on a board again, and compare.

    @param now: in seconds of the epoch; with it, nothing may be later than it should.
    @raise AssertionError: when a count of the board's is wrong, one thing points to
        another that does not point back, a limit is exceeded, or a job waits for no
        reason.
    """
    for handle, job in board.jobs.items():
        same(job.handle, handle)
        _checkJob(board, job)
    functions = list(board.functions)
    for function in functions:
        _checkFunction(board, function)
        _checkLimits(board, function)
    same(board.running, sum(function.running for function in functions))
    _checkReady(board)
    for peer in board.peers:
        _checkPeer(board, peer)
    _checkDead(board)
    _checkResults(board)
    if now is not None:
        _checkTimes(board, now)


def _checkJob(board: JobBoard, job: Job) -> None:
    """
    Is all that a living job points to on the board as well?
    """
    runs = job.state is JobState.RUNNING
    delayed = job.state is JobState.DELAYED
    assert job.state in (SAVING, JobState.DELAYED, JobState.QUEUED, JobState.RUNNING)
    assert board.functions.get(job.function.name) is job.function, job
    assert runs == (job.worker is not None), job
    assert job.wanted or runs, "a job that nobody wants does not wait"
    if job.worker is not None:
        assert job.worker in board.peers, "a lost worker runs nothing"
        assert job.worker.running.get(job.handle) is job, job
        assert job.attempts, "what runs was granted"
    if job.state is SAVING:
        assert job.saving is not None, "somebody saves it"
    same(job in job.function.delayed, delayed)
    assert job.timer is not None or not delayed, job
    assert job.timer is None or delayed or runs, job
    assert job.timer is None or job.timer.action is not None, "its timer is over"
    for client in job.listeners:
        assert client in board.peers, "a lost client listens to nothing"
        assert job in client.waiting, job


def _checkFunction(board: JobBoard, function: Function) -> None:
    """
    Are the function's counts and indexes those of its living jobs?
    """
    jobs = [job for job in board.jobs.values() if job.function is function]
    states = Counter(job.state for job in jobs)
    running = [job for job in jobs if job.state is JobState.RUNNING]
    queued = [job for job in jobs if job.state is JobState.QUEUED]
    counts = [sum(job.priority == p for job in queued) for p in Priority]
    queue = function.queue
    same(function.total, len(jobs))
    same(function.size, sum(len(job.data) for job in jobs))
    same(function.running, len(running))
    same(function.runningSize, sum(len(job.data) for job in running))
    same(set(function.delayed), {j for j in jobs if j.state is JobState.DELAYED})
    same(len(function.delayed), states[JobState.DELAYED])
    same(queue.counts, counts)
    same(queue.waiting, len(queued))
    same(queue.top, next((p for p in Priority if counts[p]), NOTHING))
    inLine = list(queue)
    same(Counter(inLine), Counter(queued))
    same([job.priority for job in inLine], sorted(job.priority for job in queued))
    same(function.byUnique, {j.unique: j for j in jobs if j.unique not in (b"", b"-")})
    same(function.byData, {j.data: j for j in jobs if j.unique == b"-" and j.data})
    named = [job.unique for job in jobs if job.unique not in (b"", b"-")]
    assert len(set(named)) == len(named), "two jobs of one unique live"
    workers = {peer for peer in board.peers if function.name in peer.abilities}
    same(set(function.workers), workers)
    same(set(function.sleepers), {worker for worker in workers if worker.idle})
    same(function.woken, sum(w.rest is Rest.WOKEN for w in workers))


def _checkLimits(board: JobBoard, function: Function) -> None:
    """
    May as many of a function's jobs be granted as its policy says? And does nobody
    sleep who could do one of them?
    """
    policy = function.policy
    same(policy, board.policies.of(function.name))
    room = UNLIMITED
    if policy.paused:
        room = 0
    elif policy.concurrency:
        room = max(0, policy.concurrency - function.running)
    assert 0 <= function.room <= room, (function.name, function.room, room)
    if policy.rate and room:
        assert function.room <= policy.burst, function.name
        if not function.room:
            opening = function.opening
            assert opening is not None, "somebody looks when one more may be granted"
            assert opening.action is not None, "somebody will look"
    else:
        same(function.room > 0, room > 0)
    same(function.offered, min(function.queue.waiting, function.room))
    if policy.ttl and function.queue.waiting and board.grants:
        expiring = function.expiring
        assert expiring is not None, "somebody looks when a time to live is over"
        assert expiring.action is not None, "somebody will look"
    if board.grants and function.offered and function.sleepers:
        assert function.woken, "a worker sleeps, and none is on its way to a job"


def _checkReady(board: JobBoard) -> None:
    """
    Do those functions, and no others, stand where workers look for jobs, of which some
    may be granted?
    """
    for priority in Priority:
        ready = board.functions.ready.at(priority)
        expected = {
            function.name
            for function in board.functions
            if function.room > 0 and function.queue.top == priority
        }
        same({function.name for function in ready}, expected)
    for function in board.functions:
        top = function.queue.top if function.room > 0 else NOTHING
        same(function.top, top)


def _checkPeer(board: JobBoard, peer: Peer) -> None:
    """
    Is all that a peer points to on the board as well?
    """
    for handle, job in peer.running.items():
        assert board.jobs.get(handle) is job, "only living jobs run"
        assert job.worker is peer, job
    for job in peer.waiting:
        assert board.jobs.get(job.handle) is job, "only living jobs are waited for"
        assert peer in job.listeners, job
    for name, ability in peer.abilities.items():
        assert board.functions.get(name) is ability.function, name


def _checkDead(board: JobBoard) -> None:
    """
    Are there no more dead letters than there may be, and none of a job that lives?
    """
    dead, policy = list(board.dead), board.policy
    _checkBounds(dead, len(board.dead), policy.deadLimit)
    same(board.dead.size, sum(len(one.data) for one in dead))
    assert board.dead.size <= policy.deadBytes, "they are too large together"
    for one in dead:
        assert board.dead.get(one.handle) is one, one
        assert one.handle not in board.jobs, "a job is alive and dead"


def _checkResults(board: JobBoard) -> None:
    """
    Are there no more results than there may be, and is each found?
    """
    results, policy = list(board.results), board.policy
    _checkBounds(results, len(board.results), policy.resultsLimit)
    same(board.results.size, sum(len(one.data) for one in results))
    assert board.results.size <= policy.resultsBytes, "they are too large together"
    last: dict[tuple[bytes, bytes], Result] = {}
    for one in results:
        assert board.results.get(one.handle) is one, one
        assert one.size == len(one.data) or not one.data, one
        if one.unique not in (b"", b"-"):
            last[one.function, one.unique] = one
    for (function, unique), one in last.items():
        found = board.results.byUnique(function, unique)
        assert found is one, (one, found)


def _checkBounds(things: list[DeadJob] | list[Result], count: int, limit: int) -> None:
    same(count, len(things))
    assert count <= limit, "there are too many"
    moments = [thing.moment for thing in things]
    same(moments, sorted(moments))


def _checkTimes(board: JobBoard, now: float) -> None:
    """
    Is nothing later than it should be?
    """
    for job in board.jobs.values():
        if job.state is JobState.DELAYED:
            assert now <= job.due, "it is due"
    for dead in board.dead:
        assert now < dead.died + board.policy.deadAge, "nobody wants it any more"
    for result in board.results:
        assert now < result.until, "nobody wants it any more"


@define(eq=False)
class _Line:
    """
    The grants of one function under one limit.
    """

    rate: float
    burst: int
    times: deque[float] = field(factory=lambda: deque(maxlen=_REMEMBERED))

    def windows(self) -> Iterator[tuple[float, int]]:
        """
        Yield each window that ends with the last grant: how long it is, and how many
        grants are in it.
        """
        last = self.times[-1]
        for count, begun in enumerate(reversed(self.times), 1):
            yield last - begun, count


class Grants:
    """
    A log of the grants on a board, each of which is checked.
    """

    def __init__(self, clock: IReactorTime) -> None:
        self._clock = clock
        self._lines: dict[bytes, _Line] = {}

    def note(self, job: Job) -> None:
        """
        A job was granted.

        @raise AssertionError: when it should not have been.
        """
        function, now = job.function, self._clock.seconds()
        policy = function.policy
        assert job.due <= now, "it is not due"
        assert not policy.paused, "its function is paused"
        most = policy.concurrency or UNLIMITED
        assert function.running <= most, "too many run"
        line = self._lines.get(function.name)
        if line is None or (line.rate, line.burst) != (policy.rate, policy.burst):
            line = self._lines[function.name] = _Line(policy.rate, policy.burst)
        if policy.rate:
            line.times.append(now)
            for length, count in line.windows():
                granted = policy.burst + policy.rate * length
                assert count <= granted + _NEARLY, (count, length)

    def forget(self) -> None:
        """
        Limits change: what was granted under the old ones does not count.
        """
        self._lines.clear()


def same(found: object, expected: object) -> None:
    """
    @raise AssertionError: when they are not equal.
    """
    assert found == expected, f"{found!r} is not {expected!r}"
