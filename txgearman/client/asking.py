"""
What a client asks servers and tells them, beside jobs.
"""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.defer import Deferred, DeferredList
from twisted.internet.interfaces import IReactorTime

from txgearman.client.pool import ServerPool
from txgearman.client.protocol import GearmanClientProtocol, JobStatus
from txgearman.errors import NoServers, ServerError


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

    async def status(self, handle: bytes) -> JobStatus:
        """
        Ask until one knows the job.
        """
        return await self._untilKnown(lambda protocol: protocol.status(handle))

    async def statusByUnique(self, unique: bytes) -> JobStatus:
        """
        Ask until one knows the job with a unique.
        """
        return await self._untilKnown(lambda protocol: protocol.statusByUnique(unique))

    async def _untilKnown(
        self, ask: Callable[[GearmanClientProtocol], Deferred[JobStatus]]
    ) -> JobStatus:
        status = JobStatus(False, False, 0, 0)
        for protocol in await self._protocols():
            status = await ask(protocol)
            if status.known:
                break
        return status

    async def statusAt(self, name: str, handle: bytes) -> JobStatus:
        """
        Ask one server alone, whether it can be reached or not.

        @param name: the server's.
        """
        for server, connection in self._pool.connections.items():
            if server.name == name and connection.protocol is not None:
                return await connection.protocol.status(handle)
        raise NoServers(f"{name} cannot be reached")

    async def echo(self, data: bytes) -> bytes:
        """
        Have the first one send something back.
        """
        return await (await self._protocols())[0].echo(data)

    async def ping(self, timeout: float) -> dict[str, float]:
        """
        Have each send something back.

        @param timeout: how long one may take, in seconds.
        @return: how long each took, in seconds, by its name.
        """
        await self._pool.whenConnected(self._patience)
        began = self._clock.seconds()
        took: dict[str, float] = {}
        waiting: list[Deferred[None]] = []
        for server, connection in self._pool.connections.items():
            if connection.protocol is not None:
                echoed = connection.protocol.echo(b"ping")

                def answered(_: bytes, name: str = server.name) -> None:
                    took[name] = self._clock.seconds() - began

                waiting.append(
                    echoed.addTimeout(timeout, self._clock).addCallback(answered)
                )
        await DeferredList(waiting, consumeErrors=True)
        return took

    async def cancel(self, handle: bytes) -> bool:
        """
        Have the one that has a job end it.

        @return: whether one had it.
        """
        for protocol in await self._protocols():
            reply = await protocol.command(b"cancel job " + handle)
            if reply == b"OK":
                return True
            if reply != b"ERR UNKNOWN_JOB":
                raise ServerError(*reply.removeprefix(b"ERR ").partition(b" ")[::2])
        return False
