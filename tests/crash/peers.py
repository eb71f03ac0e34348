"""
The connections of clients and workers, all in one thread.
"""

from __future__ import annotations

import heapq
import random
import selectors
import socket
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from itertools import count
from typing import Final

from tests.crash import packets as p
from tests.crash.ledger import Ledger

_CHUNK: Final = 256 * 1024


class Crowd:
    """
    All that are connected to a server.

    @ivar ledger: where they put down what they see.
    @ivar random: what they decide by.
    @ivar port: where the server is.
    @ivar peers: those that are connected.
    """

    def __init__(self, ledger: Ledger, chance: random.Random, port: int) -> None:
        self.ledger = ledger
        self.random = chance
        self.port = port
        self.peers: dict[Peer, None] = {}
        self.selector = selectors.DefaultSelector()
        self._later: list[tuple[float, int, Callable[[], None]]] = []
        self._order = count()

    def after(self, seconds: float, call: Callable[[], None]) -> None:
        """
        Call something later.
        """
        moment = time.monotonic() + seconds
        heapq.heappush(self._later, (moment, next(self._order), call))

    def turn(self, seconds: float = 0.005) -> None:
        """
        Do what there is to do.

        @param seconds: how long to wait for something.
        """
        if self._later:
            seconds = max(0.0, min(seconds, self._later[0][0] - time.monotonic()))
        for key, _ in self.selector.select(seconds):
            key.data.ready()
        while self._later and self._later[0][0] <= time.monotonic():
            heapq.heappop(self._later)[2]()
        for peer in list(self.peers):
            peer.flush()

    def runUntil(self, over: Callable[[], bool], seconds: float) -> bool:
        """
        Go on until something has happened.

        @return: whether it has, and the time was not over before.
        """
        end = time.monotonic() + seconds
        while not over():
            if time.monotonic() > end:
                return False
            self.turn()
        return True

    def finish(self) -> None:
        """
        Read to their ends what a server has sent that is there no more.
        """
        self._later.clear()
        for peer in list(self.peers):
            peer.readToEnd()
        self.selector.close()


class Peer(ABC):
    """
    A connection.

    @ivar crowd: where it belongs.
    """

    def __init__(self, crowd: Crowd) -> None:
        """
        @raise OSError: when there is no server.
        """
        self.crowd = crowd
        self.ledger = crowd.ledger
        self.random = crowd.random
        self._socket = socket.create_connection(("127.0.0.1", crowd.port), 10.0)
        self._socket.setblocking(False)
        self._in = bytearray()
        self._out = bytearray()
        crowd.selector.register(self._socket, selectors.EVENT_READ, self)
        crowd.peers[self] = None

    @property
    def connected(self) -> bool:
        """
        Is the server there?
        """
        return self in self.crowd.peers

    def send(self, number: int, *arguments: bytes) -> None:
        """
        Send a packet when the turn ends.
        """
        self._out += p.request(number, *arguments)

    def flush(self) -> None:
        """
        Send what the socket takes.
        """
        if self._out and self.connected:
            try:
                sent = self._socket.send(self._out)
            except BlockingIOError:
                return
            except OSError:
                self.readToEnd()
                return
            del self._out[:sent]

    def ready(self) -> None:
        """
        Take what has come.
        """
        try:
            data = self._socket.recv(_CHUNK)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._part(True)
            return
        self.take(data)

    def take(self, data: bytes) -> None:
        """
        Take what has come: packets.
        """
        self._in += data
        for number, body in p.take(self._in):
            if self.connected:
                self.received(number, body)

    def readToEnd(self) -> None:
        """
        Take all that the server has sent before it ended.
        """
        while self.connected:
            self._socket.settimeout(10.0)
            self.ready()

    def close(self) -> None:
        """
        Part from the server.
        """
        self._part(False)

    def _part(self, left: bool) -> None:
        if self.connected:
            del self.crowd.peers[self]
            self.crowd.selector.unregister(self._socket)
            self._socket.close()
            if left and self.ledger.life.end is None:
                self.ledger.violate("the server closed a connection")
            self.parted(left)

    @abstractmethod
    def received(self, number: int, body: bytes) -> None:
        """
        A packet came.
        """

    @abstractmethod
    def parted(self, left: bool) -> None:
        """
        The connection is over.

        @param left: whether it was the server that ended it.
        """


class Asker(Peer):
    """
    A peer that asks for the table of all queues.

    @ivar jobs: how many jobs there were when it asked last; L{None} before that.
    """

    def __init__(self, crowd: Crowd) -> None:
        super().__init__(crowd)
        self.jobs: int | None = None
        self._ask()

    def _ask(self) -> None:
        self._out += b"status\n"

    def take(self, data: bytes) -> None:
        self._in += data
        if self._in.endswith(b".\n"):
            lines = bytes(self._in).split(b"\n")[:-2]
            self.jobs = sum(int(line.split(b"\t")[1]) for line in lines)
            self._in.clear()
            self.crowd.after(0.1, self._ask)

    def received(self, number: int, body: bytes) -> None:
        raise AssertionError("it asks for lines")

    def parted(self, left: bool) -> None:
        return
