"""
The keys of a group of children, and of a fleet: what each may be set to.

A value is what TOML has. A word of a command line is made such a value first.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Mapping
from typing import Any, Final

from attrs import evolve, frozen

from txgearman.board.keys import KEYS as POLICY_KEYS
from txgearman.board.keys import numbered
from txgearman.errors import BadSetting

MOST_CHILDREN: Final = 1000
"""
So many children a group may have.
"""

_MANY: Final = 2**31

Check = Callable[[object], Any]


def _refused(wanted: str, value: object) -> BadSetting:
    return BadSetting(f"wants {wanted}, not {value!r:.80}")


def _whole(low: int, high: int) -> Check:
    """
    Make a check of whole numbers within bounds.
    """
    bounds = f"of {low} or more" if high == _MANY else f"from {low} to {high}"

    def check(value: object) -> int:
        if isinstance(value, bool) or not isinstance(value, int):
            raise _refused(f"a whole number {bounds}", value)
        if not low <= value <= high:
            raise _refused(f"a whole number {bounds}", value)
        return value

    return check


def _share(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _refused("a number from 0 to 1", value)
    if not 0 <= value <= 1:
        raise _refused("a number from 0 to 1", value)
    return float(value)


def _positive(check: Check) -> Check:
    """
    Refuse nothing at all.
    """

    def checked(value: object) -> Any:
        number = check(value)
        if not number:
            raise _refused("more than 0", value)
        return number

    return checked


def _flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise _refused("true or false", value)
    return value


def _text(value: object) -> str:
    """
    Text that a system call takes.
    """
    if not isinstance(value, str):
        raise _refused("text in quotes", value)
    if "\0" in value:
        raise _refused("text without a NUL", value)
    return value


def _filled(value: object) -> str:
    text = _text(value)
    if not text.strip():
        raise _refused("some text", value)
    return text


def _texts(value: object) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise _refused("a list of texts", value)
    return tuple(_filled(one) for one in value)


def _serverNames(value: object) -> tuple[str, ...]:
    """
    One text, or a list of some.
    """
    names = (_filled(value),) if isinstance(value, str) else _texts(value)
    if not names:
        raise _refused("a server or more", value)
    return names


def _function(value: object) -> str:
    """
    The name of a function that can stand in a list with commas.
    """
    name = _filled(value)
    if "," in name:
        raise _refused("names of functions without a comma", value)
    return name


def _functions(value: object) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise _refused("a list of names of functions", value)
    return tuple(dict.fromkeys(_function(name) for name in value))


def _command(value: object) -> tuple[str, ...]:
    """
    Words of a command, or a text of them.
    """
    if isinstance(value, str):
        try:
            words = shlex.split(_text(value))
        except ValueError as error:
            reason = str(error).lower()
            raise BadSetting(f"wants a command: {reason} in {value!r:.80}") from None
    elif isinstance(value, list):
        words = [_text(word) for word in value]
    else:
        raise _refused("a command, a text or a list of words", value)
    if not words or not words[0]:
        raise _refused("a command", value)
    return tuple(words)


def _dedicated(value: object) -> Mapping[str, int]:
    if not isinstance(value, dict):
        raise _refused("a table of functions and counts", value)
    count = _whole(0, MOST_CHILDREN)
    return {_function(name): count(number) for name, number in value.items()}


def _environment(value: object) -> Mapping[str, str]:
    if not isinstance(value, dict):
        raise _refused("a table of variables", value)
    for name in value:
        if not re.fullmatch("[^=\0]+", name):
            raise _refused("names of variables", name)
    return {name: _text(text) for name, text in value.items()}


def _listed(word: str) -> object:
    return [name.strip() for name in word.split(",") if name.strip()]


def _pairs(word: str) -> object:
    """
    A table, of a word as C{resize=2,mail=1}.
    """
    parts = [part.partition("=") for part in word.split(",") if part]
    return {name.strip(): numbered(value) for name, _, value in parts}


@frozen
class Key:
    """
    A key.

    @ivar name: as it is written.
    @ivar about: what it means, in a line.
    """

    name: str
    _check: Check
    about: str
    _word: Callable[[str], object] = numbered

    @property
    def attribute(self) -> str:
        """
        What settings call it.
        """
        first, *others = self.name.split("_")
        return first + "".join(other.capitalize() for other in others)

    @property
    def option(self) -> str:
        """
        What command lines call it, after two dashes.
        """
        return self.name.replace("_", "-")

    def check(self, value: object) -> Any:
        """
        Look what a file sets it to.

        @raise BadSetting: naming the key and what it wants, if that is something
            else.
        """
        try:
            return self._check(value)
        except (ValueError, OverflowError) as error:
            # Numbers of TOML can be so large that nothing can be done with them.
            raise BadSetting(f"{self.name} {error}") from None

    def word(self, word: str) -> object:
        """
        Make what a file would have of a word of a command line.
        """
        return self._word(word)


def _seconds(value: object) -> float:
    """
    Seconds are written as in policies: C{90}, C{1.5}, C{"10m"}.
    """
    try:
        return float(evolve(POLICY_KEYS["ttl"], name="it").check(value))  # type: ignore[arg-type]
    except BadSetting as error:
        raise BadSetting(str(error).removeprefix("it ")) from None


def _word(word: str) -> object:
    return word


def _keys(*keys: Key) -> Mapping[str, Key]:
    return {key.name: key for key in keys}


GROUP_KEYS: Final = _keys(
    Key("target", _filled, "Python: package.module, module:worker or a folder", _word),
    Key("command", _command, "any command instead, without a shell", _word),
    Key("count", _whole(0, MOST_CHILDREN), "children [default: 1]"),
    Key("min", _whole(0, MOST_CHILDREN), "with max: fewest children of autoscaling"),
    Key("max", _whole(1, MOST_CHILDREN), "most children of autoscaling"),
    Key("functions", _functions, "only these functions; a,b", _listed),
    Key(
        "dedicated",
        _dedicated,
        "so many more children that serve one function only; a=2,b=1",
        _pairs,
    ),
    Key("environment", _environment, "variables of the children"),
    Key("directory", _filled, "the children's working directory", _word),
    Key("user", _filled, "the children's user; only as root", _word),
    Key("max_jobs", _whole(0, _MANY), "a child ends after so many jobs; 0 for never"),
    Key("max_lifetime", _seconds, "seconds a child lives at most; 0 for any time"),
    Key(
        "splay",
        _share,
        "by which share max_jobs and max_lifetime are longer or shorter, by chance"
        " [default: 0.1]",
    ),
    Key("start_splay", _seconds, "seconds over which the first children are started"),
    Key(
        "stop_timeout",
        _seconds,
        "seconds from SIGTERM to SIGKILL of a child [default: 30]",
    ),
    Key(
        "jobs_per_child",
        _whole(1, _MANY),
        "autoscaling: so many jobs are worth a child [default: 1]",
    ),
    Key(
        "max_age",
        _seconds,
        "autoscaling: one more child when a job is queued for longer, in seconds",
    ),
    Key(
        "cooldown",
        _seconds,
        "autoscaling: seconds between changes downwards [default: 30]",
    ),
    Key(
        "look",
        _positive(_seconds),
        "autoscaling: seconds between looks at the servers [default: 2]",
    ),
    Key(
        "concurrency",
        _whole(1, 1000),
        "jobs at once in a Python child [default: 1]",
    ),
    Key("watch", _texts, "further files and folders that auto_reload watches", _listed),
)
"""
The keys of a group, by name.
"""

FLEET_KEYS: Final = _keys(
    Key("servers", _serverNames, "the job servers", _listed),
    Key(
        "control",
        _text,
        "the control socket; empty for none [default: gearman-worker.sock]",
        _word,
    ),
    Key(
        "auto_reload",
        _flag,
        "replace children when the file or their code changes",
    ),
)
"""
The keys of a fleet beside its groups, by name.
"""
