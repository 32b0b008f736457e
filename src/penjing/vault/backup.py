"""A backup: a folder with every database as it lies on disk, encrypted, and a manifest.

Nobody has to unlock anything: files are copied while nobody writes to them. No key and no slot is
in a backup. It opens with the slots of this vault, or with recovery codes; where these are
destroyed it is noise. That is what wiping relies on.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from penjing.core.errors import BadInput, FormatError, StorageError
from penjing.core.files import disk_errors, sha256_file
from penjing.vault import disk
from penjing.vault.envelope import Key, derive
from penjing.vault.locks import quiet
from penjing.vault.place import ACCOUNTS, HEAD, Place, database_name

MANIFEST = "manifest.json"
_FORMAT = 1
_JOURNAL = "-journal"


@dataclass(frozen=True)
class Backup:
    """A backup folder as its manifest describes it."""

    folder: Path
    """Where it is."""
    made: str
    """When, UTC."""
    files: dict[str, str] = field(default_factory=dict)
    """sha256 by file name."""
    proven: bool = False
    """Whether the manifest was written with a key of this vault."""


def backup(place: Place, folder: Path, key: Key) -> Backup:
    """Copy everything into a new folder, which is whole or absent."""
    if folder.exists():
        raise BadInput(f"{folder} exists already: choose a new folder")
    half = folder.with_name(f".{folder.name}.tmp")
    with disk_errors(folder):
        if half.exists():
            shutil.rmtree(half)
    disk.private_folder(half)
    for subject in place.subjects():
        with quiet(place, subject):
            _copy_files(place, subject, half)
    made = datetime.now(UTC).isoformat(timespec="seconds")
    files = {path.name: sha256_file(path) for path in sorted(half.iterdir())}
    body = {"penjing_backup": _FORMAT, "made": made, "files": files}
    disk.write_durably(half / MANIFEST, _bytes({**body, "mac": _mac(key, body)}))
    with disk_errors(folder):
        half.rename(folder)
    disk.sync_folder(folder.parent)
    return Backup(folder, made, files, proven=True)


def read_backup(folder: Path, keys: Sequence[Key]) -> Backup:
    """What a folder's manifest says. A damaged manifest is told apart, its files still named."""
    if not folder.is_dir():
        raise BadInput(f"{folder} is no backup: give the folder that penjing vault backup made")
    try:
        document = json.loads(disk.read(folder / MANIFEST))
        mac = document.pop("mac")
        if document["penjing_backup"] != _FORMAT:
            raise FormatError(f"{folder} is of a newer penjing: install a newer penjing")
        proven = any(hmac.compare_digest(mac, _mac(key, document)) for key in keys)
        files = {name: str(sha256) for name, sha256 in document["files"].items() if _ours(name)}
        return Backup(folder, str(document["made"]), files, proven)
    except (StorageError, ValueError, KeyError, TypeError, AttributeError) as error:
        names = [path.name for path in sorted(folder.iterdir()) if _ours(path.name)]
        if not names:
            raise BadInput(f"{folder} is no backup: it holds no database") from error
        return Backup(folder, "at an unknown time", dict.fromkeys(names, ""))


def damaged_files(found: Backup) -> list[str]:
    """Files that are missing or not what the manifest says."""
    wrong = []
    for name, sha256 in found.files.items():
        path = found.folder / name
        if not path.is_file() or (sha256 and sha256_file(path) != sha256):
            wrong.append(name)
    return wrong if found.files and any(found.files.values()) else [MANIFEST, *wrong]


def _copy_files(place: Place, subject: str, half: Path) -> None:
    for generation in place.generations(subject):
        path = place.database(subject, generation)
        for source in (path, path.with_name(path.name + _JOURNAL)):
            if source.exists():
                copy_durably(source, half / source.name)
    if subject == ACCOUNTS and place.head.exists():
        copy_durably(place.head, half / place.head.name)


def copy_durably(source: Path, target: Path) -> None:
    """Copy a file, private and synced. Its name is synced by whoever names the folder."""
    with disk_errors(target), source.open("rb") as file:
        handle = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "wb") as copy:
            shutil.copyfileobj(file, copy, 2**20)
            copy.flush()
            os.fsync(copy.fileno())


def _ours(name: str) -> bool:
    """A name that we give; a path or a device never is."""
    return name == HEAD or database_name(name.removesuffix(_JOURNAL)) is not None


def _mac(key: Key, body: dict[str, Any]) -> str:
    return hmac.new(derive(key, "backup"), _bytes(body), hashlib.sha256).hexdigest()


def _bytes(document: dict[str, Any]) -> bytes:
    return json.dumps(document, sort_keys=True, indent=1).encode("ascii")
