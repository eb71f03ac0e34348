"""
Long sequences, cut into pieces that a store takes at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

T = TypeVar("T")


def cut(
    things: Sequence[T],
    most: int,
    room: int = 0,
    weight: Callable[[T], int] | None = None,
) -> Iterator[Sequence[T]]:
    """
    Cut a sequence into pieces, in its order.

    @param most: how many things there are in a piece.
    @param room: how much they weigh together, unless it is only one.
    @param weight: what one of them weighs; L{None} when that does not matter.
    """
    if weight is None:
        for start in range(0, len(things), most):
            yield things[start : start + most]
        return
    start = weighed = 0
    for place, thing in enumerate(things):
        heavy = weight(thing)
        if place > start and (place - start >= most or weighed + heavy > room):
            yield things[start:place]
            start, weighed = place, 0
        weighed += heavy
    if start < len(things):
        yield things[start:]
