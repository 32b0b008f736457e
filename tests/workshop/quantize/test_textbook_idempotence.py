"""Quantizing what came back changes nothing, where the parameters can be read off it again."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from textbook_tensors import distance, groupings, normal, quantized, tensors

from penjing.workshop.quantize.grouping import PER_TENSOR, Grouping, split
from penjing.workshop.quantize.textbook import METHODS

widths = st.integers(2, 8)


def twice(
    name: str, x: torch.Tensor, bits: int, grouping: Grouping
) -> tuple[torch.Tensor, torch.Tensor]:
    method = METHODS[name]
    once = method.dequantize(quantized(name, x, bits, grouping))
    return once, method.dequantize(quantized(name, once, bits, grouping))


@pytest.mark.parametrize("name", ["codebook", "powers", "powers_log"])
@given(x=tensors(), bits=widths, grouping=groupings)
@settings(max_examples=40, deadline=None)
def test_what_came_back_comes_back_exactly(
    name: str, x: torch.Tensor, bits: int, grouping: Grouping
) -> None:
    once, again = twice(name, x, bits, grouping)
    assert torch.equal(once, again)


@pytest.mark.parametrize("name", ["linear", "normal_float"])
@given(x=tensors(), bits=widths, grouping=groupings)
@settings(max_examples=40, deadline=None)
def test_stored_ends_come_back_and_with_them_everything(
    name: str, x: torch.Tensor, bits: int, grouping: Grouping
) -> None:
    """The ends are exact. Between them a level may lie on the middle of two denormals or floats."""
    once, again = twice(name, x, bits, grouping)
    rows = [split(each, grouping) for each in (x, once, again)]
    if name == "linear":
        for end in (torch.amin, torch.amax):
            assert torch.equal(end(rows[0], 1), end(rows[1], 1))
    else:
        assert torch.equal(rows[0].abs().amax(1), rows[1].abs().amax(1))
    spread = (rows[0].double().amax(1) - rows[0].double().amin(1))[:, None]
    fine = spread / 2**bits < 2 * rows[1].abs().double() * 2.0**-23 + 2 * 2.0**-149
    assert bool(((rows[1] == rows[2]) | fine).all())


@given(x=tensors(most=3e38), bits=widths, grouping=groupings)
@settings(max_examples=40, deadline=None)
def test_symmetric_keeps_its_codes_and_its_scale_to_a_rounding(
    x: torch.Tensor, bits: int, grouping: Grouping
) -> None:
    first = quantized("symmetric", x, bits, grouping)
    once = METHODS["symmetric"].dequantize(first)
    second = quantized("symmetric", once, bits, grouping)
    fine = (first.scale < 2.0**-126)[:, 0]  # a step of few bits: float32 rounds it away
    codes = [split(each.codes, grouping)[~fine] for each in (first, second)]
    assert torch.equal(*codes)
    torch.testing.assert_close(second.scale[~fine], first.scale[~fine], rtol=2.0**-22, atol=0)


@pytest.mark.parametrize("bits", range(2, 9))
@pytest.mark.parametrize("name", ["affine", "affine_real"])
def test_affine_keeps_its_codes_when_they_reach_both_ends(name: str, bits: int) -> None:
    x = normal(32, 64, seed=bits)
    first = quantized(name, x, bits, Grouping("channel"))
    once = METHODS[name].dequantize(first)
    second = quantized(name, once, bits, Grouping("channel"))
    assert bool((first.codes.amax(dim=1) == 2**bits - 1).all())
    assert torch.equal(first.codes, second.codes)
    assert float(distance(METHODS[name].dequantize(second), once).max()) < 1e-5


def test_affine_need_not_keep_its_codes_on_a_tie() -> None:
    """-1.5 steps below 0 is rounded to -2, the top to one code short: the range has shrunk."""
    x = torch.tensor([-1.5, 0.0, 1.5])
    codes = quantized("affine", x, 2, PER_TENSOR)
    assert codes.codes.tolist() == [0, 2, 3]
    once, again = twice("affine", x, 2, PER_TENSOR)
    assert once.tolist() == [-2.0, 0.0, 1.0]
    assert torch.equal(once, again)


@pytest.mark.parametrize("name", ["float16", "bfloat16"])
@given(x=tensors(most=65504.0))
@settings(max_examples=40, deadline=None)
def test_short_floats_come_back_exactly(name: str, x: torch.Tensor) -> None:
    once, again = twice(name, x, 16, PER_TENSOR)
    assert torch.equal(once, again)
