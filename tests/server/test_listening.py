"""
Tests for L{txgearman.server.listening}.
"""

from __future__ import annotations

import errno
import os
import socket
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.endpoints import TCP4ServerEndpoint, TCP6ServerEndpoint
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IListeningPort, IStreamServerEndpoint
from twisted.internet.protocol import Factory
from twisted.internet.testing import MemoryReactorClock
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from tests.server.pump import temporaryFolder
from tests.server.test_transport import makeKeyAndCertificate
from txgearman.errors import BadSetting
from txgearman.server.listening import (
    AnyAddressEndpoint,
    endpointsOf,
    onAddress,
    onDescription,
    reasonOf,
)


class RecordingListener:
    """
    A listening socket that nobody can connect to.
    """

    def __init__(self, address: object, **options: object) -> None:
        self.address = address
        self.options = options
        self.blocking = True
        self.closed = False

    def __enter__(self) -> RecordingListener:
        return self

    def __exit__(self, *error: object) -> None:
        self.closed = True

    def setblocking(self, blocking: bool) -> None:
        self.blocking = blocking

    def fileno(self) -> int:
        assert not self.closed, "a closed socket has no number"
        assert not self.blocking, "a reactor must not wait for one connection"
        return 77


class ListenTests(SynchronousTestCase):
    """
    A reactor that only says where it was told to listen.
    """

    def setUp(self) -> None:
        self.reactor: Any = MemoryReactorClock()
        self.factory = Factory()

    def listens(self, endpoint: IStreamServerEndpoint) -> None:
        listening: Deferred[IListeningPort] = endpoint.listen(self.factory)
        self.successResultOf(listening)


class AnyAddressTests(ListenTests):
    """
    L{AnyAddressEndpoint}.
    """

    def endpoint(self) -> AnyAddressEndpoint:
        return AnyAddressEndpoint(self.reactor, 4730, 10)

    def raises(self, error: Exception) -> None:
        """
        Let a socket for all addresses be impossible.
        """

        def create(*arguments: object, **options: object) -> None:
            raise error

        self.patch(socket, "create_server", create)

    def test_interface(self) -> None:
        """
        It is an endpoint.
        """
        verifyObject(IStreamServerEndpoint, self.endpoint())

    def test_bothFamilies(self) -> None:
        """
        One socket takes connections of both families, whatever the machine's
        settings say; the reactor has a socket of its own from it.
        """
        made: list[RecordingListener] = []

        def create(address: object, **options: object) -> RecordingListener:
            made.append(RecordingListener(address, **options))
            return made[-1]

        self.patch(socket, "create_server", create)
        self.listens(self.endpoint())
        [listener] = made
        self.assertEqual(listener.address, ("", 4730))
        wanted = {"family": socket.AF_INET6, "backlog": 10, "dualstack_ipv6": True}
        self.assertEqual(listener.options, wanted)
        adopted = [(77, socket.AF_INET6, self.factory)]
        self.assertEqual(self.reactor.adoptedPorts, adopted)
        self.assertTrue(listener.closed)

    def test_withoutIPv6(self) -> None:
        """
        Where there is no IPv6, or no address of it, or no socket for both
        families, it takes IPv4 alone.
        """
        for error in [
            OSError(errno.EAFNOSUPPORT, "Address family not supported by protocol"),
            OSError(errno.EADDRNOTAVAIL, "Cannot assign requested address"),
            OSError(errno.EPROTONOSUPPORT, "Protocol not supported"),
            ValueError("dualstack_ipv6 not supported on this platform"),
        ]:
            self.raises(error)
            self.listens(self.endpoint())
            wanted = (4730, self.factory, 10, "")
            self.assertEqual(self.reactor.tcpServers.pop(), wanted, error)

    def test_cannotListen(self) -> None:
        """
        Other errors are failures, for the reason that the system gives.
        """
        for number in errno.EADDRINUSE, errno.EACCES, errno.EMFILE:
            self.raises(OSError(number, "no"))
            listening = self.endpoint().listen(self.factory)
            error = self.failureResultOf(listening, CannotListenError).value
            self.assertEqual(error.port, 4730)
            self.assertEqual(error.socketError.errno, number)
        self.assertEqual(self.reactor.tcpServers, [])

    def test_notAdopted(self) -> None:
        """
        It fails, as endpoints do, and does not raise, when the reactor cannot
        take the socket; and the socket is closed.
        """
        made: list[RecordingListener] = []

        def create(address: object, **options: object) -> RecordingListener:
            made.append(RecordingListener(address, **options))
            return made[-1]

        def adopt(*arguments: object) -> None:
            raise OSError(errno.EMFILE, "Too many open files")

        self.patch(socket, "create_server", create)
        self.patch(self.reactor, "adoptStreamPort", adopt)
        failure = self.failureResultOf(self.endpoint().listen(self.factory))
        self.assertIn("Too many open files", reasonOf(failure.value))
        self.assertTrue(made[0].closed)

    def test_portInUse(self) -> None:
        """
        A port that another socket listens on is in use.
        """
        other = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(other.close)
        port = other.getsockname()[1]
        endpoint = AnyAddressEndpoint(self.reactor, port, 10)
        failure = self.failureResultOf(endpoint.listen(self.factory))
        failure.trap(CannotListenError)
        self.assertEqual(
            reasonOf(failure.value),
            f"cannot listen on any address, port {port}: Address already in use",
        )

    def test_realSocket(self) -> None:
        """
        The socket that a reactor gets listens for IPv4 as well as IPv6.
        """
        found: list[tuple[int, int]] = []

        def adopt(number: int, family: int, factory: object) -> object:
            with socket.socket(fileno=os.dup(number)) as listener:
                host, port, *_ = listener.getsockname()
                if family == socket.AF_INET6:
                    only = listener.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY)
                    self.assertEqual((host, only), ("::", 0))
                found.append((family, port))
            return None

        if not socket.has_dualstack_ipv6():
            self.skipTest("needs IPv6")
        self.patch(self.reactor, "adoptStreamPort", adopt)
        AnyAddressEndpoint(self.reactor, 0, 10).listen(self.factory)
        [(family, port)] = found
        self.assertEqual(family, socket.AF_INET6)
        self.assertNotEqual(port, 0)


