"""Who may come in, as the door asks for it: of a vault, or of nobody but the one owner there is."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from penjing.core.errors import UnknownName, WrongPassphrase
from penjing.core.protocols import Store
from penjing.serve.who import OWNER

if TYPE_CHECKING:
    from penjing.vault.vault import Vault


@dataclass(frozen=True)
class Known:
    """A person as the accounts know them now."""

    person: str
    """Their id."""
    name: str
    """What they type to log in."""
    role: str
    """Owner, member or guest."""


@dataclass(frozen=True)
class Opened:
    """A person whose part is unlocked."""

    known: Known
    """Who."""
    store: Store
    """Theirs; whoever opened it closes it."""


class Accounts(Protocol):
    """The people behind a door. Every call may block: ask in a thread."""

    @property
    def kept(self) -> bool:
        """What is said is kept in a vault."""
        ...

    def names(self) -> Sequence[str]:
        """What people may type to log in."""
        ...

    def alone(self) -> Opened | None:
        """The one person who needs no passphrase; None where there are several."""
        ...

    def unlock(self, name: str, passphrase: str) -> Opened:
        """Open a person's part. Raises WrongPassphrase, after the same time for any name."""
        ...

    def unlock_token(self, token: str) -> Opened:
        """Open the part of whom a token belongs to. Raises WrongPassphrase."""
        ...

    def now(self, person: str) -> Known | None:
        """A person as they are now; None when they are gone."""
        ...


class OneOwner:
    """No vault: one person, whose store lies in memory as long as the server runs."""

    kept = False

    def __init__(self, store: Store | None = None) -> None:
        self._opened = Opened(Known(OWNER, OWNER, "owner"), store or _in_memory())

    def names(self) -> Sequence[str]:
        return ()

    def alone(self) -> Opened | None:
        return self._opened

    def unlock(self, name: str, passphrase: str) -> Opened:  # noqa: ARG002
        raise WrongPassphrase("nobody has a passphrase here: open the link that penjing printed")

    def unlock_token(self, token: str) -> Opened:  # noqa: ARG002
        raise WrongPassphrase("that token opens nothing: see which file penjing serve named")

    def now(self, person: str) -> Known | None:
        return self._opened.known if person == OWNER else None


class VaultAccounts:
    """The people of an open vault."""

    kept = True

    def __init__(self, vault: Vault) -> None:
        self._vault = vault

    def names(self) -> Sequence[str]:
        return [person.name for person in self._vault.accounts.people()]

    def alone(self) -> Opened | None:
        return None

    def unlock(self, name: str, passphrase: str) -> Opened:
        from penjing.vault.secrets import Passphrase

        store = self._vault.unlock(name, Passphrase(passphrase))
        person = store.person
        return Opened(Known(person.id, person.name, person.role), store)

    def unlock_token(self, token: str) -> Opened:  # noqa: ARG002
        raise WrongPassphrase("that token opens nothing: make one while you are logged in")

    def now(self, person: str) -> Known | None:
        try:
            actor = self._vault.accounts.actor(person)
        except UnknownName:
            return None
        return Known(actor.id, actor.name, actor.role)


def _in_memory() -> Store:
    from penjing.vault.fake import FakeStore

    return FakeStore(time.time)


if TYPE_CHECKING:
    _FIT: tuple[type[Accounts], ...] = (OneOwner, VaultAccounts)
