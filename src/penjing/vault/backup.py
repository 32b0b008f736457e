"""A backup: a folder with every database as it lies on disk, encrypted, and a manifest.

Nobody has to unlock anything: files are copied while nobody writes to them. No key and no slot is
in a backup. It opens with the slots of this vault, or with recovery codes; where these are
destroyed it is noise. That is what wiping relies on.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from penjing.core.errors import BadInput, FormatError, IntegrityError, StorageError
from penjing.core.files import disk_errors
from penjing.vault import disk, outside
from penjing.vault.envelope import Key, derive
from penjing.vault.locks import quiet
from penjing.vault.place import ACCOUNTS, HEAD, Place, database_name
from penjing.vault.wipe import gone, is_gone

MANIFEST = "manifest.json"
_FORMAT = 1
_JOURNAL = outside.JOURNAL
_ODD = (TypeError, AttributeError, RecursionError)
"""What a manifest of another shape than ours runs into."""


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
    left_out: tuple[str, ...] = ()
    """What is not in it although it should be, and why: one line each."""


def backup(place: Place, folder: Path, key: Key, expected: Sequence[str] = ()) -> Backup:
    """Copy everything into a new folder, which is whole or absent.

    What is no database is left out and told: of the `expected`, and of whoever else is here.
    """
    if disk.is_there(folder):
        raise BadInput(f"{folder} exists already: choose a new folder")
    half = folder.with_name(f".{folder.name}.tmp")
    with disk_errors(folder):
        if half.exists():
            shutil.rmtree(half)
    disk.private_folder(half)
    try:
        return _filled(place, folder, half, key, expected)
    except BaseException:
        shutil.rmtree(half, ignore_errors=True)
        raise


def _filled(place: Place, folder: Path, half: Path, key: Key, expected: Sequence[str]) -> Backup:
    left_out = []
    for subject in sorted({*place.subjects(), *expected}):
        with quiet(place, subject):
            if subject not in expected and _never_made(place, subject):
                continue
            missed = _copy_files(place, subject, half)
        if not is_gone(gone(place), subject):  # somebody may be wiped meanwhile
            left_out += missed
    made = datetime.now(UTC).isoformat(timespec="seconds")
    files = {path.name: disk.sha256(path) for path in sorted(half.iterdir())}
    if not any(map(database_name, files)):
        raise IntegrityError(f"nothing here can be backed up: {'; '.join(left_out)}")
    body = {"penjing_backup": _FORMAT, "made": made, "files": files}
    disk.write_durably(half / MANIFEST, _bytes({**body, "mac": _mac(key, body)}))
    with disk_errors(folder):
        half.rename(folder)
    disk.sync_folder(folder.parent)
    return Backup(folder, made, files, proven=True, left_out=tuple(left_out))


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
    except (StorageError, ValueError, LookupError, *_ODD) as error:
        names = [path.name for path in sorted(folder.iterdir()) if _ours(path.name)]
        if not names:
            raise BadInput(f"{folder} is no backup: it holds no database") from error
        return Backup(folder, "at an unknown time", dict.fromkeys(names, ""))


def damaged_files(found: Backup) -> list[str]:
    """Files that are missing or not what the manifest says."""
    wrong = []
    for name, sha256 in found.files.items():
        if not _is(found.folder / name, sha256):
            wrong.append(name)
    return wrong if found.files and any(found.files.values()) else [MANIFEST, *wrong]


def _is(path: Path, sha256: str) -> bool:
    """Whether there is a file with these bytes; with any, where the hash is not known."""
    try:
        return disk.is_file(path) and (not sha256 or disk.sha256(path) == sha256)
    except StorageError:
        return False


def _never_made(place: Place, subject: str) -> bool:
    """Its making was cut off, or is at its first step: there are no key slots and nothing yet."""
    files = [place.database(subject, one) for one in place.generations(subject)]
    slots = any(disk.is_there(path) for path in place.slots(subject))
    return not slots and all(disk.is_file(one) and one.stat().st_size == 0 for one in files)


def _copy_files(place: Place, subject: str, half: Path) -> list[str]:
    """Copy a subject's files; what was not copied, and why."""
    left_out = []
    if not place.generations(subject):
        left_out.append(f"{subject}: there is no database")
    for generation in place.generations(subject):
        path = place.database(subject, generation)
        wrong = outside.complaint(path)
        if wrong is not None:
            left_out.append(f"{path.name} {wrong}")
            continue
        disk.copy_durably(path, half / path.name)
        if outside.has_journal(path):
            journal = path.with_name(path.name + _JOURNAL)
            disk.copy_durably(journal, half / journal.name)
    if subject == ACCOUNTS:
        if disk.is_file(place.head):
            disk.copy_durably(place.head, half / place.head.name)
        else:
            left_out.append(f"{place.head.name}: there is no such file")
    return left_out


def _ours(name: str) -> bool:
    """A name that we give; a path or a device never is."""
    return name == HEAD or database_name(name.removesuffix(_JOURNAL)) is not None


def _mac(key: Key, body: dict[str, Any]) -> str:
    return hmac.new(derive(key, "backup"), _bytes(body), hashlib.sha256).hexdigest()


def _bytes(document: dict[str, Any]) -> bytes:
    return json.dumps(document, sort_keys=True, indent=1).encode("ascii")
