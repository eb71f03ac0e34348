"""
Files of TOML, and what is said about what is wrong in them.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterable, Mapping
from difflib import get_close_matches

from txgearman.errors import BadSetting


def readDocument(path: str) -> Mapping[str, object]:
    """
    Read a file.

    @raise BadSetting: when it cannot be read, without the path.
    """
    try:
        with open(path, "rb") as file:
            data = file.read()
        return tomllib.loads(data.decode())
    except OSError as error:
        raise BadSetting(error.strerror or str(error)) from None
    except UnicodeDecodeError as error:
        line = 1 + data.count(b"\n", 0, error.start)
        raise BadSetting(f"line {line} is not in UTF-8") from None
    except RecursionError:
        raise BadSetting("it is nested too deeply") from None
    except ValueError as error:
        raise BadSetting(str(error)) from None


def table(section: object, where: str) -> dict[str, object]:
    """
    See that what stands behind a key is a table.

    @raise BadSetting: when it is not.
    """
    if not isinstance(section, dict):
        raise BadSetting(f"{where} wants a table, [{where}], not {section!r:.80}")
    return section


def unknown(name: str, what: str, known: Iterable[str]) -> str:
    """
    Say that a name is not known, and which known one may be meant.

    @param what: what it would have to be.
    """
    near = get_close_matches(name, known, 1, 0.5)
    meant = f"; did you mean {near[0]}?" if near else ""
    return f"{quoted(name)} is no {what}{meant}"


def quoted(name: str) -> str:
    """
    Write a key as TOML has it.
    """
    if re.fullmatch("[A-Za-z0-9_-]+", name):
        return name
    return json.dumps(name, ensure_ascii=not name.isprintable())
