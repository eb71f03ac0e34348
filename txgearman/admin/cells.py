"""
How answers are read whose names and data are quoted: rows of cells, and lines of a key
and a value.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, TypeVar

from attrs import fields

from txgearman.wire import text

T = TypeVar("T")


def _flag(value: bytes) -> bool:
    return value == b"1"


_READ: Final[Mapping[str, Callable[[bytes], Any]]] = {
    "bytes": bytes,
    "str": lambda value: value.decode("utf-8", "backslashreplace"),
    "int": int,
    "float": float,
    "bool": _flag,
}


def rowOf(kind: type[T]) -> Callable[[bytes], T]:
    """
    Make what reads a row of a table as an instance of a class of attrs, whose fields
    are what the columns are, in their order. Columns behind them mean nothing yet.

    @return: raises L{ValueError} for what is no such row.
    """
    names: Any = fields(kind)  # type: ignore[arg-type]

    def read(line: bytes) -> T:
        cells = line.split(b"\t")
        if len(cells) < len(names):
            raise ValueError(f"too few columns: {line!r:.80}")
        return kind(
            *(_read(one, cell) for one, cell in zip(names, cells, strict=False))
        )

    return read


def factsOf(kind: type[T], lines: Iterable[bytes]) -> T:
    """
    Read keys and values as an instance of a class of attrs with fields of these names.
    A key that is there more than once has its value in pieces; one without a field
    means nothing yet.

    @raise ValueError: when one is missing.
    """
    found: dict[str, list[bytes]] = {}
    for line in lines:
        key, _, value = line.partition(b"\t")
        found.setdefault(key.decode("ascii", "replace"), []).append(value)
    names: Any = fields(kind)  # type: ignore[arg-type]
    values = {
        one.name: _read(one, b"".join(found[one.name]))
        for one in names
        if one.name in found
    }
    try:
        return kind(**values)
    except TypeError as error:
        raise ValueError(f"not all that was asked for: {error}") from None


def _read(one: Any, cell: bytes) -> Any:
    return _READ[one.type.removesuffix(" | None")](text.unquote(cell))
