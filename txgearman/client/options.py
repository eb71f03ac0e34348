"""
The options of a call.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypedDict, TypeVar

from txgearman.board.job import Priority
from txgearman.client.job import IJobListener
from txgearman.codecs import Name

T = TypeVar("T")


class CallOptions(TypedDict, Generic[T], total=False):
    """
    The options of L{Client.call}; see L{Client.submit}.
    """

    unique: Name | None
    priority: Priority
    reducer: Name | None
    timeout: float | None
    resubmit: bool | None
    onData: Callable[[T], object] | None
    onWarning: Callable[[T], object] | None
    onStatus: Callable[[int, int], object] | None
    listener: IJobListener | None
