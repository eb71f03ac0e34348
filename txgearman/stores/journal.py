"""
The journal: what a board's keeper writes into its store, a batch at a time.

The rules:

  - A batch is committed in a thread; what happens meanwhile is gathered for the next
    one. So many jobs share a commit, and the more the slower the disk is.
  - While commits are quick, a batch as large as the last one is full, and the thread
    has it at once, so that it need not wait for this one; what comes then is for the
    one behind it. Otherwise all clients would come to wait for the same commit, and
    there would be nothing to receive meanwhile.
  - Nobody waits for what changes and ends. That is gathered a little longer, so that
    a job that is granted and done meanwhile costs no more than its deletion.
  - Who waits for a job to be saved is told when its batch is, and not before.
  - A store that does not take a batch is given parts of it: one job costs the others
    nothing.
  - Nor does anybody wait for a record, unless they say so; then it is written at once.
  - A store that fails costs those their answer who wait for it, and those who come
    while it is down: they are told so. What ended or changed meanwhile, records too, is
    saved when the store works again.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from typing import Final

from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from txgearman.board.durable import DurableBoard
from txgearman.board.job import Job
from txgearman.board.saving import MANY, Saving, Told
from txgearman.errors import ServerError, StoreError, StoreUnusable
from txgearman.stores.interface import Batch, IJobStore
from txgearman.stores.outage import Alarm, Outage, reasonOf
from txgearman.stores.rows import saveApart
from txgearman.stores.thread import Runner
from txgearman.stores.writing import NotTried, Writing, writingOf
from txgearman.wire.codec import Data

# How long what nobody waits for is gathered, in seconds: the jobs that end meanwhile
# run again if the process is killed then.
_SOON: Final = 0.01

# A commit that takes longer mostly waits for the disk, in seconds: then the fewer there
# are, the better.
_BRIEF: Final = 0.005

# How long a store that works again is watched before that is said, in seconds, when
# there are no jobs to show that it does.
_CALM: Final = 60.0

# A store that fails more slowly than this does not mind a job: it does not work. In
# seconds.
_QUICK: Final = 1.0

REFUSAL: Final = b"The store of the jobs does not work"
"""
What clients are told. Why it does not is for the log.
"""


# Compiled, nothing else says whose it is.
_log: Final = Logger(__name__)


class Journal:
    """
    The L{Keeper<txgearman.board.durable.Keeper>} of a board, with a store that is
    open and whose jobs are loaded.

    @ivar down: what the store last said, while it does not work.
    """

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
        # What is being written, what is full and comes then, and what is gathered.
        self._current: Saving | None = None
        self._full: Saving | None = None
        self._next = self._fresh()
        # What the thread does: with the first, unless that is tried in parts; and with
        # the second, if it has that already.
        self._writing: Writing | None = None
        self._ahead: Writing | None = None
        # How many new jobs make a batch full.
        self._many: int = MANY
        self._brief = True
        self._running = False
        self._begun = False
        self._soon = Alarm(clock, self._begin)
        self._retry = Alarm(clock, self._begin)
        # An outage is over when a job was saved, or none was tried for long.
        self._outage: Outage | None = None
        self._calm = Alarm(clock, self._over)
        self._whenWritten: list[Callable[[], None]] = []
        self._begunAt = 0.0

    @property
    def unsaved(self) -> Saving | None:
        """
        What is gathered and to be saved, if anything is.
        """
        return self._next or None

    def _fresh(self) -> Saving:
        """
        @return: what is gathered from now on.
        """
        saving = Saving()
        saving.grown = self._grown
        return saving

    def _grown(self, saving: Saving) -> None:
        """
        What is gathered may be enough. A batch is never closed in the middle of
        something: what belongs together is saved together.
        """
        full = self._full is None and len(saving.jobs) >= self._many
        if full and saving is self._next:
            self._full, self._next = saving, self._fresh()
            if self._writing is not None:
                self._ahead = writingOf(saving, self._store, self._writing)
                self._hand(saving, self._ahead)

    # What the board asks for

    def check(self, data: Data) -> None:
        """
        Can one more job be kept?

        @raise ServerError: C{QUEUE_ERROR} when the store does not work, or the
            workload is larger than it takes.
        """
        if self.down is not None:
            if self._outage is not None:
                self._outage.refused += 1
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
        if saving.ended:
            # It may have been tried before, and was to be forgotten.
            saving.ended.pop(job.number, None)
        job.saving = saving
        if self._current is None and not self._begun:
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
            job.saving = None
        else:
            saving.changed.pop(job.number, None)
            saving.ended[job.number] = None
            self._beginSoon()

    def keep(self, kind: str, key: bytes, value: bytes | None) -> Saving:
        """
        Keep something beside the jobs, or keep it no longer.

        @param value: L{None} for what is to be kept no longer.
        @return: what it is saved with: whoever wants to know tells that.
        """
        saving = self._next
        saving.records[kind, key] = value
        saving.hurry = self._begin
        self._beginSoon()
        return saving

    # What is written

    def _begin(self) -> None:
        """
        Write at the end of the turn, if nothing is being written.
        """
        if not self._begun and self._idle:
            self._begun = True
            self._atTurnEnd(self._write)

    @property
    def _idle(self) -> bool:
        """
        Is nothing being written, and may something be?
        """
        return self._running and self._current is None and not self._retry

    def _beginSoon(self) -> None:
        """
        Write after a while, if nothing is being written.
        """
        if not self._begun and self._idle:
            self._soon.set(_SOON)

    def _write(self) -> None:
        """
        Write what is to be written.
        """
        self._begun = False
        if not self._running:
            return
        self._soon.cancel()
        if self._full is None:
            saving, self._next = self._next, self._fresh()
        else:
            saving, self._full = self._full, None
        writing = writingOf(saving, self._store, None)
        self._follow(saving, writing)
        self._hand(saving, writing)
        self._grown(self._next)

    def _follow(self, saving: Saving, writing: Writing) -> None:
        """
        A batch is what is being written from now on.
        """
        self._current, self._writing = saving, writing
        self._begunAt = self._clock.seconds()
        self._many = max(MANY, len(saving.jobs)) if self._brief else sys.maxsize

    def _hand(self, saving: Saving, writing: Writing) -> None:
        """
        Have the thread write a batch.
        """
        done = self._run(writing)
        done.addCallbacks(
            lambda _: self._written(saving),
            partial(self._notTaken, saving, writing.batch),
        )
        done.addErrback(self._broken)

    def _written(self, saving: Saving, refusal: bytes | None = None) -> None:
        """
        A batch is saved.

        @param refusal: what is said to those whose jobs are not.
        """
        self._current = self._writing = None
        self._brief = self._clock.seconds() < self._begunAt + _BRIEF
        full, ahead = self._full, self._ahead
        if full is not None and ahead is not None:
            self._full = self._ahead = None
            self._follow(full, ahead)
        if self._outage is not None:
            records = saving.records.values()
            grows = bool(saving.jobs) or any(value is not None for value in records)
            self._works(grows)
        saved = self._board.saved
        for job in saving.jobs:
            if job.saving is saving:
                saved(job)
        # The jobs first: those who are told may join them at once.
        saving.settle(refusal, self._deaf)
        self._goOn()

    def _goOn(self) -> None:
        """
        Write what was gathered meanwhile; while something is being written, have it
        come next if it is enough.
        """
        if self._current is not None:
            self._grown(self._next)
            return
        if self._full or self._next.awaited or (self._next and self._whenWritten):
            self._begin()
        elif self._next:
            self._beginSoon()
        else:
            self._end()

    def _deaf(self) -> None:
        _log.failure("somebody could not be told what was saved")

    def _broken(self, failure: Failure) -> None:
        _log.failure("the journal has a bug", failure)

    # A store that fails

    def _notTaken(self, saving: Saving, batch: Batch, failure: Failure) -> None:
        """
        The store did not take a batch. One job in it may be why: that must not cost
        the others their places.
        """
        if failure.check(NotTried):
            # What became of the one before decides about this one, too.
            return
        self._writing = self._ahead = None
        took = self._clock.seconds() - self._begunAt
        lasting = failure.check(StoreUnusable) or self.down is not None
        if lasting or len(batch.inserts) < 2 or took > _QUICK:
            self._failed(failure)
            return
        parting = self._run(partial(saveApart, self._store, batch))
        parting.addCallbacks(partial(self._parted, saving), self._failed)
        parting.addErrback(self._broken)

    def _parted(self, saving: Saving, reasons: dict[int, str]) -> None:
        """
        The store took a batch but for some jobs.
        """
        refused = [job for job in saving.jobs if job.number in reasons]
        if refused:
            _log.error(
                "the store does not take {count} jobs, of which one is {handle}:"
                " {reason}; they are refused",
                count=len(refused),
                handle=refused[0].handle.decode("utf-8", "backslashreplace"),
                reason=reasons[refused[0].number],
            )
            saving.refused = {job.handle for job in refused}
        for job in refused:
            # Nobody knows for sure that it is not there.
            self._next.changed.pop(job.number, None)
            self._next.ended[job.number] = None
            if job.saving is saving:
                self._board.notSaved(job)
        self._written(saving, REFUSAL if refused else None)

    def _failed(self, failure: Failure) -> None:
        """
        A batch could not be saved, or nobody knows whether it was.
        """
        failed, self._current = self._current, None
        assert failed is not None, "it was being written"
        outage = self._fails(failure)
        full, self._full = self._full or Saving(), None
        gathered, self._next = self._next, self._fresh()
        for saving in (failed, full, gathered):
            self._next.inherit(saving)
        for saving in (failed, full, gathered):
            self._refuse(saving)
        if self._whenWritten:
            self._end()
        elif self._running:
            self._retry.set(outage.pause())

    def _refuse(self, saving: Saving) -> None:
        """
        Tell those who wait for it that nothing was saved.
        """
        if self._outage is not None:
            self._outage.refused += len(saving.jobs)
        for job in saving.jobs:
            if job.saving is saving:
                self._board.notSaved(job)
        saving.settle(REFUSAL, self._deaf)

    def _fails(self, failure: Failure) -> Outage:
        """
        The store does not work: say so once.
        """
        self.down = reasonOf(failure)
        self._calm.cancel()
        if failure.check(StoreUnusable) and self._board.grants:
            # Another server may have the jobs, and run them.
            self._board.forgo()
            _log.critical(
                "the store is lost: {reason}; no more jobs are granted",
                reason=self.down,
            )
        if not failure.check(StoreError):
            _log.failure("a store fails with what none should raise", failure)
        outage = self._outage
        if outage is None:
            outage = self._outage = Outage(self._clock.seconds())
            _log.error(
                "the store does not work: {reason}; background jobs are refused until"
                " it does",
                reason=self.down,
            )
        return outage

    def _works(self, certain: bool) -> None:
        """
        The store took a batch.

        @param certain: whether there was something in it that needs room. A disk
            that is full takes all else.
        """
        self.down = None
        if certain:
            self._over()
        else:
            self._calm.set(_CALM)

    def _over(self) -> None:
        """
        The outage is over.
        """
        self._calm.cancel()
        outage, self._outage = self._outage, None
        if outage is not None:
            _log.info(
                "the store works again after {seconds:.1f} s; {refused} jobs were"
                " refused",
                seconds=self._clock.seconds() - outage.since,
                refused=outage.refused,
            )

    # The beginning and the end

    def start(self) -> None:
        """
        The store is open, and its jobs are loaded: write.
        """
        self._running = True
        self._goOn()

    def flush(self, whenOver: Callable[[], None]) -> None:
        """
        See that those hear who wait for something to be saved.

        @param whenOver: called when they have; perhaps at once.
        """
        last = self._next if self._next.awaited else None
        saving = last or self._full or self._current
        if saving is None or not self._running:
            whenOver()
        else:
            saving.tell(Told(whenOver))

    def stop(self, whenWritten: Callable[[], None]) -> None:
        """
        Write what is left, and then nothing more; a store that does not work is not
        waited for.

        @param whenWritten: called when it is written; perhaps at once.
        """
        self._retry.cancel()
        self._calm.cancel()
        self._whenWritten.append(whenWritten)
        if self._current is not None:
            return
        if self._running:
            self._goOn()
        else:
            self._end()

    def _end(self) -> None:
        """
        If somebody waits for the end: this is it.
        """
        if not self._whenWritten:
            return
        self._running = False
        self._soon.cancel()
        if self._next.ended:
            _log.warn(
                "the store does not know of {ended} jobs that have ended: they will"
                " run again",
                ended=len(self._next.ended),
            )
        if self._next.records:
            _log.warn(
                "{records} records beside the jobs have changed, and the store does"
                " not know of it",
                records=len(self._next.records),
            )
        whenWritten, self._whenWritten = self._whenWritten, []
        for call in whenWritten:
            call()
