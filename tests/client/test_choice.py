"""
Tests for L{txgearman.client.choice}.
"""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

from twisted.internet.testing import MemoryReactorClock
from twisted.trial.unittest import SynchronousTestCase

from txgearman.client.choice import (
    Choice,
    Failover,
    Hashing,
    RandomChoice,
    RoundRobin,
)
from txgearman.client.submission import Submission
from txgearman.connection.servers import Server, serversFrom

SERVERS = serversFrom(MemoryReactorClock(), "a, b, c, d")


def order(
    choice: Choice, unique: str = "", data: str = "", servers: Sequence[Server] = ()
) -> str:
    """
    The names of servers, by default of all, in the order of a choice.
    """
    submission = Submission(b"f", unique.encode(), data.encode())
    ordered = choice.order(submission, servers or SERVERS)
    return "".join(server.name for server in ordered)


class ChoiceTests(SynchronousTestCase):
    """
    The ways to choose a server.
    """

    def test_failover(self) -> None:
        """
        The order in which servers were named stays.
        """
        choice = Failover()
        self.assertEqual([order(choice) for _ in range(2)], ["abcd"] * 2)

    def test_roundRobin(self) -> None:
        """
        Each server is first in its turn, and the others follow it.
        """
        choice = RoundRobin()
        orders = [order(choice) for _ in range(5)]
        self.assertEqual(orders, ["abcd", "bcda", "cdab", "dabc", "abcd"])

    def test_random(self) -> None:
        """
        A random choice gives all servers in an order that chance alone decides.
        """
        one, other = RandomChoice(Random(1)), RandomChoice(Random(1))
        orders = [order(one) for _ in range(50)]
        self.assertEqual(orders, [order(other) for _ in range(50)])
        self.assertEqual({"".join(sorted(names)) for names in orders}, {"abcd"})
        self.assertEqual({names[0] for names in orders}, set("abcd"))

    def test_randomByItself(self) -> None:
        """
        It needs no source of chance to be given.
        """
        self.assertEqual(sorted(order(RandomChoice())), list("abcd"))


class HashingTests(SynchronousTestCase):
    """
    Equal jobs meet.
    """

    uniques = [str(number) for number in range(200)]

    def first(self, servers: Sequence[Server] = ()) -> dict[str, str]:
        """
        The first server for each of many uniques.
        """
        choice = Hashing()
        return {u: order(choice, u, servers=servers)[0] for u in self.uniques}

    def test_consistent(self) -> None:
        """
        A job's server depends on nothing but the job: not on the order in which
        servers are named, nor on what was chosen before.
        """
        self.assertEqual(self.first(), self.first())
        self.assertEqual(self.first(), self.first(SERVERS[::-1]))

    def test_shares(self) -> None:
        """
        Every server has a share that is worth the name.
        """
        firsts = list(self.first().values())
        for server in "abcd":
            self.assertGreater(firsts.count(server), 20)

    def test_lost(self) -> None:
        """
        The share of a lost server moves, each job to the next in its order, to
        all of the others; nothing else moves, and all is as before when the
        server returns.
        """
        before = self.first()
        without = self.first(SERVERS[1:])
        moved = [unique for unique in self.uniques if before[unique] != without[unique]]
        self.assertEqual(moved, [u for u in self.uniques if before[u] == "a"])
        for unique in moved:
            self.assertEqual(without[unique], order(Hashing(), unique)[1])
        self.assertEqual({without[unique] for unique in moved}, set("bcd"))
        self.assertEqual(self.first(), before)

    def test_workload(self) -> None:
        """
        The unique C{-} is the workload.
        """
        choice = Hashing()
        for unique in self.uniques[:20]:
            self.assertEqual(
                order(choice, "-", data=unique), order(choice, unique, data="other")
            )

    def test_function(self) -> None:
        """
        Jobs of several functions do not move as one.
        """
        choice = Hashing()
        firsts = {
            choice.order(Submission(b"%d" % number, b"u", b""), SERVERS)[0].name
            for number in range(50)
        }
        self.assertEqual(firsts, set("abcd"))

    def test_withoutUnique(self) -> None:
        """
        Jobs without a unique go round.
        """
        choice = Hashing()
        self.assertEqual([order(choice)[0] for _ in range(5)], list("abcda"))
