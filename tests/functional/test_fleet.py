"""
C{twistd gearman-worker}: masters of fleets, and what becomes of their children.
"""

from __future__ import annotations

import os
import pwd
import re
import signal
import sys
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from textwrap import dedent

import pytest
import pytest_twisted
from twisted.internet.defer import Deferred

from tests.functional.fleet import Fleet, startingFleet
from tests.functional.masters import MASTER, TWISTD, Master, startMaster
from tests.functional.peers import requirePhpGearman
from tests.functional.processes import (
    JobServer,
    pause,
    spawn,
    until,
)

Masters = Callable[..., Awaitable[Master]]

fleet = startingFleet
onlyOurs = pytest.mark.parametrize("fleet", ["txgearman"], indirect=True)
asRoot = pytest.mark.skipif(os.getuid() != 0, reason="only root changes the user")
onLinux = pytest.mark.skipif(sys.platform != "linux", reason="it reads /proc")

SLEEP = '["sleep", "1000"]'

WORK = """
    import time

    def reverse(job):
        time.sleep(0.01)
        return job.data[::-1]

    def slow(job):
        time.sleep(2)
        open("done", "w").close()
        return b"slow"
"""

PHP = """
    <?php
    $worker = new GearmanWorker();
    $worker->addServers(getenv("GEARMAN_SERVERS"));
    $worker->addFunction("reverse", function ($job) {
        usleep(10000);
        return strrev($job->workload());
    });
    while ($worker->work());
"""


@pytest.fixture
def masters(tmp_path: Path) -> Iterator[Masters]:
    """
    A function that starts a master, of a file that it writes; all of them end with the
    test, with all their children.
    """
    started: list[Master] = []

    async def start(text: str = "", *options: str, **how: object) -> Master:
        file = write(tmp_path, text)
        config = [f"--config={file}"] if text else []
        master = await startMaster(tmp_path, *config, *options, **how)  # type: ignore[arg-type]
        started.append(master)
        return master

    yield start

    async def stop() -> None:
        for master in started:
            master.child.signal(signal.SIGTERM)
            await master.child.ended()
            await master.gone()

    pytest_twisted.blockon(Deferred.fromCoroutine(stop()))


def write(folder: Path, text: str) -> Path:
    """
    Write the file of a fleet.
    """
    file = folder / "fleet.toml"
    file.write_text(dedent(text))
    return file


def jobs(count: int = 5, command: str = SLEEP, more: str = "") -> str:
    """
    The file of a fleet with one group.
    """
    return f"[groups.jobs]\ncommand = {command}\ncount = {count}\n{dedent(more)}"


@pytest_twisted.ensureDeferred
async def test_killedInTurn(masters: Masters) -> None:
    """
    A child that is killed is replaced at once, whichever it is, and so are all of them.
    """
    master = await masters(jobs(5))
    pids = await master.running(5)
    for index in range(5):
        os.kill(pids[index], signal.SIGKILL)
        now = await master.running(5, without=[pids[index]])
        assert now[:index] + now[index + 1 :] == pids[:index] + pids[index + 1 :]
        pids = now
    assert master.log.count("by SIGKILL; it is replaced") == 5, master.log
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
    await master.running(5, without=pids)
    # A pause of no more than that: it is the second time for some.
    pauses = set(re.findall(r"next try in (\S+) s", master.log))
    assert pauses <= {"0.5"}
    assert [row["restarts"] for row in await master.rows()] == [2] * 5


@pytest_twisted.ensureDeferred
async def test_crashLoop(masters: Masters) -> None:
    """
    A child that crashes again and again is started later and later, the log says so,
    and it keeps nothing else from being done.
    """
    master = await masters(jobs(1, '["sh", "-c", "echo oops >&2; exit 255"]'))
    await master.logged("for the 4th time in a row; next try in 2 s")
    for number, seconds in ("2nd", "0.5"), ("3rd", "1"):
        assert f"for the {number} time in a row; next try in {seconds} s" in master.log
    assert re.search(
        r"jobs\[1\] \d+ died after \d\.\d s with status 255", master.log
    ), master.log
    assert len(re.findall(r"jobs\[1\] \d+: oops", master.log)) >= 3
    [row] = await master.rows()
    assert row["state"] == "waiting"
    await master.stop()


