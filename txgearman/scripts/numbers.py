"""
Numbers on a command line.
"""

from __future__ import annotations

from collections.abc import Callable
from math import nan
from typing import Final

_MOST: Final = 10**9
"""More than anybody means, and less than what a timer takes."""


def number(
    kind: type[int] | type[float], low: float, high: float = _MOST
) -> Callable[[str], float]:
    """
    Make a reader of numbers within bounds, for C{argparse}.
    """

    def read(text: str) -> float:
        try:
            value: float = kind(text)
        except ValueError:
            value = nan
        if not low <= value <= high:
            raise ValueError(text)
        return value

    # What argparse calls it when it is none.
    bounds = f"of {low} or more" if high == _MOST else f"from {low} to {high}"
    read.__name__ = f"number {bounds}"
    return read


seconds: Final = number(float, 0.001)
"""Reads a time that is to pass, in seconds."""
