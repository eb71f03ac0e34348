"""
How a client prints what becomes of its jobs.
"""

from __future__ import annotations

import sys
from typing import Any

from zope.interface import implementer

from txgearman.client.job import IJobListener, RemoteJob
from txgearman.errors import GearmanError, JobError, JobException, JobFailed
from txgearman.scripts.output import (
    encoded,
    escaped,
    readable,
    sayJSON,
    workload,
    write,
)


class IPrinter(IJobListener):
    """
    Is told everything about every job.
    """

    def created(job: RemoteJob[bytes]) -> None:
        """
        A server has a job.
        """

    def completed(job: RemoteJob[bytes], result: bytes) -> None:
        """
        A job has its result.
        """

    def failed(
        function: str, error: GearmanError, job: RemoteJob[bytes] | None
    ) -> None:
        """
        A job has none, or no server takes it.

        @param job: L{None} for one that no server took.
        """

    def finished() -> None:
        """
        Nothing more comes.
        """


@implementer(IPrinter)
class PlainPrinter:
    """
    Prints what C{gearman} prints: data, results and progress to stdout, warnings
    and exceptions to stderr.
    """

    def __init__(self, *, prefix: bool = False, handles: bool = False) -> None:
        """
        @param prefix: whether to print the function before all else.
        @param handles: whether to print the handles of jobs.
        """
        self._prefix = prefix
        self._handles = handles

    def created(self, job: RemoteJob[bytes]) -> None:
        """
        Tell the handle.
        """
        if self._handles:
            self._out("", b"Task created: " + job.handle + b"\n")

    def dataReceived(self, job: RemoteJob[bytes], data: bytes) -> None:
        """
        Print a part of a result.
        """
        self._out(job.function, data)

    def warningReceived(self, job: RemoteJob[bytes], data: bytes) -> None:
        """
        Print a warning.
        """
        write(sys.stderr.buffer, self._prefixed(job.function, data))

    def statusReceived(
        self, job: RemoteJob[bytes], numerator: int, denominator: int
    ) -> None:
        """
        Print how far it is.
        """
        percent = numerator * 100 // denominator if denominator else 0
        self._out(job.function, b"%d%% Complete\n" % percent)

    def completed(self, job: RemoteJob[bytes], result: bytes) -> None:
        """
        Print a result.
        """
        self._out(job.function, result)

    def failed(
        self, function: str, error: GearmanError, job: RemoteJob[bytes] | None
    ) -> None:
        """
        Say why there is none.
        """
        if isinstance(error, JobException):
            text = error.data.removesuffix(b"\n") + b"\n"
        elif isinstance(error, JobFailed):
            text = b"Job failed\n"
        else:
            text = encoded(escaped(f"txgearman: {error}") + "\n")
        write(sys.stderr.buffer, self._prefixed(function, text))

    def finished(self) -> None:
        """
        Nothing to put away.
        """

    def _out(self, function: str, data: bytes) -> None:
        write(sys.stdout.buffer, self._prefixed(function, data))

    def _prefixed(self, function: str, data: bytes) -> bytes:
        return encoded(f"{function}: ") + data if self._prefix and function else data


@implementer(IPrinter)
class JSONPrinter:
    """
    Prints each thing that happens as a line of JSON to stdout.
    """

    def created(self, job: RemoteJob[bytes]) -> None:
        """
        A server has a job.
        """
        self._say(job, "created", server=job.server, unique=readable(job.unique))

    def dataReceived(self, job: RemoteJob[bytes], data: bytes) -> None:
        """
        A part of a result came.
        """
        self._say(job, "data", **workload(data))

    def warningReceived(self, job: RemoteJob[bytes], data: bytes) -> None:
        """
        A warning came.
        """
        self._say(job, "warning", **workload(data))

    def statusReceived(
        self, job: RemoteJob[bytes], numerator: int, denominator: int
    ) -> None:
        """
        It is so far.
        """
        self._say(job, "status", numerator=numerator, denominator=denominator)

    def completed(self, job: RemoteJob[bytes], result: bytes) -> None:
        """
        A job has its result.
        """
        self._say(job, "completed", **workload(result, "result"))

    def failed(
        self, function: str, error: GearmanError, job: RemoteJob[bytes] | None
    ) -> None:
        """
        A job has none.
        """
        handle = error.handle if isinstance(error, JobError) else b""
        told: dict[str, Any] = {"error": type(error).__name__, "text": str(error)}
        if isinstance(error, JobException):
            told |= workload(error.data, "exception")
        sayJSON({"event": "failed", "function": function, "handle": handle} | told)

    def finished(self) -> None:
        """
        Nothing to put away.
        """

    def _say(self, job: RemoteJob[bytes], event: str, **more: Any) -> None:
        told = {"event": event, "function": job.function, "handle": job.handle}
        sayJSON(told | more)
