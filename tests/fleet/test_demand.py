"""
Tests for L{txgearman.fleet.demand}: what there is to do, from all servers.
"""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.logger import capturedLogs, formatEvent
from twisted.trial.unittest import SynchronousTestCase

from tests.test_admin import FakeServer
from txgearman.errors import BadSetting
from txgearman.fleet.demand import Demands, Lookout, demandOf
from txgearman.fleet.scaling import UNKNOWN, Demand
from txgearman.testing import MemoryServer, Pump

QUEUES = b"show queues\r\n"
STATUS = b"status\r\n"
REFUSAL = b"ERR UNKNOWN_SHOW_ARGUMENTS\r\n"


class DemandOfTests(SynchronousTestCase):
    """
    Tests for L{demandOf}.
    """

    def test_some(self) -> None:
        """
        Functions are summed up, each once; those that nobody knows have no jobs.
        """
        demands = {"a": Demand(1, 2, 3.0), "b": Demand(4, 5, 6.0), "c": Demand(100)}
        self.assertEqual(demandOf(demands, ["a", "b", "x", "a"]), Demand(5, 7, 6.0))
        self.assertEqual(demandOf(demands, []), Demand())


class PumpTestCase(SynchronousTestCase):
    """
    Real servers in memory.
    """

    def setUp(self) -> None:
        self.pump = Pump()
        self.addCleanup(self.pump.close)
        self.servers = [self.pump.server(), self.pump.server()]
        self.lookout = Lookout(self.pump.clock, self.servers)
        self.addCleanup(self.lookout.close)

    def submits(
        self, server: MemoryServer, function: str | bytes, jobs: int, delay: float = 0
    ) -> None:
        """
        Submit background jobs.
        """
        client = self.pump.client(server)
        for _ in range(jobs):
            due = self.pump.clock.seconds() + delay if delay else None
            self.pump.result(client.background(function, b"", at=due))

    def runs(self, server: MemoryServer, function: str | bytes, jobs: int) -> None:
        """
        Let a worker begin jobs, which do not end.
        """
        worker = self.pump.worker(server, concurrency=jobs, drainTimeout=0.0)
        worker.register(function, lambda job: Deferred())
        self.pump.settle()

    def sees(self) -> Demands | None:
        return self.pump.result(self.lookout.look())


class SummingTests(PumpTestCase):
    """
    What servers say.
    """

    def test_nothing(self) -> None:
        """
        Servers without jobs are servers that answer.
        """
        self.assertEqual(self.sees(), {})

    def test_sum(self) -> None:
        """
        What waits and what runs on all servers is added, and the oldest job is the
        oldest of all.
        """
        one, other = self.servers
        self.submits(other, "g", 1)
        self.submits(other, "f", 2)
        self.pump.advance(4)
        self.submits(one, "f", 5)
        self.runs(one, "f", 2)
        self.pump.advance(1.5)
        self.assertEqual(self.sees(), {"f": Demand(5, 2, 5.5), "g": Demand(1, 0, 5.5)})

    def test_delayed(self) -> None:
        """
        A job that is not due is nothing to do, and once it is due it has waited since
        then.
        """
        self.submits(self.servers[0], "f", 1, delay=60)
        self.assertEqual(self.sees(), {"f": Demand()})
        self.pump.advance(63)
        self.assertEqual(self.sees(), {"f": Demand(1, 0, 3.0)})

    def test_paused(self) -> None:
        """
        Jobs of a paused function are nothing to do, but for those that run.
        """
        server = self.servers[0]
        self.submits(server, "f", 5)
        self.runs(server, "f", 1)
        self.pump.result(self.pump.admin(server).pauseFunction("f"))
        self.assertEqual(self.sees(), {"f": Demand(0, 1)})
        self.pump.result(self.pump.admin(server).resumeFunction("f"))
        self.assertEqual(self.sees(), {"f": Demand(4, 1)})

    def test_names(self) -> None:
        """
        Names are text, whatever their bytes are.
        """
        for name in b"a b\t%", "\xe9".encode(), b"\xff":
            self.submits(self.servers[0], name, 1)
        self.assertEqual(
            self.sees(),
            {"a b\t%": Demand(1), "\xe9": Demand(1), "\\xff": Demand(1)},
        )

    def test_comesAndGoes(self) -> None:
        """
        A server that is not there is left out, and counts again when it is there; the
        log says both once.
        """
        one, other = self.servers
        self.submits(one, "f", 1)
        self.submits(other, "f", 2)
        self.assertEqual(self.sees(), {"f": Demand(3)})
        other.stop()
        self.pump.settle()
        with capturedLogs() as events:
            for _ in range(3):
                self.assertEqual(self.sees(), {"f": Demand(1)})
            other.start()
            self.submits(other, "f", 5)
            for _ in range(3):
                self.assertEqual(self.sees(), {"f": Demand(6)})
        self.assertEqual(
            [
                formatEvent(event).partition(": ")[0]
                for event in events
                if event["log_namespace"] == "txgearman.fleet.demand"
            ],
            [
                "server2 does not say what there is to do",
                "server2 says again what there is to do",
            ],
        )

    def test_none(self) -> None:
        """
        When no server is there, nobody knows, and the log says that once.
        """
        for server in self.servers:
            server.stop()
        with capturedLogs() as events:
            for _ in range(3):
                self.assertIsNone(self.sees())
        said = [formatEvent(event) for event in events]
        self.assertEqual(
            said[2:], ["no job server says what there is to do: nothing is scaled"]
        )
        self.servers[0].start()
        self.assertEqual(self.sees(), {})
        self.servers[0].stop()
        with capturedLogs() as events:
            for _ in range(3):
                self.assertIsNone(self.sees())
        self.assertEqual(len(events), 2)


