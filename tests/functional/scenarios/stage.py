"""
The stage that scenarios are played on: connections with names, and a
transcript of everything a server said to each of them.

A transcript holds what came, cut into packets and text lines. A packet is
written as C{[NAME] body}, after its length was found to be right, so nothing
is left out. What cannot be the same on two servers is masked: numbers of
handles (by order of appearance), file descriptors, addresses, process ids and
versions. Rows of tables are sorted, and other scenarios' rows left out.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Awaitable, Callable, Mapping, Sequence

from attrs import define, field, frozen
from twisted.internet.defer import TimeoutError
from twisted.internet.interfaces import ITCPTransport

from tests.functional.processes import PATIENCE, JobServer, pause
from tests.functional.raw import NAMES, RawPeer, connect, packet

HEAD = struct.Struct(">4sII")
MARK = packet("ECHO_RES", b"settle", magic=b"\0RES")
HANDLE = re.compile(rb"H:[A-Za-z0-9.-]+:([0-9]+)")
CLOSED = b"<closed>"


@frozen
class Step:
    """
    What one connection was told at one point of the story.

    @ivar key: the connection's name, what it did, and which time it did so.
    @ivar units: packets and text lines, and L{CLOSED}.
    """

    key: str
    units: tuple[bytes, ...]


def cut(data: bytes) -> list[bytes]:
    """
    Cut what a server sent into packets and text lines.
    """
    units: list[bytes] = []
    while data:
        if data.startswith(b"\0RES") and len(data) >= HEAD.size:
            number, size = HEAD.unpack_from(data)[1:]
            body = data[HEAD.size : HEAD.size + size]
            if len(body) == size and number < len(NAMES):
                name = NAMES[number].encode()
                units.append(b"[%s] %s" % (name, body) if body else b"[%s]" % name)
                data = data[HEAD.size + size :]
                continue
        line, end, data = data.partition(b"\n")
        if line.startswith(b"\t") and units:
            # It belongs to the row before, wherever that one is sorted to.
            units[-1] += line + end
        else:
            units.append(line + end)
    return units


@define(eq=False)
class Actor:
    """
    One raw connection in a scenario.

    Every verb that returns an awaitable waits until the server answered all
    that was sent before, and adds what came to the transcript.
    """

    stage: Stage
    name: str
    raw: RawPeer

    def writes(self, *data: bytes) -> None:
        """
        Send bytes as they are and await nothing.
        """
        self.raw.write(b"".join(data))

    async def says(self, *data: bytes, does: str = "says") -> bytes:
        """
        Send bytes as they are.

        @return: the job handle in the answer, or nothing.
        """
        self.writes(*data)
        return await self.hears(does=does)

    async def sends(self, name: str, *arguments: bytes) -> bytes:
        """
        Send one packet.

        @return: the job handle in the answer, or nothing.
        """
        return await self.says(packet(name, *arguments), does=name)

    async def asks(self, line: bytes) -> bytes:
        """
        Send a text command, with its line end if it is to have one.

        @return: the job handle in the answer, or nothing.
        """
        return await self.says(line, does=self.stage.label(line))

    async def hears(self, *, does: str = "hears", stalls: str = "") -> bytes:
        """
        Take all that the server owes this connection.

        @param stalls: a kind of server that answers nothing any more; there,
            take what comes in a short while.
        @return: the job handle in it, or nothing.
        """
        raw = self.raw
        if stalls == self.stage.server.kind:
            return self._record(does, await raw.quiet())
        if not raw.closed:
            raw.send("ECHO_REQ", b"settle")
            await self._arrives(lambda: MARK in raw.received)
        before, _, raw.received = raw.received.partition(MARK)
        return self._record(does, before)

    async def isLeft(
        self, *, does: str = "isLeft", stalls: str = "", within: float = 0.3
    ) -> bytes:
        """
        Take everything up to the server's closing of the connection.

        @param stalls: a kind of server that never does; there, take what
            comes within some seconds.
        """
        if stalls == self.stage.server.kind:
            return self._record(does, await self.raw.quiet(within))
        await self._arrives(lambda: False)
        data, self.raw.received = self.raw.received, b""
        return self._record(does, data)

    async def waitsFor(self, name: str, *, never: str = "") -> bytes:
        """
        Wait for something that comes by itself: a packet of this name.

        @param never: a kind of server where it does not come.
        """
        head = struct.pack(">4sI", b"\0RES", NAMES.index(name))
        if never != self.stage.server.kind:
            await self._arrives(lambda: head in self.raw.received)
        return await self.hears(does=f"waits for {name}")

    async def insists(self, name: str, answer: bytes) -> bytes:
        """
        Send one packet again and again until the answer is another one.
        """
        while True:
            handle = await self.sends(name)
            if self.stage.transcript[-1].units != (answer,):
                return handle
            del self.stage.transcript[-1]
            await pause(0.05)

    def finishes(self) -> None:
        """
        Close this side's half of the connection.
        """
        transport: ITCPTransport = self.raw.transport  # type: ignore[assignment]
        transport.loseWriteConnection()

    async def shrugs(self) -> bytes:
        """
        Take what comes in a short while, where the server answers nothing.
        """
        return self._record("shrugs", await self.raw.quiet())

    async def leaves(self) -> None:
        """
        Close the connection, and wait until the server saw it go.
        """
        tag = b"leaving:" + self.stage.mine(self.name.encode())
        if not self.raw.closed:
            self.raw.send("SET_CLIENT_ID", tag)
            await self.hears(does="leaves")
            self.raw.close()
        await self.stage.gone(tag)

    async def _arrives(self, ready: Callable[[], bool]) -> None:
        try:
            await self.raw.arrives(ready)
        except TimeoutError:
            raise AssertionError(
                f"{self.name} waits for ever: {self.raw.received!r}"
            ) from None

    def _record(self, does: str, data: bytes) -> bytes:
        units = self.stage.masked(cut(data))
        if self.raw.closed:
            units.append(CLOSED)
        self.stage.record(f"{self.name} {does}", units)
        handles = [match.group() for match in HANDLE.finditer(data)]
        return handles[-1] if handles else b""


@define(eq=False)
class Stage:
    """
    Where one scenario is played on one server.

    @ivar scenario: the scenario's name, in all the names that it invents.
    @ivar f: a function that no other scenario knows.
    @ivar g: another one.
    @ivar whole: whether tables are shown whole, with others' rows.
    """

    server: JobServer
    scenario: str
    whole: bool = False
    transcript: list[Step] = field(factory=list)
    _handles: list[bytes] = field(factory=list)
    actors: list[Actor] = field(factory=list)
    _usher: RawPeer | None = None

    @property
    def f(self) -> bytes:
        return self.mine(b"f")

    @property
    def g(self) -> bytes:
        return self.mine(b"g")

    def mine(self, name: bytes) -> bytes:
        """
        A name that no other scenario uses: a function, a unique or an id.
        """
        return self.scenario.encode() + b"/" + name

    async def enter(self, name: str) -> Actor:
        """
        Open a connection.
        """
        actor = Actor(self, name, await connect(self.server.port))
        self.actors.append(actor)
        return actor

    async def cast(self, names: str) -> list[Actor]:
        """
        Open several connections, named in a string with spaces.
        """
        return [await self.enter(name) for name in names.split()]

    async def empties(self, *, stalls: str) -> None:
        """
        Wait until the server closed every connection.

        @param stalls: as in L{Actor.isLeft}.
        """
        if stalls == self.server.kind:
            await pause(0.3)
        for actor in self.actors:
            if stalls == self.server.kind:
                await actor.isLeft(stalls=stalls, within=0.0)
            else:
                await actor.isLeft()

    async def alone(self, connections: int) -> None:
        """
        Wait until the server has only so many connections.
        """
        while True:
            admin = self.actors[0].raw
            admin.write(b"workers\n")
            if len(await admin.table()) == connections:
                return
            await pause(0.01)

    async def gone(self, tag: bytes) -> None:
        """
        Wait until the server forgot the connection that has this id.
        """
        if self._usher is None:
            self._usher = await connect(self.server.port)
        waited = 0.0
        while True:
            self._usher.write(b"workers\n")
            if not any(tag in line for line in await self._usher.table()):
                return
            assert waited < PATIENCE, f"{tag!r} never left"
            await pause(0.01)
            waited += 0.01

    async def clear(self) -> None:
        """
        Close every connection.
        """
        for actor in self.actors:
            actor.raw.close()
        if self._usher is not None:
            self._usher.close()

    def record(self, what: str, units: Sequence[bytes]) -> None:
        """
        Add a step to the transcript.
        """
        times = 1 + sum(step.key.split(" #")[0] == what for step in self.transcript)
        key = what if times == 1 else f"{what} #{times}"
        self.transcript.append(Step(key, tuple(units)))

    def label(self, line: bytes) -> str:
        """
        A text command as it is named in the transcript.
        """
        words = HANDLE.sub(self._number, line).replace(self.mine(b""), b"").split()
        return b" ".join(words)[:60].decode("latin-1") or "empty line"

    def masked(self, units: Sequence[bytes]) -> list[bytes]:
        """
        Mask what no two servers have in common.
        """
        if b".\n" not in units:
            return [self._mask(unit) for unit in units]
        end = start = units.index(b".\n")
        while start and not units[start - 1].startswith(b"["):
            start -= 1
        rows = sorted(self._mask(row) for row in units[start:end] if self._shows(row))
        rest = [self._mask(unit) for unit in units[end:]]
        return [self._mask(unit) for unit in units[:start]] + rows + rest

    def _shows(self, row: bytes) -> bool:
        """
        Whether a row of a table belongs to this scenario.
        """
        name = re.escape(self.scenario.encode())
        return (
            self.whole
            or re.search(rb"(?<![\w-])" + name + rb"/", row) is not None
            or any(match.group() in self._handles for match in HANDLE.finditer(row))
        )

    def _mask(self, unit: bytes) -> bytes:
        unit = HANDLE.sub(self._number, unit)
        unit = re.sub(rb"^OK [0-9]\S*\n$", b"OK <number>\n", unit)
        unit = re.sub(rb"^[0-9]+ 127\.0\.0\.1 ", b"FD IP ", unit)
        return re.sub(rb"127\.0\.0\.1:[0-9]+", b"IP:PORT", unit)

    def _number(self, match: re.Match[bytes]) -> bytes:
        """
        Number a handle: as it is on a server of one's own, else by appearance.
        """
        handle, number = match.group(), match.group(1)
        if self.whole:
            return b"H:" + number
        if handle not in self._handles:
            self._handles.append(handle)
        return b"H:%d" % (self._handles.index(handle) + 1)


Play = Callable[[Stage], Awaitable[None]]
Answer = bytes | re.Pattern[bytes]


@frozen
class Scenario:
    """
    A story, and what is known about how two servers tell it.

    @ivar differs: the key of a row in C{docs/differences.md}, or nothing.
    @ivar ours: for each step that differs, what txgearman says in it.
    @ivar options: options that both servers are started with.
    @ivar alone: whether it is played on servers of its own.
    @ivar oursOnly: whether it would be the end of gearmand.
    """

    name: str
    play: Play
    differs: str
    ours: Mapping[str, Sequence[Answer]]
    options: tuple[str, ...]
    alone: bool
    oursOnly: bool

    async def transcript(self, server: JobServer) -> list[Step]:
        """
        Play it on one server.
        """
        stage = Stage(server, self.name, whole=self.alone)
        try:
            await self.play(stage)
        finally:
            await stage.clear()
        return stage.transcript


SCENARIOS: list[Scenario] = []


def scenario(
    *options: str,
    differs: str = "",
    ours: Mapping[str, Sequence[Answer]] | None = None,
    alone: bool = False,
    oursOnly: bool = False,
) -> Callable[[Play], Play]:
    """
    Declare a scenario. Its name is the function's, in the file's manner.
    """

    def declare(play: Play) -> Play:
        SCENARIOS.append(
            Scenario(
                play.__name__,
                play,
                differs,
                ours or {},
                options,
                alone or bool(options),
                oursOnly,
            )
        )
        return play

    return declare
