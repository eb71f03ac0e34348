"""
What C{txgearman} can do and C{gearman} cannot.
"""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import time
from pathlib import Path

import pytest
import pytest_twisted

from tests.functional.fleet import Fleet, Held, nameOf, reverse, startingFleet
from tests.functional.peers import (
    Peers,
    startingPeers,
    untilDone,
    untilServed,
)
from tests.functional.processes import (
    TXGEARMAN,
    Child,
    JobServer,
    freePort,
    pause,
    spawn,
    until,
)
from txgearman.errors import JobFailed
from txgearman.worker.job import RunningJob

fleets = startingFleet
peers = pytest.fixture(startingPeers)


def where(*servers: JobServer) -> list[str]:
    """
    @return: the options that name servers.
    """
    return [word for server in servers for word in ("-h", nameOf(server))]


async def play(peers: Peers, *arguments: str, stdin: bytes = b"") -> Child:
    """
    Run the tool to its end.
    """
    child = peers.start(*TXGEARMAN, *arguments, stdin=stdin)
    await child.ended()
    return child


async def startWorker(peers: Peers, server: JobServer, *arguments: str) -> Child:
    """
    Start the tool as a worker, registered for C{work}.
    """
    worker = peers.start(*TXGEARMAN, "-w", "-f", "work", *where(server), *arguments)
    await untilServed(server.port, "work")
    return worker


def values(child: Child) -> list[dict[str, object]]:
    """
    The JSON that a tool printed.
    """
    return [json.loads(line) for line in child.output.splitlines()]


@pytest_twisted.ensureDeferred
async def test_pipe(fleet: Fleet, peers: Peers) -> None:
    """
    A command does the jobs of a pipe.
    """
    server = await fleet.server()
    await startWorker(peers, server, "--", "wc", "-l")
    passwd = Path("/etc/passwd").read_bytes()
    child = await play(peers, *where(server), "-f", "work", stdin=passwd)
    assert (child.output, child.errors, child.status) == (
        b"%d\n" % passwd.count(b"\n"),
        b"",
        0,
    )


@pytest_twisted.ensureDeferred
async def test_severalServers(fleet: Fleet, peers: Peers) -> None:
    """
    A client takes the first server that is there, and a worker works for all.
    """
    one, two, down = await fleet.server(), await fleet.server(), fleet.down()
    both = where(one, two)
    peers.start(*TXGEARMAN, "-w", "-f", "work", *both, "--", "tr", "a-z", "A-Z")
    for server in one, two:
        await untilServed(server.port, "work")
        options = [*where(down, server), "-f", "work", "hello"]
        assert (await play(peers, *options)).output == b"HELLO"
    environment = {"GEARMAN_SERVERS": f"{nameOf(down)},{nameOf(two)}"}
    child = peers.start(*TXGEARMAN, "-f", "work", "again", env=environment)
    assert await child.ended() == 0
    assert child.output == b"AGAIN"


@pytest_twisted.ensureDeferred
async def test_endpoint(fleet: Fleet, peers: Peers) -> None:
    """
    A server may be named by a Twisted endpoint.
    """
    server = await fleet.server()
    fleet.worker(server).register("reverse", reverse)
    options = ["--endpoint", f"tcp:127.0.0.1:{server.port}", "-f", "reverse", "abc"]
    assert (await play(peers, *options)).output == b"cba"
    child = await play(peers, "--endpoint", "pigeon:loft", "-f", "reverse", "abc")
    said = b"txgearman: bad server 'pigeon:loft': Unknown endpoint type: 'pigeon'\n"
    assert (child.output, child.errors, child.status) == (b"", said, 1)


