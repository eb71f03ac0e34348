"""
Tests for L{txgearman.client.unique}.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from txgearman.client.unique import murmur3, uniqueOf


class UniqueTests(SynchronousTestCase):
    """
    Uniques that are made of workloads.
    """

    def test_hashed(self) -> None:
        """
        C{#} stands for the number that libgearman makes of the workload.
        """
        for data, unique in [
            (b"", b"0"),
            (b"abc", b"634628250"),
            (b"hello", b"1067880409"),
            (b"hello world 12345", b"1731160826"),
        ]:
            self.assertEqual(uniqueOf(b"#", data), unique)

    def test_asGiven(self) -> None:
        """
        Every other unique stays as it is; the server knows what C{-} means.
        """
        for unique in (b"", b"-", b"##", b"mine"):
            self.assertEqual(uniqueOf(unique, b"abc"), unique)

    def test_seed(self) -> None:
        """
        A seed counts with its lowest 32 bits.
        """
        self.assertEqual(murmur3(b"abc", 7), murmur3(b"abc", 7 + (5 << 32)))
        self.assertNotEqual(murmur3(b"abc", 7), murmur3(b"abc", 8))

    def test_published(self) -> None:
        """
        It is MurmurHash3: these hashes are the well-known ones of its kind.
        """
        for data, seed, expected in [
            (b"", 1, 0x514E28B7),
            (b"", 0xFFFFFFFF, 0x81F16F39),
            (b"\0\0\0\0", 0, 0x2362F9DE),
            (b"\xff\xff\xff\xff", 0, 0x76293B50),
            (b"!Ce", 0, 0x7E4A8634),
            (b"Hello, world!", 0x9747B28C, 0x24884CBA),
        ]:
            self.assertEqual(murmur3(data, seed), expected)
