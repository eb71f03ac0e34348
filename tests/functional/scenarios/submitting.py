"""
Jobs as clients submit them, and as workers are handed them.
"""

from __future__ import annotations

import re

from tests.functional.raw import packet
from tests.functional.scenarios.stage import Stage, scenario
from tests.functional.scenarios.transcript import CLOSED

LONG_NAME = b"[ERROR] ARGUMENT_TOO_LARGE\0Function name too large"
INVALID = re.compile(rb"\[ERROR\] INVALID_PACKET\0[^\0]+")
KINDS = [
    "SUBMIT_JOB",
    "SUBMIT_JOB_BG",
    "SUBMIT_JOB_HIGH",
    "SUBMIT_JOB_HIGH_BG",
    "SUBMIT_JOB_LOW",
    "SUBMIT_JOB_LOW_BG",
]


@scenario()
async def foreground(stage: Stage) -> None:
    """
    A foreground client hears all that the worker reports, and a last word.
    """
    client, worker = await stage.cast("client worker")
    await worker.sends("CAN_DO", stage.f)
    await client.sends("SUBMIT_JOB", stage.f, b"unique", b"work\0load")
    job = await worker.sends("GRAB_JOB")
    await worker.sends("WORK_DATA", job, b"some\0data")
    await worker.sends("WORK_WARNING", job, b"careful")
    await worker.sends("WORK_STATUS", job, b"1", b"2")
    await worker.sends("WORK_DATA", job, b"")
    await worker.sends("WORK_COMPLETE", job, b"re\0sult")
    await client.hears()
    await worker.sends("GRAB_JOB")


@scenario()
async def background(stage: Stage) -> None:
    """
    A background client hears of the creation and of nothing else.
    """
    client, worker = await stage.cast("client worker")
    await worker.sends("CAN_DO", stage.f)
    await client.sends("SUBMIT_JOB_BG", stage.f, b"", b"data")
    job = await worker.sends("GRAB_JOB")
    await worker.sends("WORK_DATA", job, b"data")
    await worker.sends("WORK_STATUS", job, b"1", b"2")
    await worker.sends("WORK_WARNING", job, b"careful")
    await worker.sends("WORK_COMPLETE", job, b"result")
    await client.hears()


@scenario()
async def everyKind(stage: Stage) -> None:
    """
    All six kinds of submission are created, and granted by priority.
    """
    client, worker = await stage.cast("client worker")
    for kind in KINDS:
        await client.sends(kind, stage.f, b"", kind.encode())
    await client.asks(b"prioritystatus\n")
    await worker.sends("CAN_DO", stage.f)
    for _ in range(7):
        await worker.sends("GRAB_JOB")
    await client.asks(b"status\n")


@scenario()
async def grabKinds(stage: Stage) -> None:
    """
    Each kind of grab gets its kind of job, and a plain job has no reducer.
    """
    client, worker = await stage.cast("client worker")
    await worker.sends("CAN_DO", stage.f)
    for grab in "GRAB_JOB", "GRAB_JOB_UNIQ", "GRAB_JOB_ALL":
        await worker.sends(grab)
        await client.sends("SUBMIT_JOB", stage.f, stage.mine(b"u"), b"data")
        job = await worker.sends(grab)
        await worker.sends("WORK_COMPLETE", job, b"result")
        await client.sends("SUBMIT_JOB", stage.f, b"", b"")
        job = await worker.sends(grab)
        await worker.sends("WORK_COMPLETE", job, b"")
        await client.hears()


@scenario()
async def largeJob(stage: Stage) -> None:
    """
    Three megabytes go to the worker and come back.
    """
    client, worker = await stage.cast("client worker")
    load = bytes(range(256)) * 4096 * 3
    await worker.sends("CAN_DO", stage.f)
    await client.sends("SUBMIT_JOB", stage.f, b"", load)
    job = await worker.sends("GRAB_JOB")
    await worker.sends("WORK_DATA", job, load)
    await worker.sends("WORK_COMPLETE", job, load)
    await client.hears()


@scenario()
async def oddFunctionNames(stage: Stage) -> None:
    """
    A function may have any name without a NUL.
    """
    client, worker = await stage.cast("client worker")
    for name in b"\xff\xfe", b"caf\xc3\xa9", b"a/b:c;d", b"%20%", b"F", b"f" * 200:
        await worker.sends("CAN_DO", stage.mine(name))
        await client.sends("SUBMIT_JOB_BG", stage.mine(name), b"", b"data")
        await worker.sends("GRAB_JOB")
    await client.asks(b"status\n")


