"""Symmetric quantization: a scale, no zero point, as many codes below 0 as above.

    S = max|x| / (2^(n-1) - 1)       q = round(x / S)       x̂ = S q

The code -2^(n-1) is not used, so that -x has the codes -q (the restricted range of Krishnamoorthi
2018, arXiv:1806.08342, section 2.2); with 2 bits it is ternary. `round` goes to the nearest
integer, ties to even; the scale is rounded up to float32.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

from penjing.workshop.quantize.exact import (
    SLACK,
    check_bits,
    float32_rounding,
    quotient,
    read,
    step_to_float32,
    to_float32,
)
from penjing.workshop.quantize.grouping import PER_TENSOR, Grouping, merge, split


@dataclass(frozen=True)
class Symmetric:
    """Codes and scales."""

    codes: torch.Tensor
    """-(2^(n-1) - 1) .. 2^(n-1) - 1, int8, in the shape of the tensor."""
    scale: torch.Tensor
    """S: the width of a step, float32 [groups, 1]; 0 for a group of zeros."""
    bits: int
    """n."""
    grouping: Grouping
    """Who shares a scale."""


def quantize(x: torch.Tensor, bits: int, grouping: Grouping = PER_TENSOR) -> Symmetric:
    """x [any shape], float32 or shorter -> codes of 2 to 8 bits; BadInput if not finite."""
    check_bits(bits)
    rows = split(read(x), grouping)
    largest = rows.abs().amax(dim=1, keepdim=True)
    scale = step_to_float32(largest / (2 ** (bits - 1) - 1))
    codes = quotient(rows, scale.double()).round().to(torch.int8)
    return Symmetric(merge(codes, x.shape), scale, bits, grouping)


def dequantize(quantized: Symmetric) -> torch.Tensor:
    """x̂ in float32."""
    codes = split(quantized.codes, quantized.grouping).double()
    return merge(to_float32(quantized.scale.double() * codes), quantized.codes.shape)


def error_bound(quantized: Symmetric) -> torch.Tensor:
    """|x - x̂| <= S / 2 and the last rounding; float64, in x's shape."""
    half = quantized.scale.double() / 2
    rounding = float32_rounding(split(dequantize(quantized), quantized.grouping))
    return merge(half * SLACK + rounding, quantized.codes.shape)
