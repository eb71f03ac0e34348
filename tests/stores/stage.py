"""
What the tests of durable jobs share: a thread that does nothing before it is told to,
and a board whose jobs are kept through it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from attrs import define, field
from twisted.internet.defer import Deferred
from twisted.python.failure import Failure
from zope.interface import implementer

from tests.board.stage import NOON, Actor, Stage, takeCensus
from txgearman.board.durable import DurableBoard
from txgearman.board.job import SAVING, Job
from txgearman.board.policy import Policy
from txgearman.board.saving import Saving
from txgearman.errors import ServerError, StoreError
from txgearman.stores.interface import Batch, IJobStore, JobUpdate, SavedJob
from txgearman.stores.journal import Journal
from txgearman.stores.loading import Loader
from txgearman.stores.memory import Drawer, MemoryStore

T = TypeVar("T")

BROKEN = "the disk is on fire"
"""Why what a L{ManualRunner} lets fail has failed."""


class ManualRunner:
    """
    A thread that does each thing when it is told to, one after the other.

    @ivar stopped: whether it was ended.
    """

    def __init__(self) -> None:
        self.stopped = False
        self._calls: list[tuple[Callable[[], Any], Deferred[Any]]] = []

    def __call__(self, call: Callable[[], T], /) -> Deferred[T]:
        assert not self.stopped, "it was ended"
        done: Deferred[T] = Deferred()
        self._calls.append((call, done))
        return done

    def stop(self) -> None:
        self.stopped = True

    @property
    def busy(self) -> int:
        """
        How many things it has to do.
        """
        return len(self._calls)

    def finishes(self) -> None:
        """
        Do the next thing.
        """
        call, done = self._calls.pop(0)
        try:
            result = call()
        except Exception:
            done.errback(Failure())
        else:
            done.callback(result)

    def finishesAll(self) -> None:
        """
        Do everything, what follows from it too.
        """
        while self._calls:
            self.finishes()

    def fails(self, error: Exception | None = None) -> None:
        """
        Let the next thing fail, and nothing of it is done.
        """
        _, done = self._calls.pop(0)
        done.errback(StoreError(BROKEN) if error is None else error)

    def breaks(self) -> None:
        """
        Let a batch fail, and the try to save parts of it as well.
        """
        self.fails()
        if self._calls:
            self.fails()

    def failsTooLate(self) -> None:
        """
        Let the next thing fail, though it is done.
        """
        call, done = self._calls.pop(0)
        call()
        done.errback(StoreError(BROKEN))


@implementer(IJobStore)
class PickyStore(MemoryStore):
    """
    A store that does not take jobs whose workload is C{b"poison"}.
    """

    def commit(self, batch: Batch) -> None:
        """
        Save a batch, or none of it.
        """
        if any(job.data == b"poison" for job in batch.inserts):
            raise StoreError("it tastes strange")
        super().commit(batch)


@implementer(IJobStore)
class FullStore(MemoryStore):
    """
    A store that has no room for one more job while it is full; all else it does.

    @ivar full: whether it is.
    """

    full = False

    def commit(self, batch: Batch) -> None:
        if self.full and batch.inserts:
            raise StoreError("no room")
        super().commit(batch)


@define(eq=False)
class Outcome:
    """
    What somebody who waits for a job to be saved was told.

    @ivar job: the job.
    @ivar told: the refusals, L{None} for each time that it was saved.
    """

    job: Job
    told: list[bytes | None] = field(factory=list)

    def settled(self, saving: Saving, refusal: bytes | None) -> None:
        self.told.append(refusal)


class _Sender:
    """
    What sends no more than a store takes.
    """

    def hold(self, receiver: Saving) -> None:
        raise AssertionError("it sent too much")

    def release(self, receiver: Saving) -> None:
        raise AssertionError("it was not held up")


class DurableStage(Stage):
    """
    A board whose jobs are kept in a drawer. Everything that it remembers is gone with
    it, except for the drawer.

    @ivar turns: what is to be called when the turn ends.
    """

    board: DurableBoard

    def __init__(
        self,
        drawer: Drawer | None = None,
        store: MemoryStore | None = None,
        loads: bool = True,
        now: float = NOON,
        **settings: Any,
    ) -> None:
        """
        @param loads: whether the jobs are loaded at once.
        @param now: when it begins, in seconds of the epoch.
        """
        super().__init__(**settings)
        self.clock.rightNow = now
        self.drawer = Drawer() if drawer is None else drawer
        # A process that was killed has nothing open any more.
        self.drawer.owner = None
        self.store = MemoryStore(self.drawer) if store is None else store
        self.runner = ManualRunner()
        self.turns: list[Callable[[], object]] = []
        policy = Policy(**{"handlePrefix": b"H:stage", **settings})
        board = DurableBoard(self.clock, policy)
        self.board = board
        self.journal = Journal(
            board, self.store, self.runner, self.clock, lambda f: self.turns.append(f)
        )
        board.keepIn(self.journal)
        self.loader = Loader(board, self.store, self.runner, self.clock)
        if loads:
            loading = self.startLoading()
            self.runner.finishesAll()
            loading.addErrback(lambda failure: failure.raiseException())
            assert loading.called, "the jobs are back"

    def startLoading(self) -> Deferred[None]:
        """
        Begin to load; the runner decides when it goes on.
        """
        return Deferred.fromCoroutine(self._load())

    async def _load(self) -> None:
        await self.loader.load()
        self.journal.start()

    def asks(self, client: Actor, **submit: Any) -> Outcome:
        """
        Let a client submit a job in the background, and wait as a connection does.
        """
        job = client.submits(background=True, **submit)
        outcome = Outcome(job)
        if job.saving is None:
            outcome.told.append(None)
        else:
            saving = job.saving
            saving.tell(outcome)
            saving.weigh(_Sender())
        return outcome

    def turnEnds(self) -> None:
        """
        Let the turn end.
        """
        turns, self.turns = self.turns, []
        for call in turns:
            call()

    def writes(self) -> None:
        """
        Let the turn end, and a batch be given to the thread.
        """
        self.turnEnds()
        assert self.runner.busy == 1, "a batch is being written"

    def rests(self) -> None:
        """
        Let everything be written that there is to write.
        """
        while self.turns or self.runner.busy or self._soon():
            self.turnEnds()
            self.runner.finishesAll()
            if not self.turns:
                self.passes(0.01)

    def _soon(self) -> bool:
        now = self.clock.seconds()
        calls = self.clock.getDelayedCalls()
        return any(call.getTime() <= now + 0.01 for call in calls)

    def census(self) -> None:
        """
        Count everything again, if it can be: jobs that are being saved are nowhere.
        """
        if all(job.state is not SAVING for job in self.board.jobs.values()):
            takeCensus(self.board)

    @property
    def kept(self) -> dict[bytes, SavedJob]:
        """
        What is in the drawer, by handle.
        """
        return {job.handle: job for job in self.drawer.jobs.values()}

    def refusal(self, client: Actor, **submit: Any) -> bytes:
        """
        Let a client submit in vain.

        @return: the code that it is refused with.
        """
        try:
            client.submits(background=True, **submit)
        except ServerError as error:
            return error.code
        raise AssertionError("it was not refused")


def numbersOf(batch: Batch) -> list[int]:
    """
    The numbers of all jobs that a batch names.
    """
    changes: list[SavedJob | JobUpdate] = [*batch.inserts, *batch.updates]
    return [*(change.number for change in changes), *batch.deletes]
