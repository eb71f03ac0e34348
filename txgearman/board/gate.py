"""
How many of a function's jobs may be granted now.
"""

from __future__ import annotations

from typing import Final

from txgearman.board.policies import FunctionPolicy

UNLIMITED: Final = 2**62


class Gate:
    """
    The limits on one function's grants. Where there is a rate, each grant takes a
    token out of a bucket that a steady stream fills; it holds as many as a burst.
    """

    __slots__ = ("_at", "_policy", "_tokens")

    def __init__(self, policy: FunctionPolicy, now: float) -> None:
        """
        @param now: in seconds of the epoch.
        """
        self._policy = policy
        self._tokens = float(policy.burst)
        self._at = now

    def changed(self, policy: FunctionPolicy, now: float) -> None:
        """
        The limits are others.
        """
        if policy.rate != self._policy.rate or policy.burst != self._policy.burst:
            self._fill(now)
            self._tokens = (
                min(self._tokens, policy.burst) if self._policy.rate else policy.burst
            )
            self._at = now
        self._policy = policy

    def granted(self, now: float) -> None:
        """
        A job is granted.
        """
        if self._policy.rate:
            self._fill(now)
            self._tokens -= 1.0

    def room(self, running: int, now: float) -> int:
        """
        How many jobs may be granted.

        @param running: how many run.
        """
        policy = self._policy
        if policy.paused:
            return 0
        room = UNLIMITED
        if policy.concurrency:
            room = max(0, policy.concurrency - running)
        if policy.rate and room:
            self._fill(now)
            room = min(room, int(self._tokens + self._nearly))
        return room

    def opens(self, running: int) -> float:
        """
        When time alone will let a job be granted, in seconds of the epoch.

        @param running: how many run.
        @return: 0 when it will not, or one may be granted already.
        """
        policy = self._policy
        if policy.paused or not policy.rate or self._tokens + self._nearly >= 1.0:
            return 0.0
        if policy.concurrency and running >= policy.concurrency:
            return 0.0
        return self._at + (1.0 - self._tokens) / policy.rate

    @property
    def _nearly(self) -> float:
        """
        What is missing of a token that is one nevertheless: a moment is exact to the
        microsecond, or hardly.
        """
        return 1e-6 * (1.0 + self._policy.rate)

    def _fill(self, now: float) -> None:
        """
        What has come into the bucket since the last time.
        """
        policy = self._policy
        if now > self._at and policy.rate:
            came = (now - self._at) * policy.rate
            self._tokens = min(float(policy.burst), self._tokens + came)
        self._at = now
