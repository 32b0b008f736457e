"""What was downloaded and verified: one small JSON file per name in the shared folder.

A record carries the hash, size and time of change of each file, so that a later start can trust an
untouched file without reading it, and notices a touched one. Downloads nothing.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Literal

from penjing.bundle.home import Home
from penjing.core.errors import PenjingError
from penjing.core.files import sha256_file, write_text
from penjing.core.plain_json import read_json

_SCHEMA = 1
_MOST_BYTES = 16 * 2**20


@dataclass(frozen=True)
class Seal:
    """One file as it was when it was verified."""

    file: str
    """Relative to the record's folder."""
    bytes: int
    """Its size."""
    sha256: str
    """Its hash."""
    changed: int
    """Its time of change, nanoseconds."""

    @classmethod
    def of(cls, folder: Path, file: str, sha256: str) -> Seal:
        """Seal a file whose hash is known."""
        found = (folder / file).stat()
        return cls(file, found.st_size, sha256, found.st_mtime_ns)


@dataclass(frozen=True)
class Record:
    """A model or text that is on this machine."""

    name: str
    """Its name in the catalogue."""
    kind: Literal["model", "text"]
    """What it is."""
    folder: str
    """Where its files lie."""
    file: str
    """The file to open; empty when it is the folder itself."""
    files: tuple[Seal, ...]
    """Every file that was verified."""
    origin: str
    """The source it came from."""
    promise: str
    """The sha256 the catalogue promised; empty when nothing was pinned."""
    revision: str = ""
    """The commit of a hub repository."""
    ours: bool = True
    """Whether `remove` may delete the files."""
    schema: int = _SCHEMA
    """Version of this layout."""

    @property
    def path(self) -> Path:
        """What to open."""
        return Path(self.folder, self.file) if self.file else Path(self.folder)

    @property
    def bytes(self) -> int:
        """Of all files."""
        return sum(seal.bytes for seal in self.files)


def record_path(home: Home, name: str) -> Path:
    """Where the record of a name lies."""
    return home.records / f"{name}.json"


def write_record(home: Home, record: Record) -> None:
    """Keep a record, whole or not at all. What lies in the shared folder may move with it."""
    data = asdict(record)
    if Path(record.folder).is_relative_to(home.root):
        data["folder"] = str(Path(record.folder).relative_to(home.root))
    write_text(record_path(home, record.name), json.dumps(data, indent=2) + "\n")


def read_record(home: Home, name: str) -> Record | None:
    """The record of a name; None when there is none that can be understood."""
    try:
        data = read_json(record_path(home, name), limit=_MOST_BYTES)
        seals = tuple(Seal(**seal) for seal in data["files"])
        folder = str(home.root / data["folder"])
        record = replace(Record(**data), files=seals, folder=folder)
    except (PenjingError, ValueError, TypeError, KeyError):
        return None
    sound = record.schema == _SCHEMA and record.name == name and _typed(record)
    return record if sound and all(_typed(seal) for seal in seals) else None


def read_records(home: Home) -> tuple[Record, ...]:
    """Every record, by name."""
    names = sorted(path.stem for path in home.records.glob("*.json"))
    found = (read_record(home, name) for name in names)
    return tuple(record for record in found if record)


def check(record: Record, *, thorough: bool = False) -> Record | None:
    """The record of files that are still what they were, sealed anew; None when one is not.

    A file of the same size and time of change is trusted unless `thorough`.
    """
    seals = [_check_seal(Path(record.folder, seal.file), seal, thorough) for seal in record.files]
    whole = tuple(seal for seal in seals if seal is not None)
    return replace(record, files=whole) if len(whole) == len(seals) else None


def _check_seal(path: Path, seal: Seal, thorough: bool) -> Seal | None:
    try:
        found = path.stat()
        if found.st_size != seal.bytes:
            return None
        untouched = found.st_mtime_ns == seal.changed
        if (thorough or not untouched) and sha256_file(path) != seal.sha256:
            return None
    except (OSError, ValueError):  # a NUL in its name
        return None
    return replace(seal, changed=found.st_mtime_ns)


def _typed(value: Record | Seal) -> bool:
    """Whether every plain field has the type it should; JSON could hold anything."""
    kinds = {"str": str, "int": int, "bool": bool}
    held = {
        field.name: (kinds.get(str(field.type)), getattr(value, field.name))
        for field in fields(value)
    }
    return all(kind is None or type(item) is kind for kind, item in held.values())
