"""
What workers report, right and wrong, and what becomes of it.
"""

from __future__ import annotations

from tests.functional.scenarios.stage import Actor, Stage, scenario

NOT_FOUND = b"[ERROR] JOB_NOT_FOUND\0Job given in work result not found"
REPORTS: dict[str, tuple[bytes, ...]] = {
    "WORK_DATA": (b"data",),
    "WORK_WARNING": (b"data",),
    "WORK_STATUS": (b"1", b"2"),
    "WORK_COMPLETE": (b"data",),
    "WORK_FAIL": (),
    "WORK_EXCEPTION": (b"data",),
}


async def reportAll(worker: Actor, job: bytes) -> None:
    """
    Send every kind of report on one job.
    """
    for report, arguments in REPORTS.items():
        await worker.sends(report, job, *arguments)


async def running(stage: Stage, client: Actor, worker: Actor) -> bytes:
    """
    Have a worker run a foreground job.
    """
    await worker.sends("CAN_DO", stage.f)
    await client.sends("SUBMIT_JOB", stage.f, b"", b"data")
    return await worker.sends("GRAB_JOB")


@scenario()
async def unknownHandles(stage: Stage) -> None:
    """
    A report on a job that never was is answered with an error.
    """
    worker = await stage.enter("worker")
    await reportAll(worker, b"no:1")
    await reportAll(worker, b"")
    await reportAll(worker, b"H:no:0")


@scenario()
async def longHandles(stage: Stage) -> None:
    """
    A report on a handle longer than any is answered with an error.
    """
    worker = await stage.enter("worker")
    for size in 62, 63:
        await reportAll(worker, b"h" * size)
    for size in 64, 65, 500:
        for report, arguments in REPORTS.items():
            if report != "WORK_FAIL":
                await worker.sends(report, b"h" * size, *arguments)


@scenario(
    differs="long-handle",
    ours={
        "worker WORK_FAIL": [NOT_FOUND],
        "worker WORK_FAIL #2": [NOT_FOUND],
    },
)
async def failureWithLongHandle(stage: Stage) -> None:
    """
    So is a failure.
    """
    worker = await stage.enter("worker")
    await worker.sends("WORK_FAIL", b"h" * 64)
    await worker.sends("WORK_FAIL", b"h" * 500)


@scenario()
async def queuedJob(stage: Stage) -> None:
    """
    Nobody reports on a job that is not running.
    """
    client, worker = await stage.cast("client worker")
    await worker.sends("CAN_DO", stage.f)
    job = await client.sends("SUBMIT_JOB", stage.f, b"", b"data")
    await reportAll(worker, job)
    await reportAll(client, job)
    await client.asks(b"status\n")


@scenario()
async def somebodyElsesJob(stage: Stage) -> None:
    """
    Nobody reports on a job but the worker that runs it.
    """
    client, worker, other = await stage.cast("client worker other")
    job = await running(stage, client, worker)
    await other.sends("CAN_DO", stage.f)
    await reportAll(other, job)
    await reportAll(client, job)
    await worker.sends("WORK_COMPLETE", job, b"result")
    await client.hears()


@scenario()
async def finishedJob(stage: Stage) -> None:
    """
    Nobody reports on a job that is finished.
    """
    client, worker = await stage.cast("client worker")
    for ending in "WORK_COMPLETE", "WORK_FAIL":
        job = await running(stage, client, worker)
        await worker.sends(ending, job, *REPORTS[ending])
        await client.hears()
        await reportAll(worker, job)
        await client.hears()


@scenario()
async def failure(stage: Stage) -> None:
    """
    A failure is the last word on a job.
    """
    client, worker = await stage.cast("client worker")
    job = await running(stage, client, worker)
    await worker.sends("WORK_DATA", job, b"some")
    await worker.sends("WORK_FAIL", job)
    await client.hears()
    await worker.sends("GRAB_JOB")
    await client.sends("GET_STATUS", job)


