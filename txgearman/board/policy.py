"""
What the owner of a job server may decide about jobs.
"""

from __future__ import annotations

import socket
from typing import Final

from attrs import field, frozen

from txgearman.errors import BadSetting

HANDLE_LIMIT: Final = 63
"""
The longest handle, in bytes: libgearman keeps handles in 64 bytes with a NUL.
"""

# Room for a colon and the largest number that handles are likely to reach.
_PREFIX_LIMIT: Final = HANDLE_LIMIT - len(":18446744073709551615")


def defaultHandlePrefix() -> bytes:
    """
    The prefix of gearmand: C{H:} and the name of the host.
    """
    return f"H:{socket.gethostname()}".encode()[:_PREFIX_LIMIT]


def checkHandlePrefix(prefix: bytes) -> bytes:
    """
    Check what job handles are to start with.

    @return: it.
    @raise BadSetting: when it is too long, or has bytes that break tables.
    """
    if len(prefix) > _PREFIX_LIMIT:
        raise BadSetting(
            f"a job handle prefix has at most {_PREFIX_LIMIT} bytes, not {len(prefix)}"
        )
    if not prefix or any(byte <= 0x20 or byte == 0x7F for byte in prefix):
        raise BadSetting("a job handle prefix needs bytes other than white space")
    return prefix


@frozen
class Policy:
    """
    The settings of a L{JobBoard<txgearman.board.board.JobBoard>}.

    @ivar attempts: how often a job may be granted to a worker that is lost or
        too slow, before it fails, where no policy of its function says otherwise; 0
        for any number of times.
    @ivar wakeup: how many sleeping workers to wake for a new job; 0 for all.
    @ivar wakeupDelay: how long the woken ones have until others are woken for a
        job that still waits, in seconds.
    @ivar exceptions: whether clients hear of exceptions without asking.
    @ivar handlePrefix: what job handles start with, before a colon and a number.
    @ivar uniqueLimit: the longest unique, and reducer name, in bytes.
    @ivar functionLimit: the longest function name, in bytes. libgearman's
        workers keep it, a handle and a unique in a buffer of 8 KiB.
    @ivar functionsLimit: how many functions there may be, since a function once
        named is remembered.
    @ivar shortestTimeout: what a worker's timeout is raised to, in seconds; some
        workers give seconds where gearmand takes milliseconds.
    @ivar deadLimit: how many dead letters are kept, with C{deadBytes} of workloads in
        all, and C{deadAge} seconds each at most.
    @ivar resultsLimit: how many results are kept, with C{resultsBytes} in all.
    """

    attempts: int = 0
    wakeup: int = 1
    wakeupDelay: float = 2.0
    exceptions: bool = False
    handlePrefix: bytes = field(
        factory=defaultHandlePrefix,
        validator=lambda policy, attribute, prefix: checkHandlePrefix(prefix),
    )
    uniqueLimit: int = 64
    functionLimit: int = 4096
    functionsLimit: int = 100_000
    shortestTimeout: float = 1.0
    deadLimit: int = 10_000
    deadBytes: int = 64 * 1024**2
    deadAge: float = 30 * 86400.0
    resultsLimit: int = 100_000
    resultsBytes: int = 256 * 1024**2
