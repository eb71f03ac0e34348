"""
How much memory a reader keeps, and takes.
"""

from __future__ import annotations

import gc
import sys
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Final

from attrs import define

from txgearman.wire.codec import PacketReader


def kept(reader: PacketReader) -> int:
    """
    Add up the sizes of all that a reader holds on to.
    """
    found: dict[int, object] = {}
    waiting: list[object] = [reader]
    while waiting:
        thing = waiting.pop()
        if id(thing) not in found and not isinstance(thing, type | ModuleType):
            found[id(thing)] = thing
            waiting += gc.get_referents(thing)
    return sum(map(sys.getsizeof, found.values()))


# What a reader weighs that has read nothing, and a little for what it needs to
# keep anything.
EMPTY: Final = kept(PacketReader()) + 256


@define
class Meter:
    """
    What the memory that was taken in the meantime amounts to.
    """

    _start: int = 0

    def reset(self) -> None:
        """
        Start again from here.
        """
        tracemalloc.reset_peak()
        self._start, _ = tracemalloc.get_traced_memory()

    @property
    def peak(self) -> int:
        """
        The most that was taken at once, in bytes.
        """
        return tracemalloc.get_traced_memory()[1] - self._start


@contextmanager
def metered() -> Iterator[Meter]:
    """
    Watch the memory that is taken.
    """
    tracing = tracemalloc.is_tracing()
    if not tracing:
        tracemalloc.start()
    try:
        meter = Meter()
        meter.reset()
        yield meter
    finally:
        if not tracing:
            tracemalloc.stop()
