"""The forward pass says what the engine says, and changing one tensor changes nothing else."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import tiny
import torch
from exact import make_exact

from penjing.bundle.gguf_values import Value, ValueKind
from penjing.core.errors import BadInput, FormatError, UnknownName
from penjing.engine.llamacpp import LlamaCpp
from penjing.workshop.architectures import ARCHITECTURES
from penjing.workshop.checkpoint import Checkpoint
from penjing.workshop.divergence import kld
from penjing.workshop.export.gguf import export_gguf
from penjing.workshop.forward import TorchModel, activate, sliding_mask
from penjing.workshop.tensors import TensorSource

FAMILIES = sorted(ARCHITECTURES)
TOKENS = torch.tensor(np.random.default_rng(7).integers(3, 260, 48))
NEAR = {
    "llama": 2e-5,
    "smollm3": 2e-5,
    "granite": 4e-5,
    "qwen2": 2e-5,
    "qwen3": 2e-5,
    "olmo2": 2e-5,
    "phi3": 2e-5,
    "gemma2": 4e-3,
    "gemma3": 4e-3,
}
"""Logits are about 1 apart. The engine's GELU is a table of 16-bit numbers."""


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def full(family: str, *, layers: int = 2) -> Checkpoint:
    """A tiny model that has every optional tensor too, and for Gemma a window and a cap."""
    plain = tiny.checkpoint(family, layers=layers)
    noise = np.random.default_rng(11)
    extra = {}
    for name, kind, _ in plain.architecture.expected(layers):
        if name.startswith("rope_"):
            extra[name] = noise.uniform(1, 8, kind.dimensions(plain.config))
        elif name not in plain.tensors:
            extra[name] = noise.normal(0, 0.2, kind.dimensions(plain.config))
    tensors = {name: TensorSource.of(name, array.astype("f4")) for name, array in extra.items()}
    numbers = {"rope.scaling.factor": Value(ValueKind.FLOAT32, 2.0)}
    numbers["rope.scaling.type"] = Value.text("linear")
    if family == "gemma3":
        numbers["final_logit_softcapping"] = Value(ValueKind.FLOAT32, 1.5)
    metadata = {f"{family}.{key}": value for key, value in numbers.items()}
    return Checkpoint.of("full", {**plain.metadata, **metadata}, {**plain.tensors, **tensors})


@pytest.fixture
def exact_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    make_exact(monkeypatch)


def engine_logits(checkpoint: Checkpoint, path: Path) -> torch.Tensor:
    export_gguf(checkpoint, path, {})
    engine = LlamaCpp.open(path, threads=1)
    try:
        return torch.tensor(engine.score(TOKENS.tolist()))
    finally:
        engine.close()


def model_of(family: str, dtype: torch.dtype = torch.float32, layers: int = 2) -> TorchModel:
    return TorchModel.load(tiny.checkpoint(family, layers=layers), dtype=dtype)


@pytest.mark.usefixtures("exact_engine")
@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("build", [tiny.checkpoint, full])
def test_logits_are_the_engines(family: str, build: object, tmp_path: Path) -> None:
    checkpoint = build(family, layers=7)  # type: ignore[operator]
    expected = engine_logits(checkpoint, tmp_path / "m.gguf")
    found = TorchModel.load(checkpoint).forward(TOKENS)
    assert float(expected.std()) > 0.3
    assert float((found - expected).abs().max()) < NEAR[family]


@pytest.mark.usefixtures("exact_engine")
@pytest.mark.parametrize("every", [0, 3, 5])
def test_the_comparison_sees_which_layers_do_without_positions(every: int, tmp_path: Path) -> None:
    checkpoint = tiny.checkpoint("smollm3", layers=7)
    expected = engine_logits(checkpoint, tmp_path / "m.gguf")
    model = TorchModel.load(checkpoint)
    model.config = dataclasses.replace(model.config, unrotated_every=every)
    assert float((model.forward(TOKENS) - expected).abs().max()) > 3 * NEAR["smollm3"]


WRONG = {
    "rope_theta": {"rope_theta": 3000.0},
    "window": {"window": 9},
    "no window": {"window": None},
    "pattern": {"sliding": (False,) + (True,) * 6},
    "local theta": {"rope_theta_local": 3000.0},
    "attention scale": {"attention_scale": 0.2},
    "embedding scale": {"embedding_scale": 1.0},
    "stretch": {"rope_factor": 1.0},
    "cap": {"logit_softcap": None},
    "eps": {"rms_eps": 1e-1},
}


