"""
Fixtures to read with: connections, and ways to cut what arrives on them.
"""

from __future__ import annotations

import random
import struct
from collections.abc import Callable, Iterator, Sequence
from itertools import cycle, islice
from typing import Final

from attrs import define, evolve, field, frozen

from txgearman.wire import packets as p
from txgearman.wire.codec import MALFORMED, Limits, PacketReader
from txgearman.wire.packets import REQUEST, TEXT

Heard = tuple[int, tuple[bytes, ...]]
Cut = Callable[[bytes], Iterator[bytes]]

KIB: Final = 1024
MIB: Final = 1024 * KIB


def packet(number: int, body: bytes = b"", magic: bytes = REQUEST) -> bytes:
    """
    Put a packet together, without the help of what is tested.
    """
    return magic + struct.pack(">I", number) + struct.pack(">I", len(body)) + body


def malformed(code: bytes = b"", text: bytes = b"") -> Heard:
    """
    The event of bytes that are no packet.
    """
    return (MALFORMED, (code, text))


def line(text: bytes) -> Heard:
    """
    The event of a text line.
    """
    return (TEXT, (text,))


# Ways to cut what arrives into chunks


def whole(data: bytes) -> Iterator[bytes]:
    """
    Everything at once.
    """
    yield data


def into(*sizes: int) -> Cut:
    """
    Chunks of these sizes, in turn.
    """

    def cut(data: bytes) -> Iterator[bytes]:
        start, size = 0, cycle(sizes)
        while start < len(data):
            end = start + next(size)
            yield data[start:end]
            start = end

    return cut


def somehow(seed: int, most: int = 40) -> Cut:
    """
    Chunks of any size up to C{most}, none at all among them.
    """
    chance = random.Random(seed)
    return into(*(chance.randint(0, most) for _ in range(20)), 1)


CUTS: Final[Sequence[Cut]] = (
    whole,
    into(1),
    into(2),
    into(0, 3),
    into(12),
    into(13, 1),
    into(1, 29),
    *(somehow(seed) for seed in range(4)),
)


@define
class Listener:
    """
    One end of a connection, which keeps the events of what arrives.

    @ivar heard: the events that it took, in their order.
    """

    reader: PacketReader = field(factory=PacketReader)
    heard: list[Heard] = field(factory=list)

    def receive(self, *chunks: bytes) -> None:
        """
        Take chunks of input, and after each what there is to hear.
        """
        for chunk in chunks:
            self.reader.feed(chunk)
            self.hear()

    def hear(self, count: int | None = None) -> None:
        """
        Take the events that are there, or so many of them.
        """
        for number, arguments in islice(self.reader.events(), count):
            self.heard.append((number, tuple(arguments)))


@frozen
class Case:
    """
    Some bytes, and what is to be heard of them.

    @ivar closes: whether nothing can be read after them.
    """

    data: bytes
    heard: tuple[Heard, ...]
    closes: bool = False
    limits: Limits | None = None
    magic: bytes = REQUEST

    def read(self, cut: Cut) -> Listener:
        """
        Let the bytes arrive in chunks.
        """
        listener = Listener(PacketReader(self.limits, self.magic))
        listener.receive(*cut(self.data))
        return listener

    def then(self, other: Case) -> Case:
        """
        Put another case right behind.
        """
        if self.closes:
            return evolve(self, data=self.data + other.data)
        return evolve(
            self,
            data=self.data + other.data,
            heard=self.heard + other.heard,
            closes=other.closes,
        )

    def among(self, magic: bytes) -> Iterator[Case]:
        """
        The case alone, and with other things before and after it.
        """
        echo = Case(packet(p.ECHO_REQ, b"\0a\n", magic), ((p.ECHO_REQ, (b"\0a\n",)),))
        noop = Case(packet(p.NOOP, b"", magic), ((p.NOOP, ()),))
        text = Case(b"status\r\n", (line(b"status"),))
        yield self
        yield self.then(self)
        for other in (echo, noop, text):
            yield self.then(other)
            yield evolve(self, data=b"", heard=(), closes=False).then(other).then(self)


def case(
    data: bytes,
    *heard: Heard,
    closes: bool = False,
    limits: Limits | None = None,
    magic: bytes = REQUEST,
) -> Case:
    """
    Make a L{Case}.
    """
    return Case(data, heard, closes, limits, magic)


def closing(data: bytes, code: bytes = b"", text: bytes = b"") -> Case:
    """
    Bytes after which nothing can be read.
    """
    return case(data, malformed(code, text), closes=True)
