"""
C{txgearman} as a worker: a command does the jobs.
"""

from __future__ import annotations

import os
import shutil
import signal
import sys
from argparse import Namespace
from typing import Any, Final

from twisted.internet.defer import Deferred
from twisted.logger import Logger

from txgearman.errors import JobFailed
from txgearman.scripts.arguments import timeoutOf
from txgearman.scripts.command import Command, Ending
from txgearman.scripts.output import complain, readable, sayJSON, workload, write
from txgearman.worker.job import RunningJob
from txgearman.worker.worker import Worker

SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)
"""What ends a worker."""


async def work(reactor: Any, worker: Worker[bytes], options: Namespace) -> int:
    """
    Do jobs until there were enough, or a signal comes: the first lets what runs
    end, the second gives it back to the servers.

    @return: the exit status.
    @raise OSError: when nothing can be printed.
    """
    working = _Working(reactor, worker, options)
    for function in options.functions:
        worker.register(function, working.do, timeout=timeoutOf(options))
    for number in SIGNALS:
        signal.signal(number, working.signaled)
    worker.startService()
    try:
        await working.whenOver()
    finally:
        await worker.stopService()
        await working.whenQuiet()
    return 0


class _Working:
    """
    A worker whose jobs a command does, or that prints them.

    A job is given back, for others to do, by leaving it undone until the worker
    disconnects. So the worker goes when the only jobs it has are such ones.
    """

    _log = Logger()

    def __init__(self, reactor: Any, worker: Worker[bytes], options: Namespace) -> None:
        self._reactor = reactor
        self._worker = worker
        self._options = options
        self._words = [os.fsencode(word) for word in options.words]
        self._program = shutil.which(self._words[0]) if self._words else None
        self._commands: set[Command] = set()
        self._begun = 0
        self._running = 0
        self._givenBack = 0
        self._signaled = 0
        self._draining = False
        self._trouble: list[Exception] = []
        self._over: Deferred[None] = Deferred()

    async def whenOver(self) -> None:
        """
        Wait until no more jobs are to be done and the last one is over.

        @raise OSError: when that is because nothing can be printed.
        """
        await self._over
        if self._trouble:
            raise self._trouble[0]

    async def whenQuiet(self) -> None:
        """
        Wait for the end of commands whose jobs are over.
        """
        for command in list(self._commands):
            await command.whenEnded()

    def signaled(self, *_: object) -> None:
        """
        A signal came.
        """
        self._signaled += 1
        then = self._drain if self._signaled == 1 else self._worker.giveUp
        self._reactor.callFromThread(then)

    def _drain(self) -> None:
        """
        Take no more jobs.
        """
        if not self._draining:
            self._draining = True
            self._log.info("takes no more jobs; {jobs} running", jobs=self._running)
            self._worker.drain().chainDeferred(self._over)

    async def do(self, job: RunningJob[bytes]) -> bytes:
        """
        Do a job, unless it is one too many: several servers may assign one at the
        same time.
        """
        self._running += 1
        self._begun += 1
        try:
            if self._begun == self._options.count:
                self._drain()
            if 0 < self._options.count < self._begun:
                await self._giveBack()
            return await self._result(job)
        finally:
            self._running -= 1
            self._checkGivenBack()

    async def _giveBack(self) -> None:
        """
        Leave a job to others. This ends when the worker does.
        """
        self._drain()
        self._givenBack += 1
        try:
            self._checkGivenBack()
            await Deferred()
        finally:
            self._givenBack -= 1

    def _checkGivenBack(self) -> None:
        if self._givenBack and self._givenBack == self._running:
            # Not from within the job that is given up.
            self._reactor.callLater(0, self._worker.giveUp)

    async def _result(self, job: RunningJob[bytes]) -> bytes:
        """
        Do a job.

        @raise JobFailed: when its command failed. What it wrote is sent all the
            same.
        """
        if self._program is None:
            try:
                self._show(job)
            except OSError as error:
                self._trouble.append(error)
                await self._giveBack()
            return b""
        ending = await self._command(job, self._program)
        if ending.good:
            return ending.output
        if self._signaled and any(map(ending.isOf, SIGNALS)):
            # A Ctrl-C reached the command too.
            await self._giveBack()
        complain(f"txgearman: {job.function} {readable(job.handle)}: {ending}")
        if ending.output:
            job.sendData(ending.output)
        raise JobFailed(handle=job.handle)

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
        command.start(program, self._words, {**os.environb, **about})
        self._commands.add(command)
        command.whenEnded().addCallback(lambda _: self._commands.discard(command))
        return await command.outcome()
