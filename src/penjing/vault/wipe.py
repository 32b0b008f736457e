"""Wiping: a key is destroyed, and with it everything it ever opened, backups included.

The line in `gone` is the moment it counts: it is written first, stays, and a wipe that was cut off
is finished at the next opening. Overwriting reaches the file's own blocks; flash storage and
copy-on-write file systems may keep an older copy of the slot, and a passphrase would still open it.
"""

from __future__ import annotations

import shutil

from penjing.core.errors import StorageError
from penjing.core.files import disk_errors
from penjing.vault import box, disk
from penjing.vault.locks import alone
from penjing.vault.place import ACCOUNTS, Place


def gone(place: Place) -> set[str]:
    """The ids of those who were wiped."""
    if not place.gone.exists():
        return set()
    return {line for line in disk.read(place.gone).decode("ascii", "replace").split() if line}


def wipe(place: Place, subject: str) -> None:
    """Destroy a person's key and remove their files. There is no way back."""
    with alone(place, subject):
        lines = sorted(gone(place) | {subject})
        disk.write_durably(place.gone, "".join(f"{line}\n" for line in lines).encode())
        box.destroy(place, subject)


def finish(place: Place) -> None:
    """Finish what was cut off."""
    for subject in sorted(gone(place).intersection(place.subjects())):
        wipe(place, subject)


def wipe_all(place: Place) -> None:
    """Destroy every key of the vault, the accounts' first, and remove its folder."""
    for subject in sorted(place.subjects(), key=lambda one: one != ACCOUNTS):
        with alone(place, subject):
            box.destroy(place, subject)
    with disk_errors(place.root):
        for folder in (place.keys, place.data, place.locks):
            shutil.rmtree(folder, ignore_errors=False)
        try:
            place.root.rmdir()
        except OSError as error:
            advice = "look at what else lies there"
            raise StorageError(f"{place.root} is not empty: {advice}") from error
