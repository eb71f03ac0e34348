"""
What C{txgearadmin} can be told to do, and how it prints the answers.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Final

from attrs import field, frozen
from twisted.internet.defer import Deferred

from txgearman.admin import (
    AdminClient,
    DeadJobRow,
    DelayedJobRow,
    FunctionLimits,
    PolicySetting,
    QueueRow,
    ScheduleRow,
)
from txgearman.errors import BadSetting
from txgearman.scripts.output import readable, say, workload, write
from txgearman.scripts.tables import (
    asFacts,
    asGearadmin,
    asTable,
    resultPlain,
    settingPlain,
)

Do = Callable[[AdminClient, Sequence[str]], Deferred[Any]]


def _same(value: Any) -> Any:
    return value


@frozen
class Operation:
    """
    Something to be done.

    @ivar option: what it is called on a command line.
    @ivar words: what stands behind that, if anything: in brackets what may be missing,
        with an ellipsis what there may be more of.
    @ivar about: what it does.
    @ivar do: does it, with the words.
    @ivar text: makes what is printed of an answer.
    @ivar plain: makes what is said of it in JSON.
    """

    option: str
    words: str
    about: str
    do: Do
    text: Callable[[Any], str | bytes] = field(kw_only=True, default=asGearadmin)
    plain: Callable[[Any], Any] = field(kw_only=True, default=_same)

    @property
    def nargs(self) -> int | str:
        """
        How many words there are, as C{argparse} has it.
        """
        if self.words.startswith("["):
            return "?"
        return "+" if self.words.endswith("...") else len(self.words.split())

    @property
    def metavar(self) -> str | tuple[str, ...] | None:
        """
        What C{argparse} calls them.
        """
        names = tuple(self.words.removesuffix("...").strip("[]").split())
        return names[0] if len(names) == 1 else names or None

    def show(self, answer: Any) -> None:
        """
        Print an answer.
        """
        shown = self.text(answer)
        if isinstance(shown, bytes):
            write(sys.stdout.buffer, shown)
        else:
            say(shown)


def _rows(kind: type[Any]) -> Callable[[Any], str]:
    return partial(asTable, kind)


def _maxQueue(admin: AdminClient, words: Sequence[str]) -> Deferred[None]:
    """
    Limit a queue.

    @raise BadSetting: for limits that are none.
    """
    function, *limits = words
    if len(limits) not in (0, 1, 3) or not all(limit.isdecimal() for limit in limits):
        raise BadSetting("--maxqueue takes a function and none, one or three numbers")
    return admin.maxQueue(function, *map(int, limits))


def _createSchedule(admin: AdminClient, words: Sequence[str]) -> Deferred[None]:
    """
    Define a schedule.

    @raise BadSetting: for words that do not do that.
    """
    name, *settings = words
    said: dict[str, str] = {}
    for setting in settings:
        key, equals, value = setting.partition("=")
        if not equals or not key or key in said:
            raise BadSetting(f"--create-schedule takes KEY=VALUE once, not {setting!r}")
        said[key] = value
    if "function" not in said:
        raise BadSetting("--create-schedule takes function=F, and when to run")
    function = said.pop("function")
    return admin.createSchedule(name, function, **said)


def _settings(rows: Sequence[PolicySetting]) -> list[dict[str, Any]]:
    return list(map(settingPlain, rows))


_GEARADMINS: Final = (
    Operation("status", "", "functions and how they fare", lambda a, _: a.status()),
    Operation(
        "priority-status",
        "",
        "functions and what waits for them, by priority",
        lambda a, _: a.priorityStatus(),
    ),
    Operation("workers", "", "who is connected", lambda a, _: a.workers()),
    Operation("show-jobs", "", "the jobs", lambda a, _: a.jobs()),
    Operation(
        "jobs",
        "",
        "who runs which job, if the server says so",
        lambda a, _: a.waiting(),
    ),
    Operation(
        "show-unique-jobs", "", "the uniques of the jobs", lambda a, _: a.uniques()
    ),
    Operation(
        "clients", "", "who waits for which jobs, likewise", lambda a, _: a.clients()
    ),
    Operation("server-version", "", "the server's version", lambda a, _: a.version()),
    Operation(
        "server-verbose", "", "how much the server logs", lambda a, _: a.verbosity()
    ),
    Operation("getpid", "", "the server's process id", lambda a, _: a.processId()),
    Operation("shutdown", "", "stop the server", lambda a, _: a.shutDown()),
    Operation(
        "shutdown-graceful",
        "",
        "stop the server when its running jobs have ended",
        lambda a, _: a.shutDown(True),
    ),
    Operation(
        "create-function",
        "F",
        "make a function known",
        lambda a, w: a.createFunction(*w),
    ),
    Operation(
        "drop-function", "F", "forget a function", lambda a, w: a.dropFunction(*w)
    ),
    Operation("cancel-job", "HANDLE", "end a job", lambda a, w: a.cancel(*w)),
    Operation(
        "maxqueue",
        "F N...",
        "limit a function's queue: to N jobs, or three Ns by priority",
        _maxQueue,
    ),
)

_JOBS: Final = (
    Operation(
        "queues",
        "",
        "functions, what waits and runs of them, and for how long",
        lambda a, _: a.queues(),
        text=_rows(QueueRow),
    ),
    Operation(
        "job",
        "HANDLE",
        "all about a job, which may have ended",
        lambda a, w: a.job(*w),
        text=asFacts,
    ),
    Operation(
        "job-data",
        "HANDLE",
        "the workload of a job, as it is",
        lambda a, w: a.workload(*w),
        text=bytes,
        plain=workload,
    ),
    Operation(
        "delayed-jobs",
        "[F]",
        "the jobs that wait for a moment",
        lambda a, w: a.delayedJobs(*w),
        text=_rows(DelayedJobRow),
    ),
    Operation(
        "cancel-unique",
        "F UNIQUE",
        "end the job that has a unique",
        lambda a, w: a.cancelByUnique(*w),
    ),
    Operation(
        "purge",
        "F",
        "end all jobs of a function that do not run",
        lambda a, w: a.purgeFunction(*w),
    ),
    Operation(
        "result",
        "HANDLE",
        "how a background job ended",
        lambda a, w: a.result(*w),
        text=asFacts,
        plain=resultPlain,
    ),
    Operation(
        "result-unique",
        "F UNIQUE",
        "how the last one ended that had a unique",
        lambda a, w: a.resultByUnique(*w),
        text=asFacts,
        plain=resultPlain,
    ),
)

_DEAD: Final = (
    Operation(
        "dead-jobs",
        "[F]",
        "the jobs that failed for good",
        lambda a, w: a.deadJobs(*w),
        text=_rows(DeadJobRow),
    ),
    Operation(
        "requeue-job",
        "HANDLE",
        "let one of them wait again",
        lambda a, w: a.requeueJob(*w),
    ),
    Operation(
        "requeue-function",
        "F",
        "let all of a function wait again",
        lambda a, w: a.requeueFunction(*w),
    ),
    Operation(
        "requeue-all", "", "let all of them wait again", lambda a, _: a.requeueAll()
    ),
    Operation(
        "purge-dead-job",
        "HANDLE",
        "throw one of them away",
        lambda a, w: a.discardDead(*w),
    ),
    Operation(
        "purge-dead-function",
        "F",
        "throw those of a function away",
        lambda a, w: a.discardDeadOf(*w),
    ),
    Operation(
        "purge-dead-all",
        "",
        "throw all of them away",
        lambda a, _: a.discardAllDead(),
    ),
)

_POLICIES: Final = (
    Operation(
        "settings",
        "[F]",
        "all that was decided for functions, or what holds for one",
        lambda a, w: a.settings(*w),
        text=_rows(PolicySetting),
        plain=_settings,
    ),
    Operation(
        "set-policy",
        "PATTERN KEY VALUE",
        "decide something for functions",
        lambda a, w: a.setPolicy(*w),
    ),
    Operation(
        "unset-policy", "PATTERN KEY", "undo that", lambda a, w: a.unsetPolicy(*w)
    ),
    Operation(
        "limits",
        "",
        "the functions that are limited or paused",
        lambda a, _: a.limits(),
        text=_rows(FunctionLimits),
    ),
    Operation(
        "pause",
        "F",
        "accept jobs of a function, and grant none",
        lambda a, w: a.pauseFunction(*w),
    ),
    Operation("resume", "F", "grant them again", lambda a, w: a.resumeFunction(*w)),
)

_SCHEDULES: Final = (
    Operation(
        "schedules",
        "",
        "what is submitted again and again",
        lambda a, _: a.schedules(),
        text=_rows(ScheduleRow),
    ),
    Operation(
        "create-schedule",
        "NAME KEY=VALUE...",
        "define a schedule: function, cron and zone or every, data, unique, priority,"
        " missed, overlap",
        _createSchedule,
    ),
    Operation("drop-schedule", "NAME", "undo that", lambda a, w: a.dropSchedule(*w)),
    Operation(
        "pause-schedule",
        "NAME",
        "let it submit nothing",
        lambda a, w: a.pauseSchedule(*w),
    ),
    Operation(
        "resume-schedule", "NAME", "let it go on", lambda a, w: a.resumeSchedule(*w)
    ),
    Operation(
        "run-schedule",
        "NAME",
        "let it submit its job now",
        lambda a, w: a.runSchedule(*w),
        text=readable,
    ),
)

OPERATIONS: Final[dict[str, tuple[Operation, ...]]] = {
    "operations, done in their order": _GEARADMINS,
    "jobs, if the server is txgearman, as for all that follows": _JOBS,
    "dead letters": _DEAD,
    "policies of functions": _POLICIES,
    "schedules": _SCHEDULES,
}
"""All that there are, under what a help calls them."""
