"""
Which job a worker is granted, and what it may say of what it can do.
"""

from __future__ import annotations

from tests.functional.scenarios.stage import Stage, scenario


@scenario()
async def grabbingNothing(stage: Stage) -> None:
    """
    A worker is told when there is no job for it, whatever it can do.
    """
    worker = await stage.enter("worker")
    for grab in "GRAB_JOB", "GRAB_JOB_UNIQ", "GRAB_JOB_ALL":
        await worker.sends(grab)
    await worker.sends("CAN_DO", stage.f)
    for grab in "GRAB_JOB", "GRAB_JOB_UNIQ", "GRAB_JOB_ALL":
        await worker.sends(grab)


@scenario()
async def firstInFirstOut(stage: Stage) -> None:
    """
    The jobs of one function are granted by priority, then in their order.
    """
    client, worker = await stage.cast("client worker")
    for kind in "SUBMIT_JOB_LOW_BG", "SUBMIT_JOB_BG", "SUBMIT_JOB_HIGH_BG":
        for load in b"one", b"two", b"three":
            await client.sends(kind, stage.f, b"", kind.encode() + b" " + load)
    await worker.sends("CAN_DO", stage.f)
    for _ in range(10):
        await worker.sends("GRAB_JOB")


@scenario()
async def severalJobsAtOnce(stage: Stage) -> None:
    """
    A worker may hold several jobs and report on them in any order.
    """
    client, worker = await stage.cast("client worker")
    await worker.sends("CAN_DO", stage.f)
    for load in b"one", b"two", b"three":
        await client.sends("SUBMIT_JOB", stage.f, b"", load)
    jobs = [await worker.sends("GRAB_JOB") for _ in range(3)]
    await worker.sends("GRAB_JOB")
    await client.asks(b"status\n")
    for job in reversed(jobs):
        await worker.sends("WORK_COMPLETE", job, b"result")
        await client.hears()
    await client.asks(b"status\n")


@scenario()
async def twoWorkersTakeTurns(stage: Stage) -> None:
    """
    A job is granted to one worker only.
    """
    client, one, two = await stage.cast("client one two")
    await one.sends("CAN_DO", stage.f)
    await two.sends("CAN_DO", stage.f)
    await client.sends("SUBMIT_JOB_BG", stage.f, b"", b"1")
    await client.sends("SUBMIT_JOB_BG", stage.f, b"", b"2")
    await one.sends("GRAB_JOB")
    await two.sends("GRAB_JOB")
    await one.sends("GRAB_JOB")
    await two.sends("GRAB_JOB")
    await client.asks(b"status\n")


@scenario()
async def latestFunctionFirst(stage: Stage) -> None:
    """
    Of two functions with a job each the one registered last is served first.
    """
    client, worker = await stage.cast("client worker")
    await client.sends("SUBMIT_JOB_BG", stage.f, b"", b"data")
    await client.sends("SUBMIT_JOB_BG", stage.g, b"", b"data")
    await worker.sends("CAN_DO", stage.f)
    await worker.sends("CAN_DO", stage.g)
    for _ in range(3):
        await worker.sends("GRAB_JOB")


@scenario(
    differs="functions-take-turns",
    ours={
        "worker GRAB_JOB #2": [b"[JOB_ASSIGN] H:1\0functionsInTurn/f\x001"],
        "worker GRAB_JOB #3": [b"[JOB_ASSIGN] H:4\0functionsInTurn/g\x002"],
        "worker GRAB_JOB #4": [b"[JOB_ASSIGN] H:3\0functionsInTurn/f\x002"],
        "worker GRAB_JOB #5": [b"[JOB_ASSIGN] H:6\0functionsInTurn/g\x003"],
    },
)
async def functionsInTurn(stage: Stage) -> None:
    """
    The functions of a worker take turns.
    """
    client, worker = await stage.cast("client worker")
    for load in b"1", b"2", b"3":
        await client.sends("SUBMIT_JOB_BG", stage.f, b"", load)
        await client.sends("SUBMIT_JOB_BG", stage.g, b"", load)
    await worker.sends("CAN_DO", stage.f)
    await worker.sends("CAN_DO", stage.g)
    for _ in range(7):
        await worker.sends("GRAB_JOB")


