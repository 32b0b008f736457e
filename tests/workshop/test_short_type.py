"""Which number type a machine is fast in is measured once: a busy moment changes nothing later."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from penjing.workshop.compress import short_type as module
from penjing.workshop.compress.short_type import keep_short_type, short_type


def test_what_was_measured_first_holds_for_later_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    measured = iter([torch.bfloat16, torch.bfloat16, torch.float32])
    monkeypatch.setattr(module, "fast_dtype", lambda _: next(measured))
    assert short_type(tmp_path) == torch.bfloat16
    assert list(tmp_path.iterdir()) == []  # asking writes nothing
    keep_short_type(tmp_path)
    assert short_type(tmp_path) == torch.bfloat16
    keep_short_type(tmp_path)  # the next run, which would have measured another
    assert short_type(tmp_path) == torch.bfloat16


def test_another_machine_measures_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "fast_dtype", lambda _: torch.bfloat16)
    keep_short_type(tmp_path)
    monkeypatch.setattr(module, "fast_dtype", lambda _: torch.float32)
    monkeypatch.setattr(module.torch, "__version__", "another")
    assert short_type(tmp_path) == torch.float32


@pytest.mark.parametrize("content", ["", "[]", '"int3"', "{"])
def test_a_damaged_note_is_measured_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str
) -> None:
    monkeypatch.setattr(module, "fast_dtype", lambda _: torch.float32)
    keep_short_type(tmp_path)
    (path,) = tmp_path.iterdir()
    path.write_text(content)
    assert short_type(tmp_path) == torch.float32
    keep_short_type(tmp_path)
    assert path.read_text() == '"float32"'
