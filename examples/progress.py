"""
A worker that tells how far it is, and a client that shows it.

Start a job server, and run this beside it::

    twistd --nodaemon gearman &
    python examples/progress.py

The worker adds up a till's receipts: it reports progress after each, sends those
that it can read as data and those that it cannot as warnings, and its result is
the sum. The client submits two jobs. It shows what it hears of the first through
callbacks, while it waits for the result; what it hears of the second, it iterates
over.

Worker and client are one process here, and need not be: what goes between them
goes through the server.
"""

from __future__ import annotations

import argparse
import sys

from twisted.application.service import MultiService
from twisted.internet.base import ReactorBase
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater, react

from txgearman import (
    TEXT,
    Client,
    GearmanError,
    JobData,
    JobProgress,
    JobWarning,
    RunningJob,
    Worker,
)

MORNING = "bread 2.40\nmilk 1.20\nhoney 5.30"
EVENING = "olives 3.10\nwine ?\ncheese 6.00\ntea 4.25"


def makeWorker(reactor: IReactorTime, servers: str | None) -> Worker[str]:
    """
    Make a worker that adds up receipts, one a line.
    """
    worker = Worker(reactor, servers, codec=TEXT)

    @worker.register("add-up")
    async def addUp(job: RunningJob[str]) -> str:
        receipts = job.data.splitlines()
        total = 0.0
        for number, receipt in enumerate(receipts, 1):
            what, _, price = receipt.partition(" ")
            try:
                total += float(price)
            except ValueError:
                job.sendWarning(f"no price for {what}: {price!r}")
            else:
                job.sendData(f"{what} for {price}")
            job.sendStatus(number, len(receipts))
            await deferLater(reactor, 0.2)
        return f"{total:.2f}"

    return worker


async def hear(client: Client[str]) -> None:
    """
    Submit a job, and show what comes of it with callbacks.
    """
    total = await client.call(
        "add-up",
        MORNING,
        onStatus=lambda done, of: print(f"  {done} of {of}"),
        onData=lambda line: print(f"  {line}"),
        onWarning=lambda line: print(f"  careful: {line}"),
    )
    print(f"morning: {total}")


async def iterate(client: Client[str]) -> None:
    """
    Submit a job, and show what comes of it with a loop.
    """
    job = await client.submit("add-up", EVENING)
    async for event in job:
        match event:
            case JobProgress():
                print(f"  {event.fraction:.0%}")
            case JobData(line):
                print(f"  {line}")
            case JobWarning(line):
                print(f"  careful: {line}")
    print(f"evening: {await job.whenDone()}")


async def main(reactor: ReactorBase, *arguments: str) -> None:
    """
    Run the worker and the client until both jobs are done.
    """
    parser = argparse.ArgumentParser(description="Show the progress of jobs.")
    parser.add_argument("--servers", help="by default GEARMAN_SERVERS, or localhost")
    options = parser.parse_args(arguments)
    try:
        worker = makeWorker(reactor, options.servers)
        client = Client(reactor, options.servers, codec=TEXT, connectTimeout=3)
        services = MultiService()
        for service in (worker, client):
            service.setServiceParent(services)
        services.startService()
        # The reactor waits for this, at the end as after Ctrl-C.
        reactor.addSystemEventTrigger("before", "shutdown", services.stopService)
        await hear(client)
        await iterate(client)
    except GearmanError as error:
        sys.exit(f"progress.py: {error}")


if __name__ == "__main__":
    react(main, sys.argv[1:])
