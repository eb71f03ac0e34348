"""
Lanes ask for jobs.
"""

from __future__ import annotations

from typing import Any

from tests.worker.stage import GRAB, RETRY, SLEEP, Desk, JobServer, WorkerTestCase
from txgearman.worker.lane import MOST_ASKED, NO_TIME, STREAK, Lane
from txgearman.worker.registration import Share


def standing(lane: Lane) -> str:
    """
    What a lane is about.
    """
    kinds = (
        (lane.away, "away"),
        (lane.wanting, "wanting"),
        (lane.asked, "asking"),
        (lane.sleeping, "sleeping"),
    )
    return " ".join(name for there, name in kinds if there)


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
        self.assertEqual(["asking", "asking", "wanting"], list(map(standing, lanes)))
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
        self.assertEqual(["sleeping"] * 2, list(map(standing, lanes)))
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
        self.assertEqual("sleeping", standing(lanes[0]))

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
            self.assertEqual("away", standing(lanes[gone]))
            self.assertEqual(0, desk.slots.free)
            self.assertEqual([0, 0, 0, 0], self.asks(servers))
        servers[1].line.drops()
        self.assertEqual([0, 0, 1, 0], self.asks(servers))
        servers[2].line.drops()
        self.assertTrue(desk.slots.idle)
        self.assertEqual(["away"] * 4, list(map(standing, lanes)))

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
        self.assertEqual(["sleeping", "wanting"], list(map(standing, lanes)))

    def quickens(self, lane: Lane, times: int) -> None:
        """
        Have a lane ask for twice as many jobs as before, so many times.
        """
        for _ in range(times * STREAK):
            lane.learn()

    def test_severalAtOnce(self) -> None:
        """
        A lane whose jobs are over in no time asks for several at once, twice as many
        each time, but for no more than there are slots.
        """
        desk, (lane,), (server,) = self.lanes(7, 1)
        asked = self.asks([server])
        for _ in range(4):
            self.quickens(lane, 1)
            server.line.assigns(b"H:1")
            desk.ends(lane)
            asked += self.asks([server])
        self.assertEqual([1, 2, 3, 4, 1], asked)
        self.assertEqual("asking", standing(lane))
        self.quickens(lane, 9)
        self.assertEqual(MOST_ASKED, lane.pace)

    def test_slowDown(self) -> None:
        """
        It asks for one at a time again after a job that took its time, once it has
        the answers that it waits for.
        """
        _, (lane,), (server,) = self.lanes(8, 1)
        self.quickens(lane, 2)
        server.line.assigns(b"H:1")
        self.assertEqual([1 + 4], self.asks([server]))
        self.clock.advance(2 * NO_TIME)
        lane.learn()
        for left in (3, 2, 1):
            server.line.assigns(b"H:2")
            self.assertEqual((left, [0]), (lane.asked, self.asks([server])))
        server.line.assigns(b"H:3")
        self.assertEqual((1, [1]), (lane.asked, self.asks([server])))

    def test_silentServer(self) -> None:
        """
        However fast jobs are, a server that does not answer holds no more than its
        part of the slots.
        """
        desk, lanes, servers = self.lanes(9, 2)
        for lane in lanes:
            self.quickens(lane, 4)
            desk.slots.want(lane)
        self.assertEqual([4, 4], self.asks(servers))
        for _ in range(50):
            servers[1].line.assigns(b"H:1")
            desk.ends(lanes[1])
            self.assertEqual([0, 1], self.asks(servers))
        self.assertEqual(4, lanes[0].asked)

    def test_severalInTurn(self) -> None:
        """
        With several lanes that ask for several, each asks for one in turn.
        """
        desk, lanes, servers = self.lanes(5, 2)
        self.assertEqual([1, 1], self.asks(servers))
        for lane in lanes:
            self.quickens(lane, 2)
            desk.slots.want(lane)
            self.asks(servers)
        order = []
        for _ in range(6):
            servers[0].line.assigns(b"H:1")
            servers[1].line.assigns(b"H:1")
            desk.ends(lanes[0])
            desk.ends(lanes[1])
            order.append(self.asks(servers))
        self.assertEqual([[1, 1]] * 6, order)

    def test_refusedSeveral(self) -> None:
        """
        A lane that asked for several sleeps when all of them are refused, and asks
        for one when it is woken.
        """
        desk, (lane,), (server,) = self.lanes(3, 1)
        self.quickens(lane, 2)
        desk.slots.want(lane)
        self.assertEqual([3], self.asks([server]))
        self.assertEqual("asking", standing(lane))
        for _ in range(2):
            server.line.refuses()
            server.line.wakes()
            self.assertEqual(([], "asking"), (server.line.hears(), standing(lane)))
        server.line.refuses()
        self.assertEqual(([SLEEP], "sleeping"), (server.line.hears(), standing(lane)))
        self.assertTrue(desk.slots.idle)
        server.line.wakes()
        self.assertEqual([1], self.asks([server]))

    def test_lostSeveral(self) -> None:
        """
        When it is lost it gives all its slots to others, and asks for one when it is
        back.
        """
        desk, lanes, servers = self.lanes(5, 2)
        self.quickens(lanes[0], 2)
        desk.slots.want(lanes[0])
        self.assertEqual([2, 1], self.asks(servers))
        servers[0].line.drops()
        self.assertEqual(4, desk.slots.free)
        self.quickens(lanes[1], 2)
        desk.slots.want(lanes[1])
        self.assertEqual([0, 3], self.asks(servers))
        servers[1].line.drops()
        self.assertTrue(desk.slots.idle)
        self.clock.advance(RETRY)
        self.assertEqual([1, 1], self.asks(servers))
