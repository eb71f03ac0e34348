"""
The journal: what a board's keeper writes into its store, a batch at a time.

The rules:

  - A batch is committed in a thread; what happens meanwhile is gathered for the next
    one. So many jobs share a commit, and the more the slower the disk is.
  - Nobody waits for what changes and ends. That is gathered a little longer, so that
    a job that is granted and done meanwhile costs no more than its deletion.
  - Who waits for a job to be saved is told when its batch is, and not before.
  - A store that fails costs those their answer who wait for it, and those who come
    while it is down: they are told so. What ended or changed meanwhile is saved when
    the store works again.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Final, Protocol, TypeVar

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from txgearman.board.durable import DurableBoard
from txgearman.board.job import Job
from txgearman.board.saving import Saving
from txgearman.errors import ServerError, StoreError
from txgearman.stores.interface import Batch, IJobStore, JobUpdate, SavedJob
from txgearman.wire.codec import Data

T = TypeVar("T")

# How long what nobody waits for is gathered, in seconds: the jobs that end meanwhile
# run again if the process is killed then.
_SOON: Final = 0.01

# How long a store that failed is left alone, in seconds: at first, and at most.
_PAUSE: Final = 0.25
_LONGEST_PAUSE: Final = 5.0

REFUSAL: Final = b"The store of the jobs does not work"
"""
What clients are told. Why it does not is for the log.
"""


class Runner(Protocol):
    """
    How something that blocks is called: in a thread, one call after the other.
    """

    def __call__(self, call: Callable[[], T], /) -> Deferred[T]:
        """
        Call it.
        """


def _batch(saving: Saving) -> Batch:
    """
    Put down what is to be written, as it is now.
    """
    return Batch(
        [_row(job) for job in saving.jobs],
        [_update(job) for job in saving.changed.values()],
        list(saving.ended),
    )


def _row(job: Job) -> SavedJob:
    return SavedJob(
        job.number,
        job.handle,
        job.function.name,
        job.unique,
        int(job.priority),
        bytes(job.data),
        job.reducer,
        float(job.due),
        job.submitted,
        job.place or job.number,
        job.attempts,
        job.error,
    )


def _update(job: Job) -> JobUpdate:
    place = job.place or job.number
    return JobUpdate(job.number, place, float(job.due), job.attempts, job.error)


class Journal:
    """
    The L{Keeper<txgearman.board.durable.Keeper>} of a board, with a store that is
    open and whose jobs are loaded.

    @ivar down: what the store last said, while it does not work.
    """

    _log = Logger()

    def __init__(
        self,
        board: DurableBoard,
        store: IJobStore,
        run: Runner,
        clock: IReactorTime,
        atTurnEnd: Callable[[Callable[[], object]], object],
    ) -> None:
        """
        @param run: how the store's methods are called.
        @param atTurnEnd: calls something when the turn ends.
        """
        self.down: str | None = None
        self._board = board
        self._store = store
        self._run = run
        self._clock = clock
        self._atTurnEnd = atTurnEnd
        self._next = Saving()
        self._current: Saving | None = None
        self._begun = False
        self._soon: IDelayedCall | None = None
        self._pause = _PAUSE
        self._downSince = 0.0
        self._refused = 0
        self._retry: IDelayedCall | None = None
        self._whenWritten: list[Callable[[], None]] = []

    # What the board asks for

    def check(self, data: Data) -> None:
        """
        Can one more job be kept?

        @raise ServerError: C{QUEUE_ERROR} when the store does not work, or the
            workload is larger than it takes.
        """
        if self.down is not None:
            self._refused += 1
            raise ServerError(b"QUEUE_ERROR", REFUSAL)
        if len(data) > self._store.largest:
            raise ServerError(b"QUEUE_ERROR", b"Too large for the store of the jobs")

    def save(self, job: Job) -> None:
        """
        Keep a job.
        """
        saving = self._next
        saving.jobs[job] = None
        saving.size += len(job.data)
        # It may have been tried before, and nobody knows whether it is there.
        saving.ended.pop(job.number, None)
        job.saving = saving
        self._begin()

    def change(self, job: Job) -> None:
        """
        Keep a job as it is now.
        """
        if job.saving is not self._next:
            self._next.changed[job.number] = job
            self._beginSoon()

    def drop(self, job: Job) -> None:
        """
        Keep a job no longer.
        """
        saving = self._next
        if job.saving is saving:
            del saving.jobs[job]
            saving.size -= len(job.data)
        else:
            saving.changed.pop(job.number, None)
            saving.ended[job.number] = None
            self._beginSoon()

    # What is written

    def _begin(self) -> None:
        """
        Write at the end of the turn, if nothing is being written.
        """
        if not self._begun and self._current is None and self._retry is None:
            self._begun = True
            self._atTurnEnd(self._write)

    def _beginSoon(self) -> None:
        """
        Write after a while, if nothing is being written.
        """
        if (
            self._soon is None
            and not self._begun
            and self._current is None
            and self._retry is None
        ):
            self._soon = self._clock.callLater(_SOON, self._nowIsSoon)

    def _nowIsSoon(self) -> None:
        self._soon = None
        self._begin()

    def _write(self) -> None:
        """
        Write what is to be written.
        """
        self._begun = False
        if self._soon is not None:
            self._soon.cancel()
            self._soon = None
        saving, self._next = self._next, Saving()
        self._current = saving
        batch = _batch(saving)
        writing = self._run(partial(self._store.commit, batch))
        writing.addCallbacks(lambda _: self._written(saving), self._failed)
        writing.addErrback(self._broken)

    def _written(self, saving: Saving) -> None:
        """
        A batch is saved.
        """
        self._current = None
        if self.down is not None:
            self._up()
        saving.settle(None)
        saved = self._board.saved
        for job in saving.jobs:
            if job.saving is saving:
                saved(job)
        self._goOn()

    def _goOn(self) -> None:
        """
        Write what was gathered meanwhile.
        """
        if self._next.awaited or (self._next and self._whenWritten):
            self._begin()
        elif self._next:
            self._beginSoon()
        else:
            self._end()

    def _broken(self, failure: Failure) -> None:
        self._log.failure("what was saved could not be told", failure)

    # A store that fails

    def _failed(self, failure: Failure) -> None:
        """
        A batch could not be saved, or nobody knows whether it was.
        """
        failed, self._current = self._current, None
        assert failed is not None, "it was being written"
        self._goDown(failure)
        gathered, self._next = self._next, Saving()
        for saving in (failed, gathered):
            self._refuse(saving)
        if self._whenWritten:
            self._lose()
            return
        self._retry = self._clock.callLater(self._pause, self._tryAgain)
        self._pause = min(2 * self._pause, _LONGEST_PAUSE)

    def _refuse(self, saving: Saving) -> None:
        """
        Take back what was to be saved, and keep in mind what has ended or changed.
        """
        later = self._next
        for number in saving.ended:
            later.changed.pop(number, None)
        later.changed |= saving.changed
        later.ended |= saving.ended
        later.ended |= dict.fromkeys(job.number for job in saving.jobs)
        self._refused += len(saving.jobs)
        saving.settle(REFUSAL)
        for job in saving.jobs:
            if job.saving is saving:
                self._board.notSaved(job)

    def _tryAgain(self) -> None:
        """
        See whether the store works again.
        """
        self._retry = None
        self._begin()

    def _goDown(self, failure: Failure) -> None:
        """
        The store does not work: say so once.
        """
        first = self.down is None
        self.down = reasonOf(failure)
        if first:
            self._downSince = self._clock.seconds()
            self._refused = 0
            self._log.error(
                "the store does not work: {reason}; background jobs are refused until"
                " it does",
                reason=self.down,
            )

    def _up(self) -> None:
        """
        The store works again.
        """
        self.down = None
        self._pause = _PAUSE
        self._log.info(
            "the store works again after {seconds:.1f} s; {refused} jobs were refused",
            seconds=self._clock.seconds() - self._downSince,
            refused=self._refused,
        )

    # The end

    def stop(self, whenWritten: Callable[[], None]) -> None:
        """
        Write what is left; a store that does not work is not waited for.

        @param whenWritten: called when it is written; perhaps at once.
        """
        if self._retry is not None:
            self._retry.cancel()
            self._retry = None
        self._whenWritten.append(whenWritten)
        if self._current is not None:
            return
        if self.down is not None:
            self._lose()
        else:
            self._goOn()

    def _end(self) -> None:
        """
        There is nothing left to write.
        """
        whenWritten, self._whenWritten = self._whenWritten, []
        for call in whenWritten:
            call()

    def _lose(self) -> None:
        """
        Give up what is not written.
        """
        saving = self._next
        if saving.ended or saving.changed:
            self._log.warn(
                "the store does not work, and does not know of {ended} jobs that have"
                " ended: they will run again",
                ended=len(saving.ended),
            )
        self._end()


def reasonOf(failure: Failure) -> str:
    """
    Why a store failed, in a line.
    """
    if failure.check(StoreError):
        return str(failure.value)
    # A store that fails with anything else has a bug, which is to be found.
    return f"{failure.type.__name__ if failure.type else '?'}: {failure.value}"
