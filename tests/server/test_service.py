"""
Tests for L{txgearman.server.service}: listening and stopping.
"""

from __future__ import annotations

from typing import Any

from twisted.application.service import Application, IService, MultiService
from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import (
    IAddress,
    IListeningPort,
    IProtocolFactory,
    IStreamServerEndpoint,
)
from twisted.internet.testing import MemoryReactorClock
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer
from zope.interface.verify import verifyObject

from tests.board.stage import RecordingLink
from tests.server.pump import NOON, Peer, Pump, logged
from tests.stores.stage import ManualRunner
from txgearman.board.board import JobBoard
from txgearman.board.named_schedule import NamedSchedule
from txgearman.board.policies import Origin, Setting
from txgearman.board.policy import Policy
from txgearman.errors import BadSetting
from txgearman.server import keeping as keepingModule
from txgearman.server.configuration import Configuration
from txgearman.server.service import GearmanServer
from txgearman.server.settings import Settings
from txgearman.stores.memory import Drawer, MemoryStore
from txgearman.testing.clock import TurningClock


@implementer(IListeningPort)
class Port:
    """
    A listening port that may take its time to stop.
    """

    def __init__(self, factory: IProtocolFactory, slow: bool) -> None:
        self.factory = factory
        self.stopping: Deferred[None] | None = Deferred() if slow else None
        self.listening = True

    def startListening(self) -> None:
        raise AssertionError("it listens already")

    def stopListening(self) -> Deferred[None] | None:
        assert self.listening, "it has stopped already"
        self.listening = False
        return self.stopping

    def getHost(self) -> IAddress:
        return IPv4Address("TCP", "127.0.0.1", 4730)


@implementer(IStreamServerEndpoint)
class Endpoint:
    """
    An endpoint in memory.

    @ivar ports: the ports that it made.
    @ivar listens: how often it was told to listen.
    """

    def __init__(self, error: Exception | None = None, slow: bool = False) -> None:
        self.ports: list[Port] = []
        self.listens = 0
        self.error = error
        self._slow = slow

    def listen(self, protocolFactory: IProtocolFactory) -> Deferred[IListeningPort]:
        self.listens += 1
        if self.error is not None:
            return fail(self.error)
        port = Port(protocolFactory, self._slow)
        self.ports.append(port)
        return succeed(port)

    @property
    def listening(self) -> bool:
        return any(port.listening for port in self.ports)


@implementer(IStreamServerEndpoint)
class LateEndpoint(Endpoint):
    """
    An endpoint that listens some time after it was told to.
    """

    def __init__(self) -> None:
        super().__init__()
        self._waiting: list[Deferred[IListeningPort]] = []
        self._factory: IProtocolFactory | None = None

    def listen(self, protocolFactory: IProtocolFactory) -> Deferred[IListeningPort]:
        self.listens += 1
        self._factory = protocolFactory
        waiting: Deferred[IListeningPort] = Deferred()
        self._waiting.append(waiting)
        return waiting

    def succeeds(self) -> None:
        for waiting in self._waiting:
            assert self._factory is not None
            port = Port(self._factory, slow=False)
            self.ports.append(port)
            waiting.callback(port)

    def fails(self) -> None:
        for waiting in self._waiting:
            waiting.errback(CannotListenError("late", 1, OSError("too late")))


class ServiceTests(SynchronousTestCase):
    """
    A job server on two endpoints.
    """

    def setUp(self) -> None:
        self.clock: Any = MemoryReactorClock()
        self.clock.rightNow = NOON
        self.one, self.two = Endpoint(), Endpoint()
        self.server = self.makeServer(self.one, self.two)
        self.pump = Pump(factory=self.server.factory, clock=self.clock)

    def makeServer(self, *endpoints: Any, **others: Any) -> GearmanServer:
        policy = Policy(handlePrefix=b"H")
        return GearmanServer(self.clock, endpoints, policy, **others)

    def runsJob(self) -> tuple[Peer, Peer]:
        """
        Let a client submit the job C{H:1} and a worker grab it.
        """
        worker, client = self.pump.connectSeveral(2)
        worker.sends("CAN_DO", b"f")
        client.sends("SUBMIT_JOB", b"f", b"", b"")
        client.owed()
        worker.sends("GRAB_JOB")
        self.assertEqual(worker.owed(), [("JOB_ASSIGN", b"H:1", b"f", b"")])
        return worker, client


