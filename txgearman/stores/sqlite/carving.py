"""
The rows of the jobs and records in a file of SQLite, read without SQLite: of a file
that was cut short, or written over, SQLite itself may find nothing, since the pages
that say where the others are come last.

The format is described on U{https://www.sqlite.org/fileformat2.html}.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, Final

from txgearman.stores.interface import SavedJob, SavedRecord
from txgearman.stores.sqlite import schema

_HEAD: Final = 100

# The sizes that pages may have, the one they have, and how much of a page is used at
# least, in bytes.
_SIZES: Final = {2**power for power in range(9, 17)}
_SIZE: Final = 4096
_LEAST: Final = 480
_LEAF: Final = 0x0D

# How many bytes an integer of each serial type has.
_INTEGERS: Final = {1: 1, 2: 2, 3: 3, 4: 4, 5: 6, 6: 8, 8: 0, 9: 0}
_REAL: Final = 7

# Where in a row, as it stands in the file, what a job consists of is.
_PLACES: Final = [schema.IN_FILE.index(name) for name in SavedJob._fields]
_REALS: Final = [schema.IN_FILE.index(name) for name in ("due", "submitted")]


class _Broken(Exception):
    """
    Something is not as it is in a file that is whole.
    """


class Carver:
    """
    Reads the pages of a file one by one.
    """

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        head = file.read(_HEAD).ljust(_HEAD, b"\0")
        [size] = struct.unpack_from(">H", head, 16)
        # For 65,536 there is no room in two bytes, and a 1 stands there.
        size = {1: 65536}.get(size, size)
        self._size = size if size in _SIZES else _SIZE
        self._usable = self._size - head[20]
        if self._usable < _LEAST:
            self._usable = self._size
        self._pages = file.seek(0, 2) // self._size
        [self._firstFree] = struct.unpack_from(">I", head, 32)

    def rows(self) -> Iterator[SavedJob | SavedRecord]:
        """
        Yield jobs and records, as far as their rows are whole; whether they make sense
        is not looked at.
        """
        free = self._free()
        for number in range(1, self._pages + 1):
            if number not in free:
                yield from self._rowsOf(self._page(number), number)

    def _page(self, number: int) -> bytes:
        if not 0 < number <= self._pages:
            raise _Broken
        self._file.seek((number - 1) * self._size)
        return self._file.read(self._size)

    def _free(self) -> set[int]:
        """
        Find the pages that are not in use. What is on them has ended.
        """
        free: set[int] = set()
        trunk = self._firstFree
        while 0 < trunk <= self._pages and trunk not in free:
            free.add(trunk)
            page = self._page(trunk)
            trunk, count = struct.unpack_from(">II", page)
            count = min(count, self._size // 4 - 2)
            free.update(struct.unpack_from(f">{count}I", page, 8))
        return free

    def _rowsOf(self, page: bytes, number: int) -> Iterator[SavedJob | SavedRecord]:
        """
        Yield what is on a page.
        """
        start = _HEAD if number == 1 else 0
        if page[start] != _LEAF:
            return
        [count] = struct.unpack_from(">H", page, start + 3)
        count = min(count, (self._size - start - 8) // 2)
        for cell in struct.unpack_from(f">{count}H", page, start + 8):
            try:
                row = self._row(page, cell)
            except (_Broken, IndexError, struct.error, UnicodeDecodeError):
                continue
            if row is not None:
                yield row

    def _row(self, page: bytes, cell: int) -> SavedJob | SavedRecord | None:
        """
        Read a row; L{None} when it is neither a job's nor a record's.
        """
        length, at = _varint(page, cell)
        rowid, at = _varint(page, at)
        values = list(_values(self._payload(page, at, length)))
        # No other table has so many columns.
        if len(values) == len(SavedRecord._fields):
            return SavedRecord._make(values)
        # The number is the row's own, and stands in the row as nothing.
        if len(values) != len(schema.IN_FILE) or values[0] is not None:
            return None
        values[0] = rowid
        # What is whole is kept as an integer, which takes less room.
        for place in _REALS:
            if type(values[place]) is int:
                values[place] = float(values[place])
        return SavedJob._make(values[place] for place in _PLACES)

    def _payload(self, page: bytes, at: int, length: int) -> bytes:
        """
        Join what is on the page, and on those that it goes on on.
        """
        usable = self._usable
        if length > self._pages * usable:
            raise _Broken
        most = usable - 35
        if length <= most:
            return page[at : at + length]
        least = (usable - 12) * 32 // 255 - 23
        here = least + (length - least) % (usable - 4)
        if here > most:
            here = least
        parts = [page[at : at + here]]
        [following] = struct.unpack_from(">I", page, at + here)
        missing = length - here
        while missing > 0:
            overflow = self._page(following)
            [following] = struct.unpack_from(">I", overflow)
            parts.append(overflow[4 : min(usable, 4 + missing)])
            missing -= usable - 4
        return b"".join(parts)


def _varint(data: bytes, at: int) -> tuple[int, int]:
    """
    Read a number of variable length.

    @return: the number, and where it ends.
    """
    number = 0
    for _ in range(8):
        byte = data[at]
        at += 1
        number = number << 7 | byte & 0x7F
        if byte < 0x80:
            return number, at
    return number << 8 | data[at], at + 1


def _values(record: bytes) -> Iterator[Any]:
    """
    Yield the values of a row.
    """
    end, at = _varint(record, 0)
    value = end
    while at < end:
        kind, at = _varint(record, at)
        size = _INTEGERS.get(kind, 8 if kind == _REAL else max(0, kind - 12) // 2)
        data = record[value : value + size]
        if len(data) != size:
            raise _Broken
        value += size
        yield _value(kind, data)


def _value(kind: int, data: bytes) -> Any:
    if kind == 0:
        return None
    if kind in (8, 9):
        return kind - 8
    if kind == _REAL:
        return struct.unpack(">d", data)[0]
    if kind in _INTEGERS:
        return int.from_bytes(data, "big", signed=True)
    if kind < 12:
        raise _Broken
    return data if kind % 2 == 0 else data.decode()


def survivors(path: str) -> Iterator[SavedJob | SavedRecord]:
    """
    Yield the jobs and records that can still be read in a file, in no order; perhaps
    one twice. What they consist of may be nonsense.

    @raise OSError: when the file cannot be read.
    """
    with Path(path).open("rb") as file:
        yield from Carver(file).rows()
