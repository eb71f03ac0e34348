"""
The one thread in which a store is used.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from threading import Thread
from typing import TypeVar

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorFromThreads
from twisted.internet.threads import deferToThreadPool
from twisted.python.threadpool import ThreadPool

T = TypeVar("T")


_DaemonThread = partial(Thread, daemon=True)


class StoreThread:
    """
    A L{Runner<txgearman.stores.journal.Runner>} with a thread of its own.
    """

    def __init__(self, reactor: IReactorFromThreads) -> None:
        """
        @param reactor: where results come back to.
        """
        self._reactor = reactor
        self._pool = ThreadPool(1, 1, "store")
        # A store that hangs must not keep the process from ending.
        self._pool.threadFactory = _DaemonThread  # type: ignore[assignment]

    def __call__(self, call: Callable[[], T], /) -> Deferred[T]:
        """
        Call something in the thread, when what was called before has returned.
        """
        if not self._pool.started:
            self._pool.start()
        return deferToThreadPool(self._reactor, self._pool, call)

    def stop(self) -> None:
        """
        End the thread, when what was called has returned.
        """
        if self._pool.started:
            self._pool.stop()