@pytest_twisted.ensureDeferred
async def test_stuck(masters: Masters) -> None:
    """
    A child that ignores SIGTERM is killed after its time, with what it has started.
    """
    stuck = """["sh", "-c", "trap '' TERM; echo deaf; while :; do sleep 0.1; done"]"""
    master = await masters(jobs(2, stuck, "stop_timeout = 0.5\n"))
    await master.logged(": deaf", 2)
    pids = await master.running(2)
    await master.tell(do="scale", group="jobs", count=1)
    await master.logged(f"jobs[2] {pids[1]} has not stopped in 0.5 s and is killed")
    assert await master.running(1) == pids[:1]
    await master.stop()
    assert "all children have stopped" in master.log


@pytest_twisted.ensureDeferred
async def test_leftBehind(masters: Masters) -> None:
    """
    What a child has started ends with it.
    """
    master = await masters(jobs(1, "\"sh -c 'sleep 999 & echo $! ; wait'\""))
    pids = await master.running(1)
    before = master.processes()
    os.kill(pids[0], signal.SIGKILL)
    await master.running(1, without=pids)
    await until(
        lambda: len(master.processes()) == len(before), "the end of what was left"
    )


@pytest.mark.parametrize("how", ["SIGTERM", "Ctrl-C"])
@pytest_twisted.ensureDeferred
async def test_stopped(masters: Masters, tmp_path: Path, how: str) -> None:
    """
    A master that is told to end ends everything before, in order.
    """
    drain = """["sh", "-c", "trap 'sleep 0.3; echo drained; exit 0' TERM; echo up;
        while :; do sleep 0.1; done"]""".replace("\n", "")
    master = await masters(jobs(3, drain), terminal=how == "Ctrl-C")
    await master.logged(": up", 3)
    if how == "Ctrl-C":
        master.child.write(b"\x03")
    else:
        master.child.signal(signal.SIGTERM)
    number = signal.SIGINT if how == "Ctrl-C" else signal.SIGTERM
    # It ends as twistd does, by the signal, but after all else.
    assert await master.child.ended() == -number, master.log
    assert master.log.count(": drained") == 3, master.log
    assert "all children have stopped" in master.log
    assert "Traceback" not in master.log
    assert not master.processes()
    assert not (tmp_path / "gearman-worker.sock").exists()


@pytest_twisted.ensureDeferred
async def test_stoppedAtOnce(masters: Masters) -> None:
    """
    So does one whose children have only just been started.
    """
    for _ in range(5):
        master = await masters(jobs(5))
        await master.stop()


@pytest_twisted.ensureDeferred
async def test_hangUp(masters: Masters, tmp_path: Path) -> None:
    """
    SIGHUP reads the file again: children are replaced, groups come and go. What is
    wrong with it changes nothing.
    """
    master = await masters(jobs(2) + "[groups.old]\ncommand = 'sleep 1000'\n")
    pids = await master.running(2)
    [old] = await master.running(1, "old")
    write(tmp_path, "[groups.jobs]\ncommand = 3\n")
    master.child.signal(signal.SIGHUP)
    await master.logged("the fleet stays as it is: --config: ")
    assert await master.running(2) == pids
    write(tmp_path, jobs(3) + "[groups.new]\ncommand = 'sleep 1000'\n")
    master.child.signal(signal.SIGHUP)
    await master.running(3, without=pids)
    await master.running(1, "new")
    await until(lambda: old not in master.processes(), "the end of the old group")
    assert await master.rows("old") == []
    await master.stop()


@pytest_twisted.ensureDeferred
async def test_hangUpWithoutFile(masters: Masters) -> None:
    """
    Without a file SIGHUP replaces the children.
    """
    master = await masters("", "--command=sleep 1000", "--group=jobs", "--count=2")
    pids = await master.running(2)
    master.child.signal(signal.SIGHUP)
    await master.running(2, without=pids)


@pytest_twisted.ensureDeferred
async def test_brokenRestart(masters: Masters, tmp_path: Path) -> None:
    """
    Children that work are not replaced by such as do not.
    """
    master = await masters(jobs(2))
    pids = await master.running(2)
    write(tmp_path, jobs(2, "'false'"))
    master.child.signal(signal.SIGHUP)
    await master.logged("the restart of group jobs is given up")
    assert await master.running(2) == pids


