"""
Which server a job goes to.

A choice is an order: the job goes to the first server in it that can be reached.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b
from random import Random
from typing import Protocol

from txgearman.client.submission import Submission
from txgearman.connection.servers import Server


class Choice(Protocol):
    """
    A way to choose; write your own, one method does.
    """

    def order(
        self, submission: Submission, servers: Sequence[Server]
    ) -> Sequence[Server]:
        """
        Put servers into the order in which they are to be tried for a job.
        """


class Failover:
    """
    The first server, as long as it is there; then the next. As in libgearman.
    """

    def order(
        self, submission: Submission, servers: Sequence[Server]
    ) -> Sequence[Server]:
        """
        As they were named.
        """
        return servers


class RoundRobin:
    """
    One server after the other.
    """

    def __init__(self) -> None:
        self._next = 0

    def order(
        self, submission: Submission, servers: Sequence[Server]
    ) -> Sequence[Server]:
        """
        From the next one on, round.
        """
        start = self._next % len(servers)
        self._next = start + 1
        return [*servers[start:], *servers[:start]]


class RandomChoice:
    """
    Any server.
    """

    def __init__(self, random: Random | None = None) -> None:
        """
        @param random: the source of chance.
        """
        self._random = Random() if random is None else random

    def order(
        self, submission: Submission, servers: Sequence[Server]
    ) -> Sequence[Server]:
        """
        Shuffled.
        """
        return self._random.sample(servers, len(servers))


class Hashing:
    """
    Always the same server for a function and a unique, so that equal jobs of
    many clients meet and are done once. The share of a server that is lost moves
    to the others, and back when it returns; nothing else moves (rendezvous
    hashing).

    Jobs without a unique have nobody to meet, and go round.
    """

    def __init__(self) -> None:
        self._roundRobin = RoundRobin()

    def order(
        self, submission: Submission, servers: Sequence[Server]
    ) -> Sequence[Server]:
        """
        By a hash of server and job.
        """
        unique = submission.unique
        if not unique:
            return self._roundRobin.order(submission, servers)
        if unique == b"-":
            unique = submission.data
        job = submission.function + b"\0" + unique

        def weight(server: Server) -> bytes:
            return blake2b(job, key=_key(server), digest_size=8).digest()

        return sorted(servers, key=weight)


def _key(server: Server) -> bytes:
    """
    A server's name as a key of a hash, which has 64 bytes at most.
    """
    return blake2b(server.name.encode()).digest()
