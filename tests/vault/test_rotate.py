"""A rotation that is cut off anywhere: the old passphrase or the new one opens, never neither."""

from __future__ import annotations

import itertools
import shutil
from pathlib import Path

import pytest
from members import ANNA, BEN, OWN

from penjing.core.errors import WrongPassphrase
from penjing.core.messages import Message
from penjing.vault import disk, slots
from penjing.vault.cipher_pages import pages
from penjing.vault.place import Place
from penjing.vault.vault import Vault, rotate_accounts


class Cut(BaseException):
    """Where the process ended."""


def opening(place: Place) -> list[str]:
    """Which passphrases open, and that all is whole behind them."""
    found = []
    with Vault.open(place, OWN) as vault:
        for name, secret in (("old", ANNA), ("new", BEN)):
            try:
                store = vault.unlock("Anna", secret)
            except WrongPassphrase:
                continue
            found.append(name)
            assert [one.title for one in store.history.sessions()] == ["kept"]
            assert vault.verify([store]) == []
            assert len(place.generations(store.person.id)) == 1
            assert not [path for path in place.data.iterdir() if path.name.startswith(".")]
            store.close()
    return found


def test_cut_off_at_every_step_it_is_one_or_the_other(
    vault: Vault, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = vault.unlock("Anna", ANNA)
    store.history.begin("kept")
    store.close()
    before = vault.place
    vault.close()
    outcomes = []
    real = {name: getattr(disk, name) for name in ("sync_folder", "sync_file", "overwrite")}
    for number in itertools.count(1):
        copy = Place(tmp_path / str(number))
        shutil.copytree(before.root, copy.root)
        steps = itertools.count(1)

        def step(name: str, target: object, steps: object = steps, last: int = number) -> None:
            if next(steps) == last:  # type: ignore[call-overload]
                raise Cut
            real[name](target)

        with Vault.open(copy, OWN) as once, monkeypatch.context() as patch:
            for name in real:
                patch.setattr(disk, name, lambda target, name=name: step(name, target))
            try:
                once.rotate("Anna", ANNA, [BEN])
                done = True
            except Cut:
                done = False
        outcomes += [opening(copy)]
        shutil.rmtree(copy.root)
        if done:
            break
    assert all(len(outcome) == 1 for outcome in outcomes), outcomes
    assert outcomes[0] == ["old"]
    assert outcomes[-1] == ["new"]
    assert len(outcomes) > 8
    words = [outcome[0] for outcome in outcomes]
    assert words == sorted(words, reverse=True)  # once new, always new


def test_an_old_copy_of_the_slots_opens_nothing_that_is_written_now(
    vault: Vault, tmp_path: Path
) -> None:
    subject = vault.accounts.require("Anna").id
    stolen = slots.load(vault.place, subject)
    vault.rotate("Anna", ANNA, [BEN])
    store = vault.unlock("Anna", BEN)
    session = store.history.begin("later")
    store.history.append_turn(session.id, Message.of("user", "a later secret"))
    key = slots.open_slots(stolen, ANNA)
    assert not any(page.data for page in pages(store.database.path, key))
    assert all(page.data for page in pages(store.database.path, store.database.key))
    store.close()
    for copy in vault.place.slots(subject):
        copy.write_bytes(slots._document(stolen))  # put back by hand
    with pytest.raises(Exception, match="restore"):
        vault.unlock("Anna", ANNA)


def test_the_vaults_own_secret_is_rotated_too(vault: Vault) -> None:
    place = vault.place
    vault.close()
    rotate_accounts(place, OWN, [BEN])
    with pytest.raises(WrongPassphrase):
        Vault.open(place, OWN)
    with Vault.open(place, BEN) as again:
        assert [person.name for person in again.accounts.people()] == ["Anna", "Ben"]
        assert again.verify() == []
