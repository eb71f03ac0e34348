"""
Tests of the admin client.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.error import (
    ConnectionDone,
    ConnectionLost,
    ConnectionRefusedError,
)
from twisted.internet.interfaces import (
    IProtocol,
    IProtocolFactory,
    IStreamClientEndpoint,
)
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from txgearman.admin import (
    AdminClient,
    Awaited,
    ClientRow,
    Connected,
    FunctionStatus,
    JobRow,
    PriorityStatus,
    Waiting,
)
from txgearman.errors import BadSetting, ServerError


@implementer(IStreamClientEndpoint)
class FakeServer:
    """
    An endpoint whose other end is the test.

    @ivar connections: how often somebody connected.
    """

    def __init__(self) -> None:
        self.connections = 0
        self._connecting: Deferred[IProtocol] = Deferred()

    def connect(self, protocolFactory: IProtocolFactory) -> Deferred[IProtocol]:
        self.connections += 1
        self._factory = protocolFactory
        self._connecting = Deferred()
        return self._connecting

    def accepts(self) -> None:
        """
        Let the connection be made.
        """
        protocol = self._factory.buildProtocol(None)  # type: ignore[arg-type]
        assert protocol is not None
        self.transport = StringTransport()
        self.protocol = protocol
        protocol.makeConnection(self.transport)
        self._connecting.callback(protocol)

    def refuses(self) -> None:
        """
        Let it not be made.
        """
        self._connecting.errback(Failure(ConnectionRefusedError()))

    def heard(self) -> bytes:
        """
        What was asked since the last time.
        """
        data: bytes = self.transport.value()
        self.transport.clear()
        return data

    def says(self, data: bytes) -> None:
        """
        Answer.
        """
        self.protocol.dataReceived(data)

    def leaves(self) -> None:
        """
        Close the connection.
        """
        self.protocol.connectionLost(Failure(ConnectionDone()))


Ask = Callable[[AdminClient], "Deferred[Any]"]

ROWS: list[tuple[Ask, bytes, bytes, object]] = [
    (
        AdminClient.status,
        b"status\r\n",
        b"a\t3\t2\t1\nb c\t0\t0\t0\n.\n",
        [FunctionStatus(b"a", 3, 2, 1), FunctionStatus(b"b c", 0, 0, 0)],
    ),
    (
        AdminClient.priorityStatus,
        b"prioritystatus\r\n",
        b"a\t1\t2\t3\t4\n.\n",
        [PriorityStatus(b"a", 1, 2, 3, 4)],
    ),
    (
        AdminClient.workers,
        b"workers\r\n",
        b"37 127.0.0.1 - :\n38 ::1 me : f g\n39 127.0.0.1  : h\n.\n",
        [
            Connected(37, b"127.0.0.1", b"-", ()),
            Connected(38, b"::1", b"me", (b"f", b"g")),
            Connected(39, b"127.0.0.1", b"", (b"h",)),
        ],
    ),
    (
        AdminClient.jobs,
        b"show jobs\r\n",
        b"H:a:1\t2\t0\t1\nH:a:2\t0\t1\t0\n.\n",
        [JobRow(b"H:a:1", 2, False, True), JobRow(b"H:a:2", 0, True, False)],
    ),
    (AdminClient.uniques, b"show unique jobs\r\n", b"u\n\n.\n", [b"u", b""]),
    (
        AdminClient.waiting,
        b"jobs\r\n",
        b"f\tu\t127.0.0.1:9\t2\nf\t\t-\t0\n.\n",
        [Waiting(b"f", b"u", b"127.0.0.1:9", 2), Waiting(b"f", b"", b"-", 0)],
    ),
    (
        AdminClient.clients,
        b"clients\r\n",
        b"127.0.0.1:8\n127.0.0.1:9\n\tf\tu\t-\n\ta\tb\t\t::1:7\n.\n",
        [
            ClientRow(b"127.0.0.1:8", ()),
            ClientRow(
                b"127.0.0.1:9",
                (Awaited(b"f", b"u", b"-"), Awaited(b"a\tb", b"", b"::1:7")),
            ),
        ],
    ),
    (
        partial(AdminClient.command, line="acl list", table=True),
        b"acl list\r\n",
        b"one\ntwo\n.\n",
        [b"one", b"two"],
    ),
    (partial(AdminClient.command, line=b"nice"), b"nice\r\n", b"OK\r\n", [b"OK"]),
    (AdminClient.version, b"version\r\n", b"OK 1.1.20\n", "1.1.20"),
    (AdminClient.version, b"version\r\n", b"v1.130.1\n", "v1.130.1"),
    (AdminClient.processId, b"getpid\r\n", b"OK 12\n", 12),
    (AdminClient.verbosity, b"verbose\r\n", b"OK INFO\n", "INFO"),
    (lambda a: a.cancel("H:a:1"), b"cancel job H:a:1\r\n", b"OK\r\n", None),
    (lambda a: a.createFunction(b"f"), b"create function f\r\n", b"OK\r\n", None),
    (lambda a: a.dropFunction("f"), b"drop function f\r\n", b"OK\r\n", None),
    (lambda a: a.maxQueue("f"), b"maxqueue f\r\n", b"OK\r\n", None),
    (lambda a: a.maxQueue("f", 1, 2, 3), b"maxqueue f 1 2 3\r\n", b"OK\n", None),
    (AdminClient.shutDown, b"shutdown\r\n", b"OK\n", None),
    (lambda a: a.shutDown(True), b"shutdown graceful\r\n", b"OK\n", None),
]


class AdminClientTests(SynchronousTestCase):
    """
    Tests of L{AdminClient}.
    """

    def setUp(self) -> None:
        """
        Make a client of a server that has not been asked anything.
        """
        self.server = FakeServer()
        self.admin = AdminClient(Clock(), self.server)

    def test_everyCommand(self) -> None:
        """
        Each command is sent as gearmand reads it, and its answer is a value.
        """
        self.admin.version()
        self.server.accepts()
        self.server.says(b"OK 1\n")
        self.server.heard()
        for ask, line, answer, value in ROWS:
            asked = ask(self.admin)
            self.assertEqual(self.server.heard(), line)
            self.server.says(answer)
            self.assertEqual(self.successResultOf(asked), value, line)

    def test_pipelined(self) -> None:
        """
        Questions do not wait for each other, one connection serves all of them,
        and each gets its own answer, however it is cut.
        """
        asked = [ask(self.admin) for ask, *_ in ROWS]
        self.assertEqual(self.server.connections, 1)
        self.server.accepts()
        self.assertEqual(self.server.heard(), b"".join(row[1] for row in ROWS))
        for byte in b"".join(row[2] for row in ROWS):
            self.server.says(bytes([byte]))
        self.assertEqual(
            [self.successResultOf(one) for one in asked], [r[3] for r in ROWS]
        )

    def test_refusal(self) -> None:
        """
        An answer that says ERR is a L{ServerError} with readable text, for
        tables too, and the next answer is the next question's.
        """
        asked: list[Deferred[Any]] = [
            self.admin.maxQueue("f"),
            self.admin.waiting(),
            self.admin.version(),
        ]
        self.server.accepts()
        self.server.says(b"ERR INVALID_ARGUMENTS An+incomplete+set\r\n")
        self.server.says(b"ERR UNKNOWN_COMMAND Unknown+server+commandjobs\r\nOK 1\n")
        first = self.failureResultOf(asked[0], ServerError).value
        assert isinstance(first, ServerError)
        self.assertEqual(
            (first.code, first.text), (b"INVALID_ARGUMENTS", b"An incomplete set")
        )
        self.assertIn("UNKNOWN_COMMAND", str(self.failureResultOf(asked[1]).value))
        self.assertEqual(self.successResultOf(asked[2]), "1")

    def test_notOneWord(self) -> None:
        """
        What would be several words of a command, or none, is refused here.
        """
        for word in "", "two words", "new\nline", b"tab\t":
            self.failureResultOf(self.admin.cancel(word), ValueError)
        for line in "", " ", "two\nlines":
            self.failureResultOf(self.admin.command(line), ValueError)

    def test_cannotConnect(self) -> None:
        """
        When the server is not there, all who ask hear of it, and the next one
        connects anew.
        """
        asked = [self.admin.version(), self.admin.status()]
        self.server.refuses()
        for one in asked:
            self.failureResultOf(one, ConnectionRefusedError)
        again = self.admin.version()
        self.server.accepts()
        self.server.says(b"OK 2\n")
        self.assertEqual(self.successResultOf(again), "2")

    def test_lost(self) -> None:
        """
        When the connection is lost, answers under way are too; the next
        question connects anew.
        """
        asked = self.admin.status()
        self.server.accepts()
        self.server.says(b"f\t1\t1\t1\n")
        self.server.leaves()
        self.failureResultOf(asked, ConnectionLost)
        again = self.admin.version()
        self.server.accepts()
        self.server.says(b"OK 3\n")
        self.assertEqual(self.successResultOf(again), "3")
        self.assertEqual(self.server.connections, 2)

    def test_close(self) -> None:
        """
        Closing closes the connection, and takes as long as that; there may be
        none, and it may be closed already.
        """
        self.successResultOf(self.admin.close())
        self.admin.version()
        self.server.accepts()
        self.server.says(b"OK 1\n")
        closed = self.admin.close()
        self.assertNoResult(closed)
        self.assertTrue(self.server.transport.disconnecting)
        self.server.leaves()
        self.successResultOf(closed)
        self.admin.version()
        self.server.accepts()
        self.server.says(b"OK 1\n")
        self.server.leaves()
        self.successResultOf(self.admin.close())

    def test_nonsense(self) -> None:
        """
        A server that does not speak Gearman is left; what nobody asked for is
        ignored.
        """
        asked = self.admin.version()
        self.server.accepts()
        self.server.says(b"OK 1\nOK 2\n")
        self.assertEqual(self.successResultOf(asked), "1")
        self.server.says(b"\0XYZ")
        self.assertTrue(self.server.transport.disconnecting)

    def test_servers(self) -> None:
        """
        It is for one server.
        """
        with self.assertRaises(BadSetting):
            AdminClient(Clock(), "unix:/one,unix:/two")
