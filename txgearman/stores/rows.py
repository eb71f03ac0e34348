"""
Jobs of a board, and records, as they are kept, and how they are saved.
"""

from __future__ import annotations

import time
from typing import Final

from txgearman.board.job import Job
from txgearman.board.saving import Saving
from txgearman.errors import StoreUnusable
from txgearman.stores.interface import (
    Batch,
    IJobStore,
    JobUpdate,
    SavedJob,
    SavedRecord,
)

# How long it may take to find out which jobs a store does not take, in seconds. A store
# that needs longer does not work at all.
_PATIENCE: Final = 2.0


def batchOf(saving: Saving) -> Batch:
    """
    Put down what is to be written, as it is now.
    """
    return Batch(
        _rows(saving),
        [_update(job) for job in saving.changed.values()],
        list(saving.ended),
        [SavedRecord(*one, value) for one, value in saving.records.items()]
        if saving.records
        else (),
    )


def _rows(saving: Saving) -> list[SavedJob]:
    # What a NamedTuple's own constructor does, in half the time.
    make = tuple.__new__
    return [
        make(
            SavedJob,
            (
                job.number,
                job.handle,
                job.function.name,
                job.unique,
                # Plain numbers, whatever kind of number they are.
                job.priority + 0,
                job.data if isinstance(job.data, bytes) else bytes(job.data),
                job.reducer,
                job.due + 0.0,
                job.submitted,
                job.place or job.number,
                job.attempts,
                job.error,
            ),
        )
        for job in saving.jobs
    ]


def _update(job: Job) -> JobUpdate:
    place = job.place or job.number
    return JobUpdate(job.number, place, float(job.due), job.attempts, job.error)


def saveApart(store: IJobStore, batch: Batch) -> dict[int, str]:
    """
    Save what can be saved of a batch that the store did not take: halves of it, and
    halves of those.

    @return: why it does not take some jobs, though it takes others, by number.
    @raise StoreError: when it takes nothing.
    """
    until = time.monotonic() + _PATIENCE
    # If it does not take this, either, no job is why.
    store.commit(Batch(updates=batch.updates))
    refused: dict[int, str] = {}
    parts = [batch.inserts]
    while parts:
        part = parts.pop()
        try:
            store.commit(Batch(part))
        except StoreUnusable:
            raise
        except Exception as error:
            half = len(part) // 2
            if half:
                parts += [part[half:], part[:half]]
            else:
                refused[part[0].number] = str(error)
            if time.monotonic() > until or len(refused) == len(batch.inserts):
                raise
    # Not before: a record may say that one of the jobs is no dead letter any more.
    store.commit(Batch(deletes=batch.deletes, records=batch.records))
    return refused
