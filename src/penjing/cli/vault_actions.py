"""What each action of `penjing vault` does: one function of its name. Computes nothing itself."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from penjing.cli import passphrases
from penjing.cli.vault_opening import Opening
from penjing.cli.vault_people import VERBS
from penjing.core.errors import BadInput

if TYPE_CHECKING:
    from penjing.vault.salvage import Salvage
    from penjing.vault.vault import Vault


def init(opening: Opening, *, name: str, keyring: bool) -> int:
    """Make a vault."""
    from penjing.vault.vault import NewPerson, Vault

    place = opening.place
    if place.exists():
        raise BadInput(f"there is a vault in {place.root} already: penjing vault user adds people")
    own = opening.new_own_secret("the vault (it opens the list of people)", keyring=keyring)
    theirs = opening.first_secret(name)
    with Vault.create(place, [own], NewPerson(name, "owner", [theirs])) as vault:
        people = [_person(one) for one in vault.accounts.people()]
    opening.say(
        {"vault": place.root, "people": people},
        f"made {place.root}",
        "a forgotten passphrase cannot be replaced: penjing vault recovery shows a code for paper",
    )
    return 0


def user(opening: Opening, *, verb: str, **typed: Any) -> int:
    """People: one function for each verb."""
    with opening.opened() as vault:
        VERBS[verb](opening, vault, **typed)
        people = [_person(one) | _said(vault, one.id) for one in vault.accounts.people()]
    opening.say({"people": people}, *(_line(one) for one in people))
    return 0


def rotate(opening: Opening, *, name: str | None, keyring: bool) -> int:
    """Another passphrase and another key."""
    from penjing.vault.vault import Vault, rotate_accounts

    place = opening.place
    own = opening.own_secret
    if name is None:
        new = opening.new_secret("the vault", keyring=keyring)
        rotate_accounts(place, own, [new])
        with Vault.open(place, new) as vault:
            vault.accounts.audit.append("operator", "accounts key rotated")
    else:
        with Vault.open(place, own) as vault:
            person = vault.accounts.require(name)
            old = opening.person_secret(person)
            new = opening.new_secret(person.name, keyring=keyring)
            vault.rotate(person.name, old, [new])
    whose = name or "the vault"
    opening.say(
        {"rotated": whose},
        f"{whose} has a new passphrase and a new key",
        "an earlier recovery code opens earlier backups only: show the new one",
    )
    return 0


def backup(opening: Opening, *, output: Path) -> int:
    """Copy everything."""
    from penjing.vault import comeback

    with opening.opened() as vault:
        made = comeback.backup(vault, output)
    document = {
        "folder": made.folder, "made": made.made, "files": made.files, "left_out": made.left_out,
    }  # fmt: skip
    keys = opening.place.keys
    advice = (
        "it opens with the keys of this vault, or with recovery codes; wiping makes it noise",
        f"no key is in it: if {keys} is lost and there are no codes, so is the backup",
    )
    wrong = [f"not backed up: {one}" for one in made.left_out]
    if wrong:
        wrong.append(
            "keep the backups from before this one: what is damaged here may be whole there"
        )
    opening.say(document, f"{made.folder}: {len(made.files)} files", *wrong, *advice)
    return 1 if wrong else 0


def restore(opening: Opening, *, backup: Path | None, person: str | None, elsewhere: bool) -> int:
    """Bring back a backup, or mend what is here; 1 when something could not be read."""
    from penjing.vault import comeback

    if backup is None:
        return _mend(opening, person)
    if elsewhere:
        code, secret = opening.code(), opening.new_own_secret()
        returned = comeback.restore_elsewhere(opening.place, backup, code, secret)
    else:
        _require_accounts(opening, backup)
        with opening.opened() as vault:
            returned = comeback.restore(vault, backup)
    restored = returned.restored
    lines = [f"restored: {len(restored.subjects)} parts"]
    lines += [f"wiped here and not brought back: {one}" for one in restored.refused]
    lines += [f"damaged in the backup: {one}" for one in restored.damaged]
    lines += [f"left as it is here, in the backup {one}" for one in restored.left]
    if restored.damaged:
        lines.append("penjing vault restore --person NAME salvages what is readable")
    if not restored.proven:
        lines.append("the manifest is not of this vault, or was changed: look who had the backup")
    people = [_person(one) for one in returned.people]
    opening.say({**vars(restored), "people": people}, *lines)
    return 1 if restored.damaged or restored.left or not restored.proven else 0


def wipe(opening: Opening, *, name: str | None, yes: bool) -> int:
    """Destroy a person's key, or all of them where nobody is named."""
    from penjing.vault import wipe as wiping
    from penjing.vault.access import operator
    from penjing.vault.vault import require_vault

    place = opening.place
    if not (name is None and place.subjects()):  # everything can be wiped, however damaged
        require_vault(place)
    who = "everything" if name is None else name
    if not yes:
        whom = "everybody here" if name is None else name
        passphrases.confirm(f"All of {whom} will be gone, in backups too.", who)
    if name is None:
        wiping.wipe_all(place)
    else:
        with opening.opened() as vault:
            vault.wipe(operator(), name)
    opening.say(
        {"wiped": who},
        f"{who} is wiped: the key was overwritten, and backups are noise without it",
        "a flash disk may keep old blocks, and a recovery code on paper still opens old backups",
    )
    return 0


