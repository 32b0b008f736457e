"""What a person means by a model or a text."""

from __future__ import annotations

import hashlib
import os
import pickle
from pathlib import Path

import catalogues
import pytest

from penjing.bundle import fetch, folder
from penjing.bundle.home import Home
from penjing.bundle.resolve import find_model, find_text
from penjing.core.errors import (
    BadInput,
    FormatError,
    IntegrityError,
    PenjingError,
    UnknownName,
    UsageError,
)
from penjing.core.progress import Silent

GGUF = b"GGUF" + bytes(100)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "tiny.gguf").write_bytes(GGUF)
    (tmp_path / "elsewhere" / "diary.txt").write_text("Dear diary.\n")
    home = Home(tmp_path / "home")
    home.root.mkdir()
    folder = tmp_path / "elsewhere"
    tiny = catalogues.model(catalogues.local(folder / "tiny.gguf"), licence="mine")
    diary = catalogues.text(catalogues.local(folder / "diary.txt"))
    (home.root / "catalogue.toml").write_text(catalogues.catalogue(tiny, diary))
    return home


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")


def model(name: str | Path, home: Home, *, download: bool = False) -> Path:
    return find_model(str(name), home, progress=Silent(), download=download)


def refused(name: str | Path, home: Home) -> PenjingError:
    with pytest.raises(PenjingError) as caught:
        model(name, home)
    assert "\n" not in str(caught.value)
    assert caught.value.exit_code == 2 or isinstance(caught.value, IntegrityError)
    return caught.value


def test_a_name_is_downloaded_only_when_that_is_wished(home: Home, tmp_path: Path) -> None:
    error = refused("tiny", home)
    assert isinstance(error, UsageError)
    assert "penjing pull tiny" in str(error)
    path = tmp_path / "elsewhere" / "tiny.gguf"
    assert model("tiny", home, download=True) == path
    assert model("tiny", home) == path


def test_a_name_that_is_here_needs_no_second_look_at_its_bytes(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    model("tiny", home, download=True)
    monkeypatch.setattr("penjing.bundle.records.sha256_file", lambda *_: pytest.fail("it was read"))
    monkeypatch.setattr(fetch, "pull", lambda *_: pytest.fail("it was pulled"))
    model("tiny", home, download=True)


def test_a_changed_download_is_an_integrity_error(home: Home, tmp_path: Path) -> None:
    model("tiny", home, download=True)
    (tmp_path / "elsewhere" / "tiny.gguf").write_bytes(GGUF[:-1] + b"?")
    error = refused("tiny", home)
    assert isinstance(error, IntegrityError)
    assert "penjing pull tiny" in str(error)


def test_a_name_wins_over_a_file_unless_it_is_written_as_a_path(home: Home) -> None:
    Path("tiny").write_bytes(GGUF)
    assert "penjing pull tiny" in str(refused("tiny", home))
    assert model("./tiny", home) == Path("tiny")


def test_a_gguf_file_is_itself(home: Home, tmp_path: Path) -> None:
    path = tmp_path / "elsewhere" / "tiny.gguf"
    assert model(path, home) == path


def test_tilde_is_the_persons_folder(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "elsewhere"))
    assert model("~/tiny.gguf", home) == tmp_path / "elsewhere" / "tiny.gguf"


@pytest.mark.parametrize(
    ("data", "part"),
    [
        (b"", "empty"),
        (pickle.dumps({"a": 1}), "pickle"),
        (b"PK\x03\x04" + bytes(30), "zip"),
        (bytes(range(1, 200)), "not a GGUF model"),
    ],
)
def test_a_file_that_is_no_gguf_is_said_to_be_what_it_is(
    data: bytes, part: str, home: Home
) -> None:
    Path("model.gguf").write_bytes(data)
    error = refused("model.gguf", home)
    assert isinstance(error, FormatError)
    assert part in str(error)


def bundle(path: Path, data: bytes = GGUF) -> Path:
    path.mkdir()
    (path / "model.gguf").write_bytes(data)
    files = folder.describe_files(path, ["model.gguf"])
    manifest = folder.Manifest(
        name="small",
        architecture="llama",
        parameters=1,
        licence="mine",
        template=False,
        files=files,
        recipe={},
        baseline=None,
        created=folder.now(),
    )
    folder.write_manifest(path, manifest)
    return path


def test_a_bundle_gives_its_checked_model(home: Home, tmp_path: Path) -> None:
    path = bundle(tmp_path / "bundle")
    assert model(path, home) == path / "model.gguf"
    (path / "model.gguf").write_bytes(GGUF[:-1] + b"?")
    error = refused(path, home)
    assert isinstance(error, IntegrityError)
    (path / "model.gguf").unlink()
    assert isinstance(refused(path, home), IntegrityError)
    (path / "bundle.json").write_text("{}")
    assert isinstance(refused(path, home), FormatError)


