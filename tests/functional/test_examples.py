"""
The examples, as processes of their own, with gearmand and with the server of this
project.
"""

from __future__ import annotations

import hashlib
import re
import signal
import socket
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.client import HTTPConnection
from pathlib import Path

import pytest
import pytest_twisted
from attrs import define
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.threads import deferToThread

from tests.functional.conftest import Starter
from tests.functional.fleet import Fleet, Held, reverse, startingFleet
from tests.functional.processes import (
    PATIENCE,
    Child,
    JobServer,
    freePort,
    listening,
    spawn,
    until,
)

fleet = startingFleet

FOLDER = Path(__file__).parents[2] / "examples"

eachServer = pytest.mark.parametrize("kind", ["gearmand", "txgearman"])


def start(example: str, *arguments: str, servers: str = "") -> Child:
    """
    Start an example.

    @param servers: what the environment says about where the job servers are.
    """
    return spawn(
        [sys.executable, str(FOLDER / example), *arguments],
        env={"GEARMAN_SERVERS": servers, "PYTHONUNBUFFERED": "1"},
        stdin=b"",
    )


async def play(example: str, *arguments: str, servers: str = "") -> str:
    """
    Run an example to its end, which must be a good one.

    @return: what it printed.
    """
    child = start(example, *arguments, servers=servers)
    assert (await child.ended(), child.errors) == (0, b"")
    return child.output.decode()


def at(server: JobServer) -> str:
    """
    Say where a server is, as an option.
    """
    return f"--servers=127.0.0.1:{server.port}"


@pytest_twisted.ensureDeferred
async def test_demo() -> None:
    """
    The demonstration shows results, progress and a failure.
    """
    lines = (await play("demo.py")).splitlines()
    assert "'hello' reversed is 'olleh'" in lines
    assert "  JobProgress(numerator=2, denominator=3)" in lines
    assert "JobException: this is beyond me" in lines
    assert lines[-1] == "done"


PROGRESS = """\
  bread for 2.40
  1 of 3
  milk for 1.20
  2 of 3
  honey for 5.30
  3 of 3
morning: 8.90
  olives for 3.10
  25%
  careful: no price for wine: '?'
  50%
  cheese for 6.00
  75%
  tea for 4.25
  100%
evening: 13.35
"""


@eachServer
@pytest_twisted.ensureDeferred
async def test_progress(servers: Starter, kind: str) -> None:
    """
    What a worker reports is shown in order, by callbacks and by iteration.
    """
    server = await servers(kind)
    assert await play("progress.py", at(server)) == PROGRESS


@pytest_twisted.ensureDeferred
async def test_environment(servers: Starter) -> None:
    """
    Without an option, the server is the one that the environment names.
    """
    server = await servers("txgearman")
    assert await play("progress.py", servers=f"127.0.0.1:{server.port}") == PROGRESS


@eachServer
@pytest_twisted.ensureDeferred
async def test_threads(servers: Starter, kind: str) -> None:
    """
    Each key is derived, with progress reported from its thread in order, and
    several threads are at work at once.
    """
    server = await servers(kind)
    printed = await play("threads.py", at(server))
    keys = dict(re.findall(r"^(\w[\w ]*): ([0-9a-f]{64})$", printed, re.MULTILINE))
    assert len(keys) == 6
    key = b"joshua"
    for _ in range(5):
        key = hashlib.pbkdf2_hmac("sha256", key, b"salt", 100_000)
    assert keys["joshua"] == key.hex()
    for password in keys:
        steps = re.findall(rf"^  {password}: (\d) of 5$", printed, re.MULTILINE)
        assert steps == ["1", "2", "3", "4", "5"]
    last = re.search(
        r"^[\d.]+ s of work in [\d.]+ s, (\d) jobs at once\n\Z", printed, re.M
    )
    assert last is not None
    assert 2 <= int(last[1]) <= 4