@scenario(differs="handle-with-nul", ours={"client hears": [b"[WORK_FAIL] H:1"]})
async def failureWithPayload(stage: Stage) -> None:
    """
    A failure with a payload is a failure, and the payload is not passed on.
    """
    client, worker = await stage.cast("client worker")
    job = await running(stage, client, worker)
    await worker.sends("WORK_FAIL", job, b"because")
    await client.hears()
    await client.sends("GET_STATUS", job)


@scenario(differs="handle-with-nul", ours={"client hears": [b"[WORK_FAIL] H:1"]})
async def failureWithNul(stage: Stage) -> None:
    """
    A NUL behind the handle of a failure is not passed on.
    """
    client, worker = await stage.cast("client worker")
    job = await running(stage, client, worker)
    await worker.sends("WORK_FAIL", job, b"")
    await client.hears()
    await client.sends("GET_STATUS", job)


@scenario()
async def emptyReports(stage: Stage) -> None:
    """
    Data, warnings and results may be empty.
    """
    client, worker = await stage.cast("client worker")
    job = await running(stage, client, worker)
    await worker.sends("WORK_DATA", job, b"")
    await worker.sends("WORK_WARNING", job, b"")
    await worker.sends("WORK_COMPLETE", job, b"")
    await client.hears()


@scenario()
async def oddNumbers(stage: Stage) -> None:
    """
    Progress is passed on as it came, and remembered as the C server reads it.
    """
    client, worker = await stage.cast("client worker")
    job = await running(stage, client, worker)
    for numerator, denominator in (
        (b"1", b"2"),
        (b"0", b"0"),
        (b"-1", b"10"),
        (b"0.5", b"1.75"),
        (b" 7", b"+8"),
        (b"abc", b"12abc"),
        (b"", b""),
        (b"0x10", b"010"),
        (b"4294967295", b"4294967296"),
        (b"99999999999", b"2147483648"),
        (b"1\n", b"\t2"),
    ):
        await worker.sends("WORK_STATUS", job, numerator, denominator)
        await client.hears()
        await client.sends("GET_STATUS", job)


@scenario()
async def denominatorWithNul(stage: Stage) -> None:
    """
    The denominator is the rest of the packet, with its NULs.
    """
    client, worker = await stage.cast("client worker")
    job = await running(stage, client, worker)
    await worker.sends("WORK_STATUS", job, b"3", b"4\0")
    await client.hears()
    await client.sends("GET_STATUS", job)
    await worker.sends("WORK_STATUS", job, b"5", b"6\0seven")
    await client.hears()
    await client.sends("GET_STATUS", job)


@scenario(
    differs="long-denominator",
    ours={"client hears": [b"[WORK_STATUS] H:1\x001\x00123456789012"]},
)
async def longDenominator(stage: Stage) -> None:
    """
    A denominator of many digits is passed on.
    """
    client, worker = await stage.cast("client worker")
    job = await running(stage, client, worker)
    await worker.mumbles("WORK_STATUS", job, b"1", b"123456789012")
    await client.hears()


@scenario()
async def longNumerator(stage: Stage) -> None:
    """
    A numerator of many digits is passed on.
    """
    client, worker = await stage.cast("client worker")
    job = await running(stage, client, worker)
    await worker.sends("WORK_STATUS", job, b"123456789012345678901", b"1")
    await client.hears()
    await client.sends("GET_STATUS", job)


@scenario()
async def statusOfBackgroundJob(stage: Stage) -> None:
    """
    The progress of a background job is remembered for those who ask.
    """
    client, worker = await stage.cast("client worker")
    await worker.sends("CAN_DO", stage.f)
    job = await client.sends("SUBMIT_JOB_BG", stage.f, b"", b"data")
    await worker.sends("GRAB_JOB")
    await worker.sends("WORK_STATUS", job, b"3", b"7")
    await client.sends("GET_STATUS", job)


@scenario()
async def exceptionWithOption(stage: Stage) -> None:
    """
    An exception goes to the client that wants exceptions, and ends the job.
    """
    client, worker = await stage.cast("client worker")
    await client.sends("OPTION_REQ", b"exceptions")
    job = await running(stage, client, worker)
    await worker.sends("WORK_EXCEPTION", job, b"bo\0om")
    await client.hears()
    await client.sends("GET_STATUS", job)
    await client.asks(b"status\n")


