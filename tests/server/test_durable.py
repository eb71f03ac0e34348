"""
Tests of a whole job server whose jobs are kept, bytes in, bytes out.
"""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.server.pump import NOON, Item, Peer, Pump, logged, numbered, request
from tests.stores.stage import FullStore, ManualRunner, PickyStore
from txgearman.board import saving as savingModule
from txgearman.board.durable import DurableBoard
from txgearman.board.policy import Policy
from txgearman.server.factory import GearmanServerFactory
from txgearman.server.keeping import Keeping
from txgearman.server.settings import CONGESTED
from txgearman.stores import loading as loadingModule
from txgearman.stores.journal import REFUSAL
from txgearman.stores.memory import Drawer, MemoryStore
from txgearman.testing.clock import TurningClock
from txgearman.testing.stores import savedJob
from txgearman.testing.wire import SocketWire, Wire

FIRST = 10**12 + 1
"""The number of the first job of the first life."""

REFUSED: Item = ("ERROR", b"QUEUE_ERROR", REFUSAL)
LOADING: Item = ("ERROR", b"QUEUE_ERROR", b"The queue is still being loaded")
BACKGROUND = request("SUBMIT_JOB_BG", b"f", b"", b"data")


def created(number: int, life: int = 1) -> Item:
    """
    What tells of the first, second, ... job of a life.
    """
    return ("JOB_CREATED", b"H:%d" % (life * 10**12 + number))


class DurablePump(Pump):
    """
    A L{Pump} with a server that keeps its jobs in a drawer. Its thread does nothing
    before it is told to.
    """

    def __init__(
        self,
        drawer: Drawer | None = None,
        wire: type[Wire] = SocketWire,
        store: MemoryStore | None = None,
    ) -> None:
        self.drawer = Drawer() if drawer is None else drawer
        self.drawer.owner = None
        self.store = MemoryStore(self.drawer) if store is None else store
        self.runner = ManualRunner()
        clock = TurningClock()
        factory = GearmanServerFactory(
            clock, Policy(handlePrefix=b"H"), store=self.store, run=self.runner
        )
        super().__init__(factory=factory, clock=clock, wire=wire)

    @property
    def keeping(self) -> Keeping:
        keeping = self.factory.keeping
        assert keeping is not None, "it has a store"
        return keeping

    @property
    def board(self) -> DurableBoard:
        board = self.factory.board
        assert isinstance(board, DurableBoard)
        return board

    def loads(self) -> None:
        """
        Start, and load everything.
        """
        self.keeping.start()
        self.runner.finishesAll()
        self.settle()

    def writes(self) -> None:
        """
        Let everything be written that there is to write.
        """
        self.advance(0.02)
        while self.runner.busy:
            self.runner.finishes()
            self.advance(0.02)


class DurableTestCase(SynchronousTestCase):
    """
    A server that has loaded, a worker that can do C{f}, and two clients.
    """

    wire: type[Wire] = SocketWire

    def setUp(self) -> None:
        self.pump = self.makePump()

    def makePump(self, loads: bool = True, **others: Any) -> DurablePump:
        """
        Start a server.
        """
        pump = DurablePump(wire=self.wire, **others)
        if loads:
            pump.loads()
        self.worker, self.client, self.other = pump.connectSeveral(3)
        self.worker.sends("CAN_DO", b"f")
        return pump

    def asks(self, peer: Peer, name: str, *arguments: bytes) -> list[Item]:
        peer.sends(name, *arguments)
        return peer.owed()

    def says(self, line: bytes) -> bytes:
        """
        Ask as an administrator.
        """
        admin = self.pump.connect()
        admin.says(line)
        answer = admin.received()
        admin.leaves()
        return answer

    def submits(self, *, unique: bytes = b"", data: bytes = b"data") -> bytes:
        """
        Let the client submit a background job that is saved.

        @return: its handle.
        """
        self.client.sends("SUBMIT_JOB_BG", b"f", unique, data)
        self.pump.writes()
        [(name, handle)] = self.client.owed()
        assert name == "JOB_CREATED"
        assert isinstance(handle, bytes)
        return handle

    def breaksDown(self) -> None:
        """
        Let the store fail.
        """
        self.client.sends("SUBMIT_JOB_BG", b"f", b"", b"data")
        self.pump.settle()
        self.pump.runner.fails()
        self.assertEqual(self.client.owed(), [REFUSED])


