"""
Rounds: a server is started on what the last one left, has a lot to do, and is killed.
"""

from __future__ import annotations

import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Final

from attrs import define, field

from tests.crash.checks import checkStore
from tests.crash.clients import Client, Submitting
from tests.crash.ledger import End, Ledger
from tests.crash.peers import Asker, Crowd
from tests.crash.server import PATIENCE, Server
from tests.crash.stores import Backend
from tests.crash.workers import Worker
from tests.functional.processes import freePort
from txgearman.stores.interface import SavedJob, Unreadable

# How rounds end, and how often: the server is killed under load, as soon as it has
# started, or while it does; or it is asked to end, or to drain and then end.
_PLAIN: Final = {"load": 65, "term": 10, "early": 7, "start": 12, "drain": 6}

# With a process behind the store: that is killed and started again before the server
# is killed; or both are killed; or both, and the server is started first.
_OUTAGES: Final = {"outage": 25, "blackout": 15, "dark": 15}

# So many jobs in the store are enough for now.
_MANY: Final = 5000

# How long a server may take to find that its store works again, in seconds.
_RECOVERY: Final = 20.0

# How long the last server may take to have everything done, in seconds.
_LAST: Final = 180.0


@define
class Figures:
    """
    What is told in the end.

    @ivar kinds: how many rounds of each kind there were.
    @ivar slowest: the longest time until a server answered, in seconds.
    @ivar recovery: the longest time until it took jobs again after its store was
        down, in seconds.
    @ivar stop: the longest time until it ended after SIGTERM, in seconds.
    @ivar most: the most jobs that a server found in its store.
    """

    kinds: Counter[str] = field(factory=Counter)
    slowest: float = 0.0
    recovery: float = 0.0
    stop: float = 0.0
    most: int = 0


