"""
Text commands, with good, bad and odd arguments.
"""

from __future__ import annotations

from tests.functional.scenarios.stage import Stage, scenario
from tests.functional.scenarios.transcript import CLOSED

UNKNOWN = b"ERR UNKNOWN_COMMAND Unknown+server+command"


@scenario()
async def spellings(stage: Stage) -> None:
    """
    A command may be spelled in any case and end in either line end.
    """
    admin = await stage.enter("admin")
    for line in (
        b"version\n",
        b"version\r\n",
        b"VERSION\n",
        b"VeRsIoN\r\n",
        b"version \n",
        b"getpid\n",
        b"GETPID\r\n",
    ):
        await admin.asks(line)


@scenario()
async def unknownCommands(stage: Stage) -> None:
    """
    An unknown command is named in the error, without the rest of its line.
    """
    admin = await stage.enter("admin")
    for line in (
        b"nonsense\n",
        b"nonsense with arguments\r\n",
        b"\n",
        b"\r\n",
        b" \n",
        b" version\n",
        b"versions\n",
        b"vers\n",
        b"QUIT\n",
        b"help\n",
    ):
        await admin.asks(line)


@scenario(
    differs="escaped-names",
    ours={
        "admin version": [UNKNOWN + b"%09version\r\n"],
        "admin version now": [UNKNOWN + b"version%09now\r\n"],
        "admin version #2": [UNKNOWN + b"version%0D\r\n"],
        "admin \x16\x03\x01\x02": [UNKNOWN + b"%16%03%01%02\r\n"],
    },
)
async def commandsWithControlBytes(stage: Stage) -> None:
    """
    Control bytes in an unknown command are escaped in the error.
    """
    admin = await stage.enter("admin")
    await admin.asks(b"\tversion\n")
    await admin.asks(b"version\tnow\n")
    await admin.asks(b"version\r\r\n")
    await admin.asks(b"\x16\x03\x01\x02\n")


@scenario()
async def extraArguments(stage: Stage) -> None:
    """
    Commands without arguments do not mind some.
    """
    admin = await stage.enter("admin")
    await admin.asks(b"version now\n")
    await admin.asks(b"getpid 1 2 3 4\n")
    await admin.asks(b"status all\n")
    await admin.asks(b"prioritystatus all\n")
    await admin.asks(b"workers all\n")


@scenario(differs="log-level", ours={"admin verbose": [b"OK INFO\n"]})
async def verbosity(stage: Stage) -> None:
    """
    The level of the log is told by its name.
    """
    admin = await stage.enter("admin")
    await admin.asks(b"verbose\n")


@scenario(alone=True)
async def emptyTables(stage: Stage) -> None:
    """
    The tables of a server without work are empty.
    """
    admin = await stage.enter("admin")
    for table in b"status", b"prioritystatus", b"show jobs", b"show unique jobs":
        await admin.asks(table + b"\n")
        await admin.asks(table.upper() + b"\r\n")


@scenario(alone=True)
async def wholeTables(stage: Stage) -> None:
    """
    The tables show every function, job and connection.
    """
    admin, worker, client = await stage.cast("admin worker client")
    await worker.sends("SET_CLIENT_ID", b"the-worker")
    await client.sends("SET_CLIENT_ID", b"the-client")
    await admin.sends("SET_CLIENT_ID", b"the-admin")
    for function in b"one", b"two", b"three":
        await worker.sends("CAN_DO", function)
    await client.sends("SUBMIT_JOB", b"one", b"unique", b"data")
    await client.sends("SUBMIT_JOB_BG", b"one", b"", b"data")
    await client.sends("SUBMIT_JOB_HIGH", b"two", b"other", b"data")
    await client.sends("SUBMIT_JOB_LOW_BG", b"four", b"-", b"data")
    await worker.sends("GRAB_JOB")
    for table in (
        b"status",
        b"prioritystatus",
        b"show jobs",
        b"show unique jobs",
    ):
        await admin.asks(table + b"\n")


@scenario(alone=True)
async def workersTable(stage: Stage) -> None:
    """
    Every connection is in the table of workers, with its latest function first.
    """
    admin, worker = await stage.cast("admin worker")
    await worker.sends("SET_CLIENT_ID", b"the-worker")
    await stage.alone(2)
    for function in b"one", b"two", b"three":
        await worker.sends("CAN_DO", function)
    await admin.asks(b"workers\n")
    await worker.sends("CANT_DO", b"two")
    await admin.asks(b"workers\n")
    await worker.sends("CAN_DO", b"two")
    await admin.asks(b"workers\n")
    await worker.sends("RESET_ABILITIES")
    await worker.sends("SET_CLIENT_ID", b"")
    await admin.asks(b"workers\n")


