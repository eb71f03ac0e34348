"""
The board as a whole: connections, handles, and that nothing is left.
"""

from __future__ import annotations

from twisted.internet.task import Clock

from tests.board.stage import ENDS, BoardTestCase, RecordingLink, takeCensus
from txgearman.board.board import JobBoard
from txgearman.board.function import QueueLimit
from txgearman.board.job import JobState
from txgearman.board.policy import Policy

OVER = (JobState.COMPLETED, JobState.FAILED, JobState.CANCELLED)


class ConnectionTests(BoardTestCase):
    """
    Connections come and go.
    """

    def test_made(self) -> None:
        """
        The board knows who is there, in the order of their coming, and gives
        each a number that nobody else had.
        """
        stage = self.stage()
        first, second, third = (stage.client() for _ in range(3))
        second.leaves()
        fourth = stage.client()
        peers = [actor.peer for actor in (first, third, fourth)]
        self.assertEqual(list(stage.board.peers), peers)
        numbers = [actor.peer.number for actor in (first, second, third, fourth)]
        self.assertEqual(numbers, sorted(set(numbers)))

    def test_described(self) -> None:
        """
        A peer is what its connection said, and has done nothing yet.
        """
        board = self.stage().board
        link = RecordingLink()
        peer = board.made(link, b"::1", 99, local=True)
        self.assertIs(peer.link, link)
        self.assertEqual((peer.host, peer.port, peer.local), (b"::1", 99, True))
        self.assertFalse(board.made(link, b"10.0.0.1").local)
        self.assertEqual((peer.abilities, peer.running, peer.waiting), ({}, {}, {}))
        self.assertEqual(link.heard, [])

    def test_exceptions(self) -> None:
        """
        Whether a peer hears of exceptions at first is the policy's choice.
        """
        for default in (False, True):
            client = self.stage(exceptions=default).client()
            self.assertIs(client.peer.exceptions, default)

    def test_idleLost(self) -> None:
        """
        A connection that did nothing leaves nothing.
        """
        stage = self.stage()
        stage.client().leaves()
        self.assertEqual(dict(stage.board.peers), {})
        self.assertEmpty(stage)


class HandleTests(BoardTestCase):
    """
    Each job has a handle.
    """

    def test_counting(self) -> None:
        """
        A handle is the prefix and a number that counts from 1 over all functions;
        a submit that joins a job, or is refused, uses no number up.
        """
        stage = self.stage()
        stage.board.functions.setLimit(b"h", QueueLimit(1, 1, 1))
        client = stage.client()
        client.submits(b"f", unique=b"u")
        client.submits(b"g")
        client.submits(b"f", unique=b"u")
        client.submits(b"h")
        self.assertRefused((b"QUEUE_ERROR", b"Job queue is full"), client.submits, b"h")
        client.submits(b"f")
        handles = [b"H:stage:%d" % number for number in (1, 2, 3, 4)]
        self.assertEqual(list(stage.board.jobs), handles)

    def test_neverAgain(self) -> None:
        """
        No handle comes twice, even when its job has ended.
        """
        stage = self.stage()
        client, worker = stage.client(), stage.worker(b"f")
        handles = set()
        for _ in range(100):
            handles.add(client.submits().handle)
            worker.completes(worker.takes())
        self.assertEqual(len(handles), 100)

    def test_firstNumber(self) -> None:
        """
        The first job's number may be another than 1.
        """
        stage = self.stage(firstNumber=10**12)
        client = stage.client()
        self.assertEqual(client.submits().handle, b"H:stage:1000000000000")
        job = client.submits()
        self.assertEqual(job.handle, b"H:stage:1000000000001")
        self.assertEqual(job.number, 10**12 + 1)

    def test_length(self) -> None:
        """
        No handle has more than 63 bytes: not with the longest prefix and a number
        of 64 bits.
        """
        stage = self.stage(firstNumber=2**64 - 1, handlePrefix=b"p" * 42)
        self.assertEqual(len(stage.client().submits().handle), 63)

    def test_kept(self) -> None:
        """
        A job keeps its handle when it comes back from a lost worker.
        """
        stage = self.stage()
        worker = stage.worker(b"f")
        handle = stage.client().submits().handle
        worker.takes()
        worker.leaves()
        self.assertEqual(stage.worker(b"f").takes().handle, handle)

    def test_order(self) -> None:
        """
        The living jobs stand in the order of their submitting.
        """
        stage = self.stage()
        client, worker = stage.client(), stage.worker(b"f")
        jobs = [client.submits() for _ in range(6)]
        worker.takes()
        worker.completes(worker.takes())
        stage.cancels(jobs[4])
        expected = [jobs[number] for number in (0, 2, 3, 5)]
        self.assertEqual(list(stage.board.jobs.values()), expected)


class DefaultTests(BoardTestCase):
    """
    A board needs no settings.
    """

    def test_policy(self) -> None:
        """
        Without a policy of its own, a board has the usual one.
        """
        self.assertEqual(JobBoard(Clock()).policy, Policy())

    def test_start(self) -> None:
        """
        A new board is empty, and asks nothing of its clock.
        """
        stage = self.stage()
        board = stage.board
        self.assertEqual((board.jobs, board.peers, board.running), ({}, {}, 0))
        self.assertEqual(list(board.functions), [])
        self.assertFalse(board.draining)
        self.assertEqual(stage.clock.getDelayedCalls(), [])


class TraceTests(BoardTestCase):
    """
    A job that has ended leaves nothing behind.
    """

    def test_everyEnd(self) -> None:
        """
        However a job ends, with and without a unique, a timeout or a delay, no
        trace of it stays: on the board, with its function, its client or its
        worker, or on the clock.
        """
        stage = self.stage(attempts=1)
        for unique, data in ((b"", b""), (b"u", b"w"), (b"-", b"w"), (b"-", b"")):
            for timeout in (0.0, 5.0):
                for due in (0.0, 7.0):
                    for end in ENDS:
                        client = stage.client()
                        worker = stage.worker(b"f", timeout=timeout)
                        moment = due and stage.clock.seconds() + due
                        job = client.submits(data=data, unique=unique, due=moment)
                        stage.passes(due)
                        worker.takes()
                        end(stage, client, worker, job)
                        self.assertEmpty(stage)
                        self.assertIn(job.state, OVER)

    def test_workload(self) -> None:
        """
        A job that has ended does not keep its workload alive.
        """
        stage = self.stage()
        client, worker = stage.client(), stage.worker(b"f")
        done, cancelled, abandoned = (client.submits(data=b"w") for _ in range(3))
        worker.takes()
        worker.completes(done)
        stage.cancels(cancelled)
        client.leaves()
        for job in (done, cancelled, abandoned):
            self.assertEqual(job.data, b"")

    def test_thousands(self) -> None:
        """
        Neither do thousands that were abandoned in a queue, of which some are
        wanted.
        """
        stage = self.stage()
        client, worker = stage.client(), stage.worker(b"f")
        kept = []
        for number in range(500):
            gone = stage.client()
            for _ in range(10):
                gone.submits()
            if not number % 50:
                kept.append(client.submits())
            gone.leaves()
            takeCensus(stage.board)
        self.assertEqual(worker.takesAll(), kept)
