"""`penjing evaluate --texts` from the command line to the document."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import tiny

from penjing.cli import app
from penjing.workshop.export.gguf import export_gguf


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "said.txt").write_text("a small tree on a rock\nsome dry soil\n", "utf-8")
    (tmp_path / "wanted.txt").write_text("a small tree on the rock\nthe soil is dry\n", "utf-8")
    (tmp_path / "three.txt").write_text("a\nb\nc\n", "utf-8")
    (tmp_path / "zh.txt").write_text("一棵小树\n土是干的\n", "utf-8")
    return tmp_path


def evaluate(*words: str) -> int:
    return app.main(["evaluate", *words, "--quiet"])


def test_a_document(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert evaluate("--texts", "said.txt", "--references", "wanted.txt", "--json") == 0
    found = json.loads(capsys.readouterr().out)
    metrics = {one["metric"]: one["value"] for one in found["measurements"]}
    assert (found["n"], found["rule"], found["references"]) == (2, "13a", "wanted.txt")
    assert 0 < metrics["bleu"] < metrics["chrf"] < 100
    assert len(found["control"]) == 5
    assert evaluate("--texts", "zh.txt", "--json") == 0
    assert json.loads(capsys.readouterr().out)["rule"] == "zh"


def test_a_person_sees_a_table(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert evaluate("--texts", "said.txt", "--references", "wanted.txt") == 0
    out = capsys.readouterr().out
    for word in ("rougeL", "distinct2", "control", "2 lines of said.txt"):
        assert word in out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "give a MODEL, or --texts FILE"),
        (("model.gguf", "--texts", "said.txt"), "give a MODEL, or --texts FILE"),
        (("--references", "said.txt"), "give a MODEL, or --texts FILE"),
        (("--texts", "said.txt", "--references", "three.txt"), "2 lines and three.txt has 3"),
        (("--texts", "no.txt"), "no.txt"),
    ],
)
def test_mistakes_are_one_line(
    here: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], said: str
) -> None:
    assert evaluate(*words) == 2
    err = capsys.readouterr().err
    assert said in err
    assert len(err.strip().splitlines()) == 1


def test_one_line_has_blanks_and_nulls(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "one.txt").write_text("tree\n", "utf-8")
    assert evaluate("--texts", "one.txt", "--json") == 0
    found = {
        one["metric"]: one["value"] for one in json.loads(capsys.readouterr().out)["measurements"]
    }
    assert (found["distinct2"], found["self_bleu"]) == (None, None)
    assert evaluate("--texts", "one.txt", "--references", "one.txt") == 0
    out = capsys.readouterr().out
    assert "nan" not in out
    assert "1 line of one.txt" in out
    assert " to " not in out


def test_fluency_under_a_model(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    export_gguf(tiny.checkpoint(), here / "tiny.gguf", {})
    words = ("--texts", "said.txt", "--under", "tiny.gguf", "--threads", "1", "--json")
    assert evaluate(*words) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["under"] == "tiny"
    measured = found["measurements"][-1]
    assert measured["metric"] == "fluency_perplexity"
    assert 1 < measured["value"] < 2000
    assert (measured["low"], measured["high"]) == (None, None)  # of two lines
    assert found["control"][0]["metric"] == "fluency_perplexity"
    few = ("--texts", "said.txt", "--questions", "wanted.txt")
    assert evaluate(*few) == 2
    assert "at least 4 lines" in capsys.readouterr().err
