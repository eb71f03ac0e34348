"""
The stage on which the clients and workers of a board play their scenes.

There is no transport and no waiting: a L{Stage} has a board and a clock, and its
L{Actor}s remember what the board told them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeAlias

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.board.census import Grants
from tests.board.census import takeCensus as takeCensus
from txgearman.board.board import JobBoard
from txgearman.board.function import Function
from txgearman.board.job import Job, Priority
from txgearman.board.keys import KEYS, Value
from txgearman.board.policy import Policy
from txgearman.errors import ServerError
from txgearman.wire.codec import Data

Heard: TypeAlias = tuple[str | Data, ...]
"""What a peer was told: the packet's name, the job's handle, the rest."""

NOOP: Heard = ("NOOP",)
OFFER: Heard = ("offer",)

NOON = 1_700_000_000.0
"""When a scene begins, in seconds of the epoch: a date like those of real jobs."""

LONG = 10.0**6
"""Longer than anything on a board takes, in seconds."""

NOT_FOUND = (b"JOB_NOT_FOUND", b"Job given in work result not found")
NO_JOB_FOR_DATA = (b"JOB_NOT_FOUND", b"Job does not exist on server")
NO_JOB_FOR_EXCEPTION = (
    b"JOB_NOT_FOUND",
    b"An exception was received for a job that does not exist",
)


def progress(job: Job, numerator: bytes, denominator: bytes) -> Heard:
    """
    The worker made progress.
    """
    return ("WORK_STATUS", job.handle, numerator, denominator)


def part(job: Job, data: Data) -> Heard:
    """
    A part of the result.
    """
    return ("WORK_DATA", job.handle, data)


def warning(job: Job, data: Data) -> Heard:
    """
    A warning.
    """
    return ("WORK_WARNING", job.handle, data)


def complete(job: Job, data: Data = b"") -> Heard:
    """
    The job is completed.
    """
    return ("WORK_COMPLETE", job.handle, data)


def fail(job: Job) -> Heard:
    """
    The job failed.
    """
    return ("WORK_FAIL", job.handle)


def exception(job: Job, data: Data = b"") -> Heard:
    """
    The job failed with an exception.
    """
    return ("WORK_EXCEPTION", job.handle, data)


class RecordingLink:
    """
    A L{Link<txgearman.board.peer.Link>} that remembers what it was told.
    """

    def __init__(self) -> None:
        self.heard: list[Heard] = []

    def noop(self) -> None:
        self.heard.append(NOOP)

    def offer(self) -> None:
        self.heard.append(OFFER)

    def workStatus(self, job: Job, numerator: bytes, denominator: bytes) -> None:
        self.heard.append(progress(job, numerator, denominator))

    def workData(self, job: Job, data: Data) -> None:
        self.heard.append(part(job, data))

    def workWarning(self, job: Job, data: Data) -> None:
        self.heard.append(warning(job, data))

    def workComplete(self, job: Job, data: Data) -> None:
        self.heard.append(complete(job, data))

    def workFail(self, job: Job) -> None:
        self.heard.append(fail(job))

    def workException(self, job: Job, data: Data) -> None:
        self.heard.append(exception(job, data))


class Actor:
    """
    A connection: a client, a worker, or both.

    @ivar peer: what the board made of it.
    """

    def __init__(self, board: JobBoard, host: bytes, port: int, grants: Grants) -> None:
        """
        @param grants: where its grabs are noted.
        """
        self._board = board
        self._grants = grants
        self._link = RecordingLink()
        self.peer = board.made(self._link, host, port)

    def hears(self) -> list[Heard]:
        """
        Take what it was told since the last time.
        """
        heard, self._link.heard = self._link.heard, []
        return heard

    def leaves(self) -> None:
        self._board.lost(self.peer)

    def submits(
        self,
        name: bytes = b"f",
        data: Data = b"",
        unique: bytes = b"",
        priority: Priority = Priority.NORMAL,
        background: bool = False,
        reducer: bytes = b"",
        due: float = 0.0,
    ) -> Job:
        return self._board.submit(
            self.peer, name, unique, data, priority, background, reducer, due
        )

    def canDo(self, *names: bytes, timeout: float = 0.0) -> None:
        for name in names:
            self._board.canDo(self.peer, name, timeout)

    def cantDo(self, name: bytes) -> None:
        self._board.cantDo(self.peer, name)

    def forgetsAll(self) -> None:
        self._board.resetAbilities(self.peer)

    def sleeps(self) -> None:
        self._board.preSleep(self.peer)

    def waits(self) -> None:
        """
        Wait for the answer to a grab that was granted nothing.
        """
        self._board.wait(self.peer)

    def grabs(self) -> Job | None:
        job = self._board.grab(self.peer)
        if job is not None:
            self._grants.note(job)
        return job

    def takes(self) -> Job:
        """
        Grab a job that is known to be there.
        """
        job = self.grabs()
        assert job is not None, "there is a job to take"
        return job

    def takesAll(self) -> list[Job]:
        """
        Grab jobs until there are no more.
        """
        return list(iter(self.grabs, None))

    def tells(self, job: Job | bytes, numerator: bytes, denominator: bytes) -> None:
        """
        Report progress.
        """
        self._board.workStatus(self.peer, _handle(job), numerator, denominator)

    def sends(self, job: Job | bytes, data: Data = b"") -> None:
        """
        Report a part of the result.
        """
        self._board.workData(self.peer, _handle(job), data)

    def warns(self, job: Job | bytes, data: Data = b"") -> None:
        self._board.workWarning(self.peer, _handle(job), data)

    def completes(self, job: Job | bytes, data: Data = b"") -> None:
        self._board.workComplete(self.peer, _handle(job), data)

    def fails(self, job: Job | bytes) -> None:
        self._board.workFail(self.peer, _handle(job))

    def throws(self, job: Job | bytes, data: Data = b"") -> None:
        """
        Report an exception.
        """
        self._board.workException(self.peer, _handle(job), data)


def _handle(job: Job | bytes) -> bytes:
    return job if isinstance(job, bytes) else job.handle


def valued(key: str, value: object) -> Value:
    """
    What a key of a policy is set to by a word, or a value as TOML has it.
    """
    known = KEYS[key]
    return known.read(value) if isinstance(value, str) else known.check(value)


def woken(workers: list[Actor]) -> list[int]:
    """
    Which of some workers were woken since the last time.

    @return: their indexes; one that was told twice stands there twice.
    """
    numbers: list[int] = []
    for number, worker in enumerate(workers):
        heard = worker.hears()
        assert heard == [NOOP] * len(heard), heard
        numbers += [number] * len(heard)
    return numbers


class Stage:
    """
    A board, its clock, and a way on for its actors.

    @ivar grants: which jobs were granted.
    """

    def __init__(self, firstNumber: int = 1, **settings: Any) -> None:
        """
        @param settings: those of L{Policy}.
        """
        self.clock = Clock()
        self.clock.advance(NOON)
        self.grants = Grants(self.clock)
        policy = Policy(**{"handlePrefix": b"H:stage", **settings})
        self.board = JobBoard(self.clock, policy, firstNumber)

    def client(self, host: bytes = b"127.0.0.1", port: int = 4000) -> Actor:
        return Actor(self.board, host, port, self.grants)

    def worker(self, *names: bytes, timeout: float = 0.0) -> Actor:
        worker = Actor(self.board, b"127.0.0.1", 5000, self.grants)
        worker.canDo(*names, timeout=timeout)
        return worker

    def sleeper(self, *names: bytes) -> Actor:
        """
        Let a worker come that finds nothing to do and sleeps.
        """
        worker = self.worker(*names)
        worker.sleeps()
        return worker

    def sleepers(self, count: int, *names: bytes) -> list[Actor]:
        return [self.sleeper(*names) for _ in range(count)]

    def passes(self, seconds: float) -> None:
        """
        Let time pass.
        """
        self.clock.advance(seconds)

    def rules(self, pattern: bytes = b"f", **values: object) -> None:
        """
        Decide keys of the policy of some functions, by hand.

        @param values: by key, as words or as TOML has them.
        """
        self.grants.forget()
        for key, value in values.items():
            self.board.setPolicy(pattern, key, valued(key, value))

    def census(self) -> None:
        """
        Count everything again.
        """
        takeCensus(self.board, self.clock.seconds())

    def function(self, name: bytes = b"f") -> Function:
        function = self.board.functions.get(name)
        assert function is not None, name
        return function

    def cancels(self, job: Job) -> bool:
        """
        Cancel a job by its handle, as an administrator does.

        @return: whether there is such a job.
        """
        found = self.board.jobs.get(job.handle)
        if found is None:
            return False
        self.board.cancel(found)
        return True


End: TypeAlias = Callable[[Stage, Actor, Actor, Job], object]


def bothLeave(stage: Stage, client: Actor, worker: Actor, job: Job) -> None:
    """
    A job loses its client and then its worker.
    """
    client.leaves()
    worker.leaves()


def completedAlone(stage: Stage, client: Actor, worker: Actor, job: Job) -> None:
    """
    A job loses its client and is completed.
    """
    client.leaves()
    worker.completes(job)


# How a running job may stop running.
ENDS: tuple[End, ...] = (
    lambda stage, client, worker, job: worker.completes(job, b"done"),
    lambda stage, client, worker, job: worker.fails(job),
    lambda stage, client, worker, job: worker.throws(job),
    lambda stage, client, worker, job: worker.leaves(),
    lambda stage, client, worker, job: stage.cancels(job),
    bothLeave,
    completedAlone,
)


class BoardTestCase(SynchronousTestCase):
    """
    A test on a stage. After each one, everything on the board is counted again.
    """

    def stage(self, firstNumber: int = 1, **settings: Any) -> Stage:
        """
        Set a stage.
        """
        stage = Stage(firstNumber, **settings)
        self.addCleanup(stage.census)
        return stage

    def assertRefused(
        self, error: tuple[bytes, bytes], ask: Callable[..., object], *asked: object
    ) -> None:
        """
        Assert that the board refuses something, and in which words.
        """
        refusal = self.assertRaises(ServerError, ask, *asked)
        self.assertEqual((refusal.code, refusal.text), error)

    def assertHear(self, actors: Iterable[Actor], *heard: Heard) -> None:
        """
        Assert that each of some actors was told exactly this.
        """
        for number, actor in enumerate(actors):
            self.assertEqual(actor.hears(), list(heard), f"actor {number}")

    def assertEmpty(self, stage: Stage) -> None:
        """
        Assert that no job has left a trace, and that nothing comes later.
        """
        board = stage.board
        takeCensus(board)
        self.assertEqual((dict(board.jobs), board.running), ({}, 0))
        for peer in board.peers:
            self.assertEqual((peer.waiting, peer.running), ({}, {}))
        stage.passes(LONG)
        self.assertEqual(stage.clock.getDelayedCalls(), [])
