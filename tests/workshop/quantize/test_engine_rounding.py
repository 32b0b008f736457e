"""GPTQ with Hessians from the engine: the same codes as our own forward pass leads to, and less
error of the output than importance alone."""

from __future__ import annotations

from pathlib import Path

import families
import numpy as np
import pytest
import tiny
import torch

from penjing.bundle.codecs import codec
from penjing.core.progress import Silent
from penjing.engine.llamacpp import LlamaCpp
from penjing.ggml.quantize import dequantize
from penjing.workshop import importance as imatrix
from penjing.workshop.export.gguf import export_gguf
from penjing.workshop.quantize import engine_rounding, whole
from penjing.workshop.quantize.engine_rounding import Work
from penjing.workshop.quantize.stored import encode_stored
from penjing.workshop.quantize.whole import Store, Wish
from penjing.workshop.surveyed import open_surveyed

WINDOWS = np.random.default_rng(3).integers(3, 260, (8, 64)).tolist()


def rounded(path: Path, folder: Path, kind: str) -> tuple[Store, dict[str, np.ndarray]]:
    """A store of the whole model in one codec, and the importance that was used."""
    with open_surveyed(path, threads=1) as checkpoint:
        with LlamaCpp.open(path, threads=1) as engine:
            found = imatrix.collect(engine, WINDOWS, Silent())
        importance = imatrix.with_lookups(checkpoint, found)
        plan = dict.fromkeys(checkpoint.quantizable, kind)
        work = Work(checkpoint, path, plan, importance, WINDOWS, 1)
        store = Store(folder)
        engine_rounding.round_model(work, store, Silent())
    return store, importance


def test_follows_our_own_walk(tmp_path: Path) -> None:
    made = tiny.checkpoint("llama", hidden=64, ffn=128, layers=2)
    path = tmp_path / "m.gguf"
    export_gguf(made, path, dict.fromkeys(made.quantizable, "F16"))
    store, _ = rounded(path, tmp_path / "engine", "Q4_0")
    with open_surveyed(path, threads=1) as checkpoint:
        known = type(checkpoint).open(path)
        ours = Store(tmp_path / "torch")
        wish = Wish(dict.fromkeys(known.quantizable, "Q4_0"), latents=False)
        whole.round_model(known, wish, WINDOWS, ours, Silent())
        kind = codec("Q4_0")
        for name in known.quantizable:
            source = known.tensors[name]
            a, b = (dequantize(kind, s.raw(source, kind), source.shape) for s in (store, ours))
            # the engine's activations have eight bits in places: most codes are the same
            assert np.mean(np.isclose(a, b, atol=1e-3)) > 0.8, name
        known.close()


@pytest.mark.parametrize("name", ["starcoder2", "gpt-oss", "falcon-h1"])
def test_the_output_of_each_matrix_is_nearer(name: str, tmp_path: Path) -> None:
    path = families.write(tmp_path / "m.gguf", name)
    store, importance = rounded(path, tmp_path / "store", "Q2_0")
    kind = codec("Q2_0")
    with open_surveyed(path, threads=1) as checkpoint:
        flat = [n for n in checkpoint.quantizable if len(checkpoint.tensors[n].shape) == 2]
        last = flat[-1]
        hessian = hessian_of(path, last)
        source = checkpoint.tensors[last]
        weights = source.load()
        plain = dequantize(kind, encode_stored(kind, source, importance[last]), source.shape)
        better = dequantize(kind, store.raw(source, kind), source.shape)
        for stack in (n for n in checkpoint.quantizable if n not in flat):
            expected = encode_stored(kind, checkpoint.tensors[stack], importance[stack])
            assert np.array_equal(store.raw(checkpoint.tensors[stack], kind), expected)
    errors = [
        float(np.einsum("ij,jk,ik->", d, hessian, d)) for d in (weights - plain, weights - better)
    ]
    assert errors[1] < errors[0]


def hessian_of(path: Path, name: str) -> np.ndarray:
    """Sum of x x^T of one weight's input in the clean model."""
    watcher = engine_rounding._Watcher({name})
    with LlamaCpp.open(path, threads=1) as model:
        for window in WINDOWS:
            watcher.left = {name}
            model.watch(window, watcher.callback)
    return watcher.sums[name].double().numpy()


def test_a_killed_run_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = families.write(tmp_path / "m.gguf", "phi3")
    rounded(path, tmp_path / "whole", "Q4_0")
    put, count = Store.put, []

    def dies(self: Store, name: str, raw: np.ndarray, latent: torch.Tensor | None) -> None:
        count.append(name)
        if len(count) > 4:
            raise KeyboardInterrupt
        put(self, name, raw, latent)

    monkeypatch.setattr(Store, "put", dies)
    with pytest.raises(KeyboardInterrupt):
        rounded(path, tmp_path / "killed", "Q4_0")
    monkeypatch.setattr(Store, "put", put)
    rounded(path, tmp_path / "killed", "Q4_0")
    one, other = (sorted((tmp_path / n).iterdir()) for n in ("whole", "killed"))
    assert [f.read_bytes() for f in one] == [f.read_bytes() for f in other]
