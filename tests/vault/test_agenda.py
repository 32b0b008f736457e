"""What is due lies with the accounts: open without anybody's key, sealed to everybody else."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import waking
from members import OWN

from penjing.core.agenda import Pending, read_pending
from penjing.core.errors import BadInput, FormatError
from penjing.vault import comeback
from penjing.vault.access import operator
from penjing.vault.agenda import VaultAgenda
from penjing.vault.archive import about
from penjing.vault.person import PersonStore
from penjing.vault.place import Place
from penjing.vault.vault import Vault

KILLS = 12


def pending(person: str, name: str = "one", at: float = 1.5) -> Pending:
    return Pending(name, person, "alarm", at, "07:00", ("mon", "tue"), past=(1.0, 0.1))


def test_one_takes_the_place_of_another_and_only_of_that_one(vault: Vault) -> None:
    anna, ben = (one.id for one in vault.accounts.people())
    agenda = VaultAgenda(vault.accounts.database)
    one, other = pending(anna), pending(ben, "other")
    assert agenda.change(None, one)
    assert agenda.change(None, other)
    assert not agenda.change(None, one)
    assert not agenda.change(None, None)
    assert list(agenda.all()) == [one, other]
    later = replace(one, at=2.5, sounding=True, rang=1.5)
    assert agenda.change(one, later)
    assert not agenda.change(one, replace(one, at=9.0))
    assert not agenda.change(one, None)
    assert list(agenda.of(anna)) == [later]
    assert agenda.change(later, None)
    assert not agenda.change(later, None)
    assert list(agenda.all()) == [other]


def test_it_is_known_without_a_persons_key_and_not_without_the_vaults(
    vault: Vault, place: Place
) -> None:
    person = vault.accounts.people()[0].id
    VaultAgenda(vault.accounts.database).change(None, pending(person, "a-name-to-look-for"))
    vault.close()
    for path in place.everything():
        assert not path.is_file() or b"a-name-to-look-for" not in path.read_bytes()
    with Vault.open(place, OWN) as again:
        assert [one.id for one in VaultAgenda(again.accounts.database).all()] == [
            "a-name-to-look-for"
        ]


def test_who_is_wiped_is_due_nothing(vault: Vault) -> None:
    anna, ben = (one.id for one in vault.accounts.people())
    agenda = VaultAgenda(vault.accounts.database)
    agenda.change(None, pending(anna))
    agenda.change(None, pending(ben, "other"))
    vault.wipe(operator(), "Ben")
    assert [one.person for one in agenda.all()] == [anna]
    with vault.accounts.database.reading() as connection:
        assert connection.execute("SELECT count(*) FROM due").fetchone()[0] == 1
    with pytest.raises(BadInput, match="not there any more"):
        agenda.change(None, pending(ben, "again"))


def test_a_person_is_given_what_is_due_for_them_and_nobody_elses(
    vault: Vault, anna: PersonStore
) -> None:
    agenda = VaultAgenda(vault.accounts.database)
    for person in vault.accounts.people():
        agenda.change(None, pending(person.id, f"of {person.name}"))
    found = json.loads(json.dumps(about(anna, vault.accounts)))["due"]
    assert [(one["id"], one["time"]) for one in found] == [("of Anna", "07:00")]


def test_it_is_salvaged_with_the_accounts(vault: Vault, place: Place) -> None:
    person = vault.accounts.people()[0].id
    VaultAgenda(vault.accounts.database).change(None, pending(person))
    vault.close()
    with place.database("accounts", 1).open("ab") as file:
        file.write(bytes(4096))
    report = comeback.mend_accounts(place, OWN)
    assert report is not None
    assert report.kept["due"] == 1
    with Vault.open(place, OWN) as again:
        assert list(VaultAgenda(again.accounts.database).all()) == [pending(person)]


@pytest.mark.parametrize(
    "wrong",
    [
        {"kind": "bell"}, {"at": "seven"}, {"days": 5}, {"past": ["x"]}, {"untold": None},
        {"sounding": 1}, {"more": 1}, {"id": None},
    ],
)  # fmt: skip
def test_what_is_none_is_refused(wrong: dict[str, object]) -> None:
    from dataclasses import asdict

    right = asdict(pending("anna"))
    assert read_pending(json.loads(json.dumps(right))) == pending("anna")
    with pytest.raises(FormatError, match="cannot be read"):
        read_pending({**right, **wrong})


@pytest.mark.skipif(not hasattr(__import__("os"), "fork"), reason="children are forked")
def test_whoever_is_killed_when_each_alarm_rings_once_and_is_told_once(tmp_path: Path) -> None:
    """All 1,000: `benchmarks/vault.py`."""
    words = [sys.executable, waking.__file__, str(tmp_path), str(KILLS), "1"]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["wrong"] == []
    assert {"set", "rang"} <= report["acknowledged"].keys()
