"""
Tests for L{txgearman.server.options}.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Sequence
from io import StringIO
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.server.pump import temporaryFolder
from txgearman import __version__
from txgearman.board.policies import Origin, Setting
from txgearman.board.policy import Policy, defaultHandlePrefix
from txgearman.connection.sockets import Keepalive
from txgearman.server.options import Options, readSize
from txgearman.server.settings import Settings
from txgearman.stores.sqlite.store import SQLiteStore
from txgearman.wire.codec import Limits
from txgearman.wire.packets import PORT

GOOD: list[tuple[str, str, object]] = [
    ("port", "0", 0),
    ("port", "4731", 4731),
    ("port", "65535", 65535),
    ("backlog", "1", 1),
    ("backlog", "5000", 5000),
    ("drain-timeout", "0", 0.0),
    ("drain-timeout", "1.5", 1.5),
]
"""Options that are read back as they are, what they are given, and the value."""

POLICIES: list[tuple[Sequence[str], Policy]] = [
    ((), Policy(attempts=0, wakeup=1, wakeupDelay=2.0, exceptions=False)),
    (("--job-retries", "-1"), Policy(attempts=0)),
    (("--job-retries", "0"), Policy(attempts=1)),
    (("--job-retries=1",), Policy(attempts=1)),
    (("-j", "3"), Policy(attempts=3)),
    (("-j255",), Policy(attempts=255)),
    (("--worker-wakeup", "0"), Policy(wakeup=0)),
    (("-w", "7"), Policy(wakeup=7)),
    (("--wakeup-delay", "0.1"), Policy(wakeupDelay=0.1)),
    (("--exceptions",), Policy(exceptions=True)),
    (("--round-robin",), Policy()),
    (("-R",), Policy()),
    (("--job-handle-prefix", "H:example"), Policy(handlePrefix=b"H:example")),
    (("--job-handle-prefix", "\N{SNOWMAN}"), Policy(handlePrefix=b"\xe2\x98\x83")),
]
"""Command lines, and what they mean for jobs."""

SETTINGS: list[tuple[Sequence[str], Settings]] = [
    ((), Settings()),
    (("--max-packet", "1000"), Settings(limits=Limits(packet=1000))),
    (("--max-packet", "2k"), Settings(limits=Limits(packet=2048))),
    (("--max-connections", "50"), Settings(maxConnections=50)),
    (("--max-connections", "0"), Settings(maxConnections=0)),
    (("--stall-timeout", "7.5"), Settings(stallTimeout=7.5)),
    (("--keepalive",), Settings(keepalive=Keepalive(-1, -1, -1))),
    (("--keepalive-idle", "5"), Settings(keepalive=None)),
    (
        ("--keepalive", "--keepalive-idle=5", "--keepalive-interval=6"),
        Settings(keepalive=Keepalive(idle=5, interval=6, count=-1)),
    ),
    (("--keepalive", "--keepalive-count=7"), Settings(keepalive=Keepalive(count=7))),
]
"""Command lines, and what they mean for connections."""

BAD: list[tuple[str, Sequence[str]]] = [
    ("port", ["", "x", "-1", "65536", "4730.5", "1e3", "nan"]),
    ("job-retries", ["", "x", "-2", "256", "1.5"]),
    ("worker-wakeup", ["", "x", "-1", "0.5"]),
    ("wakeup-delay", ["", "x", "0", "-1", "nan"]),
    ("keepalive-idle", ["", "x", "-2", "1.5"]),
    ("keepalive-interval", ["", "x", "-2", "1.5"]),
    ("keepalive-count", ["", "x", "-2", "1.5"]),
    ("backlog", ["", "x", "0", "-1", "1.5"]),
    ("busy-poll", ["", "x", "-1", "1.5", "1001"]),
    ("max-packet", ["", "x", "0", "-1", "1.5M", "K", "M1", "4G", "4294967296", "1T"]),
    ("max-connections", ["", "x", "-1", "0.5"]),
    ("drain-timeout", ["", "x", "-1", "nan"]),
    ("stall-timeout", ["", "x", "0", "0.9", "nan"]),
]
"""Options, and what they must not be given."""


class OptionsTests(SynchronousTestCase):
    """
    What C{twistd gearman} is told.
    """

    def setUp(self) -> None:
        self.patch(os, "environ", {})

    def parse(self, *words: str) -> Options:
        options = Options()
        options.parseOptions(list(words))
        return options

    def refuses(self, *words: str) -> str:
        """
        Check that a command line ends the process.

        @return: the line that says why.
        """
        with self.assertRaises(SystemExit) as raised:
            self.parse(*words)
        said = raised.exception.code
        assert isinstance(said, str), words
        self.assertTrue(said.startswith("gearman: "), said)
        self.assertNotIn("\n", said)
        return said

    def test_defaults(self) -> None:
        """
        Nothing has to be said.
        """
        options = self.parse()
        self.assertEqual(options["port"], PORT)
        self.assertEqual(PORT, 4730)
        self.assertEqual(options.hosts, [])
        self.assertEqual(options.descriptions, [])
        self.assertEqual(options["backlog"], 1024)
        self.assertEqual(options["drain-timeout"], 60.0)
        self.assertEqual(options.policy, Policy())
        self.assertEqual(options.settings, Settings())

    def test_values(self) -> None:
        """
        Values are numbers within bounds.
        """
        for name, text, value in GOOD:
            self.assertEqual(self.parse(f"--{name}", text)[name], value, text)
            self.assertEqual(self.parse(f"--{name}={text}")[name], value, text)

    def test_policy(self) -> None:
        """
        Some options are about jobs.
        """
        for words, policy in POLICIES:
            self.assertEqual(self.parse(*words).policy, policy, words)

    def test_settings(self) -> None:
        """
        Others are about connections.
        """
        for words, settings in SETTINGS:
            self.assertEqual(self.parse(*words).settings, settings, words)

    def test_bad(self) -> None:
        """
        A value that cannot be used ends the process with a line that names the
        option.
        """
        for name, texts in BAD:
            for text in texts:
                said = self.refuses(f"--{name}={text}")
                self.assertIn(f"--{name}", said, repr(text))

    def test_badHandlePrefix(self) -> None:
        """
        So does a prefix that no handle can have.
        """
        for text in "", "two words", "tab\t", "x" * 43, "\udcff":
            said = self.refuses(f"--job-handle-prefix={text}")
            self.assertIn("handle", said, repr(text))
            self.assertIn("--job-handle-prefix", said, repr(text))

    def test_line(self) -> None:
        """
        The line says what would be right.
        """
        for word, wanted in [
            ("--port=x", "gearman: --port: 'x' is not a number from 0 to 65535"),
            ("--backlog=0", "gearman: --backlog: '0' is not a number of 1 or more"),
            (
                "--max-packet=5G",
                "gearman: --max-packet: '5G' is not a size from 1 to 4294967295 bytes",
            ),
        ]:
            self.assertEqual(self.refuses(word), wanted)

    def test_unknown(self) -> None:
        """
        So does a word that is no option, and an option that lacks its value.
        """
        for words in [
            ("--nonsense",),
            ("-z",),
            ("--port",),
            ("-p",),
            ("--exceptions=yes",),
            ("argument",),
            ("--port", "4731", "argument"),
        ]:
            said = self.refuses(*words)
            self.assertIn(words[-1].partition("=")[0].lstrip("-"), said)

    def test_keepaliveTimes(self) -> None:
        """
        A time for keepalive that is accepted is one that a socket takes.
        """
        with socket.socket() as tcp:
            for name, option in [
                ("idle", "TCP_KEEPIDLE"),
                ("interval", "TCP_KEEPINTVL"),
                ("count", "TCP_KEEPCNT"),
            ]:
                for text in "1", "100", "0", "128", "32768", "99999999999":
                    try:
                        options = self.parse(
                            "--keepalive", f"--keepalive-{name}={text}"
                        )
                    except SystemExit:
                        continue
                    value = getattr(options.settings.keepalive, name)
                    try:
                        number = getattr(socket, option)
                        tcp.setsockopt(socket.IPPROTO_TCP, number, value)
                    except (OSError, OverflowError) as error:
                        self.fail(f"--keepalive-{name}={text}: {error}")

    def test_listen(self) -> None:
        """
        There may be several addresses to listen on.
        """
        options = self.parse("--listen", "127.0.0.1", "-L", "::1", "--listen=localhost")
        self.assertEqual(options.hosts, ["127.0.0.1", "::1", "localhost"])
        self.assertEqual(options["port"], PORT)

    def test_endpoint(self) -> None:
        """
        There may be several endpoints; then there is no TCP port but those
        they name.
        """
        options = self.parse("--endpoint", "unix:/run/g", "--endpoint=tcp:1")
        self.assertEqual(options.descriptions, ["unix:/run/g", "tcp:1"])
        self.assertIsNone(options["port"])
        self.patch(os, "environ", {"GEARMAND_PORT": "4731"})
        self.assertIsNone(self.parse("--endpoint", "unix:/run/g")["port"])

    def test_endpointAndPort(self) -> None:
        """
        Unless a port or an address is given as well.
        """
        options = self.parse("--endpoint", "unix:/run/g", "--port", "4731")
        self.assertEqual(options["port"], 4731)
        options = self.parse("--endpoint", "unix:/run/g", "--listen", "127.0.0.1")
        self.assertEqual(options["port"], PORT)

    def test_environment(self) -> None:
        """
        The port may come from the environment, if it is not given.
        """
        self.patch(os, "environ", {"GEARMAND_PORT": "4731"})
        self.assertEqual(self.parse()["port"], 4731)
        self.assertEqual(self.parse("--listen", "::1")["port"], 4731)
        self.assertEqual(self.parse("--port", "4732")["port"], 4732)
        self.patch(os, "environ", {"GEARMAND_PORT": ""})
        self.assertEqual(self.parse()["port"], PORT)

    def test_badEnvironment(self) -> None:
        """
        A port from the environment that is none ends the process, and the line
        names where it comes from.
        """
        self.patch(os, "environ", {"GEARMAND_PORT": "gearman"})
        said = self.refuses()
        self.assertIn("'gearman'", said)
        self.assertIn("GEARMAND_PORT", said)
        self.assertEqual(self.parse("--port", "4732")["port"], 4732)

    def test_version(self) -> None:
        """
        The version is printed, and that is all.
        """
        for word in "--version", "-V":
            output = StringIO()
            self.patch(__import__("sys"), "stdout", output)
            with self.assertRaises(SystemExit) as raised:
                self.parse(word)
            self.assertEqual(raised.exception.code, 0)
            self.assertEqual(output.getvalue(), f"txgearman {__version__}\n")

    def test_help(self) -> None:
        """
        Every option says what it is for.
        """
        text = " ".join(str(Options()).split())
        listed: Any = [*Options.optFlags, *Options.optParameters]
        for name, *_, described in listed:
            self.assertIn(f"--{name}", text)
            self.assertIn(" ".join(described.split()), text)
        for name in "listen", "endpoint", "version", "help":
            self.assertIn(f"--{name}", text)
            self.assertTrue(getattr(Options, f"opt_{name}").__doc__)
        self.assertIn("SIGUSR1", text)
        with self.assertRaises(SystemExit) as raised:
            self.patch(__import__("sys"), "stdout", StringIO())
            self.parse("--help")
        self.assertIn(raised.exception.code, (0, None))

    def test_gearmandsNames(self) -> None:
        """
        Options of gearmand have its letters.
        """
        options = self.parse(
            "-p", "1", "-j", "2", "-w", "3", "-b", "4", "-L", "::1", "-R"
        )
        self.assertEqual(options["port"], 1)
        self.assertEqual(options.policy, Policy(attempts=2, wakeup=3))
        self.assertEqual(options["backlog"], 4)
        self.assertEqual(options.hosts, ["::1"])

    def test_separate(self) -> None:
        """
        Two command lines know nothing of each other.
        """
        self.parse("--listen", "::1", "--endpoint", "tcp:1")
        options = self.parse()
        self.assertEqual((options.hosts, options.descriptions), ([], []))

    def test_handlePrefix(self) -> None:
        """
        Handles start with the name of the host unless something else is said.
        """
        self.assertEqual(self.parse().policy.handlePrefix, defaultHandlePrefix())

    def test_store(self) -> None:
        """
        Jobs are kept where the option says; by default nowhere.
        """
        for words in (), ("--store", "memory:"), ("--store=memory:",):
            self.assertIsNone(self.parse(*words).store, words)
        store = self.parse("--store", "sqlite:/nowhere/jobs").store
        self.assertIsInstance(store, SQLiteStore)

    def test_storeOfEnvironment(self) -> None:
        """
        The store may be in the environment, where not everybody can read it; the
        command line goes first.
        """
        self.patch(os, "environ", {"TXGEARMAN_STORE": "sqlite:/nowhere/jobs"})
        self.assertIsInstance(self.parse().store, SQLiteStore)
        self.assertIsNone(self.parse("--store=memory:").store)
        self.patch(os, "environ", {"TXGEARMAN_STORE": "nowhere:"})
        self.assertIn("TXGEARMAN_STORE: bad store", self.refuses())

    def test_badStore(self) -> None:
        """
        A store that there is not ends the process with a line, without what may be
        a password.
        """
        for url in (
            "",
            "memory",
            "memory:x",
            "sqlite",
            "nonsense:x",
            "oracle://user:secret@host/base",
            "/var/jobs",
        ):
            said = self.refuses("--store", url)
            self.assertNotIn("secret", said)
            self.assertNotIn("Traceback", said)

    def test_config(self) -> None:
        """
        A file says what else is decided; there need not be one.
        """
        self.assertIsNone(self.parse().configuration)
        path = temporaryFolder(self) / "gearman.toml"
        path.write_text("[functions.f]\nttl = 5\n[results]\ncount = 7\n")
        options = self.parse("--config", str(path), "--job-retries=3")
        configuration = options.configuration
        assert configuration is not None
        self.assertEqual(
            configuration.settings, (Setting(b"f", "ttl", 5.0, Origin.CONFIG),)
        )
        self.assertEqual(configuration.limits, {"resultsLimit": 7})
        self.assertEqual(options.policy, Policy(attempts=3))

    def test_badConfig(self) -> None:
        """
        What is wrong with it ends the process with a line.
        """
        path = temporaryFolder(self) / "gearman.toml"
        said = self.refuses("--config", str(path))
        self.assertEqual(said, f"gearman: --config: {path}: No such file or directory")
        path.write_text("[functions.f]\natempts = 5\n")
        said = self.refuses("--config", str(path))
        self.assertTrue(said.endswith("did you mean attempts?"), said)


class SizeTests(SynchronousTestCase):
    """
    Numbers of bytes.
    """

    def test_units(self) -> None:
        """
        A number may have a unit, large or small.
        """
        for text, size in [
            ("1", 1),
            ("65536", 65536),
            ("4294967295", 2**32 - 1),
            ("1K", 1024),
            ("1k", 1024),
            ("64M", 64 * 1024**2),
            ("3g", 3 * 1024**3),
            ("007", 7),
        ]:
            self.assertEqual(readSize(text), size, text)

    def test_bad(self) -> None:
        """
        Anything else is refused.
        """
        for text in [
            *("", " ", "0", "0K", "-1", "+1", "1.5M", "K", "1KB", "1 K", "0x10", "1_0"),
            *("4294967296", "4G", "9" * 5000, "\N{SUPERSCRIPT TWO}", "1\n"),
        ]:
            with self.assertRaises(ValueError):
                readSize(text)
