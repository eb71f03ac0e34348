"""
What is a packet, what is a text line, and what is neither.
"""

from __future__ import annotations

import re
import struct

from tests.functional.raw import packet
from tests.functional.scenarios.stage import Stage, scenario
from tests.functional.scenarios.transcript import CLOSED

INVALID = re.compile(rb"\[ERROR\] INVALID_PACKET\0[^\0]+")
TOO_LARGE = re.compile(rb"\[ERROR\] ARGUMENT_TOO_LARGE\0[^\0]+")


@scenario()
async def repliesAsRequests(stage: Stage) -> None:
    """
    A packet that only servers send is refused, and the connection goes on.
    """
    peer = await stage.enter("peer")
    for name in ["UNUSED", "NOOP", "JOB_CREATED", "NO_JOB", "ECHO_RES", "OPTION_RES"]:
        await peer.sends(name)
    await peer.sends("JOB_CREATED", b"no:1")
    await peer.sends("JOB_ASSIGN", b"no:1", b"f", b"data")
    await peer.sends("ECHO_RES", b"data")
    await peer.sends("ERROR", b"CODE", b"text")
    await peer.sends("STATUS_RES", b"no:1", b"1", b"1", b"0", b"0")
    await peer.sends("OPTION_RES", b"exceptions")
    await peer.sends("JOB_ASSIGN_UNIQ", b"no:1", b"f", b"u", b"data")
    await peer.sends("JOB_ASSIGN_ALL", b"no:1", b"f", b"u", b"r", b"data")
    await peer.sends("STATUS_RES_UNIQUE", b"u", b"1", b"1", b"0", b"0", b"1")


@scenario()
async def numberZero(stage: Stage) -> None:
    """
    Packet number 0 ends the connection without a word.
    """
    peer = await stage.enter("peer")
    peer.writes(packet(0))
    await peer.isLeft()


@scenario()
async def numberTooHigh(stage: Stage) -> None:
    """
    The first packet number beyond the protocol ends the connection.
    """
    peer = await stage.enter("peer")
    peer.writes(packet(43))
    await peer.isLeft()


@scenario()
async def numberFarTooHigh(stage: Stage) -> None:
    """
    So does the highest number that is positive to everybody.
    """
    peer = await stage.enter("peer")
    peer.writes(packet(0x7FFFFFFF, b"data"))
    await peer.isLeft()


@scenario(
    differs="packet-number-minus-one",
    oursOnly=True,
    ours={"peer isLeft": [CLOSED], "other hears": []},
)
async def numberMinusOne(stage: Stage) -> None:
    """
    The packet number that is -1 to a C enum ends only its own connection.
    """
    peer, other = await stage.cast("peer other")
    peer.writes(packet(0xFFFFFFFF))
    await peer.isLeft()
    await other.hears()


@scenario()
async def answersBeforeBadNumber(stage: Stage) -> None:
    """
    What was asked before a bad packet number is answered before the end.
    """
    peer = await stage.enter("peer")
    await peer.sends("ECHO_REQ", b"before")
    await peer.sends("GRAB_JOB")
    peer.writes(packet(43), packet("ECHO_REQ", b"after"))
    await peer.isLeft()


@scenario()
async def badMagic(stage: Stage) -> None:
    """
    A NUL that does not begin a magic ends the connection without a word.
    """
    for name, magic in (
        ("first", b"\0ABC"),
        ("second", b"\0\0\0\0"),
        ("third", b"\0REX"),
    ):
        peer = await stage.enter(name)
        peer.writes(packet("ECHO_REQ", b"data", magic=magic))
        await peer.isLeft()


@scenario()
async def responseMagic(stage: Stage) -> None:
    """
    A packet with a server's magic is refused, and the connection goes on.
    """
    peer = await stage.enter("peer")
    for name in "ECHO_REQ", "ECHO_RES", "NOOP", "GRAB_JOB", "SUBMIT_JOB":
        data = packet(name, b"a", b"b", b"c", magic=b"\0RES")
        await peer.says(data, does=name)


@scenario()
async def responseMagicWithBadNumber(stage: Stage) -> None:
    """
    A bad packet number ends the connection with a server's magic as well.
    """
    peer = await stage.enter("peer")
    peer.writes(packet(43, magic=b"\0RES"))
    await peer.isLeft()


@scenario(
    differs="all-yours",
    ours={"peer ALL_YOURS": [], "peer ALL_YOURS #2": []},
)
async def allYours(stage: Stage) -> None:
    """
    ALL_YOURS of old workers is taken and changes nothing.
    """
    peer = await stage.enter("peer")
    await peer.sends("ALL_YOURS")
    await peer.sends("ALL_YOURS", b"payload")
    await peer.sends("GRAB_JOB")


@scenario()
async def echo(stage: Stage) -> None:
    """
    An echo is the bytes that were sent, whatever they are.
    """
    peer = await stage.enter("peer")
    for data in (
        b"",
        b"text",
        b"\0",
        b"a\0b\0",
        b"\0REQ\0\0\0\1",
        b"\r\n",
        bytes(range(256)),
    ):
        await peer.sends("ECHO_REQ", data)


@scenario()
async def largeEcho(stage: Stage) -> None:
    """
    A megabyte comes back whole.
    """
    peer = await stage.enter("peer")
    await peer.sends("ECHO_REQ", bytes(range(256)) * 4096)