@scenario("--round-robin")
async def functionsInTurnByOption(stage: Stage) -> None:
    """
    The functions of a worker take turns when an option asks for it.
    """
    client, worker = await stage.cast("client worker")
    h = stage.mine(b"h")
    for load in b"1", b"2", b"3":
        for function in stage.f, stage.g, h:
            await client.sends("SUBMIT_JOB_BG", function, b"", load)
    for function in stage.f, stage.g, h:
        await worker.sends("CAN_DO", function)
    for _ in range(10):
        await worker.sends("GRAB_JOB")


@scenario(
    differs="priority-is-global",
    ours={
        "worker GRAB_JOB #2": [b"[JOB_ASSIGN] H:5\0priorityAcrossFunctions/f\0high"],
        "worker GRAB_JOB #3": [b"[JOB_ASSIGN] H:4\0priorityAcrossFunctions/g\0normal"],
        "worker GRAB_JOB #4": [b"[JOB_ASSIGN] H:3\0priorityAcrossFunctions/f\0normal"],
        "worker GRAB_JOB #5": [b"[JOB_ASSIGN] H:2\0priorityAcrossFunctions/g\0low"],
    },
)
async def priorityAcrossFunctions(stage: Stage) -> None:
    """
    A worker is granted the highest priority of all its functions.
    """
    client, worker = await stage.cast("client worker")
    for kind, load in (
        ("SUBMIT_JOB_LOW_BG", b"low"),
        ("SUBMIT_JOB_BG", b"normal"),
        ("SUBMIT_JOB_HIGH_BG", b"high"),
    ):
        await client.sends(kind, stage.f, b"", load)
        await client.sends(kind, stage.g, b"", load)
    await worker.sends("CAN_DO", stage.f)
    await worker.sends("CAN_DO", stage.g)
    for _ in range(7):
        await worker.sends("GRAB_JOB")


@scenario()
async def cantDo(stage: Stage) -> None:
    """
    A worker that cannot do a function any more gets no job of it.
    """
    client, worker = await stage.cast("client worker")
    await worker.sends("CANT_DO", stage.f)
    await worker.sends("CAN_DO", stage.f)
    await worker.sends("CAN_DO", stage.g)
    await worker.sends("CANT_DO", stage.f)
    await client.sends("SUBMIT_JOB_BG", stage.f, b"", b"data")
    await worker.sends("GRAB_JOB")
    await client.sends("SUBMIT_JOB_BG", stage.g, b"", b"data")
    await worker.sends("GRAB_JOB")
    await client.asks(b"status\n")
    await worker.sends("CAN_DO", stage.f)
    await worker.sends("GRAB_JOB")
    await client.asks(b"status\n")


@scenario()
async def resetAbilities(stage: Stage) -> None:
    """
    A worker that reset its abilities gets no job.
    """
    client, worker = await stage.cast("client worker")
    await worker.sends("RESET_ABILITIES")
    await worker.sends("CAN_DO", stage.f)
    await worker.sends("CAN_DO", stage.g)
    await worker.sends("RESET_ABILITIES")
    await client.sends("SUBMIT_JOB_BG", stage.f, b"", b"data")
    await worker.sends("GRAB_JOB")
    await client.asks(b"status\n")
    await worker.sends("CAN_DO", stage.f)
    await worker.sends("GRAB_JOB")


@scenario(
    differs="abilities-leave-jobs",
    ours={
        "client GET_STATUS": [b"[STATUS_RES] H:1\x001\x001\x000\x000"],
        "worker WORK_COMPLETE": [],
        "client hears": [b"[WORK_COMPLETE] H:1\0result"],
    },
)
async def cantDoWhileRunning(stage: Stage) -> None:
    """
    A job runs on when its worker says that it cannot do the function any more.
    """
    client, worker = await stage.cast("client worker")
    await worker.sends("CAN_DO", stage.f)
    job = await client.sends("SUBMIT_JOB", stage.f, b"", b"data")
    await worker.sends("GRAB_JOB")
    await worker.sends("CANT_DO", stage.f)
    await client.sends("GET_STATUS", job)
    await worker.sends("WORK_COMPLETE", job, b"result")
    await client.hears()


