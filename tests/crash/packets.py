"""
The bytes of the protocol, made and taken apart by hand.
"""

from __future__ import annotations

import struct
from typing import Final

_HEAD: Final = struct.Struct(">4sII")

CAN_DO: Final = 1
PRE_SLEEP: Final = 4
NOOP: Final = 6
SUBMIT_JOB: Final = 7
JOB_CREATED: Final = 8
GRAB_JOB: Final = 9
NO_JOB: Final = 10
JOB_ASSIGN: Final = 11
WORK_STATUS: Final = 12
WORK_COMPLETE: Final = 13
WORK_FAIL: Final = 14
GET_STATUS: Final = 15
ECHO_REQ: Final = 16
ECHO_RES: Final = 17
SUBMIT_JOB_BG: Final = 18
ERROR: Final = 19
STATUS_RES: Final = 20
SUBMIT_JOB_HIGH: Final = 21
WORK_EXCEPTION: Final = 25
WORK_DATA: Final = 28
WORK_WARNING: Final = 29
GRAB_JOB_UNIQ: Final = 30
JOB_ASSIGN_UNIQ: Final = 31
SUBMIT_JOB_HIGH_BG: Final = 32
SUBMIT_JOB_LOW: Final = 33
SUBMIT_JOB_LOW_BG: Final = 34
SUBMIT_JOB_SCHED: Final = 35
SUBMIT_JOB_EPOCH: Final = 36
SUBMIT_REDUCE_JOB: Final = 37
SUBMIT_REDUCE_JOB_BACKGROUND: Final = 38
GRAB_JOB_ALL: Final = 39
JOB_ASSIGN_ALL: Final = 40


def request(number: int, *arguments: bytes) -> bytes:
    """
    Encode a packet.
    """
    body = b"\0".join(arguments)
    return _HEAD.pack(b"\0REQ", number, len(body)) + body


def take(buffer: bytearray) -> list[tuple[int, bytes]]:
    """
    Take the packets that are whole out of what has come.

    @return: the number and the body of each.
    @raise AssertionError: for what is no packet of a server's.
    """
    found = []
    start = 0
    while len(buffer) - start >= _HEAD.size:
        magic, number, size = _HEAD.unpack_from(buffer, start)
        assert magic == b"\0RES", bytes(buffer[start : start + 80])
        end = start + _HEAD.size + size
        if end > len(buffer):
            break
        found.append((number, bytes(buffer[start + _HEAD.size : end])))
        start = end
    del buffer[:start]
    return found
