"""NormalFloat's levels are the published ones, and each value goes to the nearest."""

from __future__ import annotations

from statistics import NormalDist

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from textbook_tensors import normal, tensors

from penjing.core.errors import BadInput
from penjing.workshop.quantize import normal_float
from penjing.workshop.quantize.grouping import per_group

PUBLISHED = (
    -1.0, -0.6961928009986877, -0.5250730514526367, -0.39491748809814453, -0.28444138169288635,
    -0.18477343022823334, -0.09105003625154495, 0.0, 0.07958029955625534, 0.16093020141124725,
    0.24611230194568634, 0.33791524171829224, 0.44070982933044434, 0.5626170039176941,
    0.7229568362236023, 1.0,
)  # fmt: skip
"""arXiv:2305.14314, appendix E."""


def test_four_bits_are_the_published_constants_to_the_last_bit() -> None:
    assert normal_float.levels(4) == PUBLISHED


@pytest.mark.parametrize("bits", range(2, 9))
def test_levels_are_normal_quantiles_around_an_exact_zero(bits: int) -> None:
    levels, half = normal_float.levels(bits), 2 ** (bits - 1)
    assert len(levels) == len(set(levels)) == 2**bits
    assert list(levels) == sorted(levels)
    assert (levels[0], levels[half - 1], levels[-1]) == (-1.0, 0.0, 1.0)
    last = 1 - (1 / (2 * (2**bits - 1)) + 1 / 2 ** (bits + 1)) / 2
    quantile = NormalDist().inv_cdf
    above = [quantile(0.5 + (last - 0.5) * i / half) for i in range(1, half + 1)]
    below = [quantile(0.5 - (last - 0.5) * i / (half - 1)) for i in range(half - 1, 0, -1)]
    expected = [value / above[-1] for value in [*below, 0.0, *above]]
    assert levels == pytest.approx(expected, abs=2e-6)


@given(x=tensors(), bits=st.integers(2, 8))
@settings(max_examples=40, deadline=None)
def test_every_value_goes_to_the_nearest_level(x: torch.Tensor, bits: int) -> None:
    x = x.reshape(-1)
    found = normal_float.quantize(x, bits)
    levels = torch.tensor(normal_float.levels(bits), dtype=torch.float64)
    far = (x.double()[:, None] - x.abs().max().double() * levels).abs()
    chosen = far.gather(1, found.codes.long()[:, None])[:, 0]
    assert bool((chosen <= far.amin(dim=1) * (1 + 1e-12)).all())
    assert float(found.scale) == float(x.abs().max())


def test_the_largest_magnitude_and_zero_are_kept() -> None:
    x = normal(4, 64)
    x[:, 5] = 0.0
    back = normal_float.dequantize(normal_float.quantize(x, 4, per_group(64)))
    largest = x.abs().argmax(dim=1, keepdim=True)
    assert torch.equal(back.gather(1, largest), x.gather(1, largest))
    assert bool((back[:, 5] == 0.0).all())


def test_levels_of_other_widths_are_refused() -> None:
    with pytest.raises(BadInput, match="choose 2 to 8"):
        normal_float.levels(1)
