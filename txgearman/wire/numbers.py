"""
Numbers as they stand in packets: decimal digits, or whatever a peer sends.
"""

from __future__ import annotations

import re
from typing import Final

LARGEST: Final = 2**63 - 1
"""The largest number that gearmand reads, and L{atoi} gives for larger ones."""

_NUMBER = re.compile(rb"[ \t\n\v\f\r]*([+-]?)0*([0-9]*)")


def atoi(text: bytes) -> int:
    """
    Read a number as C does: white space, a sign, digits; what follows them is
    ignored, and without digits it is 0.

    @return: a number between -L{LARGEST} and L{LARGEST}, which stand for those
        beyond them.
    """
    match = _NUMBER.match(text)
    assert match is not None, "the pattern matches anything"
    sign, digits = match.groups()
    # Python refuses to convert thousands of digits; twenty are too many anyway.
    number = min(int(digits[:20] or b"0"), LARGEST)
    return -number if sign == b"-" else number


def unsigned(text: bytes) -> int:
    """
    Read a number as gearmand keeps progress: in 32 bits, without a sign.
    """
    return atoi(text) & 0xFFFFFFFF
