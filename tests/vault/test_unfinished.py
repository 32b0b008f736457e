"""A vault whose making was cut off: nothing is left, or what is left stands in nobody's way."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
from members import ANNA, BEN, OWN

from penjing.core.errors import BadInput, IntegrityError
from penjing.vault import box, slots
from penjing.vault.access import operator
from penjing.vault.accounts import Accounts
from penjing.vault.audit import AuditLog
from penjing.vault.migrations import ACCOUNTS as STEPS
from penjing.vault.place import ACCOUNTS, Place
from penjing.vault.vault import NewPerson, Vault, require_vault

OWNER = NewPerson("Anna", "owner", [ANNA])


def cut(*_: object, **__: object) -> Any:
    raise KeyboardInterrupt


def unfinished(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a power cut leaves it: nobody tidied up."""
    for folder in (place.root, place.keys, place.data, place.locks):
        folder.mkdir(parents=True)
    with monkeypatch.context() as patch:
        patch.setattr(slots, "save", cut)
        with pytest.raises(KeyboardInterrupt):
            box._fill(place, ACCOUNTS, [OWN], STEPS)
    assert place.subjects() == [ACCOUNTS]
    assert not place.exists()


@pytest.mark.parametrize(
    ("where", "name"),
    [(box, "migrate"), (slots, "new_slots"), (slots, "save"), (AuditLog, "append"),
     (Accounts, "add"), (Vault, "add_person")],
)  # fmt: skip
def test_an_interrupted_making_leaves_nothing(
    place: Place, monkeypatch: pytest.MonkeyPatch, where: object, name: str
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(where, name, cut)
        with pytest.raises(KeyboardInterrupt):
            Vault.create(place, [OWN], OWNER)
    assert place.subjects() == []
    with pytest.raises(BadInput, match="make one with penjing vault init"):
        require_vault(place)
    with Vault.create(place, [OWN], OWNER) as vault:
        assert [one.name for one in vault.accounts.people()] == ["Anna"]
        assert vault.verify() == []


def test_a_first_owner_who_cannot_be_leaves_nothing(place: Place) -> None:
    with pytest.raises(BadInput, match="not a role"):
        Vault.create(place, [OWN], NewPerson("Anna", "queen", [ANNA]))
    assert place.subjects() == []


def test_what_was_never_finished_is_no_vault_and_the_next_one_takes_its_place(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    unfinished(place, monkeypatch)
    (place.keys / f".{ACCOUNTS}.slot.x1.tmp").write_bytes(b"half of")
    with pytest.raises(BadInput, match="make one with penjing vault init"):
        require_vault(place)
    with Vault.create(place, [OWN], OWNER) as vault:
        assert vault.verify() == []
    assert not list(place.keys.glob(".*"))


@pytest.mark.parametrize("beside", ["keys/gone", "data/audit.head", "data/0.1.db", "data/x"])
def test_what_could_be_a_vault_that_lost_its_keys_stays(
    place: Place, monkeypatch: pytest.MonkeyPatch, beside: str
) -> None:
    unfinished(place, monkeypatch)
    (place.root / beside).write_bytes(b"")
    database = place.database(ACCOUNTS, 1).read_bytes()
    for call in (lambda: Vault.create(place, [OWN], OWNER), lambda: require_vault(place)):
        with pytest.raises(IntegrityError, match="put back a copy"):
            call()
    assert place.database(ACCOUNTS, 1).read_bytes() == database


def test_a_vault_without_its_keys_is_never_taken_for_an_unfinished_one(vault: Vault) -> None:
    place = vault.place
    vault.close()
    keys = place.root.with_name("keys elsewhere")
    shutil.move(place.keys, keys)
    place.keys.mkdir()
    before = sorted(place.root.rglob("*"))
    with pytest.raises(IntegrityError, match="put back a copy"):
        Vault.create(place, [OWN], OWNER)
    assert sorted(place.root.rglob("*")) == before
    place.keys.rmdir()
    shutil.move(keys, place.keys)
    with Vault.open(place, OWN) as again:
        assert len(again.accounts.people()) == 2


def test_a_person_whose_adding_was_interrupted_leaves_nothing(
    vault: Vault, monkeypatch: pytest.MonkeyPatch
) -> None:
    def files() -> set[Path]:
        return {*vault.place.data.iterdir(), *vault.place.keys.iterdir()}

    before = files()
    with monkeypatch.context() as patch:
        patch.setattr(slots, "save", cut)
        with pytest.raises(KeyboardInterrupt):
            vault.add_person(operator(), NewPerson("Eve", "guest", [BEN]))
    assert files() == before
