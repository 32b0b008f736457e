"""The importance collected in the engine is the mean square the torch forward sees."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tiny
import torch

from penjing.core.errors import FormatError
from penjing.core.progress import Silent
from penjing.engine.llamacpp import LlamaCpp
from penjing.workshop import importance
from penjing.workshop.export.gguf import export_gguf
from penjing.workshop.forward import TorchModel

WINDOWS = np.random.default_rng(3).integers(3, 260, (2, 40)).tolist()


class Recording(TorchModel):
    """Sums the squares of what each matrix multiplies, the independent way."""

    def _linear(self, x: torch.Tensor, name: str) -> torch.Tensor:
        self.seen.setdefault(f"{name}.weight", []).append(x.reshape(-1, x.shape[-1]))
        return super()._linear(x, name)

    def logits(self, hidden: torch.Tensor) -> torch.Tensor:
        x = self._norm(hidden, "output_norm")
        self.seen.setdefault("head", []).append(x.reshape(-1, x.shape[-1]))
        return super().logits(hidden)


@pytest.mark.parametrize("family", ["llama", "qwen3", "gemma3"])
def test_equals_the_torch_forward(family: str, tmp_path: Path) -> None:
    checkpoint = tiny.checkpoint(family)
    path = tmp_path / "m.gguf"
    export_gguf(checkpoint, path, {})
    with LlamaCpp.open(path, threads=1) as engine:
        found = importance.collect(engine, WINDOWS, Silent())
    model = Recording.load(checkpoint)
    model.seen = {}
    with torch.no_grad():
        for window in WINDOWS:
            model.forward(torch.tensor(window))
    inputs = {n for n in checkpoint.quantizable if n != "token_embd.weight"}
    tied = "output.weight" not in checkpoint.tensors
    assert set(found) == inputs | ({"token_embd.weight"} if tied else set())
    for name, values in found.items():
        key = "head" if name in ("token_embd.weight", "output.weight") else name
        expected = torch.cat(model.seen[key]).square().mean(0).numpy()
        np.testing.assert_allclose(values, expected, rtol=2e-2, err_msg=name)


def test_a_killed_collection_goes_on_where_it_was(tmp_path: Path, monkeypatch) -> None:
    path, partial = tmp_path / "m.gguf", tmp_path / "sums.npz"
    export_gguf(tiny.checkpoint("llama"), path, {})
    monkeypatch.setattr(importance, "_SAVE_EVERY", 0.0)
    with LlamaCpp.open(path, threads=1) as engine:
        whole = importance.collect(engine, WINDOWS, Silent())
        importance.collect(engine, WINDOWS[:1], Silent(), partial=partial)
        seen = []
        monkeypatch.setattr(
            engine, "watch", lambda w, c, watch=engine.watch: (seen.append(w), watch(w, c))
        )
        resumed = importance.collect(engine, WINDOWS, Silent(), partial=partial)
    assert seen == WINDOWS[1:]
    for name, values in whole.items():
        np.testing.assert_allclose(resumed[name], values, rtol=1e-6)


def test_survives_the_disk_and_refuses_other_files(tmp_path: Path) -> None:
    path = tmp_path / "i.npz"
    made = {"blk.0.attn_q.weight": np.arange(4, dtype=np.float32)}
    importance.save(made, path)
    back = importance.restore(path)
    assert np.array_equal(back["blk.0.attn_q.weight"], made["blk.0.attn_q.weight"])
    path.write_bytes(b"nonsense")
    with pytest.raises(FormatError):
        importance.restore(path)
