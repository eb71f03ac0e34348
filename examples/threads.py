"""
A worker whose function blocks, and so runs in threads.

Start a job server, and run this beside it::

    twistd --nodaemon gearman &
    python examples/threads.py

The worker derives keys from passwords, which takes a processor a good while; in
the reactor's thread, it would be deaf and mute meanwhile. It does four jobs at
once, each in a thread, so their progress comes mixed. The last line says how long
the jobs took together, and how long one had to wait for them: less, since they
overlap.

Threads are for what blocks without keeping Python busy: key derivation, which
lets other threads run, as well as files, databases and foreign libraries. A
function that computes in Python itself is one for C{inProcess}.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
import time
from threading import Lock

from twisted.application.service import MultiService
from twisted.internet.base import ReactorBase
from twisted.internet.task import react

from txgearman import (
    TEXT,
    Client,
    GearmanError,
    RemoteJob,
    RunningJob,
    Worker,
    inThread,
)

PASSWORDS = ["swordfish", "open sesame", "joshua", "mellon", "xyzzy", "tiger"]
ROUNDS = 5
ITERATIONS = 100_000


class KeyDerivation:
    """
    A worker's function, and what it was busy with. It is called in several
    threads, so what they share needs a lock.

    @ivar seconds: how long all jobs took together.
    @ivar peak: how many ran at once at most.
    """

    def __init__(self) -> None:
        self.seconds = 0.0
        self.peak = 0
        self._running = 0
        self._lock = Lock()

    def __call__(self, job: RunningJob[str]) -> str:
        """
        Derive a key from a password.
        """
        began = time.monotonic()
        with self._lock:
            self._running += 1
            self.peak = max(self.peak, self._running)
        try:
            return self._derive(job)
        finally:
            with self._lock:
                self._running -= 1
                self.seconds += time.monotonic() - began

    def _derive(self, job: RunningJob[str]) -> str:
        key = job.data.encode()
        for number in range(1, ROUNDS + 1):
            if job.lost:
                # Nobody can end a thread from outside: it has to look.
                raise RuntimeError("nobody wants this key any more")
            key = hashlib.pbkdf2_hmac("sha256", key, b"salt", ITERATIONS)
            job.sendStatus(number, ROUNDS)
        return key.hex()


async def deriveAll(client: Client[str]) -> None:
    """
    Have a key derived from each password, all at once, and show how that goes.
    """
    jobs: list[tuple[str, RemoteJob[str]]] = []
    for password in PASSWORDS:

        def show(done: int, of: int, password: str = password) -> None:
            print(f"  {password}: {done} of {of}")

        job = await client.submit("derive", password, onStatus=show)
        jobs.append((password, job))
    for password, job in jobs:
        print(f"{password}: {await job.whenDone()}")


async def main(reactor: ReactorBase, *arguments: str) -> None:
    """
    Run the worker and a client with more jobs than the worker does at once.
    """
    parser = argparse.ArgumentParser(description="Derive keys in threads.")
    parser.add_argument("--servers", help="by default GEARMAN_SERVERS, or localhost")
    options = parser.parse_args(arguments)
    derivation = KeyDerivation()
    try:
        worker = Worker(reactor, options.servers, codec=TEXT, concurrency=4)
        worker.register("derive", inThread(derivation))
        client = Client(reactor, options.servers, codec=TEXT, connectTimeout=3)
        services = MultiService()
        for service in (worker, client):
            service.setServiceParent(services)
        services.startService()
        # The reactor waits for this, at the end as after Ctrl-C.
        reactor.addSystemEventTrigger("before", "shutdown", services.stopService)
        began = time.monotonic()
        await deriveAll(client)
        waited = time.monotonic() - began
    except GearmanError as error:
        sys.exit(f"threads.py: {error}")
    print(
        f"{derivation.seconds:.1f} s of work in {waited:.1f} s,"
        f" {derivation.peak} jobs at once"
    )


if __name__ == "__main__":
    react(main, sys.argv[1:])
