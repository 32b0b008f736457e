"""Backups and damage, for a whole vault: what `penjing vault restore` does.

With a backup, everybody's database is replaced; without one, what is here is mended.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from penjing.core.errors import BadInput, IntegrityError
from penjing.vault import backup as backups
from penjing.vault import disk, outside, process, recovery, slots
from penjing.vault import restore as restoring
from penjing.vault.access import operator
from penjing.vault.accounts import Person
from penjing.vault.backup import Backup
from penjing.vault.box import settle
from penjing.vault.database import connect, damage, remove
from penjing.vault.envelope import Key
from penjing.vault.locks import alone
from penjing.vault.migrations import ACCOUNTS as ACCOUNTS_STEPS
from penjing.vault.migrations import PERSON as PERSON_STEPS
from penjing.vault.place import ACCOUNTS, Place
from penjing.vault.repair import mend
from penjing.vault.restore import RestoredParts
from penjing.vault.salvage import Salvage
from penjing.vault.secrets import Secret
from penjing.vault.vault import Vault, require_vault
from penjing.vault.verify import verify_database
from penjing.vault.wipe import gone, is_gone, remember


@dataclass(frozen=True)
class RestoreReport:
    """What a restoring from a backup did."""

    restored: RestoredParts
    """Whose databases were replaced, and whose were not."""
    people: tuple[Person, ...]
    """People the accounts had not known any more."""


def backup(vault: Vault, folder: Path) -> Backup:
    """Copy the vault, in use or not, into a new folder; what is damaged here is told."""
    people = [person.id for person in vault.accounts.people()]
    findings = verify_database(ACCOUNTS, vault.accounts.database)
    made = backups.backup(vault.place, folder, vault.accounts.database.key, [ACCOUNTS, *people])
    as_it_is = tuple(f"{one.file} is in it, damaged: {one.what}" for one in findings)
    made = replace(made, left_out=(*made.left_out, *as_it_is))
    vault.accounts.audit.append(operator().id, "backup made")
    return made


def restore(vault: Vault, folder: Path) -> RestoreReport:
    """Replace everybody's database by the backup's. The accounts stay; who is missing returns."""
    keys = _keys(vault)
    found = backups.read_backup(folder, list(keys.values()))
    lines = {*gone(vault.place), *vault.forgotten()}
    restored = restoring.restore(vault.place, found, partial(is_gone, lines), accounts=False)
    people = _merge(vault, found, keys, restored)
    vault.accounts.audit.append(operator().id, "backup restored")
    return RestoreReport(restored, people)


def restore_accounts(place: Place, folder: Path, secret: Secret) -> None:
    """Put back the accounts of a backup for those here, which do not open; they are kept aside.

    Who was added since keeps their part, without a name (`mend_accounts`). Raises IntegrityError.
    """
    known = slots.load(place, ACCOUNTS)
    key = slots.open_slots(known, secret)
    keys = {**slots.earlier_keys(known, key), known.generation: key}
    found = backups.read_backup(folder, list(keys.values()))
    name = restoring.newest(found).get(ACCOUNTS)
    if name is None or not found.proven or name in backups.damaged_files(found):
        raise IntegrityError(f"{folder} holds no accounts of this vault that are whole: {_OTHER}")
    if int(name.split(".")[1]) not in keys:
        raise IntegrityError(f"the accounts in {folder} are of a later key than here: {_OTHER}")
    with alone(place, ACCOUNTS):
        restoring.put_back(place, found, ACCOUNTS, name)
        settle(place, known, key)
    _copy_head(place, folder)
    key.wipe()
    mend_accounts(place, secret)


_OTHER = "give another backup"


def restore_elsewhere(place: Place, folder: Path, code: str, secret: Secret) -> RestoreReport:
    """Bring a backup to a machine that has no vault, with the recovery code of the accounts."""
    if place.exists():
        raise BadInput("there is a vault here already: restore into it without the recovery code")
    process.shield()
    generation, key = recovery.key_of(code)
    found = backups.read_backup(folder, [key])
    if f"{ACCOUNTS}.{generation}.db" not in found.files:
        raise BadInput("that recovery code is not of this backup: use the one of its time")
    for one in (place.root, place.keys, place.data, place.locks):
        disk.private_folder(one)
    restored = restoring.restore(place, found, partial(is_gone, gone(place)), accounts=True)
    _copy_head(place, folder)
    recovery.recover(place, ACCOUNTS, code, secret)
    mend(place, ACCOUNTS, secret, ACCOUNTS_STEPS)
    with Vault.open(place, secret, mending=True) as vault:
        _mend_head(vault)
        vault.accounts.audit.append(operator().id, "backup restored elsewhere")
    return RestoreReport(restored, ())


def accounts_code(place: Place, secret: Secret) -> str:
    """The recovery code of the accounts: it opens the list of people, and nobody's part."""
    require_vault(place)
    known = slots.load(place, ACCOUNTS)
    return recovery.code_of(known.generation, slots.open_slots(known, secret))


