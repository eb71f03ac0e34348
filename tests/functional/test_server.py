"""
C{twistd gearman} as its owner meets it: starting, stopping, and standing up to
peers that behave badly.
"""

from __future__ import annotations

import signal
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import pytest_twisted
from attrs import define
from twisted.internet import reactor
from twisted.internet.endpoints import clientFromString
from twisted.internet.protocol import Factory

from tests.functional.conftest import Starter
from tests.functional.processes import (
    Child,
    JobServer,
    freePort,
    listening,
    spawn,
    until,
)
from tests.functional.raw import RawPeer, connect, packet

TWISTD = [
    sys.executable,
    "-c",
    "import sys; sys.argv[0] = 'twistd'\nfrom twisted.scripts.twistd import run; run()",
]
SERVE = [*TWISTD, "--nodaemon", "--pidfile=", "gearman"]


@pytest.fixture
def takenPort() -> Iterator[int]:
    """
    A port on which somebody else listens.
    """
    with socket.create_server(("127.0.0.1", 0)) as taken:
        yield taken.getsockname()[1]


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (["--bogus"], "option --bogus not recognized"),
        (["extra"], "unexpected argument: extra"),
        (["--port=x"], "--port: 'x' is not a number from 0 to 65535"),
        (["--port=70000"], "--port: '70000' is not a number from 0 to 65535"),
        (["--job-retries=256"], "--job-retries: '256' is not a number"),
        (["--worker-wakeup=-1"], "--worker-wakeup: '-1' is not a number of 0 or more"),
        (["--max-packet=9G"], "--max-packet: '9G' is not a size"),
        (["--drain-timeout=soon"], "--drain-timeout: 'soon' is not a number"),
        (["--job-handle-prefix=a b"], "--job-handle-prefix: a job handle prefix needs"),
        (["--job-handle-prefix=" + 60 * "x"], "--job-handle-prefix: a job handle"),
        (["--listen=nowhere.invalid"], "cannot listen on 'nowhere.invalid': "),
        (["--listen=192.0.2.1"], "cannot listen on 192.0.2.1, port"),
        (["--endpoint=carrier-pigeon:1"], "bad endpoint 'carrier-pigeon:1': "),
        (["--endpoint=unix:/nowhere/socket"], "cannot listen: "),
        (["--endpoint=tls:0:privateKey=/nowhere"], "bad endpoint 'tls:0:privateKey="),
    ],
)
@pytest_twisted.ensureDeferred
async def test_badStart(options: list[str], complaint: str, tmp_path: Path) -> None:
    """
    A bad option or address is one clear line, a bad exit status and no
    traceback; nothing is left behind.
    """
    child = spawn([*TWISTD, "--nodaemon", "gearman", *options], cwd=str(tmp_path))
    assert await child.ended() == 1
    said = (child.output + child.errors).decode()
    assert [line for line in said.splitlines() if f"gearman: {complaint}" in line]
    assert "Traceback" not in said
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("command", ["twistd", "daemon", "twist"])
@pytest_twisted.ensureDeferred
async def test_portInUse(command: str, takenPort: int, tmp_path: Path) -> None:
    """
    So is a port in use, for a daemon and for C{twist} too.
    """
    commands = {
        "twistd": [*TWISTD, "--nodaemon"],
        "daemon": TWISTD,
        "twist": [sys.executable, "-m", "twisted"],
    }
    options = ["gearman", f"--port={takenPort}"]
    child = spawn([*commands[command], *options], cwd=str(tmp_path))
    assert await child.ended() == 1
    log = tmp_path / "twistd.log"
    said = (child.output + child.errors).decode()
    said += log.read_text() if log.exists() else ""
    where = f"any address, port {takenPort}: Address already in use"
    assert f"gearman: cannot listen on {where}" in said
    assert "Traceback" not in said
    assert not (tmp_path / "twistd.pid").exists()


@pytest_twisted.ensureDeferred
async def test_everyAddress(tmp_path: Path) -> None:
    """
    Without C{--listen}, IPv4 and IPv6 are served, and an IPv4 peer is shown as
    one.
    """
    port = freePort()
    child = spawn([*SERVE, f"--port={port}"], cwd=str(tmp_path))
    await listening(port, child)
    peer = await connect(port)
    peer.write(b"workers\n")
    assert b" 127.0.0.1 - :" in (await peer.table())[-1]
    if socket.has_dualstack_ipv6():
        ipv6 = await reach(f"tcp:host=\\:\\:1:port={port}")
        ipv6.write(b"workers\n")
        assert b" ::1 - :" in (await ipv6.table())[-1]
    child.signal(signal.SIGTERM)
    await child.ended()


