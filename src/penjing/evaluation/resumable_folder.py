"""A resumable folder of work: kept after an interruption, gone after anything else.

What other runs left unfinished stays, within bounds: the newest of them whatever its size, older
ones as long as all together are few, small and young. Knows folders; not what is in them.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from penjing.core.errors import BadInput, Cancelled, PenjingError
from penjing.core.files import disk_errors

_LOCK = "lock"
MOST_WORKS = 32
"""Unfinished works of others that stay."""
MOST_BYTES = 4 * 2**30
"""Of them together; the newest stays even if it is larger."""
MOST_SECONDS = 30 * 24 * 3600
"""Since they were last worked at."""


@contextmanager
def slot(root: Path, key: str) -> Iterator[Path]:
    """The folder `root/key`, ours alone while the block runs.

    An interruption (Ctrl-C, SIGTERM, a kill, a crash) leaves it for the next run with the same
    key; success or a PenjingError removes it. BadInput when the same work is already running.
    """
    folder = root / key
    with disk_errors(folder):
        root.mkdir(parents=True, exist_ok=True)
        for other in _beyond_bounds(root, key):
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


def _beyond_bounds(root: Path, key: str) -> list[Path]:
    """The folders of other works that are too old, or that there is no room for beside newer."""
    others = [one for one in root.iterdir() if one.name != key and one.is_dir()]
    newest_first = sorted(((*_looked_at(one), one) for one in others), reverse=True)
    gone, total = [], 0
    for place, (when, size, folder) in enumerate(newest_first):
        total += size
        crowded = place > 0 and (place >= MOST_WORKS or total > MOST_BYTES)
        if crowded or time.time() - when > MOST_SECONDS:
            gone.append(folder)
    return gone


def _looked_at(folder: Path) -> tuple[float, int]:
    """When a folder was last worked at (seconds since 1970), and its bytes."""
    when, size = 0.0, 0
    for place, _, names in os.walk(folder):
        for path in (Path(place), *(Path(place, name) for name in names)):
            try:
                found = path.lstat()
            except FileNotFoundError:  # its owner ends it just now
                continue
            when, size = max(when, found.st_mtime), size + found.st_size
    return when, size


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
