"""One SQLCipher file: opened, kept durable, its errors translated.

A transaction that returned has reached the disk: rollback journal, and synchronous=EXTRA, which
also syncs the folder after the journal is unlinked. That unlinking is the moment of commit. No
write-ahead log: its tail is taken for unwritten when a bit in it flips, and acknowledged turns
would be gone in silence; a database page that was changed is always noticed.

Key and salt both come from the subject's key, so that a damaged first page costs its own rows only.

A database is made by saying so (`new`), and by nothing else: every other opening wants the file
that was made, looks at it before SQLite does (`outside`), and plays back only its own journal.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from penjing.core.errors import BadInput, IntegrityError, PenjingError, StorageError
from penjing.core.extras import needed
from penjing.core.files import disk_errors
from penjing.vault import disk, journal, outside
from penjing.vault.cipher_pages import raw_key
from penjing.vault.envelope import Key
from penjing.vault.locks import Lock
from penjing.vault.outside import PAGE

Connection = Any
"""A connection of sqlcipher3, which has no types."""

ENDINGS = ("", outside.JOURNAL, outside.LOG, "-shm")
"""Of the files of one database."""

_REASONS = {
    "database or disk is full": "the disk is full: free some space, nothing kept was lost",
    "disk i/o error": "the disk refused to write: check it, nothing kept was lost",
    "attempt to write a readonly database": "the disk is read-only: make it writable",
    "unable to open database file": "check its permissions, and that the disk is not read-only",
    "database is locked": "it is in use by another program: close that one",
}
_DAMAGE = ("malformed", "not a database")


class Database:
    """An open database. Threads may share it: one after the other."""

    def __init__(
        self, path: Path, key: Key, turn: Lock, use: Lock | None = None, *, new: bool = False
    ) -> None:
        self.path = path
        self._turn = turn
        self._use = use
        self._lock = threading.RLock()
        self._key = key
        self._within = False
        with self._turn.held(alone=True):  # a journal left by a crash is played back now
            self._connection: Connection | None = connect(path, key, new=new)

    def __repr__(self) -> str:
        return f"Database({self.path.name})"

    @property
    def key(self) -> Key:
        """The subject's key, for what else is sealed with it."""
        return self._key

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """The connection, for statements that change nothing."""
        with self._my_turn(alone=False), damage(self.path):
            yield self._open()

    @contextmanager
    def writing(self, after: Callable[[], None] | None = None) -> Iterator[Connection]:
        """One transaction: on disk when the block has ended well, undone when it has not.

        `after` runs once it is on disk and before anybody else's turn.
        """
        with self._my_turn(alone=True), damage(self.path):
            connection = self._open()
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                with suppress(Exception):  # a full disk has undone it already
                    connection.execute("ROLLBACK")
                raise
            if after is not None:
                after()

    def vacuum(self) -> None:
        """Write the file anew without its free pages."""
        with self._my_turn(alone=True), damage(self.path):
            self._open().execute("VACUUM")

    def close(self) -> None:
        """Close and forget the key. Calling it twice is harmless."""
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None
            self._key.wipe()
            self._turn.close()
            if self._use is not None:
                self._use.close()

    @contextmanager
    def _my_turn(self, *, alone: bool) -> Iterator[None]:
        """Nobody else's; within a turn of this thread's own, reading needs no other."""
        with self._lock:
            self._open()  # before a lock that is closed as well
            if self._within:
                if alone:
                    raise RuntimeError("a transaction cannot begin within another")
                yield
                return
            with self._turn.held(alone=alone):
                self._within = True
                try:
                    yield
                finally:
                    self._within = False

    def _open(self) -> Connection:
        if self._connection is None:
            raise StorageError("the vault was closed: unlock it again")
        return self._connection


def connect(path: Path, key: Key, *, new: bool = False) -> Connection:
    """A connection that is durable and private. What a crash left is undone by it.

    Call it while nobody else writes. With `new` the file is made, and none may be there; without it
    one must be. Raises IntegrityError.
    """
    driver = _driver()
    if new:
        _make(path)
    else:
        outside.require(path)
        journal.require_own(path, key)
    with damage(path):
        name = f"{path.absolute().as_uri()}?mode=rw"
        connection = driver.connect(name, uri=True, isolation_level=None, check_same_thread=False)
        try:
            _set_up(connection, path, key)
            if not new:
                _require_whole(connection, path)
        except BaseException:
            connection.close()
            raise
    return connection


