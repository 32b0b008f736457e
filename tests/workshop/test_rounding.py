"""Rounding is that of the file, and errors from a few rows are those of the whole tensor."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from penjing.bundle.codecs import CODECS
from penjing.core.errors import BadInput
from penjing.ggml.quantize import dequantize, quantize
from penjing.workshop.checkpoint import TensorSource
from penjing.workshop.quantize import scales
from penjing.workshop.quantize.grids import GRIDS
from penjing.workshop.search.groups import CANDIDATES
from penjing.workshop.search.rounding import (
    Rows,
    damage,
    encode,
    errors,
    round_rows,
    round_trip,
    stand_ins,
    telling_rows,
)

NOISE = np.random.default_rng(2)


def tensor(rows: int, row: int) -> tuple[TensorSource, np.ndarray, np.ndarray]:
    weights = NOISE.normal(0, 0.1, (rows, row)).astype(np.float32)
    weights *= NOISE.lognormal(0, 0.7, (rows, 1)).astype(np.float32)
    importance = NOISE.lognormal(0, 1, row).astype(np.float32)
    return TensorSource.of("blk.0.ffn_down.weight", weights), weights, importance


def whole(weights: np.ndarray, importance: np.ndarray, name: str) -> float:
    back = round_trip(CODECS[name], weights, importance)
    return float((np.square(weights - back) * importance).sum(dtype=np.float64))


@pytest.mark.parametrize("name", [*CANDIDATES, "IQ3_XXS"])
def test_grids_round_by_our_own_search_and_the_others_by_ggml(name: str) -> None:
    _, weights, importance = tensor(8, 256)
    kind = CODECS[name]
    raw = encode(kind, weights, importance)
    found = round_trip(kind, weights, importance)
    assert raw.nbytes == kind.nbytes(weights.shape)
    np.testing.assert_array_equal(found, dequantize(kind, raw, weights.shape))
    if name not in GRIDS:
        np.testing.assert_array_equal(raw, quantize(kind, weights, importance))
        return
    x, m, grid = torch.from_numpy(weights), torch.from_numpy(importance), GRIDS[name]
    expected = grid.values(scales.round_to(grid, x, scales.search(grid, x, m)))
    np.testing.assert_array_equal(found, expected.numpy())


def test_our_two_bits_are_far_better_than_ggmls() -> None:
    _, weights, importance = tensor(64, 256)
    theirs = dequantize(CODECS["Q2_0"], quantize(CODECS["Q2_0"], weights, importance), (64, 256))
    bad = float((np.square(weights - theirs) * importance).sum(dtype=np.float64))
    assert whole(weights, importance, "Q2_0") < 0.4 * bad


@given(
    st.sampled_from(["Q2_0", "IQ4_NL", "MXFP4", "Q2_K", "Q4_1"]),
    st.lists(st.integers(0, 39), min_size=1, max_size=12),
    st.integers(1, 4),
)
@settings(max_examples=15, deadline=None)
def test_rows_are_independent_of_each_other_and_of_threads(
    name: str, rows: list[int], threads: int
) -> None:
    source, weights, importance = tensor(40, 256)
    index = torch.tensor(rows)
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        some = round_rows(CODECS[name], source, importance, index)
        assert torch.get_num_threads() == threads
    finally:
        torch.set_num_threads(before)
    np.testing.assert_array_equal(
        some.numpy(), round_trip(CODECS[name], weights, importance)[np.array(rows)]
    )


def test_large_tensors_are_cut_without_a_trace() -> None:
    _, weights, importance = tensor(600, 256)
    found = round_trip(CODECS["Q2_0"], weights, importance)
    for rows in (slice(0, 3), slice(255, 258), slice(590, 600)):
        np.testing.assert_array_equal(
            found[rows], round_trip(CODECS["Q2_0"], weights[rows], importance)
        )


def test_a_tensor_in_its_own_codec_stays_as_it_is() -> None:
    _, weights, importance = tensor(4, 64)
    raw = quantize(CODECS["Q4_0"], weights)
    source = TensorSource("a", (4, 64), CODECS["Q4_0"], lambda: raw)
    found = round_rows(CODECS["Q4_0"], source, importance, slice(1, 3))
    np.testing.assert_array_equal(found.numpy(), source.load()[1:3])


@pytest.mark.parametrize("name", ["Q2_0", "Q2_K", "IQ3_XXS"])
def test_importance_that_was_never_filled_is_an_error(name: str) -> None:
    _, weights, importance = tensor(4, 256)
    with pytest.raises(BadInput, match="never filled"):
        round_trip(CODECS[name], weights, np.zeros_like(importance))


@pytest.mark.parametrize("loud", [False, True])
@pytest.mark.parametrize("before", [False, True])
def test_a_few_rows_give_the_error_of_all(loud: bool, before: bool) -> None:
    source, weights, importance = tensor(500, 256)
    if loud:
        weights[333] *= 80.0
        source = TensorSource.of(source.name, weights)
    if before:
        rows = telling_rows(source, importance)
    else:
        rows = stand_ins(weights, round_trip(CODECS["Q4_0"], weights, importance), importance)
    names = ("Q4_0", "IQ4_NL", "Q5_0", "Q2_K")
    found = errors(source, importance, [CODECS[n] for n in names], rows)
    if loud:
        assert 333 in rows.index
    for name in names:
        expected = whole(weights, importance, name) / whole(weights, importance, "Q4_0")
        assert found[name].total / found["Q4_0"].total == pytest.approx(expected, rel=0.15)


def test_a_single_huge_weight_is_seen_before_anything_is_rounded() -> None:
    _, weights, importance = tensor(900, 256)
    weights[500, 3] = 4.0  # its row is not among the largest
    source = TensorSource.of("a", weights)
    assert 500 in telling_rows(source, importance / importance).index


@pytest.mark.parametrize("count", [3, 16, 17, 48, 64, 65, 128, 1000])
def test_rows_stand_for_every_row_once(count: int) -> None:
    source, weights, importance = tensor(count, 32)
    for rows in (
        stand_ins(weights, np.zeros_like(weights), importance),
        telling_rows(source, importance),
    ):
        assert rows.weight.sum() == pytest.approx(count)
        assert len(set(rows.index.tolist())) == len(rows.index)


def test_damage_of_a_super_weight_is_in_the_total_and_not_in_what_is_typical() -> None:
    _, weights, importance = tensor(64, 256)
    rows = Rows(np.arange(64), np.ones(64, np.float32))
    rounded = weights + NOISE.normal(0, 0.01, weights.shape).astype(np.float32)
    calm = damage(weights, rounded, importance, rows)
    assert calm.typical < calm.total < 4 * calm.typical
    one = rounded.copy()
    one[5, 7] += 5.0
    channel = rounded.copy()
    channel[:, 9] += 1.0
    for worse in (one, channel):
        hit = damage(weights, worse, importance, rows)
        assert hit.total > 5 * calm.total
        assert hit.typical == pytest.approx(calm.typical, rel=0.15)


def test_damage_is_the_definition_for_every_row() -> None:
    _, weights, importance = tensor(10, 32)
    rounded = round_trip(CODECS["Q4_0"], weights, importance)
    rows = Rows(np.arange(10), np.full(10, 2.0, np.float32))
    expected = 2 * (np.square(weights - rounded) * importance).sum(dtype=np.float64)
    assert damage(weights, rounded, importance, rows).total == pytest.approx(expected, rel=1e-6)
    nothing = damage(weights, weights, importance, rows)
    assert nothing.total == nothing.typical == 0
