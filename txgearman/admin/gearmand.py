"""
The admin protocol that gearmand and Perl's job server speak: what C{gearadmin} asks, as
values.
"""

from __future__ import annotations

from twisted.internet.defer import Deferred, fail

from txgearman.admin.asking import Asking
from txgearman.admin.rows import (
    ClientRow,
    Connected,
    FunctionStatus,
    JobRow,
    PriorityStatus,
    Waiting,
    clientRows,
    connectedRow,
    functionRow,
    jobRow,
    priorityRow,
    waitingRow,
)
from txgearman.codecs import Name, asBytes, oneWord


class GearmandClient(Asking):
    """
    Asks a job server of any kind, and tells it.
    """

    # Asking

    def status(self) -> Deferred[list[FunctionStatus]]:
        """
        What functions there are, and how they fare.
        """
        return self._table(b"status", functionRow)

    def priorityStatus(self) -> Deferred[list[PriorityStatus]]:
        """
        How many jobs of each priority wait.
        """
        return self._table(b"prioritystatus", priorityRow)

    def workers(self) -> Deferred[list[Connected]]:
        """
        Who is connected.
        """
        return self._table(b"workers", connectedRow)

    def jobs(self) -> Deferred[list[JobRow]]:
        """
        What jobs there are (C{show jobs}).
        """
        return self._table(b"show jobs", jobRow)

    def uniques(self) -> Deferred[list[bytes]]:
        """
        The uniques of the jobs (C{show unique jobs}).
        """
        return self._table(b"show unique jobs", bytes)

    def waiting(self) -> Deferred[list[Waiting]]:
        """
        Who runs which job, and how many wait for it (C{jobs}).
        """
        return self._table(b"jobs", waitingRow)

    def clients(self) -> Deferred[list[ClientRow]]:
        """
        Who waits for which jobs (C{clients}).
        """
        return self._ask(b"clients", True).addCallback(clientRows)

    def version(self) -> Deferred[str]:
        """
        The server's version.
        """
        return self._value(b"version").addCallback(bytes.decode)

    def processId(self) -> Deferred[int]:
        """
        The server's process id (C{getpid}).
        """
        return self._value(b"getpid").addCallback(int)

    def verbosity(self) -> Deferred[str]:
        """
        How much the server logs (C{verbose}).
        """
        return self._value(b"verbose").addCallback(bytes.decode)

    # Telling

    def cancel(self, handle: Name) -> Deferred[None]:
        """
        End a job (C{cancel job}). One that the server does not have is
        C{UNKNOWN_JOB}.
        """
        return self._order(b"cancel job", handle)

    def createFunction(self, function: Name) -> Deferred[None]:
        """
        Make a function known.
        """
        return self._order(b"create function", function)

    def dropFunction(self, function: Name) -> Deferred[None]:
        """
        Forget a function.
        """
        return self._order(b"drop function", function)

    def maxQueue(self, function: Name, *limits: int) -> Deferred[None]:
        """
        Limit a function's queue.

        @param limits: how many jobs it may have: one number, or three for high,
            normal and low priority. None for any number.
        """
        words = [function, *(b"%d" % limit for limit in limits)]
        return self._order(b"maxqueue", *words)

    def shutDown(self, graceful: bool = False) -> Deferred[None]:
        """
        Stop the server, which may be one that does not know of it.

        @param graceful: whether it is to let running jobs end.
        """
        return self._order(b"shutdown graceful" if graceful else b"shutdown")

    def _order(self, command: bytes, *words: Name) -> Deferred[None]:
        """
        Give an order.

        @return: fails with L{ValueError} for a word that would be several.
        """
        encoded = [asBytes(word) for word in words]
        try:
            line = b" ".join([command, *map(oneWord, encoded)])
        except ValueError:
            return fail()
        return self._ask(line, False).addCallback(lambda _: None)