@pytest_twisted.ensureDeferred
async def test_json(fleet: Fleet, peers: Peers) -> None:
    """
    C{--json} prints everything that happens to a job; bytes that are no text are
    in base 64.
    """
    server = await fleet.server()
    worker = fleet.worker(server)

    @worker.register("tell")
    def tell(job: RunningJob[bytes]) -> bytes:
        job.sendData(b"part")
        job.sendWarning(b"careful")
        job.sendStatus(1, 2)
        return b"\xff\x00"

    @worker.register("raise")
    def fail(job: RunningJob[bytes]) -> bytes:
        raise ValueError("no")

    await untilServed(server.port, "raise")
    options = [*where(server), "--json", "-u", "mine", "-f", "tell", "x"]
    child = await play(peers, *options)
    created, *others = values(child)
    handle = created["handle"]
    assert created == {
        "event": "created",
        "function": "tell",
        "handle": handle,
        "server": nameOf(server),
        "unique": "mine",
    }
    about = {"function": "tell", "handle": handle}
    assert others == [
        {"event": "data", **about, "data": "part"},
        {"event": "warning", **about, "data": "careful"},
        {"event": "status", **about, "numerator": 1, "denominator": 2},
        {"event": "completed", **about, "resultBase64": "/wA="},
    ]
    child = await play(peers, *where(server), "--json", "-f", "raise", "x")
    assert child.status == 1
    failed = values(child)[-1]
    assert (failed["event"], failed["error"]) == ("failed", "JobException")
    assert failed["exception"] == "no"


@pytest_twisted.ensureDeferred
async def test_jsonWorker(fleet: Fleet, peers: Peers) -> None:
    """
    A worker without a command prints whose workload it has.
    """
    server = await fleet.server()
    worker = await startWorker(peers, server, "--json", "-c", "1")
    job = await fleet.client(server).submit("work", b"data", unique="mine")
    assert await worker.ended() == 0
    assert values(worker) == [
        {
            "function": "work",
            "handle": job.handle.decode(),
            "unique": "mine",
            "data": "data",
        }
    ]


@pytest_twisted.ensureDeferred
async def test_delay(fleet: Fleet, peers: Peers) -> None:
    """
    A job may wait for its time, which is a time, seconds of the epoch or seconds
    from now; it is a job for the background then.
    """
    server = await fleet.server()
    times = [["--at", "2040-02-29T08:00"], ["--at", "2214115200"], ["--delay", "1e6"]]
    for options in times:
        child = await play(peers, *where(server), "-v", "-f", "later", *options, "x")
        assert re.fullmatch(rb"Task created: H:\S+\n", child.output), child.errors
    past = ["--at", str(time.time() - 10), "-f", "work", "x"]
    assert (await play(peers, *where(server), *past)).status == 0
    worker = await play(peers, *where(server), "-w", "-c", "1", "-f", "work")
    assert (worker.output, worker.status) == (b"x", 0)


@pytest_twisted.ensureDeferred
async def test_timeout(fleet: Fleet, peers: Peers) -> None:
    """
    C{--timeout} ends the wait for a job.
    """
    server = await fleet.server()
    child = await play(peers, *where(server), "--timeout", "0.2", "-f", "nobody", "x")
    said = rb"txgearman: H:\S+: no end within 0.2 s\n"
    assert re.fullmatch(said, child.errors), child.errors
    assert child.status == 1


@pytest_twisted.ensureDeferred
async def test_status(fleet: Fleet, peers: Peers) -> None:
    """
    Jobs can be asked for by handle and by unique, on whatever server they are.
    """
    empty, server = await fleet.server(), await fleet.server()
    client, held = fleet.client(server), Held()
    job = await client.submit("work", b"x", unique="mine")
    servers = where(empty, server)
    handle = job.handle.decode()
    child = await play(peers, *servers, "--status", handle, "--status-unique", "mine")
    assert child.output == f"{handle}\tqueued\nmine\tqueued\n".encode()
    assert child.status == 0
    fleet.worker(server).register("work", held)
    await held.began(1)
    held.jobs[0].sendStatus(3, 4)
    child = await play(peers, *servers, "--json", "--status-unique", "mine")
    told = values(child)[0]
    assert (told["unique"], told["state"]) == ("mine", "running")
    assert (told["numerator"], told["denominator"], told["clients"]) == (3, 4, 1)
    child = await play(peers, *servers, "--status", handle)
    assert child.output == f"{handle}\trunning\t3/4\n".encode()
    held.release()
    await job.whenDone()
    child = await play(peers, *servers, "--status", handle)
    assert (child.output, child.status) == (f"{handle}\tunknown\n".encode(), 1)


