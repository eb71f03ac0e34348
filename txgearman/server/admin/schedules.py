"""
Admin commands about schedules.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from difflib import get_close_matches
from typing import Any, Final

from txgearman.board.board import JobBoard
from txgearman.board.job import Priority
from txgearman.board.named_schedule import NamedSchedule
from txgearman.server.admin.commands import Command, invalid, readable, table
from txgearman.server.configuration import EVERY, OVERLAP, SCHEDULE
from txgearman.wire import text

# The configuration has types for what is a word here; other keys are read alike.
_WORDS: Final[Mapping[str, Callable[[str], Any]]] = {
    "every": EVERY.read,
    "overlap": OVERLAP.read,
}

# What may be any bytes.
_BYTES: Final = ("function", "data", "unique")


def _showSchedules(board: JobBoard, words: Sequence[bytes]) -> bytes:
    """
    List the schedules, by name, with what has become of them.
    """
    return table(
        (
            row.schedule.name,
            "paused" if row.paused else "active",
            row.schedule.function,
            row.schedule.cron or row.times,
            row.schedule.zone,
            row.last,
            row.next,
            row.handle,
            row.origin.value,
            row.runs,
            row.skipped,
            row.missed,
            row.owed,
            row.error,
            row.schedule.unique,
            Priority(row.schedule.priority).name.lower(),
            str(row.schedule.missed),
            row.schedule.overlap,
            len(row.schedule.data),
        )
        for row in board.recurring
    )


def _create(board: JobBoard, words: Sequence[bytes]) -> bytes:
    """
    Define a schedule, or another one by the same name.
    """
    name, *settings = words
    said = _said(settings)
    if "function" not in said:
        raise invalid("The schedule lacks a function")
    board.recurring.define(NamedSchedule(readable(name), **said))
    return text.OK


def _said(settings: Iterable[bytes]) -> dict[str, Any]:
    """
    Read what is said of a schedule: words such as C{every=60}.

    @raise BadSetting: for a value that makes no sense.
    """
    said: dict[str, Any] = {}
    for setting in settings:
        word, equals, value = setting.partition(b"=")
        key = readable(word)
        if not equals:
            raise invalid(f"No KEY=VALUE: {key!r:.80}; quote the spaces in a value")
        if key not in SCHEDULE:
            near = get_close_matches(key, SCHEDULE, 1, 0.5)
            known = f"did you mean {near[0]}" if near else f"keys: {_ALL}"
            raise invalid(f"There is no key {key!r:.80}; {known}")
        if key in said:
            raise invalid(f"{key} is there twice")
        read = _WORDS.get(key, SCHEDULE[key])
        said[key] = value if key in _BYTES else read(readable(value))
    return said


_ALL: Final = ", ".join(SCHEDULE)


def _drop(board: JobBoard, words: Sequence[bytes]) -> bytes:
    """
    Undo what was defined by hand.
    """
    board.recurring.drop(readable(*words))
    return text.OK


def _pause(board: JobBoard, words: Sequence[bytes]) -> bytes:
    """
    Let a schedule submit nothing.
    """
    board.recurring.pause(readable(*words))
    return text.OK


def _resume(board: JobBoard, words: Sequence[bytes]) -> bytes:
    """
    Let it go on.
    """
    board.recurring.resume(readable(*words))
    return text.OK


def _run(board: JobBoard, words: Sequence[bytes]) -> bytes:
    """
    Let it submit its job now.
    """
    return text.ok(board.recurring.runNow(readable(*words)).handle)


COMMANDS: Final = (
    Command("show schedules", _showSchedules),
    Command("create schedule NAME KEY=VALUE ...", _create, order=True),
    Command("drop schedule NAME", _drop, order=True),
    Command("pause schedule NAME", _pause, order=True),
    Command("resume schedule NAME", _resume, order=True),
    Command("run schedule NAME", _run, order=True),
)