class Rounds:
    """
    All rounds on one store.

    @ivar ledger: what happened.
    @ivar figures: how often, and how long it took.
    """

    def __init__(
        self,
        backend: Backend,
        folder: Path,
        seed: int,
        killStore: bool = False,
        scheduled: bool = False,
    ) -> None:
        """
        @param seed: what everything is decided by.
        @param killStore: whether the process behind the store is killed too.
        @param scheduled: whether jobs are submitted that wait for up to a minute.
        """
        self.ledger = Ledger()
        self.figures = Figures()
        self._backend = backend
        self._folder = folder
        self._seed = seed
        self._random = random.Random(seed)
        self._kinds = (_OUTAGES if killStore else {}) | _PLAIN
        self._submitting = Submitting(scheduled)
        self._port = freePort()
        self._server: Server | None = None
        self._kept = 0

    def close(self) -> None:
        """
        Leave nothing running.
        """
        if self._server is not None:
            self._server.kill()

    def play(self) -> None:
        """
        Play a round.
        """
        # What comes and goes meanwhile is not the same twice.
        number = self.figures.kinds.total()
        self._random = random.Random(f"{self._seed} {number}")
        kinds, weights = list(self._kinds), list(self._kinds.values())
        # Each of them once, and then by chance.
        [kind] = kinds[number : number + 1] or self._random.choices(kinds, weights)
        self.figures.kinds[kind] += 1
        if self._random.random() < 0.1:
            self._port = freePort()
        server = self._start()
        if kind == "start":
            usual = self.figures.slowest or 1.0
            time.sleep(self._random.uniform(0, usual))
            self._kill(server)
        elif self._ready(server):
            if kind != "early":
                self._count(server)
            getattr(self, f"_{kind}")(server, self._gather())
        self._look()

    def finish(self) -> None:
        """
        Have all done that waits, by a server that is not killed.
        """
        server = self._start()
        if self._ready(server):
            self._count(server)
            crowd = self._crowd()
            asker = Asker(crowd)
            for _ in range(4):
                Worker(crowd, 8, steady=True)
            # Jobs that are to come have been counted as well.
            if not crowd.runUntil(lambda: asker.jobs == 0, _LAST):
                self.ledger.violate(f"{asker.jobs} jobs wait and are not done")
            self._terminate(server, crowd)
        if self._look():
            self.ledger.violate(f"{self._kept} jobs are left in the store")

    # The server

    def _start(self) -> Server:
        self.ledger.begin()
        server = Server(self._folder, self._port, self._backend.url)
        self._server = server
        return server

    def _ready(self, server: Server) -> bool:
        if server.ready():
            self.figures.slowest = max(self.figures.slowest, server.readyAfter)
            return True
        self.ledger.violate(
            f"life {self.ledger.life.number} does not answer (exit status"
            f" {server.status}):\n{server.log()[-2000:]}"
        )
        self._kill(server)
        return False

    def _count(self, server: Server) -> None:
        """
        See that all that is in the store waits for a worker.
        """
        end = time.monotonic() + PATIENCE
        while True:
            # One that comes due while the store is read may be read twice: once more
            # in its new place.
            rows = {row.number: row for row in self._rows()}.values()
            kept = Counter((row.function, row.priority) for row in rows)
            waiting = server.waiting()
            if waiting == kept:
                return
            if time.monotonic() > end:
                break
            time.sleep(0.05)
        life = self.ledger.life.number
        lacks, more = kept - waiting, waiting - kept
        self.ledger.violate(f"life {life} lacks {lacks} of its store; {more} is new")

    def _kill(self, server: Server, crowd: Crowd | None = None) -> None:
        life = self.ledger.life
        if server.status is not None:
            self.ledger.violate(
                f"life {life.number} ended by itself with {server.status}:\n"
                f"{server.log()[-2000:]}"
            )
        life.ended, life.end = time.time(), End.KILLED
        server.kill()
        if crowd is not None:
            crowd.finish()

    def _terminate(
        self, server: Server, crowd: Crowd, number: int = signal.SIGTERM
    ) -> None:
        life = self.ledger.life
        life.ended, life.end = time.time(), End.TERMINATED
        server.signal(number)
        if not self._while(crowd, PATIENCE, lambda: server.status is not None):
            self.ledger.violate(f"life {life.number} does not end")
            server.kill()
        self.figures.stop = max(self.figures.stop, time.time() - life.ended)
        # twistd ends by the signal that it was sent, when all is put away.
        if server.status not in (0, -number):
            self.ledger.violate(f"life {life.number} ended with {server.status}")
        crowd.finish()

    def _look(self) -> int:
        """
        Look at what the last server has left.

        @return: how many jobs that is.
        """
        self._read()
        jobs = self._rows()
        checkStore(self.ledger, jobs)
        self._kept = len(jobs)
        self.figures.most = max(self.figures.most, self._kept)
        return self._kept

    def _rows(self) -> list[SavedJob]:
        """
        Look at what is in the store.
        """
        jobs = []
        for row in self._backend.rows():
            if isinstance(row, SavedJob):
                jobs.append(row)
            elif isinstance(row, Unreadable):
                self.ledger.violate(f"{row.name} cannot be read: {row.reason}")
        return jobs

    def _read(self) -> None:
        """
        Read what the last server has said.
        """
        server, life = self._server, self.ledger.life
        assert server is not None
        if complaints := server.complaints(life.outage):
            log = "\n".join(complaints)
            self.ledger.violate(f"the log of life {life.number}:\n{log}")

    # The load

    def _gather(self) -> Crowd:
        """
        Connect clients and workers.
        """
        crowd = self._crowd()
        many = self._kept > _MANY
        for _ in range(
            self._random.randint(0, 1) if many else self._random.randint(2, 6)
        ):
            self._client(crowd)
        for _ in range(4 if many else self._random.randint(0, 5)):
            self._worker(crowd)
        return crowd

    def _crowd(self) -> Crowd:
        chance = random.Random(self._random.random())
        return Crowd(self.ledger, chance, self._port)

    def _client(self, crowd: Crowd) -> None:
        window = crowd.random.choice((1, 2, 4, 8, 16, 32, 64))
        Client(crowd, self._submitting, window)

    def _worker(self, crowd: Crowd) -> None:
        Worker(crowd, crowd.random.choice((1, 1, 2, 8)))

    def _while(
        self, crowd: Crowd, seconds: float, over: Callable[[], bool] = bool
    ) -> bool:
        """
        Go on until something has happened; peers come and go meanwhile.

        @return: whether it has, and the time was not over before.
        """
        end = time.monotonic() + seconds
        while not over():
            if time.monotonic() > end:
                return False
            self._comeAndGo(crowd)
            crowd.turn()
        return True

    def _comeAndGo(self, crowd: Crowd) -> None:
        clients = [peer for peer in crowd.peers if isinstance(peer, Client)]
        for client in clients:
            client.fill()
        if self.ledger.life.end is not None:
            return
        if clients and crowd.random.random() < 0.003:
            crowd.random.choice(clients).close()
            self._client(crowd)
        if crowd.random.random() < 0.01 and len(crowd.peers) < 12:
            self._worker(crowd)

    # The ends

    def _load(self, server: Server, crowd: Crowd) -> None:
        self._while(crowd, self._random.uniform(0.2, 1.5))
        self._kill(server, crowd)

    def _early(self, server: Server, crowd: Crowd) -> None:
        self._while(crowd, self._random.uniform(0, 0.1))
        self._kill(server, crowd)

    def _term(self, server: Server, crowd: Crowd) -> None:
        self._while(crowd, self._random.uniform(0.1, 1.0))
        if self._random.random() < 0.5:
            self._hearOut(crowd)
        self._terminate(server, crowd)

    def _drain(self, server: Server, crowd: Crowd) -> None:
        self._while(crowd, self._random.uniform(0.1, 1.0))
        self._terminate(server, crowd, signal.SIGUSR1)

    def _hearOut(self, crowd: Crowd) -> None:
        """
        See that each client is answered all that it has asked.
        """

        def over() -> bool:
            return not any(isinstance(p, Client) and p.waits for p in crowd.peers)

        if not crowd.runUntil(over, PATIENCE):
            self.ledger.violate(f"life {self.ledger.life.number} answers no more")

    def _outage(self, server: Server, crowd: Crowd) -> None:
        self._while(crowd, self._random.uniform(0.2, 1.0))
        self._storeDown()
        self._while(crowd, self._random.uniform(0.1, 1.5))
        self._storeUp(crowd)
        self._while(crowd, self._random.uniform(0, 0.5))
        self._kill(server, crowd)

    def _blackout(self, server: Server, crowd: Crowd) -> None:
        self._while(crowd, self._random.uniform(0.2, 1.0))
        self._storeDown()
        self._while(crowd, self._random.uniform(0, 0.5))
        self._kill(server, crowd)
        self._backend.start()

    def _dark(self, server: Server, crowd: Crowd) -> None:
        self._while(crowd, self._random.uniform(0.2, 1.0))
        self._storeDown()
        self._kill(server, crowd)
        self._read()
        server = self._start()
        self.ledger.life.outage = True
        if self._ready(server):
            crowd = self._gather()
            self._while(crowd, self._random.uniform(0, 1.5))
            self._storeUp(crowd)
            self._while(crowd, self._random.uniform(0, 0.5))
            self._kill(server, crowd)
        else:
            self._backend.start()

    def _storeDown(self) -> None:
        life = self.ledger.life
        life.outage = True
        life.unsavedSince = time.time()
        self._backend.kill()

    def _storeUp(self, crowd: Crowd) -> None:
        """
        Start the store again, and wait until the server has found it.
        """
        # Somebody has to try.
        self._client(crowd)
        life = self.ledger.life
        starting = threading.Thread(target=self._backend.start)
        starting.start()
        self._while(crowd, _RECOVERY, lambda: not starting.is_alive())
        starting.join()
        life.accepted = False
        back = time.time()
        if self._while(crowd, _RECOVERY, lambda: life.accepted):
            life.unsavedSince = None
            self.figures.recovery = max(self.figures.recovery, time.time() - back)
        else:
            self.ledger.violate(
                f"life {life.number} takes no jobs though its store is back:\n"
                f"{self._server and self._server.log()[-2000:]}"
            )
