"""
Fixtures of the functional tests: job servers that end with their test.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest
import pytest_twisted
from twisted.internet.defer import Deferred
from twisted.logger import ILogObserver, LogEvent, LogLevel, globalLogPublisher
from zope.interface import provider

from tests.functional.processes import JobServer, startServer
from tests.functional.raw import closeAll

Starter = Callable[..., Awaitable[JobServer]]


@pytest.fixture(autouse=True)
def noLoggedErrors() -> Iterator[None]:
    """
    Fail a test in which anything logged an error: pytest alone does not see
    an unhandled error in a Deferred.
    """
    errors: list[LogEvent] = []

    @provider(ILogObserver)
    def observe(event: LogEvent) -> None:
        if event.get("log_level") in (LogLevel.error, LogLevel.critical):
            errors.append(event)

    globalLogPublisher.addObserver(observe)
    try:
        yield
    finally:
        globalLogPublisher.removeObserver(observe)
    assert not errors, errors


@pytest.fixture(autouse=True)
def noOpenConnections() -> Iterator[None]:
    """
    Close what a test left open.
    """
    yield
    pytest_twisted.blockon(Deferred.fromCoroutine(closeAll()))


@pytest.fixture
def servers(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Starter]:
    """
    A function C{(kind, *options)} that starts a job server; all of them end
    with the test.
    """
    started: list[JobServer] = []

    async def start(kind: str, *options: str, **keywords: int) -> JobServer:
        server = await startServer(kind, *options, cwd=str(tmp_path), **keywords)
        started.append(server)
        return server

    yield start

    async def stop() -> None:
        for server in started:
            await server.stop()

    pytest_twisted.blockon(Deferred.fromCoroutine(stop()))
