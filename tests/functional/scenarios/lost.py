"""
Workers and clients that leave in the middle of things.
"""

from __future__ import annotations

from tests.functional.scenarios.stage import Stage, scenario


@scenario()
async def workerOfForegroundJob(stage: Stage) -> None:
    """
    A job whose worker is lost goes to the next, and its client hears nothing.
    """
    client, first, second = await stage.cast("client first second")
    await first.sends("CAN_DO", stage.f)
    job = await client.sends("SUBMIT_JOB", stage.f, b"", b"data")
    await first.sends("GRAB_JOB")
    await first.sends("WORK_STATUS", job, b"1", b"2")
    await first.leaves()
    await client.hears()
    await client.sends("GET_STATUS", job)
    await client.asks(b"status\n")
    await second.sends("CAN_DO", stage.f)
    await second.sends("GRAB_JOB")
    await client.sends("GET_STATUS", job)
    await second.sends("WORK_COMPLETE", job, b"result")
    await client.hears()


@scenario()
async def workerOfBackgroundJob(stage: Stage) -> None:
    """
    A background job whose worker is lost goes to the next, as often as need be.
    """
    client = await stage.enter("client")
    job = await client.sends("SUBMIT_JOB_BG", stage.f, stage.mine(b"u"), b"data")
    for name in "first", "second", "third":
        worker = await stage.enter(name)
        await worker.sends("CAN_DO", stage.f)
        await worker.sends("GRAB_JOB_UNIQ")
        await client.asks(b"show jobs\n")
        await worker.leaves()
    await client.asks(b"show jobs\n")
    await client.sends("GET_STATUS", job)


@scenario()
async def lostJobIsLast(stage: Stage) -> None:
    """
    A job whose worker is lost goes to the end of its priority.
    """
    client, first, second = await stage.cast("client first second")
    await first.sends("CAN_DO", stage.f)
    for load in b"1", b"2", b"3":
        await client.sends("SUBMIT_JOB_BG", stage.f, b"", load)
    await client.sends("SUBMIT_JOB_LOW_BG", stage.f, b"", b"low")
    await first.sends("GRAB_JOB")
    await first.leaves()
    await second.sends("CAN_DO", stage.f)
    for _ in range(5):
        await second.sends("GRAB_JOB")


@scenario()
async def lostJobsInOrder(stage: Stage) -> None:
    """
    Of several jobs of a lost worker the one granted last comes first.
    """
    client, first, second = await stage.cast("client first second")
    await first.sends("CAN_DO", stage.f)
    for load in b"1", b"2", b"3", b"4":
        await client.sends("SUBMIT_JOB_BG", stage.f, b"", load)
    for _ in range(3):
        await first.sends("GRAB_JOB")
    await first.leaves()
    await second.sends("CAN_DO", stage.f)
    for _ in range(5):
        await second.sends("GRAB_JOB")


@scenario()
async def lostJobWakes(stage: Stage) -> None:
    """
    A job whose worker is lost wakes a sleeper.
    """
    client, first, second = await stage.cast("client first second")
    await first.sends("CAN_DO", stage.f)
    await second.sends("CAN_DO", stage.f)
    await client.sends("SUBMIT_JOB_BG", stage.f, b"", b"data")
    await first.sends("GRAB_JOB")
    await second.sends("PRE_SLEEP")
    await first.leaves()
    await second.hears()
    await second.sends("GRAB_JOB")


@scenario(
    differs="abandoned-at-once",
    ours={
        "admin status": [b"clientOfQueuedJob/f\t0\t0\t0\n", b".\n"],
        "admin show jobs": [b".\n"],
        "admin GET_STATUS": [b"[STATUS_RES] H:1\x000\x000\x000\x000"],
        "admin SUBMIT_JOB": [b"[JOB_CREATED] H:2"],
        "worker GRAB_JOB": [b"[JOB_ASSIGN] H:2\0clientOfQueuedJob/f\0new"],
        "admin status #2": [b"clientOfQueuedJob/f\t1\t1\t1\n", b".\n"],
    },
)
async def clientOfQueuedJob(stage: Stage) -> None:
    """
    A foreground job that waits is gone with its client.
    """
    client, admin, worker = await stage.cast("client admin worker")
    job = await client.sends("SUBMIT_JOB", stage.f, stage.mine(b"u"), b"data")
    await client.leaves()
    await admin.asks(b"status\n")
    await admin.asks(b"show jobs\n")
    await admin.sends("GET_STATUS", job)
    await admin.sends("SUBMIT_JOB", stage.f, stage.mine(b"u"), b"new")
    await worker.sends("CAN_DO", stage.f)
    await worker.sends("GRAB_JOB")
    await admin.asks(b"status\n")


