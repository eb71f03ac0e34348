"""
Tests of the job server with a file of policies, and of SIGHUP.
"""

from __future__ import annotations

import signal
from pathlib import Path

import pytest
import pytest_twisted

from tests.functional.conftest import Starter
from tests.functional.processes import TWISTD, JobServer, freePort, spawn, until
from tests.functional.raw import RawPeer, connect

LIMITED = '[functions."mail.*"]\nqueue_limit = {}\n'


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """
    Where the configuration is.
    """
    return tmp_path / "gearman.toml"


async def fill(client: RawPeer, function: bytes, most: int = 10) -> int:
    """
    Submit background jobs until one is refused.

    @return: how many were not.
    """
    for number in range(most):
        client.send("SUBMIT_JOB_BG", function, b"", b"")
        answer = await client.next()
        if answer.name == "ERROR":
            assert answer.arguments[0] == b"QUEUE_ERROR"
            return number
        assert answer.name == "JOB_CREATED", answer
    return most


async def hangUp(server: JobServer, *words: bytes) -> bytes:
    """
    Send a server SIGHUP.

    @param words: what is in the line that it logs then.
    @return: that line.
    """
    before = len(server.child.output)

    def line() -> bytes:
        lines = server.child.output[before:].splitlines(keepends=True)
        found = [one for one in lines if all(word in one for word in words)]
        return found[0] if found and found[0].endswith(b"\n") else b""

    server.child.signal(signal.SIGHUP)
    await until(lambda: bool(line()), f"a line with {words}")
    return line()


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (None, "No such file or directory"),
        (
            '[functions."mail.*"]\natempts = 3',
            'functions."mail.*": atempts is no key of a policy; did you mean attempts?',
        ),
        ("[functions.f]\nattempts = -1", "functions.f: attempts wants a whole number"),
        ("[functions.f]\nattempts = ", "Invalid value (at "),
        ("[schedules.s]\nevery = 5", "schedules.s: it lacks a function"),
    ],
)
@pytest_twisted.ensureDeferred
async def test_badFile(text: str | None, complaint: str, path: Path) -> None:
    """
    A file that cannot be used is one line, an exit status of 1 and no traceback.
    """
    if text is not None:
        path.write_text(text)
    arguments = [*TWISTD, f"--port={freePort()}", f"--config={path}"]
    child = spawn(arguments, cwd=str(path.parent))
    assert await child.ended() == 1
    said = (child.output + child.errors).decode()
    [line] = [line for line in said.splitlines() if "gearman: " in line]
    assert line.startswith(f"gearman: --config: {path}: {complaint}")
    assert "Traceback" not in said


@pytest_twisted.ensureDeferred
async def test_policies(servers: Starter, path: Path) -> None:
    """
    What the file says holds for clients that know nothing of it: a queue is full.
    """
    path.write_text(LIMITED.format(2))
    # A relative name, as people type it.
    server = await servers("txgearman", f"--config={path.name}")
    client = await connect(server.port)
    assert await fill(client, b"mail.welcome") == 2
    assert await fill(client, b"mail.other") == 2
    assert await fill(client, b"other") == 10


@pytest_twisted.ensureDeferred
async def test_again(servers: Starter, path: Path) -> None:
    """
    At SIGHUP the file is read again and holds at once; one that is broken changes
    nothing.
    """
    path.write_text(LIMITED.format(2))
    server = await servers("txgearman", f"--config={path}")
    client = await connect(server.port)
    assert await fill(client, b"mail.f") == 2
    path.write_text(LIMITED.format(5))
    await hangUp(server, b"read", bytes(path), b"again")
    assert await fill(client, b"mail.f") == 3
    path.write_text(LIMITED.format('"many"'))
    line = await hangUp(server, b"stays as it is", bytes(path))
    assert b'functions."mail.*": queue_limit wants a whole number' in line
    assert b"'many'" in line
    assert await fill(client, b"mail.f") == 0
    path.write_text("")
    await hangUp(server, b"read", b"again")
    assert await fill(client, b"mail.f") == 10
    assert b"Traceback" not in server.child.output


@pytest_twisted.ensureDeferred
async def test_schedules(servers: Starter, path: Path) -> None:
    """
    A schedule of the file submits jobs, from SIGHUP on too.
    """
    path.write_text("")
    server = await servers("txgearman", f"--config={path}")
    worker = await connect(server.port)
    worker.send("CAN_DO", b"tick")
    worker.send("PRE_SLEEP")
    assert await worker.settle() == b""
    path.write_text('[schedules.tick]\nfunction = "tick"\ndata = "x"\nevery = 1\n')
    await hangUp(server, b"read", b"again")
    await worker.expect("NOOP")
    worker.send("GRAB_JOB")
    job = await worker.expect("JOB_ASSIGN")
    assert job.arguments[1:] == [b"tick", b"x"]


@pytest_twisted.ensureDeferred
async def test_noFile(servers: Starter) -> None:
    """
    Without a file, SIGHUP ends the server, as it ends any twistd.
    """
    server = await servers("txgearman")
    server.child.signal(signal.SIGHUP)
    assert await server.child.ended() == -signal.SIGHUP
