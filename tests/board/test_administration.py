"""
Tests for L{txgearman.board.administration}.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tests.board.stage import Actor, BoardTestCase, Stage, fail
from tests.stores.stage import DurableStage
from txgearman.board.job import JobState
from txgearman.board.keys import KEYS
from txgearman.board.policies import Origin, Setting
from txgearman.errors import BadRow


class PolicyTests(BoardTestCase):
    """
    What is decided while jobs are there.
    """

    def test_known(self) -> None:
        """
        A decision holds for functions that are known, and for those that come.
        """
        stage = self.stage()
        stage.client().submits(b"known")
        stage.rules(b"*", timeout=7)
        stage.client().submits(b"new")
        for name in (b"known", b"new"):
            self.assertEqual(stage.function(name).policy.timeout, 7.0)
        self.assertTrue(stage.board.unsetPolicy(b"*", "timeout"))
        self.assertFalse(stage.board.unsetPolicy(b"*", "timeout"))
        for name in (b"known", b"new"):
            self.assertEqual(stage.function(name).policy.timeout, 0.0)

    def test_configure(self) -> None:
        """
        What the configuration says is replaced, what was decided by hand goes before
        it.
        """
        stage = self.stage()
        stage.client().submits()
        said = [Setting(b"f", key, 5, Origin.CONFIG) for key in ("attempts", "burst")]
        stage.board.configure(said)
        self.assertEqual(stage.function().policy.attempts, 5)
        stage.rules(attempts=6)
        self.assertEqual(stage.function().policy.attempts, 6)
        stage.board.configure(said[:1])
        policy = stage.function().policy
        self.assertEqual((policy.attempts, policy.burst), (6, 0))
        stage.board.unsetPolicy(b"f", "attempts")
        self.assertEqual(stage.function().policy.attempts, 5)

    def test_option(self) -> None:
        """
        The attempts of the command line are those of gearmand: nothing dies of them,
        and what a worker reports is not tried again.
        """
        stage = self.stage(attempts=3)
        stage.client().submits()
        policy = stage.function().policy
        self.assertEqual((policy.attempts, policy.deadLetter), (3, False))
        self.assertEqual({cause.value for cause in policy.retryOn}, {"timeout", "lost"})
        [setting] = stage.board.policies
        self.assertIs(setting.origin, Origin.OPTION)

    def test_tooLong(self) -> None:
        """
        A pattern is no longer than a name.
        """
        stage = self.stage()
        stage.board.setPolicy(b"x" * 4096, "attempts", 1)
        too = (b"ARGUMENT_TOO_LARGE", b"Function name too large")
        self.assertRefused(too, stage.board.setPolicy, b"x" * 4097, "attempts", 1)

    def test_draining(self) -> None:
        """
        A server that ends decides nothing any more.
        """
        stage = self.stage()
        stage.rules(attempts=1)
        stage.board.drain(lambda: None)
        ending = (b"SHUTDOWN_GRACEFUL", b"Server is shutting down")
        self.assertRefused(ending, stage.board.setPolicy, b"f", "attempts", 2)
        self.assertRefused(ending, stage.board.unsetPolicy, b"f", "attempts")
        self.assertEqual(stage.board.policies.of(b"f").attempts, 1)


class PurgeTests(BoardTestCase):
    """
    All of a function's jobs that wait.
    """

    def test_purge(self) -> None:
        """
        Those that wait are cancelled, now or later; those that run go on, and so do
        those of others. Clients hear of each.
        """
        stage = self.stage()
        client, worker = stage.client(), stage.worker(b"f")
        running = client.submits()
        worker.takes()
        queued = [client.submits(background=b) for b in (True, False, False)]
        delayed = client.submits(due=stage.clock.seconds() + 10)
        other = client.submits(b"g")
        self.assertEqual(stage.board.purge(stage.function()), 4)
        for job in (*queued, delayed):
            self.assertIs(job.state, JobState.CANCELLED)
        told = [fail(job) for job in (*queued[1:], delayed)]
        self.assertEqual(client.hears(), told)
        self.assertEqual(list(stage.board.jobs.values()), [running, other])
        self.assertEqual(stage.board.purge(stage.function()), 0)
        stage.census()

    def test_nothingDies(self) -> None:
        """
        What is purged is no dead letter, nor does it leave a result, which would push
        out another one.
        """
        stage = self.stage()
        stage.rules(attempts=1, results=60)
        job = stage.client().submits(background=True)
        stage.board.purge(stage.function())
        self.assertEqual(list(stage.board.dead), [])
        self.assertIsNone(stage.board.results.get(job.handle))


class RunningTests(BoardTestCase):
    """
    Jobs that are cancelled while they run, under a policy that tries again.
    """

    def test_notTriedAgain(self) -> None:
        """
        A job that was cancelled is not tried again, whatever its worker reports.
        """
        for report in (Actor.fails, Actor.throws, Actor.completes, Actor.leaves):
            stage = self.stage()
            stage.rules(attempts=5, retry_foreground=True, timeout=5)
            client, worker = stage.client(), stage.worker(b"f")
            job = client.submits(unique=b"u")
            client.submits(unique=b"u", background=True)
            worker.takes()
            self.assertTrue(stage.cancels(job))
            self.assertEqual(client.hears(), [fail(job)])
            if report is Actor.leaves:
                worker.leaves()
            else:
                reported: Callable[..., object] = report
                reported(worker, job)
            stage.passes(10.0)
            self.assertEqual(client.hears(), [])
            self.assertEmpty(stage)


def restores(stage: Stage, key: bytes, value: bytes) -> None:
    """
    Have a setting back.
    """
    assert isinstance(stage, DurableStage), stage
    stage.board.restoreRecord("policy", key, value)


class RestoringTests(BoardTestCase):
    """
    Settings that were kept.
    """

    def test_nonsense(self) -> None:
        """
        What cannot be read is refused, and the others hold.
        """
        stage = DurableStage()
        good = b'{"place": 2, "value": "5"}'
        restores(stage, b"f\0attempts", good)
        for key, value in (
            (b"f\0nothing", good),
            (b"f\0\xff", good),
            (b"f\0timeout", b""),
            (b"f\0timeout", b"\xff"),
            (b"f\0timeout", b"[]"),
            (b"f\0timeout", b"{}"),
            (b"f\0timeout", b'"place"'),
            (b"f\0timeout", b'{"place": 1}'),
            (b"f\0timeout", b'{"place": Infinity, "value": "1"}'),
            (b"f\0timeout", b'{"place": [], "value": "1"}'),
            (b"f\0timeout", b'{"place": 1, "value": "soon"}'),
            (b"f\0timeout", b'{"place": 1, "value": null}'),
            (b"f\0paused", b'{"place": 1, "value": 5}'),
            (b"f\0paused", b'{"place": 1, "value": []}'),
            (b"f\0retry_on", b'{"place": 1, "value": true}'),
            (b"f\0timeout", b"[" * 100_000),
        ):
            self.assertRaises(BadRow, restores, stage, key, value)
        self.assertEqual(stage.board.policies.of(b"f").attempts, 5)
        self.assertEqual(len(stage.board.policies), 1)

    @given(
        key=st.sampled_from(sorted(KEYS)),
        place=st.none() | st.integers() | st.floats() | st.text(max_size=3),
        value=st.none() | st.booleans() | st.floats() | st.text() | st.just([]),
    )
    def test_anything(self, key: str, place: Any, value: Any) -> None:
        """
        Whatever was kept is read, or refused.
        """
        stage = DurableStage()
        kept = json.dumps({"place": place, "value": value}).encode()
        try:
            restores(stage, b"f\0" + key.encode(), kept)
        except BadRow:
            self.assertEqual(len(stage.board.policies), 0)
        else:
            self.assertEqual(len(stage.board.policies), 1)

    def test_badLetters(self) -> None:
        """
        So are dead letters, results, and what nothing is known of.
        """
        stage = DurableStage()
        for kind in ("dead", "result", "unknown"):
            for value in (b"", b"{}\n", b"[]\n", b"\xff\n"):
                self.assertRaises(
                    BadRow, stage.board.restoreRecord, kind, b"H:x:1", value
                )
        self.assertEqual((len(stage.board.dead), len(stage.board.results)), (0, 0))
