"""One person's encrypted store in a folder, under a key that everybody knows."""

from __future__ import annotations

from pathlib import Path

from penjing.vault.accounts import Person
from penjing.vault.database import Database
from penjing.vault.envelope import Key
from penjing.vault.locks import Lock
from penjing.vault.migrations import PERSON, migrate
from penjing.vault.person import PersonStore


def on_disk(folder: Path) -> PersonStore:
    """Made, or opened again."""
    folder.mkdir(exist_ok=True)
    path = folder / "a.db"
    database = Database(path, Key(b"b" * 32), Lock(folder / "turn"), new=not path.exists())
    migrate(database, PERSON)
    return PersonStore(database, Person("b" * 32, "Anna", "owner", 0.0))
