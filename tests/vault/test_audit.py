"""The audit log: any change, removal or cut is found."""

from __future__ import annotations

import json

import pytest
from members import ANNA, OWN

from penjing.core.errors import IntegrityError, StorageError
from penjing.vault import disk
from penjing.vault.audit import Head
from penjing.vault.vault import Vault


def changed(vault: Vault, statement: str) -> None:
    with vault.accounts.database.writing() as connection:
        connection.execute(statement)


def test_a_whole_log_is_whole(vault: Vault) -> None:
    entries = vault.accounts.audit.entries()
    assert [entry.event for entry in entries] == ["vault made", "person added", "person added"]
    head = vault.accounts.audit.verify()
    assert head == Head(3, entries[-1].hash)
    vault.unlock("Anna", ANNA).close()
    assert vault.accounts.audit.verify(head).count == 4


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit SET event = 'nothing' WHERE number = 2",
        "UPDATE audit SET who = 'somebody' WHERE number = 3",
        "UPDATE audit SET at = '2020-01-01' WHERE number = 1",
        "UPDATE audit SET object = '' WHERE number = 2",
        "DELETE FROM audit WHERE number = 1",
        "DELETE FROM audit WHERE number = 2",
        "DELETE FROM audit WHERE number = 3",
        "DELETE FROM audit",
    ],
)
def test_any_change_is_found(vault: Vault, statement: str) -> None:
    changed(vault, statement)
    with pytest.raises(IntegrityError, match="audit log was"):
        vault.accounts.audit.verify()
    assert any("audit" in finding.what for finding in vault.verify())


def test_a_head_that_was_made_up_or_removed_is_found(vault: Vault) -> None:
    changed(vault, "DELETE FROM audit WHERE number = 3")
    last = vault.accounts.audit.entries()[-1]
    forged = {"count": last.number, "hash": last.hash, "mac": "0" * 64}
    disk.write_durably(vault.place.head, json.dumps(forged, sort_keys=True).encode())
    with pytest.raises(IntegrityError, match="not known"):
        vault.accounts.audit.verify()
    vault.place.head.unlink()
    with pytest.raises(IntegrityError, match="not known"):
        vault.accounts.audit.verify()


def test_who_noted_the_head_finds_even_a_log_that_was_rewritten_with_the_key(vault: Vault) -> None:
    noted = vault.accounts.audit.verify()
    changed(vault, "DELETE FROM audit WHERE number = 3")
    vault.accounts.audit.append("operator", "something else")
    vault.accounts.audit.write_head(anew=True)
    vault.accounts.audit.verify()
    with pytest.raises(IntegrityError, match="cut or changed"):
        vault.accounts.audit.verify(noted)


def test_a_head_that_a_crash_left_behind_is_no_alarm(vault: Vault) -> None:
    before = vault.place.head.read_bytes()
    vault.accounts.audit.append("operator", "one more")
    vault.place.head.write_bytes(before)
    assert vault.accounts.audit.verify().count == 4


def test_what_killed_processes_left_beside_the_head_goes(vault: Vault) -> None:
    left = vault.place.data / ".audit.head.abc.tmp"
    left.write_text("half")
    vault.accounts.audit.append("operator", "one more")
    assert not left.exists()


def test_the_log_does_not_hold_ids_in_the_clear(vault: Vault) -> None:
    ben = vault.accounts.require("Ben")
    assert all(ben.id not in entry.object for entry in vault.accounts.audit.entries())


def test_a_log_that_cannot_be_written_keeps_nobody_out(
    vault: Vault, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise StorageError("the disk is full")

    monkeypatch.setattr(vault.accounts.audit, "append", full)
    vault.unlock("Anna", ANNA).close()
    assert vault.notes == ["'unlocked' is not in the audit log: the disk is full"]


def test_the_log_survives_another_key(vault: Vault) -> None:
    from penjing.vault.vault import rotate_accounts

    head, place = vault.accounts.audit.verify(), vault.place
    vault.close()
    rotate_accounts(place, OWN, [ANNA])
    with Vault.open(place, ANNA) as again:
        assert again.accounts.audit.verify(head) == head
