"""Backups: whole, encrypted, consistent while the vault is in use, and never more than a copy."""

from __future__ import annotations

import itertools
import json
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from members import ANNA, BEN, OWN

from penjing.core.errors import BadInput, IntegrityError, StorageError, WrongPassphrase
from penjing.core.messages import Message
from penjing.vault import comeback, disk, wipe
from penjing.vault.access import operator
from penjing.vault.envelope import LEAST
from penjing.vault.person import PersonStore
from penjing.vault.place import ACCOUNTS, Place
from penjing.vault.secrets import Passphrase
from penjing.vault.vault import NewPerson, Vault, rotate_accounts

NEW = Passphrase("other words than before", LEAST)


def say(store: PersonStore, *texts: str) -> str:
    session = store.history.begin("kept")
    for text in texts:
        store.history.append_turn(session.id, Message.of("user", text))
    return session.id


def said(vault: Vault, name: str, secret: Passphrase) -> list[str]:
    store = vault.unlock(name, secret)
    try:
        sessions = store.history.sessions()
        return [turn.message.text for one in sessions for turn in store.history.turns(one.id)]
    finally:
        store.close()


def test_a_backup_brings_back_what_was(vault: Vault, tmp_path: Path) -> None:
    anna = vault.unlock("Anna", ANNA)
    session = say(anna, "before")
    made = comeback.backup(vault, tmp_path / "b")
    assert sorted(path.name for path in (tmp_path / "b").iterdir()) == sorted(
        [*made.files, "manifest.json"]
    )
    anna.history.append_turn(session, Message.of("user", "after"))
    anna.close()
    returned = comeback.restore(vault, tmp_path / "b")
    assert (len(returned.restored.subjects), returned.restored.damaged) == (2, ())
    assert returned.restored.proven
    assert said(vault, "Anna", ANNA) == ["before"]
    assert vault.verify() == []
    vault.accounts.audit.verify()


