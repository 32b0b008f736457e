"""The unfinished work of one compression, in `.work` inside the bundle folder.

Each stage leaves its result here, whole or not at all; a run that goes on takes what it finds.
A signature of all inputs keeps the results of other settings from being mixed in.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from penjing.core import plain_json
from penjing.core.errors import BadInput, FormatError
from penjing.core.files import disk_errors, require_writable, write_text

T = TypeVar("T")

FOLDER = ".work"
_SIGNATURE = "signature.json"
_LOCK = "lock"
_MOST_BYTES = 256 * 2**20


class Work:
    """The folder and what may be taken from it. It is ours alone until `close`."""

    def __init__(self, folder: Path, *, resumed: bool = False) -> None:
        self.folder = folder
        self.resumed = resumed
        """Whether an earlier run began it: the time of this run is then not the whole."""
        self._handle: int | None = None

    @classmethod
    def begin(cls, out: Path, signature: Mapping[str, Any], *, resume: bool, restart: bool) -> Work:
        """Open the work folder of bundle folder `out`.

        Raises BadInput when unfinished work is there and neither `resume` nor `restart` was asked
        for, when work to be resumed was begun with other settings, and when it is still going on.
        """
        folder = out / FOLDER
        work = cls(folder, resumed=folder.exists() and not restart)
        try:
            if folder.exists():
                work._lock()
            if folder.exists() and restart:
                work.finish()
            if work.resumed and not resume:
                raise BadInput(
                    f"{out} holds unfinished work: add --resume to go on with it, or --restart to "
                    "begin again"
                )
            if work.resumed:
                work._require(signature, out)
                return work
            require_writable(folder)
            work._lock()
            write_text(folder / _SIGNATURE, json.dumps(dict(signature), sort_keys=True))
        except BaseException:
            work.close()
            raise
        return work

    def _lock(self) -> None:
        """Own the folder while this process lives; BadInput when another does."""
        try:
            import fcntl
        except ImportError:  # not on every system
            return
        with disk_errors(self.folder):
            self._handle = os.open(self.folder / _LOCK, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise BadInput(
                f"another penjing is at work in {self.folder.parent}: wait for it, or stop it first"
            ) from error
        except OSError:  # a file system without locks
            return

    def close(self) -> None:
        """Let others have the folder. Calling it twice is harmless."""
        if self._handle is not None:
            os.close(self._handle)
        self._handle = None

    def _require(self, signature: Mapping[str, Any], out: Path) -> None:
        path = self.folder / _SIGNATURE
        try:
            before = dict(read_json(path))
        except (FormatError, ValueError, TypeError) as error:
            raise BadInput(f"the work in {out} cannot be resumed: use --restart") from error
        changed = [key for key in signature if before.get(key) != signature[key]]
        if changed:
            raise BadInput(
                f"the work in {out} was begun with another {changed[0]} "
                f"({before.get(changed[0])}): give the same, or --restart"
            )

    def stage(self, name: str, load: Callable[[Path], T], make: Callable[[Path], T]) -> T:
        """The stage's result: loaded if its file is there and sound, made otherwise."""
        return keep(self.folder / name, load, make)

    def data(self, name: str, make: Callable[[], T]) -> T:
        """The same for a result that is plain JSON data."""

        def save(path: Path) -> T:
            result = make()
            write_text(path, json.dumps(result))
            return result

        return self.stage(name, read_json, save)

    def finish(self) -> None:
        """Remove the folder: the bundle is complete, or there is nothing to go on with."""
        with disk_errors(self.folder):
            shutil.rmtree(self.folder)
        self.close()


def keep(path: Path, load: Callable[[Path], T], make: Callable[[Path], T]) -> T:
    """What lies at `path` if it is sound; made, and left there, otherwise."""
    if path.exists():
        try:
            return load(path)
        except FormatError:
            path.unlink()
    return make(path)


def read_json(path: Path) -> Any:
    """JSON data; FormatError when it is none."""
    try:
        return plain_json.read_json(path, limit=_MOST_BYTES, constants=True)
    except (BadInput, FormatError) as error:
        raise FormatError(f"{path} is damaged: delete it") from error


def value(kind: Callable[..., T], path: Path) -> T:
    """A flat value that lies there as JSON, by its fields; FormatError when it is another."""
    try:
        return kind(**read_json(path))
    except TypeError as error:
        raise FormatError(f"{path} is of another version: delete it") from error
