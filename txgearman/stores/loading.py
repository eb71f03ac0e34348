"""
How the jobs that were kept come back, and what was kept beside them.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from itertools import islice
from typing import Final

from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater
from twisted.logger import Logger

from txgearman.board.durable import DurableBoard
from txgearman.errors import BadRow, StoreError, StoreUnusable
from txgearman.stores.interface import (
    LIFE,
    IJobStore,
    SavedJob,
    SavedRecord,
    Unreadable,
)
from txgearman.stores.thread import Runner

# So many jobs or records are taken in before others have their turn.
_PAGE: Final = 1000

# So many of what cannot be read are told one by one.
_TOLD: Final = 20

# How long a store that does not open is left alone, in seconds.
_PAUSE: Final = 1.0

_Kept = SavedRecord | SavedJob | Unreadable

_log = Logger()


class Loader:
    """
    Opens a store, and gives back to a board what is kept there.
    """

    def __init__(
        self, board: DurableBoard, store: IJobStore, run: Runner, clock: IReactorTime
    ) -> None:
        """
        @param run: how the store's methods are called.
        """
        self._board = board
        self._store = store
        self._run = run
        self._clock = clock
        self._jobs = 0
        self._unreadable = 0

    async def load(self, life: int | None = None) -> None:
        """
        Load everything, however long it takes until the store works. The board
        takes and grants jobs then.

        @param life: what C{open} returned, if the store is open already.
        @raise StoreUnusable: when it never will.
        """
        begun = self._clock.seconds()
        told = False
        while True:
            try:
                if life is None:
                    life = await self._run(self._store.open)
                await self._takeIn()
            except StoreUnusable:
                raise
            except StoreError as error:
                if not told:
                    told = True
                    _log.error(
                        "the store does not work: {reason}; jobs are refused until it"
                        " does",
                        reason=str(error),
                    )
                life = None
                await deferLater(self._clock, _PAUSE)
            else:
                break
        self._tell(self._clock.seconds() - begun)
        self._board.loaded(life * LIFE + 1)

    async def _takeIn(self) -> None:
        """
        Take in page after page; the next one is read meanwhile.
        """
        nextPage = partial(_page, self._store.load())
        page = await self._run(nextPage)
        while page:
            reading = self._run(nextPage)
            for one in page:
                self._take(one)
            page = await reading

    def _take(self, one: _Kept) -> None:
        if isinstance(one, SavedJob):
            self._takeJob(one)
        elif isinstance(one, SavedRecord):
            self._takeRecord(one)
        else:
            self._notRead(one.name, one.reason, "set aside")

    def _takeJob(self, job: SavedJob) -> None:
        if self._board.restore(*job) is not None:
            self._jobs += 1
        else:
            self._notTaken(job)

    def _takeRecord(self, record: SavedRecord) -> None:
        """
        Give back a record. One that the board cannot read stays: a later version may
        have written it.
        """
        kind, key, value = record
        assert value is not None, "a store has nothing but records with values"
        try:
            self._board.restoreRecord(kind, key, value)
        except BadRow as error:
            self._notRead(record.name, str(error), "left there")

    def _notRead(self, name: str, reason: str, fate: str) -> None:
        self._unreadable += 1
        if self._unreadable <= _TOLD:
            _log.error(
                "{name} in the store cannot be read, and is {fate}: {reason}",
                name=name,
                fate=fate,
                reason=reason,
            )

    def _notTaken(self, one: SavedJob) -> None:
        """
        A job is there already, or has ended, or it has another one's handle.
        """
        other = self._board.jobs.get(one.handle)
        if other is not None and other.number != one.number:
            _log.error(
                "job {number} in the store has the handle of job {other}, and stays"
                " there without being run",
                number=one.number,
                other=other.number,
            )

    def _tell(self, seconds: float) -> None:
        if self._unreadable > _TOLD:
            _log.error(
                "{count} in the store could not be read in all", count=self._unreadable
            )
        _log.info(
            "{jobs} jobs were kept, and are back after {seconds:.1f} s",
            jobs=self._jobs,
            seconds=seconds,
        )


def _page(kept: Iterator[_Kept]) -> list[_Kept]:
    return list(islice(kept, _PAGE))
