"""
What a child writes for people, on its way to the log.

A child that writes without end costs the others nothing: it is read no faster than a
log should grow, and the pipe holds it back.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Final, Protocol

from twisted.internet.interfaces import IDelayedCall, IReactorTime

from txgearman.fleet.lines import Lines, Take

# Bytes of a line that are logged.
_LINE: Final = 8192

# So many lines are logged at once, and the next ones so many seconds later.
_AT_ONCE: Final = 100
_BREATH: Final = 0.05

# So many lines of a child that has ended are logged at most.
_LAST: Final = 1000


class Pipe(Protocol):
    """
    Where the output comes from.
    """

    def pauseProducing(self) -> None:
        """
        Read no more for now.
        """

    def resumeProducing(self) -> None:
        """
        Read again.
        """


class Output:
    """
    What comes out of one pipe of a child.
    """

    def __init__(
        self,
        clock: IReactorTime,
        pipe: Callable[[], Pipe | None],
        say: Take,
        omit: Callable[[int], None],
    ) -> None:
        """
        @param pipe: finds the pipe; L{None} when it is closed.
        @param say: logs a line.
        @param omit: logs that so many lines are not logged.
        """
        self._clock = clock
        self._pipe = pipe
        self._say = say
        self._omit = omit
        self._waiting: deque[tuple[bytes, bool]] = deque()
        self._lines = Lines(_LINE, self._wait)
        self._again: IDelayedCall | None = None

    def feed(self, data: bytes) -> None:
        """
        Take in what was written.
        """
        self._lines.feed(data)
        if self._again is None:
            self._tell()

    def end(self) -> None:
        """
        There is no more: what is there is the last line.
        """
        if self._again is not None:
            self._again.cancel()
            self._again = None
        self._lines.end()
        for _ in range(min(_LAST, len(self._waiting))):
            self._say(*self._waiting.popleft())
        if self._waiting:
            self._omit(len(self._waiting))
            self._waiting.clear()

    def _wait(self, line: bytes, cut: bool) -> None:
        self._waiting.append((line, cut))

    def _tell(self) -> None:
        """
        Log some lines. If there are more, read nothing until they are logged, too.
        """
        held, self._again = self._again is not None, None
        for _ in range(min(_AT_ONCE, len(self._waiting))):
            self._say(*self._waiting.popleft())
        if self._waiting:
            self._again = self._clock.callLater(_BREATH, self._tell)
        if held == bool(self._waiting):
            return
        pipe = self._pipe()
        if pipe is not None and held:
            pipe.resumeProducing()
        elif pipe is not None:
            pipe.pauseProducing()
