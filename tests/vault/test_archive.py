"""Give me all you have about me: one archive, whole, and safe to unpack."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pytest

from penjing.core.errors import BadInput
from penjing.core.history import Excerpt
from penjing.core.messages import Message
from penjing.vault.access import operator
from penjing.vault.archive import ABOUT, write_archive
from penjing.vault.person import PersonStore
from penjing.vault.vault import Vault

HOSTILE = ["../../evil", "/etc/passwd", "C:\\windows\\x", "..", "", "a\0b", "x" * 300, "盆景.txt"]


def test_everything_is_in_it_and_nothing_of_anybody_else(
    vault: Vault, anna: PersonStore, ben: PersonStore, tmp_path: Path
) -> None:
    session = anna.history.begin("mine")
    anna.history.append_turn(session.id, Message.of("user", "said by anna"))
    document = anna.documents.add("notes.txt", "text/plain", b"anna's notes")
    anna.documents.put_excerpts(document.id, [Excerpt("a passage", "1", b"\1")])
    anna.settings.put("language", "zh")
    anna.snapshots.put("kv", b"x")
    theirs = ben.history.begin("ben's")
    ben.history.append_turn(theirs.id, Message.of("user", "said by ben"))
    vault.accounts.permit(operator(), anna.person, "tool", "mail", False)

    counts = write_archive(anna, vault.accounts, tmp_path / "me.zip")
    assert counts == {"sessions": 1, "turns": 1, "documents": 1}
    assert (tmp_path / "me.zip").stat().st_mode & 0o777 == 0o600
    with zipfile.ZipFile(tmp_path / "me.zip") as archive:
        about = json.loads(archive.read(ABOUT))
        assert archive.read(about["documents"][0]["file"]) == b"anna's notes"
    assert about["person"]["name"] == "Anna"
    assert about["sessions"][0]["turns"][0]["text"] == "said by anna"
    assert about["documents"][0]["excerpts"][0]["text"] == "a passage"
    assert about["settings"] == {"language": "zh"}
    assert about["snapshots"] == ["kv"]
    assert about["permissions"] == [{"kind": "tool", "name": "mail", "allowed": False}]
    assert {entry["event"] for entry in about["audit"]} >= {"person added", "unlocked"}
    assert "ben" not in json.dumps(about).lower()


def test_a_document_that_is_not_whole_keeps_nothing_else_back(
    vault: Vault, anna: PersonStore, tmp_path: Path
) -> None:
    for name in ("broken", "whole"):
        anna.documents.add(name, "text/plain", name.encode() * 100_000)
    with anna.database.writing() as connection:
        connection.execute("DELETE FROM piece WHERE number = 1")
    write_archive(anna, vault.accounts, tmp_path / "me.zip")
    with zipfile.ZipFile(tmp_path / "me.zip") as archive:
        found = {one["name"]: one for one in json.loads(archive.read(ABOUT))["documents"]}
        assert archive.read(found["whole"]["file"]) == b"whole" * 100_000
    assert found["broken"]["file"] is None
    assert "add it again" in found["broken"]["damaged"]


@pytest.mark.parametrize("name", HOSTILE)
def test_a_documents_name_leads_nowhere(
    vault: Vault, anna: PersonStore, tmp_path: Path, name: str
) -> None:
    anna.documents.add(name, "text/plain", b"x")
    write_archive(anna, vault.accounts, tmp_path / "me.zip")
    with zipfile.ZipFile(tmp_path / "me.zip") as archive:
        for entry in archive.namelist():
            parts = Path(entry).parts
            assert ".." not in parts
            assert not Path(entry).is_absolute()
            assert "\\" not in entry
            assert len(parts[-1]) < 100


def test_nothing_is_overwritten(vault: Vault, anna: PersonStore, tmp_path: Path) -> None:
    (tmp_path / "me.zip").write_text("mine")
    with pytest.raises(BadInput, match="new file"):
        write_archive(anna, vault.accounts, tmp_path / "me.zip")
    assert (tmp_path / "me.zip").read_text() == "mine"
