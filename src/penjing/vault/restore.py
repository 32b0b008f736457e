"""Databases of a backup take the place of those that are here, each whole or not at all.

Who was wiped here is not brought back, whatever the backup holds.
"""

from __future__ import annotations

from dataclasses import dataclass

from penjing.core.errors import BadInput
from penjing.vault.backup import Backup, damaged_files
from penjing.vault.locks import alone
from penjing.vault.place import ACCOUNTS, Place, database_name
from penjing.vault.staging import finish, stage


@dataclass(frozen=True)
class Restored:
    """What was brought back."""

    subjects: tuple[str, ...]
    """Whose databases are those of the backup now."""
    refused: tuple[str, ...]
    """Who was wiped here and stays so."""
    damaged: tuple[str, ...]
    """Files of the backup that are not what was backed up; they are to be salvaged."""
    proven: bool
    """Whether the manifest is this vault's own."""


def restore(place: Place, found: Backup, gone: set[str], *, accounts: bool) -> Restored:
    """Bring back everybody's database, and the accounts when there are none here (`accounts`)."""
    wrong = damaged_files(found)
    subjects, refused = [], []
    for subject, name in newest(found).items():
        if subject == ACCOUNTS and not accounts:
            continue
        if subject in gone:
            refused.append(subject)
        elif (found.folder / name).is_file():
            with alone(place, subject):
                stage(place, found.folder, name)
                finish(place, subject)
            subjects.append(subject)
    return Restored(tuple(subjects), tuple(refused), tuple(wrong), found.proven)


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
