"""
Waiting for several things.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from twisted.internet.defer import Deferred, DeferredList
from twisted.python.failure import Failure


async def allOf(waiting: Sequence[Deferred[Any]]) -> list[Any]:
    """
    Wait for all of several things, also when one of them fails.

    @return: their results.
    @raise Exception: what the first of them failed with.
    """
    results = [result for _, result in await DeferredList(waiting, consumeErrors=True)]
    for result in results:
        if isinstance(result, Failure):
            result.raiseException()
    return results