@pytest_twisted.ensureDeferred
async def test_ping(fleet: Fleet, peers: Peers) -> None:
    """
    C{--ping} says how fast each server answers, and fails when one does not.
    """
    server, down = await fleet.server(), fleet.down()
    name = nameOf(server)
    child = await play(peers, *where(server), "--ping")
    assert re.fullmatch(name.encode() + rb"\t\d+\.\d\d ms\n", child.output)
    assert child.status == 0
    with socket.create_server(("127.0.0.1", 0)) as silent:
        mute = f"127.0.0.1:{silent.getsockname()[1]}"
        # Long enough for a busy machine.
        options = ["-h", mute, "--timeout", "5", "--ping", "--json"]
        child = await play(peers, *where(server, down), *options)
    assert [told["server"] for told in values(child)] == [name]
    assert child.errors.splitlines() == [
        f"txgearman: no answer from {nameOf(down)}".encode(),
        f"txgearman: no answer from {mute}".encode(),
    ]
    assert child.status == 1


@pytest_twisted.ensureDeferred
async def test_unreachable(peers: Peers) -> None:
    """
    When there is no server, a client and a worker say so in one line, and why.
    """
    port = freePort()
    for options in ["-f f x", "-w -f f", "-w -f f -- cat", "--ping", "--status H:1"]:
        child = await play(peers, "-h", "127.0.0.1", "-p", str(port), *options.split())
        assert child.status == 1
        said = f"txgearman: cannot reach 127.0.0.1:{port} (Connection was refused"
        assert child.errors.startswith(said.encode()), child.errors
        assert child.errors.count(b"\n") == 1


@pytest_twisted.ensureDeferred
async def test_retry(fleet: Fleet, peers: Peers) -> None:
    """
    With C{--retry} a worker may be started before its server.
    """
    down = fleet.down()
    options = ["-w", "-f", "work", "--retry", "-v", *where(down), "--", "cat"]
    worker = peers.start(*TXGEARMAN, *options)
    await until(lambda: b"trying on" in worker.errors, "a first attempt")
    server = await fleet.server(down.port)
    assert await fleet.client(server).call("work", b"hello") == b"hello"


@pytest.mark.parametrize(
    "words",
    [
        "-w -f f --ping",
        "-w -f f --delay 1",
        "-w -f f --reducer r",
        "--ping -f f",
        "--status H:1 word",
        "-f f --at 1 --delay 1",
        "-f f --at tomorrow",
        "-f f --at -1",
        "-f f --delay -1",
        "-f f --delay nan",
        "-f f --timeout 0",
        "-f f -t 0",
        "-w -f f -c some",
        "-w -f f -j 0",
        "-w -f f -- /no/such/command",
    ],
)
def test_usage(words: str, capsys: pytest.CaptureFixture[str]) -> None:
    """
    What makes no sense is said in two lines, and is an exit status of 1.
    """
    from txgearman.scripts.gearman import main

    with pytest.raises(SystemExit) as ended:
        main(words.split())
    said = capsys.readouterr()
    assert ended.value.code == 1
    assert said.out == ""
    assert re.fullmatch(r"txgearman: .+\nTry: txgearman -H\n", said.err)


@pytest_twisted.ensureDeferred
async def test_jobsAtOnce(fleet: Fleet, peers: Peers, tmp_path: Path) -> None:
    """
    C{-j} lets a worker run, and a client wait for, several jobs at once.
    """
    server = await fleet.server()
    # Each ends when all three have begun.
    command = "touch $(cat); while [ $(ls | wc -l) -lt 3 ]; do sleep 0.02; done; ls"
    await startWorker(peers, server, "-j", "3", "--", "sh", "-c", command)
    lines = b"one\ntwo\nthree\n"
    child = await play(
        peers, *where(server), "-j", "3", "-N", "-f", "work", stdin=lines
    )
    assert child.output == 3 * b"one\nthree\ntwo\n"


