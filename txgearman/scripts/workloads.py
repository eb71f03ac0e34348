"""
Where a client's workloads come from: its arguments, or stdin.
"""

from __future__ import annotations

import os
from argparse import Namespace
from collections.abc import AsyncIterator
from threading import Thread
from typing import Any, Final

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorFromThreads

STDIN: Final = 0
_CHUNK: Final = 65536


def workloads(reactor: IReactorFromThreads, options: Namespace) -> AsyncIterator[bytes]:
    """
    The workloads that a command line names. Each argument is one; without
    arguments it is each line of stdin, all of stdin, or nothing at all.
    """
    if options.words:
        return _each([os.fsencode(word) for word in options.words])
    if options.silent:
        return _each([b""])
    if options.stripped:
        return _stripped(_lines(reactor))
    if options.lines:
        return _lines(reactor)
    return _whole(reactor)


async def _each(known: list[bytes]) -> AsyncIterator[bytes]:
    for one in known:
        yield one


async def _stripped(lines: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    async for line in lines:
        yield line.removesuffix(b"\n")


async def _lines(reactor: IReactorFromThreads) -> AsyncIterator[bytes]:
    """
    The lines of stdin, each as soon as it is there.
    """
    rest: list[bytes] = []
    while chunk := await _read(reactor):
        *ended, begun = chunk.split(b"\n")
        for line in ended:
            yield b"".join([*rest, line, b"\n"])
            rest = []
        rest.append(begun)
    if any(rest):
        yield b"".join(rest)


async def _whole(reactor: IReactorFromThreads) -> AsyncIterator[bytes]:
    chunks: list[bytes] = []
    while chunk := await _read(reactor):
        chunks.append(chunk)
    yield b"".join(chunks)


def _read(reactor: IReactorFromThreads) -> Deferred[bytes]:
    """
    Read what there is on stdin.

    It is read in a thread, since a terminal or a file cannot be waited for as a
    socket can; one that nobody waits for at the end, as it may read for ever.

    @return: fires with bytes; none at the end.
    """
    done: Deferred[bytes] = Deferred()

    def read() -> None:
        # Not sys.stdin.buffer, whose lock the interpreter wants at its end.
        fire: Any = done.callback
        try:
            result: Any = os.read(STDIN, _CHUNK)
        except OSError as error:
            fire, result = done.errback, error
        reactor.callFromThread(fire, result)

    Thread(target=read, daemon=True).start()
    return done
