"""
A store beside a job server, from its opening to its closing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from twisted.internet.defer import CancelledError, Deferred, TimeoutError, succeed
from twisted.internet.interfaces import IDelayedCall, IReactorFromThreads, IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from txgearman.board.durable import DurableBoard
from txgearman.errors import StoreError
from txgearman.server.turn import Sender, Turn
from txgearman.stores.interface import IJobStore
from txgearman.stores.journal import Journal
from txgearman.stores.loading import Loader
from txgearman.stores.thread import Runner, StoreThread

# How long new connections wait for the jobs to be back, in seconds: mostly they are in
# no time, and nobody need know.
_COURTESY: Final = 1.0

# How long the end waits for a store that hangs, in seconds: for each of those who wait
# for an answer, for what is left to write, and for its closing.
_PATIENCE: Final = 5.0


_log = Logger()


def _firing(deferred: Deferred[None]) -> Callable[[], None]:
    """
    What fires it, unless it was too late.
    """

    def fire() -> None:
        if not deferred.called:
            deferred.callback(None)

    return fire


def _late(result: object, seconds: float) -> None:
    """
    Go on without what took too long.
    """
    _log.warn("the store hangs: it was waited for {seconds} s", seconds=seconds)


class Keeping:
    """
    Keeps the jobs of a board in a store.

    @ivar store: the L{IJobStore}.
    """

    def __init__(
        self,
        board: DurableBoard,
        store: IJobStore,
        clock: IReactorTime,
        turn: Turn,
        run: Runner | None = None,
    ) -> None:
        """
        @param run: how the store's methods are called; L{None} for a thread of its
            own, under a reactor that has some.
        """
        self.store = store
        self._board = board
        self._clock = clock
        self._thread: StoreThread | None = None
        if run is None:
            self._thread = StoreThread(IReactorFromThreads(clock))
            run = self._thread
        self._run: Runner = run
        self._journal = Journal(board, store, run, clock, turn.atEnd)
        board.keepIn(self._journal)
        self._opening: Deferred[None] | None = None
        self._stopping: list[Deferred[None]] = []
        self._stopped = False
        self._waiting: dict[Sender, None] = {}
        self._courtesy: IDelayedCall | None = None

    @property
    def loading(self) -> bool:
        """
        Are the jobs not back yet?
        """
        return self._board.loading

    def start(self, life: int | None = None) -> None:
        """
        Load the jobs, and keep new ones from then on.

        @param life: what C{open} returned, if the store is open already.
        """
        loader = Loader(self._board, self.store, self._run, self._clock)
        self._courtesy = self._clock.callLater(_COURTESY, self._letIn)
        self._opening = Deferred.fromCoroutine(loader.load(life))
        self._opening.addCallbacks(self._loaded, self._notLoaded)

    def _loaded(self, _: object) -> None:
        """
        The jobs are back.
        """
        self._opening = None
        self._journal.start()
        self._letIn()

    def _notLoaded(self, failure: Failure) -> None:
        """
        They never will be.
        """
        self._opening = None
        self._letIn()
        if failure.check(StoreError):
            _log.critical(
                "the store cannot be used: {reason}; jobs are refused",
                reason=str(failure.value),
            )
        elif not failure.check(CancelledError):
            _log.failure("the jobs could not be loaded", failure)

    # Connections that come before that

    def welcome(self, sender: Sender) -> None:
        """
        A connection was made: let it wait a little for jobs that are being loaded.
        """
        if self._courtesy is not None:
            self._waiting[sender] = None
            sender.hold(self)

    def letGo(self, sender: Sender) -> None:
        """
        A connection that waits is lost.
        """
        self._waiting.pop(sender, None)

    def _letIn(self) -> None:
        """
        Nobody waits any longer.
        """
        if self._courtesy is not None and self._courtesy.active():
            self._courtesy.cancel()
        self._courtesy = None
        waiting, self._waiting = self._waiting, {}
        for sender in waiting:
            sender.release(self)

    # The end

    def flush(self) -> Deferred[None]:
        """
        See that those hear who wait for a job to be saved.

        @return: fires when they have.
        """
        over: Deferred[None] = Deferred()
        over.addTimeout(_PATIENCE, self._clock, _late)
        self._journal.flush(_firing(over))
        return over

    def stop(self) -> Deferred[None]:
        """
        Write what is left, and close the store.

        @return: fires when that is done.
        """
        if self._stopped:
            return succeed(None)
        done: Deferred[None] = Deferred()
        self._stopping.append(done)
        if len(self._stopping) == 1:
            Deferred.fromCoroutine(self._stop())
        return done

    async def _stop(self) -> None:
        if self._opening is not None:
            self._opening.cancel()
        self._letIn()
        written: Deferred[None] = Deferred()
        written.addTimeout(_PATIENCE, self._clock, _late)
        self._journal.stop(_firing(written))
        await written
        try:
            await self._run(self.store.close).addTimeout(_PATIENCE, self._clock)
        except TimeoutError:
            # Nor is the thread to be waited for.
            self._thread = None
            _late(None, _PATIENCE)
        except Exception as error:
            # Whatever it is, the end is not to wait for it.
            _log.warn("the store does not close: {reason}", reason=str(error))
        if self._thread is not None:
            self._thread.stop()
        self._stopped = True
        stopping, self._stopping = self._stopping, []
        for done in stopping:
            done.callback(None)