@pytest_twisted.ensureDeferred
async def test_output(masters: Masters, tmp_path: Path) -> None:
    """
    What children write is in the log line by line, however strange or long it is, and
    a flood of it needs no memory.
    """
    script = tmp_path / "talk.sh"
    script.write_text(
        r"""
        printf 'latin: \351\n\033[31mred\nerror\n' >&2
        printf 'caf\303\251\r\n'
        head -c 50000000 /dev/zero | tr '\0' x
        printf '\nno end'
        sleep 0.2
        kill -9 $$
        """
    )
    master = await masters(jobs(1, f'"sh {script}"'), env={"LC_ALL": "C.UTF-8"})
    await master.logged(": no end")
    for line in (
        "latin: \\xe9",
        "\x1b[31mred",
        "error",
        "caf\N{LATIN SMALL LETTER E WITH ACUTE}\n",
    ):
        assert re.search(r"jobs\[1\] \d+: " + re.escape(line), master.log), line
    assert f": {'x' * 8192} [...]\n" in master.log
    status = Path(f"/proc/{master.child.pid}/status").read_text()
    peak = re.search(r"VmHWM:\s+(\d+) kB", status)
    assert peak is not None
    assert int(peak.group(1)) < 120_000


@pytest_twisted.ensureDeferred
async def test_environment(masters: Masters, tmp_path: Path) -> None:
    """
    Children have their environment, directory and words.
    """
    (tmp_path / "there").mkdir()
    master = await masters(
        """
        servers = ["a.example.net", "tcp:b.example.net:5000"]
        [groups.jobs]
        command = ["sh", "-c", 'echo "$0 $GEARMAN_SERVERS $APP $(pwd)"; sleep 999',
            "{host}/{port}/{group}/{number}"]
        environment = { APP = "\u2603" }
        directory = "there"
        """,
        env={"LC_ALL": "C.UTF-8"},
    )
    servers = "a.example.net:4730,b.example.net:5000"
    await master.logged(
        f"a.example.net/4730/jobs/1 {servers} \N{SNOWMAN} {tmp_path}/there\n"
    )


@pytest_twisted.ensureDeferred
async def test_cannotStart(masters: Masters) -> None:
    """
    Why a child cannot be started is one line of the log, and that counts as a crash.
    """
    master = await masters(
        """
        [groups.folder]
        command = "sleep 1000"
        directory = "/nonexistent"
        [groups.jobs]
        command = "/nonexistent/command"
        """
    )
    await master.logged(": there is no command /nonexistent/command")
    await master.logged(": cannot enter /nonexistent: No such file or directory")
    await master.logged("with status 127, for the 2nd time in a row; next try in 0.5 s")
    await master.logged("with status 126, for the 2nd time in a row; next try in 0.5 s")
    assert "Traceback" not in master.log


@asRoot
@pytest_twisted.ensureDeferred
async def test_user(masters: Masters) -> None:
    """
    Root's children may be another user's.
    """
    command = '["sh", "-c", "id -un; sleep 999"]'
    master = await masters(jobs(1, command, 'user = "nobody"\ndirectory = "/"\n'))
    await master.logged(": nobody\n")
    [pid] = await master.running(1)
    assert os.stat(f"/proc/{pid}").st_uid == pwd.getpwnam("nobody").pw_uid
    await master.stop()


@pytest_twisted.ensureDeferred
async def test_wrongOptions(masters: Masters, tmp_path: Path) -> None:
    """
    What cannot be used is one line, and the master ends with status 1.
    """
    await masters(jobs(1))
    file = tmp_path / "wrong.toml"
    file.write_text("[groups.jobs]\ncommand = 'x'\ncuont = 3\n")
    for options, line in [
        ([], "it wants a --config, a --target or a --command"),
        (["--nonsense"], "option --nonsense not recognized"),
        (["--command=x", "--count=y"], "--count wants a whole number from 0 to 1000,"),
        (["--command=x {y}"], "groups.workers: command: '{y}' is none of {servers},"),
        (["--command=x", "--server=a:b:c"], "bad server 'a:b:c': "),
        (["--command=x", "--user=nobody-at-all"], "groups.workers: user: there is no"),
        (["--config=/nonexistent"], "--config: /nonexistent: No such file"),
        ([f"--config={file}"], f"--config: {file}: groups.jobs: cuont is no key of a"),
        (["--command=x"], f"another gearman-worker has the control socket {tmp_path}"),
    ]:
        child = spawn([*MASTER, *options], cwd=str(tmp_path))
        assert await child.ended() == 1, options
        said = (child.output + child.errors).decode()
        lines = [one for one in said.splitlines() if "UnixAppLogger" not in one]
        assert len(lines) == 1, said
        # By then there is a log, which has it with a time.
        assert f"gearman-worker: {line}" in lines[0], said


