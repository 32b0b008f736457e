"""AWQ keeps the function, finds the alpha that brute force finds, and tells the truth about it."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from whole_model import engine_logits, logits, mean_squares, whole

from penjing.bundle.codecs import CODECS, Codec
from penjing.core.errors import BadInput, PenjingError
from penjing.ggml.quantize import quantize
from penjing.workshop.architectures import ARCHITECTURES
from penjing.workshop.checkpoint import Checkpoint
from penjing.workshop.quantize.awq import ALPHAS, Awq, awq, channel_scales
from penjing.workshop.quantize.fold import fold, links
from penjing.workshop.quantize.stored import round_trip
from penjing.workshop.tensors import TensorSource

FAMILIES = sorted(ARCHITECTURES)
Importance = dict[str, np.ndarray[Any, Any]]


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


def uneven(checkpoint: Checkpoint, seed: int = 5) -> Importance:
    """Importance of every reader, a few channels of each input far louder than the others."""
    noise = np.random.default_rng(seed)
    out = {}
    for link in links(checkpoint):
        for name in link.members:
            columns = checkpoint.tensors[name].shape[-1]
            row = np.random.default_rng(len(out) + seed).lognormal(0, 0.5, columns)
            row[noise.integers(0, columns, 3)] *= 1e4
            out[name] = row.astype(np.float32)
        for name in link.members:  # they read the same input
            out[name] = out[link.members[0]]
    return out


def plan(checkpoint: Checkpoint, name: str = "Q4_0") -> dict[str, Codec]:
    return dict.fromkeys(checkpoint.quantizable, CODECS[name])


def weights(checkpoint: Checkpoint, name: str) -> np.ndarray[Any, Any]:
    return checkpoint.tensors[name].load().astype(np.float64)


def scales_of(before: Checkpoint, after: Checkpoint, name: str) -> np.ndarray[Any, Any]:
    """What a matrix's columns were multiplied by, where nothing happened to its rows."""
    ratio = weights(after, name) / weights(before, name)
    np.testing.assert_allclose(ratio, np.broadcast_to(ratio[0], ratio.shape), rtol=1e-5)
    return ratio[0]


@pytest.mark.parametrize("tied", [False, True])
@pytest.mark.parametrize("family", FAMILIES)
def test_the_function_stays_whatever_the_family_has(family: str, tied: bool) -> None:
    checkpoint = whole(family, tied=tied)
    found = awq(checkpoint, uneven(checkpoint), plan(checkpoint))
    before, after = logits(checkpoint), logits(found.checkpoint)
    assert float(before.std()) > 0.3
    torch.testing.assert_close(after, before, rtol=0, atol=3e-6)
    assert {s.group for s in found.scalings if s.alpha > 0} >= {
        group.name for group in checkpoint.architecture.groups if group.producer
    } - {"head"}
    assert found.checkpoint.tensors.keys() == checkpoint.tensors.keys()
    assert dict(found.checkpoint.metadata) == dict(checkpoint.metadata)


def test_the_comparison_would_see_a_forgotten_bias_and_wrong_heads() -> None:
    checkpoint = whole("llama")
    found = awq(checkpoint, uneven(checkpoint), plan(checkpoint)).checkpoint
    clean = logits(checkpoint)
    for name in ("blk.0.attn_v.bias", "blk.1.ffn_up.bias", "blk.0.attn_norm.weight"):
        wrong = found.replacing({name: checkpoint.tensors[name].load()})
        assert float((logits(wrong) - clean).abs().max()) > 1e-3, name
    name = "blk.0.attn_output.weight"
    heads = found.tensors[name].load() / checkpoint.tensors[name].load()
    turned = np.roll(heads.reshape(64, 4, 16), 1, axis=1).reshape(64, 64)
    wrong = found.replacing({name: checkpoint.tensors[name].load() * turned})
    assert float((logits(wrong) - clean).abs().max()) > 1e-3


def test_the_engine_says_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    checkpoint = whole("llama")
    found = awq(checkpoint, uneven(checkpoint), plan(checkpoint, "IQ4_NL"))
    assert any(scaling.alpha for scaling in found.scalings)
    before = engine_logits(checkpoint, tmp_path / "before.gguf", monkeypatch)
    after = engine_logits(found.checkpoint, tmp_path / "after.gguf", monkeypatch)
    assert np.abs(after - before).max() < 3e-5 < 0.3 < before.std()


