"""Short floating point: float16 and bfloat16, rounded to the nearest, ties to even.

With e = max(floor(log2|x|), e_min) and p significant bits, 2^(e-p+1) is the unit in the last place:

    x̂ = round(x / 2^(e-p+1)) 2^(e-p+1)

float16 (IEEE 754 binary16) has p = 11, e_min = -14 and ends at 65504; bfloat16 is the upper half of
a float32: p = 8, e_min = -126. Each value has its own scale: nothing is shared, nothing is grouped.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

from penjing.core.errors import BadInput, UnknownName
from penjing.workshop.quantize.exact import power_of_two, read

FORMATS = {"float16": torch.float16, "bfloat16": torch.bfloat16}

_SIGNIFICANT = {torch.float16: 11, torch.bfloat16: 8}
_LEAST_EXPONENT = {torch.float16: -14, torch.bfloat16: -126}


@dataclass(frozen=True)
class Floating:
    """Short floating-point numbers; they are their own codes."""

    codes: torch.Tensor
    """float16 or bfloat16, in the shape of the tensor."""
    bits: int
    """16."""


def quantize(x: torch.Tensor, kind: str) -> Floating:
    """x [any shape], float32 or shorter -> "float16" or "bfloat16"; BadInput if not finite.

    BadInput too for what the format cannot reach: an infinity is not a rounding.
    """
    if kind not in FORMATS:
        raise UnknownName("format", kind, FORMATS)
    codes = read(x).float().to(FORMATS[kind])
    if not bool(codes.isfinite().all()):
        raise BadInput(
            f"a weight is beyond {kind}'s largest, {torch.finfo(codes.dtype).max:g}: "
            "choose bfloat16 or a method with scales"
        )
    return Floating(codes, 16)


def dequantize(quantized: Floating) -> torch.Tensor:
    """x̂ in float32, exactly what is stored."""
    return quantized.codes.float()


def error_bound(quantized: Floating) -> torch.Tensor:
    """|x - x̂| <= 2^(e-p), half a unit in the last place of x̂; float64, in x's shape."""
    kind = quantized.codes.dtype
    least = _LEAST_EXPONENT[kind]
    exponent = torch.frexp(quantized.codes.double()).exponent - 1
    exponent = torch.where(quantized.codes == 0, least, exponent.clamp(min=least))
    return power_of_two(exponent - _SIGNIFICANT[kind])
