"""
The load generator: clients and workers on plain sockets, in one loop.

It must not be what a server waits for, so it does next to nothing for a job. What
clients send was encoded beforehand, many packets in one piece; of what comes back
to them only the heads of the awaited packets are counted. Workers look at no more
than a job's handle.
"""

from __future__ import annotations

import itertools
import select
import socket
import time
from collections import deque
from typing import Final

from benchmarks.errors import ServerLost, Stalled
from benchmarks.servers import LOOPBACK
from txgearman.wire.codec import encode
from txgearman.wire.packets import (
    CAN_DO,
    ECHO_REQ,
    ECHO_RES,
    ERROR,
    GRAB_JOB,
    JOB_ASSIGN,
    JOB_CREATED,
    NO_JOB,
    NOOP,
    PRE_SLEEP,
    REQUEST,
    RESPONSE,
    SUBMIT_JOB,
    SUBMIT_JOB_BG,
    WORK_COMPLETE,
)

FUNCTION: Final = b"load"
"""The function that all jobs are of, where there is but one."""

SILENCE: Final = 30.0
"""How long a server may send nothing at all, in seconds."""

_SMALL: Final = 64 * 1024
_LARGE: Final = 1024 * 1024
_HEAD: Final = 12

# So much of a packet has all in it that is looked at, in bytes.
_ENOUGH: Final = 4096


def head(number: int) -> bytes:
    """
    @return: what each packet of this kind that a server sends begins with.
    """
    return RESPONSE + number.to_bytes(4, "big")


def _end(data: bytes) -> int:
    """
    @return: where the packet ends that the data begins with.
    """
    return _HEAD + int.from_bytes(data[8:_HEAD], "big")


_ASSIGN: Final = head(JOB_ASSIGN)
_ERROR: Final = head(ERROR)
_NO_JOB: Final = head(NO_JOB)
_NOOP: Final = head(NOOP)
_ECHOED: Final = head(ECHO_RES)
_ECHO: Final = encode(REQUEST, ECHO_REQ, b"")
_GRAB: Final = encode(REQUEST, GRAB_JOB)
_SLEEP: Final = encode(REQUEST, PRE_SLEEP)


class Load:
    """
    Connections to a job server, and how much of their work is done.

    @ivar left: how many requests clients have yet to send.
    @ivar done: how many requests, or a worker's jobs, came to their ends.
    @ivar chunk: how much is read at once at most, in bytes.
    """

    def __init__(self, port: int, *, requests: int = 0, payload: int = 0) -> None:
        """
        @param payload: how large what comes back may be, in bytes.
        """
        self.port = port
        self.left = requests
        self.done = 0
        self.chunk = _LARGE if payload > _SMALL else _SMALL
        self._epoll = select.epoll()
        self._connections: dict[int, Connection] = {}

    def __enter__(self) -> Load:
        return self

    def __exit__(self, *_: object) -> None:
        for connection in self._connections.values():
            connection.socket.close()
        self._epoll.close()

    def add(self, connection: Connection) -> None:
        """
        Take part in what comes on a connection.
        """
        number = connection.socket.fileno()
        self._connections[number] = connection
        self._epoll.register(number, select.EPOLLIN)

    def watch(self, connection: Connection, writing: bool) -> None:
        """
        Say whether a connection waits until it may write.
        """
        events = select.EPOLLIN | (select.EPOLLOUT if writing else 0)
        self._epoll.modify(connection.socket.fileno(), events)

    def run(self, target: int) -> float:
        """
        Go on until that much is done.

        @return: how long that took, in seconds.
        @raise Stalled: when a server says nothing for a long time.
        @raise ServerLost: when it closes a connection or sends an error.
        """
        start = time.perf_counter()
        while self.done < target:
            if not self.turn(SILENCE):
                raise Stalled(f"{self.done} of {target} done, and nothing comes")
        return time.perf_counter() - start

    def turn(self, patience: float) -> bool:
        """
        Take what has come.

        @param patience: how long to wait for it, in seconds.
        @return: whether anything came.
        """
        events = self._epoll.poll(patience, 1024)
        connections = self._connections
        for number, event in events:
            connection = connections[number]
            if event & select.EPOLLOUT:
                connection.flush()
            if event != select.EPOLLOUT:
                connection.receive()
        return bool(events)


