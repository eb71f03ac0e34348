"""
Who is woken, and when, and how often.
"""

from __future__ import annotations

from tests.functional.scenarios.stage import Actor, Stage, scenario


async def sleepers(stage: Stage, workers: list[Actor]) -> None:
    """
    Have workers of one function fall asleep in their order.
    """
    for worker in workers:
        await worker.sends("CAN_DO", stage.f)
    for worker in workers:
        await worker.sends("GRAB_JOB")
        await worker.sends("PRE_SLEEP")


@scenario()
async def wokenByJob(stage: Stage) -> None:
    """
    A sleeping worker is woken by a job that it can do.
    """
    client, worker = await stage.cast("client worker")
    await sleepers(stage, [worker])
    await client.sends("SUBMIT_JOB_BG", stage.f, b"", b"data")
    await worker.hears()
    await worker.sends("GRAB_JOB")
    await worker.sends("GRAB_JOB")
    await worker.sends("PRE_SLEEP")
    await client.sends("SUBMIT_JOB_BG", stage.f, b"", b"data")
    await worker.hears()


@scenario()
async def wokenByEveryKind(stage: Stage) -> None:
    """
    Any priority and any kind of submission wakes a worker.
    """
    client, worker = await stage.cast("client worker")
    for kind in [
        "SUBMIT_JOB",
        "SUBMIT_JOB_HIGH",
        "SUBMIT_JOB_LOW",
        "SUBMIT_JOB_HIGH_BG",
        "SUBMIT_JOB_LOW_BG",
    ]:
        await sleepers(stage, [worker])
        await client.sends(kind, stage.f, b"", b"data")
        await worker.hears()
        await worker.sends("GRAB_JOB")
    await sleepers(stage, [worker])
    await client.sends("SUBMIT_REDUCE_JOB", stage.f, b"", b"r", b"0", b"data")
    await worker.hears()


@scenario()
async def wokenOnce(stage: Stage) -> None:
    """
    A worker is woken once, however many jobs come before it grabs one.
    """
    client, worker = await stage.cast("client worker")
    await sleepers(stage, [worker])
    for _ in range(4):
        await client.sends("SUBMIT_JOB_BG", stage.f, b"", b"data")
    await worker.hears()
    await worker.sends("GRAB_JOB")
    await client.sends("SUBMIT_JOB_BG", stage.f, b"", b"data")
    await worker.hears()


@scenario()
async def asleepWithJobWaiting(stage: Stage) -> None:
    """
    A worker that goes to sleep while a job waits is woken at once, each time.
    """
    client, worker = await stage.cast("client worker")
    await client.sends("SUBMIT_JOB_BG", stage.f, b"", b"data")
    await worker.sends("CAN_DO", stage.f)
    await worker.sends("PRE_SLEEP")
    await worker.sends("PRE_SLEEP")
    await client.sends("SUBMIT_JOB_BG", stage.f, b"", b"data")
    await worker.sends("PRE_SLEEP")
    await worker.sends("GRAB_JOB")
    await worker.sends("GRAB_JOB")
    await worker.sends("PRE_SLEEP")


@scenario()
async def wokenThenAsleepAgain(stage: Stage) -> None:
    """
    A worker that was woken and sleeps again without grabbing is woken at once.
    """
    client, worker = await stage.cast("client worker")
    await sleepers(stage, [worker])
    await client.sends("SUBMIT_JOB_BG", stage.f, b"", b"data")
    await worker.hears()
    await worker.sends("PRE_SLEEP")
    await client.sends("SUBMIT_JOB_BG", stage.f, b"", b"data")
    await worker.hears()
    await worker.sends("GRAB_JOB")
    await worker.sends("PRE_SLEEP")


@scenario()
async def awake(stage: Stage) -> None:
    """
    A worker that does not sleep is not woken.
    """
    client, worker = await stage.cast("client worker")
    await worker.sends("CAN_DO", stage.f)
    await client.sends("SUBMIT_JOB_BG", stage.f, b"", b"data")
    await worker.hears()
    await worker.sends("GRAB_JOB")
    await client.sends("SUBMIT_JOB_BG", stage.f, b"", b"data")
    await worker.hears()


@scenario()
async def grabbingEndsSleep(stage: Stage) -> None:
    """
    A worker that grabs is awake, and is not woken.
    """
    client, worker = await stage.cast("client worker")
    await sleepers(stage, [worker])
    await worker.sends("GRAB_JOB")
    await client.sends("SUBMIT_JOB_BG", stage.f, b"", b"data")
    await worker.hears()


@scenario()
async def onlyGrabbingEndsSleep(stage: Stage) -> None:
    """
    A worker sleeps on whatever else it says.
    """
    client, worker = await stage.cast("client worker")
    await sleepers(stage, [worker])
    await worker.sends("ECHO_REQ", b"data")
    await worker.sends("SET_CLIENT_ID", stage.mine(b"id"))
    await worker.sends("OPTION_REQ", b"exceptions")
    await worker.sends("CAN_DO", stage.g)
    await worker.asks(b"version\n")
    await client.sends("SUBMIT_JOB_BG", stage.f, b"", b"data")
    await worker.hears()


