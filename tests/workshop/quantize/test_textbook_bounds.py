"""No value moves further than its bound says, and the bound says little more than what happens."""

from __future__ import annotations

import dataclasses

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from textbook_tensors import (
    FLOATS,
    GROUPED,
    LARGEST,
    distance,
    groupings,
    normal,
    quantized,
    tensors,
)

from penjing.core.errors import BadInput
from penjing.workshop.quantize.grouping import PER_TENSOR, Grouping, per_group
from penjing.workshop.quantize.textbook import METHODS

UNIFORM = ("linear", "affine", "affine_real", "symmetric")


@pytest.mark.parametrize("name", GROUPED)
@given(x=tensors(), bits=st.integers(2, 8), grouping=groupings)
@settings(max_examples=40, deadline=None)
def test_no_value_moves_further_than_the_bound(
    name: str, x: torch.Tensor, bits: int, grouping: Grouping
) -> None:
    method, codes = METHODS[name], quantized(name, x, bits, grouping)
    back, bound = method.dequantize(codes), method.error_bound(codes)
    assert back.dtype == torch.float32
    assert bound.dtype == torch.float64
    assert back.shape == bound.shape == codes.codes.shape == x.shape
    assert bool(back.isfinite().all())
    assert bool((distance(back, x) <= bound).all())


@pytest.mark.parametrize(("name", "most"), [("float16", 65504.0), ("bfloat16", 3.38e38)])
@given(data=st.data())
@settings(max_examples=40, deadline=None)
def test_no_short_float_moves_further_than_the_bound(
    name: str, most: float, data: st.DataObject
) -> None:
    x = data.draw(tensors(most=most))
    codes = quantized(name, x, 16, PER_TENSOR)
    lost = distance(METHODS[name].dequantize(codes), x)
    assert bool((lost <= METHODS[name].error_bound(codes)).all())


@pytest.mark.parametrize("name", [*GROUPED, *FLOATS])
@pytest.mark.parametrize("value", [0.0, -2.5, 1e-45, -LARGEST, 1.0])
def test_a_constant_group_and_a_single_element_hold_their_bound(name: str, value: float) -> None:
    if name in FLOATS:
        value = max(value, -6e4)
    for x in (torch.tensor(value), torch.full((2, 6), value)):
        codes = quantized(name, x, 2, PER_TENSOR)
        back = METHODS[name].dequantize(codes)
        assert back.shape == x.shape
        assert bool((distance(back, x) <= METHODS[name].error_bound(codes)).all())
        if value == 0.0 or name in ("linear", "affine_real", "codebook", "normal_float"):
            torch.testing.assert_close(back, x, rtol=0, atol=0)


@pytest.mark.parametrize("scale", [2.0**-120, 1.0, 2.0**116])
@pytest.mark.parametrize("name", GROUPED)
def test_the_worst_value_comes_near_the_bound(name: str, scale: float) -> None:
    """Tight: each group's bound is less than twice what its worst value really lost.

    On even values, so that something lies near every middle between two levels.
    """
    x = torch.rand(3, 4096, generator=torch.Generator().manual_seed(1)) * 2 - 1
    x = x * 1.41 * scale
    for bits in range(2, 9):
        codes = quantized(name, x, bits, Grouping("channel"))
        lost = distance(METHODS[name].dequantize(codes), x)
        bound = METHODS[name].error_bound(codes)
        assert bool((lost.amax(dim=1) * 2 >= bound.amax(dim=1)).all())
        if name in UNIFORM:
            assert float(lost.max()) * 1.01 >= float(bound.max())


@pytest.mark.parametrize("name", FLOATS)
def test_short_floats_come_near_the_bound_in_every_binade(name: str) -> None:
    x = (1 + torch.rand(12, 4096, generator=torch.Generator().manual_seed(1))) * 2.0 ** (
        torch.arange(-26, 10, 3)[:, None]
    )
    codes = quantized(name, x, 16, PER_TENSOR)
    share = distance(METHODS[name].dequantize(codes), x) / METHODS[name].error_bound(codes)
    assert bool((share.amax(dim=1) > 0.98).all())


@pytest.mark.parametrize("bits", [2, 4, 8])
@pytest.mark.parametrize("name", UNIFORM)
def test_a_code_off_by_one_breaks_the_bound(name: str, bits: int) -> None:
    x = normal(8, 512)
    codes = quantized(name, x, bits, per_group(64))
    wrong = dataclasses.replace(codes, codes=codes.codes + 1)
    broken = distance(METHODS[name].dequantize(wrong), x) > METHODS[name].error_bound(codes)
    assert float(broken.double().mean()) > 0.99


@pytest.mark.parametrize("name", ["codebook", "normal_float"])
def test_a_level_off_by_one_breaks_the_bound(name: str) -> None:
    x = normal(8, 512)
    codes = quantized(name, x, 4, per_group(64))
    wrong = dataclasses.replace(codes, codes=(codes.codes + 1).clamp(max=15))
    broken = distance(METHODS[name].dequantize(wrong), x) > METHODS[name].error_bound(codes)
    assert float(broken.double().mean()) > 0.6


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -float("inf")])
@pytest.mark.parametrize("name", [*GROUPED, *FLOATS])
def test_what_is_not_finite_is_refused(name: str, bad: float) -> None:
    x = normal(2, 8)
    x[1, 3] = bad
    with pytest.raises(BadInput, match="infinite or not a number"):
        quantized(name, x, 16 if name in FLOATS else 4, per_group(4))


@pytest.mark.parametrize("name", [*GROUPED, *FLOATS])
def test_other_numbers_are_refused_and_shorter_floats_are_not(name: str) -> None:
    bits = 16 if name in FLOATS else 4
    with pytest.raises(BadInput, match="give it as float32"):
        quantized(name, normal(2, 8).double(), bits, PER_TENSOR)
    with pytest.raises(BadInput, match="empty"):
        quantized(name, torch.zeros(0, 4), bits, PER_TENSOR)
    short = normal(2, 8).bfloat16()
    from_short, from_long = (quantized(name, x, bits, PER_TENSOR) for x in (short, short.float()))
    assert torch.equal(from_short.codes, from_long.codes)


@pytest.mark.parametrize("bits", [0, 1, 9, 16])
@pytest.mark.parametrize("name", GROUPED)
def test_widths_that_are_not_possible_are_refused(name: str, bits: int) -> None:
    with pytest.raises(BadInput, match="choose 2 to 8"):
        quantized(name, normal(2, 8), bits, PER_TENSOR)
