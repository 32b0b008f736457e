"""A disk that forgets what was not synced: records of a run, and what a power cut may leave of it.

`Recorder` runs a script under `tests/vault/powercut.c`. `Disk` plays the records back up to a cut;
`Disk.rebuild` writes one of the states the disk may then be in:

- what was synced is there;
- of later writes any subset is, torn at sectors of 512 bytes;
- a name that was made, moved or removed is so only if its folder was synced since, or by luck.
"""

from __future__ import annotations

import os
import shutil
import struct
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

SOURCE = Path(__file__).parent.parent / "vault" / "powercut.c"
SECTOR = 512

OPS = {
    "C": "create", "W": "write", "T": "truncate", "S": "sync", "D": "sync_folder", "R": "rename",
    "L": "link", "U": "unlink", "M": "make_folder", "A": "acknowledge",
}  # fmt: skip
"""What a record's letter stands for."""


def compiler() -> str | None:
    """A C compiler, or None."""
    return shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")


def build(folder: Path) -> Path:
    """The shim, compiled."""
    library = folder / "powercut.so"
    words = [str(compiler()), "-shared", "-fPIC", "-O2", "-o", str(library), str(SOURCE), "-ldl"]
    subprocess.run(words, check=True, capture_output=True)
    return library


@dataclass(frozen=True)
class Record:
    """One thing a process did to the disk."""

    op: str
    """A letter of `OPS`."""
    inode: int
    offset: int
    path: str
    data: bytes = field(repr=False)


def run(library: Path, root: Path, script: list[str]) -> list[Record]:
    """Run a Python script under the shim; what it did below `root`."""
    said(library, root, script)
    return list(_records((root.parent / f"{root.name}.log").read_bytes()))


def said(library: Path, root: Path, script: list[str], **extra: str) -> list[str]:
    """Run a Python script under the shim; the lines it printed."""
    env = {
        **os.environ,
        "LD_PRELOAD": str(library),
        "POWERCUT_ROOT": str(root),
        "POWERCUT_LOG": str(root.parent / f"{root.name}.log"),
        "POWERCUT_ACK": str(root.parent / f"{root.name}.ack"),
        **extra,
    }
    done = subprocess.run(
        [sys.executable, *script], env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout.splitlines()


def cuts(records: list[Record], count: int, rng: Random) -> list[int]:
    """Where to cut: a third anywhere, a third just after an acknowledgement, and a third some
    records after one; never before the first."""
    said = [at + 1 for at, record in enumerate(records) if record.op == "A"]
    chosen = []
    for number in range(count):
        after = rng.choice(said)
        if number % 3 == 0:
            after = rng.randint(said[0], len(records))
        elif number % 3 == 1:
            after = min(after + rng.randint(1, 30), len(records))
        chosen.append(after)
    return chosen


def _records(data: bytes) -> Iterator[Record]:
    at = 0
    while at < len(data):
        op, inode, offset, length = struct.unpack_from("<cQQI", data, at)
        at += 21
        path = data[at : at + length].decode()
        at += length
        (much,) = struct.unpack_from("<I", data, at)
        at += 4
        yield Record(op.decode(), inode, offset, path, data[at : at + much])
        at += much


class _File:
    """An inode: what is on the disk, and what was done to it since."""

    def __init__(self) -> None:
        self.synced = bytearray()
        self.pending: list[tuple[int, bytes | None]] = []

    def sync(self) -> None:
        for change in self.pending:
            _apply(self.synced, *change)
        self.pending.clear()

    def after_cut(self, rng: Random, luck: float) -> bytes:
        data = bytearray(self.synced)
        for offset, written in self.pending:
            if written is None:
                if rng.random() < luck:
                    _apply(data, offset, None)
                continue
            for start in range(0, len(written), SECTOR):
                if rng.random() < luck:
                    _apply(data, offset + start, written[start : start + SECTOR])
        return bytes(data)


def _apply(data: bytearray, offset: int, written: bytes | None) -> None:
    if written is None:
        del data[offset:]
        data.extend(bytes(offset - len(data)))
        return
    if len(data) < offset:
        data.extend(bytes(offset - len(data)))
    data[offset : offset + len(written)] = written


@dataclass
class _Names:
    """A folder: names on the disk, and what was done to them since, in order."""

    synced: dict[str, _File | None] = field(default_factory=dict)
    pending: list[dict[str, _File | None]] = field(default_factory=list)

    def sync(self) -> None:
        for change in self.pending:
            self.synced.update(change)
        self.pending.clear()

    def after_cut(self, rng: Random) -> dict[str, _File | None]:
        names = dict(self.synced)
        if rng.random() < 0.5:  # a journal keeps the order
            kept = self.pending[: rng.randint(0, len(self.pending))]
        else:  # without one, what touches different names may be reordered
            kept = [change for change in self.pending if rng.random() < 0.5]
        for change in kept:
            names.update(change)
        return names


class Disk:
    """A disk below `root`, played up to a cut."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.acknowledged: list[str] = []
        self._now: dict[str, _File] = {}
        self._inodes: dict[int, _File] = {}
        self._folders: dict[str, _Names] = defaultdict(_Names)
        self._made: set[str] = {str(root)}

    def play(self, records: list[Record]) -> None:
        """Do what was recorded."""
        for record in records:
            getattr(self, f"_{OPS[record.op]}")(record)

    def rebuild(self, target: Path, rng: Random) -> None:
        """Write one state that a power cut may leave now."""
        luck = rng.choice((0.0, 0.1, 0.5, 0.9, 1.0))
        for folder in sorted(self._made):
            (target / Path(folder).relative_to(self.root)).mkdir(parents=True, exist_ok=True)
        for folder, names in self._folders.items():
            for name, file in names.after_cut(rng).items():
                if file is not None:
                    path = target / Path(folder).relative_to(self.root) / name
                    path.write_bytes(file.after_cut(rng, luck))

    def _change(self, path: str, file: _File | None) -> None:
        folder, name = os.path.split(path)
        self._folders[folder].pending.append({name: file})

    def _create(self, record: Record) -> None:
        file = _File()
        self._inodes[record.inode] = self._now[record.path] = file
        self._change(record.path, file)

    def _write(self, record: Record) -> None:
        self._inodes[record.inode].pending.append((record.offset, record.data))

    def _truncate(self, record: Record) -> None:
        self._inodes[record.inode].pending.append((record.offset, None))

    def _sync(self, record: Record) -> None:
        self._inodes[record.inode].sync()

    def _sync_folder(self, record: Record) -> None:
        self._folders[record.path].sync()

    def _rename(self, record: Record) -> None:
        new = record.data.decode()
        file = self._now.pop(record.path, None)
        if file is None:
            return  # a folder
        self._now[new] = file
        old, there = Path(record.path), Path(new)
        if old.parent == there.parent:
            self._folders[str(old.parent)].pending.append({old.name: None, there.name: file})
        else:
            self._change(record.path, None)
            self._change(new, file)

    def _link(self, record: Record) -> None:
        new = record.data.decode()
        self._now[new] = self._now[record.path]
        self._change(new, self._now[new])

    def _unlink(self, record: Record) -> None:
        self._now.pop(record.path, None)
        self._change(record.path, None)

    def _make_folder(self, record: Record) -> None:
        self._made.add(record.path)  # folders are few and made once: taken as kept

    def _acknowledge(self, record: Record) -> None:
        self.acknowledged.extend(record.data.decode().split("\n")[:-1])
