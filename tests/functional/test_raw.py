"""
The tools of the functional tests themselves.
"""

import pytest_twisted

from tests.functional.conftest import Starter
from tests.functional.raw import connect


@pytest_twisted.ensureDeferred
async def test_rawPeer(servers: Starter) -> None:
    """
    A raw peer speaks packets and text lines with a real gearmand.
    """
    server = await servers("gearmand")
    peer = await connect(server.port)
    peer.send("ECHO_REQ", b"hello")
    assert (await peer.expect("ECHO_RES")).body == b"hello"
    peer.write(b"status\n")
    assert await peer.table() == []
    assert await peer.settle() == b""
    peer.close()
