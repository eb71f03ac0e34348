"""
Servers that are named by endpoint strings: over TLS, and on UNIX sockets.

Over TLS it is this project's server alone: Debian's gearmand has the options for
it, and was built without, as L{test_gearmand} shows.
"""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import pytest_twisted
from attrs import define
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectError, TimeoutError

from tests.functional.conftest import Starter
from tests.functional.fleet import (
    Fleet,
    nameOf,
    onlyOurs,
    reverse,
    soon,
    startingFleet,
)
from tests.functional.processes import (
    TXGEARADMIN,
    TXGEARMAN,
    freePort,
    requirePeer,
    spawn,
    until,
)
from txgearman.admin import AdminClient
from txgearman.client.choice import RoundRobin
from txgearman.client.client import Client
from txgearman.client.factory import GearmanClientFactory
from txgearman.client.protocol import GearmanClientProtocol
from txgearman.connection import handshake, reconnecting
from txgearman.connection.servers import serversFrom
from txgearman.errors import NoServers
from txgearman.worker.worker import Worker

fleet = startingFleet

LARGE = bytes(range(256)) * 16 * 1024
"""4 MiB."""


@define
class Identity:
    """
    A key, and a certificate that nobody but itself vouches for.

    @ivar trust: a folder with the certificate alone, for those who trust it.
    """

    key: Path
    certificate: Path
    trust: Path

    @classmethod
    def make(cls, folder: Path, names: str) -> Identity:
        """
        Make one.

        @param names: whose it is, such as C{DNS:localhost}.
        """
        requirePeer("openssl")
        trust = folder / "trust"
        trust.mkdir(parents=True)
        made = cls(folder / "key.pem", trust / "certificate.pem", trust)
        kind = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes"
        name = ["-subj", "/CN=test", "-addext", f"subjectAltName={names}"]
        files = ["-keyout", str(made.key), "-out", str(made.certificate)]
        subprocess.run(
            ["openssl", "req", "-x509", *kind.split(), *name, *files],
            check=True,
            capture_output=True,
        )
        return made


@define
class Place:
    """
    Where a server is to be reached.

    @ivar port: over TLS.
    @ivar identity: what the server shows there.
    @ivar socket: the path of its UNIX socket.
    """

    port: int
    identity: Identity
    socket: Path

    @classmethod
    def make(cls, folder: Path, names: str = "DNS:localhost,IP:127.0.0.1") -> Place:
        """
        Think of one.

        @param names: whom the server's certificate is for.
        """
        return cls(freePort(), Identity.make(folder, names), folder / "socket")

    @property
    def options(self) -> list[str]:
        """
        How a server is told to be there.
        """
        files = f"privateKey={self.identity.key}:certKey={self.identity.certificate}"
        return [
            f"--endpoint=ssl:{self.port}:{files}:interface=127.0.0.1",
            f"--endpoint=unix:{self.socket}",
        ]

    def name(self, form: str, trust: Path | None = None) -> str:
        """
        Say where it is to those who go there.

        @param form: an endpoint string with gaps.
        @param trust: a folder of certificates; by default with the server's own.
        """
        return form.format(
            port=self.port, trust=trust or self.identity.trust, socket=self.socket
        )


TLS = [
    "tls:localhost:{port}:trustRoots={trust}",
    "tls:127.0.0.1:{port}:trustRoots={trust}",
    "ssl:127.0.0.1:{port}:caCertsDir={trust}",
]

eachWay = pytest.mark.parametrize("form", TLS)


@onlyOurs
@pytest.mark.parametrize("form", [*TLS, "unix:{socket}"])
@pytest_twisted.ensureDeferred
async def test_calls(fleet: Fleet, servers: Starter, tmp_path: Path, form: str) -> None:
    """
    Client, worker and admin client go through such an endpoint, with payloads of
    any size.
    """
    place = Place.make(tmp_path / "place")
    await servers("txgearman", *place.options)
    name = place.name(form)
    client = fleet.keep(Client(reactor, name))
    assert await client.whenConnected() == [name]
    fleet.keep(Worker(reactor, name, clientId="far")).register("reverse", reverse)
    assert await client.call("reverse", b"hello") == b"olleh"
    results = await client.map("reverse", [LARGE, b"", LARGE[1:]])
    assert results == [LARGE[::-1], b"", LARGE[:0:-1]]
    admin = AdminClient(reactor, name)
    rows = [row.functions for row in await admin.workers() if row.clientId == b"far"]
    assert rows == [(b"reverse",)]
    await admin.close()


