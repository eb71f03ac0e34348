"""
What workloads and results are, in the program and on the wire.

Gearman carries bytes. A codec turns what a program works with into bytes and
back; clients and workers that share one need not think of bytes at all.
"""

from __future__ import annotations

import json
from typing import Any, Final, Protocol, TypeVar

T = TypeVar("T")

Name = str | bytes
"""A function, a unique or an identifier: text, which becomes UTF-8, or bytes."""


class Codec(Protocol[T]):
    """
    A way from values to bytes and back. Write your own: two methods do.
    """

    def encode(self, value: T) -> bytes:
        """
        Make bytes of a value.

        @raise Exception: any, for a value that cannot be encoded; the caller
            who gave it gets it.
        """

    def decode(self, data: bytes) -> T:
        """
        Make a value of bytes.

        @raise Exception: any, for bytes that cannot be decoded; whoever waits
            for the value gets it.
        """


class BytesCodec:
    """
    Bytes as they are.
    """

    def encode(self, value: bytes) -> bytes:
        """
        Check that it is bytes.

        @raise TypeError: when it is not: text would need an encoding.
        """
        if not isinstance(value, bytes):
            raise TypeError(f"bytes are needed, not {type(value).__name__}")
        return value

    def decode(self, data: bytes) -> bytes:
        """
        Nothing to do.
        """
        return data


class TextCodec:
    """
    Text, as UTF-8.
    """

    def encode(self, value: str) -> bytes:
        """
        Encode.
        """
        return value.encode()

    def decode(self, data: bytes) -> str:
        """
        Decode.

        @raise UnicodeDecodeError: for other bytes.
        """
        return data.decode()


class JSONCodec:
    """
    What JSON can say, in UTF-8. Empty bytes, which foreign clients and workers
    send when they have nothing to say, are L{None}.
    """

    def encode(self, value: Any) -> bytes:
        """
        Encode.

        @raise TypeError: for a value that JSON cannot say.
        """
        return json.dumps(value, separators=(",", ":")).encode()

    def decode(self, data: bytes) -> Any:
        """
        Decode.

        @raise ValueError: for bytes that are no JSON.
        """
        return json.loads(data) if data else None


BYTES: Final = BytesCodec()
TEXT: Final = TextCodec()
JSON: Final = JSONCodec()


def asBytes(name: Name) -> bytes:
    """
    A name as it stands on the wire: text in UTF-8.

    @raise ValueError: when it has a NUL, which no name can have.
    """
    encoded = name.encode("utf-8", "surrogateescape") if isinstance(name, str) else name
    if b"\0" in encoded:
        raise ValueError(f"a NUL in {name!r}")
    return encoded


def oneWord(name: bytes) -> bytes:
    """
    A name that is a word of a text command.

    @raise ValueError: when it would be several, or none.
    """
    if name.split() != [name]:
        raise ValueError(f"not one word: {name!r}")
    return name


def asText(name: Name) -> str:
    """
    A name as it is shown and logged; what L{asBytes} undoes for any bytes.
    """
    return name if isinstance(name, str) else name.decode("utf-8", "surrogateescape")
