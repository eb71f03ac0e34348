"""
Tests for L{txgearman.board.keys}.
"""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from txgearman.board.keys import KEYS, Cause
from txgearman.board.policies import FunctionPolicy
from txgearman.errors import BadSetting

COUNTS = ("attempts", "concurrency", "burst", "queue_limit")
SIZES = ("queue_bytes",)
SECONDS = ("backoff_first", "backoff_max", "timeout", "lease", "ttl", "debounce")
FLAGS = ("retry_foreground", "queue_counts_running", "dead_letter", "paused")
NUMBERS = ("rate", "backoff_factor", "backoff_jitter")

anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(max_size=3), inner, max_size=2)
    ),
    max_leaves=5,
)


class CheckTests(SynchronousTestCase):
    """
    What a file of TOML may say.
    """

    def assertBad(self, key: str, value: Any) -> None:
        """
        Assert that a key is not set to something, and that one is told of the key.
        """
        error = self.assertRaises(BadSetting, KEYS[key].check, value)
        self.assertIn(key, str(error))
        self.assertNotIn("\n", str(error))

    def test_names(self) -> None:
        """
        There are as many keys as a policy has, under the names that it says.
        """
        plain = FunctionPolicy()
        self.assertEqual(len(KEYS), 21)
        for name, key in KEYS.items():
            self.assertEqual(key.name, name)
            self.assertTrue(key.about)
            self.assertTrue(hasattr(plain, key.attribute), key.attribute)

    def test_counts(self) -> None:
        """
        A count is a whole number of 0 or more, and nothing that is like it.
        """
        for key in COUNTS:
            self.assertEqual(KEYS[key].check(0), 0)
            self.assertEqual(KEYS[key].check(12), 12)
            for value in (-1, 1.0, 2.5, "5", True, None, [1], 2**80):
                self.assertBad(key, value)

    def test_seconds(self) -> None:
        """
        Seconds are a number of 0 or more, whole or not.
        """
        for key in SECONDS:
            self.assertEqual(KEYS[key].check(90), 90.0)
            self.assertEqual(KEYS[key].check(1.5), 1.5)
            for bad in (-0.1, "soon", True, None, float("inf"), float("nan"), {"a": 1}):
                self.assertBad(key, bad)

    def test_sizes(self) -> None:
        """
        Bytes are a whole number, or one with K, M or G behind it.
        """
        for key in SIZES:
            self.assertEqual(KEYS[key].check(4096), 4096)
            self.assertEqual(KEYS[key].check("64M"), 64 * 1024**2)
            self.assertEqual(KEYS[key].check("2K"), 2048)
            self.assertEqual(KEYS[key].check("1G"), 1024**3)
            for value in (-1, "-1K", 1.5, "64X", "M", "", True, "nanK", "infG"):
                self.assertBad(key, value)

    def test_flags(self) -> None:
        """
        A truth is true or false, and no word for it.
        """
        for key in FLAGS:
            self.assertIs(KEYS[key].check(True), True)
            self.assertIs(KEYS[key].check(False), False)
            for value in (0, 1, "yes", "true", None):
                self.assertBad(key, value)

    def test_numbers(self) -> None:
        """
        Rates, factors and shares are within their bounds.
        """
        self.assertEqual(KEYS["rate"].check(0), 0)
        self.assertEqual(KEYS["rate"].check(0.5), 0.5)
        self.assertEqual(KEYS["backoff_factor"].check(1), 1)
        self.assertEqual(KEYS["backoff_jitter"].check(1), 1)
        for key, low in (("rate", -1), ("backoff_factor", 0.5), ("backoff_jitter", 2)):
            self.assertBad(key, low)
        for key in NUMBERS:
            for value in (float("nan"), float("inf"), "1", True, None):
                self.assertBad(key, value)

    def test_causes(self) -> None:
        """
        Causes are a list of their names, which may be empty.
        """
        check = KEYS["retry_on"].check
        self.assertEqual(check([]), frozenset())
        self.assertEqual(check(["fail", "lost"]), {Cause.FAIL, Cause.LOST})
        for value in ("fail", ["gone"], [1], {"fail": 1}, None, True):
            self.assertBad("retry_on", value)

    @given(key=st.sampled_from(sorted(KEYS)), value=anything)
    def test_anything(self, key: str, value: Any) -> None:
        """
        Whatever a key is set to, it is taken, or refused in one line with its name;
        what is taken is written as a word that is read as the same.
        """
        try:
            read = KEYS[key].check(value)
        except BadSetting as error:
            self.assertIn(key, str(error))
        else:
            self.assertEqual(KEYS[key].read(KEYS[key].write(read)), read)


class WordTests(SynchronousTestCase):
    """
    What an administrator may say.
    """

    def test_words(self) -> None:
        """
        Words are read as what they mean.
        """
        for key, word, value in (
            ("attempts", "5", 5),
            ("timeout", "90", 90.0),
            ("timeout", "1.5", 1.5),
            ("timeout", "10m", 600.0),
            ("queue_bytes", "64M", 64 * 1024**2),
            ("rate", "0.5", 0.5),
            ("paused", "Yes", True),
            ("paused", "on", True),
            ("paused", "true", True),
            ("paused", "off", False),
            ("paused", "no", False),
            ("paused", "FALSE", False),
            ("retry_on", "fail,lost", {Cause.FAIL, Cause.LOST}),
            ("retry_on", "", frozenset()),
        ):
            self.assertEqual(KEYS[key].read(word), value, (key, word))

    def test_nonsense(self) -> None:
        """
        Words that mean nothing are refused, and none is rounded.
        """
        for key, word in (
            ("attempts", "2.5"),
            ("attempts", "0.5"),
            ("attempts", "1e3"),
            ("attempts", "-1"),
            ("attempts", ""),
            ("attempts", "9" * 50),
            ("timeout", "nan"),
            ("timeout", "inf"),
            ("timeout", "1x"),
            ("queue_bytes", "1.5"),
            ("rate", "fast"),
            ("paused", "perhaps"),
            ("paused", "1"),
            ("retry_on", "gone"),
        ):
            error = self.assertRaises(BadSetting, KEYS[key].read, word)
            self.assertIn(key, str(error))

    @settings(max_examples=300)
    @given(key=st.sampled_from(sorted(KEYS)), word=st.text(max_size=50))
    def test_anyWord(self, key: str, word: str) -> None:
        """
        Whatever word there is, it is read or refused.
        """
        try:
            value = KEYS[key].read(word)
        except BadSetting as error:
            self.assertIn(key, str(error))
        else:
            self.assertEqual(KEYS[key].read(KEYS[key].write(value)), value)