class ListeningTests(ServiceTests):
    """
    Where and when a service listens.
    """

    def test_interface(self) -> None:
        """
        It is a service.
        """
        verifyObject(IService, self.server)

    def test_start(self) -> None:
        """
        A service that is started listens on all its endpoints, once.
        """
        self.assertEqual((self.one.listens, self.two.listens), (0, 0))
        self.server.startService()
        self.assertEqual((self.one.listens, self.two.listens), (1, 1))
        self.assertEqual(self.server.ports, [*self.one.ports, *self.two.ports])

    def test_privilegedStart(self) -> None:
        """
        It listens as soon as it may still use low ports, and not again later;
        the log says where.
        """
        with logged() as lines:
            self.server.privilegedStartService()
        address = "IPv4Address(type='TCP', host='127.0.0.1', port=4730)"
        self.assertEqual(lines, 2 * [f"info: Gearman on {address}"])
        self.assertEqual((self.one.listens, self.two.listens), (1, 1))
        self.server.startService()
        self.assertEqual((self.one.listens, self.two.listens), (1, 1))
        self.assertTrue(self.server.running)

    def test_oneBoard(self) -> None:
        """
        Its endpoints share a board.
        """
        self.server.startService()
        factories = {port.factory for port in [*self.one.ports, *self.two.ports]}
        self.assertEqual(factories, {self.server.factory})

    def test_descriptions(self) -> None:
        """
        An endpoint may be described by a string, beside others that are not.
        """
        server = self.makeServer("tcp:4730", self.one, "tcp:4731:interface=127.0.0.1")
        server.startService()
        servers = [(port, host) for port, _, _, host in self.clock.tcpServers]
        self.assertEqual(servers, [(4730, ""), (4731, "127.0.0.1")])
        self.assertEqual(len(server.ports), 3)

    def test_badDescription(self) -> None:
        """
        A string that describes no endpoint is an error of whoever wrote it.
        """
        for description in "4730", "nonsense:1", "":
            with self.assertRaises(ValueError):
                self.makeServer(description)

    def test_cannotListen(self) -> None:
        """
        A service that cannot listen on one of its endpoints listens on none,
        and says why.
        """
        for endpoints in [
            (self.one, Endpoint(CannotListenError("x", 1, OSError("no"))), self.two),
            (Endpoint(CannotListenError("x", 1, OSError("no"))), self.one, self.two),
            (self.one, self.two, Endpoint(CannotListenError("x", 1, OSError("no")))),
        ]:
            for start in "privilegedStartService", "startService":
                server = self.makeServer(*endpoints)
                with self.assertRaises(CannotListenError):
                    getattr(server, start)()
                self.assertFalse(self.one.listening)
                self.assertFalse(self.two.listening)
                self.assertEqual(server.ports, [])

    def test_raises(self) -> None:
        """
        Nor does it listen anywhere when an endpoint raises where it should
        fail.
        """

        class RaisingEndpoint(Endpoint):
            def listen(self, factory: IProtocolFactory) -> Deferred[IListeningPort]:
                raise CannotListenError("x", 1, OSError("no"))

        server = self.makeServer(self.one, RaisingEndpoint(), self.two)
        with self.assertRaises(CannotListenError):
            server.startService()
        self.assertFalse(self.one.listening or self.two.listening)
        self.assertEqual(server.ports, [])

    def test_triesAgain(self) -> None:
        """
        A service that could not listen may try again.
        """
        broken = Endpoint(CannotListenError("x", 1, OSError("no")))
        server = self.makeServer(self.one, broken)
        with self.assertRaises(CannotListenError):
            server.startService()
        broken.error = None
        server.startService()
        self.assertTrue(self.one.listening)
        self.assertTrue(broken.listening)

    def test_late(self) -> None:
        """
        An endpoint that takes its time listens when it is ready.
        """
        late = LateEndpoint()
        server = self.makeServer(late)
        server.startService()
        late.succeeds()
        self.assertEqual(server.ports, late.ports)
        server.stopService()
        self.assertFalse(late.listening)

    def test_lateOnce(self) -> None:
        """
        Such an endpoint is not told to listen a second time when the service
        starts before it is ready.
        """
        late = LateEndpoint()
        server = self.makeServer(late)
        server.privilegedStartService()
        server.startService()
        self.assertEqual(late.listens, 1)

    def test_tooLate(self) -> None:
        """
        When it is ready only after the service has stopped, or drains, or could
        not listen elsewhere, it does not stay.
        """
        stopped, drained, failed = LateEndpoint(), LateEndpoint(), LateEndpoint()
        server = self.makeServer(stopped)
        server.startService()
        server.stopService()
        server = self.makeServer(drained)
        server.startService()
        server.drain()
        server = self.makeServer(failed, Endpoint(CannotListenError("x", 1, OSError())))
        with self.assertRaises(CannotListenError):
            server.startService()
        for late in stopped, drained, failed:
            late.succeeds()
        listening = [late.listening for late in (stopped, drained, failed)]
        self.assertEqual(listening, [False, False, False])

    def test_lateFailure(self) -> None:
        """
        An endpoint that finds out late that it cannot listen is left out.
        """
        late = LateEndpoint()
        server = self.makeServer(late, self.one)
        server.startService()
        late.fails()
        self.assertEqual(server.ports, self.one.ports)
        self.assertTrue(self.one.listening)

    def test_child(self) -> None:
        """
        It can be part of any application.
        """
        parent = MultiService()
        self.server.setServiceParent(parent)
        parent.privilegedStartService()
        parent.startService()
        self.assertTrue(self.one.listening)
        self.successResultOf(parent.stopService())
        self.assertFalse(self.one.listening)
        application = Application("an application")
        self.makeServer("tcp:4730").setServiceParent(application)
        IService(application).startService()
        self.assertEqual(len(self.clock.tcpServers), 1)

    def test_joins(self) -> None:
        """
        A service that joins a running parent starts at once, and stops when it
        leaves.
        """
        parent = MultiService()
        parent.startService()
        self.server.setServiceParent(parent)
        self.assertTrue(self.one.listening)
        stopped = self.server.disownServiceParent()
        assert stopped is not None
        self.successResultOf(stopped)
        self.assertFalse(self.one.listening)

    def test_settings(self) -> None:
        """
        What a service is given reaches its connections.
        """
        server = self.makeServer(settings=Settings(maxConnections=7))
        self.assertEqual(server.factory.settings.maxConnections, 7)
        self.assertEqual(server.factory.board.policy.handlePrefix, b"H")
        self.assertIsNone(server.factory.onShutdown)
        asked: list[bool] = []
        server = self.makeServer(onShutdown=asked.append)
        peer = Pump(factory=server.factory, clock=self.clock).connect()
        peer.says(b"shutdown graceful\n")
        self.assertEqual(peer.owed(), [b"OK\n"])
        self.assertEqual(asked, [True])


