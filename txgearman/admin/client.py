"""
The admin protocol from Python: every command as a method, and answers as values.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final, TypeVar

from twisted.internet.defer import Deferred, fail

from txgearman.admin.cells import factsOf, rowOf
from txgearman.admin.gearmand import GearmandClient
from txgearman.admin.jobs import DeadJobRow, DelayedJobRow, JobDetails, JobResult
from txgearman.admin.policies import (
    FunctionLimits,
    PolicySetting,
    ScheduleRow,
    assignment,
    heldRow,
    settingRow,
    wordOf,
)
from txgearman.admin.protocol import Lines
from txgearman.admin.rows import QueueRow
from txgearman.board.keys import Cause, Value
from txgearman.codecs import Name
from txgearman.wire import text
from txgearman.wire.codec import Limits

T = TypeVar("T")

# A server reads no longer lines.
_LONGEST: Final = Limits().line

# So much of a workload is asked for at a time.
_PAGE: Final = 1024 * 1024


class AdminClient(GearmandClient):
    """
    Asks one job server, and tells it::

        admin = AdminClient(reactor, "jobs.example.net")
        for row in await admin.status():
            print(row.function, row.total)
        await admin.close()

    It connects at the first question, and again when the connection was lost.
    Questions may be asked without waiting for the answers of others. An answer
    that says C{ERR} is a L{ServerError}.

    What follows only txgearman understands; of other servers it is such an answer.
    What a command changes is saved when it is answered. Functions, uniques and patterns
    may be any bytes but none at all; a whole command may have 8 KiB.
    """

    # Jobs

    def queues(self) -> Deferred[list[QueueRow]]:
        """
        How many jobs of each function wait and run, and how long the first has waited.
        """
        return self._rows(b"show queues", rowOf(QueueRow))

    def delayedJobs(
        self, function: Name | None = None
    ) -> Deferred[list[DelayedJobRow]]:
        """
        The jobs that wait for a moment, the next one first.
        """
        row = rowOf(DelayedJobRow)
        return self._rows(b"show delayed jobs", row, *_given(function))

    def job(self, handle: Name) -> Deferred[JobDetails]:
        """
        All that is known of a job, which may have ended. Of others it is
        C{UNKNOWN_JOB}.
        """
        asked = self._lines(b"show job", handle)
        return asked.addCallback(lambda lines: factsOf(JobDetails, lines))

    def workload(self, handle: Name) -> Deferred[bytes]:
        """
        The workload of a job that lives, or of a dead letter. Of others it is
        C{UNKNOWN_JOB}.
        """
        return Deferred.fromCoroutine(self._workload(handle))

    async def _workload(self, handle: Name) -> bytes:
        pages: list[bytes] = []
        while len(pages) * _PAGE == sum(map(len, pages)):
            start = b"%d" % (len(pages) * _PAGE)
            lines = await self._lines(b"show data", handle, start, b"%d" % _PAGE)
            pages.append(b"".join(map(text.unquote, lines)))
        return b"".join(pages)

    def cancelByUnique(self, function: Name, unique: Name) -> Deferred[None]:
        """
        End the job of a function that has a unique.
        """
        return self._does(b"cancel unique", function, unique)

    def purgeFunction(self, function: Name) -> Deferred[int]:
        """
        End all jobs of a function that do not run.

        @return: fires with how many there were.
        """
        return self._count(b"purge function", function)

    # Dead letters

    def deadJobs(self, function: Name | None = None) -> Deferred[list[DeadJobRow]]:
        """
        The dead letters, of all functions or of one, the oldest first.
        """
        return self._rows(b"show dead jobs", rowOf(DeadJobRow), *_given(function))

    def requeueJob(self, handle: Name) -> Deferred[None]:
        """
        Let the job of a dead letter wait for a worker again, with its handle.
        """
        return self._does(b"requeue job", handle)

    def requeueFunction(self, function: Name) -> Deferred[int]:
        """
        The same for all dead letters of a function.

        @return: fires with how many there were.
        """
        return self._count(b"requeue function", function)

    def requeueAll(self) -> Deferred[int]:
        """
        The same for all dead letters.

        @return: fires with how many there were.
        """
        return self._count(b"requeue jobs")

    def discardDead(self, handle: Name) -> Deferred[None]:
        """
        Throw a dead letter away.
        """
        return self._does(b"purge dead job", handle)

    def discardDeadOf(self, function: Name) -> Deferred[int]:
        """
        Throw all dead letters of a function away.

        @return: fires with how many there were.
        """
        return self._count(b"purge dead function", function)

    def discardAllDead(self) -> Deferred[int]:
        """
        Throw all dead letters away.

        @return: fires with how many there were.
        """
        return self._count(b"purge dead jobs")

    # Results

    def result(self, handle: Name) -> Deferred[JobResult]:
        """
        How a background job ended, if the policy of its function says that this is
        kept, or how it stands. Of others it is C{UNKNOWN_JOB}.
        """
        asked = self._lines(b"result", handle)
        return asked.addCallback(lambda lines: factsOf(JobResult, lines))

    def resultByUnique(self, function: Name, unique: Name) -> Deferred[JobResult]:
        """
        The same of the last job of a function that had a unique.
        """
        asked = self._lines(b"result unique", function, unique)
        return asked.addCallback(lambda lines: factsOf(JobResult, lines))

    # Policies

    def settings(self, function: Name | None = None) -> Deferred[list[PolicySetting]]:
        """
        All that was decided for functions, the later ones going before the earlier; or
        each key that holds for one function.
        """
        row = settingRow if function is None else heldRow
        return self._rows(b"settings", row, *_given(function))

    def setPolicy(
        self, pattern: Name, key: str, value: Value | str | Iterable[str | Cause]
    ) -> Deferred[None]:
        """
        Decide a key of the policy of some functions, by hand.

        @param pattern: of their names: C{*} for any bytes, C{?} for any one, C{[abc]}
            for one of these.
        @param key: one of L{KEYS<txgearman.board.keys.KEYS>}.
        @param value: of the key's type, or a word that is read as it, such as C{10m}.
        """
        return self._does(b"set policy", pattern, key, wordOf(value))

    def unsetPolicy(self, pattern: Name, key: str) -> Deferred[None]:
        """
        Undo that. What was not decided by hand is C{UNKNOWN_SETTING}.
        """
        return self._does(b"unset policy", pattern, key)

    def limits(self) -> Deferred[list[FunctionLimits]]:
        """
        The functions that are limited or paused.
        """
        return self._rows(b"show limits", rowOf(FunctionLimits))

    def pauseFunction(self, function: Name) -> Deferred[None]:
        """
        Grant no jobs of a function; they are still accepted.
        """
        return self._does(b"pause function", function)

    def resumeFunction(self, function: Name) -> Deferred[None]:
        """
        Grant them again.
        """
        return self._does(b"resume function", function)

    # Schedules

    def schedules(self) -> Deferred[list[ScheduleRow]]:
        """
        The schedules, by name.
        """
        return self._rows(b"show schedules", rowOf(ScheduleRow))

    def createSchedule(
        self, name: str, function: Name, **settings: Name | float
    ) -> Deferred[None]:
        """
        Define a schedule, or another one by the same name.

        @param settings: C{cron} and perhaps C{zone}, or C{every} in seconds; and
            perhaps C{data}, C{unique}, C{priority}, C{missed} and C{overlap}.
        """
        said = {"function": function, **settings}
        words = [assignment(key, value) for key, value in said.items()]
        return self._does(b"create schedule", name, *words)

    def dropSchedule(self, name: str) -> Deferred[None]:
        """
        Undo that. What it has submitted stays.
        """
        return self._does(b"drop schedule", name)

    def pauseSchedule(self, name: str) -> Deferred[None]:
        """
        Let a schedule submit nothing.
        """
        return self._does(b"pause schedule", name)

    def resumeSchedule(self, name: str) -> Deferred[None]:
        """
        Let it go on.
        """
        return self._does(b"resume schedule", name)

    def runSchedule(self, name: str) -> Deferred[bytes]:
        """
        Let a schedule submit its job now.

        @return: fires with the job's handle.
        """
        return self._said(b"run schedule", name)

    # How they are asked and told

    def _rows(
        self, command: bytes, row: Callable[[bytes], T], *words: Name
    ) -> Deferred[list[T]]:
        asked = self._lines(command, *words)
        return asked.addCallback(lambda lines: [row(line) for line in lines])

    def _lines(self, command: bytes, *words: Name) -> Deferred[Lines]:
        return self._quoted(command, words, True)

    def _does(self, command: bytes, *words: Name) -> Deferred[None]:
        return self._quoted(command, words, False).addCallback(lambda _: None)

    def _count(self, command: bytes, *words: Name) -> Deferred[int]:
        return self._said(command, *words).addCallback(int)

    def _said(self, command: bytes, *words: Name) -> Deferred[bytes]:
        said = self._quoted(command, words, False)
        return said.addCallback(lambda lines: lines[0].removeprefix(b"OK "))

    def _quoted(
        self, command: bytes, words: tuple[Name, ...], table: bool
    ) -> Deferred[Lines]:
        """
        Give a command with words that are quoted.

        @return: fails with L{ValueError} for a word that is empty, and for too much.
        """
        encoded = [
            word.encode("utf-8", "surrogateescape") if isinstance(word, str) else word
            for word in words
        ]
        if not all(encoded):
            return fail(ValueError("an empty name"))
        line = b" ".join([command, *map(text.quote, encoded)])
        if len(line) > _LONGEST:
            return fail(ValueError(f"a command may have {_LONGEST} bytes"))
        return self._ask(line, table)


def _given(function: Name | None) -> list[Name]:
    """
    The words for a function that may be none.
    """
    return [] if function is None else [function]
