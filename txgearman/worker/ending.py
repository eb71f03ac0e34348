"""
Work that goes on, though nobody waits for it any more.
"""

from __future__ import annotations

from typing import Any, TypeVar

from twisted.internet.defer import Deferred

T = TypeVar("T")


def whenOver(work: Deferred[T]) -> Deferred[T]:
    """
    Have who cancels work that cannot be cancelled wait for its end.

    @param work: fires when the work is really over.
    @return: fires then as well: with what came of the work, or with
        C{CancelledError} when it was cancelled before. Who cancels it twice does
        not wait.
    """
    outcome: Deferred[T] = Deferred()
    over: Deferred[None] = Deferred()

    def end(_: None) -> None:
        over.callback(None)

    def wait(result: Any) -> Any:
        return over.addCallback(lambda _: result)

    # A cancelled Deferred takes no notice of what comes afterwards.
    work.addCallbacks(outcome.callback, outcome.errback).addCallback(end)
    return outcome.addBoth(wait)