class AskingTests(SynchronousTestCase):
    """
    How a server is asked, whose answers are the test's.
    """

    def setUp(self) -> None:
        self.clock = Clock()
        self.server = FakeServer()
        self.lookout = Lookout(self.clock, self.server)

    def looks(self, question: bytes = QUEUES) -> Deferred[Demands | None]:
        """
        Look, on a connection that is there.
        """
        looking = self.lookout.look()
        self.assertEqual(self.server.heard(), question)
        return looking

    def begins(self) -> Deferred[Demands | None]:
        """
        Look for the first time, or again on a new connection.
        """
        looking = self.lookout.look()
        self.server.accepts()
        self.assertEqual(self.server.heard(), QUEUES)
        return looking

    def sees(self, looking: Deferred[Demands | None], answer: bytes) -> Demands | None:
        self.server.says(answer)
        return self.successResultOf(looking)

    def test_once(self) -> None:
        """
        There is one question at a time, for everybody who wants to know.
        """
        first, second = self.lookout.look(), self.lookout.look()
        self.server.accepts()
        third = self.lookout.look()
        self.assertEqual(self.server.heard(), QUEUES)
        self.server.says(b"f\t3\t9\t1\t1\t2.500\t0\n.\n")
        for looking in first, second, third:
            found = self.successResultOf(looking)
            self.assertEqual(found, {"f": Demand(3, 1, 2.5)})
        self.assertEqual(self.server.connections, 1)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_others(self) -> None:
        """
        A server that does not know the question is asked for its status, and from then
        on only that, as long as it is there; ages it does not tell.
        """
        looking = self.begins()
        self.server.says(REFUSAL)
        self.assertEqual(self.server.heard(), STATUS)
        found = self.sees(looking, b"f\t3\t1\t4\ng\t2\t2\t2\n\xff\t0\t0\t1\n.\n")
        wanted = {"f": Demand(2, 1, UNKNOWN), "g": Demand(0, 2), "\\xff": Demand()}
        self.assertEqual(found, wanted)
        self.assertEqual(self.sees(self.looks(STATUS), b".\n"), {})
        looking = self.looks(STATUS)
        self.server.leaves()
        self.assertIsNone(self.successResultOf(looking))
        self.assertEqual(self.sees(self.begins(), b".\n"), {})

    def test_more(self) -> None:
        """
        Columns behind those that are known do no harm.
        """
        found = self.sees(self.begins(), b"f\t3\t9\t1\t1\t0\t0\tx\ty\n.\n")
        self.assertEqual(found, {"f": Demand(3, 1)})

    def test_hangs(self) -> None:
        """
        A server that does not answer in time is left out; what it says later is no
        answer to the next question.
        """
        looking = self.begins()
        self.clock.advance(4.9)
        self.assertNoResult(looking)
        self.clock.advance(0.1)
        self.assertIsNone(self.successResultOf(looking))
        self.assertTrue(self.server.transport.disconnecting)
        self.server.says(b"f\t9\t0\t0\t0\t0\t0\n.\n")
        self.server.leaves()
        self.assertEqual(self.sees(self.begins(), b".\n"), {})
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_stuck(self) -> None:
        """
        While a connection to a server that hangs does not come to its end, it is not
        asked.
        """
        looking = self.begins()
        self.clock.advance(5)
        self.successResultOf(looking)
        for _ in range(3):
            self.assertIsNone(self.successResultOf(self.lookout.look()))
        self.assertEqual(self.server.connections, 1)
        self.server.leaves()
        self.assertEqual(self.sees(self.begins(), b".\n"), {})
        self.assertEqual(self.server.connections, 2)

    def test_unreachable(self) -> None:
        """
        An attempt to connect that takes too long is waited for no longer, and there is
        no second one meanwhile.
        """
        for _ in range(3):
            looking = self.lookout.look()
            self.clock.advance(5)
            self.assertIsNone(self.successResultOf(looking))
        self.assertEqual(self.server.connections, 1)
        looking = self.lookout.look()
        self.server.accepts()
        self.assertEqual(self.sees(looking, b".\n"), {})

    def test_refused(self) -> None:
        """
        A server that refuses every question, or answers nonsense, is left out, and
        asked again.
        """
        answers: list[Callable[[], None]] = [
            lambda: self.server.says(REFUSAL + REFUSAL),
            lambda: self.server.says(b"f\tx\n.\n"),
            lambda: self.server.says(b"f\t1\n.\n"),
            self.server.leaves,
        ]
        for answer in answers:
            looking = self.begins()
            answer()
            self.assertIsNone(self.successResultOf(looking))
            if answer != self.server.leaves:
                self.server.leaves()
        self.assertEqual(self.sees(self.begins(), b".\n"), {})

    def test_close(self) -> None:
        """
        It can be closed, and takes as long as that.
        """
        self.sees(self.begins(), b".\n")
        closed = self.lookout.close()
        self.assertNoResult(closed)
        self.server.leaves()
        self.assertIsNone(self.successResultOf(closed))

    def test_servers(self) -> None:
        """
        Servers that cannot be understood are refused.
        """
        with self.assertRaises(BadSetting):
            Lookout(self.clock, "jobs.example.net:0")
