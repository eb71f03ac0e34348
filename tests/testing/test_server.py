"""
Tests for L{txgearman.testing.server}: a server that comes and goes.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionRefusedError, NoProtocol
from twisted.internet.interfaces import IStreamClientEndpoint
from twisted.internet.protocol import ClientFactory, Factory, Protocol
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from txgearman.board.policy import Policy
from txgearman.client.client import Client
from txgearman.errors import BadSetting, JobLost, NoServers
from txgearman.server.settings import Settings
from txgearman.testing.pump import Pump


class NoFactory(ClientFactory):
    """
    A factory that makes nothing.
    """

    def buildProtocol(self, addr: object) -> None:
        return None


class ServerTests(SynchronousTestCase):
    """
    A server, and a client of it.
    """

    def setUp(self) -> None:
        self.pump = Pump()
        self.addCleanup(self.pump.close)
        self.server = self.pump.server("jobs")
        self.client = self.pump.client(self.server)

    def submits(self, client: Client[bytes] | None = None) -> bytes:
        """
        Submit a job for the background.

        @return: its handle.
        """
        submitted = (client or self.client).background("f", b"")
        return self.pump.result(submitted).handle

    def test_endpoint(self) -> None:
        """
        A server is an endpoint, which is called by its name.
        """
        verifyObject(IStreamClientEndpoint, self.server)
        self.assertEqual(self.pump.result(self.client.whenConnected()), ["jobs"])
        self.assertEqual(self.submits(), b"H:jobs:1")

    def test_inside(self) -> None:
        """
        What is inside of a server can be looked at.
        """
        handle = self.submits()
        self.assertEqual(list(self.server.board.jobs), [handle])
        self.assertIs(self.server.board, self.server.factory.board)
        self.assertEqual(self.server.factory.connections, 1)
        [joint] = self.server.connections
        self.assertFalse(joint.gone)

    def test_policy(self) -> None:
        """
        The policy and the settings are those that are given, also when the
        server is started anew.
        """
        policy, settings = Policy(handlePrefix=b"P"), Settings(maxConnections=1)
        server = self.pump.server(policy=policy, settings=settings)
        client = self.pump.client(server)
        self.assertEqual(self.submits(client), b"P:1")
        server.stop()
        server.start()
        self.pump.advance(1)
        self.assertEqual(self.submits(client), b"P:1000001")
        self.assertIs(server.factory.settings, settings)

    def test_badName(self) -> None:
        """
        A name with which no handle can begin is refused.
        """
        self.assertRaises(BadSetting, self.pump.server, "two words")

    def test_names(self) -> None:
        """
        Servers without a name get one each, and so do their jobs' handles.
        """
        servers = [self.pump.server(), self.pump.server()]
        self.assertEqual([repr(server) for server in servers], ["server2", "server3"])
        clients = [self.pump.client(server) for server in servers]
        handles = [self.submits(client) for client in clients]
        self.assertEqual(handles, [b"H:server2:1", b"H:server3:1"])

    def test_stop(self) -> None:
        """
        A server that is stopped is gone for its clients, with its jobs.
        """
        call = self.client.call("f", b"")
        self.pump.settle()
        self.server.stop()
        self.assertFalse(self.server.running)
        self.assertEqual(self.server.connections, [])
        self.pump.failure(call, JobLost)
        late = self.client.call("f", b"")
        self.pump.advance(10)
        self.pump.failure(late, NoServers)

    def test_start(self) -> None:
        """
        A server that is started anew has nothing of before; its clients come
        back, and none of its handles comes again.
        """
        before = self.submits()
        for _ in range(2):
            self.server.stop()
        for _ in range(2):
            self.server.start()
            self.assertEqual(list(self.server.board.jobs), [])
        self.pump.advance(1)
        self.assertFalse(self.pump.result(self.client.status(before)).known)
        self.assertEqual(self.submits(), b"H:jobs:1000001")

    def test_startTwice(self) -> None:
        """
        Starting a server that runs changes nothing.
        """
        handle = self.submits()
        self.server.start()
        self.assertIn(handle, self.server.board.jobs)

    def test_cut(self) -> None:
        """
        When the network fails, the jobs for the background are there still, the
        client's other ones are lost, and the client comes back.
        """
        handle = self.submits()
        call = self.client.call("g", b"")
        self.pump.settle()
        [before] = self.server.connections
        self.server.cut()
        self.pump.failure(call, JobLost)
        self.assertEqual(self.server.connections, [])
        self.pump.advance(1)
        [after] = self.server.connections
        self.assertIsNot(before, after)
        self.assertTrue(before.gone)
        self.assertTrue(self.pump.result(self.client.status(handle)).known)

    def test_fullServer(self) -> None:
        """
        A client for which there is no room is parted from at once.
        """
        server = self.pump.server(settings=Settings(maxConnections=1))
        self.pump.client(server)
        self.pump.settle()
        submitted = self.pump.client(server).background("f", b"")
        self.pump.advance(10)
        self.pump.failure(submitted, JobLost)
        self.assertEqual(len(server.connections), 1)

    def test_timers(self) -> None:
        """
        A server that is stopped does nothing later.
        """
        self.pump.result(self.client.background("f", b"", delay=1000))
        self.pump.result(self.client.stopService())
        self.assertEqual(len(self.pump.clock.getDelayedCalls()), 1)
        self.server.stop()
        self.pump.settle()
        self.assertEqual(self.pump.clock.getDelayedCalls(), [])


class ConnectTests(SynchronousTestCase):
    """
    A server as an endpoint.
    """

    def setUp(self) -> None:
        self.pump = Pump()
        self.server = self.pump.server()

    def connects(self, factory: Any = None) -> Deferred[Any]:
        if factory is None:
            factory = Factory.forProtocol(Protocol)
        connecting: Deferred[Any] = self.server.connect(factory)
        return connecting

    def test_connects(self) -> None:
        """
        Connecting takes a turn, and gives what the factory makes.
        """
        connecting = self.connects()
        self.assertNoResult(connecting)
        protocol = self.pump.result(connecting)
        self.assertIsInstance(protocol, Protocol)
        [joint] = self.server.connections
        self.assertIs(protocol.transport, joint.client)

    def test_refused(self) -> None:
        """
        A server that is stopped refuses connections.
        """
        connecting = self.connects()
        self.server.stop()
        self.pump.failure(connecting, ConnectionRefusedError)

    def test_cancelled(self) -> None:
        """
        An attempt that is cancelled connects nobody.
        """
        connecting = self.connects()
        connecting.addErrback(lambda failure: None)
        connecting.cancel()
        self.pump.settle()
        self.assertEqual(self.server.connections, [])

    def test_noProtocol(self) -> None:
        """
        A factory that makes nothing is not connected.
        """
        self.pump.failure(self.connects(NoFactory()), NoProtocol)
        self.assertEqual(self.server.connections, [])