class ReplyTests(DurableTestCase):
    """
    Replies to submits.
    """

    def test_after(self) -> None:
        """
        The reply to a submit leaves after the commit that holds it.
        """
        self.client.says(BACKGROUND)
        self.assertEqual(self.client.owed(), [])
        self.assertEqual(self.pump.drawer.jobs, {})
        self.pump.runner.finishes()
        self.assertEqual(list(self.pump.drawer.jobs), [FIRST])
        self.assertEqual(self.client.owed(), [created(1)])

    def test_every(self) -> None:
        """
        So does that to each kind of job that is for the background.
        """
        due = b"%d" % (NOON + 100)
        schedule = (b"", b"", b"", b"", b"")
        for number, (name, *arguments) in enumerate(
            [
                ("SUBMIT_JOB_BG", b"f", b"", b""),
                ("SUBMIT_JOB_HIGH_BG", b"f", b"", b"\0"),
                ("SUBMIT_JOB_LOW_BG", b"f", b"", b"x"),
                ("SUBMIT_REDUCE_JOB_BACKGROUND", b"f", b"", b"r", b"", b"x"),
                ("SUBMIT_JOB_EPOCH", b"f", b"", due, b"x"),
                ("SUBMIT_JOB_SCHED", b"f", b"", *schedule, b"x"),
            ],
            1,
        ):
            assert isinstance(name, str)
            self.client.sends(name, *[a for a in arguments if isinstance(a, bytes)])
            self.assertEqual(self.client.owed(), [], name)
            self.pump.runner.finishes()
            self.assertEqual(self.client.owed(), [created(number)], name)

    def test_foreground(self) -> None:
        """
        Foreground jobs wait for nothing, and are not kept.
        """
        self.assertEqual(
            self.asks(self.client, "SUBMIT_JOB", b"f", b"", b""), [created(1)]
        )
        self.assertEqual(self.pump.runner.busy, 0)

    def test_share(self) -> None:
        """
        The submits of many connections share a commit.
        """
        for peer in self.client, self.other, self.client:
            peer.says(BACKGROUND)
        self.pump.settle()
        self.assertEqual(self.pump.runner.busy, 1)
        self.pump.runner.finishes()
        self.assertEqual(self.client.owed(), [created(1), created(2)])
        self.assertEqual(self.other.owed(), [created(3)])
        self.assertEqual(len(self.pump.drawer.commits), 1)

    def test_order(self) -> None:
        """
        What a connection asks behind a submit is answered behind it; others are
        not held up.
        """
        self.client.says(BACKGROUND)
        self.client.sends("ECHO_REQ", b"behind")
        self.client.sends("SUBMIT_JOB", b"f", b"", b"")
        self.client.sends("NO_JOB")
        self.client.says(b"version\n")
        self.assertEqual(self.client.owed(), [])
        self.assertEqual(
            self.asks(self.other, "ECHO_REQ", b"free"), [("ECHO_RES", b"free")]
        )
        self.pump.runner.finishes()
        first, echo, second, error, version = self.client.owed()
        self.assertEqual((first, echo), (created(1), ("ECHO_RES", b"behind")))
        self.assertEqual((second, error[0]), (created(2), "ERROR"))
        assert isinstance(version, bytes)
        self.assertTrue(version.startswith(b"OK "))

    def test_twoBatches(self) -> None:
        """
        A reply of a later batch comes later, with all behind it.
        """
        self.client.says(BACKGROUND)
        self.pump.settle()
        self.client.says(BACKGROUND)
        self.client.sends("ECHO_REQ", b"x")
        self.pump.settle()
        self.pump.runner.finishes()
        self.assertEqual(self.client.owed(), [created(1)])
        self.pump.runner.finishes()
        self.assertEqual(self.client.owed(), [created(2), ("ECHO_RES", b"x")])

    def test_joinsWritten(self) -> None:
        """
        Who joins a job that is being written waits for that batch, behind what it
        waits for already; who only joins a saved one does not wait.
        """
        self.client.sends("SUBMIT_JOB_BG", b"f", b"u", b"")
        self.pump.settle()
        self.other.says(BACKGROUND)
        self.other.sends("SUBMIT_JOB_BG", b"f", b"u", b"")
        third = self.pump.connect()
        third.sends("SUBMIT_JOB_BG", b"f", b"u", b"")
        self.pump.settle()
        self.pump.runner.finishes()
        self.assertEqual(self.client.owed(), [created(1)])
        self.assertEqual(third.owed(), [created(1)])
        self.assertEqual(self.other.owed(), [])
        self.pump.runner.finishes()
        self.assertEqual(self.other.owed(), [created(2), created(1)])
        self.assertEqual(
            self.asks(third, "SUBMIT_JOB_BG", b"f", b"u", b""), [created(1)]
        )

    def test_joinsForeground(self) -> None:
        """
        A foreground job that a background submit joins is saved before the reply,
        wherever it is: waiting or running.
        """
        for runs in False, True:
            unique = b"%d" % runs
            self.client.sends("SUBMIT_JOB", b"f", unique, b"")
            [reply] = self.client.owed()
            if runs:
                self.worker.sends("GRAB_JOB")
                self.worker.owed()
            before = len(self.pump.drawer.jobs)
            self.other.sends("SUBMIT_JOB_BG", b"f", unique, b"")
            self.assertEqual(self.other.owed(), [])
            self.pump.runner.finishes()
            self.assertEqual(self.other.owed(), [reply])
            self.assertEqual(len(self.pump.drawer.jobs), before + 1)

    def test_foregroundJoins(self) -> None:
        """
        A foreground submit that joins a job that is being saved waits for nothing:
        its client listens whatever comes of that.
        """
        self.client.sends("SUBMIT_JOB_BG", b"f", b"u", b"")
        self.pump.settle()
        self.assertEqual(
            self.asks(self.other, "SUBMIT_JOB", b"f", b"u", b""), [created(1)]
        )
        self.pump.runner.fails()
        self.assertEqual(self.client.owed(), [REFUSED])
        [assigned] = self.asks(self.worker, "GRAB_JOB")
        self.assertEqual(assigned[:2], ("JOB_ASSIGN", created(1)[1]))
        self.worker.sends("WORK_COMPLETE", b"H:%d" % FIRST, b"done")
        self.assertEqual(
            self.other.owed(), [("WORK_COMPLETE", b"H:%d" % FIRST, b"done")]
        )

    def test_notGranted(self) -> None:
        """
        Nobody is given a job that is being saved, nor woken for it; then somebody
        is.
        """
        self.worker.sends("PRE_SLEEP")
        self.client.says(BACKGROUND)
        self.assertEqual(self.worker.owed(), [])
        grabbing = self.pump.connect()
        grabbing.sends("CAN_DO", b"f")
        self.assertEqual(self.asks(grabbing, "GRAB_JOB"), [("NO_JOB",)])
        self.pump.runner.finishes()
        self.assertEqual(self.worker.owed(), [("NOOP",)])
        [assigned] = self.asks(self.worker, "GRAB_JOB")
        self.assertEqual(assigned[0], "JOB_ASSIGN")

    def test_self(self) -> None:
        """
        A peer that is client and worker at once hears everything in its order.
        """
        peer = self.pump.connect()
        peer.sends("CAN_DO", b"g")
        peer.sends("PRE_SLEEP")
        peer.sends("SUBMIT_JOB_BG", b"g", b"", b"x")
        self.pump.settle()
        self.pump.runner.finishes()
        self.assertEqual(peer.owed(), [created(1), ("NOOP",)])

    def test_result(self) -> None:
        """
        What a worker reports waits behind what its client is promised.
        """
        self.client.sends("SUBMIT_JOB", b"f", b"u", b"")
        self.client.sends("SUBMIT_JOB_BG", b"f", b"u", b"")
        self.assertEqual(self.client.owed(), [created(1)])
        self.worker.sends("GRAB_JOB")
        self.worker.sends("WORK_COMPLETE", b"H:%d" % FIRST, b"done")
        self.pump.settle()
        self.assertEqual(self.client.owed(), [])
        self.pump.runner.finishes()
        self.assertEqual(
            self.client.owed(),
            [created(1), ("WORK_COMPLETE", b"H:%d" % FIRST, b"done")],
        )

    def test_clientLost(self) -> None:
        """
        A job whose client is lost while it is saved lives.
        """
        for ends in Peer.leaves, Peer.vanishes:
            client = self.pump.connect()
            client.says(BACKGROUND)
            self.pump.settle()
            ends(client)
            self.pump.writes()
            [assigned] = self.asks(self.worker, "GRAB_JOB")
            self.assertEqual(assigned[0], "JOB_ASSIGN")

    def test_status(self) -> None:
        """
        A job that is being saved is counted, and does not run.
        """
        self.client.says(BACKGROUND)
        self.pump.settle()
        self.assertEqual(self.says(b"status\n"), b"f\t1\t0\t1\n.\n")
        self.assertEqual(self.says(b"prioritystatus\n"), b"f\t0\t0\t0\t1\n.\n")
        self.assertEqual(self.says(b"show jobs\n"), b"H:%d\t0\t0\t1\n.\n" % FIRST)
        self.assertEqual(
            self.asks(self.other, "GET_STATUS", b"H:%d" % FIRST),
            [("STATUS_RES", b"H:%d" % FIRST, b"1", b"0", b"0", b"0")],
        )

    def test_maxqueue(self) -> None:
        """
        A job that is being saved counts towards the limit of its queue.
        """
        self.assertEqual(self.says(b"maxqueue f 1\n"), b"OK\r\n")
        self.client.says(2 * BACKGROUND)
        self.pump.settle()
        self.pump.runner.finishes()
        self.assertEqual(
            self.client.owed(),
            [created(1), ("ERROR", b"QUEUE_ERROR", b"Job queue is full")],
        )

    def test_cancel(self) -> None:
        """
        A job that is cancelled while it is saved was created, and is gone.
        """
        self.client.says(BACKGROUND)
        self.pump.settle()
        self.assertEqual(self.says(b"cancel job H:%d\n" % FIRST), b"OK\r\n")
        self.pump.writes()
        self.assertEqual(self.client.owed(), [created(1)])
        self.assertEqual(self.asks(self.worker, "GRAB_JOB"), [("NO_JOB",)])
        self.assertEqual(self.pump.drawer.jobs, {})

    def test_garbage(self) -> None:
        """
        A peer that submits and then talks nonsense has its answers, and then the
        connection is closed.
        """
        for explained in b"\0BAD" + bytes(20), b"\0REQ" + b"\xff" * 8:
            peer = self.pump.connect()
            peer.says(BACKGROUND)
            peer.says(explained)
            self.pump.settle()
            self.assertFalse(peer.gone)
            self.pump.runner.finishes()
            reply, *_ = peer.owed()
            self.assertEqual(reply[0], "JOB_CREATED")
            self.pump.passes(3)
            self.assertTrue(peer.gone)


