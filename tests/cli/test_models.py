"""`penjing pull`, `list` and `remove` as a person or a script sees them."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from catalogues import catalogue, local, model, text

from penjing.app.serving import model as serving_model
from penjing.app.serving.model import model_of
from penjing.cli.app import main

DATA = b"GGUF" + bytes(5000)


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("PENJING_DEBUG", raising=False)
    monkeypatch.setenv("PENJING_HOME", str(tmp_path / "home"))
    (tmp_path / "tiny.gguf").write_bytes(DATA)
    (tmp_path / "diary.txt").write_text("Dear diary.\n")
    (tmp_path / "home").mkdir()
    sha = hashlib.sha256(DATA).hexdigest()
    more = {"file": "tiny.gguf", "sha256": sha, "bytes": len(DATA), "note": "A [bold] note."}
    tiny = model(local(tmp_path / "tiny.gguf"), licence="mine", parameters=2500, context=64, **more)
    own = catalogue(tiny, text(local(tmp_path / "diary.txt")))
    (tmp_path / "home" / "catalogue.toml").write_text(own)
    return tmp_path / "home"


def document(capsys: pytest.CaptureFixture[str], *words: str, status: int = 0) -> Any:
    assert main([*words, "--json"]) == status
    return json.loads(capsys.readouterr().out)


def test_list_shows_what_is_here_and_what_is_not(
    capsys: pytest.CaptureFixture[str], home: Path
) -> None:
    before = document(capsys, "list")
    assert before["home"] == str(home)
    assert before["default"] == "smollm2-135m-instruct"
    names = [line["name"] for line in before["models"] + before["texts"]]
    assert {"smollm2-135m-instruct", "qwen3-0.6b", "tiny", "encyclopedia", "diary"} <= set(names)
    assert {line["here"] for line in before["models"] + before["texts"]} == {"no"}

    document(capsys, "pull", "tiny")
    tiny = {line["name"]: line for line in document(capsys, "list")["models"]}["tiny"]
    assert tiny["here"] == "yes"
    assert tiny["path"] == str(home.parent / "tiny.gguf")
    assert (tiny["bytes"], tiny["parameters"]) == (len(DATA), 2500)

    (home.parent / "tiny.gguf").write_bytes(b"?" + DATA[1:])
    tiny = {line["name"]: line for line in document(capsys, "list")["models"]}["tiny"]
    assert tiny["here"] == "damaged"


def test_a_server_knows_its_model_by_the_name_that_list_has(
    capsys: pytest.CaptureFixture[str], home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = home.parent / "tiny.gguf"
    monkeypatch.setattr(serving_model, "_looked_at", lambda path: {})  # they hold no weights
    assert model_of(path, "Tiny 5K").also == ()
    document(capsys, "pull", "tiny")
    found = model_of(path, "Tiny 5K")
    assert (found.name, found.also) == ("Tiny 5K", ("tiny",))
    (home.parent / "other.gguf").write_bytes(DATA)
    assert model_of(home.parent / "other.gguf", "Other").also == ()


def test_list_is_a_table_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list"]) == 0
    rows = capsys.readouterr().out.splitlines()
    [head] = [row for row in rows if row.startswith("name")]
    assert head.split() == ["name", "size", "parameters", "licence", "here"]
    [default] = [row for row in rows if "(default)" in row]
    assert default.split()[0] == "smollm2-135m-instruct"
    assert "98.4 MB" in default
    assert "134.5M" in default
    [hub] = [row for row in rows if row.startswith("qwen3-0.6b")]
    assert "about 1.2 GB" in hub, "nobody has asked the hub yet"
    assert any(row.startswith("encyclopedia (text)") for row in rows)


def test_pull_says_where_and_under_which_licence(
    capsys: pytest.CaptureFixture[str], home: Path
) -> None:
    assert main(["pull", "tiny"]) == 0
    shown = capsys.readouterr()
    assert shown.out.splitlines() == [
        "tiny is ready: 5.0 kB, mine",
        str(home.parent / "tiny.gguf"),
        "A [bold] note.",
    ]
    assert shown.err == ""


def test_pull_gives_one_document(capsys: pytest.CaptureFixture[str], home: Path) -> None:
    assert document(capsys, "pull", "tiny") == {
        "name": "tiny",
        "path": str(home.parent / "tiny.gguf"),
        "bytes": len(DATA),
        "licence": "mine",
        "pinned": True,
        "origin": f"local path {home.parent}/tiny.gguf",
        "files": {"tiny.gguf": hashlib.sha256(DATA).hexdigest()},
    }


def test_pull_without_a_name_means_the_default(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = []

    def pull(entry: Any, *_: object) -> Path:
        asked.append(entry.name)
        return Path("/x")

    monkeypatch.setattr("penjing.bundle.fetch.pull", pull)
    assert main(["pull"]) == 0
    assert asked == ["smollm2-135m-instruct"]


def test_a_text_is_pulled_and_removed_too(capsys: pytest.CaptureFixture[str], home: Path) -> None:
    path = Path(document(capsys, "pull", "diary")["path"])
    assert path.read_text() == "Dear diary.\n"
    freed = document(capsys, "remove", "diary")
    assert freed["name"] == "diary"
    assert freed["freed_bytes"] > len("Dear diary.\n")
    assert not path.exists()
    assert (home.parent / "diary.txt").exists()


def test_remove_says_what_it_freed(capsys: pytest.CaptureFixture[str]) -> None:
    main(["pull", "diary"])
    capsys.readouterr()
    assert main(["remove", "diary"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("diary is removed: ")
    assert out.endswith(" B freed\n")


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["pull", "tinny"], "unknown model or text 'tinny': did you mean tiny?"),
        (["remove", "tinny"], "unknown model or text 'tinny': did you mean tiny?"),
        (["remove", "tiny"], "tiny is not on this machine: see penjing list"),
        (
            ["remove"],
            "the following arguments are required: name: try penjing remove --help",
        ),
    ],
)
def test_mistakes_are_one_line_and_exit_2(
    words: list[str], line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words) == 2
    shown = capsys.readouterr()
    assert (shown.out, shown.err) == ("", f"penjing: {line}\n")
    assert document(capsys, *words, status=2)["error"]["message"] == line


def test_a_broken_catalogue_of_ones_own_is_named(
    capsys: pytest.CaptureFixture[str], home: Path
) -> None:
    (home / "catalogue.toml").write_text("schema = 1\ncolour = 2\n")
    assert main(["list"]) == 2
    assert "unknown 'colour'" in capsys.readouterr().err


def test_a_file_in_place_of_the_shared_folder(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PENJING_HOME", str(tmp_path / "tiny.gguf"))
    assert main(["list"]) == 0
    capsys.readouterr()
    assert main(["pull"]) == 1
    err = capsys.readouterr().err
    assert err.startswith("penjing: cannot write ")
    assert len(err.splitlines()) == 1


def test_what_is_a_path_needs_no_pulling(
    capsys: pytest.CaptureFixture[str], home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = home.parent / "models--me--x" / "snapshots" / "abc"
    folder.mkdir(parents=True)
    (folder / "config.json").write_text("{}")
    (folder / "model.safetensors").write_bytes(b"")
    monkeypatch.chdir(home.parent)
    for path in ("./tiny.gguf", str(home.parent / "tiny.gguf"), "models--me--x", str(folder)):
        assert main(["pull", path]) == 0
        assert "is here already: give its path where a model is asked for" in (
            " ".join(capsys.readouterr().out.split())
        )
    assert document(capsys, "pull", "models--me--x")["path"].endswith("snapshots/abc")
    assert main(["pull", "./nowhere.gguf"]) == 2
    assert "there is no nowhere.gguf" in capsys.readouterr().err
    (home.parent / "lora").mkdir()
    (home.parent / "lora" / "adapter_config.json").write_text("{}")
    assert main(["pull", "lora"]) == 2
    assert "is an adapter" in capsys.readouterr().err
