"""
Tests of L{benchmarks.load}.
"""

from __future__ import annotations

import random
import socket
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from benchmarks.load import Load, Requests, Worker, background, foreground
from txgearman.wire.codec import PacketReader, encode
from txgearman.wire.packets import (
    ECHO_RES,
    GRAB_JOB,
    JOB_ASSIGN,
    JOB_CREATED,
    NO_JOB,
    NOOP,
    PRE_SLEEP,
    REQUEST,
    RESPONSE,
    SUBMIT_JOB,
    WORK_COMPLETE,
)


def functionsIn(data: memoryview) -> list[bytes]:
    """
    @return: the functions of submits, in their order.
    """
    reader = PacketReader()
    reader.feed(bytes(data))
    return [arguments[0] for _, arguments in reader.events()]


class RequestsTests(SynchronousTestCase):
    """
    Tests of L{Requests}.
    """

    def test_turns(self) -> None:
        """
        Requests are taken in turn, and after the last one the first follows in the
        same piece.
        """
        requests = Requests([b"a", b"b", b"c"], 2, JOB_CREATED)
        taken = [bytes(requests.take(count)) for count in [2, 2, 1, 1, 2]]
        self.assertEqual(taken, [b"ab", b"ca", b"b", b"c", b"ab"])

    def test_functions(self) -> None:
        """
        Submits for several functions name one after the other.
        """
        requests = background(32, 4, functions=3)
        first = functionsIn(requests.take(4))
        self.assertEqual(first, [*[b"load%06d" % i for i in range(3)], first[0]])
        self.assertEqual(functionsIn(requests.take(1)), [first[1]])

    def test_window(self) -> None:
        """
        A whole window is in one piece.
        """
        requests = foreground(5, 3)
        reader = PacketReader()
        reader.feed(bytes(requests.take(requests.window)))
        self.assertEqual(
            [(number, list(arguments)) for number, arguments in reader.events()],
            [(SUBMIT_JOB, [b"load", b"", b"xxxxx"])] * 3,
        )


class WorkerTests(SynchronousTestCase):
    """
    Tests of L{Worker}.
    """

    def setUp(self) -> None:
        listening = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(listening.close)
        self.load = Load(listening.getsockname()[1])
        self.addCleanup(self.load.__exit__)
        self.said: list[bytes] = []

    def worker(self, **options: Any) -> Worker:
        worker = Worker(self.load, counts=True, **options)
        worker.send = self.said.append  # type: ignore[method-assign, assignment]
        return worker

    def test_pieces(self) -> None:
        """
        However packets come in pieces, small and large, each is answered once, in
        order, when all of it is there.
        """
        chance, worker, asked = random.Random(7), self.worker(), False
        for _ in range(200):
            coming, answers, jobs = b"", b"", 0
            self.said.clear()
            self.load.done = 0
            for number in range(chance.randint(1, 12)):
                kinds = (NO_JOB, ECHO_RES, JOB_ASSIGN, JOB_ASSIGN)
                kind = chance.choice(kinds if asked else (NOOP, ECHO_RES))
                asked = kind == NOOP or (asked and kind != NO_JOB)
                if kind == JOB_ASSIGN:
                    handle = b"H:host:%d" % number
                    size = chance.choice([0, 32, 4050, 4096, 4200, 70_000])
                    coming += encode(RESPONSE, kind, handle, b"load", bytes(size))
                    answers += encode(REQUEST, WORK_COMPLETE, handle, b"ok")
                    answers += encode(REQUEST, GRAB_JOB)
                else:
                    coming += encode(RESPONSE, kind)
                    if kind != ECHO_RES:
                        answer = GRAB_JOB if kind == NOOP else PRE_SLEEP
                        answers += encode(REQUEST, answer)
                jobs += kind in (JOB_ASSIGN, ECHO_RES)
            small = len(coming) < 9_000
            most = chance.choice([1, 5, 100, 200_000]) if small else 9_000
            while coming:
                size = chance.randint(1, most)
                worker.received(coming[:size])
                coming = coming[size:]
                early = b"".join(self.said)
                self.assertEqual(early, answers[: len(early)])
            self.assertEqual(b"".join(self.said), answers)
            self.assertEqual(self.load.done, jobs)

    def test_notAllThere(self) -> None:
        """
        A large job is not answered before its last byte.
        """
        worker = self.worker()
        packet = encode(RESPONSE, JOB_ASSIGN, b"H:1", b"load", bytes(100_000))
        worker.received(packet[:60_000])
        worker.received(packet[60_000:-1])
        self.assertEqual(self.said, [])
        worker.received(packet[-1:])
        self.assertEqual(self.load.done, 1)

    def test_several(self) -> None:
        """
        One that asks for several jobs at once sleeps when it has no answer left to
        wait for, and is woken only then; all answers to what it read leave at once.
        """
        grab, sleep = encode(REQUEST, GRAB_JOB), encode(REQUEST, PRE_SLEEP)
        noJob, noop = encode(RESPONSE, NO_JOB), encode(RESPONSE, NOOP)
        job = encode(RESPONSE, JOB_ASSIGN, b"H:1", b"load", b"")
        done = encode(REQUEST, WORK_COMPLETE, b"H:1", b"ok") + grab
        worker = self.worker(atOnce=3)
        worker.work()
        for coming in job + job, noJob + noop, job + noJob, noJob + noop, noop:
            worker.received(coming)
        self.assertEqual(self.said, [grab * 3, done * 2, done, sleep + grab * 3])