@pytest.mark.parametrize("family", FAMILIES)
def test_importance_is_what_the_scaled_model_shows(family: str) -> None:
    checkpoint = whole(family)
    loud = checkpoint.replacing(
        {
            link.producer: checkpoint.tensors[link.producer].load()
            * np.where(np.arange(checkpoint.tensors[link.producer].shape[0]) % 13, 1.0, 30.0)
            .astype(np.float32)
            .reshape(-1, *[1] * (not link.norm))
            for link in links(checkpoint)
        }
    )
    found = awq(loud, mean_squares(loud), plan(loud))
    scaled = sum(scaling.alpha > 0 for scaling in found.scalings)
    assert scaled >= min(5, len(found.scalings) - 1)
    seen = mean_squares(found.checkpoint)
    for name, row in found.importance.items():
        np.testing.assert_allclose(row, seen[name], rtol=1e-4, err_msg=name)


def reference(
    checkpoint: Checkpoint, importance: Importance, names: tuple[str, ...], codec: str, alpha: float
) -> float:
    """The error of matrices whose input is divided by rms^alpha, straight from eq. 4."""
    rms = np.sqrt(importance[names[0]].astype(np.float64))
    s = rms**alpha
    total = 0.0
    for name in names:
        w = weights(checkpoint, name)
        scaled = (w * s).astype(np.float32)
        lighter = (importance[name] / s**2).astype(np.float32)
        back = round_trip(CODECS[codec], scaled, lighter) / s
        total += float((np.square(w - back) * importance[name]).sum())
    return total


@pytest.mark.parametrize("codec", ["Q4_0", "Q5_0"])
def test_alpha_and_errors_are_those_of_brute_force(codec: str) -> None:
    checkpoint = whole("llama")
    importance = uneven(checkpoint)
    found = awq(checkpoint, importance, plan(checkpoint, codec))
    scaling = next(s for s in found.scalings if (s.group, s.layer) == ("ffn", 1))
    members = ("blk.1.ffn_gate.weight", "blk.1.ffn_up.weight")
    errors = {
        alpha: reference(checkpoint, importance, members, codec, alpha) for alpha in (0.0, *ALPHAS)
    }
    assert scaling.alpha == min(errors, key=lambda alpha: errors[alpha])
    assert scaling.error_before == pytest.approx(errors[0.0], rel=1e-4)
    # normalised scales: 16-bit block scales round differently
    assert scaling.error_after == pytest.approx(errors[scaling.alpha], rel=0.02)
    assert scaling.error_after < 0.8 * scaling.error_before


def test_the_error_after_is_that_of_the_file() -> None:
    checkpoint = whole("qwen3")
    importance = uneven(checkpoint)
    found = awq(checkpoint, importance, plan(checkpoint))
    scaling = next(s for s in found.scalings if (s.group, s.layer) == ("attention_output", 0))
    name = "blk.0.attn_output.weight"
    s = scales_of(checkpoint, found.checkpoint, name)
    w = found.checkpoint.tensors[name].load()
    back = round_trip(CODECS["Q4_0"], w, found.importance[name])
    total = float((np.square((w - back) / s) * importance[name]).sum(dtype=np.float64))
    assert scaling.error_after == pytest.approx(total, rel=1e-4)
    assert 0 < scaling.alpha <= 1
    by_head = s.reshape(4, 16)
    np.testing.assert_allclose(by_head[0], by_head[1], rtol=1e-5)
    np.testing.assert_allclose(by_head[2], by_head[3], rtol=1e-5)
    assert np.abs(by_head[0] - by_head[2]).max() > 0.1


@pytest.mark.parametrize("seed", range(2))
def test_it_never_rounds_worse(seed: int) -> None:
    checkpoint = whole("gemma3")
    found = awq(checkpoint, uneven(checkpoint, seed), plan(checkpoint, "Q4_1"))
    assert len(found.scalings) == 9
    for scaling in found.scalings:
        assert scaling.error_after <= scaling.error_before
        assert (scaling.alpha > 0) == (scaling.error_after < scaling.error_before)


def test_many_rows_are_searched_on_a_sample_and_told_of_whole() -> None:
    checkpoint = whole("llama")
    wide = np.random.default_rng(3).normal(0, 0.1, (260, 64)).astype(np.float32)
    wide[200] *= 40
    checkpoint = checkpoint.replacing({"output.weight": wide})
    importance = uneven(checkpoint)
    found = awq(checkpoint, importance, plan(checkpoint))
    head = found.scalings[-1]
    assert (head.group, head.layer) == ("head", None)
    expected = reference(checkpoint, importance, ("output.weight",), "Q4_0", 0.0)
    assert head.error_before == pytest.approx(expected, rel=1e-4)
    expected = reference(checkpoint, importance, ("output.weight",), "Q4_0", head.alpha)
    assert head.error_after == pytest.approx(expected, rel=0.02)