@onLinux
@pytest_twisted.ensureDeferred
async def test_daemon(tmp_path: Path) -> None:
    """
    A daemon has its file of process ids, opens no port, and ends with all it has.
    """
    file = write(tmp_path, jobs(2))
    options = ["--pidfile=master.pid", "--logfile=master.log", "gearman-worker"]
    starter = spawn([*TWISTD, *options, f"--config={file}"], cwd=str(tmp_path))
    assert await starter.ended() == 0, starter.errors
    master = Master(starter, tmp_path, "none")
    await master.running(2)
    pid = int((tmp_path / "master.pid").read_text())
    ports = {
        line.split()[9]
        for name in ("tcp", "tcp6", "udp", "udp6")
        for line in Path(f"/proc/{pid}/net/{name}").read_text().splitlines()[1:]
    }
    open_ = {os.readlink(one) for one in Path(f"/proc/{pid}/fd").iterdir()}
    assert not {f"socket:[{port}]" for port in ports} & open_
    os.kill(pid, signal.SIGTERM)
    await until(lambda: not (tmp_path / "master.pid").exists(), "the end of a daemon")
    assert "all children have stopped" in (tmp_path / "master.log").read_text()


def python(folder: Path, server: JobServer, count: int, more: str = "") -> str:
    """
    The file of a fleet of Python children, whose code is written, too.
    """
    (folder / "work.py").write_text(dedent(WORK))
    return f"""
        servers = ["127.0.0.1:{server.port}"]
        [groups.jobs]
        target = "work"
        directory = "{folder}"
        count = {count}
        stop_timeout = 10
        {more}
    """


def php(folder: Path, server: JobServer, count: int, more: str = "") -> str:
    """
    The file of a fleet of PHP's workers.
    """
    (folder / "worker.php").write_text(dedent(PHP).lstrip())
    return f"""
        servers = ["127.0.0.1:{server.port}"]
        [groups.jobs]
        command = "php worker.php"
        directory = "{folder}"
        count = {count}
        stop_timeout = 10
        {more}
    """


KINDS = {"Python": python, "PHP": php}


def requireKind(kind: str) -> None:
    """
    Require what the children of a kind need.
    """
    if kind == "PHP":
        requirePhpGearman()


@onlyOurs
@pytest.mark.parametrize("kind", KINDS)
@pytest_twisted.ensureDeferred
async def test_killedUnderLoad(
    fleet: Fleet, masters: Masters, tmp_path: Path, kind: str
) -> None:
    """
    No job is lost or fails because children are killed, one by one and all at once.
    """
    requireKind(kind)
    server = await fleet.server()
    master = await masters(KINDS[kind](tmp_path, server, 5))
    pids = await master.running(5)
    items = [b"%d" % number for number in range(500)]
    answers = fleet.client(server).map("reverse", items)
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
        await pause(0.1)
    pids = await master.running(5, without=pids)
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
    assert await answers == [item[::-1] for item in items]
    await master.running(5, without=pids)


@onlyOurs
@pytest.mark.parametrize("kind", KINDS)
@pytest_twisted.ensureDeferred
async def test_hangUpUnderLoad(
    fleet: Fleet, masters: Masters, tmp_path: Path, kind: str
) -> None:
    """
    All children are replaced while they do jobs, and no job is lost or fails.
    """
    requireKind(kind)
    server = await fleet.server()
    master = await masters(KINDS[kind](tmp_path, server, 3))
    pids = await master.running(3)
    items = [b"%d" % number for number in range(1000)]
    answers = fleet.client(server).map("reverse", items)
    master.child.signal(signal.SIGHUP)
    await master.running(3, without=pids)
    assert await answers == [item[::-1] for item in items]
    assert "killed" not in master.log
    assert "died" not in master.log
    await master.stop()


