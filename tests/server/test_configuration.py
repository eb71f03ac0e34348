"""
Tests for L{txgearman.server.configuration}.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.server.pump import temporaryFolder
from txgearman.board.job import Priority
from txgearman.board.keys import KEYS, Cause, Value
from txgearman.board.named_schedule import NamedSchedule
from txgearman.board.policies import FunctionPolicy, Origin, Policies, Setting
from txgearman.board.policy import Policy
from txgearman.board.recurring import MOST
from txgearman.errors import BadSetting
from txgearman.server.configuration import (
    LIMITS,
    SCHEDULE,
    Configuration,
    readConfiguration,
)

DOCS = Path(__file__).parents[2] / "docs"

BAD: list[tuple[str, str]] = [
    # Sections
    ("function = 1", "function is no section; did you mean functions?"),
    ("[zzz]", "zzz is no section"),
    ('["a b"]', '"a b" is no section'),
    ("functions = 3", "functions wants a table, [functions], not 3"),
    ("results = []", "results wants a table, [results], not []"),
    ("[[schedules]]", "schedules wants a table, [schedules], not [{}]"),
    # Policies
    (
        '[functions."mail.*"]\natempts = 3',
        'functions."mail.*": atempts is no key of a policy; did you mean attempts?',
    ),
    ("[functions.f]\nAttempts = 3", "functions.f: Attempts is no key of a policy;"),
    ("[functions.f]\nretryOn = []", "functions.f: retryOn is no key of a policy;"),
    ("[functions.f]\nxyz = 3", "functions.f: xyz is no key of a policy"),
    ('[functions.f]\n"" = 3', 'functions.f: "" is no key of a policy'),
    (
        "[functions]\nattempts = 3",
        "functions.attempts wants a table, [functions.attempts], not 3",
    ),
    (
        "[functions.mail.send]\nattempts = 3",
        'functions.mail: a pattern with a dot stands in quotes, as [functions."mail.',
    ),
    ('[functions.""]', 'functions."": an empty pattern is that of no function'),
    ('[functions."a\\nb"]\nx = 1', 'functions."a\\nb": x is no key'),
    ('[functions."\\u2028"]\nx = 1', 'functions."\\u2028": x is no key'),
    (
        "[functions.f]\nattempts = -1",
        "functions.f: attempts wants a whole number of 0 or more, not -1",
    ),
    ("[functions.f]\nattempts = 1.5", "functions.f: attempts wants a whole number"),
    ("[functions.f]\nattempts = true", "functions.f: attempts wants a whole number"),
    ('[functions.f]\nattempts = "3"', "functions.f: attempts wants a whole number"),
    ('[functions.f]\npaused = "yes"', "functions.f: paused wants true or false"),
    ('[functions.f]\nttl = "90"', "functions.f: ttl wants seconds, as 90, 1.5 or 10m"),
    ('[functions.f]\nretry_on = "fail"', "functions.f: retry_on wants a list out"),
    ("[functions.f]\nttl = nan", "functions.f: ttl wants seconds"),
    ("[functions.f]\nttl = inf", "functions.f: ttl wants seconds"),
    ('[functions.f]\nttl = "5 weeks"', "functions.f: ttl wants seconds"),
    ("[functions.f]\nttl = 12:00:00", "functions.f: ttl wants seconds"),
    ("[functions.f]\nttl = 1999-12-31", "functions.f: ttl wants seconds"),
    ("[functions.f]\npaused = 1", "functions.f: paused wants true or false, not 1"),
    ("[functions.f]\nresult_limit = {}", "functions.f: result_limit wants bytes"),
    ("[functions.f]\nbackoff_jitter = 1.1", "functions.f: backoff_jitter wants"),
    ("[functions.f]\nbackoff_factor = 0.9", "functions.f: backoff_factor wants"),
    ('[functions.f]\nretry_on = ["never"]', "functions.f: retry_on wants a list out"),
    ("[functions.f]\nretry_on = [1]", "functions.f: retry_on wants a list out of"),
    ("[functions.f]\nretry_on = true", "functions.f: retry_on wants a list out of"),
    (f"[functions.f]\nbackoff_factor = 1{'0' * 400}", "functions.f: "),
    (f"[functions.f]\nattempts = 0x{'f' * 9000}", "functions.f: "),
    (f"functions = 0x{'f' * 9000}", "Exceeds the limit"),
    # What is left of jobs
    ("[dead_letters]\ncounts = 1", "dead_letters: counts is no key; did you mean"),
    ("[dead_letters]\ncount = 0", "dead_letters: count wants more than 0"),
    ("[dead_letters]\ncount = -1", "dead_letters: count wants a whole number"),
    ('[dead_letters]\nbytes = "64X"', "dead_letters: bytes wants bytes"),
    ("[dead_letters]\nage = []", "dead_letters: age wants seconds, as 90, 1.5 or"),
    ("[results]\nage = 1", "results: age is no key"),
    ("[results]\nbytes = 1.5", "results: bytes wants bytes, as 4096 or 64M, not 1.5"),
    # Schedules
    ("[schedules.s]\nevery = 5", "schedules.s: it lacks a function"),
    (
        '[schedules.s]\nfunction = "f"',
        "schedules.s: it takes either cron or every",
    ),
    (
        '[schedules.s]\nfunction = "f"\ncron = "@daily"\nevery = 5',
        "schedules.s: it takes either cron or every",
    ),
    (
        '[schedules.s]\nfunctions = "f"',
        "schedules.s: functions is no key of a schedule; did",
    ),
    ("[schedules.s]\nfunction = 1", "schedules.s: function wants text in quotes,"),
    ('[schedules.s]\nfunction = ""\nevery = 5', "schedules.s: bad function b''"),
    ("[schedules.s]\ndata = 1", "schedules.s: data wants text in quotes, not 1"),
    ("[schedules.s]\npriority = 1", "schedules.s: priority wants one of high, normal"),
    ('[schedules.s]\npriority = "top"', "schedules.s: priority wants one of high, nor"),
    ("[schedules.s]\npriority = []", "schedules.s: priority wants one of high, nor"),
    ("[schedules.s]\noverlap = 2", "schedules.s: overlap wants true or false"),
    ('[schedules.s]\nevery = "soon"', "schedules.s: every wants seconds"),
    ('[schedules.s]\nfunction = "f"\nevery = 0.1', "schedules.s: bad every 0.1"),
    (
        '[schedules.s]\nfunction = "f"\nevery = 5\nmissed = "never"',
        "schedules.s: bad missed 'never': there are skip, once, all",
    ),
    (
        '[schedules.s]\nfunction = "f"\ncron = "0 0 31 2 *"',
        "schedules.s: bad cron expression '0 0 31 2 *'",
    ),
    (
        '[schedules.s]\nfunction = "f"\ncron = "@daily"\nzone = "Mars/Base"',
        "schedules.s: bad zone 'Mars/Base'",
    ),
    (
        '[schedules.s]\nfunction = "f"\nevery = 5\nzone = "UTC"',
        "schedules.s: zone goes with cron",
    ),
    ('[schedules."a b"]\nfunction = "f"\nevery = 5', 'schedules."a b": bad name of'),
    ("schedules.s = 3", "schedules.s wants a table, [schedules.s], not 3"),
    # No TOML
    ("[functions.f]\nttl = \n", "Invalid value (at line 2, column 7)"),
    ("[functions.f]\nttl = 1\nttl = 2\n", "Cannot overwrite a value (at line 3, "),
    ("a = " + "[" * 100_000, "it is nested too deeply"),
    (f"a = {'9' * 10_000}", "Exceeds the limit"),
    ("\0", "Invalid statement (at line 1, column 1)"),
]
"""Files, and how the complaints about them begin, behind the file's name."""

