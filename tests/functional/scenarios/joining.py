"""
Submissions that join a job which is there already.
"""

from __future__ import annotations

from tests.functional.scenarios.stage import Stage, scenario


@scenario()
async def sameUnique(stage: Stage) -> None:
    """
    Two clients of one unique share a job, and both hear all of it.
    """
    one, two, worker = await stage.cast("one two worker")
    await worker.sends("CAN_DO", stage.f)
    await one.sends("SUBMIT_JOB", stage.f, stage.mine(b"u"), b"first")
    await two.sends("SUBMIT_JOB", stage.f, stage.mine(b"u"), b"second")
    job = await worker.sends("GRAB_JOB_UNIQ")
    await worker.sends("GRAB_JOB_UNIQ")
    await worker.sends("WORK_DATA", job, b"data")
    await worker.sends("WORK_STATUS", job, b"1", b"2")
    await worker.sends("WORK_COMPLETE", job, b"result")
    await one.hears()
    await two.hears()


@scenario()
async def sameClientTwice(stage: Stage) -> None:
    """
    A client that submits one unique twice hears everything twice.
    """
    client, worker = await stage.cast("client worker")
    await worker.sends("CAN_DO", stage.f)
    await client.sends("SUBMIT_JOB", stage.f, stage.mine(b"u"), b"data")
    await client.sends("SUBMIT_JOB", stage.f, stage.mine(b"u"), b"data")
    await client.sends("GET_STATUS_UNIQUE", stage.mine(b"u"))
    job = await worker.sends("GRAB_JOB")
    await worker.sends("WORK_DATA", job, b"data")
    await worker.sends("WORK_COMPLETE", job, b"result")
    await client.hears()
    await worker.sends("GRAB_JOB")


@scenario()
async def joiningRunningJob(stage: Stage) -> None:
    """
    A client may join a job that runs, and hears what comes from then on.
    """
    one, two, worker = await stage.cast("one two worker")
    await worker.sends("CAN_DO", stage.f)
    await one.sends("SUBMIT_JOB", stage.f, stage.mine(b"u"), b"data")
    job = await worker.sends("GRAB_JOB")
    await worker.sends("WORK_DATA", job, b"before")
    await two.sends("SUBMIT_JOB", stage.f, stage.mine(b"u"), b"data")
    await worker.sends("WORK_DATA", job, b"after")
    await worker.sends("WORK_COMPLETE", job, b"result")
    await one.hears()
    await two.hears()
    await worker.sends("GRAB_JOB")


@scenario()
async def uniqueAfterTheEnd(stage: Stage) -> None:
    """
    The unique of a finished job makes a new job.
    """
    client, worker = await stage.cast("client worker")
    await worker.sends("CAN_DO", stage.f)
    for report in "WORK_COMPLETE", "WORK_FAIL":
        await client.sends("SUBMIT_JOB", stage.f, stage.mine(b"u"), b"data")
        job = await worker.sends("GRAB_JOB")
        await worker.sends(
            report, *([job, b""] if report == "WORK_COMPLETE" else [job])
        )
        await client.hears()
    await client.sends("SUBMIT_JOB", stage.f, stage.mine(b"u"), b"data")
    await worker.sends("GRAB_JOB")


@scenario()
async def uniqueOfAnotherFunction(stage: Stage) -> None:
    """
    One unique in two functions is two jobs.
    """
    client, worker = await stage.cast("client worker")
    await client.sends("SUBMIT_JOB", stage.f, stage.mine(b"u"), b"one")
    await client.sends("SUBMIT_JOB", stage.g, stage.mine(b"u"), b"two")
    await worker.sends("CAN_DO", stage.f)
    await worker.sends("GRAB_JOB_UNIQ")
    await worker.sends("CAN_DO", stage.g)
    await worker.sends("GRAB_JOB_UNIQ")


@scenario()
async def emptyUnique(stage: Stage) -> None:
    """
    Jobs without a unique are never the same job.
    """
    client, worker = await stage.cast("client worker")
    await worker.sends("CAN_DO", stage.f)
    await client.sends("SUBMIT_JOB", stage.f, b"", b"data")
    await client.sends("SUBMIT_JOB", stage.f, b"", b"data")
    await worker.sends("GRAB_JOB_UNIQ")
    await worker.sends("GRAB_JOB_UNIQ")
    await worker.sends("GRAB_JOB_UNIQ")


