"""
Packets with fewer arguments than they should have.
"""

from __future__ import annotations

import re

from tests.functional.raw import packet
from tests.functional.scenarios.stage import Stage, scenario
from tests.functional.scenarios.transcript import CLOSED

INVALID = re.compile(rb"\[ERROR\] INVALID_PACKET\0[^\0]+")

SHORT = {
    "SUBMIT_JOB": 2,
    "SUBMIT_JOB_BG": 2,
    "SUBMIT_JOB_HIGH": 2,
    "SUBMIT_JOB_HIGH_BG": 2,
    "SUBMIT_JOB_LOW": 2,
    "SUBMIT_JOB_LOW_BG": 2,
    "SUBMIT_JOB_EPOCH": 3,
    "SUBMIT_REDUCE_JOB": 4,
    "SUBMIT_REDUCE_JOB_BACKGROUND": 4,
    "WORK_STATUS": 2,
    "CAN_DO_TIMEOUT": 1,
}


@scenario(
    differs="short-packet",
    ours={f"{name} isLeft": [INVALID, CLOSED] for name in SHORT},
)
async def missingNul(stage: Stage) -> None:
    """
    A packet whose last NUL is missing is refused, and its connection ends.
    """
    for name, nuls in SHORT.items():
        peer = await stage.enter(name)
        peer.writes(packet(name, *[b"word"] * nuls))
    await stage.empties(stalls="gearmand")


@scenario(
    differs="short-packet",
    ours={f"{name} isLeft": [INVALID, CLOSED] for name in SHORT},
)
async def noArguments(stage: Stage) -> None:
    """
    An empty packet of a command with arguments is refused.
    """
    for name in SHORT:
        peer = await stage.enter(name)
        peer.writes(packet(name))
    await stage.empties(stalls="gearmand")


@scenario(
    differs="short-packet",
    ours={"peer isLeft": [INVALID, CLOSED]},
)
async def shortPacketBeforeAnother(stage: Stage) -> None:
    """
    A short packet does not take its arguments out of the packet behind it.
    """
    peer = await stage.enter("peer")
    peer.writes(packet("SUBMIT_JOB_BG", stage.f), packet("ECHO_REQ", b"a\0b\0c"))
    await peer.isLeft(stalls="gearmand")


@scenario(
    differs="report-without-nul",
    ours={
        "worker hears": [],
        "client hears": [b"[WORK_DATA] H:1\0", b"[WORK_COMPLETE] H:1\0"],
    },
)
async def reportWithoutNul(stage: Stage) -> None:
    """
    A report that is a handle alone has no data.
    """
    client, worker = await stage.cast("client worker")
    await worker.sends("CAN_DO", stage.f)
    job = await client.sends("SUBMIT_JOB", stage.f, b"", b"data")
    await worker.sends("GRAB_JOB")
    worker.writes(packet("WORK_DATA", job), packet("WORK_COMPLETE", job))
    await worker.hears(stalls="gearmand")
    await client.hears()


@scenario()
async def emptyLastArgument(stage: Stage) -> None:
    """
    The last argument of a packet may be empty: it needs no NUL.
    """
    peer = await stage.enter("peer")
    for name in "CAN_DO", "CANT_DO", "GET_STATUS", "SET_CLIENT_ID", "OPTION_REQ":
        await peer.sends(name)
    for name in "WORK_FAIL", "GET_STATUS_UNIQUE":
        await peer.sends(name)
    await peer.sends("WORK_COMPLETE", b"", b"")
    await peer.sends("WORK_STATUS", b"", b"", b"")