class Connection:
    """
    A connection of a client or a worker.
    """

    def __init__(self, load: Load) -> None:
        self.load = load
        self.socket = socket.create_connection((LOOPBACK, load.port), SILENCE)
        self.socket.setblocking(False)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._unsent: deque[memoryview] = deque()
        load.add(self)

    def send(self, data: bytes | memoryview) -> None:
        """
        Send data, now or when the server takes it.
        """
        if self._unsent:
            self._unsent.append(memoryview(data))
            return
        sent = self._sendNow(data)
        if sent < len(data):
            self._unsent.append(memoryview(data)[sent:])
            self.load.watch(self, True)

    def _sendNow(self, data: bytes | memoryview) -> int:
        try:
            return self.socket.send(data)
        except BlockingIOError:
            return 0
        except OSError as error:
            raise ServerLost(f"a connection was lost: {error.strerror}") from error

    def flush(self) -> None:
        """
        Send what the server did not take before.
        """
        unsent = self._unsent
        while unsent:
            sent = self._sendNow(unsent[0])
            if sent < len(unsent[0]):
                unsent[0] = unsent[0][sent:]
                return
            unsent.popleft()
        self.load.watch(self, False)

    def receive(self) -> None:
        """
        Take what has come.
        """
        try:
            data = self.socket.recv(self.load.chunk)
        except BlockingIOError:
            return
        except OSError as error:
            raise ServerLost(f"a connection was lost: {error.strerror}") from error
        if not data:
            raise ServerLost("the server closed a connection")
        self.received(data)

    def received(self, data: bytes) -> None:
        """
        Take some bytes.
        """
        raise NotImplementedError


class Requests:
    """
    A kind of request, encoded beforehand as often as a client may send it at once.

    @ivar window: how many requests a client has under way.
    @ivar answer: what the packet that ends a request begins with.
    """

    def __init__(self, packets: list[bytes], window: int, answer: int) -> None:
        """
        @param packets: what is sent, in turn; all are of one size.
        """
        self.window = window
        self.answer = head(answer)
        self._size = len(packets[0])
        self._turn = len(packets)
        self._next = 0
        # From each of them on there is a whole window in one piece.
        repeated = itertools.islice(itertools.cycle(packets), len(packets) - 1 + window)
        self._packets = memoryview(b"".join(repeated))

    def take(self, count: int) -> memoryview:
        """
        @return: so many requests, no more than the window.
        """
        start = self._next
        self._next = (start + count) % self._turn
        return self._packets[start * self._size : (start + count) * self._size]


def functionNames(count: int) -> list[bytes]:
    """
    @return: the names of so many functions, all of one length when there are
        several.
    """
    if count == 1:
        return [FUNCTION]
    return [b"%s%06d" % (FUNCTION, number) for number in range(count)]


def background(payload: int, window: int, functions: int = 1) -> Requests:
    """
    Encode background submits.

    @param payload: the size of a workload, in bytes.
    @param functions: how many functions they are of, in turn.
    """
    data = b"x" * payload
    packets = [
        encode(REQUEST, SUBMIT_JOB_BG, name, b"", data)
        for name in functionNames(functions)
    ]
    return Requests(packets, window, JOB_CREATED)


def foreground(payload: int, window: int) -> Requests:
    """
    Encode foreground submits, which are done when their jobs are.
    """
    packet = encode(REQUEST, SUBMIT_JOB, FUNCTION, b"", b"x" * payload)
    return Requests([packet], window, WORK_COMPLETE)


def echo(payload: int, window: int) -> Requests:
    """
    Encode echoes.
    """
    return Requests([encode(REQUEST, ECHO_REQ, b"x" * payload)], window, ECHO_RES)


class Client(Connection):
    """
    A client that keeps its window full as long as the load has requests left.
    """

    def __init__(self, load: Load, requests: Requests) -> None:
        super().__init__(load)
        self._requests = requests
        self._answer = requests.answer
        # The end of what came, where a head may have begun.
        self._tail = b""

    def start(self) -> None:
        """
        Send the first requests.
        """
        self._submit(self._requests.window)

    def _submit(self, count: int) -> None:
        load = self.load
        if count > load.left:
            count = load.left
        if count:
            load.left -= count
            self.send(self._requests.take(count))

    def received(self, data: bytes) -> None:
        """
        Count the answers, and send as many requests as there are.
        """
        seen = self._tail + data
        self._tail = seen[1 - len(self._answer) :]
        done = seen.count(self._answer)
        if done:
            self.load.done += done
            self._submit(done)
        elif _ERROR in seen:
            raise ServerLost(f"the server sent an error: {seen[-80:]!r}")


