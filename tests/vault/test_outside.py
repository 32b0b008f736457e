"""What is no database of ours is damage: before SQLite sees it, and before anything is written."""

from __future__ import annotations

import hashlib
import os
import shutil
import sqlite3
from pathlib import Path

import pytest
from members import ANNA, BEN, OWN

from penjing.core.errors import IntegrityError, PenjingError, StorageError
from penjing.core.messages import Message
from penjing.vault import comeback, database, disk, outside
from penjing.vault.access import operator
from penjing.vault.database import connect
from penjing.vault.envelope import LEAST, Key
from penjing.vault.outside import PAGE
from penjing.vault.place import Place
from penjing.vault.secrets import Passphrase
from penjing.vault.vault import NewPerson, Vault

EVE = Passphrase("eve came later than all", LEAST)


def say(vault: Vault, *texts: str) -> None:
    store = vault.unlock("Anna", ANNA)
    session = store.history.begin("kept")
    for text in texts:
        store.history.append_turn(session.id, Message.of("user", text))
    store.close()


def said(vault: Vault) -> list[str]:
    store = vault.unlock("Anna", ANNA)
    try:
        sessions = store.history.sessions()
        return [turn.message.text for one in sessions for turn in store.history.turns(one.id)]
    finally:
        store.close()


def of(vault: Vault, name: str = "Anna") -> Path:
    return vault.place.database(vault.accounts.require(name).id, 1)


def test_only_a_new_one_is_made(tmp_path: Path) -> None:
    with pytest.raises(IntegrityError, match="is not there: put it back from a backup"):
        connect(tmp_path / "a.db", Key.random())
    assert list(tmp_path.iterdir()) == []
    connect(tmp_path / "a.db", Key.random(), new=True).close()
    with pytest.raises(StorageError, match="in the way"):
        connect(tmp_path / "a.db", Key.random(), new=True)
    (tmp_path / "b.db").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(StorageError, match="in the way"):
        connect(tmp_path / "b.db", Key.random(), new=True)
    assert not (tmp_path / "elsewhere").exists()


def test_one_that_was_made_and_holds_nothing_is_damage(tmp_path: Path) -> None:
    """As if somebody with the key had begun anew: valid, and empty."""
    connection = connect(tmp_path / "a.db", Key(b"k" * 32), new=True)
    connection.execute("CREATE TABLE t (x)")
    connection.close()
    with pytest.raises(IntegrityError, match="holds nothing"):
        connect(tmp_path / "a.db", Key(b"k" * 32))


def test_an_emptied_part_is_damage_for_every_act_and_nothing_is_written(
    vault: Vault, tmp_path: Path
) -> None:
    say(vault, "something")
    path = of(vault)
    path.write_bytes(b"")
    path.with_name(f"{path.name}-journal").write_bytes(b"what may be left of it" * 400)
    refused = "is empty.*put it back from a backup with penjing vault restore DIR"
    for act in (
        lambda: vault.unlock("Anna", ANNA),
        lambda: vault.rotate("Anna", ANNA, [BEN]),
        lambda: comeback.mend_person(vault, "Anna", ANNA),
    ):
        with pytest.raises(IntegrityError, match=r"is empty|nothing in .* can be read"):
            act()
    assert any("is empty" in finding.what for finding in vault.verify())
    made = comeback.backup(vault, tmp_path / "b")
    assert [line.split(" ")[0] for line in made.left_out] == [path.name]
    assert path.name not in made.files
    with pytest.raises(IntegrityError, match=refused):
        vault.unlock("Anna", ANNA)
    assert path.read_bytes() == b""
    assert path.with_name(f"{path.name}-journal").exists()


def test_a_part_whose_making_was_cut_off_is_left_out_of_nothing(
    vault: Vault, tmp_path: Path
) -> None:
    """Somebody was being added and the process died: there was nothing to keep yet."""
    begun = vault.place.database("f" * 32, 1)
    begun.write_bytes(b"")
    assert comeback.backup(vault, tmp_path / "b").left_out == ()
    begun.write_bytes(b"x" * 5000)  # whoever lost their slots and their line still has words here
    (said,) = comeback.backup(vault, tmp_path / "c").left_out
    assert said.startswith(begun.name)


def test_tables_that_are_lost_are_damage_before_anything_is_migrated(vault: Vault) -> None:
    store = vault.unlock("Anna", ANNA)
    with store.database.writing() as connection:
        connection.execute("DROP TRIGGER turn_in")
        connection.execute("PRAGMA user_version = 3")
    store.close()
    before = of(vault).read_bytes()
    with pytest.raises(IntegrityError, match=r"lost its trigger turn_in: .*--person NAME"):
        vault.unlock("Anna", ANNA)
    with pytest.raises(IntegrityError, match="lost its trigger"):
        vault.rotate("Anna", ANNA, [BEN])
    assert of(vault).read_bytes() == before