@scenario()
async def payloadsWhereNoneBelong(stage: Stage) -> None:
    """
    The payload of a command that has none is ignored.
    """
    client, worker = await stage.cast("client worker")
    await worker.sends("CAN_DO", stage.f)
    await worker.sends("GRAB_JOB", b"payload")
    await worker.sends("PRE_SLEEP", b"pay\0load")
    await client.sends("SUBMIT_JOB_BG", stage.f, b"", b"")
    job = await worker.sends("GRAB_JOB_UNIQ", b"payload\0")
    await worker.sends("WORK_COMPLETE", job, b"")
    await worker.sends("RESET_ABILITIES", b"\0\0")
    await worker.sends("GRAB_JOB_ALL", b"\0RES")
    await client.asks(b"status\n")


@scenario()
async def halfPackets(stage: Stage) -> None:
    """
    A packet may come in any number of pieces.
    """
    peer, other = await stage.cast("peer other")
    data = packet("SUBMIT_JOB_BG", stage.f, b"unique", b"payload")
    for piece in data[:1], data[1:3], data[3:8], data[8:12], data[12:30]:
        peer.writes(piece)
        await other.hears()
    await peer.says(data[30:])
    worker = await stage.enter("worker")
    await worker.sends("CAN_DO", stage.f)
    await worker.sends("GRAB_JOB_UNIQ")


@scenario()
async def pipelined(stage: Stage) -> None:
    """
    Packets sent at once are answered one by one in their order.
    """
    peer = await stage.enter("peer")
    await peer.says(
        packet("ECHO_REQ", b"1"),
        packet("CAN_DO", stage.f),
        packet("SUBMIT_JOB_BG", stage.f, b"", b"one"),
        packet("SUBMIT_JOB_BG", stage.f, b"", b"two"),
        packet("NOOP"),
        packet("GRAB_JOB"),
        packet("OPTION_REQ", b"exceptions"),
        packet("GRAB_JOB_UNIQ"),
        packet("GET_STATUS", b"no:1"),
        packet("GRAB_JOB"),
        packet("ECHO_REQ", b"2"),
    )


@scenario()
async def textAmongPackets(stage: Stage) -> None:
    """
    Text lines and packets mix freely on one connection.
    """
    peer = await stage.enter("peer")
    await peer.says(
        b"version\n",
        packet("ECHO_REQ", b"1"),
        b"nonsense\r\n",
        packet("GRAB_JOB"),
        b"version\r\n",
        b"\n",
        packet("ECHO_REQ", b"\n"),
        b"maxqueue\n",
    )


@scenario()
async def halfLines(stage: Stage) -> None:
    """
    A text line may come in any number of pieces.
    """
    peer, other = await stage.cast("peer other")
    for piece in b"v", b"ersi", b"on", b"\r":
        peer.writes(piece)
        await other.hears()
    await peer.says(b"\n")


@scenario()
async def lineWithoutEnd(stage: Stage) -> None:
    """
    A text line without its end is waited for.
    """
    peer, other = await stage.cast("peer other")
    peer.writes(b"version")
    await other.hears()
    await peer.shrugs()
    await peer.says(b"\n")


@scenario()
async def anotherProtocol(stage: Stage) -> None:
    """
    A line of another protocol is an unknown command like any other.
    """
    peer = await stage.enter("peer")
    await peer.asks(b"GET / HTTP/1.0\r\n")
    await peer.asks(b"\r\n")
    await peer.asks(b"\xff\xfe\n")


@scenario()
async def lineWithNul(stage: Stage) -> None:
    """
    A text line ends at a NUL, and what follows in the line is ignored.
    """
    peer = await stage.enter("peer")
    await peer.asks(b"version\0 and more\n")
    await peer.asks(b"nonsense\0 and more\n")


@scenario()
async def lineOfFiveWords(stage: Stage) -> None:
    """
    A text line may have five words.
    """
    peer = await stage.enter("peer")
    await peer.asks(b"one two three four five\n")
    await peer.asks(b"version two  three four   five\r\n")
    await peer.asks(b"version trailing spaces   \n")


@scenario(
    differs="too-many-words",
    ours={"peer isLeft": [re.compile(rb"ERR .*\r\n"), CLOSED]},
)
async def lineOfSixWords(stage: Stage) -> None:
    """
    A text line of six words is answered with an error before the end.
    """
    peer = await stage.enter("peer")
    peer.writes(b"one two three four five six\n")
    await peer.isLeft()


@scenario()
async def longLine(stage: Stage) -> None:
    """
    A text line of 8000 bytes is read and answered.
    """
    peer = await stage.enter("peer")
    await peer.says(b"x" * 8000 + b"\n")


@scenario(
    differs="line-too-long",
    ours={"peer isLeft": [re.compile(rb"ERR .*\r\n"), CLOSED]},
)
async def lineTooLong(stage: Stage) -> None:
    """
    A text line over 8 KiB is answered with an error before the end.
    """
    peer = await stage.enter("peer")
    peer.writes(b"x" * 9000)
    await peer.isLeft()


@scenario(
    differs="packet-too-large",
    alone=True,
    ours={"peer isLeft": [TOO_LARGE, CLOSED]},
)
async def packetTooLarge(stage: Stage) -> None:
    """
    A packet that announces two gigabytes is refused at its head.
    """
    peer = await stage.enter("peer")
    peer.writes(struct.pack(">4sII", b"\0REQ", 16, 0x7FFFFFFF))
    await peer.isLeft(stalls="gearmand")
