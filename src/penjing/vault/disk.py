"""Files that are still there after a power cut, for one account, and overwritten at the end.

`core/files.py` makes files whole or absent; here their folder is synced as well, so that a name
that was given is kept, and one that was taken away stays away.

A file of the vault is a file: what lies under its name and is a link, a pipe, a folder or a device
was put there by somebody else, and is neither read, waited for, nor written through.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
from pathlib import Path
from typing import IO

from penjing.core.errors import StorageError
from penjing.core.files import disk_errors, writing

_WAIT_FOR_NOBODY = (
    getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0)
)
_KINDS = ((stat.S_ISDIR, "a folder"), (stat.S_ISLNK, "a link"), (stat.S_ISFIFO, "a pipe"))


def strange(path: Path) -> str | None:
    """What lies under a name and is no file, in words; None for a file or nothing at all."""
    try:
        mode = path.lstat().st_mode
    except OSError:
        return None
    if stat.S_ISREG(mode):
        return None
    return next((word for is_one, word in _KINDS if is_one(mode)), "a device or socket")


def is_file(path: Path) -> bool:
    """Whether there is a file: a link to one is none."""
    return is_there(path) and strange(path) is None


def is_there(path: Path) -> bool:
    """Whether anything has the name, be it a link that leads nowhere."""
    return os.path.lexists(path)


def is_open_to_others(path: Path) -> bool:
    """Whether another account than its owner's may read, write or enter it."""
    try:
        return not path.is_symlink() and bool(path.lstat().st_mode & 0o077)
    except OSError:
        return False


def stamp(path: Path) -> tuple[int, ...]:
    """What of a file differs once it was written or replaced; empty where there is none."""
    try:
        about = path.lstat()
    except OSError:
        return ()
    return about.st_mtime_ns, about.st_size, about.st_ino


def opened(path: Path) -> IO[bytes]:
    """A file to read. Raises StorageError; never waits and never follows a link."""
    try:
        handle = os.open(path, os.O_RDONLY | _WAIT_FOR_NOBODY)
    except FileNotFoundError as error:
        raise StorageError(f"there is no {path}: put it back from a copy") from error
    except OSError as error:
        raise StorageError(f"cannot read {path}: {_why_not(path, error)}") from error
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise StorageError(f"cannot read {path}: {_NO_FILE.format(strange(path) or 'no file')}")
    return os.fdopen(handle, "rb")


_NO_FILE = "it is {}, not a file of the vault: move it away, and put back a copy"


def _why_not(path: Path, error: OSError) -> str:
    if (other := strange(path)) is not None:
        return _NO_FILE.format(other)
    return f"{(error.strerror or str(error)).lower()}; check its permissions"


def copy_durably(source: Path, target: Path) -> None:
    """Copy a file, private and synced. Its name is synced by whoever names the folder."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | _WAIT_FOR_NOBODY
    with opened(source) as file, disk_errors(target):
        handle = os.open(target, flags, 0o600)
        with os.fdopen(handle, "wb") as copy:
            shutil.copyfileobj(file, copy, 2**20)
            copy.flush()
            os.fsync(copy.fileno())


def sha256(path: Path) -> str:
    """Hex sha256 of a file. Raises StorageError."""
    digest = hashlib.sha256()
    with opened(path) as file, disk_errors(path):
        while piece := file.read(2**20):
            digest.update(piece)
    return digest.hexdigest()


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
    with opened(path) as file, disk_errors(path):
        data = file.read(limit + 1)
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


def keep_aside(path: Path, name: str) -> None:
    """Give a file another name as well, so that it outlives being replaced; the newest is kept."""
    aside = path.with_name(name)
    remove(aside)
    with disk_errors(aside):
        os.link(path, aside, follow_symlinks=False)
    sync_folder(path.parent)


def destroy(path: Path) -> None:
    """Overwrite a small file where it lies, sync, and unlink it.

    Flash translates addresses and file systems may copy on write: either can keep an old block.
    """
    if is_file(path):
        with disk_errors(path):
            path.chmod(0o600)
            handle = os.open(path, os.O_RDWR | _WAIT_FOR_NOBODY)
            try:
                overwrite(handle)
            finally:
                os.close(handle)
    remove(path)


def to_overwrite(path: Path) -> int:
    """A handle to overwrite a file by; -1 where there is none, or only a link to another's."""
    try:
        handle = os.open(path, os.O_RDWR | _WAIT_FOR_NOBODY)
    except OSError:
        return -1
    if stat.S_ISREG(os.fstat(handle).st_mode):
        return handle
    os.close(handle)
    return -1


def overwrite(handle: int) -> None:
    """Fill an open file with noise of the same length and sync it."""
    size = os.fstat(handle).st_size
    os.pwrite(handle, os.urandom(size), 0)
    os.fsync(handle)


def leftovers(path: Path) -> list[Path]:
    """What a killed `write_durably` of this path may have left beside it."""
    return sorted(path.parent.glob(f".{path.name}.*.tmp")) if path.parent.is_dir() else []
