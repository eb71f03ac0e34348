"""
Clients that submit jobs of all kinds.
"""

from __future__ import annotations

import time
from collections import deque
from typing import Final

from attrs import define, field

from tests.crash import packets as p
from tests.crash.ledger import Submission, digest
from tests.crash.peers import Crowd, Peer

FUNCTIONS: Final = (b"one", b"two", b"three", b"four", b"gr\xc3\xb6\xc3\x9fe", b"a-b")
"""What workers can do."""

_LARGE: Final = 100 * 1024

# How long a client leaves a server alone that has refused a job, in seconds.
_REST: Final = 0.02

# How far back a client looks for something that it can join or ask about.
_RECENT: Final = 50

_BACKGROUND: Final = {
    p.SUBMIT_JOB_BG: 1,
    p.SUBMIT_JOB_HIGH_BG: 0,
    p.SUBMIT_JOB_LOW_BG: 2,
}
_FOREGROUND: Final = {p.SUBMIT_JOB: 1, p.SUBMIT_JOB_HIGH: 0, p.SUBMIT_JOB_LOW: 2}

# What a client does next, and how often.
_DEEDS: Final = {
    "background": 58,
    "epoch": 10,
    "reduce": 6,
    "join": 6,
    "foreground": 9,
    "status": 7,
    "echo": 4,
}


@define
class Submitting:
    """
    What clients of all rounds share.

    @ivar number: that of the last submit.
    @ivar recent: handles that were acknowledged a short while ago.
    @ivar uniques: functions and uniques of a short while ago.
    @ivar scheduled: whether jobs are submitted that may wait for a minute.
    """

    scheduled: bool = False
    number: int = 0
    recent: deque[bytes] = field(factory=lambda: deque[bytes](maxlen=_RECENT))
    uniques: deque[tuple[bytes, bytes]] = field(
        factory=lambda: deque[tuple[bytes, bytes]](maxlen=_RECENT)
    )


