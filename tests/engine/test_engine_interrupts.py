"""Ctrl-C while the engine calls back into Python: ctypes would print it and go on."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Any

import pytest
import tiny

from penjing.engine.llamacpp import LlamaCpp
from penjing.ggml import library
from penjing.ggml.layout import EvalCallback
from penjing.workshop.export.gguf import export_gguf


@pytest.fixture
def model_file(tmp_path: Path) -> Path:
    export_gguf(tiny.checkpoint("llama"), tmp_path / "a.gguf", {})
    return tmp_path / "a.gguf"


def test_while_it_reports(model_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Pressing(list[str]):
        def append(self, line: str) -> None:
            super().append(line)
            signal.raise_signal(signal.SIGINT)

    data = model_file.read_bytes().replace(b"blk.1.ffn_up.weight", b"blk.1.ffn_uq.weight")
    model_file.write_bytes(data)  # it will complain
    monkeypatch.setattr(library, "_recent", Pressing())
    with pytest.raises(KeyboardInterrupt):
        LlamaCpp.open(model_file, threads=1)


def test_while_somebody_watches(model_file: Path) -> None:
    """The watcher finishes its work first: a sum that lacks a part would go unnoticed."""
    seen = []

    def watch(_tensor: Any, asking: bool, _data: Any) -> bool:
        if not asking and False not in seen:
            signal.raise_signal(signal.SIGINT)
        seen.append(asking)
        return True

    with LlamaCpp.open(model_file, threads=1) as model:
        with pytest.raises(KeyboardInterrupt):
            model.watch([5, 6, 7], EvalCallback(watch))
        pressed = len(seen)
        seen[:] = [False]
        model.watch([5, 6, 7], EvalCallback(watch))
        assert len(seen) == pressed + 1  # both saw every operation
