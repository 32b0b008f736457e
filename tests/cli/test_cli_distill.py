"""`penjing distill`: a file that runs and is nearer to its teacher, and refusals in one line."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tiny

from penjing.app import distilling
from penjing.cli import app
from penjing.engine.llamacpp import LlamaCpp
from penjing.workshop.checkpoint import Checkpoint
from penjing.workshop.distill import train
from penjing.workshop.export.gguf import export_gguf
from penjing.workshop.prune.reshape import reshaped, whole_layers

WORDS = "he said that the small tree on the rock is older than she is, and he pruned it. "
Distill = Callable[..., dict[str, Any]]


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a teacher, half of its residual channels, and two texts; no downloads."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PENJING_HOME", str(tmp_path / "home"))
    monkeypatch.setattr("penjing.bundle.fetch.pull", None)
    monkeypatch.setattr(distilling, "_WINDOW", 64)
    monkeypatch.setattr(distilling, "_STATISTICS", 256)
    monkeypatch.setattr(distilling, "_TRAINING", 2048)
    monkeypatch.setattr(distilling, "_STUDENT_WINDOWS", 4)
    teacher = tiny.checkpoint("llama", layers=2, ffn=128, hidden=64, vocab=400)
    export_gguf(teacher, tmp_path / "teacher.gguf", {})
    student = reshaped(teacher, whole_layers(teacher.config), np.arange(32))
    export_gguf(student, tmp_path / "student.gguf", {})
    (tmp_path / "text.txt").write_text(WORDS * 400, encoding="utf-8")
    lines = "".join(f"{n} {WORDS}\n" for n in range(200))
    (tmp_path / "held.txt").write_text(lines, encoding="utf-8")
    return tmp_path


def line(*more: str) -> list[str]:
    return ["distill", "student.gguf", "-o", "out.gguf", "--teacher", "teacher.gguf", "--text",
            "text.txt", "--held-out", "held.txt", "--windows", "2", "--steps", "9", "--threads",
            "1", "--json", "--quiet", *more]  # fmt: skip


@pytest.fixture
def distill(place: Path, capsys: pytest.CaptureFixture[str]) -> Distill:
    def run(*more: str, status: int = 0) -> dict[str, Any]:
        assert app.main(line(*more)) == status
        found: dict[str, Any] = json.loads(capsys.readouterr().out)
        return found

    return run


def kld(found: dict[str, Any], when: str) -> float:
    values = {m["metric"]: m["value"] for m in found["quality"][when]["measurements"]}
    return float(values["kld_mean"])


@pytest.mark.parametrize(
    "more",
    [
        ("--hidden", "0.5", "--angles", "0.1"),
        ("--labels", "32"),
        ("--on-policy", "0.5"),
    ],
)
def test_the_file_is_nearer_to_its_teacher(
    distill: Distill, place: Path, more: tuple[str, ...]
) -> None:
    found = distill(*more)
    assert found["steps"] == len(found["kl"]) == 9
    assert all(after < before for before, after in found["domains"].values())
    assert kld(found, "after") < kld(found, "before")
    with LlamaCpp.open(place / "out.gguf", threads=1, context=64) as model:
        assert model.score([5, 6, 7]).shape == (3, 400)
    with Checkpoint.open(place / "out.gguf") as made:
        assert {made.tensors[name].codec.name for name in made.quantizable} == {"F16"}


def test_a_stopped_run_goes_on(
    place: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """To the file that one in one piece makes."""
    assert app.main(line()) == 0
    straight = (place / "out.gguf").read_bytes()
    (place / "out.gguf").unlink()
    monkeypatch.setattr(train, "_SAVE_EVERY", 0.0)
    step, calls = train._Run.step, 0

    def dies(self: train._Run, number: int, total: int | None) -> float:
        nonlocal calls
        calls += 1
        if calls == 5:
            raise KeyboardInterrupt
        return step(self, number, total)

    monkeypatch.setattr(train._Run, "step", dies)
    assert app.main(line()) != 0
    assert "goes on from here" in capsys.readouterr().err
    assert not (place / "out.gguf").exists()
    assert app.main(line()) == 0
    assert calls == 5 + 5
    assert (place / "out.gguf").read_bytes() == straight


def test_people_read_what_it_gave(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = [word for word in line("--steps", "3") if word not in {"--json", "--quiet"}]
    assert app.main(words) == 0
    said = capsys.readouterr().out
    assert "text.txt: KLD" in said
    assert "held out, in the engine, after 3 steps" in said
    assert "penjing compress out.gguf" in said


@pytest.mark.parametrize(
    ("more", "why"),
    [
        (("--labels", "8", "--hidden", "1"), "hidden"),
        (("--labels", "8", "--on-policy", "0.5"), "--on-policy"),
        (("--labels", "8", "--temperature", "2"), "--temperature"),
        (("--codec", "Q4_K"), "penjing compress"),
        (("--ram", "1MB"), "memory"),
        (("--text", "nowhere.txt"), "nowhere.txt"),
    ],
)
def test_refusals_are_one_line_and_leave_nothing(
    place: Path, capsys: pytest.CaptureFixture[str], more: tuple[str, ...], why: str
) -> None:
    assert app.main(line(*more)) != 0
    said = capsys.readouterr().err
    assert why in said
    assert len(said.strip().splitlines()) == 1
    assert not (place / "out.gguf").exists()


@pytest.mark.parametrize("other", ["--on-policy", "--temperature", "--angles", "--hidden"])
def test_what_labels_cannot_do_is_said_before_any_work(
    place: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    other: str,
) -> None:
    monkeypatch.setattr(distilling, "_Work", None)
    assert app.main(line("--labels", "8", other, "0.5")) == 2
    assert other in capsys.readouterr().err
    assert not (place / "out.gguf").exists()


def test_other_tokens_and_files_that_are_there(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    export_gguf(tiny.checkpoint("llama", layers=2, vocab=300), place / "other.gguf", {})
    assert app.main(line("--teacher", "other.gguf")) != 0
    assert "300" in capsys.readouterr().err
    (place / "out.gguf").write_text("mine")
    assert app.main(line()) != 0
    assert "--overwrite" in capsys.readouterr().err
    assert (place / "out.gguf").read_text() == "mine"
    assert app.main(["distill", "student.gguf", "-o", "teacher.gguf", "--teacher", "teacher.gguf",
                     "--overwrite"]) != 0  # fmt: skip
    assert "name another file" in capsys.readouterr().err
