"""
Tests for L{txgearman.fleet.targets} and L{txgearman.fleet.importing}: what a target
is, and what is said of one that is none.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from textwrap import dedent
from typing import Any

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from txgearman.errors import BadSetting
from txgearman.fleet.observing import functionsOf
from txgearman.fleet.targets import Functions, Registration, load, restrict
from txgearman.worker.running import InReactor, Place
from txgearman.worker.worker import Worker

SERVER = "unix:/run/gearman"

WORKERS = """
    from twisted.internet.task import Clock
    from txgearman import Worker

    clock = Clock()
    ready = Worker(clock, "unix:/run/own", concurrency=3, namespace="shop-")
    ready.register("mail", lambda job: job.data, timeout=5)
    ready.register("print", lambda job: job.data)
    empty = Worker(clock, "unix:/run/own")
    running = Worker(clock, "unix:/run/own")
    running.register("mail", len)
    running.running = True
    number = 3

    class Mailer(Worker):
        def __init__(self, reactor, servers):
            super().__init__(reactor, servers)
            self.register("mail", len)

    class Nested:
        worker = ready

    def make(reactor, servers):
        global given
        given = servers
        worker = Worker(reactor, servers)
        worker.register("made", len)
        return worker

    def few():
        return ready

    def wrong(reactor, servers):
        return 3

    def failing(reactor, servers):
        raise LookupError("no such shop")
