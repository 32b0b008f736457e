"""Rounding is that of the file, whatever the rows and threads it is cut into."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from loud import tensor, whole_error

from penjing.bundle.codecs import CODECS
from penjing.core.errors import BadInput
from penjing.ggml.quantize import dequantize, quantize
from penjing.workshop.quantize import scales
from penjing.workshop.quantize.grids import GRIDS
from penjing.workshop.quantize.stored import encode, round_rows, round_trip
from penjing.workshop.search.groups import CANDIDATES
from penjing.workshop.tensors import TensorSource


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
    assert whole_error(weights, importance, "Q2_0") < 0.4 * bad


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
