"""The one way to open a file that somebody else made: a plain file, of bounded size, or one line.

A folder from a stranger can hold a pipe that never speaks, a device without an end, and links to
what is none of the stranger's business. `open_plain` waits for none of them and follows no link out
of the folder it is told. Refusals are OSErrors, so that each room says them in its own words.
Must not know what the files hold.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from penjing.core.errors import BadInput, FormatError
from penjing.core.units import format_size

BYTE_ORDER_MARK = "\ufeff"
"""What some editors put before a text: it is no part of it."""

_FLAGS = (
    os.O_RDONLY
    | getattr(os, "O_NONBLOCK", 0)  # opening a pipe would wait for somebody to write
    | getattr(os, "O_NOCTTY", 0)
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_BINARY", 0)
)
_NO_LINK = getattr(os, "O_NOFOLLOW", 0)
_KINDS = {
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


class RefusedFileError(OSError):
    """What is there is no plain file, or lies elsewhere; `strerror` says which."""

    def __init__(self, says: str) -> None:
        super().__init__(errno.EINVAL, says)


def open_plain(path: Path, *, inside: Path | None = None) -> IO[bytes]:
    """Open a plain file for reading. Raises OSError, never waits.

    Links are followed where a person names the file. With `inside` they may lead to other files
    of that folder, and from a snapshot of a hub's cache to its blobs; nowhere else.
    """
    try:
        real = path if inside is None else _within(path, inside)
        _require_plain(real.stat())  # before opening, which can already do something to a device
        handle = os.open(real, _FLAGS if inside is None else _FLAGS | _NO_LINK)
    except ValueError as error:  # a NUL in the name
        raise RefusedFileError("it has an impossible name") from error
    try:
        _require_plain(os.fstat(handle))  # it may have been replaced meanwhile
        return os.fdopen(handle, "rb")
    except BaseException:
        os.close(handle)
        raise


def read_plain(path: Path, *, limit: int, inside: Path | None = None) -> bytes:
    """All bytes of a plain file. BadInput where it cannot be read, FormatError above `limit`.

    What grows while it is read, or has no end, costs no more than the limit.
    """
    with read_errors(path), open_plain(path, inside=inside) as file:
        data: bytes | None = file.read(limit + 1)
    if data is None:  # a file of the kernel's with nothing to say just now
        raise BadInput(f"cannot read {path}: it is not a plain file")
    if len(data) > limit:
        raise FormatError(f"{path} is larger than {format_size(limit)}: no such file needs more")
    return data


@contextmanager
def read_errors(path: Path) -> Iterator[None]:
    """Translate the operating system's refusal to read `path` into one clear BadInput."""
    try:
        yield
    except OSError as error:
        raise BadInput(f"cannot read {path}: {why(error)}") from error


def is_there(path: Path) -> bool:
    """Whether there is anything of that name: what is no file is refused, not taken for absent."""
    return os.path.lexists(path)


def why(error: OSError) -> str:
    """The reason alone, for a message."""
    return (error.strerror or str(error)).lower()


def _within(path: Path, folder: Path) -> Path:
    """Where the file really lies; RefusedFileError when that is outside."""
    try:
        root, real = folder.resolve(strict=True), path.resolve(strict=True)
    except RuntimeError as error:  # a circle of links
        raise RefusedFileError("its links lead in a circle") from error
    if not (real.is_relative_to(root) or _is_blob(real, root)):
        how = "lies outside" if ".." in path.parts else "is a link out of"
        raise RefusedFileError(f"it {how} its folder: put the file itself there")
    return real


def _is_blob(real: Path, root: Path) -> bool:
    """A hub's cache keeps bytes in REPO/blobs, and REPO/snapshots/COMMIT is links to them."""
    return root.parent.name == "snapshots" and real.parent == root.parent.parent / "blobs"


def _require_plain(found: os.stat_result) -> None:
    if not stat.S_ISREG(found.st_mode):
        kind = _KINDS.get(stat.S_IFMT(found.st_mode), "something else")
        raise RefusedFileError(f"it is {kind}, not a plain file")
