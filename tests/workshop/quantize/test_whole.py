"""A whole model rounded: Hessians of the right inputs, kills lose nothing, better than alone."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from penjing.bundle.codecs import CODECS, codec
from penjing.core.errors import FormatError
from penjing.core.progress import Silent
from penjing.ggml.quantize import dequantize
from penjing.workshop.architectures import ARCHITECTURES
from penjing.workshop.checkpoint import Checkpoint
from penjing.workshop.divergence import kld
from penjing.workshop.forward import TorchModel
from penjing.workshop.quantize import whole
from penjing.workshop.quantize.gptq import gptq
from penjing.workshop.quantize.grids import GRIDS
from penjing.workshop.quantize.scales import round_to, search
from penjing.workshop.quantize.whole import Store, Wish, round_model

Tiny = Callable[..., Checkpoint]
FAMILIES = sorted(ARCHITECTURES)


def windows(checkpoint: Checkpoint, count: int = 6, length: int = 32) -> list[list[int]]:
    chance = np.random.default_rng(0)
    drawn: list[list[int]] = chance.integers(0, checkpoint.config.vocab, (count, length)).tolist()
    return drawn


def plan_of(checkpoint: Checkpoint) -> dict[str, str]:
    rows = {name: checkpoint.tensors[name].shape[1] for name in checkpoint.quantizable}
    coarse = {name for name in rows if "ffn" in name and CODECS["Q2_0"].fits(rows[name])}
    assert coarse
    return {name: "Q2_0" if name in coarse else "IQ4_NL" for name in rows}


def rounded(checkpoint: Checkpoint, plan: dict[str, str], store: Store) -> dict[str, torch.Tensor]:
    out = {}
    for name, wanted in plan.items():
        source = checkpoint.tensors[name]
        raw = store.raw(source, codec(wanted))
        out[name] = torch.from_numpy(dequantize(codec(wanted), raw, source.shape))
    return out


def divergence(checkpoint: Checkpoint, weights: dict[str, torch.Tensor]) -> float:
    model, text = TorchModel.load(checkpoint), torch.tensor(windows(checkpoint, 8))
    clean = model.forward(text).log_softmax(-1)
    with model.replaced(weights):
        return float(kld(clean, model.forward(text)).mean())


@pytest.mark.parametrize("family", FAMILIES)
def test_errors_are_made_up_for(family: str, tiny_checkpoint: Tiny, tmp_path: Path) -> None:
    """Lower KLD than the same codecs with searched scales alone."""
    checkpoint = tiny_checkpoint(family, hidden=64)
    plan, text = plan_of(checkpoint), windows(checkpoint)
    store = Store(tmp_path)
    round_model(checkpoint, Wish(plan, latents=True), text, store, Silent())
    alone = {}
    for name, wanted in plan.items():
        w = torch.from_numpy(checkpoint.tensors[name].load())
        grid = GRIDS[wanted]
        alone[name] = grid.values(round_to(grid, w, search(grid, w, torch.ones(w.shape[1]))))
    corrected = divergence(checkpoint, rounded(checkpoint, plan, store))
    assert corrected < 0.9 * divergence(checkpoint, alone)


def test_the_hessian_is_that_of_the_rounded_inputs(tiny_checkpoint: Tiny, tmp_path: Path) -> None:
    """Block 1's queries: rounded by hand on what a rounded embedding and block 0 give them."""
    checkpoint = tiny_checkpoint("llama", hidden=64)
    plan, text = plan_of(checkpoint), windows(checkpoint)
    store = Store(tmp_path)
    round_model(checkpoint, Wish(plan, latents=True), text, store, Silent())
    model = TorchModel.load(checkpoint)
    before = {
        name: w
        for name, w in rounded(checkpoint, plan, store).items()
        if not name.startswith("blk.1.")
    }
    with model.replaced(before), torch.no_grad():
        hidden = model.block(0, model.embed(torch.tensor(text)))
        weight = model.weights["blk.1.attn_norm.weight"]
        x = torch.nn.functional.rms_norm(hidden, weight.shape, weight, model.config.rms_eps)
    flat = x.reshape(-1, x.shape[-1])
    name = "blk.1.attn_q.weight"
    found = gptq(GRIDS["IQ4_NL"], model.weights[name], flat.T @ flat / len(flat))
    stored = rounded(checkpoint, {name: "IQ4_NL"}, store)[name]
    same = (GRIDS["IQ4_NL"].values(found.blocks) == stored).float().mean()
    assert same > 0.98  # sums in another order may flip a tie