def mend_accounts(place: Place, secret: Secret) -> Salvage | None:
    """Mend the accounts and all key slots; None when the accounts were whole."""
    require_vault(place)
    process.shield()
    report = mend(place, ACCOUNTS, secret, ACCOUNTS_STEPS)
    with Vault.open(place, secret, mending=True) as vault:
        _add_nameless(vault)
        for person in vault.accounts.people():
            if any(disk.is_there(path) for path in place.slots(person.id)):
                slots.mend(place, person.id)
        if forgotten := vault.forgotten():
            remember(place, forgotten)
        if _mend_head(vault) or report is not None or forgotten:
            vault.accounts.audit.append(operator().id, "mended")
    return report


def mend_person(vault: Vault, name: str, secret: Secret) -> Salvage | None:
    """Mend one person's part; None when it was whole."""
    person = vault.accounts.require(name)
    report = mend(vault.place, person.id, secret, PERSON_STEPS)
    if report is not None:
        vault.accounts.audit.append(operator().id, "salvaged", person.id)
    return report


def _keys(vault: Vault) -> dict[int, Key]:
    known, key = slots.load(vault.place, ACCOUNTS), vault.accounts.database.key
    return {**slots.earlier_keys(known, key), known.generation: key}


def _merge(
    vault: Vault, found: Backup, keys: dict[int, Key], restored: RestoredParts
) -> tuple[Person, ...]:
    """Add people of the backup's accounts that were restored and are not known here any more."""
    known = {person.id: person for person in vault.accounts.people()}
    missing = [one for one in restored.subjects if one not in known]
    nameless = {one.id: one for one in known.values() if one.name == _nameless(one.id)}
    if not missing and not nameless:
        return ()
    added = []
    for person in _people_of(vault.place, found, keys):
        if person.id in nameless:
            _name_again(vault, nameless[person.id], person)
        if person.id in missing:
            free = vault.accounts.find(person.name) is None
            name = person.name if free else _nameless(person.id)
            added.append(vault.accounts.add(operator(), person.id, name, person.role))
    return tuple(added)


def _people_of(place: Place, found: Backup, keys: dict[int, Key]) -> list[Person]:
    name = restoring.newest(found).get(ACCOUNTS)
    generation = int(name.split(".")[1]) if name else 0
    if name is None or generation not in keys:
        raise IntegrityError("the backup's accounts do not open: their key was rotated away")
    copy = place.data / f".{ACCOUNTS}.merge.new"
    remove(copy)
    for ending in ("", outside.JOURNAL):
        if disk.is_file(found.folder / (name + ending)):
            disk.copy_durably(found.folder / (name + ending), copy.with_name(copy.name + ending))
    try:
        connection = connect(copy, keys[generation])
        try:
            with damage(found.folder / name):
                rows = connection.execute("SELECT id, name, role, added FROM person").fetchall()
        finally:
            connection.close()
    finally:
        remove(copy)
    return [Person(*row) for row in rows]


def _add_nameless(vault: Vault) -> None:
    """People whose line was lost, or not yet written, keep their part: an owner may wipe it."""
    known = {person.id for person in vault.accounts.people()}
    for subject in vault.place.subjects():
        if subject not in known and subject != ACCOUNTS:
            vault.accounts.add(operator(), subject, _nameless(subject), "member")


def _nameless(subject: str) -> str:
    return f"person-{subject[:8]}"


def _name_again(vault: Vault, here: Person, then: Person) -> None:
    """Who lost their name when the accounts were salvaged has it again."""
    if vault.accounts.find(then.name) is None:
        vault.accounts.rename(operator(), here, then.name)
        vault.accounts.set_role(operator(), here, then.role)


def _copy_head(place: Place, folder: Path) -> None:
    if disk.is_file(folder / place.head.name):
        disk.write_durably(place.head, disk.read(folder / place.head.name))


def _mend_head(vault: Vault) -> bool:
    """Write anew where the log ends, if that is not known or wrong; whether it was."""
    try:
        vault.accounts.audit.verify()
    except IntegrityError:
        vault.accounts.audit.write_head(anew=True)
        return True
    return False
