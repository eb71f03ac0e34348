"""
What is done later, unless it is not.
"""

from __future__ import annotations

from twisted.internet.interfaces import IDelayedCall


def cancel(call: IDelayedCall | None) -> None:
    """
    Do not do it, if it is not done yet.
    """
    if call is not None and call.active():
        call.cancel()
