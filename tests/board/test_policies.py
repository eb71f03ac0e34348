"""
Tests for L{txgearman.board.policies}.
"""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from txgearman.board.keys import KEYS, Cause
from txgearman.board.policies import (
    FunctionPolicy,
    Origin,
    Policies,
    Setting,
    exactly,
)

patterns = st.lists(
    st.sampled_from([b"a", b"b", b"*", b"?", b"[", b"]", b"!", b"-", b"\xff", b"\n"]),
    max_size=6,
).map(b"".join)


def option(key: str, value: Any, pattern: bytes = b"*") -> Setting:
    """
    What a command line says.
    """
    return Setting(pattern, key, value, Origin.OPTION)


def configured(pattern: bytes, key: str, value: Any) -> Setting:
    """
    What a file says.
    """
    return Setting(pattern, key, value, Origin.CONFIG)


class PoliciesTests(SynchronousTestCase):
    """
    Whose word holds.
    """

    def test_nothing(self) -> None:
        """
        Where nothing was decided, jobs are as in gearmand: any number of attempts
        after timeouts and losses, no limit, and nothing is kept.
        """
        policy = Policies().of(b"f")
        self.assertEqual(policy, FunctionPolicy())
        self.assertEqual(policy.retryOn, {Cause.TIMEOUT, Cause.LOST})
        self.assertEqual(policy.resultLimit, 65536)
        self.assertEqual((policy.backoffFactor, policy.backoffMax), (2.0, 3600.0))
        self.assertFalse(policy.deadLetter)
        self.assertFalse(policy.retryForeground)
        self.assertTrue(policy.queueCountsRunning)
        for key in ("attempts", "timeout", "lease", "concurrency", "rate", "ttl"):
            self.assertEqual(getattr(policy, key), 0)

    def test_order(self) -> None:
        """
        The administrator's word goes before the file's, and that before the option's;
        among those of one origin the later holds, key by key.
        """
        policies = Policies([option("attempts", 1)])
        self.assertEqual(policies.of(b"mail.a").attempts, 1)
        policies.configure(
            [configured(b"mail.*", "attempts", 2), configured(b"*", "timeout", 3.0)]
        )
        self.assertEqual(policies.of(b"mail.a").attempts, 2)
        self.assertEqual(policies.of(b"other").attempts, 1)
        self.assertEqual(policies.of(b"mail.a").timeout, 3.0)
        policies.set(b"mail.?", "attempts", 4)
        policies.set(b"*", "attempts", 5)
        self.assertEqual(policies.of(b"mail.a").attempts, 5)
        self.assertTrue(policies.unset(b"*", "attempts"))
        self.assertEqual(policies.of(b"mail.a").attempts, 4)
        self.assertEqual(policies.of(b"mail.aa").attempts, 2)

    def test_place(self) -> None:
        """
        What is decided once more goes before all that was decided before.
        """
        policies = Policies()
        policies.set(b"f", "attempts", 1)
        policies.set(b"*", "attempts", 2)
        policies.set(b"f", "attempts", 3)
        self.assertEqual(policies.of(b"f").attempts, 3)
        self.assertEqual([one.value for one in policies], [2, 3])

    def test_configureAgain(self) -> None:
        """
        What the file does not say any more does not hold; what the others said does.
        """
        policies = Policies([option("timeout", 9.0)])
        policies.set(b"f", "lease", 1.0)
        policies.configure([configured(b"*", "attempts", 2)])
        policies.configure([configured(b"g", "attempts", 2)])
        policy = policies.of(b"f")
        self.assertEqual((policy.attempts, policy.lease, policy.timeout), (0, 1.0, 9.0))
        self.assertEqual(len(policies), 3)

    def test_unset(self) -> None:
        """
        Only what was decided by hand, of that very pattern, is undone.
        """
        policies = Policies()
        policies.configure([configured(b"f", "attempts", 2)])
        self.assertFalse(policies.unset(b"f", "attempts"))
        policies.set(b"f*", "attempts", 3)
        self.assertFalse(policies.unset(b"f", "attempts"))
        self.assertFalse(policies.unset(b"f*", "timeout"))
        self.assertTrue(policies.unset(b"f*", "attempts"))
        self.assertEqual(policies.of(b"f").attempts, 2)

    def test_attempts(self) -> None:
        """
        Where attempts are set, jobs are tried again after all that may go wrong, and
        die at last; unless that is decided otherwise, before it or after.
        """
        policies = Policies()
        policies.set(b"f", "attempts", 3)
        policy = policies.of(b"f")
        self.assertEqual((policy.retryOn, policy.deadLetter), (frozenset(Cause), True))
        policies.configure(
            [
                configured(b"*", "dead_letter", False),
                configured(b"*", "retry_on", frozenset({Cause.FAIL})),
            ]
        )
        policy = policies.of(b"f")
        self.assertEqual((policy.retryOn, policy.deadLetter), ({Cause.FAIL}, False))

    def test_noAttempts(self) -> None:
        """
        Where they are set to any number, it is as if they were not.
        """
        policies = Policies()
        policies.configure([configured(b"*", "attempts", 3)])
        policies.set(b"f", "attempts", 0)
        policy = policies.of(b"f")
        self.assertEqual(policy.retryOn, {Cause.TIMEOUT, Cause.LOST})
        self.assertFalse(policy.deadLetter)

    def test_burst(self) -> None:
        """
        Without a burst, as many are granted at once as in a second, one at least.
        """
        policies = Policies()
        for rate, burst in ((50.0, 50), (0.1, 1), (2.5, 3)):
            policies.set(b"f", "rate", rate)
            self.assertEqual(policies.of(b"f").burst, burst)
        policies.set(b"f", "burst", 7)
        self.assertEqual(policies.of(b"f").burst, 7)

    def test_explain(self) -> None:
        """
        Each key is told with its value, and with who decided it.
        """
        policies = Policies([option("attempts", 1)])
        policies.configure([configured(b"f*", "timeout", 2.0)])
        policies.set(b"?", "lease", 3.0)
        policies.set(b"g", "ttl", 4.0)
        told = {setting.key: setting for setting in policies.explain(b"f")}
        self.assertEqual(set(told), set(KEYS))
        self.assertEqual(told["attempts"], option("attempts", 1))
        self.assertEqual(told["timeout"], configured(b"f*", "timeout", 2.0))
        self.assertEqual(told["lease"], Setting(b"?", "lease", 3.0, Origin.ADMIN))
        self.assertEqual((told["ttl"].value, told["ttl"].origin), (0, Origin.DEFAULT))
        policy = policies.of(b"f")
        for key, setting in told.items():
            self.assertEqual(setting.value, getattr(policy, KEYS[key].attribute))

    def test_origins(self) -> None:
        """
        Origins are told with these words.
        """
        words = [origin.value for origin in Origin]
        self.assertEqual(words, ["default", "option", "config", "admin"])


