"""Databases of a backup take the place of those that are here, each whole or not at all.

Who was wiped here is not brought back, whatever the backup holds.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from penjing.core.errors import BadInput
from penjing.vault import disk, outside
from penjing.vault.backup import MANIFEST, Backup, damaged_files
from penjing.vault.locks import alone
from penjing.vault.place import ACCOUNTS, Place, database_name
from penjing.vault.staging import finish, stage


@dataclass(frozen=True)
class RestoredParts:
    """What was brought back."""

    subjects: tuple[str, ...]
    """Whose databases are those of the backup now."""
    refused: tuple[str, ...]
    """Who was wiped here and stays so."""
    damaged: tuple[str, ...]
    """Files of the backup that are not what was backed up; what came back is to be salvaged."""
    proven: bool
    """Whether the manifest is this vault's own."""
    left: tuple[str, ...] = ()
    """Whose database was left as it is here, because the backup's is none; and why."""


def restore(
    place: Place, found: Backup, is_gone: Callable[[str], bool], *, accounts: bool
) -> RestoredParts:
    """Bring back everybody's database, and the accounts when there are none here (`accounts`).

    What is replaced by something that is not surely what was backed up is kept aside.
    """
    wrong = damaged_files(found)
    subjects, refused, left = [], [], []
    for subject, name in newest(found).items():
        if subject == ACCOUNTS and not accounts:
            continue
        complaint = outside.complaint(found.folder / name)
        if is_gone(subject):
            refused.append(subject)
        elif complaint is not None:
            left.append(f"{name} {complaint}")
        else:
            sure = found.proven and name not in wrong and MANIFEST not in wrong
            with alone(place, subject):
                put_back(place, found, subject, name, keep=not sure or accounts)
            subjects.append(subject)
    return RestoredParts(tuple(subjects), tuple(refused), tuple(wrong), found.proven, tuple(left))


def put_back(place: Place, found: Backup, subject: str, name: str, *, keep: bool = True) -> None:
    """One database of a backup takes its place. Call it `alone`."""
    stage(place, found.folder, name)
    here = [place.database(subject, one) for one in place.generations(subject)]
    for path in filter(disk.is_file, here if keep else []):
        if disk.sha256(path) != disk.sha256(found.folder / name):
            disk.keep_aside(path, f".{path.name}.replaced")
    finish(place, subject)


def newest(found: Backup) -> dict[str, str]:
    """Each subject's database of the newest key."""
    best: dict[str, tuple[int, str]] = {}
    for name in found.files:
        parsed = database_name(name)
        if parsed and parsed[1] > best.get(parsed[0], (0, ""))[0]:
            best[parsed[0]] = (parsed[1], name)
    if not best:
        raise BadInput(f"{found.folder} holds no database: give another backup")
    return {subject: name for subject, (_, name) in best.items()}
