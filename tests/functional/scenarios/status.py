"""
What becomes of a job, as those see it who ask.
"""

from __future__ import annotations

from tests.functional.scenarios.stage import Stage, scenario


@scenario()
async def lifeOfAJob(stage: Stage) -> None:
    """
    The status of a job tells whether it is known, whether it runs, and how far.
    """
    client, asker, worker = await stage.cast("client asker worker")
    await worker.sends("CAN_DO", stage.f)
    job = await client.sends("SUBMIT_JOB", stage.f, stage.mine(b"u"), b"data")

    async def ask() -> None:
        await asker.sends("GET_STATUS", job)
        await asker.sends("GET_STATUS_UNIQUE", stage.mine(b"u"))

    await ask()
    await worker.sends("GRAB_JOB")
    await ask()
    await worker.sends("WORK_STATUS", job, b"3", b"10")
    await ask()
    await worker.sends("WORK_DATA", job, b"data")
    await ask()
    await worker.sends("WORK_COMPLETE", job, b"result")
    await ask()


@scenario()
async def lifeOfABackgroundJob(stage: Stage) -> None:
    """
    The status of a background job is as good, with no client to count.
    """
    client, worker = await stage.cast("client worker")
    await worker.sends("CAN_DO", stage.f)
    job = await client.sends("SUBMIT_JOB_LOW_BG", stage.f, stage.mine(b"u"), b"data")

    async def ask() -> None:
        await client.sends("GET_STATUS", job)
        await client.sends("GET_STATUS_UNIQUE", stage.mine(b"u"))

    await ask()
    await worker.sends("GRAB_JOB")
    await worker.sends("WORK_STATUS", job, b"3", b"10")
    await ask()
    await worker.sends("WORK_FAIL", job)
    await ask()


@scenario()
async def unknownJobs(stage: Stage) -> None:
    """
    Whatever is asked for that is not there is unknown.
    """
    client = await stage.enter("client")
    for name in b"no:1", b"", b"H:no:0", b"\xff", b"h" * 63:
        await client.sends("GET_STATUS", name)
        await client.sends("GET_STATUS_UNIQUE", name)


@scenario(
    differs="long-handle",
    ours={
        "client hears": [b"[STATUS_RES] " + b"h" * 100 + b"\x000\x000\x000\x000"],
    },
)
async def statusOfLongHandle(stage: Stage) -> None:
    """
    A handle that is longer than any is a handle of no job.
    """
    client = await stage.enter("client")
    client.raw.send("GET_STATUS", b"h" * 100)
    await client.hears(stalls="gearmand")


@scenario(
    differs="long-unique",
    ours={
        "client hears": [
            b"[STATUS_RES_UNIQUE] " + b"u" * 100 + b"\x000\x000\x000\x000\x000"
        ],
    },
)
async def statusOfLongUnique(stage: Stage) -> None:
    """
    A unique that is longer than any is a unique of no job.
    """
    client = await stage.enter("client")
    client.raw.send("GET_STATUS_UNIQUE", b"u" * 100)
    await client.hears(stalls="gearmand")


@scenario(
    differs="unique-of-64",
    ours={
        "client hears": [
            b"[STATUS_RES_UNIQUE] statusOfUniqueOf64/"
            + b"u" * 45
            + b"\x001\x000\x000\x000\x000"
        ],
    },
)
async def statusOfUniqueOf64(stage: Stage) -> None:
    """
    A job with a unique of 64 bytes is found by it.
    """
    client = await stage.enter("client")
    unique = stage.mine(b"u" * 64)[:64]
    await client.sends("SUBMIT_JOB_BG", stage.f, unique, b"data")
    client.raw.send("GET_STATUS_UNIQUE", unique)
    await client.hears(stalls="gearmand")


@scenario()
async def statusOfHandleWithNul(stage: Stage) -> None:
    """
    A NUL behind a handle that is asked for is not part of it.
    """
    client = await stage.enter("client")
    job = await client.sends("SUBMIT_JOB_BG", stage.f, b"", b"data")
    await client.sends("GET_STATUS", job + b"\0")
    await client.sends("GET_STATUS", b"no:1\0")


@scenario()
async def statusOfUniqueWithNul(stage: Stage) -> None:
    """
    A NUL behind a unique that is asked for is not part of it.
    """
    client = await stage.enter("client")
    await client.sends("SUBMIT_JOB_BG", stage.f, stage.mine(b"u"), b"data")
    await client.sends("GET_STATUS_UNIQUE", stage.mine(b"u\0"))


@scenario()
async def uniqueInTwoFunctions(stage: Stage) -> None:
    """
    Of two jobs with one unique the latest is meant.
    """
    client, worker = await stage.cast("client worker")
    await client.sends("SUBMIT_JOB_BG", stage.f, stage.mine(b"u"), b"data")
    await client.sends("SUBMIT_JOB_BG", stage.g, stage.mine(b"u"), b"data")
    await worker.sends("CAN_DO", stage.g)
    job = await worker.sends("GRAB_JOB")
    await worker.sends("WORK_STATUS", job, b"1", b"2")
    await client.sends("GET_STATUS_UNIQUE", stage.mine(b"u"))
    await worker.sends("WORK_COMPLETE", job, b"")
    await client.sends("GET_STATUS_UNIQUE", stage.mine(b"u"))


@scenario()
async def clientsAreCounted(stage: Stage) -> None:
    """
    The status by unique counts the clients that wait for the job.
    """
    one, two, three, worker = await stage.cast("one two three worker")
    for client in one, two, one, three:
        await client.sends("SUBMIT_JOB", stage.f, stage.mine(b"u"), b"data")
        await client.sends("GET_STATUS_UNIQUE", stage.mine(b"u"))
    await two.leaves()
    await three.sends("GET_STATUS_UNIQUE", stage.mine(b"u"))
    await worker.sends("CAN_DO", stage.f)
    await worker.sends("GRAB_JOB")
    await three.sends("GET_STATUS_UNIQUE", stage.mine(b"u"))
    await one.leaves()
    await three.sends("GET_STATUS_UNIQUE", stage.mine(b"u"))


@scenario()
async def uniqueThatMeansNothing(stage: Stage) -> None:
    """
    Jobs without a unique, or with '-', are not found by unique.
    """
    client = await stage.enter("client")
    await client.sends("SUBMIT_JOB_BG", stage.f, b"", b"data")
    await client.sends("SUBMIT_JOB_BG", stage.f, b"-", stage.mine(b"load"))
    await client.sends("GET_STATUS_UNIQUE", b"")
    await client.sends("GET_STATUS_UNIQUE", b"-")
    await client.sends("GET_STATUS_UNIQUE", stage.mine(b"load"))