@define
class Texts:
    """
    Files whose words are to be counted.
    """

    paths: list[str]
    commonest: str

    @classmethod
    def write(cls, folder: Path) -> Texts:
        """
        Write two files, in which each word stands as often as it is long.
        """
        words = ["I", "am", "the", "very", "model", "modern", "general", "of", "a"]
        lines = [" ".join([word] * len(word) * 40) for word in words]
        texts = "\n".join(lines[:5]) + "\n", "\n".join(lines[5:]) + "\n"
        paths = [folder / "one", folder / "two"]
        for path, text in zip(paths, texts, strict=True):
            path.write_text(text)
        counts = Counter("".join(texts).lower().split())
        rows = sorted(counts.items(), key=lambda row: (-row[1], row[0]))
        commonest = "".join(f"{number:6} {word}\n" for word, number in rows)
        return cls([str(path) for path in paths], commonest)


@eachServer
@pytest_twisted.ensureDeferred
async def test_mapReduce(servers: Starter, kind: str, tmp_path: Path) -> None:
    """
    The server gives the job to a worker together with the name of its reducer,
    and the words of all parts are counted.
    """
    server = await servers(kind)
    texts = Texts.write(tmp_path)
    printed = await play("map_reduce.py", at(server), *texts.paths)
    assert printed.endswith("counts]\n" + texts.commonest)
    parts = re.search(r"^\[\S+: (\d+) parts\]$", printed, re.MULTILINE)
    assert parts is not None
    assert int(parts[1]) > 1
    assert len(re.findall(r"^\[\S+: \d+ characters\]$", printed, re.M)) == int(parts[1])
    assert f": {parts[1]} counts]\n" in printed


@eachServer
@pytest_twisted.ensureDeferred
async def test_mapReduceTogether(servers: Starter, kind: str, tmp_path: Path) -> None:
    """
    Several that run at once do each other's jobs; none waits for ever, and none
    leaves before what it does for another is done.
    """
    server = await servers(kind)
    texts = Texts.write(tmp_path)
    playing = [
        Deferred.fromCoroutine(play("map_reduce.py", at(server), *texts.paths))
        for _ in range(4)
    ]
    printed = await gatherResults(playing, consumeErrors=True)
    assert all(texts.commonest in one for one in printed)
    assert sum(one.count(" parts]") for one in printed) == 4


@pytest.mark.parametrize(
    ("example", "arguments"),
    [
        ("progress.py", []),
        ("threads.py", []),
        ("map_reduce.py", [__file__]),
        ("web.py", ["--timeout=2", "--worker", "--port=0"]),
    ],
)
@pytest_twisted.ensureDeferred
async def test_noServer(example: str, arguments: list[str]) -> None:
    """
    A server that cannot be reached, or understood, is one line and a bad exit
    status.
    """
    down = f"127.0.0.1:{freePort()}"
    for servers, said in [
        (down, f"cannot reach {down}"),
        ("pigeon:1:2", "bad server 'pigeon:1:2': Unknown endpoint type: 'pigeon'"),
    ]:
        child = start(example, *arguments, f"--servers={servers}")
        assert await child.ended() == 1
        assert child.errors.decode().startswith(f"{example}: {said}")
        assert child.errors.count(b"\n") == 1
        assert b"Traceback" not in child.output


@pytest.mark.parametrize("example", ["progress.py", "threads.py"])
@eachServer
@pytest_twisted.ensureDeferred
async def test_interrupted(servers: Starter, kind: str, example: str) -> None:
    """
    Ctrl-C ends an example amid its jobs, with a line about the job that it gave
    up.
    """
    server = await servers(kind)
    child = start(example, at(server))
    await until(lambda: b" of " in child.output, "progress is reported")
    child.signal(signal.SIGINT)
    assert await child.ended() == 1
    assert child.errors.startswith(f"{example}: ".encode())
    assert child.errors.count(b"\n") == 1
    assert b"The connection to the job's server was lost" in child.errors


