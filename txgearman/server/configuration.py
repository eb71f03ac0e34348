"""
What a job server reads from a file: policies of functions, how much is kept of jobs
that have ended, and schedules.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from attrs import evolve, field, frozen

from txgearman.board.job import Priority
from txgearman.board.keys import KEYS, Key, Value
from txgearman.board.named_schedule import NamedSchedule
from txgearman.board.policies import Origin, Setting
from txgearman.board.policy import Policy
from txgearman.board.recurring import MOST
from txgearman.documents import quoted, readDocument, table, unknown
from txgearman.errors import BadSetting
from txgearman.server.recurrence import recurrenceOf

_Read = Callable[[object], Any]

_COUNT: Final = evolve(KEYS["queue_limit"], name="count")
_BYTES: Final = evolve(KEYS["queue_bytes"], name="bytes")
_AGE: Final = evolve(KEYS["ttl"], name="age")

EVERY: Final = evolve(KEYS["ttl"], name="every")
OVERLAP: Final = evolve(KEYS["paused"], name="overlap")
"""
Keys of a schedule that are read like keys of a policy.
"""

LIMITS: Final[Mapping[str, Mapping[str, tuple[str, Key]]]] = {
    "dead_letters": {
        "count": ("deadLimit", _COUNT),
        "bytes": ("deadBytes", _BYTES),
        "age": ("deadAge", _AGE),
    },
    "results": {
        "count": ("resultsLimit", _COUNT),
        "bytes": ("resultsBytes", _BYTES),
    },
}
"""
The sections about what is left of jobs: by their keys, what L{Policy} calls it, and
how it is read.
"""


def _text(name: str) -> _Read:
    """
    Make a reader of text.
    """

    def read(value: object) -> str:
        if not isinstance(value, str):
            raise BadSetting(f"{name} wants text in quotes, not {value!r:.80}")
        return value

    return read


def _bytes(name: str) -> _Read:
    """
    Make a reader of text that stands for bytes.
    """
    read = _text(name)
    return lambda value: read(value).encode()


def _priority(value: object) -> Priority:
    known = {priority.name.lower(): priority for priority in Priority}
    found = known.get(value) if isinstance(value, str) else None
    if found is None:
        raise BadSetting(f"priority wants one of {', '.join(known)}, not {value!r:.80}")
    return found


SCHEDULE: Final[Mapping[str, _Read]] = {
    "function": _bytes("function"),
    "data": _bytes("data"),
    "unique": _bytes("unique"),
    "priority": _priority,
    "cron": _text("cron"),
    "zone": _text("zone"),
    "every": EVERY.check,
    "missed": _text("missed"),
    "overlap": OVERLAP.check,
}
"""
The keys of a schedule, which are the fields of a L{NamedSchedule}, and how each is
read.
"""


@frozen
class Configuration:
    """
    What a file says.

    @ivar settings: of policies, in the file's order.
    @ivar limits: fields of a L{Policy}.
    @ivar schedules: in the file's order.
    """

    settings: tuple[Setting, ...] = ()
    limits: Mapping[str, Value] = field(factory=dict)
    schedules: tuple[NamedSchedule, ...] = ()

    def limiting(self, policy: Policy) -> Policy:
        """
        Make a policy with these limits.
        """
        limits: Mapping[str, Any] = self.limits
        return evolve(policy, **limits)


def readConfiguration(path: str) -> Configuration:
    """
    Read a file.

    @param path: of a file of TOML.
    @raise BadSetting: when it cannot be read, or says something that cannot be: one
        line that begins with the path.
    """
    try:
        return _configuration(readDocument(path))
    except ValueError as error:
        # Numbers of TOML can be so large that not even a complaint can show them.
        raise BadSetting(f"{path}: {error}") from None


def _configuration(document: Mapping[str, object]) -> Configuration:
    """
    Understand what a file says.
    """
    settings: list[Setting] = []
    limits: dict[str, Value] = {}
    schedules: list[NamedSchedule] = []
    for name, section in document.items():
        if name == "functions":
            settings += _settings(table(section, name))
        elif name in LIMITS:
            limits.update(_limits(table(section, name), name))
        elif name == "schedules":
            schedules += _schedules(table(section, name))
        else:
            known = ["functions", *LIMITS, "schedules"]
            raise BadSetting(unknown(name, "section", known))
    return Configuration(tuple(settings), limits, tuple(schedules))


def _settings(functions: Mapping[str, object]) -> Iterator[Setting]:
    """
    Read what is said of functions.
    """
    for pattern, section in functions.items():
        where = f"functions.{quoted(pattern)}"
        if not pattern:
            raise BadSetting(f"{where}: an empty pattern is that of no function")
        for name, value in table(section, where).items():
            if name not in KEYS:
                raise BadSetting(f"{where}: {_noKey(pattern, name, value)}")
            read = _read(KEYS[name].check, value, where)
            yield Setting(pattern.encode(), name, read, Origin.CONFIG)


def _noKey(pattern: str, name: str, value: object) -> str:
    """
    Say what may be meant by what is no key of a policy.
    """
    if isinstance(value, dict):
        whole = quoted(f"{pattern}.{name}")
        return f"a pattern with a dot stands in quotes, as [functions.{whole}]"
    return unknown(name, "key of a policy", KEYS)


def _limits(section: Mapping[str, object], where: str) -> Iterator[tuple[str, Value]]:
    """
    Read how much is kept of jobs that have ended.
    """
    known = LIMITS[where]
    for name, value in section.items():
        if name not in known:
            raise BadSetting(f"{where}: {unknown(name, 'key', known)}")
        attribute, key = known[name]
        limit = _read(key.check, value, where)
        if not limit:
            raise BadSetting(f"{where}: {name} wants more than 0")
        yield attribute, limit


def _schedules(schedules: Mapping[str, object]) -> Iterator[NamedSchedule]:
    """
    Read what is to be done again and again.
    """
    if len(schedules) > MOST:
        raise BadSetting(f"there may be {MOST} schedules, not {len(schedules)}")
    for name, section in schedules.items():
        where = f"schedules.{quoted(name)}"
        said: dict[str, Any] = {}
        for key, value in table(section, where).items():
            if key not in SCHEDULE:
                what = unknown(key, "key of a schedule", SCHEDULE)
                raise BadSetting(f"{where}: {what}")
            said[key] = _read(SCHEDULE[key], value, where)
        if "function" not in said:
            raise BadSetting(f"{where}: it lacks a function")
        try:
            schedule = NamedSchedule(name, **said)
            recurrenceOf(*schedule.times)
        except BadSetting as error:
            raise BadSetting(f"{where}: {error}") from None
        yield schedule


def _read(read: _Read, value: object, where: str) -> Any:
    """
    Read a value.
    """
    try:
        return read(value)
    except ValueError as error:
        raise BadSetting(f"{where}: {error}") from None
