"""A flipped byte anywhere is noticed, and all that it did not hit is kept."""

from __future__ import annotations

import random
import shutil
from pathlib import Path

import pytest
from members import ANNA, OWN

from penjing.core.errors import IntegrityError
from penjing.core.history import Excerpt
from penjing.core.messages import Message
from penjing.vault import comeback
from penjing.vault.btree_rows import _varint
from penjing.vault.cipher_pages import pages
from penjing.vault.outside import PAGE
from penjing.vault.person import PersonStore
from penjing.vault.place import Place
from penjing.vault.salvage import SALVAGED
from penjing.vault.vault import Vault

TURNS = 90


def text(number: int) -> str:
    return f"turn {number} " + "day after day " * (number % 7 * 60)


def fill(store: PersonStore) -> str:
    session = store.history.begin("diary")
    for number in range(1, TURNS + 1):
        store.history.append_turn(session.id, Message.of("user", text(number)))
    document = store.documents.add("a.bin", "application/octet-stream", bytes(range(256)) * 500)
    store.documents.put_excerpts(document.id, [Excerpt("an excerpt", "1", b"\0\1")])
    store.settings.put("language", "zh")
    return session.id


@pytest.fixture
def filled(vault: Vault) -> tuple[Vault, Path, str]:
    store = vault.unlock("Anna", ANNA)
    session = fill(store)
    path = store.database.path
    store.close()
    return vault, path, session


def flip(path: Path, at: int, bit: int = 0) -> None:
    data = bytearray(path.read_bytes())
    data[at] ^= 1 << bit
    path.write_bytes(data)


def noticed(vault: Vault) -> bool:
    """Whether opening or verifying says that something is wrong."""
    try:
        store = vault.unlock("Anna", ANNA)
    except IntegrityError:
        return True
    try:
        return bool(vault.verify([store]))
    finally:
        store.close()


def kept(vault: Vault) -> dict[int, str]:
    store = vault.unlock("Anna", ANNA)
    try:
        assert vault.verify([store]) == []
        sessions = store.history.sessions()
        turns = [turn for one in sessions for turn in store.history.turns(one.id)]
        for turn in turns[::20]:  # the index is that of the turns
            assert store.history.search(f"turn {turn.number}")
        return {turn.number: turn.message.text for turn in turns}
    finally:
        store.close()


