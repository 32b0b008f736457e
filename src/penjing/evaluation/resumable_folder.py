"""A resumable folder of work: kept after an interruption, gone after anything else.

`root` holds at most one unfinished work beside those that are running: beginning another removes
what an earlier interruption left, so the disk is bounded. Knows folders; not what is in them.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from penjing.core.errors import BadInput, Cancelled, PenjingError
from penjing.core.files import disk_errors

_LOCK = "lock"


@contextmanager
def slot(root: Path, key: str) -> Iterator[Path]:
    """The folder `root/key`, ours alone while the block runs.

    An interruption (Ctrl-C, SIGTERM, a kill, a crash) leaves it for the next run with the same
    key; success or a PenjingError removes it. BadInput when the same work is already running.
    """
    folder = root / key
    with disk_errors(folder):
        root.mkdir(parents=True, exist_ok=True)
        for other in root.iterdir():
            if other.name != key and other.is_dir():
                _remove_abandoned(other)
        handle = _lock(folder)
    if handle is None:
        raise BadInput("the same work is already running: wait for it, or stop it first")
    try:
        yield folder
    except Cancelled:
        raise
    except PenjingError:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    else:
        shutil.rmtree(folder, ignore_errors=True)
    finally:
        os.close(handle)


def _lock(folder: Path) -> int | None:
    """A handle that owns the folder, or None when another process does."""
    import fcntl  # not on every system

    while True:
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / _LOCK
        try:
            handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        except FileNotFoundError:  # removed under our hands: make it again
            continue
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(handle)
            return None
        if _still_there(handle, path):
            return handle
        os.close(handle)


def _still_there(handle: int, path: Path) -> bool:
    """Whether the locked file is the one that lies at its path now."""
    try:
        return os.path.samestat(os.fstat(handle), path.stat())
    except FileNotFoundError:
        return False


def _remove_abandoned(folder: Path) -> None:
    handle = _lock(folder)
    if handle is None:  # somebody is at work in it
        return
    shutil.rmtree(folder, ignore_errors=True)
    os.close(handle)
