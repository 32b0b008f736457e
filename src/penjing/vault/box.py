"""A box: one subject's slots and database together. Made, opened, given a new key, settled.

A rotation writes the whole database again under a new key, then replaces the slots: that
replacement is the moment it counts. Before it the old passphrase opens the old file, after it the
new one the new file; `settle` removes whichever is left over at the next opening.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path

from penjing.core.errors import IntegrityError, PenjingError, StorageError
from penjing.vault import disk, outside, slots, staging
from penjing.vault.database import ENDINGS, Database, copy_under, remove
from penjing.vault.envelope import Key
from penjing.vault.locks import alone, turn_lock, use_lock
from penjing.vault.migrations import Step, migrate, require_made, steps_of, update
from penjing.vault.place import Place
from penjing.vault.secrets import Secret, forget

_UNFINISHED = (".new", ".new-journal", ".half", ".staged")


def create(place: Place, subject: str, secrets: Sequence[Secret], steps: Sequence[Step]) -> None:
    """A new box with an empty database. The slots come last: without them there is none, and what
    was made of it goes again.
    """
    for folder in (place.root, place.keys, place.data, place.locks):
        disk.private_folder(folder)
    with alone(place, subject):
        path = place.database(subject, 1)
        if disk.is_there(path):
            raise StorageError(f"there is {path} already: move it away and try again")
        try:
            _fill(place, subject, secrets, steps)
        except BaseException:
            if not any(disk.is_there(one) for one in place.slots(subject)):
                with suppress(StorageError):
                    remove(path)
            raise


def _fill(place: Place, subject: str, secrets: Sequence[Secret], steps: Sequence[Step]) -> None:
    key = Key.random()
    database = Database(place.database(subject, 1), key, turn_lock(place, subject), new=True)
    try:
        migrate(database, steps)
        slots.save(place, slots.new_slots(subject, 1, key, secrets))
    finally:
        database.close()


def is_unfinished(place: Place, subject: str) -> bool:
    """Whether nothing is in a vault but a box of which `create` was cut off: its database, to which
    no slot was ever given. A vault that has lost its keys has more than that.
    """
    if not place.database(subject, 1).exists() or any(map(disk.is_there, place.slots(subject))):
        return False
    path = place.database(subject, 1)
    ours = {path.with_name(path.name + ending) for ending in ENDINGS}
    ours |= {other for slot in place.slots(subject) for other in disk.leftovers(slot)}
    found = [other for folder in (place.keys, place.data) for other in folder.glob("*")]
    return ours.issuperset(found)


def clear_unfinished(place: Place, subject: str) -> None:
    """Remove what `is_unfinished` found; harmless where it finds nothing."""
    if is_unfinished(place, subject):
        with alone(place, subject):
            destroy(place, subject)


def unlock(place: Place, subject: str, secret: Secret, steps: Sequence[Step]) -> Database:
    """Open a box and bring its database up to date. Raises WrongPassphrase."""
    known = slots.load(place, subject)
    key = slots.open_slots(known, secret)
    return open_with(place, known, key, steps)


def open_with(place: Place, known: slots.Slots, key: Key, steps: Sequence[Step]) -> Database:
    """Open a box whose key is known already."""
    if not _settled(place, known):
        with alone(place, known.subject):
            require_present(place, known)
            settle(place, known, key)
    use = use_lock(place, known.subject)
    try:
        use.take(alone=False)
        require_present(place, known)
        path = place.database(known.subject, known.generation)
        database = Database(path, key, turn_lock(place, known.subject), use)
    except BaseException:
        use.close()
        raise
    try:
        update(database, steps)
    except BaseException:
        database.close()
        raise
    return database


def require_present(place: Place, known: slots.Slots) -> None:
    """Raise StorageError when slots that were read before a lock was held are not those of now."""
    if slots.load(place, known.subject).generation != known.generation:
        raise StorageError("the key was just changed by another penjing: unlock again")


def settle(place: Place, known: slots.Slots, key: Key) -> None:
    """Finish what a crash or a restore left: one whole database, under the present key.

    Call it `alone`. A database of an earlier generation is encrypted again under the present key;
    a half-written one is removed.
    """
    subject, now = known.subject, known.generation
    staging.finish(place, subject)
    if now not in place.generations(subject):
        _bring_forward(place, known, key)
    others = [one for one in place.generations(subject) if one != now]
    if others:
        _require_readable(place, known, key)
    for other in others:
        remove(place.database(subject, other))
    for unfinished in _unfinished(place, subject):
        disk.remove(unfinished)
    slots.mend(place, subject)


def rotate(place: Place, subject: str, secret: Secret, new: Sequence[Secret]) -> None:
    """Another passphrase and another key. Nobody may have the box open, nor does anyone after it
    get in with the old passphrase, or with an old copy of the slots.
    """
    known = slots.load(place, subject)
    key = slots.open_slots(known, secret)
    with alone(place, subject):
        require_present(place, known)
        settle(place, known, key)
        fresh, later = Key.random(), known.generation + 1
        database = Database(
            place.database(subject, known.generation), key, turn_lock(place, subject)
        )
        try:
            require_made(database, steps_of(subject))
            retired = {**slots.earlier_keys(known, key), known.generation: key}
            replaced = slots.new_slots(subject, later, fresh, new, retired)
            with database.reading() as connection:
                copy_under(connection, place.database(subject, later), fresh)
            slots.save(place, replaced)
            settle(place, replaced, fresh)
        finally:
            database.close()
            fresh.wipe()
    _forget_entries(known)


def _require_readable(place: Place, known: slots.Slots, key: Key) -> None:
    """Raise IntegrityError where the present database is no reason to remove an earlier one."""
    path = place.database(known.subject, known.generation)
    Database(path, Key(key.raw()), turn_lock(place, known.subject)).close()


def destroy(place: Place, subject: str) -> None:
    """Destroy the key, then remove what it opened. Finishes what an interrupted one began."""
    refused: list[StorageError] = []
    _try(refused, lambda: slots.destroy(place, subject))
    for generation in place.generations(subject):
        _try(refused, partial(remove, place.database(subject, generation)))
    for beside in sorted(place.data.glob(f".{subject}.*")):
        _try(refused, partial(disk.remove, beside))
    for error in refused:  # what stands in the way of one file keeps no other
        raise error


def _try(refused: list[StorageError], act: Callable[[], None]) -> None:
    try:
        act()
    except StorageError as error:
        refused.append(error)


def _settled(place: Place, known: slots.Slots) -> bool:
    return (
        place.generations(known.subject) == [known.generation]
        and not _unfinished(place, known.subject)
        and not slots.damaged(place, known.subject)
    )


def _bring_forward(place: Place, known: slots.Slots, key: Key) -> None:
    """A restored database is under an earlier key: encrypt it again under the present one."""
    keys = slots.earlier_keys(known, key)
    older = [old for old in place.generations(known.subject) if old in keys]
    if not older:
        name = place.database(known.subject, known.generation).name
        raise IntegrityError(f"there is no database {name}: {outside.BACK}")
    path = place.database(known.subject, older[-1])
    database = Database(path, keys[older[-1]], turn_lock(place, known.subject))
    try:
        with database.reading() as connection:
            copy_under(connection, place.database(known.subject, known.generation), key)
    finally:
        database.close()


def _unfinished(place: Place, subject: str) -> list[Path]:
    """What was cut off: a copy under a new key, or a restoring."""
    return sorted(
        path for ending in _UNFINISHED for path in place.data.glob(f".{subject}.*{ending}")
    )


def _forget_entries(known: slots.Slots) -> None:
    for way in known.ways:
        with suppress(PenjingError):  # the entry opens nothing any more
            forget(way.about)