def test_a_tied_head_is_left_alone_and_the_result_says_so() -> None:
    checkpoint = whole("qwen2", tied=True)
    importance = uneven(checkpoint) | {"token_embd.weight": np.ones(64, np.float32)}
    found = awq(checkpoint, importance, plan(checkpoint))
    assert list(found.left_alone) == ["output_norm.weight"]
    assert "head is the embedding" in found.left_alone["output_norm.weight"]
    assert found.importance["token_embd.weight"] is importance["token_embd.weight"]
    for name in ("token_embd.weight", "output_norm.weight"):
        assert found.checkpoint.tensors[name] is checkpoint.tensors[name]


def test_nothing_is_scaled_for_a_codec_that_loses_nothing() -> None:
    checkpoint = whole("llama")
    found = awq(checkpoint, uneven(checkpoint), plan(checkpoint, "F32"))
    assert {(s.alpha, s.error_before, s.error_after) for s in found.scalings} == {(0.0, 0.0, 0.0)}
    assert all(found.checkpoint.tensors[n] is t for n, t in checkpoint.tensors.items())


def stored(checkpoint: Checkpoint, names: list[str], codec: Codec) -> Checkpoint:
    """The same with some tensors as a file has them that came in `codec`."""
    out = dict(checkpoint.tensors)
    for name in names:
        raw = quantize(codec, out[name].load())
        out[name] = TensorSource(name, out[name].shape, codec, lambda raw=raw: raw)
    return dataclasses.replace(checkpoint, tensors=out)


def test_stored_bytes_cost_nothing_until_they_change() -> None:
    layer = [f"blk.0.{n}.weight" for n in ("attn_v", "ffn_up", "ffn_gate", "attn_q", "attn_k")]
    checkpoint = stored(whole("llama"), layer, CODECS["Q4_1"])
    codecs = plan(checkpoint) | dict.fromkeys(layer, CODECS["Q4_1"])
    found = awq(checkpoint, uneven(checkpoint), codecs)
    by_place = {(s.group, s.layer): s for s in found.scalings}
    for group in ("attention", "ffn"):  # they keep their bytes: no scale is better than that
        assert by_place[group, 0].error_before == by_place[group, 0].alpha == 0.0
        assert by_place[group, 1].alpha > 0.0
    assert set(found.left_alone) == {"blk.0.attn_v.weight", "blk.0.ffn_up.weight"}
    assert "keeps the bytes" in found.left_alone["blk.0.ffn_up.weight"]
    assert all(found.checkpoint.tensors[n] is checkpoint.tensors[n] for n in layer)


def test_bytes_that_change_anyway_may_be_scaled() -> None:
    values = ["blk.0.attn_v.weight"]
    checkpoint = stored(whole("llama"), values, CODECS["Q8_0"])
    codecs = plan(checkpoint) | dict.fromkeys(values, CODECS["Q8_0"])
    found = awq(checkpoint, uneven(checkpoint), codecs)
    assert not found.left_alone
    torch.testing.assert_close(logits(found.checkpoint), logits(checkpoint), rtol=0, atol=3e-6)


def test_the_callers_way_of_rounding_is_the_one_that_is_searched() -> None:
    checkpoint = whole("llama")
    seen: list[tuple[str, tuple[int, ...]]] = []

    def coarse(codec: Codec, w: np.ndarray[Any, Any], importance: object) -> Any:
        seen.append((codec.name, w.shape))
        assert isinstance(importance, np.ndarray)
        return np.round(w * 4) / 4

    found = awq(checkpoint, uneven(checkpoint), plan(checkpoint), round_trip=coarse)
    w = weights(checkpoint, "blk.0.ffn_down.weight")
    error = np.square(w - np.round(w * 4) / 4) * uneven(checkpoint)["blk.0.ffn_down.weight"]
    scaling = next(s for s in found.scalings if (s.group, s.layer) == ("ffn_down", 0))
    assert scaling.error_before == pytest.approx(error.sum(), rel=1e-4)
    assert ("Q4_0", (64, 96)) in seen


