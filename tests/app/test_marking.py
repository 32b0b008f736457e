"""`penjing mark`: a code in the weights of a model that runs, and what is said of other files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import tiny

from penjing.cli import app
from penjing.workshop.export.gguf import export_gguf

WORDS = "he said that the small tree on the rock is older than she is, and he pruned it. "


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two models and a text; one of them marked."""
    place = tmp_path_factory.mktemp("marking")
    for seed, name in enumerate(("mine.gguf", "other.gguf")):
        model = tiny.checkpoint("llama", hidden=128, ffn=256, layers=3, seed=seed)
        export_gguf(model, place / name, dict.fromkeys(model.quantizable, "Q4_0"))
    (place / "text.txt").write_text(WORDS * 20)
    words = ["--receipt", str(place / "r.mark"), "--code", "00ff00ff12345678", "--threads", "1"]
    words += ["-o", str(place / "marked.gguf"), "--text", str(place / "text.txt"), "--quiet"]
    assert app.main(["mark", "write", str(place / "mine.gguf"), *words]) == 0
    return place


def read(capsys: pytest.CaptureFixture[str], path: Path, status: int) -> Any:
    receipt = path.parent / "r.mark"
    assert app.main(["mark", "read", str(path), "--receipt", str(receipt), "--json"]) == status
    return json.loads(capsys.readouterr().out)


def test_written_and_read(built: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = read(capsys, built / "marked.gguf", 0)
    assert (found["code"], found["matching_bits"]) == ("00ff00ff12345678", 64)
    assert found["log10_p"] < -9
    for name in ("mine.gguf", "other.gguf"):
        found = read(capsys, built / name, 1)
        assert (found["found"], found["code"]) == (False, None)
    words = ["mark", "read", str(built / "marked.gguf"), "--receipt", str(built / "r.mark")]
    assert app.main([*words, "--quiet"]) == 0
    assert "carries the mark" in capsys.readouterr().out
    words[2] = str(built / "mine.gguf")
    assert app.main([*words, "--quiet"]) == 1
    shown = capsys.readouterr().out
    assert "there is no evidence that" in shown
    assert "code" not in shown
    assert "10^0.0" not in shown.replace("-", "")


def test_it_still_runs_and_says_nearly_the_same(
    built: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PENJING_HOME", str(built / "home"))
    words = ["evaluate", str(built / "marked.gguf"), "--baseline", str(built / "mine.gguf")]
    words += ["--text", str(built / "text.txt"), "--context", "64", "--windows", "4"]
    assert app.main([*words, "--threads", "1", "--json", "--quiet"]) == 0
    kept = {
        one["metric"]: one["value"] for one in json.loads(capsys.readouterr().out)["measurements"]
    }
    assert 0 < kept["kld_mean"] < 0.05  # every fiftieth weight of a tiny model moved


@pytest.mark.parametrize(("words", "says"), [
    (["write", "mine.gguf", "-o", "x.gguf", "--receipt", "x"], "does not end in .mark"),
    (["write", "mine.gguf", "-o", "x", "--receipt", "x.mark"], "does not end in .gguf"),
    (["write", "mine.gguf", "-o", "marked.gguf", "--receipt", "x.mark"], "there already"),
    (["write", "mine.gguf", "-o", "x.gguf", "--receipt", "x.mark", "--code", "12"], "hexadecimal"),
    (["read", "marked.gguf", "--receipt", "text.txt"], "JSON"),
    (["read", "marked.gguf", "--receipt", "cut.mark"], "get it again, as penjing mark write made"),
    (["read", "marked.gguf", "--receipt", "none.json"], "get it again, as penjing mark write made"),
    (["write", "mine.gguf", "-o", "no/x.gguf", "--receipt", "x.mark"], "there is no folder no"),
    (["key", "t"], "does not end in .key"),
    (["key", "no/t.key"], "there is no folder no"),
    (["read", "marked.gguf", "--receipt", "none.mark"], "no such file"),
])  # fmt: skip
def test_what_cannot_be_is_one_line(
    built: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch,
    words: list[str], says: str,
) -> None:  # fmt: skip
    monkeypatch.chdir(built)
    (built / "cut.mark").write_bytes((built / "r.mark").read_bytes()[:500])
    (built / "none.json").write_text("{}")
    assert app.main(["mark", *words, "--quiet"]) == 2
    shown = capsys.readouterr()
    assert says in shown.err
    assert shown.err.count("\n") == 1
    assert "mend it" not in shown.err
    assert not (built / "no").exists()
