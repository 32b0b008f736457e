"""Weights that come when asked for are the same weights, and few of them are there at a time."""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import tiny
import torch

from penjing.bundle.codecs import CODECS
from penjing.core.errors import FormatError, UnknownName
from penjing.ggml.quantize import quantize
from penjing.workshop.architectures import ARCHITECTURES
from penjing.workshop.checkpoint import Checkpoint
from penjing.workshop.export.gguf import export_gguf, plan_for
from penjing.workshop.forward import TorchModel
from penjing.workshop.search.rounder import Rounder
from penjing.workshop.streamed import StreamedWeights, load_rows, streamed_model
from penjing.workshop.tensors import TensorSource

TOKENS = torch.tensor(np.random.default_rng(7).integers(3, 260, 24))


def stored(codec: str, checkpoint: Checkpoint) -> Checkpoint:
    """The same model with every matrix in a codec."""
    tensors = dict(checkpoint.tensors)
    for name in checkpoint.quantizable:
        source = tensors[name]
        raw = quantize(CODECS[codec], source.load())
        tensors[name] = TensorSource(name, source.shape, CODECS[codec], lambda raw=raw: raw)
    return Checkpoint.of("stored", checkpoint.metadata, tensors)


@pytest.mark.parametrize("family", sorted(ARCHITECTURES))
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_the_same_logits_to_the_bit(family: str, dtype: torch.dtype) -> None:
    checkpoint = stored("Q8_0", tiny.checkpoint(family, layers=3))
    found = streamed_model(checkpoint, dtype=dtype).forward(TOKENS)
    assert torch.equal(found, TorchModel.load(checkpoint, dtype=dtype).forward(TOKENS))


def test_one_block_is_in_memory_and_what_is_asked_for_again_is_not_loaded_again() -> None:
    checkpoint = tiny.checkpoint("llama", layers=4)
    reads: list[str] = []

    def counted(source: TensorSource) -> TensorSource:
        def read() -> np.ndarray:
            reads.append(source.name)
            return source.read()

        return TensorSource(source.name, source.shape, source.codec, read)

    tensors = {name: counted(source) for name, source in checkpoint.tensors.items()}
    model = streamed_model(Checkpoint.of("counted", checkpoint.metadata, tensors))
    weights = model.weights
    assert isinstance(weights, StreamedWeights)
    block = sum(
        4 * s.parameters
        for s in checkpoint.tensors.values()
        if s.name.startswith("blk.0.") and len(s.shape) == 2
    )
    vectors = sum(4 * s.parameters for s in checkpoint.tensors.values() if len(s.shape) == 1)
    hidden = torch.zeros(1, 8, 64)
    for layer in range(4):
        hidden = model.block(layer, hidden)
        assert weights.held <= block + vectors
    assert all(count == 1 for count in np.unique(reads, return_counts=True)[1])
    assert not any(name.startswith("token_embd") for name in reads)
    model.block(0, hidden)
    assert reads.count("blk.0.ffn_up.weight") == 2
    assert reads.count("blk.0.attn_norm.weight") == 1
    weights.release()
    assert weights.held <= vectors


@pytest.mark.parametrize("codec", ["F32", "F16", "BF16", "Q4_1", "Q8_0", "Q2_0"])
def test_some_rows_are_those_rows(codec: str) -> None:
    weights = np.random.default_rng(1).normal(0, 1, (37, 128)).astype(np.float32)
    raw = quantize(CODECS[codec], weights)
    source = TensorSource("token_embd.weight", (37, 128), CODECS[codec], lambda: raw)
    whole = torch.from_numpy(source.load())
    assert torch.equal(load_rows(source, slice(5, 9)), whole[5:9])
    index = torch.tensor([36, 0, 0, 7])
    assert torch.equal(load_rows(source, index), whole[index])
    assert torch.equal(load_rows(source, slice(30, 99)), whole[30:])


def test_replacing_loads_nothing_but_what_it_replaces() -> None:
    checkpoint = tiny.checkpoint("llama", layers=3)
    model = streamed_model(checkpoint)
    name = "blk.1.attn_v.weight"
    other = torch.zeros(checkpoint.tensors[name].shape)
    with model.replaced({name: other}):
        assert model.weights[name] is other
        assert model.weights["blk.1.attn_q.weight"].any()
    assert model.weights[name].any()
    with pytest.raises(UnknownName, match="attn_v"), model.replaced({"blk.1.attn_w.weight": other}):
        pass


def test_variants_do_not_see_each_other_in_threads() -> None:
    model = TorchModel.load(tiny.checkpoint("llama", layers=2))
    name = "blk.0.ffn_up.weight"
    clean = model.forward(TOKENS)
    factors = [0.5 + i / 10 for i in range(8)]

    def changed(factor: float) -> torch.Tensor:
        return model.variant({name: model.weights[name] * factor}).forward(TOKENS)

    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(changed, factors))
    for factor, logits in zip(factors, found, strict=True):
        with model.replaced({name: model.weights[name] * factor}):
            assert torch.equal(logits, model.forward(TOKENS))
    assert torch.equal(model.forward(TOKENS), clean)


def test_a_variant_may_multiply_in_its_own_way() -> None:
    model = TorchModel.load(tiny.checkpoint("qwen2", layers=2))
    seen: list[str] = []

    def product(x: torch.Tensor, name: str) -> torch.Tensor:
        seen.append(name)
        return model.product(x, name)

    assert torch.equal(model.variant({}, product).forward(TOKENS), model.forward(TOKENS))
    kinds = ("attn_q", "attn_k", "attn_v", "attn_output", "ffn_gate", "ffn_up", "ffn_down")
    assert sorted(seen) == sorted(f"blk.{layer}.{kind}" for layer in range(2) for kind in kinds)


def test_what_cannot_be_computed_is_refused_here_too() -> None:
    from dataclasses import replace

    checkpoint = tiny.checkpoint("qwen2")
    with pytest.raises(FormatError, match="yarn"):
        streamed_model(replace(checkpoint, numbers=replace(checkpoint.config, rope_scaling="yarn")))


@pytest.mark.skipif(sys.platform != "linux", reason="reads what is mapped from /proc")
def test_what_was_mapped_of_a_file_is_given_back(tmp_path: Path) -> None:
    path = tmp_path / "some.gguf"
    export_gguf(tiny.checkpoint("llama", hidden=512, ffn=1024, layers=6), path, {})
    with Checkpoint.open(path) as checkpoint:
        whole = path.stat().st_size
        for name in checkpoint.quantizable:
            checkpoint.tensors[name].load()
        assert mapped(path) > 0.8 * whole
        model, hidden = streamed_model(checkpoint), torch.zeros(1, 8, 512)
        for layer in range(6):
            hidden = model.block(layer, hidden)
        assert mapped(path) < 0.4 * whole
        export_gguf(checkpoint, tmp_path / "other.gguf", plan_for(checkpoint, "Q8_0"))
        assert mapped(path) < 0.4 * whole
        even = {n: np.ones(checkpoint.tensors[n].shape[1], "f4") for n in checkpoint.quantizable}
        rounder = Rounder(checkpoint, even, keep=10**9)
        for name in checkpoint.quantizable:
            rounder.raw(name, CODECS["Q4_0"])
        assert mapped(path) < 0.4 * whole


def mapped(path: Path) -> int:
    """Bytes of a file that are in this process's memory."""
    found = 0
    for part in Path("/proc/self/smaps").read_text().split("VmFlags:"):
        if str(path) in part:
            (line,) = [line for line in part.splitlines() if line.startswith("Rss:")]
            found += int(line.split()[1]) * 1024
    return found
