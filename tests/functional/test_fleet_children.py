"""
The children of a fleet, as processes: how they are started, how they do jobs and
end, and that none outlives its master for long.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
import pytest_twisted
from attrs import define, field
from twisted.internet import reactor
from twisted.internet.defer import Deferred

from tests.functional.fleet import Fleet, nameOf, reverse, startingFleet
from tests.functional.peers import functionCounts, untilServed
from tests.functional.processes import (
    Child,
    JobServer,
    freePort,
    pause,
    spawn,
    until,
)
from txgearman.fleet import orphans
from txgearman.fleet.launch import launchLine
from txgearman.fleet.orphans import process

fleet = startingFleet
onlyOurs = pytest.mark.parametrize("fleet", ["txgearman"], indirect=True)

onLinux = pytest.mark.skipif(sys.platform != "linux", reason="Linux tells of deaths")
asRoot = pytest.mark.skipif(os.getuid() != 0, reason="only root changes the user")

REPORT = 3
CHILD = [sys.executable, "-m", "txgearman.fleet.child"]

# A master that starts what it is told, and then waits for its death.
MASTER = """
    import json, os, sys
    from twisted.internet import reactor
    from twisted.internet.protocol import ProcessProtocol
    from txgearman.fleet.launch import launchLine
    from txgearman.fleet.sentinel import Sentinel

    told = json.loads(sys.argv[1])
    sentinel = Sentinel()
    if told["sentinel"]:
        sentinel.start(reactor, told["fleet"])
    os.environ["TXGEARMAN_FLEET"] = told["fleet"]

    null = os.open(os.devnull, os.O_RDONLY)

    def start(command, patience, parent):
        line = launchLine(command, parent=os.getpid() if parent else 0)
        child = reactor.spawnProcess(
            ProcessProtocol(), line[0], line, None, childFDs={0: null, 1: "r", 2: "r"}
        )
        if patience is not None:
            sentinel.watch(child.pid, patience)
        return child.pid

    def begin():
        pids = [start(*child) for child in told["children"]]
        say(pids)

    def say(pids):
        print(json.dumps([sentinel.pid, *pids]), flush=True)
        if told["bye"]:
            sentinel.stop().addCallback(lambda _: os._exit(0))

    reactor.callWhenRunning(begin)
    reactor.run()
"""

# Children that tell of themselves in a file, named by the first argument. They sleep
# little by little: a signal that comes right before Python goes to sleep does not wake
# it.
POLITE = """
    import signal, sys, time
    def end(*_):
        open(sys.argv[1], "a").write("asked ")
        raise SystemExit
    signal.signal(signal.SIGTERM, end)
    open(sys.argv[1], "a").write("ready ")
    while True:
        time.sleep(0.1)
"""
STUBBORN = """
    import signal, sys, time
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    open(sys.argv[1], "a").write("ready ")
    while True:
        time.sleep(0.1)
"""
# It writes a line after the master's death, to nobody, and then ends.
CHATTY = """
    import signal, sys, time
    def end(*_):
        time.sleep(0.2)
        for stream in sys.stdout, sys.stderr:
            stream.write("goodbye" * 100)
            stream.flush()
        open(sys.argv[1], "a").write("asked ")
        raise SystemExit
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    signal.signal(signal.SIGTERM, end)
    open(sys.argv[1], "a").write("ready ")
    while True:
        time.sleep(0.1)
"""

WORKERS = """
    import os, time
    from twisted.internet import reactor
    from txgearman import Worker, inProcess, inThread

    elsewhere = Worker(reactor, "127.0.0.1:1", namespace="own-", concurrency=2)
    elsewhere.register("reverse", lambda job: job.data[::-1])

    def make(reactor, servers):
        worker = Worker(reactor, servers)
        worker.register("made", lambda job: b"made")
        return worker

    def backwards(data):
        print("in a process", flush=False)
        return data[::-1]

    functions = {
        "reverse": lambda job: job.data[::-1],
        "thread": inThread(lambda job: job.data.upper()),
        "process": inProcess(backwards),
    }
