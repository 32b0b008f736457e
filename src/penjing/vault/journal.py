"""Is the rollback journal beside a database SQLite's own? Asked before it is played back.

A journal proves itself to SQLite with a checksum that anybody can compute; its pages are copied
into the database as they are. A journal of somebody else's would destroy what it lies beside. Here
each page must be sealed with the subject's key, and the length it wants to give back must be
what the first page says. (SQLite's file format, section 3.) What this cannot tell is a journal of
this very database from an earlier time; the file's counter of changes is no help, because SQLite
takes it from the encrypted page.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from penjing.core.errors import IntegrityError
from penjing.vault import disk, outside
from penjing.vault.cipher_pages import Opener
from penjing.vault.envelope import Key

_MAGIC = bytes.fromhex("d9d505f920a163d7")
_HEADER = struct.Struct(">5I")
_SECTORS = tuple(2**power for power in range(5, 17))
_UNCOUNTED = 0xFFFFFFFF
_SIZE_AT = 28
"""Where the first page holds the number of pages."""
_MUCH = outside.PAGE + 8
"""Bytes of a record: number, page, checksum."""
_SAMPLE = 200
"""A record's checksum adds every so many bytes."""


@dataclass(frozen=True)
class _Part:
    """A header of the journal and the records that it counts."""

    records: int
    nonce: int
    pages: int
    """Of the database before the transaction."""
    sector: int
    page: int


@dataclass(frozen=True)
class _Record:
    """A page as it was before the transaction."""

    number: int
    data: bytes
    counted: bool
    """Whether SQLite would play it back."""


def require_own(path: Path, key: Key) -> None:
    """Raise IntegrityError unless playing back what lies beside a database undoes a transaction."""
    if not outside.has_journal(path):
        return
    journal = path.with_name(path.name + outside.JOURNAL)
    with disk.opened(journal) as file:
        size = journal.stat().st_size
        wrong = _wrong(file, size, path, Opener(key))
    if wrong is not None:
        raise IntegrityError(f"{journal.name} {wrong}: move it away and run penjing vault verify")


def _wrong(file: IO[bytes], size: int, path: Path, opener: Opener) -> str | None:
    """What is wrong with a journal. One that never came to the disk begins with zeros."""
    start = _part(file, 0)
    file.seek(0)
    if start is None and file.read(1) == b"\0":
        return None
    if (
        start is None
        or start.page != outside.PAGE
        or start.sector not in _SECTORS
        or _ends_in_names(file, size)
    ):
        return _NOT_OURS
    first, wrong = _looked_at(_records(file, start.sector), path, opener)
    first = opener.first(path) if first is None else first
    if wrong is None and (first is None or not _fits(first, start.pages, path)):
        return "is of another time, or of another database"
    return wrong


def _looked_at(
    records: Iterator[_Record | str], path: Path, opener: Opener
) -> tuple[bytes | None, str | None]:
    """The first page, if it is among them; and what is wrong with one of them."""
    first: bytes | None = None
    for record in records:
        if isinstance(record, str):
            return None, record
        plain = opener.plain(record.data, record.number)
        if plain is None:
            return None, "holds pages of another database"
        if not record.counted and plain != opener.page(path, record.number):
            return None, _DAMAGED
        first = plain if record.number == 1 else first
    return first, None


_NOT_OURS = "was not written by penjing"
_DAMAGED = "is damaged, and what it would undo is half written"


def _fits(first: bytes, pages: int, path: Path) -> bool:
    """Whether the database was as long as its first page says. A crash may leave more behind it."""
    long, there = int.from_bytes(first[_SIZE_AT : _SIZE_AT + 4], "big"), path.stat().st_size
    return long <= pages <= max(long, -(-there // outside.PAGE))


def _ends_in_names(file: IO[bytes], size: int) -> bool:
    """Whether it names a journal of several databases; SQLite then believes that one."""
    file.seek(max(0, size - len(_MAGIC)))
    return file.read() == _MAGIC


def _records(file: IO[bytes], sector: int) -> Iterator[_Record | str]:
    """Every record, or what is wrong with the place where one should be.

    Records are synced before they are counted, and counted before their page is written: what is
    counted must be there, and what is not must still stand in the database as it was. Behind them
    may lie a part of one more, and the rest of an older journal: SQLite overwrites without cutting.
    """
    at = 0
    while (part := _part(file, at)) is not None:
        at += sector
        number = 0
        while (record := _record(file, at, part, number)) is not None:
            yield record
            at, number = at + _MUCH, number + 1
        if part.records not in (0, number, _UNCOUNTED):
            yield _DAMAGED
        at += -at % sector


def _record(file: IO[bytes], at: int, part: _Part, before: int) -> _Record | None:
    file.seek(at)
    data = file.read(_MUCH)
    number, said = int.from_bytes(data[:4], "big"), int.from_bytes(data[-4:], "big")
    if len(data) < _MUCH or number == 0 or said != _sum(part.nonce, data[4:-4]):
        return None
    return _Record(number, data[4:-4], before < part.records)


def _part(file: IO[bytes], at: int) -> _Part | None:
    file.seek(at)
    head = file.read(len(_MAGIC) + _HEADER.size)
    if len(head) < len(_MAGIC) + _HEADER.size or not head.startswith(_MAGIC):
        return None
    return _Part(*_HEADER.unpack(head[len(_MAGIC) :]))


def _sum(nonce: int, data: bytes) -> int:
    return (nonce + sum(data[at] for at in range(len(data) - _SAMPLE, 0, -_SAMPLE))) % 2**32
