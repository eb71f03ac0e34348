"""
The control socket of a master, which only its owner may use: lines of JSON in and out.

A request is an object with C{do}, one of C{list}, C{scale}, C{restart}, C{pause} and
C{resume}, and what belongs to that; its answer has C{ok} with a value, or C{error} with
a sentence. Requests of a connection are answered one after the other.
"""

from __future__ import annotations

import json
import os
import socket
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from twisted.application.service import Service
from twisted.internet.defer import Deferred
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IReactorTime
from twisted.internet.protocol import Factory, connectionDone
from twisted.internet.unix import Port
from twisted.logger import Logger
from twisted.protocols.basic import LineReceiver
from twisted.python.failure import Failure

from txgearman.errors import BadSetting
from txgearman.fleet.desk import Desk, Kept, Refused

LONGEST: Final = 64 * 1024
"""How long a request may be, in bytes."""

# How many bytes the path of a unix socket may have.
_PATH: Final = 107 if sys.platform == "linux" else 103

_BACKLOG: Final = 50

_log = Logger()


def checkPath(path: str) -> None:
    """
    Look whether there may be a unix socket at a path.

    @raise BadSetting: when it is too long, or is none.
    """
    size = len(os.fsencode(path))
    if not path or "\0" in path:
        raise BadSetting(f"bad control socket {path!r}")
    if size > _PATH:
        raise BadSetting(
            f"the control socket's path may have {_PATH} bytes, not {size}: {path}"
        )


class Control(Service):
    """
    The control socket as a service. It is there when C{startService} has returned.
    """

    def __init__(self, reactor: IReactorTime, path: str, fleet: Kept) -> None:
        """
        @param reactor: one that also has files.
        @param path: where the socket is to be. One that nobody listens on any more is
            replaced.
        """
        self._reactor = reactor
        self._path = path
        self._factory = _Connections(Desk(reactor, fleet))
        self._port: _OwnPort | None = None

    def startService(self) -> None:
        """
        Listen.

        @raise BadSetting: when that cannot be, in a line: somebody else listens there,
            or the path cannot be used.
        """
        checkPath(self._path)
        # A daemon that changes its folder is to remove the socket nevertheless.
        path = self._path = os.path.abspath(self._path)
        port = _OwnPort(
            os.fsencode(path), self._factory, _BACKLOG, 0o600, self._reactor
        )
        try:
            # This may be longer than what was said.
            checkPath(path)
            _makeRoom(path)
            port.open()
        except (OSError, CannotListenError) as error:
            cause = getattr(error, "socketError", error)
            reason = getattr(cause, "strerror", None) or cause
            raise BadSetting(
                f"cannot make the control socket {path}: {reason}"
            ) from None
        self._port = port
        super().startService()

    def stopService(self) -> Deferred[None] | None:
        """
        Remove the socket, and disconnect whoever is there.

        @return: fires when the socket is closed.
        """
        super().stopService()
        port, self._port = self._port, None
        self._factory.disconnect()
        return None if port is None else port.stopListening()


@contextmanager
def _onlyForTheOwner() -> Iterator[None]:
    """
    Let files be made that nobody else may use, not even for a moment.
    """
    mask = os.umask(0o177)
    try:
        yield
    finally:
        os.umask(mask)


def _makeRoom(path: str) -> None:
    """
    Remove a socket on which nobody listens.

    @raise BadSetting: when it is something else.
    @raise OSError: when that cannot be found out.
    """
    try:
        mode = os.lstat(path).st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(mode):
        raise BadSetting(f"cannot make the control socket {path}: it is another file")
    with socket.socket(socket.AF_UNIX) as probe:
        probe.setblocking(False)
        try:
            probe.connect(path)
        except ConnectionRefusedError:
            os.unlink(path)
            return
        except BlockingIOError:
            # Somebody listens who has much to do.
            pass
    raise BadSetting(f"another gearman-worker has the control socket {path}")


class _OwnPort(Port):
    """
    A port that removes its own socket and no other one, should there be another now at
    its path.
    """

    _identity: tuple[int, int] | None = None
    _made: socket.socket | None = None

    def open(self) -> None:
        """
        Listen.

        @raise CannotListenError: when that cannot be.
        """
        try:
            with _onlyForTheOwner():
                self.startListening()
        except CannotListenError:
            # Twisted leaves it open.
            if self._made is not None:
                self._made.close()
            raise
        self._identity = self._found()

    def createInternetSocket(self) -> socket.socket:
        """
        Make the socket.
        """
        self._made = super().createInternetSocket()
        return self._made

    def _found(self) -> tuple[int, int] | None:
        try:
            status = os.lstat(self._bindPath)
        except OSError:
            return None
        return status.st_dev, status.st_ino

    def connectionLost(self, reason: Failure) -> None:
        """
        It is closed.
        """
        if self._identity is None or self._found() != self._identity:
            # Twisted's own would fail, or remove what is not its own.
            super(Port, self).connectionLost(reason)
        else:
            super().connectionLost(reason)


class _Connection(LineReceiver):
    """
    Somebody who looks and tells.
    """

    delimiter = b"\n"
    MAX_LENGTH = LONGEST

    def __init__(self, connections: _Connections) -> None:
        self._connections = connections

    def connectionMade(self) -> None:
        """
        Somebody is there.
        """
        self._connections.add(self)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """
        They are gone.
        """
        self._connections.discard(self)

    def lineReceived(self, line: bytes) -> None:
        """
        Answer a request, and read no more before.
        """
        self.pauseProducing()
        answering = Deferred.fromCoroutine(self._connections.answer(line))
        answering.addCallback(self._answered)

    def _answered(self, answer: bytes) -> None:
        self.sendLine(answer)
        self.resumeProducing()

    def lineLengthExceeded(self, line: bytes) -> None:
        """
        Refuse what is no request.
        """
        self.sendLine(_said(error=f"a request may have {LONGEST} bytes"))
        assert self.transport is not None
        self.transport.loseConnection()


class _Connections(Factory):
    """
    All who look and tell.
    """

    noisy = False

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._there: set[_Connection] = set()

    def buildProtocol(self, address: object) -> _Connection:
        """
        One more comes.
        """
        return _Connection(self)

    def add(self, connection: _Connection) -> None:
        """
        It is connected.
        """
        self._there.add(connection)

    def discard(self, connection: _Connection) -> None:
        """
        It is not any more.
        """
        self._there.discard(connection)

    def disconnect(self) -> None:
        """
        Send all away.
        """
        for connection in list(self._there):
            assert connection.transport is not None
            connection.transport.loseConnection()

    async def answer(self, line: bytes) -> bytes:
        """
        Answer a request. Nothing is raised.
        """
        try:
            return _said(ok=await self._desk.answer(json.loads(line)))
        except Refused as error:
            return _said(error=str(error))
        except (ValueError, RecursionError):
            return _said(error="a request is a line of JSON")
        except Exception:
            _log.failure("a request was not answered")
            return _said(error="it failed; the log says more")


def _said(**answer: object) -> bytes:
    return json.dumps(answer).encode()
