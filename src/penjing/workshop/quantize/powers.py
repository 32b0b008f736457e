"""Power-of-two (logarithmic) quantization: 0 and ±2^e, so that a product is a shift.

A code has a sign and n - 1 bits of magnitude: 0, or one of the 2^(n-1) - 1 exponents up to E.

    x̂ = sign(x) 2^(E - (2^(n-1) - 1) + |q|)   for |q| > 0,       x̂ = 0 for q = 0

"nearest": the level nearest to x. 2^e takes 3/4 2^e <= |x| < 3/2 2^e, so that
E = floor(log2(4 max|x| / 3)), and below half the least level is 0. Zhou et al. 2017 (INQ),
arXiv:1702.03044.

"logarithm": the level nearest in the logarithm, e = round(log2|x|), clipped to the least exponent;
only 0 itself is 0. Miyashita et al. 2016 (LogQuant), arXiv:1603.01025.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

from penjing.core.errors import UnknownName
from penjing.workshop.quantize.exact import SLACK, check_bits, power_of_two, read, to_float32
from penjing.workshop.quantize.grouping import PER_TENSOR, Grouping, merge, split

ROUNDINGS = {"nearest": 0.75, "logarithm": 0.5**0.5}
"""From which mantissa in [1/2, 1) on a value belongs to the power above it."""

_LEAST, _GREATEST = -149, 127
"""Exponents of the least and the greatest power of two that float32 holds."""


@dataclass(frozen=True)
class Powers:
    """Signed exponent codes and the exponent that each group ends at."""

    codes: torch.Tensor
    """-(2^(n-1) - 1) .. 2^(n-1) - 1, int8, in the shape of the tensor."""
    exponent: torch.Tensor
    """E: of the greatest level, int16 [groups, 1]."""
    bits: int
    """n."""
    grouping: Grouping
    """Who shares an exponent."""
    rounding: str
    """"nearest" or "logarithm"."""


def quantize(
    x: torch.Tensor, bits: int, grouping: Grouping = PER_TENSOR, *, rounding: str = "nearest"
) -> Powers:
    """x [any shape], float32 or shorter -> codes of 2 to 8 bits; BadInput if not finite."""
    check_bits(bits)
    if rounding not in ROUNDINGS:
        raise UnknownName("rounding", rounding, ROUNDINGS)
    rows, top = split(read(x), grouping), 2 ** (bits - 1) - 1
    size = rows.abs()
    exponents = _rounded_log2(size, rounding)
    largest = size.amax(dim=1, keepdim=True)
    greatest = _rounded_log2(largest, rounding).clamp(_LEAST, _GREATEST)
    greatest = torch.where(largest == 0, _LEAST, greatest)
    least = power_of_two(greatest - top + 1)
    from_least = size >= least / 2 if rounding == "nearest" else size > 0
    magnitude = torch.where(from_least, (exponents - greatest + top).clamp(1, top), 0)
    codes = (magnitude * rows.sign()).to(torch.int8)
    return Powers(merge(codes, x.shape), greatest.to(torch.int16), bits, grouping, rounding)


def dequantize(quantized: Powers) -> torch.Tensor:
    """x̂ in float32, exactly a power of two or 0."""
    codes = split(quantized.codes, quantized.grouping)
    return merge(to_float32(_levels(quantized) * codes.sign()), quantized.codes.shape)


def error_bound(quantized: Powers) -> torch.Tensor:
    """|x - x̂| <= |x̂| / 2, or half the least level for x̂ = 0; float64, in x's shape.

    In the logarithm (√2 - 1) |x̂|, but |x̂| for the least level, which also takes all that is
    smaller, and nothing for 0. At 2^127 float32 ends, not the next power: |x̂| there.
    """
    codes, level = split(quantized.codes, quantized.grouping), _levels(quantized)
    if quantized.rounding == "nearest":
        share = torch.full_like(level, 0.5)
    else:
        share = torch.where(codes == 0, 0.0, 2.0**0.5 - 1)
        share = torch.where(codes.abs() == 1, 1.0, share)
    share = torch.where(level == 2.0**_GREATEST, 1.0, share)
    return merge(level * share * SLACK, quantized.codes.shape)


def _rounded_log2(size: torch.Tensor, rounding: str) -> torch.Tensor:
    """The exponent of the power of two that each magnitude belongs to; exact: no logarithm."""
    mantissa, exponent = torch.frexp(size)
    return torch.where(mantissa >= ROUNDINGS[rounding], exponent, exponent - 1)


def _levels(quantized: Powers) -> torch.Tensor:
    """The magnitude that each code stands for, and the least one for the code 0: float64."""
    codes = split(quantized.codes, quantized.grouping).to(torch.int16)
    top = 2 ** (quantized.bits - 1) - 1
    return power_of_two(quantized.exponent - top + codes.abs().clamp(min=1))
