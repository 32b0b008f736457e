"""`penjing prune`: a file that runs, the report of what it kept, and refusals in one line."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import tiny

from penjing.cli import app
from penjing.engine.llamacpp import LlamaCpp
from penjing.workshop.checkpoint import Checkpoint
from penjing.workshop.export.gguf import export_gguf
from penjing.workshop.prune import depth

WORDS = "he said that the small tree on the rock is older than she is, and he pruned it. "
Prune = Callable[..., dict[str, Any]]


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a model, a text to measure on and another to tune on; nothing downloads."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PENJING_HOME", str(tmp_path / "home"))
    monkeypatch.setattr("penjing.bundle.fetch.pull", None)
    model = tiny.checkpoint("llama", layers=4, ffn=128, vocab=400)
    plan = dict.fromkeys(model.quantizable, "Q8_0")
    export_gguf(model, tmp_path / "model.gguf", plan)
    (tmp_path / "tune.txt").write_text(WORDS * 200, encoding="utf-8")
    lines = "".join(f"{n} {WORDS}\n" for n in range(200))
    (tmp_path / "held.txt").write_text(lines, encoding="utf-8")
    return tmp_path


def line(*more: str, output: str = "out.gguf") -> list[str]:
    return ["prune", "model.gguf", "-o", output, "--text", "tune.txt", "--held-out", "held.txt",
            "--windows", "2", "--threads", "1", "--json", "--quiet", *more]  # fmt: skip


@pytest.fixture
def prune(place: Path, capsys: pytest.CaptureFixture[str]) -> Prune:
    def run(*more: str, output: str = "out.gguf", status: int = 0) -> dict[str, Any]:
        assert app.main(line(*more, output=output)) == status
        found: dict[str, Any] = json.loads(capsys.readouterr().out)
        return found

    return run


def measured(found: dict[str, Any]) -> dict[str, float]:
    return {item["metric"]: item["value"] for item in found["quality"]["measurements"]}


@pytest.mark.parametrize("score", ["magnitude", "wanda", "taylor", "random"])
def test_fewer_channels_and_heads(prune: Prune, place: Path, score: str) -> None:
    found = prune("--ffn", "0.5", "--heads", "0.5", "--score", score)
    before, after = found["before"], found["after"]
    assert (after["ffn"], after["heads"]) == ([64] * 4, [2] * 4)
    assert after["parameters"] < before["parameters"]
    assert after["bytes"] < before["bytes"] == (place / "model.gguf").stat().st_size
    assert measured(found)["kld_mean"] > 0
    with Checkpoint.open(place / "out.gguf") as made:
        assert {made.tensors[name].codec.name for name in made.quantizable} == {"Q8_0"}


def test_layers_differ_where_that_is_asked_for(prune: Prune, place: Path) -> None:
    found = prune("--ffn", "0.5", "--uneven", "--sublayers", "1")
    assert found["after"]["architecture"] == "deci"
    assert len(found["dropped"]) == 1
    with LlamaCpp.open(place / "out.gguf", threads=1, context=64) as model:
        assert model.score([5, 6, 7]).shape == (3, 400)


def test_a_pruned_file_is_a_model_to_prune_again(prune: Prune, place: Path) -> None:
    prune("--layers", "1")
    (place / "out.gguf").rename(place / "model.gguf")
    found = prune("--layers", "1")
    assert found["after"]["layers"] == 2
    assert prune("--hidden", "0.5", output="third.gguf")["after"]["hidden"] == 32


def test_the_same_command_gives_the_same_bytes(prune: Prune, place: Path) -> None:
    prune("--ffn", "0.5", output="one.gguf")
    prune("--ffn", "0.5", output="two.gguf")
    assert (place / "one.gguf").read_bytes() == (place / "two.gguf").read_bytes()


def test_fewer_tokens(prune: Prune, place: Path) -> None:
    found = prune("--vocabulary", "tune.txt")
    assert found["after"]["tokens"] == 320
    assert measured(found)["same_top"] > 0.5
    assert found["quality"]["cut_alike"] == 1.0


def test_a_stopped_run_goes_on_from_its_last_step(
    prune: Prune, place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    whole, walks = prune("--layers", "2", output="whole.gguf")["dropped"], []
    walk = depth._divergences

    def stopping(*given: Any) -> list[float]:
        walks.append(1)
        if len(walks) == 2:
            raise KeyboardInterrupt
        return walk(*given)

    monkeypatch.setattr(depth, "_divergences", stopping)
    assert app.main(line("--layers", "2")) == 130
    assert "the same command goes on" in capsys.readouterr().err
    assert not (place / "out.gguf").exists()
    assert prune("--layers", "2")["dropped"] == whole
    assert len(walks) == 3  # one done, one stopped, one made up for
    assert (place / "whole.gguf").read_bytes() == (place / "out.gguf").read_bytes()


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ((), "nothing is to go: give --ffn"),
        (("--ffn", "0.5", "--score", "wnda"), "did you mean wanda?"),
        (("--layers", "9"), "9 of 4 layers cannot be dropped"),
        (("--layers", "1", "--sublayers", "1"), "give one of --layers and --sublayers"),
        (("--ffn", "0.5", "--uneven", "--heads", "0.5"), "leave --heads out"),
        (("--ffn", "0.5", "--text", "short.txt"), "too short for 16 windows"),
        (("--vocabulary", "tune.txt", "--tokens", "9"), "9 tokens are too few"),
        (("--ffn", "0.5", "--tokens", "9"), "give both"),
        (("--ffn", "0.5", "--ram", "1MB"), "of memory are needed and --ram allows"),
    ],
)
def test_what_cannot_be_is_one_line(
    place: Path, capsys: pytest.CaptureFixture[str], more: tuple[str, ...], words: str
) -> None:
    (place / "short.txt").write_text("he said", encoding="utf-8")
    assert app.main(line(*more)) == 2
    said = capsys.readouterr().err
    assert words in said
    assert len(said.splitlines()) == 1
    assert not (place / "out.gguf").exists()


def test_a_file_that_is_there_is_not_replaced_unasked(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (place / "out.gguf").write_bytes(b"mine")
    assert app.main(line("--ffn", "0.5")) == 2
    assert "add --overwrite" in capsys.readouterr().err
    assert (place / "out.gguf").read_bytes() == b"mine"
    assert app.main(line("--ffn", "0.5", output="out.bin")) == 2
    assert "does not end in .gguf" in capsys.readouterr().err
    before = (place / "model.gguf").read_bytes()
    assert app.main(line("--ffn", "0.5", "--overwrite", output="model.gguf")) == 2
    assert "is the model itself" in capsys.readouterr().err
    assert (place / "model.gguf").read_bytes() == before
    assert app.main(line("--ffn", "0.5", "--overwrite")) == 0
