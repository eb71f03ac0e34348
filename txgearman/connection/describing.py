"""
Endpoint strings that Twisted does not understand.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from txgearman.errors import BadSetting


@contextmanager
def understanding(what: str, description: str) -> Iterator[None]:
    """
    Say in a line what is wrong with a Twisted endpoint string that is parsed
    within.

    @param what: what it describes.
    @raise BadSetting: when it cannot be understood.
    """
    try:
        yield
    except ImportError:
        raise BadSetting(
            f"{what} {description!r} needs pyOpenSSL: install txgearman[tls]"
        ) from None
    except Exception as error:
        # What endpoint parsers raise depends on the parser and on OpenSSL.
        reason = str(error) or type(error).__name__
        raise BadSetting(f"bad {what} {description!r}: {reason}") from None
