"""
The options of workers.
"""

from __future__ import annotations

from typing import TypedDict

from txgearman.codecs import Name
from txgearman.connection.reconnecting import RetryPolicy


class WorkerOptions(TypedDict, total=False):
    """
    The options of a L{Worker}, beside its codec; see its constructor.
    """

    concurrency: int
    namespace: Name
    clientId: Name | None
    tracebacks: bool
    drainTimeout: float
    retryPolicy: RetryPolicy | None
    maxPacket: int
