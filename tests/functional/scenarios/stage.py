"""
The stage that scenarios are played on, and how they are declared.
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
from tests.functional.scenarios.transcript import CLOSED, HANDLE, Step, Transcript, cut

MARK = packet("ECHO_RES", b"settle", magic=b"\0RES")


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

    async def mumbles(self, name: str, *arguments: bytes) -> None:
        """
        Send one packet, and leave what comes back out of the transcript: a
        server may answer one thing today and another tomorrow.
        """
        await self.sends(name, *arguments)
        del self.stage.transcript.steps[-1]

    async def asks(self, line: bytes) -> bytes:
        """
        Send a text command, with its line end if it is to have one.

        @return: the job handle in the answer, or nothing.
        """
        return await self.says(line, does=self.stage.transcript.label(line))

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

    async def waitsFor(
        self, name: str, *, never: str = "", within: float = 0.3
    ) -> bytes:
        """
        Wait for something that comes by itself: a packet of this name.

        @param never: a kind of server where it does not come; there, wait for
            some seconds.
        """
        head = struct.pack(">4sI", b"\0RES", NAMES.index(name))
        if never == self.stage.server.kind:
            await pause(within)
        else:
            await self._arrives(lambda: head in self.raw.received)
        return await self.hears(does=f"waits for {name}")

    async def insists(self, name: str, answer: bytes) -> bytes:
        """
        Send one packet again and again until the answer is another one.
        """
        waited = 0.0
        while True:
            handle = await self.sends(name)
            if self.stage.transcript.steps[-1].units != (answer,):
                return handle
            assert waited < PATIENCE, f"always {answer!r}"
            del self.stage.transcript.steps[-1]
            await pause(0.05)
            waited += 0.05

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
        units = self.stage.transcript.masked(cut(data))
        if self.raw.closed:
            units.append(CLOSED)
        self.stage.transcript.record(f"{self.name} {does}", units)
        handles = [match.group() for match in HANDLE.finditer(data)]
        return handles[-1] if handles else b""


@define(eq=False)
class Stage:
    """
    Where one scenario is played on one server.

    @ivar f: a function that no other scenario knows.
    @ivar g: another one.
    """

    server: JobServer
    transcript: Transcript
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
        return self.transcript.scenario.encode() + b"/" + name

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
        peer = self.actors[0].raw
        await _whenTable(peer, lambda rows: len(rows) == connections)

    async def gone(self, tag: bytes) -> None:
        """
        Wait until the server forgot the connection that has this id.
        """
        if self._usher is None:
            self._usher = await connect(self.server.port)
        await _whenTable(self._usher, lambda rows: not any(tag in row for row in rows))

    def clear(self) -> None:
        """
        Close every connection.
        """
        for actor in self.actors:
            actor.raw.close()
        if self._usher is not None:
            self._usher.close()


async def _whenTable(peer: RawPeer, agrees: Callable[[list[bytes]], bool]) -> None:
    """
    Ask for the table of connections until it is as it should be.
    """
    waited = 0.0
    while True:
        peer.write(b"workers\n")
        rows = await peer.table()
        if agrees(rows):
            return
        assert waited < PATIENCE, f"never as it should be: {rows}"
        await pause(0.01)
        waited += 0.01


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
        stage = Stage(server, Transcript(self.name, whole=self.alone))
        try:
            await self.play(stage)
        finally:
            stage.clear()
        return stage.transcript.steps


SCENARIOS: list[Scenario] = []


def scenario(
    *options: str,
    differs: str = "",
    ours: Mapping[str, Sequence[Answer]] | None = None,
    alone: bool = False,
    oursOnly: bool = False,
) -> Callable[[Play], Play]:
    """
    Declare a scenario, which has its function's name. It is played on both
    servers, which are started with C{options}; for the rest see L{Scenario}.
    """

    def declare(play: Play) -> Play:
        SCENARIOS.append(
            Scenario(
                play.__name__,
                play,
                differs,
                ours or {},
                options,
                alone,
                oursOnly,
            )
        )
        return play

    return declare
