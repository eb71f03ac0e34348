"""
Which job servers a tool is for: the options that the tools share.
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from txgearman.errors import BadSetting
from txgearman.scripts.numbers import number, seconds
from txgearman.version import __version__
from txgearman.wire.packets import PORT


def addSharedOptions(parser: ArgumentParser, ask: str) -> None:
    """
    Add the options that every tool has.

    @param ask: what C{--timeout} is about.
    """
    add = parser.add_argument
    add("-H", "--help", action="help", help="print this and exit")
    add("-V", "--version", action="version", version=f"txgearman {__version__}")
    add(
        "-h",
        "--host",
        action="append",
        default=[],
        metavar="HOST",
        help="a server: HOST or HOST:PORT; may be given several times [default:"
        " GEARMAN_SERVERS or GEARMAN_SERVER of the environment, or localhost]",
    )
    add(
        "-p",
        "--port",
        type=number(int, 1, 65535),
        metavar="N",
        help=f"the TCP port [default: {PORT}]",
    )
    add(
        "-S",
        "--ssl",
        action="store_true",
        help="use TLS, and the system's authorities",
    )
    add(
        "--endpoint",
        action="append",
        default=[],
        metavar="TEXT",
        help="a server as a Twisted endpoint, such as tls:jobs.example.net:4730 or"
        " unix:/run/gearman; may be given several times",
    )
    add("--timeout", type=seconds, metavar="SECONDS", help=ask)
    add("--json", action="store_true", help="print JSON, a value a line")


def serversOf(options: Namespace) -> list[str] | None:
    """
    The servers that a command line names; L{None} when it names none, and the
    environment is asked.

    @raise BadSetting: for one that cannot be reached over TLS.
    """
    hosts = [host for text in options.host for host in _each(text)]
    if not (hosts or options.endpoint) and (options.port is not None or options.ssl):
        hosts = ["localhost"]
    port = PORT if options.port is None else options.port
    named = [_named(host, port, options.ssl) for host in hosts]
    return named + options.endpoint or None


def _each(hosts: str) -> list[str]:
    """
    Part a list of hosts at its commas.
    """
    return [host.strip() for host in hosts.split(",") if host.strip()]


def _named(host: str, port: int, tls: bool) -> str:
    """
    Name a server as L{txgearman.connection.servers.serversFrom} knows it.
    """
    if host.startswith("["):
        host, _, own = host[1:].partition("]")
        own = own.removeprefix(":")
    elif host.count(":") == 1:
        host, _, own = host.partition(":")
    else:
        own = ""
    number = own or str(port)
    if tls and ":" in host:
        # Twisted's tls: takes names and IPv4 addresses.
        raise BadSetting(f"bad server {host!r}: TLS takes a name or an IPv4 address")
    if tls:
        return f"tls:{host}:{number}"
    return f"[{host}]:{number}" if ":" in host else f"{host}:{number}"