class AddressTests(ListenTests):
    """
    Endpoints for the addresses of hosts.
    """

    def resolves(self, *found: tuple[socket.AddressFamily, str]) -> None:
        """
        Let any name resolve to these addresses.
        """

        def getaddrinfo(host: str, port: int, **hints: object) -> list[Any]:
            kind = socket.SOCK_STREAM
            self.assertEqual(hints.pop("type"), kind)
            return [
                (family, kind, 6, "", (address, port)[: 2 + (":" in address)])
                for family, address in found
            ]

        self.patch(socket, "getaddrinfo", getaddrinfo)

    def servers(self, host: str) -> list[tuple[int, int, str]]:
        """
        Listen on a host.

        @return: ports, backlogs and interfaces.
        """
        for endpoint in onAddress(self.reactor, host, 4730, 10):
            self.listens(endpoint)
        return [
            (port, backlog, interface)
            for port, _, backlog, interface in self.reactor.tcpServers
        ]

    def test_literal(self) -> None:
        """
        An address stands for itself.
        """
        for host in "127.0.0.1", "0.0.0.0", "::1", "::":
            self.assertEqual(self.servers(host), [(4730, 10, host)])
            self.reactor.tcpServers.clear()

    def test_kinds(self) -> None:
        """
        An address of each family has an endpoint of its family.
        """
        for host, kind in (
            ("127.0.0.1", TCP4ServerEndpoint),
            ("::1", TCP6ServerEndpoint),
        ):
            [endpoint] = onAddress(self.reactor, host, 4730, 10)
            self.assertIsInstance(endpoint, kind)

    def test_name(self) -> None:
        """
        A name stands for all of its addresses.
        """
        self.resolves((socket.AF_INET6, "2001:db8::1"), (socket.AF_INET, "192.0.2.1"))
        wanted = [(4730, 10, "2001:db8::1"), (4730, 10, "192.0.2.1")]
        self.assertEqual(self.servers("example.com"), wanted)

    def test_nameWithOneAddressTwice(self) -> None:
        """
        An address that a name has twice is listened on once: a second time is
        one too many.
        """
        self.resolves((socket.AF_INET, "192.0.2.1"), (socket.AF_INET, "192.0.2.1"))
        self.assertEqual(self.servers("example.com"), [(4730, 10, "192.0.2.1")])

    def test_unknownName(self) -> None:
        """
        A name without an address is a bad setting, said in a line that has the
        name and the reason.
        """
        for error, reason in [
            (socket.gaierror(socket.EAI_NONAME, "Not known"), "Not known"),
            (UnicodeError("label too long"), "label too long"),
        ]:

            def getaddrinfo(
                *arguments: object, error: Exception = error, **hints: object
            ) -> None:
                raise error

            self.patch(socket, "getaddrinfo", getaddrinfo)
            with self.assertRaises(BadSetting) as raised:
                onAddress(self.reactor, "no.such.host", 4730, 10)
            wanted = f"cannot listen on 'no.such.host': {reason}"
            self.assertEqual(str(raised.exception), wanted)

    def test_impossibleNames(self) -> None:
        """
        Names that cannot be ones are bad settings too.
        """
        for host in "a..b", "x" * 70 + ".example", "two words":
            with self.assertRaises(BadSetting):
                onAddress(self.reactor, host, 4730, 10)


