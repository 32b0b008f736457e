"""A vault for a server to stand before: Anna owns it, Ben is a member, Gil a guest."""

from __future__ import annotations

import atexit
import functools
import shutil
import tempfile
from pathlib import Path

from penjing.vault.access import operator
from penjing.vault.envelope import LEAST
from penjing.vault.secrets import Passphrase
from penjing.vault.vault import NewPerson, Vault, place_in

OWN = Passphrase("the vault's own words", LEAST)
WORDS = {
    "Anna": "anna knows these words",
    "Ben": "ben knows other words",
    "Gil": "gil knows a third kind",
}
ROLES = {"Anna": "owner", "Ben": "member", "Gil": "guest"}


def household(home: Path) -> Vault:
    """One in a home, open, at the lowest price of a passphrase that is allowed."""
    if not place_in(home).exists():
        shutil.copytree(place_in(_template()).root, place_in(home).root)
    return Vault.open(place_in(home), OWN)


@functools.cache
def _template() -> Path:
    """Made once: passphrases are slow on purpose."""
    folder = Path(tempfile.mkdtemp(prefix="penjing-household-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    people = [
        NewPerson(name, ROLES[name], [Passphrase(words, LEAST)]) for name, words in WORDS.items()
    ]
    with Vault.create(place_in(folder), [OWN], people[0]) as vault:
        for person in people[1:]:
            vault.add_person(operator(), person)
    return folder


def login(name: str, words: str | None = None) -> dict[str, str]:
    """What the page sends."""
    return {"name": name, "passphrase": WORDS[name] if words is None else words}
