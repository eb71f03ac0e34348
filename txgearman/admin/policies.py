"""
What a job server tells of the policies of functions and of schedules, as values.
Moments are in seconds of the epoch, 0 for never; sizes in bytes.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from attrs import frozen

from txgearman.board.keys import KEYS, Cause, Value
from txgearman.codecs import Name
from txgearman.wire import text


@frozen
class PolicySetting:
    """
    A row of C{settings}: one key of the policy of some functions.

    @ivar pattern: of their names.
    @ivar key: one of L{KEYS<txgearman.board.keys.KEYS>}.
    @ivar value: of the key's type; text when the key is not known here.
    @ivar origin: who decided it: C{default}, C{option}, C{config} or C{admin}.
    """

    pattern: bytes
    key: str
    value: Any
    origin: str


@frozen
class FunctionLimits:
    """
    A row of C{show limits}: what limits a function, and how far it has come. 0 is no
    limit.

    @ivar paused: whether its jobs are accepted and not granted.
    @ivar total: how many jobs there are.
    @ivar running: how many of them run.
    @ivar concurrency: how many may.
    @ivar rate: how many are granted a second.
    @ivar burst: how many are granted at once where there is a rate.
    @ivar queueLimit: how many jobs there may be.
    @ivar size: of the workloads of all jobs.
    @ivar queueBytes: how large they may be.
    @ivar queueCountsRunning: whether those that run count for these two.
    @ivar high: how many jobs there may be for one more of high priority
        (C{maxqueue}), and so on.
    """

    function: bytes
    paused: bool
    total: int
    running: int
    concurrency: int
    rate: float
    burst: int
    queueLimit: int
    size: int
    queueBytes: int
    queueCountsRunning: bool
    high: int
    normal: int
    low: int


@frozen
class ScheduleRow:
    """
    A row of C{show schedules}: what submits a job again and again.

    @ivar state: C{active} or C{paused}.
    @ivar when: a cron expression or an interval.
    @ivar zone: the time zone for it; empty for UTC.
    @ivar last: when it ran last.
    @ivar next: when it will run next.
    @ivar handle: that of its last job; empty when there was none.
    @ivar origin: who defined it: C{config} or C{admin}.
    @ivar runs: how often it ran.
    @ivar skipped: how often it did not because the job before still lived.
    @ivar missed: how often nobody was there when it should have run.
    @ivar owed: how many runs are to be made as soon as possible.
    @ivar error: why the last attempt at a run was refused; empty when it was not.
    @ivar priority: C{high}, C{normal} or C{low}.
    @ivar onMissed: what is done about runs that were missed: C{skip}, C{once} or
        C{all}.
    @ivar overlap: whether there may be two of its jobs at a time.
    @ivar size: of the workload.
    """

    name: str
    state: str
    function: bytes
    when: str
    zone: str
    last: float
    next: float
    handle: bytes
    origin: str
    runs: int
    skipped: int
    missed: int
    owed: int
    error: bytes
    unique: bytes
    priority: str
    onMissed: str
    overlap: bool
    size: int


def settingRow(line: bytes) -> PolicySetting:
    """
    Read a row of C{settings}.
    """
    return _setting(*line.split(b"\t")[:4])


def heldRow(line: bytes) -> PolicySetting:
    """
    Read a row of C{settings FUNCTION}.
    """
    key, value, origin, pattern = line.split(b"\t")[:4]
    return _setting(pattern, key, value, origin)


def _setting(*cells: bytes) -> PolicySetting:
    pattern, name, word, origin = map(text.unquote, cells)
    key, value = name.decode(), word.decode()
    typed = KEYS[key].read(value) if key in KEYS else value
    return PolicySetting(pattern, key, typed, origin.decode())


def wordOf(value: Value | str | Iterable[str | Cause]) -> str:
    """
    Write what a key is to be set to; the server knows what it may be.
    """
    if isinstance(value, str):
        word = value
    elif isinstance(value, Iterable):
        names = [one.value if isinstance(one, Cause) else one for one in value]
        word = ",".join(sorted(names))
    else:
        word = _plain(value)
    # Nothing is no word, and a list of nothing may be spelled with commas.
    return word or ","


def _plain(value: float) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def assignment(key: str, value: Name | float) -> bytes:
    """
    Write one key of a schedule.
    """
    said = value if isinstance(value, bytes | str) else _plain(value)
    encoded = said.encode("utf-8", "surrogateescape") if isinstance(said, str) else said
    return key.encode() + b"=" + encoded
