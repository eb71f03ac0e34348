"""
Tests of L{txgearman.wire.numbers}.
"""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from txgearman.wire.numbers import LARGEST, atoi

WHITE = b" \t\n\v\f\r"

READ = {
    b"": 0,
    b"0": 0,
    b"7": 7,
    b"-1": -1,
    b"+12": 12,
    b"0012": 12,
    b"-007": -7,
    b"-0": 0,
    b" 5": 5,
    WHITE + b"-5": -5,
    b"10ms": 10,
    b"5 6": 5,
    b"5\x006": 5,
    b"0.5": 0,
    b"1e3": 1,
    b"0x10": 0,
    b"1_000": 1,
    b"garbage": 0,
    b"\x005": 0,
    b"-": 0,
    b"+": 0,
    b"+-5": 0,
    b"--5": 0,
    b"- 5": 0,
    b"   ": 0,
    b"\xb2": 0,
    b"\xa05": 0,
    b"\xd9\xa3": 0,
    b"\x1c5": 0,
    # Those that gearmand keeps modulo two to the 32nd are read in full.
    b"4294967295": 4294967295,
    b"4294967296": 4294967296,
    b"99999999999": 99999999999,
}

AT_THE_EDGE = {
    b"9223372036854775806": LARGEST - 1,
    b"9223372036854775807": LARGEST,
    b"9223372036854775808": LARGEST,
    b"9999999999999999999": LARGEST,
    b"10000000000000000000": LARGEST,
    b"-9223372036854775806": 1 - LARGEST,
    b"-9223372036854775807": -LARGEST,
    b"-9223372036854775808": -LARGEST,
    b"-9223372036854775809": -LARGEST,
    b"-99999999999999999999999": -LARGEST,
    b"0" * 50 + b"9223372036854775806": LARGEST - 1,
    b"0" * 50 + b"1": 1,
    b"9" * 100_000: LARGEST,
    b"-" + b"9" * 100_000: -LARGEST,
    b"0" * 100_000: 0,
    b" " * 100_000 + b"3": 3,
    b"1" + b"x" * 100_000: 1,
}


class AtoiTests(SynchronousTestCase):
    """
    Tests of L{atoi}.
    """

    def test_read(self) -> None:
        """
        A number is read as C reads it: from white space, a sign and digits, up
        to the first byte that is none; and without digits it is 0.
        """
        for text, number in READ.items():
            self.assertEqual(atoi(text), number, text)

    def test_atTheEdge(self) -> None:
        """
        A number beyond the largest is the largest, however many digits it has,
        and zeros before it do not count.
        """
        self.assertEqual(LARGEST, 9223372036854775807)
        for text, number in AT_THE_EDGE.items():
            self.assertEqual(atoi(text), number, text[:40])

    @settings(deadline=None, database=None)
    @given(
        white=st.text(WHITE.decode(), max_size=4),
        plus=st.sampled_from(["", "+"]),
        zeros=st.integers(0, 30),
        number=st.integers(-(2**70), 2**70),
        rest=st.one_of(st.just(b""), st.binary(max_size=8)),
    )
    def test_anyNumber(
        self, white: str, plus: str, zeros: int, number: int, rest: bytes
    ) -> None:
        """
        Whatever stands around a number, it is read, and kept within bounds.
        """
        if rest[:1].isdigit():
            rest = b""
        sign = "-" if number < 0 else plus
        text = f"{white}{sign}{'0' * zeros}{abs(number)}".encode() + rest
        self.assertEqual(atoi(text), max(-LARGEST, min(number, LARGEST)))

    @settings(deadline=None, database=None)
    @given(st.binary())
    def test_anyBytes(self, text: bytes) -> None:
        """
        Whatever a peer sends for a number is one.
        """
        self.assertLessEqual(abs(atoi(text)), LARGEST)