def test_a_backup_puts_back_what_was_emptied_the_accounts_as_well(
    vault: Vault, tmp_path: Path
) -> None:
    say(vault, "kept")
    comeback.backup(vault, tmp_path / "b")
    vault.add_person(operator(), NewPerson("Eve", "guest", [EVE]))
    place, accounts = vault.place, vault.place.database("accounts", 1)
    of(vault).write_bytes(b"")
    vault.close()
    accounts.write_bytes(accounts.read_bytes()[:PAGE])
    with pytest.raises(IntegrityError, match="damaged"):
        Vault.open(place, OWN)
    comeback.restore_accounts(place, tmp_path / "b", OWN)
    assert accounts.with_name(f".{accounts.name}.replaced").stat().st_size == PAGE
    with Vault.open(place, OWN) as again:
        comeback.restore(again, tmp_path / "b")
        assert said(again) == ["kept"]
        names = {one.name for one in again.accounts.people()}
        assert {"Anna", "Ben"} < names
        assert len(names) == 3, "who came after the backup keeps their part, without a name"
        assert again.verify() == []


def test_a_backup_that_is_damaged_replaces_nothing_that_is_whole(
    vault: Vault, tmp_path: Path
) -> None:
    say(vault, "kept")
    comeback.backup(vault, tmp_path / "b")
    copy = tmp_path / "b" / of(vault).name
    whole = copy.read_bytes()
    for wrong in (b"", whole[:100]):
        copy.write_bytes(wrong)
        restored = comeback.restore(vault, tmp_path / "b").restored
        assert restored.damaged == (copy.name,)
        assert [line.split(" ")[0] for line in restored.left] == [copy.name]
        assert said(vault) == ["kept"]
    copy.write_bytes(whole[:-1] + b"x")
    comeback.restore(vault, tmp_path / "b")
    aside = of(vault).with_name(f".{copy.name}.replaced")
    assert aside.read_bytes() != copy.read_bytes()
    connect(aside, Key(_key(vault))).close()


def _key(vault: Vault) -> bytes:
    from penjing.vault import slots

    known = slots.load(vault.place, vault.accounts.require("Anna").id)
    return slots.open_slots(known, ANNA).raw()


def test_accounts_that_salvaging_left_without_names_have_them_again_from_a_backup(
    vault: Vault, tmp_path: Path
) -> None:
    comeback.backup(vault, tmp_path / "b")
    place, accounts = vault.place, vault.place.database("accounts", 1)
    vault.close()
    accounts.write_bytes(b"")
    report = comeback.mend_accounts(place, OWN)
    assert report is not None
    assert report.pages == 0
    with Vault.open(place, OWN) as again:
        assert all(one.name.startswith("person-") for one in again.accounts.people())
        comeback.restore(again, tmp_path / "b")
        assert {(one.name, one.role) for one in again.accounts.people()} == {
            ("Anna", "owner"), ("Ben", "member"),
        }  # fmt: skip


# ----------------------------------------------------------------- what knows how much there was


def test_accounts_of_an_earlier_time_are_told_by_the_end_of_the_log(vault: Vault) -> None:
    place, accounts = vault.place, vault.place.database("accounts", 1)
    old = accounts.read_bytes()
    vault.add_person(operator(), NewPerson("Eve", "guest", [EVE]))
    vault.close()
    accounts.write_bytes(old)
    before = place.head.read_bytes()
    for _ in range(2):
        with pytest.raises(IntegrityError, match=r"older than it was, with 3 of 4 lines"):
            Vault.open(place, OWN)
    assert (accounts.read_bytes(), place.head.read_bytes()) == (old, before)
    comeback.mend_accounts(place, OWN)
    with Vault.open(place, OWN) as again:
        assert len(again.accounts.people()) == 3
        assert again.verify() == []


@pytest.mark.parametrize("data", [None, b"", b"{}"])
def test_an_end_of_the_log_that_is_lost_stays_lost_until_it_is_mended(
    vault: Vault, data: bytes | None
) -> None:
    """Otherwise who cuts the log and its end need only wait for the next login."""
    place = vault.place
    vault.close()
    place.head.unlink()
    if data is not None:
        place.head.write_bytes(data)
    for _ in range(2):
        with Vault.open(place, OWN) as again:
            say(again, "on we go")
            assert any("audit log" in note for note in again.notes)
            assert any("not known" in one.what for one in again.verify())
    comeback.mend_accounts(place, OWN)
    with Vault.open(place, OWN) as again:
        assert again.verify() == []
        assert again.notes == []


