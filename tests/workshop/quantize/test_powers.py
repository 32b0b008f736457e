"""Powers of two against every level tried, and against numpy's logarithm."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from textbook_tensors import normal, tensors

from penjing.core.errors import UnknownName
from penjing.workshop.quantize import powers
from penjing.workshop.quantize.grouping import per_group


@given(x=tensors(most=2.0**127), bits=st.integers(2, 8))
@settings(max_examples=40, deadline=None)
def test_nearest_is_the_nearest_of_all_levels(x: torch.Tensor, bits: int) -> None:
    x = x.reshape(-1)
    largest = float(x.abs().max())
    back = powers.dequantize(powers.quantize(x, bits)).double()
    if largest == 0:
        assert bool((back == 0).all())
        return
    top = math.frexp(4 * largest / 3)[1] - 1  # floor(log2(4 max / 3)), Zhou et al.
    exponents = range(top, top - 2 ** (bits - 1) + 1, -1)
    levels = [0.0] + [sign * 2.0**e for e in exponents for sign in (1, -1)]
    levels = [level for level in levels if level == 0 or abs(level) >= 2.0**-149]
    assert set(back.tolist()) <= set(levels)
    far = (x.double()[:, None] - torch.tensor(levels, dtype=torch.float64)).abs()
    assert torch.equal((x.double() - back).abs(), far.amin(dim=1))


@pytest.mark.parametrize("bits", range(3, 9))
def test_logarithm_is_numpys(bits: int) -> None:
    x = normal(8, 256, seed=bits)
    x[0, :3] = 0.0
    back = powers.dequantize(powers.quantize(x, bits, rounding="logarithm")).numpy()
    numbers = x.numpy().astype(np.float64)
    top = np.round(np.log2(np.abs(numbers).max()))
    with np.errstate(divide="ignore"):
        exponents = np.round(np.log2(np.abs(numbers))).clip(top - 2 ** (bits - 1) + 2, top)
    np.testing.assert_array_equal(back, np.sign(numbers) * 2.0**exponents)


@pytest.mark.parametrize("rounding", powers.ROUNDINGS)
@given(x=tensors(), bits=st.integers(2, 8))
@settings(max_examples=40, deadline=None)
def test_what_comes_back_is_a_signed_power_of_two(
    rounding: str, x: torch.Tensor, bits: int
) -> None:
    found = powers.quantize(x, bits, rounding=rounding)
    back = powers.dequantize(found)
    mantissa = torch.frexp(back.double()).mantissa.abs()
    assert bool(((mantissa == 0.5) | (back == 0)).all())
    assert bool((back * x.sign() >= 0).all())
    assert int(found.codes.abs().max()) <= 2 ** (bits - 1) - 1
    if rounding == "logarithm":
        assert torch.equal(back == 0, x == 0)


def test_thresholds_by_hand() -> None:
    x = torch.tensor([8.0, 5.9, 6.0, 1.4, 1.5, 0.49, 0.5, 0.0, -3.0])
    nearest = powers.dequantize(powers.quantize(x, 4))
    assert nearest.tolist() == [8.0, 4.0, 8.0, 1.0, 2.0, 0.5, 0.5, 0.0, -4.0]
    logarithm = powers.dequantize(powers.quantize(x, 4, rounding="logarithm"))
    assert logarithm.tolist() == [8.0, 8.0, 8.0, 1.0, 2.0, 0.5, 0.5, 0.0, -4.0]
    few = powers.dequantize(powers.quantize(x, 3))  # 8, 4, 2 and 0
    assert few.tolist() == [8.0, 4.0, 8.0, 2.0, 2.0, 0.0, 0.0, 0.0, -4.0]


def test_each_group_has_an_exponent() -> None:
    x = torch.tensor([[1.0, 0.5, 64.0, 3.0, 0.0, 0.0]])
    assert powers.quantize(x, 4, per_group(2)).exponent.reshape(-1).tolist() == [0, 6, -149]


def test_an_unknown_rounding_is_refused() -> None:
    with pytest.raises(UnknownName, match="nearest"):
        powers.quantize(normal(4), 4, rounding="near")
