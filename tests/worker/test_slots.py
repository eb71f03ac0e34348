"""
Lanes ask for jobs.
"""

from __future__ import annotations

from typing import Any

from tests.worker.stage import GRAB, SLEEP, Desk, JobServer, WorkerTestCase
from txgearman.worker.lane import Lane, Standing
from txgearman.worker.registration import Share

AWAY, WANTING, ASKING, SLEEPING = Standing


class SlotsTests(WorkerTestCase):
    """
    Lanes at a desk that deals out slots.
    """

    def lanes(
        self, count: int, servers: int, *shares: Share
    ) -> tuple[Desk, list[Lane], list[JobServer]]:
        """
        Open a desk with so many slots, and lanes to so many servers.
        """
        desk = self.desk(count)
        there = [JobServer(self.clock) for _ in range(servers)]
        lanes = [desk.lane(server) for server in there]
        return desk, lanes, there

    def asks(self, servers: list[JobServer]) -> list[int]:
        """
        @return: how often each server is asked for a job, since the last time.
        """
        return [server.line.hears().count(GRAB) for server in servers]

    def test_noMoreThanSlots(self) -> None:
        """
        As many lanes ask as there are slots, and the next when one is free.
        """
        desk, lanes, servers = self.lanes(2, 3)
        self.assertEqual([1, 1, 0], self.asks(servers))
        self.assertEqual([ASKING, ASKING, WANTING], [la.standing for la in lanes])
        self.assertFalse(desk.slots.idle)
        servers[0].line.assigns(b"H:1")
        self.assertEqual([0, 0, 0], self.asks(servers))
        desk.ends(lanes[0])
        self.assertEqual([0, 0, 1], self.asks(servers))

    def test_fair(self) -> None:
        """
        With jobs on every server, each is asked in turn.
        """
        desk, lanes, servers = self.lanes(1, 3)
        order = []
        for _ in range(9):
            asked = self.asks(servers).index(1)
            order.append(asked)
            servers[asked].line.assigns(b"H:1")
            desk.ends(lanes[asked])
        self.assertEqual([0, 1, 2] * 3, order)

    def test_refused(self) -> None:
        """
        A lane that gets no job sleeps and gives its slot to the next; only a
        sleeper is woken.
        """
        desk, lanes, servers = self.lanes(1, 2)
        servers[1].line.wakes()
        servers[0].line.wakes()
        self.assertEqual([1, 0], self.asks(servers))
        servers[0].line.refuses()
        self.assertEqual([SLEEP], servers[0].line.hears())
        self.assertEqual([0, 1], self.asks(servers))
        servers[1].line.refuses()
        self.assertTrue(desk.slots.idle)
        self.assertEqual([SLEEPING, SLEEPING], [lane.standing for lane in lanes])
        self.assertEqual([SLEEP], servers[1].line.hears())
        servers[0].line.wakes()
        self.assertEqual([1, 0], self.asks(servers))

    def test_unasked(self) -> None:
        """
        A server that answers what it was not asked is not heard.
        """
        desk, lanes, servers = self.lanes(1, 1)
        line = servers[0].line
        line.refuses()
        line.hears()
        line.refuses()
        line.assigns(b"H:1")
        self.assertEqual([], line.hears())
        self.assertTrue(desk.slots.idle)
        self.assertEqual(SLEEPING, lanes[0].standing)

    def test_lost(self) -> None:
        """
        A lane that is lost while it asks gives its slot to the next; one that
        waits or sleeps has none to give.
        """
        desk, lanes, servers = self.lanes(1, 4)
        servers[0].line.refuses()
        for gone in (0, 3):
            self.asks(servers)
            servers[gone].line.drops()
            self.assertEqual(AWAY, lanes[gone].standing)
            self.assertEqual(0, desk.slots.free)
            self.assertEqual([0, 0, 0, 0], self.asks(servers))
        servers[1].line.drops()
        self.assertEqual([0, 0, 1, 0], self.asks(servers))
        servers[2].line.drops()
        self.assertTrue(desk.slots.idle)
        self.assertEqual([AWAY] * 4, [lane.standing for lane in lanes])

    def test_fullShare(self) -> None:
        """
        A lane whose share is at its limit lets others pass, and has its turn
        when one of the share's jobs is over.
        """
        desk = self.desk(3)
        share = Share(1)
        servers = [JobServer(self.clock) for _ in range(3)]
        lanes: list[Any] = [
            desk.lane(server, part)
            for server, part in zip(servers, (share, share, None), strict=True)
        ]
        self.assertEqual([1, 0, 1], self.asks(servers))
        self.assertEqual(1, share.running)
        servers[0].line.assigns(b"H:1")
        self.assertEqual([0, 0, 0], self.asks(servers))
        desk.ends(lanes[0])
        self.assertEqual([0, 1, 0], self.asks(servers))
        self.assertEqual(1, share.running)

    def test_closed(self) -> None:
        """
        When the slots are closed nobody asks, and who gets no job does not say
        that he sleeps.
        """
        desk, lanes, servers = self.lanes(1, 2)
        desk.slots.closed = True
        self.asks(servers)
        servers[0].line.refuses()
        self.assertEqual([], servers[0].line.hears())
        self.assertEqual([], servers[1].line.hears())
        self.assertTrue(desk.slots.idle)
        self.assertEqual([SLEEPING, WANTING], [lane.standing for lane in lanes])