def test_a_bundles_model_does_not_lie_outside_it(home: Home, tmp_path: Path) -> None:
    path = bundle(tmp_path / "bundle")
    (path / "model.gguf").unlink()
    (path / "model.gguf").symlink_to(tmp_path / "elsewhere" / "tiny.gguf")
    assert "link out of the bundle" in str(refused(path, home))


def test_a_folder_of_safetensors_is_itself(home: Home, tmp_path: Path) -> None:
    path = tmp_path / "hf"
    path.mkdir()
    (path / "config.json").write_text("{}")
    (path / "pytorch_model.bin").write_bytes(pickle.dumps(1))
    error = refused(path, home)
    assert isinstance(error, FormatError)
    assert "never opened" in str(error)
    (path / "model.safetensors").write_bytes(b"")
    assert model(path, home) == path


def test_other_folders_are_told_what_would_do(home: Home, tmp_path: Path) -> None:
    assert "look for bundle.json or config.json" in str(refused(tmp_path, home))
    assert "elsewhere/tiny.gguf" in str(refused(tmp_path / "elsewhere", home))


@pytest.mark.parametrize(
    ("name", "kind", "part"),
    [
        ("smollm2-135m", UnknownName, "did you mean smollm2-135m-instruct"),
        ("qwen", UnknownName, "did you mean qwen3-0.6b"),
        ("", UnknownName, "unknown model"),
        ("none.gguf", BadInput, "there is no none.gguf"),
        ("./smollm2", BadInput, "there is no"),
        ("/nowhere/model", BadInput, "there is no"),
        ("encyclopedia", UsageError, "is a text, not a model"),
        ("x" * 5000, BadInput, "file name too long"),
        ("nul\0byte", UnknownName, "unknown model"),
        ("~nobody-of-this-name/a.gguf", BadInput, "no such person"),
        ("/dev/zero", BadInput, "neither a file nor a folder"),
    ],
)
def test_what_cannot_be_meant_is_said(
    name: str, kind: type[PenjingError], part: str, home: Home
) -> None:
    error = refused(name, home)
    assert type(error) is kind
    assert part in str(error)


def test_a_pipe_is_refused_and_not_waited_for(home: Home) -> None:
    os.mkfifo("model.gguf")
    assert "neither a file nor a folder" in str(refused("model.gguf", home))


def test_a_text_is_a_name_or_a_file(home: Home) -> None:
    with pytest.raises(UsageError, match="penjing pull diary"):
        find_text("diary", home, progress=Silent(), download=False)
    name, words = find_text("diary", home, progress=Silent(), download=True)
    assert (name, words) == ("diary", "Dear diary.\n")

    Path("notes.txt").write_text("中文。\n", "utf-8")
    found = find_text("notes.txt", home, progress=Silent(), download=False)
    assert (found.name, found.text) == ("notes.txt", "中文。\n")


def test_a_texts_own_copy_is_kept(home: Home, tmp_path: Path) -> None:
    find_text("diary", home, progress=Silent(), download=True)
    (tmp_path / "elsewhere" / "diary.txt").unlink()
    assert find_text("diary", home, progress=Silent(), download=False).text == "Dear diary.\n"
    (home.texts / "diary.txt").write_text("Dear?diary.\n")
    with pytest.raises(IntegrityError):
        find_text("diary", home, progress=Silent(), download=False)


@pytest.mark.parametrize(
    ("name", "kind", "part"),
    [
        ("encyclopaedia", UnknownName, "did you mean encyclopedia"),
        ("none.txt", BadInput, "no such file"),
        (".", BadInput, "is a folder"),
        ("latin.txt", BadInput, "not UTF-8"),
        ("empty.txt", BadInput, "is empty"),
    ],
)
def test_an_unusable_text_is_said(
    name: str, kind: type[PenjingError], part: str, home: Home
) -> None:
    Path("latin.txt").write_bytes("café".encode("latin-1"))
    Path("empty.txt").write_bytes(b" \n")
    with pytest.raises(kind, match=part) as caught:
        find_text(name, home, progress=Silent(), download=False)
    assert "\n" not in str(caught.value)


def test_the_hash_in_a_record_is_of_the_file(home: Home) -> None:
    model("tiny", home, download=True)
    [record] = fetch.installed(home)
    assert record.files[0].sha256 == hashlib.sha256(GGUF).hexdigest()
