"""
Tests for L{txgearman.codecs}.
"""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from txgearman.codecs import BYTES, JSON, TEXT, Codec, asBytes, asText


class CodecTests(SynchronousTestCase):
    """
    Values to bytes and back.
    """

    def test_ways(self) -> None:
        """
        What is encoded can be decoded.
        """
        ways: list[tuple[Codec[Any], Any, bytes]] = [
            (BYTES, b"\0\xff", b"\0\xff"),
            (TEXT, "\xe9", b"\xc3\xa9"),
            (TEXT, "", b""),
            (JSON, {"a": [1, None]}, b'{"a":[1,null]}'),
            (JSON, None, b"null"),
        ]
        for codec, value, data in ways:
            self.assertEqual(codec.encode(value), data)
            self.assertEqual(codec.decode(data), value)

    def test_nothing(self) -> None:
        """
        To the JSON codec, no bytes at all are L{None}.
        """
        self.assertIsNone(JSON.decode(b""))

    def test_notBytes(self) -> None:
        """
        The codec of bytes takes nothing else, and says what it was given.
        """
        value: Any
        for value, name in [("text", "str"), (None, "NoneType"), (bytearray(), "byte")]:
            error = self.assertRaises(TypeError, BYTES.encode, value)
            self.assertIn(name, str(error))

    def test_refused(self) -> None:
        """
        What a codec cannot say, or cannot read, is an error.
        """
        self.assertRaises(TypeError, JSON.encode, object())
        self.assertRaises(ValueError, JSON.decode, b"{")
        self.assertRaises(UnicodeDecodeError, TEXT.decode, b"\xff")


class NameTests(SynchronousTestCase):
    """
    Names as text and as bytes.
    """

    def test_asBytes(self) -> None:
        """
        On the wire, text is UTF-8, and bytes are as they are.
        """
        self.assertEqual(asBytes("\xe9"), b"\xc3\xa9")
        self.assertEqual(asBytes(b"\xff"), b"\xff")

    def test_asText(self) -> None:
        """
        Any bytes can be shown as text and be found again.
        """
        self.assertEqual(asText("\xe9"), "\xe9")
        self.assertEqual(asText(b"\xc3\xa9"), "\xe9")
        everything = bytes(range(1, 256))
        self.assertEqual(asBytes(asText(everything)), everything)

    def test_nul(self) -> None:
        """
        No name has a NUL.
        """
        for name in ("a\0b", b"a\0b"):
            self.assertRaises(ValueError, asBytes, name)
