"""
Bytes of every kind, and what is to be heard of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Final

from attrs import evolve

from tests.wire.reading import Case, case, closing, line, malformed, packet
from txgearman.wire import packets as p
from txgearman.wire.codec import Limits
from txgearman.wire.packets import PACKETS, REQUEST, RESPONSE

# The example of the protocol text, in its order: a worker registers and sleeps,
# a client submits a job, the worker is woken and does it.
EXAMPLE: Final = (
    (REQUEST, p.CAN_DO, (b"reverse",), b"\0REQ\0\0\0\x01\0\0\0\x07reverse"),
    (REQUEST, p.GRAB_JOB, (), b"\0REQ\0\0\0\x09\0\0\0\0"),
    (RESPONSE, p.NO_JOB, (), b"\0RES\0\0\0\x0a\0\0\0\0"),
    (REQUEST, p.PRE_SLEEP, (), b"\0REQ\0\0\0\x04\0\0\0\0"),
    (
        REQUEST,
        p.SUBMIT_JOB,
        (b"reverse", b"", b"test"),
        b"\0REQ\0\0\0\x07\0\0\0\x0dreverse\0\0test",
    ),
    (RESPONSE, p.JOB_CREATED, (b"H:lap:1",), b"\0RES\0\0\0\x08\0\0\0\x07H:lap:1"),
    (RESPONSE, p.NOOP, (), b"\0RES\0\0\0\x06\0\0\0\0"),
    (REQUEST, p.GRAB_JOB, (), b"\0REQ\0\0\0\x09\0\0\0\0"),
    (
        RESPONSE,
        p.JOB_ASSIGN,
        (b"H:lap:1", b"reverse", b"test"),
        b"\0RES\0\0\0\x0b\0\0\0\x14H:lap:1\0reverse\0test",
    ),
    (
        REQUEST,
        p.WORK_COMPLETE,
        (b"H:lap:1", b"tset"),
        b"\0REQ\0\0\0\x0d\0\0\0\x0cH:lap:1\0tset",
    ),
    (
        RESPONSE,
        p.WORK_COMPLETE,
        (b"H:lap:1", b"tset"),
        b"\0RES\0\0\0\x0d\0\0\0\x0cH:lap:1\0tset",
    ),
)


def sample(number: int, last: bytes, other: bytes = b"") -> tuple[bytes, ...]:
    """
    Arguments for a packet: its last one, and the names of those before it or
    something other.
    """
    names = PACKETS[number].arguments
    if not names:
        return ()
    return (*(other or name.encode() for name in names[:-1]), last)


def every(magic: bytes) -> Iterator[Case]:
    """
    Every packet of the table, with various arguments.
    """
    for row in PACKETS[1:]:
        number = row.number
        for arguments in (
            sample(number, b"last"),
            sample(number, b""),
            sample(number, b"\0", b"\n"),
            sample(number, b"NULs\0 in \0\0 it\0", b" \xff\r\n"),
            sample(number, magic + b"\0\0\0\x10\0\0\0\0", b"REQ"),
            (b"",) * len(row.arguments),
        ):
            body = b"\0".join(arguments)
            yield case(packet(number, body, magic), (number, arguments), magic=magic)


# Of the responses, some will do.
PACKET_CASES: Final = (*every(REQUEST), *islice(every(RESPONSE), 0, None, 3))

# What packets without arguments say in their bodies is passed over.
SILENT_CASES: Final = tuple(
    case(packet(row.number, body), (row.number, ()))
    for row in PACKETS[1:]
    if not row.arguments
    for body in (b"\0", b"body", b"a\0b\0c", b"status\n", packet(p.NOOP))
)

LINE_CASES: Final = (
    case(b"status\n", line(b"status")),
    case(b"status\r\n", line(b"status")),
    case(b"\n", line(b"")),
    case(b"\r\n", line(b"")),
    case(b"\r\r\n", line(b"\r")),
    case(b"a\rb\n", line(b"a\rb")),
    case(b"a\r\rb\r\r\n", line(b"a\r\rb\r")),
    case(b" maxqueue  f 1 \n", line(b" maxqueue  f 1 ")),
    case(b"a\0b\0\n", line(b"a\0b\0")),
    case(b"a" + packet(p.NOOP) + b"\n", line(b"a" + packet(p.NOOP))),
    case(b"\xff\xfe\x80\n", line(b"\xff\xfe\x80")),
    case(b"REQ\n", line(b"REQ")),
    case(b"a\nb\r\n\nc\n", line(b"a"), line(b"b"), line(b""), line(b"c")),
)

INVALID_MAGIC: Final = {
    REQUEST: malformed(b"INVALID_MAGIC", b"Request magic expected"),
    RESPONSE: malformed(b"INVALID_MAGIC", b"Response magic expected"),
}

# A packet of the other direction is answered, and reading goes on behind it.
MAGIC_CASES: Final = tuple(
    case(packet(number, body, other), INVALID_MAGIC[magic], magic=magic)
    for magic, other in ((REQUEST, RESPONSE), (RESPONSE, REQUEST))
    for number, body in (
        (p.NOOP, b""),
        (p.NOOP, b"body"),
        (p.ECHO_REQ, b""),
        (p.SUBMIT_JOB, b"f\0u\0data"),
        (p.SUBMIT_JOB, b"no NUL at all"),
        (p.STATUS_RES_UNIQUE, b""),
    )
)

# As gearmand: not a word about magics and numbers that do not exist.
WRONG_CASES: Final = (
    *(
        closing(start + b"~" * count)
        for start in (b"\0", b"\0R", b"\0RE")
        for count in (1, 2, 12, 30)
    ),
    closing(b"\0\0\0\0\0\0\0\0\0\0\0\0"),
    closing(b"\0\n"),
    closing(b"\0REX\0\0\0\x10\0\0\0\0"),
    closing(b"\0req\0\0\0\x10\0\0\0\0"),
    *(
        closing(packet(number, body, magic))
        for number in (0, 43, 44, 256, 0x100 + p.NOOP, 0x7FFFFFFF, 0xFFFFFFFF)
        for body in (b"", b"body\0\n")
        for magic in (REQUEST, RESPONSE)
    ),
    closing(REQUEST + b"\xff" * 8),
)

SHORT_CASES: Final = tuple(
    evolve(
        closing(
            packet(row.number, body, magic),
            b"INVALID_PACKET",
            f"{row.name} needs {len(row.arguments)} arguments".encode(),
        ),
        magic=magic,
    )
    for row in PACKETS[1:]
    if len(row.arguments) > 1 and row.arguments != ("handle", "data")
    for body in (b"", b"handle", b"\0".join([b"a"] * (len(row.arguments) - 1)))
    for magic in (REQUEST, RESPONSE)
)

HANDLE_CASES: Final = tuple(
    case(packet(number, handle), (number, (handle, b"")))
    for number in (p.WORK_COMPLETE, p.WORK_DATA, p.WORK_WARNING, p.WORK_EXCEPTION)
    for handle in (b"", b"H:host:1")
)

SMALL: Final = Limits(packet=16, line=8)
TOO_LARGE: Final = malformed(b"ARGUMENT_TOO_LARGE", b"Packet is larger than 16 bytes")
TOO_LONG: Final = malformed(b"", b"Text line too long")

LIMIT_CASES: Final = (
    *(
        case(packet(p.ECHO_REQ, b"x" * size), (p.ECHO_REQ, (b"x" * size,)))
        for size in (15, 16)
    ),
    case(packet(p.SUBMIT_JOB, b"f\0u\0" + b"x" * 12), (7, (b"f", b"u", b"x" * 12))),
    case(packet(p.NOOP, b"x" * 16), (p.NOOP, ())),
    case(packet(p.NOOP, b"x" * 16, RESPONSE), INVALID_MAGIC[REQUEST]),
    case(packet(p.ECHO_REQ, b"x" * 17), TOO_LARGE, closes=True),
    case(packet(p.NOOP, b"x" * 17), TOO_LARGE, closes=True),
    case(packet(p.NOOP, b"x" * 17, RESPONSE), TOO_LARGE, closes=True),
    case(packet(p.ECHO_REQ, b"x\n" * 500), TOO_LARGE, closes=True),
    case(b"\0REQ\0\0\0\x10\xff\xff\xff\xff", TOO_LARGE, closes=True),
    case(b"\0REQ\0\0\0\x10\x80\0\0\0", TOO_LARGE, closes=True),
    case(packet(43, b"x" * 17), malformed(), closes=True),
    case(b"1234567\n", line(b"1234567")),
    case(b"1234567\r\n", line(b"1234567")),
    case(b"12345678\n", line(b"12345678")),
    case(b"123456789\n", TOO_LONG, closes=True),
    case(b"123456789\r\n", TOO_LONG, closes=True),
    case(b"x" * 100 + b"\n", TOO_LONG, closes=True),
    case(b"12345678\rx\n", TOO_LONG, closes=True),
    case(b"12345678\r\r\n", TOO_LONG, closes=True),
    case(b"1\0\0\0\0\0\0\0\0\n", TOO_LONG, closes=True),
)
