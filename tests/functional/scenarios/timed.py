"""
Jobs with a time: due later, or running for too long.
"""

from __future__ import annotations

import re
import time

from tests.functional.scenarios.stage import Stage, scenario

NOT_FOUND = b"[ERROR] JOB_NOT_FOUND\0Job given in work result not found"


@scenario()
async def epochInThePast(stage: Stage) -> None:
    """
    A job of the past, or of no readable time, is due now.
    """
    client, worker = await stage.cast("client worker")
    await worker.sends("CAN_DO", stage.f)
    for when in b"0", b"1", b"", b"garbage", b"-5", b"12garbage", b" 7", b"+7", b"1.5":
        await client.sends("SUBMIT_JOB_EPOCH", stage.f, b"", when, b"data")
        await client.asks(b"prioritystatus\n")
        await worker.sends("GRAB_JOB")


@scenario()
async def epochFarAway(stage: Stage) -> None:
    """
    A job of the future waits, is known and counted, and wakes nobody.
    """
    client, worker = await stage.cast("client worker")
    await worker.sends("CAN_DO", stage.f)
    job = await client.sends("SUBMIT_JOB_EPOCH", stage.f, b"u", b"9999999999", b"data")
    await client.asks(b"status\n")
    await client.asks(b"prioritystatus\n")
    await client.sends("GET_STATUS", job)
    await worker.sends("GRAB_JOB")
    await client.asks(b"status\n")


@scenario(
    differs="epoch-out-of-range",
    ours={
        "client hears": [re.compile(rb"\[ERROR\] INVALID_ARGUMENT\0[^\0]+")],
    },
)
async def epochOutOfRange(stage: Stage) -> None:
    """
    A time beyond 64 bits is refused.
    """
    client = await stage.enter("client")
    client.raw.send("SUBMIT_JOB_EPOCH", stage.f, b"", b"9" * 30, b"data")
    await client.hears(stalls="gearmand")


@scenario()
async def epochJoins(stage: Stage) -> None:
    """
    A job of the future is joined by its unique.
    """
    client = await stage.enter("client")
    await client.sends("SUBMIT_JOB_EPOCH", stage.f, b"u", b"9999999999", b"data")
    await client.sends("SUBMIT_JOB_EPOCH", stage.f, b"u", b"9999999998", b"data")
    await client.sends("SUBMIT_JOB_BG", stage.f, b"u", b"data")
    await client.asks(b"status\n")


@scenario(
    differs="epoch-hides-nothing",
    ours={
        "worker GRAB_JOB": [b"[JOB_ASSIGN] H:2\0epochHidesNothing/f\0now"],
    },
)
async def epochHidesNothing(stage: Stage) -> None:
    """
    A job of the future does not stand in the way of lower priorities.
    """
    client, worker = await stage.cast("client worker")
    await worker.sends("CAN_DO", stage.f)
    await client.sends("SUBMIT_JOB_EPOCH", stage.f, b"", b"9999999999", b"later")
    await client.sends("SUBMIT_JOB_LOW_BG", stage.f, b"", b"now")
    await worker.sends("GRAB_JOB")


@scenario()
async def epochBehindOthers(stage: Stage) -> None:
    """
    A job of the future does not stand in the way of its own priority.
    """
    client, worker = await stage.cast("client worker")
    await worker.sends("CAN_DO", stage.f)
    await client.sends("SUBMIT_JOB_EPOCH", stage.f, b"", b"9999999999", b"later")
    await client.sends("SUBMIT_JOB_BG", stage.f, b"", b"now")
    await worker.sends("GRAB_JOB")
    await worker.sends("GRAB_JOB")


@scenario(
    differs="epoch-wakes",
    ours={
        "worker hears": [],
        "worker waits for NOOP": [b"[NOOP]"],
    },
)
async def epochWakes(stage: Stage) -> None:
    """
    A sleeper is woken when a job is due, not when it is submitted.
    """
    client, worker = await stage.cast("client worker")
    await worker.sends("CAN_DO", stage.f)
    await worker.sends("PRE_SLEEP")
    when = b"%d" % (time.time() + 3)
    await client.sends("SUBMIT_JOB_EPOCH", stage.f, b"", when, b"data")
    await worker.hears()
    await worker.sends("GRAB_JOB")
    await worker.sends("PRE_SLEEP")
    await worker.waitsFor("NOOP", never="gearmand", within=3.2)
    await worker.sends("GRAB_JOB")


@scenario()
async def epochComes(stage: Stage) -> None:
    """
    A job of the future is granted when it is due, to those who keep asking.
    """
    client, worker = await stage.cast("client worker")
    await worker.sends("CAN_DO", stage.f)
    when = b"%d" % (time.time() + 2)
    job = await client.sends("SUBMIT_JOB_EPOCH", stage.f, b"", when, b"data")
    await worker.sends("GRAB_JOB")
    await worker.insists("GRAB_JOB", b"[NO_JOB]")
    await worker.sends("WORK_COMPLETE", job, b"result")
    await client.asks(b"status\n")