@scenario(alone=True)
async def handleNumbers(stage: Stage) -> None:
    """
    Handles count from 1, over all functions; a joined job takes no number.
    """
    client = await stage.enter("client")
    await client.sends("SUBMIT_JOB", b"one", b"", b"data")
    await client.sends("SUBMIT_JOB_BG", b"two", b"u", b"data")
    await client.sends("SUBMIT_JOB_BG", b"two", b"u", b"data")
    await client.sends("SUBMIT_JOB_HIGH", b"one", b"x" * 65, b"data")
    await client.sends("SUBMIT_JOB_LOW", b"three", b"", b"data")


@scenario("--job-handle-prefix=made-up", alone=True)
async def handlePrefix(stage: Stage) -> None:
    """
    The part of a handle before its number can be chosen.
    """
    client, worker = await stage.cast("client worker")
    await worker.sends("CAN_DO", stage.f)
    await client.sends("SUBMIT_JOB", stage.f, b"", b"data")
    await worker.sends("GRAB_JOB")
    await worker.sends("WORK_COMPLETE", b"made-up:1", b"result")
    await client.hears()


@scenario(
    differs="perl-commands",
    alone=True,
    ours={
        "admin jobs": [
            b"f\tother\t-\t1\n",
            b"f\tunique\tIP:PORT\t1\n",
            b".\n",
        ],
        "admin clients": [
            b"IP:PORT\n",
            b"IP:PORT\n",
            b"IP:PORT\n\tf\tunique\tIP:PORT\n\tf\tother\t-\n",
            b".\n",
        ],
    },
)
async def perlsTables(stage: Stage) -> None:
    """
    The tables of Perl's server are there.
    """
    admin, client, worker = await stage.cast("admin client worker")
    await worker.sends("CAN_DO", b"f")
    await client.sends("SUBMIT_JOB", b"f", b"unique", b"data")
    await client.sends("SUBMIT_JOB", b"f", b"other", b"data")
    await worker.sends("GRAB_JOB")
    await admin.asks(b"jobs\n")
    await admin.asks(b"clients\n")


@scenario(
    differs="perl-commands",
    alone=True,
    ours={
        "admin shutdown now": [
            b"ERR INVALID_ARGUMENTS An+incomplete+set+of+arguments+was+sent+to+this"
            b"+command+shutdown\r\n"
        ],
        "admin isLeft": [b"OK\n", CLOSED],
    },
)
async def shutdown(stage: Stage) -> None:
    """
    A server can be shut down by one who is on its machine.
    """
    admin = await stage.enter("admin")
    await admin.asks(b"shutdown now\r\n")
    admin.writes(b"shutdown\r\n")
    await admin.isLeft(stalls="gearmand")


@scenario(
    differs="perl-commands",
    alone=True,
    ours={
        "admin shutdown graceful": [b"OK\n"],
        "client SUBMIT_JOB #2": [b"[ERROR] SHUTDOWN_GRACEFUL\0Server is shutting down"],
        "worker isLeft": [CLOSED],
        "client isLeft": [b"[WORK_COMPLETE] H:1\0result", CLOSED],
    },
)
async def gracefulShutdown(stage: Stage) -> None:
    """
    A graceful shutdown waits for the jobs that run.
    """
    admin, client, worker = await stage.cast("admin client worker")
    await worker.sends("CAN_DO", stage.f)
    await client.sends("SUBMIT_JOB", stage.f, b"", b"one")
    job = await worker.sends("GRAB_JOB")
    await admin.asks(b"shutdown graceful\n")
    await worker.sends("GRAB_JOB")
    await client.sends("SUBMIT_JOB", stage.f, b"", b"two")
    worker.raw.send("WORK_COMPLETE", job, b"result")
    await worker.isLeft(stalls="gearmand")
    await client.isLeft(stalls="gearmand")