async def reach(description: str) -> RawPeer:
    """
    Connect to any endpoint.
    """
    endpoint = clientFromString(reactor, description)
    peer = await endpoint.connect(Factory.forProtocol(RawPeer))
    assert isinstance(peer, RawPeer)
    return peer


@pytest_twisted.ensureDeferred
async def test_endpoints(tmp_path: Path) -> None:
    """
    Endpoints of several kinds share one board: a job that comes through a TLS
    connection is done by a worker on a UNIX socket.
    """
    certificate = tmp_path / "server.pem"
    name = ["-subj", "/CN=localhost", "-days", "2"]
    keys = ["-newkey", "rsa:2048", "-nodes", "-keyout", certificate, "-out", "cert"]
    made = spawn(["openssl", "req", "-x509", *name, *map(str, keys)], cwd=str(tmp_path))
    assert await made.ended() == 0, made.errors
    certificate.write_bytes(certificate.read_bytes() + (tmp_path / "cert").read_bytes())
    port = freePort()
    child = spawn(
        [
            *SERVE,
            f"--endpoint=unix:{tmp_path}/gearman",
            f"--endpoint=tls:{port}:interface=127.0.0.1:privateKey={certificate}",
        ],
        cwd=str(tmp_path),
    )
    await listening(port, child)
    worker = await reach(f"unix:{tmp_path}/gearman")
    worker.send("CAN_DO", b"reverse")
    worker.send("PRE_SLEEP")
    await worker.settle()
    client = await reach(f"ssl:127.0.0.1:{port}:caCertsDir={tmp_path}")
    large = bytes(range(256)) * 20_000
    client.send("SUBMIT_JOB", b"reverse", b"", large)
    await worker.expect("NOOP")
    worker.send("GRAB_JOB")
    handle, _, data = (await worker.expect("JOB_ASSIGN")).body.split(b"\0", 2)
    assert data == large
    worker.send("WORK_COMPLETE", handle, data[::-1])
    await client.expect("JOB_CREATED")
    assert (await client.expect("WORK_COMPLETE")).body == handle + b"\0" + data[::-1]
    client.write(b"workers\n")
    assert [line.split()[1] for line in await client.table()] == [b"unix", b"127.0.0.1"]
    child.signal(signal.SIGTERM)
    await child.ended()
    assert client.closed
    assert worker.closed


@define
class Fleet:
    """
    A server with a worker that runs a job of a client, and a second job that
    waits.
    """

    server: JobServer
    worker: RawPeer
    client: RawPeer
    handle: bytes

    async def finish(self) -> None:
        """
        Let the worker complete its job, and the client hear of it.
        """
        self.worker.send("WORK_COMPLETE", self.handle, b"done")
        body = (await self.client.expect("WORK_COMPLETE")).body
        assert body == self.handle + b"\0done"


@pytest_twisted.async_fixture
async def fleet(servers: Starter) -> Fleet:
    """
    A L{Fleet} on a server that drains for at most three seconds.
    """
    server = await servers("txgearman", "--drain-timeout=3")
    worker, client = await connect(server.port), await connect(server.port)
    worker.send("CAN_DO", b"f")
    await worker.settle()
    client.send("SUBMIT_JOB", b"f", b"one", b"")
    client.send("SUBMIT_JOB", b"f", b"two", b"")
    await client.settle()
    worker.send("GRAB_JOB")
    handle = (await worker.expect("JOB_ASSIGN")).arguments[0]
    return Fleet(server, worker, client, handle)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest_twisted.ensureDeferred
async def test_stop(fleet: Fleet, number: int) -> None:
    """
    A signal stops the server whatever runs; its peers see their connections
    closed.
    """
    fleet.server.child.signal(number)
    await fleet.server.child.ended(patience=5)
    assert await fleet.client.lost() == b""
    assert await fleet.worker.lost() == b""


