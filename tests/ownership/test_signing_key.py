"""Key pairs in PEM."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from penjing.core.errors import BadInput, WrongPassphrase
from penjing.ownership.signing_key import is_encrypted, make_pair, read_private, read_public


def test_a_pair_is_what_openssl_has_too(tmp_path: Path) -> None:
    path = tmp_path / "mine.pem"
    assert make_pair(path, None) == tmp_path / "mine.pem.pub"
    assert path.stat().st_mode & 0o777 == 0o600
    assert not is_encrypted(path)
    assert read_private(path, None).public_key() == read_public(tmp_path / "mine.pem.pub")
    done = subprocess.run(["openssl", "ec", "-in", str(path), "-pubout"], capture_output=True,
                          check=True)  # fmt: skip
    assert done.stdout == (tmp_path / "mine.pem.pub").read_bytes()
    with pytest.raises(BadInput, match="is there already: a key is not replaced"):
        make_pair(path, None)


def test_an_encrypted_one_takes_its_words(tmp_path: Path) -> None:
    path = tmp_path / "mine.pem"
    make_pair(path, "words of mine")
    assert is_encrypted(path)
    assert read_private(path, "words of mine")
    with pytest.raises(WrongPassphrase):
        read_private(path, "other words")
    with pytest.raises(BadInput, match="is encrypted: give its passphrase"):
        read_private(path, None)
    with pytest.raises(BadInput, match="too short"):
        make_pair(tmp_path / "short.pem", "short")


def test_what_is_no_key_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "odd").write_text("hello")
    for read in (read_public, lambda path: read_private(path, None)):
        with pytest.raises(BadInput, match="make a pair with penjing sign --new-key"):
            read(tmp_path / "odd")
    subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", str(tmp_path / "ed")],
                   check=True, capture_output=True)  # fmt: skip
    with pytest.raises(BadInput, match="no signing key on P-256"):
        read_private(tmp_path / "ed", None)
    with pytest.raises(BadInput, match="no such file"):
        read_public(tmp_path / "none")
