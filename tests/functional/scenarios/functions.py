"""
Functions as operators limit, create and drop them.
"""

from __future__ import annotations

from tests.functional.scenarios.stage import Stage, scenario


@scenario()
async def maxqueueOfKnown(stage: Stage) -> None:
    """
    A full queue refuses a job, running ones count, and joining is no new job.
    """
    client, worker = await stage.cast("client worker")
    await worker.sends("CAN_DO", stage.f)
    await client.asks(b"maxqueue %s 2\n" % stage.f)
    await client.sends("SUBMIT_JOB_BG", stage.f, stage.mine(b"u"), b"1")
    await client.sends("SUBMIT_JOB_BG", stage.f, b"", b"2")
    for kind in "SUBMIT_JOB", "SUBMIT_JOB_HIGH_BG", "SUBMIT_JOB_LOW":
        await client.sends(kind, stage.f, b"", b"3")
    await client.sends("SUBMIT_JOB", stage.f, stage.mine(b"u"), b"1")
    job = await worker.sends("GRAB_JOB")
    await client.sends("SUBMIT_JOB", stage.f, b"", b"4")
    await worker.sends("WORK_COMPLETE", job, b"")
    await client.sends("SUBMIT_JOB", stage.f, b"", b"5")
    await client.sends("SUBMIT_JOB", stage.f, b"", b"6")
    await client.asks(b"status\n")


@scenario()
async def maxqueueOfThree(stage: Stage) -> None:
    """
    Three limits are for high, normal and low, each against all that wait.
    """
    client, worker = await stage.cast("client worker")
    await worker.sends("CAN_DO", stage.f)
    await client.asks(b"maxqueue %s 3 2 1\n" % stage.f)
    for kind in [
        "SUBMIT_JOB_LOW",
        "SUBMIT_JOB_LOW",
        "SUBMIT_JOB",
        "SUBMIT_JOB",
        "SUBMIT_JOB_LOW",
        "SUBMIT_JOB_HIGH",
        "SUBMIT_JOB_HIGH",
        "SUBMIT_JOB",
    ]:
        await client.sends(kind, stage.f, b"", b"data")
    await client.asks(b"prioritystatus\n")


@scenario()
async def maxqueueLifted(stage: Stage) -> None:
    """
    A limit of 0, or none at all, lifts the limit.
    """
    client, worker = await stage.cast("client worker")
    await worker.sends("CAN_DO", stage.f)
    for line in b"maxqueue %s 0\n", b"maxqueue %s\r\n", b"maxqueue %s -1\n":
        await client.asks(b"maxqueue %s 1\n" % stage.f)
        await client.sends("SUBMIT_JOB_BG", stage.f, b"", b"data")
        await client.sends("SUBMIT_JOB_BG", stage.f, b"", b"data")
        await client.asks(line % stage.f)
        await client.sends("SUBMIT_JOB_BG", stage.f, b"", b"data")


@scenario()
async def maxqueueOfTwoLimits(stage: Stage) -> None:
    """
    Of two limits the first is for high, the second for normal priority.
    """
    client, worker = await stage.cast("client worker")
    await worker.sends("CAN_DO", stage.f)
    await client.asks(b"maxqueue %s 1 2\n" % stage.f)
    for kind in [
        "SUBMIT_JOB_BG",
        "SUBMIT_JOB_HIGH_BG",
        "SUBMIT_JOB_LOW_BG",
        "SUBMIT_JOB_BG",
        "SUBMIT_JOB_LOW_BG",
    ]:
        await client.sends(kind, stage.f, b"", b"data")


@scenario()
async def maxqueueWithOddWords(stage: Stage) -> None:
    """
    A limit that is no number, and a missing function, are answered all the same.
    """
    client, worker = await stage.cast("client worker")
    await worker.sends("CAN_DO", stage.f)
    await client.asks(b"maxqueue\n")
    await client.asks(b"MAXQUEUE\r\n")
    await client.asks(b"maxqueue %s many\r\n" % stage.f)
    await client.sends("SUBMIT_JOB_BG", stage.f, b"", b"data")
    await client.sends("SUBMIT_JOB_BG", stage.f, b"", b"data")
    await client.asks(b"maxqueue %s 1x\r\n" % stage.f)
    await client.sends("SUBMIT_JOB_BG", stage.f, b"", b"data")


@scenario(
    differs="maxqueue-remembered",
    ours={"client SUBMIT_JOB_BG #2": [b"[ERROR] QUEUE_ERROR\0Job queue is full"]},
)
async def maxqueueOfUnknown(stage: Stage) -> None:
    """
    A limit for a function that is not there yet is kept for it.
    """
    client = await stage.enter("client")
    await client.asks(b"maxqueue %s 1\n" % stage.f)
    await client.asks(b"status\n")
    await client.sends("SUBMIT_JOB_BG", stage.f, b"", b"data")
    await client.sends("SUBMIT_JOB_BG", stage.f, b"", b"data")


