"""
What tools print: bytes as they are, and values as text or JSON.
"""

from __future__ import annotations

import json
import os
import sys
from base64 import b64encode
from typing import Any, BinaryIO

from attrs import asdict


def write(stream: BinaryIO, data: bytes) -> None:
    """
    Write bytes, all of them and now: whoever reads them is to see them as they
    come.
    """
    stream.write(data)
    stream.flush()


def say(line: str) -> None:
    """
    Write a line to stdout, now.
    """
    write(sys.stdout.buffer, encoded(line) + b"\n")


def complain(line: str) -> None:
    """
    Write a line to stderr, without what could move a cursor.
    """
    write(sys.stderr.buffer, encoded(escaped(line)) + b"\n")


def encoded(text: str) -> bytes:
    """
    Text as bytes, whatever came off the wire.
    """
    return text.encode("utf-8", "backslashreplace")


def escaped(text: str) -> str:
    """
    Text that moves no cursor and rings no bell: what cannot be printed is escaped.
    """
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def readable(name: bytes) -> str:
    """
    A name as text.
    """
    return name.decode("utf-8", "backslashreplace")


def visible(name: bytes) -> str:
    """
    A name as text to be looked at.
    """
    return escaped(readable(name))


def shown(name: bytes) -> str:
    """
    A name as text for whoever reads stdout: a person, or a program, which gets all
    of it.
    """
    return visible(name) if sys.stdout.isatty() else readable(name)


def openStreams() -> None:
    """
    Open what is closed of stdin, stdout and stderr, so that nothing else gets their
    numbers: what is read is nothing, and what is written goes nowhere.
    """
    for number, (name, mode) in enumerate(
        [("stdin", "r"), ("stdout", "w"), ("stderr", "w")]
    ):
        if getattr(sys, name) is None:
            descriptor = os.open(os.devnull, os.O_RDWR)
            if descriptor != number:
                os.dup2(descriptor, number)
                os.close(descriptor)
            setattr(sys, name, os.fdopen(number, mode))


def workload(data: bytes, key: str = "data") -> dict[str, str]:
    """
    A workload as members of a JSON object: text under its key, and bytes that
    are no text in base 64 under C{<key>Base64}.
    """
    try:
        return {key: data.decode()}
    except UnicodeDecodeError:
        return {f"{key}Base64": b64encode(data).decode("ascii")}


def plain(value: Any) -> Any:
    """
    Make what JSON can say of an answer.
    """
    if isinstance(value, bytes):
        return readable(value)
    if isinstance(value, list | tuple):
        return [plain(one) for one in value]
    if hasattr(value, "__attrs_attrs__"):
        value = asdict(value, recurse=False)
    if isinstance(value, dict):
        return {key: plain(one) for key, one in value.items()}
    return value


def sayJSON(value: Any) -> None:
    """
    Write a value as a line of JSON.
    """
    say(json.dumps(plain(value)))


def stopWriting() -> None:
    """
    Nobody reads what is written: let what is still buffered go nowhere, so that
    Python does not complain about it at its end.
    """
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
