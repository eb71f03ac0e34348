"""
A job server, clients and workers in memory, for the tests of what uses them::

    from txgearman.testing import Pump

    def test_reverse():
        with Pump() as pump:
            server = pump.server()
            worker = pump.worker(server)
            worker.register("reverse", lambda job: job.data[::-1])
            client = pump.client(server)
            assert pump.result(client.call("reverse", b"hello")) == b"olleh"

There is no network, and nobody waits: time passes when C{pump.advance} is called.
"""

from txgearman.testing.clock import TurningClock
from txgearman.testing.joint import Joint
from txgearman.testing.pump import Pump
from txgearman.testing.server import MemoryServer
from txgearman.testing.wire import SocketWire, Wire

__all__ = [
    "Joint",
    "MemoryServer",
    "Pump",
    "SocketWire",
    "TurningClock",
    "Wire",
]
