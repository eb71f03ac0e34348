"""
The packet table of the Gearman protocol: the one place that knows its numbers.

Every packet is twelve bytes of head (magic, number, size of the body, the last
two as big-endian 32-bit integers) and a body. The body holds the arguments of
the packet in the order of the table, with one NUL between each two. Only the
last argument may itself contain NULs.
"""

from __future__ import annotations

import enum
from typing import Final

from attrs import frozen

REQUEST: Final = b"\0REQ"
"""The magic of what clients and workers send."""

RESPONSE: Final = b"\0RES"
"""The magic of what a job server sends."""

PORT: Final = 4730
"""Gearman's registered TCP port."""


class Sender(enum.Flag):
    """
    Who may send a packet.
    """

    NOBODY = 0
    CLIENT = enum.auto()
    WORKER = enum.auto()
    SERVER = enum.auto()


@frozen
class Packet:
    """
    A row of the packet table.

    @ivar number: the packet's number on the wire.
    @ivar name: its name in the protocol text.
    @ivar arguments: the names of its arguments in their order.
    @ivar sender: who may send it.
    """

    number: int
    name: str
    arguments: tuple[str, ...]
    sender: Sender


TEXT: Final = 0
CAN_DO: Final = 1
CANT_DO: Final = 2
RESET_ABILITIES: Final = 3
PRE_SLEEP: Final = 4
UNUSED: Final = 5
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
SET_CLIENT_ID: Final = 22
CAN_DO_TIMEOUT: Final = 23
ALL_YOURS: Final = 24
WORK_EXCEPTION: Final = 25
OPTION_REQ: Final = 26
OPTION_RES: Final = 27
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
GET_STATUS_UNIQUE: Final = 41
STATUS_RES_UNIQUE: Final = 42

_C, _W, _S = Sender.CLIENT, Sender.WORKER, Sender.SERVER
_ANY = _C | _W
_JOB = ("function", "unique", "data")
_STATUS = ("known", "running", "numerator", "denominator")
# The protocol text names three arguments; libgearman and gearmand speak four.
_REDUCE = ("function", "unique", "reducer", "aggregate", "data")
_CRON = ("minute", "hour", "dayOfMonth", "month", "dayOfWeek")

PACKETS: Final[tuple[Packet, ...]] = tuple(
    Packet(number, name, arguments, sender)
    for number, name, arguments, sender in [
        # Not a packet: what a line of the admin protocol is called.
        (TEXT, "TEXT", ("line",), _ANY | _S),
        (CAN_DO, "CAN_DO", ("function",), _W),
        (CANT_DO, "CANT_DO", ("function",), _W),
        (RESET_ABILITIES, "RESET_ABILITIES", (), _W),
        (PRE_SLEEP, "PRE_SLEEP", (), _W),
        (UNUSED, "UNUSED", (), Sender.NOBODY),
        (NOOP, "NOOP", (), _S),
        (SUBMIT_JOB, "SUBMIT_JOB", _JOB, _C),
        (JOB_CREATED, "JOB_CREATED", ("handle",), _S),
        (GRAB_JOB, "GRAB_JOB", (), _W),
        (NO_JOB, "NO_JOB", (), _S),
        (JOB_ASSIGN, "JOB_ASSIGN", ("handle", "function", "data"), _S),
        (WORK_STATUS, "WORK_STATUS", ("handle", "numerator", "denominator"), _W | _S),
        (WORK_COMPLETE, "WORK_COMPLETE", ("handle", "data"), _W | _S),
        (WORK_FAIL, "WORK_FAIL", ("handle",), _W | _S),
        (GET_STATUS, "GET_STATUS", ("handle",), _C),
        (ECHO_REQ, "ECHO_REQ", ("data",), _ANY),
        (ECHO_RES, "ECHO_RES", ("data",), _S),
        (SUBMIT_JOB_BG, "SUBMIT_JOB_BG", _JOB, _C),
        (ERROR, "ERROR", ("code", "text"), _S),
        (STATUS_RES, "STATUS_RES", ("handle", *_STATUS), _S),
        (SUBMIT_JOB_HIGH, "SUBMIT_JOB_HIGH", _JOB, _C),
        (SET_CLIENT_ID, "SET_CLIENT_ID", ("clientId",), _ANY),
        (CAN_DO_TIMEOUT, "CAN_DO_TIMEOUT", ("function", "timeout"), _W),
        (ALL_YOURS, "ALL_YOURS", (), _W),
        (WORK_EXCEPTION, "WORK_EXCEPTION", ("handle", "data"), _W | _S),
        (OPTION_REQ, "OPTION_REQ", ("option",), _ANY),
        (OPTION_RES, "OPTION_RES", ("option",), _S),
        (WORK_DATA, "WORK_DATA", ("handle", "data"), _W | _S),
        (WORK_WARNING, "WORK_WARNING", ("handle", "data"), _W | _S),
        (GRAB_JOB_UNIQ, "GRAB_JOB_UNIQ", (), _W),
        (
            JOB_ASSIGN_UNIQ,
            "JOB_ASSIGN_UNIQ",
            ("handle", "function", "unique", "data"),
            _S,
        ),
        (SUBMIT_JOB_HIGH_BG, "SUBMIT_JOB_HIGH_BG", _JOB, _C),
        (SUBMIT_JOB_LOW, "SUBMIT_JOB_LOW", _JOB, _C),
        (SUBMIT_JOB_LOW_BG, "SUBMIT_JOB_LOW_BG", _JOB, _C),
        (
            SUBMIT_JOB_SCHED,
            "SUBMIT_JOB_SCHED",
            ("function", "unique", *_CRON, "data"),
            _C,
        ),
        (
            SUBMIT_JOB_EPOCH,
            "SUBMIT_JOB_EPOCH",
            ("function", "unique", "epoch", "data"),
            _C,
        ),
        (SUBMIT_REDUCE_JOB, "SUBMIT_REDUCE_JOB", _REDUCE, _C),
        (SUBMIT_REDUCE_JOB_BACKGROUND, "SUBMIT_REDUCE_JOB_BACKGROUND", _REDUCE, _C),
        (GRAB_JOB_ALL, "GRAB_JOB_ALL", (), _W),
        (
            JOB_ASSIGN_ALL,
            "JOB_ASSIGN_ALL",
            ("handle", "function", "unique", "reducer", "data"),
            _S,
        ),
        (GET_STATUS_UNIQUE, "GET_STATUS_UNIQUE", ("unique",), _C),
        # The protocol text calls the first argument a handle; gearmand answers
        # with the unique it was asked for.
        (STATUS_RES_UNIQUE, "STATUS_RES_UNIQUE", ("unique", *_STATUS, "clients"), _S),
    ]
)
"""Every packet of the protocol; a packet's number is its index."""
