"""How the actions of `penjing vault` open it: where it is, its secret, a person's part."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from penjing.cli import passphrases
from penjing.cli.output import Output

if TYPE_CHECKING:
    from penjing.vault.person import PersonStore
    from penjing.vault.place import Place
    from penjing.vault.vault import Vault


def place_here() -> Place:
    """Where the vault of this home is."""
    from penjing.bundle.home import Home
    from penjing.vault.vault import place_in

    return place_in(Home.from_environment().root)


def own_secret(args: Namespace, place: Place) -> Any:
    """The vault's own secret, asked for once."""
    from penjing.vault.vault import require_vault

    require_vault(place)
    if not hasattr(args, "own"):  # a pipe gives its line once
        args.own = passphrases.vault_secret(args, place)
    return args.own


@contextmanager
def opened(args: Namespace, output: Output) -> Iterator[Vault]:
    """The open vault; what it has to note is said at the end."""
    from penjing.vault.vault import Vault

    place = place_here()
    with Vault.open(place, own_secret(args, place)) as vault:
        yield vault
        for note in vault.notes:
            output.progress().note(note)


@contextmanager
def unlocked(args: Namespace, vault: Vault) -> Iterator[PersonStore]:
    """The part of the person that is named."""
    person = vault.accounts.require(args.name)
    secret = passphrases.person_secret(args, vault.place, person.id, person.name)
    store = vault.unlock(person.name, secret)
    try:
        yield store
    finally:
        store.close()
