"""
Job servers that a test plays itself, and clients connected to them.
"""

from __future__ import annotations

from typing import Any, TypeVar

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IProtocol
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from tests.connection.stage import NUMBERS, Packet, ScriptedLine, ScriptedServer
from txgearman.client.client import Client
from txgearman.client.factory import GearmanClientFactory
from txgearman.client.job import RemoteJob
from txgearman.client.protocol import GearmanClientProtocol

__all__ = [
    "NUMBERS",
    "Host",
    "Line",
    "Notes",
    "Packet",
    "Stage",
    "connected",
    "now",
]

T = TypeVar("T")

GREETINGS = ("SET_CLIENT_ID", "OPTION_REQ")


class Line(ScriptedLine):
    """
    One connection of a client, as its server sees it.
    """

    def __init__(self, clock: Clock, protocol: IProtocol) -> None:
        super().__init__(clock, protocol)
        self._kept: list[Packet] = []

    def takes(self) -> list[Packet]:
        """
        Read what the client sent since the last time.
        """
        kept, self._kept = self._kept, []
        return kept + super().takes()

    def greeted(self) -> list[Packet]:
        """
        Read what the client introduces itself with, and nothing behind it.
        """
        taken = self.takes()
        self._kept = [packet for packet in taken if packet[0] not in GREETINGS]
        return [packet for packet in taken if packet[0] in GREETINGS]

    def has(self, *handles: bytes) -> None:
        """
        Say that jobs were created.
        """
        for handle in handles:
            self.sends("JOB_CREATED", handle)


class Host(ScriptedServer[Line]):
    """
    A job server that knows what clients introduce themselves with.

    @ivar greetings: what the latest connection was opened with.
    """

    def __init__(self, clock: Clock, name: str) -> None:
        super().__init__(clock, name, Line)
        self.greetings: list[Packet] = []

    def accepted(self, line: Line) -> None:
        """
        Answer the greetings.
        """
        self.greetings = line.greeted()
        if ("OPTION_REQ", b"exceptions") in self.greetings:
            line.sends("OPTION_RES", b"exceptions")

    def goes(self) -> None:
        """
        Go down, with its connection.
        """
        self.up = False
        self.line.breaks()


class Stage:
    """
    Some job servers, and a client of all of them.
    """

    def __init__(self, test: SynchronousTestCase, *names: str, **options: Any) -> None:
        self.clock = Clock()
        self.hosts = [Host(self.clock, name) for name in names or ("one",)]
        options.setdefault("retryPolicy", lambda failures: 1.0)
        self.client: Client[Any] = Client(self.clock, self.hosts, **options)
        self._submitted: list[Deferred[RemoteJob[Any]]] = []
        test.addCleanup(self._ends)

    def _ends(self) -> None:
        """
        Leave no submit behind that waits.
        """
        for submitted in self._submitted:
            submitted.addErrback(lambda failure: None)
            submitted.cancel()

    @property
    def line(self) -> Line:
        """
        The connection to the first server.
        """
        return self.hosts[0].line

    def starts(self) -> Stage:
        """
        Start the client, and let it connect.
        """
        self.client.startService()
        self.passes(0, 0)
        return self

    def passes(self, *seconds: float) -> None:
        """
        Let time go by.
        """
        self.clock.pump(seconds)

    def submits(
        self, function: str | bytes, data: object, **options: Any
    ) -> Deferred[RemoteJob[Any]]:
        """
        Submit a job.
        """
        submitted = self.client.submit(function, data, **options)
        self._submitted.append(submitted)
        return submitted

    def job(self, **options: Any) -> RemoteJob[Any]:
        """
        Have a job with the first server, as C{b"H:1"}.
        """
        submitted = self.submits("f", b"x", **options)
        self.line.takes()
        self.line.has(b"H:1")
        return now(submitted)


def now(deferred: Deferred[T]) -> T:
    """
    What a Deferred has fired with already; raises what it failed with.
    """
    fired: list[T | Failure] = []
    deferred.addBoth(fired.append)
    if not fired:
        raise AssertionError("it has not fired")
    (result,) = fired
    if isinstance(result, Failure):
        result.raiseException()
    return result


def connected(
    factory: GearmanClientFactory | None = None,
) -> tuple[GearmanClientProtocol, Line]:
    """
    Connect a client's protocol.

    @return: it, and the server's side of its connection.
    """
    if factory is None:
        factory = GearmanClientFactory(exceptions=False)
    protocol = factory.buildProtocol(None)
    assert isinstance(protocol, GearmanClientProtocol)
    line = Line(Clock(), protocol)
    line.opens()
    return protocol, line


class Notes:
    """
    A watcher that writes down what it is told.
    """

    def __init__(self) -> None:
        self.all: list[tuple[object, ...]] = []

    def created(self, handle: bytes) -> None:
        """
        Note it.
        """
        self.all.append(("created", handle))

    def refused(self, reason: Failure) -> None:
        """
        Note it.
        """
        self.all.append(("refused", reason.type, str(reason.value)))

    def data(self, data: bytes) -> None:
        """
        Note it.
        """
        self.all.append(("data", data))

    def warning(self, data: bytes) -> None:
        """
        Note it.
        """
        self.all.append(("warning", data))

    def progress(self, numerator: int, denominator: int) -> None:
        """
        Note it.
        """
        self.all.append(("progress", numerator, denominator))

    def complete(self, data: bytes) -> None:
        """
        Note it.
        """
        self.all.append(("complete", data))

    def fail(self) -> None:
        """
        Note it.
        """
        self.all.append(("fail",))

    def exception(self, data: bytes) -> None:
        """
        Note it.
        """
        self.all.append(("exception", data))

    def lost(self, reason: Failure) -> None:
        """
        Note it.
        """
        self.all.append(("lost", reason.type))
