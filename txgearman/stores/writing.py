"""
A batch on its way into a store.
"""

from __future__ import annotations

from typing import Final

from twisted.logger import Logger

from txgearman.board.saving import Saving
from txgearman.stores.interface import RECORD_ROOM, Batch, IJobStore, SavedRecord
from txgearman.stores.rows import batchOf

# Compiled, nothing else says whose it is.
_log: Final = Logger(__name__)


class NotTried(Exception):
    """
    The batch before was not taken, and this one must not come into the store first.
    """


class Writing:
    """
    What the store's thread is to do with a batch: write it, if it has written the one
    before. So it can be told of a batch before anybody knows what became of that one.

    @ivar batch: the batch.
    """

    def __init__(self, store: IJobStore, batch: Batch, before: Writing | None) -> None:
        """
        @param before: what the thread does before it; L{None} when nothing is under
            way.
        """
        self.batch = batch
        self._store = store
        self._before = before
        self._taken = False

    def __call__(self) -> None:
        """
        Write it, in the thread.

        @raise NotTried: when the one before was not taken.
        @raise StoreError: when this one is not.
        """
        before, self._before = self._before, None
        if before is not None and not before._taken:
            raise NotTried
        self._store.commit(self.batch)
        self._taken = True


def writingOf(saving: Saving, store: IJobStore, before: Writing | None) -> Writing:
    """
    Put down what is to be written, as it is now.
    """
    if saving.records:
        _weed(saving, store.largest + RECORD_ROOM)
    return Writing(store, batchOf(saving), before)


def _weed(saving: Saving, most: int) -> None:
    """
    Leave out records that the store could never take: for them, nothing else would be
    saved either.
    """
    for (kind, key), value in saving.records.items():
        if value is not None and len(value) > most:
            _log.error(
                "{name} has {size} bytes, which are too many for the store",
                name=SavedRecord(kind, key, value).name,
                size=len(value),
            )
            # Nor is there to be an older one in its place.
            saving.records[kind, key] = None
