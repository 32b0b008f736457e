"""Who may do what at the same time. The kernel drops a lock with its process: none goes stale.

Two files for each subject. `.use` is held, shared, by whoever has the database open; who replaces
keys or files holds it alone. `.turn` is held for one read, one write or one copy.

flock needs POSIX; where it is missing the vault refuses to open instead of running unguarded.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from penjing.core.errors import InUse, StorageError
from penjing.core.files import disk_errors
from penjing.vault import disk
from penjing.vault.place import Place, require_subject

PATIENCE = 30.0
"""Seconds to wait for another's turn to end."""
_PAUSE = 0.002


class Lock:
    """One lock file, opened. Locks of two `Lock`s exclude each other within a process too."""

    def __init__(self, path: Path) -> None:
        self._path = path
        with disk_errors(path):
            self._handle = _opened(path)

    @contextmanager
    def held(self, *, alone: bool, patience: float = PATIENCE) -> Iterator[None]:
        """Hold it while the block runs."""
        self.take(alone=alone, patience=patience)
        try:
            yield
        finally:
            self.release()

    def take(self, *, alone: bool, patience: float = PATIENCE) -> None:
        """Hold it until `release`. Raises InUse when others still do after `patience`."""
        fcntl = _fcntl()
        mode = (fcntl.LOCK_EX if alone else fcntl.LOCK_SH) | fcntl.LOCK_NB
        until = time.monotonic() + patience
        while True:
            try:
                fcntl.flock(self._handle, mode)
            except BlockingIOError as error:
                if time.monotonic() >= until:
                    raise InUse(_BUSY) from error
                time.sleep(_PAUSE)
            else:
                return

    def release(self) -> None:
        """Let others have it."""
        fcntl = _fcntl()
        fcntl.flock(self._handle, fcntl.LOCK_UN)

    def close(self) -> None:
        """Release it for good. Calling it twice is harmless."""
        if self._handle >= 0:
            os.close(self._handle)
            self._handle = -1


def _opened(path: Path) -> int:
    """The lock file, made where there is none; nothing is ever read from it or written to it."""
    if (other := disk.strange(path)) is not None:
        raise StorageError(f"{path} is {other} and no lock: move it away and try again")
    flags = os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
    if not path.parent.exists() and path.parent.parent.is_dir():
        disk.private_folder(path.parent)  # copying a vault may leave out an empty folder
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT | flags, 0o600)
    except OSError:
        if not path.exists():
            raise
        return os.open(path, os.O_RDONLY | flags)  # a read-only disk can be read


_BUSY = "the vault is in use by another penjing: close that one (or let it finish) and try again"


def use_lock(place: Place, subject: str) -> Lock:
    """Shared while a database is open; alone to replace its key or its file."""
    return Lock(place.locks / f"{require_subject(subject)}.use")


def turn_lock(place: Place, subject: str) -> Lock:
    """Held for one transaction, or while a backup copies the file."""
    return Lock(place.locks / f"{require_subject(subject)}.turn")


@contextmanager
def alone(place: Place, subject: str) -> Iterator[None]:
    """Nobody else has the subject's database open while the block runs."""
    lock = use_lock(place, subject)
    try:
        with lock.held(alone=True, patience=0.0):
            yield
    finally:
        lock.close()


@contextmanager
def quiet(place: Place, subject: str) -> Iterator[None]:
    """Nobody reads, writes or replaces the subject's files while the block runs."""
    use, turn = use_lock(place, subject), turn_lock(place, subject)
    try:
        with use.held(alone=False, patience=0.0), turn.held(alone=True):
            yield
    finally:
        turn.close()
        use.close()


def _fcntl() -> Any:
    try:
        import fcntl
    except ImportError as error:
        advice = "run penjing on Linux, macOS or WSL"
        raise StorageError(f"this system has no file locks for the vault: {advice}") from error
    return fcntl
