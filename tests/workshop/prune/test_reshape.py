"""Models of fewer heads, channels and layers: the same function of what stays, in both engines."""

from __future__ import annotations

import dataclasses
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tiny
import torch
from exact import make_exact

from penjing.bundle.gguf_values import Value, ValueKind
from penjing.core.errors import BadInput, FormatError
from penjing.core.messages import GenerationSettings, Message
from penjing.core.progress import Silent
from penjing.engine.llamacpp import LlamaCpp
from penjing.workshop.architectures import ARCHITECTURES, NoForwardPass
from penjing.workshop.checkpoint import Checkpoint
from penjing.workshop.export.gguf import export_gguf
from penjing.workshop.forward import TorchModel
from penjing.workshop.prune import depth, statistics, width
from penjing.workshop.prune.evidence import Evidence
from penjing.workshop.prune.reshape import NONE, Layer, lines_of, reshaped, whole_layers, without

FAMILIES = sorted(ARCHITECTURES)
SQUARE = ("qwen2", "olmo2", "phi3")
"""Whose heads are as wide as the residual stream, or the engine does not take them."""
WINDOWS = np.random.default_rng(5).integers(3, 260, (2, 24)).tolist()
IDS = torch.tensor(WINDOWS)
NEAR = {"gemma2": 6e-3, "gemma3": 6e-3}
"""Logits are about 1 apart. The engine's GELU is a table of 16-bit numbers."""


def model(family: str = "llama", layers: int = 2) -> Checkpoint:
    return tiny.checkpoint(family, layers=layers, ffn=128)


def cut(checkpoint: Checkpoint, channels: list[int], groups: list[int]) -> list[Layer]:
    return [
        Layer(layer.source, np.array(groups), np.array(channels))
        for layer in whole_layers(checkpoint.config)
    ]


def logits(checkpoint: Checkpoint) -> torch.Tensor:
    with torch.no_grad():
        return TorchModel.load(checkpoint).forward(IDS)


def silenced(checkpoint: Checkpoint, layers: list[Layer]) -> Checkpoint:
    """The whole model with zeros where a part would go: the same function."""
    config, changed = checkpoint.config, {}
    for layer in layers:
        shared = config.heads // config.kv_heads
        heads = lines_of(layer.groups, shared * config.head_dim)
        for stem, stays in (("attn_output", heads), ("ffn_down", layer.channels)):
            name = f"blk.{layer.source}.{stem}.weight"
            weights = checkpoint.tensors[name].load().copy()
            gone = np.setdiff1d(np.arange(weights.shape[1]), stays)
            weights[:, gone] = 0
            changed[name] = weights
    return checkpoint.replacing(changed)


@pytest.mark.parametrize("family", FAMILIES)
def test_cut_channels_are_channels_that_say_nothing(family: str) -> None:
    before = model(family)
    groups = [0, 1] if family in SQUARE else [1]
    layers = cut(before, list(range(32, 96)), groups)
    after = reshaped(before, layers)
    assert after.architecture is before.architecture
    assert after.config.ffn == 64
    assert after.parameters < before.parameters
    torch.testing.assert_close(
        logits(after), logits(silenced(before, layers)), atol=2e-5, rtol=1e-5
    )


def uneven_layers(before: Checkpoint) -> list[Layer]:
    one, two, three, four = whole_layers(before.config)
    return [
        Layer(one.source, np.array([1]), np.arange(96)),
        Layer(two.source, NONE, two.channels),
        Layer(three.source, three.groups, NONE),
        Layer(four.source, four.groups, np.arange(32)),
    ]


def test_uneven_layers_are_the_same_function_too() -> None:
    before = model(layers=4)
    layers = uneven_layers(before)
    after = reshaped(before, layers)
    assert after.architecture.name == "deci"
    assert [s.heads for s in after.config.uneven] == [2, 0, 4, 4]
    assert [s.ffn for s in after.config.uneven] == [96, 128, 32, 32]
    torch.testing.assert_close(
        logits(after), logits(silenced(before, layers)), atol=2e-5, rtol=1e-5
    )


