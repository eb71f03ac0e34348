"""
Workers on plain sockets in a process of their own, which answer the jobs of the
clients that are compared::

    python -m benchmarks.answering PORT WORKERS JOBS

Each asks for so many jobs at once. They run until they are killed.
"""

from __future__ import annotations

import sys

from benchmarks.load import Load, Worker


def main() -> None:
    """
    Work.
    """
    port, workers, jobs = map(int, sys.argv[1:])
    with Load(port) as load:
        for _ in range(workers):
            Worker(load, atOnce=jobs).start()
        while True:
            load.turn(-1)


if __name__ == "__main__":
    main()
