"""
Jobs and records as lines of JSON, as which they are exported and imported.

The first line names the format. Each line after it is a job, with the members of
L{SavedJob<txgearman.stores.interface.SavedJob>}, or a record, with C{record} for its
kind, C{key} and C{value}. What is bytes there is text here when it is text in UTF-8
without control characters other than tabs and newlines, and an object with nothing but
C{base64} otherwise.

Version 1 had no records, and is otherwise the same.
"""

from __future__ import annotations

import json
import re
from base64 import b64decode, b64encode
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from txgearman.errors import BadRow, StoreUnusable
from txgearman.stores.interface import KINDS, SavedJob, SavedRecord, Unreadable

FORMAT: Final = {"format": "txgearman jobs", "version": 2}
"""What the first line says."""

_FORMATS: Final = (FORMAT, {**FORMAT, "version": 1})

_CONTROL: Final = re.compile("[\0-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")


_RECORD: Final = {"record": str, "key": bytes, "value": bytes}


def writeLines(kept: Iterable[SavedRecord | SavedJob]) -> Iterator[bytes]:
    """
    Yield the lines of an export, each with its newline.
    """
    yield _line(FORMAT)
    for one in kept:
        members = (
            dict(zip(_RECORD, one, strict=True))
            if isinstance(one, SavedRecord)
            else one._asdict()
        )
        yield _line({name: _plain(value) for name, value in members.items()})


def readLines(lines: Iterable[bytes]) -> Iterator[SavedRecord | SavedJob | Unreadable]:
    """
    Yield what an export says; empty lines say nothing.

    @raise StoreUnusable: when it is no export, or one of another version.
    """
    given = iter(lines)
    _checkFormat(next(given, b""))
    for number, line in enumerate(given, 2):
        if not line.strip():
            continue
        try:
            yield _read(line)
        except BadRow as error:
            yield Unreadable(f"line {number}", str(error))


def _line(value: dict[str, Any]) -> bytes:
    return json.dumps(value).encode() + b"\n"


def _plain(value: Any) -> Any:
    """
    Make what JSON can say, without loss, of a member of a job or a record.
    """
    if not isinstance(value, bytes):
        return value
    try:
        text = value.decode()
    except UnicodeDecodeError:
        text = "\0"
    if _CONTROL.search(text):
        return {"base64": b64encode(value).decode("ascii")}
    return text


def _checkFormat(line: bytes) -> None:
    """
    Look at the first line.
    """
    try:
        found = _value(line)
    except BadRow:
        found = None
    if found in _FORMATS:
        return
    if isinstance(found, dict) and found.get("format") == FORMAT["format"]:
        said = f"its version is {found.get('version')!r:.50}"
        raise StoreUnusable(f"not an export that can be read: {said}")
    raise StoreUnusable(f"not an export: the first line is not {json.dumps(FORMAT)}")


def _read(line: bytes) -> SavedRecord | SavedJob:
    """
    Read a record or a job.

    @raise BadRow: when it is neither.
    """
    members = _value(line)
    if not isinstance(members, dict):
        raise BadRow("not an object")
    if "record" in members:
        return SavedRecord(*_members(members, _RECORD).values()).check()
    return SavedJob(**_members(members, KINDS)).check()


def _members(members: dict[str, Any], kinds: Mapping[str, type]) -> dict[str, Any]:
    """
    Read the members that there have to be, in their order.
    """
    missing = [name for name in kinds if name not in members]
    if missing:
        raise BadRow(f"{missing[0]} is missing")
    unknown = [name for name in members if name not in kinds]
    if unknown:
        raise BadRow(f"nothing is called {unknown[0]!r:.50}")
    return {name: _member(name, kind, members[name]) for name, kind in kinds.items()}


def _value(line: bytes) -> Any:
    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        raise BadRow("not JSON") from None


def _member(name: str, kind: type, value: Any) -> Any:
    """
    Read a member; whether it makes sense is the job's or the record's to say.
    """
    try:
        if kind is float and type(value) is int:
            return float(value)
        if kind is bytes and isinstance(value, str):
            return value.encode()
        if kind is bytes and isinstance(value, dict) and value.keys() == {"base64"}:
            return b64decode(value["base64"], validate=True)
    except (ValueError, TypeError, OverflowError):
        raise BadRow(f"{name} is {value!r:.50}") from None
    if kind is bytes:
        raise BadRow(f"{name} is {value!r:.50}, which is neither text nor base64")
    return value
