"""
Tests for L{txgearman.connection.reconnecting}.
"""

from __future__ import annotations

from twisted.internet import reactor
from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred, fail
from twisted.internet.error import (
    ConnectError,
    ConnectionLost,
    NotConnectingError,
    UserError,
)
from twisted.internet.interfaces import IAddress, IConnector, IProtocol
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.internet.task import Clock
from twisted.internet.testing import MemoryReactorClock
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from tests.client.stage import Host, now
from tests.server.pump import logged
from txgearman.connection.reconnecting import ReconnectingFactory, ServerConnection
from txgearman.connection.requesting import Requester
from txgearman.connection.servers import Server


@implementer(IConnector)
class Connector:
    """
    Counts how often it connects.

    @ivar connected: how often it was told to.
    @ivar connecting: whether it is at it.
    """

    def __init__(self, factory: ReconnectingFactory) -> None:
        self.connected = 0
        self.connecting = False
        self._factory = factory

    def connect(self) -> None:
        """
        Count.
        """
        self.connected += 1
        self.connecting = True
        self._factory.startedConnecting(self)

    def getDestination(self) -> IAddress:
        """
        Where it leads.
        """
        return IPv4Address("TCP", "127.0.0.1", 4730)

    def disconnect(self) -> None:
        """
        Nothing to do.
        """

    def stopConnecting(self) -> None:
        """
        Fail to connect.
        """
        if not self.connecting:
            raise NotConnectingError
        self.connecting = False
        self._factory.clientConnectionFailed(self, Failure(UserError()))


class ReconnectingFactoryTests(SynchronousTestCase):
    """
    A factory for C{connectTCP}.
    """

    def setUp(self) -> None:
        self.clock = Clock()
        self.factory = self.makeFactory()
        self.factory.clock = self.clock
        self.connector = Connector(self.factory)
        self.factory.retryPolicy = lambda failures: 1.0 + failures

    def makeFactory(self) -> ReconnectingFactory:
        """
        Make a factory, of any kind of connections.
        """
        factory = ReconnectingFactory(None)
        factory.protocol = Requester
        return factory

    def connects(self, lasts: float) -> None:
        """
        Connect, and have the connection for some time.
        """
        self.connector.connecting = False
        self.assertIsInstance(self.factory.buildProtocol(None), Requester)
        self.clock.advance(lasts)

    def fails(self) -> None:
        """
        Fail to connect.
        """
        self.connector.connecting = False
        self.factory.clientConnectionFailed(self.connector, Failure(ConnectError()))

    def loses(self) -> None:
        """
        Lose the connection.
        """
        self.connector.connecting = False
        self.factory.clientConnectionLost(self.connector, Failure(ConnectionLost()))

    def waited(self) -> float:
        """
        Wait for it to connect again.

        @return: how long that took.
        """
        (call,) = self.clock.getDelayedCalls()
        delay = call.getTime() - self.clock.seconds()
        before = self.connector.connected
        self.clock.advance(delay)
        self.assertEqual(self.connector.connected, before + 1)
        return delay

    def test_again(self) -> None:
        """
        It connects again later and later, and soon again after it had a
        connection.
        """
        waits = []
        for happens in "connects", "fails", "fails", "connects", "fails":
            if happens == "connects":
                self.connects(1.0)
                self.loses()
            else:
                self.fails()
            waits.append(self.waited())
        self.assertEqual(waits, [1.0, 2.0, 3.0, 1.0, 2.0])

    def test_brief(self) -> None:
        """
        A connection that is lost as soon as it is made is like one that failed.
        """
        waits = []
        for lasts in (0.0, 0.5, 0.9, 1.0, 0.1):
            self.connects(lasts)
            self.loses()
            waits.append(self.waited())
        self.assertEqual(waits, [2.0, 3.0, 4.0, 1.0, 2.0])

    def test_logged(self) -> None:
        """
        The log says where it connects to, and when.
        """
        with logged() as lines:
            self.loses()
        (line,) = lines
        self.assertIn("4730", line)
        self.assertIn("connecting again in 1.0 s", line)

    def test_stopped(self) -> None:
        """
        Once stopped it connects no more.
        """
        self.assertFalse(self.factory.stopped)
        self.factory.stop()
        self.assertTrue(self.factory.stopped)
        self.loses()
        self.fails()
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_stopsWaiting(self) -> None:
        """
        Stopping ends a wait; nothing is left over.
        """
        self.fails()
        self.factory.stop()
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.factory.stop()
        self.assertEqual(self.connector.connected, 0)

    def test_stopsConnecting(self) -> None:
        """
        Stopping ends an attempt, which is not made again.
        """
        self.connector.connect()
        self.factory.stop()
        self.assertFalse(self.connector.connecting)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_stopsConnected(self) -> None:
        """
        Stopping leaves a connection alone.
        """
        self.connector.connect()
        self.connects(5.0)
        self.factory.stop()
        self.loses()
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_byItself(self) -> None:
        """
        Nothing has to be set: it waits on the global reactor, and not long.
        """
        factory = self.makeFactory()
        clock = MemoryReactorClock()
        self.patch(reactor, "callLater", clock.callLater)
        factory.clientConnectionLost(self.connector, connectionDone)
        clock.advance(1)
        self.assertEqual(self.connector.connected, 1)