@scenario(differs="exception-as-failure", ours={"client hears": [b"[WORK_FAIL] H:1"]})
async def exceptionWithoutOption(stage: Stage) -> None:
    """
    An exception is a failure to the client that did not ask for exceptions.
    """
    client, worker = await stage.cast("client worker")
    job = await running(stage, client, worker)
    await worker.sends("WORK_EXCEPTION", job, b"boom")
    await client.hears()
    await client.sends("GET_STATUS", job)


@scenario(differs="exception-as-failure", ours={"other hears": [b"[WORK_FAIL] H:1"]})
async def exceptionToBoth(stage: Stage) -> None:
    """
    Each client of a job hears of an exception in its own way.
    """
    wants, other, worker = await stage.cast("wants other worker")
    await wants.sends("OPTION_REQ", b"exceptions")
    await worker.sends("CAN_DO", stage.f)
    await wants.sends("SUBMIT_JOB", stage.f, b"u", b"data")
    await other.sends("SUBMIT_JOB", stage.f, b"u", b"data")
    job = await worker.sends("GRAB_JOB")
    await worker.sends("WORK_EXCEPTION", job, b"boom")
    await wants.hears()
    await other.hears()


@scenario("--exceptions")
async def exceptionsByOption(stage: Stage) -> None:
    """
    Every client wants exceptions when the server says so.
    """
    client, worker = await stage.cast("client worker")
    job = await running(stage, client, worker)
    await worker.sends("WORK_EXCEPTION", job, b"boom")
    await client.hears()


@scenario()
async def optionAfterSubmitting(stage: Stage) -> None:
    """
    The option counts when the exception comes, not when the job was submitted.
    """
    client, worker = await stage.cast("client worker")
    job = await running(stage, client, worker)
    await client.sends("OPTION_REQ", b"exceptions")
    await worker.sends("WORK_EXCEPTION", job, b"boom")
    await client.hears()


@scenario(differs="failure-after-exception", ours={"worker WORK_FAIL": []})
async def failureAfterException(stage: Stage) -> None:
    """
    The failure that many workers send after an exception is swallowed.
    """
    client, worker = await stage.cast("client worker")
    await client.sends("OPTION_REQ", b"exceptions")
    job = await running(stage, client, worker)
    await worker.sends("WORK_EXCEPTION", job, b"boom")
    await worker.sends("WORK_FAIL", job)
    await worker.sends("GRAB_JOB")
    await client.hears()
    await worker.sends("WORK_FAIL", job)


@scenario()
async def completionAfterException(stage: Stage) -> None:
    """
    A result after an exception is refused.
    """
    client, worker = await stage.cast("client worker")
    await client.sends("OPTION_REQ", b"exceptions")
    job = await running(stage, client, worker)
    await worker.sends("WORK_EXCEPTION", job, b"boom")
    await worker.sends("WORK_COMPLETE", job, b"result")
    await worker.sends("WORK_DATA", job, b"data")
    await client.hears()


@scenario()
async def exceptionInBackground(stage: Stage) -> None:
    """
    An exception of a background job ends it, and nobody hears of it.
    """
    client, worker = await stage.cast("client worker")
    await client.sends("OPTION_REQ", b"exceptions")
    await worker.sends("CAN_DO", stage.f)
    job = await client.sends("SUBMIT_JOB_BG", stage.f, b"", b"data")
    await worker.sends("GRAB_JOB")
    await worker.sends("WORK_EXCEPTION", job, b"boom")
    await client.sends("GET_STATUS", job)


@scenario()
async def pipelinedWork(stage: Stage) -> None:
    """
    A worker may complete a job and grab the next in one breath.
    """
    client, worker = await stage.cast("client worker")
    job = await running(stage, client, worker)
    await client.sends("SUBMIT_JOB", stage.f, b"", b"next")
    worker.raw.send("WORK_DATA", job, b"data")
    worker.raw.send("WORK_COMPLETE", job, b"result")
    worker.raw.send("GRAB_JOB")
    worker.raw.send("PRE_SLEEP")
    await worker.hears()
    await client.hears()
