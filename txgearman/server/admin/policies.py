"""
Admin commands about what is decided for functions.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from typing import Final

from txgearman.board.board import JobBoard
from txgearman.board.function import NO_LIMIT
from txgearman.board.keys import KEYS, Key
from txgearman.errors import ServerError
from txgearman.server.admin.commands import (
    Cell,
    Command,
    invalid,
    named,
    readable,
    table,
)
from txgearman.wire import text


def _settings(board: JobBoard, words: Sequence[bytes]) -> bytes:
    """
    List all that was decided; or what holds for a function, key by key.
    """
    if not words:
        return table(
            (one.pattern, one.key, KEYS[one.key].write(one.value), one.origin.value)
            for one in board.policies
        )
    return table(
        (one.key, KEYS[one.key].write(one.value), one.origin.value, one.pattern)
        for one in board.policies.explain(named(*words))
    )


def _set(board: JobBoard, words: Sequence[bytes]) -> bytes:
    """
    Decide something. Nothing behind the key is a list of nothing.
    """
    pattern, name, value = [*words, b""][:3]
    key = _keyOf(name)
    board.setPolicy(named(pattern), key.name, key.read(readable(value)))
    return text.OK


def _unset(board: JobBoard, words: Sequence[bytes]) -> bytes:
    """
    Undo that.
    """
    pattern, name = words
    if not board.unsetPolicy(pattern, _keyOf(name).name):
        raise ServerError(b"UNKNOWN_SETTING", b"That was not set by an admin command")
    return text.OK


def _keyOf(word: bytes) -> Key:
    """
    Find a key of policies.

    @raise ServerError: naming those that may have been meant.
    """
    name = readable(word)
    key = KEYS.get(name)
    if key is None:
        near = get_close_matches(name, KEYS, 3, 0.5)
        known = f"did you mean {' or '.join(near)}" if near else f"keys: {_ALL}"
        raise invalid(f"There is no key {name!r:.80}; {known}")
    return key


_ALL: Final = ", ".join(KEYS)


def _showLimits(board: JobBoard, words: Sequence[bytes]) -> bytes:
    """
    List the functions that are limited or paused, with what counts for that.
    """
    return table(_limits(board))


def _limits(board: JobBoard) -> Iterator[Sequence[Cell]]:
    for function in board.functions:
        policy, most = function.policy, function.limit
        if policy.gated or policy.bounded or most != NO_LIMIT:
            yield (
                function.name,
                policy.paused,
                function.total,
                function.running,
                policy.concurrency,
                KEYS["rate"].write(policy.rate),
                policy.burst,
                policy.queueLimit,
                function.size,
                policy.queueBytes,
                policy.queueCountsRunning,
                *(most.high, most.normal, most.low),
            )


def _pause(board: JobBoard, words: Sequence[bytes]) -> bytes:
    """
    Grant no jobs of a function.
    """
    board.pauseFunction(named(*words))
    return text.OK


def _resume(board: JobBoard, words: Sequence[bytes]) -> bytes:
    """
    Grant them again.
    """
    board.resumeFunction(named(*words))
    return text.OK


COMMANDS: Final = (
    Command("settings [FUNCTION]", _settings),
    Command("set policy PATTERN KEY [VALUE]", _set, order=True),
    Command("unset policy PATTERN KEY", _unset, order=True),
    Command("show limits", _showLimits),
    Command("pause function FUNCTION", _pause, order=True),
    Command("resume function FUNCTION", _resume, order=True),
)