class ConfigurationTests(ServiceTests):
    """
    A job server with what a file says.
    """

    def test_start(self) -> None:
        """
        It holds from the start, beside what its policy says.
        """
        server = self.makeServer(configuration=CONFIGURATION)
        board = server.factory.board
        self.assertEqual(board.policies.of(b"f").ttl, 5.0)
        self.buried(board)
        server.startService()
        server.factory.doStart()
        self.assertEqual([row.schedule.name for row in board.recurring], ["s"])

    def buried(self, board: JobBoard) -> None:
        """
        Three of five dead letters are kept.
        """
        board.setPolicy(b"doomed", "attempts", 1)
        peer = board.made(RecordingLink(), b"host")
        board.canDo(peer, b"doomed")
        for _ in range(5):
            job = board.submit(peer, b"doomed", b"", b"", background=True)
            self.assertIs(board.grab(peer), job)
            board.workFail(peer, job.handle)
        self.assertEqual(len(board.dead), 3)

    def test_none(self) -> None:
        """
        There need not be one.
        """
        server = self.makeServer()
        self.assertEqual(list(server.factory.board.policies), [])
        self.assertEqual(server.factory.board.policy, Policy(handlePrefix=b"H"))

    def test_changes(self) -> None:
        """
        Another one holds instead, at once.
        """
        server = self.makeServer(configuration=CONFIGURATION)
        board = server.factory.board
        board.setPolicy(b"g", "ttl", 7.0)
        server.factory.doStart()
        self.buried(board)
        server.configure(Configuration(limits={"deadLimit": 2}))
        self.assertEqual(len(board.dead), 2)
        self.assertEqual(board.policies.of(b"f").ttl, 0.0)
        self.assertEqual(board.policies.of(b"g").ttl, 7.0)
        self.assertEqual(list(board.recurring), [])

    def test_bad(self) -> None:
        """
        One with schedules that there cannot be changes nothing.
        """
        bad = NamedSchedule("bad", b"f", cron="nonsense")
        other = Configuration(schedules=(bad,))
        server = self.makeServer(configuration=CONFIGURATION)
        with self.assertRaises(BadSetting):
            server.configure(other)
        self.assertEqual(server.factory.board.policies.of(b"f").ttl, 5.0)
        with self.assertRaises(BadSetting):
            self.makeServer(configuration=other)


CONFIGURATION = Configuration(
    (Setting(b"f", "ttl", 5.0, Origin.CONFIG),),
    {"deadLimit": 3},
    (NamedSchedule("s", b"f", every=60.0),),
)