@scenario()
async def abandonedIsNotGranted(stage: Stage) -> None:
    """
    A job without its client is not granted.
    """
    client, worker = await stage.cast("client worker")
    await client.sends("SUBMIT_JOB", stage.f, b"", b"data")
    await client.sends("SUBMIT_JOB_BG", stage.f, b"", b"background")
    await client.leaves()
    await worker.sends("CAN_DO", stage.f)
    await worker.sends("GRAB_JOB")
    await worker.sends("GRAB_JOB")
    await worker.asks(b"status\n")


@scenario()
async def clientOfRunningJob(stage: Stage) -> None:
    """
    A job runs on without its client, and its result is taken.
    """
    client, admin, worker = await stage.cast("client admin worker")
    await worker.sends("CAN_DO", stage.f)
    job = await client.sends("SUBMIT_JOB", stage.f, b"", b"data")
    await worker.sends("GRAB_JOB")
    await client.leaves()
    await admin.sends("GET_STATUS", job)
    await worker.sends("WORK_STATUS", job, b"1", b"2")
    await worker.sends("WORK_DATA", job, b"data")
    await admin.asks(b"status\n")
    await worker.sends("WORK_COMPLETE", job, b"result")
    await admin.asks(b"status\n")


@scenario()
async def clientAndWorker(stage: Stage) -> None:
    """
    A foreground job that loses its client and its worker is not run again.
    """
    client, admin, first, second = await stage.cast("client admin first second")
    await first.sends("CAN_DO", stage.f)
    await client.sends("SUBMIT_JOB", stage.f, b"", b"data")
    await first.sends("GRAB_JOB")
    await client.leaves()
    await first.leaves()
    await second.sends("CAN_DO", stage.f)
    await second.sends("GRAB_JOB")
    await admin.asks(b"status\n")


@scenario()
async def clientAsWorker(stage: Stage) -> None:
    """
    A connection that runs its own foreground job takes it along.
    """
    both, worker = await stage.cast("both worker")
    await both.sends("CAN_DO", stage.f)
    await both.sends("SUBMIT_JOB", stage.f, b"", b"data")
    await both.sends("GRAB_JOB")
    await both.leaves()
    await worker.sends("CAN_DO", stage.f)
    await worker.sends("GRAB_JOB")
    await worker.asks(b"status\n")


@scenario()
async def abilitiesOfTheLost(stage: Stage) -> None:
    """
    A lost worker counts no more.
    """
    admin, one, two = await stage.cast("admin one two")
    for worker in one, two:
        await worker.sends("CAN_DO", stage.f)
        await worker.sends("CAN_DO", stage.g)
    await admin.asks(b"status\n")
    await one.leaves()
    await admin.asks(b"status\n")
    await two.leaves()
    await admin.asks(b"status\n")
    await admin.asks(b"workers\n")


@scenario("--job-retries=2")
async def twoAttempts(stage: Stage) -> None:
    """
    With two attempts a job fails when its second worker is lost.
    """
    client, first, second, third = await stage.cast("client first second third")
    await client.sends("SUBMIT_JOB", stage.f, b"", b"foreground")
    await client.sends("SUBMIT_JOB_BG", stage.g, b"", b"background")
    for worker in first, second:
        await worker.sends("CAN_DO", stage.f)
        await worker.sends("CAN_DO", stage.g)
        await worker.sends("GRAB_JOB")
        await worker.sends("GRAB_JOB")
        await client.asks(b"show jobs\n")
        await worker.leaves()
        await client.hears()
    await third.sends("CAN_DO", stage.f)
    await third.sends("CAN_DO", stage.g)
    await third.sends("GRAB_JOB")
    await client.asks(b"status\n")


@scenario("--job-retries=1")
async def oneAttempt(stage: Stage) -> None:
    """
    With one attempt a job fails with its first worker.
    """
    client, worker = await stage.cast("client worker")
    await worker.sends("CAN_DO", stage.f)
    await client.sends("SUBMIT_JOB", stage.f, b"", b"data")
    await worker.sends("GRAB_JOB")
    await worker.leaves()
    await client.hears()
    await client.asks(b"status\n")


@scenario(
    "--job-retries=0",
    differs="retries-of-zero",
    ours={
        "client hears": [b"[WORK_FAIL] H:1"],
        "client status": [b"noRetry/f\t0\t0\t0\n", b".\n"],
    },
)
async def noRetry(stage: Stage) -> None:
    """
    Without a retry a job fails with its first worker.
    """
    client, worker = await stage.cast("client worker")
    await worker.sends("CAN_DO", stage.f)
    await client.sends("SUBMIT_JOB", stage.f, b"", b"data")
    await worker.sends("GRAB_JOB")
    await worker.leaves()
    await client.hears()
    await client.asks(b"status\n")


@scenario()
async def halfClosed(stage: Stage) -> None:
    """
    A client that closes its half of the connection has left.
    """
    client, admin, worker = await stage.cast("client admin worker")
    await client.sends("SUBMIT_JOB", stage.f, b"", b"data")
    client.finishes()
    await client.isLeft()
    await worker.sends("CAN_DO", stage.f)
    await worker.sends("GRAB_JOB")
    await admin.asks(b"status\n")