@scenario()
async def emptyFunctionName(stage: Stage) -> None:
    """
    The empty function name is a function like any other.
    """
    client, worker = await stage.cast("client worker")
    await client.sends("SUBMIT_JOB", b"", b"", b"data")
    await worker.sends("GRAB_JOB")
    await worker.sends("CAN_DO", b"")
    job = await worker.sends("GRAB_JOB")
    await worker.sends("WORK_COMPLETE", job, b"result")
    await worker.sends("CANT_DO", b"")
    await client.hears()


@scenario()
async def functionNamesHaveCase(stage: Stage) -> None:
    """
    Two spellings of a function are two functions to those who submit and grab.
    """
    client, worker = await stage.cast("client worker")
    await worker.sends("CAN_DO", stage.mine(b"name"))
    await client.sends("SUBMIT_JOB_BG", stage.mine(b"NAME"), b"", b"data")
    await worker.sends("GRAB_JOB")
    await client.asks(b"status\n")


@scenario()
async def functionNameWithNul(stage: Stage) -> None:
    """
    The name that a worker registers is the whole packet, with its NULs.
    """
    client, worker = await stage.cast("client worker")
    await worker.sends("CAN_DO", stage.f + b"\0")
    await client.sends("SUBMIT_JOB_BG", stage.f, b"", b"data")
    await worker.sends("GRAB_JOB")
    await worker.sends("CAN_DO", stage.f)
    await worker.sends("GRAB_JOB")


@scenario(
    differs="escaped-names",
    ours={
        "client status": [
            b"functionNameWithSpaces/a%20b%09c%0Ad\t1\t0\t0\n",
            b".\n",
        ],
    },
)
async def functionNameWithSpaces(stage: Stage) -> None:
    """
    White space in a function name is escaped in a table, and kept elsewhere.
    """
    client, worker = await stage.cast("client worker")
    name = stage.mine(b"a b\tc\nd")
    await client.sends("SUBMIT_JOB_BG", name, b"", b"data")
    await client.asks(b"status\n")
    await worker.sends("CAN_DO", name)
    await worker.sends("GRAB_JOB")


@scenario(
    differs="long-function-name",
    alone=True,
    ours={
        "worker CAN_DO": [LONG_NAME],
        "client SUBMIT_JOB_BG": [LONG_NAME],
        "worker GRAB_JOB": [b"[NO_JOB]"],
    },
)
async def longFunctionName(stage: Stage) -> None:
    """
    A function name that no worker's buffer could hold is refused.
    """
    client, worker = await stage.cast("client worker")
    name = b"f" * 5000
    await worker.sends("CAN_DO", name)
    await client.sends("SUBMIT_JOB_BG", name, b"", b"data")
    await worker.sends("GRAB_JOB")


@scenario(
    differs="long-function-name",
    ours={
        "worker CAN_DO": [LONG_NAME],
        "client SUBMIT_JOB_BG": [LONG_NAME],
    },
)
async def endlessFunctionName(stage: Stage) -> None:
    """
    A function name of 9000 bytes is refused, and the connection goes on.
    """
    client, worker = await stage.cast("client worker")
    name = b"f" * 9000
    await worker.sends("CAN_DO", name)
    await client.sends("SUBMIT_JOB_BG", name, b"", b"data")


@scenario()
async def nobodyCanDoIt(stage: Stage) -> None:
    """
    A job of a function without workers is created and waits.
    """
    client, worker = await stage.cast("client worker")
    await client.sends("SUBMIT_JOB", stage.f, b"", b"data")
    await client.asks(b"status\n")
    await worker.sends("GRAB_JOB")
    await worker.sends("CAN_DO", stage.g)
    await worker.sends("GRAB_JOB")
    await worker.sends("CAN_DO", stage.f)
    await worker.sends("GRAB_JOB")


@scenario()
async def oneConnectionForAll(stage: Stage) -> None:
    """
    One connection may be the client and the worker of a job.
    """
    both = await stage.enter("both")
    await both.sends("CAN_DO", stage.f)
    await both.sends("SUBMIT_JOB", stage.f, b"", b"data")
    job = await both.sends("GRAB_JOB")
    await both.sends("WORK_STATUS", job, b"1", b"2")
    await both.sends("WORK_COMPLETE", job, b"result")


