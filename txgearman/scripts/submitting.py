"""
C{txgearman} as a client: it submits jobs and prints what becomes of them.
"""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import AsyncIterator, Callable
from typing import Any
from uuid import uuid4

from twisted.internet.defer import Deferred, DeferredSemaphore
from twisted.python.failure import Failure
from zope.interface import implementer

from txgearman.client.client import Client
from txgearman.client.job import IJobListener, RemoteJob
from txgearman.errors import JobError, ServerError
from txgearman.scripts.arguments import timeoutOf
from txgearman.scripts.printing import IPrinter, JSONPrinter, PlainPrinter
from txgearman.scripts.waiting import allOf
from txgearman.scripts.workloads import workloads


async def submitAll(reactor: Any, client: Client[bytes], options: Namespace) -> int:
    """
    Submit all jobs that a command line asks for.

    @return: the exit status: 1 when a job did not end with a result.
    """
    printer = _printer(options)
    submitting = _Submitting(client, options, printer)
    try:
        return await submitting.run(workloads(reactor, options))
    finally:
        printer.finished()


def _printer(options: Namespace) -> IPrinter:
    """
    Choose how to print.
    """
    if options.json:
        return JSONPrinter()
    if sys.stdout.isatty():
        try:
            from txgearman.scripts.bar import BarPrinter
        except ModuleNotFoundError:
            # Without rich there are lines instead of bars.
            pass
        else:
            return BarPrinter(prefix=options.prefix, handles=options.verbose)
    return PlainPrinter(prefix=options.prefix, handles=options.verbose)


@implementer(IJobListener)
class _Submitting:
    """
    Jobs under way, one workload at a time or as many as are wanted at once.
    """

    def __init__(
        self, client: Client[bytes], options: Namespace, printer: IPrinter
    ) -> None:
        self._client = client
        self._options = options
        self._printer = printer
        self._slots = DeferredSemaphore(options.jobs)
        self._status = 0
        self._ended: Deferred[None] = Deferred()

    async def run(self, source: AsyncIterator[bytes]) -> int:
        """
        Submit each workload to each function, and wait for the last one's end. When
        there is nobody to submit to, or to print for, do not wait for workloads.

        @return: the exit status.
        @raise NoServers: when there is nobody to submit to.
        @raise ValueError: for what cannot be asked for.
        @raise OSError: when nothing can be printed.
        """
        submitting = Deferred.fromCoroutine(self._all(source))
        submitting.addBoth(self._end)
        try:
            await self._ended
        finally:
            self._end(None)
            submitting.cancel()
        return self._status

    async def _all(self, source: AsyncIterator[bytes]) -> None:
        async for workload in source:
            await self._slots.acquire()
            Deferred.fromCoroutine(self._each(workload)).addBoth(self._over)
        for _ in range(self._options.jobs):
            await self._slots.acquire()

    def _over(self, result: object) -> None:
        """
        All is done with one workload.
        """
        if isinstance(result, Failure):
            self._end(result)
        self._slots.release()

    def _end(self, result: Failure | None) -> None:
        """
        It is over, unless it was before.
        """
        if not self._ended.called:
            self._ended.callback(result)

    async def _each(self, workload: bytes) -> None:
        """
        Submit a workload to each of the functions.
        """
        jobs = [self._job(function, workload) for function in self._options.functions]
        await allOf([Deferred.fromCoroutine(job) for job in jobs])

    async def _job(self, function: str, workload: bytes) -> None:
        """
        Submit a job, and wait for its result unless it is for the background.
        """
        options = self._options
        job: RemoteJob[bytes] | None = None
        try:
            job = await self._client.submit(
                function,
                workload,
                # A random one, as libgearman does, so that one can ask for it.
                unique=options.unique or str(uuid4()),
                priority=options.priority,
                background=options.background,
                at=options.at,
                delay=options.delay,
                reducer=options.reducer,
                timeout=timeoutOf(options),
                listener=self,
            )
            self._printer.created(job)
            if not job.background:
                self._printer.completed(job, await job.whenDone())
        except (JobError, ServerError) as error:
            self._status = 1
            if not self._ended.called:
                self._printer.failed(function, error, job)

    # An IJobListener, whose errors would only be logged

    def dataReceived(self, job: RemoteJob[bytes], data: bytes) -> None:
        """
        Print a part of a result.
        """
        self._tell(self._printer.dataReceived, job, data)

    def warningReceived(self, job: RemoteJob[bytes], data: bytes) -> None:
        """
        Print a warning.
        """
        self._tell(self._printer.warningReceived, job, data)

    def statusReceived(
        self, job: RemoteJob[bytes], numerator: int, denominator: int
    ) -> None:
        """
        Print how far a job is.
        """
        self._tell(self._printer.statusReceived, job, numerator, denominator)

    def _tell(self, printed: Callable[..., None], *event: object) -> None:
        """
        Print something that happened; when that fails, it is over.
        """
        if self._ended.called:
            return
        try:
            printed(*event)
        except Exception:
            self._end(Failure())