@pytest_twisted.ensureDeferred
async def test_stream(fleet: Fleet, peers: Peers) -> None:
    """
    With C{-n} a line is submitted when it comes, and not when all have come.
    """
    server = await fleet.server()
    fleet.worker(server).register("reverse", reverse)
    options = [*where(server), "-N", "-f", "reverse"]
    child = peers.start(*TXGEARMAN, *options, stdin=None)
    for word in b"abc", b"def":
        child.write(word + b"\n")
        await until(lambda: child.output.endswith(word[::-1]), "a result")  # noqa: B023, it is awaited here
    child.write(b"ghi")
    child.closeStdin()
    assert await child.ended() == 0
    assert child.output == b"cbafedihg"


@pytest_twisted.ensureDeferred
async def test_nobodyReads(fleet: Fleet, peers: Peers) -> None:
    """
    When nobody reads its output any more, it ends without a word.
    """
    server = await fleet.server()
    fleet.worker(server).register("reverse", reverse)
    tool = " ".join(f"'{word}'" for word in TXGEARMAN)
    command = f"seq 100 | {tool} -h {nameOf(server)} -n -f reverse | head -1"
    child = peers.start("sh", "-c", command)
    assert await child.ended() == 0
    assert child.output == b"\n"
    assert child.errors == b""


@pytest_twisted.ensureDeferred
async def test_lostServer(fleet: Fleet, peers: Peers) -> None:
    """
    A client whose server is lost says so.
    """
    server = await fleet.server()
    child = peers.start(*TXGEARMAN, *where(server), "-v", "-f", "nobody", "x")
    await until(lambda: b"Task created" in child.output, "the job")
    await fleet.kill(server)
    assert await child.ended() == 1
    said = rb"txgearman: H:\S+: The connection to the job's server was lost"
    assert re.match(said, child.errors), child.errors


@pytest_twisted.ensureDeferred
async def test_drain(fleet: Fleet, peers: Peers, tmp_path: Path) -> None:
    """
    A worker that gets a signal ends when its job has.
    """
    server = await fleet.server()
    command = "touch began; while [ ! -e go ]; do sleep 0.02; done; echo done"
    for number in signal.SIGINT, signal.SIGTERM:
        worker = await startWorker(peers, server, "--", "sh", "-c", command)
        job = await fleet.client(server).submit("work", b"")
        await until((tmp_path / "began").exists, "the job runs")
        worker.signal(number)
        await untilServed(server.port, "work", 1)
        (tmp_path / "go").touch()
        assert await job.whenDone() == b"done\n"
        assert await worker.ended() == 0
        assert worker.errors == b""
        for name in "began", "go":
            (tmp_path / name).unlink()


@pytest_twisted.ensureDeferred
async def test_secondSignal(fleet: Fleet, peers: Peers, tmp_path: Path) -> None:
    """
    At a second signal it ends its command, and the job is another worker's.
    """
    server = await fleet.server()
    command = "echo $$ > pid; exec sleep 600"
    worker = await startWorker(peers, server, "-v", "--", "sh", "-c", command)
    job = await fleet.client(server).submit("work", b"")
    pid = tmp_path / "pid"
    await until(lambda: pid.exists() and pid.read_text() != "", "the job runs")
    worker.signal(signal.SIGINT)
    # Two signals that a process finds at the same time are one.
    await until(lambda: b"no more jobs; 1 running" in worker.errors, "the first")
    fleet.worker(server).register("work", lambda job: b"mine now")
    await untilServed(server.port, "work", 2)
    assert worker.status is None
    worker.signal(signal.SIGINT)
    assert await worker.ended() == 0
    assert await job.whenDone() == b"mine now"
    sleeper = Path(f"/proc/{pid.read_text().strip()}")
    await until(lambda: not sleeper.exists(), "the command ends")


@pytest_twisted.ensureDeferred
async def test_controlC(fleet: Fleet, peers: Peers, tmp_path: Path) -> None:
    """
    A Ctrl-C, which the command gets too, does not make its job fail.
    """
    server = await fleet.server()
    command = "touch began; exec sleep 600"
    worker = await startWorker(peers, server, "--", "sh", "-c", command)
    job = await fleet.client(server).submit("work", b"")
    await until((tmp_path / "began").exists, "the command runs")
    os.killpg(worker.pid, signal.SIGINT)
    assert await worker.ended() == 0
    fleet.worker(server).register("work", lambda job: b"mine now")
    assert await job.whenDone() == b"mine now"


