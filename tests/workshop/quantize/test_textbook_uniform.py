"""The uniform quantizers against exact fractions and against torch's own fake quantization."""

from __future__ import annotations

from fractions import Fraction

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from textbook_tensors import normal, tensors

from penjing.core.errors import UnknownName
from penjing.workshop.quantize import affine, linear, symmetric
from penjing.workshop.quantize.grouping import PER_CHANNEL, PER_TENSOR, Grouping, per_group, split

widths = st.integers(2, 8)
one_group = tensors().map(lambda x: x.reshape(-1))


def exact(x: torch.Tensor) -> list[Fraction]:
    return [Fraction(value) for value in x.double().reshape(-1).tolist()]


def rounded(quotient: Fraction, code: int) -> bool:
    """Whether `code` is `quotient` to the nearest integer, ties to even, or within 2^-40 of that.

    `round` of a Fraction goes to the nearest and half to even.
    """
    return code == round(quotient) or abs(abs(quotient - code) - Fraction(1, 2)) < Fraction(
        1, 2**40
    )


@given(x=one_group, bits=widths)
@settings(max_examples=40, deadline=None)
def test_linear_is_the_formula_in_exact_fractions(x: torch.Tensor, bits: int) -> None:
    found = linear.quantize(x, bits)
    values, top = exact(x), 2**bits - 1
    low, high = min(values), max(values)
    back = linear.dequantize(found).tolist()
    for value, code, restored in zip(values, found.codes.tolist(), back, strict=True):
        assert rounded((value - low) / (high - low) * top if high > low else Fraction(0), code)
        expected = low + code * (high - low) / top
        assert restored == float(torch.tensor(float(expected)).float())


@given(x=one_group, bits=widths)
@settings(max_examples=40, deadline=None)
def test_symmetric_is_the_formula_in_exact_fractions(x: torch.Tensor, bits: int) -> None:
    found = symmetric.quantize(x, bits)
    values, top = exact(x), 2 ** (bits - 1) - 1
    (scale,) = exact(found.scale)
    largest = max(map(abs, values))
    assert scale * top >= largest
    below = torch.nextafter(found.scale, torch.zeros(())).item()
    assert scale == 0 or Fraction(below) * top < largest
    for value, code in zip(values, found.codes.tolist(), strict=True):
        assert abs(code) <= top
        assert rounded(value / scale if scale else Fraction(0), code)
    mirrored = symmetric.quantize(-x, bits)
    assert torch.equal(mirrored.codes, -found.codes)


@given(x=one_group, bits=widths)
@settings(max_examples=40, deadline=None)
def test_affine_is_the_formula_in_exact_fractions(x: torch.Tensor, bits: int) -> None:
    values, top = exact(x), 2**bits - 1
    integer, real = (affine.quantize(x, bits, zero=each) for each in ("integer", "real"))
    (scale,), (zero,) = exact(integer.scale), integer.zero.reshape(-1).tolist()
    assert 0 <= zero <= top
    assert not scale or rounded(-min(*values, Fraction(0)) / scale, zero)
    for value, code in zip(values, integer.codes.tolist(), strict=True):
        quotient = value / scale + zero if scale else Fraction(0)
        assert rounded(min(max(quotient, Fraction(0)), Fraction(top)), code)
    (scale,), (start,) = exact(real.scale), exact(real.zero)
    assert start == min(values)
    assert scale * top * (1 + Fraction(1, 2**40)) >= max(values) - start
    for value, code in zip(values, real.codes.tolist(), strict=True):
        assert rounded((value - start) / scale if scale else Fraction(0), code)


@given(x=one_group, bits=widths)
@settings(max_examples=50, deadline=None)
def test_an_integer_zero_point_keeps_zero(x: torch.Tensor, bits: int) -> None:
    x = torch.cat([x, torch.zeros(1)])
    assert float(affine.dequantize(affine.quantize(x, bits))[-1]) == 0.0
    assert float(symmetric.dequantize(symmetric.quantize(x, bits))[-1]) == 0.0