"""

# Jobs that hold their child until a file is there that the workload names.
HOLD = """
    import os, time
    from txgearman import inThread

    def wait(job):
        print("began", flush=False)
        open(job.data + b".began", "w").close()
        while not os.path.exists(job.data):
            time.sleep(0.01)
        print("over", flush=False)
        return b"%d" % os.getpid()

    blocking = wait
    threaded = inThread(wait)

    def quick(job):
        return job.data
"""


@define(eq=False)
class Program(Child):
    """
    A child that reports.
    """

    reported: bytes = b""

    def childDataReceived(self, childFD: int, data: bytes) -> None:
        if childFD == REPORT:
            self.reported += data
        else:
            super().childDataReceived(childFD, data)

    @property
    def reports(self) -> list[Any]:
        """
        What it reported.
        """
        return [json.loads(line) for line in self.reported.split(b"\n")[:-1]]

    async def ready(self) -> list[str]:
        """
        Wait until it serves.

        @return: its functions.
        """
        await until(
            lambda: b"ready" in self.reported or self.status is not None,
            "the child is ready",
        )
        assert self.status is None, self.errors
        functions: list[str] = self.reports[0]["functions"]
        return functions

    def asks(self, number: int = signal.SIGTERM) -> None:
        """
        Ask it to end.
        """
        self.signal(number)


@define(eq=False)
class Nursery:
    """
    Children of one test, which end with it at the latest.
    """

    folder: Path
    _programs: list[Child] = field(factory=list)
    _pids: list[int] = field(factory=list)

    def writes(self, path: str, text: str) -> Path:
        """
        Write a file.
        """
        file = self.folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(dedent(text))
        return file

    def serves(
        self,
        target: str,
        *servers: JobServer,
        options: Sequence[str] = (),
        variables: Mapping[str, str] | None = None,
        report: int | str = "r",
    ) -> Program:
        """
        Start a Python child as a master does.

        @param report: where its reports go; by default, here.
        """
        line = launchLine(
            [*CHILD, target, *options],
            directory=str(self.folder),
            parent=os.getpid(),
        )
        program = Program()
        self._programs.append(program)
        descriptors: dict[int, Any] = {0: "w", 1: "r", 2: "r", REPORT: report}
        processes: Any = reactor
        processes.spawnProcess(
            program,
            line[0],
            line,
            {
                **os.environ,
                "GEARMAN_SERVERS": ",".join(map(nameOf, servers)),
                "TXGEARMAN_REPORT": str(REPORT),
                **(variables or {}),
            },
            childFDs=descriptors,
        )
        return program

    def runs(self, line: Sequence[str], **variables: str) -> Child:
        """
        Start something.
        """
        child = spawn(line, env=variables)
        self._programs.append(child)
        return child

    async def master(
        self, *children: tuple[str, float | None, bool], **told: Any
    ) -> tuple[Child, list[int]]:
        """
        Start a master with children.

        @param children: the program of each, how long it has to end, or L{None}
            for one that the sentinel is not told of, and whether it is to be told
            of its parent's death.
        @return: the master, and the processes of its sentinel and the children,
            which are ready.
        """
        path = self.writes("master.py", MASTER)
        rows = []
        for number, (program, patience, parent) in enumerate(children):
            file = self.writes(f"child{number}.py", program)
            command = [sys.executable, str(file), str(self.told(number))]
            rows.append((command, patience, parent))
        options = {
            "fleet": f"fleet-{os.getpid()}-{id(rows)}",
            "children": rows,
            "sentinel": True,
            "bye": False,
            **told,
        }
        master = self.runs([sys.executable, str(path), json.dumps(options)])
        await until(
            lambda: b"\n" in master.output or master.status is not None, "a master"
        )
        assert b"\n" in master.output, master.errors
        pids = json.loads(master.output)
        self._pids += pids
        for number in range(len(children)):
            await until(lambda n=number: "ready" in self.said(n), "a child is ready")  # type: ignore[misc]
        return master, pids

    def told(self, number: int) -> Path:
        return self.folder / f"told{number}"

    def said(self, number: int) -> str:
        """
        What a master's child told of itself.
        """
        file = self.told(number)
        return file.read_text() if file.exists() else ""

    async def gone(self, *pids: int) -> None:
        """
        Wait until none of these processes is left.
        """
        for pid in pids:
            await until(lambda p=pid: not there(p), f"{pid} ends")  # type: ignore[misc]

    async def end(self) -> None:
        """
        End whatever is left.
        """
        for program in self._programs:
            if program.status is None:
                self._kill(program.pid)
        for pid in self._pids:
            self._kill(pid)
        for program in self._programs:
            await program.ended()

    def _kill(self, pid: int) -> None:
        if pid and there(pid):
            whole = os.getpgid(pid) == pid
            kill: Callable[[int, int], None] = os.killpg if whole else os.kill
            kill(pid, signal.SIGKILL)


def there(pid: int) -> bool:
    """
    Does a process run?
    """
    return process(pid) is not None


@pytest.fixture
def nursery(tmp_path: Path) -> Iterator[Nursery]:
    """
    Children that end with their test.
    """
    nursery = Nursery(tmp_path)
    yield nursery
    pytest_twisted.blockon(Deferred.fromCoroutine(nursery.end()))


# How they are started

ABOUT = """
    import json, os, signal
    print(json.dumps({
        "pid": os.getpid(), "session": os.getsid(0), "group": os.getpgrp(),
        "folder": os.getcwd(), "shop": os.environ.get("SHOP"),
        "uid": os.getuid(), "gid": os.getgid(), "groups": os.getgroups(),
        "home": os.environ.get("HOME"),
    }))