class Client(Peer):
    """
    A client that has a number of submits on their way at any time.
    """

    def __init__(self, crowd: Crowd, submitting: Submitting, window: int) -> None:
        super().__init__(crowd)
        self._all = submitting
        self._window = window
        # What is to be answered, in order: a submit, a handle that it asked about,
        # or what is to come back.
        self._pending: deque[Submission | tuple[int, bytes]] = deque()
        self._last = b"at first"
        self._rests = 0.0

    @property
    def waits(self) -> bool:
        """
        Is there something to be answered?
        """
        return bool(self._pending)

    def fill(self) -> None:
        """
        Submit as many as the window allows, unless the last one was refused.
        """
        if time.monotonic() < self._rests:
            return
        while len(self._pending) < self._window and self.connected:
            [deed] = self.random.choices(list(_DEEDS), list(_DEEDS.values()))
            getattr(self, f"_{deed}")()

    # What it does

    def _background(self) -> None:
        number = self.random.choices(list(_BACKGROUND), (6, 2, 2))[0]
        self._plain(number, _BACKGROUND[number], True, *self._name())

    def _foreground(self) -> None:
        number = self.random.choice(list(_FOREGROUND))
        function, unique = self._name()
        self._plain(number, _FOREGROUND[number], False, function, unique)
        if unique and self.random.random() < 0.5:
            self._plain(p.SUBMIT_JOB_BG, 1, True, function, unique)

    def _join(self) -> None:
        function, unique = (
            self.random.choice(self._all.uniques) if self._all.uniques else self._name()
        )
        self._plain(p.SUBMIT_JOB_BG, 1, True, function, unique)

    def _plain(
        self,
        number: int,
        priority: int,
        background: bool,
        function: bytes,
        unique: bytes,
    ) -> None:
        data = self._workload(unique)
        submission = self._submission(function, unique, data, priority, background)
        self._submit(submission, number, function, unique, data)

    def _epoch(self) -> None:
        function, unique = self._name()
        data = self._workload(unique)
        submission = self._submission(function, unique, data)
        now = time.time()
        if self._all.scheduled and self.random.random() < 0.02:
            # The next full minute.
            submission.due, submission.exactly = now // 60 * 60 + 60, False
            fields = [b"*", b"", b"", b"*", b""]
            self._submit(
                submission, p.SUBMIT_JOB_SCHED, function, unique, *fields, data
            )
            return
        submission.due = float(int(now) + self.random.choice((-100, -1, 0, 1, 1, 2, 3)))
        due = b"%d" % submission.due
        self._submit(submission, p.SUBMIT_JOB_EPOCH, function, unique, due, data)

    def _reduce(self) -> None:
        function, unique = self._name()
        data = self._workload(unique)
        background = self.random.random() < 0.8
        submission = self._submission(function, unique, data, 1, background)
        submission.reducer = b"one"
        number = p.SUBMIT_REDUCE_JOB_BACKGROUND if background else p.SUBMIT_REDUCE_JOB
        self._submit(submission, number, function, unique, b"one", b"all", data)

    def _status(self) -> None:
        if self._all.recent:
            handle = self.random.choice(self._all.recent)
            self._pending.append((p.STATUS_RES, handle))
            self.send(p.GET_STATUS, handle)

    def _echo(self) -> None:
        self._all.number += 1
        mark = b"%d" % self._all.number
        self._pending.append((p.ECHO_RES, mark))
        self.send(p.ECHO_REQ, mark)

    def _name(self) -> tuple[bytes, bytes]:
        """
        @return: a function and a unique.
        """
        self._all.number += 1
        function = self.random.choice(FUNCTIONS)
        which = self.random.random()
        if which < 0.5:
            return function, b""
        if which < 0.75:
            unique = b"u%d" % self._all.number
        elif which < 0.95:
            life, some = self.ledger.life.number, self.random.randrange(30)
            unique = b"shared %d %d" % (life, some)
        else:
            unique = b"-"
        self._all.uniques.append((function, unique))
        return function, unique

    def _workload(self, unique: bytes) -> bytes:
        self._all.number += 1
        mark = b"%d" % self._all.number
        which = self.random.random()
        if unique == b"-" and which < 0.5:
            return self._last
        if which < 0.03 and unique != b"-":
            return b""
        if which < 0.13:
            data = (
                mark + b"\0" + self.random.randbytes(self.random.randrange(100)) + b"\0"
            )
        elif which < 0.135:
            data = mark + b"\0" + self.random.randbytes(_LARGE)
        else:
            data = mark
        self._last = data
        return data

    def _submission(
        self,
        function: bytes,
        unique: bytes,
        data: bytes,
        priority: int = 1,
        background: bool = True,
    ) -> Submission:
        return Submission(
            self.ledger.life, function, unique, digest(data), priority, background
        )

    def _submit(self, submission: Submission, number: int, *arguments: bytes) -> None:
        submission.sent = time.time()
        self._pending.append(submission)
        self.send(number, *arguments)

    # What it is told

    def received(self, number: int, body: bytes) -> None:
        if number in _NEWS:
            return
        expected = self._pending.popleft()
        if isinstance(expected, Submission):
            if number == p.JOB_CREATED:
                self.ledger.created(expected, body)
                self._all.recent.append(body)
            elif number == p.ERROR:
                self.ledger.refused(expected, body)
                self._rests = time.monotonic() + _REST
            else:
                self._wrong(number, body, str(expected))
            return
        kind, mark = expected
        if number != kind or not (body == mark or body.startswith(mark + b"\0")):
            self._wrong(number, body, f"{kind} {mark!r}")
        elif kind == p.STATUS_RES:
            self.ledger.status(mark, body.split(b"\0")[1] == b"1")

    def _wrong(self, number: int, body: bytes, expected: str) -> None:
        self.ledger.violate(
            f"packet {number} {body[:80]!r} answers what was asked: {expected}"
        )
        self.close()

    def parted(self, left: bool) -> None:
        for one in self._pending:
            if isinstance(one, Submission):
                self.ledger.dropped(one)


# What comes unasked to those who submit in the foreground.
_NEWS: Final = frozenset(
    (
        p.WORK_STATUS,
        p.WORK_COMPLETE,
        p.WORK_FAIL,
        p.WORK_EXCEPTION,
        p.WORK_DATA,
        p.WORK_WARNING,
    )
)