@pytest.mark.parametrize("bits", range(2, 9))
def test_affine_is_what_torch_makes_of_the_same_scale_and_zero_point(bits: int) -> None:
    x = normal(16, 512, seed=bits) + 0.3
    whole = affine.quantize(x, bits)
    expected = torch.fake_quantize_per_tensor_affine(
        x, float(whole.scale), int(whole.zero), 0, 2**bits - 1
    )
    torch.testing.assert_close(affine.dequantize(whole), expected, rtol=1e-6, atol=1e-7)
    rows = affine.quantize(x, bits, PER_CHANNEL)
    expected = torch.fake_quantize_per_channel_affine(
        x, rows.scale.reshape(-1), rows.zero.reshape(-1).int(), 0, 0, 2**bits - 1
    )
    torch.testing.assert_close(affine.dequantize(rows), expected, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("bits", range(2, 9))
def test_symmetric_is_what_torch_makes_of_the_same_scale(bits: int) -> None:
    x, top = normal(16, 512, seed=bits), 2 ** (bits - 1) - 1
    groups = symmetric.quantize(x, bits, per_group(32))
    expected = torch.fake_quantize_per_channel_affine(
        x.reshape(-1, 32),
        groups.scale.reshape(-1),
        torch.zeros(len(groups.scale), dtype=torch.int32),
        0,
        -top,
        top,
    )
    found = symmetric.dequantize(groups).reshape(-1, 32)
    torch.testing.assert_close(found, expected, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("bits", range(2, 9))
def test_linear_and_the_real_zero_point_are_one_quantizer(bits: int) -> None:
    x = normal(8, 256, seed=bits)
    a, b = (
        linear.quantize(x, bits, per_group(16)),
        affine.quantize(x, bits, per_group(16), zero="real"),
    )
    assert torch.equal(a.codes, b.codes)
    torch.testing.assert_close(linear.dequantize(a), affine.dequantize(b), rtol=1e-6, atol=1e-6)


def test_two_bits_by_hand() -> None:
    x = torch.tensor([-1.0, -0.1, 0.6, 2.0])
    assert linear.quantize(x, 2).codes.tolist() == [0, 1, 2, 3]
    assert linear.dequantize(linear.quantize(x, 2)).tolist() == [-1.0, 0.0, 1.0, 2.0]
    whole = affine.quantize(x, 2)
    assert (float(whole.scale), int(whole.zero)) == (1.0, 1)
    assert whole.codes.tolist() == [0, 1, 2, 3]
    assert affine.quantize(x + 5, 2).codes.tolist() == [2, 2, 2, 3]  # 0 is in the range
    assert affine.quantize(x + 5, 2, zero="real").codes.tolist() == [0, 1, 2, 3]
    assert symmetric.quantize(x, 2).codes.tolist() == [0, 0, 0, 1]  # -1/2 is a tie: to even


@pytest.mark.parametrize("rounding", [linear, affine, symmetric])
def test_ends_that_are_far_apart_do_not_overflow(rounding: object) -> None:
    x = torch.tensor([-3.4e38, 0.0, 3.4e38])
    back = rounding.dequantize(rounding.quantize(x, 8))  # type: ignore[attr-defined]
    torch.testing.assert_close(back, x, rtol=0.005, atol=1.4e36)


@pytest.mark.parametrize("grouping", [PER_TENSOR, PER_CHANNEL, per_group(8)])
def test_parameters_belong_to_their_groups(grouping: Grouping) -> None:
    x = normal(4, 32)
    rows = split(x, grouping)
    found = linear.quantize(x, 4, grouping)
    assert torch.equal(found.low, rows.amin(1, keepdim=True))
    assert torch.equal(found.high, rows.amax(1, keepdim=True))
    for i, row in enumerate(rows):
        alone = linear.quantize(row, 4)
        assert torch.equal(split(found.codes, grouping)[i], alone.codes)


def test_an_unknown_convention_is_refused() -> None:
    with pytest.raises(UnknownName, match="integer"):
        affine.quantize(normal(4), 4, zero="float")