@pytest_twisted.ensureDeferred
async def test_commandTimeout(fleet: Fleet, peers: Peers, tmp_path: Path) -> None:
    """
    A command that takes longer than C{--timeout} is ended, and the server gives
    the job to somebody else.
    """
    server = await fleet.server()
    command = "[ -e ran ] && exec cat; touch ran; exec sleep 600"
    worker = await startWorker(
        peers, server, "--timeout", "1", "--", "sh", "-c", command
    )
    assert await fleet.client(server).call("work", b"at last") == b"at last"
    assert b"took longer than 1.0 s" in worker.errors


@pytest_twisted.ensureDeferred
async def test_environment(fleet: Fleet, peers: Peers) -> None:
    """
    The command knows which job it does.
    """
    server = await fleet.server()
    command = 'echo "$GEARMAN_FUNCTION $GEARMAN_HANDLE $GEARMAN_UNIQUE"'
    await startWorker(peers, server, "--", "sh", "-c", command)
    for unique in b"a b", b"\xff\n":
        job = await fleet.client(server).submit("work", b"", unique=unique)
        assert await job.whenDone() == b"work " + job.handle + b" " + unique + b"\n"


@pytest_twisted.ensureDeferred
async def test_argumentsOfBytes(fleet: Fleet, peers: Peers) -> None:
    """
    The command's arguments need not be text.
    """
    server = await fleet.server()
    script = b'exec "$0" -w -h %s -f work -- printf %%s "$(printf "\\377")"'
    tool = " ".join(f"'{word}'" for word in TXGEARMAN)
    line = script.replace(b'"$0"', tool.encode()) % nameOf(server).encode()
    peers.start("sh", "-c", line.decode())
    assert await fleet.client(server).call("work", b"") == b"\xff"


@pytest_twisted.ensureDeferred
async def test_nobodyReadsWorkloads(fleet: Fleet, peers: Peers) -> None:
    """
    A worker whose output nobody reads any more ends, and its job is another's.
    """
    server = await fleet.server()
    client = fleet.client(server)
    tool = " ".join(f"'{word}'" for word in TXGEARMAN)
    child = peers.start("sh", "-c", f"{tool} -w -h {nameOf(server)} -f work | head -1")
    assert await client.call("work", b"one\n") == b""
    await until(lambda: child.output == b"one\n", "the line")
    job = await client.submit("work", b"two\n")
    assert await child.ended() == 0
    assert b"Traceback" not in child.errors
    fleet.worker(server).register("work", lambda job: b"mine now")
    assert await job.whenDone() == b"mine now"


@pytest_twisted.ensureDeferred
async def test_detached(fleet: Fleet, peers: Peers, tmp_path: Path) -> None:
    """
    C{-d} leaves a worker in the background, whose process id is in the file until
    it ends.
    """
    server = await fleet.server()
    pidfile = tmp_path / "pid"
    options = ["-w", "-d", "-i", str(pidfile), "-f", "work", *where(server)]
    child = await play(peers, *options, "--", "pwd")
    assert (child.status, child.output, child.errors) == (0, b"", b"")
    assert await fleet.client(server).call("work", b"") == f"{tmp_path}\n".encode()
    pid = int(pidfile.read_text())
    assert os.getsid(pid) not in (pid, os.getsid(0))
    os.kill(pid, signal.SIGTERM)
    await until(lambda: not pidfile.exists(), "it ends")
    await untilServed(server.port, "work", 0)


@pytest_twisted.ensureDeferred
async def test_reducer(fleet: Fleet, peers: Peers) -> None:
    """
    A worker learns of a C{--reducer}.
    """
    server = await fleet.server()
    fleet.worker(server).register("map", lambda job: job.reducer.encode())
    await untilServed(server.port, "map")
    options = [*where(server), "--reducer", "join", "-f", "map", "x"]
    assert (await play(peers, *options)).output == b"join"


