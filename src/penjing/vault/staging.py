"""A database that waits to take another's place. Once it lies there, `finish` brings it to its end.

The journal is staged first: a staged database is whole. `finish` may be cut off anywhere and begun
again. Call both while nobody has the subject's box open.
"""

from __future__ import annotations

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


def stage(place: Place, folder: Path, name: str) -> None:
    """Copy a database, and its journal first, beside those that are here."""
    journal = folder / (name + _JOURNAL)
    with disk_errors(place.data):
        if disk.is_file(journal):
            _stage_one(place, journal)
        _stage_one(place, folder / name)


def staged(place: Place, subject: str) -> list[Path]:
    """Databases that wait."""
    return sorted(place.data.glob(f".{subject}.*.db{_STAGED}"))


def finish(place: Place, subject: str) -> None:
    """Put what waits in its place; what was there is gone. Raises IntegrityError."""
    for waiting in staged(place, subject):
        name = waiting.name.removesuffix(_STAGED)[1:]
        _require_whole(waiting)
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
    waiting = (path.name[1:].split(".")[0] for path in sorted(place.data.glob(f".*.db{_STAGED}")))
    for subject in filter(is_subject, waiting):
        # in use: it is not cut off, but under way. Damaged: whose it is will be told
        with suppress(InUse, IntegrityError), alone(place, subject):
            finish(place, subject)


def _require_whole(waiting: Path) -> None:
    """What waits was whole when it got its name: if it is not, nothing is replaced by it."""
    strange = disk.strange(waiting)
    if strange is not None or waiting.stat().st_size == 0:
        what = strange or "empty"
        raise IntegrityError(f"{waiting.name} is {what} and no database: move it away")


def _stage_one(place: Place, source: Path) -> None:
    half = place.data / f".{source.name}.half"
    disk.copy_durably(source, half)
    half.replace(place.data / f".{source.name}{_STAGED}")
    disk.sync_folder(place.data)