@scenario()
async def cancelledEpoch(stage: Stage) -> None:
    """
    A job of the future can be cancelled.
    """
    client = await stage.enter("client")
    job = await client.sends("SUBMIT_JOB_EPOCH", stage.f, b"", b"9999999999", b"data")
    await client.asks(b"cancel job %s\r\n" % job)


@scenario(
    differs="sched",
    ours={
        "client SUBMIT_JOB_SCHED": [b"[JOB_CREATED] H:1"],
        "client SUBMIT_JOB_SCHED #2": [
            re.compile(rb"\[ERROR\] INVALID_ARGUMENT\0[^\0]+")
        ],
        "client status": [b"sched/f\t1\t0\t0\n", b".\n"],
    },
)
async def sched(stage: Stage) -> None:
    """
    A job with a time of the calendar is created.
    """
    client = await stage.enter("client")
    for minute in b"0", b"99":
        await client.sends(
            "SUBMIT_JOB_SCHED", stage.f, b"", minute, b"0", b"1", b"1", b"", b"data"
        )
    await client.asks(b"status\n")


@scenario()
async def timeoutsThatAreNone(stage: Stage) -> None:
    """
    A timeout of nothing, of less, or of garbage is no timeout.
    """
    client, worker = await stage.cast("client worker")
    for number, timeout in enumerate((b"0", b"-1", b"", b"garbage", b"\0\0\0\x0a")):
        function = stage.mine(b"%d" % number)
        await worker.sends("CAN_DO_TIMEOUT", function, timeout)
        job = await client.sends("SUBMIT_JOB", function, b"", b"data")
        await worker.sends("GRAB_JOB")
        await worker.sends("WORK_COMPLETE", job, b"result")
        await client.hears()
    await client.asks(b"status\n")


@scenario(alone=True)
async def timeout(stage: Stage) -> None:
    """
    A job that runs too long is taken away, and its late result is refused.
    """
    client, worker, other = await stage.cast("client worker other")
    await worker.sends("CAN_DO_TIMEOUT", stage.f, b"1000")
    await other.sends("CAN_DO", stage.f)
    await other.sends("PRE_SLEEP")
    job = await client.sends("SUBMIT_JOB", stage.f, b"", b"data")
    await other.hears()
    await worker.sends("GRAB_JOB")
    await other.sends("GRAB_JOB")
    await other.sends("PRE_SLEEP")
    await other.waitsFor("NOOP")
    await worker.sends("WORK_COMPLETE", job, b"late")
    await client.hears()
    await other.sends("GRAB_JOB")
    await other.sends("WORK_COMPLETE", job, b"result")
    await client.hears()
    await client.asks(b"status\n")


@scenario("--job-retries=1")
async def timeoutOfTheLastAttempt(stage: Stage) -> None:
    """
    A job that runs too long in its last attempt fails.
    """
    client, worker = await stage.cast("client worker")
    await worker.sends("CAN_DO_TIMEOUT", stage.f, b"1000")
    job = await client.sends("SUBMIT_JOB", stage.f, b"", b"data")
    await worker.sends("GRAB_JOB")
    await client.waitsFor("WORK_FAIL")
    await worker.sends("WORK_COMPLETE", job, b"late")
    await client.asks(b"status\n")


@scenario(
    "--job-retries=1",
    differs="timeout-per-job",
    ours={
        "client waits for WORK_FAIL": [b"[WORK_FAIL] H:1"],
        "worker WORK_COMPLETE": [NOT_FOUND],
    },
)
async def timeoutOfASleeper(stage: Stage) -> None:
    """
    A worker has its time for a job even if it goes to sleep over it.
    """
    client, worker = await stage.cast("client worker")
    await worker.sends("CAN_DO_TIMEOUT", stage.f, b"1000")
    job = await client.sends("SUBMIT_JOB", stage.f, b"", b"data")
    await worker.sends("GRAB_JOB")
    await worker.sends("PRE_SLEEP")
    await client.waitsFor("WORK_FAIL", never="gearmand", within=1.5)
    await worker.sends("WORK_COMPLETE", job, b"result")


@scenario(
    differs="timeout-out-of-range",
    oursOnly=True,
    ours={
        "worker CAN_DO_TIMEOUT": [],
        "worker GRAB_JOB": [b"[JOB_ASSIGN] H:1\0timeoutOutOfRange/f\0data"],
        "worker WORK_COMPLETE": [],
        "client hears": [b"[WORK_COMPLETE] H:1\0result"],
    },
)
async def timeoutOutOfRange(stage: Stage) -> None:
    """
    A timeout beyond all range does no harm.
    """
    client, worker = await stage.cast("client worker")
    await worker.sends("CAN_DO_TIMEOUT", stage.f, b"9" * 30)
    job = await client.sends("SUBMIT_JOB", stage.f, b"", b"data")
    await worker.sends("GRAB_JOB")
    await worker.sends("WORK_COMPLETE", job, b"result")
    await client.hears()