anything = settings(max_examples=80, deadline=None, derandomize=True, database=None)


class ConfigurationTests(SynchronousTestCase):
    """
    Files that a job server reads.
    """

    def setUp(self) -> None:
        self.path = temporaryFolder(self) / "gearman.toml"

    def read(self, text: str | bytes) -> Configuration:
        data = text.encode() if isinstance(text, str) else text
        self.path.write_bytes(data)
        return readConfiguration(str(self.path))

    def refuses(self, text: str | bytes) -> str:
        """
        Check that a file is refused.

        @return: the line that says why, without the file's name.
        """
        with self.assertRaises(BadSetting) as raised:
            self.read(text)
        said = str(raised.exception)
        self.assertEqual(len(said.splitlines()), 1, said)
        name, colon, why = said.partition(": ")
        self.assertEqual((name, colon), (str(self.path), ": "))
        return why

    def policy(self, text: str, name: bytes) -> FunctionPolicy:
        """
        Find what holds for a function.
        """
        policies = Policies()
        policies.configure(self.read(text).settings)
        return policies.of(name)

    def test_empty(self) -> None:
        """
        A file need not say anything, nor a section.
        """
        for text in "", "# Nothing\n", "[functions]\n[dead_letters]\n", "[functions.f]":
            self.assertEqual(self.read(text), Configuration(), text)

    def test_bad(self) -> None:
        """
        What cannot be is said in a line that begins with the file's name, and names
        section and key.
        """
        for text, complaint in BAD:
            said = self.refuses(text)
            self.assertTrue(said.startswith(complaint), said)

    def test_wholeLine(self) -> None:
        """
        Such a line says what may have been meant.
        """
        said = self.refuses('[functions."mail.*"]\natempts = 3')
        self.assertEqual(
            said,
            'functions."mail.*": atempts is no key of a policy; did you mean attempts?',
        )

    def test_everyKey(self) -> None:
        """
        No key of a policy takes a table or a date, and the complaint names the key.
        """
        for key in KEYS:
            for value in "{a = 1}", "1999-12-31T23:59:59Z", "nan", "[[]]":
                said = self.refuses(f"[functions.f]\n{key} = {value}")
                self.assertTrue(said.startswith(f"functions.f: {key} wants "), said)

    def test_notUTF8(self) -> None:
        """
        A file that is not in UTF-8 is refused, with the line.
        """
        self.assertEqual(
            self.refuses(b"[functions]\n[functions.'\xff']\n"), "line 2 is not in UTF-8"
        )

    def test_unreadable(self) -> None:
        """
        So is one that is not there, or no file.
        """
        folder = str(self.path.parent)
        for path, why in [
            (str(self.path), "No such file or directory"),
            (folder, "Is a directory"),
            ("", "No such file or directory"),
            (f"{folder}/\0", "embedded null byte"),
        ]:
            with self.assertRaises(BadSetting) as raised:
                readConfiguration(path)
            self.assertEqual(str(raised.exception), f"{path}: {why}")

    def test_settings(self) -> None:
        """
        Settings are those of the file, in its order.
        """
        said = self.read(
            '[functions."mail.*"]\nttl = "10m"\nattempts = 3\n'
            '[functions."*"]\nqueue_bytes = "64M"\nretry_on = ["lost", "fail"]\n'
            "[functions.f]\nttl = 1.5\npaused = true\n"
        )
        found = [(one.pattern, one.key, one.value) for one in said.settings]
        self.assertEqual(
            found,
            [
                (b"mail.*", "ttl", 600.0),
                (b"mail.*", "attempts", 3),
                (b"*", "queue_bytes", 64 * 1024**2),
                (b"*", "retry_on", frozenset({Cause.FAIL, Cause.LOST})),
                (b"f", "ttl", 1.5),
                (b"f", "paused", True),
            ],
        )
        self.assertEqual({one.origin for one in said.settings}, {Origin.CONFIG})

    def test_policies(self) -> None:
        """
        Of the patterns that a name matches, the later one goes before the earlier, key
        by key.
        """
        text = '[functions."*"]\nttl = 1\nrate = 5\n[functions."m*"]\nttl = 2\n'
        self.assertEqual(self.policy(text, b"f").ttl, 1.0)
        policy = self.policy(text, b"mail")
        self.assertEqual((policy.ttl, policy.rate), (2.0, 5.0))

    def test_unicode(self) -> None:
        """
        A pattern stands for its bytes in UTF-8.
        """
        text = "[functions.'\N{SNOWMAN}?']\nttl = 1\n"
        self.assertEqual(self.policy(text, b"\xe2\x98\x83x").ttl, 1.0)
        self.assertEqual(self.policy(text, b"\xe2\x98\x83").ttl, 0.0)

    def test_limits(self) -> None:
        """
        What is said of dead letters and results is put into a policy; what is not said
        stays.
        """
        policy = Policy(attempts=3, handlePrefix=b"H", resultsLimit=5)
        self.assertEqual(self.read("").limiting(policy), policy)
        said = self.read(
            '[dead_letters]\ncount = 10\nbytes = "1M"\nage = "2d"\n'
            "[results]\nbytes = 4096\n"
        )
        self.assertEqual(
            said.limiting(policy),
            Policy(
                attempts=3,
                handlePrefix=b"H",
                deadLimit=10,
                deadBytes=1024**2,
                deadAge=172800.0,
                resultsLimit=5,
                resultsBytes=4096,
            ),
        )

    def test_schedules(self) -> None:
        """
        Schedules are those of the file, in its order.
        """
        said = self.read(
            '[schedules.b]\nfunction = "f"\nevery = "5m"\n'
            '[schedules.a]\nfunction = "\N{SNOWMAN}"\ndata = "x\\u0000"\nunique = "u"\n'
            'priority = "high"\ncron = "30 2 * * *"\nzone = "Europe/Berlin"\n'
            'missed = "all"\noverlap = true\n'
        )
        self.assertEqual(
            said.schedules,
            (
                NamedSchedule("b", b"f", every=300.0),
                NamedSchedule(
                    "a",
                    b"\xe2\x98\x83",
                    data=b"x\0",
                    unique=b"u",
                    priority=Priority.HIGH,
                    cron="30 2 * * *",
                    zone="Europe/Berlin",
                    missed="all",
                    overlap=True,
                ),
            ),
        )

    def test_tooManySchedules(self) -> None:
        """
        There may not be more of them than a board takes.
        """
        lines = [f'{n} = {{function = "f", every = 5}}' for n in range(MOST + 1)]
        said = self.refuses("\n".join(["[schedules]", *lines]))
        self.assertEqual(said, f"there may be {MOST} schedules, not {MOST + 1}")


