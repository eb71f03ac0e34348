"""
Jobs that an operator takes back.
"""

from __future__ import annotations

from tests.functional.scenarios.stage import Stage, scenario


@scenario(
    differs="cancel-at-once",
    ours={
        "admin status": [b"cancelQueued/f\t0\t0\t0\n", b".\n"],
        "admin show jobs": [b".\n"],
        "admin show unique jobs": [b".\n"],
        "admin GET_STATUS": [b"[STATUS_RES] H:1\x000\x000\x000\x000"],
        "admin GET_STATUS_UNIQUE": [
            b"[STATUS_RES_UNIQUE] cancelQueued/u\x000\x000\x000\x000\x000"
        ],
    },
)
async def cancelQueued(stage: Stage) -> None:
    """
    A job that waits is gone with its cancelling, and its client is told once.
    """
    admin, client = await stage.cast("admin client")
    job = await client.sends("SUBMIT_JOB", stage.f, stage.mine(b"u"), b"data")
    await admin.asks(b"cancel job %s\r\n" % job)
    await client.hears()
    await admin.asks(b"status\n")
    await admin.asks(b"show jobs\n")
    await admin.asks(b"show unique jobs\n")
    await admin.sends("GET_STATUS", job)
    await admin.sends("GET_STATUS_UNIQUE", stage.mine(b"u"))


@scenario()
async def cancelledIsNotGranted(stage: Stage) -> None:
    """
    A cancelled job is not granted, and leaves nothing behind.
    """
    admin, client, worker = await stage.cast("admin client worker")
    job = await client.sends("SUBMIT_JOB", stage.f, b"", b"one")
    await client.sends("SUBMIT_JOB_BG", stage.f, b"", b"two")
    await admin.asks(b"cancel job %s\n" % job)
    await worker.sends("CAN_DO", stage.f)
    await worker.sends("GRAB_JOB")
    await worker.sends("GRAB_JOB")
    await client.hears()
    await admin.asks(b"status\n")
    await admin.sends("GET_STATUS", job)


@scenario(
    differs="cancel-at-once",
    ours={
        "admin cancel job H:1 #2": [b"ERR UNKNOWN_JOB\r\n"],
        "client hears #2": [],
    },
)
async def cancelTwice(stage: Stage) -> None:
    """
    A job that was cancelled cannot be cancelled again.
    """
    admin, client = await stage.cast("admin client")
    job = await client.sends("SUBMIT_JOB", stage.f, b"", b"data")
    await admin.asks(b"cancel job %s\r\n" % job)
    await client.hears()
    await admin.asks(b"cancel job %s\r\n" % job)
    await client.hears()


@scenario(
    differs="cancel-at-once",
    ours={
        "client SUBMIT_JOB #2": [b"[JOB_CREATED] H:2"],
        "worker GRAB_JOB": [b"[JOB_ASSIGN] H:2\0uniqueOfCancelled/f\0two"],
    },
)
async def uniqueOfCancelled(stage: Stage) -> None:
    """
    The unique of a cancelled job is free for a new one.
    """
    admin, client, worker = await stage.cast("admin client worker")
    job = await client.sends("SUBMIT_JOB", stage.f, stage.mine(b"u"), b"one")
    await admin.asks(b"cancel job %s\r\n" % job)
    await client.hears()
    await client.sends("SUBMIT_JOB", stage.f, stage.mine(b"u"), b"two")
    await worker.sends("CAN_DO", stage.f)
    await worker.sends("GRAB_JOB")


@scenario()
async def cancelBackground(stage: Stage) -> None:
    """
    A cancelled background job is not granted, and nobody is told.
    """
    client, worker = await stage.cast("client worker")
    job = await client.sends("SUBMIT_JOB_BG", stage.f, b"", b"data")
    await client.asks(b"cancel job %s\r\n" % job)
    await worker.sends("CAN_DO", stage.f)
    await worker.sends("GRAB_JOB")
    await client.asks(b"status\n")


@scenario()
async def cancelFinished(stage: Stage) -> None:
    """
    A finished job cannot be cancelled.
    """
    client, worker = await stage.cast("client worker")
    await worker.sends("CAN_DO", stage.f)
    job = await client.sends("SUBMIT_JOB", stage.f, b"", b"data")
    await worker.sends("GRAB_JOB")
    await worker.sends("WORK_COMPLETE", job, b"")
    await client.hears()
    await client.asks(b"cancel job %s\r\n" % job)


@scenario()
async def cancelShared(stage: Stage) -> None:
    """
    Every client of a cancelled job is told.
    """
    admin, one, two = await stage.cast("admin one two")
    job = await one.sends("SUBMIT_JOB", stage.f, stage.mine(b"u"), b"data")
    await two.sends("SUBMIT_JOB", stage.f, stage.mine(b"u"), b"data")
    await admin.asks(b"cancel job %s\r\n" % job)
    await one.hears()
    await two.hears()


@scenario(
    differs="cancel-running",
    ours={
        "admin status": [b"cancelRunning/f\t0\t0\t1\n", b".\n"],
        "admin cancel job H:1 #2": [b"ERR UNKNOWN_JOB\r\n"],
        "client hears #2": [],
        "client hears #3": [],
    },
)
async def cancelRunning(stage: Stage) -> None:
    """
    After the failure that cancelling is, clients hear nothing of a job.
    """
    admin, client, worker = await stage.cast("admin client worker")
    await worker.sends("CAN_DO", stage.f)
    await client.sends("SUBMIT_JOB", stage.f, b"", b"data")
    job = await worker.sends("GRAB_JOB")
    await admin.asks(b"cancel job %s\r\n" % job)
    await client.hears()
    await admin.asks(b"status\n")
    await admin.asks(b"cancel job %s\r\n" % job)
    await client.hears()
    await worker.sends("WORK_DATA", job, b"data")
    await worker.sends("WORK_COMPLETE", job, b"result")
    await client.hears()
    await admin.asks(b"status\n")


@scenario(
    differs="cancel-at-once", ours={"client SUBMIT_JOB_BG #2": [b"[JOB_CREATED] H:2"]}
)
async def cancelledMakesRoom(stage: Stage) -> None:
    """
    A cancelled job makes room in a full queue.
    """
    admin, client, worker = await stage.cast("admin client worker")
    await worker.sends("CAN_DO", stage.f)
    await admin.asks(b"maxqueue %s 1\n" % stage.f)
    job = await client.sends("SUBMIT_JOB_BG", stage.f, b"", b"one")
    await admin.asks(b"cancel job %s\r\n" % job)
    await client.sends("SUBMIT_JOB_BG", stage.f, b"", b"two")


@scenario()
async def asleepWithCancelled(stage: Stage) -> None:
    """
    A cancelled job is no reason to stay awake.
    """
    client, worker = await stage.cast("client worker")
    await worker.sends("CAN_DO", stage.f)
    job = await client.sends("SUBMIT_JOB_BG", stage.f, b"", b"data")
    await client.asks(b"cancel job %s\r\n" % job)
    await worker.sends("PRE_SLEEP")
    await worker.sends("GRAB_JOB")
