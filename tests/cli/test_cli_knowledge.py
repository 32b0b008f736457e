"""`penjing knowledge` as a person or a script uses it, with the real embedding model."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import Any

import pytest

from penjing.app import embedder
from penjing.bundle.catalogue import load_catalogue
from penjing.cli.app import main
from penjing.engine.embedding import LlamaEmbedder
from penjing.testing.embedder import FakeEmbedder
from penjing.vault.envelope import LEAST
from penjing.vault.secrets import Passphrase

SECRETS = ("--vault-passphrase-file", "own", "--passphrase-file", "anna")
CARE = """# Bonsai

## Watering

Water the tree when the surface of the soil feels dry; in summer that may be twice a day.

## 修剪

春天把新芽剪到只留两片叶子，剪刀要干净锋利。
"""


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home of its own, the passphrases in files, and the lowest price of a guess."""
    monkeypatch.delenv("PENJING_DEBUG", raising=False)
    monkeypatch.setenv("PENJING_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    for name, text in {"own": "the vault's own", "anna": "anna's own words"}.items():
        (tmp_path / name).write_text(f"{text}\n")
    (tmp_path / "care.md").write_text(CARE)
    monkeypatch.setattr(Passphrase.__init__, "__defaults__", (LEAST,))
    return tmp_path / "home"


def document(capsys: pytest.CaptureFixture[str], *words: str, status: int = 0) -> Any:
    assert main([*words, "--json"]) == status
    return json.loads(capsys.readouterr().out)


def failed(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    assert main(["knowledge", *words]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1, err
    return err


def test_without_a_vault_it_says_how_to_get_one(capsys: pytest.CaptureFixture[str]) -> None:
    for words in (("list",), ("add", "care.md"), ("search", "x"), ("remove", "x")):
        assert "make one with penjing vault init" in failed(capsys, *words)


def test_mistakes_come_before_passphrases(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "a.exe").write_bytes(b"x")
    with (tmp_path / "big.pdf").open("wb") as file:
        file.truncate(200 * 2**20)
    assert "there is no file gone.md" in failed(capsys, "add", "gone.md")
    assert "none of text, markdown" in failed(capsys, "add", "a.exe")
    assert "big.pdf has 209.7 MB" in failed(capsys, "add", "care.md", "big.pdf")


def test_two_of_one_name_are_kept_and_one_may_replace(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(
        "penjing.cli.knowledge.open_embedder", lambda _: contextlib.nullcontext(FakeEmbedder())
    )
    for house in "ab":
        (tmp_path / house).mkdir()
        (tmp_path / house / "notes.md").write_text(f"# House {house}\nA budget of house {house}.\n")
    document(capsys, "vault", "init", "--name", "Anna", *SECRETS)
    assert main(["knowledge", "add", "a/notes.md", "b/notes.md", *SECRETS]) == 0
    told = capsys.readouterr().out
    assert "notes.md: added, 1 passages" in told
    assert "notes (2).md: added, for there is another notes.md (or give --replace)" in told
    twice = ("add", "--replace", "a/notes.md", "b/notes.md", *SECRETS)
    assert "two files are called notes.md" in failed(capsys, *twice)
    one = document(capsys, "knowledge", "add", "--replace", "b/notes.md", *SECRETS)["documents"][0]
    assert (one["name"], one["replaced"]) == ("notes.md", True)
    listed = document(capsys, "knowledge", "list", *SECRETS)["documents"]
    assert sorted(one["name"] for one in listed) == ["notes (2).md", "notes.md"]


@pytest.mark.model
def test_documents_are_added_found_listed_and_removed(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    embedding_model: Path,
    tmp_path: Path,
) -> None:
    monkeypatch.setattr(
        "penjing.cli.knowledge.open_embedder", lambda _: LlamaEmbedder.open(embedding_model)
    )
    document(capsys, "vault", "init", "--name", "Anna", *SECRETS)
    added = document(capsys, "knowledge", "add", "care.md", *SECRETS)["documents"]
    assert [(one["name"], one["passages"], one["embedded"]) for one in added] == [("care.md", 2, 2)]
    again = document(capsys, "knowledge", "add", "care.md", *SECRETS)["documents"]
    assert [(one["id"], one["embedded"]) for one in again] == [(added[0]["id"], 0)]

    words = ("knowledge", "search", "How often do I water it?", *SECRETS)
    found = document(capsys, *words)["passages"]
    assert (found[0]["source"], found[0]["location"]) == ("care.md", "Bonsai › Watering")
    assert CARE[found[0]["start"] : found[0]["end"]] == found[0]["text"]
    assert found[0]["trust"] == "document"
    found = document(capsys, "knowledge", "search", "新芽怎么剪？", "--limit", "1", *SECRETS)
    assert [one["location"] for one in found["passages"]] == ["Bonsai › 修剪"]
    silent = document(capsys, "knowledge", "search", "Who won the world cup in 1998?", *SECRETS)
    assert silent["passages"] == []
    assert main(["knowledge", "search", "How do I water it?", *SECRETS]) == 0
    assert "[1] care.md, Bonsai › Watering" in capsys.readouterr().out

    (tmp_path / "bad.pdf").write_bytes(b"no pdf")
    mixed = document(capsys, "knowledge", "add", "bad.pdf", "care.md", *SECRETS, status=1)
    assert ["error" in one for one in mixed["documents"]] == [True, False]
    assert "bad.pdf cannot be read" in failed(capsys, "add", "bad.pdf", *SECRETS)

    listed = document(capsys, "knowledge", "list", *SECRETS)["documents"]
    assert [(one["name"], one["state"], one["passages"]) for one in listed] == [
        ("care.md", "ready", 2)
    ]
    assert "no document 'x'" in failed(capsys, "remove", "care.md", "x", *SECRETS)
    removed = document(capsys, "knowledge", "remove", "care.md", *SECRETS)["removed"]
    assert [one["name"] for one in removed] == ["care.md"]
    assert main(["knowledge", "list", *SECRETS]) == 0
    assert "no documents" in capsys.readouterr().out


def test_of_several_people_one_must_be_named(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "ben").write_text("ben's own words\n")
    document(capsys, "vault", "init", "--name", "Anna", *SECRETS)
    add = ("vault", "user", "add", "Ben", *SECRETS[:2], "--new-passphrase-file", "ben")
    document(capsys, *add)
    assert "--person: Anna, Ben" in failed(capsys, "list", *SECRETS)
    assert document(capsys, "knowledge", "list", "--person", "anna", *SECRETS)["documents"] == []
    assert main(["knowledge", "list", "--person", "ben", *SECRETS]) == 2
    capsys.readouterr()


def test_its_model_is_in_the_catalogue() -> None:
    assert load_catalogue().model(embedder.MODEL).architecture == "bert"