@onlyOurs
@pytest_twisted.ensureDeferred
async def test_mixed(fleet: Fleet, servers: Starter, tmp_path: Path) -> None:
    """
    One of several servers may be reached over TLS, and another without.
    """
    place = Place.make(tmp_path / "place")
    await servers("txgearman", *place.options)
    secure, plain = place.name(TLS[0]), nameOf(await fleet.server())
    where = f"{secure},{plain}"
    client = fleet.keep(Client(reactor, where, choice=RoundRobin()))
    assert await client.whenConnected() == [secure, plain]
    fleet.keep(Worker(reactor, where, concurrency=2)).register("reverse", reverse)
    jobs = [await client.submit("reverse", b"ab") for _ in range(4)]
    assert [job.server for job in jobs] == [secure, plain, secure, plain]
    assert [await job.whenDone() for job in jobs] == 4 * [b"ba"]


@onlyOurs
@pytest_twisted.ensureDeferred
async def test_return(fleet: Fleet, servers: Starter, tmp_path: Path) -> None:
    """
    Client and worker find a server again that was lost.
    """
    place = Place.make(tmp_path / "place")
    server = await servers("txgearman", *place.options)
    name = place.name(TLS[0])
    client = fleet.keep(Client(reactor, name, retryPolicy=soon))
    worker = fleet.keep(Worker(reactor, name, retryPolicy=soon))
    worker.register("reverse", reverse)
    assert await client.call("reverse", b"ab") == b"ba"
    await fleet.kill(server)
    place.socket.unlink()
    await servers("txgearman", *place.options)
    assert await client.call("reverse", b"cd") == b"dc"


@define
class Stranger:
    """
    A server's name, behind which is none that can be trusted.
    """

    name: str

    async def refused(self, fleet: Fleet) -> None:
        """
        Nobody speaks with it, and everybody says so.
        """
        fleet.keep(Worker(reactor, self.name)).register("reverse", reverse)
        client = fleet.keep(Client(reactor, self.name, connectTimeout=1))
        with pytest.raises(NoServers, match="cannot reach"):
            await client.call("reverse", b"ab")
        admin = AdminClient(reactor, self.name)
        with pytest.raises(ConnectError):
            await admin.version()
        await admin.close()


@onlyOurs
@eachWay
@pytest_twisted.ensureDeferred
async def test_untrusted(
    fleet: Fleet, servers: Starter, tmp_path: Path, form: str
) -> None:
    """
    A server whose certificate is not trusted is no server; a job goes to the next
    one.
    """
    place = Place.make(tmp_path / "place")
    await servers("txgearman", *place.options)
    other = Identity.make(tmp_path / "other", "DNS:localhost,IP:127.0.0.1")
    stranger = Stranger(place.name(form, other.trust))
    await stranger.refused(fleet)
    server = await fleet.server()
    client = fleet.keep(Client(reactor, [stranger.name, nameOf(server)]))
    fleet.worker(server).register("reverse", reverse)
    job = await client.submit("reverse", b"ab")
    assert (job.server, await job.whenDone()) == (nameOf(server), b"ba")


@onlyOurs
@pytest_twisted.ensureDeferred
async def test_wrongName(fleet: Fleet, servers: Starter, tmp_path: Path) -> None:
    """
    So is one whose certificate is trusted but is for somebody else, by name or by
    address.
    """
    place = Place.make(tmp_path / "place", "DNS:elsewhere.example,IP:192.0.2.1")
    await servers("txgearman", *place.options)
    for form in TLS[:2]:
        await Stranger(place.name(form)).refused(fleet)


@eachWay
@pytest_twisted.ensureDeferred
async def test_plain(fleet: Fleet, tmp_path: Path, form: str) -> None:
    """
    So is one that does not speak TLS.
    """
    place = Place.make(tmp_path / "place")
    place.port = (await fleet.server()).port
    await Stranger(place.name(form)).refused(fleet)


@onlyOurs
@eachWay
@pytest_twisted.ensureDeferred
async def test_neverThere(
    fleet: Fleet, servers: Starter, tmp_path: Path, form: str
) -> None:
    """
    Such a server is at no time one of those that can be reached.
    """
    place = Place.make(tmp_path / "place")
    await servers("txgearman", *place.options)
    other = Identity.make(tmp_path / "other", "DNS:localhost,IP:127.0.0.1")
    name = place.name(form, other.trust)
    client = fleet.keep(Client(reactor, name, connectTimeout=1))
    asked = client.whenConnected()
    await until(lambda: asked.called, "it is known whether the server is there")
    with pytest.raises(NoServers):
        await asked


STOP_AT_ONCE = """
import sys
from twisted.internet.task import react
from txgearman import Client

async def main(reactor, server):
    client = Client(reactor, server)
    client.startService()
    await client.whenConnected()
    await client.stopService()

react(main, sys.argv[1:])
"""


@pytest.mark.parametrize("form", [*TLS, "unix:{socket}", "tcp:127.0.0.1:{plain}"])
@pytest_twisted.ensureDeferred
async def test_stopAtOnce(servers: Starter, tmp_path: Path, form: str) -> None:
    """
    A client may be stopped as soon as it is connected.
    """
    place = Place.make(tmp_path / "place")
    server = await servers("txgearman", *place.options)
    name = place.name(form.replace("{plain}", str(server.port)))
    child = spawn([sys.executable, "-c", STOP_AT_ONCE, name])
    assert (await child.ended(), child.errors) == (0, b"")