def verify(opening: Opening, *, name: str | None) -> int:
    """Look at every byte there is a key for; 1 when something is wrong."""
    looked: list[str] = []
    with opening.opened() as vault:
        if name is None:
            findings = vault.verify()
        else:
            with opening.unlocked(vault, name) as store:
                findings = vault.verify([store])
                looked.append(store.person.name)
        people = [one.name for one in vault.accounts.people()]
    closed = [one for one in people if one not in looked]
    document = {
        "findings": [vars(one) for one in findings], "opened": looked, "not_opened": closed,
    }  # fmt: skip
    lines = [f"{one.file}: {one.what}" for one in findings] or [_whole(looked, closed)]
    if closed:
        lines.append(
            f"not looked into, for want of a passphrase: what {', '.join(closed)} said and keeps "
            "(penjing vault verify NAME, each with their own)"
        )
    if findings:
        lines.append("penjing vault restore mends what can be mended")
    opening.say(document, *lines)
    return 1 if findings else 0


def _whole(looked: list[str], closed: list[str]) -> str:
    """What of a vault is as it was written; all of it only where every part was opened."""
    if not closed:
        return "all is as it was written"
    parts = ["the list of people", "the audit log", "everybody's key slots"]
    parts += [f"the part of {one}" for one in looked]
    return f"as it was written: {', '.join(parts[:-1])} and {parts[-1]}"


def export(opening: Opening, *, name: str, output: Path) -> int:
    """Write all there is about a person."""
    from penjing.vault.archive import write_archive

    with opening.opened() as vault, opening.unlocked(vault, name) as store:
        counts = write_archive(store, vault.accounts, output)
        vault.accounts.audit.append(store.person.id, "exported", store.person.id)
    found = ", ".join(f"{count} {what}" for what, count in counts.items())
    opening.say(
        {"file": output, **counts},
        f"{output}: {found}",
        "it is not encrypted: keep it where only its person can read it",
    )
    return 0


def audit(opening: Opening, *, expect: str | None) -> int:
    """Show the log, when it is whole."""
    from penjing.vault.audit import Head

    expected = None
    if expect is not None:
        count, _, hashed = expect.partition(":")
        if not (count.isascii() and count.isdigit() and hashed):
            raise BadInput("--expect is COUNT:HASH, as penjing vault audit printed it")
        expected = Head(int(count), hashed)
    with opening.opened() as vault:
        head = vault.accounts.audit.verify(expected)
        entries = vault.accounts.audit.entries()
        names = {one.id: one.name for one in vault.accounts.people()}
    lines = [f"{one.at}  {names.get(one.who, one.who)}  {one.event}" for one in entries]
    noted = f"{head.count}:{head.hash}"
    document = {"head": noted, "entries": [vars(one) for one in entries]}
    opening.say(document, *lines, f"whole; note this elsewhere to check it later: {noted}")
    return 0


def recovery(opening: Opening, *, name: str | None) -> int:
    """Show a recovery code."""
    from penjing.vault import comeback

    with opening.opened() as vault:
        if name is None:
            code = comeback.accounts_code(opening.place, opening.own_secret)
        else:
            person = vault.accounts.require(name)
            secret = opening.person_secret(person)
            code = vault.recovery_code(person.name, secret)
    opening.say(
        {"of": name or "the vault", "code": code},
        code,
        "write it on paper: it replaces a passphrase, and opens backups even after a wipe",
    )
    return 0


# -------------------------------------------------------------------------------------- pieces


def _require_accounts(opening: Opening, backup: Path) -> None:
    """Accounts that do not open here are put back from the backup, too."""
    from penjing.core.errors import IntegrityError
    from penjing.vault import comeback
    from penjing.vault.vault import Vault

    try:
        Vault.open(opening.place, opening.own_secret).close()
    except IntegrityError:
        comeback.restore_accounts(opening.place, backup, opening.own_secret)


def _mend(opening: Opening, name: str | None) -> int:
    from penjing.vault import comeback
    from penjing.vault.vault import Vault

    place, own = opening.place, opening.own_secret
    reports = [comeback.mend_accounts(place, own)]
    if name is not None:
        with Vault.open(place, own) as vault:
            person = vault.accounts.require(name)
            reports.append(comeback.mend_person(vault, person.name, opening.person_secret(person)))
    found = [one for one in reports if one is not None]
    lines = [line for one in found for line in _salvaged(one)] or ["nothing was damaged"]
    opening.say({"salvaged": [vars(one) for one in found]}, *lines)
    return 1 if any(_lost(one) for one in found) else 0


def _salvaged(report: Salvage) -> list[str]:
    kept = ", ".join(f"{count} {table}" for table, count in report.kept.items())
    lost = f"{report.broken} rows and {report.turns_missing} turns are known to be lost"
    damaged = f"{len(report.damaged)} of {report.pages} pages were damaged"
    return [f"{report.subject}: {damaged}", f"kept: {kept}", lost]


def _lost(report: Salvage) -> bool:
    return bool(report.damaged or not report.pages)


def _person(person: Any) -> dict[str, Any]:
    return {"id": person.id, "name": person.name, "role": person.role}


def _said(vault: Vault, person_id: str) -> dict[str, Any]:
    said = vault.accounts.actor(person_id).permissions
    return {
        "permissions": [
            {"kind": kind, "name": name, "allowed": allowed}
            for (kind, name), allowed in said.items()
        ]
    }


def _line(person: dict[str, Any]) -> str:
    said = [
        f"{'may' if one['allowed'] else 'may not'} use {one['kind']} {one['name']}"
        for one in person["permissions"]
    ]
    return "  ".join([person["name"], person["role"], *said])