def test_a_flipped_bit_anywhere_in_the_database_is_noticed_and_costs_little(
    filled: tuple[Vault, Path, str],
) -> None:
    vault, path, _ = filled
    whole, rng = path.read_bytes(), random.Random(5)
    places = [0, 7, 15, 16, 17, 40, 100, PAGE - 1, PAGE, len(whole) - 1]
    places += [rng.randrange(len(whole)) for _ in range(6)]
    right = {number: text(number) for number in range(1, TURNS + 1)}
    for at in places:
        path.write_bytes(whole)
        flip(path, at, rng.randrange(8))
        assert noticed(vault), at
        report = comeback.mend_person(vault, "Anna", ANNA)
        assert report is not None, at
        assert report.damaged == (() if at < 16 else (at // PAGE + 1,))
        found = kept(vault)
        assert found.items() <= right.items(), at
        # a page holds at most a handful of turns, or an overflow of one
        assert len(found) >= TURNS - 30, at
        assert len(found) + report.broken + report.turns_missing >= TURNS - 30
        assert not noticed(vault), at


def test_the_first_page_and_the_roots_may_be_gone(filled: tuple[Vault, Path, str]) -> None:
    vault, path, _ = filled
    size = path.stat().st_size
    for number in range(min(12, size // PAGE)):  # schema and roots
        flip(path, number * PAGE + 50)
    assert noticed(vault)
    report = comeback.mend_person(vault, "Anna", ANNA)
    assert report is not None
    assert len(report.damaged) == 12
    found = kept(vault)
    assert len(found) > TURNS // 2
    assert all(found[number] == text(number) for number in found)
    store = vault.unlock("Anna", ANNA)
    assert {one.title for one in store.history.sessions()} <= {"diary", SALVAGED}
    store.close()


def test_a_file_that_was_cut_short_keeps_its_beginning(filled: tuple[Vault, Path, str]) -> None:
    vault, path, _ = filled
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2 + 100])
    assert noticed(vault)
    report = comeback.mend_person(vault, "Anna", ANNA)
    assert report is not None
    assert len(report.damaged) == 1
    assert len(kept(vault)) > 10


def test_what_was_added_behind_it_is_noticed(filled: tuple[Vault, Path, str]) -> None:
    vault, path, _ = filled
    path.write_bytes(path.read_bytes() + bytes(PAGE))
    assert noticed(vault)
    assert comeback.mend_person(vault, "Anna", ANNA) is not None
    assert len(kept(vault)) == TURNS


def test_a_page_of_yesterday_put_in_today_is_noticed_where_it_contradicts(
    filled: tuple[Vault, Path, str],
) -> None:
    """SQLCipher proves each page, not that all are of one time: structure has to."""
    vault, path, session = filled
    before = path.read_bytes()
    store = vault.unlock("Anna", ANNA)
    for number in range(TURNS + 1, TURNS + 40):
        store.history.append_turn(session, Message.of("user", text(number)))
    store.close()
    path.write_bytes(before[:PAGE] + path.read_bytes()[PAGE:])
    assert noticed(vault)


def test_a_whole_part_is_left_as_it_is(filled: tuple[Vault, Path, str]) -> None:
    vault, path, _ = filled
    before = path.read_bytes()
    assert comeback.mend_person(vault, "Anna", ANNA) is None
    assert path.read_bytes() == before


def test_the_damaged_file_is_kept_encrypted_and_goes_with_a_wipe(
    filled: tuple[Vault, Path, str],
) -> None:
    from penjing.vault.access import operator

    vault, path, _ = filled
    flip(path, 5000)
    damaged = path.read_bytes()
    comeback.mend_person(vault, "Anna", ANNA)
    aside = path.with_name(f".{path.name}.damaged")
    assert aside.read_bytes() == damaged
    assert aside.stat().st_mode & 0o777 == 0o600
    vault.wipe(operator(), "Ben")  # an owner goes last
    vault.wipe(operator(), "Anna")
    assert not aside.exists()


def test_a_damaged_backup_is_told_restored_and_salvaged(
    filled: tuple[Vault, Path, str], tmp_path: Path
) -> None:
    vault, path, _ = filled
    comeback.backup(vault, tmp_path / "b")
    flip(tmp_path / "b" / path.name, PAGE * 9 + 77)
    restored = comeback.restore(vault, tmp_path / "b").restored
    assert restored.damaged == (path.name,)
    assert noticed(vault)
    report = comeback.mend_person(vault, "Anna", ANNA)
    assert report is not None
    assert len(kept(vault)) >= TURNS - 30


def test_a_damaged_backup_of_an_earlier_key_is_salvaged_too(
    filled: tuple[Vault, Path, str], tmp_path: Path
) -> None:
    vault, path, _ = filled
    comeback.backup(vault, tmp_path / "b")
    vault.rotate("Anna", ANNA, [OWN])
    vault.rotate("Anna", OWN, [ANNA])
    flip(tmp_path / "b" / path.name, PAGE * 9 + 77)
    comeback.restore(vault, tmp_path / "b")
    assert comeback.mend_person(vault, "Anna", ANNA) is not None
    assert len(kept(vault)) >= TURNS - 30


def test_flipped_bits_in_every_other_file_are_noticed_and_mended(
    filled: tuple[Vault, Path, str], tmp_path: Path
) -> None:
    vault, _, _ = filled
    place = vault.place
    vault.close()
    rng = random.Random(3)
    files = [path for path in sorted(place.root.rglob("*")) if path.is_file()]
    files = [path for path in files if path.stat().st_size and not path.name.startswith("gone")]
    assert {path.suffix for path in files} == {".db", ".slot", ".spare", ".head"}
    bens = {path for path in files if path.suffix == ".db"} - {
        place.database("accounts", 1), filled[1],
    }  # fmt: skip
    for path in sorted(set(files) - bens - {filled[1]}):
        for _ in range(2):
            copy = tmp_path / "copy"
            if copy.exists():
                shutil.rmtree(copy)
            shutil.copytree(place.root, copy)
            here = Place(copy)
            flip(copy / path.relative_to(place.root), rng.randrange(path.stat().st_size))
            assert found_out(here), path
            comeback.mend_accounts(here, OWN)
            assert not found_out(here), path


def found_out(place: Place) -> bool:
    try:
        with Vault.open(place, OWN) as vault:
            return bool(vault.verify() or vault.notes)
    except IntegrityError:
        return True


def test_accounts_that_lost_somebody_still_let_them_in(filled: tuple[Vault, Path, str]) -> None:
    vault, _, _ = filled
    place = vault.place
    key = vault.accounts.database.key.raw()
    vault.close()
    path = place.database("accounts", 1)
    from penjing.vault.envelope import Key

    for page in list(pages(path, Key(key))):
        if page.data and b"Anna" in page.data and page.data[0] == 13:
            flip(path, (page.number - 1) * PAGE + 99)
    report = comeback.mend_accounts(place, OWN)
    assert report is not None
    with Vault.open(place, OWN) as again:
        names = [person.name for person in again.accounts.people()]
        assert len(names) == 2
        assert all(name.startswith("person-") for name in names)
        store = next(again.unlock(name, ANNA) for name in names if opens(again, name))
        assert len(store.history.turns(store.history.sessions()[0].id)) == TURNS
        store.close()
        again.accounts.audit.verify()


def opens(vault: Vault, name: str) -> bool:
    from penjing.core.errors import WrongPassphrase

    try:
        vault.unlock(name, ANNA).close()
    except WrongPassphrase:
        return False
    return True


@pytest.mark.parametrize(
    ("data", "value", "length"),
    [(b"\x00", 0, 1), (b"\x7f", 127, 1), (b"\x81\x00", 128, 2), (b"\xff" * 9, 2**64 - 1, 9)],
)
def test_varints(data: bytes, value: int, length: int) -> None:
    assert _varint(data + b"\x55", 0) == (value, length)


def test_rows_read_without_sqlite_are_those_that_sqlite_reads(
    filled: tuple[Vault, Path, str],
) -> None:
    from penjing.vault.btree_rows import rows

    vault, path, _ = filled
    store = vault.unlock("Anna", ANNA)
    plain = {page.number: page.data or b"" for page in pages(path, store.database.key)}
    for table in ("session", "turn", "setting", "document", "excerpt", "piece"):
        with store.database.reading() as connection:
            wanted = connection.execute(f"SELECT * FROM {table} ORDER BY 1").fetchall()
        found = [
            (row.number, *row.values[1:])
            for number, data in plain.items()
            for row in rows(number, data, plain.get)
            if row and len(row.values) > 1 and row.values[0] is None and row.values[1] == table
        ]
        assert sorted(found) == wanted
        assert wanted, table
    store.close()
