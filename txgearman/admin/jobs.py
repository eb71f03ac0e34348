"""
What a job server tells of single jobs, as values. Moments are in seconds of the epoch,
0 for never; sizes in bytes.
"""

from __future__ import annotations

from attrs import field, frozen


@frozen
class DeadJobRow:
    """
    A row of C{show dead jobs}: a background job that failed for good.

    @ivar attempts: how often it was granted to a worker.
    @ivar size: of the workload.
    @ivar error: why its last attempt ended.
    """

    handle: bytes
    function: bytes
    unique: bytes
    attempts: int
    submitted: float
    died: float
    size: int
    error: bytes


@frozen
class DelayedJobRow:
    """
    A row of C{show delayed jobs}.

    @ivar due: when it will wait for a worker.
    @ivar attempts: how often it was granted to one already.
    """

    handle: bytes
    function: bytes
    unique: bytes
    due: float
    attempts: int
    background: bool


@frozen
class JobDetails:
    """
    What is known of a job (C{show job}), which may have ended; of one that has, what
    its dead letter and its result say.

    @ivar state: C{saving}, C{delayed}, C{queued} or C{running}; C{completed},
        C{failed}, C{cancelled}, C{expired} or C{dead}.
    @ivar priority: C{high}, C{normal} or C{low}; L{None} when it is not known any more.
    @ivar due: the moment before which it, or its next attempt, does not run.
    @ivar started: when its last attempt began.
    @ivar until: how long its result is kept.
    @ivar worker: the address of the one that runs it.
    @ivar size: of the workload; L{None} when that is not known any more.
    @ivar listeners: how many clients wait for it.
    @ivar error: why the last of those attempts ended that did not succeed.
    @ivar result: the size of the result; L{None} when there is none.
    """

    handle: bytes
    function: bytes
    unique: bytes
    state: str
    attempts: int
    submitted: float
    priority: str | None = None
    background: bool = True
    due: float = 0.0
    started: float = 0.0
    ended: float = 0.0
    until: float = 0.0
    worker: bytes = b""
    numerator: int = 0
    denominator: int = 0
    size: int | None = None
    reducer: bytes = b""
    listeners: int = 0
    error: bytes = b""
    result: int | None = None


@frozen
class JobResult:
    """
    How a background job ended (C{result}), or how it stands.

    @ivar state: as in L{JobDetails}.
    @ivar started: when its last attempt began.
    @ivar ended: when it ended; 0 while it lives.
    @ivar until: how long this is kept.
    @ivar size: of the result.
    @ivar error: why the last of those attempts ended that did not succeed.
    @ivar data: the result; empty when it is too large to be kept.
    """

    handle: bytes
    function: bytes
    unique: bytes
    state: str
    attempts: int
    submitted: float
    started: float
    ended: float
    until: float
    size: int
    error: bytes
    data: bytes = field(default=b"", repr=False)
