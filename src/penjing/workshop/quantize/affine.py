"""Affine (asymmetric) quantization: a scale and a zero point, in both conventions.

"integer": the zero point is a code, so that 0 is kept exactly (padding, ReLU). Jacob et al. 2018,
arXiv:1712.05877, equation 1, r = S (q - Z). The range is widened to hold 0.

    S = (max - min) / (2^n - 1)      Z = round(-min / S)
    q = clamp(round(x / S + Z), 0, 2^n - 1)                 x̂ = S (q - Z)

"real": the zero point is the value that code 0 stands for, in units of the weights, as in ggml's
Q4_1 (x̂ = d q + m). No bit is spent on reaching 0.

    s = (max - min) / (2^n - 1)      z = min
    q = round((r - z) / s)                                  r̂ = s q + z

The one is the other with z = -S Z. `round` goes to the nearest integer, ties to even; the scale is
rounded up to float32.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

from penjing.core.errors import UnknownName
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

CONVENTIONS = ("integer", "real")


@dataclass(frozen=True)
class Affine:
    """Codes, scales and zero points."""

    codes: torch.Tensor
    """0 .. 2^n - 1, uint8, in the shape of the tensor."""
    scale: torch.Tensor
    """S or s: the width of a step, float32 [groups, 1]; 0 for a group without spread."""
    zero: torch.Tensor
    """Z, uint8, the code of 0; or z, float32, the value of code 0. [groups, 1]."""
    bits: int
    """n."""
    grouping: Grouping
    """Who shares a scale."""


def quantize(
    x: torch.Tensor, bits: int, grouping: Grouping = PER_TENSOR, *, zero: str = "integer"
) -> Affine:
    """x [any shape], float32 or shorter -> codes of 2 to 8 bits; BadInput if not finite.

    `zero` names the convention: "integer" or "real".
    """
    check_bits(bits)
    if zero not in CONVENTIONS:
        raise UnknownName("zero point", zero, CONVENTIONS)
    rows, top = split(read(x), grouping), 2**bits - 1
    low, high = rows.aminmax(dim=1, keepdim=True)
    if zero == "integer":
        low, high = low.clamp(max=0.0), high.clamp(min=0.0)
    scale = step_to_float32((high - low) / top)
    if zero == "integer":
        point = quotient(-low, scale.double()).round()
        codes = quotient(rows, scale.double()) + point
        stored = point.to(torch.uint8)
    else:
        codes = quotient(rows - low, scale.double())
        stored = low.float()
    codes = codes.round().clamp(0, top).to(torch.uint8)
    return Affine(merge(codes, x.shape), scale, stored, bits, grouping)


def dequantize(quantized: Affine) -> torch.Tensor:
    """x̂ in float32; the two conventions differ in where the zero point is added."""
    codes = split(quantized.codes, quantized.grouping).double()
    scale, zero = quantized.scale.double(), quantized.zero.double()
    integer = quantized.zero.dtype == torch.uint8
    values = scale * (codes - zero) if integer else scale * codes + zero
    return merge(to_float32(values), quantized.codes.shape)


def error_bound(quantized: Affine) -> torch.Tensor:
    """|x - x̂| <= S / 2 and the last rounding; float64, in x's shape.

    At the ends too: Z is off by half a code at most, so what is clamped was half a step out.
    """
    half = quantized.scale.double() / 2
    rounding = float32_rounding(split(dequantize(quantized), quantized.grouping))
    return merge(half * SLACK + rounding, quantized.codes.shape)
