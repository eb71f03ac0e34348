"""
How C{txgearadmin} prints what it is answered: as gearadmin does where that has the same
question, and elsewhere with names for what is there.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Final

from attrs import asdict, astuple, fields_dict

from txgearman.admin import (
    ClientRow,
    Connected,
    JobResult,
    PolicySetting,
)
from txgearman.board.keys import KEYS
from txgearman.scripts.output import escaped, shown, visible, workload

_MOMENTS: Final = frozenset(
    {"submitted", "died", "due", "started", "ended", "until", "last", "next"}
)

NOTHING: Final = "-"
"""What stands in a column where there is nothing."""


def asGearadmin(value: Any) -> str:
    """
    Write an answer as gearadmin does.
    """
    if value is None:
        return "OK"
    if isinstance(value, list):
        return "\n".join([*map(_line, value), "."])
    return str(value)


def _line(row: Any) -> str:
    """
    Write a row of a table.
    """
    if isinstance(row, bytes):
        return shown(row)
    if isinstance(row, Connected):
        who = [str(row.number), *map(shown, (row.address, row.clientId)), ":"]
        return " ".join([*who, *map(shown, row.functions)])
    if isinstance(row, ClientRow):
        return "\n\t".join([shown(row.address), *map(_line, row.jobs)])
    cells = astuple(row)
    return "\t".join(shown(c) if isinstance(c, bytes) else str(int(c)) for c in cells)


def asTable(kind: type[Any], rows: Iterable[Any]) -> str:
    """
    Write rows below the names of their columns.

    @param kind: what each row is an instance of.
    """
    titles = list(fields_dict(kind))
    said = (cells(row).values() for row in rows)
    lines = [titles, *([cell or NOTHING for cell in row] for row in said)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(_aligned(line, widths) for line in lines)


def _aligned(line: Sequence[str], widths: Sequence[int]) -> str:
    padded = (cell.ljust(width) for cell, width in zip(line, widths, strict=True))
    return "  ".join(padded).rstrip()


def asFacts(answer: Any) -> str:
    """
    Write an answer as a line for each thing that it says.
    """
    named = {name: cell for name, cell in cells(answer).items() if cell}
    width = 1 + max(map(len, named))
    return "\n".join(f"{name + ':':{width}} {cell}" for name, cell in named.items())


def cells(row: Any) -> dict[str, str]:
    """
    Write what a row says, by the names of its fields; nothing where there is nothing.
    """
    values = asdict(row, recurse=False)
    if isinstance(row, PolicySetting) and row.key in KEYS:
        values["value"] = KEYS[row.key].write(row.value)
    return {name: _cell(name, value) for name, value in values.items()}


def _cell(name: str, value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if name in _MOMENTS:
        return moment(value)
    if isinstance(value, bytes):
        return visible(value)
    if isinstance(value, float):
        return f"{value:g}"
    return "" if value is None else escaped(str(value))


def moment(seconds: float) -> str:
    """
    Write a moment by the clocks of this machine.

    @param seconds: of the epoch; 0 for never.
    """
    if not seconds:
        return ""
    try:
        return (
            datetime.fromtimestamp(seconds).astimezone().isoformat(timespec="seconds")
        )
    except (OverflowError, ValueError, OSError):
        # Further away than calendars go.
        return f"{seconds:.0f}"


def settingPlain(row: PolicySetting) -> dict[str, Any]:
    """
    Make what JSON can say of a setting.
    """
    values = asdict(row, recurse=False)
    if row.key in KEYS:
        values["value"] = KEYS[row.key].plain(row.value)
    return values


def resultPlain(result: JobResult) -> dict[str, Any]:
    """
    The same of a result, with all of its bytes.
    """
    values = asdict(result, recurse=False)
    return values | workload(values.pop("data"))
