"""Files that are still there after a power cut, for one account, and overwritten at the end.

`core/files.py` makes files whole or absent; here their folder is synced as well, so that a name
that was given is kept, and one that was taken away stays away.
"""

from __future__ import annotations

import os
from pathlib import Path

from penjing.core.errors import StorageError
from penjing.core.files import disk_errors, writing


def private_folder(path: Path) -> None:
    """Create a folder that only its owner may enter, durably, or make an existing one so."""
    with disk_errors(path):
        missing = [folder for folder in (path, *path.parents) if not folder.exists()]
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        if path.stat().st_mode & 0o077:
            path.chmod(0o700)
    for folder in missing:
        sync_folder(folder.parent)


def write_durably(path: Path, data: bytes) -> None:
    """Replace a private file: after this returns the new one is there, before it the old one."""
    with writing(path, private=True) as file:
        file.write(data)
    sync_folder(path.parent)


def read(path: Path, *, limit: int = 2**20) -> bytes:
    """A small file's bytes. Raises StorageError; a file above `limit` is none of ours."""
    try:
        with path.open("rb") as file:
            data = file.read(limit + 1)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise StorageError(f"cannot read {path}: {reason}; restore it from a backup") from error
    if len(data) > limit:
        raise StorageError(f"{path} is too large to be a file of the vault: restore a backup")
    return data


def sync_file(path: Path) -> None:
    """Bring a file's bytes to the disk."""
    with disk_errors(path):
        _sync(path, os.O_RDONLY)


def sync_folder(path: Path) -> None:
    """Bring a folder's names to the disk: without it a power cut may take a new file away."""
    with disk_errors(path):
        _sync(path, os.O_RDONLY | getattr(os, "O_DIRECTORY", 0))


def _sync(path: Path, flags: int) -> None:
    handle = os.open(path, flags)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def remove(path: Path) -> None:
    """Unlink a file, durably; no harm when it is not there."""
    with disk_errors(path):
        path.unlink(missing_ok=True)
    if path.parent.is_dir():
        sync_folder(path.parent)


def destroy(path: Path) -> None:
    """Overwrite a small file where it lies, sync, and unlink it.

    Flash translates addresses and file systems may copy on write: either can keep an old block.
    """
    with disk_errors(path):
        try:
            handle = os.open(path, os.O_RDWR)
        except FileNotFoundError:
            return
        try:
            overwrite(handle)
        finally:
            os.close(handle)
    remove(path)


def overwrite(handle: int) -> None:
    """Fill an open file with noise of the same length and sync it."""
    size = os.fstat(handle).st_size
    os.pwrite(handle, os.urandom(size), 0)
    os.fsync(handle)


def leftovers(path: Path) -> list[Path]:
    """What a killed `write_durably` of this path may have left beside it."""
    return sorted(path.parent.glob(f".{path.name}.*.tmp")) if path.parent.is_dir() else []
