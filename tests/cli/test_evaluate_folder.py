"""`penjing evaluate FOLDER` measures what the folder's GGUF would be, in the real engine."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import tiny

from penjing.cli import app
from penjing.workshop.checkpoint import Checkpoint
from penjing.workshop.export.gguf import export_gguf

TEXT = "The small tree is pruned for years, and stays small, and stays alive. " * 8


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PENJING_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "text.txt").write_text(TEXT)
    return tmp_path


def test_a_folder_is_measured_as_the_file_it_would_be(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def evaluate(*words: str) -> Any:
        more = ("--text", "text.txt", "--context", "32", "--windows", "2", "--json", "--quiet")
        assert app.main(["evaluate", *words, *more]) == 0
        assert not list((here / "home" / "work").glob("folder-*"))
        return json.loads(capsys.readouterr().out)

    folder = tiny.folder(here / "models--me--tiny" / "snapshots" / "abc", "llama")
    with Checkpoint.open(folder) as checkpoint:
        export_gguf(checkpoint, here / "whole.gguf", {})
    found = [evaluate(model) for model in ("models--me--tiny", str(folder), "whole.gguf")]
    assert [each["model"] for each in found] == ["tiny", "tiny", "whole"]
    assert len({json.dumps(each["measurements"]) for each in found}) == 1
    assert len({each["hashes"]["model"] for each in found}) == 1
    kept = evaluate("whole.gguf", "--baseline", "models--me--tiny")["measurements"]
    assert next(each for each in kept if each["metric"] == "same_top")["value"] == 1