@onlyOurs
@pytest.mark.parametrize("form", ["tls", "unix", "tcp"])
@pytest_twisted.ensureDeferred
async def test_stopFrozen(
    fleet: Fleet,
    servers: Starter,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    form: str,
) -> None:
    """
    A client whose server neither reads nor closes its side stops all the same,
    whether there are bytes that the server did not take or not.
    """
    monkeypatch.setattr(reconnecting, "_CLOSING", 0.1)
    place = Place.make(tmp_path / "place")
    server = await servers("txgearman", *place.options)
    forms = {"tls": TLS[0], "unix": "unix:{socket}", "tcp": nameOf(server)}
    clients = [fleet.keep(Client(reactor, place.name(forms[form]))) for _ in "ab"]
    for client in clients:
        await client.whenConnected()
    server.child.signal(signal.SIGSTOP)
    submitted = clients[0].submit("reverse", LARGE * 8)
    submitted.addErrback(lambda failure: None)
    stopped = [client.stopService() for client in clients]
    await until(lambda: all(each.called for each in stopped), "they stopped")
    await fleet.kill(server)


@onlyOurs
@eachWay
@pytest_twisted.ensureDeferred
async def test_silent(
    fleet: Fleet,
    servers: Starter,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    form: str,
) -> None:
    """
    A server that says nothing when it should shake hands is given up.
    """
    monkeypatch.setattr(handshake, "_TIMEOUT", 0.1)
    place = Place.make(tmp_path / "place")
    server = await servers("txgearman", *place.options)
    server.child.signal(signal.SIGSTOP)
    (found,) = serversFrom(reactor, place.name(form))
    with pytest.raises(TimeoutError):
        await found.endpoint.connect(GearmanClientFactory())
    await fleet.kill(server)


@pytest.mark.parametrize("form", [*TLS, "tcp:127.0.0.1:{plain}"])
@pytest_twisted.ensureDeferred
async def test_sockets(servers: Starter, tmp_path: Path, form: str) -> None:
    """
    Over TCP, with TLS or without, packets leave at once, and there is keepalive.
    """
    place = Place.make(tmp_path / "place")
    server = await servers("txgearman", *place.options)
    name = place.name(form.replace("{plain}", str(server.port)))
    (found,) = serversFrom(reactor, name)
    gone: Deferred[None] = Deferred()
    protocol = await found.endpoint.connect(
        GearmanClientFactory(onLost=lambda protocol, reason: gone.callback(None))
    )
    assert isinstance(protocol, GearmanClientProtocol)
    await protocol.echo(b"is there")
    above = protocol.transport
    tcp: Any = getattr(above, "transport", above)
    assert tcp.getTcpNoDelay()
    assert tcp.getTcpKeepAlive()
    protocol.giveUp()
    await gone


@pytest_twisted.ensureDeferred
async def test_gearmand(servers: Starter, tmp_path: Path) -> None:
    """
    Debian's gearmand, which is built without TLS, speaks plain text even when it is
    told to speak TLS.
    """
    identity = Identity.make(tmp_path / "place", "DNS:localhost")
    server = await servers(
        "gearmand",
        "--ssl",
        f"--ssl-key={identity.key}",
        f"--ssl-certificate={identity.certificate}",
        f"--ssl-ca-file={identity.certificate}",
    )
    admin = AdminClient(reactor, nameOf(server))
    assert await admin.processId() == server.child.pid
    await admin.close()


@pytest_twisted.ensureDeferred
async def test_tools(servers: Starter, tmp_path: Path) -> None:
    """
    With C{-S} the tools speak TLS, and trust whom the system trusts.
    """
    place = Place.make(tmp_path / "place")
    await servers("txgearman", *place.options)
    trusting = {"SSL_CERT_FILE": str(place.identity.certificate)}
    where = ["-S", "-h", "localhost", "-p", str(place.port)]
    worker = spawn(
        [*TXGEARMAN, *where, "-v", "-w", "-c", "1", "-f", "f", "--", "rev"],
        env=trusting,
        stdin=b"",
    )
    client = spawn([*TXGEARMAN, *where, "-f", "f", "abc\n"], env=trusting, stdin=b"")
    assert await client.ended() == 0, client.errors
    assert client.output == b"cba\n"
    assert await worker.ended() == 0
    admin = spawn([*TXGEARADMIN, *where, "--status"], env=trusting, stdin=b"")
    assert await admin.ended() == 0, admin.errors
    assert admin.output == b"f\t0\t0\t0\n.\n"
    for tool in [*TXGEARMAN, "-f", "f", "x"], [*TXGEARADMIN, "--status"]:
        stranger = spawn([*tool, *where], stdin=b"")
        assert await stranger.ended() == 1
        assert b"cannot reach" in stranger.errors
        assert b"certificate verify failed" in stranger.errors
        assert stranger.errors.count(b"\n") == 1