@scenario()
async def createFunction(stage: Stage) -> None:
    """
    A function may be created ahead of its workers and jobs.
    """
    admin = await stage.enter("admin")
    await admin.asks(b"create function %s\r\n" % stage.f)
    await admin.asks(b"create function %s\r\n" % stage.f)
    await admin.asks(b"CREATE FUNCTION %s\r\n" % stage.g)
    await admin.asks(b"status\n")
    await admin.sends("SUBMIT_JOB_BG", stage.f, b"", b"data")
    await admin.asks(b"status\n")


@scenario(
    differs="create-with-newline",
    ours={
        "admin status": [b"createFunctionWithNewline/name\t0\t0\t0\n", b".\n"],
    },
)
async def createFunctionWithNewline(stage: Stage) -> None:
    """
    A function has its whole name when the line ends in a newline alone.
    """
    admin = await stage.enter("admin")
    await admin.asks(b"create function %s\n" % stage.mine(b"name"))
    await admin.asks(b"status\n")


@scenario()
async def createOddly(stage: Stage) -> None:
    """
    Only a function can be created, and only with a name.
    """
    admin = await stage.enter("admin")
    await admin.asks(b"create\r\n")
    await admin.asks(b"Create\r\n")
    await admin.asks(b"create function\r\n")
    await admin.asks(b"create table %s\r\n" % stage.f)
    await admin.asks(b"create table\r\n")
    await admin.asks(b"status\n")


@scenario()
async def dropFunction(stage: Stage) -> None:
    """
    A function without workers and jobs can be dropped, and is gone.
    """
    admin = await stage.enter("admin")
    await admin.asks(b"drop function %s\r\n" % stage.f)
    await admin.asks(b"create function %s\r\n" % stage.f)
    await admin.asks(b"drop function %s\n" % stage.f)
    await admin.asks(b"status\n")
    await admin.asks(b"drop function %s\r\n" % stage.f)
    await admin.sends("SUBMIT_JOB_BG", stage.f, b"", b"data")
    await admin.asks(b"status\n")


@scenario()
async def dropFunctionInUse(stage: Stage) -> None:
    """
    A function with a worker or a running job cannot be dropped.
    """
    admin, client, worker = await stage.cast("admin client worker")
    await worker.sends("CAN_DO", stage.f)
    await admin.asks(b"drop function %s\r\n" % stage.f)
    await client.sends("SUBMIT_JOB", stage.f, b"", b"data")
    job = await worker.sends("GRAB_JOB")
    await admin.asks(b"drop function %s\n" % stage.f)
    await worker.sends("WORK_COMPLETE", job, b"")
    await admin.asks(b"drop function %s\n" % stage.f)
    await worker.leaves()
    await admin.asks(b"drop function %s\n" % stage.f)
    await admin.asks(b"status\n")


@scenario(
    alone=True,
    differs="drop-with-jobs",
    ours={
        "admin drop function f": [
            b"ERR there are still connected workers or executing clients\r\n"
        ],
        "admin status": [b"dropFunctionWithJobs/f\t1\t0\t0\n", b".\n"],
    },
)
async def dropFunctionWithJobs(stage: Stage) -> None:
    """
    A function with waiting jobs cannot be dropped.
    """
    admin, client = await stage.cast("admin client")
    await client.sends("SUBMIT_JOB_BG", stage.f, b"", b"data")
    await admin.asks(b"drop function %s\r\n" % stage.f)
    await admin.asks(b"status\n")


@scenario(
    differs="drop-with-case",
    ours={
        "admin drop function NAME": [b"ERR function not found\r\n"],
        "admin status": [b"dropFunctionOfOtherCase/name\t0\t0\t0\n", b".\n"],
    },
)
async def dropFunctionOfOtherCase(stage: Stage) -> None:
    """
    A function is dropped by its exact name only.
    """
    admin = await stage.enter("admin")
    await admin.asks(b"create function %s\r\n" % stage.mine(b"name"))
    await admin.asks(b"drop function %s\r\n" % stage.mine(b"NAME"))
    await admin.asks(b"status\n")


@scenario()
async def dropOddly(stage: Stage) -> None:
    """
    Only a function can be dropped, and only with a name.
    """
    admin = await stage.enter("admin")
    await admin.asks(b"drop\r\n")
    await admin.asks(b"Drop\r\n")
    await admin.asks(b"drop function\r\n")
    await admin.asks(b"drop table %s\r\n" % stage.f)
    await admin.asks(b"drop table\r\n")