@pytest.mark.usefixtures("exact_engine")
@pytest.mark.parametrize("wrong", WRONG)
def test_the_comparison_sees_every_number(wrong: str, tmp_path: Path) -> None:
    checkpoint = full("gemma3", layers=7)
    expected = engine_logits(checkpoint, tmp_path / "m.gguf")
    model = TorchModel.load(checkpoint)
    model.config = dataclasses.replace(model.config, **WRONG[wrong])
    assert float((model.forward(TOKENS) - expected).abs().max()) > 3 * NEAR["gemma3"]


@pytest.mark.parametrize("family", FAMILIES)
def test_every_tensor_takes_part(family: str) -> None:
    model = TorchModel.load(full(family))
    clean = model.forward(TOKENS)
    for name, weight in model.weights.items():
        if name == "rope_factors_long.weight":  # for more text than it was trained on at once
            continue
        with model.replaced({name: weight * 1.5 + 0.05}):
            assert float((model.forward(TOKENS) - clean).abs().max()) > 1e-3, name
    assert torch.equal(model.forward(TOKENS), clean)


@pytest.mark.parametrize("family", FAMILIES)
def test_going_on_from_a_prefix_is_the_whole_forward_exactly(family: str) -> None:
    model = model_of(family, layers=3)
    tokens = torch.stack([TOKENS[:24], TOKENS[24:]])
    prefix = model.prefix(tokens)
    clean = model.forward(tokens)
    assert len(prefix.inputs) == 4
    assert torch.equal(prefix.logprobs, clean.log_softmax(-1))
    for layer, hidden in enumerate(prefix.inputs):
        assert torch.equal(model.logits_from(layer, hidden), clean)
    for layer in range(3):
        name = f"blk.{layer}.ffn_down.weight"
        with model.replaced({name: model.weights[name] * 0.9}):
            found = model.logits_from(layer, prefix.inputs[layer])
            assert torch.equal(found, model.forward(tokens))
            assert not torch.equal(found, clean)


def test_divergence_is_that_of_the_logits_for_many_variants_and_some_positions() -> None:
    model = model_of("llama")
    tokens = torch.stack([TOKENS[:24], TOKENS[24:]])
    prefix = model.prefix(tokens, positions=slice(9, None))
    assert prefix.logprobs.shape == (2, 15, 260)
    assert not prefix.logprobs.requires_grad
    name = "blk.1.attn_q.weight"
    variants = []
    for scale in (1.0, 0.9, 0.5):
        with model.replaced({name: model.weights[name] * scale}):
            variants.append(model.block(1, prefix.inputs[1]))
    found = model.divergence_from(prefix, 2, torch.stack(variants))
    assert found.shape == (3, 2, 15)
    for each, variant in zip(found, variants, strict=True):
        logits = model.logits_from(2, variant, positions=prefix.positions)
        torch.testing.assert_close(each, kld(prefix.logprobs, logits))
    means = found.mean((1, 2)).tolist()
    assert abs(means[0]) < 1e-9 < means[1] < means[2]


def test_chosen_positions_are_those_of_the_whole() -> None:
    model = model_of("qwen3", torch.float64)
    whole = model.forward(TOKENS)
    chosen = torch.tensor([3, 40, 11])
    exact = {"rtol": 0, "atol": 1e-12}  # a product's last digit goes with how many rows it has
    some = model.forward(TOKENS, positions=slice(5, 9))
    torch.testing.assert_close(some, whole[5:9], **exact)
    torch.testing.assert_close(model.forward(TOKENS, positions=chosen), whole[chosen], **exact)


@pytest.mark.parametrize("family", FAMILIES)
def test_a_later_token_changes_nothing_before_it(family: str) -> None:
    model = model_of(family, torch.float64, layers=7)
    other = TOKENS.clone()
    other[30] = (other[30] + 1) % 260
    before, after = model.forward(TOKENS), model.forward(other)
    torch.testing.assert_close(before[:30], after[:30], rtol=0, atol=1e-12)
    assert float((before[30:] - after[30:]).abs().min(-1).values.max()) > 0


