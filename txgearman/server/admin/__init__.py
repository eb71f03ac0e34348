"""
The admin protocol's answers.

Commands that gearmand or Perl's server has are in L{txgearman.server.admin.gearmand};
the others are told apart by their first words, and take and show words that are quoted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

from txgearman.board.peer import Peer
from txgearman.server.admin import ends, gearmand, jobs, policies, schedules
from txgearman.server.admin.commands import Command
from txgearman.wire import text

if TYPE_CHECKING:
    from txgearman.server.factory import GearmanServerFactory

_COMMANDS: Final[Mapping[tuple[bytes, ...], Command]] = {
    command.phrase: command
    for module in (jobs, ends, policies, schedules)
    for command in module.COMMANDS
}
_LONGEST: Final = max(map(len, _COMMANDS))


def answer(factory: GearmanServerFactory, peer: Peer, words: Sequence[bytes]) -> bytes:
    """
    Do a command.

    @param words: the command's name, in any case, and what follows it.
    """
    command = _found(words)
    if command is None:
        return gearmand.answer(factory, peer, words)
    rest = words[len(command.phrase) :]
    return command.answer(factory.board, rest, factory.clock.seconds())


def isOrder(words: Sequence[bytes]) -> bool:
    """
    Does a command change what is kept? Then it is answered when that is saved.

    @param words: as for L{answer}.
    """
    command = _found(words)
    return command is not None and command.order


def mostWords(words: Sequence[bytes]) -> int:
    """
    How many words a command may have.

    @param words: as for L{answer}.
    """
    return text.WORDS if _found(words) is None else text.MORE_WORDS


def _found(words: Sequence[bytes]) -> Command | None:
    """
    Find a command that gearmand does not have, by the first words of a line.
    """
    first = tuple(word.lower() for word in words[:_LONGEST])
    for count in range(len(first), 0, -1):
        command = _COMMANDS.get(first[:count])
        if command is not None:
            return command
    return None
