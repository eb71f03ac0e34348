"""
What a peer says on its connection, and what it is answered: the bridge between
packets and the board. How the bytes come and go is no concern of it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final, Protocol

from txgearman.board.job import Job, Priority
from txgearman.board.peer import Peer
from txgearman.board.queue import NOTHING
from txgearman.board.schedule import Schedule
from txgearman.errors import BadSchedule, ServerError
from txgearman.server import admin
from txgearman.server.grabbing import Grabbing
from txgearman.server.outgoing import Outgoing
from txgearman.server.turn import Receiver
from txgearman.wire import packets as p
from txgearman.wire import text
from txgearman.wire.codec import MALFORMED, Data, PacketReader, encodeShort
from txgearman.wire.numbers import LARGEST, atoi

if TYPE_CHECKING:
    from txgearman.server.factory import GearmanServerFactory

_HIGH: Final = Priority.HIGH
_NORMAL: Final = Priority.NORMAL
_LOW: Final = Priority.LOW


class Connection(Protocol):
    """
    What a session needs of its connection.
    """

    def pause(self) -> None:
        """
        Read nothing.
        """

    def resume(self) -> None:
        """
        Read again.
        """

    def hangUp(self, explained: bool) -> None:
        """
        Close the connection of a peer that makes no sense.

        @param explained: whether it is owed a word about it, which it may need
            some time to come to.
        """


class Session:
    """
    The conversation with one peer.

    Each packet has a method named after it, which hands it to the board and
    answers. The methods of L{Link<txgearman.board.peer.Link>} are what the
    board calls when the peer is owed something because of another one.

    @ivar peer: the peer, as the board sees it.
    @ivar reader: what has arrived of it.
    """

    def __init__(
        self,
        connection: Connection,
        factory: GearmanServerFactory,
        outgoing: Outgoing,
        host: bytes,
        port: int,
        local: bool,
    ) -> None:
        """
        Join the board.

        @param local: whether the peer runs on this machine.
        """
        self.reader = PacketReader(factory.settings.limits, joins=False)
        self._connection = connection
        self._factory = factory
        self._board = factory.board
        self._turn = factory.turn
        self._out = outgoing
        self._holders: dict[Receiver, None] = {}
        self.peer: Peer = self._board.made(self, host, port, local)
        self._grabbing = Grabbing(
            self._board, self.peer, self._turn, factory.settings.spell, self
        )

    @property
    def held(self) -> bool:
        """
        Is nothing to be read until somebody has taken what it is owed?
        """
        return bool(self._holders)

    def receive(self, data: bytes) -> None:
        """
        Take a chunk of input.
        """
        self.reader.feed(data)
        if not self._holders:
            self._play()

    def lost(self) -> None:
        """
        Leave the board.
        """
        self._grabbing.lost()
        for receiver in self._holders:
            receiver.letGo(self)
        self._out.lost()
        self._board.lost(self.peer)

    def hold(self, receiver: Receiver) -> None:
        """
        Read nothing until C{receiver} has taken what it is owed.
        """
        if not self._holders:
            self._connection.pause()
        self._holders[receiver] = None

    def release(self, receiver: Receiver) -> None:
        """
        C{receiver} has taken it: go on where the input was left.
        """
        del self._holders[receiver]
        if not self._holders:
            self._play()
        if not self._holders:
            self._connection.resume()

    def _play(self) -> None:
        """
        Work on what has arrived, until the peer is held up.
        """
        turn, reader, holders = self._turn, self.reader, self._holders
        grabbing = self._grabbing
        before, turn.sender = turn.sender, self
        try:
            while not holders:
                event = reader.next()
                if event is None:
                    break
                number, arguments = event
                if grabbing.reply:
                    grabbing.answer()
                method, count = _METHODS[number], len(arguments)
                try:
                    # Most have a few arguments, and a call with any number of them
                    # takes a sixth of all the time that an echo does.
                    if count == 1:
                        method(self, arguments[0])
                    elif count == 2:
                        method(self, arguments[0], arguments[1])
                    elif count == 3:
                        method(self, arguments[0], arguments[1], arguments[2])
                    else:
                        method(self, *arguments)
                except ServerError as error:
                    self._out.answer(p.ERROR, error.code, error.text)
        finally:
            turn.sender = before

    # What the board owes the peer because of another one

    def noop(self) -> None:
        self._out.packet(p.NOOP)

    def offer(self) -> None:
        self._grabbing.offer()

    def workStatus(self, job: Job, numerator: bytes, denominator: bytes) -> None:
        self._out.answer(p.WORK_STATUS, job.handle, numerator, denominator)

    def workData(self, job: Job, data: Data) -> None:
        self._out.answer(p.WORK_DATA, job.handle, data)

    def workWarning(self, job: Job, data: Data) -> None:
        self._out.answer(p.WORK_WARNING, job.handle, data)

    def workComplete(self, job: Job, data: Data) -> None:
        # While others wait, its workers do not wait for what this client does next.
        if job.function.top == NOTHING:
            self._out.answer(p.WORK_COMPLETE, job.handle, data)
        else:
            self._out.answerLater(p.WORK_COMPLETE, job.handle, data)

    def workException(self, job: Job, data: Data) -> None:
        self._out.answer(p.WORK_EXCEPTION, job.handle, data)

    def workFail(self, job: Job) -> None:
        # Not held against whoever caused it: a job fails once, and perhaps by
        # the hand of an administrator.
        self._out.packet(p.WORK_FAIL, job.handle)

    # What is neither packet nor command

    def _malformed(self, code: bytes, reason: bytes) -> None:
        if code:
            self._out.answer(p.ERROR, code, reason)
        elif reason:
            self._out.write(text.error(b"INVALID_ARGUMENTS", reason))
        if self.reader.closed:
            self._connection.hangUp(bool(reason))

    def _notExpected(self, *arguments: bytes) -> None:
        raise ServerError(b"INVALID_COMMAND", b"Command not expected")

    def _textLine(self, line: bytes) -> None:
        words = text.split(line)
        if len(words) > admin.mostWords(words):
            self._out.write(text.error(b"INVALID_ARGUMENTS", b"Too many arguments"))
            self.reader.close()
            self._connection.hangUp(True)
            return
        answer = admin.answer(self._factory, self.peer, words)
        unsaved = self._board.unsaved if admin.isOrder(words) else None
        if unsaved is None or answer.startswith(b"ERR"):
            self._out.write(answer)
        else:
            self._out.promise(unsaved, answer, _NOT_SAVED)
        self._out.weigh()

    # Packets of any connection

    def _echo(self, data: Data) -> None:
        self._out.answer(p.ECHO_RES, data)

    def _setClientId(self, clientId: bytes) -> None:
        self.peer.setClientId(_cut(clientId))

    def _option(self, option: bytes) -> None:
        self.peer.setOption(_cut(option))
        self._out.answer(p.OPTION_RES, option)

    # Packets of workers

    def _canDo(self, function: bytes) -> None:
        self._board.canDo(self.peer, function)

    def _canDoTimeout(self, function: bytes, timeout: bytes) -> None:
        # Milliseconds, as gearmand takes them; what is no number is no timeout.
        self._board.canDo(self.peer, function, max(0, atoi(timeout)) / 1000)

    def _cantDo(self, function: bytes) -> None:
        self._board.cantDo(self.peer, function)

    def _resetAbilities(self) -> None:
        self._board.resetAbilities(self.peer)

    def _allYours(self) -> None:
        # The worker says that it asks no other server. Nothing follows from it.
        return

    def _preSleep(self) -> None:
        self._grabbing.sleep()
        self._board.preSleep(self.peer)

    def _grab(self) -> None:
        self._grabbing.ask(p.JOB_ASSIGN)

    def _grabUnique(self) -> None:
        self._grabbing.ask(p.JOB_ASSIGN_UNIQ)

    def _grabAll(self) -> None:
        self._grabbing.ask(p.JOB_ASSIGN_ALL)

    def assign(self, job: Job, reply: int) -> None:
        """
        Answer the worker that there is a job.
        """
        handle, name, data = job.handle, job.function.name, job.data
        if reply == p.JOB_ASSIGN:
            self._out.answer(reply, handle, name, data)
        elif reply == p.JOB_ASSIGN_ALL and job.reducer:
            self._out.answer(reply, handle, name, job.unique, job.reducer, data)
        else:
            self._out.answer(p.JOB_ASSIGN_UNIQ, handle, name, job.unique, data)

    def noJob(self) -> None:
        """
        Answer the worker that there is none.
        """
        self._out.answer(p.NO_JOB)

    def _workStatus(self, handle: bytes, numerator: bytes, denominator: bytes) -> None:
        self._board.workStatus(self.peer, handle, numerator, denominator)

    def _workData(self, handle: bytes, data: Data) -> None:
        self._board.workData(self.peer, handle, data)

    def _workWarning(self, handle: bytes, data: Data) -> None:
        self._board.workWarning(self.peer, handle, data)

    def _workComplete(self, handle: bytes, data: Data) -> None:
        self._board.workComplete(self.peer, handle, data)

    def _workException(self, handle: bytes, data: Data) -> None:
        self._board.workException(self.peer, handle, data)

    def _workFail(self, handle: bytes) -> None:
        self._board.workFail(self.peer, _cut(handle))

    # Packets of clients

    def _submitEpoch(
        self, function: bytes, unique: bytes, epoch: bytes, data: Data
    ) -> None:
        due = atoi(epoch)
        if abs(due) == LARGEST:
            raise ServerError(b"INVALID_ARGUMENT", b"Epoch out of range")
        self._submit(function, unique, data, _NORMAL, True, due=max(0, due))

    def _submitScheduled(
        self, function: bytes, unique: bytes, *fieldsAndData: bytes
    ) -> None:
        *fields, data = fieldsAndData
        try:
            schedule = Schedule.parse(*(f.decode("ascii", "replace") for f in fields))
        except BadSchedule as error:
            raise ServerError(b"INVALID_ARGUMENT", str(error).encode()) from None
        due = schedule.next(self._factory.clock.seconds())
        self._submit(function, unique, data, _NORMAL, True, due=due)

    def _submit(
        self,
        function: bytes,
        unique: bytes,
        data: Data,
        priority: Priority,
        background: bool,
        reducer: bytes = b"",
        due: float = 0.0,
    ) -> None:
        job = self._board.submit(
            self.peer, function, unique, data, priority, background, reducer, due
        )
        saving = job.saving
        if not background:
            # Most clients wait for the result, which is still to come.
            self._out.answerLater(p.JOB_CREATED, job.handle)
        elif saving is None:
            self._out.answer(p.JOB_CREATED, job.handle)
        else:
            handle = job.handle
            self._out.promise(saving, encodeShort(p.JOB_CREATED, handle), handle)
            saving.weigh(self)

    def _getStatus(self, handle: bytes) -> None:
        handle = _cut(handle)
        self._out.answer(p.STATUS_RES, handle, *_status(self._board.jobs.get(handle)))

    def _getStatusUnique(self, unique: bytes) -> None:
        unique = _cut(unique)
        job = self._board.functions.jobByUnique(unique)
        clients = 0 if job is None else len(job.listeners)
        self._out.answer(p.STATUS_RES_UNIQUE, unique, *_status(job), b"%d" % clients)


def _status(job: Job | None) -> tuple[bytes, bytes, bytes, bytes]:
    """
    What is known of a job: always digits, since clients read them as numbers.

    @return: known, running, numerator, denominator.
    """
    if job is None:
        return b"0", b"0", b"0", b"0"
    running = b"0" if job.worker is None else b"1"
    return b"1", running, b"%d" % job.numerator, b"%d" % job.denominator


def _cut(argument: bytes) -> bytes:
    """
    Cut off what stands behind a NUL in a last argument that is a name: some
    peers send a NUL behind it, and gearmand takes it for a string of C.
    """
    return argument.partition(b"\0")[0]


def _submitter(priority: Priority, background: bool) -> Callable[..., None]:
    """
    Make the method of one of the six packets that submit a plain job.
    """

    def submit(self: Session, function: bytes, unique: bytes, data: Data) -> None:
        self._submit(function, unique, data, priority, background)

    return submit


def _reduceSubmitter(background: bool) -> Callable[..., None]:
    """
    Make the method of one of the two packets that submit a reduce job.
    """

    def submit(
        self: Session,
        function: bytes,
        unique: bytes,
        reducer: bytes,
        aggregate: bytes,
        data: Data,
    ) -> None:
        # Nobody ever needed the aggregate; gearmand drops it too.
        self._submit(function, unique, data, _NORMAL, background, reducer)

    return submit


_NOT_SAVED: Final = text.error(b"QUEUE_ERROR", b"Not saved")

# What a server sends is not expected of a peer, nor is the number that is not
# used.
_BY_NUMBER: dict[int, Callable[..., None]] = {
    packet.number: Session._notExpected for packet in p.PACKETS
} | {
    MALFORMED: Session._malformed,
    p.TEXT: Session._textLine,
    p.CAN_DO: Session._canDo,
    p.CAN_DO_TIMEOUT: Session._canDoTimeout,
    p.CANT_DO: Session._cantDo,
    p.RESET_ABILITIES: Session._resetAbilities,
    p.ALL_YOURS: Session._allYours,
    p.PRE_SLEEP: Session._preSleep,
    p.GRAB_JOB: Session._grab,
    p.GRAB_JOB_UNIQ: Session._grabUnique,
    p.GRAB_JOB_ALL: Session._grabAll,
    p.WORK_STATUS: Session._workStatus,
    p.WORK_DATA: Session._workData,
    p.WORK_WARNING: Session._workWarning,
    p.WORK_COMPLETE: Session._workComplete,
    p.WORK_EXCEPTION: Session._workException,
    p.WORK_FAIL: Session._workFail,
    p.ECHO_REQ: Session._echo,
    p.SET_CLIENT_ID: Session._setClientId,
    p.OPTION_REQ: Session._option,
    p.GET_STATUS: Session._getStatus,
    p.GET_STATUS_UNIQUE: Session._getStatusUnique,
    p.SUBMIT_JOB: _submitter(_NORMAL, False),
    p.SUBMIT_JOB_BG: _submitter(_NORMAL, True),
    p.SUBMIT_JOB_HIGH: _submitter(_HIGH, False),
    p.SUBMIT_JOB_HIGH_BG: _submitter(_HIGH, True),
    p.SUBMIT_JOB_LOW: _submitter(_LOW, False),
    p.SUBMIT_JOB_LOW_BG: _submitter(_LOW, True),
    p.SUBMIT_REDUCE_JOB: _reduceSubmitter(False),
    p.SUBMIT_REDUCE_JOB_BACKGROUND: _reduceSubmitter(True),
    p.SUBMIT_JOB_EPOCH: Session._submitEpoch,
    p.SUBMIT_JOB_SCHED: Session._submitScheduled,
}

# By index; MALFORMED is -1, and so the last one.
_METHODS: Final = [
    *(_BY_NUMBER[packet.number] for packet in p.PACKETS),
    _BY_NUMBER[MALFORMED],
]