KILLED = """
import os, signal, sys
sys.path.insert(0, sys.argv[2])
from collections.abc import Iterator
from pathlib import Path
from members import ANNA, OWN
from penjing.vault.place import Place
from penjing.vault.vault import Vault
store = Vault.open(Place(Path(sys.argv[1])), OWN).unlock("Anna", ANNA)
with store.database.writing() as connection:
    connection.execute("PRAGMA cache_size = 5")
    connection.execute("UPDATE turn SET text = hex(randomblob(20000))")
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_what_a_crash_left_half_written_is_backed_up_with_its_journal(
    vault: Vault, tmp_path: Path
) -> None:
    anna = vault.unlock("Anna", ANNA)
    texts = [f"{number} " + "x" * 3000 for number in range(60)]
    say(anna, *texts)
    path = anna.database.path
    anna.close()
    words = [sys.executable, "-c", KILLED, str(vault.place.root), str(Path(__file__).parent)]
    assert subprocess.run(words, check=False).returncode == -9
    made = comeback.backup(vault, tmp_path / "b")
    assert f"{path.name}-journal" in made.files
    assert said(vault, "Anna", ANNA) == texts
    comeback.restore(vault, tmp_path / "b")
    assert said(vault, "Anna", ANNA) == texts
    assert vault.verify() == []


def test_without_its_journal_it_would_be_damaged(vault: Vault, tmp_path: Path) -> None:
    anna = vault.unlock("Anna", ANNA)
    say(anna, *(f"{number} " + "x" * 3000 for number in range(60)))
    path = anna.database.path
    anna.close()
    words = [sys.executable, "-c", KILLED, str(vault.place.root), str(Path(__file__).parent)]
    subprocess.run(words, check=False)
    path.with_name(f"{path.name}-journal").unlink()
    try:
        store = vault.unlock("Anna", ANNA)
    except IntegrityError:
        return
    assert vault.verify([store]) != []
    store.close()


def test_somebody_whose_adding_was_cut_off_gets_a_name(
    vault: Vault, monkeypatch: pytest.MonkeyPatch
) -> None:
    def cut(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(vault.accounts, "add", cut)
        with pytest.raises(KeyboardInterrupt):
            vault.add_person(operator(), NewPerson("Eve", "guest", [NEW]))
    assert [finding.what[:12] for finding in vault.verify()] == ["is nobody's "]
    place = vault.place
    vault.close()
    assert comeback.mend_accounts(place, OWN) is None
    with Vault.open(place, OWN) as again:
        assert again.verify() == []
        name = again.accounts.people()[-1].name
        assert name.startswith("person-")
        again.wipe(operator(), name)
        assert again.verify() == []


def test_no_key_and_no_name_is_in_it(vault: Vault, tmp_path: Path) -> None:
    comeback.backup(vault, tmp_path / "b")
    assert not list((tmp_path / "b").glob("*.slot"))
    for path in (tmp_path / "b").iterdir():
        assert b"Anna" not in path.read_bytes()
        assert path.stat().st_mode & 0o777 == 0o600


def test_it_is_consistent_while_somebody_writes(vault: Vault, tmp_path: Path) -> None:
    anna = vault.unlock("Anna", ANNA)
    session = say(anna)
    stop = threading.Event()

    def write() -> None:
        number = 0
        while not stop.is_set():
            number += 1
            anna.history.append_turn(session, Message.of("user", f"{number} " + "x" * 9000))
            stop.wait(0.001)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for number in range(5):
            comeback.backup(vault, tmp_path / str(number))
    finally:
        stop.set()
        writer.join()
    anna.close()
    for number in range(5):
        comeback.restore(vault, tmp_path / str(number))
        store = vault.unlock("Anna", ANNA)
        turns = store.history.turns(session)
        assert [turn.number for turn in turns] == list(range(1, len(turns) + 1))
        assert vault.verify([store]) == []
        store.close()


def test_it_waits_for_the_end_of_a_transaction(vault: Vault, tmp_path: Path) -> None:
    anna = vault.unlock("Anna", ANNA)
    copying = threading.Thread(target=comeback.backup, args=(vault, tmp_path / "b"))
    with anna.database.writing() as connection:
        connection.execute("INSERT INTO setting VALUES (1, 'setting', 'x', 'x', 'x')")
        copying.start()
        copying.join(0.3)
        assert copying.is_alive()
        assert not (tmp_path / "b").exists()
    copying.join(30)
    assert (tmp_path / "b").exists()
    anna.close()


def test_a_backup_of_before_a_rotation_is_restored_under_the_new_key(
    vault: Vault, tmp_path: Path
) -> None:
    anna = vault.unlock("Anna", ANNA)
    say(anna, "before")
    anna.close()
    comeback.backup(vault, tmp_path / "b")
    for old, new in ((ANNA, NEW), (NEW, BEN), (BEN, NEW)):
        vault.rotate("Anna", old, [new])
    comeback.restore(vault, tmp_path / "b")
    with pytest.raises(WrongPassphrase):
        vault.unlock("Anna", ANNA)
    assert said(vault, "Anna", NEW) == ["before"]
    subject = vault.accounts.require("Anna").id
    assert vault.place.generations(subject) == [4]


@pytest.mark.parametrize("journal", [False, True])
def test_a_restoring_that_was_cut_off_is_finished_by_whoever_comes_next(
    vault: Vault, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, journal: bool
) -> None:
    """At every step, and without the person's own passphrase."""
    anna = vault.unlock("Anna", ANNA)
    texts = [f"{number} " + "x" * 3000 for number in range(60)]
    say(anna, *texts)
    anna.close()
    if journal:
        words = [sys.executable, "-c", KILLED, str(vault.place.root), str(Path(__file__).parent)]
        subprocess.run(words, check=False)
    comeback.backup(vault, tmp_path / "b")
    before = vault.place
    vault.close()
    real, outcomes = disk.sync_folder, []
    for last in itertools.count(1):
        copy, steps = Place(tmp_path / str(last)), itertools.count(1)
        shutil.copytree(before.root, copy.root)

        def step(path: Path, steps: Iterator[int] = steps, last: int = last) -> None:
            if next(steps) == last:
                raise KeyboardInterrupt
            real(path)

        with Vault.open(copy, OWN) as once, monkeypatch.context() as patch:
            patch.setattr(disk, "sync_folder", step)
            try:
                comeback.restore(once, tmp_path / "b")
                done = True
            except KeyboardInterrupt:
                done = False
        with Vault.open(copy, OWN) as again:
            outcomes.append(again.verify())
            assert said(again, "Anna", ANNA) == texts
            assert said(again, "Ben", BEN) == []
        shutil.rmtree(copy.root)
        if done:
            break
    assert outcomes == [[]] * len(outcomes)
    assert len(outcomes) > 6


