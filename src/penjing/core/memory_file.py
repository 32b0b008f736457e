"""memfd: a file that lies in memory alone, with a path that C code can open, and on no disk.

Linux only (memfd_create(2)). Once whole it is sealed by the kernel: nobody, this process included,
can change, shorten or lengthen it. Pages may still be swapped out: that is the system's to encrypt.
"""

from __future__ import annotations

import contextlib
import os
import re
from pathlib import Path
from types import TracebackType
from typing import Self

from penjing.core.errors import EngineError

_FOLDER = "/proc/self/fd"
_LINK = re.compile(r"/memfd:(?P<name>.*) \(deleted\)", re.S)
_LONGEST_NAME = 200
"""Bytes; the kernel takes 249."""
_NOT_PROGRAMS = 0x8
"""MFD_NOEXEC_SEAL, since Linux 6.3; older kernels refuse a flag that they do not know."""


class MemoryFile:
    """Written once, then only read. A context manager; what was mapped stays after `close`."""

    def __init__(self, name: str) -> None:
        """`name` is only shown. EngineError where the system has no such files."""
        self._descriptor = _create(_short(name))

    @property
    def descriptor(self) -> int:
        """For a child process that is to open it too; keeps its number there."""
        return self._descriptor

    @property
    def path(self) -> Path:
        """Opens it, in this process and in a child that was given the descriptor."""
        return Path(_FOLDER, str(self._descriptor))

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Append. EngineError when there is no memory left."""
        left = memoryview(data)
        try:
            while left:
                left = left[os.write(self._descriptor, left) :]
        except OSError as error:
            raise EngineError(
                f"no memory for a file that lies only there ({(error.strerror or '').lower()}): "
                "close other programs, or take a smaller model"
            ) from error

    def freeze(self) -> None:
        """From now on nobody changes it."""
        import fcntl

        every = fcntl.F_SEAL_WRITE | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_SEAL
        fcntl.fcntl(self._descriptor, fcntl.F_ADD_SEALS, every)

    def close(self) -> None:
        """Let go of it: its memory is free once nothing maps it. Calling it twice is harmless."""
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def memory_name(path: Path) -> str | None:
    """What a file in memory is called; None for any other path."""
    if str(path.parent) != _FOLDER:
        return None
    with contextlib.suppress(OSError):
        if found := _LINK.fullmatch(os.readlink(path)):  # noqa: PTH115 - resolve() would go on
            return found["name"]
    return None


def memory_descriptor(path: Path) -> int | None:
    """What a child must be given to open this path too; None where it opens it anyway."""
    return int(path.name) if memory_name(path) is not None else None


def _create(name: str) -> int:
    create = getattr(os, "memfd_create", None)
    if create is None:
        raise EngineError("this system has no files that lie in memory alone: it takes Linux")
    flags = os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING
    try:
        return int(create(name, flags | _NOT_PROGRAMS))
    except OSError:
        return int(create(name, flags))


def _short(name: str) -> str:
    """Printable, and as long as the kernel takes."""
    plain = "".join(char if char.isprintable() and char != "/" else "_" for char in name)
    return plain.encode("utf-8", "replace")[:_LONGEST_NAME].decode("utf-8", "ignore") or "model"
