"""
What an admin command is that gearmand does not have, and what it reads and writes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TypeAlias

from txgearman.board.board import JobBoard
from txgearman.board.function import Function
from txgearman.errors import BadSetting, ServerError
from txgearman.wire import text

Do = Callable[[JobBoard, Sequence[bytes]], bytes]
"""
Does a command with the words behind its name, each as it was before it was quoted, and
returns the answer.
"""

TimedDo = Callable[[JobBoard, Sequence[bytes], float], bytes]
"""
The same of a command whose answer depends on the time, in seconds of the epoch, which
it is given, too.
"""

Cell: TypeAlias = bytes | str | int | float
"""
What stands in a column or behind a key; a float is a moment in seconds of the epoch, 0
for never.
"""


class Command:
    """
    A command.

    @ivar phrase: the words that it begins with, in lower case.
    @ivar order: whether it changes what is kept.
    """

    def __init__(
        self,
        usage: str,
        do: Do | TimedDo,
        *,
        order: bool = False,
        timed: bool = False,
    ) -> None:
        """
        @param usage: how it is spelled: words in lower case are its name, others stand
            for what follows, those in brackets may be missing, and an ellipsis is for
            any number.
        @param timed: whether it takes the time.
        """
        words = usage.split()
        arguments = [word for word in words if not word.islower()]
        self.phrase = tuple(word.encode() for word in words if word.islower())
        self.order = order
        self._usage = usage
        self._do: Callable[..., bytes] = do
        self._timed = timed
        self._most = text.MORE_WORDS if "..." in arguments else len(arguments)
        self._least = sum(word[0] not in ".[" for word in arguments)

    def answer(self, board: JobBoard, words: Sequence[bytes], now: float) -> bytes:
        """
        Do it.

        @param words: those behind its name, as they came.
        @param now: in seconds of the epoch.
        """
        try:
            if not self._least <= len(words) <= self._most:
                raise invalid(f"The command is: {self._usage}")
            if self.order:
                board.checkRefusal()
            unquoted = [text.unquote(word) for word in words]
            return self._do(board, unquoted, *([now] if self._timed else []))
        except BadSetting as error:
            return _refusal(invalid(str(error)))
        except ServerError as error:
            return _refusal(error)


def _refusal(error: ServerError) -> bytes:
    """
    Say why a command was not done. Names in it may be any bytes.
    """
    words = error.text.split(b" ")
    return text.error(error.code, b" ".join(map(text.quote, words)))


def invalid(reason: str) -> ServerError:
    """
    The words make no sense.
    """
    return ServerError(b"INVALID_ARGUMENTS", reason.encode("utf-8", "backslashreplace"))


def unknownJob() -> ServerError:
    """
    Nothing is known of a job.
    """
    return ServerError(b"UNKNOWN_JOB", b"")


# Words


def named(word: bytes) -> bytes:
    """
    Read the name of something.

    @raise ServerError: when it can be none.
    """
    if not word or b"\0" in word:
        raise invalid("A name is empty, or has a NUL")
    return word


def readable(word: bytes) -> str:
    """
    Read text.
    """
    return word.decode("utf-8", "backslashreplace")


def count(word: bytes) -> int:
    """
    Read a number.

    @raise ServerError: when it is none.
    """
    if not word.isdigit() or len(word) > 18:
        raise invalid(f"No number: {readable(word)!r:.50}")
    return int(word)


def functionNamed(board: JobBoard, word: bytes) -> Function:
    """
    Find a function.

    @raise ServerError: C{UNKNOWN_FUNCTION}.
    """
    function = board.functions.get(named(word))
    if function is None:
        raise ServerError(b"UNKNOWN_FUNCTION", b"There is no such function")
    return function


# Answers


def table(rows: Iterable[Iterable[Cell]]) -> bytes:
    """
    Make a table of cells, each of which is quoted.
    """
    return text.table(map(written, row) for row in rows)


def written(cell: Cell) -> bytes:
    """
    Write a cell.
    """
    if isinstance(cell, bytes):
        return text.quote(cell)
    if isinstance(cell, str):
        return text.quote(cell.encode("utf-8", "backslashreplace"))
    if isinstance(cell, float):
        return b"%.3f" % cell if cell else b"0"
    return b"%d" % cell