def test_who_was_added_since_stays_and_who_was_lost_returns(vault: Vault, tmp_path: Path) -> None:
    ben = vault.accounts.require("Ben")
    comeback.backup(vault, tmp_path / "b")
    vault.add_person(operator(), NewPerson("Eve", "guest", [NEW]))
    with vault.accounts.database.writing() as connection:  # as a salvage that lost a row would
        connection.execute("DELETE FROM person WHERE id = ?", (ben.id,))
    returned = comeback.restore(vault, tmp_path / "b")
    assert [person.name for person in returned.people] == ["Ben"]
    assert {person.name for person in vault.accounts.people()} == {"Anna", "Ben", "Eve"}
    assert said(vault, "Ben", BEN) == []
    assert said(vault, "Eve", NEW) == []


def test_on_another_machine_it_needs_the_recovery_codes(vault: Vault, tmp_path: Path) -> None:
    anna = vault.unlock("Anna", ANNA)
    say(anna, "kept")
    anna.close()
    codes = comeback.accounts_code(vault.place, OWN), vault.recovery_code("Anna", ANNA)
    comeback.backup(vault, tmp_path / "b")
    there = Place(tmp_path / "elsewhere" / "vault")
    mistyped = codes[0][:-1] + ("B" if codes[0].endswith("A") else "A")
    with pytest.raises(BadInput, match="typing mistake"):
        comeback.restore_elsewhere(there, tmp_path / "b", mistyped, NEW)
    with pytest.raises(BadInput, match="not of the database"):
        comeback.restore_elsewhere(there, tmp_path / "b", codes[1], NEW)
    comeback.restore_elsewhere(there, tmp_path / "b", codes[0].lower().replace("-", " "), NEW)
    with Vault.open(there, NEW) as vault_there:
        with pytest.raises(IntegrityError, match="vault user recover"):
            vault_there.unlock("Anna", ANNA)
        with pytest.raises(BadInput, match="not of the database"):
            vault_there.recover("Ben", codes[1], BEN)
        vault_there.recover("Anna", codes[1], BEN)
        assert said(vault_there, "Anna", BEN) == ["kept"]
        vault_there.accounts.audit.verify()
        names = [finding.what for finding in vault_there.verify()]
        assert len(names) == 2  # Ben's slots: no code was used for him
        assert all("slot" in name or "wrong" in name for name in names)
    with pytest.raises(BadInput, match="already"):
        comeback.restore_elsewhere(there, tmp_path / "b", codes[0], NEW)


def test_a_forgotten_passphrase_is_replaced_by_the_code(vault: Vault) -> None:
    anna = vault.unlock("Anna", ANNA)
    say(anna, "kept")
    anna.close()
    code = vault.recovery_code("Anna", ANNA)
    assert len(code.replace("-", "")) == 64
    vault.recover("Anna", code, NEW)
    with pytest.raises(WrongPassphrase):
        vault.unlock("Anna", ANNA)
    assert said(vault, "Anna", NEW) == ["kept"]
    vault.rotate("Anna", NEW, [ANNA])
    with pytest.raises(BadInput, match="use the newest"):
        vault.recover("Anna", code, NEW)