@pytest.mark.parametrize("how", ["signal", "command"])
@pytest_twisted.ensureDeferred
async def test_drain(fleet: Fleet, how: str) -> None:
    """
    Draining lets the running job end and its client hear of it, takes no more
    jobs, grants none, accepts no connection, and then ends the process well.
    """
    if how == "signal":
        fleet.server.child.signal(signal.SIGUSR1)
        await until(lambda: b"draining" in fleet.server.child.output, "the drain")
    else:
        admin = await connect(fleet.server.port)
        admin.write(b"shutdown graceful\n")
        assert await admin.line() == b"OK\n"
    fleet.client.send("SUBMIT_JOB", b"f", b"three", b"")
    refusal = await fleet.client.expect("ERROR")
    assert refusal.body == b"SHUTDOWN_GRACEFUL\0Server is shutting down"
    fleet.worker.send("GRAB_JOB")
    await fleet.worker.expect("NO_JOB")
    with socket.socket() as late:
        assert late.connect_ex(("127.0.0.1", fleet.server.port)) != 0
    await fleet.finish()
    assert await fleet.server.child.ended() == 0
    assert b"1 jobs end with this server" in fleet.server.child.output


@pytest_twisted.ensureDeferred
async def test_drainTimeout(fleet: Fleet) -> None:
    """
    A job that does not end does not hold up the drain for ever.
    """
    fleet.server.child.signal(signal.SIGUSR1)
    assert await fleet.server.child.ended() == 0
    assert b"drain timeout: 1 jobs still run" in fleet.server.child.output
    assert await fleet.client.lost() == b""


@pytest_twisted.ensureDeferred
async def test_shutdown(fleet: Fleet) -> None:
    """
    C{shutdown} stops the server at once.
    """
    fleet.client.write(b"shutdown\n")
    assert await fleet.client.lost() == b"OK\n"
    assert await fleet.server.child.ended(patience=5) == 0


@pytest_twisted.ensureDeferred
async def test_manySleepers(servers: Starter) -> None:
    """
    Of two thousand sleeping workers, one job wakes exactly one.
    """
    server = await servers("txgearman", "--wakeup-delay=600")
    workers = [await connect(server.port) for _ in range(2000)]
    for worker in workers:
        worker.write(packet("CAN_DO", b"f") + packet("PRE_SLEEP"))
    for worker in workers:
        await worker.settle()
    client = await connect(server.port)
    client.send("SUBMIT_JOB_BG", b"f", b"", b"")
    await client.expect("JOB_CREATED")
    owed = [await worker.settle() for worker in workers]
    assert sorted(owed) == 1999 * [b""] + [packet("NOOP", magic=b"\0RES")]
    assert owed[-1] != b"", "not the worker that was active last"
    for worker in workers:
        worker.close()
    client.close()


@pytest_twisted.ensureDeferred
async def test_secondWakeUp(servers: Starter) -> None:
    """
    A job does not wait for a woken worker that never comes.
    """
    server = await servers("txgearman", "--wakeup-delay=0.1")
    hung, other, client = [await connect(server.port) for _ in range(3)]
    for worker in (other, hung):
        worker.write(packet("CAN_DO", b"f") + packet("PRE_SLEEP"))
        await worker.settle()
    client.send("SUBMIT_JOB_BG", b"f", b"", b"")
    await hung.expect("NOOP")
    await other.expect("NOOP")
    other.send("GRAB_JOB")
    await other.expect("JOB_ASSIGN")


@pytest_twisted.ensureDeferred
async def test_dueJobWakes(servers: Starter) -> None:
    """
    A sleeping worker is woken for a delayed job when it is due, not before.
    """
    server = await servers("txgearman")
    worker, client = await connect(server.port), await connect(server.port)
    worker.write(packet("CAN_DO", b"f") + packet("PRE_SLEEP"))
    due = b"%d" % (reactor.seconds() + 1.5)
    client.send("SUBMIT_JOB_EPOCH", b"f", b"", due, b"later")
    await client.expect("JOB_CREATED")
    assert await worker.settle() == b""
    await worker.expect("NOOP")
    assert reactor.seconds() >= int(due)
    worker.send("GRAB_JOB")
    assert (await worker.expect("JOB_ASSIGN")).body.endswith(b"\0f\0later")


