"""The importance collected in the engine is the mean square the torch forward sees."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import families
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


def test_experts_have_their_own_over_the_tokens_they_were_sent(tmp_path: Path) -> None:
    path = families.write(tmp_path / "m.gguf", "qwen3moe")
    watcher = importance._Watcher()
    with LlamaCpp.open(path, threads=1) as engine:
        for window in WINDOWS:
            engine.watch(window, watcher.callback)
    tokens = sum(map(len, WINDOWS))
    for layer in range(2):
        router, gate, down = (
            f"blk.{layer}.ffn_{n}.weight" for n in ("gate_inp", "gate_exps", "down_exps")
        )
        assert watcher.rows[gate].shape == (families.E,)
        assert watcher.rows[gate].sum() == watcher.rows[down].sum() == 2 * tokens
        # each token goes to two experts, all of which read what the router reads
        np.testing.assert_allclose(watcher.sums[gate].sum(0), 2 * watcher.sums[router], rtol=1e-5)
        assert watcher.sums[down].shape == (families.E, families.FE)


def test_all_experts_used_read_what_the_router_reads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    every = {**families.ROUTED, "expert_used_count": families.E}
    family = replace(families.FAMILIES["qwen3moe"], numbers=families.NORMED | every)
    monkeypatch.setattr(families, "FAMILIES", {"qwen3moe": family})
    path = families.write(tmp_path / "m.gguf", "qwen3moe")
    with LlamaCpp.open(path, threads=1) as engine:
        found = importance.collect(engine, WINDOWS, Silent())
    for each in found["blk.0.ffn_gate_exps.weight"]:
        np.testing.assert_allclose(each, found["blk.0.ffn_gate_inp.weight"], rtol=1e-5)


def test_an_expert_without_tokens_has_the_mean_of_the_others() -> None:
    sums = np.array([[8.0, 0.0], [0.0, 0.0]])
    found = importance._mean(sums, np.array([4, 0]))
    np.testing.assert_allclose(found[1], [2.0, 0.0])
    np.testing.assert_allclose(found[0], [2.0, 0.0])
    assert (importance._mean(np.zeros((2, 3)), np.zeros(2, np.int64)) == 1).all()
