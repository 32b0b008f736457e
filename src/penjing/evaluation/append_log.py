"""An append log: rows of equal size, of which the complete ones survive a kill or a crash.

The file `NAME.rows` holds the rows; `NAME.json` says whose they are (the signature) and how many
are complete. A row is on the disk before it is counted. Another signature starts from nothing.
Rows are written and read, never memory-mapped: a full disk is an error, not a crash, and memory
stays bounded. Knows bytes; must not know what they mean.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import IO, Any

import numpy as np

from penjing.core.errors import PenjingError, StorageError
from penjing.core.files import disk_errors, require_space, write_text
from penjing.core.plain_json import read_json
from penjing.core.strangers import open_plain

_MOST_BYTES = 2**20

Signature = Mapping[str, str | int]


class Ledger:
    """An append-only file of `rows` rows of `row_bytes` bytes."""

    def __init__(self, path: Path, signature: Signature, *, row_bytes: int, rows: int) -> None:
        """Open or begin `path` (without ending). Raises StorageError when there is no room."""
        self.rows_path = path.with_name(path.name + ".rows")
        self._note_path = path.with_name(path.name + ".json")
        self._row_bytes = row_bytes
        self._rows = rows
        self._note: dict[str, Any] = {**signature, "row_bytes": row_bytes, "rows": rows}
        self.done = self._complete_rows()
        require_space(path.parent, (rows - self.done) * row_bytes)
        with disk_errors(self.rows_path):
            path.parent.mkdir(parents=True, exist_ok=True)
            if not self.done:
                self._note_path.unlink(missing_ok=True)
                self.rows_path.write_bytes(b"")

    def append(self, pieces: Iterable[np.ndarray[Any, Any]]) -> None:
        """Write one row, given in pieces, and count it."""
        with disk_errors(self.rows_path), self.rows_path.open("r+b") as file:
            file.truncate(self.done * self._row_bytes)  # drop a row that was cut short
            file.seek(0, os.SEEK_END)
            for piece in pieces:
                file.write(np.ascontiguousarray(piece).data)
            if file.tell() != (self.done + 1) * self._row_bytes:
                raise ValueError("the pieces do not make one row")
            file.flush()
            os.fsync(file.fileno())
        write_text(self._note_path, json.dumps({**self._note, "done": self.done + 1}))
        self.done += 1

    def open_row(self, row: int) -> IO[bytes]:
        """A file that stands at the beginning of a row; the caller closes it."""
        try:
            file = open_plain(self.rows_path)
            file.seek(row * self._row_bytes)
        except OSError as error:
            raise StorageError(f"cannot read {self.rows_path}: run again") from error
        return file

    def _complete_rows(self) -> int:
        """How many rows of this very signature are there."""
        try:
            note = read_json(self._note_path, limit=_MOST_BYTES)
            with open_plain(self.rows_path) as file:
                size = os.fstat(file.fileno()).st_size
        except (OSError, PenjingError):
            return 0
        done = note.pop("done", 0) if isinstance(note, dict) else 0
        if note != self._note or type(done) is not int or not 0 < done <= self._rows:
            return 0
        return done if size >= done * self._row_bytes else 0


def rows_kept(folder: Path) -> int:
    """Complete rows of every log in a folder, by what their notes say."""
    total = 0
    for path in folder.glob("*.json"):
        try:
            note = read_json(path, limit=_MOST_BYTES)
        except (OSError, PenjingError):
            continue
        done = note.get("done") if isinstance(note, dict) else None
        total += done if type(done) is int else 0
    return total


def fill(file: IO[bytes], block: np.ndarray[Any, Any]) -> None:
    """Read the next bytes into a contiguous array, all of it or StorageError."""
    try:
        count = file.readinto(block.data.cast("B"))  # type: ignore[attr-defined]
    except OSError as error:
        raise StorageError(f"cannot read {file.name}: run again") from error
    if count != block.nbytes:
        raise StorageError(f"{file.name} is shorter than it was: run again")


def refill(table: np.ndarray[Any, Any], ledger: Ledger | None) -> int:
    """Read the complete rows of a ledger into the rows of a table; how many they were."""
    if ledger is None:
        return 0
    for row in range(ledger.done):
        with ledger.open_row(row) as file:
            fill(file, table[row])
    return ledger.done


def fingerprint(data: bytes) -> str:
    """Hex sha256 of bytes, for a signature."""
    return hashlib.sha256(data).hexdigest()
