"""A journal is played back when it is this database's own, and never otherwise."""

from __future__ import annotations

import os
import random
import shutil
import signal
from pathlib import Path

import pytest

from penjing.core.errors import IntegrityError
from penjing.vault.database import connect
from penjing.vault.envelope import Key
from penjing.vault.outside import PAGE

OURS, THEIRS = b"k" * 32, b"o" * 32


def crashed(path: Path, key: bytes, rows: int = 120) -> Path:
    """A database whose writer died half way through; its journal."""
    child = os.fork()
    if child == 0:
        try:
            connection = connect(path, Key(key), new=True)
            connection.execute("PRAGMA synchronous = EXTRA")  # tests hurry, see conftest.py
            connection.execute("CREATE TABLE t (x)")
            connection.execute("PRAGMA user_version = 1")
            connection.execute("BEGIN")
            for number in range(rows):
                connection.execute("INSERT INTO t VALUES (?)", (f"{number} " + "x" * 1000,))
            connection.execute("COMMIT")
            connection.execute("PRAGMA cache_size = 5")
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("UPDATE t SET x = hex(randomblob(1500))")
            os.kill(os.getpid(), signal.SIGKILL)
        finally:
            os._exit(3)
    assert os.waitpid(child, 0)[1] == signal.SIGKILL
    journal = path.with_name(f"{path.name}-journal")
    assert journal.stat().st_size > PAGE
    return journal


def rows(path: Path, key: bytes) -> list[str]:
    connection = connect(path, Key(key))
    try:
        return [row[0] for row in connection.execute("SELECT x FROM t ORDER BY rowid").fetchall()]
    finally:
        connection.close()


RIGHT = [f"{number} " + "x" * 1000 for number in range(120)]


def test_its_own_undoes_what_was_cut_off(tmp_path: Path) -> None:
    journal = crashed(tmp_path / "a.db", OURS)
    assert rows(tmp_path / "a.db", OURS) == RIGHT
    assert not journal.exists()


def test_a_file_that_a_crash_cut_short_is_healed_by_its_journal(tmp_path: Path) -> None:
    """As when a file shrinks and the power goes before the journal does."""
    crashed(tmp_path / "a.db", OURS)
    data = (tmp_path / "a.db").read_bytes()
    (tmp_path / "a.db").write_bytes(data + b"torn")
    assert rows(tmp_path / "a.db", OURS) == RIGHT


def test_anothers_is_refused_and_both_files_are_left(tmp_path: Path) -> None:
    crashed(tmp_path / "a.db", OURS)
    assert rows(tmp_path / "a.db", OURS) == RIGHT
    theirs = crashed(tmp_path / "b.db", THEIRS)
    shutil.copy(theirs, tmp_path / "a.db-journal")
    before = (tmp_path / "a.db").read_bytes()
    with pytest.raises(IntegrityError, match="pages of another database: move it away"):
        connect(tmp_path / "a.db", Key(OURS))
    assert (tmp_path / "a.db").read_bytes() == before
    assert (tmp_path / "a.db-journal").read_bytes() == theirs.read_bytes()


def test_one_that_would_cut_the_file_is_refused(tmp_path: Path) -> None:
    """A header alone says how long the file was: nothing seals it."""
    journal = crashed(tmp_path / "a.db", OURS)
    data = bytearray(journal.read_bytes())
    for pages in (1, 3, 2**31):
        data[16:20] = pages.to_bytes(4, "big")
        journal.write_bytes(data)
        with pytest.raises(IntegrityError, match="another time"):
            connect(tmp_path / "a.db", Key(OURS))


def test_one_of_pages_of_another_size_or_that_names_others_is_refused(tmp_path: Path) -> None:
    journal = crashed(tmp_path / "a.db", OURS)
    data = journal.read_bytes()
    for wrong in (data[:24] + (1024).to_bytes(4, "big") + data[28:], data + data[:8]):
        journal.write_bytes(wrong)
        with pytest.raises(IntegrityError, match="not written by penjing"):
            connect(tmp_path / "a.db", Key(OURS))


def test_no_flipped_bit_in_a_journal_is_believed(tmp_path: Path) -> None:
    """What opens is what was there before the crash, or nothing opens."""
    journal, chance = crashed(tmp_path / "a.db", OURS), random.Random(4)
    path, held = tmp_path / "a.db", (tmp_path / "a.db").read_bytes()
    whole, refused = journal.read_bytes(), 0
    places = [
        *range(28),
        *range(512, 516),
        *second(whole),
        *(chance.randrange(512, len(whole)) for _ in range(40)),
    ]
    for at in places:
        if at > 512 and whole.startswith(whole[:8], at - at % 512) and at % 512 < 8:
            continue  # a later header: that there is one more is nothing that can be seen
        data = bytearray(whole)
        data[at] ^= 1 << chance.randrange(8)
        path.write_bytes(held)
        journal.write_bytes(data)
        try:
            found = rows(path, OURS)
        except IntegrityError:
            refused += 1
        else:
            assert found == RIGHT, at
    assert refused > len(places) - 20


def second(data: bytes) -> range:
    """Where the second header of a journal is: one follows each time that it was synced."""
    at = data.index(data[:8], 512)
    return range(at, at + 20)


@pytest.mark.parametrize("data", [b"", b"\0" * 9000])
def test_what_never_came_to_the_disk_does_no_harm(tmp_path: Path, data: bytes) -> None:
    crashed(tmp_path / "a.db", OURS)
    assert rows(tmp_path / "a.db", OURS) == RIGHT
    (tmp_path / "a.db-journal").write_bytes(data)
    assert rows(tmp_path / "a.db", OURS) == RIGHT
