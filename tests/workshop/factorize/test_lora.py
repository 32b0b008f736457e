"""A correction beside a rounded file: the engine computes with the sum of both."""

from __future__ import annotations

import ctypes
from pathlib import Path

import gguf
import numpy as np
import pytest
import tiny
import torch
from exact import make_exact

from penjing.core.errors import BadInput
from penjing.engine.llamacpp import LlamaCpp
from penjing.ggml.library import load
from penjing.workshop.checkpoint import Checkpoint
from penjing.workshop.export.gguf import export_gguf
from penjing.workshop.factorize.lora import export_lora, lora_bytes
from penjing.workshop.factorize.svd import Product, correction
from penjing.workshop.forward import TorchModel

TOKENS = np.random.default_rng(5).integers(3, 260, 24).tolist()
FAMILIES = ("llama", "qwen3")


def rounded(checkpoint: Checkpoint) -> Checkpoint:
    """Blocks' matrices in coarse steps, exact in the file."""
    names = [name for name in checkpoint.quantizable if name.startswith("blk.")]
    tensors = {name: checkpoint.tensors[name].load() for name in names}
    return checkpoint.replacing(
        {name: (weights * 32).round() / 32 for name, weights in tensors.items()}
    )


def corrected(checkpoint: Checkpoint, coarse: Checkpoint, rank: int) -> dict[str, Product]:
    def weights(of: Checkpoint, name: str) -> torch.Tensor:
        return torch.from_numpy(of.tensors[name].load())

    names = [name for name in checkpoint.quantizable if name.startswith("blk.")]
    return {n: correction(weights(checkpoint, n), weights(coarse, n), rank) for n in names}


def with_adapter(path: Path, adapter: Path) -> np.ndarray:
    """Logits of the file with the adapter, through the engine's own C functions."""
    library = load()
    library.llama_adapter_lora_init.restype = ctypes.c_void_p
    library.llama_adapter_lora_init.argtypes = [ctypes.c_void_p, ctypes.c_char_p]
    library.llama_set_adapters_lora.argtypes = [
        ctypes.c_void_p, ctypes.POINTER(ctypes.c_void_p), ctypes.c_size_t,
        ctypes.POINTER(ctypes.c_float),
    ]  # fmt: skip
    with LlamaCpp.open(path, threads=1, context=64) as model:
        loaded = library.llama_adapter_lora_init(model._model, str(adapter).encode())
        assert loaded
        context = model._scoring_context(len(TOKENS))
        pointers, scales = (ctypes.c_void_p * 1)(loaded), (ctypes.c_float * 1)(1.0)
        assert library.llama_set_adapters_lora(context.pointer, pointers, 1, scales) == 0
        return model.score(TOKENS).copy()


@pytest.mark.parametrize("family", FAMILIES)
def test_the_engine_adds_the_product(
    family: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_exact(monkeypatch)
    whole = tiny.checkpoint(family)
    coarse = rounded(whole)
    products = corrected(whole, coarse, 24)
    export_gguf(coarse, tmp_path / "m.gguf", {})
    written = export_lora(coarse, products, tmp_path / "lora.gguf", "F32")
    assert written == lora_bytes(coarse, products, "F32") == (tmp_path / "lora.gguf").stat().st_size
    sums = {n: coarse.tensors[n].load() + p.matrix.numpy() for n, p in products.items()}
    with torch.no_grad():
        expected = TorchModel.load(coarse.replacing(sums)).forward(torch.tensor(TOKENS)).numpy()
        alone = TorchModel.load(coarse).forward(torch.tensor(TOKENS)).numpy()
        clean = TorchModel.load(whole).forward(torch.tensor(TOKENS)).numpy()
    found = with_adapter(tmp_path / "m.gguf", tmp_path / "lora.gguf")
    np.testing.assert_allclose(found, expected, atol=1e-4)
    assert np.square(found - clean).mean() < 0.7 * np.square(alone - clean).mean()


def test_an_independent_reader_finds_every_product(tmp_path: Path) -> None:
    whole = tiny.checkpoint("llama")
    products = corrected(whole, rounded(whole), 4)
    export_lora(whole, products, tmp_path / "lora.gguf")
    tensors = {tensor.name: tensor for tensor in gguf.GGUFReader(tmp_path / "lora.gguf").tensors}
    assert len(tensors) == 2 * len(products)
    for name, product in products.items():
        found = tensors[f"{name}.lora_a"].data.astype(np.float32)
        np.testing.assert_allclose(found, product.a.numpy(), atol=2e-3)


def test_what_cannot_be_is_refused(tmp_path: Path) -> None:
    whole = tiny.checkpoint("llama")
    products = corrected(whole, rounded(whole), 4)
    first, second, *_ = products
    odd = Product(products[first].b[:, :2], products[first].a[:2], 0.0)
    with pytest.raises(BadInput, match="of one rank and 2 were given"):
        export_lora(whole, {**products, first: odd}, tmp_path / "lora.gguf")
    narrow = Product(products[first].b[:5], products[first].a, 0.0)
    with pytest.raises(BadInput, match="factorize it again"):
        export_lora(whole, {first: narrow}, tmp_path / "lora.gguf")
    assert not (tmp_path / "lora.gguf").exists()
    assert second != first
