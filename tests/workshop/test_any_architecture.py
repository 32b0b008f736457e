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


def compress(capsys: Any, model: Path, folder: Path, *more: str) -> tuple[dict[str, Any], str]:
    capsys.readouterr()
    words = ["compress", str(model), "-o", str(folder / "out"), "--bits", "8", "--effort", "light"]
    words += ["--held-out", str(folder / "held.txt"), "--threads", "1", "--json", *more]
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
