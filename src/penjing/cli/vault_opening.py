"""How the actions of `penjing vault` open it: where it is, its secret, a person's part."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Any

from penjing.cli import passphrases
from penjing.cli.output import Output
from penjing.cli.passphrases import SecretFiles

if TYPE_CHECKING:
    from rich.console import Console

    from penjing.vault.accounts import Person
    from penjing.vault.person import PersonStore
    from penjing.vault.place import Place
    from penjing.vault.secrets import Secret
    from penjing.vault.vault import Vault


class Opening:
    """The vault of this home, where one action asks for secrets and where it tells what came."""

    def __init__(self, files: SecretFiles, output: Output) -> None:
        self._files = files
        self._output = output

    @cached_property
    def place(self) -> Place:
        """Where the vault of this home is."""
        from penjing.bundle.home import Home
        from penjing.vault.vault import place_in

        return place_in(Home.from_environment().root)

    @cached_property
    def own_secret(self) -> Secret:
        """The vault's own, asked for once: a pipe gives its line once."""
        from penjing.vault.vault import require_vault

        require_vault(self.place)
        return passphrases.vault_secret(self._files.own, self.place)

    def new_own_secret(self, whom: str = "the vault", *, keyring: bool = False) -> Secret:
        """What is to open a vault that is made now."""
        return passphrases.new_secret(self._files.own, whom, keyring=keyring)

    def person_secret(self, person: Person) -> Secret:
        """What opens a person's part."""
        return passphrases.person_secret(self._files.person, self.place, person)

    def first_secret(self, name: str) -> Secret:
        """What is to open the part of the first owner."""
        return passphrases.new_secret(self._files.person, name, keyring=False)

    def new_secret(self, whom: str, *, keyring: bool) -> Secret:
        """What is to open it from now on."""
        return passphrases.new_secret(self._files.new, whom, keyring=keyring)

    def code(self) -> str:
        """A recovery code."""
        return passphrases.code(self._files.code)

    @contextmanager
    def opened(self) -> Iterator[Vault]:
        """The open vault; what it has to note is said at the end."""
        from penjing.vault.vault import Vault

        with Vault.open(self.place, self.own_secret) as vault:
            yield vault
            for note in vault.notes:
                self._output.progress().note(note)

    @contextmanager
    def unlocked(self, vault: Vault, name: str) -> Iterator[PersonStore]:
        """A person's part."""
        person = vault.accounts.require(name)
        store = vault.unlock(person.name, self.person_secret(person))
        try:
            yield store
        finally:
            store.close()

    def say(self, document: dict[str, Any], *lines: str) -> None:
        """The document for programs, the lines for people."""

        def human(console: Console) -> None:
            for line in lines:
                console.print(line, markup=False, soft_wrap=True)

        self._output.emit(document, human)
