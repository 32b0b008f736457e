# ruff: noqa: ARG002 - where there is nobody else, most questions have one answer
"""Who there is: the people of an open vault, or the one owner of a server without one.

Imports the vault where it is used: a server without one runs without its extra.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Sequence
from typing import IO, TYPE_CHECKING, Any, cast

from penjing.core.errors import NotFound
from penjing.core.messages import Note
from penjing.core.protocols import Store
from penjing.serve.refusals import Conflict
from penjing.serve.services import Known, Role
from penjing.serve.who import OWNER

if TYPE_CHECKING:
    from penjing.vault.access import Actor, Kind
    from penjing.vault.accounts import Person
    from penjing.vault.person import PersonStore
    from penjing.vault.vault import Vault


class VaultPeople:
    """Satisfies `People`."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault

    def all(self) -> Sequence[Known]:
        """Everybody."""
        return [_known(self._actor(one.id)) for one in self._vault.accounts.people()]

    def add(self, asks: str, name: str, role: str, passphrase: str) -> Known:
        """Somebody new."""
        from penjing.vault.access import require_role
        from penjing.vault.envelope import require_passphrase
        from penjing.vault.secrets import Passphrase
        from penjing.vault.vault import NewPerson

        require_passphrase(passphrase)
        new = NewPerson(name, require_role(role), [Passphrase(passphrase)])
        return _known(self._actor(self._vault.add_person(self._actor(asks), new).id))

    def set_role(self, asks: str, person: str, role: str) -> None:
        """Make a person something else."""
        self._vault.accounts.set_role(self._actor(asks), self._person(person), role)

    def permit(self, asks: str, person: str, kind: str, name: str, allowed: bool) -> None:
        """Say that a person may or may not use something."""
        whom = self._person(person)
        self._vault.accounts.permit(self._actor(asks), whom, cast("Kind", kind), name, allowed)

    def wipe(self, asks: str, person: str) -> None:
        """Destroy a person's key."""
        self._vault.wipe(self._actor(asks), self._person(person).name)

    def set_passphrase(self, person: str, old: str, new: str) -> None:
        """Another passphrase and another key."""
        from penjing.vault.envelope import require_passphrase
        from penjing.vault.secrets import Passphrase

        require_passphrase(new)
        self._vault.rotate(self._person(person).name, Passphrase(old), [Passphrase(new)])

    def require(self, person: str, kind: str, name: str) -> None:
        """Raise NotPermitted unless they may use it."""
        self._actor(person).require(cast("Kind", kind), name)

    def export(self, person: str, store: Store, file: IO[bytes]) -> None:
        """Write all there is about a person as a zip."""
        from penjing.vault.archive import fill_archive

        fill_archive(cast("PersonStore", store), self._vault.accounts, file)

    def _actor(self, person: str) -> Actor:
        self._person(person)
        return self._vault.accounts.actor(person)

    def _person(self, person: str) -> Person:
        for one in self._vault.accounts.people():
            if one.id == person:
                return one
        raise NotFound("person", person)


class Alone:
    """Satisfies `People` where there is no vault: one owner, whose store lies in memory."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def all(self) -> Sequence[Known]:
        """The owner."""
        return [Known(OWNER, OWNER, "owner")]

    def add(self, asks: str, name: str, role: str, passphrase: str) -> Known:
        """There is nowhere to keep anybody."""
        raise _no_vault()

    def set_role(self, asks: str, person: str, role: str) -> None:
        """Nobody has another."""
        raise _no_vault()

    def permit(self, asks: str, person: str, kind: str, name: str, allowed: bool) -> None:
        """The owner may use all."""
        raise _no_vault()

    def wipe(self, asks: str, person: str) -> None:
        """Forget everything now."""
        for session in self._store.history.sessions():
            self._store.history.delete(session.id)
        for document in self._store.documents.all():
            self._store.documents.delete(document.id)
        for name in self._store.settings.all():
            self._store.settings.drop(name)
        self._store.snapshots.drop()

    def set_passphrase(self, person: str, old: str, new: str) -> None:
        """There is none."""
        raise _no_vault()

    def require(self, person: str, kind: str, name: str) -> None:
        """The owner may use all."""

    def export(self, person: str, store: Store, file: IO[bytes]) -> None:
        """Write what lies in memory."""
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
            for number, one in enumerate(store.documents.all(), 1):
                archive.writestr(f"documents/{number:04}", store.documents.read(one.id))
            document = {
                "settings": store.settings.all(),
                "documents": [vars(one) for one in store.documents.all()],
                "sessions": [
                    {**vars(one), "turns": [_turn(turn) for turn in store.history.turns(one.id)]}
                    for one in store.history.sessions()
                ],
            }
            archive.writestr("about-me.json", json.dumps(document, ensure_ascii=False, indent=1))


def _turn(turn: Any) -> dict[str, Any]:
    said = turn.message
    notes = [{"name": one.name, "data": one.data} for one in said.parts if isinstance(one, Note)]
    about = {"number": turn.number, "at": turn.at, "role": said.role, "text": said.text}
    return {**about, "notes": notes}


def _known(actor: Actor) -> Known:
    said = tuple((kind, name, allowed) for (kind, name), allowed in actor.permissions.items())
    role: Role = actor.role
    return Known(actor.id, actor.name, role, said)


def _no_vault() -> Conflict:
    return Conflict("there is no vault here: make one with penjing vault init, and start again")


if TYPE_CHECKING:
    from penjing.serve.services import People

    _FIT: tuple[type[People], ...] = (VaultPeople, Alone)
