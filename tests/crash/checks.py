"""
What must hold after all that happened to a server.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from itertools import pairwise
from typing import Final, Protocol

from attrs import define, field

from tests.crash.ledger import End, Ledger, Outcome, Run, Submission, digest

# How long after its end was sent a job may still run again because the server was
# killed: ends are saved together, a little later.
_UNSAVED: Final = 1.0

# How far clocks may be apart, in seconds.
_SKEW: Final = 0.05


class Row(Protocol):
    """
    A job as a store has it.
    """

    @property
    def handle(self) -> bytes: ...

    @property
    def function(self) -> bytes: ...

    @property
    def unique(self) -> bytes: ...

    @property
    def priority(self) -> int: ...

    @property
    def data(self) -> bytes: ...

    @property
    def reducer(self) -> bytes: ...

    @property
    def due(self) -> float: ...

    @property
    def attempts(self) -> int: ...


@define
class Repeats:
    """
    Jobs that ran again, for a good reason.

    @ivar reasons: how many for each.
    @ivar longest: the longest time from when an end was sent to the kill that undid
        it, in seconds, of those the server had certainly read.
    """

    reasons: Counter[str] = field(factory=Counter)
    longest: float = 0.0


def checkStore(ledger: Ledger, rows: Iterable[Row]) -> None:
    """
    What is owed is in the store that a server has left, and it is what was
    submitted.
    """
    found: set[bytes] = set()
    for row in rows:
        if row.handle in found:
            ledger.violate("two jobs in the store have one handle", row.handle)
        found.add(row.handle)
        _checkRow(ledger, row)
    for handle in ledger.owed:
        if handle not in found:
            ledger.violate(f"not in the store after life {ledger.life.number}", handle)


def _checkRow(ledger: Ledger, row: Row) -> None:
    origins = [
        one
        for one in ledger.origins(
            row.handle, row.function, row.unique, digest(row.data)
        )
        if one.priority == row.priority
        and one.reducer == row.reducer
        and (one.due == row.due if one.exactly else one.due <= row.due)
    ]
    if not origins:
        ledger.violate(
            f"nobody submitted this: {row.function!r} unique {row.unique!r} workload"
            f" {digest(row.data).hex()} priority {row.priority} reducer"
            f" {row.reducer!r} due {row.due}",
            row.handle,
        )
    if row.attempts < ledger.attempts.get(row.handle, 0):
        ledger.violate("the store knows of fewer attempts than before", row.handle)
    ledger.attempts[row.handle] = row.attempts


def checkAll(ledger: Ledger) -> Repeats:
    """
    Look at all that happened, when nothing waits any more.
    """
    repeats = Repeats()
    for handle, submissions in ledger.answered.items():
        _checkHandle(ledger, handle, submissions)
        _checkDone(ledger, handle, submissions)
    for handle, runs in ledger.runs.items():
        _checkRuns(ledger, handle, runs)
        for first, second in pairwise(runs):
            _checkRepeat(ledger, first, second, repeats)
    return repeats


def _checkHandle(ledger: Ledger, handle: bytes, submissions: list[Submission]) -> None:
    """
    Submits with the same handle have coalesced.
    """
    if len(submissions) == 1:
        return
    first = submissions[0]
    for other in submissions[1:]:
        if (
            not first.unique
            or (first.function, first.unique) != (other.function, other.unique)
            or (first.unique == b"-" and first.digest != other.digest)
        ):
            ledger.violate("two jobs have one handle", handle)
            return


def _checkDone(ledger: Ledger, handle: bytes, submissions: list[Submission]) -> None:
    """
    What was acknowledged in the background was run to an end after that.
    """
    runs = ledger.runs.get(handle, [])
    for one in submissions:
        if one.background and not any(
            run.ended and (not run.confirmed or run.confirmed >= one.sent)
            for run in runs
        ):
            ledger.violate("LOST: acknowledged, and never run to an end", handle)
            return


def _checkRuns(ledger: Ledger, handle: bytes, runs: list[Run]) -> None:
    """
    What ran is what was submitted, not before its time.
    """
    for run in runs:
        origins = [
            one
            for one in ledger.origins(handle, run.function, run.unique, run.digest)
            if run.reducer in (None, one.reducer)
        ]
        if not origins:
            ledger.violate("what ran was never submitted like this", handle)
        elif run.begun < min(one.due for one in origins) - _SKEW:
            ledger.violate("it ran before it was due", handle)


def _checkRepeat(ledger: Ledger, first: Run, second: Run, repeats: Repeats) -> None:
    """
    A job ran again: was its worker lost, or the server?
    """
    if (first.function, first.digest) != (second.function, second.digest):
        ledger.violate("two jobs have one handle", first.handle)
    elif first.outcome is Outcome.LOST:
        repeats.reasons["the worker was lost"] += 1
    elif first.life is second.life:
        ledger.violate("it ran twice, and its worker lived", first.handle)
    elif not first.ended:
        repeats.reasons["the server ended while it ran"] += 1
    elif not first.confirmed:
        repeats.reasons["the server ended when its end was on the way"] += 1
    elif first.life.end is not End.KILLED:
        ledger.violate("it ran twice, and the server had time to stop", first.handle)
    elif _undone(first):
        repeats.reasons["the server was killed before its end was saved"] += 1
        if not first.life.outage:
            gap = first.life.ended - first.ended
            repeats.longest = max(repeats.longest, gap)
    else:
        ledger.violate("it ran twice, long after its end", first.handle)


def _undone(run: Run) -> bool:
    """
    May its end not have been saved when the server was killed?
    """
    life = run.life
    since = life.ended if life.unsavedSince is None else life.unsavedSince
    return run.ended >= since - _UNSAVED
