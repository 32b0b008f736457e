"""Several processes on one vault: nothing acknowledged is lost, and whoever is refused is told why.

Longer, and with more chance: `python tests/siege --only processes`.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from pathlib import Path

import crowd
import pytest
from members import ANNA, BEN, OWN

from penjing.core.errors import BadInput, StorageError
from penjing.vault import box, comeback, slots
from penjing.vault.migrations import PERSON
from penjing.vault.vault import Vault


@pytest.mark.parametrize("how", [[], ["kill"]])
def test_everybody_at_once(tmp_path: Path, how: list[str]) -> None:
    words = [sys.executable, crowd.__file__, str(tmp_path), "3", "1", *how]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["wrong"] == []
    assert report["turns"] > 0


def test_slots_that_were_read_before_a_rotation_are_not_believed_after_it(vault: Vault) -> None:
    """It would say that the database is gone, or take the newer one for a leftover."""
    subject = vault.accounts.require("Anna").id
    known = slots.load(vault.place, subject)
    key = slots.open_slots(known, ANNA)
    vault.rotate("Anna", ANNA, [BEN])
    with pytest.raises(StorageError, match="just changed by another penjing"):
        box.open_with(vault.place, known, key, PERSON)
    vault.unlock("Anna", BEN).close()


def test_a_code_never_takes_the_place_of_a_newer_key(vault: Vault) -> None:
    """While a key is rotated nobody recovers, and afterwards the old code is of no use here."""
    place, subject = vault.place, vault.accounts.require("Anna").id
    code = vault.recovery_code("Anna", ANNA)
    from penjing.vault.locks import alone

    with alone(place, subject), pytest.raises(StorageError, match="in use"):
        vault.recover("Anna", code, BEN)
    old = place.database(subject, 1).read_bytes()
    vault.rotate("Anna", ANNA, [BEN])
    place.database(subject, 1).write_bytes(old)  # as a rotation that is cut off at its end
    with pytest.raises(BadInput, match="use the newest"):
        vault.recover("Anna", code, ANNA)
    vault.unlock("Anna", BEN).close()


def test_opening_while_somebody_is_being_wiped(vault: Vault) -> None:
    """The one who opens leaves it to the other."""
    from penjing.vault import wipe
    from penjing.vault.locks import alone

    place, subject = vault.place, vault.accounts.require("Ben").id
    wipe.remember(place, [subject])
    opened: list[int] = []

    def other() -> None:
        with Vault.open(place, OWN) as again:
            opened.append(len(again.accounts.people()))

    with alone(place, subject):
        thread = threading.Thread(target=other)
        thread.start()
        thread.join(20)
    assert opened == [1]


def test_a_backup_restored_under_another_path_needs_nothing_of_the_old_one(
    vault: Vault, tmp_path: Path
) -> None:
    comeback.backup(vault, tmp_path / "b")
    code, annas = comeback.accounts_code(vault.place, OWN), vault.recovery_code("Anna", ANNA)
    vault.close()
    (tmp_path / "moved 到别处").mkdir()
    moved = (tmp_path / "b").rename(tmp_path / "moved 到别处" / "a backup?mode=memory#x")
    there = type(vault.place)(tmp_path / "an other%20home?" / "vault")
    comeback.restore_elsewhere(there, moved, code, BEN)
    with Vault.open(there, BEN) as again:
        again.recover("Anna", annas, ANNA)
        again.unlock("Anna", ANNA).close()
        assert {finding.subject for finding in again.verify()} == {again.accounts.require("Ben").id}
