"""`penjing sign` and `penjing verify`."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from penjing.bundle.folder import Baseline, Manifest, describe_files, now, write_manifest
from penjing.cli import app

FOREIGN = Path(__file__).parents[1] / "ownership" / "data" / "foreign"
"""Signed by model_signing 1.1.1."""


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "bundle"
    folder.mkdir()
    (folder / "model.gguf").write_bytes(b"GGUF" * 100)
    (folder / "recipe.yaml").write_text("bits: 4\n")
    passport = {"held_out": {"name": "text", "sha256": "1" * 64}, "runtime": {"engine": "b1"}}
    (folder / "passport.json").write_text(json.dumps(passport))
    files = describe_files(folder, ["model.gguf", "recipe.yaml", "passport.json"])
    made = Baseline("large", "0" * 64)
    about = Manifest("tree", "llama", 10, "", True, files, {"bits": 4}, made, now())
    write_manifest(folder, about)
    assert app.main(["sign", "--new-key", "mine.pem", "--quiet"]) == 0
    return tmp_path


def said(capsys: pytest.CaptureFixture[str], *words: str, status: int = 0) -> Any:
    capsys.readouterr()
    assert app.main([*words, "--json", "--quiet"]) == status
    return json.loads(capsys.readouterr().out)


def test_signed_and_verified(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made = said(capsys, "sign", "bundle", "--key", "mine.pem")
    assert list(made["files"]) == ["bundle.json", "model.gguf", "passport.json", "recipe.yaml"]
    found = said(capsys, "verify", "bundle", "--key", "mine.pem.pub")
    assert (found["signed"], found["bundle"]) == (True, "tree")
    provenance = found["provenance"]
    assert provenance["recipe"] == {"bits": 4}
    assert provenance["inputs"] == [{"name": "large", "sha256": "0" * 64},
                                    {"name": "text", "sha256": "1" * 64}]  # fmt: skip
    assert provenance["made_with"]["engine"] == "b1"
    assert app.main(["verify", "bundle", "--key", "mine.pem.pub", "--quiet"]) == 0
    shown = capsys.readouterr().out
    assert "signed by that key: all 4 files are as they were" in shown
    assert "made from large" in shown
    assert "not looked at" not in shown


@pytest.mark.parametrize("name", ["recipe.yaml", "passport.json", "model.gguf", "bundle.json"])
def test_every_file_is_covered(here: Path, capsys: pytest.CaptureFixture[str], name: str) -> None:
    said(capsys, "sign", "bundle", "--key", "mine.pem")
    path = here / "bundle" / name
    path.write_bytes(path.read_bytes() + b"\n")
    found = said(capsys, "verify", "bundle", "--key", "mine.pem.pub", status=1)
    assert "is not the file that was signed" in found["error"]["message"]


def test_without_a_key_it_is_said_what_is_not_known(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert said(capsys, "verify", "bundle")["signed"] is None
    said(capsys, "sign", "bundle", "--key", "mine.pem")
    assert said(capsys, "verify", "bundle")["signed"] is False
    assert app.main(["verify", "bundle", "--quiet"]) == 0
    assert "without --key nobody knows by whom" in capsys.readouterr().out
    (here / "bundle" / "model.gguf").write_bytes(b"GGUF" * 99 + b"gguf")
    found = said(capsys, "verify", "bundle", status=1)
    assert "promised sha256" in found["error"]["message"]


def test_what_a_signature_leaves_out_is_said(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(FOREIGN, here / "m")
    key = str(FOREIGN.parent / "foreign.pub")
    found = said(capsys, "verify", "m", "--key", key)
    assert found["left_out"] == [".git", ".gitattributes", ".github", ".gitignore"]
    assert app.main(["verify", "m", "--key", key, "--quiet"]) == 0
    assert "not looked at, as its signature leaves it out" in capsys.readouterr().out


def test_one_file_is_said_as_one(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert app.main(["sign", "bundle/model.gguf", "--key", "mine.pem", "--quiet"]) == 0
    assert ": 1 file, by key " in capsys.readouterr().out
    words = ["verify", "bundle/model.gguf", "--key", "mine.pem.pub", "--quiet"]
    assert app.main(words) == 0
    assert "signed by that key: its one file is as it was" in capsys.readouterr().out


@pytest.mark.parametrize(("words", "says"), [
    (["sign", "bundle", "--key", "mine.pem", "--signature", "no/x.sig"], "there is no folder no"),
    (["sign", "--new-key", "no/x.pem"], "there is no folder no"),
    (["sign", "bundle"], "sign what"), (["sign"], "sign what"),
    (["sign", "none", "--key", "mine.pem"], "there is no none"),
    (["sign", "bundle", "--new-key", "x.pem"], "leave the model"),
    (["sign", "--new-key", "mine.pem"], "is there already"),
    (["sign", "bundle", "--key", "mine.pem.pub"], "no private key"),
    (["verify", "bundle", "--key", "mine.pem.pub"], "is not signed"),
    (["verify", "bundle/model.gguf"], "is no bundle: give --key"),
    (["verify", "none"], "there is no none"),
])  # fmt: skip
def test_what_cannot_be_is_one_line(
    here: Path, capsys: pytest.CaptureFixture[str], words: list[str], says: str
) -> None:
    assert app.main([*words, "--quiet"]) == 2
    shown = capsys.readouterr()
    assert says in shown.err
    assert shown.err.count("\n") == 1 + ("--new-key" in words and "x" in words)
    assert not (here / "no").exists()


def test_a_file_with_an_encrypted_key(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "words").write_text("words of mine")
    secret = ["--passphrase-file", "words"]
    said(capsys, "sign", "--new-key", "hidden.pem", *secret)
    said(capsys, "sign", "bundle/model.gguf", "--key", "hidden.pem", *secret)
    found = said(capsys, "verify", "bundle/model.gguf", "--key", "hidden.pem.pub")
    assert (found["signed"], found["bundle"]) == (True, None)
    again = said(capsys, "sign", "bundle/model.gguf", "--key", "hidden.pem", *secret, status=2)
    assert "add --overwrite to sign anew" in again["error"]["message"]
