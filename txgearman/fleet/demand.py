"""
What there is to do, from all job servers together.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from twisted.internet.defer import Deferred, DeferredList
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from txgearman.admin import AdminClient, FunctionStatus, QueueRow
from txgearman.connection.servers import Server, Servers, serversFrom
from txgearman.errors import ServerError
from txgearman.fleet.scaling import UNKNOWN, Demand

Demands = Mapping[str, Demand]
"""
What there is to do, by function. Names are text; bytes that are none are C{\\xff} and
the like in it.
"""

# How long a server may take to answer, in seconds.
_PATIENCE: Final = 5.0

_log = Logger()


def demandOf(demands: Demands, functions: Iterable[str]) -> Demand:
    """
    Sum up what there is to do of some functions.
    """
    return sum((demands.get(name, Demand()) for name in set(functions)), Demand())


class Lookout:
    """
    Looks at the queues of job servers, for as many as want to know.
    """

    def __init__(
        self,
        reactor: IReactorTime,
        servers: Servers = None,
        patience: float = _PATIENCE,
    ) -> None:
        """
        @param patience: how long a server may take to answer, in seconds; one that
            takes longer is left out.
        @raise BadSetting: when there are none, or one cannot be understood.
        """
        self._asked = [
            _Asked(reactor, server, patience)
            for server in serversFrom(reactor, servers)
        ]
        self._waiting: list[Deferred[Demands | None]] = []
        self._blind = False

    def look(self) -> Deferred[Demands | None]:
        """
        Ask all servers what there is to do. Who wants to know while they are asked
        already gets the same answer.

        @return: fires with L{None} when none of them answers.
        """
        waiter: Deferred[Demands | None] = Deferred()
        self._waiting.append(waiter)
        if len(self._waiting) == 1:
            answers = [Deferred.fromCoroutine(one.demands()) for one in self._asked]
            DeferredList(answers).addCallback(self._answered)
        return waiter

    def close(self) -> Deferred[None]:
        """
        Disconnect.

        @return: fires when that is done.
        """
        closed = DeferredList([one.close() for one in self._asked])
        return closed.addCallback(lambda _: None)

    def _answered(self, answers: list[tuple[bool, Demands | None]]) -> None:
        """
        Every server has answered, or does not.
        """
        found = [demands for _, demands in answers if demands is not None]
        if self._blind != (not found):
            self._blind = not found
            if self._blind:
                _log.warn("no job server says what there is to do: nothing is scaled")
        summed = _summed(found) if found else None
        waiting, self._waiting = self._waiting, []
        for waiter in waiting:
            waiter.callback(summed)


class _Asked:
    """
    A job server that is asked again and again, one question at a time.
    """

    def __init__(self, reactor: IReactorTime, server: Server, patience: float) -> None:
        self._reactor = reactor
        self._name = server.name
        self._patience = patience
        self._admin = AdminClient(reactor, server.endpoint)
        # Whether it knows a question that not every server does.
        self._modern = True
        self._answers = True
        self._closing = False

    async def demands(self) -> Demands | None:
        """
        Ask it.

        @return: L{None} when it does not answer.
        """
        if self._closing:
            return None
        asked = Deferred.fromCoroutine(self._ask())
        try:
            demands = await asked.addTimeout(self._patience, self._reactor)
        except Exception as error:
            # Whatever it is, another look follows, perhaps on another connection.
            self._failed(error)
            return None
        if not self._answers:
            self._answers = True
            _log.info("{server} says again what there is to do", server=self._name)
        return demands

    def close(self) -> Deferred[None]:
        """
        Disconnect.
        """
        return self._admin.close()

    async def _ask(self) -> Demands:
        if self._modern:
            try:
                return _ofQueues(await self._admin.queues())
            except ServerError:
                self._modern = False
        return _ofStatus(await self._admin.status())

    def _failed(self, error: Exception) -> None:
        """
        It does not answer. What it still says is not to be taken for an answer to the
        next question, and it may be another server then.
        """
        if self._answers:
            self._answers = False
            _log.warn(
                "{server} does not say what there is to do: {reason}",
                server=self._name,
                reason=str(error) or type(error).__name__,
            )
        self._modern = True
        self._closing = True
        self._admin.close().addBoth(self._closed)

    def _closed(self, result: object) -> None:
        self._closing = False


def _ofQueues(rows: Iterable[QueueRow]) -> Demands:
    """
    Read what C{show queues} says.
    """
    return _summed(
        {
            _text(row.function): Demand(0, row.running)
            if row.paused
            else Demand(row.queued, row.running, row.oldest)
        }
        for row in rows
    )


def _ofStatus(rows: Iterable[FunctionStatus]) -> Demands:
    """
    Read what C{status} says, where a job that waits for a moment is one that waits.
    """
    return _summed(
        {
            _text(row.function): Demand(
                row.total - row.running,
                row.running,
                UNKNOWN if row.total > row.running else 0.0,
            )
        }
        for row in rows
    )


def _summed(parts: Iterable[Demands]) -> Demands:
    summed: dict[str, Demand] = {}
    for demands in parts:
        for function, demand in demands.items():
            summed[function] = summed.get(function, Demand()) + demand
    return summed


def _text(name: bytes) -> str:
    return name.decode("utf-8", "backslashreplace")