def test_latents_round_to_what_is_stored(tiny_checkpoint: Tiny, tmp_path: Path) -> None:
    checkpoint = tiny_checkpoint("llama", hidden=64)
    plan, store = plan_of(checkpoint), Store(tmp_path)
    round_model(checkpoint, Wish(plan, latents=True), windows(checkpoint), store, Silent())
    for name, wanted in plan.items():
        source, grid = checkpoint.tensors[name], GRIDS[wanted]
        raw = store.raw(source, grid.codec)
        blocks = grid.decode(raw, (source.shape[0], source.shape[1]))
        again = round_to(grid, store.latent(name), blocks.scales)
        assert torch.equal(again.codes, blocks.codes)


def test_a_codec_that_does_not_change_keeps_its_bytes(
    tiny_checkpoint: Tiny, tmp_path: Path
) -> None:
    checkpoint = tiny_checkpoint("llama", hidden=64)
    name = "blk.0.ffn_up.weight"
    own = checkpoint.tensors[name]
    plan = {**plan_of(checkpoint), name: own.codec.name}
    store = Store(tmp_path)
    round_model(checkpoint, Wish(plan, latents=False), windows(checkpoint), store, Silent())
    assert np.array_equal(store.raw(own, own.codec), own.raw())


def test_a_killed_run_goes_on_and_gives_the_same(
    tiny_checkpoint: Tiny, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkpoint = tiny_checkpoint("qwen3", hidden=64)
    plan, text = plan_of(checkpoint), windows(checkpoint)
    straight, broken = Store(tmp_path / "straight"), Store(tmp_path / "broken")
    round_model(checkpoint, Wish(plan, latents=False), text, straight, Silent())
    calls = 0

    def dies(*args: object, **options: object) -> object:
        nonlocal calls
        calls += 1
        if calls == 5:
            raise KeyboardInterrupt
        return gptq(*args, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(whole, "gptq", dies)
    with pytest.raises(KeyboardInterrupt):
        round_model(checkpoint, Wish(plan, latents=False), text, broken, Silent())
    done = calls - 1
    monkeypatch.setattr(whole, "gptq", gptq)
    assert 0 < sum(broken.has(name, latent=False) for name in plan) < len(plan)
    round_model(checkpoint, Wish(plan, latents=False), text, broken, Silent())
    assert done == 4
    for name, wanted in plan.items():
        source = checkpoint.tensors[name]
        assert np.array_equal(
            broken.raw(source, codec(wanted)), straight.raw(source, codec(wanted))
        )


def test_a_damaged_result_is_refused(tiny_checkpoint: Tiny, tmp_path: Path) -> None:
    checkpoint = tiny_checkpoint("llama", hidden=64)
    plan, store = plan_of(checkpoint), Store(tmp_path)
    round_model(checkpoint, Wish(plan, latents=True), windows(checkpoint), store, Silent())
    name = "blk.0.attn_q.weight"
    (tmp_path / f"{name}.bin").write_bytes(b"short")
    (tmp_path / f"{name}.npy").write_bytes(b"no array")
    with pytest.raises(FormatError, match="--restart"):
        store.raw(checkpoint.tensors[name], codec("IQ4_NL"))
    with pytest.raises(FormatError, match="--restart"):
        store.latent(name)


def test_a_large_matrix_is_rounded_some_rows_at_a_time_to_the_same(
    tiny_checkpoint: Tiny, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkpoint = tiny_checkpoint("llama")
    plan, text = plan_of(checkpoint), windows(checkpoint)
    found = []
    for large in (whole._LARGE, 4096):
        monkeypatch.setattr(whole, "_LARGE", large)
        store = Store(tmp_path / str(large))
        round_model(checkpoint, Wish(plan, latents=True), text, store, Silent())
        found.append(store)
    source = checkpoint.tensors["token_embd.weight"]
    assert source.parameters > 4096
    kind = codec(plan[source.name])
    raws = [store.raw(source, kind) for store in found]
    assert np.mean(raws[0] != raws[1]) < 1e-3  # the order of sums
    latents = [store.latent(source.name) for store in found]
    assert torch.allclose(latents[0], latents[1], atol=1e-3)


def test_no_table_is_held_while_blocks_are_rounded(
    tiny_checkpoint: Tiny, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a small model with a large vocabulary, embedding and head are more than all the rest."""
    checkpoint, seen, held = tiny_checkpoint("olmo2", hidden=64), [], []
    values, block = whole._Worker._values, whole._Worker.block

    def noted(self: Any, name: str) -> torch.Tensor:
        found = values(self, name)
        if not name.startswith("blk."):
            seen.append(weakref.ref(found))
        return found

    def looked(self: Any, *args: Any) -> Any:
        held.append(sum(table() is not None for table in seen))
        return block(self, *args)

    monkeypatch.setattr(whole._Worker, "_values", noted)
    monkeypatch.setattr(whole._Worker, "block", looked)
    wish = Wish(plan_of(checkpoint), latents=False)
    round_model(checkpoint, wish, windows(checkpoint), Store(tmp_path), Silent())
    assert seen
    assert held == [0] * checkpoint.config.layers