def written(value: object) -> str:
    """
    Write a value as TOML has it.
    """
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    if isinstance(value, list):
        return f"[{', '.join(written(one) for one in value)}]"
    return str(value).lower()


KINDS: dict[type, st.SearchStrategy[Any]] = {
    bool: st.booleans(),
    int: st.integers(0, 2**53),
    float: st.floats(0, 2**53),
    frozenset: st.frozensets(st.sampled_from(Cause)),
}
VALUES: dict[str, st.SearchStrategy[Any]] = {
    **{
        key.name: KINDS[type(getattr(FunctionPolicy(), key.attribute))]
        for key in KEYS.values()
    },
    "backoff_factor": st.floats(1, 2**53),
    "backoff_jitter": st.floats(0, 1),
    "rate": st.floats(0, 2**53),
    "result_limit": st.integers(0, 16 * 1024**2),
}
WORDS = ("functions", "results", "count", "dead_letters", "age", "f", "schedules")
NAMES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1)


@st.composite
def policies(draw: st.DrawFn) -> dict[str, Value]:
    """
    Some keys, and values for them.
    """
    keys = draw(st.lists(st.sampled_from(list(KEYS)), unique=True))
    return {key: draw(VALUES[key]) for key in keys}


class AnythingTests(SynchronousTestCase):
    """
    Whatever a file may say.
    """

    def setUp(self) -> None:
        self.path = temporaryFolder(self) / "gearman.toml"

    @anything
    @given(st.dictionaries(NAMES, policies()))
    def test_settings(self, functions: dict[str, dict[str, Value]]) -> None:
        """
        What is written into a file is read out of it.
        """
        wanted = [
            Setting(pattern.encode(), key, value, Origin.CONFIG)
            for pattern, section in functions.items()
            for key, value in section.items()
        ]
        lines = []
        for pattern, section in functions.items():
            lines.append(f"[functions.{written(pattern)}]")
            lines += [
                f"{key} = {written(KEYS[key].plain(value))}"
                for key, value in section.items()
            ]
        self.path.write_text("\n".join(lines), "utf-8", newline="\n")
        said = readConfiguration(str(self.path))
        self.assertEqual(list(said.settings), wanted)

    @anything
    @given(
        st.binary()
        | st.text().map(str.encode)
        | st.recursive(
            st.sampled_from(
                ["1", "true", "''", "'f'", "[]", "{}", "nan", "1979-05-27", "0x1"]
            ),
            lambda inner: st.dictionaries(
                st.sampled_from([*WORDS, *SCHEDULE, *KEYS]),
                inner,
            ).map(lambda t: "{" + ", ".join(f"{k} = {v}" for k, v in t.items()) + "}"),
        ).map(lambda text: f"functions = {text}\nschedules.s = {text}".encode())
    )
    def test_nothingElse(self, data: bytes) -> None:
        """
        Whatever is in a file, it is read or refused in one line.
        """
        self.path.write_bytes(data)
        try:
            readConfiguration(str(self.path))
        except BadSetting as error:
            self.assertEqual(len(str(error).splitlines()), 1, str(error))


