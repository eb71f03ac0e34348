"""
What can go wrong with a benchmark.
"""

from __future__ import annotations


class BenchmarkError(Exception):
    """
    A benchmark could not be played to its end.
    """


class Stalled(BenchmarkError):
    """
    Nothing came from a server for a long time.
    """


class ServerLost(BenchmarkError):
    """
    A server ended, or closed a connection, or answered with an error.
    """
