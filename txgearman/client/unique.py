"""
Uniques made of workloads.
"""

from __future__ import annotations

_MASK = 0xFFFFFFFF


def uniqueOf(unique: bytes, data: bytes) -> bytes:
    """
    What a job's unique is on the wire.

    @param unique: what the user gave: C{#} stands for a hash of the workload, in
        decimal digits, the same that libgearman makes of it.
    """
    return b"%d" % murmur3(data, 0xDEADBEEF * len(data)) if unique == b"#" else unique


def murmur3(data: bytes, seed: int) -> int:
    """
    MurmurHash3 for x86, 32 bits, of Austin Appleby.

    @param seed: of which 32 bits count.
    """
    state = seed & _MASK
    whole = len(data) & ~3
    for start in range(0, whole, 4):
        state ^= _scrambled(data[start : start + 4])
        state = (_rotated(state, 13) * 5 + 0xE6546B64) & _MASK
    if whole < len(data):
        state ^= _scrambled(data[whole:])
    state ^= len(data)
    state = (state ^ state >> 16) * 0x85EBCA6B & _MASK
    state = (state ^ state >> 13) * 0xC2B2AE35 & _MASK
    return state ^ state >> 16


def _scrambled(block: bytes) -> int:
    word = int.from_bytes(block, "little") * 0xCC9E2D51 & _MASK
    return _rotated(word, 15) * 0x1B873593 & _MASK


def _rotated(word: int, bits: int) -> int:
    return (word << bits | word >> (32 - bits)) & _MASK