class PatternTests(SynchronousTestCase):
    """
    Whom a setting concerns.
    """

    def concerns(self, pattern: bytes, name: bytes) -> bool:
        """
        Does a setting with this pattern concern this function?
        """
        policies = Policies()
        policies.set(pattern, "attempts", 7)
        return policies.of(name).attempts == 7

    def test_patterns(self) -> None:
        """
        They are those of the shell, with case, on all of the name.
        """
        for pattern, name, concerned in (
            (b"f", b"f", True),
            (b"f", b"F", False),
            (b"f", b"ff", False),
            (b"*", b"", True),
            (b"mail.*", b"mail.send", True),
            (b"mail.*", b"mailXsend", False),
            (b"mail.*", b"mail.a\nb", True),
            (b"?", b"\xff", True),
            (b"\xc3\xa4*", "\N{LATIN SMALL LETTER A WITH DIAERESIS}".encode(), True),
            (b"??", "\N{LATIN SMALL LETTER A WITH DIAERESIS}".encode(), True),
            (b"[a-c]", b"b", True),
            (b"[!a-c]", b"b", False),
            (b"[\xfe-\xff]", b"\xfe", True),
            (b"f", b"f\n", False),
            (b"a.b", b"axb", False),
        ):
            self.assertIs(self.concerns(pattern, name), concerned, (pattern, name))

    @given(pattern=patterns, name=patterns)
    def test_anyPattern(self, pattern: bytes, name: bytes) -> None:
        """
        They are those of L{fnmatch} on the bytes.
        """
        self.assertEqual(self.concerns(pattern, name), fnmatchcase(name, pattern))

    @given(name=patterns, other=patterns)
    def test_exactly(self, name: bytes, other: bytes) -> None:
        """
        There is a pattern for one name and no other, whatever is in it.
        """
        self.assertTrue(self.concerns(exactly(name), name))
        self.assertEqual(self.concerns(exactly(name), other), name == other)


class BackoffTests(SynchronousTestCase):
    """
    How long to wait before the next attempt.
    """

    def test_none(self) -> None:
        """
        By default there is no pause.
        """
        self.assertEqual(FunctionPolicy().backoff(5, 0.5), 0.0)

    def test_factor(self) -> None:
        """
        Each pause is so many times the one before, up to the longest.
        """
        policy = FunctionPolicy(backoffFirst=2.0, backoffFactor=3.0, backoffMax=50.0)
        pauses = [policy.backoff(attempts, 0.5) for attempts in range(1, 6)]
        self.assertEqual(pauses, [2.0, 6.0, 18.0, 50.0, 50.0])
        self.assertEqual(policy.backoff(10**6, 0.5), 50.0)

    def test_jitter(self) -> None:
        """
        It is longer or shorter by up to a share, by chance.
        """
        policy = FunctionPolicy(backoffFirst=10.0, backoffJitter=0.2)
        pauses = [policy.backoff(1, chance) for chance in (0.0, 0.25, 0.5, 0.75, 1.0)]
        for pause, expected in zip(pauses, (8.0, 9.0, 10.0, 11.0, 12.0), strict=True):
            self.assertAlmostEqual(pause, expected)

    @given(
        first=st.floats(0, 1e9),
        factor=st.floats(1, 1e9),
        longest=st.floats(0, 1e9),
        jitter=st.floats(0, 1),
        attempts=st.integers(1, 10**9),
        chance=st.floats(0, 1),
    )
    def test_bounds(
        self,
        first: float,
        factor: float,
        longest: float,
        jitter: float,
        attempts: int,
        chance: float,
    ) -> None:
        """
        No pause is longer than the longest, or shorter than none.
        """
        policy = FunctionPolicy(
            backoffFirst=first,
            backoffFactor=factor,
            backoffMax=longest,
            backoffJitter=jitter,
        )
        self.assertTrue(0.0 <= policy.backoff(attempts, chance) <= longest)