def test_replaced_restores_even_when_the_work_fails() -> None:
    model = model_of("llama")
    name, before = "blk.0.attn_v.weight", dict(model.weights)

    def work() -> None:
        with model.replaced({name: before[name] * 0}):
            with model.replaced({"output_norm.weight": before["output_norm.weight"] + 1}):
                assert not model.weights[name].any()
            assert model.weights["output_norm.weight"] is before["output_norm.weight"]
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        work()
    assert model.weights.keys() == before.keys()
    assert all(model.weights[key] is before[key] for key in before)


def test_replaced_does_not_copy_and_refuses_what_does_not_fit() -> None:
    model = model_of("llama")
    name = "blk.0.attn_v.weight"
    other = torch.zeros_like(model.weights[name])
    with model.replaced({name: other}):
        assert model.weights[name] is other
    with pytest.raises(UnknownName, match="attn_v"), model.replaced({"blk.0.attn_w.weight": other}):
        pass
    with pytest.raises(BadInput, match="same shape"), model.replaced({name: other.T}):
        pass


@pytest.mark.parametrize("family", FAMILIES)
def test_gradients_reach_every_tensor_and_are_right(family: str) -> None:
    model = TorchModel.load(full(family), dtype=torch.float64)
    for weight in model.weights.values():
        weight.requires_grad_()
    tokens = TOKENS[:16]
    loss = torch.nn.functional.cross_entropy(model.forward(tokens[:-1]), tokens[1:])
    loss.backward()
    keys = "blk.0.attn_qkv.weight" if model.architecture.fused else "blk.0.attn_k.weight"
    for name in ("token_embd.weight", keys, "blk.1.ffn_up.weight"):
        weight = model.weights[name]
        step = torch.randn(weight.shape, dtype=weight.dtype) * 1e-4
        losses = []
        for sign in (1, -1):
            with torch.no_grad(), model.replaced({name: weight + sign * step}):
                logits = model.forward(tokens[:-1])
            losses.append(torch.nn.functional.cross_entropy(logits, tokens[1:]))
        slope = (losses[0] - losses[1]) / 2
        torch.testing.assert_close((weight.grad * step).sum(), slope, rtol=1e-3, atol=1e-9)
    for name, weight in model.weights.items():
        if name == "rope_factors_long.weight":
            continue
        assert weight.grad is not None, name
        assert weight.grad.any(), name


def test_a_replacement_may_be_what_is_trained() -> None:
    model = model_of("qwen2")
    name = "blk.1.attn_output.weight"
    latent = model.weights[name].clone().requires_grad_()
    prefix = model.prefix(TOKENS)
    with model.replaced({name: latent * 0.9}):
        kld(prefix.logprobs, model.logits_from(1, prefix.inputs[1])).mean().backward()
    assert latent.grad is not None
    assert latent.grad.any()


def test_bfloat16_rounds_the_blocks_and_nothing_else() -> None:
    exact, rough = model_of("gemma3"), model_of("gemma3", torch.bfloat16)
    assert rough.weights["blk.0.attn_q.weight"].dtype == torch.bfloat16
    for name in ("token_embd.weight", "output_norm.weight", "blk.0.attn_norm.weight"):
        assert torch.equal(rough.weights[name], exact.weights[name])
    found = rough.forward(TOKENS)
    assert found.dtype == torch.float32
    difference = (found - exact.forward(TOKENS)).abs()
    assert 1e-4 < float(difference.max()) < 0.1


def test_what_it_cannot_compute_it_refuses() -> None:
    checkpoint = tiny.checkpoint("qwen2")
    config = dataclasses.replace(checkpoint.config, rope_scaling="yarn")
    with pytest.raises(FormatError, match="yarn"):
        TorchModel.load(dataclasses.replace(checkpoint, numbers=config))


def test_gelu_is_the_tanh_one() -> None:
    x = torch.linspace(-4, 4, 100)
    expected = 0.5 * x * (1 + torch.tanh((2 / torch.pi) ** 0.5 * (x + 0.044715 * x**3)))
    torch.testing.assert_close(activate(x, "gelu_tanh"), expected)
    torch.testing.assert_close(activate(x, "silu"), x / (1 + torch.exp(-x)))


def test_a_window_counts_the_token_itself() -> None:
    mask = sliding_mask(5, 2)
    assert mask is not None
    expected = [[1, 0, 0, 0, 0], [1, 1, 0, 0, 0], [0, 1, 1, 0, 0], [0, 0, 1, 1, 0], [0, 0, 0, 1, 1]]
    assert mask.int().tolist() == expected
    assert sliding_mask(5, 5) is None
    assert sliding_mask(5, None) is None