class PlainReplyTests(ReplyTests):
    """
    The same without a socket right beneath the transport, as with TLS.
    """

    wire = Wire


class OutageTests(DurableTestCase):
    """
    A store that fails, and what clients hear of it.
    """

    def test_refused(self) -> None:
        """
        Each submit of a batch that fails is answered with an ERROR in its place.
        """
        self.client.says(BACKGROUND)
        self.client.sends("ECHO_REQ", b"1")
        self.client.says(BACKGROUND)
        self.client.sends("ECHO_REQ", b"2")
        self.pump.settle()
        self.other.says(BACKGROUND)
        self.pump.settle()
        self.pump.runner.breaks()
        echoes = [("ECHO_RES", b"1"), ("ECHO_RES", b"2")]
        one, two = echoes
        self.assertEqual(self.client.owed(), [REFUSED, one, REFUSED, two])
        self.assertEqual(self.other.owed(), [REFUSED])
        self.assertEqual(self.asks(self.worker, "GRAB_JOB"), [("NO_JOB",)])

    def test_poison(self) -> None:
        """
        A job that the store does not take costs its client an ERROR, and others
        nothing, whether they share its batch or its connection.
        """
        store = PickyStore()
        self.pump = self.makePump(drawer=store.drawer, store=store)
        poison = request("SUBMIT_JOB_BG", b"f", b"", b"poison")
        with logged() as lines:
            self.client.says(BACKGROUND + poison + BACKGROUND)
            self.client.sends("ECHO_REQ", b"x")
            self.other.says(BACKGROUND)
            self.pump.writes()
        names = [item[0] for item in self.client.owed()]
        self.assertEqual(names, ["JOB_CREATED", "ERROR", "JOB_CREATED", "ECHO_RES"])
        self.assertEqual([item[0] for item in self.other.owed()], ["JOB_CREATED"])
        self.pump.writes()
        self.assertEqual(len(store.drawer.jobs), 3)
        self.assertEqual(len(self.pump.board.jobs), 3)
        [line] = lines
        self.assertIn("the store does not take 1 jobs", line)
        self.assertIn("it tastes strange", line)
        self.client.says(BACKGROUND)
        self.pump.writes()
        self.assertEqual([item[0] for item in self.client.owed()], ["JOB_CREATED"])

    def test_recovers(self) -> None:
        """
        While the store is down submits are refused at once; when it works again,
        they are taken, and no handle comes twice.
        """
        with logged() as lines:
            self.breaksDown()
            self.client.says(2 * BACKGROUND)
            self.assertEqual(self.client.owed(), 2 * [REFUSED])
            self.pump.advance(0.3)
            self.pump.runner.finishesAll()
            self.assertEqual(self.submits(), b"H:%d" % (FIRST + 1))
        self.assertEqual([line.split(":")[0] for line in lines], ["error", "info"])

    def test_joinsSaved(self) -> None:
        """
        Jobs that were saved before still run, and are not lost.
        """
        handle = self.submits()
        self.breaksDown()
        [assigned] = self.asks(self.worker, "GRAB_JOB")
        self.assertEqual(assigned[1], handle)
        self.worker.vanishes()
        self.pump.writes()
        self.assertIn(FIRST, self.pump.drawer.jobs)

    def test_fullDisk(self) -> None:
        """
        With a disk that is full, whoever submits is refused, and the log tells it
        once.
        """
        store = FullStore()
        self.pump = self.makePump(drawer=store.drawer, store=store)
        store.full = True
        with logged() as lines:
            for _ in range(5):
                self.client.says(BACKGROUND)
                self.pump.writes()
                self.assertEqual(self.client.owed(), [REFUSED])
                self.pump.advance(10)
                self.pump.writes()
        self.assertEqual(len(lines), 1, lines)


