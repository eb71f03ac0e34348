"""
What setup.cfg cannot say: how to compile the modules that every job goes through.

Only when the environment has C{TXGEARMAN_COMPILE=1}; a C compiler and Python's headers
are needed then. The compiled modules do what their sources do, about twice as fast.
"""

import os
import sys

from setuptools import setup

COMPILED = [
    "txgearman/wire/codec.py",
    "txgearman/wire/numbers.py",
    "txgearman/wire/packets.py",
    "txgearman/board/administration.py",
    "txgearman/board/board.py",
    "txgearman/board/durable.py",
    "txgearman/board/function.py",
    "txgearman/board/gate.py",
    "txgearman/board/job.py",
    "txgearman/board/lifecycle.py",
    "txgearman/board/peer.py",
    "txgearman/board/queue.py",
    "txgearman/board/saving.py",
    "txgearman/board/timers.py",
    "txgearman/board/waking.py",
    "txgearman/board/watch.py",
    "txgearman/board/workforce.py",
    "txgearman/server/grabbing.py",
    "txgearman/server/outgoing.py",
    "txgearman/server/promises.py",
    "txgearman/server/session.py",
    "txgearman/server/turn.py",
    "txgearman/stores/journal.py",
    "txgearman/stores/rows.py",
    "txgearman/stores/sqlite/statements.py",
    "txgearman/stores/writing.py",
]

# It reads the types of what the modules import.
COMPILER = ["mypy >= 1.11", "mypy-zope >= 1.0", "attrs", "twisted", "zope.interface"]


def compiling():
    """
    Say what is to be compiled, and what that needs.
    """
    try:
        from mypyc.build import mypycify
    except ImportError:
        if "egg_info" not in sys.argv and "dist_info" not in sys.argv:
            raise
        # This time, the question is only what is needed.
        return {"setup_requires": COMPILER}
    # What the others do with their types is not the question here.
    modules = mypycify(["--follow-imports=silent", *COMPILED])
    return {"setup_requires": COMPILER, "ext_modules": modules}


setup(**(compiling() if os.environ.get("TXGEARMAN_COMPILE") == "1" else {}))
