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

    def __reduce__(self) -> tuple[object, ...]:
        """
        Travel between processes whole, whatever the constructor takes.
        """
        return _remade, (type(self), self.args), vars(self)


def _remade(kind: type[GearmanError], args: tuple[object, ...]) -> GearmanError:
    """
    Make an error that was pickled, without its attributes, which follow.
    """
    error = kind.__new__(kind, *args)
    error.args = args
    return error


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

    def __init__(self, text: bytes = b"Job queue is full") -> None:
        super().__init__(b"QUEUE_ERROR", text)


def serverError(code: bytes, text: bytes) -> ServerError:
    """
    Make the error that a server's refusal stands for.

    @param code: what the server calls it, and L{ServerError} its C{code}.
    """
    return QueueFull(text) if code == b"QUEUE_ERROR" else ServerError(code, text)


class BadSchedule(GearmanError, ValueError):
    """
    A schedule that cannot be read, or that no moment ever matches.
    """


class BadSetting(GearmanError, ValueError):
    """
    A setting of the job server that cannot be used.
    """


class StoreError(GearmanError):
    """
    The store of the jobs cannot be used now.
    """


class StoreUnusable(StoreError):
    """
    The store of the jobs cannot be used, and waiting will not help.
    """


class BadRow(GearmanError, ValueError):
    """
    Something in a store of jobs cannot be read as a job.
    """


class NoServers(GearmanError):
    """
    None of the job servers could be reached in time.
    """


class JobError(GearmanError):
    """
    A job did not end with a result.

    @ivar reason: why, in words; empty when nobody said.
    @ivar handle: the job's handle; empty when it never had one.
    """

    def __init__(self, reason: str | bytes = "", *, handle: bytes = b"") -> None:
        """
        @param reason: text, or bytes that are most likely text in UTF-8.
        """
        if isinstance(reason, bytes):
            reason = reason.decode("utf-8", "backslashreplace")
        super().__init__(reason)
        self.reason = reason
        self.handle = handle

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
    The worker failed with an exception. A worker's function that raises it
    chooses what the client is told.

    @ivar data: what the worker said about it, in bytes.
    """

    def __init__(self, data: str | bytes = b"", *, handle: bytes = b"") -> None:
        """
        @param data: bytes, or text for them in UTF-8.
        """
        super().__init__(data, handle=handle)
        # What is no Unicode, such as some file names, cannot be sent as it is.
        self.data = (
            data.encode("utf-8", "backslashreplace") if isinstance(data, str) else data
        )


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