@scenario()
async def dashUnique(stage: Stage) -> None:
    """
    The unique '-' means the workload: the same one is the same job.
    """
    client, worker = await stage.cast("client worker")
    await worker.sends("CAN_DO", stage.f)
    await client.sends("SUBMIT_JOB", stage.f, b"-", b"one\0load")
    await client.sends("SUBMIT_JOB", stage.f, b"-", b"one\0load")
    await client.sends("SUBMIT_JOB", stage.f, b"-", b"one\0other")
    await client.sends("SUBMIT_JOB", stage.g, b"-", b"one\0load")
    await worker.sends("GRAB_JOB_UNIQ")
    await worker.sends("GRAB_JOB_UNIQ")
    await worker.sends("GRAB_JOB_UNIQ")
    await client.sends("GET_STATUS_UNIQUE", b"-")


@scenario()
async def dashUniqueOfNothing(stage: Stage) -> None:
    """
    Empty workloads are not the same job, even with the unique '-'.
    """
    client, worker = await stage.cast("client worker")
    await worker.sends("CAN_DO", stage.f)
    await client.sends("SUBMIT_JOB", stage.f, b"-", b"")
    await client.sends("SUBMIT_JOB", stage.f, b"-", b"")
    await worker.sends("GRAB_JOB_UNIQ")
    await worker.sends("GRAB_JOB_UNIQ")
    await worker.sends("GRAB_JOB_UNIQ")


@scenario()
async def dashUniqueIsNoName(stage: Stage) -> None:
    """
    A workload that happens to be another job's unique does not join it.
    """
    client = await stage.enter("client")
    await client.sends("SUBMIT_JOB_BG", stage.f, stage.mine(b"u"), b"data")
    await client.sends("SUBMIT_JOB_BG", stage.f, b"-", stage.mine(b"u"))
    await client.sends("SUBMIT_JOB_BG", stage.f, stage.mine(b"u"), b"data")


@scenario()
async def hashUnique(stage: Stage) -> None:
    """
    The unique '#' is a unique like any other.
    """
    client, worker = await stage.cast("client worker")
    await worker.sends("CAN_DO", stage.f)
    await client.sends("SUBMIT_JOB", stage.f, b"#", b"one")
    await client.sends("SUBMIT_JOB", stage.f, b"#", b"two")
    await worker.sends("GRAB_JOB_UNIQ")
    await worker.sends("GRAB_JOB_UNIQ")


@scenario()
async def oddUniques(stage: Stage) -> None:
    """
    A unique may be any bytes without a NUL.
    """
    client, worker = await stage.cast("client worker")
    await worker.sends("CAN_DO", stage.f)
    for unique in b" ", b"a b\n", b"\xff\xfe", b"--", b"caf\xc3\xa9":
        await client.sends("SUBMIT_JOB_BG", stage.f, unique, b"data")
        await client.sends("SUBMIT_JOB_BG", stage.f, unique, b"data")
        await worker.sends("GRAB_JOB_UNIQ")
        await worker.sends("GRAB_JOB_UNIQ")


@scenario()
async def priorityOfTheFirst(stage: Stage) -> None:
    """
    A submission that joins a job does not change its priority.
    """
    client, worker = await stage.cast("client worker")
    await client.sends("SUBMIT_JOB_LOW", stage.f, stage.mine(b"u"), b"low")
    await client.sends("SUBMIT_JOB", stage.f, b"", b"normal")
    await client.sends("SUBMIT_JOB_HIGH", stage.f, stage.mine(b"u"), b"high")
    await client.asks(b"prioritystatus\n")
    await worker.sends("CAN_DO", stage.f)
    await worker.sends("GRAB_JOB")
    await worker.sends("GRAB_JOB")
    await worker.sends("GRAB_JOB")


