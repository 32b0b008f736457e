"""What can be told of a database's file without its key, before anything opens it.

SQLite takes an empty file for a new database and deletes the journal beside it, plays back any
journal that lies there, and waits for a pipe. So files are looked at first, by nothing but their
kind and size. Knows no key and no SQLite.
"""

from __future__ import annotations

import os
from pathlib import Path

from penjing.core.errors import IntegrityError, StorageError
from penjing.vault import disk

PAGE = 4096
JOURNAL = "-journal"
LOG = "-wal"
"""A write-ahead log. We write none, and SQLite would believe any that lies there."""

BACK = "put it back from a backup with penjing vault restore DIR"


def remedy(path: Path) -> str:
    """What to do about a database of which some pages may be readable."""
    whose = "" if path.name.startswith("accounts.") else " --person NAME"
    return f"run penjing vault restore{whose} to salvage what is readable"


def complaint(path: Path) -> str | None:
    """What is wrong with a database's file, as far as can be seen from outside; None: nothing."""
    if not disk.is_there(path):
        return f"is not there: {BACK}"
    if (other := disk.strange(path)) is not None:
        return f"is {other} and no database: move it away, then {BACK}"
    if not os.access(path, os.R_OK):
        return "cannot be read: check its permissions"
    size = path.stat().st_size
    if size == 0:
        return f"is empty: it was cut off by something else than penjing; {BACK}"
    if not has_journal(path) and size % PAGE:
        return f"is damaged, it ends within a page: {remedy(path)}"
    return _beside(path)


def _beside(path: Path) -> str | None:
    for ending in (JOURNAL, LOG):
        beside = path.with_name(path.name + ending)
        if (other := disk.strange(beside)) is not None:
            return f"has {other} beside it, {beside.name}: move that away"
        if ending == LOG and disk.is_there(beside):
            return f"has a log beside it that penjing did not write, {LOG}: move that away"
    return None


def has_journal(path: Path) -> bool:
    """Whether a journal lies beside it that SQLite would play back, if it is one."""
    journal = path.with_name(path.name + JOURNAL)
    return disk.is_file(journal) and journal.stat().st_size > 0


def require(path: Path) -> None:
    """Raise IntegrityError where there is a complaint."""
    try:
        wrong = complaint(path)
    except OSError as error:
        why = (error.strerror or str(error)).lower()
        raise StorageError(f"cannot read {path}: {why}; check its permissions") from error
    if wrong is not None:
        raise IntegrityError(f"{path.name} {wrong}")