@scenario(
    differs="policy-commands",
    alone=True,
    ours={
        "admin set policy f paused yes": [b"OK\r\n"],
        "admin settings": [b"f\tpaused\ttrue\tadmin\n", b".\n"],
        "admin pause function two%20words": [b"OK\r\n"],
        "admin show job H:1": [b"ERR UNKNOWN_JOB\r\n"],
        "admin show job": [
            b"ERR INVALID_ARGUMENTS The+command+is:+show+job+HANDLE\r\n"
        ],
        "admin show dead jobs": [b".\n"],
        "admin cancel unique f u": [b"ERR UNKNOWN_JOB\r\n"],
        "admin drop schedule s": [
            b"ERR UNKNOWN_SCHEDULE There+is+no+such+schedule\r\n"
        ],
        "admin create schedule s function=f every=9h data=x zone=": [b"OK\r\n"],
    },
)
async def policyCommands(stage: Stage) -> None:
    """
    What is decided for functions, and what is kept of jobs, has commands.
    """
    admin = await stage.enter("admin")
    await admin.asks(b"set policy f paused yes\n")
    await admin.asks(b"settings\n")
    await admin.asks(b"pause function two%20words\n")
    await admin.asks(b"show job H:1\n")
    await admin.asks(b"show job\n")
    await admin.asks(b"show dead jobs\n")
    await admin.asks(b"cancel unique f u\n")
    await admin.asks(b"drop schedule s\n")
    await admin.asks(b"create schedule s function=f every=9h data=x zone=\n")


@scenario()
async def statusRows(stage: Stage) -> None:
    """
    A function appears with its first worker or job, and never goes.
    """
    admin, client, worker = await stage.cast("admin client worker")
    await admin.asks(b"status\n")
    await worker.sends("CAN_DO", stage.f)
    await admin.asks(b"status\n")
    await client.sends("SUBMIT_JOB", stage.f, b"", b"data")
    await client.sends("SUBMIT_JOB", stage.g, b"", b"data")
    await admin.asks(b"status\r\n")
    job = await worker.sends("GRAB_JOB")
    await admin.asks(b"STATUS\n")
    await admin.asks(b"PriorityStatus\r\n")
    await worker.sends("WORK_COMPLETE", job, b"")
    await worker.leaves()
    await admin.asks(b"status\n")


@scenario()
async def statusIgnoresBadPackets(stage: Stage) -> None:
    """
    A submission that is refused does not make a function.
    """
    client = await stage.enter("client")
    await client.sends("SUBMIT_JOB", stage.f, b"u" * 65, b"data")
    await client.sends("CANT_DO", stage.g)
    await client.asks(b"status\n")


@scenario()
async def showJobs(stage: Stage) -> None:
    """
    The table of jobs has a row for each, with its retries and its flags.
    """
    admin, client, worker = await stage.cast("admin client worker")
    await client.sends("SUBMIT_JOB", stage.f, stage.mine(b"u"), b"data")
    await client.sends("SUBMIT_JOB_BG", stage.f, b"", b"data")
    await client.sends("SUBMIT_JOB_HIGH_BG", stage.f, b"-", b"data")
    await client.sends("SUBMIT_JOB_EPOCH", stage.g, b"", b"9999999999", b"data")
    await admin.asks(b"show jobs\n")
    await worker.sends("CAN_DO", stage.f)
    job = await worker.sends("GRAB_JOB")
    await admin.asks(b"show jobs\r\n")
    await worker.sends("WORK_COMPLETE", job, b"")
    await admin.asks(b"SHOW JOBS\n")


@scenario()
async def showUniqueJobs(stage: Stage) -> None:
    """
    The table of uniques has a row for each job that has one.
    """
    admin, client, worker = await stage.cast("admin client worker")
    await client.sends("SUBMIT_JOB", stage.f, stage.mine(b"u"), b"data")
    await client.sends("SUBMIT_JOB", stage.f, stage.mine(b"v"), b"data")
    await client.sends("SUBMIT_JOB", stage.g, stage.mine(b"u"), b"data")
    await admin.asks(b"show unique jobs\n")
    await worker.sends("CAN_DO", stage.f)
    job = await worker.sends("GRAB_JOB")
    await admin.asks(b"show unique jobs\r\n")
    await worker.sends("WORK_COMPLETE", job, b"")
    await admin.asks(b"SHOW unique JOBS\n")


@scenario()
async def showOddly(stage: Stage) -> None:
    """
    Nothing else can be shown.
    """
    admin = await stage.enter("admin")
    for line in (
        b"show\r\n",
        b"SHOW\r\n",
        b"show nothing\r\n",
        b"show unique\r\n",
        b"show unique nothing\n",
        b"show work\n",
        b"show jobs unique\n",
        b"show unique jobs all\n",
    ):
        await admin.asks(line)


@scenario()
async def cancelOddly(stage: Stage) -> None:
    """
    Only a job can be cancelled, and only one that is there.
    """
    admin = await stage.enter("admin")
    for line in (
        b"cancel\r\n",
        b"Cancel\r\n",
        b"cancel job\r\n",
        b"cancel job no:1\r\n",
        b"cancel job no:1\n",
        b"CANCEL JOB no:1\r\n",
        b"cancel task no:1\r\n",
        b"cancel job no:1 no:2\n",
        b"cancel job " + b"h" * 70 + b"\n",
    ):
        await admin.asks(line)