class DescriptionTests(ListenTests):
    """
    Endpoints described by strings.
    """

    def test_tcp(self) -> None:
        """
        The strings are Twisted's.
        """
        self.listens(onDescription(self.reactor, "tcp:4731:interface=127.0.0.1"))
        [(port, _, _, interface)] = self.reactor.tcpServers
        self.assertEqual((port, interface), (4731, "127.0.0.1"))

    def test_unix(self) -> None:
        """
        Local sockets are among them.
        """
        self.listens(onDescription(self.reactor, "unix:/run/gearman:mode=660"))
        [(path, _, _, mode, _)] = self.reactor.unixServers
        self.assertEqual((path, mode), ("/run/gearman", 0o660))

    def test_tls(self) -> None:
        """
        C{tls:} means C{ssl:}.
        """
        pem = temporaryFolder(self) / "server.pem"
        try:
            pem.write_bytes(makeKeyAndCertificate())
        except ImportError:
            self.skipTest("needs pyOpenSSL")
        for scheme in "ssl", "tls":
            text = f"{scheme}:4731:privateKey={pem}:certKey={pem}:backlog=9"
            self.listens(onDescription(self.reactor, text))
        for port, _, _, backlog, _ in self.reactor.sslServers:
            self.assertEqual((port, backlog), (4731, 9))
        self.assertEqual(len(self.reactor.sslServers), 2)

    def test_bad(self) -> None:
        """
        A string that describes no endpoint is a bad setting, said in a line
        that has the string.
        """
        for text in [
            "",
            "4730",
            "nonsense",
            "nonsense:4730",
            "tcp",
            "tcp:",
            "tcp:gearman",
            "tcp:4730:nonsense=1",
            "tcp:4730:4:5:6:7:8",
            "unix",
            "tls:4731:privateKey=/nonexistent.pem",
            "tls:4731",
            "tls",
            "ssl:4731:privateKey=/nonexistent.pem",
        ]:
            with self.assertRaises(BadSetting) as raised:
                onDescription(self.reactor, text)
            said = str(raised.exception)
            self.assertTrue(said.startswith("bad endpoint "), said)
            self.assertIn(repr(text), said)
            self.assertNotIn("\n", said)

    def test_reason(self) -> None:
        """
        The line says why, in the words of whoever found out.
        """
        with self.assertRaises(BadSetting) as raised:
            onDescription(self.reactor, "nonsense:4730")
        self.assertEqual(
            str(raised.exception),
            "bad endpoint 'nonsense:4730': Unknown endpoint type: 'nonsense'",
        )

    def test_withoutOpenSSL(self) -> None:
        """
        Without pyOpenSSL, a bad setting says what is missing.
        """

        def serverFromString(*arguments: object) -> None:
            raise ImportError("No module named 'OpenSSL'")

        self.patch(
            __import__("txgearman.server.listening", fromlist=["_"]),
            "serverFromString",
            serverFromString,
        )
        with self.assertRaises(BadSetting) as raised:
            onDescription(self.reactor, "tls:4731")
        self.assertEqual(
            str(raised.exception),
            "endpoint 'tls:4731' needs pyOpenSSL: install txgearman[tls]",
        )


