"""B-tree leaves: the rows on a page of a table, read without SQLite (its file format, 1.6 and 2.1).

Every row of ours says of which table it is: no root, no schema and no index is needed to keep it.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from penjing.vault.cipher_pages import USABLE

Value = None | int | float | str | bytes

_TABLE_LEAF = 13
_FILE_HEADER = 100
"""Bytes of the first page that come before its rows."""
_PAGE_HEADER = 8
_MOST_LOCAL = USABLE - 35
_LEAST_LOCAL = (USABLE - 12) * 32 // 255 - 23
_INTEGERS = {1: 1, 2: 2, 3: 3, 4: 4, 5: 6, 6: 8}
_FLOAT, _ZERO, _ONE, _BLOBS = 7, 8, 9, 12

Fetch = Callable[[int], bytes | None]
"""The page of a number; None when it is damaged."""


@dataclass(frozen=True)
class Row:
    """One row."""

    number: int
    """Its rowid."""
    values: tuple[Value, ...] = field(repr=False)
    """Its columns, in order; an INTEGER PRIMARY KEY is None."""


def rows(number: int, data: bytes, fetch: Fetch) -> Iterator[Row | None]:
    """The rows of a page; None for one whose overflow is damaged. Nothing for other pages."""
    start = _FILE_HEADER if number == 1 else 0
    if data[start] != _TABLE_LEAF:
        return
    count = int.from_bytes(data[start + 3 : start + 5], "big")
    for cell in range(count):
        at = start + _PAGE_HEADER + 2 * cell
        yield _row(data, int.from_bytes(data[at : at + 2], "big"), fetch)


def _row(data: bytes, at: int, fetch: Fetch) -> Row | None:
    size, at = _varint(data, at)
    number, at = _varint(data, at)
    local = _local(size)
    payload = data[at : at + local]
    if local < size:
        chain = int.from_bytes(data[at + local : at + local + 4], "big")
        rest = _overflow(chain, size - local, fetch)
        if rest is None:
            return None
        payload += rest
    return Row(_signed(number), tuple(_values(payload)))


def _local(size: int) -> int:
    """How much of a row of `size` bytes lies on its own page."""
    if size <= _MOST_LOCAL:
        return size
    fits = _LEAST_LOCAL + (size - _LEAST_LOCAL) % (USABLE - 4)
    return fits if fits <= _MOST_LOCAL else _LEAST_LOCAL


def _overflow(number: int, missing: int, fetch: Fetch) -> bytes | None:
    found = bytearray()
    while missing > 0:
        page = fetch(number) if number else None
        if page is None:
            return None
        piece = page[4 : 4 + min(missing, USABLE - 4)]
        found += piece
        missing -= len(piece)
        number = int.from_bytes(page[:4], "big")
    return bytes(found)


def _values(payload: bytes) -> Iterator[Value]:
    length, at = _varint(payload, 0)
    body = length
    while at < length:
        kind, at = _varint(payload, at)
        size = _size(kind)
        yield _value(kind, payload[body : body + size])
        body += size


def _size(kind: int) -> int:
    if kind >= _BLOBS:
        return (kind - _BLOBS) // 2
    return 8 if kind == _FLOAT else _INTEGERS.get(kind, 0)


def _value(kind: int, data: bytes) -> Value:
    if kind >= _BLOBS:
        return data if kind % 2 == 0 else data.decode("utf-8", "replace")
    if kind == _FLOAT:
        return float(struct.unpack(">d", data)[0])
    if kind in _INTEGERS:
        return int.from_bytes(data, "big", signed=True)
    return {_ZERO: 0, _ONE: 1}.get(kind)


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = 0
    for _ in range(8):
        byte = data[at]
        at += 1
        value = value << 7 | byte & 0x7F
        if byte < 0x80:
            return value, at
    return value << 8 | data[at], at + 1


def _signed(number: int) -> int:
    return number - 2**64 if number >= 2**63 else number
