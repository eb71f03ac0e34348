"""
Everything that txgearman raises on purpose.

L{GearmanError} is the root of the tree. Each docstring is a sentence that a
user may read.
"""

from __future__ import annotations


class GearmanError(Exception):
    """
    Something about Gearman went wrong.
    """


class ServerError(GearmanError):
    """
    The job server refused a request.

    It travels as an ERROR packet: the job board raises it, the server's
    connection sends it, and a client raises it again on the other side.

    @ivar code: one of libgearman's return codes without its C{GEARMAN_}, such
        as C{b"QUEUE_ERROR"}; libgearman turns it back into a number.
    @ivar text: a sentence about it, in bytes.
    """

    def __init__(self, code: bytes, text: bytes) -> None:
        super().__init__(code, text)
        self.code = code
        self.text = text

    def __str__(self) -> str:
        return f"{self.code.decode('ascii', 'replace')}: " + self.text.decode(
            "utf-8", "replace"
        )


class QueueFull(ServerError):
    """
    The function's queue holds as many jobs as it may.
    """

    def __init__(self) -> None:
        super().__init__(b"QUEUE_ERROR", b"Job queue is full")


class BadSchedule(GearmanError, ValueError):
    """
    A schedule that cannot be read, or that no moment ever matches.
    """


class BadSetting(GearmanError, ValueError):
    """
    A setting of the job server that cannot be used.
    """
