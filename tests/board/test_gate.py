"""
Tests for L{txgearman.board.gate}.
"""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from txgearman.board.gate import UNLIMITED, Gate
from txgearman.board.policies import FunctionPolicy

START = 1_700_000_000.0


class GateTests(SynchronousTestCase):
    """
    How many jobs may be granted.
    """

    def test_open(self) -> None:
        """
        Without a limit there is room for any number.
        """
        gate = Gate(FunctionPolicy(), START)
        self.assertEqual(gate.room(10**6, START), UNLIMITED)
        self.assertEqual(gate.opens(10**6), 0.0)

    def test_paused(self) -> None:
        """
        There is none while it is paused, however long that takes.
        """
        gate = Gate(FunctionPolicy(paused=True, rate=5.0, burst=5), START)
        self.assertEqual(gate.room(0, START + 1000), 0)
        self.assertEqual(gate.opens(0), 0.0)

    def test_concurrency(self) -> None:
        """
        There is as much as lacks to the limit, and time alone changes nothing.
        """
        gate = Gate(FunctionPolicy(concurrency=2), START)
        self.assertEqual([gate.room(n, START) for n in range(4)], [2, 1, 0, 0])
        self.assertEqual(gate.opens(2), 0.0)

    def test_rate(self) -> None:
        """
        There is a burst at first; then as much as comes in by and by, up to a burst.
        """
        gate = Gate(FunctionPolicy(rate=2.0, burst=3), START)
        for room in (3, 2, 1):
            self.assertEqual(gate.room(0, START), room)
            gate.granted(START)
        self.assertEqual(gate.room(0, START), 0)
        self.assertAlmostEqual(gate.opens(0), START + 0.5, 5)
        self.assertEqual(gate.room(0, START + 0.4), 0)
        self.assertAlmostEqual(gate.opens(0), START + 0.5, 5)
        self.assertEqual(gate.room(0, START + 0.5), 1)
        self.assertEqual(gate.opens(0), 0.0)
        self.assertEqual(gate.room(0, START + 1000), 3)

    def test_both(self) -> None:
        """
        The narrower of two limits holds; while it is the concurrency, there is
        nothing to wait for.
        """
        gate = Gate(FunctionPolicy(rate=1.0, burst=1, concurrency=2), START)
        self.assertEqual(gate.room(0, START), 1)
        gate.granted(START)
        self.assertEqual(gate.room(1, START), 0)
        self.assertAlmostEqual(gate.opens(1), START + 1, 5)
        self.assertEqual(gate.opens(2), 0.0)

    def test_changed(self) -> None:
        """
        Another rate does not give a burst once more; a rate where there was none
        does.
        """
        gate = Gate(FunctionPolicy(rate=1.0, burst=3), START)
        for _ in range(3):
            gate.granted(START)
        gate.changed(FunctionPolicy(rate=2.0, burst=9), START)
        self.assertEqual(gate.room(0, START), 0)
        self.assertAlmostEqual(gate.opens(0), START + 0.5, 5)
        gate.changed(FunctionPolicy(paused=True), START)
        gate.changed(FunctionPolicy(rate=2.0, burst=4), START)
        self.assertEqual(gate.room(0, START), 4)
        gate.changed(FunctionPolicy(rate=2.0, burst=2), START)
        self.assertEqual(gate.room(0, START), 2)

    def test_pauseKeepsTokens(self) -> None:
        """
        A pause neither costs nor gives what the rate allows.
        """
        gate = Gate(FunctionPolicy(rate=1.0, burst=2), START)
        gate.granted(START)
        gate.granted(START)
        gate.changed(FunctionPolicy(rate=1.0, burst=2, paused=True), START)
        gate.changed(FunctionPolicy(rate=1.0, burst=2), START)
        self.assertEqual(gate.room(0, START), 0)
        self.assertEqual(gate.room(0, START + 1), 1)

    def test_clockSetBack(self) -> None:
        """
        A clock that is set back opens nothing, and closes nothing for long.
        """
        gate = Gate(FunctionPolicy(rate=1.0, burst=1), START)
        gate.granted(START)
        self.assertEqual(gate.room(0, START - 1000), 0)
        self.assertEqual(gate.room(0, START - 999), 1)

    @given(
        rate=st.floats(0.01, 1000),
        burst=st.integers(1, 20),
        steps=st.lists(
            st.tuples(st.floats(0, 3), st.integers(0, 30)), min_size=1, max_size=40
        ),
    )
    def test_neverMore(
        self, rate: float, burst: int, steps: list[tuple[float, int]]
    ) -> None:
        """
        Whoever takes what there is room for never has more than a burst and what has
        come since, in any window; and not less, if there always is a taker.
        """
        gate, now, grants = Gate(FunctionPolicy(rate=rate, burst=burst), START), 0.0, []
        for pause, wanted in steps:
            now += pause
            for _ in range(wanted):
                if gate.room(0, START + now) < 1:
                    opens = gate.opens(0) - START
                    assert now < opens <= now + 1 / rate + 1e-6
                    break
                gate.granted(START + now)
                grants.append(now)
        for first, begun in enumerate(grants):
            for last in range(first, len(grants)):
                most = burst + rate * (grants[last] - begun)
                assert last - first + 1 <= most + 1e-3
