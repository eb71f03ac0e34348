"""
What a board keeps beside its jobs, as bytes: a line of JSON, and what it is about.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final, TypeGuard, TypeVar

from attrs import NOTHING, fields

from txgearman.errors import BadRow

T = TypeVar("T")

_KINDS: Final[Mapping[str, type]] = {
    kind.__name__: kind for kind in (bytes, str, int, float, bool)
}


# No number here is larger, nor is infinity.
_LARGEST: Final = 2.0**63


def pack(thing: Any, body: str = "") -> bytes:
    """
    Make bytes of an instance of a class of attrs, whose fields are bytes, texts,
    numbers and truths.

    @param body: the name of a field that is bytes and may be large, if there is one.
    """
    head: dict[str, object] = {}
    for one in fields(type(thing)):
        value = getattr(thing, one.name)
        if one.init and one.name != body:
            head[one.name] = (
                value.decode("latin-1") if isinstance(value, bytes) else value
            )
    return json.dumps(head).encode() + b"\n" + (getattr(thing, body) if body else b"")


def unpack(kind: type[T], value: bytes, body: str = "") -> T:
    """
    Make an instance of what L{pack} returned.

    @raise BadRow: when it cannot be.
    """
    head, newline, rest = value.partition(b"\n")
    try:
        found = json.loads(head)
    except (ValueError, RecursionError) as error:
        raise BadRow(f"it is no JSON: {error}") from None
    if not newline or not isinstance(found, dict):
        raise BadRow("it is no JSON of an object")
    values: dict[str, object] = {body: rest} if body else {}
    for one in fields(kind):  # type: ignore[arg-type]
        if one.init and one.name != body:
            if one.name in found:
                values[one.name] = _typed(one.name, _KINDS[one.type], found[one.name])
            elif one.default is NOTHING:
                raise BadRow(f"{one.name} is missing")
    return kind(**values)


def _typed(name: str, kind: type, value: object) -> object:
    """
    See that a value is of a type.
    """
    if kind is bytes and isinstance(value, str):
        try:
            return value.encode("latin-1")
        except ValueError:
            pass
    elif kind is float and _isNumber(value):
        return float(value)
    elif type(value) is kind and kind is not float:
        return value
    raise BadRow(f"{name} is {value!r:.50}, which is not {kind.__name__}")


def _isNumber(value: object) -> TypeGuard[int | float]:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return abs(value) < _LARGEST
