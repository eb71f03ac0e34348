"""
A connection on which nothing but admin commands is spoken.
"""

from __future__ import annotations

from collections import deque
from typing import Final
from urllib.parse import unquote_plus

from attrs import define
from twisted.internet.defer import Deferred, succeed
from twisted.internet.error import ConnectionLost
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure

from txgearman.errors import ServerError, serverError
from txgearman.wire import packets as p
from txgearman.wire.codec import Limits, PacketReader

Lines = list[bytes]

LONGEST: Final = 1024 * 1024
"""
How long a line of an answer may be, in bytes. Data comes in pieces of less; but a line
about a connection has the names of all that a worker can do.
"""


@define(eq=False)
class _Command:
    """
    A command that waits for its answer.

    @ivar table: whether the answer is lines up to a dot.
    """

    table: bool
    answer: Deferred[Lines]


class AdminProtocol(Protocol):
    """
    A connection on which nothing but text is spoken.
    """

    def __init__(self) -> None:
        self._reader = PacketReader(Limits(line=LONGEST), p.RESPONSE)
        self._commands: deque[_Command] = deque()
        self._lines: Lines = []
        self._lost: Failure | None = None
        self._closing: list[Deferred[None]] = []

    @property
    def usable(self) -> bool:
        """
        Is the connection there?
        """
        return self._lost is None

    def ask(self, line: bytes, table: bool) -> Deferred[Lines]:
        """
        Send a command. Several may be under way.

        @return: fires with the lines of the answer, without ends and dot; fails
            with L{ServerError} for one that says C{ERR}, and with
            L{ConnectionLost}.
        """
        answer: Deferred[Lines] = Deferred()
        self._commands.append(_Command(table, answer))
        assert self.transport is not None
        self.transport.write(line + b"\r\n")
        return answer

    def dataReceived(self, data: bytes) -> None:
        """
        Take a chunk of input.
        """
        self._reader.feed(data)
        for number, arguments in self._reader.events():
            if number == p.TEXT and self._commands:
                self._line(arguments[0])
        if self._reader.closed:
            assert self.transport is not None
            self.transport.loseConnection()

    def _line(self, line: bytes) -> None:
        """
        Take one line of an answer.
        """
        command = self._commands[0]
        if line.startswith(b"ERR ") and not self._lines:
            self._commands.popleft()
            command.answer.errback(_refusal(line.removeprefix(b"ERR ")))
        elif command.table and line != b".":
            self._lines.append(line)
        else:
            self._commands.popleft()
            lines, self._lines = self._lines, []
            command.answer.callback(lines if command.table else [line])

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """
        No answer comes any more.
        """
        self._lost = Failure(ConnectionLost(reason.getErrorMessage()))
        commands, self._commands = self._commands, deque()
        for command in commands:
            command.answer.errback(self._lost)
        closing, self._closing = self._closing, []
        for done in closing:
            done.callback(None)

    def close(self) -> Deferred[None]:
        """
        Disconnect.

        @return: fires when that is done.
        """
        if self._lost is not None:
            return succeed(None)
        done: Deferred[None] = Deferred()
        self._closing.append(done)
        assert self.transport is not None
        self.transport.loseConnection()
        return done


def _refusal(said: bytes) -> ServerError:
    """
    Read what stands behind ERR: a code and words with plus signs between them,
    or, of some of gearmand's commands, a sentence.
    """
    code, _, text = said.partition(b" ")
    if not code.isupper():
        return ServerError(b"SERVER_ERROR", said)
    words = unquote_plus(text.decode("utf-8", "surrogateescape"))
    return serverError(code, words.encode("utf-8", "surrogateescape"))
