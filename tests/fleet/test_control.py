"""
Tests for L{txgearman.fleet.control}, and for what is said over the control socket:
L{txgearman.fleet.desk} and L{txgearman.fleet.telling}.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import stat
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, cast

from attrs import define, evolve, field
from twisted.internet import reactor as globalReactor
from twisted.internet.defer import Deferred, succeed
from twisted.internet.endpoints import UNIXClientEndpoint
from twisted.internet.error import ConnectionLost
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.internet.task import deferLater
from twisted.python.failure import Failure
from twisted.trial.unittest import TestCase

from txgearman.errors import BadSetting
from txgearman.fleet import control
from txgearman.fleet.control import LONGEST, Control
from txgearman.fleet.desk import Refused
from txgearman.fleet.group import ChildRow, RestartFailed
from txgearman.fleet.settings import GroupSettings
from txgearman.fleet.telling import NoMaster, tell

reactor: Any = globalReactor

CHILD = ChildRow(1, 4711, "ready", 0.0, 2, 17, "mail", "H:x:1", "", ("mail", "a\\xff"))


@define(eq=False)
class FakeGroup:
    """
    A group that notes what it is told.

    @ivar told: what that was.
    @ivar restarts: what waits for a restart to end.
    """

    settings: GroupSettings
    count: int = 1
    paused: bool = False
    children: list[ChildRow] = field(factory=list)
    told: list[object] = field(factory=list)
    restarts: list[Deferred[None]] = field(factory=list)

    @property
    def name(self) -> str:
        return self.settings.name

    def scale(self, count: int) -> None:
        if count > 1000:
            raise ValueError("a group has from 0 to 1000 children")
        self.told.append(count)

    def restart(self) -> Deferred[None]:
        self.told.append("restart")
        self.restarts.append(Deferred())
        return self.restarts[-1]

    def pause(self) -> None:
        self.told.append("pause")

    def resume(self) -> None:
        self.told.append("resume")


@define(eq=False)
class FakeScaling:
    """
    What scales a group.
    """

    group: FakeGroup
    held: bool = False

    def hold(self, count: int) -> None:
        self.group.scale(count)
        self.held = True

    def release(self) -> None:
        self.held = False


@define(eq=False)
class FakeFleet:
    """
    A fleet of two groups, one of which is autoscaled.
    """

    groups: dict[str, FakeGroup]
    autoscalings: dict[str, FakeScaling]


class Line(Protocol):
    """
    Somebody who says what the test says, line or not.
    """

    def __init__(self) -> None:
        self.data = b""
        self.lost = False
        self._waiting: list[Deferred[None]] = []

    def dataReceived(self, data: bytes) -> None:
        self.data += data
        self._wake()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.lost = True
        self._wake()

    def _wake(self) -> None:
        waiting, self._waiting = self._waiting, []
        for waiter in waiting:
            waiter.callback(None)

    async def says(self, data: bytes) -> None:
        assert self.transport is not None
        self.transport.write(data)

    async def hears(self) -> Any:
        """
        Wait for an answer; L{None} when there is none any more.
        """
        while b"\n" not in self.data and not self.lost:
            waiter: Deferred[None] = Deferred()
            self._waiting.append(waiter)
            await waiter
        line, _, self.data = self.data.partition(b"\n")
        return json.loads(line) if line else None


class ControlTestCase(TestCase):
    """
    A control socket in a folder of its own.
    """

    timeout = 30

    def setUp(self) -> None:
        folder = TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.path = str(self.folder / "control.sock")
        mail = FakeGroup(GroupSettings("mail", "t"), 3, children=[CHILD])
        thumbs = FakeGroup(GroupSettings("thumbs", "t", min=0, max=9), 4, paused=True)
        self.fleet = FakeFleet(
            {"mail": mail, "thumbs": thumbs}, {"thumbs": FakeScaling(thumbs)}
        )
        self.control = self.controlAt(self.path)

    def controlAt(self, path: str) -> Control:
        made = Control(reactor, path, cast(Any, self.fleet))
        self.addCleanup(made.stopService)
        return made

    def tells(self, **request: Any) -> Deferred[Any]:
        return Deferred.fromCoroutine(tell(reactor, self.path, request))

    async def refused(self, **request: Any) -> str:
        with self.assertRaises(Refused) as raised:
            await self.tells(**request)
        return str(raised.exception)

    async def connects(self) -> Line:
        line = await UNIXClientEndpoint(reactor, self.path).connect(
            Factory.forProtocol(Line)
        )
        assert isinstance(line, Line)

        def leave() -> None:
            assert line.transport is not None
            line.transport.loseConnection()

        self.addCleanup(leave)
        return line

    def refuses(self, made: Control) -> str:
        """
        Let a socket not be made.
        """
        with self.assertRaises(BadSetting) as raised:
            made.startService()
        self.assertFalse(made.running)
        return str(raised.exception)


class RequestTests(ControlTestCase):
    """
    What can be asked and told.
    """

    def setUp(self) -> None:
        super().setUp()
        self.control.startService()

    async def test_list(self) -> None:
        """
        The list has all about the groups and their children.
        """
        child = evolve(CHILD, started=reactor.seconds() - 100)
        self.fleet.groups["mail"].children = [child, evolve(CHILD, pid=0, number=2)]
        mail, thumbs = await self.tells(do="list")
        first, second = mail.pop("children")
        self.assertEqual(
            mail,
            {
                "group": "mail",
                "count": 3,
                "min": None,
                "max": None,
                "held": False,
                "paused": False,
            },
        )
        age = first.pop("age")
        self.assertTrue(99 < age < 130, age)
        self.assertEqual(
            first,
            {
                "number": 1,
                "pid": 4711,
                "state": "ready",
                "started": child.started,
                "restarts": 2,
                "jobs": 17,
                "function": "mail",
                "handle": "H:x:1",
                "dedicated": "",
                "functions": ["mail", "a\\xff"],
            },
        )
        self.assertEqual((second["pid"], second["age"]), (0, 0.0))
        self.assertEqual(
            thumbs,
            {
                "group": "thumbs",
                "count": 4,
                "min": 0,
                "max": 9,
                "held": False,
                "paused": True,
                "children": [],
            },
        )

    async def test_scale(self) -> None:
        """
        A group is scaled; one that is autoscaled is held there, until it is resumed.
        """
        await self.tells(do="scale", group="mail", count=0)
        self.assertEqual(self.fleet.groups["mail"].told, [0])
        await self.tells(do="scale", group="thumbs", count=12)
        self.assertEqual(self.fleet.groups["thumbs"].told, [12])
        self.assertTrue((await self.tells(do="list"))[1]["held"])
        await self.tells(do="resume", group="thumbs")
        self.assertFalse((await self.tells(do="list"))[1]["held"])

    async def test_badCount(self) -> None:
        """
        What is no number of children is refused.
        """
        for count in None, "5", 1.5, True, [1]:
            said = await self.refused(do="scale", group="mail", count=count)
            self.assertEqual(said, f"count wants a whole number, not {count!r}")
        for group in "mail", "thumbs":
            said = await self.refused(do="scale", group=group, count=1001)
            self.assertEqual(said, "a group has from 0 to 1000 children")
        self.assertEqual(self.fleet.groups["mail"].told, [])
        self.assertFalse(self.fleet.autoscalings["thumbs"].held)

    async def test_pause(self) -> None:
        """
        A group is paused and resumed.
        """
        await self.tells(do="pause", group="mail")
        await self.tells(do="resume", group="mail")
        self.assertEqual(self.fleet.groups["mail"].told, ["pause", "resume"])
        self.assertEqual(self.fleet.groups["thumbs"].told, [])

    async def test_restart(self) -> None:
        """
        A group is restarted, or all are, and nobody waits for the end of it.
        """
        await self.tells(do="restart", group="mail")
        mail, thumbs = self.fleet.groups.values()
        self.assertEqual((mail.told, thumbs.told), (["restart"], []))
        await self.tells(do="restart")
        self.assertEqual((mail.told, thumbs.told), (2 * ["restart"], ["restart"]))
        mail.restarts[0].errback(RestartFailed("died"))

    async def test_wait(self) -> None:
        """
        Who wants to wait hears of the end, and of everything that went wrong.
        """
        mail, thumbs = self.fleet.groups.values()
        telling = self.tells(do="restart", wait=True)
        while not thumbs.restarts:
            await deferLater(reactor, 0)
        mail.restarts[0].callback(None)
        await self.tells(do="list")
        self.assertNoResult(telling)
        thumbs.restarts[0].callback(None)
        self.assertIsNone(await telling)

        refused = Deferred.fromCoroutine(self.refused(do="restart", wait=True))
        while len(thumbs.restarts) < 2:
            await deferLater(reactor, 0)
        thumbs.restarts[1].errback(RestartFailed("child 1 died"))
        mail.restarts[1].errback(RestartFailed("child 2 died"))
        self.assertEqual(
            await refused,
            "group mail did not restart: child 2 died; group thumbs did not restart:"
            " child 1 died",
        )

    async def test_unknown(self) -> None:
        """
        Groups and requests that there are not are refused, and named.
        """
        for do in "scale", "restart", "pause", "resume":
            for group in "nail", None, 3, ["mail"]:
                said = await self.refused(do=do, group=group, count=1)
                wanted = f"there is no group {group!r}; there are: mail, thumbs"
                self.assertEqual(said, wanted)
        others: list[Any] = ["stop", None, 7, {}]
        for what in others:
            said = await self.refused(do=what)
            self.assertEqual(
                said,
                f"there is no {what!r} to do; there are: list, scale, restart, pause,"
                " resume",
            )
        said = await self.refused(do="x" * 1000)
        self.assertLess(len(said), 200)

    async def test_fails(self) -> None:
        """
        What goes wrong in the master is logged there, and it answers all the same.
        """
        self.patch(FakeGroup, "pause", lambda group: 1 // 0)
        said = await self.refused(do="pause", group="mail")
        self.assertEqual(said, "it failed; the log says more")
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    async def test_many(self) -> None:
        """
        The answer may be far longer than a request.
        """
        children = [evolve(CHILD, number=n, handle="H" * 60) for n in range(1000)]
        for group in self.fleet.groups.values():
            group.children = children
        mail, thumbs = await self.tells(do="list")
        self.assertEqual(len(mail["children"]), 1000)
        self.assertEqual(len(thumbs["children"]), 1000)


class LineTests(ControlTestCase):
    """
    What comes over the socket.
    """

    def setUp(self) -> None:
        super().setUp()
        self.control.startService()

    async def test_nonsense(self) -> None:
        """
        What is no request is answered with an error, and the connection stays.
        """
        line = await self.connects()
        for said, wanted in (
            (b"\n", "a request is a line of JSON"),
            (b"\xff\n", "a request is a line of JSON"),
            (b"{'do': 1}\n", "a request is a line of JSON"),
            (b"[" * 60000 + b"\n", "a request is a line of JSON"),
            (b'["list"]\n', "a request is an object of JSON"),
            (b"null\r\n", "a request is an object of JSON"),
        ):
            await line.says(said)
            self.assertEqual(await line.hears(), {"error": wanted})
        await line.says(b'{"do": "list"}\n')
        self.assertEqual(len((await line.hears())["ok"]), 2)

    async def test_pieces(self) -> None:
        """
        Requests are lines, however they come, and are answered in their order.
        """
        line = await self.connects()
        await line.says(b'{"do": "pause", "gro')
        self.assertEqual(self.fleet.groups["mail"].told, [])
        await line.says(b'up": "mail"}\n{"do": "list"}\n[]\n')
        self.assertEqual(await line.hears(), {"ok": None})
        self.assertIn("ok", await line.hears())
        self.assertIn("error", await line.hears())

    async def test_order(self) -> None:
        """
        What follows a request that takes its time waits for it; other connections do
        not.
        """
        line, other = await self.connects(), await self.connects()
        restart = b'{"do": "restart", "group": "mail", "wait": true}\n'
        mail = self.fleet.groups["mail"]
        await line.says(restart + b'{"do": "pause", "group": "mail"}\n')
        while not mail.restarts:
            await deferLater(reactor, 0)
        await other.says(b'{"do": "resume", "group": "mail"}\n')
        self.assertEqual(await other.hears(), {"ok": None})
        self.assertEqual(mail.told, ["restart", "resume"])
        mail.restarts[0].callback(None)
        self.assertEqual(await line.hears(), {"ok": None})
        self.assertEqual(await line.hears(), {"ok": None})
        self.assertEqual(mail.told, ["restart", "resume", "pause"])

    async def test_leaves(self) -> None:
        """
        Somebody who leaves before the answer hurts nobody.
        """
        line = await self.connects()
        await line.says(b'{"do": "restart", "group": "mail", "wait": true}\n')
        mail = self.fleet.groups["mail"]
        while not mail.restarts:
            await deferLater(reactor, 0)
        assert line.transport is not None
        line.transport.loseConnection()
        self.assertIsNone(await line.hears())
        mail.restarts[0].callback(None)
        self.assertEqual(len(await self.tells(do="list")), 2)

    async def test_long(self) -> None:
        """
        A request has at most 64 KiB; whoever sends more is told, and is left.
        """
        line = await self.connects()
        request = b'{"do": "list"}'
        await line.says(request.ljust(LONGEST) + b"\n")
        self.assertIn("ok", await line.hears())
        for tooLong in request.ljust(LONGEST + 1) + b"\n", b"x" * (LONGEST + 10):
            line = await self.connects()
            await line.says(tooLong)
            said = {"error": "a request may have 65536 bytes"}
            self.assertEqual(await line.hears(), said)
            self.assertIsNone(await line.hears())

    async def test_stop(self) -> None:
        """
        When the master stops, everybody is left.
        """
        line = await self.connects()
        await line.says(b'{"do": "list"}\n')
        await line.hears()
        telling = self.tells(do="restart", wait=True)
        while not self.fleet.groups["thumbs"].restarts:
            await deferLater(reactor, 0)
        await (self.control.stopService() or succeed(None))
        self.assertIsNone(await line.hears())
        with self.assertRaisesRegex(ConnectionLost, "the gearman-worker went away"):
            await telling


class SocketTests(ControlTestCase):
    """
    The socket itself.
    """

    def test_permission(self) -> None:
        """
        Nobody but the owner may use it, not even at the moment when it is made.
        """
        bound: list[int] = []
        bind = socket.socket.bind

        class Watched(socket.socket):
            def bind(self, address: Any) -> None:
                bind(self, address)
                bound.append(stat.S_IMODE(os.stat(address).st_mode))

        before = os.umask(0)
        self.addCleanup(os.umask, before)
        self.patch(socket, "socket", Watched)
        self.control.startService()
        self.assertEqual(bound, [0o600])
        self.assertEqual(stat.S_IMODE(os.stat(self.path).st_mode), 0o600)
        # What the process makes otherwise is as ever.
        self.assertEqual(os.umask(0), 0)

    async def test_gone(self) -> None:
        """
        The socket is removed at the end, and can be made again.
        """
        for _ in range(2):
            self.control.startService()
            self.assertEqual(len(await self.tells(do="list")), 2)
            await (self.control.stopService() or succeed(None))
            self.assertEqual(os.listdir(self.folder), [])

    async def test_stale(self) -> None:
        """
        A socket that nobody listens on any more is replaced.
        """
        with socket.socket(socket.AF_UNIX) as left:
            left.bind(self.path)
        self.control.startService()
        self.assertEqual(len(await self.tells(do="list")), 2)

    async def test_living(self) -> None:
        """
        One that somebody listens on stays theirs.
        """
        self.control.startService()
        said = self.refuses(self.controlAt(self.path))
        wanted = f"another gearman-worker has the control socket {self.path}"
        self.assertEqual(said, wanted)
        self.assertEqual(len(await self.tells(do="list")), 2)

    def test_busy(self) -> None:
        """
        So does one that has no room for another connection.
        """
        with socket.socket(socket.AF_UNIX) as other:
            other.bind(self.path)
            other.listen(0)
            waiting = [socket.socket(socket.AF_UNIX) for _ in range(5)]
            for one in waiting:
                self.addCleanup(one.close)
                one.setblocking(False)
                with contextlib.suppress(BlockingIOError):
                    one.connect(self.path)
            said = self.refuses(self.controlAt(self.path))
        self.assertTrue(said.startswith("another gearman-worker"), said)
        self.assertTrue(os.path.exists(self.path))

    def test_otherFile(self) -> None:
        """
        What is no socket is not touched.
        """
        for path in self.folder / "file", self.folder / "folder", self.folder / "link":
            if path.name == "folder":
                path.mkdir()
            elif path.name == "link":
                path.symlink_to(self.folder / "file")
            else:
                path.write_text("mine")
            said = self.refuses(self.controlAt(str(path)))
            wanted = f"cannot make the control socket {path}: it is another file"
            self.assertEqual(said, wanted)
        self.assertEqual((self.folder / "file").read_text(), "mine")

    def test_noFolder(self) -> None:
        """
        A folder that is not there is an error of one line.
        """
        path = str(self.folder / "no" / "control.sock")
        self.assertEqual(
            self.refuses(self.controlAt(path)),
            f"cannot make the control socket {path}: No such file or directory",
        )

    async def test_tooLong(self) -> None:
        """
        A path that no socket can have is a clear error, on both sides.
        """
        path = str(self.folder / ("x" * 100))
        size = len(path)
        said = self.refuses(self.controlAt(path))
        wanted = f"the control socket's path may have 107 bytes, not {size}: {path}"
        self.assertEqual(said, wanted)
        self.path = path
        with self.assertRaises(BadSetting) as raised:
            await self.tells(do="list")
        self.assertEqual(str(raised.exception), wanted)
        longest = str(self.folder / ("x" * (107 - len(str(self.folder)) - 1)))
        self.controlAt(longest).startService()
        self.assertTrue(os.path.exists(longest))

    def test_nothing(self) -> None:
        """
        No path, and what can be none, is an error.
        """
        for path in "", "a\0b":
            said = self.refuses(self.controlAt(path))
            self.assertEqual(said, f"bad control socket {path!r}")

    async def test_relative(self) -> None:
        """
        A relative path stays what it was when the process changes its folder.
        """
        self.addCleanup(os.chdir, os.getcwd())
        os.chdir(self.folder)
        made = self.controlAt("control.sock")
        made.startService()
        os.chdir("/")
        self.assertEqual(len(await self.tells(do="list")), 2)
        await (made.stopService() or succeed(None))
        self.assertEqual(os.listdir(self.folder), [])

    async def test_removed(self) -> None:
        """
        When somebody removed the socket, the master stops all the same, and leaves one
        alone that is another's.
        """
        self.control.startService()
        os.unlink(self.path)
        other = self.controlAt(self.path)
        other.startService()
        await (self.control.stopService() or succeed(None))
        self.assertEqual(len(await self.tells(do="list")), 2)
        os.unlink(self.path)
        await (other.stopService() or succeed(None))
        self.assertEqual(os.listdir(self.folder), [])


class TellingTests(ControlTestCase):
    """
    Where nobody answers.
    """

    async def nobody(self) -> str:
        with self.assertRaises(NoMaster) as raised:
            await self.tells(do="list")
        return str(raised.exception)

    async def test_noMaster(self) -> None:
        """
        Who is not there is named, with the reason.
        """
        start = f"no gearman-worker is at {self.path}: "
        self.assertEqual(await self.nobody(), f"{start}No such file or directory")
        with socket.socket(socket.AF_UNIX) as left:
            left.bind(self.path)
        self.assertEqual(await self.nobody(), f"{start}Connection refused")

    async def test_cancel(self) -> None:
        """
        Whoever waits no more disconnects.
        """
        self.control.startService()
        telling = self.tells(do="restart", wait=True)
        while not self.fleet.groups["thumbs"].restarts:
            await deferLater(reactor, 0)
        telling.cancel()
        with contextlib.suppress(Exception):
            await telling
        self.assertEqual(len(await self.tells(do="list")), 2)

    def test_reason(self) -> None:
        """
        The longest path of a socket is that of Linux where that is.
        """
        self.assertIn(control._PATH, (103, 107))