@scenario()
async def backgroundJoinsForeground(stage: Stage) -> None:
    """
    A background submission joins a foreground job and hears nothing of it.
    """
    one, two, worker = await stage.cast("one two worker")
    await worker.sends("CAN_DO", stage.f)
    await one.sends("SUBMIT_JOB", stage.f, stage.mine(b"u"), b"data")
    await two.sends("SUBMIT_JOB_BG", stage.f, stage.mine(b"u"), b"data")
    await one.sends("GET_STATUS_UNIQUE", stage.mine(b"u"))
    job = await worker.sends("GRAB_JOB")
    await worker.sends("WORK_COMPLETE", job, b"result")
    await one.hears()
    await two.hears()


@scenario()
async def foregroundJoinsBackground(stage: Stage) -> None:
    """
    A foreground client that joins a background job hears of it.
    """
    one, two, worker = await stage.cast("one two worker")
    await worker.sends("CAN_DO", stage.f)
    await one.sends("SUBMIT_JOB_BG", stage.f, stage.mine(b"u"), b"data")
    await two.sends("SUBMIT_JOB", stage.f, stage.mine(b"u"), b"data")
    await one.sends("GET_STATUS_UNIQUE", stage.mine(b"u"))
    job = await worker.sends("GRAB_JOB")
    await worker.sends("WORK_DATA", job, b"data")
    await worker.sends("WORK_FAIL", job)
    await one.hears()
    await two.hears()


@scenario(
    differs="background-survives",
    ours={
        "worker GRAB_JOB": [b"[JOB_ASSIGN] H:1\0backgroundOutlivesItsClient/f\0data"],
        "one GET_STATUS": [b"[STATUS_RES] H:1\x001\x001\x000\x000"],
    },
)
async def backgroundOutlivesItsClient(stage: Stage) -> None:
    """
    A background job survives the foreground client that joined it.
    """
    one, two, worker = await stage.cast("one two worker")
    job = await one.sends("SUBMIT_JOB_BG", stage.f, stage.mine(b"u"), b"data")
    await two.sends("SUBMIT_JOB", stage.f, stage.mine(b"u"), b"data")
    await two.leaves()
    await worker.sends("CAN_DO", stage.f)
    await worker.sends("GRAB_JOB")
    await one.sends("GET_STATUS", job)


@scenario(
    differs="background-survives",
    ours={
        "worker GRAB_JOB": [b"[JOB_ASSIGN] H:1\0joinedByBackground/f\0data"],
    },
)
async def joinedByBackground(stage: Stage) -> None:
    """
    A foreground job that a background submission joined is a background job.
    """
    one, two, worker = await stage.cast("one two worker")
    await one.sends("SUBMIT_JOB", stage.f, stage.mine(b"u"), b"data")
    await two.sends("SUBMIT_JOB_BG", stage.f, stage.mine(b"u"), b"data")
    await one.leaves()
    await worker.sends("CAN_DO", stage.f)
    await worker.sends("GRAB_JOB")


@scenario()
async def oneOfTwoClientsLeaves(stage: Stage) -> None:
    """
    A shared job goes on while one of its foreground clients is there.
    """
    one, two, worker = await stage.cast("one two worker")
    await one.sends("SUBMIT_JOB", stage.f, stage.mine(b"u"), b"data")
    await two.sends("SUBMIT_JOB", stage.f, stage.mine(b"u"), b"data")
    await one.leaves()
    await two.sends("GET_STATUS_UNIQUE", stage.mine(b"u"))
    await worker.sends("CAN_DO", stage.f)
    job = await worker.sends("GRAB_JOB")
    await worker.sends("WORK_COMPLETE", job, b"result")
    await two.hears()


@scenario()
async def joiningByReducer(stage: Stage) -> None:
    """
    Jobs with reducers join by their unique, and the first one's reducer stays.
    """
    client, worker = await stage.cast("client worker")
    await worker.sends("CAN_DO", stage.f)
    await client.sends("SUBMIT_REDUCE_JOB", stage.f, b"u", b"one", b"0", b"data")
    await client.sends("SUBMIT_REDUCE_JOB", stage.f, b"u", b"two", b"0", b"data")
    await client.sends("SUBMIT_JOB", stage.f, b"u", b"data")
    await worker.sends("GRAB_JOB_ALL")
    await worker.sends("GRAB_JOB_ALL")