@scenario()
async def longUniques(stage: Stage) -> None:
    """
    A unique has 63 bytes at ease, and is refused beyond 64.
    """
    client, worker = await stage.cast("client worker")
    await worker.sends("CAN_DO", stage.f)
    await client.sends("SUBMIT_JOB_BG", stage.f, b"u" * 63, b"data")
    await worker.sends("GRAB_JOB_UNIQ")
    for kind in KINDS:
        await client.sends(kind, stage.f, b"u" * 65, b"data")
    await client.sends("SUBMIT_JOB_EPOCH", stage.f, b"u" * 65, b"0", b"data")
    await client.sends("SUBMIT_JOB", stage.f, b"u" * 1000, b"data")
    await worker.sends("GRAB_JOB_UNIQ")


@scenario(
    differs="unique-of-64",
    ours={
        "worker GRAB_JOB_UNIQ": [
            b"[JOB_ASSIGN_UNIQ] H:1\0uniqueOf64/f\0" + b"u" * 64 + b"\0data"
        ],
    },
)
async def uniqueOf64(stage: Stage) -> None:
    """
    A unique of 64 bytes is handed on whole, and the workload is what it was.
    """
    client, worker = await stage.cast("client worker")
    await worker.sends("CAN_DO", stage.f)
    await client.sends("SUBMIT_JOB_BG", stage.f, b"u" * 64, b"data")
    await worker.sends("GRAB_JOB_UNIQ")


@scenario()
async def reduceJob(stage: Stage) -> None:
    """
    A job with a reducer is granted with it to those who grab all of a job.
    """
    client, worker = await stage.cast("client worker")
    await worker.sends("CAN_DO", stage.f)
    for grab in "GRAB_JOB", "GRAB_JOB_UNIQ", "GRAB_JOB_ALL":
        await client.sends(
            "SUBMIT_REDUCE_JOB", stage.f, b"uniq", b"reducer", b"aggregator", b"data"
        )
        job = await worker.sends(grab)
        await worker.sends("WORK_COMPLETE", job, b"result")
        await client.hears()


@scenario()
async def reduceInBackground(stage: Stage) -> None:
    """
    A background job with a reducer is a background job.
    """
    client, worker = await stage.cast("client worker")
    await worker.sends("CAN_DO", stage.f)
    await client.sends(
        "SUBMIT_REDUCE_JOB_BACKGROUND", stage.f, b"", b"reducer", b"0", b"da\0ta"
    )
    await client.asks(b"prioritystatus\n")
    job = await worker.sends("GRAB_JOB_ALL")
    await worker.sends("WORK_COMPLETE", job, b"result")
    await client.hears()


@scenario()
async def reduceWithEmptyReducer(stage: Stage) -> None:
    """
    An empty reducer is no reducer.
    """
    client, worker = await stage.cast("client worker")
    await worker.sends("CAN_DO", stage.f)
    await client.sends("SUBMIT_REDUCE_JOB", stage.f, b"", b"", b"", b"data")
    await worker.sends("GRAB_JOB_ALL")


@scenario()
async def longReducer(stage: Stage) -> None:
    """
    A reducer of more than 64 bytes is refused.
    """
    client, worker = await stage.cast("client worker")
    await worker.sends("CAN_DO", stage.f)
    for kind in "SUBMIT_REDUCE_JOB", "SUBMIT_REDUCE_JOB_BACKGROUND":
        await client.sends(kind, stage.f, b"uniq", b"r" * 65, b"0", b"data")
    await worker.sends("GRAB_JOB_ALL")


@scenario(
    differs="reduce-unique-length",
    alone=True,
    ours={
        "client SUBMIT_REDUCE_JOB": [
            b"[ERROR] ARGUMENT_TOO_LARGE\0Unique value too large"
        ],
        "worker GRAB_JOB_ALL": [b"[NO_JOB]"],
    },
)
async def reduceWithLongUnique(stage: Stage) -> None:
    """
    The unique of a job with a reducer is as limited as any other.
    """
    client, worker = await stage.cast("client worker")
    await worker.sends("CAN_DO", stage.f)
    await client.sends(
        "SUBMIT_REDUCE_JOB", stage.f, b"u" * 65, b"reducer", b"0", b"data"
    )
    await worker.sends("GRAB_JOB_ALL")


@scenario(
    differs="short-packet",
    ours={"client isLeft": [INVALID, CLOSED]},
)
async def reduceAsDocumented(stage: Stage) -> None:
    """
    A job with a reducer needs the fourth argument that the protocol forgot.
    """
    client = await stage.enter("client")
    client.writes(packet("SUBMIT_REDUCE_JOB", stage.f, b"uniq", b"reducer", b"data"))
    await client.isLeft(stalls="gearmand")
