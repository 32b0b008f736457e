"""A database that waits to take another's place. Once it lies there, `finish` brings it to its end.

The journal is staged first: a staged database is whole. `finish` may be cut off anywhere and begun
again. Call both while nobody has the subject's box open.
"""

from __future__ import annotations

import re
from contextlib import suppress
from pathlib import Path

from penjing.core.errors import IntegrityError, InUse
from penjing.core.files import disk_errors
from penjing.vault import disk, outside
from penjing.vault.database import remove
from penjing.vault.locks import alone
from penjing.vault.place import Place, is_subject

_STAGED = ".staged"
_JOURNAL = outside.JOURNAL


_NAME = re.compile(r"\.((.+)\.[0-9]{1,9}\.db)\.([0-9a-f]{64})" + re.escape(_STAGED))


def stage(place: Place, folder: Path, name: str) -> None:
    """Copy a database, and its journal first, beside those that are here.

    The name says what is in it: what waits may be damaged before it is its turn.
    """
    journal = folder / (name + _JOURNAL)
    with disk_errors(place.data):
        if disk.is_file(journal):
            _stage_one(place, journal, f".{journal.name}{_STAGED}")
        _stage_one(place, folder / name, None)


def finish(place: Place, subject: str) -> None:
    """Put what waits in its place; what was there is gone. Raises IntegrityError."""
    for waiting, name, sha256 in _waiting(place, subject):
        if not disk.is_file(waiting) or disk.sha256(waiting) != sha256:
            where = f"{waiting.name} is not what was to be restored"
            raise IntegrityError(f"{where}: move it away, and restore again")
        for generation in place.generations(subject):
            remove(place.database(subject, generation))
        journal = place.data / f".{name}{_JOURNAL}{_STAGED}"
        with disk_errors(place.data):
            if journal.exists():
                journal.replace(place.data / (name + _JOURNAL))
                disk.sync_folder(place.data)
            waiting.replace(place.data / name)
        disk.sync_folder(place.data)


def finish_all(place: Place) -> None:
    """Finish every restoring that was cut off; it needs nobody's key."""
    for subject in {match[2] for match in _matches(place)}:
        # in use: it is not cut off, but under way. Damaged: whose it is will be told
        with suppress(InUse, IntegrityError), alone(place, subject):
            finish(place, subject)


def _waiting(place: Place, subject: str) -> list[tuple[Path, str, str]]:
    """Databases that wait: the file, its name to be, and the hash it must have."""
    found = (match for match in _matches(place) if match[2] == subject)
    return [(place.data / match[0], match[1], match[3]) for match in found]


def _matches(place: Place) -> list[re.Match[str]]:
    names = sorted(path.name for path in place.data.glob(f".*{_STAGED}"))
    found = (_NAME.fullmatch(name) for name in names)
    return [match for match in found if match is not None and is_subject(match[2])]


def _stage_one(place: Place, source: Path, name: str | None) -> None:
    half = place.data / f".{source.name}.half"
    disk.remove(half)
    disk.copy_durably(source, half)
    half.replace(place.data / (name or f".{source.name}.{disk.sha256(half)}{_STAGED}"))
    disk.sync_folder(place.data)
