"""
Asking the master of a fleet, and telling it, from another process.
"""

from __future__ import annotations

import json
import os
from typing import Any, Final

from twisted.internet.defer import Deferred
from twisted.internet.endpoints import UNIXClientEndpoint
from twisted.internet.error import ConnectError, ConnectionLost
from twisted.internet.protocol import Factory, connectionDone
from twisted.protocols.basic import LineReceiver
from twisted.python.failure import Failure

from txgearman.errors import GearmanError
from txgearman.fleet.control import checkPath
from txgearman.fleet.desk import Refused, Request

# How long an answer may be, in bytes: all about a thousand groups of a thousand
# children would be longer.
_LONGEST: Final = 64 * 1024 * 1024


class NoMaster(GearmanError):
    """
    There is no master of a fleet at a control socket.
    """


async def tell(reactor: Any, path: str, request: Request) -> Any:
    """
    Tell the master of a fleet something.

    @param reactor: one that has unix sockets.
    @param path: of its control socket.
    @param request: as L{Desk.answer<txgearman.fleet.desk.Desk.answer>} takes it.
    @return: what it answers.
    @raise Refused: when it does not do that.
    @raise NoMaster: when there is none.
    @raise ConnectionLost: when it went away before it answered.
    @raise BadSetting: for a path that no socket has.
    """
    checkPath(path)
    endpoint = UNIXClientEndpoint(reactor, path)
    try:
        protocol = await endpoint.connect(Factory.forProtocol(_Telling))
    except ConnectError as error:
        reason = os.strerror(error.osError) if error.osError else str(error)
        raise NoMaster(f"no gearman-worker is at {path}: {reason}") from None
    assert isinstance(protocol, _Telling)
    try:
        answer = await protocol.tell(json.dumps(request).encode())
    finally:
        protocol.leave()
    if "error" in answer:
        raise Refused(answer["error"])
    return answer.get("ok")


class _Telling(LineReceiver):
    """
    One request, and its answer.
    """

    delimiter = b"\n"
    MAX_LENGTH = _LONGEST

    _answer: Deferred[Any] | None = None

    def tell(self, line: bytes) -> Deferred[Any]:
        """
        Send a request.

        @return: fires with the answer; fails with L{ConnectionLost}.
        """
        answer: Deferred[Any] = Deferred()
        self._answer = answer
        self.sendLine(line)
        return answer

    def leave(self) -> None:
        """
        Disconnect.
        """
        assert self.transport is not None
        self.transport.loseConnection()

    def lineReceived(self, line: bytes) -> None:
        """
        Take the answer.
        """
        answer, self._answer = self._answer, None
        if answer is not None:
            answer.callback(json.loads(line))

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """
        No answer comes any more.
        """
        answer, self._answer = self._answer, None
        if answer is not None:
            answer.errback(ConnectionLost("the gearman-worker went away"))
