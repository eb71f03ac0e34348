"""
The admin client with real job servers.
"""

from __future__ import annotations

import pytest
import pytest_twisted
from twisted.internet import reactor

from tests.functional.conftest import Starter
from tests.functional.raw import connect
from txgearman.admin import AdminClient, FunctionStatus, JobRow, PriorityStatus
from txgearman.errors import ServerError


@pytest.mark.parametrize("kind", ["gearmand", "txgearman"])
@pytest_twisted.ensureDeferred
async def test_admin(servers: Starter, kind: str) -> None:
    """
    Every question that gearmand answers is answered, with values.
    """
    server = await servers(kind, "--job-handle-prefix=H:test")
    peer = await connect(server.port)
    admin = AdminClient(reactor, f"tcp:127.0.0.1:{server.port}")
    await admin.createFunction("made")
    await admin.dropFunction("made")
    peer.send("SET_CLIENT_ID", b"me")
    peer.send("CAN_DO", b"f")
    peer.send("SUBMIT_JOB_BG", b"f", b"u", b"one")
    peer.send("SUBMIT_JOB_HIGH_BG", b"f", b"v", b"two")
    await peer.settle()
    assert await admin.status() == [FunctionStatus(b"f", 2, 0, 1)]
    assert await admin.priorityStatus() == [PriorityStatus(b"f", 1, 1, 0, 1)]
    assert [(row.clientId, row.functions) for row in await admin.workers()].count(
        (b"me", (b"f",))
    ) == 1
    rows = sorted(await admin.jobs(), key=lambda row: row.handle)
    assert rows == [JobRow(b"H:test:%d" % n, 0, False, True) for n in (1, 2)]
    assert sorted(await admin.uniques()) == [b"u", b"v"]
    assert await admin.processId() == server.child.pid
    assert await admin.version() != ""
    assert (await admin.verbosity()).isupper()
    await admin.cancel("H:test:1")
    await admin.maxQueue("f", 1)
    with pytest.raises(ServerError, match="UNKNOWN_JOB"):
        await admin.cancel("H:test:9")
    with pytest.raises(ServerError, match="there"):
        await admin.dropFunction("f")
    await admin.close()


@pytest_twisted.ensureDeferred
async def test_shutDown(servers: Starter) -> None:
    """
    Our server stops when it is told to from its own machine, and says what
    Perl's server says about its jobs.
    """
    server = await servers("txgearman")
    admin = AdminClient(reactor, f"127.0.0.1:{server.port}")
    assert await admin.waiting() == []
    await admin.shutDown(graceful=True)
    assert await server.child.ended() == 0
    await admin.close()