class StoppingTests(ServiceTests):
    """
    The end of a service.
    """

    def setUp(self) -> None:
        super().setUp()
        self.server.startService()

    def test_stop(self) -> None:
        """
        A service that stops listens no more, has no connections, and leaves
        nothing to be done later.
        """
        worker, client = self.runsJob()
        stopped = self.server.stopService()
        self.assertFalse(self.one.listening or self.two.listening)
        self.pump.settle()
        self.successResultOf(stopped)
        self.assertTrue(worker.gone and client.gone)
        self.assertFalse(self.server.running)
        self.assertEqual(self.server.ports, [])
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_jobsEnd(self) -> None:
        """
        Jobs that are not done end with it, and the log says how many.
        """
        self.runsJob()
        with logged() as lines:
            self.server.stopService()
        [line] = lines
        self.assertTrue(line.startswith("warn: 1 jobs end with this server"), line)

    def test_nobody(self) -> None:
        """
        Without connections it stops at once.
        """
        self.successResultOf(self.server.stopService())
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_owed(self) -> None:
        """
        What peers are owed reaches them first.
        """
        worker, client = self.runsJob()
        worker.sends("WORK_COMPLETE", b"H:1", b"done")
        worker.wire.receive()
        stopped = self.server.stopService()
        self.assertEqual(client.owed(), [("WORK_COMPLETE", b"H:1", b"done")])
        self.successResultOf(stopped)

    def test_farewell(self) -> None:
        """
        A peer that does not read is waited for, but not for longer than a
        second.
        """
        peer = self.pump.connect()
        peer.stalls()
        peer.sends("ECHO_REQ", b"x")
        self.pump.settle()
        stopped = self.server.stopService()
        self.pump.passes(0.9)
        self.assertNoResult(stopped)
        self.pump.passes(0.2)
        self.successResultOf(stopped)
        self.assertTrue(peer.gone)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_slowPorts(self) -> None:
        """
        It has not stopped until its ports have.
        """
        slow = Endpoint(slow=True)
        server = self.makeServer(slow, self.one)
        server.startService()
        stopped = server.stopService()
        self.assertNoResult(stopped)
        [port] = slow.ports
        assert port.stopping is not None
        port.stopping.callback(None)
        self.successResultOf(stopped)

    def test_timers(self) -> None:
        """
        Neither due times nor timeouts nor wake-ups outlive it.
        """
        worker, client = self.pump.connectSeveral(2)
        worker.sends("CAN_DO_TIMEOUT", b"f", b"5000")
        worker.sends("PRE_SLEEP")
        client.sends("SUBMIT_JOB", b"f", b"", b"")
        client.sends("SUBMIT_JOB_EPOCH", b"f", b"", b"%d" % (NOON + 60), b"")
        client.owed()
        worker.sends("GRAB_JOB")
        worker.owed()
        self.assertNotEqual(self.clock.getDelayedCalls(), [])
        stopped = self.server.stopService()
        self.pump.settle()
        self.successResultOf(stopped)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_twice(self) -> None:
        """
        Whoever stops it while it is stopping waits as well, and all of them
        hear of the end.
        """
        peer = self.pump.connect()
        first = self.server.stopService()
        second = self.server.stopService()
        self.pump.settle()
        self.assertTrue(peer.gone)
        self.successResultOf(second)
        self.successResultOf(first)

    def test_forGood(self) -> None:
        """
        A service that has stopped does not start again.
        """
        self.successResultOf(self.server.stopService())
        for start in self.server.privilegedStartService, self.server.startService:
            with self.assertRaises(RuntimeError):
                start()
        self.pump.settle()
        self.successResultOf(self.server.stopService())
        self.assertFalse(self.one.listening or self.two.listening)

    def test_neverStarted(self) -> None:
        """
        A service that was never started can be stopped.
        """
        self.successResultOf(self.makeServer(Endpoint()).stopService())

    def test_endsDrain(self) -> None:
        """
        Whoever waits for a drain waits no more.
        """
        self.runsJob()
        drained = self.server.drain()
        stopped = self.server.stopService()
        self.successResultOf(drained)
        self.pump.settle()
        self.successResultOf(stopped)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_lingering(self) -> None:
        """
        A peer that has time to read an ERROR does not hold up the end.
        """
        peer = self.pump.connect()
        peer.sends("SUBMIT_JOB", b"alone")
        self.pump.settle()
        stopped = self.server.stopService()
        self.pump.passes(1.1)
        self.successResultOf(stopped)
        self.assertTrue(peer.gone)
        self.assertEqual(self.clock.getDelayedCalls(), [])


