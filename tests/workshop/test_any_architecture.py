"""Every architecture the engine loads is compressed, evaluated and talked to, with no word of ours
about any of them: tiny files of each, built from the engine's own names, through the commands."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import families
import pytest
from place import prose
from splitting import split

from penjing.bundle.folder import verify
from penjing.bundle.gguf_reader import GGUFFile
from penjing.cli.app import main
from penjing.workshop.compress import measure, settings
from penjing.workshop.compress.settings import EFFORTS

QUICK = replace(
    EFFORTS["light"], calibration_tokens=512, held_out_windows=1, assemblies=3, readings=12
)
"""As effort light does it, and less of it."""


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PENJING_HOME", str(tmp_path / "home"))
    monkeypatch.setitem(settings.EFFORTS, "light", QUICK)
    monkeypatch.setattr(measure, "_ROUNDS", 1)
    (tmp_path / "held.txt").write_text(prose(1, 400))
    (tmp_path / "own.txt").write_text(prose(2, 800))


def compress(capsys: Any, model: Path, folder: Path, *more: str) -> tuple[dict[str, Any], str]:
    capsys.readouterr()
    words = ["compress", str(model), "-o", str(folder / "out"), "--bits", "8", "--effort", "light"]
    words += ["--held-out", str(folder / "held.txt"), "--text", str(folder / "own.txt")]
    words += ["--threads", "1", "--json", *more]
    assert main(words) == 0
    said = capsys.readouterr()
    return json.loads(said.out), said.err


def answered(capsys: Any, *words: str) -> dict[str, Any]:
    capsys.readouterr()
    assert main([*words, "--json"]) == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


@pytest.mark.parametrize("name", families.FAMILIES)
def test_is_compressed_evaluated_and_talked_to(name: str, tmp_path: Path, capsys: Any) -> None:
    model = families.write(tmp_path / "m.gguf", name)
    made, _ = compress(capsys, model, tmp_path, "--in-engine")
    assert made["method"]["path"] == "engine"
    assert made["file"]["bytes"] <= made["budget"]["bytes"] < model.stat().st_size
    kept = {row["metric"]: row["value"] for row in made["measurements"]}
    assert 0 < kept["kld_mean"] < 0.1
    out = tmp_path / "out"
    verify(out)
    with GGUFFile.open(model) as before, GGUFFile.open(out / "model.gguf") as after:
        assert [(t.name, t.shape) for t in before.tensors.values()] == [
            (t.name, t.shape) for t in after.tensors.values()
        ]
        changed = [n for n, t in after.tensors.items() if t.codec != before.tensors[n].codec]
        assert changed
        for tensor in after.tensors.values():
            assert len(tensor.shape) > 1 or tensor.codec.name == "F32"
    text = str(tmp_path / "held.txt")
    found = answered(
        capsys, "evaluate", str(out), "--baseline", str(model), "--text", text, "--threads", "1"
    )
    again = next(m["value"] for m in found["measurements"] if m["metric"] == "kld_mean")
    assert 0 < again < 0.1
    said = answered(capsys, "chat", str(out), "--once", "hello", "--max-tokens", "4")
    assert said["usage"]["completion_tokens"] in range(1, 5)


def test_the_path_is_told_kept_in_the_recipe_and_made_again(tmp_path: Path, capsys: Any) -> None:
    model = families.write(tmp_path / "m.gguf", "exaone4")
    made, _ = compress(capsys, model, tmp_path)  # of itself: no forward pass of ours
    out = tmp_path / "out"
    assert made["method"]["path"] == "engine"
    assert "measured in the engine" in (out / "report.html").read_text()
    again = answered(
        capsys, "compress", str(model), "-o", str(tmp_path / "again"), "--recipe",
        str(out / "recipe.yaml"), "--held-out", str(tmp_path / "held.txt"),
        "--text", str(tmp_path / "own.txt"), "--threads", "1",
    )  # fmt: skip
    assert again["method"]["path"] == "engine"
    assert again["file"]["sha256"] == made["file"]["sha256"]


def test_a_file_in_parts_is_compressed_whole(tmp_path: Path, capsys: Any) -> None:
    model = families.write(tmp_path / "m.gguf", "qwen3moe")
    (tmp_path / "parts").mkdir()
    first, *others = split(model, tmp_path / "parts" / "m.gguf", 7)
    assert others
    made, _ = compress(capsys, first, tmp_path)
    assert made["method"]["path"] == "engine"
    whole, _ = compress(capsys, model, tmp_path, "--overwrite")
    assert made["file"]["bytes"] == whole["file"]["bytes"]


def test_a_plan_says_the_path_and_no_training(tmp_path: Path, capsys: Any) -> None:
    model = families.write(tmp_path / "m.gguf", "mamba")
    found = answered(
        capsys, "compress", str(model), "-o", str(tmp_path / "x"), "--bits", "6", "--dry-run",
        "--held-out", str(tmp_path / "held.txt"), "--text", str(tmp_path / "own.txt"),
    )  # fmt: skip
    assert found["path"] == "engine"
    assert found["architecture"] == "mamba"
    assert not any("trained" in stage or "make up" in stage for stage in found["stages"])
    assert not (tmp_path / "x").exists()


def test_a_folder_and_methods_that_the_engine_alone_cannot_do(tmp_path: Path, capsys: Any) -> None:
    model = families.write(tmp_path / "m.gguf", "mamba")
    held = str(tmp_path / "held.txt")
    words = ["compare", str(model), "-o", str(tmp_path / "c"), "--sizes", "100KB", "--effort"]
    assert main([*words, "light", "--methods", "awq", "--held-out", held]) == 2
    assert "awq needs a forward pass" in capsys.readouterr().err
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "config.json").write_text('{"architectures": ["LlamaForCausalLM"]}')
    (tmp_path / "folder" / "model.safetensors").write_bytes(b"")
    words = ["compress", str(tmp_path / "folder"), "-o", str(tmp_path / "o"), "--bits", "6"]
    assert main([*words, "--in-engine", "--held-out", held]) == 2
    assert "--in-engine reads a .gguf file" in capsys.readouterr().err


def test_methods_are_compared_in_the_engine(tmp_path: Path, capsys: Any) -> None:
    model = families.write(tmp_path / "m.gguf", "qwen3moe")
    found = answered(
        capsys, "compare", str(model), "-o", str(tmp_path / "c"), "--sizes", "130KB",
        "--methods", "searched,gptq", "--effort", "light", "--threads", "1",
        "--held-out", str(tmp_path / "held.txt"), "--text", str(tmp_path / "own.txt"),
    )  # fmt: skip
    assert {"searched", "gptq"} <= {each["name"] for each in found["methods"]}
    assert (tmp_path / "c" / "compare.html").exists()
