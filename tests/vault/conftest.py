"""A vault with two people in it, at the lowest price of a passphrase that is allowed."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from members import ANNA, BEN, OWN

from penjing.vault import database
from penjing.vault.access import operator
from penjing.vault.envelope import Key
from penjing.vault.person import PersonStore
from penjing.vault.place import Place
from penjing.vault.vault import NewPerson, Vault


@pytest.fixture(autouse=True)
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """No waiting for the disk: what is synced when is tested in processes of their own."""
    right = database._set_up

    def unsynced(connection: database.Connection, path: Path, key: Key) -> None:
        right(connection, path, key)
        connection.execute("PRAGMA synchronous = OFF").fetchall()

    monkeypatch.setattr(database, "_set_up", unsynced)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path / "home" / "vault")


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Made once: passphrases are slow on purpose."""
    place = Place(tmp_path_factory.mktemp("template") / "vault")
    with Vault.create(place, [OWN], NewPerson("Anna", "owner", [ANNA])) as vault:
        vault.add_person(operator(), NewPerson("Ben", "member", [BEN]))
    return place.root


@pytest.fixture
def vault(place: Place, template: Path) -> Iterator[Vault]:
    """Anna owns it, Ben is a member."""
    shutil.copytree(template, place.root)
    with Vault.open(place, OWN) as vault:
        yield vault


@pytest.fixture
def anna(vault: Vault) -> Iterator[PersonStore]:
    store = vault.unlock("Anna", ANNA)
    yield store
    store.close()


@pytest.fixture
def ben(vault: Vault) -> Iterator[PersonStore]:
    store = vault.unlock("Ben", BEN)
    yield store
    store.close()
