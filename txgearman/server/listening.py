"""
Where a job server listens, from what its owner says.
"""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Callable, Sequence
from typing import cast

from attrs import frozen
from twisted.internet.defer import Deferred, maybeDeferred, succeed
from twisted.internet.endpoints import (
    TCP4ServerEndpoint,
    TCP6ServerEndpoint,
    serverFromString,
)
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import (
    IListeningPort,
    IProtocolFactory,
    IReactorSocket,
    IReactorTCP,
    IStreamServerEndpoint,
)
from twisted.internet.protocol import ServerFactory
from zope.interface import implementer

from txgearman.connection.describing import understanding
from txgearman.errors import BadSetting

# What a host says that knows no IPv6, or has no address of it.
_NO_IPV6 = (errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL, errno.EPROTONOSUPPORT)


_KINDS: dict[int, Callable[[IReactorTCP, int, int, str], IStreamServerEndpoint]] = {
    socket.AF_INET: TCP4ServerEndpoint,
    socket.AF_INET6: TCP6ServerEndpoint,
}


@implementer(IStreamServerEndpoint)
@frozen
class AnyAddressEndpoint:
    """
    All of the machine's addresses, IPv4 and IPv6, on one port; IPv4 alone
    where there is no IPv6.

    Twisted's own C{tcp6:} leaves it to a setting of the machine whether it
    serves IPv4 as well.
    """

    reactor: IReactorTCP
    port: int
    backlog: int

    def listen(self, protocolFactory: IProtocolFactory) -> Deferred[IListeningPort]:
        """
        Listen.
        """
        return maybeDeferred(self._listen, protocolFactory)

    def _listen(self, protocolFactory: IProtocolFactory) -> Deferred[IListeningPort]:
        try:
            listener = socket.create_server(
                ("", self.port),
                family=socket.AF_INET6,
                backlog=self.backlog,
                dualstack_ipv6=True,
            )
        except (OSError, ValueError) as error:
            if isinstance(error, OSError) and error.errno not in _NO_IPV6:
                raise CannotListenError("", self.port, error) from None
            ipv4: IStreamServerEndpoint = TCP4ServerEndpoint(
                self.reactor, self.port, self.backlog
            )
            return ipv4.listen(protocolFactory)
        with listener:
            listener.setblocking(False)
            sockets = IReactorSocket(self.reactor)
            port = sockets.adoptStreamPort(
                listener.fileno(),
                socket.AF_INET6,
                # The endpoint's interface promises less than the reactor's wants.
                cast(ServerFactory, protocolFactory),
            )
        return succeed(port)


def onAddress(
    reactor: IReactorTCP, host: str, port: int, backlog: int
) -> list[IStreamServerEndpoint]:
    """
    Make endpoints for a host's addresses.

    @param host: an address, or a name that this machine resolves, which may
        have several.
    @raise BadSetting: for a name without an address.
    """
    try:
        found = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
    except (OSError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise BadSetting(f"cannot listen on {host!r}: {reason}") from None
    endpoints: list[IStreamServerEndpoint] = []
    # A name may be listed twice with an address.
    for family, address in dict.fromkeys((f[0], str(f[4][0])) for f in found):
        endpoints.append(_KINDS[family](reactor, port, backlog, address))
    return endpoints


def onDescription(reactor: IReactorTCP, description: str) -> IStreamServerEndpoint:
    """
    Make an endpoint from a Twisted endpoint string; C{tls:} is another name for
    C{ssl:}.

    @raise BadSetting: for a string that describes no endpoint.
    """
    kind, colon, rest = description.partition(":")
    known = "ssl" if kind == "tls" else kind
    with understanding("endpoint", description):
        endpoint: IStreamServerEndpoint = serverFromString(
            reactor, known + colon + rest
        )
    return endpoint


def endpointsOf(
    reactor: IReactorTCP,
    port: int | None,
    hosts: Sequence[str],
    descriptions: Sequence[str],
    backlog: int,
) -> list[IStreamServerEndpoint]:
    """
    Make the endpoints that a server's owner asks for.

    @param port: a TCP port; L{None} for none but what the descriptions name.
    @param hosts: which addresses to listen on; empty for all.
    @param descriptions: Twisted endpoint strings.
    @raise BadSetting: for a host or a description that cannot be used.
    """
    endpoints: list[IStreamServerEndpoint] = []
    if port is not None:
        for host in hosts:
            endpoints += onAddress(reactor, host, port, backlog)
        if not hosts:
            endpoints.append(AnyAddressEndpoint(reactor, port, backlog))
    endpoints += [onDescription(reactor, text) for text in descriptions]
    return endpoints


def reasonOf(error: Exception) -> str:
    """
    Say in a line why an endpoint could not be used.
    """
    if not isinstance(error, CannotListenError):
        return f"cannot listen: {error}"
    if error.interface is None:
        where = str(error.port)
    else:
        where = f"{error.interface or 'any address'}, port {error.port}"
    return f"cannot listen on {where}: {_causeOf(error.socketError)}"


def _causeOf(error: object) -> str:
    """
    What the system says, without what others add to it.
    """
    number = getattr(error, "errno", None)
    if number is None:
        return str(error)
    if isinstance(error, socket.gaierror):
        return str(error.strerror)
    return os.strerror(number)