class EndpointsTests(ListenTests):
    """
    Everything that the owner of a server says.
    """

    def test_port(self) -> None:
        """
        A port alone means all addresses.
        """
        endpoints = endpointsOf(self.reactor, 4730, [], [], 10)
        self.assertEqual(endpoints, [AnyAddressEndpoint(self.reactor, 4730, 10)])

    def test_hosts(self) -> None:
        """
        With hosts, the port is on these and no others.
        """
        hosts = ["127.0.0.1", "::1"]
        for endpoint in endpointsOf(self.reactor, 4730, hosts, [], 10):
            self.listens(endpoint)
        servers = [(server[0], server[3]) for server in self.reactor.tcpServers]
        self.assertEqual(servers, [(4730, "127.0.0.1"), (4730, "::1")])

    def test_descriptions(self) -> None:
        """
        Without a port, only what is described counts.
        """
        texts = ["tcp:1", "unix:/run/gearman"]
        for endpoint in endpointsOf(self.reactor, None, [], texts, 10):
            self.listens(endpoint)
        self.assertEqual([server[0] for server in self.reactor.tcpServers], [1])
        self.assertEqual(len(self.reactor.unixServers), 1)

    def test_all(self) -> None:
        """
        Hosts and descriptions go together.
        """
        endpoints = endpointsOf(self.reactor, 4730, ["127.0.0.1"], ["tcp:1"], 10)
        for endpoint in endpoints:
            self.listens(endpoint)
        servers = [(server[0], server[3]) for server in self.reactor.tcpServers]
        self.assertEqual(servers, [(4730, "127.0.0.1"), (1, "")])

    def test_bad(self) -> None:
        """
        One that cannot be used is a bad setting.
        """
        for hosts, texts in [(["a..b"], []), (["127.0.0.1"], ["nonsense"])]:
            with self.assertRaises(BadSetting):
                endpointsOf(self.reactor, 4730, hosts, texts, 10)


class ReasonTests(SynchronousTestCase):
    """
    Why an endpoint could not be used, in a line.
    """

    def test_reasons(self) -> None:
        """
        The line says where and why.
        """
        inUse = OSError(errno.EADDRINUSE, "anything")
        for error, wanted in [
            (
                CannotListenError("127.0.0.1", 4730, inUse),
                "cannot listen on 127.0.0.1, port 4730: Address already in use",
            ),
            (
                CannotListenError("", 80, OSError(errno.EACCES, "no")),
                "cannot listen on any address, port 80: Permission denied",
            ),
            (
                CannotListenError("::1", 4730, "for no reason"),
                "cannot listen on ::1, port 4730: for no reason",
            ),
            (OSError(errno.ENOENT, "gone"), "cannot listen: [Errno 2] gone"),
        ]:
            assert isinstance(error, CannotListenError | OSError)
            self.assertEqual(reasonOf(error), wanted)

    def test_localSocket(self) -> None:
        """
        Of a local socket, the line says the path, which is no IP address.
        """
        for cause, reason in [
            (OSError(errno.ENOENT, "no"), "No such file or directory"),
            ("Cannot acquire lock", "Cannot acquire lock"),
        ]:
            error = CannotListenError(None, "/run/gearman", cause)
            said = reasonOf(error)
            self.assertIn("/run/gearman", said)
            self.assertNotIn("any address", said)
            self.assertTrue(said.endswith(reason), said)

    def test_unknownName(self) -> None:
        """
        When the name of an interface is not known, the line says so.
        """
        cause = socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        said = reasonOf(CannotListenError("no.such.host", 4730, cause))
        self.assertEqual(
            said,
            "cannot listen on no.such.host, port 4730: Name or service not known",
        )
