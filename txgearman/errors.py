"""
Everything that txgearman raises on purpose.

L{GearmanError} is the root of the tree. Each docstring is a sentence that a
user may read.
"""

from __future__ import annotations


class GearmanError(Exception):
    """
    Something about Gearman went wrong.
    """


class ServerError(GearmanError):
    """
    The job server refused a request.

    It travels as an ERROR packet: the job board raises it, the server's
    connection sends it, and a client raises it again on the other side.

    @ivar code: one of libgearman's return codes without its C{GEARMAN_}, such
        as C{b"QUEUE_ERROR"}; libgearman turns it back into a number.
    @ivar text: a sentence about it, in bytes.
    """

    def __init__(self, code: bytes, text: bytes) -> None:
        super().__init__(code, text)
        self.code = code
        self.text = text

    def __str__(self) -> str:
        said = [part.decode("utf-8", "replace") for part in (self.code, self.text)]
        return ": ".join(part for part in said if part)


class QueueFull(ServerError):
    """
    The function's queue holds as many jobs as it may.
    """

    def __init__(self) -> None:
        super().__init__(b"QUEUE_ERROR", b"Job queue is full")


class BadSchedule(GearmanError, ValueError):
    """
    A schedule that cannot be read, or that no moment ever matches.
    """


class BadSetting(GearmanError, ValueError):
    """
    A setting of the job server that cannot be used.
    """


class NoServers(GearmanError):
    """
    None of the job servers could be reached in time.
    """


class JobError(GearmanError):
    """
    A job did not end with a result.

    @ivar handle: the job's handle; empty when it never had one.
    """

    def __init__(self, handle: bytes = b"", reason: str = "") -> None:
        super().__init__(handle, reason)
        self.handle = handle
        self.reason = reason

    def __str__(self) -> str:
        sentence = self.reason or (type(self).__doc__ or "").strip().partition("\n")[0]
        name = self.handle.decode("utf-8", "backslashreplace")
        return f"{name}: {sentence}" if name else sentence


class JobFailed(JobError):
    """
    The worker said that the job failed, or nobody could do it.
    """


class JobException(JobFailed):
    """
    The worker failed with an exception.

    @ivar data: what the worker said about it, in bytes.
    """

    def __init__(self, handle: bytes = b"", data: bytes = b"") -> None:
        super().__init__(handle, data.decode("utf-8", "backslashreplace"))
        self.data = data


class JobLost(JobError):
    """
    The connection to the job's server was lost, and with it the news of the job.
    """


class JobTimeout(JobError, TimeoutError):
    """
    The job took longer than its client waits; it may still run.
    """


class BackgroundJob(JobError):
    """
    Nobody is told how a background job ends; its status can be asked for.
    """
