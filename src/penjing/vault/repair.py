"""Repair of one box: its slots from their other copy, its database by salvaging."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from penjing.core.errors import IntegrityError
from penjing.vault import outside, slots, staging
from penjing.vault.box import require_present, settle
from penjing.vault.database import Database
from penjing.vault.envelope import Key
from penjing.vault.locks import alone, turn_lock
from penjing.vault.migrations import Step
from penjing.vault.place import Place
from penjing.vault.salvage import Salvage, salvage
from penjing.vault.secrets import Secret
from penjing.vault.verify import verify_database


def mend(place: Place, subject: str, secret: Secret, steps: Sequence[Step]) -> Salvage | None:
    """Mend a box; None when its database was whole. Raises WrongPassphrase."""
    known = slots.load(place, subject)
    key = slots.open_slots(known, secret)
    with alone(place, subject):
        require_present(place, known)
        slots.mend(place, subject)
        staging.finish(place, subject)
        generation, present = _present(place, known, key)
        report = None
        if _is_damaged(place, place.database(subject, generation), subject, present):
            report = salvage(place, subject, generation, present, steps)
        settle(place, known, key)
    key.wipe()
    return report


def _present(place: Place, known: slots.Slots, key: Key) -> tuple[int, Key]:
    """Generation and key of the database that counts."""
    keys = {**slots.earlier_keys(known, key), known.generation: key}
    there = [one for one in place.generations(known.subject) if one in keys]
    if not there:
        raise IntegrityError(f"there is no database of {known.subject}: {outside.BACK}")
    return there[-1], keys[there[-1]]


def _is_damaged(place: Place, path: Path, subject: str, key: Key) -> bool:
    try:
        database = Database(path, Key(key.raw()), turn_lock(place, subject))
    except IntegrityError:
        return True
    try:
        return bool(verify_database(subject, database))
    except IntegrityError:
        return True
    finally:
        database.close()