@pytest_twisted.ensureDeferred
async def test_progressBar(fleet: Fleet) -> None:
    """
    On a terminal progress is a bar, which is gone when the result is there.
    """
    server = await fleet.server()
    held = Held()
    fleet.worker(server).register("work", held)
    options = [*where(server), "-v", "-f", "work", "hello"]
    terminal = {"TERM": "xterm-256color", "COLUMNS": "80"}
    child = spawn([*TXGEARMAN, *options], env=terminal, terminal=True)
    await held.began(1)
    held.jobs[0].sendStatus(1, 4)
    await until(lambda: b" 25%" in child.output, "a bar")
    held.jobs[0].sendWarning(b"careful\n")
    held.jobs[0].sendStatus(2, 4)
    await until(lambda: b" 50%" in child.output, "it moves")
    assert b"\xe2\x94\x81" in child.output
    assert b"50% Complete" not in child.output
    held.release()
    assert await child.ended() == 0
    # The last line is erased before the result is written.
    *_, last = child.output.partition(b"\x1b[2K")
    assert last.endswith(b"\x1b[?25h\rhello"), child.output
    assert b"careful" in child.output


@pytest_twisted.ensureDeferred
async def test_terminalWithoutRich(fleet: Fleet) -> None:
    """
    Without rich there are lines.
    """
    server = await fleet.server()
    held = Held()
    fleet.worker(server).register("work", held)
    python, _, code = TXGEARMAN
    without = [python, "-c", f"import sys; sys.modules['rich'] = None; {code}"]
    child = spawn([*without, *where(server), "-f", "work", "x"], terminal=True)
    await held.began(1)
    held.jobs[0].sendStatus(1, 4)
    await until(lambda: b"25% Complete" in child.output, "a line")
    held.release()
    assert await child.ended() == 0


@pytest_twisted.ensureDeferred
async def test_many(fleet: Fleet, peers: Peers) -> None:
    """
    A thousand lines are a thousand jobs, and their results come in order.
    """
    server = await fleet.server()
    fleet.worker(server).register("same", lambda job: job.data)
    lines = b"".join(b"%d\n" % number for number in range(1000))
    child = await play(peers, *where(server), "-n", "-f", "same", stdin=lines)
    assert child.output == lines
    background = [*where(server), "-b", "-j", "100", "-n", "-f", "same"]
    child = await play(peers, *background, stdin=lines)
    assert (child.output, child.status) == (b"", 0)
    await untilDone(server.port, "same")


@pytest_twisted.ensureDeferred
async def test_interrupted(fleet: Fleet, peers: Peers, tmp_path: Path) -> None:
    """
    A client that gets a signal dies of it, without a word, and leaves no pidfile.
    """
    server = await fleet.server()
    pidfile = tmp_path / "pid"
    options = [*where(server), "-v", "-i", str(pidfile), "-f", "nobody"]
    for number in signal.SIGINT, signal.SIGTERM:
        child = peers.start(*TXGEARMAN, *options, "x")
        await until(lambda: b"Task created" in child.output, "the job")  # noqa: B023, it is awaited here
        assert pidfile.read_text() == f"{child.pid}\n"
        child.signal(number)
        assert await child.ended() == -number
        assert child.errors == b""
        assert not pidfile.exists()
    reading = peers.start(*TXGEARMAN, *options, "-n", stdin=None)
    await until(pidfile.exists, "it starts")
    reading.write(b"line\n")
    await until(lambda: b"Task created" in reading.output, "the first job")
    reading.signal(signal.SIGINT)
    assert await reading.ended() == -signal.SIGINT
    assert reading.errors == b""


