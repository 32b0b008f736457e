"""Wiping: a key is destroyed, and with it everything it ever opened, backups included.

The line in `gone` is the moment it counts: it is written first, stays, and a wipe that was cut off
is finished at the next opening. Overwriting reaches the file's own blocks; flash storage and
copy-on-write file systems may keep an older copy of the slot, and a passphrase would still open it.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterable

from penjing.core.errors import InUse, StorageError
from penjing.core.files import disk_errors
from penjing.vault import box, disk
from penjing.vault.locks import alone
from penjing.vault.place import ACCOUNTS, Place

_HASHED = "~"


def gone(place: Place) -> set[str]:
    """Who was wiped: their ids, or what the audit log calls them where only that is left."""
    if not disk.is_there(place.gone):
        return set()
    return {line for line in disk.read(place.gone).decode("ascii", "replace").split() if line}


def is_gone(lines: set[str], subject: str) -> bool:
    """Whether somebody is among them."""
    return subject in lines or _HASHED + _hash(subject) in lines


def forgotten(lines: set[str], wiped: Iterable[str]) -> list[str]:
    """Lines that are missing, for those the audit log says were wiped (`wiped`: its objects)."""
    known = {_hash(line) for line in lines} | {line.removeprefix(_HASHED) for line in lines}
    return [_HASHED + one for one in wiped if one not in known]


def remember(place: Place, lines: Iterable[str]) -> None:
    """Write down more of them."""
    every = sorted({*gone(place), *lines})
    disk.write_durably(place.gone, "".join(f"{line}\n" for line in every).encode())


def _hash(subject: str) -> str:
    return hashlib.sha256(subject.encode()).hexdigest()[:32]


def wipe(place: Place, subject: str) -> None:
    """Destroy a person's key and remove their files. There is no way back."""
    with alone(place, subject):
        remember(place, [subject])
        box.destroy(place, subject)


def finish(place: Place) -> list[str]:
    """Finish what was cut off; what could not be, and why: one line each."""
    lines, notes = gone(place), []
    for subject in place.subjects():
        if subject != ACCOUNTS and is_gone(lines, subject):
            try:
                wipe(place, subject)
            except InUse:
                pass  # it is not cut off, but under way
            except StorageError as error:
                notes.append(f"the wiping of {subject} is not finished: {error}")
    return notes


def wipe_all(place: Place) -> None:
    """Destroy every key of the vault, the accounts' first, and remove its folder."""
    for subject in sorted(place.subjects(), key=lambda one: one != ACCOUNTS):
        with alone(place, subject):
            box.destroy(place, subject)
    with disk_errors(place.root):
        for folder in filter(disk.is_there, (place.keys, place.data, place.locks)):
            shutil.rmtree(folder, ignore_errors=False)
        try:
            place.root.rmdir()
        except OSError as error:
            advice = "look at what else lies there"
            raise StorageError(f"{place.root} is not empty: {advice}") from error
