"""The people of an open vault, as the door asks for them."""

from __future__ import annotations

import base64
import binascii
import json
import re
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from penjing.core.errors import UnknownName, WrongPassphrase
from penjing.core.protocols import Store
from penjing.serve.door.accounts import Accounts, Aside, Known, Token, UnlockedPerson
from penjing.serve.door.scopes import LEAST

if TYPE_CHECKING:
    from penjing.vault.person import PersonStore
    from penjing.vault.vault import Vault

_TOKEN = re.compile(r"pj-([0-9a-f]{32})-([0-9a-f]{32})-([A-Za-z0-9_-]{43})")
LABELS = "door.tokens"
"""The setting of a person that says what their tokens are called, and nothing of what they may."""
OLD = f"made before tokens had scopes: it has '{LEAST}' and no other; make a new one"
"""Said of a token of which no scopes are recorded."""


class VaultAccounts:
    """Everybody who has a part of the vault."""

    kept = True

    def __init__(self, vault: Vault) -> None:
        self._vault = vault

    def names(self) -> Sequence[str]:
        return [person.name for person in self._vault.accounts.people()]

    def alone(self) -> UnlockedPerson | None:
        return None

    def unlock(self, name: str, passphrase: str) -> UnlockedPerson:
        from penjing.vault.secrets import Passphrase

        return _opened(self._vault.unlock(name, Passphrase(passphrase)))

    def prove(self, person: str, passphrase: str) -> None:
        from penjing.vault.secrets import Passphrase

        self._vault.prove(person, Passphrase(passphrase))

    def unlock_token(self, token: str) -> UnlockedPerson:
        from penjing.vault.secrets import Token as Secret

        parts = _TOKEN.fullmatch(token)
        if parts is None:
            raise WrongPassphrase("that is no token: make one while you are logged in")
        try:
            secret = base64.urlsafe_b64decode(f"{parts[3]}=")
        except binascii.Error as error:
            raise WrongPassphrase("that is no token: make one while you are logged in") from error
        recorded = self._vault.scopes_of(parts[1], parts[2])  # believed once it opens with them
        store = self._vault.unlock_by_token(parts[1], Secret(parts[2], secret, recorded))
        return _opened(store, parts[2], _granted(recorded))

    def now(self, person: str) -> Known | None:
        try:
            actor = self._vault.accounts.actor(person)
        except UnknownName:
            return None
        return Known(actor.id, actor.name, actor.role)

    def still_opens(self, person: str, token: str | None, seal: str | None) -> bool:
        return self._vault.still_opens(person, token, seal)

    def stamp(self, person: str) -> object:
        return self._vault.stamp(person)

    def bell(self, person: str) -> str | None:
        return self._vault.mark(person, "bell")

    def aside(self, store: Store) -> Aside:
        return self._vault.aside(_part(store))

    def tokens(self, store: Store) -> Sequence[Token]:
        part = _part(store)
        known = _labels(part)
        return [
            Token(one, *known.get(one, ("", 0.0)), _granted(recorded), _note(recorded))
            for one, recorded in self._vault.tokens(part).items()
        ]

    def add_token(self, store: Store, label: str, scopes: Sequence[str]) -> tuple[Token, str]:
        part = _part(store)
        made = self._vault.add_token(part, scopes)
        token = Token(made.id, label, time.time(), (*scopes,))
        self._write(part, [*self.tokens(part), token])
        text = base64.urlsafe_b64encode(made.secret).decode("ascii").rstrip("=")
        return token, f"pj-{part.person.id}-{made.id}-{text}"

    def drop_token(self, store: Store, token: str) -> None:
        part = _part(store)
        self._vault.drop_token(part, token)
        self._write(part, self.tokens(part))

    def _write(self, part: PersonStore, tokens: Sequence[Token]) -> None:
        labels = {one.id: (one.label, one.made) for one in tokens}
        part.settings.put(LABELS, json.dumps(labels))


def _opened(
    store: PersonStore, token: str | None = None, scopes: Sequence[str] = ()
) -> UnlockedPerson:
    person = store.person
    known = Known(person.id, person.name, person.role)
    return UnlockedPerson(known, store, token, frozenset(scopes), store.seal)


def _granted(recorded: tuple[str, ...] | None) -> tuple[str, ...]:
    """A token of which nothing is recorded has least, never everything."""
    return (LEAST,) if recorded is None else recorded


def _note(recorded: tuple[str, ...] | None) -> str:
    return OLD if recorded is None else ""


def _part(store: Store) -> PersonStore:
    from penjing.vault.person import PersonStore

    if not isinstance(store, PersonStore):
        raise TypeError("a vault's door was given a store that is not of a vault")
    return store


def _labels(part: PersonStore) -> dict[str, tuple[str, float]]:
    """As we wrote them; nobody else writes there."""
    found = json.loads(part.settings.get(LABELS) or "{}")
    return {str(one): (str(label), float(made)) for one, (label, made) in found.items()}


if TYPE_CHECKING:
    _FITS: type[Accounts] = VaultAccounts
