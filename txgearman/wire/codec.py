"""
Bytes in, packets and text lines out; packets in, bytes out.

The rules of reading, which L{PacketReader} keeps whatever a peer sends:

  - Whether a packet or a text line comes next is decided by its first byte: a
    packet starts with NUL. Both may be mixed on one connection.
  - A packet's arguments are looked for inside its own body and nowhere else.
  - Nothing is raised. What cannot be understood becomes an event like any
    other, in its place among the packets, so that it can be answered in order.
  - When the place where the next packet starts is lost, the reader closes: it
    yields nothing more and keeps nothing that comes.
  - No more is kept than one packet or line of the sizes in L{Limits}, and one
    chunk of input.

Text lines end with a newline; a carriage return before it is not part of them.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from typing import Any, Final

from attrs import frozen

from txgearman.wire.packets import PACKETS, REQUEST, RESPONSE, TEXT

MALFORMED: Final = -1
"""
The kind of event that stands for bytes that are no packet. Its arguments are
the code and the text of the ERROR packet that is owed for it. Without a code, a
text line was at fault and a line is owed; without a text, nothing is.
"""

_HEAD: Final = struct.Struct(">4sII")
_HEAD_SIZE: Final = _HEAD.size
_COUNT: Final = len(PACKETS)
_MAGICS: Final = (REQUEST, RESPONSE)

# Heads of a server's packets up to the size, and whole ones without arguments.
_HEADS: Final = tuple(RESPONSE + packet.number.to_bytes(4, "big") for packet in PACKETS)
_BARE: Final = tuple(head + bytes(4) for head in _HEADS)

# Most bodies are short: their sizes, encoded.
_SIZES: Final = tuple(size.to_bytes(4, "big") for size in range(1024))

# How many NULs part a packet's arguments; None when it has no arguments, and
# whatever stands in its body means nothing.
_SEPARATORS: Final[tuple[int | None, ...]] = tuple(
    len(packet.arguments) - 1 if packet.arguments else None for packet in PACKETS
)

# Perl's workers report a result that Perl takes for false, such as an empty one,
# as a handle without a NUL and data behind it.
_REPORTS: Final = frozenset(
    packet.number for packet in PACKETS if packet.arguments == ("handle", "data")
)

# Whose last argument may be large.
_WITH_DATA: Final = frozenset(
    packet.number for packet in PACKETS if packet.arguments[-1:] == ("data",)
)

# The NULs between arguments stand near the beginning of a packet. Nothing breaks
# if they do not.
_NAMES: Final = 8 * 1024

# Pieces of a packet smaller than this are gathered up to _GATHERED, so that a
# peer that sends byte by byte cannot make us keep an object for each byte.
_SMALL: Final = 4 * 1024
_GATHERED: Final = 64 * 1024


class Pieces:
    """
    Data that came in pieces and is passed on like that: to join what is large
    takes as long as all else that is done for it.
    """

    __slots__ = ("chunks", "size")

    def __init__(self, chunks: list[bytes]) -> None:
        """
        @param chunks: its parts; not to be changed any more.
        """
        self.chunks = chunks
        self.size = sum(map(len, chunks))

    def __len__(self) -> int:
        return self.size

    def __bytes__(self) -> bytes:
        return b"".join(self.chunks)


Data = bytes | Pieces
"""A workload, a result, or a part of one."""

Event = tuple[int, Sequence[Any]]
"""
What a reader yields: a packet's number and its arguments; or L{TEXT} and the
line; or L{MALFORMED} and the code and text of an error. Arguments are bytes, except
for data that a reader which does not join takes for L{Pieces}.
"""


@frozen
class Limits:
    """
    How much of one packet or line is taken from a peer.

    @ivar packet: the largest body of a packet, in bytes.
    @ivar line: the longest text line, in bytes, neither newline nor carriage
        return counted.
    """

    packet: int = 64 * 1024 * 1024
    line: int = 8 * 1024


def encode(magic: bytes, number: int, *arguments: bytes) -> bytes:
    """
    Encode a packet.

    @param magic: L{REQUEST} or L{RESPONSE}.
    @param number: the packet's number.
    @param arguments: its arguments; none but the last may contain NUL, which
        the caller knows, since only names and numbers stand before the last.
    """
    body = b"\0".join(arguments)
    return _HEAD.pack(magic, number, len(body)) + body


def encodeInto(chunks: list[bytes], number: int, arguments: tuple[Any, ...]) -> int:
    """
    Append an encoded packet of a server to C{chunks}. Its last argument, which
    may be large, is not copied.

    @param arguments: bytes, the last of which may be L{Pieces}.
    @return: the size of the packet in bytes.
    """
    if not arguments:
        chunks.append(_BARE[number])
        return _HEAD_SIZE
    last: Data = arguments[-1]
    size = len(last)
    chunks.append(_HEADS[number])
    if len(arguments) == 1:
        chunks.append(_encodeSize(size))
    else:
        before = b"\0".join(arguments[:-1]) + b"\0"
        size += len(before)
        chunks.append(_encodeSize(size))
        chunks.append(before)
    if isinstance(last, bytes):
        chunks.append(last)
    else:
        chunks.extend(last.chunks)
    return _HEAD_SIZE + size


def encodeShort(number: int, argument: bytes) -> bytes:
    """
    Encode a packet of a server with one argument, which is copied.
    """
    return _HEADS[number] + _encodeSize(len(argument)) + argument


def _encodeSize(size: int) -> bytes:
    return _SIZES[size] if size < len(_SIZES) else size.to_bytes(4, "big")


class PacketReader:
    """
    A reader of one connection's incoming bytes.

    Feed it chunks of any size, and after each take what L{events} yields. A
    caller may stop in the middle of the events and go on later.

    @ivar joins: whether data is joined that came in pieces.
    @ivar closed: whether the reader lost its place and reads no more.
    @ivar missing: how much of a packet that has begun is still to come, in bytes.
    """

    def __init__(
        self,
        limits: Limits | None = None,
        magic: bytes = REQUEST,
        joins: bool = True,
    ) -> None:
        """
        @param magic: the magic that packets must have: L{REQUEST} for a server,
            L{RESPONSE} for clients and workers.
        """
        self.joins = joins
        self.closed = False
        self._limits = Limits() if limits is None else limits
        self._limit = self._limits.packet
        self._magic = magic
        self._buffer = b""
        self._offset = 0
        # A packet that is not all there: its head, its pieces, what they lack.
        self._head: tuple[bytes, int] = (b"", 0)
        self._pieces: list[bytes] = []
        self._small = bytearray()
        self.missing = 0

    def feed(self, data: bytes) -> None:
        """
        Take a chunk of input, of any size.
        """
        if self.closed:
            return
        if self.missing > len(data):
            self._keep(data)
            return
        if self.missing:
            end = self.missing
            self._keep(data if end == len(data) else data[:end])
            self._buffer, self._offset = data, end
        elif self._offset < len(self._buffer):
            self._buffer, self._offset = self._buffer[self._offset :] + data, 0
        else:
            self._buffer, self._offset = data, 0

    def close(self) -> None:
        """
        Read no more, and forget what has not been read.
        """
        self.closed = True
        self._buffer, self._offset = b"", 0
        self._pieces, self._small, self.missing = [], bytearray(), 0

    def events(self) -> Iterator[Event]:
        """
        Iterate over what has arrived, in order, until more input is needed.
        """
        return iter(self.next, None)

    def next(self) -> Event | None:
        """
        Take what has arrived next.

        @return: L{None} when more input is needed, or none is read any more.
        """
        if self.missing:
            return None
        if self._pieces:
            return self._assembled()
        buffer, offset = self._buffer, self._offset
        left = len(buffer) - offset
        if left < _HEAD_SIZE or buffer[offset]:
            if left == 0:
                # Do not hold on to a chunk whose packets are all read.
                self._buffer, self._offset = b"", 0
                return None
            return self._line(buffer, offset)
        # With their types, all that follows is arithmetic when it is compiled.
        magic: bytes
        number: int
        size: int
        magic, number, size = _HEAD.unpack_from(buffer, offset)
        known = 0 < number < _COUNT and magic in _MAGICS
        if not known or size > self._limit:
            return self._refused(known)
        start = offset + _HEAD_SIZE
        end = start + size
        if end > len(buffer):
            self._buffer, self._offset = b"", 0
            self._head = (magic, number)
            self.missing = size
            self._keep(buffer[start:])
            return None
        self._offset = end
        return self._event(magic, number, buffer[start:end])

    def _line(self, buffer: bytes, offset: int) -> Event | None:
        """
        Take a text line, if one is there.

        @return: L{None} when more input is needed, for a line or for a head.
        """
        if not buffer[offset]:
            seen = buffer[offset : offset + len(REQUEST)]
            if REQUEST.startswith(seen) or RESPONSE.startswith(seen):
                return None
            return self._lostPlace(b"", b"")
        # The line and, in front of the newline, perhaps a carriage return.
        most = self._limits.line + 1
        end = buffer.find(b"\n", offset, offset + most + 1)
        line = buffer[offset : offset + most + 1 if end < 0 else end]
        if len(line.removesuffix(b"\r")) > self._limits.line:
            return self._lostPlace(b"", b"Text line too long")
        if end < 0:
            return None
        self._offset = end + 1
        return (TEXT, (line.removesuffix(b"\r"),))

    def _refused(self, known: bool) -> Event:
        """
        Say why a packet is not read. As in gearmand, a magic or a number that
        does not exist closes the connection without a word.
        """
        if not known:
            return self._lostPlace(b"", b"")
        text = b"Packet is larger than %d bytes" % self._limits.packet
        return self._lostPlace(b"ARGUMENT_TOO_LARGE", text)

    def _lostPlace(self, code: bytes, text: bytes) -> Event:
        """
        Read no more, and make the event that says why.
        """
        self.close()
        return (MALFORMED, (code, text))

    def _event(self, magic: bytes, number: int, body: bytes) -> Event:
        """
        Make the event of a packet whose whole body is there.
        """
        if magic != self._magic:
            return self._wrongMagic()
        separators = _SEPARATORS[number]
        if separators is None:
            return (number, ())
        arguments = body.split(b"\0", separators)
        if len(arguments) <= separators:
            if number not in _REPORTS:
                return self._tooFewArguments(number)
            arguments.append(b"")
        return (number, arguments)

    def _wrongMagic(self) -> Event:
        wanted = b"Request" if self._magic == REQUEST else b"Response"
        return (MALFORMED, (b"INVALID_MAGIC", wanted + b" magic expected"))

    def _tooFewArguments(self, number: int) -> Event:
        """
        A body that lacks a NUL was cut or made by a broken peer; what follows
        it is not to be trusted.
        """
        packet = PACKETS[number]
        text = b"%s needs %d arguments" % (packet.name.encode(), len(packet.arguments))
        return self._lostPlace(b"INVALID_PACKET", text)

    def _keep(self, piece: bytes) -> None:
        """
        Keep a piece of a packet that is not all there.
        """
        self.missing -= len(piece)
        if len(piece) < _SMALL:
            self._small += piece
            if self.missing and len(self._small) < _GATHERED:
                return
            piece = b""
        if self._small:
            self._pieces.append(bytes(self._small))
            self._small = bytearray()
        if piece:
            self._pieces.append(piece)

    def _assembled(self) -> Event:
        """
        Make the event of a packet that came in pieces.

        The arguments before the last are short and stand in the first pieces,
        so these are cut off first, and the rest, which may be large, is joined
        once.
        """
        magic, number = self._head
        pieces, self._pieces = self._pieces, []
        separators = _SEPARATORS[number] or 0
        first, found = 0, 0
        while found < separators and first < len(pieces):
            found += pieces[first].count(b"\0", 0, _NAMES)
            first += 1
        event = self._event(magic, number, b"".join(pieces[:first]))
        rest = pieces[first:]
        if event[0] != number or not event[1] or not rest:
            return event
        *before, last = event[1]
        data = Pieces([last, *rest])
        if self.joins or len(data) < _GATHERED or number not in _WITH_DATA:
            return (number, [*before, bytes(data)])
        return (number, [*before, data])