@contextmanager
def scratch() -> Iterator[Connection]:
    """An empty database in memory, not encrypted: to see what a statement makes."""
    connection = _driver().connect(":memory:", isolation_level=None)
    try:
        yield connection
    finally:
        connection.close()


def _make(path: Path) -> None:
    """Made by us, so that it is private from its first byte, and nobody else's."""
    with disk_errors(path):
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    disk.sync_folder(path.parent)


def _require_whole(connection: Connection, path: Path) -> None:
    """The first statement that reads the file: a journal is played back, and the length is right.

    The file may be longer: a crash after the commit and before the cut leaves it so.
    """
    connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    pages = connection.execute("PRAGMA page_count").fetchone()[0]
    size = path.stat().st_size
    if size < pages * PAGE or size % PAGE:
        raise damaged(path)
    if connection.execute("PRAGMA user_version").fetchone()[0] == 0:
        raise IntegrityError(f"{path.name} holds nothing, not even tables: {outside.BACK}")


def _set_up(connection: Connection, path: Path, key: Key) -> None:
    for line in (
        "PRAGMA cipher_log_level = NONE",  # it would write to stderr
        f"PRAGMA key = \"x'{raw_key(key).hex()}'\"",
        f"PRAGMA cipher_page_size = {PAGE}",
        "PRAGMA cipher_memory_security = ON",
        "PRAGMA temp_store = MEMORY",
        "PRAGMA mmap_size = 0",
        "PRAGMA secure_delete = ON",
        "PRAGMA trusted_schema = OFF",
        "PRAGMA foreign_keys = ON",
        "PRAGMA synchronous = EXTRA",
        "PRAGMA busy_timeout = 10000",
    ):
        connection.execute(line).fetchall()
    mode = connection.execute("PRAGMA journal_mode = DELETE").fetchone()[0]
    if mode != "delete":
        raise StorageError(f"{path.name} is open elsewhere in another mode: close that program")


def copy_under(database: Connection, path: Path, key: Key) -> None:
    """All of an open database into a new file under another key, whole or absent, on disk."""
    fresh = path.with_name(f".{path.name}.new")
    remove(fresh)
    with damage(path):
        _make(fresh)
        name = f"x'{raw_key(key).hex()}'"
        database.execute("ATTACH DATABASE ? AS fresh KEY ?", (str(fresh), name))
        try:
            version = database.execute("PRAGMA main.user_version").fetchone()[0]
            database.execute(f"PRAGMA fresh.cipher_page_size = {PAGE}")
            database.execute("PRAGMA fresh.journal_mode = DELETE")
            database.execute("SELECT sqlcipher_export('fresh')").fetchall()
            database.execute(f"PRAGMA fresh.user_version = {int(version)}")
        finally:
            database.execute("DETACH DATABASE fresh")
    settle_new(fresh, path)


def settle_new(fresh: Path, path: Path) -> None:
    """Give a finished file its name, durably."""
    disk.sync_file(fresh)
    with disk_errors(path):
        fresh.replace(path)
    disk.sync_folder(path.parent)


def remove(path: Path) -> None:
    """Remove a database with all that SQLite may have left beside it."""
    for ending in ENDINGS:
        beside = path.with_name(path.name + ending)
        if disk.is_there(beside):
            disk.remove(beside)


@contextmanager
def damage(path: Path) -> Iterator[None]:
    """Translate SQLCipher's errors: the disk's refusal, or damage with its remedy."""
    driver = _driver()
    try:
        yield
    except driver.IntegrityError as error:
        raise IntegrityError(f"{path.name} refused what is against its rules: {error}") from error
    except driver.DatabaseError as error:
        raise _translated(path, error) from error
    except UnicodeEncodeError as error:
        raise BadInput("the text holds half a character: send whole Unicode characters") from error


def damaged(path: Path) -> IntegrityError:
    """A database that cannot be read, with what to do about it."""
    return IntegrityError(f"{path.name} is damaged: {outside.remedy(path)}")


def _translated(path: Path, error: Exception) -> PenjingError:
    text = str(error).lower()
    if any(word in text for word in _DAMAGE):
        return damaged(path)
    for known, reason in _REASONS.items():
        if known in text:
            return StorageError(f"cannot use {path.name}: {reason}")
    return StorageError(f"cannot use {path.name}: {error}; run penjing vault verify")


def _driver() -> Any:
    with needed("the vault", "vault"):
        from sqlcipher3 import dbapi2
    return dbapi2
