"""
Servers that say nothing: a machine that hangs or a process that was stopped keeps
its connections, and answers nobody.
"""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.interfaces import IDelayedCall, IReactorTime


class Silence:
    """
    Finds out that a server owes an answer and is silent.

    A connection has one timer for all of its requests. It is not set anew with
    each of them, but when it is due and the server has said something meanwhile.
    """

    def __init__(
        self,
        clock: IReactorTime,
        limit: float,
        since: Callable[[], float | None],
        stuck: Callable[[], None],
    ) -> None:
        """
        @param limit: how long a server may be silent, in seconds.
        @param since: says when the oldest request was sent that has no answer;
            L{None} when all have one.
        @param stuck: called when it was silent for longer.
        """
        self.limit = limit
        self._clock = clock
        self._since = since
        self._stuck = stuck
        self._heard = clock.seconds()
        self._timer: IDelayedCall | None = None

    def asked(self) -> float:
        """
        A request is sent.

        @return: when that is.
        """
        if self._timer is None:
            self._timer = self._clock.callLater(self.limit, self._due)
        return self._clock.seconds()

    def heard(self) -> None:
        """
        The server says something.
        """
        self._heard = self._clock.seconds()

    def end(self) -> None:
        """
        Nobody listens any more.
        """
        timer, self._timer = self._timer, None
        if timer is not None:
            timer.cancel()

    def _due(self, again: bool = False) -> None:
        self._timer = None
        since = self._since()
        if since is None:
            return
        left = max(since, self._heard) + self.limit - self._clock.seconds()
        if left > 0:
            self._timer = self._clock.callLater(left, self._due)
        elif not again:
            # When this process itself was busy for long, what the server said
            # has arrived, and will be read in this turn of the reactor.
            self._timer = self._clock.callLater(0, self._due, True)
        else:
            self._stuck()
