"""
What a client asks servers and tells them, beside jobs.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import TypeVar

from twisted.internet.defer import Deferred, DeferredList
from twisted.internet.error import ConnectionLost
from twisted.internet.interfaces import IReactorTime

from txgearman.client.pool import ServerPool
from txgearman.client.protocol import GearmanClientProtocol, JobStatus, checked
from txgearman.codecs import Name, asBytes, oneWord
from txgearman.errors import NoServers, serverError

R = TypeVar("R")


class Asking:
    """
    Questions to the servers that can be reached, one after the other.
    """

    def __init__(self, pool: ServerPool, clock: IReactorTime, patience: float) -> None:
        """
        @param patience: how long to wait for a server that can be reached, in
            seconds.
        """
        self._pool = pool
        self._clock = clock
        self._patience = patience

    async def _protocols(self) -> list[GearmanClientProtocol]:
        """
        The connections to all servers that can be reached.
        """
        connected = await self._pool.whenConnected(self._patience)
        protocols = [self._pool.protocolOf(server) for server in connected]
        return [protocol for protocol in protocols if protocol is not None]

    async def _until(
        self,
        good: Callable[[R], bool],
        ask: Callable[[GearmanClientProtocol], Awaitable[R]],
    ) -> R:
        """
        Ask until an answer is good. A server that is lost meanwhile is passed
        over.

        @return: the last answer.
        @raise NoServers: when there is none.
        """
        answers: list[R] = []
        for protocol in await self._protocols():
            try:
                answers.append(await ask(protocol))
            except ConnectionLost:
                continue
            if good(answers[-1]):
                break
        if not answers:
            raise NoServers("each server was lost before it answered")
        return answers[-1]

    async def status(self, handle: Name) -> JobStatus:
        """
        Ask until one knows the job.

        @raise ValueError: for what is no handle.
        """
        name = checked("handle", asBytes(handle))
        return await self._until(_known, lambda protocol: protocol.status(name))

    async def statusByUnique(self, unique: Name) -> JobStatus:
        """
        Ask until one knows the job with a unique.

        @raise ValueError: for what is no unique.
        """
        name = checked("unique", asBytes(unique))
        return await self._until(_known, lambda protocol: protocol.statusByUnique(name))

    async def statusAt(self, name: str, handle: bytes) -> JobStatus:
        """
        Ask one server alone, whether it can be reached or not.

        @param name: the server's.
        """
        for server, connection in self._pool.connections.items():
            if server.name == name and connection.protocol is not None:
                with suppress(ConnectionLost):
                    return await connection.protocol.status(handle)
        raise NoServers(f"{name} cannot be reached")

    async def echo(self, data: bytes) -> bytes:
        """
        Have the first one send something back.
        """
        return await self._until(lambda _: True, lambda protocol: protocol.echo(data))

    async def ping(self, timeout: float) -> dict[str, float]:
        """
        Have each send something back.

        @param timeout: how long one may take, in seconds.
        @return: how long each took, in seconds, by its name, in their order.
        """
        await self._pool.whenConnected(self._patience)
        began = self._clock.seconds()
        names: list[str] = []
        waiting: list[Deferred[float]] = []
        for server, connection in self._pool.connections.items():
            if connection.protocol is not None:
                echoed = connection.protocol.echo(b"ping")
                took = echoed.addCallback(lambda _: self._clock.seconds() - began)
                names.append(server.name)
                waiting.append(took.addTimeout(timeout, self._clock))
        outcomes = await DeferredList(waiting, consumeErrors=True)
        return {
            name: seconds
            for name, (success, seconds) in zip(names, outcomes, strict=True)
            if success
        }

    async def cancel(self, handle: Name) -> bool:
        """
        Have the one that has a job end it.

        @return: whether one had it.
        @raise ValueError: for what is no handle, or not one word.
        """
        name = oneWord(checked("handle", asBytes(handle)))
        return await self._until(bool, lambda protocol: _cancelAt(protocol, name))


async def _cancelAt(protocol: GearmanClientProtocol, handle: bytes) -> bool:
    """
    Have one server end a job.

    @return: whether it had it.
    """
    reply = await protocol.command(b"cancel job " + handle)
    if reply not in (b"OK", b"ERR UNKNOWN_JOB"):
        raise serverError(*reply.removeprefix(b"ERR ").partition(b" ")[::2])
    return reply == b"OK"


def _known(status: JobStatus) -> bool:
    """
    Does the server know the job?
    """
    return status.known
