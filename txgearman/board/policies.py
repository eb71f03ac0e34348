"""
What is decided about the jobs of each function: how often they are tried, how many of
them may run or wait, how long they may take.

Who runs a server decides it for patterns of names, key by key; of what concerns a
function the later setting holds. Clients and workers need not know.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from fnmatch import translate
from math import ceil
from operator import itemgetter
from typing import Any, Final

from attrs import field, frozen

from txgearman.board.keys import KEYS, Cause, Value

GEARMANDS: Final = frozenset({Cause.TIMEOUT, Cause.LOST})
"""What gearmand tries a job again after."""


@frozen
class FunctionPolicy:
    """
    What holds for one function; see L{KEYS} for what each of it means. Times are in
    seconds, sizes in bytes; 0 stands for no limit.

    @ivar bounded: whether there is a limit on submits.
    @ivar gated: whether there is a limit on grants.
    @ivar patience: after how long an attempt is looked at, in seconds; 0 for never.
    @ivar keeps: whether something is kept of background jobs that end.
    """

    attempts: int = 0
    retryOn: frozenset[Cause] = GEARMANDS
    retryForeground: bool = False
    backoffFirst: float = 0.0
    backoffFactor: float = 2.0
    backoffMax: float = 3600.0
    backoffJitter: float = 0.0
    timeout: float = 0.0
    lease: float = 0.0
    concurrency: int = 0
    rate: float = 0.0
    burst: int = 0
    queueLimit: int = 0
    queueBytes: int = 0
    queueCountsRunning: bool = True
    ttl: float = 0.0
    debounce: float = 0.0
    results: float = 0.0
    resultLimit: int = 65536
    deadLetter: bool = False
    paused: bool = False
    bounded: bool = field(init=False)
    gated: bool = field(init=False)
    keeps: bool = field(init=False)
    patience: float = field(init=False)

    @bounded.default
    def _isBounded(self) -> bool:
        return bool(self.queueLimit or self.queueBytes)

    @gated.default
    def _isGated(self) -> bool:
        return bool(self.paused or self.concurrency or self.rate)

    @keeps.default
    def _isKeeping(self) -> bool:
        return bool(self.results or self.deadLetter)

    @patience.default
    def _inPatience(self) -> float:
        return min((one for one in (self.timeout, self.lease) if one), default=0.0)

    def backoff(self, attempts: int, chance: float) -> float:
        """
        How long to wait before the next attempt, in seconds.

        @param attempts: how many there were.
        @param chance: from 0 to 1.
        """
        if not self.backoffFirst:
            return 0.0
        try:
            pause = self.backoffFirst * self.backoffFactor ** (attempts - 1)
        except OverflowError:
            pause = self.backoffMax
        pause = min(pause, self.backoffMax)
        pause *= 1.0 + self.backoffJitter * (2.0 * chance - 1.0)
        return min(pause, self.backoffMax)


class Origin(enum.Enum):
    """
    Who decided something.
    """

    DEFAULT = "default"
    OPTION = "option"
    CONFIG = "config"
    ADMIN = "admin"


OPTION: Final = Origin.OPTION


@frozen
class Setting:
    """
    One key of the policy of some functions.

    @ivar pattern: of their names: C{*} for any bytes, C{?} for any one, C{[abc]} for
        one of these.
    @ivar key: one of L{KEYS}.
    @ivar value: of the key's type.
    @ivar origin: who decided it.
    """

    pattern: bytes
    key: str
    value: Value
    origin: Origin


class Policies:
    """
    What was decided for the functions of a board.
    """

    def __init__(self, base: Sequence[Setting] = ()) -> None:
        """
        @param base: what every other setting goes before.
        """
        self._base = tuple(base)
        self._configured: tuple[Setting, ...] = ()
        # By pattern and key, with their places: in the order in which they were set.
        self._set: dict[tuple[bytes, str], tuple[int, Setting]] = {}
        self._last = 0
        self._wild = 0
        # All of them in their order, once that is needed: those about one function, by
        # its name, and those with a pattern, and what that matches.
        self._gathered = False
        self._all: tuple[Setting, ...] = ()
        self._exact: dict[bytes, list[tuple[int, Setting]]] = {}
        self._patterns: list[tuple[int, Setting, Callable[[bytes], bool]]] = []

    def __iter__(self) -> Iterator[Setting]:
        """
        Iterate over all that was decided, the later ones going before the earlier.
        """
        self._gather()
        return iter(self._all)

    def __len__(self) -> int:
        return len(self._base) + len(self._configured) + len(self._set)

    def configure(self, settings: Iterable[Setting]) -> None:
        """
        Replace all that the configuration says.
        """
        self._configured = tuple(settings)
        self._gathered = False

    def full(self, pattern: bytes, key: str) -> bool:
        """
        Have so many settings been made by hand that there may be no new one? Each
        function is compared with each pattern.
        """
        if (pattern, key) in self._set:
            return False
        if literal(pattern) is None and self._wild >= _MOST_PATTERNS:
            return True
        return len(self._set) >= _MOST

    def set(self, pattern: bytes, key: str, value: Value, place: int = 0) -> int:
        """
        Decide something by hand. It goes before the configuration.

        @param place: where it stands among the others; by default behind all.
        @return: its place.
        """
        if (pattern, key) not in self._set:
            self._wild += literal(pattern) is None
        place = place or self._last + 1
        self._last = max(self._last, place)
        self._set[pattern, key] = place, Setting(pattern, key, value, Origin.ADMIN)
        self._gathered = False
        return place

    def unset(self, pattern: bytes, key: str) -> bool:
        """
        Undo that.

        @return: whether it was decided.
        """
        if self._set.pop((pattern, key), None) is None:
            return False
        self._wild -= literal(pattern) is None
        self._gathered = False
        return True

    def _gather(self) -> None:
        """
        Put everything in its order.
        """
        if self._gathered:
            return
        self._gathered = True
        byPlace = sorted(self._set.values(), key=itemgetter(0))
        byHand = tuple(setting for _, setting in byPlace)
        self._all = (*self._base, *self._configured, *byHand)
        self._exact, self._patterns = {}, []
        for place, setting in enumerate(self._all):
            name = literal(setting.pattern)
            if name is None:
                concerns = matching(setting.pattern)
                self._patterns.append((place, setting, concerns))
            else:
                self._exact.setdefault(name, []).append((place, setting))

    def of(self, name: bytes) -> FunctionPolicy:
        """
        What holds for a function.
        """
        return _resolved(self._concerning(name))

    def explain(self, name: bytes) -> list[Setting]:
        """
        What holds for a function, and who decided it, for each key.
        """
        settings = self._concerning(name)
        policy = _resolved(settings)
        return [
            settings.get(key)
            or Setting(b"*", key, getattr(policy, KEYS[key].attribute), Origin.DEFAULT)
            for key in KEYS
        ]

    def _concerning(self, name: bytes) -> dict[str, Setting]:
        """
        Find the setting of each key that holds for a function, if there is one.
        """
        self._gather()
        found = [
            (place, setting)
            for place, setting, concerns in self._patterns
            if concerns(name)
        ]
        if name in self._exact:
            found = sorted(found + self._exact[name], key=itemgetter(0))
        return {setting.key: setting for _, setting in found}


# How many settings may be made by hand, and how many of them with patterns.
_MOST: Final = 10_000
_MOST_PATTERNS: Final = 1000

PLAIN: Final = FunctionPolicy()
"""What holds where nothing was decided."""


def _resolved(settings: Mapping[str, Setting]) -> FunctionPolicy:
    """
    Make a policy. Whoever decides how often a job is tried means all that may go
    wrong, and does not want those to vanish that are not tried any more; other than
    by the option that gearmand has, too.
    """
    if not settings:
        return PLAIN
    values: dict[str, Any] = {}
    attempts = settings.get("attempts")
    if attempts is not None and attempts.value and attempts.origin is not OPTION:
        values = {"retryOn": frozenset(Cause), "deadLetter": True}
    values |= {KEYS[key].attribute: one.value for key, one in settings.items()}
    if values.get("rate") and not values.get("burst"):
        values["burst"] = max(1, ceil(values["rate"]))
    return FunctionPolicy(**values)


def exactly(name: bytes) -> bytes:
    """
    The pattern that a function's name matches and no other.
    """
    return re.sub(rb"([*?[])", rb"[\1]", name)


def literal(pattern: bytes) -> bytes | None:
    """
    The only name that a pattern matches, if it is such a one.
    """
    if _SEVERAL.search(pattern) is None:
        return pattern
    if _EXACT.fullmatch(pattern) is None:
        return None
    return re.sub(rb"\[([*?[])\]", rb"\1", pattern)


def matching(pattern: bytes) -> Callable[[bytes], bool]:
    """
    What tells whether a pattern matches a name.
    """
    # Each byte is a character, so that a pattern knows of bytes.
    match = re.compile(translate(pattern.decode("latin-1"))).match
    return lambda name: match(name.decode("latin-1")) is not None


_SEVERAL: Final = re.compile(rb"[*?[]")
_EXACT: Final = re.compile(rb"(?:[^*?[]|\[[*?[]\])*", re.DOTALL)