BROKEN: Mapping[str, Any] = {
    "absent": (None, PenjingError, "blk.1.ffn_up.weight' was never filled"),
    "zero": (np.zeros(64, np.float32), PenjingError, "blk.1.ffn_up.weight' was never filled"),
    "negative": (-np.ones(64, np.float32), BadInput, "not 64 mean squares"),
    "not a number": (np.full(64, np.nan, np.float32), BadInput, "not 64 mean squares"),
    "of another model": (np.ones(32, np.float32), BadInput, "not 64 mean squares"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_importance_that_was_never_filled_is_an_error(case: str) -> None:
    row, error, message = BROKEN[case]
    checkpoint = whole("llama")
    importance = uneven(checkpoint)
    importance.pop("blk.1.ffn_up.weight")
    if row is not None:
        importance["blk.1.ffn_up.weight"] = row
    with pytest.raises(error, match=message):
        awq(checkpoint, importance, plan(checkpoint), round_trip=never)


def never(*_: object) -> Any:
    raise AssertionError("nothing may be rounded before everything was checked")


def test_a_plan_that_cannot_be_is_refused() -> None:
    checkpoint = whole("llama")
    codecs = plan(checkpoint)
    codecs.pop("blk.0.attn_v.weight")
    with pytest.raises(BadInput, match=r"no codec is planned for 'blk\.0\.attn_v"):
        awq(checkpoint, uneven(checkpoint), codecs, round_trip=never)
    codecs = plan(checkpoint) | {"blk.1.ffn_down.weight": CODECS["Q4_K"]}
    with pytest.raises(BadInput, match="rows of 96 and Q4_K needs a multiple of 256"):
        awq(checkpoint, uneven(checkpoint), codecs, round_trip=never)


@given(
    arrays.arrays(
        np.float64, st.integers(1, 40), elements=st.floats(0, 1e6, allow_subnormal=False)
    ).filter(np.any),
    st.floats(0.05, 1),
)
def test_scales_rise_with_importance_and_are_balanced(
    importance: np.ndarray[Any, Any], alpha: float
) -> None:
    scales = channel_scales(importance, alpha)
    assert scales.max() * scales.min() == pytest.approx(1)
    assert scales.max() / scales.min() <= 1.0001e4**alpha
    order = np.argsort(importance)
    assert (np.diff(scales[order]) >= 0).all()
    loud = importance > 1e-7 * importance.max()
    ratio = scales[loud] / importance[loud] ** (alpha / 2)
    np.testing.assert_allclose(ratio, ratio[0], rtol=1e-9)


OF_HEADS = next(k for k in links(whole("qwen3", layers=1)) if k.group == "attention_output")


@given(st.integers(0, 2**32 - 1))
def test_a_channel_of_a_value_head_goes_to_every_query_head_that_reads_it(seed: int) -> None:
    link = OF_HEADS
    scales = np.random.default_rng(seed).uniform(0.1, 10, 32)
    columns = link.at_readers(scales)
    for query_head in range(4):
        for channel in range(16):
            value_head = query_head // 2
            assert columns[query_head * 16 + channel] == scales[value_head * 16 + channel]
    np.testing.assert_allclose(link.at_producer(columns), scales)
    uneven_columns = np.random.default_rng(seed).uniform(0.1, 10, 64)
    expected = (uneven_columns[0] + uneven_columns[16]) / 2
    assert link.at_producer(uneven_columns)[0] == pytest.approx(expected)


def test_links_are_all_inputs_in_order() -> None:
    found = [(k.group, k.layer, k.norm, k.head, k.readers) for k in links(whole("gemma3"))]
    layer = [
        ("attention", True, 1, 1),
        ("attention_output", False, 16, 2),
        ("ffn", True, 1, 1),
        ("ffn_down", False, 1, 1),
    ]
    expected = [(group, n, *rest) for n in range(2) for group, *rest in layer]
    assert found == [*expected, ("head", None, True, 1, 1)]


@pytest.mark.parametrize("bad", [0.0, -1.0, np.nan, np.inf])
def test_fold_refuses_scales_that_are_none(bad: float) -> None:
    checkpoint = whole("llama")
    link = links(checkpoint)[0]
    scales = np.ones(64)
    scales[3] = bad
    with pytest.raises(BadInput, match="64 positive numbers"):
        fold(checkpoint, link, scales)
    with pytest.raises(BadInput, match="64 positive numbers"):
        fold(checkpoint, link, np.ones(63))
    tied = whole("llama", tied=True)
    with pytest.raises(BadInput, match="no matrix reads 'output_norm"):
        fold(tied, links(tied)[-1], np.ones(64))


def test_the_result_is_a_named_value() -> None:
    checkpoint = whole("llama")
    found = awq(checkpoint, uneven(checkpoint), plan(checkpoint))
    assert isinstance(found, Awq)
    with pytest.raises(dataclasses.FrozenInstanceError):
        found.checkpoint = checkpoint  # type: ignore[misc]