@pytest.mark.parametrize("data", [None, b"", b"0" * 33])
def test_who_was_wiped_is_remembered_by_the_log(
    vault: Vault, tmp_path: Path, data: bytes | None
) -> None:
    ben = vault.accounts.require("Ben").id
    comeback.backup(vault, tmp_path / "b")
    vault.wipe(operator(), "Ben")
    vault.place.gone.unlink()
    if data is not None:
        vault.place.gone.write_bytes(data)
    assert [one.file for one in vault.verify()] == ["gone"]
    assert comeback.restore(vault, tmp_path / "b").restored.refused == (ben,)
    place = vault.place
    vault.close()
    comeback.mend_accounts(place, OWN)
    assert hashlib.sha256(ben.encode()).hexdigest()[:32] in place.gone.read_text()
    with Vault.open(place, OWN) as again:
        assert again.verify() == []
        assert comeback.restore(again, tmp_path / "b").restored.refused == (ben,)


def test_an_older_first_slot_does_not_lock_out_and_is_not_believed(vault: Vault) -> None:
    say(vault, "kept")
    subject = vault.accounts.require("Anna").id
    first, spare = vault.place.slots(subject)
    old = first.read_bytes()
    vault.rotate("Anna", ANNA, [EVE])
    newest = spare.read_bytes()
    first.write_bytes(old)
    store = vault.unlock("Anna", EVE)
    assert len(store.history.sessions()) == 1
    store.close()
    assert (first.read_bytes(), spare.read_bytes()) == (newest, newest)


# ------------------------------------------------------------------------------------ small files


def test_nothing_is_read_overwritten_or_waited_for_through_what_is_no_file(
    vault: Vault, tmp_path: Path
) -> None:
    decoy = tmp_path / "decoy"
    decoy.write_bytes(b"somebody else's")
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    link = tmp_path / "link"
    link.symlink_to(decoy)
    for path in (pipe, link, tmp_path):
        with pytest.raises(StorageError, match="not a file of the vault: move it away"):
            disk.read(path)
    disk.destroy(link)
    assert decoy.read_bytes() == b"somebody else's"
    assert not link.is_symlink()
    subject = vault.accounts.require("Ben").id
    for path in vault.place.slots(subject):
        path.unlink()
        path.symlink_to(decoy)
    vault.wipe(operator(), "Ben")
    assert decoy.read_bytes() == b"somebody else's"
    assert not any(disk.is_there(path) for path in vault.place.slots(subject))


def test_one_file_that_cannot_be_removed_keeps_no_other_from_being_wiped(vault: Vault) -> None:
    place, subject = vault.place, vault.accounts.require("Ben").id
    first, spare = place.slots(subject)
    first.unlink()
    first.mkdir()
    with pytest.raises(StorageError, match="is a directory"):
        vault.wipe(operator(), "Ben")
    assert not spare.exists()
    assert place.generations(subject) == []
    vault.close()
    with Vault.open(place, OWN) as again:
        assert [one.name for one in again.accounts.people()] == ["Anna"]
        assert any("wiping" in note for note in again.notes)


def test_a_vault_without_its_keys_is_not_taken_for_none(vault: Vault) -> None:
    place = vault.place
    vault.close()
    shutil.rmtree(place.keys)
    for act in (
        lambda: Vault.open(place, OWN),
        lambda: Vault.create(place, [OWN], NewPerson("Eve", "owner", [EVE])),
    ):
        with pytest.raises(IntegrityError, match="put back a copy"):
            act()
    shutil.rmtree(place.data)
    with pytest.raises(PenjingError, match="vault init"):
        Vault.open(place, OWN)


def test_a_copy_without_its_empty_folder_of_locks_opens(vault: Vault, tmp_path: Path) -> None:
    say(vault, "kept")
    shutil.copytree(vault.place.root, tmp_path / "there")
    shutil.rmtree(tmp_path / "there" / "locks")
    with Vault.open(Place(tmp_path / "there"), OWN) as there:
        assert said(there) == ["kept"]


def test_a_log_that_lies_beside_a_database_is_not_believed(vault: Vault) -> None:
    """SQLite reads a write-ahead log wherever one lies."""
    say(vault, "kept")
    path, log = of(vault), of(vault).with_name(f"{of(vault).name}-wal")
    log.write_bytes(b"")
    with pytest.raises(IntegrityError, match="-wal: move that away"):
        vault.unlock("Anna", ANNA)
    log.unlink()
    plain = sqlite3.connect(path.with_name("plain.db"))
    plain.execute("CREATE TABLE turn (x)")
    plain.close()
    kept = path.read_bytes()
    shutil.copy(path.with_name("plain.db"), path)
    with pytest.raises(IntegrityError, match="damaged"):
        vault.unlock("Anna", ANNA)
    path.write_bytes(kept)
    assert said(vault) == ["kept"]


def test_what_it_would_say_names_what_to_do(tmp_path: Path) -> None:
    assert "restore DIR" in str(outside.complaint(tmp_path / "a.db"))
    assert outside.remedy(Path("accounts.1.db")) == (
        "run penjing vault restore to salvage what is readable"
    )
    assert "--person NAME" in str(database.damaged(Path("a.1.db")))