class DocumentationTests(SynchronousTestCase):
    """
    What users are told of it.
    """

    def setUp(self) -> None:
        self.text = (DOCS / "policies.md").read_text("utf-8")

    def rows(self, heading: str) -> list[list[str]]:
        """
        Read the table under a heading.
        """
        section = self.text.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
        lines = [line for line in section.splitlines() if line.startswith("|")]
        rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines]
        return rows[2:]

    def test_keys(self) -> None:
        """
        The table has all keys, each with its default.
        """
        rows = self.rows("Keys")
        self.assertEqual([row[0].strip("`") for row in rows], list(KEYS))
        default = FunctionPolicy()
        for name, value, *_ in rows:
            key = KEYS[name.strip("`")]
            attribute = getattr(default, key.attribute)
            self.assertEqual(value.strip("`"), key.write(attribute), name)

    def test_limits(self) -> None:
        """
        So has the one of what is left of jobs.
        """
        policy = Policy()
        wanted = [
            (f"`[{section}]`", f"`{name}`", key.check(getattr(policy, attribute)))
            for section, keys in LIMITS.items()
            for name, (attribute, key) in keys.items()
        ]
        found = [
            (section, name, LIMITS[section[2:-2]][name[1:-1]][1].read(value.strip("`")))
            for section, name, value, *_ in self.rows("Dead letters and results")
        ]
        self.assertEqual(found, wanted)

    def test_example(self) -> None:
        """
        The example can be read, says something of everything, and the page has it.
        """
        said = readConfiguration(str(DOCS / "gearman.toml"))
        self.assertEqual({one.key for one in said.settings}, set(KEYS) - MINOR)
        attributes = {name for keys in LIMITS.values() for name, _ in keys.values()}
        self.assertEqual(set(said.limits), attributes)
        self.assertEqual({one.name for one in said.schedules}, {"cleanup", "poll"})
        self.assertIn("(gearman.toml)", self.text)

    def test_pieces(self) -> None:
        """
        So can the shorter ones, here and where the project is introduced.
        """
        path = temporaryFolder(self) / "piece.toml"
        for page in DOCS / "policies.md", DOCS.parent / "README.md":
            pieces = re.findall("(?s)```toml\n(.*?)```", page.read_text("utf-8"))
            self.assertTrue(pieces, page)
            for piece in pieces:
                path.write_text(piece, "utf-8")
                said = readConfiguration(str(path))
                self.assertNotEqual(said, Configuration())

    def test_defaults(self) -> None:
        """
        The limits that it gives are those that hold anyway, as it says.
        """
        said = readConfiguration(str(DOCS / "gearman.toml"))
        self.assertEqual(said.limiting(Policy()), Policy())


MINOR = {"backoff_max"}
"""Keys that need no example."""