def test_a_backup_whose_accounts_key_was_rotated_away_is_still_known(
    vault: Vault, tmp_path: Path
) -> None:
    place = vault.place
    comeback.backup(vault, tmp_path / "b")
    vault.close()
    rotate_accounts(place, OWN, [NEW])
    with Vault.open(place, NEW) as again:
        assert comeback.restore(again, tmp_path / "b").restored.proven


def test_a_changed_manifest_is_told(vault: Vault, tmp_path: Path) -> None:
    comeback.backup(vault, tmp_path / "b")
    manifest = tmp_path / "b" / "manifest.json"
    document = json.loads(manifest.read_text())
    document["made"] = "2020-01-01T00:00:00+00:00"
    manifest.write_text(json.dumps(document))
    restored = comeback.restore(vault, tmp_path / "b").restored
    assert not restored.proven
    manifest.write_text("{")
    restored = comeback.restore(vault, tmp_path / "b").restored
    assert restored.damaged == ("manifest.json",)
    assert len(restored.subjects) == 2


def test_a_name_in_a_manifest_leads_nowhere(vault: Vault, tmp_path: Path) -> None:
    comeback.backup(vault, tmp_path / "b")
    manifest = tmp_path / "b" / "manifest.json"
    document = json.loads(manifest.read_text())
    strange = dict.fromkeys(("../../evil.1.db", f"../{ACCOUNTS}.1.db", "/dev/zero", "x"), "0")
    document["files"] = {**strange, **document["files"]}
    manifest.write_text(json.dumps(document))
    restored = comeback.restore(vault, tmp_path / "b").restored
    assert (len(restored.subjects), restored.damaged) == (2, ())
    assert not list(tmp_path.rglob("evil*"))


def test_what_is_in_the_way_or_no_backup_is_refused(vault: Vault, tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    with pytest.raises(BadInput, match="new folder"):
        comeback.backup(vault, tmp_path / "b")
    with pytest.raises(BadInput, match="no backup"):
        comeback.restore(vault, tmp_path / "b")
    with pytest.raises(BadInput, match="no backup"):
        comeback.restore(vault, tmp_path / "nowhere")


def test_nothing_is_restored_under_somebodys_hands(vault: Vault, tmp_path: Path) -> None:
    comeback.backup(vault, tmp_path / "b")
    anna = vault.unlock("Anna", ANNA)
    with pytest.raises(StorageError, match="in use"):
        comeback.restore(vault, tmp_path / "b")
    with pytest.raises(StorageError, match="in use"):
        vault.rotate("Anna", ANNA, [NEW])
    vault.accounts.set_role(operator(), vault.accounts.require("Ben"), "owner")
    with pytest.raises(StorageError, match="in use"):
        vault.wipe(operator(), "Anna")
    assert wipe.gone(vault.place) == set()
    anna.close()
    assert said(vault, "Anna", ANNA) == []


def test_a_wipe_that_was_cut_off_is_finished_when_the_vault_is_opened(
    vault: Vault, monkeypatch: pytest.MonkeyPatch
) -> None:
    from penjing.vault import box

    ben, place = vault.accounts.require("Ben"), vault.place

    def cut(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(box, "destroy", cut)
        with pytest.raises(KeyboardInterrupt):
            vault.wipe(operator(), "Ben")
    assert place.slots(ben.id)[0].exists()
    vault.close()
    with Vault.open(place, OWN) as again:
        assert [person.name for person in again.accounts.people()] == ["Anna"]
        assert again.verify() == []
    assert not list(place.root.rglob(f"{ben.id}.*.db"))
    assert not any(path.exists() for path in place.slots(ben.id))


def test_wiping_everything_leaves_nothing(vault: Vault) -> None:
    place = vault.place
    with pytest.raises(StorageError, match="in use"):
        wipe.wipe_all(place)
    vault.close()
    wipe.wipe_all(place)
    assert not place.root.exists()