class StoreTests(ServiceTests):
    """
    A service whose jobs are kept.
    """

    def setUp(self) -> None:
        self.runner = ManualRunner()
        self.patch(keepingModule, "StoreThread", lambda reactor: self.runner)
        self.drawer = Drawer()
        super().setUp()
        self.clock = TurningClock()
        self.server = self.makeServer(self.one, store=MemoryStore(self.drawer))
        self.pump = Pump(factory=self.server.factory, clock=self.clock)

    def writes(self) -> None:
        """
        Let everything be done that the thread has to do.
        """
        self.pump.passes(0.02)
        while self.runner.busy:
            self.runner.finishes()
            self.pump.passes(0.02)

    def starts(self) -> Peer:
        """
        Start, and let somebody submit a job that is saved.
        """
        self.server.startService()
        self.writes()
        client = self.pump.connect()
        client.sends("SUBMIT_JOB_BG", b"f", b"", b"data")
        self.writes()
        [(name, _)] = client.owed()
        self.assertEqual(name, "JOB_CREATED")
        return client

    def test_listens(self) -> None:
        """
        It listens while the jobs are loaded.
        """
        self.server.privilegedStartService()
        self.assertEqual(self.runner.busy, 0)
        self.server.startService()
        self.assertTrue(self.one.listening)
        self.assertEqual(self.runner.busy, 1)

    def test_stops(self) -> None:
        """
        It has stopped when the store is closed and everybody is gone; the jobs are
        kept, and nobody is told that they end.
        """
        client = self.starts()
        client.sends("SUBMIT_JOB_BG", b"f", b"", b"data")
        self.pump.settle()
        with logged() as lines:
            stopped = self.server.stopService()
        self.pump.settle()
        self.assertNoResult(stopped)
        self.assertFalse(client.gone)
        self.writes()
        self.successResultOf(stopped)
        [(name, _)] = client.heard()
        self.assertEqual(name, "JOB_CREATED")
        self.assertTrue(client.gone)
        self.assertEqual(lines, [])
        self.assertEqual(len(self.drawer.jobs), 2)
        self.assertIsNone(self.drawer.owner)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_stopsRunning(self) -> None:
        """
        A worker that is lost at the end leaves its job to the next server, and
        nothing to be done.
        """
        self.starts()
        worker = self.pump.connect()
        worker.sends("CAN_DO", b"f")
        worker.sends("GRAB_JOB")
        self.assertEqual(worker.owed()[0][0], "JOB_ASSIGN")
        stopped = self.server.stopService()
        self.writes()
        self.successResultOf(stopped)
        self.assertEqual(self.clock.getDelayedCalls(), [])
        [job] = self.drawer.jobs.values()
        self.assertEqual(job.attempts, 1)

    def test_slowFarewell(self) -> None:
        """
        What was reported last is written, however long the last peers take.
        """
        self.starts()
        worker, slow = self.pump.connectSeveral(2)
        worker.sends("CAN_DO", b"f")
        worker.sends("GRAB_JOB")
        [assigned] = worker.owed()
        handle = assigned[1]
        assert isinstance(handle, bytes)
        slow.sends("ECHO_REQ", b"x")
        slow.stalls()
        worker.sends("WORK_COMPLETE", handle, b"")
        self.pump.settle()
        stopped = self.server.stopService()
        self.pump.passes(2)
        self.writes()
        self.successResultOf(stopped)
        self.assertEqual(self.drawer.jobs, {})
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_foregroundEnds(self) -> None:
        """
        Foreground jobs end with it, and the log counts only them.
        """
        client = self.starts()
        client.sends("SUBMIT_JOB", b"f", b"", b"data")
        self.pump.settle()
        with logged() as lines:
            self.server.stopService()
        [line] = lines
        self.assertTrue(line.startswith("warn: 1 jobs end with this server"), line)

    def test_never(self) -> None:
        """
        What was never started, or is still loading, stops.
        """
        for starts in False, True:
            self.runner = ManualRunner()
            server = self.makeServer(self.two, store=MemoryStore(Drawer()))
            if starts:
                server.startService()
            stopped = server.stopService()
            self.writes()
            self.successResultOf(stopped)
            self.assertTrue(self.runner.stopped)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_closeFails(self) -> None:
        """
        It stops even if its store fails at the end with what no store should raise.
        """
        self.starts()
        stopped = self.server.stopService()
        self.pump.settle()
        self.runner.fails(ValueError("what"))
        self.pump.passes(2)
        self.successResultOf(stopped)
        self.flushLoggedErrors(ValueError)
