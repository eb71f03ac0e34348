"""
The keys of a policy: what each may be set to, and how that is read and written.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias

from attrs import frozen

from txgearman.errors import BadSetting


class Cause(enum.Enum):
    """
    Why an attempt ended without success.
    """

    FAIL = "fail"
    EXCEPTION = "exception"
    TIMEOUT = "timeout"
    LOST = "lost"


Value: TypeAlias = bool | int | float | frozenset[Cause]
"""What a key may be set to."""

_SECONDS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_BYTES: Final = {"K": 1024, "M": 1024**2, "G": 1024**3}
_FLAGS: Final = {
    **dict.fromkeys(("true", "yes", "on"), True),
    **dict.fromkeys(("false", "no", "off"), False),
}

# A result is read in one go by whoever asks for it.
_LARGEST_RESULT: Final = 16 * 1024**2

# So much, of whatever it is, is as good as no limit: it fits into what stores and
# clients take for a number.
_MOST: Final = 2**53


Check = Callable[[object], Value]

Word = Callable[[str], object]
"""What makes of a word what a file would say."""


def _refused(wanted: str, value: object) -> BadSetting:
    if isinstance(value, int) and abs(value) > _MOST:
        # There are numbers that Python does not write.
        return BadSetting(f"wants {wanted}, not more than {_MOST}")
    return BadSetting(f"wants {wanted}, not {value!r:.80}")


def _number(low: float, high: float, wanted: str) -> Callable[[object], float]:
    """
    Make a check of numbers within bounds.
    """

    def check(value: object) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise _refused(wanted, value)
        if not low <= value <= high:
            raise _refused(wanted, value)
        return float(value)

    return check


def _count(value: object) -> int:
    return _whole(value, "a whole number of 0 or more")


def _whole(value: object, wanted: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise _refused(wanted, value)
    if not 0 <= value <= _MOST:
        raise _refused(wanted, value)
    return value


def numbered(word: str) -> object:
    """
    A number, if that is what a word is.
    """
    for kind in (int, float):
        try:
            return kind(word) if len(word) < 40 else word
        except ValueError:
            pass
    return word


def _scaled(value: object, units: Mapping[str, int]) -> object:
    """
    A number, if that is what a text is that has a unit behind it.
    """
    if isinstance(value, str) and value[-1:] in units:
        number = numbered(value[:-1])
        if isinstance(number, int | float):
            return number * units[value[-1]]
    return value


_anySeconds = _number(0, _MOST, "seconds, as 90, 1.5 or 10m")


def _seconds(value: object) -> float:
    return _anySeconds(_scaled(value, _SECONDS))


def _size(value: object) -> int:
    return _whole(_scaled(value, _BYTES), "bytes, as 4096 or 64M")


def _resultSize(value: object) -> int:
    size = _size(value)
    if size > _LARGEST_RESULT:
        raise _refused("16M or less", value)
    return size


def _flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise _refused("true or false", value)
    return value


def _causes(value: object) -> frozenset[Cause]:
    known = {cause.value: cause for cause in Cause}
    wanted = f"a list out of {', '.join(known)}"
    if not isinstance(value, list):
        raise _refused(wanted, value)
    for name in value:
        if not isinstance(name, str) or name not in known:
            raise _refused(wanted, name)
    return frozenset(known[name] for name in value)


def _flagged(word: str) -> object:
    return _FLAGS.get(word.lower(), word)


def _listed(word: str) -> object:
    return [name for name in word.split(",") if name]


@frozen
class Key:
    """
    One key of a policy.

    @ivar name: as it is written.
    @ivar about: what it means, in a line.
    """

    name: str
    _check: Check
    about: str
    _word: Word = numbered

    @property
    def attribute(self) -> str:
        """
        What L{FunctionPolicy<txgearman.board.policies.FunctionPolicy>} calls it.
        """
        first, *others = self.name.split("_")
        return first + "".join(other.capitalize() for other in others)

    def check(self, value: object) -> Value:
        """
        Look what a file of TOML sets it to.

        @raise BadSetting: naming the key and what it wants, if that is something
            else.
        """
        try:
            return self._check(value)
        except BadSetting as error:
            raise BadSetting(f"{self.name} {error}") from None

    def read(self, word: str) -> Value:
        """
        Read what somebody sets it to with a word.

        @raise BadSetting: as L{check} does.
        """
        return self.check(self._word(word))

    def write(self, value: Value) -> str:
        """
        Write a value as the word that is read as it.
        """
        if isinstance(value, frozenset):
            return ",".join(cause.value for cause in Cause if cause in value)
        if isinstance(value, bool):
            return "true" if value else "false"
        if isinstance(value, float) and value.is_integer() and value <= _MOST:
            return str(int(value))
        return str(value)

    def plain(self, value: Value) -> Any:
        """
        Make what JSON and TOML have of a value.
        """
        if isinstance(value, frozenset):
            return [cause.value for cause in Cause if cause in value]
        return value


KEYS: Final[Mapping[str, Key]] = {
    key.name: key
    for key in (
        Key(
            "attempts",
            _count,
            "how often a job is granted to a worker at most; 0 for any number of times",
        ),
        Key(
            "retry_on",
            _causes,
            "what a job is tried again after, out of fail, exception, timeout, lost;"
            " by default all where attempts is set, and timeout,lost elsewhere",
            _listed,
        ),
        Key(
            "retry_foreground",
            _flag,
            "whether foreground jobs are tried again like background ones, before"
            " their clients hear of a failure",
            _flagged,
        ),
        Key(
            "backoff_first",
            _seconds,
            "seconds before a job is tried a second time; 0 for at once, behind the"
            " others",
        ),
        Key(
            "backoff_factor",
            _number(1, _MOST, "a number of 1 or more"),
            "how many times as long each pause is as the one before",
        ),
        Key("backoff_max", _seconds, "seconds that no pause is longer than"),
        Key(
            "backoff_jitter",
            _number(0, 1, "a number from 0 to 1"),
            "by which share a pause may be longer or shorter, by chance",
        ),
        Key("timeout", _seconds, "seconds that an attempt may take; 0 for any time"),
        Key(
            "lease",
            _seconds,
            "seconds that a worker may say nothing of its job (WORK_STATUS, WORK_DATA,"
            " WORK_WARNING) before it is another's; 0 for any time",
        ),
        Key(
            "concurrency",
            _count,
            "how many jobs run at once, over all workers; 0 for any number",
        ),
        Key(
            "rate",
            _number(0, _MOST, "a number of 0 or more"),
            "how many jobs are granted a second; 0 for any number",
        ),
        Key(
            "burst",
            _count,
            "how many are granted at once where there is a rate; 0 for a second's",
        ),
        Key(
            "queue_limit",
            _count,
            "how many jobs there may be before submits are refused with QUEUE_ERROR; 0"
            " for any number",
        ),
        Key(
            "queue_bytes",
            _size,
            "how many bytes of workloads there may be before submits are refused; 0 for"
            " any number",
        ),
        Key(
            "queue_counts_running",
            _flag,
            "whether those two count the jobs that run, too",
            _flagged,
        ),
        Key(
            "ttl",
            _seconds,
            "seconds that a job waits for a worker before it expires; 0 for any time",
        ),
        Key(
            "debounce",
            _seconds,
            "a background job with a unique waits so many seconds, and as many again"
            " whenever one more submit joins it",
        ),
        Key(
            "results",
            _seconds,
            "how long the result of a background job is kept; 0 for not at all",
        ),
        Key(
            "result_limit",
            _resultSize,
            "bytes, up to 16M; of larger results only the size is kept",
        ),
        Key(
            "dead_letter",
            _flag,
            "whether background jobs are kept as dead letters that have failed for"
            " good, or expired; by default where attempts is set",
            _flagged,
        ),
        Key("paused", _flag, "whether jobs are accepted and not granted", _flagged),
    )
}
"""All keys, by name."""
