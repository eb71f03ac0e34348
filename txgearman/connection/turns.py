"""
Turns of the reactor, and their ends: when all is read that there was to read, and
before it waits again.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial

from twisted.internet.interfaces import IReactorTime

Call = Callable[[], object]


def turnEndOf(clock: IReactorTime) -> Callable[[Call], object]:
    """
    How to have something called when the turn ends.

    L{TurningReactor<txgearman.reactor.TurningReactor>} knows when that is. With others
    a call without delay comes at the right time, and costs more.
    """
    atEnd: Callable[[Call], object] = getattr(
        clock, "atTurnEnd", partial(clock.callLater, 0)
    )
    return atEnd


def busyPoll(reactor: object, seconds: float) -> None:
    """
    Have a reactor busy-poll, if it can, as
    L{TurningReactor<txgearman.reactor.TurningReactor>}.

    @param seconds: as for L{TurningReactor.busyPoll
        <txgearman.reactor.TurningReactor.busyPoll>}.
    """
    able: Callable[[float], object] | None = getattr(reactor, "busyPoll", None)
    if able is not None:
        able(seconds)


def shortenTurns() -> None:
    """
    Make L{TurningReactor<txgearman.reactor.TurningReactor>} the reactor of this
    process, unless there is one already, or no epoll.
    """
    if "twisted.internet.reactor" in sys.modules:
        return
    try:
        from txgearman.reactor import install
    except ImportError:
        return
    install()