@pytest_twisted.ensureDeferred
async def test_stubbornCommand(fleet: Fleet, peers: Peers, tmp_path: Path) -> None:
    """
    A command that does not end when it is asked to is killed before the worker
    ends.
    """
    server = await fleet.server()
    command = "trap '' TERM; echo $$ > pid; while true; do sleep 0.1; done"
    worker = await startWorker(peers, server, "--", "sh", "-c", command)
    await fleet.client(server).submit("work", b"")
    pid = tmp_path / "pid"
    await until(lambda: pid.exists() and pid.read_text() != "", "the job runs")
    for _ in range(2):
        worker.signal(signal.SIGTERM)
        await pause(0.2)
    assert await worker.ended() == 0
    assert not Path(f"/proc/{pid.read_text().strip()}").exists()


@pytest_twisted.ensureDeferred
async def test_ownHandlingOfSignals(fleet: Fleet, peers: Peers, tmp_path: Path) -> None:
    """
    A command that catches a Ctrl-C and says so has not failed, while one that fails
    by itself meanwhile has.
    """
    server = await fleet.server()
    command = "trap 'exit 130' INT; touch $(cat); while true; do sleep 0.1; done"
    for ending, text in (("exit 130", b"mine now"), ("exit 9", None)):
        words = command.replace("exit 130", ending)
        worker = await startWorker(peers, server, "--", "sh", "-c", words)
        name = ending.replace(" ", "")
        job = await fleet.client(server).submit("work", name.encode())
        await until((tmp_path / name).exists, "the command runs")
        os.killpg(worker.pid, signal.SIGINT)
        assert await worker.ended() == 0
        if text is None:
            with pytest.raises(JobFailed):
                await job.whenDone()
        else:
            other = fleet.worker(server)
            other.register("work", lambda job: b"mine now")
            assert await job.whenDone() == text
            await other.stopService()


@pytest_twisted.ensureDeferred
async def test_countOverServers(fleet: Fleet, peers: Peers) -> None:
    """
    C{-c} is exact, however many servers have jobs.
    """
    one, two = await fleet.server(), await fleet.server()
    for server in one, two:
        await fleet.client(server).submitMany("work", [b"x\n"] * 5, background=True)
    for count, jobs in ((1, 2), (2, 2), (3, 8)):
        options = ["-w", "-c", str(count), "-j", str(jobs), "-f", "work"]
        child = await play(peers, *where(one, two), *options)
        assert (child.output, child.status) == (count * b"x\n", 0)


@pytest_twisted.ensureDeferred
async def test_closedStreams(fleet: Fleet, peers: Peers) -> None:
    """
    A closed stdin is an empty one, and a closed stdout takes what it gets.
    """
    server = await fleet.server()
    fleet.worker(server).register("size", lambda job: b"%d" % len(job.data))
    tool = " ".join(f"'{word}'" for word in TXGEARMAN)
    command = f"{tool} -h {nameOf(server)} -f size"
    child = peers.start("sh", "-c", f"{command} <&-")
    assert (await child.ended(), child.output, child.errors) == (0, b"0", b"")
    child = peers.start("sh", "-c", f"{command} >&-")
    assert (await child.ended(), child.output, child.errors) == (0, b"", b"")


@pytest_twisted.ensureDeferred
async def test_impatient(peers: Peers) -> None:
    """
    The time is also the time to find a server in.
    """
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        name = f"tls:127.0.0.1:{port}"
        child = await play(peers, "--endpoint", name, "-t", "300", "-f", "f", "x")
    assert child.errors.startswith(b"txgearman: cannot reach tls:127.0.0.1:")
    assert child.status == 1


@pytest_twisted.ensureDeferred
async def test_nobodyReadsOn(fleet: Fleet, peers: Peers) -> None:
    """
    A client ends as soon as nobody reads what a job sends, and not with the job.
    """
    server = await fleet.server()
    held = Held()
    fleet.worker(server).register("work", held)
    tool = " ".join(f"'{word}'" for word in TXGEARMAN)
    command = f"{tool} -h {nameOf(server)} -s -f work | head -1"
    child = peers.start("sh", "-c", command)
    await held.began(1)
    held.jobs[0].sendData(b"one\n")
    await until(lambda: child.output == b"one\n", "a line")
    held.jobs[0].sendData(b"two\n")
    held.jobs[0].sendData(b"three\n")
    assert await child.ended() == 0
    assert child.errors == b""
    assert held.running == 1