@define
class Website:
    """
    The web application.
    """

    port: int
    child: Child

    @classmethod
    async def start(cls, server: JobServer, *options: str) -> Website:
        """
        Start it.
        """
        port = freePort()
        child = start("web.py", f"--port={port}", at(server), *options)
        await listening(port, child)
        return cls(port, child)

    def request(
        self, path: str, body: bytes | None = None
    ) -> Deferred[tuple[int, str]]:
        """
        Send a request.

        @param body: posted, if there is one.
        @return: fires with the status and the body of the response.
        """
        return deferToThread(self._request, path, body)

    def _request(self, path: str, body: bytes | None) -> tuple[int, str]:
        website = HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        with closing(website):
            website.request("GET" if body is None else "POST", path, body)
            response = website.getresponse()
            return response.status, response.read().decode()

    @contextmanager
    def asking(self, path: str) -> Iterator[None]:
        """
        Send a request, and hang up at the end.
        """
        with socket.create_connection(("127.0.0.1", self.port)) as connection:
            connection.sendall(f"GET {path} HTTP/1.0\r\n\r\n".encode())
            yield

    async def answers(self) -> None:
        """
        Wait until it answers well.
        """
        for _ in range(10):
            if await self.request("/reverse/hello") == (200, "olleh"):
                return
        raise AssertionError("no good answer comes")

    async def stop(self) -> None:
        """
        End it as Ctrl-C does; it must have been well all the time.
        """
        self.child.signal(signal.SIGINT)
        assert await self.child.ended() == 0
        assert self.child.errors == b""
        assert b"Traceback" not in self.child.output
        assert b"Unhandled" not in self.child.output


@eachServer
@pytest_twisted.ensureDeferred
async def test_web(servers: Starter, kind: str) -> None:
    """
    Routes answer with what a worker makes of the path or of the body, and with
    what it says when it cannot.
    """
    website = await Website.start(await servers(kind), "--worker")
    assert await website.request("/reverse/hello") == (200, "olleh")
    assert await website.request("/reverse/%C3%A4b") == (200, "b\u00e4")
    assert await website.request("/sort", b"pear\nfig\n") == (200, "fig\npear\n")
    assert await website.request("/root/6.25") == (200, "2.5")
    status, text = await website.request("/root/-1")
    assert status == 502
    assert text.endswith(": no number with a root\n")
    assert (await website.request("/nowhere"))[0] == 404
    many = [website.request(f"/reverse/{number}") for number in range(100, 150)]
    assert await gatherResults(many) == [
        (200, str(number)[::-1]) for number in range(100, 150)
    ]
    await website.stop()


@pytest_twisted.ensureDeferred
async def test_webWithout(fleet: Fleet) -> None:
    """
    Without a worker, the answer is 504 after a while, without a job server 503;
    when they are there again, so are the answers.
    """
    server = await fleet.server()
    website = await Website.start(server, "--timeout=2")
    status, text = await website.request("/reverse/hello")
    assert status == 504
    assert text.endswith("no end within 2.0 s\n")
    await fleet.kill(server)
    status, text = await website.request("/reverse/hello")
    assert status == 503
    assert text.startswith(f"cannot reach 127.0.0.1:{server.port}")
    server = await fleet.server(server.port)
    fleet.worker(server).register("reverse", reverse)
    await website.answers()
    await website.stop()


@pytest_twisted.ensureDeferred
async def test_webLoses(fleet: Fleet) -> None:
    """
    A job server that is lost amid a job is 502. Who does not wait for the answer,
    and who still waits when the application is stopped, does it no harm.
    """
    server = await fleet.server()
    held = Held()
    fleet.worker(server, concurrency=3).register("reverse", held)
    website = await Website.start(server)
    with website.asking("/reverse/first"):
        patient = website.request("/reverse/second")
        await held.began(2)
    await fleet.kill(server)
    status, text = await patient
    assert status == 502
    assert "The connection to the job's server was lost" in text
    server = await fleet.server(server.port)
    with website.asking("/reverse/third"):
        await held.began(3)
        await website.stop()


@pytest_twisted.ensureDeferred
async def test_webPortInUse(servers: Starter) -> None:
    """
    A port in use is one line and a bad exit status.
    """
    server = await servers("txgearman")
    child = start("web.py", f"--port={server.port}", at(server))
    assert await child.ended() == 1
    assert child.errors.decode().startswith("web.py: Couldn't listen on 127.0.0.1:")
    assert child.errors.count(b"\n") == 1
