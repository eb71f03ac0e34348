"""
Tests of L{txgearman.testing}: servers that go and come, and several of them.
"""

from __future__ import annotations

from tests.testing.stage import PumpTests, reverse
from txgearman.board.policy import Policy
from txgearman.client.choice import Hashing, RoundRobin
from txgearman.client.client import Client
from txgearman.errors import (
    JobLost,
    NoServers,
)


class ServersTests(PumpTests):
    """
    Servers that go and come, and several of them.
    """

    def test_lost(self) -> None:
        """
        A job whose server stops is lost.
        """
        self.never()
        called = self.client.call("never", b"")
        self.pump.settle()
        self.server.stop()
        self.pump.failure(called, JobLost)

    def test_resubmit(self) -> None:
        """
        Unless the client submits it anew, when the server is there again.
        """
        begun = self.never()
        called = self.client.call("never", b"x", resubmit=True)
        self.pump.settle()
        self.server.stop()
        self.pump.settle()
        self.server.start()
        self.assertTrue(begun[0].lost)
        self.pump.advance(1)
        begun[1].complete(b"done")
        self.assertEqual(self.pump.result(called), b"done")
        self.assertNotEqual(begun[0].handle, begun[1].handle)

    def test_noServers(self) -> None:
        """
        Where no server is, a submit fails in the end.
        """
        self.server.stop()
        called = self.client.call("reverse", b"")
        self.pump.advance(9.9)
        self.assertNoResult(called)
        self.pump.advance(0.2)
        self.pump.failure(called, NoServers)

    def test_reconnects(self) -> None:
        """
        Clients and workers are back a second after the server is.
        """
        self.server.stop()
        self.pump.advance(30)
        self.server.start()
        self.pump.advance(1)
        self.assertEqual(self.pump.result(self.client.call("reverse", b"ab")), b"ba")

    def test_lostWorker(self) -> None:
        """
        A job of a worker that stops without having done it goes to another one.
        """
        begun = self.never()
        called = self.client.call("never", b"abc")
        self.pump.settle()
        stopped = self.worker.stopService()
        self.pump.worker(self.server).register("never", reverse)
        self.pump.settle()
        self.assertNoResult(called)
        self.pump.advance(30)
        self.assertEqual(self.pump.result(called), b"cba")
        self.assertTrue(begun[0].lost)
        self.pump.result(stopped)

    def test_failover(self) -> None:
        """
        Jobs go to the next server when the first one is down, and to the first
        one again when it is back.
        """
        second = self.pump.server()
        self.pump.worker().register("who", lambda job: job.handle)
        client = self.pump.client()

        def who() -> bytes:
            return self.pump.result(client.call("who", b"")).split(b":")[1]

        self.assertEqual(who(), b"server1")
        self.server.stop()
        self.assertEqual(who(), b"server2")
        self.server.start()
        self.pump.advance(1)
        self.assertEqual(who(), b"server1")
        second.stop()
        self.assertEqual(who(), b"server1")

    def test_hashing(self) -> None:
        """
        Jobs of a unique go to one server, whoever submits them, and different
        ones to all.
        """
        servers = [self.server, self.pump.server(), self.pump.server()]
        clients = [self.pump.client(*servers, choice=Hashing()) for _ in range(2)]

        def server(client: Client[bytes], unique: str) -> str | None:
            return self.pump.result(client.background("f", b"", unique=unique)).server

        uniques = [f"u{number}" for number in range(30)]
        chosen = [[server(client, u) for u in uniques] for client in clients]
        self.assertEqual(chosen[0], chosen[1])
        self.assertEqual(set(chosen[0]), {"server1", "server2", "server3"})
        self.assertEqual(sum(len(one.board.jobs) for one in servers), 30)

    def test_onlySome(self) -> None:
        """
        A client has the servers that it is given; all, when it is given none.
        """
        second = self.pump.server()
        self.assertEqual(
            [
                self.pump.result(client.whenConnected())
                for client in (self.pump.client(second), self.pump.client())
            ],
            [["server2"], ["server1", "server2"]],
        )

    def test_roundRobin(self) -> None:
        """
        Options of clients and servers get where they belong.
        """
        self.pump.server(policy=Policy(handlePrefix=b"other"))
        client = self.pump.client(choice=RoundRobin(), namespace="n/", clientId="me")
        jobs = [self.pump.result(client.background("f", b"")) for _ in range(2)]
        self.assertEqual([j.handle for j in jobs], [b"H:server1:1", b"other:1"])
        admin = self.pump.admin(self.server)
        self.assertIn(b"n/f", [r.function for r in self.pump.result(admin.status())])
        ids = [row.clientId for row in self.pump.result(admin.workers())]
        self.assertIn(b"me", ids)
