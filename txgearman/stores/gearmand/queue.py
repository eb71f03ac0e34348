"""
The queues that gearmand keeps, so that they can be moved over: what is common to
them.

They are only read, and gearmand is better not running meanwhile. It keeps neither
handles nor when a job was submitted; what it keeps were background jobs.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final, Protocol

from txgearman.errors import BadRow
from txgearman.stores.interface import SavedJob, Unreadable

COLUMNS: Final = ("function_name", "unique_key", "priority", "data", "when_to_run")
"""The columns of gearmand's tables, in the order in which L{jobsFrom} takes them."""


class GearmandQueue(Protocol):
    """
    A queue of gearmand's.
    """

    def read(self) -> Iterator[SavedJob | Unreadable]:
        """
        Yield all that is in it. Numbers count from 1, and handles are made of them;
        the time of submitting is 0.

        @raise StoreError: when it cannot be read.
        """


def jobsFrom(
    rows: Iterator[tuple[str, Sequence[Any] | str]],
) -> Iterator[SavedJob | Unreadable]:
    """
    Make jobs of rows, and set aside what are none.

    @param rows: what a row is called, and its values in the order of L{COLUMNS}, or
        why it has none.
    """
    for number, (name, row) in enumerate(rows, 1):
        if isinstance(row, str):
            yield Unreadable(name, row)
            continue
        try:
            yield _jobFrom(number, row)
        except BadRow as error:
            yield Unreadable(name, str(error))


def _jobFrom(number: int, row: Sequence[Any]) -> SavedJob:
    """
    Make a job of a row.

    @raise BadRow: when it is none.
    """
    function, unique, priority, data, due = row
    if not function:
        raise BadRow("function is empty")
    return SavedJob(
        number=number,
        handle=b"H:gearmand:%d" % number,
        function=_bytes("function_name", function),
        unique=_bytes("unique_key", unique),
        priority=_integer("priority", priority),
        # gearmand keeps an empty workload as NULL, and does not start with it.
        data=_bytes("data", data),
        reducer=b"",
        due=float(_integer("when_to_run", due)),
        submitted=0.0,
        place=number,
        attempts=0,
        error=b"",
    ).check()


def _bytes(name: str, value: Any) -> bytes:
    if value is None:
        return b""
    if isinstance(value, str):
        return value.encode()
    if isinstance(value, bytes | bytearray | memoryview):
        return bytes(value)
    raise BadRow(f"{name} is {value!r:.50}")


def _integer(name: str, value: Any) -> int:
    try:
        number = int(value)
    except (TypeError, ValueError):
        raise BadRow(f"{name} is {value!r:.50}") from None
    # Neither has a float any business there, nor more than 64 bits.
    if isinstance(value, float) or not -(2**63) <= number < 2**63:
        raise BadRow(f"{name} is {value!r:.50}")
    return number