def residentBytes(child: Child) -> int:
    """
    How much memory a process occupies.
    """
    for line in Path(f"/proc/{child.pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    raise AssertionError("no VmRSS")


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs Linux")
@pytest_twisted.ensureDeferred
async def test_stuckClient(servers: Starter) -> None:
    """
    A client that is owed a gigabyte and does not read costs the server a few
    megabytes: the worker that sends it is held up, and nobody else is.
    """
    server = await servers("txgearman")
    client, worker, other = [await connect(server.port) for _ in range(3)]
    worker.send("CAN_DO", b"flood")
    await worker.settle()
    client.send("SUBMIT_JOB", b"flood", b"", b"")
    await client.expect("JOB_CREATED")
    worker.send("GRAB_JOB")
    handle = (await worker.expect("JOB_ASSIGN")).arguments[0]
    before = residentBytes(server.child)

    client.pause()
    flood = Flood(worker, packet("WORK_DATA", handle, bytes(1024 * 1024)), 1024)
    flood.start()
    await until(lambda: flood.paused, "the worker being held up")
    for _ in range(50):
        assert await other.settle() == b""
    assert residentBytes(server.child) - before < 32 * 1024 * 1024
    assert flood.left > 900, "the flood was swallowed"
    client.close()
    # With nobody to send it to, the rest goes nowhere.
    await flood.over()
    assert residentBytes(server.child) - before < 64 * 1024 * 1024


class Flood:
    """
    A producer that writes one packet again and again, as fast as it is taken.

    @ivar left: how many are still to be written.
    @ivar paused: whether the connection takes no more.
    """

    def __init__(self, peer: RawPeer, data: bytes, count: int) -> None:
        self.left = count
        self.paused = False
        self._peer = peer
        self._data = data

    def start(self) -> None:
        """
        Begin.
        """
        assert self._peer.transport is not None
        self._peer.transport.registerProducer(self, True)  # type: ignore[attr-defined]
        self.resumeProducing()

    async def over(self) -> None:
        """
        Wait until all is written.
        """
        await until(lambda: not self.left, "the end of the flood", patience=60)
        await self._peer.settle()

    def resumeProducing(self) -> None:
        self.paused = False
        while self.left and not self.paused:
            self.left -= 1
            self._peer.write(self._data)
        if not self.left:
            self._peer.transport.unregisterProducer()  # type: ignore[union-attr]

    def pauseProducing(self) -> None:
        self.paused = True

    def stopProducing(self) -> None:
        self.left = 0


@pytest_twisted.ensureDeferred
async def test_stalledClient(servers: Starter) -> None:
    """
    A client that takes nothing for too long is lost, and its worker goes on.
    """
    server = await servers("txgearman", "--stall-timeout=1")
    client, worker = await connect(server.port), await connect(server.port)
    worker.send("CAN_DO", b"flood")
    await worker.settle()
    client.send("SUBMIT_JOB", b"flood", b"", b"")
    await client.expect("JOB_CREATED")
    worker.send("GRAB_JOB")
    handle = (await worker.expect("JOB_ASSIGN")).arguments[0]
    client.pause()
    flood = Flood(worker, packet("WORK_DATA", handle, bytes(1024 * 1024)), 64)
    flood.start()
    await flood.over()
    assert b"took nothing for 1" in server.child.output


@pytest_twisted.ensureDeferred
async def test_maxConnections(servers: Starter) -> None:
    """
    A connection too many is closed at once; when one leaves, another may come.
    """
    server = await servers("txgearman", "--max-connections=2")
    first, second = await accepted(server), await accepted(server)
    assert await (await connect(server.port)).lost() == b""
    first.close()
    third = await accepted(server)
    assert await second.settle() == b""
    third.close()


async def accepted(server: JobServer) -> RawPeer:
    """
    Connect to a server until it has room.
    """
    while True:
        peer = await connect(server.port)
        peer.write(b"version\n")
        await until(lambda: peer.closed or peer.received != b"", "an answer")  # noqa: B023, awaited in the loop
        if not peer.closed:
            await peer.line()
            return peer


@pytest_twisted.ensureDeferred
async def test_maxPacket(servers: Starter) -> None:
    """
    A packet that is too large gets an ERROR that can be read, although its
    sender has not sent it all, and costs no other peer anything.
    """
    server = await servers("txgearman", "--max-packet=1M")
    client, other = await connect(server.port), await connect(server.port)
    client.send("SUBMIT_JOB_BG", b"f", b"", bytes(8 * 1024 * 1024))
    error = await client.expect("ERROR")
    assert error.body == b"ARGUMENT_TOO_LARGE\0Packet is larger than 1048576 bytes"
    await client.lost()
    other.write(b"status\n")
    assert await other.table() == []
