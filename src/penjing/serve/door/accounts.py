"""Who may come in, as the door asks for it; and the one owner there is without a vault."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from penjing.core.dialogue import Standing
from penjing.core.errors import BadInput, NotFound, WrongPassphrase
from penjing.core.protocols import Store
from penjing.serve.door.secrets import new_secret
from penjing.serve.who import OWNER


@dataclass(frozen=True)
class Known:
    """A person as the accounts know them now."""

    person: str
    """Their id."""
    name: str
    """What they type to log in."""
    role: Standing
    """Owner, member or guest."""


@dataclass(frozen=True)
class UnlockedPerson:
    """A person whose part is unlocked."""

    known: Known
    """Who."""
    store: Store
    """Theirs; whoever opened it closes it."""
    token: str | None = None
    """The id of the token that opened it."""
    scopes: frozenset[str] = frozenset()
    """What that token may be used for; of no meaning without one."""
    seal: str | None = None
    """Of what opened it, for `Accounts.still_opens`."""


@dataclass(frozen=True)
class Token:
    """What a program has in a person's stead."""

    id: str
    """To remove it by."""
    label: str
    """What the person calls it."""
    made: float
    """When, in seconds since 1970."""
    scopes: tuple[str, ...]
    """What it may be used for (`scopes.py`)."""
    note: str = ""
    """What its person should know of it, in one line; empty for nothing."""


class Aside(Protocol):
    """A person's part that is closed while their key is changed or destroyed."""

    def back(self) -> Store:
        """Open it again. Raises PenjingError where the key is another by now, or none."""
        ...

    def forget(self) -> None:
        """It is not opened again."""
        ...


class Accounts(Protocol):
    """The people behind a door. Every call may block: ask in a thread."""

    @property
    def kept(self) -> bool:
        """What is said is kept in a vault."""
        ...

    def names(self) -> Sequence[str]:
        """What people may type to log in."""
        ...

    def alone(self) -> UnlockedPerson | None:
        """The one person who needs no passphrase; None where there are several."""
        ...

    def unlock(self, name: str, passphrase: str) -> UnlockedPerson:
        """Open a person's part. Raises WrongPassphrase, after the same time for any name."""
        ...

    def prove(self, person: str, passphrase: str) -> None:
        """Raise WrongPassphrase unless it is theirs. Opens nothing."""
        ...

    def unlock_token(self, token: str) -> UnlockedPerson:
        """Open the part of whom a token belongs to. Raises WrongPassphrase."""
        ...

    def now(self, person: str) -> Known | None:
        """A person as they are now; None when they are gone."""
        ...

    def still_opens(self, person: str, token: str | None, seal: str | None) -> bool:
        """Whether a token, or (None) a passphrase, opens a part as it did, by the seal of then."""
        ...

    def stamp(self, person: str) -> object:
        """The same as long as nobody, in whichever process, has changed what `now` and
        `still_opens` say of a person. Does not block.
        """
        ...

    def bell(self, person: str) -> str | None:
        """What a browser in which they logged in shows to stop what rings, for as long as their
        passphrase is this one; None for who is not there.
        """
        ...

    def aside(self, store: Store) -> Aside:
        """What opens a store again that is closed next. Does not block."""
        ...

    def tokens(self, store: Store) -> Sequence[Token]:
        """A person's tokens."""
        ...

    def add_token(self, store: Store, label: str, scopes: Sequence[str]) -> tuple[Token, str]:
        """A new one, and its text, which is kept nowhere."""
        ...

    def drop_token(self, store: Store, token: str) -> None:
        """It opens nothing from now on. Raises NotFound."""
        ...


class OneOwner:
    """No vault: one person, whose store lies in memory as long as the server runs."""

    kept = False

    def __init__(self, store: Store | None = None) -> None:
        self._bell = new_secret()
        self._opened = UnlockedPerson(Known(OWNER, OWNER, "owner"), store or _in_memory())

    def names(self) -> Sequence[str]:
        return ()

    def alone(self) -> UnlockedPerson | None:
        return self._opened

    def unlock(self, name: str, passphrase: str) -> UnlockedPerson:  # noqa: ARG002
        raise WrongPassphrase("nobody has a passphrase here: open the link that penjing printed")

    def prove(self, person: str, passphrase: str) -> None:
        """There is none to be known."""

    def unlock_token(self, token: str) -> UnlockedPerson:  # noqa: ARG002
        raise WrongPassphrase("that token opens nothing: see which file penjing serve named")

    def now(self, person: str) -> Known | None:
        return self._opened.known if person == OWNER else None

    def still_opens(self, person: str, token: str | None, seal: str | None) -> bool:  # noqa: ARG002
        return True

    def stamp(self, person: str) -> object:  # noqa: ARG002
        return None

    def bell(self, person: str) -> str | None:
        return self._bell if person == OWNER else None

    def aside(self, store: Store) -> Aside:
        return _NeverClosed(store)

    def tokens(self, store: Store) -> Sequence[Token]:  # noqa: ARG002
        return ()

    def add_token(
        self,
        store: Store,  # noqa: ARG002
        label: str,  # noqa: ARG002
        scopes: Sequence[str],  # noqa: ARG002
    ) -> tuple[Token, str]:
        raise BadInput("nobody has an account here: use the token whose file penjing serve named")

    def drop_token(self, store: Store, token: str) -> None:  # noqa: ARG002
        raise NotFound("token", token)


@dataclass(frozen=True)
class _NeverClosed:
    """A store that lies in memory, and is there again at once."""

    store: Store

    def back(self) -> Store:
        return self.store

    def forget(self) -> None:
        """There is no key."""


def _in_memory() -> Store:
    from penjing.vault.memory import MemoryStore

    return MemoryStore(time.time)


if TYPE_CHECKING:
    _FITS: type[Accounts] = OneOwner
