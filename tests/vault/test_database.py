"""How a database is opened, and what each refusal of the disk is called."""

from __future__ import annotations

import importlib
import re
import sys
from pathlib import Path

import pytest

from penjing.core.errors import IntegrityError, MissingExtra, PenjingError, StorageError
from penjing.vault import database
from penjing.vault.cipher_pages import raw_key
from penjing.vault.database import Database, connect, damage
from penjing.vault.envelope import Key
from penjing.vault.locks import Lock

WANTED = {
    "synchronous": 3,
    "journal_mode": "delete",
    "secure_delete": 1,
    "temp_store": 2,
    "mmap_size": 0,
    "foreign_keys": 1,
    "trusted_schema": 0,
    "cipher_memory_security": "1",
    "cipher_page_size": "4096",
    "cipher_use_hmac": "1",
}
"""synchronous 3 is EXTRA: the folder is synced after the journal was unlinked."""


def test_every_connection_is_durable_and_private(tmp_path: Path) -> None:
    source = Path(database.__file__).read_text()
    assert "PRAGMA synchronous = EXTRA" in source
    connection = connect(tmp_path / "a.db", Key.random(), new=True)
    connection.execute("PRAGMA synchronous = EXTRA")  # tests hurry, see conftest.py
    connection.execute("CREATE TABLE t (x)")
    for pragma, value in WANTED.items():
        assert connection.execute(f"PRAGMA {pragma}").fetchone()[0] == value, pragma
    options = {row[0] for row in connection.execute("PRAGMA compile_options").fetchall()}
    assert {"HAS_CODEC", "ENABLE_FTS5", "TEMP_STORE=2"} <= options
    connection.close()
    assert (tmp_path / "a.db").stat().st_mode & 0o777 == 0o600


def test_salt_and_key_are_both_from_the_key(tmp_path: Path) -> None:
    key = Key.random()
    connection = connect(tmp_path / "a.db", key, new=True)
    connection.execute("CREATE TABLE t (x)")
    connection.execute("PRAGMA user_version = 1")
    connection.close()
    data = (tmp_path / "a.db").read_bytes()
    assert data[:16] == raw_key(key)[32:]
    (tmp_path / "a.db").write_bytes(bytes(16) + data[16:])  # a salt that was lost
    again = connect(tmp_path / "a.db", Key(key.raw()))
    assert again.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0] == 1
    again.close()


@pytest.mark.parametrize(
    ("text", "kind", "advice"),
    [
        ("database or disk is full", StorageError, "free some space"),
        ("disk I/O error", StorageError, "check it"),
        ("attempt to write a readonly database", StorageError, "make it writable"),
        ("unable to open database file", StorageError, "permissions"),
        ("database is locked", StorageError, "close that one"),
        ("database disk image is malformed", IntegrityError, "vault restore"),
        ("file is not a database", IntegrityError, "vault restore"),
        ("something new", StorageError, "vault verify"),
    ],
)
def test_each_complaint_has_its_remedy(text: str, kind: type[PenjingError], advice: str) -> None:
    from sqlcipher3 import dbapi2

    with pytest.raises(kind, match=advice), damage(Path("a.db")):
        raise dbapi2.OperationalError(text)


def test_a_transaction_within_another_is_a_mistake_of_ours(tmp_path: Path) -> None:
    one = Database(tmp_path / "a.db", Key.random(), Lock(tmp_path / "turn"), new=True)
    with one.writing() as connection:
        connection.execute("CREATE TABLE t (x)")
        with one.reading() as inner:
            assert inner.execute("SELECT count(*) FROM t").fetchone()[0] == 0
        with pytest.raises(RuntimeError):
            one.vacuum()
    one.close()


def test_without_the_extra_the_message_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in [
        name for name in sys.modules if re.match(r"sqlcipher3|cryptography|keyring", name)
    ]:
        monkeypatch.delitem(sys.modules, name)
    for name in ("sqlcipher3", "cryptography", "keyring"):
        monkeypatch.setitem(sys.modules, name, None)
    from penjing.vault import envelope, secrets

    importlib.import_module("penjing.vault.vault")
    for call in (
        lambda: connect(tmp_path / "a.db", Key.random(), new=True),
        lambda: envelope.stretch(b"x", b"y" * 16, envelope.LEAST),
        lambda: envelope.seal(Key.random(), b"", b""),
        lambda: envelope.derive(Key.random(), "x"),
        lambda: secrets.new_lock(secrets.Keyring()),
    ):
        with pytest.raises(MissingExtra, match=r"pip install 'penjing\[vault\]'"):
            call()
