"""
Tests for L{txgearman.reactor}: real sockets, and a reactor of each test's own.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from subprocess import run
from typing import ClassVar

from twisted.internet.protocol import ClientFactory, Factory, Protocol, connectionDone
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from txgearman.connection import turns

try:
    from txgearman import reactor as reactorModule
    from txgearman.reactor import BusyPoll, TurningReactor
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
            self.assertEqual(another._wait.awake, share * reactorModule.AWAKE)
            turns.busyPoll(self.reactor, 0.00009)
            self.assertEqual(self.reactor._wait.awake, share * 0.00009)
        self.test_talks()
        turns.busyPoll(self.reactor, 0)
        self.assertEqual(self.reactor._wait.awake, 0.0)


class BusyPollTests(SynchronousTestCase):
    """
    Staying awake while waits are short. A look takes a microsecond.
    """

    if TurningReactor is None:
        skip = "there is no epoll here"

    AWAKE = 50.0
    READY: ClassVar = [(7, 1)]

    def setUp(self) -> None:
        self.now = 0.0
        self.due = 0.0
        self.looks: list[float | None] = []
        self.gaveWay = 0
        self.wait = BusyPoll(self._poll, lambda: self.now, self._giveWay)
        self.wait.awake = self.AWAKE

    def _giveWay(self) -> None:
        self.gaveWay += 1

    def _poll(self, timeout: float | None, most: int) -> list[tuple[int, int]]:
        self.looks.append(timeout)
        self.now += 1
        patience = 0.0 if timeout == 0 else 1e6 if timeout is None else timeout
        if self.due <= self.now + patience:
            self.now = max(self.now, self.due)
            return self.READY
        self.now += patience
        return []

    def waits(self, gap: float, timeout: float | None = None) -> list[float | None]:
        """
        Wait for something that comes after so long.

        @return: the waits that were tried for it.
        """
        self.looks.clear()
        self.due = self.now + gap
        self.assertEqual(self.wait(timeout, 3), self.READY)
        return self.looks[:]

    def waitsInVain(self, timeout: float) -> list[float | None]:
        """
        Wait for what does not come in time.

        @return: the waits that were tried for it.
        """
        self.looks.clear()
        self.due = self.now + 1000
        self.assertEqual(self.wait(timeout, 3), [])
        return self.looks[:]

    def hurries(self) -> None:
        for _ in range(3):
            self.assertEqual(self.waits(80), [None])

    def test_short(self) -> None:
        """
        After some short waits it stays awake until there is something.
        """
        self.hurries()
        for _ in range(3):
            self.assertEqual(self.waits(10), [0.0] * 10)

    def test_givesWay(self) -> None:
        """
        After each look in vain others may have the processor.
        """
        self.hurries()
        self.assertEqual(self.gaveWay, 0)
        self.waits(10)
        self.assertEqual(self.gaveWay, 9)

    def test_others(self) -> None:
        """
        When others take the processor for longer, it sleeps when it has it again, no
        longer than it may.
        """
        self.hurries()
        self.wait._giveWay = lambda: setattr(self, "now", self.now + 100)
        self.assertEqual(self.waits(500), [0.0, None])
        self.hurries()
        self.assertEqual(self.waitsInVain(60.0), [0.0, 0.0])

    def test_long(self) -> None:
        """
        When nothing comes, it sleeps; and at once then, until waits are short again.
        """
        self.hurries()
        looks = self.waits(500)
        self.assertEqual(looks, [0.0] * 50 + [None])
        self.hurries()
        self.assertEqual(self.waits(5), [0.0] * 5)

    def test_sometimes(self) -> None:
        """
        Short waits with long ones between them are no reason to stay awake.
        """
        for gap in 10, 20, 300, 10, 20, 300, 10, 20, 30:
            self.assertEqual(self.waits(gap), [None])

    def test_off(self) -> None:
        """
        Nor is anything, unless it is wanted.
        """
        self.wait.awake = 0.0
        for _ in range(9):
            self.assertEqual(self.waits(10), [None])

    def test_noTime(self) -> None:
        """
        A look without waiting is one look.
        """
        self.hurries()
        self.assertEqual(self.waitsInVain(0.0), [0.0])

    def test_timeout(self) -> None:
        """
        It comes back when it is to come back, if nothing is there, and stays awake no
        longer than that. For what it did not wait it will not stay awake either.
        """
        for timeout, sleep in (100.0, 50.0), (20.0, 0.0):
            self.hurries()
            self.assertEqual(self.waitsInVain(timeout)[-2:], [0.0, sleep])
        for _ in range(5):
            self.waitsInVain(20.0)
        self.assertEqual(self.waits(5), [None])
