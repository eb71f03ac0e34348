"""
When to connect again.
"""

from __future__ import annotations

from collections.abc import Callable
from math import inf
from random import random
from typing import Final

from attrs import evolve, frozen
from twisted.application.internet import backoffPolicy

RetryPolicy = Callable[[int], float]
"""How many seconds to wait after so many failures in a row."""

# How many seconds a connection lasts at least that was worth having.
_BRIEF: Final = 1.0

# Which part of a wait is added to it at most.
_SPREAD: Final = 0.5


def backoff(initial: float = 0.25, longest: float = 30.0) -> RetryPolicy:
    """
    Wait longer after each failure. Up to half as much is added at random, so that
    the clients of a server that comes back do not all come at once.

    @param initial: the first wait, in seconds.
    @param longest: the longest one, in seconds.
    """
    wait = backoffPolicy(initialDelay=initial, maxDelay=longest, jitter=lambda: 0.0)
    return lambda failures: wait(failures) * (1 + _SPREAD * random())


@frozen
class Brief:
    """
    Connections that were lost as soon as they were made, because something else
    answers at that place or makes no sense. Each counts as an attempt that failed.

    @ivar count: how many there were in a row.
    @ivar made: when the latest connection was made, in seconds.
    """

    count: int = 0
    made: float = -inf

    def connected(self, now: float) -> Brief:
        """
        A connection is made.
        """
        return evolve(self, made=now)

    def lost(self, now: float) -> Brief:
        """
        It is lost.
        """
        brief = now - self.made < _BRIEF
        return Brief(self.count + 1 if brief else 0)
