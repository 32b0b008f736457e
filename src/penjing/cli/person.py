"""One person's open part of the vault, for commands that are about a person."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from penjing.cli import passphrases
from penjing.cli.output import Output
from penjing.cli.passphrases import SecretFiles
from penjing.core.errors import UsageError

if TYPE_CHECKING:
    from penjing.vault.person import PersonStore


def register(parser: ArgumentParser) -> None:
    """Add the options that say who asks."""
    parser.add_argument("--person", metavar="NAME", help="whose (default: the only person)")
    passphrases.register(parser, "--vault-passphrase-file", "--passphrase-file")


@dataclass(frozen=True)
class Asker:
    """Who asks, as they said it."""

    name: str | None
    """None: the only person."""
    files: SecretFiles
    """Where their secrets are."""


def asker(args: Namespace) -> Asker:
    """The options as who asks."""
    return Asker(args.person, passphrases.files(args))


@contextmanager
def opened(asker: Asker, output: Output) -> Iterator[PersonStore]:
    """Their store, closed afterwards. Raises BadInput where there is no vault."""
    from penjing.bundle.home import Home
    from penjing.vault.process import require_extra
    from penjing.vault.vault import Vault, place_in, require_vault

    require_extra()
    place = place_in(Home.from_environment().root)
    require_vault(place)
    with Vault.open(place, passphrases.vault_secret(asker.files.own, place)) as vault:
        names = [one.name for one in vault.accounts.people()]
        if asker.name is None and len(names) != 1:
            raise UsageError(f"say whose with --person: {', '.join(names)}")
        person = vault.accounts.require(asker.name or names[0])
        secret = passphrases.person_secret(asker.files.person, place, person)
        store = vault.unlock(person.name, secret)
        try:
            for note in vault.notes:
                output.progress().note(note)
            yield store
        finally:
            store.close()
