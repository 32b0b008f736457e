"""Where a siege takes place: a scratch folder with decoys, and a fence that nothing leaves.

Every way runs in a process of its own on ground of its own. Landlock holds that process and all it
starts: they write beneath the scratch folder and nowhere else, whatever link a mutation makes.
Where the kernel has no Landlock there is no fence, and the table says so.
"""

from __future__ import annotations

import contextlib
import ctypes
import hashlib
import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from penjing.core.egress import kernel

DECOYS = {
    "passwd": b"root:x:0:0:root:/root:/bin/sh\nDECOY-OF-PASSWD\n",
    "shadow": b"root:$y$j9T$DECOY-OF-SHADOW:20000::::::\n",
    "id_ed25519": b"-----BEGIN OPENSSH PRIVATE KEY-----\nDECOY-OF-A-KEY\n",
    "notes.txt": b"DECOY-OF-NOTES: nothing may quote this.\n",
}
"""In place of a system's files: a path that leads out of a bundle leads here."""
SIGN = "DECOY-OF-"
"""Nobody may ever be told this."""

_WRITE_FILE, _REMOVE_DIR, _REMOVE_FILE, _MAKE_ALL, _REFER, _TRUNCATE = (
    1 << 1, 1 << 4, 1 << 5, 0b1111111 << 6, 1 << 13, 1 << 14,
)  # fmt: skip
_WRITING = _WRITE_FILE | _REMOVE_DIR | _REMOVE_FILE | _MAKE_ALL | _REFER | _TRUNCATE
_TRUNCATES, _REFERS = 3, 2
"""The first kinds of Landlock that know these."""
_BENEATH = 1


@dataclass
class Ground:
    """The scratch folder of one way."""

    root: Path
    """All of it lies in here."""
    seed: int
    """Of the whole siege."""
    watched: list[int] = field(default_factory=list)
    """Processes that must stay alive and small, with all that they start."""

    @property
    def decoys(self) -> Path:
        """Files that must neither change nor be told."""
        return self.root / "decoys"

    def folder(self, name: str) -> Path:
        """A new or old folder on this ground."""
        path = self.root / name
        path.mkdir(parents=True, exist_ok=True)
        return path

    def watch(self, pid: int) -> None:
        """From now on its end is a fall, and so is its memory over the limit."""
        self.watched.append(pid)

    def unwatch(self, pid: int) -> None:
        """It may end now."""
        with contextlib.suppress(ValueError):
            self.watched.remove(pid)

    def touched(self) -> list[str]:
        """The decoys that are not as they were."""
        return [
            f"the decoy {name} was changed"
            for name, data in DECOYS.items()
            if not _is(self.decoys / name, data)
        ]


def prepare(root: Path, seed: int) -> Ground:
    """The folders, the decoys, and this process's own temporary and home folders in there."""
    ground = Ground(root, seed)
    for name in ("decoys", "tmp", "home", "cases", "fallen"):
        ground.folder(name)
    for name, data in DECOYS.items():
        (ground.decoys / name).write_bytes(data)
    os.environ.update(
        TMPDIR=str(root / "tmp"), HOME=str(root / "home"), PENJING_HOME=str(root / "home/penjing"),
        PYTHONDONTWRITEBYTECODE="1", XDG_CACHE_HOME=str(root / "tmp"),
    )  # fmt: skip
    return ground


def fence(allowed: Iterable[Path]) -> str | None:
    """Keep this process from writing anywhere else; why not, where that cannot be."""
    machine = kernel.this_machine()
    if machine is None:
        return "only on Linux with a processor we know"
    try:
        version = kernel.call(machine.numbers["landlock_create_ruleset"], None, 0, 1)
        _close(machine.numbers, version, [*allowed, Path("/dev"), Path("/proc")])
    except OSError as error:
        return kernel.why(error)
    return None


class _Ruleset(ctypes.Structure):
    _fields_ = (("files", ctypes.c_uint64),)


class _Beneath(ctypes.Structure):
    _pack_ = 1
    _fields_ = (("access", ctypes.c_uint64), ("parent", ctypes.c_int32))


def _close(numbers: dict[str, int], version: int, allowed: Iterable[Path]) -> None:
    rights = _WRITING
    rights &= ~(_TRUNCATE if version < _TRUNCATES else 0)
    rights &= ~(_REFER if version < _REFERS else 0)
    about = _Ruleset(rights)
    rules = kernel.call(numbers["landlock_create_ruleset"], ctypes.byref(about), 8, 0)
    try:
        for path in allowed:
            handle = os.open(path, os.O_PATH | os.O_CLOEXEC)
            rule = _Beneath(rights, handle)
            try:
                add = numbers["landlock_add_rule"]
                kernel.call(add, rules, _BENEATH, ctypes.byref(rule), 0)
            finally:
                os.close(handle)
        kernel.give_up_privileges()
        kernel.call(numbers["landlock_restrict_self"], rules, 0)
    finally:
        os.close(rules)


def _is(path: Path, data: bytes) -> bool:
    try:
        return hashlib.sha256(path.read_bytes()).digest() == hashlib.sha256(data).digest()
    except OSError:
        return False