def engine_says(checkpoint: Checkpoint, path: Path) -> np.ndarray:
    export_gguf(checkpoint, path, {})
    with Checkpoint.open(path) as again:
        assert again.config == checkpoint.config
        assert again.sha256() == checkpoint.sha256()
    with LlamaCpp.open(path, threads=1, context=256) as running:
        asked = [Message.of("user", "hello")]
        said = list(running.generate(asked, GenerationSettings(max_tokens=4, seed=1)))
        assert said[-1].usage is not None
        return running.score(WINDOWS[0]).copy()


@pytest.mark.parametrize("family", FAMILIES)
def test_the_engine_runs_what_stays_even(
    family: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_exact(monkeypatch)
    before = model(family)
    after = reshaped(before, cut(before, list(range(64)), [0, 1] if family in SQUARE else [0]))
    found = engine_says(after, tmp_path / "m.gguf")
    np.testing.assert_allclose(found, logits(after)[0].numpy(), atol=NEAR.get(family, 1e-4))


def test_the_engine_runs_what_is_uneven(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_exact(monkeypatch)
    before = model(layers=4)
    after = reshaped(before, uneven_layers(before))
    found = engine_says(after, tmp_path / "m.gguf")
    np.testing.assert_allclose(found, logits(after)[0].numpy(), atol=1e-4)


@pytest.mark.parametrize("family", ["llama", "gemma3", "qwen3"])
def test_the_engine_runs_a_narrower_residual_stream(
    family: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_exact(monkeypatch)
    before = model(family)
    kept = width.narrower(width.residual_worth(before), 0.5, 32)
    after = reshaped(before, whole_layers(before.config), kept)
    assert after.config.hidden == 32
    found = engine_says(after, tmp_path / "m.gguf")
    np.testing.assert_allclose(found, logits(after)[0].numpy(), atol=NEAR.get(family, 1e-4))


@pytest.mark.parametrize("score", ["magnitude", "wanda"])
@pytest.mark.parametrize("family", FAMILIES)
def test_channels_can_be_scored_and_cut_in_every_family(family: str, score: str) -> None:
    before = model(family)
    rows = {name: before.tensors[name].shape[1] for name in before.quantizable}

    def known(name: str) -> Evidence:
        return Evidence(mean_square=torch.linspace(1, 2, rows[name]))

    worth = width.worth_of(before, score, known, Silent())
    layers = width.evenly(whole_layers(before.config), worth, heads=1, ffn=0.5, multiple=32)
    after = reshaped(before, layers)
    assert after.config == dataclasses.replace(before.config, ffn=64)
    torch.testing.assert_close(
        logits(after), logits(silenced(before, layers)), atol=2e-5, rtol=1e-5
    )


def test_heads_that_cannot_be_cut_are_no_reason_to_cut_all() -> None:
    before = model("qwen2")
    squares = {name: torch.ones(before.tensors[name].shape[1]) for name in before.quantizable}
    worth = width.worth_of(before, "wanda", lambda n: Evidence(mean_square=squares[n]), Silent())
    with pytest.raises(BadInput, match="as wide as its residual stream"):
        width.evenly(whole_layers(before.config), worth, heads=0.5, ffn=1, multiple=32)


def test_a_layer_that_is_dropped_is_a_layer_that_adds_nothing() -> None:
    before = model(layers=4)
    after = reshaped(before, without(whole_layers(before.config), {1: "layer"}))
    assert after.architecture.name == "llama"
    assert after.config.layers == 3
    zero = {
        f"blk.1.{stem}.weight": np.zeros_like(before.tensors[f"blk.1.{stem}.weight"].load())
        for stem in ("attn_output", "ffn_down")
    }
    torch.testing.assert_close(logits(after), logits(before.replacing(zero)))


def test_it_trains_on() -> None:
    before = model(layers=4)
    after = TorchModel.load(reshaped(before, uneven_layers(before)))
    matrices = [w.requires_grad_() for w in after.weights.values() if w.dim() == 2]
    optimizer = torch.optim.Adam(matrices, lr=1e-2)
    losses = []
    for _ in range(8):
        logits = after.forward(IDS[:, :-1])
        loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), IDS[:, 1:].flatten())
        optimizer.zero_grad()
        torch.autograd.backward(loss)
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.8 * losses[0]


def test_a_pruned_model_can_be_pruned_again() -> None:
    before = model(layers=4)
    once = reshaped(before, uneven_layers(before))
    layers = without(whole_layers(once.config), {1: "ffn", 3: "attention"})
    twice = reshaped(once, layers)
    assert twice.config.layers == 3  # the second had only its feed-forward part
    assert torch.isfinite(logits(twice)).all()


# -- what is chosen


def test_what_a_channel_is_worth_is_the_sum_of_its_weights() -> None:
    before = model()
    found = width.worth_of(before, "magnitude", lambda name: Evidence(), Silent())
    stems = ("ffn_gate", "ffn_up", "ffn_down", "attn_q", "attn_k", "attn_v", "attn_output")
    w = {s: np.abs(before.tensors[f"blk.1.{s}.weight"].load().astype(float)) for s in stems}
    channels = w["ffn_gate"].sum(1) + w["ffn_up"].sum(1) + w["ffn_down"].sum(0)
    np.testing.assert_allclose(found[1].channels, channels, rtol=1e-6)
    keys = (w["attn_k"] + w["attn_v"]).reshape(2, 16, 64).sum((1, 2))
    queries = w["attn_q"].reshape(2, 32, 64).sum((1, 2))
    output = w["attn_output"].T.reshape(2, 32, 64).sum((1, 2))
    np.testing.assert_allclose(found[1].groups, keys + queries + output, rtol=1e-6)


def test_wanda_counts_where_a_structure_is_read() -> None:
    before = model()
    squares = statistics.mean_squares(before, WINDOWS, Silent())
    found = width.worth_of(before, "wanda", lambda n: Evidence(mean_square=squares[n]), Silent())
    name = "blk.0.ffn_down.weight"
    expected = np.abs(before.tensors[name].load()).sum(0) * np.sqrt(squares[name].numpy())
    np.testing.assert_allclose(found[0].channels, expected, rtol=1e-4)


def test_mean_squares_and_gradients_are_those_of_the_model() -> None:
    before = model()
    squares = statistics.mean_squares(before, WINDOWS, Silent())
    whole = TorchModel.load(before)
    x = whole._norm(whole.embed(IDS), "blk.0.attn_norm")
    torch.testing.assert_close(squares["blk.0.attn_q.weight"], x.square().mean((0, 1)))
    found = statistics.gradients(before, WINDOWS, Silent())
    name, step = "blk.1.ffn_up.weight", 1e-2

    def loss(weights: torch.Tensor) -> float:
        with torch.no_grad(), whole.replaced({name: weights}):
            out = whole.forward(IDS[:, :-1]).flatten(0, 1)
        return float(torch.nn.functional.cross_entropy(out, IDS[:, 1:].flatten()))

    direction = found[name] / found[name].norm()
    weights = whole.weights[name]
    slope = (loss(weights + step * direction) - loss(weights - step * direction)) / (2 * step)
    assert slope == pytest.approx(float(found[name].norm()), rel=0.02)


def test_evenly_keeps_multiples_and_the_best() -> None:
    before = model()
    worth = width.worth_of(before, "magnitude", lambda name: Evidence(), Silent())
    layers = width.evenly(whole_layers(before.config), worth, heads=0.5, ffn=0.6, multiple=32)
    for layer, known in zip(layers, worth, strict=True):
        assert (len(layer.groups), len(layer.channels)) == (1, 64)
        assert set(layer.channels) == set(np.argsort(-known.channels.numpy())[:64])


def test_unevenly_spends_channels_where_they_matter() -> None:
    flat = torch.ones(128, dtype=torch.float64)
    steep = torch.cat([torch.full((32,), 9.0), torch.full((96,), 0.1)]).double()
    groups = torch.ones(2, dtype=torch.float64)
    worth = [width.Worth(groups, flat), width.Worth(groups, steep)]
    layers = width.unevenly(whole_layers(model().config), worth, ffn=0.5, multiple=32)
    assert [len(layer.channels) for layer in layers] == [96, 32]


def test_the_layer_that_says_nothing_is_missed_least() -> None:
    before = model(layers=4)
    idle = {f"blk.2.{stem}.weight": 0.01 * before.tensors[f"blk.2.{stem}.weight"].load()
            for stem in ("attn_output", "ffn_down")}  # fmt: skip
    checkpoint = before.replacing(idle)
    (step,) = depth.least_missed(checkpoint, WINDOWS, "layers", 1, Silent())
    assert step.parts == {(2, "attention"), (2, "ffn")}
    first, second, third = depth.least_missed(checkpoint, WINDOWS, "sublayers", 3, Silent())
    assert first.parts | second.parts == step.parts
    assert first.kld < third.kld


@pytest.mark.parametrize("kind", ["layers", "sublayers"])
def test_the_kld_that_is_measured_is_that_of_the_model_that_is_made(kind: str) -> None:
    before = model(layers=4)
    steps = depth.least_missed(before, WINDOWS, kind, 2, Silent())  # type: ignore[arg-type]
    after = reshaped(before, without(whole_layers(before.config), depth.gone_by_layer(steps)))
    p, q = logits(before).log_softmax(-1), logits(after).log_softmax(-1)
    assert steps[-1].kld == pytest.approx(float((p.exp() * (p - q)).sum(-1).mean()), rel=1e-3)


def test_layers_of_families_with_turns_go_in_runs() -> None:
    before = tiny.checkpoint("gemma3", layers=13)
    parts = depth.candidates(before, "layers")
    assert {len(each) for each in parts} == {12}
    gone = dict.fromkeys(range(3, 9), "layer")
    after = reshaped(before, without(whole_layers(before.config), gone))
    assert after.config.layers == 7
    with pytest.raises(BadInput, match="drop layers in runs of 6"):
        reshaped(before, without(whole_layers(before.config), {0: "layer"}))


# -- what cannot be


def test_what_the_engine_does_not_run_is_refused() -> None:
    qwen2 = model("qwen2")
    with pytest.raises(BadInput, match="neither can be cut"):
        reshaped(qwen2, cut(qwen2, list(range(64)), [0]))
    qwen3 = model("qwen3")
    with pytest.raises(BadInput, match="only with layers that are alike"):
        reshaped(qwen3, without(whole_layers(qwen3.config), {0: "ffn"}))
    with pytest.raises(BadInput, match="no layer would stay"):
        reshaped(qwen3, [])
    llama = model()
    worth = width.worth_of(llama, "magnitude", lambda name: Evidence(), Silent())
    with pytest.raises(BadInput, match="a share of 0 is not"):
        width.evenly(whole_layers(llama.config), worth, heads=1, ffn=0, multiple=32)
    with pytest.raises(BadInput, match="cannot be dropped"):
        depth.least_missed(llama, WINDOWS, "layers", 2, Silent())


def test_a_layer_the_engine_runs_otherwise_is_not_computed(tmp_path: Path) -> None:
    before = model(layers=4)
    made = reshaped(before, uneven_layers(before))
    widths = Value.array(ValueKind.INT32, [96, 128, 0, 32])
    metadata = {**made.metadata, "deci.feed_forward_length": widths}
    with pytest.raises(NoForwardPass, match="layer 2 has no feed-forward part"):
        Checkpoint.of("odd", metadata, made.tensors)
    last = Value.array(ValueKind.INT32, [96, 128, 32, 0])
    odd = replace(made, metadata={**made.metadata, "deci.feed_forward_length": last})
    export_gguf(odd, tmp_path / "odd.gguf", {})
    with pytest.raises(FormatError, match="the last layer has no feed-forward part"):
        LlamaCpp.open(tmp_path / "odd.gguf")
