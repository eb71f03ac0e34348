"""
Tests for L{txgearman.connection.servers}.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from unittest.mock import patch

from twisted.internet._resolver import HostResolution
from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.endpoints import TCP4ClientEndpoint
from twisted.internet.interfaces import (
    IAddress,
    IHostnameResolver,
    IHostResolution,
    IResolutionReceiver,
)
from twisted.internet.protocol import Factory
from twisted.internet.testing import MemoryReactorClock
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from txgearman.connection import servers as where
from txgearman.connection.servers import VARIABLES, Server, Servers, serversFrom
from txgearman.errors import BadSetting


@implementer(IHostnameResolver)
class Resolver:
    """
    Knows that addresses are hosts by that name.
    """

    def resolveHostName(
        self,
        resolutionReceiver: IResolutionReceiver,
        hostName: str,
        portNumber: int = 0,
        addressTypes: Sequence[type[IAddress]] | None = None,
        transportSemantics: str = "TCP",
    ) -> IHostResolution:
        """
        Take the name for the address.
        """
        kind = IPv6Address if ":" in hostName else IPv4Address
        resolution = HostResolution(hostName)
        resolutionReceiver.resolutionBegan(resolution)
        resolutionReceiver.addressResolved(kind("TCP", hostName, portNumber))
        resolutionReceiver.resolutionComplete()
        return resolution


class ServersTests(SynchronousTestCase):
    """
    What users write, and where it leads.
    """

    def setUp(self) -> None:
        self.reactor = MemoryReactorClock()
        self.reactor.installNameResolver(Resolver())

    def names(self, servers: Servers) -> list[str]:
        """
        What the servers are called.
        """
        return [server.name for server in serversFrom(self.reactor, servers)]

    def reached(self, servers: Servers) -> list[tuple[str, int]]:
        """
        Which TCP ports are connected to.
        """
        for server in serversFrom(self.reactor, servers):
            connecting = server.endpoint.connect(Factory())
            connecting.addErrback(lambda failure: None)
            self.addCleanup(connecting.cancel)
        self.reactor.advance(0.5)
        return [(host, port) for host, port, *_ in self.reactor.tcpClients]

    def test_forms(self) -> None:
        """
        A server is a host, with or without a port, or an endpoint; addresses of
        IPv6 stand in brackets when a port follows.
        """
        for text, place in [
            ("127.0.0.1", ("127.0.0.1", 4730)),
            ("127.0.0.1:99", ("127.0.0.1", 99)),
            ("::1", ("::1", 4730)),
            ("[::1]", ("::1", 4730)),
            ("[::1]:99", ("::1", 99)),
            ("tcp:127.0.0.1:99", ("127.0.0.1", 99)),
            ("tcp:127.0.0.1:99:timeout=3", ("127.0.0.1", 99)),
        ]:
            self.setUp()
            self.assertEqual(self.reached(text), [place], text)

    def test_unix(self) -> None:
        """
        A server may be a UNIX socket.
        """
        (server,) = serversFrom(self.reactor, "unix:/run/gearman")
        server.endpoint.connect(Factory())
        self.assertEqual(self.reactor.unixClients[0][0], "/run/gearman")

    def test_several(self) -> None:
        """
        Several servers stand in a string with commas, in a list, or both; what
        is empty counts for nothing.
        """
        for servers in ["a:1, b:2,c", ["a:1", "b:2,c"], ("a:1", " b:2 ", "c,")]:
            self.assertEqual(self.names(servers), ["a:1", "b:2", "c"])

    def test_comma(self) -> None:
        """
        A comma behind a backslash belongs to an endpoint.
        """
        self.assertEqual(self.names(r"unix:/a\,b,c"), ["unix:/a,b", "c"])

    def test_endpoints(self) -> None:
        """
        An endpoint is taken as it is, alone or among strings.
        """
        endpoint = TCP4ClientEndpoint(self.reactor, "127.0.0.1", 99)
        for servers in (endpoint, [endpoint]):
            (server,) = serversFrom(self.reactor, servers)
            self.assertEqual(server.name, repr(endpoint))
            self.assertIn(("127.0.0.1", 99), self.reached(servers))
        self.assertEqual(self.names(["a", endpoint]), ["a", repr(endpoint)])

    def test_named(self) -> None:
        """
        Two servers are the same when they have the same name.
        """
        one, two = serversFrom(self.reactor, "a,a")
        self.assertEqual(one, two)
        self.assertNotEqual(one, Server("b", one.endpoint))

    def test_environment(self) -> None:
        """
        By default the servers are those of the environment, and of its two
        variables those of the first that is not blank; without any, there is the
        local one.
        """
        local = ["127.0.0.1:4730"]
        for first, second, names in [
            ("a:1,b", None, ["a:1", "b"]),
            ("a:1,b", "c", ["a:1", "b"]),
            (None, "c:2", ["c:2"]),
            ("", "c:2", ["c:2"]),
            (" \t", "c:2", ["c:2"]),
            (None, None, local),
            ("", " ", local),
        ]:
            with self.environment(first, second):
                self.assertEqual(self.names(None), names)
        self.assertEqual(VARIABLES, ("GEARMAN_SERVERS", "GEARMAN_SERVER"))

    @contextmanager
    def environment(self, *values: str | None) -> Iterator[None]:
        """
        Set the variables, or unset them.
        """
        with patch.dict(os.environ):
            for variable, value in zip(VARIABLES, values, strict=False):
                os.environ.pop(variable, None)
                if value is not None:
                    os.environ[variable] = value
            yield

    def test_none(self) -> None:
        """
        No servers at all are an error.
        """
        nothing: list[Servers] = ["", " , ", [], [""]]
        for servers in nothing:
            self.assertRaises(BadSetting, serversFrom, self.reactor, servers)
        with self.environment(","):
            self.assertRaises(BadSetting, serversFrom, self.reactor, None)

    def test_bad(self) -> None:
        """
        What cannot be understood is an error that names it.
        """
        for text in [
            "a:0",
            "a:65536",
            "[::1]:0",
            "a:b",
            "what:ever",
            "tcp:",
            "tcp:a:b",
            "[::1",
            "a/b",
        ]:
            error = self.assertRaises(BadSetting, serversFrom, self.reactor, text)
            self.assertIn(f"bad server {text!r}: ", str(error))

    def test_withoutOpenSSL(self) -> None:
        """
        Without pyOpenSSL, the error says what is missing.
        """

        def clientFromString(*arguments: object) -> None:
            raise ImportError("No module named 'OpenSSL'")

        self.patch(where, "clientFromString", clientFromString)
        with self.assertRaises(BadSetting) as raised:
            serversFrom(self.reactor, "tls:a:4730")
        self.assertEqual(
            str(raised.exception),
            "server 'tls:a:4730' needs pyOpenSSL: install txgearman[tls]",
        )
