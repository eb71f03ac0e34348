"""
Tests for L{txgearman.reactor}: real sockets, and a reactor of each test's own.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from subprocess import run

from twisted.internet.protocol import ClientFactory, Factory, Protocol, connectionDone
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from txgearman.busypoll import AWAKE
from txgearman.connection import turns

try:
    from txgearman import reactor as reactorModule
    from txgearman.reactor import TurningReactor
except ImportError:
    TurningReactor = None  # type: ignore[assignment, misc]

PATIENCE = 10.0

NAMED = "from twisted.internet import reactor; print(type(reactor).__name__)"


class Echo(Protocol):
    """
    Sends back what it gets, and stumbles over some of it.
    """

    def dataReceived(self, data: bytes) -> None:
        if data == b"stumble":
            raise ValueError(data)
        assert self.transport is not None
        self.transport.write(data)


class Caller(Protocol):
    """
    Says something, and notes what it hears until it is lost.
    """

    def __init__(self, words: bytes, then: Callable[[Caller], None]) -> None:
        self.heard = b""
        self.lost: Failure | None = None
        self._words = words
        self._then = then

    def connectionMade(self) -> None:
        assert self.transport is not None
        self.transport.write(self._words)

    def dataReceived(self, data: bytes) -> None:
        self.heard += data
        if len(self.heard) == len(self._words):
            self._then(self)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.lost = reason
        self._then(self)


class ReactorTests(SynchronousTestCase):
    """
    A reactor that is as ordinary as another.
    """

    if TurningReactor is None:
        skip = "there is no epoll here"

    def setUp(self) -> None:
        self.reactor = TurningReactor()
        self.addCleanup(self._close, self.reactor)

    def _close(self, reactor: TurningReactor) -> None:
        for reader in reactor.removeAll():
            reader.connectionLost(Failure(ConnectionError()))
        for reader in list(reactor._internalReaders):
            reactor.removeReader(reader)
            reader.connectionLost(Failure(ConnectionError()))
        reactor._poller.close()

    def plays(self, start: Callable[[], object]) -> None:
        """
        Run the reactor until something stops it.
        """
        self.reactor.callWhenRunning(start)
        last = self.reactor.callLater(PATIENCE, self.reactor.stop)
        self.reactor.run(installSignalHandlers=False)
        self.assertTrue(last.active(), "nothing stopped it")

    def calls(self, words: bytes, then: Callable[[Caller], None]) -> Caller:
        """
        Connect to a server that echoes.
        """
        served, calling = Factory(), ClientFactory()
        served.protocol = Echo
        caller = Caller(words, then)
        calling.buildProtocol = lambda addr: caller  # type: ignore[method-assign]
        served.noisy = calling.noisy = False
        port = self.reactor.listenTCP(0, served, interface="127.0.0.1")
        self.reactor.connectTCP("127.0.0.1", port.getHost().port, calling)
        return caller

    def test_talks(self) -> None:
        """
        Bytes arrive, also more than fit anywhere at once.
        """
        words = bytes(range(256)) * 20_000
        made: list[Caller] = []
        self.plays(lambda: made.append(self.calls(words, self._stop)))
        self.assertEqual(made[0].heard, words)

    def _stop(self, caller: Caller) -> None:
        if self.reactor.running:
            self.reactor.stop()

    def test_stumbles(self) -> None:
        """
        A protocol that raises loses its connection, and is logged.
        """
        made: list[Caller] = []
        self.plays(lambda: made.append(self.calls(b"stumble", self._stop)))
        self.assertIsNotNone(made[0].lost)
        self.assertEqual(made[0].heard, b"")
        self.assertEqual(len(self.flushLoggedErrors(ValueError)), 1)

    def test_leaves(self) -> None:
        """
        An end of a connection that leaves is noticed at the other.
        """
        made: list[Caller] = []

        def leaves(caller: Caller) -> None:
            if caller.lost is None:
                assert caller.transport is not None
                caller.transport.loseConnection()
            else:
                self._stop(caller)

        self.plays(lambda: made.append(self.calls(b"hello", leaves)))
        self.assertEqual(made[0].heard, b"hello")

    def test_atTurnEnd(self) -> None:
        """
        What is to be done at the end of a turn is done then, once, without
        waiting for anything else to happen, and in order.
        """
        said: list[str] = []

        def start() -> None:
            self.reactor.atTurnEnd(lambda: said.append("one"))
            self.reactor.atTurnEnd(again)
            said.append("now")

        def again() -> None:
            said.append("two")
            self.reactor.atTurnEnd(last)

        def last() -> None:
            said.append("three")
            self.reactor.stop()

        self.plays(start)
        self.assertEqual(said, ["now", "one", "two", "three"])

    def test_atTurnEndStumbles(self) -> None:
        """
        What fails at the end of a turn is logged, and the rest is done.
        """

        def stumbles() -> None:
            raise ValueError

        def start() -> None:
            self.reactor.atTurnEnd(stumbles)
            self.reactor.atTurnEnd(self.reactor.stop)

        self.plays(start)
        self.assertEqual(len(self.flushLoggedErrors(ValueError)), 1)

    def test_install(self) -> None:
        """
        It becomes the reactor of a process by its name, and by itself unless there
        is one.
        """
        install = "from txgearman.connection.turns import shortenTurns as i; i(); "
        before = "from twisted.internet import pollreactor as r; r.install(); "
        named = "from twisted.application.reactors import installReactor as i; "
        for code, name in [
            (install + NAMED, b"TurningReactor"),
            (before + install + NAMED, b"PollReactor"),
            (named + "i('txgearman'); " + NAMED, b"TurningReactor"),
        ]:
            ended = run([sys.executable, "-c", code], capture_output=True, check=True)
            self.assertEqual(ended.stdout.strip(), name)

    def test_busyPolls(self) -> None:
        """
        With a processor for those who send it busy-polls, and talks as before.
        """
        for processors, share in (1, 0), (8, 1), (2, 1):
            self.patch(reactorModule, "_processors", lambda count=processors: count)
            another = TurningReactor()
            self.addCleanup(self._close, another)
            self.assertEqual(another._wait.awake, share * AWAKE)
            turns.busyPoll(self.reactor, 0.00009)
            self.assertEqual(self.reactor._wait.awake, share * 0.00009)
        self.test_talks()
        turns.busyPoll(self.reactor, 0)
        self.assertEqual(self.reactor._wait.awake, 0.0)