class HeldTests(DurableTestCase):
    """
    Senders that are held up while much is to be saved.
    """

    def test_replies(self) -> None:
        """
        A sender whose unsaved replies pile up is held up, and goes on afterwards.
        """
        count = CONGESTED // 30
        self.client.streams([BACKGROUND * 200] * (2 * count // 200))
        self.pump.settle()
        self.assertTrue(self.client.held)
        self.assertFalse(self.other.held)
        for _ in range(20):
            self.pump.writes()
        self.assertFalse(self.client.held)
        replies = self.client.owed()
        self.assertEqual(len(replies), 2 * count // 200 * 200)
        self.assertEqual(replies[-1], created(len(replies)))

    def test_slowStore(self) -> None:
        """
        It is not lost however long the store takes: it has nothing to read.
        """
        self.client.streams([BACKGROUND * 200] * (CONGESTED // 3000))
        self.pump.advance(500)
        self.assertTrue(self.client.held)
        self.assertFalse(self.client.gone)
        for _ in range(20):
            self.pump.writes()
        self.assertFalse(self.client.held or self.client.gone)

    def test_worker(self) -> None:
        """
        A worker is held up whose parts of a result pile up behind what its client
        is promised, and goes on afterwards.
        """
        self.client.sends("SUBMIT_JOB", b"f", b"u", b"")
        [(_, handle)] = self.client.owed()
        assert isinstance(handle, bytes)
        self.asks(self.worker, "GRAB_JOB")
        self.client.says(BACKGROUND)
        self.pump.settle()
        self.worker.streams(numbered(handle, 400, 10_000))
        self.pump.settle()
        self.assertTrue(self.worker.held)
        self.assertEqual(self.client.owed(), [])
        self.pump.writes()
        self.assertFalse(self.worker.held)
        reply, *parts, end = self.client.owed()
        self.assertEqual((reply, end), (created(2), ("WORK_COMPLETE", handle, b"")))
        self.assertEqual(len(parts), 400)

    def test_workloads(self) -> None:
        """
        So is one whose workloads do; if the store fails, it is let go as well.
        """
        self.patch(savingModule, "MUCH", 1000)
        for works in True, False:
            client = self.pump.connect()
            large = request("SUBMIT_JOB_BG", b"f", b"", bytes(600))
            client.says(5 * large)
            self.pump.settle()
            self.assertTrue(client.held)
            self.assertEqual(
                self.asks(self.other, "ECHO_REQ", b"x"), [("ECHO_RES", b"x")]
            )
            if works:
                self.pump.writes()
                replies = [name for name, *_ in client.owed()]
                self.assertEqual(replies, 5 * ["JOB_CREATED"])
            else:
                self.pump.runner.breaks()
                self.assertEqual(client.owed(), 5 * [REFUSED])
            self.assertFalse(client.held)

    def test_joins(self) -> None:
        """
        One that is let go and joins a job of the batch that it waited for has its
        answer.
        """
        self.patch(savingModule, "MUCH", 1000)
        self.client.sends("SUBMIT_JOB_BG", b"f", b"u", bytes(2000))
        self.client.sends("SUBMIT_JOB_BG", b"f", b"u", b"")
        self.client.sends("ECHO_REQ", b"x")
        self.pump.settle()
        self.assertTrue(self.client.held)
        self.pump.writes()
        self.assertEqual(
            self.client.owed(), [created(1), created(1), ("ECHO_RES", b"x")]
        )

    def test_lost(self) -> None:
        """
        One that is lost while it is held up leaves nothing behind.
        """
        self.patch(savingModule, "MUCH", 1000)
        self.client.sends("SUBMIT_JOB_BG", b"f", b"", bytes(2000))
        self.client.says(BACKGROUND)
        self.pump.settle()
        self.client.vanishes()
        self.pump.writes()
        self.assertEqual(len(self.pump.drawer.jobs), 1)


class PlainHeldTests(HeldTests):
    """
    The same without a socket right beneath the transport, as with TLS.
    """

    wire = Wire


class LoadingTests(DurableTestCase):
    """
    A server whose jobs are being loaded.
    """

    def setUp(self) -> None:
        self.patch(loadingModule, "_PAGE", 1)
        self.drawer = Drawer()
        for number in 1, 2, 3:
            self.drawer.jobs[number] = savedJob(number, b"H:%d" % number, b"f")
        self.pump = self.makePump(loads=False, drawer=self.drawer)

    def starts(self, pages: int = 0) -> None:
        """
        Start, open, and load so many pages.
        """
        self.pump.keeping.start()
        for _ in range(pages + 1):
            self.pump.runner.finishes()
        self.worker, self.client = self.pump.connectSeveral(2)

    def test_held(self) -> None:
        """
        Connections wait a second at most, and submits are refused then.
        """
        self.starts()
        self.client.says(BACKGROUND)
        self.client.sends("ECHO_REQ", b"x")
        self.client.says(b"status\n")
        self.pump.advance(0.9)
        self.assertEqual(self.client.owed(), [])
        self.pump.advance(0.2)
        self.assertEqual(
            self.client.owed(), [LOADING, ("ECHO_RES", b"x"), b"f\t0\t0\t1\n", b".\n"]
        )
        later = self.pump.connect()
        later.sends("SUBMIT_JOB", b"f", b"", b"")
        self.assertEqual(later.owed(), [LOADING])

    def test_soon(self) -> None:
        """
        If the jobs are back before, nobody needs to know.
        """
        self.starts()
        self.client.says(BACKGROUND)
        self.pump.settle()
        self.pump.runner.finishesAll()
        self.pump.writes()
        self.assertEqual(self.client.owed(), [created(1)])
        self.assertEqual(len(self.drawer.jobs), 4)

    def test_lostMeanwhile(self) -> None:
        """
        A connection that is lost while it waits leaves nothing behind.
        """
        self.starts()
        self.client.says(BACKGROUND)
        self.client.vanishes()
        self.pump.runner.finishesAll()
        self.pump.settle()
        self.assertEqual(len(self.pump.board.jobs), 3)

    def test_workers(self) -> None:
        """
        A worker that asks is told that there is nothing; it is woken when the jobs
        are back.
        """
        self.starts(1)
        self.pump.advance(1)
        self.worker.sends("CAN_DO", b"f")
        self.assertEqual(self.asks(self.worker, "GRAB_JOB"), [("NO_JOB",)])
        self.worker.sends("PRE_SLEEP")
        self.assertEqual(self.worker.owed(), [])
        self.pump.runner.finishesAll()
        self.assertEqual(self.worker.owed(), [("NOOP",)])
        for handle in b"H:1", b"H:2", b"H:3":
            [assigned] = self.asks(self.worker, "GRAB_JOB")
            self.assertEqual(assigned[1], handle)

    def test_due(self) -> None:
        """
        A job that comes due while others are loaded waits for them.
        """
        self.drawer.jobs[1] = savedJob(1, b"H:1", b"f", due=NOON + 2)
        self.starts(1)
        self.pump.advance(5)
        self.worker.sends("CAN_DO", b"f")
        self.worker.sends("PRE_SLEEP")
        self.assertEqual(self.worker.owed(), [])
        self.pump.runner.finishesAll()
        self.assertEqual(self.worker.owed(), [("NOOP",)])

    def test_cancel(self) -> None:
        """
        A job that is cancelled while others are loaded is gone for good; nothing
        is written before all are there.
        """
        self.starts(2)
        self.pump.advance(1)
        self.assertEqual(self.says(b"cancel job H:1\n"), b"OK\r\n")
        self.pump.advance(1)
        self.assertEqual(self.pump.runner.busy, 1)
        self.pump.runner.finishes()
        self.assertEqual(self.drawer.commits, [])
        self.pump.writes()
        self.assertEqual(list(self.drawer.jobs), [2, 3])

    def test_cancelAndAgain(self) -> None:
        """
        Nor is it back when the store fails meanwhile, and everything is loaded
        once more.
        """
        self.starts(2)
        self.pump.advance(1)
        self.says(b"cancel job H:1\n")
        self.drawer.broken = True
        for _ in range(12):
            self.pump.runner.finishesAll()
            self.pump.advance(1)
        self.drawer.broken = False
        self.pump.writes()
        self.pump.advance(10)
        self.pump.writes()
        self.assertEqual(sorted(self.pump.board.jobs), [b"H:2", b"H:3"])
        self.assertEqual(list(self.drawer.jobs), [2, 3])

    def test_handles(self) -> None:
        """
        Handles of a server that was started again are never those of before.
        """
        self.starts()
        self.pump.runner.finishesAll()
        self.pump.settle()
        self.submits()
        self.pump = self.makePump(drawer=self.drawer)
        self.assertEqual(self.submits(), b"H:%d" % (2 * 10**12 + 1))


class StopTests(DurableTestCase):
    """
    The end of what keeps the jobs.
    """

    def assertOver(self) -> None:
        """
        Assert that nothing is to be done any more.
        """
        self.pump.settle()
        self.assertEqual(self.pump.runner.busy, 0)
        self.assertIsNone(self.pump.drawer.owner)

    def test_writes(self) -> None:
        """
        What is to be written is, the replies leave, and the store is closed.
        """
        self.client.says(BACKGROUND)
        self.pump.settle()
        stopped = self.pump.keeping.stop()
        self.assertNoResult(stopped)
        self.pump.writes()
        self.successResultOf(stopped)
        self.assertEqual(self.client.owed(), [created(1)])
        self.assertOver()

    def test_workers(self) -> None:
        """
        Workers that are lost afterwards change nothing: the store is closed.
        """
        self.submits()
        self.asks(self.worker, "GRAB_JOB")
        self.pump.writes()
        stopped = self.pump.keeping.stop()
        self.pump.writes()
        self.successResultOf(stopped)
        self.worker.vanishes()
        self.pump.advance(1)
        self.assertOver()

    def test_everythingTaken(self) -> None:
        """
        Whatever a client gets a handle for can be loaded.
        """
        latest = b"%d" % (2**63 - 2)
        self.client.sends("SUBMIT_JOB_BG", b"", b"", b"")
        self.client.sends("SUBMIT_JOB_EPOCH", b"", b"", latest, b"")
        self.client.sends("SUBMIT_JOB_EPOCH", b"f", b"-", b"-5", b"x")
        self.client.sends("SUBMIT_REDUCE_JOB_BACKGROUND", b"f", b"", b"", b"", b"")
        self.pump.writes()
        self.assertEqual([item[0] for item in self.client.owed()], ["JOB_CREATED"] * 4)
        for job in self.pump.drawer.jobs.values():
            job.check()
        self.assertEqual(len(self.pump.drawer.jobs), 4)

    def test_epoch(self) -> None:
        """
        A delayed job that is saved last leaves nothing to be done later.
        """
        due = b"%d" % (NOON + 100)
        self.client.sends("SUBMIT_JOB_EPOCH", b"f", b"", due, b"x")
        self.pump.settle()
        self.pump.board.stop()
        stopped = self.pump.keeping.stop()
        self.pump.writes()
        self.successResultOf(stopped)
        self.assertEqual(len(self.pump.drawer.jobs), 1)
        self.assertEqual(self.pump.clock.getDelayedCalls(), [])

    def test_down(self) -> None:
        """
        A store that is down is tried once more, and not waited for.
        """
        self.breaksDown()
        stopped = self.pump.keeping.stop()
        self.pump.settle()
        self.pump.runner.fails()
        self.pump.runner.finishesAll()
        self.successResultOf(stopped)
        self.assertOver()

    def test_loading(self) -> None:
        """
        Jobs that are being loaded are loaded no further.
        """
        for calls in 0, 1, 2:
            drawer = Drawer(jobs={1: savedJob(1, due=NOON + 100)})
            self.pump = self.makePump(loads=False, drawer=drawer)
            self.pump.keeping.start()
            for _ in range(calls):
                self.pump.runner.finishes()
            self.pump.board.stop()
            stopped = self.pump.keeping.stop()
            self.pump.runner.finishesAll()
            self.successResultOf(stopped)
            self.assertOver()
            self.assertEqual(self.pump.clock.getDelayedCalls(), [])

    def test_never(self) -> None:
        """
        What was never started can be stopped.
        """
        self.pump = self.makePump(loads=False)
        stopped = self.pump.keeping.stop()
        self.pump.runner.finishesAll()
        self.successResultOf(stopped)
        self.assertOver()

    def test_drain(self) -> None:
        """
        A submit that came before a drain is answered when it is saved; later ones
        are refused, and nothing is granted.
        """
        self.client.says(BACKGROUND)
        self.pump.settle()
        self.pump.board.drain(lambda: None)
        self.client.says(BACKGROUND)
        self.pump.settle()
        self.pump.writes()
        reply, refusal = self.client.owed()
        self.assertEqual(reply, created(1))
        self.assertEqual(refusal[:2], ("ERROR", b"SHUTDOWN_GRACEFUL"))
        self.assertEqual(self.asks(self.worker, "GRAB_JOB"), [("NO_JOB",)])


class OrderTests(DurableTestCase):
    """
    Admin commands that change what is kept.
    """

    def setUp(self) -> None:
        super().setUp()
        self.admin = self.pump.connect()

    def orders(self, line: bytes) -> bytes:
        """
        Give an order.

        @return: what is answered before anything is saved.
        """
        self.admin.says(line)
        return self.admin.received()

    def test_answered(self) -> None:
        """
        An order is answered when it is saved, and what was asked behind it later.
        """
        self.assertEqual(self.orders(b"pause function f\nversion\n"), b"")
        self.pump.writes()
        first, second = self.admin.received().splitlines()
        self.assertEqual(first, b"OK")
        self.assertTrue(second.startswith(b"OK "))
        self.assertIn(("policy", b"f\0paused"), self.pump.drawer.records)

    def test_notSaved(self) -> None:
        """
        One that cannot be saved says so, though it holds; it is saved later.
        """
        self.pump.drawer.broken = True
        self.assertEqual(self.orders(b"pause function f\n"), b"")
        with logged():
            self.pump.writes()
        self.assertEqual(self.admin.received(), b"ERR QUEUE_ERROR Not+saved\r\n")
        self.assertTrue(self.pump.board.policies.of(b"f").paused)
        self.pump.drawer.broken = False
        with logged():
            self.pump.advance(10.0)
            self.pump.writes()
        self.assertIn(("policy", b"f\0paused"), self.pump.drawer.records)

    def test_refused(self) -> None:
        """
        What is no order, or makes no sense, is answered at once.
        """
        for line in (b"settings\n", b"pause function\n", b"set policy f x 1\n"):
            self.assertNotEqual(self.orders(line), b"", line)

    def test_loading(self) -> None:
        """
        Nobody gives orders before it is known what there is.
        """
        pump = self.makePump(loads=False)
        pump.keeping.start()
        pump.runner.finishes()
        pump.advance(1.5)
        admin = pump.connect()
        admin.says(b"pause function f\n")
        self.assertTrue(admin.received().startswith(b"ERR QUEUE_ERROR"))
