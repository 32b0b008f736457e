"""Files that are whole or absent: atomic writes, hashes, and disk errors translated once.

Everything Penjing leaves on disk goes through here, so that Ctrl-C, a full disk or a crash never
leaves half a file under its final name.
"""

from __future__ import annotations

import errno
import hashlib
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from penjing.core.errors import BadInput, FormatError, StorageError
from penjing.core.strangers import BYTE_ORDER_MARK, RefusedFileError, open_plain, read_plain
from penjing.core.units import format_size

_REASONS = {
    errno.ENOSPC: "the disk is full: free some space or choose another folder",
    errno.EDQUOT: "your disk quota is used up: free some space or choose another folder",
    errno.EROFS: "the file system is read-only: choose another folder",
    errno.EACCES: "not permitted: choose a folder you may write to",
    errno.EPERM: "not permitted: choose a folder you may write to",
    errno.ENOTDIR: "a part of the path is a file, not a folder: choose another folder",
    errno.EEXIST: "a file of that name is in the way: choose another folder",
}


@contextmanager
def disk_errors(path: Path) -> Iterator[None]:
    """Translate the operating system's refusal to write `path` into one clear StorageError."""
    try:
        yield
    except OSError as error:
        reason = _REASONS.get(error.errno or 0, (error.strerror or str(error)).lower())
        raise StorageError(f"cannot write {path}: {reason}") from error


@contextmanager
def writing(path: Path, *, private: bool = False) -> Iterator[IO[bytes]]:
    """A file that takes its name only when the block ends well; synced to disk first.

    On any exception, Ctrl-C included, the temporary file is removed and `path` is untouched.
    With `private` only its owner may read it.
    """
    with disk_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = _temporary(path)
        held = None if os.name == "nt" else os.dup(handle)  # locked until it has its name
        try:
            with os.fdopen(handle, "wb") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            temporary.chmod((0o600 if private else 0o666) & ~_umask())
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
            if held is not None:
                os.close(held)


def write_text(path: Path, text: str, *, private: bool = False) -> None:
    """Write a UTF-8 text file, whole or not at all."""
    with writing(path, private=private) as file:
        file.write(text.encode("utf-8"))


def read_text(path: Path, *, limit: int = 256 * 2**20, inside: Path | None = None) -> str:
    """Read a UTF-8 text, as `open_plain` opens it; BadInput says what is wrong with it.

    As everywhere in Python lines end with a newline alone; a byte order mark is no text.
    """
    try:
        text = read_plain(path, limit=limit, inside=inside).decode("utf-8")
    except UnicodeDecodeError as error:
        raise BadInput(
            f"{path} is not UTF-8 text (byte {error.start}): convert it, "
            "for example with iconv -t utf-8"
        ) from error
    except FormatError as error:
        raise BadInput(
            f"{path} is larger than {format_size(limit)}: give a shorter text"
        ) from error
    text = text.removeprefix(BYTE_ORDER_MARK).replace("\r\n", "\n").replace("\r", "\n")
    if not text.strip():
        raise BadInput(f"{path} is empty: give a text with some words in it")
    return text


def sha256_file(path: Path, *, on_bytes: Callable[[int], None] | None = None) -> str:
    """Hex sha256 of a plain file, read in 1 MiB pieces; `on_bytes` hears how many were read.

    Raises OSError.
    """
    digest = hashlib.sha256()
    with open_plain(path) as file:
        left = os.fstat(file.fileno()).st_size
        while piece := file.read(2**20):
            if (left := left - len(piece)) < 0:
                raise RefusedFileError("it grows while it is read")
            digest.update(piece)
            if on_bytes:
                on_bytes(len(piece))
    return digest.hexdigest()


def require_space(folder: Path, needed: int) -> None:
    """Raise StorageError unless `needed` bytes are free where `folder` is or will be."""
    existing = folder
    while not existing.exists():
        existing = existing.parent
    free = shutil.disk_usage(existing).free
    if free < needed:
        raise StorageError(
            f"{folder} has {format_size(free)} free and {format_size(needed)} are needed: "
            "free some space or choose another folder"
        )


def require_writable(folder: Path) -> None:
    """Create `folder` and prove now, before hours of work, that a file can be written in it."""
    with disk_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass


def require_suffix(path: Path, suffix: str) -> None:
    """BadInput for a name by which nobody would know what the file is."""
    if path.suffix != suffix:
        raise BadInput(f"{path} does not end in {suffix}: name the file to be made so")


def require_folder(path: Path) -> None:
    """BadInput unless the folder of a file to be made is there: a slip in its name makes none."""
    with disk_errors(path):
        if not path.parent.exists():
            raise BadInput(f"there is no folder {path.parent}: make it, or choose another")


def require_new_file(path: Path, suffix: str, *, overwrite: bool) -> None:
    """BadInput unless a file of this name can be made, and no other is lost by it.

    What a killed process had begun under this name is removed.
    """
    require_suffix(path, suffix)
    require_folder(path)
    with disk_errors(path):
        if path.exists() and not overwrite:
            raise BadInput(f"{path} is there already: add --overwrite to replace it")
    require_writable(path.parent)
    with disk_errors(path):
        _sweep(path)


def _temporary(path: Path) -> tuple[int, Path]:
    """A new file beside `path`, locked as long as it is open: by that `_sweep` knows it is used."""
    while True:
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".tmp", dir=path.parent)
        _lock(handle, wait=True)
        if os.fstat(handle).st_nlink or os.name == "nt":
            return handle, Path(name)
        os.close(handle)  # swept before it was locked


def _sweep(path: Path) -> None:
    """Remove what `writing` left of `path` when its process was killed, and nobody writes now."""
    ours = re.compile(re.escape(f".{path.name}.") + r"[a-z0-9_]{8}\.tmp")
    for found in [one for one in path.parent.iterdir() if ours.fullmatch(one.name)]:
        with suppress(OSError), open_plain(found) as file:
            if _lock(file.fileno(), wait=False):
                found.unlink()


def _lock(handle: int, *, wait: bool) -> bool:
    """Whether the file is locked by us now."""
    with suppress(ImportError, OSError):  # not on every system, nor every file system
        import fcntl

        fcntl.flock(handle, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        return True
    return False


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
