"""
The options of clients, calls and submits.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Generic, TypedDict, TypeVar

from txgearman.board.job import Priority
from txgearman.client.choice import Choice
from txgearman.client.job import IJobListener
from txgearman.codecs import Name
from txgearman.connection.reconnecting import RetryPolicy

T = TypeVar("T")


class ClientOptions(TypedDict, total=False):
    """
    The options of a L{Client}, beside its codec; see its constructor.
    """

    choice: Choice | None
    namespace: Name
    clientId: Name | None
    exceptions: bool
    resubmit: bool
    maxInFlight: int | None
    connectTimeout: float
    retryPolicy: RetryPolicy | None
    answerTimeout: float | None
    maxPacket: int


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


class SubmitOptions(CallOptions[T], Generic[T], total=False):
    """
    The options of L{Client.submit}.
    """

    background: bool
    at: float | datetime | None
    delay: float | None