"""


@pytest_twisted.ensureDeferred
async def test_launch(nursery: Nursery, tmp_path: Path) -> None:
    """
    A child has a session and a process group of its own, its folder and its
    environment, and the process that was started is the child itself.
    """
    file = nursery.writes("about.py", ABOUT)
    line = launchLine(
        [sys.executable, str(file)], directory=str(tmp_path), parent=os.getpid()
    )
    child = nursery.runs(line, SHOP="here")
    pid = child.pid
    assert await child.ended() == 0, child.errors
    about = json.loads(child.output)
    assert about["pid"] == about["session"] == about["group"] == pid
    assert (about["folder"], about["shop"]) == (str(tmp_path), "here")


@asRoot
@pytest_twisted.ensureDeferred
async def test_launchUser(nursery: Nursery) -> None:
    """
    A child of root's runs as the user that it is to be, with that user's groups and
    home, and with nothing of root's.
    """
    line = launchLine(["/usr/bin/env", "python3", "-c", dedent(ABOUT)], user="nobody")
    child = nursery.runs(line, HOME=os.path.expanduser("~root"))
    assert await child.ended() == 0, child.errors
    about = json.loads(child.output)
    assert 0 not in (about["uid"], about["gid"], *about["groups"])
    assert about["home"] == os.path.expanduser("~nobody")


@pytest_twisted.ensureDeferred
async def test_launchFails(nursery: Nursery, tmp_path: Path) -> None:
    """
    What cannot be started says why in one line, and with its exit status.
    """
    plain = str(nursery.writes("plain", "no program"))
    rows: list[tuple[list[str], dict[str, Any], int, str]] = [
        (["no-such-program"], {}, 127, "there is no command no-such-program"),
        ([plain], {}, 126, f"cannot run {plain}: Permission denied"),
        (["true"], {"directory": plain}, 126, f"cannot enter {plain}: Not a directory"),
        (["true"], {"user": "no-such-user"}, 126, "there is no user no-such-user"),
        (["true"], {"parent": 1 << 22}, 126, "is gone"),
    ]
    for command, options, status, said in rows:
        child = nursery.runs(launchLine(command, **options))
        assert await child.ended() == status
        assert child.errors.decode().count("\n") == 1
        assert said in child.errors.decode()


@pytest.mark.parametrize(
    ("line", "status", "said"),
    [
        # Once it runs, the next one ends it.
        (launchLine(["sh", "-c", "echo up; kill -INT $$"]), -signal.SIGINT, b"up\n"),
        ([sys.executable, "-I", "-S", orphans.__file__, "id"], 0, b""),
    ],
    ids=["child", "sentinel"],
)
@pytest_twisted.ensureDeferred
async def test_interrupted(
    nursery: Nursery, line: Sequence[str], status: int, said: bytes
) -> None:
    """
    Who is started while somebody presses Ctrl-C at the master's terminal starts all
    the same, and says nothing of it.
    """
    starting = f"""
        import os, signal

        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
        os.kill(os.getpid(), signal.SIGINT)
        os.execv({line[0]!r}, {line!r})
    """
    child = nursery.runs([sys.executable, str(nursery.writes("it.py", starting))])
    child.write(b"bye\n")
    child.closeStdin()
    assert await child.ended() == status
    assert child.output + child.errors == said


# None outlives its master


@onLinux
@pytest_twisted.ensureDeferred
async def test_masterKilled(nursery: Nursery) -> None:
    """
    When the master is killed, its children are asked to end, those that do not are
    killed in their time, and so are those that the sentinel was never told of; it
    ends when nobody is left.
    """
    master, pids = await nursery.master(
        (POLITE, 30.0, True),
        (POLITE, 30.0, False),
        (STUBBORN, 0.5, True),
        (POLITE, None, False),
    )
    master.signal(signal.SIGKILL)
    await nursery.gone(*pids)
    assert [nursery.said(number).split()[:2] for number in range(4)] == [
        ["ready", "asked"],
        ["ready", "asked"],
        ["ready"],
        ["ready", "asked"],
    ]
    await master.ended()
    assert b"died" in master.errors
    assert b"1 killed" in master.errors


@onLinux
@pytest_twisted.ensureDeferred
async def test_withoutSentinel(nursery: Nursery) -> None:
    """
    A child is told of its master's death by the system, too; what it says then
    does not end it.
    """
    master, pids = await nursery.master((CHATTY, None, True), sentinel=False)
    master.signal(signal.SIGKILL)
    await nursery.gone(*pids[1:])
    assert nursery.said(0) == "ready asked "


@pytest_twisted.ensureDeferred
async def test_session(nursery: Nursery) -> None:
    """
    What a child started ends with it, also when it does not care.
    """
    inner = nursery.writes("inner.py", STUBBORN)
    parent = f"""
        import subprocess, sys
        subprocess.run([sys.executable, {str(inner)!r}, sys.argv[1]])
    """
    master, pids = await nursery.master((parent, 0.5, True))
    assert process(pids[1]) is not None
    master.signal(signal.SIGKILL)
    await nursery.gone(*pids)
    await master.ended()
    assert b"1 killed" in master.errors


@pytest_twisted.ensureDeferred
async def test_bye(nursery: Nursery) -> None:
    """
    When the master ends in order, the sentinel does nothing to anybody.
    """
    master, pids = await nursery.master((POLITE, 0.1, False), bye=True)
    assert await master.ended() == 0
    await nursery.gone(pids[0])
    assert there(pids[1])
    assert nursery.said(0) == "ready "


@onLinux
@pytest_twisted.ensureDeferred
async def test_sentinelKilled(nursery: Nursery) -> None:
    """
    A sentinel that dies is replaced by one that knows as much.
    """
    master, pids = await nursery.master((STUBBORN, 0.2, False))
    os.kill(pids[0], signal.SIGKILL)
    await nursery.gone(pids[0])

    def another() -> list[int]:
        path = f"/proc/{master.pid}/task/{master.pid}/children"
        pids = map(int, Path(path).read_text().split())
        return [
            pid
            for pid in pids
            if b"orphans.py" in Path(f"/proc/{pid}/cmdline").read_bytes()
            and os.getsid(pid) == pid
        ]

    await until(lambda: bool(another()), "another sentinel")
    pids += another()
    # Signals that end others do nothing to it.
    for number in signal.SIGTERM, signal.SIGINT, signal.SIGHUP:
        os.kill(pids[-1], number)
    master.signal(signal.SIGKILL)
    await nursery.gone(*pids)


# How Python children do jobs


@onlyOurs
@pytest_twisted.ensureDeferred
async def test_module(fleet: Fleet, nursery: Nursery) -> None:
    """
    The functions of a module do jobs wherever they run, what they print is there
    line by line, and each job is reported.
    """
    server = await fleet.server()
    nursery.writes("shop/workers.py", WORKERS)
    child = nursery.serves("shop.workers", server)
    assert await child.ready() == ["reverse", "thread", "process"]
    client = fleet.client(server)
    assert await client.call("reverse", b"ab") == b"ba"
    assert await client.call("thread", b"ab") == b"AB"
    assert await client.call("process", b"ab") == b"ba"
    await until(lambda: child.output == b"in a process\n", "a line")
    await until(lambda: child.reports[-1].get("jobs") == 3, "3 jobs")
    began, ended = child.reports[1:3]
    assert began["began"]["function"] == "reverse"
    assert ended == {"ended": {"handle": began["began"]["handle"]}, "jobs": 1}
    child.asks()
    assert await child.ended() == 0
    assert child.reports[-1] == {"draining": True}
    # They stay neither with what the child starts.
    assert b"connected to" in child.errors


@onlyOurs
@pytest_twisted.ensureDeferred
async def test_workers(fleet: Fleet, nursery: Nursery) -> None:
    """
    A worker serves the fleet's servers, and not those that it was made with; so
    does one that is made.
    """
    server = await fleet.server()
    nursery.writes("workers.py", WORKERS)
    taken = nursery.serves("workers:elsewhere", server)
    made = nursery.serves("workers:make", server)
    assert await taken.ready() == ["own-reverse"]
    assert await made.ready() == ["made"]
    client = fleet.client(server)
    assert await client.call("own-reverse", b"ab") == b"ba"
    assert await client.call("made", b"ab") == b"made"
    for child in taken, made:
        await until(lambda c=child: c.reports[-1].get("jobs") == 1, "a job")  # type: ignore[misc]


@pytest_twisted.ensureDeferred
async def test_folder(fleet: Fleet, nursery: Nursery) -> None:
    """
    Each module of a folder is a function, of which a child may serve some only,
    also in processes.
    """
    server = await fleet.server()
    nursery.writes("jobs/send-mail.py", "def run(job): return b'sent ' + job.data")
    nursery.writes(
        "jobs/email.py",
        """
        import email.message
        import _shared
        from txgearman import inProcess
        run = inProcess(_shared.turned)
        """,
    )
    nursery.writes("jobs/_shared.py", "def turned(data): return data[::-1]")
    nursery.writes("jobs/resize.py", "def resize(job): return b'small'")
    child = nursery.serves("jobs", server, options=["--functions", "email,send-mail"])
    assert sorted(await child.ready()) == ["email", "send-mail"]
    client = fleet.client(server)
    assert await client.call("send-mail", b"x") == b"sent x"
    assert await client.call("email", b"ab") == b"ba"
    assert "resize" not in await functionCounts(server.port)


@pytest_twisted.ensureDeferred
async def test_badTarget(nursery: Nursery) -> None:
    """
    A target that is of no use is one line, and status 1.
    """
    nursery.writes("broken.py", "import json\njson.loads('')\n")
    child = nursery.serves("broken")
    assert await child.ended() == 1
    assert child.errors.decode().startswith("broken cannot be imported: json.")
    assert child.errors.count(b"\n") == 1
    assert child.reported == b""


@onlyOurs
@pytest_twisted.ensureDeferred
async def test_serverAway(fleet: Fleet, nursery: Nursery) -> None:
    """
    A child whose server is away waits for it, and is ready when it is there; it
    ends in order while it waits, too.
    """
    nursery.writes("hold.py", HOLD)
    down = fleet.down()
    child, other = nursery.serves("hold", down), nursery.serves("hold", down)
    for each in child, other:
        await until(lambda c=each: b"trying on" in c.errors, "it looks for it")  # type: ignore[misc]
        assert each.reported == b""
    other.asks()
    assert await other.ended() == 0
    await fleet.server(port=down.port)
    await child.ready()
    assert await fleet.client(down).call("quick", b"x") == b"x"


# How they end


@pytest.mark.parametrize("function", ["blocking", "threaded"])
@pytest_twisted.ensureDeferred
async def test_drain(
    fleet: Fleet, nursery: Nursery, tmp_path: Path, function: str
) -> None:
    """
    A child that is asked to end ends its job, whose client gets the result, and
    takes no other one.
    """
    server = await fleet.server()
    nursery.writes("hold.py", HOLD)
    child = nursery.serves("hold", server)
    await child.ready()
    client = fleet.client(server)
    gate = tmp_path / "gate"
    running = client.call(function, bytes(gate))
    await until((tmp_path / "gate.began").exists, "the job begins")
    waiting = client.call("quick", b"other")
    pid = child.pid
    child.asks()
    gate.touch()
    assert await running == b"%d" % pid
    assert await child.ended() == 0
    assert child.output == b"began\nover\n"
    assert {"draining": True} in child.reports
    assert [said["jobs"] for said in child.reports if "jobs" in said] == [1]
    assert not waiting.called
    fleet.worker(server).register("quick", reverse)
    assert await waiting == b"rehto"


@pytest.mark.parametrize("function", ["blocking", "threaded"])
@pytest_twisted.ensureDeferred
async def test_secondSignal(
    fleet: Fleet, nursery: Nursery, tmp_path: Path, function: str
) -> None:
    """
    SIGTERM may come as often as it likes; the second SIGINT ends a child at once, and
    another worker does its job.
    """
    server = await fleet.server()
    nursery.writes("hold.py", HOLD)
    child = nursery.serves("hold", server)
    await child.ready()
    running = fleet.client(server).call(function, bytes(tmp_path / "gate"))
    await until((tmp_path / "gate.began").exists, "the job begins")
    for number in (signal.SIGTERM, signal.SIGTERM, signal.SIGINT):
        child.asks(number)
        await pause(0.3)
        assert child.status is None

    def ended() -> bool:
        # Python hears once of what comes twice before it looks.
        child.asks(signal.SIGINT)
        return child.status is not None

    await until(ended, "the second is heard")
    assert child.status == -signal.SIGINT
    fleet.worker(server).register(function, lambda job: b"other")
    assert await running == b"other"


@pytest.mark.parametrize("function", ["blocking", "threaded"])
@onlyOurs
@pytest_twisted.ensureDeferred
async def test_stopTimeout(
    fleet: Fleet, nursery: Nursery, tmp_path: Path, function: str
) -> None:
    """
    A job that takes too long is given up, unless it lets nothing else run; then the
    master kills its child.
    """
    server = await fleet.server()
    nursery.writes("hold.py", HOLD)
    child = nursery.serves("hold", server, options=["--stop-timeout", "0.1"])
    await child.ready()
    running = fleet.client(server).call(function, bytes(tmp_path / "gate"))
    await until((tmp_path / "gate.began").exists, "the job begins")
    child.asks()
    if function == "blocking":
        os.killpg(child.pid, signal.SIGKILL)
        assert await child.ended() == -signal.SIGKILL
    else:
        assert await child.ended() == 1
    fleet.worker(server).register(function, lambda job: b"other")
    assert await running == b"other"


@pytest_twisted.ensureDeferred
async def test_maxJobs(fleet: Fleet, nursery: Nursery) -> None:
    """
    A child ends by itself after so many jobs, and leaves the others to others.
    """
    server = await fleet.server()
    nursery.writes("hold.py", HOLD)
    child = nursery.serves("hold", server, options=["--max-jobs", "3"])
    await child.ready()
    client = fleet.client(server)
    calls = [client.call("quick", b"%d" % number) for number in range(4)]
    assert await child.ended() == 0
    await until(lambda: sum(call.called for call in calls) == 3, "three results")
    assert [report["jobs"] for report in child.reports if "jobs" in report] == [1, 2, 3]
    await untilServed(server.port, "quick", 0)
    other = nursery.serves("hold", server)
    await other.ready()
    for number, call in enumerate(calls):
        assert await call == b"%d" % number


@pytest_twisted.ensureDeferred
async def test_signalAtStart(nursery: Nursery, tmp_path: Path) -> None:
    """
    A signal that comes before there is a worker ends the child in order.
    """
    nursery.writes(
        "late.py",
        """
        import time
        print("importing", flush=False)
        time.sleep(600)
        """,
    )
    child = nursery.serves("late", JobServer("", freePort(), Child()))
    await until(lambda: child.output == b"importing\n", "the import")
    child.asks()
    assert await child.ended() == 0
    assert child.errors == b""


@onlyOurs
@pytest_twisted.ensureDeferred
async def test_reportsUnread(fleet: Fleet, nursery: Nursery) -> None:
    """
    A child does jobs whether or not anybody reads its reports, or could.
    """
    server = await fleet.server()
    nursery.writes("hold.py", HOLD)
    reading, writing = os.pipe()
    full = nursery.serves("hold", server, report=writing)
    os.close(writing)
    broken, gone = os.pipe()
    os.close(broken)
    closed = nursery.serves("hold", server, report=gone)
    os.close(gone)
    try:
        await untilServed(server.port, "quick", 2)
        # Each report of a job is longer than the name of its function.
        client = fleet.client(server)
        jobs = [b"%d" % number for number in range(2500)]
        assert await client.map("quick", jobs) == jobs
        for child in full, closed:
            child.asks()
            assert await child.ended() == 0
    finally:
        os.close(reading)


@onLinux
@onlyOurs
@pytest_twisted.ensureDeferred
async def test_masterDies(fleet: Fleet, nursery: Nursery, tmp_path: Path) -> None:
    """
    A child whose master is killed ends its job, whatever that prints, and then
    itself, though both the system and the sentinel ask it to.
    """
    server = await fleet.server()
    nursery.writes("hold.py", HOLD)
    nursery.writes(
        "python.py",
        f"""
        import os, sys
        os.environ["GEARMAN_SERVERS"] = {nameOf(server)!r}
        os.chdir({str(tmp_path)!r})
        open(sys.argv[1], "a").write("ready ")
        line = [sys.executable, "-m", "txgearman.fleet.child", "hold"]
        os.execv(line[0], line)
        """,
    )
    program = (tmp_path / "python.py").read_text()
    master, pids = await nursery.master((program, 30.0, True))
    client = fleet.client(server)
    gate = tmp_path / "gate"
    running = client.call("threaded", bytes(gate))
    await until((tmp_path / "gate.began").exists, "the job begins")
    master.signal(signal.SIGKILL)
    # Nobody tells when both signals came; if they did not, this shows less.
    await pause(0.5)
    assert there(pids[1])
    gate.touch()
    assert await running == b"%d" % pids[1]
    await nursery.gone(*pids)
