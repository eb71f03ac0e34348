"""
What is submitted again and again, and what has become of it so far.
"""

from __future__ import annotations

import enum
import re
from math import isfinite
from typing import Any, Final

from attrs import define, field, frozen

from txgearman.board.job import Priority
from txgearman.board.records import pack, unpack
from txgearman.errors import BadRow, BadSetting

_NAME: Final = re.compile(r"[A-Za-z0-9._-]{1,64}")

# The last second of the year 9999: no calendar goes further.
_LAST: Final = 253_402_300_799.0


class Missed(enum.StrEnum):
    """
    What is done about the runs for which nobody was there: nothing, one run for all
    of them, or each.
    """

    SKIP = "skip"
    ONCE = "once"
    ALL = "all"


def _checkName(schedule: object, attribute: object, name: str) -> None:
    if not _NAME.fullmatch(name):
        raise BadSetting(
            f"bad name of a schedule {name!r:.80}: it has from 1 to 64 letters, digits"
            " and the signs . - _"
        )


def _checkFunction(schedule: object, attribute: object, function: bytes) -> None:
    if not function or b"\0" in function:
        raise BadSetting(f"bad function {function!r:.80}: it is empty, or has a NUL")


def _checkUnique(schedule: object, attribute: object, unique: bytes) -> None:
    if b"\0" in unique:
        raise BadSetting(f"bad unique {unique!r:.80}: it has a NUL")


def _checkPriority(schedule: object, attribute: object, priority: int) -> None:
    if priority not in tuple(Priority):
        raise BadSetting(f"bad priority {priority!r:.20}: there are 0, 1 and 2")


def _checkMissed(schedule: object, attribute: object, missed: str) -> None:
    if missed not in tuple(Missed):
        raise BadSetting(f"bad missed {missed!r:.20}: there are {', '.join(Missed)}")


@frozen
class NamedSchedule:
    """
    A background job that is submitted again and again.

    @ivar name: of letters, digits and the signs C{. - _}.
    @ivar function: what the job is for.
    @ivar data: its workload.
    @ivar unique: its unique; empty for none.
    @ivar priority: one of L{Priority}.
    @ivar cron: a cron expression; empty where there is an interval.
    @ivar zone: the time zone for it; empty for UTC.
    @ivar every: an interval in seconds; 0 where there is a cron expression.
    @ivar missed: one of L{Missed}.
    @ivar overlap: whether there may be two of its jobs on the board.
    @raise BadSetting: for a name, a function, a unique, a priority or a C{missed} that
        none can have. When it recurs is not looked at.
    """

    name: str = field(validator=_checkName)
    function: bytes = field(validator=_checkFunction)
    data: bytes = field(default=b"", repr=False)
    unique: bytes = field(default=b"", validator=_checkUnique)
    priority: int = field(default=Priority.NORMAL, validator=_checkPriority)
    cron: str = ""
    zone: str = ""
    every: float = 0.0
    missed: str = field(default=Missed.ONCE, validator=_checkMissed)
    overlap: bool = False

    @property
    def times(self) -> tuple[str, str, float]:
        """
        What says when it recurs.
        """
        return self.cron, self.zone, self.every

    def pack(self) -> bytes:
        """
        Make bytes of it.
        """
        return pack(self, "data")

    @classmethod
    def unpack(cls, value: bytes) -> NamedSchedule:
        """
        Make one of what L{pack} returned.

        @raise BadRow: when it cannot be.
        """
        try:
            return unpack(cls, value, "data")
        except BadSetting as error:
            raise BadRow(str(error)) from None


def _checkMoment(history: object, attribute: Any, moment: float) -> None:
    if not isfinite(moment) or not 0 <= moment <= _LAST:
        raise BadRow(f"{attribute.name} is {moment!r}, which is no moment")


def _checkCount(history: object, attribute: Any, count: int) -> None:
    if not 0 <= count < 2**63:
        raise BadRow(f"{attribute.name} is {count!r:.50}")


@define(on_setattr=[])
class History:
    """
    What has become of a schedule so far.

    @ivar cron: when it recurred, as are C{zone} and C{every}.
    @ivar settled: up to when all has been done, in seconds of the epoch.
    @ivar owed: how many runs are still to be made besides.
    @ivar paused: whether it does not recur.
    @ivar last: when it ran last, in seconds of the epoch; 0 for never.
    @ivar handle: that of its last job; empty when there was none.
    @ivar runs: how often it ran.
    @ivar skipped: how often it did not run because the job before still lived.
    @ivar missed: how often nobody was there when it should have run.
    @raise BadRow: for what is no moment or no count.
    """

    cron: str
    zone: str
    every: float
    settled: float = field(validator=_checkMoment)
    owed: int = field(default=0, validator=_checkCount)
    paused: bool = False
    last: float = field(default=0.0, validator=_checkMoment)
    handle: bytes = b""
    runs: int = field(default=0, validator=_checkCount)
    skipped: int = field(default=0, validator=_checkCount)
    missed: int = field(default=0, validator=_checkCount)

    @property
    def times(self) -> tuple[str, str, float]:
        """
        What said when it recurred.
        """
        return self.cron, self.zone, self.every

    def beginAnew(self, times: tuple[str, str, float], now: float) -> None:
        """
        From now on it recurs at other times.
        """
        self.cron, self.zone, self.every = times
        self.settled = now
        self.owed = 0

    def pack(self) -> bytes:
        """
        Make bytes of it.
        """
        return pack(self)

    @classmethod
    def unpack(cls, value: bytes) -> History:
        """
        Make one of what L{pack} returned.

        @raise BadRow: when it cannot be.
        """
        return unpack(cls, value)
