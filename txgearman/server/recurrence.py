"""
Moments by the clocks and calendars of people.

The library C{cronsim} reads cron expressions and finds what clocks show at the times
that match. When that is, is found out here. The library would do it, too, but where
clocks are changed by half an hour, or at midnight, it leaves out some times.

Cron's rules for the days on which clocks are changed are those of Debian:

  - Where neither the minute nor the hour begins with a star, the job runs once, by the
    calendar. At a time that is skipped in spring, it runs when the clocks are put
    forward. At one that comes twice in autumn, it runs the first time.
  - Otherwise it runs whenever a clock shows a time that matches, and so not at all at
    one that is skipped, and twice at one that comes twice.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, tzinfo
from math import isfinite
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo, available_timezones

from attrs import field, frozen

from txgearman.board.recurrence import Interval, Recurrence
from txgearman.errors import BadSetting

if TYPE_CHECKING:
    from cronsim import CronSim

_BY_NAME: Final = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}

_LONGEST: Final = 256
_SHORTEST: Final = 1.0
_FURTHEST: Final = 10.0**9

# Whatever matches at all does so within the 50 years from here.
_SOMETIME: Final = datetime(2000, 1, 1)

_DAY: Final = timedelta(days=1)
_SECOND: Final = timedelta(seconds=1)


def recurrenceOf(cron: str, zone: str, every: float) -> Recurrence:
    """
    Make the recurrence that a schedule says.

    @param cron: a cron expression, of the minute, hour, day of the month, month and
        day of the week, perhaps with the second in front of them; or C{@hourly},
        C{@daily}, C{@weekly}, C{@monthly}, C{@yearly}. Empty where there is an
        interval.
    @param zone: the name of the time zone by whose clocks it goes; empty for UTC.
    @param every: an interval in seconds; 0 where there is an expression. Its moments
        are the multiples of it since the epoch.
    @raise BadSetting: saying what is wrong; also when the library is not installed.
    """
    if bool(cron) == bool(every):
        raise BadSetting("it takes either cron or every")
    if cron:
        return Cron(cron, zone)
    if zone:
        raise BadSetting("zone goes with cron, not with every")
    if not isfinite(every) or not _SHORTEST <= every <= _FURTHEST:
        raise BadSetting(
            f"bad every {every!r:.30}: it is from {_SHORTEST:g} to {_FURTHEST:g}"
            " seconds"
        )
    return Interval(float(every))


@frozen
class Cron:
    """
    The moments that match a cron expression.

    @ivar expression: it.
    @ivar zone: the name of the time zone by whose clocks it goes; empty for UTC.
    @raise BadSetting: saying what is wrong with them; also when the library is not
        installed.
    """

    expression: str
    zone: str = ""
    _fields: str = field(init=False, eq=False, repr=False)
    _sim: type[CronSim] = field(init=False, eq=False, repr=False)
    _zone: tzinfo = field(init=False, eq=False, repr=False)
    _byCalendar: bool = field(init=False, eq=False, repr=False)

    @_fields.default
    def _named(self) -> str:
        text = self.expression.strip()
        if text.startswith("@"):
            text = _BY_NAME.get(text.lower(), "")
        if not text or len(text) > _LONGEST:
            raise BadSetting(f"bad cron expression {self.expression!r:.80}")
        return text

    @_sim.default
    def _library(self) -> type[CronSim]:
        try:
            from cronsim import CronSim, CronSimError
        except ImportError:
            raise BadSetting(
                "cron expressions need a library: pip install 'txgearman[cron]'"
            ) from None
        try:
            next(CronSim(self._fields, _SOMETIME))
        except CronSimError as error:
            why = str(error).lower()
        except StopIteration:
            why = "no day ever matches"
        else:
            return CronSim
        raise BadSetting(f"bad cron expression {self.expression!r:.80}: {why}")

    @_zone.default
    def _clocks(self) -> tzinfo:
        return _zoneOf(self.zone)

    @_byCalendar.default
    def _hasNoStar(self) -> bool:
        minute, hour = self._fields.split()[-5:-3]
        return not minute.startswith("*") and not hour.startswith("*")

    @property
    def text(self) -> str:
        """
        What people call it.
        """
        return f"{self.expression} {self.zone or 'UTC'}"

    def next(self, after: float) -> float | None:
        """
        Find the next moment, as L{Recurrence.next} does.
        """
        start = datetime.fromtimestamp(after, UTC)
        find = self._nextByCalendar if self._byCalendar else self._nextByClock
        found = find(start)
        return None if found is None else found.timestamp()

    def _shown(self, start: datetime) -> Iterator[datetime]:
        """
        What clocks show at the times that match, after they show C{start}.
        """
        return self._sim(self._fields, start)

    def _nextByCalendar(self, start: datetime) -> datetime | None:
        for shown in self._shown(_show(start, self._zone)):
            moment = self._momentOf(shown)
            # In autumn, clocks that were put back show what has been.
            if moment > start:
                return moment
        return None

    def _momentOf(self, shown: datetime) -> datetime:
        """
        Find out when a clock shows this for the first time, or something later, if it
        never shows this.
        """
        moment = shown.replace(tzinfo=self._zone).astimezone(UTC)
        if _show(moment, self._zone) == shown:
            return moment
        before = shown.replace(tzinfo=self._zone, fold=1).astimezone(UTC)
        return _changeWithin(before, moment, self._zone)

    def _nextByClock(self, start: datetime) -> datetime | None:
        # The moment of a change may match itself; the one to begin with must not.
        show = earliest = _show(start, self._zone)
        while True:
            shown = next(self._shown(earliest), None)
            if shown is None:
                return None
            # That is when, unless the clocks are changed first.
            moment = start + (shown - show)
            change = _firstChange(start, moment, self._zone)
            if change is None:
                return moment
            start, show = change, _show(change, self._zone)
            earliest = show - _SECOND


def _zoneOf(name: str) -> tzinfo:
    """
    @raise BadSetting: when there is no such time zone.
    """
    if name in ("", "UTC"):
        return UTC
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        if not available_timezones():
            raise BadSetting(
                f"bad zone {name!r:.80}: this machine knows no time zones; install its"
                " package tzdata, or pip install tzdata"
            ) from None
        raise BadSetting(f"bad zone {name!r:.80}: there is no such zone") from None


def _show(moment: datetime, zone: tzinfo) -> datetime:
    """
    What clocks show at a moment.
    """
    return moment.astimezone(zone).replace(tzinfo=None, fold=0)


def _ahead(moment: datetime, zone: tzinfo) -> timedelta | None:
    """
    How far clocks are ahead of UTC at a moment.
    """
    return moment.astimezone(zone).utcoffset()


def _firstChange(start: datetime, end: datetime, zone: tzinfo) -> datetime | None:
    """
    Find the first change of the clocks after C{start}, up to C{end}.

    @return: the first moment at which they are changed.
    """
    if zone is UTC:
        return None
    now = _ahead(start, zone)
    while start < end:
        later = min(start + _DAY, end)
        if _ahead(later, zone) != now:
            return _changeWithin(start, later, zone)
        start = later
    return None


def _changeWithin(start: datetime, end: datetime, zone: tzinfo) -> datetime:
    """
    Find the only change of the clocks after C{start}, up to C{end}.

    @return: the first moment at which they are changed, to the second.
    """
    before = _ahead(start, zone)
    first, last = int(start.timestamp()), int(end.timestamp())
    while last - first > 1:
        middle = (first + last) // 2
        if _ahead(datetime.fromtimestamp(middle, UTC), zone) == before:
            first = middle
        else:
            last = middle
    return datetime.fromtimestamp(last, UTC)