@scenario(
    differs="abilities-leave-jobs",
    ours={
        "client GET_STATUS": [b"[STATUS_RES] H:1\x001\x001\x000\x000"],
        "worker WORK_COMPLETE": [],
        "client hears": [b"[WORK_COMPLETE] H:1\0result"],
    },
)
async def resetWhileRunning(stage: Stage) -> None:
    """
    A job runs on when its worker resets its abilities.
    """
    client, worker = await stage.cast("client worker")
    await worker.sends("CAN_DO", stage.f)
    job = await client.sends("SUBMIT_JOB", stage.f, b"", b"data")
    await worker.sends("GRAB_JOB")
    await worker.sends("RESET_ABILITIES")
    await client.sends("GET_STATUS", job)
    await worker.sends("WORK_COMPLETE", job, b"result")
    await client.hears()


@scenario(
    differs="can-do-is-a-set",
    ours={
        "client status": [b"canDoTwice/f\t0\t0\t1\n", b".\n"],
        "client workers": [b"FD IP canDoTwice/id : canDoTwice/f\n", b".\n"],
    },
)
async def canDoTwice(stage: Stage) -> None:
    """
    A function that a worker registers twice counts once.
    """
    client, worker = await stage.cast("client worker")
    await worker.sends("SET_CLIENT_ID", stage.mine(b"id"))
    await worker.sends("CAN_DO", stage.f)
    await worker.sends("CAN_DO", stage.f)
    await client.asks(b"status\n")
    await client.asks(b"workers\n")
    await worker.sends("CANT_DO", stage.f)
    await client.asks(b"status\n")
    await client.sends("SUBMIT_JOB_BG", stage.f, b"", b"data")
    await worker.sends("GRAB_JOB")


@scenario()
async def options(stage: Stage) -> None:
    """
    The one option is known in any spelling, and echoed in the one it came in.
    """
    peer = await stage.enter("peer")
    for option in (
        b"exceptions",
        b"EXCEPTIONS",
        b"Exceptions\0",
        b"exceptions\0more",
        b"exception",
        b"exceptionss",
        b" exceptions",
        b"",
        b"\0",
        b"o" * 63,
        b"o" * 64,
        b"o" * 200,
    ):
        await peer.sends("OPTION_REQ", option)


@scenario()
async def clientIds(stage: Stage) -> None:
    """
    A connection's id is what it said last.
    """
    peer = await stage.enter("peer")
    await peer.sends("SET_CLIENT_ID", stage.mine(b"first"))
    await peer.asks(b"workers\n")
    await peer.sends("SET_CLIENT_ID", stage.mine(b"second"))
    await peer.asks(b"workers\n")
    await peer.sends("SET_CLIENT_ID", stage.mine(b"caf\xc3\xa9:\xff"))
    await peer.asks(b"workers\n")


@scenario()
async def longClientIds(stage: Stage) -> None:
    """
    An id is cut at 127 bytes.
    """
    peer = await stage.enter("peer")
    for size in 126, 127, 128, 1000:
        await peer.sends("SET_CLIENT_ID", stage.mine(b"i" * size)[:size])
        await peer.asks(b"workers\n")


@scenario()
async def clientIdWithNul(stage: Stage) -> None:
    """
    An id ends at a NUL.
    """
    peer = await stage.enter("peer")
    await peer.sends("SET_CLIENT_ID", stage.mine(b"id\0more"))
    await peer.asks(b"workers\n")
    await peer.sends("SET_CLIENT_ID", stage.mine(b"id\0"))
    await peer.asks(b"workers\n")


@scenario(
    differs="escaped-names",
    ours={
        "peer workers": [b"FD IP clientIdWithSpaces/a%20b%09c%0Ad :\n", b".\n"],
    },
)
async def clientIdWithSpaces(stage: Stage) -> None:
    """
    White space in an id is escaped in a table.
    """
    peer = await stage.enter("peer")
    await peer.sends("SET_CLIENT_ID", stage.mine(b"a b\tc\nd"))
    await peer.asks(b"workers\n")
