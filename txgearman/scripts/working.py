"""
C{txgearman} as a worker: a command does the jobs.
"""

from __future__ import annotations

import os
import shutil
import signal
import sys
from argparse import Namespace
from typing import Any

from twisted.internet.defer import Deferred

from txgearman.errors import JobFailed
from txgearman.scripts.arguments import timeoutOf
from txgearman.scripts.command import Command, Ending
from txgearman.scripts.output import complain, readable, sayJSON, workload, write
from txgearman.worker.job import RunningJob
from txgearman.worker.worker import Worker


async def work(reactor: Any, worker: Worker[bytes], options: Namespace) -> int:
    """
    Do jobs until there were enough, or a signal comes: the first lets what runs
    end, the second gives it back to the servers.

    @return: the exit status.
    """
    working = _Working(reactor, worker, options)
    for function in options.functions:
        worker.register(function, working.do, timeout=timeoutOf(options))
    working.heed()
    worker.startService()
    try:
        await working.whenOver()
    finally:
        await worker.stopService()
    return 0


class _Working:
    """
    A worker whose jobs a command does, or that prints them.
    """

    def __init__(self, reactor: Any, worker: Worker[bytes], options: Namespace) -> None:
        self._reactor = reactor
        self._worker = worker
        self._options = options
        self._words = [os.fsencode(word) for word in options.words]
        self._program = shutil.which(self._words[0]) if self._words else None
        self._begun = 0
        self._signaled = 0
        self._draining = False
        self._over: Deferred[None] = Deferred()

    def whenOver(self) -> Deferred[None]:
        """
        Wait until no more jobs are to be done and the last one is over.
        """
        return self._over

    def heed(self) -> None:
        """
        Listen to signals.
        """
        for number in signal.SIGINT, signal.SIGTERM:
            signal.signal(number, self._told)

    def _told(self, *_: object) -> None:
        self._signaled += 1
        then = self._drain if self._signaled == 1 else self._worker.giveUp
        self._reactor.callFromThread(then)

    def _drain(self) -> None:
        """
        Take no more jobs.
        """
        if not self._draining:
            self._draining = True
            self._worker.drain().chainDeferred(self._over)

    async def do(self, job: RunningJob[bytes]) -> bytes:
        """
        Do a job.
        """
        self._begun += 1
        if self._begun == self._options.count:
            self._drain()
        if self._program is not None:
            ending = await self._command(job, self._program)
            return self._result(job, ending)
        try:
            self._show(job)
        except BrokenPipeError as error:
            # Nobody reads on; others may do the job.
            self._reactor.callLater(0, self._break, error)
            await Deferred()
        return b""

    def _break(self, error: Exception) -> None:
        """
        Do no more jobs, and give back those that run.
        """
        over, self._over = self._over, Deferred()
        self._drain()
        self._worker.giveUp()
        over.errback(error)

    def _show(self, job: RunningJob[bytes]) -> None:
        """
        Print a workload.
        """
        if self._options.json:
            who = {"function": job.function, "handle": job.handle, "unique": job.unique}
            sayJSON(who | workload(job.data))
        else:
            write(sys.stdout.buffer, job.data)

    async def _command(self, job: RunningJob[bytes], program: bytes) -> Ending:
        """
        Let the command do a job.
        """
        options = self._options

        def send(line: bytes) -> None:
            job.sendData(line.removesuffix(b"\n") if options.stripped else line)

        lines = send if options.lines or options.stripped else None
        about = {
            b"GEARMAN_FUNCTION": os.fsencode(job.function),
            b"GEARMAN_HANDLE": job.handle,
            b"GEARMAN_UNIQUE": job.unique,
        }
        command = Command(self._reactor, job.data, lines)
        environment = {**os.environb, **about}
        ending: Ending = await command.start(program, self._words, environment)
        if ending.signal is not None and self._signaled:
            # A Ctrl-C reached the command too; others may do the job.
            self._reactor.callLater(0, self._worker.giveUp)
            await Deferred()
        return ending

    def _result(self, job: RunningJob[bytes], ending: Ending) -> bytes:
        """
        Make a result of how a command ended.

        @raise JobFailed: when it failed. What it wrote is sent all the same.
        """
        if ending.good:
            return ending.output
        complain(f"txgearman: {job.function} {readable(job.handle)}: {ending}")
        if ending.output:
            job.sendData(ending.output)
        raise JobFailed(job.handle)