@scenario()
async def otherFunction(stage: Stage) -> None:
    """
    A job wakes no worker that cannot do it.
    """
    client, worker, idle = await stage.cast("client worker idle")
    await sleepers(stage, [worker])
    await idle.sends("PRE_SLEEP")
    await client.sends("SUBMIT_JOB_BG", stage.g, b"", b"data")
    await worker.hears()
    await idle.hears()


@scenario()
async def cantDoWhileAsleep(stage: Stage) -> None:
    """
    A sleeping worker is not woken for what it cannot do any more.
    """
    client, worker = await stage.cast("client worker")
    await worker.sends("CAN_DO", stage.g)
    await sleepers(stage, [worker])
    await worker.sends("CANT_DO", stage.f)
    await client.sends("SUBMIT_JOB_BG", stage.f, b"", b"data")
    await worker.hears()
    await client.sends("SUBMIT_JOB_BG", stage.g, b"", b"data")
    await worker.hears()


@scenario(differs="can-do-wakes", ours={"worker CAN_DO": [b"[NOOP]"]})
async def canDoWhileAsleep(stage: Stage) -> None:
    """
    A sleeping worker is woken when it learns to do what waits already.
    """
    client, worker = await stage.cast("client worker")
    await client.sends("SUBMIT_JOB_BG", stage.f, b"", b"data")
    await worker.sends("PRE_SLEEP")
    await worker.sends("CAN_DO", stage.f)


@scenario()
async def learningWhileAsleep(stage: Stage) -> None:
    """
    A sleeping worker is woken for a function it learned in its sleep.
    """
    client, worker = await stage.cast("client worker")
    await worker.sends("PRE_SLEEP")
    await worker.sends("CAN_DO", stage.f)
    await client.sends("SUBMIT_JOB_BG", stage.f, b"", b"data")
    await worker.hears()


@scenario(
    differs="noop-behind",
    ours={
        "both SUBMIT_JOB": [b"[JOB_CREATED] H:1"],
        "both hears": [b"[NOOP]"],
    },
)
async def wakingItself(stage: Stage) -> None:
    """
    A sleeper that submits a job for itself is woken after it is answered.
    """
    both = await stage.enter("both")
    await sleepers(stage, [both])
    await both.sends("SUBMIT_JOB", stage.f, b"", b"data")
    await both.hears()
    await both.sends("GRAB_JOB")


@scenario()
async def joiningWakesNobody(stage: Stage) -> None:
    """
    A submission that joins a job is no reason to wake anybody.
    """
    client, one, two = await stage.cast("client one two")
    await client.sends("SUBMIT_JOB", stage.f, b"u", b"data")
    await one.sends("CAN_DO", stage.f)
    await one.sends("GRAB_JOB")
    await sleepers(stage, [two])
    await client.sends("SUBMIT_JOB", stage.f, b"u", b"data")
    await two.hears()


@scenario(
    differs="wake-one",
    ours={
        "one hears": [],
        "one hears #2": [b"[NOOP]"],
    },
)
async def twoSleepers(stage: Stage) -> None:
    """
    A job wakes one sleeper, the one that was active last.
    """
    client, one, two = await stage.cast("client one two")
    await sleepers(stage, [one, two])
    await client.sends("SUBMIT_JOB_BG", stage.f, b"", b"data")
    await one.hears()
    await two.hears()
    await client.sends("SUBMIT_JOB_BG", stage.f, b"", b"data")
    await one.hears()
    await two.hears()


@scenario("--worker-wakeup=0")
async def wakingAll(stage: Stage) -> None:
    """
    A wakeup of 0 wakes all sleepers.
    """
    client, *workers = await stage.cast("client one two three")
    await sleepers(stage, workers)
    await client.sends("SUBMIT_JOB_BG", stage.f, b"", b"data")
    for worker in workers:
        await worker.hears()


@scenario("--worker-wakeup=2")
async def wakingTwoOfTwo(stage: Stage) -> None:
    """
    A wakeup of 2 wakes two sleepers when there are two.
    """
    client, *workers = await stage.cast("client one two")
    await sleepers(stage, workers)
    await client.sends("SUBMIT_JOB_BG", stage.f, b"", b"data")
    for worker in workers:
        await worker.hears()


@scenario(
    "--worker-wakeup=2",
    differs="wake-most-recent",
    ours={
        "one hears": [],
        "three hears": [b"[NOOP]"],
    },
)
async def wakingTwoOfThree(stage: Stage) -> None:
    """
    A wakeup of 2 wakes the two sleepers that were active last.
    """
    client, *workers = await stage.cast("client one two three")
    await sleepers(stage, workers)
    await client.sends("SUBMIT_JOB_BG", stage.f, b"", b"data")
    for worker in workers:
        await worker.hears()
