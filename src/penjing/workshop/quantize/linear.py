"""Linear min-max quantization: the range of a group cut into 2^n - 1 equal steps.

    q = round((x - min) / (max - min) * (2^n - 1))        x̂ = min + q (max - min) / (2^n - 1)

Both ends are kept as float32 and come back exactly. A group without spread has q = 0 and x̂ = min.
`round` goes to the nearest integer, ties to even. The uniform quantizer of the textbooks: Gray and
Neuhoff, "Quantization", IEEE Trans. Information Theory 44(6), 1998.
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
    to_float32,
)
from penjing.workshop.quantize.grouping import PER_TENSOR, Grouping, merge, split


@dataclass(frozen=True)
class Linear:
    """Codes and the range they divide."""

    codes: torch.Tensor
    """0 .. 2^n - 1, uint8, in the shape of the tensor."""
    low: torch.Tensor
    """Least value of each group, float32 [groups, 1]."""
    high: torch.Tensor
    """Greatest value of each group, float32 [groups, 1]."""
    bits: int
    """n."""
    grouping: Grouping
    """Who shares a range."""


def quantize(x: torch.Tensor, bits: int, grouping: Grouping = PER_TENSOR) -> Linear:
    """x [any shape], float32 or shorter -> codes of 2 to 8 bits; BadInput if not finite."""
    check_bits(bits)
    rows = split(read(x), grouping)
    low, high = rows.aminmax(dim=1, keepdim=True)
    codes = (quotient(rows - low, high - low) * (2**bits - 1)).round().to(torch.uint8)
    return Linear(merge(codes, x.shape), low.float(), high.float(), bits, grouping)


def dequantize(quantized: Linear) -> torch.Tensor:
    """x̂ in float32, worked out as a mean of both ends, so that neither is lost to cancellation."""
    codes = split(quantized.codes, quantized.grouping).double()
    top = 2**quantized.bits - 1
    values = (quantized.low.double() * (top - codes) + quantized.high.double() * codes) / top
    return merge(to_float32(values), quantized.codes.shape)


def error_bound(quantized: Linear) -> torch.Tensor:
    """|x - x̂| <= (max - min) / (2^n - 1) / 2 and the last rounding; float64, in x's shape."""
    half = (quantized.high.double() - quantized.low.double()) / (2**quantized.bits - 1) / 2
    rounding = float32_rounding(split(dequantize(quantized), quantized.grouping))
    return merge(half * SLACK + rounding, quantized.codes.shape)