"""


class TargetTestCase(SynchronousTestCase):
    """
    A test with a folder that is the working directory, and Python's path as it was.
    """

    def setUp(self) -> None:
        folder = TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name).resolve()
        self.addCleanup(os.chdir, os.getcwd())
        os.chdir(self.folder)
        self.patch(sys, "path", list(sys.path))
        self.patch(sys, "modules", dict(sys.modules))
        self.patch(sys, "dont_write_bytecode", True)

    def writes(self, path: str, text: str) -> None:
        """
        Write a file.
        """
        file = self.folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(dedent(text))

    def functions(self, target: str) -> Mapping[str, Any]:
        """
        Load a target of functions.
        """
        found = load(target)
        assert isinstance(found, Functions)
        return found.functions

    def worker(self, target: str, servers: str | None = SERVER) -> Worker[Any]:
        """
        Make a target's worker.
        """
        return load(target).worker(Clock(), servers, 2)

    def refuses(self, target: str) -> str:
        """
        Load a target that cannot be used, and make its worker.

        @return: what is said.
        """
        with self.assertRaises(BadSetting) as caught:
            self.worker(target)
        said = str(caught.exception)
        self.assertNotIn("\n", said)
        return said


class ModuleTests(TargetTestCase):
    """
    Tests of modules.
    """

    def test_public(self) -> None:
        """
        The functions of a module are those that are defined in it, in order, but for
        those with an underscore; those in threads and processes, too.
        """
        self.writes(
            "shop/mail.py",
            """
            from os.path import join
            from txgearman import inThread, RunningJob

            def send(job): return b"sent"
            async def later(job): return b"later"
            def _quietly(job): pass
            slow = inThread(_quietly)
            _slower = slow
            limit = 3
            class Sender: pass
            """,
        )
        functions = self.functions("shop.mail")
        self.assertEqual(list(functions), ["send", "later", "slow"])
        self.assertEqual(functions["send"](None), b"sent")
        self.assertIsInstance(functions["slow"], Place)

    def test_mapping(self) -> None:
        """
        A mapping says what the functions are, under any names.
        """
        self.writes(
            "listed.py",
            """
            functions = {"send-mail": len, b"raw \\xff": str}
            def other(job): pass
            """,
        )
        self.assertEqual(
            self.functions("listed"), {"send-mail": len, "raw \udcff": str}
        )

    def test_worker(self) -> None:
        """
        A worker does them, for the servers of the fleet, as many jobs at once as is
        said.
        """
        self.writes("simple.py", "def send(job): pass")
        worker = self.worker("simple")
        self.assertEqual(functionsOf(worker), ["send"])
        self.assertEqual([server.name for server in worker._servers], [SERVER])
        self.assertEqual(worker._slots.count, 2)

    def test_called(self) -> None:
        """
        A function that is called C{functions} is a function.
        """
        self.writes("odd.py", "def functions(job): pass")
        self.assertEqual(list(self.functions("odd")), ["functions"])

    def test_package(self) -> None:
        """
        A package is a module, also where it is a folder of the same name.
        """
        self.writes("shop/__init__.py", "def send(job): pass")
        self.assertEqual(list(self.functions("shop")), ["send"])

    def test_importedOnce(self) -> None:
        """
        Python's path gets the working directory once.
        """
        self.writes("simple.py", "def send(job): pass")
        load("simple")
        load("simple")
        self.assertEqual(sys.path.count(str(self.folder)), 1)

    def test_absent(self) -> None:
        """
        A module that is not there is named, and one that it needs is, too.
        """
        self.assertEqual(self.refuses("absent"), "there is no module 'absent'")
        self.assertEqual(
            self.refuses("absent.mail"), "there is no module 'absent.mail'"
        )
        self.writes("shop/__init__.py", "\nimport absent")
        self.assertEqual(
            self.refuses("shop"),
            "shop cannot be imported: ModuleNotFoundError: No module named 'absent'"
            f" ({self.folder / 'shop' / '__init__.py'}, line 2)",
        )

    def test_noName(self) -> None:
        """
        What is no name of a module is not looked for.
        """
        for name in "", "shop mail", ".mail", "shop..mail", ":worker", "3":
            self.assertIn("is no module's name", self.refuses(name))

    def test_broken(self) -> None:
        """
        What goes wrong on import is said in one line, with the file and the line
        where it did.
        """
        inner = self.folder / "inner.py"
        self.writes("inner.py", "def fail():\n    raise ValueError('two\\nlines')\n")
        self.writes("raises.py", "import inner\ninner.fail()")
        self.writes("syntax.py", "x = 1\nx = = 1")
        self.writes("exits.py", "import sys\nsys.exit(3)")
        self.assertEqual(
            self.refuses("raises"),
            f"raises cannot be imported: ValueError: two lines ({inner}, line 2)",
        )
        self.assertEqual(
            self.refuses("syntax"),
            "syntax cannot be imported: SyntaxError: invalid syntax"
            f" ({self.folder / 'syntax.py'}, line 2)",
        )
        self.assertEqual(
            self.refuses("exits"),
            "exits cannot be imported: SystemExit: 3"
            f" ({self.folder / 'exits.py'}, line 2)",
        )

    def test_noFunctions(self) -> None:
        """
        A module has to have functions, and they have to be some.
        """
        self.writes("none.py", "x = 1")
        self.assertEqual(self.refuses("none"), "none has no functions")
        self.writes("empty.py", "functions = {}\ndef f(job): pass")
        self.assertEqual(self.refuses("empty"), "empty has no functions")
        self.writes("wrong.py", "functions = {'send': 3}")
        self.assertEqual(
            self.refuses("wrong"),
            "wrong: 'send' is of the type int, and no function",
        )
        for number, name in enumerate(["3", "''", "b''", "'a\\0b'"]):
            self.writes(f"names{number}.py", f"functions = {{{name}: len}}")
            self.assertIn("is no function's name", self.refuses(f"names{number}"))


class WorkerTests(TargetTestCase):
    """
    Tests of workers.
    """

    def setUp(self) -> None:
        super().setUp()
        self.writes("workers.py", WORKERS)

    def names(self, worker: Worker[Any]) -> list[str]:
        return [server.name for server in worker._servers]

    def test_ready(self) -> None:
        """
        A worker is taken as it is, but for its servers: those of the fleet hold, if
        it has any.
        """
        worker = self.worker("workers:ready")
        self.assertIs(worker, self.worker("workers:Nested.worker"))
        self.assertEqual(functionsOf(worker), ["shop-mail", "shop-print"])
        self.assertEqual(self.names(worker), [SERVER])
        self.assertEqual(worker._slots.count, 3)

    def test_own(self) -> None:
        """
        Without servers of the fleet it has its own.
        """
        worker = self.worker("workers:ready", None)
        self.assertEqual(self.names(worker), ["unix:/run/own"])

    def test_made(self) -> None:
        """
        What makes a worker is given the reactor and the servers; a class does, too.
        """
        clock = Clock()
        worker = load("workers:make").worker(clock, SERVER, 2)
        self.assertIs(worker._clock, clock)
        self.assertEqual(self.names(worker), [SERVER])
        self.assertEqual(sys.modules["workers"].given, SERVER)
        mailer = self.worker("workers:Mailer")
        self.assertEqual(type(mailer).__name__, "Mailer")
        self.assertEqual(self.names(mailer), [SERVER])

    def test_refused(self) -> None:
        """
        What is no worker, and makes none, is refused in words.
        """
        both = "with the reactor and the servers"
        rows = [
            ("absent", "there is no 'absent' in workers"),
            ("", "there is no '' in workers"),
            ("number", "workers:number is of the type int, and neither a Worker"),
            ("empty", "workers:empty has no functions"),
            ("running", "workers:running runs already; the fleet is to start it"),
            ("few", f"workers:few cannot be called {both}"),
            ("wrong", "workers:wrong makes of the type int, and no Worker"),
            ("failing", "workers:failing fails: LookupError: no such shop"),
        ]
        for name, said in rows:
            self.assertIn(said, self.refuses(f"workers:{name}"))

    def test_restrict(self) -> None:
        """
        A worker can be held to some of its functions, by their names on the wire.
        """
        worker = self.worker("workers:ready")
        restrict(worker, functionsOf(worker), ["shop-print"])
        self.assertEqual(functionsOf(worker), ["shop-print"])

    def test_restrictWrongly(self) -> None:
        """
        It cannot be held to what it does not do.
        """
        worker = self.worker("workers:ready")
        with self.assertRaises(BadSetting) as caught:
            restrict(worker, functionsOf(worker), ["mail"])
        self.assertEqual(
            str(caught.exception),
            "there is no function 'mail', only shop-mail, shop-print",
        )


class FolderTests(TargetTestCase):
    """
    Tests of folders.
    """

    def test_modules(self) -> None:
        """
        Each module is a function with the module's name, which may be anything, and
        is done by what is called C{run}, or as the module.
        """
        self.writes("jobs/resize.py", "def resize(job): return 1\ndef other(job): 0")
        self.writes("jobs/send-mail.py", "def run(job): return 2")
        self.writes("jobs/clean-up.py", "def clean_up(job): return 3")
        self.writes("jobs/shop.mail.py", "def run(job): return 4")
        self.writes("jobs/_shared.py", "raise ValueError")
        self.writes("jobs/.hidden.py", "raise ValueError")
        self.writes("jobs/notes.txt", "")
        done = {name: do(None) for name, do in self.functions("jobs").items()}
        self.assertEqual(
            done, {"clean-up": 3, "resize": 1, "send-mail": 2, "shop.mail": 4}
        )

    def test_named(self) -> None:
        """
        A folder is one by its slash, or since it is one; its modules belong to a
        package of its name, where processes find them.
        """
        self.writes("deep/jobs/resize.py", "def run(job): pass")
        for target in "deep/jobs", "deep/jobs/", "./deep/jobs":
            run = self.functions(target)["resize"]
            sys.modules.pop("jobs", None)
            self.assertEqual(run.__module__, "jobs.resize")
        self.writes("jobs/clean.py", "def run(job): pass")
        self.assertEqual(list(self.functions("jobs")), ["clean"])

    def test_shared(self) -> None:
        """
        The modules find those that are for them, in either way, once each.
        """
        self.writes("jobs/__init__.py", "here = 5")
        self.writes("jobs/_shared.py", "def value(): return 6")
        self.writes(
            "jobs/a.py", "from . import _shared, here, b\ndef run(job): return b"
        )
        self.writes("jobs/b.py", "import _shared\ndef run(job): return _shared.value()")
        functions = self.functions("jobs/")
        self.assertEqual(functions["b"](None), 6)
        self.assertIs(functions["a"](None).run, functions["b"])

    def test_hidesNothing(self) -> None:
        """
        Neither the folder nor a module in it takes the place of another module of
        that name, also when it is the working directory.
        """
        import email
        import json

        self.writes("json/email.py", "import email\ndef run(job): return email")
        self.writes("json/json.py", "import json\ndef run(job): return json")
        os.chdir("json")
        for first in "", str(self.folder / "json"):
            sys.path.insert(0, first)
            functions = self.functions(".")
            self.assertIs(functions["email"](None), email)
            self.assertIs(functions["json"](None), json)
        self.assertIs(sys.modules["json"], json)
        self.assertEqual(sys.path.count(str(self.folder / "json")), 1)

    def test_absent(self) -> None:
        """
        A folder that is not there, or has nothing to do, is named.
        """
        self.assertEqual(self.refuses("jobs/"), "jobs/: No such file or directory")
        self.writes("jobs/_only.py", "")
        self.assertEqual(self.refuses("jobs"), "there are no functions in jobs")

    def test_broken(self) -> None:
        """
        What is wrong with one of its modules is said with its file.
        """
        file = self.folder / "jobs" / "mail.py"
        rows = [
            ("", f"{file} has neither 'run' nor 'mail'"),
            ("run = 3", f"{file}: 'run' is of the type int, and no function"),
            ("\n1 / 0", f"{file} cannot be imported: ZeroDivisionError: division by"),
            ("import absent", f"No module named 'absent' ({file}, line 1)"),
            ("import jobs.no", f"No module named 'jobs.no' ({file}, line 1)"),
        ]
        for text, said in rows:
            self.writes("jobs/mail.py", text)
            for name in "jobs", "jobs.mail":
                sys.modules.pop(name, None)
            self.assertIn(said, self.refuses("jobs"))


def typed() -> None:
    """
    Each kind of target is a registration; for mypy alone.
    """
    _: list[Registration] = [Functions({"f": InReactor(lambda job: job.data)})]
