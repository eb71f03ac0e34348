"""
C{txgearman}: submits jobs from the command line, or does them with a command.

It has the options of C{gearman}, and prints what that prints; where it does not,
C{docs/tools.md} says so.
"""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Sequence
from math import inf
from typing import Any, Final

from twisted.internet.defer import Deferred

from txgearman.client.client import Client
from txgearman.scripts.arguments import parse, timeoutOf
from txgearman.scripts.asking import ask, ping
from txgearman.scripts.background import detach
from txgearman.scripts.output import openStreams
from txgearman.scripts.running import run
from txgearman.scripts.servers import serversOf
from txgearman.scripts.submitting import submitAll
from txgearman.scripts.working import work
from txgearman.worker.worker import Worker

_PATIENCE: Final = 10.0
"""How long it may take to reach a server, in seconds."""

_PING: Final = 2.0
"""How long a server may take for a ping by default, in seconds."""


async def _main(reactor: Any, options: Namespace) -> int:
    """
    Do what the command line says.

    @return: the exit status.
    """
    servers = serversOf(options)
    timeout = timeoutOf(options)
    patience = timeout or _PING if options.ping else min(_PATIENCE, timeout or inf)
    if options.retry:
        patience = inf
    client = Client(reactor, servers, connectTimeout=patience)
    client.startService()
    try:
        await client.whenConnected(retry=options.retry)
        if options.ping:
            return await ping(client, timeout or _PING, options.json)
        if options.status or options.status_unique:
            asking = Deferred.fromCoroutine(ask(client, options))
            return await asking.addTimeout(timeout or _PATIENCE, reactor)
        if not options.worker:
            return await submitAll(reactor, client, options)
    finally:
        await client.stopService()
    # A server can be reached; one that is lost from now on is waited for.
    # It takes no more jobs at once than it is to do.
    jobs = min(options.jobs, options.count or inf)
    worker = Worker(reactor, servers, concurrency=jobs)
    return await work(reactor, worker, options)


def main(arguments: Sequence[str] | None = None) -> None:
    """
    The tool.

    @raise SystemExit: with its exit status.
    """
    openStreams()
    options = parse(sys.argv[1:] if arguments is None else arguments)
    if options.detach:
        detach()
    run(
        "txgearman",
        lambda reactor: _main(reactor, options),
        # A client's -v is about handles alone, as gearman's.
        verbose=options.verbose and options.worker,
        pidfile=options.pidfile,
    )
