"""
Map and reduce: the words of some files, counted in parts by many workers.

Start a job server, and run this beside it, once or several times at once::

    twistd --nodaemon gearman &
    python examples/map_reduce.py README.md

It prints the commonest words, and before them, in brackets, which of the jobs its
own worker did: each copy of this that runs helps the others.

A job that is submitted with the name of a reducer is given, along with that name,
to a worker of its function; the server does no more about it. It is the worker
that splits the text, submits the parts as a client, and has the reducer join their
results::

    client --- count, reducer=join ---> worker ---+--- count-part ---> any worker
                                                  +--- count-part ---> any worker
                                                  +--- join ---------> any worker
"""

from __future__ import annotations

import argparse
import re
import sys
from collections import Counter
from pathlib import Path
from typing import Any

from twisted.internet.base import ReactorBase
from twisted.internet.defer import Deferred
from twisted.internet.task import react

from txgearman import JSON, Client, GearmanError, RunningJob, Worker

PART = 2_000
"""How long a part of a text is at least, in characters."""

Counts = dict[str, int]


def countPart(job: RunningJob[Any]) -> Counts:
    """
    Count the words of a text.
    """
    print(f"[{job.handle.decode()}: {len(job.data)} characters]")
    return Counter(re.findall(r"\w+", job.data.lower()))


def join(job: RunningJob[Any]) -> Counts:
    """
    Add up the counts of several texts.
    """
    print(f"[{job.handle.decode()}: {len(job.data)} counts]")
    total: Counter[str] = Counter()
    for counts in job.data:
        total.update(counts)
    return total


def split(text: str) -> list[str]:
    """
    Split a text between lines.
    """
    parts = [""]
    for line in text.splitlines(keepends=True):
        if len(parts[-1]) >= PART:
            parts.append("")
        parts[-1] += line
    return parts


def register(worker: Worker[Any], client: Client[Any]) -> None:
    """
    Have a worker do all three functions.

    @param client: submits the parts.
    """
    worker.register("count-part", countPart)
    worker.register("join", join)

    # A job that waits for its parts is a running job itself. Could such jobs take
    # all of the worker's slots, their parts would wait for a slot in turn, and
    # nobody would ever end; so they may take one of them.
    @worker.register("count", concurrency=1)
    async def count(job: RunningJob[Any]) -> Counts:
        if not job.reducer:
            return countPart(job)
        parts = split(job.data)
        print(f"[{job.handle.decode()}: {len(parts)} parts]")
        counts = await client.map("count-part", parts)
        joined: Counts = await client.call(job.reducer, counts)
        return joined


async def main(reactor: ReactorBase, *arguments: str) -> None:
    """
    Run a worker, and have the words of the files counted.
    """
    parser = argparse.ArgumentParser(description="Count the words of files.")
    parser.add_argument("--servers", help="by default GEARMAN_SERVERS, or localhost")
    parser.add_argument("files", nargs="+", type=Path)
    options = parser.parse_args(arguments)
    try:
        text = "".join(path.read_text("utf-8") for path in options.files)
        client = Client(reactor, options.servers, codec=JSON, connectTimeout=3)
        worker = Worker(reactor, options.servers, codec=JSON, concurrency=4)
        register(worker, client)
        client.startService()
        worker.startService()

        async def stop() -> None:
            # The worker first: its jobs may wait for parts that the client submitted.
            await worker.stopService()
            await client.stopService()

        # The reactor waits for this, at the end as after Ctrl-C.
        reactor.addSystemEventTrigger(
            "before", "shutdown", lambda: Deferred.fromCoroutine(stop())
        )
        counts = await client.call("count", text, reducer="join")
    except (GearmanError, OSError, UnicodeError) as error:
        sys.exit(f"map_reduce.py: {error}")
    for word, number in sorted(counts.items(), key=lambda row: (-row[1], row[0]))[:10]:
        print(f"{number:6} {word}")


if __name__ == "__main__":
    react(main, sys.argv[1:])
