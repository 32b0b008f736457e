"""Compression of a Hugging Face folder: other families, and a start that is no file yet."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from place import prose

from penjing.bundle.folder import read_manifest
from penjing.cli.app import main
from penjing.engine.llamacpp import LlamaCpp

TEXT = "The cat sat on the mat, and 12 dogs ran over 3 hills. 你好，世界。 " * 400


@pytest.mark.parametrize("family", ["qwen3", "gemma3"])
def test_a_folder_becomes_a_bundle(
    family: str, tiny_folder: Callable[..., Path], tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    (tmp_path / "held.txt").write_text(TEXT)
    (tmp_path / "own.txt").write_text(prose(2, 800))
    capsys.readouterr()
    status = main(
        [
            "compress",
            str(tiny_folder(family)),
            "-o",
            str(tmp_path / "out"),
            "--size",
            "150KB",
            "--effort",
            "light",
            "--held-out",
            str(tmp_path / "held.txt"),
            "--text",
            str(tmp_path / "own.txt"),
            "--threads",
            "1",
            "--json",
            "--quiet",
        ]
    )
    made = json.loads(capsys.readouterr().out)
    assert status == 0
    assert made["file"]["bytes"] <= 150_000 < made["baseline"]["bytes"]
    assert read_manifest(tmp_path / "out").architecture == family
    kld = next(m for m in made["measurements"] if m["metric"] == "kld_mean")
    assert 0 < kld["low"] <= kld["value"] <= kld["high"]
    with LlamaCpp.open(tmp_path / "out" / "model.gguf", threads=1) as model:
        assert model.score(model.tokenize("The cat")).shape[1] == model.vocabulary