class Owner:
    """
    Writes down what comes and goes.
    """

    def __init__(self) -> None:
        self.heard: list[str] = []

    def arrived(self, connection: ServerConnection[Protocol]) -> None:
        """
        Note it.
        """
        self.heard.append("arrived")

    def departed(self, connection: ServerConnection[Protocol], reason: Failure) -> None:
        """
        Note it.
        """
        self.heard.append(f"departed: {reason.getErrorMessage()}")


class Plain(Protocol):
    """
    A protocol that tells its connection.
    """

    def __init__(self, connection: ServerConnection[Protocol]) -> None:
        self.connection = connection

    def connectionMade(self) -> None:
        """
        Tell it.
        """
        self.connection.made(self)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """
        Tell it.
        """
        self.connection.lost(reason)


class ServerConnectionTests(SynchronousTestCase):
    """
    One connection to one server.
    """

    def setUp(self) -> None:
        self.clock = Clock()
        self.host = Host(self.clock, "one")
        self.owner = Owner()
        self.factory = Factory()
        self.factory.protocol = lambda: Plain(self.connection)
        self.connection: ServerConnection[Protocol] = ServerConnection(
            self.clock,
            Server("one", self.host),
            self.factory,
            self.owner,
            lambda failures: 1.0,
        )

    def starts(self, *seconds: float) -> None:
        """
        Connect, and let time go by.
        """
        self.connection.start()
        self.clock.pump((0, 0, *seconds))

    def test_connects(self) -> None:
        """
        It connects, and has the connection while it is there.
        """
        self.assertFalse(self.connection.tried)
        self.starts()
        self.assertTrue(self.connection.tried)
        self.assertIsInstance(self.connection.protocol, Plain)
        self.host.line.breaks()
        self.assertIsNone(self.connection.protocol)
        self.clock.pump([1, 0])
        self.assertIsInstance(self.connection.protocol, Plain)
        self.assertEqual(
            [heard.partition(":")[0] for heard in self.owner.heard],
            ["arrived", "departed", "arrived"],
        )

    def test_unreachable(self) -> None:
        """
        When the first attempt fails the owner hears of it, once; it tries on.
        """
        self.host.up = False
        self.starts(1, 1, 1)
        self.assertTrue(self.connection.tried)
        (heard,) = self.owner.heard
        self.assertIn("nobody there", heard)
        self.host.up = True
        self.clock.pump([1, 0])
        self.assertEqual(self.owner.heard[1:], ["arrived"])

    def test_stops(self) -> None:
        """
        Stopping disconnects, and it does not come back; it can be started anew.
        """
        self.starts()
        stopped = self.connection.stop()
        self.assertNoResult(stopped)
        self.clock.pump([0, 0])
        self.assertIsNone(now(stopped))
        self.clock.advance(10)
        self.assertEqual(len(self.host.lines), 1)
        self.starts()
        self.assertEqual(len(self.host.lines), 2)

    def deaf(self) -> None:
        """
        Have a server that neither reads nor closes its side.
        """
        transport = self.host.line.transport
        self.patch(transport, "loseConnection", lambda: None)

    def test_stopsDeaf(self) -> None:
        """
        A server that does not let the connection be closed is given up after a
        while, also when it is to be connected to again.
        """
        for again in (False, True):
            self.setUp()
            self.starts()
            self.deaf()
            stopped = self.connection.stop()
            if again:
                self.connection.start()
            self.clock.advance(4.9)
            self.assertNoResult(stopped)
            self.clock.pump([0.2, 0, 0, 0])
            self.assertIsNone(now(stopped))
            self.assertFalse(self.host.lines[0].open)
            self.assertEqual(len(self.host.open), int(again))
            self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_stopsDeafAtOnce(self) -> None:
        """
        So is one that the owner stopped, and started again, as soon as it came.
        """
        stopped: list[Deferred[None]] = []

        def arrived(connection: ServerConnection[Protocol]) -> None:
            if not stopped:
                self.deaf()
                stopped.append(connection.stop())
                connection.start()

        self.patch(self.owner, "arrived", arrived)
        self.starts()
        self.clock.pump([4.9, 0.2, 0, 0, 0])
        self.assertIsNone(now(stopped[0]))
        self.assertEqual([line.open for line in self.host.lines], [False, True])

    def test_stopsInTime(self) -> None:
        """
        Once a connection is closed nothing waits for it any more.
        """
        self.starts()
        self.connection.stop()
        self.clock.pump([0, 0])
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_stopsTwice(self) -> None:
        """
        Each who stops it hears when it is closed, also who comes while it is
        being closed.
        """
        self.starts()
        stopped = [self.connection.stop(), self.connection.stop()]
        for each in stopped:
            self.assertNoResult(each)
        self.clock.pump([0, 0])
        self.assertEqual([now(each) for each in stopped], [None, None])

    def test_stopsWithin(self) -> None:
        """
        Who hears that it is closed may start and stop it.
        """
        self.starts()
        stopped = self.connection.stop()
        stopped.addCallback(lambda _: self.connection.start())
        stopped.addCallback(lambda _: self.connection.stop())
        self.clock.pump([0, 0, 0, 0])
        self.assertIsNone(now(stopped))
        self.assertEqual(self.host.open, [])

    def test_restarts(self) -> None:
        """
        Whatever order it is started and stopped in, one connection at a time is
        there, in the end it is as was wished last, and all who stopped it hear
        of it.
        """
        for connected in (False, True):
            for wishes in ("+-+", "+-+-", "+-+-+", "++-", "+-++", "-+", "+--+"):
                self.setUp()
                if connected:
                    self.starts()
                stopped: list[Deferred[None]] = []
                for wish in wishes:
                    if wish == "+":
                        self.connection.start()
                    else:
                        stopped.append(self.connection.stop())
                self.clock.pump([0, 0, 0, 0])
                wished = wishes.endswith("+")
                self.assertEqual(len(self.host.open), 1 if wished else 0, wishes)
                self.assertEqual(self.connection.protocol is not None, wished)
                for each in stopped:
                    self.assertIsNone(now(each))
                self.assertLessEqual(len(self.host.lines), 2)

    def test_restartsConnected(self) -> None:
        """
        A connection that is about to be closed is none for who started it again
        meanwhile.
        """
        self.starts()
        stopped = self.connection.stop()
        self.connection.start()
        self.assertIsNone(self.connection.protocol)
        self.assertFalse(self.connection.tried)
        self.assertNoResult(stopped)
        self.clock.pump([0, 0, 0])
        self.assertIsNone(now(stopped))
        self.assertEqual([line.open for line in self.host.lines], [False, True])
        self.assertIsInstance(self.connection.protocol, Plain)

    def test_startsOnce(self) -> None:
        """
        Starting what is started changes nothing.
        """
        self.starts()
        self.starts()
        self.assertEqual(len(self.host.lines), 1)
        self.assertTrue(self.connection.tried)

    def test_brief(self) -> None:
        """
        After connections that are lost at once it waits longer and longer, as
        after failed attempts; after one that lasted, it starts over.
        """
        asked: list[int] = []

        def policy(failures: int) -> float:
            asked.append(failures)
            return 1.0

        self.connection = ServerConnection(
            self.clock, Server("one", self.host), self.factory, self.owner, policy
        )
        self.starts()
        for lasts in (0.0, 0.5, 0.9, 1.0, 0.1):
            self.clock.advance(lasts)
            self.host.line.breaks()
            self.clock.pump([1, 0])
        self.assertEqual(asked, [2, 3, 4, 1, 2])

    def test_stopsIdle(self) -> None:
        """
        Stopping what was not started is done at once.
        """
        self.assertIsNone(now(self.connection.stop()))

    def test_stopsConnecting(self) -> None:
        """
        Stopping ends an attempt, of which the owner hears no more.
        """
        self.host.up = None
        self.starts()
        stopped = self.connection.stop()
        self.clock.pump([0, 0, 10])
        self.assertIsNone(now(stopped))
        self.assertEqual(self.owner.heard, [])

    def test_stopsUnreachable(self) -> None:
        """
        A first attempt that failed just before stopping is not told.
        """

        def refuse(factory: object) -> Deferred[IProtocol]:
            return fail(ConnectError(string="nobody there"))

        self.patch(self.host, "connect", refuse)
        self.connection.start()
        stopped = self.connection.stop()
        self.clock.pump([0, 0, 10])
        self.assertIsNone(now(stopped))
        self.assertEqual(self.owner.heard, [])