@onlyOurs
@pytest_twisted.ensureDeferred
async def test_rows(fleet: Fleet, masters: Masters, tmp_path: Path) -> None:
    """
    A Python child tells what it serves, what it does and what it has done.
    """
    server = await fleet.server()
    master = await masters(python(tmp_path, server, 1))
    await master.running(1)
    client = fleet.client(server)
    assert await client.call("reverse", b"ab") == b"ba"
    answer = client.call("slow", b"")
    row: dict[str, object] = {}
    while row.get("function") != "slow":
        [row] = await master.rows()
        await pause(0.02)
    assert sorted(row["functions"]) == ["reverse", "slow"]  # type: ignore[call-overload]
    assert row["jobs"] == 1
    assert row["handle"]
    assert await answer == b"slow"


@onlyOurs
@pytest_twisted.ensureDeferred
async def test_maxJobs(fleet: Fleet, masters: Masters, tmp_path: Path) -> None:
    """
    A child that has done its jobs is replaced, and that is no crash.
    """
    server = await fleet.server()
    master = await masters(python(tmp_path, server, 2, "max_jobs = 10"))
    items = [b"%d" % number for number in range(100)]
    answers = await fleet.client(server).map("reverse", items)
    assert answers == [item[::-1] for item in items]
    rows = await master.rows()
    assert sum(row["restarts"] for row in rows) >= 8
    assert "died" not in master.log
    assert "in a row" not in master.log


@onlyOurs
@onLinux
@pytest_twisted.ensureDeferred
async def test_masterKilled(fleet: Fleet, masters: Masters, tmp_path: Path) -> None:
    """
    Children whose master is killed end what they do, and then themselves.
    """
    server = await fleet.server()
    master = await masters(python(tmp_path, server, 3))
    await master.running(3)
    answer = fleet.client(server).call("slow", b"")
    while not any(row["function"] for row in await master.rows()):
        await pause(0.02)
    master.child.signal(signal.SIGKILL)
    assert await master.child.ended() == -signal.SIGKILL
    assert await answer == b"slow"
    await master.gone()


@onlyOurs
@pytest_twisted.ensureDeferred
async def test_stopUnderLoad(fleet: Fleet, masters: Masters, tmp_path: Path) -> None:
    """
    A master that ends lets its children end what they do.
    """
    server = await fleet.server()
    master = await masters(python(tmp_path, server, 2))
    await master.running(2)
    answer = fleet.client(server).call("slow", b"")
    while not any(row["function"] for row in await master.rows()):
        await pause(0.02)
    await master.stop()
    assert await answer == b"slow"
    assert (tmp_path / "done").exists()


@onlyOurs
@pytest_twisted.ensureDeferred
async def test_autoReload(fleet: Fleet, masters: Masters, tmp_path: Path) -> None:
    """
    A change of the code replaces the children, and one of the file those that are
    concerned.
    """
    server = await fleet.server()
    text = "auto_reload = true\n" + dedent(python(tmp_path, server, 1))
    text += "[groups.other]\ncommand = 'sleep 1000'\n"
    master = await masters(text)
    client = fleet.client(server)
    assert await client.call("reverse", b"ab") == b"ba"
    others = await master.running(1, "other")
    pids = await master.running(1)
    (tmp_path / "work.py").write_text(dedent(WORK).replace("[::-1]", "[:1]"))
    pids = await master.running(1, without=pids)
    assert await client.call("reverse", b"ab") == b"a"
    write(tmp_path, text.replace("count = 1", "count = 1\n    max_jobs = 5"))
    await master.running(1, without=pids)
    assert await master.running(1, "other") == others


@onlyOurs
@pytest_twisted.ensureDeferred
async def test_autoscaled(fleet: Fleet, masters: Masters, tmp_path: Path) -> None:
    """
    Many jobs have many children, and none the fewest.
    """
    server = await fleet.server()
    text = python(tmp_path, server, 1, "max = 4\nlook = 0.2\ncooldown = 0.5")
    master = await masters(dedent(text).replace("count = 1", "min = 1"))
    await master.running(1)
    items = [b"%d" % number for number in range(500)]
    answers = fleet.client(server).map("reverse", items)
    seen = 0
    while seen < 4:
        seen = max(seen, len(await master.rows()))
        await pause(0.05)
    assert await answers == [item[::-1] for item in items]
    await master.running(1)
    await master.stop()
