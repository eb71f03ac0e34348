"""
C{txgearman} asking: how fast servers answer, and how jobs are.
"""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Awaitable

from txgearman.client.client import Client
from txgearman.client.protocol import JobStatus
from txgearman.scripts.output import complain, say, sayJSON


async def ping(client: Client[bytes], timeout: float, inJSON: bool) -> int:
    """
    Have all servers answer.

    @param timeout: how long each may take, in seconds.
    @return: the exit status: 1 when one does not.
    """
    took = await client.ping(timeout=timeout)
    for server, seconds in took.items():
        if inJSON:
            sayJSON({"server": server, "seconds": seconds})
        else:
            say(f"{server}\t{seconds * 1000:.2f} ms")
    missing = [server for server in client.servers if server not in took]
    for server in missing:
        complain(f"txgearman: no answer from {server}")
    return 1 if missing else 0


async def ask(client: Client[bytes], options: Namespace) -> int:
    """
    Ask how jobs are.

    @return: the exit status: 1 when no server knows one of them.
    """
    status = 0
    for handle in options.status:
        status |= await _ask(client.status(handle), "handle", handle, options)
    for unique in options.status_unique:
        asked = client.statusByUnique(unique)
        status |= await _ask(asked, "unique", unique, options)
    return status


async def _ask(
    asked: Awaitable[JobStatus], key: str, name: str, options: Namespace
) -> int:
    """
    Print how one job is.
    """
    status = await asked
    if options.json:
        told = {
            key: name,
            "state": _state(status),
            "numerator": status.numerator,
            "denominator": status.denominator,
        }
        if status.clients is not None:
            told["clients"] = status.clients
        sayJSON(told)
    else:
        words = [name, _state(status)]
        if status.running:
            words.append(f"{status.numerator}/{status.denominator}")
        say("\t".join(words))
    return 0 if status.known else 1


def _state(status: JobStatus) -> str:
    if status.running:
        return "running"
    return "queued" if status.known else "unknown"