class TimedClient(Client):
    """
    A client that has one request under way, and notes how long each took.

    @ivar times: in seconds.
    """

    def __init__(self, load: Load, requests: Requests) -> None:
        super().__init__(load, requests)
        self.times: list[float] = []
        self._began = 0.0

    def _submit(self, count: int) -> None:
        now = time.perf_counter()
        if self._began:
            self.times.append(now - self._began)
        self._began = now
        super()._submit(count)


class Worker(Connection):
    """
    A worker that grabs and completes jobs, and sleeps when there are none. What it
    answers is two bytes long.

    @ivar counts: whether its jobs count as done.
    """

    def __init__(
        self,
        load: Load,
        *,
        functions: int = 1,
        counts: bool = False,
        asleep: bool = False,
        atOnce: int = 1,
    ) -> None:
        """
        @param asleep: whether it goes to sleep at once, and asks for an echo that
            counts as done, so that one can tell when the server knows.
        @param atOnce: how many jobs it asks for at once.
        """
        super().__init__(load)
        self.counts = counts
        # The beginning of a packet; or that of a large one, and what is to come of it.
        self._rest = b""
        self._begun = b""
        self._missing = 0
        self._abilities = b"".join(
            encode(REQUEST, CAN_DO, name) for name in functionNames(functions)
        )
        self._asleep = asleep
        self._atOnce = atOnce
        # How many answers it waits for, and what it says to those that have come.
        self._asked = 0
        self._said: list[bytes] = []

    def announce(self) -> None:
        """
        Say what it can do, and ask for an echo that counts as done.
        """
        self.send(self._abilities + _ECHO)

    def start(self) -> None:
        """
        Say what it can do, and begin.
        """
        if self._asleep:
            self.send(self._abilities + _SLEEP + _ECHO)
        else:
            self._said.append(self._abilities)
            self.work()

    def work(self) -> None:
        """
        Ask for jobs.
        """
        self._grab()
        self._say()

    def _grab(self) -> None:
        if not self._asked:
            self._asked = self._atOnce
            self._said.append(_GRAB * self._atOnce)

    def _say(self) -> None:
        said, self._said = self._said, []
        if said:
            self.send(b"".join(said))

    def received(self, data: bytes) -> None:
        """
        Take packets, or parts of one.
        """
        if self._missing:
            if len(data) < self._missing:
                self._missing -= len(data)
                return
            data = data[self._missing :]
            self._missing = 0
            self._packet(self._begun)
        data = self._rest + data
        while len(data) >= _HEAD:
            end = _end(data)
            if len(data) < end:
                break
            self._packet(data[: min(end, _ENOUGH)])
            data = data[end:]
        if len(data) > _ENOUGH:
            # To keep a large one, and join its parts, would cost more than it costs
            # the server to pass it on.
            self._begun, self._missing = data[:_ENOUGH], _end(data) - len(data)
            data = b""
        self._rest = data
        self._say()

    def _packet(self, begun: bytes) -> None:
        """
        Take a packet of which this is the beginning, or all of it.
        """
        kind = begun[: len(_ASSIGN)]
        if kind == _ASSIGN:
            self.assigned(begun[_HEAD : begun.index(0, _HEAD)])
        elif kind == _NOOP:
            self.woken()
        elif kind == _NO_JOB:
            self._asked -= 1
            if not self._asked:
                self._said.append(_SLEEP)
        elif kind == _ECHOED:
            self.load.done += 1
        else:
            raise ServerLost(f"a worker was sent {begun[:80]!r}")

    def woken(self) -> None:
        """
        Hear that there may be a job.
        """
        self._grab()

    def assigned(self, handle: bytes) -> None:
        """
        Complete a job, and grab the next.
        """
        self._said.append(encode(REQUEST, WORK_COMPLETE, handle, b"ok") + _GRAB)
        if self.counts:
            self.load.done += 1
